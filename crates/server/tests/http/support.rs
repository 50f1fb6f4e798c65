//! A process in a test: its own database, a clock that stands still until it is set, workers that are stepped.

use std::net::SocketAddr;
use std::time::Duration;

use engine::id::Ids;
use jiff::Timestamp;
use serde_json::{Value, json};
use server::app::App;
use server::clock::Clock;
use server::{api, door, workers};
use store::driver::Location;
use store::key::NewKey;
use tokio::runtime::Runtime;

/// The admin key of every test.
pub(crate) const ADMIN: &str = "testkey1.0123456789abcdef0123456789abcdef";

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Runs a test on both engines.
pub(crate) fn on_both(now: &str, test: impl Fn(&TestApp)) {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        eprintln!("on {engine:?}");
        test(&TestApp::start(engine, now));
    }
}

/// A running process.
pub(crate) struct TestApp {
    pub(crate) app: App,
    clock: Clock,
    address: SocketAddr,
    runtime: Runtime,
    agent: ureq::Agent,
    _folder: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) json: Value,
    pub(crate) headers: ureq::http::HeaderMap,
}

impl TestApp {
    pub(crate) fn start(engine: Engine, now: &str) -> Self {
        let folder = testkit::temp_dir();
        let location = match engine {
            Engine::Sqlite => Location::Sqlite(folder.path().join("kleos.db")),
            Engine::Postgres => Location::Postgres(testkit::postgres_url()),
        };
        let clock = Clock::set_to(now.parse().unwrap());
        let app = App::open(location, clock.clone(), 7).unwrap();
        app.room
            .store
            .write(|tx| {
                let mut ids = Ids::seeded(1);
                let now = clock.stamp();
                let environment =
                    store::tenancy::bootstrap(tx, "Test", false, &mut ids, now)?.unwrap();
                insert_key(tx, environment, ADMIN, None, &mut ids, now)
            })
            .unwrap();
        app.load_ranks().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        let runtime = runtime.unwrap();
        let router = api::router(&app);
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let service = tower::Layer::layer(
                &tower::util::MapRequestLayer::new(api::canonical::<axum::body::Body>),
                router,
            );
            axum::serve(
                listener,
                axum::ServiceExt::<axum::extract::Request>::into_make_service(service),
            )
            .await
            .unwrap();
        });
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .allow_non_standard_methods(true)
            .build()
            .into();
        Self {
            app,
            clock,
            address,
            runtime,
            agent,
            _folder: folder,
        }
    }

    /// Moves the clock and lets everything happen that falls due.
    pub(crate) fn travel(&self, now: &str) {
        self.clock.set(now.parse().unwrap());
        self.step();
    }

    /// Moves the clock and lets nothing happen.
    pub(crate) fn jump(&self, now: &str) {
        self.clock.set(now.parse().unwrap());
    }

    /// Runs the workers until they are idle.
    pub(crate) fn step(&self) {
        self.runtime.block_on(async {
            workers::jobs::step(&self.app).await.unwrap();
            workers::midnight::step(&self.app).await.unwrap();
            workers::boards::step(&self.app).await.unwrap();
        });
    }

    /// Sends a request with any headers and any body.
    pub(crate) fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some(body) => self.agent.run(request.body(body).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = response.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let text = response.body_mut().read_to_string().unwrap();
        Answer {
            status: response.status().as_u16(),
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
            headers: response.headers().clone(),
            text,
        }
    }

    /// Sends JSON with a key and perhaps a tenant.
    pub(crate) fn send(
        &self,
        key: &str,
        tenant: Option<&str>,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let mut headers = vec![("x-api-key", key), ("content-type", "application/json")];
        if let Some(tenant) = tenant {
            headers.push(("tenant-id", tenant));
        }
        let text = body.map(ToString::to_string);
        self.raw(method, path, &headers, text.as_deref().map(str::as_bytes))
    }

    /// Sends JSON as the admin of a single-tenant organization.
    pub(crate) fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.send(ADMIN, None, method, path, body)
    }

    /// Expects 200.
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.admin("GET", path, None);
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text);
        answer.json
    }

    /// Creates one thing of the Admin API and answers it.
    pub(crate) fn create(&self, path: &str, item: &Value) -> Value {
        self.create_in(None, path, item)
    }

    /// Creates one thing of the Admin API in a tenant and answers it.
    pub(crate) fn create_in(&self, tenant: Option<&str>, path: &str, item: &Value) -> Value {
        let path = format!("/admin/v1{path}");
        let answer = self.send(ADMIN, tenant, "POST", &path, Some(&json!([item])));
        assert_eq!(answer.status, 201, "POST {path}: {}", answer.text);
        answer.json["created"][0].clone()
    }

    /// Changes something of the Admin API.
    pub(crate) fn update(&self, path: &str, item: &Value) -> Value {
        let path = format!("/admin/v1{path}");
        let answer = self.admin("PATCH", &path, Some(&json!([item])));
        assert_eq!(
            answer.json["issues"],
            json!([]),
            "PATCH {path}: {}",
            answer.text
        );
        answer.json["updated"][0].clone()
    }

    /// Sends an event.
    pub(crate) fn event(&self, metric: &str, user: &Value, value: f64) -> Value {
        let body = json!({"user": user, "value": value});
        let answer = self.admin("POST", &format!("/v1/metrics/{metric}/event"), Some(&body));
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json
    }

    /// Makes a second environment with a key of its own.
    pub(crate) fn other_environment(&self, key: &str) {
        self.app
            .room
            .store
            .write(|tx| {
                let mut ids = Ids::seeded(99);
                let now = self.clock.stamp();
                let environment = store::tenancy::insert_environment(
                    tx, "Staging", "staging", "staging", &mut ids, now,
                )?;
                insert_key(tx, environment, key, None, &mut ids, now)
            })
            .unwrap();
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.app.close();
    }
}

fn insert_key(
    tx: &mut store::driver::Tx<'_>,
    environment: store::access::Environment,
    key: &str,
    user: Option<&str>,
    ids: &mut Ids,
    now: Timestamp,
) -> store::Result<()> {
    let (prefix, secret) = key.split_once('.').unwrap();
    let hash = door::hash(secret);
    let key = NewKey {
        id: ids.uuid(now),
        prefix,
        hash: &hash,
        user,
        name: "test",
    };
    store::key::insert(tx, environment, &key, now)
}

//! A process in a test: its own database, a clock that stands still until it is set, workers that are stepped.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use engine::id::Ids;
use jiff::Timestamp;
use serde_json::{Value, json};
use server::app::App;
use server::clock::Clock;
use server::limits::Limits;
use server::webhooks::{Outbound, Patience, Reach, address};
use server::{api, door, workers};
use store::client::{Context, NewClient, Role, Scopes};
use store::driver::Location;
use store::key::NewKey;
use testkit::receiver;
use tokio::runtime::Runtime;

use crate::contract;

/// The admin key of every test.
pub(crate) const ADMIN: &str = "testkey1.0123456789abcdef0123456789abcdef";

/// How long receivers of webhooks may take in tests: nobody wants to wait a minute for one that hangs.
const PATIENCE: Patience = Patience {
    head: Duration::from_secs(3),
    connect: Duration::from_secs(3),
    body: Duration::from_millis(500),
};

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
    pub(crate) agent: ureq::Agent,
    tokens: Mutex<HashMap<String, (String, Timestamp)>>,
    location: Location,
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

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json
    }

    /// The code of a refusal of the second dialect with this status.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.text);
        self.json["error"]["code"].as_str().unwrap()
    }
}

/// One of the workspaces of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The key of the environment.
    pub(crate) environment: &'static str,
    /// The customer id of the tenant, if there are tenants.
    pub(crate) tenant: Option<&'static str>,
}

impl Place {
    /// The production environment, without a tenant.
    pub(crate) const PRODUCTION: Self = Self {
        environment: "production",
        tenant: None,
    };
}

/// A client of the second dialect, with its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) context: Context,
}

/// Somebody who calls one half of the second dialect with a token.
#[derive(Clone)]
pub(crate) struct Session<'a> {
    app: &'a TestApp,
    context: Context,
    pub(crate) token: String,
    acting: Option<(&'static str, String)>,
}

impl<'a> Session<'a> {
    /// The same token, used on another half.
    pub(crate) fn with(&self, context: Context) -> Session<'a> {
        Session {
            context,
            ..self.clone()
        }
    }

    /// The same caller, for a user by our number.
    pub(crate) fn acting_for(mut self, user_id: &str) -> Self {
        self.acting = Some(("x-user-id", user_id.to_owned()));
        self
    }

    /// The same caller, for a user by the caller's id.
    pub(crate) fn acting_for_external(mut self, external_id: &str) -> Self {
        self.acting = Some(("x-external-user-id", external_id.to_owned()));
        self
    }

    /// Sends JSON (null: no body) to a path below `/app/v1` or `/dashboard/v1`, with more headers.
    pub(crate) fn call_with(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        more: &[(&str, &str)],
    ) -> Answer {
        let authorization = format!("Bearer {}", self.token);
        let mut headers = vec![("authorization", authorization.as_str())];
        if let Some((name, id)) = &self.acting {
            headers.push((name, id));
        }
        headers.extend(more);
        let text = (!body.is_null()).then(|| body.to_string());
        if text.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let path = format!("/{}/v1{path}", self.context);
        let body = text.as_deref().map(str::as_bytes);
        self.app.raw(method, &path, &headers, body)
    }

    /// Sends JSON (null: no body).
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call_with(method, path, body, &[])
    }

    /// Expects 200.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", path, &Value::Null);
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text);
        answer.json
    }

    /// Expects success.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.call("POST", path, body);
        assert!(
            (200..300).contains(&answer.status),
            "POST {path}: {} {}",
            answer.status,
            answer.text
        );
        answer.json
    }
}

impl TestApp {
    pub(crate) fn start(engine: Engine, now: &str) -> Self {
        Self::start_limited(engine, now, None)
    }

    /// A process that limits how often operations are called.
    pub(crate) fn start_limited(engine: Engine, now: &str, limits: Option<Limits>) -> Self {
        let folder = testkit::temp_dir();
        let location = match engine {
            Engine::Sqlite => Location::Sqlite(folder.path().join("kleos.db")),
            Engine::Postgres => Location::Postgres(testkit::postgres_url()),
        };
        let clock = Clock::set_to(now.parse().unwrap());
        let outbound = Outbound::new(
            Reach::parse(receiver::HOST).unwrap(),
            address::resolver(),
            PATIENCE,
        );
        let app = App::open_with(location.clone(), clock.clone(), 7, outbound.unwrap()).unwrap();
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
        let (runtime, address) = serve(&app, limits);
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
            tokens: Mutex::default(),
            location,
            _folder: folder,
        }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends the process and starts another one on the same store.
    pub(crate) fn restart(&mut self) {
        self.app.close();
        self.clock = Clock::set_to(self.clock.now());
        self.app = App::open(self.location.clone(), self.clock.clone(), 8).unwrap();
        (self.runtime, self.address) = serve(&self.app, None);
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
            workers::event_queue::step(&self.app).await.unwrap();
            workers::jobs::step(&self.app).await.unwrap();
            workers::midnight::step(&self.app).await.unwrap();
            workers::boards::step(&self.app).await.unwrap();
            workers::moments::step(&self.app).await.unwrap();
            workers::board_days::step(&self.app).await.unwrap();
            workers::dispatch::step(&self.app).await.unwrap();
            workers::delivery::step(&self.app).await.unwrap();
        });
    }

    /// Sends off what is to be told, and lets nothing else happen.
    pub(crate) fn deliver(&self) {
        self.runtime.block_on(async {
            workers::dispatch::step(&self.app).await.unwrap();
            workers::delivery::step(&self.app).await.unwrap();
        });
    }

    /// Lets old things be forgotten.
    pub(crate) fn housekeeping(&self) {
        let step = workers::housekeeping::step(&self.app);
        self.runtime.block_on(step).unwrap();
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
            .uri(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some(body) => self.agent.run(request.body(body).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = response.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let text = response.body_mut().read_to_string().unwrap();
        let answer = Answer {
            status: response.status().as_u16(),
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
            headers: response.headers().clone(),
            text,
        };
        contract::check(method, path, &answer);
        answer
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

    /// A client made on the database, as `kleos clients create` does.
    pub(crate) fn client(
        &self,
        place: Place,
        context: Context,
        role: &str,
        scopes: Scopes,
    ) -> Client {
        let store = &self.app.room.store;
        let now = self.clock.stamp();
        let name = format!("kc_{}", now.as_microsecond());
        let new = NewClient {
            id: &name,
            context,
            name: "test",
            role: role.parse::<Role>().unwrap(),
            scopes,
            hash: &door::hash("secret"),
        };
        let made: store::Result<()> = store.write(|tx| {
            let space = space(tx, place)?;
            store::client::insert(tx, space, &new, now)
        });
        made.unwrap();
        Client {
            id: name,
            secret: "secret".to_owned(),
            context,
        }
    }

    /// Switches a client off, as `kleos clients revoke` does.
    pub(crate) fn revoke(&self, place: Place, client: &Client) {
        let now = self.clock.stamp();
        let revoked: store::Result<bool> = self.app.room.store.write(|tx| {
            let space = space(tx, place)?;
            store::client::revoke(tx, space, &client.id, now)
        });
        assert!(revoked.unwrap(), "{client:?}");
    }

    /// An access token of a client; `more` continues the form, such as `&scope=app/read`.
    pub(crate) fn token(&self, client: &Client, more: &str) -> String {
        let body = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}{more}",
            client.id, client.secret
        );
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.raw("POST", "/oauth2/token", &headers, Some(body.as_bytes()));
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json["access_token"].as_str().unwrap().to_owned()
    }

    /// A token of a client of the production environment that was used before, if it still counts.
    fn kept_token(&self, context: Context, role: &str, more: &str) -> String {
        let now = self.clock.now();
        let name = format!("{context} {role} {more}");
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, made)) = tokens.get(&name)
            && (0..1_800).contains(&(now.as_second() - made.as_second()))
        {
            return token.clone();
        }
        let client = self.client(Place::PRODUCTION, context, role, Scopes::ALL);
        let token = self.token(&client, more);
        tokens.insert(name, (token.clone(), now));
        token
    }

    /// A machine's token for the dashboard.
    pub(crate) fn dashboard_token(&self, role: &str) -> String {
        self.kept_token(Context::Dashboard, role, "")
    }

    /// A machine's token for the app.
    pub(crate) fn app_token(&self) -> String {
        self.kept_token(Context::App, "member", "")
    }

    /// A user's token for the app, by our number of the user.
    pub(crate) fn user_token(&self, user_id: &str) -> String {
        self.kept_token(Context::App, "member", &format!("&user_id={user_id}"))
    }

    /// Somebody with a token.
    pub(crate) fn session(&self, context: Context, token: String) -> Session<'_> {
        Session {
            app: self,
            context,
            token,
            acting: None,
        }
    }

    /// The owner at the dashboard of the production environment.
    pub(crate) fn dashboard(&self) -> Session<'_> {
        self.session(Context::Dashboard, self.dashboard_token("owner"))
    }

    /// A machine at the app that names no user.
    pub(crate) fn machine(&self) -> Session<'_> {
        self.session(Context::App, self.app_token())
    }

    /// A machine at the app that acts for a user, by our number.
    pub(crate) fn as_user(&self, user_id: &str) -> Session<'_> {
        self.machine().acting_for(user_id)
    }

    /// A machine at the app that acts for a user, by the caller's id.
    pub(crate) fn as_external(&self, external_id: &str) -> Session<'_> {
        self.machine().acting_for_external(external_id)
    }

    /// A user at the app with a token of their own, by our number.
    pub(crate) fn as_self(&self, user_id: &str) -> Session<'_> {
        self.session(Context::App, self.user_token(user_id))
    }

    /// A call of the owner at the dashboard. Null is no body.
    pub(crate) fn dash(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.dashboard().call(method, path, body)
    }

    /// Creates a document and publishes it; answers it as it is read then.
    pub(crate) fn publish(&self, path: &str, id_member: &str, body: &Value) -> Value {
        let dashboard = self.dashboard();
        let created = dashboard.call("POST", path, body).expect(201);
        let id = created[id_member].as_str().unwrap().to_owned();
        dashboard.post(&format!("{path}/{id}/publish"), &Value::Null);
        dashboard.get(&format!("{path}/{id}"))
    }

    /// Our number of a user of the production environment, who is made by the first dialect if need be.
    pub(crate) fn user(&self, external_id: &str) -> String {
        self.user_in(Place::PRODUCTION, external_id)
            .unwrap_or_else(|| {
                let body = json!({"id": external_id});
                let answer = self.admin("POST", "/v1/users", Some(&body));
                assert_eq!(answer.status, 201, "{}", answer.text);
                self.user_in(Place::PRODUCTION, external_id).unwrap()
            })
    }

    /// Our number of a user.
    pub(crate) fn user_in(&self, place: Place, external_id: &str) -> Option<String> {
        let found: store::Result<_> = self.app.room.store.read(|tx| {
            let space = space(tx, place)?;
            store::client::subject_by_external_id(tx, space, external_id)
        });
        found.unwrap().map(|subject| subject.id.0.to_string())
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

/// Lets a process answer on a port of its own.
fn serve(app: &App, limits: Option<Limits>) -> (Runtime, SocketAddr) {
    app.load_ranks().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.unwrap();
    let router = api::router(app, limits);
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
    (runtime, address)
}

fn space(tx: &mut store::driver::Tx<'_>, place: Place) -> store::Result<store::Space> {
    let environment = store::client::environment(tx, place.environment)?.unwrap();
    let space = match place.tenant {
        Some(customer_id) => store::access::tenant_space(tx, environment, customer_id)?,
        None => store::access::default_space(tx, environment)?,
    };
    Ok(space.unwrap())
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

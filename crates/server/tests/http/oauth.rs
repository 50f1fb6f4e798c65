//! Access tokens: who gets one, who can verify it, what it opens, and when it no longer does.

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::routing::any;
use axum::{Json, Router};
use http_body_util::BodyExt as _;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use server::app::App;
use server::bearer::{AppBearer, Bearer, DashboardBearer};
use server::problem::{Problem, Result};
use server::{door, oauth};
use store::client::{Context, NewClient, Role, Scopes};
use tower::ServiceExt as _;

use crate::support::{ADMIN, Answer, TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";
const OTHER_ENVIRONMENT: &str = "otherenv.0123456789abcdef0123456789abcdef";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A client with its secret.
struct Client {
    id: String,
    secret: String,
}

impl Client {
    /// Makes one by the Admin API.
    fn made(app: &TestApp, tenant: Option<&str>, item: &Value) -> Self {
        let made = app.create_in(tenant, "/clients", item);
        Self {
            id: text(&made["id"]),
            secret: text(&made["secret"]),
        }
    }

    fn basic(&self) -> String {
        use base64::Engine as _;
        let text = format!("{}:{}", self.id, self.secret);
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        format!("Basic {encoded}")
    }

    fn ask(&self, app: &TestApp, more: &str) -> Answer {
        let body = format!("grant_type=client_credentials{more}");
        let headers = [FORM, ("authorization", &self.basic())];
        app.raw("POST", oauth::TOKEN_PATH, &headers, Some(body.as_bytes()))
    }

    fn token_with(&self, app: &TestApp, more: &str) -> String {
        let answer = self.ask(app, more);
        assert_eq!(answer.status, 200, "{}", answer.text);
        text(&answer.json["access_token"])
    }

    fn token(&self, app: &TestApp) -> String {
        self.token_with(app, "")
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn app_client(app: &TestApp) -> Client {
    Client::made(app, None, &json!({"name": "Backend"}))
}

/// Claims by the published keys.
fn verified(app: &TestApp, token: &str) -> Value {
    let published = app.raw("GET", "/.well-known/jwks.json", &[], None);
    let keys: JwkSet = serde_json::from_value(published.json).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    jsonwebtoken::decode(token, &DecodingKey::from_jwk(key).unwrap(), &validation)
        .unwrap()
        .claims
}

/// Claims signed with the key of the installation, as nobody else could.
fn signed(app: &TestApp, claims: &Value) -> String {
    let now = app.app.room.clock.now();
    let keys = app.app.room.store.read(|tx| store::signing::valid(tx, now));
    let key = keys.unwrap().remove(0);
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(key.id.clone());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(&key.private_key)).unwrap()
}

/// An answer of the probe.
#[derive(Debug)]
struct Probed {
    status: u16,
    code: Option<&'static str>,
    json: Value,
}

/// Routes that say who was let in.
fn probe(app: &App) -> Router {
    async fn told(app: &App, bearer: &Bearer) -> Result<Json<Value>> {
        app.read(&bearer.caller, |_| Ok(())).await?;
        let user = bearer.user();
        Ok(Json(json!({
            "client": bearer.token.client,
            "machine": bearer.token.is_machine,
            "role": bearer.token.role.as_str(),
            "user": user.as_ref().map(|user| user.external_id.clone()).ok(),
            "refused": user.err().and_then(|problem| problem.code),
            "actor": bearer.actor(),
            "lang": bearer.lang(),
            "workspace": bearer.caller.space.public_id(),
            "account": bearer.account_id,
        })))
    }
    let app_half =
        async |State(app): State<App>, AppBearer(bearer): AppBearer| told(&app, &bearer).await;
    let dashboard = async |State(app): State<App>, DashboardBearer(bearer): DashboardBearer| {
        told(&app, &bearer).await
    };
    let users = async |State(app): State<App>, bearer: DashboardBearer| {
        bearer.must_manage_users()?;
        told(&app, &bearer.0).await
    };
    Router::new()
        .route("/app", any(app_half))
        .route("/dashboard", any(dashboard))
        .route("/users", any(users))
        .with_state(app.clone())
}

/// Calls the probe.
fn call(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> Probed {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let response = probe(&app.app).oneshot(request).await.unwrap();
        let code = response
            .extensions()
            .get::<Problem>()
            .and_then(|problem| problem.code);
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Probed {
            status,
            code,
            json: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    })
}

fn as_bearer(app: &TestApp, method: &str, path: &str, token: &str) -> Probed {
    let value = format!("Bearer {token}");
    call(app, method, path, &[("authorization", &value)])
}

fn get(app: &TestApp, token: &str) -> Probed {
    as_bearer(app, "GET", "/app", token)
}

#[track_caller]
fn assert_refused(probed: &Probed, status: u16, code: &str) {
    assert_eq!(
        (probed.status, probed.code),
        (status, Some(code)),
        "{probed:?}"
    );
}

#[test]
fn a_client_gets_a_token_that_anybody_can_verify() {
    on_both(NOW, |app| {
        let client = app_client(app);
        let answer = client.ask(app, "");
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.json["token_type"], "Bearer");
        assert_eq!(answer.json["expires_in"], 3600);
        assert_eq!(answer.json["scope"], "app/read app/write");
        let token = text(&answer.json["access_token"]);
        let claims = verified(app, &token);
        assert_eq!(claims["sub"], client.id);
        assert_eq!(claims["client_id"], client.id);
        assert_eq!(claims["context"], "app");
        assert_eq!(claims["platform"], "m2m");
        assert_eq!(claims["role"], "member");
        assert_eq!(claims["lang"], "en");
        assert_eq!(claims["timezone"], "UTC");
        assert_eq!(claims["scope"], "app/read app/write");
        // 2026-03-10T09:00:00Z.
        assert_eq!(claims["iat"], 1_773_133_200);
        assert_eq!(claims["exp"], 1_773_136_800);
        assert!(claims["userId"].is_null() && claims["principalId"].is_null());
        for id in ["accountId", "workspaceId"] {
            assert_eq!(claims[id].as_str().unwrap().len(), 10, "{id}");
        }
        assert_ne!(claims["accountId"], claims["workspaceId"]);
        assert_ne!(verified(app, &client.token(app))["jti"], claims["jti"]);
        let told = get(app, &token);
        assert_eq!(told.status, 200, "{told:?}");
        assert_eq!(told.json["workspace"], claims["workspaceId"]);
        assert_eq!(told.json["account"], claims["accountId"]);

        let described = app.raw("GET", "/.well-known/openid-configuration", &[], None);
        assert_eq!(described.json["issuer"], claims["iss"]);
        let issuer = text(&claims["iss"]);
        assert_eq!(
            described.json["token_endpoint"],
            format!("{issuer}/oauth2/token")
        );
        assert_eq!(
            described.json["jwks_uri"],
            format!("{issuer}/.well-known/jwks.json")
        );
        assert_eq!(app.raw("GET", "/oauth2/authorize", &[], None).status, 501);
    });
}

#[test]
fn the_public_keys_can_be_asked_for_before_the_first_token() {
    on_both(NOW, |app| {
        let keys = || app.raw("GET", "/.well-known/jwks.json", &[], None).json;
        let published = keys();
        assert_eq!(published["keys"].as_array().unwrap().len(), 1);
        assert!(published["keys"][0]["d"].is_null(), "{published}");
        let token = app_client(app).token(app);
        verified(app, &token);
        assert_eq!(keys(), published);
    });
}

#[test]
fn what_is_not_a_proper_request_for_a_token_is_refused_in_the_words_of_the_standard() {
    on_both(NOW, |app| {
        let client = app_client(app);
        let basic = client.basic();
        let ask = |authorization: Option<&str>, body: &str| {
            let mut headers = vec![FORM];
            headers.extend(authorization.map(|value| ("authorization", value)));
            app.raw("POST", "/oauth2/token", &headers, Some(body.as_bytes()))
        };
        let Client { id, secret } = &client;
        let grant = "grant_type=client_credentials";
        let in_form = format!("{grant}&client_id={id}&client_secret={secret}");
        for (authorization, body) in [
            (None, in_form.clone()),
            (Some(basic.as_str()), grant.to_owned()),
            (Some(basic.as_str()), format!("{grant}&scope=&client_id=")),
            (
                Some(&*basic.replace("Basic", "basic")),
                format!("{grant}&unknown=1"),
            ),
        ] {
            let answer = ask(authorization, &body);
            assert_eq!(answer.status, 200, "{body}: {}", answer.text);
        }
        let narrowed = ask(Some(&basic), &format!("{grant}&scope=app/read"));
        assert_eq!(narrowed.json["scope"], "app/read");
        let wrong = Client {
            id: id.clone(),
            secret: "wrong".to_owned(),
        }
        .basic();
        let unknown = Client {
            id: "kc_unknown".to_owned(),
            secret: secret.clone(),
        }
        .basic();
        let encoded = basic;
        let basic = Some(encoded.as_str());
        for (authorization, body, status, error) in [
            (basic, String::new(), 400, "invalid_request"),
            (basic, "grant_type=".to_owned(), 400, "invalid_request"),
            (
                basic,
                format!("{grant}&grant_type=password"),
                400,
                "invalid_request",
            ),
            (basic, in_form.clone(), 400, "invalid_request"),
            (
                basic,
                format!("{grant}&client_secret={secret}"),
                400,
                "invalid_request",
            ),
            (
                basic,
                "grant_type=password&username=a&password=b".to_owned(),
                400,
                "unsupported_grant_type",
            ),
            (
                basic,
                format!("{grant}&scope=dashboard/read"),
                400,
                "invalid_scope",
            ),
            (
                basic,
                format!("{grant}&scope=app/read+openid"),
                400,
                "invalid_scope",
            ),
            (
                basic,
                format!("{grant}&user_id=1&external_user_id=ada"),
                400,
                "invalid_request",
            ),
            (basic, format!("{grant}&user_id=1"), 400, "invalid_request"),
            (
                basic,
                format!("{grant}&external_user_id=nobody%00"),
                400,
                "invalid_request",
            ),
            (None, grant.to_owned(), 401, "invalid_client"),
            (
                None,
                format!("{grant}&client_id={id}"),
                401,
                "invalid_client",
            ),
            (
                None,
                format!("{grant}&client_id={id}&client_secret=wrong"),
                401,
                "invalid_client",
            ),
            (Some(&wrong), grant.to_owned(), 401, "invalid_client"),
            (Some(&unknown), grant.to_owned(), 401, "invalid_client"),
            (Some("Basic !"), grant.to_owned(), 401, "invalid_client"),
            (Some("Bearer x"), grant.to_owned(), 401, "invalid_client"),
        ] {
            let answer = ask(authorization, &body);
            assert_eq!(answer.status, status, "{body}: {}", answer.text);
            assert_eq!(answer.json["error"], error, "{body}: {}", answer.text);
            assert!(answer.json["error_description"].is_string());
            assert_eq!(answer.headers["cache-control"], "no-store");
            assert_eq!(
                answer.headers.contains_key("www-authenticate"),
                status == 401
            );
            assert!(!answer.text.contains(secret.as_str()));
        }
        let headers = [
            ("content-type", "application/json"),
            ("authorization", encoded.as_str()),
        ];
        let answer = app.raw("POST", "/oauth2/token", &headers, Some(b"{}"));
        assert_eq!(
            (answer.status, &answer.json["error"]),
            (400, &json!("invalid_request"))
        );
        assert_eq!(app.raw("GET", "/oauth2/token", &[], None).status, 405);
    });
}

#[test]
fn a_token_opens_its_own_half_as_far_as_scope_and_role_go() {
    on_both(NOW, |app| {
        let make = |item: Value| Client::made(app, None, &item).token(app);
        let app_token = make(json!({"name": "a"}));
        let status = |method: &str, path: &str, token: &str| {
            let probed = as_bearer(app, method, path, token);
            if probed.status == 403 {
                assert_refused(&probed, 403, "INSUFFICIENT_PERMISSIONS");
            }
            probed.status
        };
        assert_eq!(status("GET", "/app", &app_token), 200);
        assert_eq!(status("POST", "/app", &app_token), 200);
        assert_eq!(status("GET", "/dashboard", &app_token), 403);
        let reader = make(json!({"name": "r", "scopes": ["app/read"]}));
        assert_eq!(status("GET", "/app", &reader), 200);
        assert_eq!(status("PUT", "/app", &reader), 403);
        let dashboard =
            |role: &str| make(json!({"name": role, "context": "dashboard", "role": role}));
        for (role, may_read, may_write, may_manage) in [
            ("owner", 200, 200, 200),
            ("admin", 200, 200, 200),
            ("manager", 200, 200, 403),
            ("viewer", 200, 403, 403),
            ("member", 403, 403, 403),
        ] {
            let token = dashboard(role);
            assert_eq!(status("GET", "/dashboard", &token), may_read, "{role}");
            assert_eq!(status("POST", "/dashboard", &token), may_write, "{role}");
            assert_eq!(status("GET", "/users", &token), may_manage, "{role}");
            assert_eq!(status("GET", "/app", &token), 403, "{role}");
        }
        let default = make(json!({"name": "d", "context": "dashboard"}));
        let told = as_bearer(app, "GET", "/dashboard", &default);
        assert_eq!(told.json["role"], "admin");
    });
}

#[test]
fn a_machine_acts_for_a_user_of_its_workspace_and_a_user_for_nobody_else() {
    on_both(NOW, |app| {
        for (id, tz) in [("ada", "Europe/Rome"), ("Žofka", "Europe/Prague")] {
            let body = json!({"id": id, "tz": tz});
            assert_eq!(app.admin("POST", "/v1/users", Some(&body)).status, 201);
        }
        let number = |external: &str| {
            app.app
                .room
                .store
                .read(|tx| {
                    let production = store::tenancy::production(tx)?.unwrap();
                    let space = store::access::default_space(tx, production)?.unwrap();
                    store::client::subject_by_external_id(tx, space, external)
                })
                .unwrap()
                .unwrap()
                .id
                .0
        };
        let ada = number("ada");
        let client = app_client(app);
        let machine = format!("Bearer {}", client.token(app));
        let act = |headers: &[(&str, &str)]| {
            let mut all = vec![("authorization", machine.as_str())];
            all.extend(headers);
            call(app, "POST", "/app", &all)
        };
        let nobody = act(&[]);
        assert_eq!(nobody.status, 200);
        assert_eq!(nobody.json["refused"], "INSUFFICIENT_PERMISSIONS");
        assert_eq!(nobody.json["actor"], format!("{}/", client.id));
        let by_number = act(&[("x-user-id", &ada.to_string())]);
        assert_eq!(by_number.json["user"], "ada", "{by_number:?}");
        assert_eq!(by_number.json["actor"], format!("{}/{ada}", client.id));
        assert_eq!(by_number.json["lang"], "en");
        let by_id = act(&[("x-external-user-id", "Žofka")]);
        assert_eq!(by_id.json["user"], "Žofka", "{by_id:?}");
        for wrong in [
            ("x-user-id", "1"),
            ("x-user-id", "ada"),
            ("x-user-id", "99999999999999999999"),
            ("x-external-user-id", "Ada"),
            ("x-external-user-id", ""),
        ] {
            assert_refused(&act(&[wrong]), 404, "RESOURCE_NOT_FOUND");
        }
        let both = [("x-user-id", "1"), ("x-external-user-id", "ada")];
        assert_eq!(act(&both).status, 400);

        // A token for a user.
        let token = client.token_with(app, &format!("&user_id={ada}&scope=app/read"));
        let claims = verified(app, &token);
        assert_eq!(claims["sub"], ada.to_string());
        assert_eq!(claims["userId"], ada.to_string());
        assert_eq!(claims["client_id"], client.id);
        assert_eq!(claims["platform"], "web");
        assert_eq!(claims["role"], "member");
        assert_eq!(claims["timezone"], "Europe/Rome");
        assert_eq!(claims["scope"], "app/read");
        let value = format!("Bearer {token}");
        let mut headers = vec![("authorization", value.as_str())];
        headers.extend(both);
        let told = call(app, "GET", "/app", &headers);
        assert_eq!(told.status, 200, "{told:?}");
        assert_eq!(
            (&told.json["user"], &told.json["machine"]),
            (&json!("ada"), &json!(false))
        );
        let token = client.token_with(app, "&external_user_id=%C5%BDofka");
        assert_eq!(get(app, &token).json["user"], "Žofka");

        let refused = |client: &Client, more: &str| text(&client.ask(app, more).json["error"]);
        assert_eq!(
            refused(&client, "&external_user_id=nobody"),
            "invalid_request"
        );
        assert_eq!(refused(&client, "&user_id=ada"), "invalid_request");
        for item in [
            json!({"name": "r", "scopes": ["app/read"]}),
            json!({"name": "d", "context": "dashboard"}),
        ] {
            let client = Client::made(app, None, &item);
            assert_eq!(
                refused(&client, "&external_user_id=ada"),
                "unauthorized_client"
            );
        }
    });
}

#[test]
fn a_revoked_client_is_out_at_once() {
    on_both(NOW, |app| {
        let clients = [app_client(app), app_client(app), app_client(app)];
        let tokens: Vec<String> = clients.iter().map(|client| client.token(app)).collect();
        for token in &tokens {
            assert_eq!(get(app, token).status, 200);
        }
        let path = format!("/admin/v1/clients?ids={}", clients[0].id);
        let answer = app.admin("DELETE", &path, None);
        assert_eq!(
            answer.json["deleted"],
            json!([{"id": clients[0].id}]),
            "{}",
            answer.text
        );
        assert_refused(&get(app, &tokens[0]), 401, "INVALID_TOKEN");
        assert_eq!(clients[0].ask(app, "").json["error"], "invalid_client");
        // By another process.
        app.app
            .room
            .store
            .write(|tx| {
                let found = store::client::find(tx, &clients[1].id)?.unwrap();
                let now = app.app.room.clock.now();
                store::client::revoke(tx, found.space, &clients[1].id, now)
            })
            .unwrap();
        assert_refused(&get(app, &tokens[1]), 401, "INVALID_TOKEN");
        assert_eq!(get(app, &tokens[2]).status, 200);
        let again = app.admin("DELETE", &path, None);
        assert_eq!(again.json["deleted"], json!([]));
        assert_eq!(again.json["issues"][0]["id"], clients[0].id);
        let listed = app.get("/admin/v1/clients");
        let revoked: Vec<bool> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|client| {
                assert!(client.get("secret").is_none(), "{client}");
                client["revoked"].is_string()
            })
            .collect();
        assert_eq!(revoked.iter().filter(|is| **is).count(), 2, "{listed}");
    });
}

#[test]
fn nothing_but_a_current_token_of_ours_opens_anything() {
    on_both(NOW, |app| {
        let client = app_client(app);
        let token = client.token(app);
        let claims = verified(app, &token);
        let changed = |member: &str, value: Value| {
            let mut claims = claims.clone();
            claims[member] = value;
            signed(app, &claims)
        };
        assert_eq!(get(app, &changed("iss", json!("elsewhere"))).status, 200);
        let iat = claims["iat"].as_i64().unwrap();
        for wrong in [
            changed("exp", json!(iat)),
            changed("iat", json!(iat + 3_600)),
            changed("exp", json!("never")),
            changed("context", json!("portal")),
            changed("role", json!("god")),
            changed("platform", json!("web")),
            changed("scope", json!("dashboard/read")),
            changed("client_id", json!("kc_unknown")),
            token[..token.len() - 1].to_owned(),
            token[1..].to_owned(),
            format!("{token}x"),
            "nonsense".to_owned(),
            "a".repeat(100_000),
        ] {
            assert_refused(&get(app, &wrong), 401, "INVALID_TOKEN");
        }
        let moved = changed("workspaceId", json!("AAAAAAAAAA"));
        assert_refused(&get(app, &moved), 403, "WORKSPACE_MISMATCH");
        for authorization in ["", "Bearer", "Bearer ", &token, &client.basic()] {
            let probed = call(app, "GET", "/app", &[("authorization", authorization)]);
            assert_refused(&probed, 401, "INVALID_TOKEN");
        }
        let key = [("x-api-key", ADMIN)];
        assert_refused(&call(app, "GET", "/app", &key), 401, "INVALID_TOKEN");
        assert_eq!(get(app, &token).status, 200);
        let answer = app.raw("GET", "/v1/users/u", &[("authorization", "Bearer x")], None);
        assert_eq!(answer.status, 401, "a token is no key");

        // The end comes by our clock, also for a token that was seen before.
        app.jump("2026-03-10T09:59:59.999Z");
        assert_eq!(get(app, &token).status, 200);
        app.jump("2026-03-10T10:00:00Z");
        assert_refused(&get(app, &token), 401, "INVALID_TOKEN");
    });
}

#[test]
fn keys_are_replaced_without_a_token_being_refused() {
    on_both(NOW, |app| {
        let client = app_client(app);
        let old = client.token(app);
        let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        let rotate = || {
            let now = app.app.room.clock.now();
            app.app
                .room
                .store
                .write(|tx| oauth::keys::rotate(tx, now))
                .unwrap()
        };
        let published = || {
            let keys = app.raw("GET", "/.well-known/jwks.json", &[], None).json;
            keys["keys"].as_array().unwrap().len()
        };
        app.jump("2026-03-10T09:30:00Z");
        let new = rotate();
        assert_ne!(kid(&old), new);
        assert_eq!(published(), 2);
        assert_eq!(kid(&client.token(app)), kid(&old), "not everybody knows it");
        app.jump("2026-03-10T09:32:00Z");
        let young = client.token(app);
        assert_eq!(kid(&young), new);
        for token in [&old, &young] {
            assert_eq!(get(app, token).status, 200);
            verified(app, token);
        }
        app.jump("2026-03-10T11:30:00Z");
        assert_eq!(published(), 1);
        let late = client.token(app);
        assert_eq!((kid(&late), get(app, &late).status), (new.clone(), 200));

        // A key that this process has not read yet: it looks for it, but not for every made-up name.
        let newest = rotate();
        let now = app.app.room.clock.now();
        let keys = app.app.room.store.read(|tx| store::signing::valid(tx, now));
        let keys = keys.unwrap();
        let private = &keys
            .iter()
            .find(|key| key.id == newest)
            .unwrap()
            .private_key;
        let claims = verified(app, &late);
        let with = |id: &str| {
            let mut header = Header::new(Algorithm::ES256);
            header.kid = Some(id.to_owned());
            jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_der(private)).unwrap()
        };
        assert_refused(&get(app, &with("made up")), 401, "INVALID_TOKEN");
        assert_eq!(get(app, &with(&newest)).status, 200);
        // Ours, but not the key that the token names.
        assert_refused(&get(app, &with(&new)), 401, "INVALID_TOKEN");
    });
}

#[test]
fn clients_belong_to_one_workspace() {
    on_both(NOW, |app| {
        let before = app_client(app);
        let old_token = before.token(app);
        let answer = app.admin(
            "PATCH",
            "/admin/v1/organization",
            Some(&json!({"multiTenancy": true})),
        );
        assert_eq!(answer.status, 200, "{}", answer.text);
        // Now that there are tenants, the space without one is out of reach.
        assert_refused(&get(app, &old_token), 401, "INVALID_TOKEN");
        for id in ["one", "two"] {
            app.create("/tenants", &json!({"customerId": id, "name": id}));
        }
        app.other_environment(OTHER_ENVIRONMENT);
        let one = Client::made(app, Some("one"), &json!({"name": "mine"}));
        let two = Client::made(app, Some("two"), &json!({"name": "theirs"}));
        let (token_one, token_two) = (one.token(app), two.token(app));
        let (told_one, told_two) = (get(app, &token_one), get(app, &token_two));
        assert_eq!((told_one.status, told_two.status), (200, 200));
        assert_ne!(told_one.json["workspace"], told_two.json["workspace"]);
        assert_eq!(told_one.json["account"], told_two.json["account"]);
        let listed = app.send(ADMIN, Some("two"), "GET", "/admin/v1/clients", None);
        assert!(
            listed.text.contains(&two.id) && !listed.text.contains(&one.id),
            "{}",
            listed.text
        );
        let path = format!("/admin/v1/clients?ids={}", one.id);
        for (key, tenant) in [(ADMIN, "two"), (OTHER_ENVIRONMENT, "one")] {
            let answer = app.send(key, Some(tenant), "DELETE", &path, None);
            assert!(!answer.text.contains("\"deleted\":[{"), "{}", answer.text);
        }
        assert_eq!(get(app, &token_one).status, 200);
        // A user of one tenant is nobody in the other.
        let ada = json!({"id": "ada"});
        let answer = app.send(ADMIN, Some("one"), "POST", "/v1/users", Some(&ada));
        assert_eq!(answer.status, 201);
        for (token, status) in [(&token_one, 200), (&token_two, 404)] {
            let value = format!("Bearer {token}");
            let headers = [
                ("authorization", value.as_str()),
                ("x-external-user-id", "ada"),
            ];
            assert_eq!(call(app, "GET", "/app", &headers).status, status);
        }
        assert_eq!(
            two.ask(app, "&external_user_id=ada").json["error"],
            "invalid_request"
        );
        // A tenant that is gone takes its clients along.
        let tenants = app.send(ADMIN, None, "GET", "/admin/v1/tenants", None).json;
        let gone = text(&tenants[0]["id"]);
        let path = format!("/admin/v1/tenants?ids={gone}");
        assert_eq!(app.send(ADMIN, None, "DELETE", &path, None).status, 200);
        assert_refused(&get(app, &token_one), 401, "INVALID_TOKEN");
        assert_eq!(one.ask(app, "").json["error"], "invalid_client");
        assert_eq!(get(app, &token_two).status, 200);
    });
}

#[test]
fn items_that_make_no_client_become_issues() {
    on_both(NOW, |app| {
        for (item, problem) in [
            (json!({"name": ""}), "name"),
            (json!({"name": "x".repeat(101)}), "name"),
            (json!({"name": "x", "context": "portal"}), "context"),
            (json!({"name": "x", "role": "god"}), "role"),
            (json!({"name": "x", "scopes": []}), "scopes"),
            (json!({"name": "x", "scopes": ["dashboard/read"]}), "scopes"),
        ] {
            let answer = app.admin("POST", "/admin/v1/clients", Some(&json!([item])));
            assert_eq!(answer.status, 200, "{}", answer.text);
            let message = text(&answer.json["issues"][0]["message"]);
            assert!(message.starts_with(problem), "{message}");
        }
        assert_eq!(app.get("/admin/v1/clients"), json!([]));
    });
}

#[test]
fn a_client_made_on_the_database_works_at_once() {
    on_both(NOW, |app| {
        let now = app.app.room.clock.now();
        let space = app.app.room.store.write(|tx| {
            let production = store::tenancy::production(tx)?.unwrap();
            let space = store::access::default_space(tx, production)?.unwrap();
            let new = NewClient {
                id: "kc_cli",
                context: Context::Dashboard,
                name: "Made on the command line",
                role: Role::Owner,
                scopes: Scopes::ALL,
                hash: &door::hash("secret"),
            };
            store::client::insert(tx, space, &new, now)?;
            Ok::<_, store::Error>(space.public_id())
        });
        let client = Client {
            id: "kc_cli".to_owned(),
            secret: "secret".to_owned(),
        };
        let told = as_bearer(app, "GET", "/users", &client.token(app));
        assert_eq!(told.json["workspace"], space.unwrap(), "{told:?}");
    });
}

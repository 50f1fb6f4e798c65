//! `POST /oauth2/token`: client credentials against an access token (RFC 6749 4.4), for the client itself or, as our own
//! extension, for one of the users of its workspace.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::id::UserId;
use serde_json::json;
use store::access;
use store::client::{self, ClientRecord, Context, Role, Scopes, Subject};
use store::driver::Tx;
use subtle::ConstantTimeEq;

use super::claims::{self, Claims, LIFE_S, Platform};
use crate::app::App;
use crate::body::RawBody;
use crate::door;
use crate::problem::Problem;

/// The longest name or secret that is looked at.
const CREDENTIAL_BYTES_MAX: usize = 1_000;

/// Why there is no token.
#[derive(Debug)]
enum Refusal {
    /// In the words of RFC 6749 5.2: code and description.
    Request(&'static str, &'static str),
    /// The client is not known here.
    Client,
    /// We failed.
    Problem(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self::Problem(error.into())
    }
}

fn invalid_request(description: &'static str) -> Refusal {
    Refusal::Request("invalid_request", description)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, description) = match self {
            Self::Request(error, description) => (StatusCode::BAD_REQUEST, error, description),
            Self::Client => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "client authentication failed",
            ),
            Self::Problem(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => (
                problem.status,
                "temporarily_unavailable",
                "the server is busy, try again",
            ),
            Self::Problem(problem) => (problem.status, "server_error", "internal error"),
        };
        let body = json!({ "error": error, "error_description": description });
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"kleos\", charset=\"UTF-8\""),
            );
        }
        response
    }
}

/// What the client asks for.
#[derive(Debug)]
struct Wish {
    client: String,
    hash: [u8; 32],
    scope: Option<String>,
    user: Option<Named>,
}

/// How a user is named.
#[derive(Debug)]
enum Named {
    /// By our number.
    Id(String),
    /// By the caller's id.
    External(String),
}

/// Makes an access token.
pub(super) async fn issue(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<RawBody, Problem>,
) -> Response {
    let issuer = super::issuer(&headers);
    let answered = match wish(&headers, body) {
        Ok(wish) => grant(&app, wish, issuer).await,
        Err(refusal) => Err(refusal),
    };
    let mut response = match answered {
        Ok(body) => Json(body).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}

async fn grant(app: &App, wish: Wish, issuer: String) -> Result<serde_json::Value, Refusal> {
    let key = app.door.keys.signing(app).await?;
    let now = app.room.clock.now();
    let (admitted, jti) = app
        .blocking(move |app| {
            let admitted = app.room.store.read(|tx| admit(tx, &wish));
            Ok((admitted, app.room.ids().uuid(now)))
        })
        .await?;
    let (granted, user, account) = admitted?;
    let context = granted.client.context;
    let scope = granted.client.scopes.text(context);
    let number = user.as_ref().map(|user| user.id.0.to_string());
    let claims = Claims {
        iss: issuer,
        sub: number.as_ref().unwrap_or(&granted.client.id).clone(),
        account_id: account,
        workspace_id: granted.space.public_id(),
        external_id: user.as_ref().map(|user| user.external_id.clone()),
        principal_id: user
            .as_ref()
            .and_then(|user| user.principal)
            .map(|id| id.to_string()),
        context: context.to_string(),
        platform: if user.is_some() {
            Platform::Web
        } else {
            Platform::M2m
        },
        role: if user.is_some() {
            Role::Member.to_string()
        } else {
            granted.client.role.to_string()
        },
        lang: user
            .as_ref()
            .and_then(|user| user.lang.clone())
            .unwrap_or_else(|| "en".to_owned()),
        timezone: user
            .and_then(|user| user.tz)
            .unwrap_or_else(|| "UTC".to_owned()),
        client_id: granted.client.id,
        user_id: number,
        scope: scope.clone(),
        iat: now.as_second(),
        exp: now.as_second() + LIFE_S,
        jti: jti.to_string(),
    };
    let token = claims::sign(&claims, &key).map_err(|error| Problem::internal(&error))?;
    Ok(json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": LIFE_S,
        "scope": scope,
    }))
}

/// Checks the client and what it wishes; answers it with the scopes that are granted, the user and the organization.
fn admit(tx: &mut Tx<'_>, wish: &Wish) -> Result<(ClientRecord, Option<Subject>, String), Refusal> {
    let found = client::find(tx, &wish.client)?;
    // An unknown client is compared as well, so that the time taken does not tell.
    let stored = found
        .as_ref()
        .map_or([0; 32].as_slice(), |found| found.hash.as_slice());
    let is_equal = bool::from(stored.ct_eq(&wish.hash));
    let mut found = found
        .filter(|found| is_equal && found.client.revoked.is_none() && found.is_reachable)
        .ok_or(Refusal::Client)?;
    let context = found.client.context;
    // What the client may do counts, not what it asks for this time.
    let may_speak_for_users = context == Context::App && found.client.scopes.can_write;
    if let Some(scope) = &wish.scope {
        found.client.scopes = Scopes::parse(context, scope)
            .filter(|wanted| wanted.are_within(found.client.scopes))
            .ok_or(Refusal::Request(
                "invalid_scope",
                "the client was not given one of these scopes",
            ))?;
    }
    let user = match &wish.user {
        None => None,
        Some(named) => {
            if !may_speak_for_users {
                return Err(Refusal::Request(
                    "unauthorized_client",
                    "a token for a user needs a client of the app context and the scope app/write",
                ));
            }
            let user = match named {
                Named::Id(id) => match id.parse() {
                    Ok(id) => client::subject_by_id(tx, found.space, UserId(id))?,
                    Err(_) => None,
                },
                Named::External(id) => client::subject_by_external_id(tx, found.space, id)?,
            };
            Some(user.ok_or_else(|| invalid_request("there is no such user in this workspace"))?)
        }
    };
    let account = access::account_id(tx, found.space)?.ok_or(Refusal::Client)?;
    Ok((found, user, account))
}

fn wish(headers: &HeaderMap, body: Result<RawBody, Problem>) -> Result<Wish, Refusal> {
    let body = body.map_err(|problem| {
        if problem.status.is_client_error() {
            invalid_request("the body could not be read")
        } else {
            problem.into()
        }
    })?;
    let mut form = form(headers, &body)?;
    match form.remove("grant_type").as_deref() {
        Some("client_credentials") => {}
        Some(_) => {
            return Err(Refusal::Request(
                "unsupported_grant_type",
                "only client_credentials is supported",
            ));
        }
        None => return Err(invalid_request("grant_type is missing")),
    }
    let in_form = (form.remove("client_id"), form.remove("client_secret"));
    let (client, secret) = match (basic(headers)?, in_form) {
        (Some(basic), (None, None)) => basic,
        (None, (Some(client), Some(secret))) => (client, secret),
        (Some(_), _) => {
            return Err(invalid_request(
                "credentials belong either into the Authorization header or into the body",
            ));
        }
        (None, _) => return Err(Refusal::Client),
    };
    if client.len() > CREDENTIAL_BYTES_MAX || secret.len() > CREDENTIAL_BYTES_MAX {
        return Err(Refusal::Client);
    }
    let user = match (form.remove("user_id"), form.remove("external_user_id")) {
        (None, None) => None,
        (Some(id), None) => Some(Named::Id(id)),
        (None, Some(id)) => Some(Named::External(id)),
        (Some(_), Some(_)) => {
            return Err(invalid_request(
                "user_id and external_user_id exclude each other",
            ));
        }
    };
    Ok(Wish {
        client,
        hash: door::hash(&secret),
        scope: form.remove("scope"),
        user,
    })
}

/// Reads the form. A parameter without a value counts as not sent, one that is sent twice is refused (RFC 6749 3.2).
fn form(headers: &HeaderMap, body: &RawBody) -> Result<BTreeMap<String, String>, Refusal> {
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| {
            kind.trim()
                .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
    if !is_form {
        return Err(invalid_request(
            "the body must be application/x-www-form-urlencoded",
        ));
    }
    let mut form = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(&body.0).into_owned() {
        if name.contains('\0') || value.contains('\0') {
            return Err(invalid_request("the character NUL is not allowed"));
        }
        if !value.is_empty() && form.insert(name, value).is_some() {
            return Err(invalid_request("a parameter is sent twice"));
        }
    }
    Ok(form)
}

/// Name and secret of HTTP Basic; nothing if there is no such header.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let decoded = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, text)| STANDARD.decode(text.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|text| !text.contains('\0'));
    decoded
        .as_deref()
        .and_then(|text| text.split_once(':'))
        .map(|(client, secret)| Some((client.to_owned(), secret.to_owned())))
        .ok_or(Refusal::Client)
}

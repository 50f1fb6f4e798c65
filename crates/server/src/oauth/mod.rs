//! Access tokens of the second dialect: who gets one, what it says, how others verify it (spec/aworld.md 1.3, 1.4).
//!
//! Knows nothing of what tokens are used for: that is [`crate::bearer`].

pub mod claims;
pub mod keys;
pub mod mint;
mod token;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::json;

use crate::app::App;
use crate::problem::{Problem, Result};

/// Where tokens come from.
pub const TOKEN_PATH: &str = "/oauth2/token";
const KEYS_PATH: &str = "/.well-known/jwks.json";

/// The routes below `/oauth2` and `/.well-known`.
pub fn router() -> Router<App> {
    Router::new()
        .route(TOKEN_PATH, post(token::issue))
        .route("/.well-known/openid-configuration", get(describe))
        .route(KEYS_PATH, get(publish))
        .route("/oauth2/{*path}", any(async || Problem::not_built()))
}

/// What a client library reads first (`OpenID` Connect Discovery 1.0, RFC 8414).
async fn describe(headers: HeaderMap) -> Response {
    let issuer = issuer(&headers);
    let description = json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}{TOKEN_PATH}"),
        "jwks_uri": format!("{issuer}{KEYS_PATH}"),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": ["app/read", "app/write", "dashboard/read", "dashboard/write"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "claims_supported": [
            "iss", "sub", "client_id", "accountId", "workspaceId", "userId", "externalId", "principalId", "context", "platform",
            "role", "lang", "timezone", "scope", "iat", "exp", "jti",
        ],
    });
    let cache = (header::CACHE_CONTROL, "public, max-age=60");
    ([cache], Json(description)).into_response()
}

/// The public keys (RFC 7517).
async fn publish(State(app): State<App>) -> Result<Response> {
    // Whoever asks before the first token was made gets the key it will be signed with.
    app.door.keys.signing(&app).await?;
    let ring = app.door.keys.ring(&app).await?;
    let keys: Vec<_> = ring
        .valid(app.room.clock.now())
        .map(|key| &key.published)
        .collect();
    // A new key signs nothing for longer than this.
    let cache = (header::CACHE_CONTROL, "public, max-age=60");
    Ok(([cache], Json(json!({ "keys": keys }))).into_response())
}

/// What tokens name as their issuer: the address by which the client reached us.
fn issuer(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST.as_str())
        .filter(|host| {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
        })
        .unwrap_or("localhost");
    let scheme = if text("x-forwarded-proto") == Some("https") {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_issuer_is_the_address_the_client_used() {
        for (host, proto, expected) in [
            (Some("127.0.0.1:8080"), None, "http://127.0.0.1:8080"),
            (Some("[::1]:80"), None, "http://[::1]:80"),
            (
                Some("kleos.example"),
                Some("https"),
                "https://kleos.example",
            ),
            (
                Some("kleos.example"),
                Some("gopher"),
                "http://kleos.example",
            ),
            (Some("evil\"/host"), None, "http://localhost"),
            (None, None, "http://localhost"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(host) = host {
                headers.insert(header::HOST, HeaderValue::from_static(host));
            }
            if let Some(proto) = proto {
                headers.insert("x-forwarded-proto", HeaderValue::from_static(proto));
            }
            assert_eq!(issuer(&headers), expected);
        }
    }
}

//! Repeated requests with the same `x-idempotency-key` (spec/aworld.md 2.6): the header, and what of it is kept.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use crate::bearer::Bearer;
use crate::desk::fingerprint;
use crate::problem::{Problem, Result};

const HEADER: HeaderName = HeaderName::from_static("x-idempotency-key");
const HIT: HeaderName = HeaderName::from_static("x-idempotency-cache-hit");
/// The longest key.
const KEY_BYTES_MAX: usize = 255;

/// How operations describe that they can be repeated; [`OnceKey`] reads it.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub struct OnceHeader {
    /// Requests with the same key within five minutes are carried out once, and get the same answer.
    #[param(rename = "x-idempotency-key")]
    pub key: Option<String>,
}

/// The key of a request, if it has one, with what it is good for.
#[derive(Clone, Debug, Default)]
pub struct OnceKey(Option<Named>);

#[derive(Clone, Debug)]
struct Named {
    key: HeaderValue,
    operation: String,
}

impl<S: Sync> FromRequestParts<S> for OnceKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let Some(key) = parts.headers.get(&HEADER) else {
            return Ok(Self(None));
        };
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(Problem::invalid_member(
                "x-idempotency-key",
                "must have 1 to 255 characters",
            ));
        }
        Ok(Self(Some(Named {
            key: key.clone(),
            operation: format!("{} {}", parts.method, parts.uri.path()),
        })))
    }
}

impl OnceKey {
    /// What stands for the request of this caller: the same for the same client, user, method, path
    /// and key.
    pub fn fingerprint(&self, bearer: &Bearer) -> Option<[u8; 16]> {
        let named = self.0.as_ref()?;
        Some(fingerprint(&[
            bearer.actor().as_bytes(),
            named.operation.as_bytes(),
            named.key.as_bytes(),
        ]))
    }

    /// Marks an answer with the key, and whether it had been given before.
    pub fn mark(&self, mut response: Response, is_repeated: bool) -> Response {
        if let Some(named) = &self.0 {
            let headers = response.headers_mut();
            headers.insert(HEADER, named.key.clone());
            if is_repeated {
                headers.insert(HIT, HeaderValue::from_static("true"));
            }
        }
        response
    }
}

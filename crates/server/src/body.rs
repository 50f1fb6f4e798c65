//! Reading request bodies and path segments, with errors in JSON.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use http_body::Body as _;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::problem::{Problem, Result};

/// The largest body that is read.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The largest batch of events that is read: 1,000 items of 8 KiB.
pub const EVENTS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The path of the operation that takes batches of events.
const EVENTS_PATH: &str = "/admin/v1/metrics/events";
/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a larger body is swallowed, so that the client can finish sending and read the answer.
const SWALLOWED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The bytes of a body.
#[derive(Clone, Debug)]
pub struct RawBody(pub Bytes);

/// A body that was read before anybody asked for it.
#[derive(Clone, Debug)]
struct Buffered(Result<Bytes>);

/// Reads the body of every request to its end before it is handled. A connection on which a refused
/// request left its body unread would have to be closed, and the client's next request with it.
pub async fn buffer(request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    if !body.is_end_stream() {
        // Whoever shows no key and no token gets no more patience than a small body needs.
        let has_key = ["x-api-key", "authorization"]
            .iter()
            .any(|name| parts.headers.contains_key(*name));
        let swallowed = if has_key { SWALLOWED_BYTES_MAX } else { 0 };
        let limit = if parts.uri.path() == EVENTS_PATH {
            EVENTS_BYTES_MAX
        } else {
            BODY_BYTES_MAX
        };
        let bytes = tokio::time::timeout(BODY_TIMEOUT, read(body, limit, swallowed)).await;
        let bytes = bytes.unwrap_or_else(|_| Err(Problem::too_slow()));
        parts.extensions.insert(Buffered(bytes));
    }
    next.run(Request::from_parts(parts, Body::empty())).await
}

impl<S: Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(mut request: Request, _: &S) -> Result<Self> {
        match request.extensions_mut().remove::<Buffered>() {
            Some(Buffered(bytes)) => bytes.map(Self),
            None => Ok(Self(Bytes::new())),
        }
    }
}

async fn read(mut body: Body, bytes_max: usize, swallowed_bytes_max: usize) -> Result<Bytes> {
    let mut held: Vec<u8> = Vec::new();
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::malformed("the body could not be read"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        seen = seen.saturating_add(data.len());
        if seen <= bytes_max {
            held.extend_from_slice(&data);
        } else if seen > swallowed_bytes_max {
            break;
        }
    }
    if seen > bytes_max {
        return Err(Problem::too_large(bytes_max));
    }
    Ok(Bytes::from(held))
}

impl RawBody {
    /// Reads a JSON object, as [`RawBody::json`] does; an array of the members in their order is none.
    pub fn object<T: DeserializeOwned>(&self) -> Result<T> {
        match self.0.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'[') => Err(Problem::malformed("body: must be an object")),
            _ => self.json(),
        }
    }

    /// Reads JSON; a problem says where in the body it is. On operations that do not list 400, turn
    /// it with [`Problem::as_unprocessable`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        refuse_nul(&self.0)?;
        let mut reader = serde_json::Deserializer::from_slice(&self.0);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            let cause = error.into_inner();
            if cause.is_data() && path != "." {
                Problem::invalid_member(path, plain(&cause))
            } else {
                unreadable(&cause)
            }
        })?;
        reader.end().map_err(|cause| unreadable(&cause))?;
        Ok(value)
    }

    /// Reads a JSON array of objects, 1 to `most` of them: each as it was sent and as it reads. A
    /// problem says in which item it is.
    pub fn items<T: DeserializeOwned>(&self, most: usize) -> Result<Vec<(&str, T)>> {
        refuse_nul(&self.0)?;
        let sent: Vec<&RawValue> =
            serde_json::from_slice(&self.0).map_err(|cause| unreadable(&cause))?;
        if sent.is_empty() || sent.len() > most {
            return Err(Problem::malformed(format!(
                "the body must be an array of 1 to {most} items"
            )));
        }
        let each = sent.into_iter().enumerate().map(|(index, item)| {
            let text = item.get();
            // The reader of structs would take an array for the members in their order.
            if !text.starts_with('{') {
                let place = format!("[{index}]");
                return Err(Problem::invalid_member(place, "must be an object"));
            }
            let mut reader = serde_json::Deserializer::from_str(text);
            let item = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
                let place = match error.path().to_string().as_str() {
                    "." => format!("[{index}]"),
                    path => format!("[{index}].{path}"),
                };
                Problem::invalid_member(place, plain(&error.into_inner()))
            })?;
            Ok((text, item))
        });
        each.collect()
    }
}

/// A body that is no JSON, or JSON of another kind.
fn unreadable(cause: &serde_json::Error) -> Problem {
    if cause.is_data() {
        Problem::malformed(format!("body: {}", plain(cause)))
    } else {
        Problem::malformed(format!("the body is not valid JSON: {cause}"))
    }
}

/// Reads a JSON value that was already parsed; the error says which member is wrong.
pub fn from_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let cause = plain(&error.into_inner());
        if path == "." {
            cause
        } else {
            format!("{path}: {cause}")
        }
    })
}

/// The message without the position, which means nothing for a member.
fn plain(cause: &serde_json::Error) -> String {
    let text = cause.to_string();
    text.split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Neither database keeps the character NUL in texts.
fn refuse_nul(body: &[u8]) -> Result<()> {
    const ESCAPE: &[u8] = b"\\u0000";
    for start in 0..body.len().saturating_sub(ESCAPE.len() - 1) {
        if body[start] == b'\\' && body[start..].starts_with(ESCAPE) {
            let slashes = body[..start]
                .iter()
                .rev()
                .take_while(|byte| **byte == b'\\')
                .count();
            if slashes % 2 == 0 {
                return Err(Problem::unprocessable(
                    "texts must not contain the character NUL",
                ));
            }
        }
    }
    Ok(())
}

/// The one segment of a path.
#[derive(Clone, Debug)]
pub struct Segment(pub String);

/// The two segments of a path.
#[derive(Clone, Debug)]
pub struct Segments(pub String, pub String);

fn check(result: Result<Vec<(String, String)>, PathRejection>) -> Result<Vec<String>> {
    let segments = result.map_err(|_| Problem::malformed("the path is not valid UTF-8"))?;
    if segments.iter().any(|(_, segment)| segment.contains('\0')) {
        return Err(Problem::unprocessable(
            "the path must not contain the character NUL",
        ));
    }
    Ok(segments.into_iter().map(|(_, segment)| segment).collect())
}

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let mut segments = check(pairs(parts, state).await)?.into_iter();
        Ok(Self(segments.next().unwrap_or_default()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Segments {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let mut segments = check(pairs(parts, state).await)?.into_iter();
        let first = segments.next().unwrap_or_default();
        Ok(Self(first, segments.next().unwrap_or_default()))
    }
}

async fn pairs<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<Vec<(String, String)>, PathRejection> {
    Path::<Vec<(String, String)>>::from_request_parts(parts, state)
        .await
        .map(|Path(pairs)| pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_of_another_type_is_named() {
        #[derive(Debug, serde::Deserialize)]
        struct Wanted {
            #[expect(dead_code, reason = "only read")]
            a: Vec<String>,
        }
        let body = RawBody(Bytes::from_static(br#"{"a": ["x", 5]}"#));
        let problem = body.object::<Wanted>().unwrap_err();
        assert_eq!(problem.details[0].field, "a[1]");
        assert!(problem.message.starts_with("a[1]: "), "{problem:?}");
    }

    #[test]
    fn a_wrong_item_is_named() {
        #[derive(Debug, serde::Deserialize)]
        struct Wanted {
            value: i64,
        }
        let items = |body: &'static str| {
            let body = RawBody(Bytes::from_static(body.as_bytes()));
            let read = body.items::<Wanted>(2).map(|items| {
                let read = items
                    .iter()
                    .map(|(text, item)| format!("{text}={}", item.value));
                read.collect::<Vec<_>>().join(" ")
            });
            read.map_err(|problem| problem.message)
        };
        assert_eq!(
            items(r#" [ {"value": 1}, {"value":2} ] "#),
            Ok(r#"{"value": 1}=1 {"value":2}=2"#.to_owned())
        );
        for (body, place) in [
            (r#"[{"value":1},{"value":"x"}]"#, "[1].value: "),
            (r#"[{"value":1},{}]"#, "[1]: missing field"),
            ("[[1]]", "[0]: must be an object"),
            ("[]", "the body must be an array of 1 to 2 items"),
            ("[{},{},{}]", "the body must be an array of 1 to 2 items"),
            (r#"{"value":1}"#, "body: "),
            ("[", "the body is not valid JSON"),
        ] {
            let message = items(body).unwrap_err();
            assert!(message.starts_with(place), "{body}: {message}");
        }
    }

    #[test]
    fn escaped_nul_is_refused_and_an_escaped_backslash_is_not() {
        assert!(refuse_nul(br#"{"a":"x\u0000y"}"#).is_err());
        assert!(refuse_nul(br#"{"a":"x\\\u0000y"}"#).is_err());
        assert!(refuse_nul(br#"{"a":"x\\u0000y"}"#).is_ok());
        assert!(refuse_nul(br"").is_ok());
    }
}

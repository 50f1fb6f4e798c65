//! Logs and metrics of requests and of the desk. Secrets never come here: no header and no body is logged.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use store::Space;

/// The space a request was let into, noted by the door for the log.
#[derive(Clone, Debug, Default)]
struct NotedSpace(Arc<AtomicI64>);

/// Notes the space of a request.
pub fn note_space(parts: &Parts, space: Space) {
    if let Some(noted) = parts.extensions.get::<NotedSpace>() {
        noted.0.store(space.number(), Ordering::Relaxed);
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives every request an id, measures it and writes one line about it.
pub async fn observe(mut request: Request, next: Next) -> Response {
    let started = start();
    let id = request_id();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let noted = NotedSpace::default();
    request.extensions_mut().insert(noted.clone());
    let mut response = next.run(request).await;
    let status = response.status().as_u16();
    let seconds = started.elapsed().as_secs_f64();
    metrics::counter!(
        "kleos_http_requests_total",
        "method" => method.to_string(), "route" => route.clone(), "status" => status.to_string()
    )
    .increment(1);
    metrics::histogram!("kleos_http_request_seconds", "route" => route.clone()).record(seconds);
    let space = noted.0.load(Ordering::Relaxed);
    tracing::info!(
        request = %id, %method, route, status, space, duration_ms = seconds * 1_000.0, "answered"
    );
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// A process-wide random start and a counter: unique, and cheap.
fn request_id() -> String {
    static START: OnceLock<u64> = OnceLock::new();
    static NEXT: AtomicI64 = AtomicI64::new(0);
    let start = START.get_or_init(|| getrandom::u64().unwrap_or(0));
    format!("{start:016x}-{:x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Starts a measurement of a duration; tells nothing about the time of day.
pub fn start() -> Instant {
    Instant::now()
}

/// A batch was taken from the queue.
#[expect(clippy::cast_precision_loss, reason = "a batch is small")]
pub fn batch_size(commands: usize) {
    metrics::histogram!("kleos_desk_batch_commands").record(commands as f64);
}

/// A batch was committed.
pub fn committed(started: Instant) {
    metrics::histogram!("kleos_desk_commit_seconds").record(started.elapsed().as_secs_f64());
}

/// What waits.
#[expect(clippy::cast_precision_loss, reason = "a gauge")]
pub fn depths(desk: usize, outbox: i64) {
    metrics::gauge!("kleos_desk_queue_commands").set(desk as f64);
    metrics::gauge!("kleos_outbox_notices").set(outbox as f64);
}

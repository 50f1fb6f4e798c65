//! Logs and metrics of requests and of the desk. Secrets never come here: no header and no body is logged.

use std::any::Any;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use store::Space;
use tower::{Layer, ServiceExt as _};
use tower_http::catch_panic::CatchPanicLayer;

use crate::problem::Problem;

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

/// Gives every request an id, measures it and writes one line about it: at `debug` with the target `kleos::request`, because a line
/// per event would cost more than the event; failures at `warn`. A handler that panics answers 500.
pub async fn observe(mut request: Request, next: Next) -> Response {
    let started = start();
    let id = request_id();
    let method = method_name(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    // Which client it is, for those who look for a fault; nothing depends on it (AMB-81).
    let sdk: String = request
        .headers()
        .get("x-sdk-version")
        .and_then(|version| version.to_str().ok())
        .map_or_else(String::new, |version| version.chars().take(32).collect());
    let noted = NotedSpace::default();
    request.extensions_mut().insert(noted.clone());
    let answered = CatchPanicLayer::custom(panicked)
        .layer(next)
        .oneshot(request)
        .await;
    let mut response = match answered {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    };
    let status = response.status();
    let seconds = started.elapsed().as_secs_f64();
    metrics::counter!(
        "kleos_http_requests_total",
        "method" => method, "route" => route.clone(), "status" => status.as_u16().to_string()
    )
    .increment(1);
    metrics::histogram!("kleos_http_request_seconds", "route" => route.clone()).record(seconds);
    let space = noted.0.load(Ordering::Relaxed);
    let duration_ms = seconds * 1_000.0;
    let status_number = status.as_u16();
    if status == StatusCode::INTERNAL_SERVER_ERROR || status == StatusCode::INSUFFICIENT_STORAGE {
        tracing::warn!(
            target: "kleos::request",
            request = %id, method, route, status = status_number, space, duration_ms, "failed"
        );
    } else {
        tracing::debug!(
            target: "kleos::request",
            request = %id, method, route, status = status_number, space, duration_ms, sdk, "answered"
        );
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// What the client learns of a panic; the process's hook has logged it.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::panicked().into_response()
}

/// A client may send any word as method; metrics must not grow with its imagination.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
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

/// Events of batches that wait to be carried out.
#[expect(clippy::cast_precision_loss, reason = "a gauge")]
pub fn queued_events(count: i64) {
    metrics::gauge!("kleos_queued_events").set(count as f64);
}

/// Upper bounds of the buckets of durations, in seconds.
const SECONDS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Upper bounds of the buckets of batch sizes.
const COMMANDS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts recording metrics in this process; without it they cost nothing and [`scrape`] has none. To be called once.
pub fn install() -> anyhow::Result<()> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_batch_commands".to_owned()), COMMANDS)?
        .install_recorder()?;
    metrics::describe_counter!("kleos_http_requests_total", "Requests answered.");
    metrics::describe_histogram!("kleos_http_request_seconds", "Time to answer a request.");
    metrics::describe_histogram!("kleos_desk_batch_commands", "Commands in one commit.");
    metrics::describe_histogram!(
        "kleos_desk_commit_seconds",
        "Time to load, decide, write and commit a batch."
    );
    metrics::describe_gauge!(
        "kleos_desk_queue_commands",
        "Commands that wait at the desks."
    );
    metrics::describe_gauge!("kleos_outbox_notices", "Notices that wait to be delivered.");
    metrics::describe_gauge!(
        "kleos_queued_events",
        "Events of batches that were acknowledged and wait to be carried out."
    );
    RECORDER
        .set(handle)
        .map_err(|_| anyhow::anyhow!("metrics are recorded already"))
}

/// What was recorded so far, in the text format of Prometheus; nothing if this process does not record.
pub fn scrape() -> Option<String> {
    RECORDER.get().map(PrometheusHandle::render)
}

/// Moves finished measurements into their buckets, which bounds memory when nobody scrapes. To be called every few seconds.
pub fn upkeep() {
    if let Some(handle) = RECORDER.get() {
        handle.run_upkeep();
    }
}

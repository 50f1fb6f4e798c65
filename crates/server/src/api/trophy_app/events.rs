//! Recording events (spec/trophy.md 3).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use engine::amount::Amount;
use engine::command::{Command, RecordEvent};
use engine::outcome::Reply;
use wire::trophy_app as w;

use super::{render, users};
use crate::api::answer;
use crate::app::App;
use crate::body::{RawBody, Segment};
use crate::door::AppCaller;
use crate::problem::{Problem, Result};

/// The longest idempotency key.
const KEY_LENGTH_MAX: usize = 1_024;

/// Records an event of a metric for a user and answers at once with everything that it changed.
#[utoipa::path(
    post, path = "/metrics/{key}/event", operation_id = "metrics_event", tag = "Metrics",
    params(
        ("key" = String, Path, description = "The key of the metric."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 1024, description = "Repeats with the same key change nothing."),
    ),
    request_body = w::MetricEventRequest,
    responses(
        (status = 201, description = "The event was recorded.", body = w::EventResponse),
        (status = 202, description = "It had been recorded before.", body = w::EventResponse),
        (status = 400, description = "The body cannot be read.", body = wire::ErrorBody),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such metric.", body = wire::ErrorBody),
        (status = 422, description = "The event is not acceptable.", body = wire::ErrorBody),
    ),
)]
pub async fn record_event(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(key): Segment,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response> {
    let request: w::MetricEventRequest = body.object()?;
    let (id, update) = request.user.into();
    caller.must_be(&id)?;
    let idempotency_key = idempotency_key(&headers)?;
    let value = value(&request.value)?;
    let event = RecordEvent {
        metric: key,
        value,
        attributes: request.attributes.unwrap_or_default(),
        user: users::patch(update)?,
        idempotency_key: idempotency_key.clone(),
    };
    let done = app
        .command(&caller, &id, Command::RecordEvent(event))
        .await?;
    let Reply::Event(event) = &done.reply else {
        return Err(Problem::internal(&std::fmt::Error));
    };
    let catalog = &done.catalog;
    let response = w::EventResponse {
        event_id: event.event.to_string(),
        metric_id: event.metric.to_string(),
        total: event.total.to_f64(),
        achievements: event
            .completed
            .iter()
            .filter_map(|(id, completion)| {
                Some(render::user_achievement(
                    catalog,
                    catalog.achievement(*id)?,
                    Some(completion),
                ))
            })
            .collect(),
        current_streak: render::event_streak(&catalog.streak, &event.streak, event.is_extended),
        points: render::points(catalog, &event.points, done.at),
        leaderboards: render::event_leaderboards(catalog, &event.boards, &done.standings, done.at),
        idempotent_replayed: idempotency_key.is_some().then_some(event.is_replay),
        idempotency_key,
    };
    let status = if event.is_replay {
        StatusCode::ACCEPTED
    } else {
        StatusCode::CREATED
    };
    Ok(answer(status, response))
}

/// How much, as it was sent.
pub fn value(sent: &serde_json::Number) -> Result<Amount> {
    Amount::parse(&sent.to_string())
        .map_err(|error| Problem::unprocessable(format!("value {error}")))
}

/// An idempotency key that can be kept; `name` is what the caller knows it by.
pub fn check_key(name: &str, key: &str) -> Result<()> {
    if key.is_empty() || key.chars().count() > KEY_LENGTH_MAX {
        return Err(Problem::unprocessable(format!(
            "{name} must have 1 to {KEY_LENGTH_MAX} characters"
        )));
    }
    Ok(())
}

/// The key under which a request may be repeated.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value.as_bytes())
        .map_err(|_| Problem::unprocessable("Idempotency-Key must be valid UTF-8"))?;
    check_key("Idempotency-Key", text)?;
    Ok(Some(text.to_owned()))
}

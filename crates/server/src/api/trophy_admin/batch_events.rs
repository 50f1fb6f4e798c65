//! Many events in one call, acknowledged first and carried out later (spec/trophy.md 3.8).
//!
//! What can be judged by the call alone is judged before the answer; what depends on the user or on attributes is left to the
//! rules (AMB-17).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::command::RecordEvent;
use engine::user::{self, Patch};
use store::event_queue::Queued;
use wire::trophy_admin as w;

use crate::api::answer;
use crate::api::trophy_app::{events, users};
use crate::app::App;
use crate::body::RawBody;
use crate::door::AdminCaller;
use crate::problem::{Problem, Result};

/// The most events of one call.
const EVENTS_MAX: usize = 1_000;

/// Takes events to be carried out soon, in their order for each user.
///
/// Nothing is taken if any item cannot be read or names an unknown metric. Items that turn out to be
/// unacceptable later are dropped and logged.
#[utoipa::path(
    post, path = "/metrics/events", operation_id = "admin_metrics_batch_events", tag = "Metrics",
    request_body = Vec<w::BatchMetricEvent>,
    responses(
        (status = 202, description = "The events are on disk and will be carried out.", body = w::BatchEventsResponse),
        (status = 400, description = "An item cannot be read, or there are none or more than 1,000.", body = wire::ErrorBody),
        (status = 404, description = "An item names an unknown metric.", body = wire::ErrorBody),
        (status = 422, description = "An item is not acceptable.", body = wire::ErrorBody),
    ),
)]
pub async fn batch_events(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let sent = app.blocking(move |_| read(&body)).await?;
    let accepted = sent.len();
    app.add(&caller, move |view| {
        for (index, item) in sent.iter().enumerate() {
            let refused =
                |member: &str, problem: Problem| Err(problem.of(&format!("[{index}].{member}")));
            if view.catalog.metric_by_key(&item.metric).is_none() {
                return refused("key", Problem::not_found("metric", &item.metric));
            }
            if let Err(refusal) = user::check(&view.catalog, None, &item.about, view.now) {
                return refused("user", refusal.into());
            }
        }
        let mut ids = view.app.room.ids();
        let queued: Vec<Queued> = sent
            .into_iter()
            .map(|item| {
                let arrived = view.stamp();
                Queued {
                    id: ids.uuid(arrived),
                    user: item.user,
                    body: item.text,
                    arrived,
                }
            })
            .collect();
        drop(ids);
        Ok(store::event_queue::insert(view.tx, view.space, &queued)?)
    })
    .await?;
    app.event_queue.notify_one();
    Ok(answer(
        StatusCode::ACCEPTED,
        w::BatchEventsResponse { accepted },
    ))
}

/// What of an item is needed to keep it.
struct Sent {
    metric: String,
    user: String,
    /// What it says of the user, without what only the user's rows can judge: which attributes there
    /// are, and whether an address is known.
    about: Patch,
    text: String,
}

fn read(body: &RawBody) -> Result<Vec<Sent>> {
    let items = body.items::<w::BatchMetricEvent>(EVENTS_MAX)?;
    let sent = items.into_iter().enumerate().map(|(index, (text, item))| {
        let user = item.user.id.clone();
        let event = check(item).map_err(|problem| problem.of(&format!("[{index}]")))?;
        Ok(Sent {
            metric: event.metric,
            user,
            about: Patch {
                attributes: [].into(),
                is_subscribed: None,
                ..event.user
            },
            text: text.to_owned(),
        })
    });
    sent.collect()
}

/// The command that an item stands for, as it was kept.
pub fn command(text: &str) -> Result<RecordEvent> {
    let item = serde_json::from_str(text).map_err(|error| Problem::malformed(error.to_string()))?;
    event(item)
}

fn event(item: w::BatchMetricEvent) -> Result<RecordEvent> {
    let (_, update) = item.user.into();
    Ok(RecordEvent {
        metric: item.key,
        value: events::value(&item.value)?,
        attributes: item.attributes.unwrap_or_default(),
        user: users::patch(update)?,
        idempotency_key: item.idempotency_key,
    })
}

/// Refuses what nothing that is kept could make acceptable.
fn check(item: w::BatchMetricEvent) -> Result<RecordEvent> {
    user::check_id(&item.user.id).map_err(|refusal| Problem::from(refusal).of("user"))?;
    let event = event(item)?;
    if let Some(key) = &event.idempotency_key {
        events::check_key("idempotencyKey", key)?;
    }
    for (key, value) in &event.attributes {
        user::check_text(&format!("attribute {key}"), value)?;
    }
    Ok(event)
}

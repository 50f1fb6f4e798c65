//! Endpoints of webhooks, and what was sent to them: our extension of the Admin API (spec/trophy.md 9.1, 9.2, AMB-47).
//!
//! Endpoints belong to the environment. Must not know how messages are sent; it only wakes the worker that does.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::id::Ids;
use jiff::{SignedDuration, Timestamp};
use store::access::{self, Environment};
use store::delivery::{self, NewDelivery, Wanted};
use store::driver::Tx;
use store::job::Task;
use store::webhook::{self, Endpoint};
use uuid::Uuid;
use wire::trophy_admin as w;
use wire::webhook_endpoint as v;

use super::batch::{self, Fault, ItemResult};
use crate::api::answer;
use crate::app::App;
use crate::body::{RawBody, Segment, Segments};
use crate::door::{Caller, EnvironmentCaller};
use crate::problem::{Problem, Result};
use crate::query::Query;
use crate::webhooks::{samples, sign};

const NOT_FOUND: &str = "Webhook not found by ID";
const NO_DELIVERY: &str = "Delivery not found by ID";
/// How long the old secret signs as well: by default and at most, in seconds.
const OVERLAP_SECONDS: i64 = 24 * 3_600;
const OVERLAP_SECONDS_MAX: i64 = 7 * 24 * 3_600;

fn instant(at: Timestamp) -> String {
    format!("{at:.3}")
}

fn shown(endpoint: &Endpoint, now: Timestamp) -> v::Webhook {
    let old = endpoint.old_secret.as_ref();
    v::Webhook {
        id: endpoint.id.to_string(),
        name: endpoint.name.clone(),
        url: endpoint.url.clone(),
        events: v::WebhookType::ALL
            .iter()
            .copied()
            .filter(|one| endpoint.kinds.contains(one.as_str()))
            .collect(),
        status: if endpoint.is_active {
            v::WebhookStatus::Active
        } else {
            v::WebhookStatus::Disabled
        },
        disabled_reason: endpoint.disabled_reason.clone(),
        secret: endpoint.secret.clone(),
        previous_secret_until: old
            .filter(|(_, until)| now < *until)
            .map(|old| instant(old.1)),
        created: instant(endpoint.created),
        updated: instant(endpoint.updated),
    }
}

fn shown_delivery(one: delivery::Delivery) -> v::WebhookDelivery {
    v::WebhookDelivery {
        id: one.id.to_string(),
        event_id: one.event.to_string(),
        message_type: one.kind,
        status: match one.state {
            delivery::State::Pending => v::DeliveryStatus::Pending,
            delivery::State::Delivered => v::DeliveryStatus::Delivered,
            delivery::State::Failed => v::DeliveryStatus::Failed,
        },
        body: String::from_utf8_lossy(&one.body).into_owned(),
        created: instant(one.created),
        next_attempt: one.due.map(instant),
        finished: one.finished.map(instant),
        attempts: one.attempts.into_iter().map(shown_attempt).collect(),
    }
}

fn shown_attempt(one: delivery::Attempt) -> v::WebhookAttempt {
    v::WebhookAttempt {
        number: one.number,
        at: instant(one.at),
        duration_ms: one.took_ms,
        status: one.status,
        error: one.error,
        answer: one.answer,
    }
}

fn kinds(events: &[v::WebhookType]) -> BTreeSet<String> {
    events.iter().map(|one| one.as_str().to_owned()).collect()
}

fn check_secret(secret: &str) -> std::result::Result<(), String> {
    let length = secret.chars().count();
    if !(16..=256).contains(&length) || secret.chars().any(char::is_control) {
        return Err("secret must have 16 to 256 printable characters".to_owned());
    }
    Ok(())
}

/// The secret that was asked for, or a random one.
fn secret_or_random(given: Option<String>) -> ItemResult<String> {
    match given {
        Some(secret) => {
            check_secret(&secret)?;
            Ok(secret)
        }
        None => sign::new_secret()
            .map_err(|error| Fault::Fatal(Problem::internal(&std::io::Error::from(error)))),
    }
}

/// What is wrong with an endpoint.
fn check(app: &App, endpoint: &Endpoint) -> std::result::Result<(), String> {
    if endpoint.name.trim().is_empty() || endpoint.name.chars().count() > 255 {
        return Err("name must have 1 to 255 characters".to_owned());
    }
    if endpoint.kinds.is_empty() {
        return Err("events must name at least one type".to_owned());
    }
    app.outbound.reach.check(&endpoint.url)
}

fn set_status(endpoint: &mut Endpoint, status: v::WebhookStatus) {
    let is_active = status == v::WebhookStatus::Active;
    if is_active != endpoint.is_active {
        endpoint.is_active = is_active;
        endpoint.disabled_reason = (!is_active).then(|| "switched off".to_owned());
    }
}

fn find(tx: &mut Tx<'_>, environment: Environment, id: Uuid) -> Result<Endpoint> {
    webhook::find(tx, environment, id)?.ok_or_else(|| Problem::absent(NOT_FOUND))
}

/// An endpoint that messages go to.
fn find_active(tx: &mut Tx<'_>, environment: Environment, id: Uuid) -> Result<Endpoint> {
    let endpoint = find(tx, environment, id)?;
    if endpoint.is_active {
        Ok(endpoint)
    } else {
        Err(Problem::conflict(
            "the webhook is disabled: activate it before sending anything there",
        ))
    }
}

fn find_delivery(tx: &mut Tx<'_>, endpoint: &Endpoint, id: Uuid) -> Result<v::WebhookDelivery> {
    delivery::find(tx, endpoint.id, id)?
        .map(shown_delivery)
        .ok_or_else(|| Problem::absent(NO_DELIVERY))
}

/// Messages to users are planned only where somebody wants to know of them: whoever begins to, lets all users be looked at.
fn plan_messages(
    tx: &mut Tx<'_>,
    environment: Environment,
    endpoint: &Endpoint,
    ids: &mut Ids,
    now: Timestamp,
) -> store::Result<()> {
    let is_mail = |kind: &String| kind.starts_with("emails.");
    if !endpoint.is_active || !endpoint.kinds.iter().any(is_mail) {
        return Ok(());
    }
    for space in access::spaces_of(tx, environment)? {
        let id = ids.uuid(now);
        store::job::insert(tx, space, id, Task::Settle, now)?;
    }
    Ok(())
}

/// [`App::administer`] for what leaves messages to be sent or users to be looked at.
async fn administer<T: Send + 'static>(
    app: &App,
    caller: &Caller,
    work: impl FnOnce(&mut Tx<'_>, &mut Ids, Timestamp) -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = app.administer(caller, work).await?;
    app.room.deliveries.notify_one();
    app.room.jobs.notify_one();
    Ok(done)
}

/// Lists the endpoints of the environment, oldest first. A Kleos extension.
#[utoipa::path(
    get, path = "/webhooks", operation_id = "kleos_webhooks_list", tag = "Kleos",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many, 10 if not said."),
        ("skip" = Option<i64>, Query, minimum = 0, description = "How many to leave out."),
    ),
    responses(
        (status = 200, description = "The endpoints.", body = Vec<v::Webhook>),
    ),
)]
pub async fn list_webhooks(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    query: Query,
) -> Result<Json<Vec<v::Webhook>>> {
    let environment = caller.environment;
    let (limit, skip) = query.page()?;
    app.read(&caller, move |view| {
        let now = view.app.room.clock.now();
        let endpoints = webhook::list(view.tx, environment, limit, skip)?;
        Ok(Json(endpoints.iter().map(|one| shown(one, now)).collect()))
    })
    .await
}

/// Creates endpoints. A Kleos extension.
#[utoipa::path(
    post, path = "/webhooks", operation_id = "kleos_webhooks_create", tag = "Kleos",
    request_body = Vec<v::CreateWebhookRequestItem>,
    responses(
        (status = 200, description = "None was created.", body = w::Created<v::Webhook>),
        (status = 201, description = "At least one was created.", body = w::Created<v::Webhook>),
    ),
)]
pub async fn create_webhooks(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    body: RawBody,
) -> Result<Response> {
    let environment = caller.environment;
    let items = batch::items(&body)?;
    let process = app.clone();
    administer(&app, &caller, move |tx, ids, now| {
        batch::create_each(items, |item: v::CreateWebhookRequestItem| {
            let mut endpoint = Endpoint {
                id: ids.uuid(now),
                name: item.name,
                url: item.url,
                kinds: kinds(&item.events),
                secret: secret_or_random(item.secret)?,
                old_secret: None,
                is_active: true,
                disabled_reason: None,
                created: now,
                updated: now,
            };
            check(&process, &endpoint)?;
            set_status(
                &mut endpoint,
                item.status.unwrap_or(v::WebhookStatus::Active),
            );
            webhook::insert(tx, environment, &endpoint)?;
            plan_messages(tx, environment, &endpoint, ids, now)?;
            Ok(shown(&endpoint, now))
        })
    })
    .await
}

/// Updates endpoints. A Kleos extension.
#[utoipa::path(
    patch, path = "/webhooks", operation_id = "kleos_webhooks_update", tag = "Kleos",
    request_body = Vec<v::UpdateWebhookRequestItem>,
    responses(
        (status = 200, description = "What was updated.", body = w::Updated<v::Webhook>),
    ),
)]
pub async fn update_webhooks(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    body: RawBody,
) -> Result<Response> {
    let environment = caller.environment;
    let items = batch::items(&body)?;
    let process = app.clone();
    administer(&app, &caller, move |tx, ids, now| {
        batch::update_each(items, |id, item: v::UpdateWebhookRequestItem| {
            let before = webhook::find(tx, environment, id)?.ok_or(NOT_FOUND)?;
            let mut endpoint = before.clone();
            endpoint.name = item.name.unwrap_or(endpoint.name);
            endpoint.url = item.url.unwrap_or(endpoint.url);
            if let Some(events) = &item.events {
                endpoint.kinds = kinds(events);
            }
            if let Some(status) = item.status {
                set_status(&mut endpoint, status);
            }
            if endpoint != before {
                check(&process, &endpoint)?;
                endpoint.updated = now;
                webhook::update(tx, environment, &endpoint)?;
                plan_messages(tx, environment, &endpoint, ids, now)?;
            }
            Ok(shown(&endpoint, now))
        })
    })
    .await
}

/// Deletes endpoints with everything that was sent or waits to be sent there. A Kleos extension.
#[utoipa::path(
    delete, path = "/webhooks", operation_id = "kleos_webhooks_delete", tag = "Kleos",
    params(
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids, 1 to 100."),
    ),
    responses(
        (status = 200, description = "What was deleted.", body = w::Deleted),
    ),
)]
pub async fn delete_webhooks(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    query: Query,
) -> Result<Response> {
    let environment = caller.environment;
    let ids = batch::ids(&query)?;
    app.administer(&caller, move |tx, _, _| {
        batch::delete_each(ids, |id| {
            if webhook::delete(tx, environment, id)? {
                Ok(())
            } else {
                Err(NOT_FOUND.into())
            }
        })
    })
    .await
}

/// Shows one endpoint. A Kleos extension.
#[utoipa::path(
    get, path = "/webhooks/{id}", operation_id = "kleos_webhooks_get", tag = "Kleos",
    params(("id" = String, Path, description = "The id of the endpoint.")),
    responses(
        (status = 200, description = "The endpoint.", body = v::Webhook),
        (status = 404, description = "There is no such endpoint.", body = wire::ErrorBody),
    ),
)]
pub async fn get_webhook(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    Segment(id): Segment,
) -> Result<Json<v::Webhook>> {
    let environment = caller.environment;
    let id = batch::path_id(&id)?;
    app.read(&caller, move |view| {
        let now = view.app.room.clock.now();
        let endpoint = find(view.tx, environment, id)?;
        Ok(Json(shown(&endpoint, now)))
    })
    .await
}

/// Gives an endpoint a new secret; the old one signs as well for a while. A Kleos extension.
#[utoipa::path(
    post, path = "/webhooks/{id}/rotate-secret", operation_id = "kleos_webhooks_rotate_secret", tag = "Kleos",
    params(("id" = String, Path, description = "The id of the endpoint.")),
    request_body = v::RotateWebhookSecret,
    responses(
        (status = 200, description = "The endpoint with its new secret.", body = v::Webhook),
        (status = 404, description = "There is no such endpoint.", body = wire::ErrorBody),
    ),
)]
pub async fn rotate_webhook_secret(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    Segment(id): Segment,
    body: RawBody,
) -> Result<Json<v::Webhook>> {
    let environment = caller.environment;
    let id = batch::path_id(&id)?;
    let wanted: v::RotateWebhookSecret = batch::object(&body)?;
    let overlap = wanted.overlap_seconds.unwrap_or(OVERLAP_SECONDS);
    if !(0..=OVERLAP_SECONDS_MAX).contains(&overlap) {
        return Err(Problem::unprocessable(format!(
            "overlapSeconds must be a whole number from 0 to {OVERLAP_SECONDS_MAX}"
        )));
    }
    let secret = secret_or_random(wanted.secret).map_err(|fault| match fault {
        Fault::Issue(message) => Problem::unprocessable(message),
        Fault::Fatal(problem) => problem,
    })?;
    administer(&app, &caller, move |tx, _, now| {
        let mut endpoint = find(tx, environment, id)?;
        let until = now.saturating_add(SignedDuration::from_secs(overlap));
        let until = until.map_err(|error| Problem::internal(&error))?;
        let old = std::mem::replace(&mut endpoint.secret, secret);
        endpoint.old_secret = (overlap > 0).then_some((old, until));
        endpoint.updated = now;
        webhook::update(tx, environment, &endpoint)?;
        Ok(Json(shown(&endpoint, now)))
    })
    .await
}

/// Sends a sample message of a type to an endpoint, on the way of all messages. A Kleos extension.
#[utoipa::path(
    post, path = "/webhooks/{id}/test", operation_id = "kleos_webhooks_test", tag = "Kleos",
    params(("id" = String, Path, description = "The id of the endpoint.")),
    request_body = v::TestWebhook,
    responses(
        (status = 201, description = "The message, which is on its way.", body = v::WebhookDelivery),
        (status = 404, description = "There is no such endpoint.", body = wire::ErrorBody),
        (status = 409, description = "The endpoint is disabled.", body = wire::ErrorBody),
    ),
)]
pub async fn test_webhook(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    Segment(id): Segment,
    body: RawBody,
) -> Result<Response> {
    let id = batch::path_id(&id)?;
    let wanted: v::TestWebhook = batch::object(&body)?;
    let environment = caller.environment;
    administer(&app, &caller, move |tx, ids, now| {
        let endpoint = find_active(tx, environment, id)?;
        let space = access::default_space(tx, environment)?.ok_or_else(Problem::busy)?;
        let id = ids.uuid(now);
        let sample = samples::body(wanted.message_type, now).to_string();
        let message = NewDelivery {
            id,
            endpoint: endpoint.id,
            space,
            event: ids.uuid(now),
            kind: wanted.message_type.as_str(),
            body: sample.as_bytes(),
        };
        delivery::insert(tx, &[message], now)?;
        let sent = find_delivery(tx, &endpoint, id)?;
        Ok(answer(StatusCode::CREATED, sent))
    })
    .await
}

/// Lists the messages to an endpoint of the last seven days, newest first. A Kleos extension.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries", operation_id = "kleos_webhooks_deliveries", tag = "Kleos",
    params(
        ("id" = String, Path, description = "The id of the endpoint."),
        ("status" = Option<String>, Query, pattern = "^(pending|delivered|failed)$", description = "Only `pending`, `delivered` or `failed` ones."),
        ("type" = inline(Option<v::WebhookType>), Query, description = "Only those of a type."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many, 10 if not said."),
        ("skip" = Option<i64>, Query, minimum = 0, description = "How many to leave out."),
    ),
    responses(
        (status = 200, description = "The messages.", body = Vec<v::WebhookDelivery>),
        (status = 404, description = "There is no such endpoint.", body = wire::ErrorBody),
    ),
)]
pub async fn list_webhook_deliveries(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    Segment(id): Segment,
    query: Query,
) -> Result<Json<Vec<v::WebhookDelivery>>> {
    let environment = caller.environment;
    let id = batch::path_id(&id)?;
    let (limit, skip) = query.page()?;
    let state = query.one("status").map(|name| {
        delivery::State::named(name)
            .ok_or_else(|| Problem::unprocessable("status must be pending, delivered or failed"))
    });
    let state = state.transpose()?;
    let kind = query.one("type").map(|name| {
        v::WebhookType::named(name)
            .ok_or_else(|| Problem::unprocessable("type must be a type of message"))
    });
    let kind = kind.transpose()?;
    app.read(&caller, move |view| {
        let endpoint = find(view.tx, environment, id)?;
        let wanted = Wanted {
            state,
            kind: kind.map(v::WebhookType::as_str),
            limit,
            skip,
        };
        let listed = delivery::list(view.tx, endpoint.id, wanted)?;
        Ok(Json(listed.into_iter().map(shown_delivery).collect()))
    })
    .await
}

/// Sends a message once more. A Kleos extension.
#[utoipa::path(
    post, path = "/webhooks/{id}/deliveries/{deliveryId}/replay", operation_id = "kleos_webhooks_replay_delivery",
    tag = "Kleos",
    params(
        ("id" = String, Path, description = "The id of the endpoint."),
        ("deliveryId" = String, Path, description = "The id of the message."),
    ),
    responses(
        (status = 200, description = "The message, which is on its way.", body = v::WebhookDelivery),
        (status = 404, description = "There is no such endpoint or message.", body = wire::ErrorBody),
        (status = 409, description = "The endpoint is disabled.", body = wire::ErrorBody),
    ),
)]
pub async fn replay_webhook_delivery(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    Segments(id, delivery_id): Segments,
) -> Result<Json<v::WebhookDelivery>> {
    let environment = caller.environment;
    let id = batch::path_id(&id)?;
    let delivery_id = batch::path_id(&delivery_id)?;
    administer(&app, &caller, move |tx, _, now| {
        let endpoint = find_active(tx, environment, id)?;
        delivery::replay(tx, endpoint.id, delivery_id, now)?;
        Ok(Json(find_delivery(tx, &endpoint, delivery_id)?))
    })
    .await
}

/// Sends everything once more that was made since an instant and failed. A Kleos extension.
#[utoipa::path(
    post, path = "/webhooks/{id}/replay", operation_id = "kleos_webhooks_replay", tag = "Kleos",
    params(("id" = String, Path, description = "The id of the endpoint.")),
    request_body = v::ReplayWebhook,
    responses(
        (status = 200, description = "How much is sent once more.", body = v::ReplayedWebhook),
        (status = 404, description = "There is no such endpoint.", body = wire::ErrorBody),
        (status = 409, description = "The endpoint is disabled.", body = wire::ErrorBody),
    ),
)]
pub async fn replay_webhook(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    Segment(id): Segment,
    body: RawBody,
) -> Result<Json<v::ReplayedWebhook>> {
    let environment = caller.environment;
    let id = batch::path_id(&id)?;
    let wanted: v::ReplayWebhook = batch::object(&body)?;
    let since: Timestamp = wanted.since.parse().map_err(|_| {
        Problem::unprocessable("since must be an instant, such as 2026-01-15T09:30:00Z")
    })?;
    administer(&app, &caller, move |tx, _, now| {
        let endpoint = find_active(tx, environment, id)?;
        let replayed = delivery::replay_failed(tx, endpoint.id, since, now)?;
        Ok(Json(v::ReplayedWebhook { replayed }))
    })
    .await
}

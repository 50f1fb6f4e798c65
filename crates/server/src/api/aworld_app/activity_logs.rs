//! What users did, told as activities (spec/aworld.md 3.1, 4.8).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::amount::Amount;
use engine::command::{Command, LogActivity};
use engine::outcome::{ActivityLog, ActivityOutcome, Reply};
use engine::rule::is_bounded_data;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::aworld as w;

use crate::api::aworld::ask::{answered, ask};
use crate::api::aworld::once::{OnceHeader, OnceKey};
use crate::api::aworld::time::{instant, iso};
use crate::api::aworld::{provenance, user};
use crate::app::App;
use crate::bearer::{AppBearer, insufficient};
use crate::body::RawBody;
use crate::problem::{Detail, Problem, Result};

/// The most words on one log.
const TAGS_MAX: usize = 50;
/// The longest id and the longest word.
const TEXT_CHARS_MAX: usize = 255;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_activity_log))
}

/// Logs an activity.
#[utoipa::path(
    post, path = "/activity-logs", operation_id = "aworld_app_create_activity_log", tag = "Activity logs",
    params(
        OnceHeader,
    ),
    request_body = w::CreateActivityLog,
    responses(
        (status = 201, description = "The log.", body = w::ActivityLog),
        (status = 409, description = "There is a log with this id.", body = w::ErrorEnvelope),
    ),
)]
async fn create_activity_log(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    once: OnceKey,
    body: RawBody,
) -> Result<Response> {
    if let Some(answer) = answered(&app, &bearer, &once).await? {
        return Ok(answer);
    }
    let request: w::CreateActivityLog = body.object()?;
    let external_id = match &bearer.acting {
        Some(acting) if acting.id.0.to_string() == request.user_id => acting.external_id.clone(),
        Some(_) => return Err(insufficient("userId must be the user of the call")),
        None => {
            let named = request.user_id.clone();
            let find = app.read(&bearer.caller, move |view| user::find(view, &named));
            find.await?.external_id
        }
    };
    let activity = request.activity_id.clone();
    let user = request.user_id.clone();
    let command = Command::LogActivity(log(request)?);
    let provenance = provenance::of(&bearer);
    ask(
        &app,
        &bearer,
        &once,
        &external_id,
        command,
        StatusCode::CREATED,
        move |reply, _, _| match reply {
            Reply::Activity(log) => Some(shown(log, &activity, &user, &provenance)),
            _ => None,
        },
    )
    .await
}

/// Reads a request; 400 tells everything that is wrong.
fn log(request: w::CreateActivityLog) -> Result<LogActivity> {
    let mut wrong = Vec::new();
    let mut note = |field: &str, message: String| {
        wrong.push(Detail {
            field: field.to_owned(),
            message,
        });
    };
    let value = request
        .value
        .and_then(|value| match Amount::parse(&value.to_string()) {
            Ok(value) => Some(value),
            Err(error) => {
                note("value", error.to_string());
                None
            }
        });
    let is_short = |text: &str| text.chars().count() <= TEXT_CHARS_MAX;
    if let Some(tags) = &request.tags {
        if tags.len() > TAGS_MAX {
            note("tags", format!("must have at most {TAGS_MAX} items"));
        }
        if !tags.iter().all(|tag| is_short(tag)) {
            note(
                "tags",
                format!("items must have at most {TEXT_CHARS_MAX} characters"),
            );
        }
    }
    let additional_data = request.additional_data.map(Value::Object);
    if let Some(data) = &additional_data
        && let Err(why) = is_bounded_data(data)
    {
        note("additionalData", why);
    }
    if let Some(id) = &request.activity_log_id
        && (id.is_empty() || !is_short(id) || id.contains(['/', '\0']))
    {
        note(
            "activityLogId",
            "must have 1 to 255 characters and no / or NUL".to_owned(),
        );
    }
    let completed = request
        .completed_at
        .and_then(|text| match instant("completedAt", &text) {
            Ok(at) => Some(at),
            Err(problem) => {
                wrong.extend(problem.details);
                None
            }
        });
    if !wrong.is_empty() {
        return Err(Problem::invalid(wrong));
    }
    Ok(LogActivity {
        activity: request.activity_id,
        id: request.activity_log_id,
        outcome: request.outcome.map(|outcome| match outcome {
            w::ActivityOutcome::Success => ActivityOutcome::Success,
            w::ActivityOutcome::Failure => ActivityOutcome::Failure,
        }),
        value,
        tags: request.tags,
        additional_data,
        completed,
    })
}

fn shown(
    log: &ActivityLog,
    activity: &str,
    user: &str,
    provenance: &w::Provenance,
) -> w::ActivityLog {
    w::ActivityLog {
        activity_log_id: log.id.clone(),
        activity_id: activity.to_owned(),
        user_id: user.to_owned(),
        outcome: log.outcome.map(|outcome| match outcome {
            ActivityOutcome::Success => w::ActivityOutcome::Success,
            ActivityOutcome::Failure => w::ActivityOutcome::Failure,
        }),
        value: log.value.map(Amount::to_f64),
        tags: log.tags.clone(),
        additional_data: log.additional_data.clone(),
        completed_at: iso(log.completed),
        provenance: provenance.clone(),
        created_at: iso(log.created),
        updated_at: iso(log.created),
    }
}

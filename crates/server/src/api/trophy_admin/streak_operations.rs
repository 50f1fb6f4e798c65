//! Freezes, pauses, restores and resets of users' streaks (spec/trophy.md 5.7, 5.8, 13.13, 15.3).
//!
//! Every item is a command of its own at the desk; users are served side by side, the items of one user in their order.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use engine::command::Command;
use engine::id::PauseId;
use engine::outcome::Reply;
use serde_json::Value;
use tokio::task::JoinSet;
use wire::trophy_admin as w;

use super::batch;
use crate::api::answer;
use crate::api::trophy_app::events::idempotency_key;
use crate::app::{App, Done};
use crate::body::RawBody;
use crate::desk::{Keep, fingerprint};
use crate::door::{AdminCaller, Caller};
use crate::problem::{Problem, Result};
use crate::query::{self, Query};

const NO_USER: &str = "User does not exist";
const NO_PAUSE: &str = "Streak pause not found by ID";

/// One thing to do about one user.
struct Ask {
    user: String,
    command: Command,
    keep: Option<Keep>,
}

impl Ask {
    fn of(user: &str, command: Command) -> Self {
        Self {
            user: user.to_owned(),
            command,
            keep: None,
        }
    }
}

/// What came of it: the reply, or why not.
type Said = std::result::Result<Reply, String>;

/// Carries out commands; the results stand in the order of the commands. `missing`: what to say where
/// there is nothing to act on.
async fn carry_out(
    app: &App,
    caller: &Caller,
    asks: Vec<Ask>,
    missing: &'static str,
) -> Result<Vec<Said>> {
    let mut lanes: BTreeMap<String, Vec<(usize, Ask)>> = BTreeMap::new();
    for (index, ask) in asks.into_iter().enumerate() {
        lanes
            .entry(ask.user.clone())
            .or_default()
            .push((index, ask));
    }
    let mut work = JoinSet::new();
    for (_, lane) in lanes {
        let (app, caller) = (app.clone(), caller.clone());
        work.spawn(async move {
            let mut said = Vec::with_capacity(lane.len());
            for (index, ask) in lane {
                said.push((index, one(&app, &caller, ask, missing).await?));
            }
            Ok::<_, Problem>(said)
        });
    }
    let mut all = BTreeMap::new();
    while let Some(lane) = work.join_next().await {
        all.extend(lane.map_err(|error| Problem::internal(&error))??);
    }
    Ok(all.into_values().collect())
}

async fn one(app: &App, caller: &Caller, ask: Ask, missing: &str) -> Result<Said> {
    let done = match ask.keep {
        None => app
            .command(caller, &ask.user, ask.command)
            .await
            .map(|answer| answer.reply),
        Some(keep) => match app.command_once(caller, &ask.user, ask.command, keep).await {
            Ok(Done::Fresh(answer)) => Ok(answer.reply),
            Ok(Done::Repeated(answer)) => serde_json::from_str(&answer.body)
                .map(Reply::Freezes)
                .map_err(|error| Problem::internal(&error)),
            Err(problem) => Err(problem),
        },
    };
    match done {
        Ok(reply) => Ok(Ok(reply)),
        Err(problem) if problem.status == StatusCode::NOT_FOUND => Ok(Err(missing.to_owned())),
        Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            Ok(Err(problem.message))
        }
        Err(problem) => Err(problem),
    }
}

/// An issue of an item that names a user, readable by older clients too: the Node client 1.0 demands `level` and `reason`.
fn of_user(user: &str, severity: w::Severity, message: impl Into<String>) -> w::AdminIssue {
    let message = message.into();
    w::AdminIssue {
        user_id: Some(user.to_owned()),
        level: Some(severity),
        reason: Some(message.clone()),
        ..batch::issue(severity, message)
    }
}

/// What an item says, or what is wrong with it.
type Read<T> = std::result::Result<T, Box<w::AdminIssue>>;

/// The user that an item names, by the name of the member; an issue for an item that names none.
fn user_of(item: &Value, index: usize, member: &str) -> Read<String> {
    let user = item.get(member).and_then(Value::as_str).map(str::to_owned);
    user.ok_or_else(|| {
        Box::new(w::AdminIssue {
            index: Some(index),
            ..batch::issue(w::Severity::Error, format!("{member} must be a string"))
        })
    })
}

fn created_if(is_any: bool) -> StatusCode {
    if is_any {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    }
}

/// Grants freezes, one for each item.
#[utoipa::path(
    post, path = "/streaks/freezes", operation_id = "admin_streaks_freezes_create", tag = "Streaks",
    params(
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 1024, description = "Repeats with the same key within five minutes grant nothing more."),
    ),
    request_body = w::CreateStreakFreezesRequest,
    responses(
        (status = 201, description = "At least one freeze was granted.", body = w::CreateStreakFreezesResponse),
        (status = 200, description = "None was granted.", body = w::CreateStreakFreezesResponse),
        (status = 400, description = "There are no freezes here.", body = wire::ErrorBody),
        (status = 422, description = "The body is not acceptable.", body = wire::ErrorBody),
    ),
)]
pub async fn create_streak_freezes(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response> {
    let request: w::CreateStreakFreezesRequest = batch::object(&body)?;
    let items = batch::check_named(request.freezes, "freezes")?;
    let key = idempotency_key(&headers)?;
    let users: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(index, item)| user_of(item, index, "userId"))
        .collect();
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for user in users.iter().flatten() {
        *counts.entry(user).or_default() += 1;
    }
    let asks = counts.iter().map(|(user, count)| Ask {
        user: (*user).to_owned(),
        command: Command::GrantFreezes { count: *count },
        keep: key.as_deref().map(|key| keep_grant(key, user)),
    });
    let said = carry_out(&app, &caller, asks.collect(), NO_USER).await?;
    let mut left: BTreeMap<&str, std::result::Result<i64, String>> = counts
        .into_keys()
        .zip(said)
        .map(|(user, said)| match said {
            Ok(Reply::Freezes(granted)) => (user, Ok(granted)),
            Ok(_) => (user, Ok(0)),
            Err(message) => (user, Err(message)),
        })
        .collect();
    let mut issues = Vec::new();
    let mut is_any = false;
    for user in &users {
        match user {
            Err(issue) => issues.push((**issue).clone()),
            Ok(user) => match left.get_mut(user.as_str()) {
                Some(Ok(granted)) if *granted > 0 => {
                    *granted -= 1;
                    is_any = true;
                }
                Some(Err(message)) => {
                    issues.push(of_user(user, w::Severity::Error, message.clone()));
                }
                _ => {
                    let message = "Would exceed maximum freeze limit";
                    issues.push(of_user(user, w::Severity::Warning, message));
                }
            },
        }
    }
    Ok(answer(
        created_if(is_any),
        w::CreateStreakFreezesResponse { issues },
    ))
}

/// Keeps how many freezes a user was granted, so that a repeated request grants nothing more.
fn keep_grant(key: &str, user: &str) -> Keep {
    Keep {
        fingerprint: fingerprint(&[b"POST /streaks/freezes", key.as_bytes(), user.as_bytes()]),
        status: StatusCode::CREATED.as_u16(),
        render: Box::new(|reply, _, _| match reply {
            Reply::Freezes(granted) => Some(granted.to_string()),
            _ => None,
        }),
    }
}

/// Pauses streaks for a time, both dates included.
#[utoipa::path(
    post, path = "/streaks/pauses", operation_id = "admin_streaks_pauses_create", tag = "Streaks",
    request_body = w::CreateStreakPausesRequest,
    responses(
        (status = 201, description = "At least one pause was made.", body = w::Created<w::AdminStreakPause>),
        (status = 200, description = "None was made.", body = w::Created<w::AdminStreakPause>),
        (status = 422, description = "The body is not acceptable.", body = wire::ErrorBody),
    ),
)]
pub async fn create_streak_pauses(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let request: w::CreateStreakPausesRequest = batch::object(&body)?;
    let items = batch::check_named(request.pauses, "pauses")?;
    let read: Vec<_> = items
        .into_iter()
        .enumerate()
        .map(|(index, item)| pause(item, index))
        .collect();
    let asks = read
        .iter()
        .flatten()
        .map(|(item, command)| Ask::of(&item.user_id, command.clone()));
    let mut said = carry_out(&app, &caller, asks.collect(), NO_USER)
        .await?
        .into_iter();
    let mut created = Vec::new();
    let mut issues = Vec::new();
    for item in read {
        match item.map(|(item, _)| (item, said.next())) {
            Err(issue) => issues.push(*issue),
            Ok((item, Some(Ok(Reply::Pause(id))))) => created.push(w::AdminStreakPause {
                id: id.to_string(),
                user_id: item.user_id,
                start: item.start,
                end: item.end,
                status: w::ArchiveStatus::Active,
            }),
            Ok((item, Some(Err(message)))) => {
                issues.push(of_user(&item.user_id, w::Severity::Error, message));
            }
            Ok(_) => return Err(Problem::internal(&std::fmt::Error)),
        }
    }
    let status = created_if(!created.is_empty());
    Ok(answer(status, w::Created { created, issues }))
}

/// Reads a pause.
fn pause(item: Value, index: usize) -> Read<(w::CreateStreakPauseItem, Command)> {
    let user = user_of(&item, index, "userId")?;
    let issue = |message: String| Box::new(of_user(&user, w::Severity::Error, message));
    let item: w::CreateStreakPauseItem = batch::read(item, "item").map_err(issue)?;
    let date = |name: &'static str, text: &str| {
        query::date(name, text).map_err(|problem| issue(problem.message))
    };
    let command = Command::PauseStreak {
        start: date("start", &item.start)?,
        end: date("end", &item.end)?,
    };
    Ok((item, command))
}

/// Takes pauses back; what they have covered stays covered.
#[utoipa::path(
    delete, path = "/streaks/pauses", operation_id = "admin_streaks_pauses_delete", tag = "Streaks",
    params(
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids of 1 to 100 pauses."),
    ),
    responses(
        (status = 200, description = "What was taken back.", body = w::Deleted),
        (status = 422, description = "The ids are not acceptable.", body = wire::ErrorBody),
    ),
)]
pub async fn delete_streak_pauses(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Response> {
    let mut seen = BTreeSet::new();
    let mut ids = batch::ids(&query)?;
    ids.retain(|id| seen.insert(id.clone()));
    let found: Vec<_> = app
        .read(&caller, move |view| {
            ids.into_iter()
                .map(|text| {
                    let id = match batch::parse_id(&text) {
                        Ok(id) => PauseId(id),
                        Err(message) => return Ok((text, Err(message))),
                    };
                    let user = store::streak::paused_user(view.tx, view.space, id)?;
                    Ok((text, user.map(|user| (user, id)).ok_or(NO_PAUSE)))
                })
                .collect::<Result<_>>()
        })
        .await?;
    let asks = found
        .iter()
        .filter_map(|(_, found)| found.as_ref().ok())
        .map(|(user, pause)| Ask::of(user, Command::ArchivePause { pause: *pause }));
    let mut said = carry_out(&app, &caller, asks.collect(), NO_PAUSE)
        .await?
        .into_iter();
    let mut deleted = Vec::new();
    let mut issues = Vec::new();
    for (id, found) in found {
        let result = match found {
            Err(message) => Err(message.to_owned()),
            Ok(_) => said.next().unwrap_or_else(|| Err(NO_PAUSE.to_owned())),
        };
        match result {
            Ok(_) => deleted.push(w::DeletedResource { id }),
            Err(message) => issues.push(w::AdminIssue {
                id: Some(id),
                ..batch::issue(w::Severity::Error, message)
            }),
        }
    }
    Ok(answer(StatusCode::OK, w::Deleted { deleted, issues }))
}

/// Gives streaks back; each as long as it was at its best of late.
#[utoipa::path(
    post, path = "/streaks/restore", operation_id = "admin_streaks_restore", tag = "Streaks",
    request_body = w::RestoreStreaksRequest,
    responses(
        (status = 201, description = "At least one streak was given back.", body = w::RestoreStreaksResponse),
        (status = 200, description = "None was.", body = w::RestoreStreaksResponse),
        (status = 422, description = "The body is not acceptable.", body = wire::ErrorBody),
    ),
)]
pub async fn restore_streaks(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let request: w::RestoreStreaksRequest = batch::object(&body)?;
    let command = Command::RestoreStreak;
    let nothing = "No streak to restore";
    let (restored_users, issues) = correct(&app, &caller, request.users, &command, nothing).await?;
    Ok(answer(
        created_if(!restored_users.is_empty()),
        w::RestoreStreaksResponse {
            restored_users,
            issues,
        },
    ))
}

/// Ends streaks at once.
#[utoipa::path(
    post, path = "/streaks/reset", operation_id = "admin_streaks_reset", tag = "Streaks",
    request_body = w::ResetStreaksRequest,
    responses(
        (status = 200, description = "Whose streaks were ended.", body = w::ResetStreaksResponse),
        (status = 422, description = "The body is not acceptable.", body = wire::ErrorBody),
    ),
)]
pub async fn reset_streaks(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let request: w::ResetStreaksRequest = batch::object(&body)?;
    let command = Command::ResetStreak;
    let nothing = "No streak to reset";
    let (reset_users, issues) = correct(&app, &caller, request.users, &command, nothing).await?;
    Ok(answer(
        StatusCode::OK,
        w::ResetStreaksResponse {
            reset_users,
            issues,
        },
    ))
}

/// Carries out the same command for many users; answers for whom it did something. `nothing`: the
/// warning where there was nothing to do.
async fn correct(
    app: &App,
    caller: &Caller,
    users: Vec<Value>,
    command: &Command,
    nothing: &str,
) -> Result<(Vec<String>, Vec<w::AdminIssue>)> {
    let items = batch::check_named(users, "users")?;
    let users: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(index, item)| user_of(item, index, "id"))
        .collect();
    let asks = users
        .iter()
        .flatten()
        .map(|user| Ask::of(user, command.clone()));
    let mut said = carry_out(app, caller, asks.collect(), NO_USER)
        .await?
        .into_iter();
    let mut done = Vec::new();
    let mut issues = Vec::new();
    for user in users {
        match user.map(|user| (user, said.next())) {
            Err(issue) => issues.push(*issue),
            Ok((user, Some(Ok(Reply::Corrected(true))))) => done.push(user),
            Ok((user, Some(Err(message)))) => {
                issues.push(of_user(&user, w::Severity::Error, message));
            }
            Ok((user, _)) => issues.push(of_user(&user, w::Severity::Warning, nothing)),
        }
    }
    Ok((done, issues))
}

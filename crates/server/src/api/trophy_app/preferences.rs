//! What users want to be told, and how their own streaks count (spec/trophy.md 2.5, 2.6).

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use engine::amount::Amount;
use engine::catalog::Catalog;
use engine::command::{ChangePreferences, Command};
use engine::definition::StreakMode;
use engine::outcome::Reply;
use engine::preferences::{Channel, MessageType, Preferences, StreakPreferences};
use engine::user::Change;
use wire::trophy_app as w;

use super::users;
use crate::app::App;
use crate::body::{RawBody, Segment};
use crate::door::AppCaller;
use crate::problem::{Problem, Result};

fn shown(preferences: &Preferences, catalog: &Catalog) -> w::UserPreferencesResponse {
    let channels = |kind: MessageType| {
        let channels = preferences.messages.get(&kind)?;
        let shown = channels.iter().map(|channel| match channel {
            Channel::Email => w::NotificationChannel::Email,
            Channel::Push => w::NotificationChannel::Push,
        });
        Some(shown.collect())
    };
    w::UserPreferencesResponse {
        notifications: w::NotificationPreferences {
            achievement_completed: channels(MessageType::AchievementCompleted),
            recap: channels(MessageType::Recap),
            reactivation: channels(MessageType::Reactivation),
            streak_reminder: channels(MessageType::StreakReminder),
        },
        streak: preferences.streak.as_ref().map(|own| streak(own, catalog)),
    }
}

fn streak(own: &StreakPreferences, catalog: &Catalog) -> w::StreakPreferences {
    let metrics = own.metrics.as_ref().map(|metrics| {
        metrics
            .iter()
            .filter_map(|(metric, threshold)| {
                let metric = catalog
                    .metric(*metric)
                    .filter(|metric| !metric.is_archived)?;
                Some(w::StreakMetricPreference {
                    key: metric.body.key.clone(),
                    threshold: threshold.to_f64(),
                })
            })
            .collect()
    });
    w::StreakPreferences {
        enabled: Some(own.is_enabled.unwrap_or(true)),
        evaluation_mode: own.mode.map(|mode| match mode {
            StreakMode::Or => w::EvaluationMode::Or,
            StreakMode::And => w::EvaluationMode::And,
        }),
        metrics,
        days_off: own
            .days_off
            .as_ref()
            .map(|days| days.iter().map(|day| i64::from(*day)).collect()),
    }
}

/// What a request changes, for the engine.
fn asked(request: w::UpdateUserPreferencesRequest) -> Result<ChangePreferences> {
    let told = request.notifications.unwrap_or_default();
    let messages = [
        (
            MessageType::AchievementCompleted,
            told.achievement_completed,
        ),
        (MessageType::Recap, told.recap),
        (MessageType::Reactivation, told.reactivation),
        (MessageType::StreakReminder, told.streak_reminder),
    ];
    let messages: BTreeMap<_, _> = messages
        .into_iter()
        .filter_map(|(kind, channels)| {
            let channels = channels?.into_iter().map(|channel| match channel {
                w::NotificationChannel::Email => Channel::Email,
                w::NotificationChannel::Push => Channel::Push,
            });
            Some((kind, channels.collect()))
        })
        .collect();
    let own = request.streak.unwrap_or_default();
    Ok(ChangePreferences {
        messages,
        is_enabled: users::change(own.enabled),
        mode: match users::change(own.evaluation_mode) {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(w::EvaluationMode::Or) => Change::Set(StreakMode::Or),
            Change::Set(w::EvaluationMode::And) => Change::Set(StreakMode::And),
        },
        metrics: match users::change(own.metrics) {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(metrics) => Change::Set(thresholds(metrics)?),
        },
        days_off: match users::change(own.days_off) {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(days) => Change::Set(weekdays(&days)?),
        },
    })
}

fn thresholds(metrics: Vec<w::UpdateStreakMetricPreference>) -> Result<Vec<(String, Amount)>> {
    metrics
        .into_iter()
        .map(|metric| {
            let threshold = Amount::parse(&metric.threshold.to_string()).map_err(|error| {
                Problem::unprocessable(format!("streak.metrics: threshold {error}"))
            })?;
            Ok((metric.key, threshold))
        })
        .collect()
}

fn weekdays(days: &[i64]) -> Result<BTreeSet<i8>> {
    let mut set = BTreeSet::new();
    for day in days {
        let is_new = i8::try_from(*day).is_ok_and(|day| set.insert(day));
        if !is_new {
            let sentence = "streak.daysOff must be different weekdays from 0 (Sunday) to 6";
            return Err(Problem::unprocessable(sentence));
        }
    }
    Ok(set)
}

/// Shows what a user wants to be told, and where the user's streak differs from the settings.
#[utoipa::path(
    get, path = "/users/{id}/preferences", operation_id = "users_get_preferences", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
    ),
    responses(
        (status = 200, description = "The preferences.", body = w::UserPreferencesResponse),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user.", body = wire::ErrorBody),
    ),
)]
pub async fn get_user_preferences(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(id): Segment,
) -> Result<Json<w::UserPreferencesResponse>> {
    caller.must_be(&id)?;
    app.read(&caller, move |view| {
        store::user::find(view.tx, view.space, &id)?
            .map(|user| Json(shown(&user.preferences, &view.catalog)))
            .ok_or_else(|| Problem::not_found("user", &id))
    })
    .await
}

/// Changes preferences: types of notification and members that are not sent stay, null removes an override.
#[utoipa::path(
    patch, path = "/users/{id}/preferences", operation_id = "users_update_preferences", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
    ),
    request_body = w::UpdateUserPreferencesRequest,
    responses(
        (status = 200, description = "All preferences after the change.", body = w::UserPreferencesResponse),
        (status = 403, description = "The key belongs to another user, or users may not change how their streaks count.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user.", body = wire::ErrorBody),
        (status = 422, description = "The change is not acceptable.", body = wire::ErrorBody),
    ),
)]
pub async fn update_user_preferences(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(id): Segment,
    body: RawBody,
) -> Result<Json<w::UserPreferencesResponse>> {
    caller.must_be(&id)?;
    let change = asked(body.object().map_err(Problem::as_unprocessable)?)?;
    let command = Command::ChangePreferences(change);
    let done = app.command(&caller, &id, command).await?;
    match &done.reply {
        Reply::User(user) => Ok(Json(shown(&user.preferences, &done.catalog))),
        _ => Err(Problem::internal(&std::fmt::Error)),
    }
}

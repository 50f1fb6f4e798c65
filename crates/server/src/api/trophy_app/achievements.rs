//! Achievements: all, those of a user, completing one by a call (spec/trophy.md 4.5-4.7).

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::catalog::{AchievementEntry, Catalog};
use engine::command::{Command, CompleteAchievement};
use engine::definition::all_match;
use engine::id::AchievementId;
use engine::outcome::Reply;
use wire::trophy_app as w;

use super::user_metrics::is_shown;
use super::{render, users};
use crate::api::answer;
use crate::app::{App, View};
use crate::body::{RawBody, Segment};
use crate::door::AppCaller;
use crate::problem::{Problem, Result};
use crate::query::Query;

/// Shows all active achievements.
#[utoipa::path(
    get, path = "/achievements", operation_id = "achievements_all", tag = "Achievements",
    params(
        ("userAttributes" = Option<String>, Query, pattern = "^[^:,]+:[^,]*(,[^:,]+:[^,]*)*$", description = "`key:value` pairs, separated by commas: only achievements that a user with these attributes can complete."),
    ),
    responses(
        (status = 200, description = "The achievements, oldest first.", body = [w::AchievementWithStatsResponse]),
    ),
)]
pub async fn list_achievements(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    query: Query,
) -> Result<Json<Vec<w::AchievementWithStatsResponse>>> {
    let attributes: Option<BTreeMap<String, String>> = query
        .attributes("userAttributes")?
        .map(|pairs| pairs.into_iter().collect());
    app.read(&caller, move |view| {
        let figures = Figures::read(view)?;
        let shown = view
            .catalog
            .achievements()
            .filter(|entry| entry.is_active())
            .filter(|entry| {
                attributes
                    .as_ref()
                    .is_none_or(|a| all_match(&entry.user_filters, a))
            })
            .map(|entry| figures.show(&view.catalog, entry))
            .collect();
        Ok(Json(shown))
    })
    .await
}

/// Shows what a user has achieved and, if asked, what the user can still achieve.
#[utoipa::path(
    get, path = "/users/{id}/achievements", operation_id = "users_achievements", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
        ("includeIncomplete" = Option<String>, Query, description = "`true` for incomplete achievements as well."),
    ),
    responses(
        (status = 200, description = "The completed achievements in the order of completion, then the incomplete ones.", body = [w::UserAchievementWithStatsResponse]),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user.", body = wire::ErrorBody),
    ),
)]
pub async fn list_user_achievements(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(id): Segment,
    query: Query,
) -> Result<Json<Vec<w::UserAchievementWithStatsResponse>>> {
    caller.must_be(&id)?;
    // A text, not a flag: `1` means nothing here (spec/trophy.md 1.4).
    let with_incomplete = query.one("includeIncomplete") == Some("true");
    app.read(&caller, move |view| {
        let (state, _) = users::settled(view, &id)?;
        let figures = Figures::read(view)?;
        let mut shown: Vec<_> = view
            .catalog
            .achievements()
            .filter(|entry| is_shown(&state, entry))
            .map(|entry| (entry, state.completions.get(&entry.id())))
            .filter(|(_, completion)| with_incomplete || completion.is_some())
            .collect();
        shown.sort_by_key(|(_, completion)| {
            (
                completion.is_none(),
                completion.map(|completion| completion.at),
            )
        });
        let shown = shown
            .into_iter()
            .map(|(entry, completion)| w::UserAchievementWithStatsResponse {
                achievement: figures.show(&view.catalog, entry),
                achieved_at: completion.map(|completion| render::instant(completion.at)),
            })
            .collect();
        Ok(Json(shown))
    })
    .await
}

/// Completes an achievement for a user; a repetition answers what was stored the first time.
#[utoipa::path(
    post, path = "/achievements/{key}/complete", operation_id = "achievements_complete",
    tag = "Achievements",
    params(
        ("key" = String, Path, description = "The key of the achievement."),
    ),
    request_body = w::AchievementCompletionRequest,
    responses(
        (status = 201, description = "The user holds the achievement.", body = w::AchievementCompletionResponse),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such achievement.", body = wire::ErrorBody),
    ),
)]
pub async fn complete_achievement(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(key): Segment,
    body: RawBody,
) -> Result<Response> {
    let request: w::AchievementCompletionRequest =
        body.object().map_err(Problem::as_unprocessable)?;
    let (id, update) = request.user.into();
    caller.must_be(&id)?;
    let complete = CompleteAchievement {
        key,
        user: users::patch(update)?,
    };
    let done = app
        .command(&caller, &id, Command::CompleteAchievement(complete))
        .await?;
    let catalog = &done.catalog;
    let Reply::Completion(reply) = &done.reply else {
        return Err(Problem::internal(&std::fmt::Error));
    };
    let Some(entry) = catalog.achievement(reply.achievement) else {
        return Err(Problem::internal(&std::fmt::Error));
    };
    let response = w::AchievementCompletionResponse {
        completion_id: reply.completion.id.to_string(),
        achievement: render::user_achievement(catalog, entry, Some(&reply.completion)),
        points: render::points(catalog, &reply.points, done.at),
    };
    Ok(answer(StatusCode::CREATED, response))
}

/// How many users there are, and how many completed what.
struct Figures {
    users: i64,
    completions: HashMap<AchievementId, i64>,
}

impl Figures {
    fn read(view: &mut View<'_, '_>) -> Result<Self> {
        Ok(Self {
            users: store::user::count(view.tx, view.space)?,
            completions: store::completion::counts(view.tx, view.space)?,
        })
    }

    fn show(&self, catalog: &Catalog, entry: &AchievementEntry) -> w::AchievementWithStatsResponse {
        let completions = self.completions.get(&entry.id()).copied().unwrap_or(0);
        w::AchievementWithStatsResponse {
            achievement: render::achievement(catalog, entry),
            completions,
            rarity: rarity(completions, self.users),
        }
    }
}

/// Completions as a percentage of all users, with two decimals (spec/trophy.md 4.5).
fn rarity(completions: i64, users: i64) -> f64 {
    if users <= 0 {
        return 0.0;
    }
    let hundredths = completions.saturating_mul(20_000).saturating_add(users) / (2 * users);
    #[expect(clippy::cast_precision_loss, reason = "at most 10000")]
    let hundredths = hundredths as f64;
    hundredths / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rarity_has_two_decimals() {
        for (completions, users, expected) in [
            (8, 10, "80"),
            (6, 10, "60"),
            (1, 3, "33.33"),
            (2, 3, "66.67"),
            (1, 100_000, "0"),
            (1, 20_000, "0.01"),
            (3, 3, "100"),
            (0, 0, "0"),
        ] {
            assert_eq!(
                rarity(completions, users).to_string(),
                expected,
                "{completions}/{users}"
            );
        }
    }
}

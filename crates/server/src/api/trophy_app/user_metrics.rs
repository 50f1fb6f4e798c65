//! The totals of one user (spec/trophy.md 3.6).

use axum::Json;
use axum::extract::State;
use engine::catalog::{AchievementEntry, Catalog};
use engine::definition::{AchievementTrigger, Metric, Stored, all_match};
use engine::id::MetricId;
use engine::state::UserState;
use wire::trophy_app as w;

use super::{render, users};
use crate::app::App;
use crate::body::{Segment, Segments};
use crate::door::AppCaller;
use crate::problem::{Problem, Result};

/// Shows all metrics of a user, those never touched included.
#[utoipa::path(
    get, path = "/users/{id}/metrics", operation_id = "users_all_metrics", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
    ),
    responses(
        (status = 200, description = "The metrics, oldest first.", body = [w::MetricResponse]),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user.", body = wire::ErrorBody),
    ),
)]
pub async fn list_user_metrics(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(id): Segment,
) -> Result<Json<Vec<w::MetricResponse>>> {
    caller.must_be(&id)?;
    app.read(&caller, move |view| {
        let (state, _) = users::settled(view, &id)?;
        let catalog = &view.catalog;
        Ok(Json(
            catalog
                .metrics()
                .map(|metric| show(catalog, &state, metric))
                .collect(),
        ))
    })
    .await
}

/// Shows one metric of a user.
#[utoipa::path(
    get, path = "/users/{id}/metrics/{key}", operation_id = "users_single_metric", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
        ("key" = String, Path, description = "The key of the metric."),
    ),
    responses(
        (status = 200, description = "The metric.", body = w::MetricResponse),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user or metric.", body = wire::ErrorBody),
    ),
)]
pub async fn get_user_metric(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segments(id, key): Segments,
) -> Result<Json<w::MetricResponse>> {
    caller.must_be(&id)?;
    app.read(&caller, move |view| {
        let (state, _) = users::settled(view, &id)?;
        let metric = view
            .catalog
            .metric_by_key(&key)
            .ok_or_else(|| Problem::not_found("metric", &key))?;
        Ok(Json(show(&view.catalog, &state, metric)))
    })
    .await
}

fn show(catalog: &Catalog, state: &UserState, metric: &Stored<Metric>) -> w::MetricResponse {
    let id = MetricId(metric.id);
    let mut achievements: Vec<&AchievementEntry> = catalog
        .achievements_of_metric(id)
        .filter(|entry| is_shown(state, entry))
        .collect();
    achievements.sort_by_key(|entry| match entry.body().trigger {
        AchievementTrigger::Metric { value, .. } => Some(value),
        _ => None,
    });
    w::MetricResponse {
        id: metric.id.to_string(),
        key: metric.body.key.clone(),
        name: metric.body.name.clone(),
        status: w::MetricStatus::Active,
        current: state.total(id).to_f64(),
        achievements: achievements
            .into_iter()
            .map(|entry| {
                render::user_achievement(catalog, entry, state.completions.get(&entry.id()))
            })
            .collect(),
    }
}

/// Whether a user sees an achievement: one that is held, or one that could be.
pub fn is_shown(state: &UserState, entry: &AchievementEntry) -> bool {
    if state.completions.contains_key(&entry.id()) {
        entry.is_visible()
    } else {
        entry.is_active() && all_match(&entry.user_filters, &state.user.get().attributes)
    }
}

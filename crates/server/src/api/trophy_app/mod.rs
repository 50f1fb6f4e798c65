//! The Trophy Application API (spec/trophy.md, Appendix A.1).

pub mod achievements;
pub mod event_summary;
pub mod events;
pub mod leaderboards;
pub mod points;
pub mod preferences;
pub mod render;
pub mod streaks;
pub mod user_metrics;
pub mod users;
pub mod wrapped;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tower_http::cors::CorsLayer;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::limits::{self, Meters};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Kleos Application API", description = "What products send and what they show."),
    servers((url = "/v1"))
)]
struct Description;

/// How long a browser need not ask again whether it may send what it sends.
const PREFLIGHT: Duration = Duration::from_hours(24);

/// The routes below `/v1`, with their description.
pub fn router(meters: Option<&Arc<Meters>>) -> (Router<App>, OpenApi) {
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(events::record_event))
        .routes(routes!(users::create_user))
        .routes(routes!(
            users::get_user,
            users::identify_user,
            users::update_user
        ))
        .routes(routes!(
            preferences::get_user_preferences,
            preferences::update_user_preferences
        ))
        .routes(routes!(user_metrics::list_user_metrics))
        .routes(routes!(user_metrics::get_user_metric))
        .routes(routes!(event_summary::summarize_user_metric))
        .routes(routes!(event_summary::summarize_user_points))
        .routes(routes!(achievements::list_user_achievements))
        .routes(routes!(achievements::list_achievements))
        .routes(routes!(achievements::complete_achievement))
        .routes(routes!(streaks::get_user_streak))
        .routes(routes!(streaks::list_streaks))
        .routes(routes!(streaks::rank_streaks))
        .routes(routes!(points::get_points_system))
        .routes(routes!(points::summarize_points))
        .routes(routes!(points::list_points_levels))
        .routes(routes!(points::summarize_points_levels))
        .routes(routes!(points::list_points_boosts))
        .routes(routes!(points::get_user_points))
        .routes(routes!(points::list_user_points_boosts))
        .routes(routes!(leaderboards::list_leaderboards))
        .routes(routes!(leaderboards::get_leaderboard))
        .routes(routes!(leaderboards::get_user_leaderboard))
        .routes(routes!(wrapped::get_wrapped))
        .split_for_parts();
    // Application keys are made for browsers (AMB-4).
    (
        limits::limited(router, meters, limits::of_application)
            // Set before CORS, else the one of the whole process would answer preflights.
            .method_not_allowed_fallback(super::wrong_method)
            .layer(CorsLayer::permissive().max_age(PREFLIGHT)),
        super::description::complete(description),
    )
}

//! The Trophy Admin API and our extensions of it (spec/trophy.md 13, 15, Appendix A.2).

pub mod achievements;
pub mod application_keys;
pub mod attributes;
pub mod batch;
pub mod batch_events;
pub mod clients;
pub mod clock;
pub mod environments;
pub mod leaderboards;
pub mod metrics;
pub mod organization;
pub mod points_boosts;
pub mod points_levels;
pub mod points_systems;
pub mod points_triggers;
pub mod references;
pub mod settings;
pub mod streak_operations;
pub mod streak_settings;
pub mod tenants;
pub mod webhooks;

use std::sync::Arc;

use axum::Router;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::limits::{self, Meters};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Kleos Admin API", description = "Configuration and administration."),
    servers((url = "/admin/v1"))
)]
struct Description;

/// The routes below `/admin/v1`, with their description.
pub fn router(meters: Option<&Arc<Meters>>) -> (Router<App>, OpenApi) {
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(
            attributes::list_attributes,
            attributes::create_attributes,
            attributes::update_attributes,
            attributes::delete_attributes
        ))
        .routes(routes!(attributes::get_attribute))
        .routes(routes!(
            metrics::list_metrics,
            metrics::create_metrics,
            metrics::update_metrics,
            metrics::delete_metrics
        ))
        .routes(routes!(batch_events::batch_events))
        .routes(routes!(metrics::get_metric))
        .routes(routes!(
            achievements::list_achievements,
            achievements::create_achievements,
            achievements::update_achievements,
            achievements::delete_achievements
        ))
        .routes(routes!(achievements::get_achievement))
        .routes(routes!(
            points_systems::list_points_systems,
            points_systems::create_points_systems,
            points_systems::update_points_systems,
            points_systems::delete_points_systems
        ))
        .routes(routes!(points_systems::get_points_system))
        .routes(routes!(
            points_levels::list_points_levels,
            points_levels::create_points_levels,
            points_levels::update_points_levels,
            points_levels::delete_points_levels
        ))
        .routes(routes!(points_levels::get_points_level))
        .routes(routes!(
            points_boosts::list_points_boosts,
            points_boosts::create_points_boosts,
            points_boosts::update_points_boosts,
            points_boosts::delete_points_boosts
        ))
        .routes(routes!(points_boosts::get_points_boost))
        .routes(routes!(
            points_triggers::list_points_triggers,
            points_triggers::create_points_triggers,
            points_triggers::update_points_triggers,
            points_triggers::delete_points_triggers
        ))
        .routes(routes!(points_triggers::get_points_trigger))
        .routes(routes!(
            leaderboards::list_leaderboards,
            leaderboards::create_leaderboards,
            leaderboards::update_leaderboards,
            leaderboards::delete_leaderboards
        ))
        .routes(routes!(leaderboards::get_leaderboard))
        .routes(routes!(
            streak_settings::get_streak_settings,
            streak_settings::update_streak_settings
        ))
        .routes(routes!(streak_operations::create_streak_freezes))
        .routes(routes!(
            streak_operations::create_streak_pauses,
            streak_operations::delete_streak_pauses
        ))
        .routes(routes!(streak_operations::restore_streaks))
        .routes(routes!(streak_operations::reset_streaks))
        .routes(routes!(
            tenants::list_tenants,
            tenants::create_tenants,
            tenants::update_tenants,
            tenants::delete_tenants
        ))
        .routes(routes!(tenants::get_tenant))
        .routes(routes!(
            application_keys::create_application_keys,
            application_keys::delete_application_keys
        ))
        .routes(routes!(
            clients::list_clients,
            clients::create_clients,
            clients::delete_clients
        ))
        .routes(routes!(
            environments::list_environments,
            environments::create_environment
        ))
        .routes(routes!(clock::get_clock, clock::move_clock))
        .routes(routes!(settings::get_settings, settings::update_settings))
        .routes(routes!(
            organization::get_organization,
            organization::update_organization
        ))
        .routes(routes!(
            webhooks::list_webhooks,
            webhooks::create_webhooks,
            webhooks::update_webhooks,
            webhooks::delete_webhooks
        ))
        .routes(routes!(webhooks::get_webhook))
        .routes(routes!(webhooks::rotate_webhook_secret))
        .routes(routes!(webhooks::test_webhook))
        .routes(routes!(webhooks::list_webhook_deliveries))
        .routes(routes!(webhooks::replay_webhook_delivery))
        .routes(routes!(webhooks::replay_webhook))
        .split_for_parts();
    (
        limits::limited(router, meters, limits::of_admin),
        super::description::complete(description),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// Routes that contradict each other panic here instead of at the start.
    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let (_, description) = super::router(None);
        let operations = description
            .paths
            .paths
            .values()
            .flat_map(|path| [&path.get, &path.post, &path.patch, &path.delete])
            .flatten();
        let mut names = BTreeSet::new();
        for operation in operations {
            let name = operation.operation_id.as_deref().unwrap_or_default();
            assert!(
                !name.is_empty() && names.insert(name.to_owned()),
                "{name:?}"
            );
        }
        assert!(!names.is_empty());
    }
}

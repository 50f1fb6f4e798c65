//! Points systems (spec/trophy.md 6.1, 13.7).

use std::fmt::Display;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::definition::{PointsBoost, PointsLevel, PointsSystem, PointsTrigger, Stored};
use engine::id::CurrencyId;
use jiff::Timestamp;
use uuid::Uuid;
use wire::Patch;
use wire::trophy_admin as w;

use super::batch::{self, Fault, ItemResult, Shown};
use super::{points_boosts, points_levels, points_triggers, references};
use crate::app::{App, Configuration};
use crate::body::{RawBody, Segment};
use crate::door::AdminCaller;
use crate::problem::Result;
use crate::query::Query;

impl Shown for PointsSystem {
    type Wire = w::AdminPointsSystem;
    const NAME: &'static str = "Points system";

    fn shown(stored: &Stored<Self>, _: Timestamp) -> w::AdminPointsSystem {
        w::AdminPointsSystem {
            id: stored.id.to_string(),
            name: stored.body.name.clone(),
            key: stored.body.key.clone(),
            description: stored.body.description.clone(),
            status: if stored.is_archived {
                w::ArchiveStatus::Archived
            } else {
                w::ArchiveStatus::Active
            },
            badge: stored.body.badge_url.clone().map(|url| w::Image { url }),
            max_points: stored.body.max_points,
        }
    }
}

const TAKEN: &str = "points system";

/// Creates a system with its parts. All is checked before anything is stored, so that a bad part
/// refuses the whole item (AMB-56).
fn create(
    configuration: &mut Configuration<'_, '_>,
    item: w::CreatePointsSystemRequestItem,
) -> ItemResult<w::CreatedAdminPointsSystem> {
    let system = PointsSystem {
        name: item.name,
        key: item.key,
        description: item.description.unwrap_or_default(),
        badge_url: item.badge.map(|badge| badge.url),
        max_points: item.max_points,
    };
    configuration.check(None, &system, TAKEN)?;
    let id = configuration.id();
    let mut levels: Option<Vec<PointsLevel>> = None;
    if let Some(items) = item.levels {
        let levels = levels.insert(Vec::new());
        for (index, item) in items.into_iter().enumerate() {
            let level = points_levels::made(CurrencyId(id), item);
            points_levels::check(configuration, None, &level, levels.iter())
                .map_err(|fault| of_part("levels", index, fault))?;
            levels.push(level);
        }
    }
    let mut boosts: Option<Vec<PointsBoost>> = None;
    if let Some(items) = item.boosts {
        let boosts = boosts.insert(Vec::new());
        for (index, item) in items.into_iter().enumerate() {
            let boost = points_boosts::made(configuration, CurrencyId(id), item)
                .map_err(|fault| of_part("boosts", index, fault))?;
            boosts.push(boost);
        }
    }
    let mut triggers: Option<Vec<PointsTrigger>> = None;
    if let Some(items) = item.triggers {
        let triggers = triggers.insert(Vec::new());
        for (index, item) in items.into_iter().enumerate() {
            let trigger = points_triggers::made(configuration, CurrencyId(id), item)
                .and_then(|trigger| {
                    configuration.check(None, &trigger, points_triggers::TAKEN)?;
                    Ok(trigger)
                })
                .map_err(|fault| of_part("triggers", index, fault))?;
            triggers.push(trigger);
        }
    }
    let stored = configuration.publish(id, &system)?;
    Ok(w::CreatedAdminPointsSystem {
        system: PointsSystem::shown(&stored, configuration.now),
        levels: levels
            .map(|levels| publish_all(configuration, &levels, |_, _, _| Ok(())))
            .transpose()?,
        boosts: boosts
            .map(|boosts| publish_all(configuration, &boosts, points_boosts::follow_up))
            .transpose()?,
        triggers: triggers
            .map(|triggers| publish_all(configuration, &triggers, points_triggers::follow_up))
            .transpose()?,
    })
}

/// Publishes a new system's parts of a kind, each with what follows from it.
fn publish_all<K: Shown>(
    configuration: &mut Configuration<'_, '_>,
    parts: &[K],
    follow_up: fn(&mut Configuration<'_, '_>, Option<&K>, &Stored<K>) -> ItemResult<()>,
) -> ItemResult<Vec<K::Wire>> {
    parts
        .iter()
        .map(|part| {
            let id = configuration.id();
            let stored = configuration.publish(id, part)?;
            follow_up(configuration, None, &stored)?;
            configuration.show(stored)
        })
        .collect()
}

/// Says which part of an item is at fault.
fn of_part(list: &str, index: impl Display, fault: Fault) -> Fault {
    match fault {
        Fault::Issue(message) => Fault::Issue(format!("{list}[{index}]: {message}")),
        fatal @ Fault::Fatal(_) => fatal,
    }
}

/// Archives a system's parts of a kind.
fn archive_parts<K: Shown>(configuration: &mut Configuration<'_, '_>, id: Uuid) -> ItemResult<()> {
    let (tx, space) = (&mut *configuration.tx, configuration.space);
    for part in store::definition::list_of::<K>(tx, space, id, references::ALL, 0)? {
        configuration.archive(part.id)?;
    }
    Ok(())
}

/// Lists points systems, oldest first.
#[utoipa::path(
    get, path = "/points", operation_id = "admin_points_systems_list", tag = "Points systems",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many, 10 if not said."),
        ("skip" = Option<i64>, Query, minimum = 0, description = "How many to leave out."),
    ),
    responses(
        (status = 200, description = "The points systems.", body = Vec<w::AdminPointsSystem>),
    ),
)]
pub async fn list_points_systems(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Json<Vec<w::AdminPointsSystem>>> {
    batch::list::<PointsSystem>(&app, &caller, &query).await
}

/// Creates points systems, with levels, boosts and triggers if wanted.
#[utoipa::path(
    post, path = "/points", operation_id = "admin_points_systems_create", tag = "Points systems",
    request_body = Vec<w::CreatePointsSystemRequestItem>,
    responses(
        (status = 200, description = "None was created.", body = w::Created<w::CreatedAdminPointsSystem>),
        (status = 201, description = "At least one was created.", body = w::Created<w::CreatedAdminPointsSystem>),
    ),
)]
pub async fn create_points_systems(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        batch::create_each(items, |item| create(configuration, item))
    })
    .await
}

/// Updates points systems.
#[utoipa::path(
    patch, path = "/points", operation_id = "admin_points_systems_update", tag = "Points systems",
    request_body = Vec<w::UpdatePointsSystemRequestItem>,
    responses(
        (status = 200, description = "What was updated.", body = w::Updated<w::AdminPointsSystem>),
    ),
)]
pub async fn update_points_systems(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        batch::update_each(items, |id, item: w::UpdatePointsSystemRequestItem| {
            let before = configuration.find::<PointsSystem>(id)?;
            let mut body = before.body.clone();
            body.name = item.name.unwrap_or(body.name);
            body.description = item.description.unwrap_or(body.description);
            body.badge_url = match item.badge {
                Patch::Absent => body.badge_url,
                Patch::Null => None,
                Patch::Value(badge) => Some(badge.url),
            };
            body.max_points = batch::patched(body.max_points, item.max_points);
            let stored = configuration.update(&before, body, TAKEN)?;
            Ok(PointsSystem::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Deletes points systems with their levels, boosts and triggers.
#[utoipa::path(
    delete, path = "/points", operation_id = "admin_points_systems_delete", tag = "Points systems",
    params(
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids, 1 to 100."),
    ),
    responses(
        (status = 200, description = "What was deleted.", body = w::Deleted),
    ),
)]
pub async fn delete_points_systems(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Response> {
    let ids = batch::ids(&query)?;
    app.configure(&caller, move |configuration| {
        configuration.tell_due()?;
        batch::delete_each(ids, |id| {
            configuration.find::<PointsSystem>(id)?;
            archive_parts::<PointsLevel>(configuration, id)?;
            archive_parts::<PointsBoost>(configuration, id)?;
            archive_parts::<PointsTrigger>(configuration, id)?;
            configuration.archive(id)
        })
    })
    .await
}

/// Shows one points system.
#[utoipa::path(
    get, path = "/points/{id}", operation_id = "admin_points_systems_get", tag = "Points systems",
    params(
        ("id" = String, Path, description = "The id of the points system."),
    ),
    responses(
        (status = 200, description = "The points system.", body = w::AdminPointsSystem),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn get_points_system(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(id): Segment,
) -> Result<Json<w::AdminPointsSystem>> {
    batch::get::<PointsSystem>(&app, &caller, &id).await
}

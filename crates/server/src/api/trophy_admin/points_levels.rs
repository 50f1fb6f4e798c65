//! Levels of a points system (spec/trophy.md 6.8, 13.8).

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::definition::{PointsLevel, PointsSystem, Stored};
use engine::id::CurrencyId;
use jiff::Timestamp;
use uuid::Uuid;
use wire::Patch;
use wire::trophy_admin as w;

use super::batch::{self, ItemResult, Shown};
use super::references;
use crate::app::{App, Configuration};
use crate::body::{RawBody, Segment, Segments};
use crate::door::AdminCaller;
use crate::problem::Result;
use crate::query::Query;

impl Shown for PointsLevel {
    type Wire = w::AdminPointsLevel;
    const NAME: &'static str = "Level";

    fn shown(stored: &Stored<Self>, _: Timestamp) -> w::AdminPointsLevel {
        w::AdminPointsLevel {
            id: stored.id.to_string(),
            name: stored.body.name.clone(),
            key: stored.body.key.clone(),
            points: stored.body.points,
            description: stored.body.description.clone(),
            badge: stored.body.badge_url.clone().map(|url| w::Image { url }),
        }
    }
}

const TAKEN: &str = "level";

/// The level that an item asks for, not checked yet.
pub fn made(system: CurrencyId, item: w::CreatePointsLevelRequestItem) -> PointsLevel {
    PointsLevel {
        system,
        name: item.name,
        key: item.key,
        description: item.description.unwrap_or_default(),
        badge_url: item.badge.map(|badge| badge.url),
        points: item.points,
    }
}

/// Checks a level's own members and that it differs from the `others` of its system.
pub fn check<'o>(
    configuration: &mut Configuration<'_, '_>,
    own: Option<Uuid>,
    level: &PointsLevel,
    others: impl Iterator<Item = &'o PointsLevel>,
) -> ItemResult<()> {
    configuration.check(own, level, TAKEN)?;
    Ok(refuse_twin(level, others)?)
}

/// Refuses a second level with the key or the threshold of another.
fn refuse_twin<'o>(
    level: &PointsLevel,
    others: impl Iterator<Item = &'o PointsLevel>,
) -> std::result::Result<(), String> {
    for other in others {
        if other.key == level.key {
            return Err(format!("Key already in use by another {TAKEN}"));
        }
        if other.points == level.points {
            return Err(format!("points already in use by another {TAKEN}"));
        }
    }
    Ok(())
}

/// The levels of a system other than `own`.
fn others(
    configuration: &mut Configuration<'_, '_>,
    system: Uuid,
    own: Option<Uuid>,
) -> ItemResult<Vec<PointsLevel>> {
    let (tx, space) = (&mut *configuration.tx, configuration.space);
    let levels = store::definition::list_of::<PointsLevel>(tx, space, system, references::ALL, 0)?;
    Ok(levels
        .into_iter()
        .filter(|level| Some(level.id) != own)
        .map(|level| level.body)
        .collect())
}

/// Lists levels of a points system, oldest first.
#[utoipa::path(
    get, path = "/points/{systemId}/levels", operation_id = "admin_points_levels_list", tag = "Points levels",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many, 10 if not said."),
        ("skip" = Option<i64>, Query, minimum = 0, description = "How many to leave out."),
    ),
    responses(
        (status = 200, description = "The levels of a points system.", body = Vec<w::AdminPointsLevel>),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn list_points_levels(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(system): Segment,
    query: Query,
) -> Result<Json<Vec<w::AdminPointsLevel>>> {
    batch::list_of::<PointsSystem, PointsLevel>(&app, &caller, system, &query).await
}

/// Creates levels of a points system.
#[utoipa::path(
    post, path = "/points/{systemId}/levels", operation_id = "admin_points_levels_create", tag = "Points levels",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
    ),
    request_body = Vec<w::CreatePointsLevelRequestItem>,
    responses(
        (status = 200, description = "None was created.", body = w::Created<w::AdminPointsLevel>),
        (status = 201, description = "At least one was created.", body = w::Created<w::AdminPointsLevel>),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn create_points_levels(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(system): Segment,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        let system = configuration.owner::<PointsSystem>(&system)?;
        batch::create_each(items, |item| {
            let level = made(CurrencyId(system), item);
            let others = others(configuration, system, None)?;
            check(configuration, None, &level, others.iter())?;
            let id = configuration.id();
            let stored = configuration.publish(id, &level)?;
            Ok(PointsLevel::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Updates levels of a points system.
#[utoipa::path(
    patch, path = "/points/{systemId}/levels", operation_id = "admin_points_levels_update", tag = "Points levels",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
    ),
    request_body = Vec<w::UpdatePointsLevelRequestItem>,
    responses(
        (status = 200, description = "What was updated.", body = w::Updated<w::AdminPointsLevel>),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn update_points_levels(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(system): Segment,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        let system = configuration.owner::<PointsSystem>(&system)?;
        batch::update_each(items, |id, item: w::UpdatePointsLevelRequestItem| {
            let before = configuration.find_of::<PointsLevel>(system, id)?;
            let mut body = before.body.clone();
            body.name = item.name.unwrap_or(body.name);
            body.points = item.points.unwrap_or(body.points);
            body.description = item.description.unwrap_or(body.description);
            body.badge_url = match item.badge {
                Patch::Absent => body.badge_url,
                Patch::Null => None,
                Patch::Value(badge) => Some(badge.url),
            };
            let others = others(configuration, system, Some(id))?;
            check(configuration, Some(id), &body, others.iter())?;
            let stored = configuration.update(&before, body, TAKEN)?;
            Ok(PointsLevel::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Deletes levels of a points system.
#[utoipa::path(
    delete, path = "/points/{systemId}/levels", operation_id = "admin_points_levels_delete", tag = "Points levels",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids, 1 to 100."),
    ),
    responses(
        (status = 200, description = "What was deleted.", body = w::Deleted),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn delete_points_levels(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(system): Segment,
    query: Query,
) -> Result<Response> {
    let ids = batch::ids(&query)?;
    app.configure(&caller, move |configuration| {
        let system = configuration.owner::<PointsSystem>(&system)?;
        batch::delete_each(ids, |id| {
            configuration.find_of::<PointsLevel>(system, id)?;
            configuration.archive(id)
        })
    })
    .await
}

/// Shows one level.
#[utoipa::path(
    get, path = "/points/{systemId}/levels/{id}", operation_id = "admin_points_levels_get", tag = "Points levels",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
        ("id" = String, Path, description = "The id of the level."),
    ),
    responses(
        (status = 200, description = "The level.", body = w::AdminPointsLevel),
        (status = 404, description = "There is no such level.", body = wire::ErrorBody),
    ),
)]
pub async fn get_points_level(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segments(system, id): Segments,
) -> Result<Json<w::AdminPointsLevel>> {
    batch::get_of::<PointsSystem, PointsLevel>(&app, &caller, system, &id).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_a_system_differ_in_key_and_threshold() {
        let level = |key: &str, points| PointsLevel {
            system: CurrencyId(Uuid::nil()),
            name: "L".into(),
            key: key.into(),
            description: String::new(),
            badge_url: None,
            points,
        };
        let others = [level("bronze", 0), level("silver", 50)];
        assert_eq!(refuse_twin(&level("gold", 200), others.iter()), Ok(()));
        assert_eq!(
            refuse_twin(&level("silver", 60), others.iter()),
            Err("Key already in use by another level".to_owned())
        );
        assert_eq!(
            refuse_twin(&level("gold", 50), others.iter()),
            Err("points already in use by another level".to_owned())
        );
    }
}

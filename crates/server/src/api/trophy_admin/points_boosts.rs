//! Boosts of a points system (spec/trophy.md 6.7, 13.9).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::amount::Amount;
use engine::calendar::Zone;
use engine::definition::{
    AttributeKind, BoostStatus, BoostUser, PointsBoost, PointsSystem, Rounding, Stored,
};
use engine::id::{BoostId, CurrencyId, UserId};
use engine::moment;
use jiff::Timestamp;
use store::Space;
use store::driver::Tx;
use wire::Patch;
use wire::trophy_admin as w;

use super::batch::{self, Fault, ItemResult, Shown};
use super::references;
use crate::api::trophy_app::render;
use crate::app::{App, Configuration};
use crate::body::{RawBody, Segment, Segments};
use crate::door::AdminCaller;
use crate::problem::Result;
use crate::query::Query;

impl Shown for PointsBoost {
    type Wire = w::AdminPointsBoost;
    const NAME: &'static str = "Points boost";

    /// As it is for everybody.
    fn shown(stored: &Stored<Self>, now: Timestamp) -> w::AdminPointsBoost {
        shown_as(stored, stored.body.status_everywhere(now))
    }

    /// The boost of one user lives by the calendar of the user.
    fn shown_all(
        tx: &mut Tx<'_>,
        space: Space,
        listed: &[Stored<Self>],
        now: Timestamp,
    ) -> store::Result<Vec<w::AdminPointsBoost>> {
        let owner = |stored: &Stored<Self>| stored.body.user.as_ref().map(BoostUser::id);
        let owners = listed.iter().filter_map(owner).collect();
        let zones: BTreeMap<UserId, Zone> = store::user::zones(tx, space, &owners)?;
        Ok(listed
            .iter()
            .map(|stored| match owner(stored).and_then(|id| zones.get(&id)) {
                Some(zone) => shown_as(stored, stored.body.status_on(zone.date(now))),
                None => Self::shown(stored, now),
            })
            .collect())
    }
}

fn shown_as(stored: &Stored<PointsBoost>, status: BoostStatus) -> w::AdminPointsBoost {
    let body = &stored.body;
    w::AdminPointsBoost {
        id: stored.id.to_string(),
        name: body.name.clone(),
        status: render::boost_status(status),
        start: body.start.to_string(),
        end: body.end.map(|end| end.to_string()),
        multiplier: body.multiplier.to_f64(),
        rounding: render::rounding(body.rounding),
        user_id: body.user.as_ref().map(|user| user.name.clone()),
        user_attributes: body
            .user
            .is_none()
            .then(|| references::shown(&body.user_filters)),
    }
}

/// How messages would name the scope of keys, if boosts had any.
const TAKEN: &str = "boost";

const NOT_WITH_USER: &str = "userAttributes are not permitted together with userId";

fn multiplier(number: &serde_json::Number) -> ItemResult<Amount> {
    Amount::parse(&number.to_string()).map_err(|error| Fault::Issue(format!("multiplier {error}")))
}

fn rounding(rounding: w::Rounding) -> Rounding {
    match rounding {
        w::Rounding::Down => Rounding::Down,
        w::Rounding::Up => Rounding::Up,
        w::Rounding::Nearest => Rounding::Nearest,
    }
}

/// The zone of the one user whom a boost is for, if there is one.
fn zone(
    configuration: &mut Configuration<'_, '_>,
    boost: &PointsBoost,
) -> ItemResult<Option<Zone>> {
    let Some(user) = boost.user.as_ref().map(BoostUser::id) else {
        return Ok(None);
    };
    let (tx, space) = (&mut *configuration.tx, configuration.space);
    Ok(store::user::zones(tx, space, &[user].into())?.remove(&user))
}

/// The boost that an item asks for, checked.
pub fn made(
    configuration: &mut Configuration<'_, '_>,
    system: CurrencyId,
    item: w::CreatePointsBoostRequestItem,
) -> ItemResult<PointsBoost> {
    if item.user_id.is_some() && item.user_attributes.is_some() {
        return Err(NOT_WITH_USER.into());
    }
    let user = match item.user_id {
        None => None,
        Some(name) => {
            let found = store::user::find(configuration.tx, configuration.space, &name)?;
            let found = found.ok_or_else(|| Fault::from("User does not exist"))?;
            Some(BoostUser {
                number: found.id.0,
                name,
            })
        }
    };
    let boost = PointsBoost {
        system,
        name: item.name,
        start: references::date("start", &item.start)?,
        end: item
            .end
            .map(|text| references::date("end", &text))
            .transpose()?,
        multiplier: multiplier(&item.multiplier)?,
        rounding: item.rounding.map(rounding).unwrap_or_default(),
        user,
        user_filters: references::filters(
            configuration,
            item.user_attributes.unwrap_or_default(),
            AttributeKind::User,
        )?,
    };
    configuration.check(None, &boost, TAKEN)?;
    let now = configuration.now;
    let today = zone(configuration, &boost)?
        .unwrap_or_else(Zone::utc)
        .date(now);
    if boost.status(now, today) == BoostStatus::Finished {
        return Err("end must not be in the past".into());
    }
    Ok(boost)
}

/// Tells at once what nobody would come by again: moments that a new or changed boost has behind it.
pub fn follow_up(
    configuration: &mut Configuration<'_, '_>,
    before: Option<&PointsBoost>,
    stored: &Stored<PointsBoost>,
) -> ItemResult<()> {
    configuration.tell_due()?;
    let zone = zone(configuration, &stored.body)?;
    let id = BoostId(stored.id);
    let notices = moment::passed(id, before, &stored.body, zone.as_ref(), configuration.now);
    let user = stored.body.user.as_ref().map(BoostUser::id);
    Ok(configuration.tell(user, &notices)?)
}

/// Lists boosts of a points system, oldest first.
#[utoipa::path(
    get, path = "/points/{systemId}/boosts", operation_id = "admin_points_boosts_list", tag = "Points boosts",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many, 10 if not said."),
        ("skip" = Option<i64>, Query, minimum = 0, description = "How many to leave out."),
    ),
    responses(
        (status = 200, description = "The boosts of a points system.", body = Vec<w::AdminPointsBoost>),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn list_points_boosts(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(system): Segment,
    query: Query,
) -> Result<Json<Vec<w::AdminPointsBoost>>> {
    batch::list_of::<PointsSystem, PointsBoost>(&app, &caller, system, &query).await
}

/// Creates boosts of a points system.
#[utoipa::path(
    post, path = "/points/{systemId}/boosts", operation_id = "admin_points_boosts_create", tag = "Points boosts",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
    ),
    request_body = Vec<w::CreatePointsBoostRequestItem>,
    responses(
        (status = 200, description = "None was created.", body = w::Created<w::AdminPointsBoost>),
        (status = 201, description = "At least one was created.", body = w::Created<w::AdminPointsBoost>),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn create_points_boosts(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(system): Segment,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        let system = configuration.owner::<PointsSystem>(&system)?;
        batch::create_each(items, |item| {
            let boost = made(configuration, CurrencyId(system), item)?;
            let id = configuration.id();
            let stored = configuration.publish(id, &boost)?;
            follow_up(configuration, None, &stored)?;
            configuration.show(stored)
        })
    })
    .await
}

/// Updates boosts of a points system. What was awarded before stays as it is.
#[utoipa::path(
    patch, path = "/points/{systemId}/boosts", operation_id = "admin_points_boosts_update", tag = "Points boosts",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
    ),
    request_body = Vec<w::UpdatePointsBoostRequestItem>,
    responses(
        (status = 200, description = "What was updated.", body = w::Updated<w::AdminPointsBoost>),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn update_points_boosts(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(system): Segment,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        let system = configuration.owner::<PointsSystem>(&system)?;
        batch::update_each(items, |id, item: w::UpdatePointsBoostRequestItem| {
            let before = configuration.find_of::<PointsBoost>(system, id)?;
            let mut body = before.body.clone();
            if body.user.is_some() && matches!(item.user_attributes, Patch::Value(_)) {
                return Err(NOT_WITH_USER.into());
            }
            body.name = item.name.unwrap_or(body.name);
            if let Some(text) = item.start {
                body.start = references::date("start", &text)?;
            }
            body.end = match item.end {
                Patch::Absent => body.end,
                Patch::Null => None,
                Patch::Value(text) => Some(references::date("end", &text)?),
            };
            if let Some(number) = item.multiplier {
                body.multiplier = multiplier(&number)?;
            }
            body.rounding = item.rounding.map_or(body.rounding, rounding);
            body.user_filters = references::filters_after(
                configuration,
                body.user_filters,
                item.user_attributes,
                AttributeKind::User,
            )?;
            let stored = configuration.update(&before, body, TAKEN)?;
            follow_up(configuration, Some(&before.body), &stored)?;
            configuration.show(stored)
        })
    })
    .await
}

/// Deletes boosts of a points system.
#[utoipa::path(
    delete, path = "/points/{systemId}/boosts", operation_id = "admin_points_boosts_delete", tag = "Points boosts",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids, 1 to 100."),
    ),
    responses(
        (status = 200, description = "What was deleted.", body = w::Deleted),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn delete_points_boosts(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(system): Segment,
    query: Query,
) -> Result<Response> {
    let ids = batch::ids(&query)?;
    app.configure(&caller, move |configuration| {
        let system = configuration.owner::<PointsSystem>(&system)?;
        configuration.tell_due()?;
        batch::delete_each(ids, |id| {
            configuration.find_of::<PointsBoost>(system, id)?;
            configuration.archive(id)
        })
    })
    .await
}

/// Shows one boost.
#[utoipa::path(
    get, path = "/points/{systemId}/boosts/{id}", operation_id = "admin_points_boosts_get", tag = "Points boosts",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
        ("id" = String, Path, description = "The id of the boost."),
    ),
    responses(
        (status = 200, description = "The boost.", body = w::AdminPointsBoost),
        (status = 404, description = "There is no such boost.", body = wire::ErrorBody),
    ),
)]
pub async fn get_points_boost(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segments(system, id): Segments,
) -> Result<Json<w::AdminPointsBoost>> {
    batch::get_of::<PointsSystem, PointsBoost>(&app, &caller, system, &id).await
}

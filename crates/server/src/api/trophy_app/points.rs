//! Points systems, their levels and boosts, how balances are spread, and the points of one user (spec/trophy.md 6.1, 6.5, 6.8, 6.9).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use engine::catalog::{Catalog, SystemEntry};
use engine::definition::{BoostStatus, Document, Stored, VirtualCurrency};
use engine::id::CurrencyId;
use engine::outcome::LedgerEntry;
use engine::state::UserState;
use wire::trophy_app as w;

use super::{render, users};
use crate::app::{App, View};
use crate::body::{Segment, Segments};
use crate::door::AppCaller;
use crate::problem::{Problem, Result};
use crate::query::Query;

/// The points system with a key.
pub(super) fn find<'a>(catalog: &'a Catalog, key: &str) -> Result<&'a SystemEntry> {
    catalog
        .system_by_key(key)
        .ok_or_else(|| Problem::not_found("points system", key))
}

/// The virtual currency that is read as the points system with a key. Of two that share one, this
/// dialect means the points system.
fn as_currency<'a>(
    catalog: &'a Catalog,
    key: &str,
) -> Option<&'a Stored<Document<VirtualCurrency>>> {
    catalog
        .system_by_key(key)
        .is_none()
        .then(|| catalog.book.currency_named(key))
        .flatten()
}

/// Shows a points system with the triggers that fire.
#[utoipa::path(
    get, path = "/points/{key}", operation_id = "points_system", tag = "Points",
    params(
        ("key" = String, Path, description = "The key of the points system."),
    ),
    responses(
        (status = 200, description = "The points system.", body = w::PointsSystemResponse),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn get_points_system(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(key): Segment,
) -> Result<Json<w::PointsSystemResponse>> {
    app.read(&caller, move |view| {
        if let Some(currency) = as_currency(&view.catalog, &key) {
            return Ok(Json(w::PointsSystemResponse {
                system: render::currency(currency),
                triggers: Vec::new(),
            }));
        }
        let system = find(&view.catalog, &key)?;
        let triggers = view
            .catalog
            .active_triggers()
            .filter(|trigger| trigger.body().system == system.id())
            .map(|trigger| render::trigger(&view.catalog, trigger))
            .collect();
        Ok(Json(w::PointsSystemResponse {
            system: render::system(system),
            triggers,
        }))
    })
    .await
}

/// Shows the levels of a points system.
#[utoipa::path(
    get, path = "/points/{key}/levels", operation_id = "points_levels", tag = "Points",
    params(
        ("key" = String, Path, description = "The key of the points system."),
    ),
    responses(
        (status = 200, description = "The levels, lowest first.", body = [w::PointsLevel]),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn list_points_levels(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(key): Segment,
) -> Result<Json<Vec<w::PointsLevel>>> {
    app.read(&caller, move |view| {
        if as_currency(&view.catalog, &key).is_some() {
            return Ok(Json(Vec::new()));
        }
        let system = find(&view.catalog, &key)?;
        Ok(Json(system.levels.iter().map(render::level).collect()))
    })
    .await
}

/// Shows the boosts of a points system that are for everybody or for a group: those to come and those
/// that count, and the finished ones if asked for.
#[utoipa::path(
    get, path = "/points/{key}/boosts", operation_id = "points_boosts", tag = "Points",
    params(
        ("key" = String, Path, description = "The key of the points system."),
        ("includeFinished" = Option<bool>, Query, description = "Whether boosts that are over are shown too."),
    ),
    responses(
        (status = 200, description = "The boosts, oldest first.", body = [w::PointsBoost]),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn list_points_boosts(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(key): Segment,
    query: Query,
) -> Result<Json<Vec<w::PointsBoost>>> {
    let includes_finished = query.flag("includeFinished");
    app.read(&caller, move |view| {
        if as_currency(&view.catalog, &key).is_some() {
            return Ok(Json(Vec::new()));
        }
        let system = find(&view.catalog, &key)?.id();
        let boosts = view.catalog.boosts_of(system).filter_map(|boost| {
            let status = boost.body().status_everywhere(view.now);
            let is_shown = includes_finished || status != BoostStatus::Finished;
            is_shown.then(|| render::boost(boost, status))
        });
        Ok(Json(boosts.collect()))
    })
    .await
}

/// Shows the boosts that multiply what a user earns now.
#[utoipa::path(
    get, path = "/users/{id}/points/{key}/boosts", operation_id = "users_points_boosts", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
        ("key" = String, Path, description = "The key of the points system."),
    ),
    responses(
        (status = 200, description = "The boosts; those for everybody or for a group before the user's own.", body = [w::PointsBoost]),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user or points system.", body = wire::ErrorBody),
    ),
)]
pub async fn list_user_points_boosts(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segments(id, key): Segments,
) -> Result<Json<Vec<w::PointsBoost>>> {
    caller.must_be(&id)?;
    app.read(&caller, move |view| {
        let user = store::user::find(view.tx, view.space, &id)?
            .ok_or_else(|| Problem::not_found("user", &id))?;
        if as_currency(&view.catalog, &key).is_some() {
            return Ok(Json(Vec::new()));
        }
        let system = find(&view.catalog, &key)?.id();
        let today = user.zone().date(view.now);
        let boosts = view
            .catalog
            .boosts_for(system, user.id)
            .filter(|boost| boost.applies(&user, today))
            .map(|boost| render::boost(boost, BoostStatus::Active));
        Ok(Json(boosts.collect()))
    })
    .await
}

/// Counts the users at each level.
#[utoipa::path(
    get, path = "/points/{key}/level-summary", operation_id = "points_level_summary",
    tag = "Points",
    params(
        ("key" = String, Path, description = "The key of the points system."),
    ),
    responses(
        (status = 200, description = "The levels, lowest first.", body = [w::PointsLevelSummaryResponseItem]),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
        (status = 422, description = "The points system has no levels.", body = wire::ErrorBody),
    ),
)]
pub async fn summarize_points_levels(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(key): Segment,
) -> Result<Json<Vec<w::PointsLevelSummaryResponseItem>>> {
    app.read(&caller, move |view| {
        let system = find(&view.catalog, &key)?;
        if system.levels.is_empty() {
            return Err(Problem::unprocessable(
                "the points system has no levels configured",
            ));
        }
        let users = store::user::count(view.tx, view.space)?;
        let balances = store::ledger::balances(view.tx, view.space, system.id())?;
        let items = system
            .levels
            .iter()
            .zip(count_by_level(system, &balances, users))
            .map(|(level, users)| w::PointsLevelSummaryResponseItem {
                level: render::level(level),
                users,
            })
            .collect();
        Ok(Json(items))
    })
    .await
}

/// Counts the users by balance, in ten equal ranges up to the power of ten that holds the largest.
#[utoipa::path(
    get, path = "/points/{key}/summary", operation_id = "points_summary", tag = "Points",
    params(
        ("key" = String, Path, description = "The key of the points system."),
        ("userAttributes" = Option<String>, Query, pattern = "^[^:,]+:[^,]*(,[^:,]+:[^,]*)*$", description = "`key:value` pairs, separated by commas: only users with all of them count."),
    ),
    responses(
        (status = 200, description = "Eleven ranges, both ends included; the first one holds zero only.", body = [w::PointsRange]),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn summarize_points(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(key): Segment,
    query: Query,
) -> Result<Json<Vec<w::PointsRange>>> {
    let pairs = query.attributes("userAttributes")?;
    app.read(&caller, move |view| {
        let system = find(&view.catalog, &key)?.id();
        let balances = match pairs {
            None => {
                let users = store::user::count(view.tx, view.space)?;
                let balances = store::ledger::balances(view.tx, view.space, system)?;
                with_idle(&balances, users).collect()
            }
            Some(pairs) => match consistent(pairs) {
                Some(wanted) => store::ledger::balances_with(view.tx, view.space, system, &wanted)?,
                None => Vec::new(),
            },
        };
        Ok(Json(histogram(&balances)))
    })
    .await
}

/// The pairs by key; nothing if they ask for two values of one attribute, which nobody has.
fn consistent(pairs: Vec<(String, String)>) -> Option<BTreeMap<String, String>> {
    let mut wanted: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in pairs {
        if wanted.get(&key).is_some_and(|other| *other != value) {
            return None;
        }
        wanted.insert(key, value);
    }
    Some(wanted)
}

/// Balances as (balance, users), and with them all who never earned anything, who stand at zero.
fn with_idle(balances: &[(i64, i64)], users: i64) -> impl Iterator<Item = (i64, i64)> {
    let earners: i64 = balances.iter().map(|(_, users)| users).sum();
    balances.iter().copied().chain([(0, users - earners)])
}

/// Zero, and ten equal ranges from 1 to the largest balance rounded up to a power of ten, at least
/// ten (spec/trophy.md 6.9, D.6). Balances come as (balance, users).
fn histogram(balances: &[(i64, i64)]) -> Vec<w::PointsRange> {
    let largest = balances.iter().map(|(balance, _)| *balance).max();
    let mut top = 10_i64;
    while largest.is_some_and(|largest| largest > top) {
        top = top.saturating_mul(10);
    }
    let width = top / 10;
    let ranges = (0..10).map(|range| (range * width + 1, (range + 1) * width));
    std::iter::once((0, 0))
        .chain(ranges)
        .map(|(from, to)| w::PointsRange {
            from,
            to,
            users: balances
                .iter()
                .filter(|(balance, _)| (from..=to).contains(balance))
                .map(|(_, users)| users)
                .sum(),
        })
        .collect()
}

/// How many of all users are at each level. Balances come as (balance, users); whoever never earned
/// anything has none and stands at zero.
fn count_by_level(system: &SystemEntry, balances: &[(i64, i64)], users: i64) -> Vec<i64> {
    let mut counts = vec![0; system.levels.len()];
    for (balance, users) in with_idle(balances, users) {
        let level = system.level_at(balance);
        let index = system
            .levels
            .iter()
            .position(|l| level.is_some_and(|id| id.0 == l.id));
        if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
            *count += users;
        }
    }
    counts
}

/// Shows a user's balance, level and last awards.
#[utoipa::path(
    get, path = "/users/{id}/points/{key}", operation_id = "users_points", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
        ("key" = String, Path, description = "The key of the points system, or the id of a virtual currency."),
        ("awards" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many awards, 1 to 100; 10 if missing."),
    ),
    responses(
        (status = 200, description = "The points; awards newest first.", body = w::GetUserPointsResponse),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user or points system.", body = wire::ErrorBody),
    ),
)]
pub async fn get_user_points(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segments(id, key): Segments,
    query: Query,
) -> Result<Json<w::GetUserPointsResponse>> {
    caller.must_be(&id)?;
    let count = query.int("awards", 1, 100, 10)?;
    app.read(&caller, move |view| {
        let (state, appended) = users::settled(view, &id)?;
        let catalog = view.catalog.clone();
        if let Some(currency) = as_currency(&catalog, &key) {
            return currency_points(view, &state, currency, count).map(Json);
        }
        let system = find(&catalog, &key)?;
        let user = state.user.get().id;
        let today = state.user.get().zone().date(view.now);
        let stored = store::ledger::last(view.tx, view.space, user, system.id(), count)?;
        let settled = appended
            .ledger
            .into_iter()
            .rev()
            .filter(|entry| entry.system == system.id());
        let awards: Vec<LedgerEntry> = settled.chain(stored).collect();
        let total = state.balance(system.id());
        Ok(Json(w::GetUserPointsResponse {
            system: render::system(system),
            total,
            level: system
                .level_at(total)
                .and_then(|id| system.level(id))
                .map(render::level),
            awards: awards
                .iter()
                .zip(0..count)
                .filter_map(|(entry, _)| render::award(&catalog, entry, view.now, today))
                .collect(),
        }))
    })
    .await
}

/// What a user has of a virtual currency, as points: whole units of what can be spent.
fn currency_points(
    view: &mut View<'_, '_>,
    state: &UserState,
    currency: &Stored<Document<VirtualCurrency>>,
    count: i64,
) -> Result<w::GetUserPointsResponse> {
    let id = CurrencyId(currency.id);
    let user = state.user.get().id;
    let entries = store::transaction::last_completed(view.tx, view.space, user, id, count)?;
    let purse = state.purses.get(&id).map(|row| *row.get());
    Ok(w::GetUserPointsResponse {
        system: render::currency(currency),
        total: purse.map_or(0, |purse| purse.available().steps(1)),
        level: None,
        awards: entries.iter().map(render::currency_award).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::definition::{PointsLevel, PointsSystem};
    use jiff::Timestamp;
    use uuid::Uuid;

    fn stored<T>(id: u128, body: T) -> Stored<T> {
        Stored {
            id: Uuid::from_u128(id),
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
            is_archived: false,
            body,
        }
    }

    fn system(thresholds: &[i64]) -> SystemEntry {
        let levels = (1..).zip(thresholds).map(|(id, points)| {
            let body = PointsLevel {
                system: CurrencyId(Uuid::nil()),
                name: "L".into(),
                key: format!("l{id}"),
                description: String::new(),
                badge_url: None,
                points: *points,
            };
            stored(id, body)
        });
        SystemEntry {
            levels: levels.collect(),
            stored: stored(
                100,
                PointsSystem {
                    name: "S".into(),
                    key: "s".into(),
                    description: String::new(),
                    badge_url: None,
                    max_points: None,
                },
            ),
        }
    }

    #[test]
    fn everybody_counts_where_the_first_level_needs_nothing() {
        let balances = [(0, 1), (49, 2), (50, 3), (1_000, 4)];
        assert_eq!(
            count_by_level(&system(&[0, 50, 200]), &balances, 17),
            [10, 3, 4]
        );
    }

    /// spec/trophy.md D.6.
    #[test]
    fn d6_histogram_upper_bound() {
        for (largest, top) in [
            (0, 10),
            (7, 10),
            (10, 10),
            (11, 100),
            (512, 1_000),
            (1_000, 1_000),
            (1_001, 10_000),
            (9_000_000_000_000_000, 10_000_000_000_000_000),
        ] {
            let ranges = histogram(&[(0, 3), (largest, 2)]);
            assert_eq!(ranges.len(), 11);
            assert_eq!((ranges[0].from, ranges[0].to), (0, 0));
            assert_eq!((ranges[1].from, ranges[10].to), (1, top), "{largest}");
            for pair in ranges[1..].windows(2) {
                assert_eq!(pair[1].from, pair[0].to + 1);
                assert_eq!(pair[1].to - pair[1].from, pair[0].to - pair[0].from);
            }
            let users: i64 = ranges.iter().map(|range| range.users).sum();
            assert_eq!(users, 5, "{largest}");
        }
        assert_eq!(histogram(&[]).len(), 11);
    }

    #[test]
    fn both_ends_of_a_range_are_in_it() {
        let balances = [
            (0, 5),
            (1, 1),
            (100, 2),
            (101, 4),
            (900, 8),
            (901, 16),
            (1_000, 32),
        ];
        let users: Vec<i64> = histogram(&balances)
            .iter()
            .map(|range| range.users)
            .collect();
        assert_eq!(users, [5, 3, 4, 0, 0, 0, 0, 0, 0, 8, 48]);
    }

    #[test]
    fn users_below_the_first_level_count_nowhere() {
        let balances = [(5, 2), (10, 3)];
        assert_eq!(count_by_level(&system(&[10, 50]), &balances, 100), [3, 0]);
    }
}

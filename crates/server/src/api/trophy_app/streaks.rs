//! Streaks: one user's with its past, several users' in one call, the longest ones (spec/trophy.md 5.9, 5.10, 15.7).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use engine::apply;
use engine::calendar::{Frequency, Period};
use engine::catalog::Catalog;
use engine::command::Command;
use engine::definition::StreakSettings;
use engine::id::Ids;
use engine::outcome::{Appended, StreakView};
use engine::state::{PeriodMark, Streak, StreakPeriod, UserState};
use engine::streak;
use jiff::Timestamp;
use jiff::civil::Date;
use store::Space;
use store::batch::Item;
use store::driver::Tx;
use wire::trophy_app as w;

use super::{render, users};
use crate::app::{App, View};
use crate::body::Segment;
use crate::door::AppCaller;
use crate::problem::{Problem, Result};
use crate::query::Query;

/// The most periods of the past that are shown.
const PERIODS_MAX: i64 = 366;
/// The most users in one call.
const USERS_MAX: usize = 100;
/// How many periods of the past are shown if nothing is said.
pub const PERIODS: i64 = 7;
/// How many streaks are settled at a time to find those that live.
const PAGE: i64 = 100;

/// Shows a user's streak and its last periods.
#[utoipa::path(
    get, path = "/users/{id}/streak", operation_id = "users_streak", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
        ("historyPeriods" = Option<i64>, Query, minimum = 0, maximum = 366, description = "How many periods of the past, 0 to 366; 7 if missing."),
    ),
    responses(
        (status = 200, description = "The streak.", body = w::StreakResponse),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user.", body = wire::ErrorBody),
    ),
)]
pub async fn get_user_streak(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(id): Segment,
    query: Query,
) -> Result<Json<w::StreakResponse>> {
    caller.must_be(&id)?;
    let count = query.int("historyPeriods", 0, PERIODS_MAX, PERIODS)?;
    app.read(&caller, move |view| show(view, &id, count).map(Json))
        .await
}

fn show(view: &mut View<'_, '_>, id: &str, count: i64) -> Result<w::StreakResponse> {
    let (state, appended) = users::settled(view, id)?;
    let (space, catalog, now) = (view.space, view.catalog.clone(), view.now);
    Ok(response(
        view.tx, space, &catalog, &state, &appended, now, count,
    )?)
}

/// A settled streak with its last `count` periods. `appended`: what was settled and is not stored yet.
pub fn response(
    tx: &mut Tx<'_>,
    space: Space,
    catalog: &Catalog,
    state: &UserState,
    appended: &Appended,
    now: Timestamp,
    count: i64,
) -> store::Result<w::StreakResponse> {
    let settings = &catalog.streak;
    let user = state.user.get();
    let (streak, shown) = streak::shown(catalog, state, now);
    let today = user.zone().date(now);
    let current = shown
        .period
        .unwrap_or_else(|| streak.frequency.period(today));
    let periods = last_periods(streak.frequency, current, count);
    let mut lived: BTreeMap<Date, StreakPeriod> = BTreeMap::new();
    let mut resets: BTreeMap<Date, Timestamp> = BTreeMap::new();
    if let Some(first) = periods.first() {
        let stored = store::streak::periods(tx, space, user.id, streak.frequency, first.start)?;
        // What settling closed just now stands above what is stored.
        let settled = appended
            .periods
            .iter()
            .copied()
            .filter(|p| p.frequency == streak.frequency);
        lived.extend(
            stored
                .into_iter()
                .chain(settled)
                .map(|period| (period.start, period)),
        );
    }
    if let (Some(first), Some(_)) = (periods.first(), streak.corrected_on) {
        let made = store::streak::resets(tx, space, user.id, first.start)?;
        let in_period = |(on, at)| (streak.frequency.period(on).start, at);
        resets.extend(made.into_iter().map(in_period));
    }
    let rank = if shown.length > 0 {
        Some(store::streak::longer_than(tx, space, shown.length)? + 1)
    } else {
        None
    };
    Ok(w::StreakResponse {
        streak: render::streak(settings, &shown),
        extended: shown.extended.map(render::instant),
        streak_history: periods
            .into_iter()
            .map(|period| w::StreakHistoryItem {
                reset_at: resets.get(&period.start).copied().map(render::instant),
                ..history_item(settings, &streak, &lived, period)
            })
            .collect(),
        pauses: pauses(state, today),
        rank,
    })
}

/// The pauses of now and of later, the next one first (spec/trophy.md 5.7).
fn pauses(state: &UserState, today: Date) -> Vec<w::StreakPauseItem> {
    let mut pauses: Vec<_> = state
        .pauses
        .iter()
        .map(|(id, row)| (id, row.get()))
        .filter(|(_, pause)| pause.archived.is_none() && pause.end >= today)
        .collect();
    pauses.sort_by_key(|(id, pause)| (pause.start, **id));
    pauses
        .into_iter()
        .map(|(id, pause)| w::StreakPauseItem {
            id: id.to_string(),
            start: pause.start.to_string(),
            end: pause.end.to_string(),
        })
        .collect()
}

/// The last periods up to the current one, oldest first.
fn last_periods(frequency: Frequency, current: Period, count: i64) -> Vec<Period> {
    let mut periods: Vec<Period> =
        std::iter::successors(Some(current), |period| Some(period.previous(frequency)))
            .zip(0..count)
            .map(|(period, _)| period)
            .collect();
    periods.reverse();
    periods
}

/// A period as it ended. Those that are still open have the length of now, and those in which no
/// streak lived have none.
fn history_item(
    settings: &StreakSettings,
    streak: &Streak,
    lived: &BTreeMap<Date, StreakPeriod>,
    period: Period,
) -> w::StreakHistoryItem {
    let row = lived.get(&period.start);
    w::StreakHistoryItem {
        period_start: period.start.to_string(),
        period_end: period.end.to_string(),
        length: if period.start >= streak.open_from {
            streak.length
        } else {
            row.map_or(0, |row| row.length)
        },
        used_freeze: settings
            .freezes
            .map(|_| row.is_some_and(|row| row.mark == PeriodMark::Freeze)),
        used_pause: row.is_some_and(|row| row.mark == PeriodMark::Paused),
        reset_at: None,
    }
}

/// Shows how long the streaks of several users are, longest first; unknown users are left out.
#[utoipa::path(
    get, path = "/streaks", operation_id = "streaks_list", tag = "Streaks",
    params(
        ("userIds" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids of 1 to 100 users."),
    ),
    responses(
        (status = 200, description = "The streaks.", body = [w::BulkStreakResponseItem]),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
    ),
)]
pub async fn list_streaks(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    query: Query,
) -> Result<Json<Vec<w::BulkStreakResponseItem>>> {
    let mut ids = query.list("userIds");
    if ids.is_empty() || ids.len() > USERS_MAX {
        return Err(Problem::unprocessable(format!(
            "userIds must name 1 to {USERS_MAX} users"
        )));
    }
    for id in &ids {
        caller.must_be(id)?;
    }
    ids.sort_unstable();
    ids.dedup();
    app.read(&caller, move |view| {
        let mut streaks = views(view, &ids)?;
        streaks.sort_by(|a, b| place(a).cmp(&place(b)));
        let items = streaks
            .into_iter()
            .map(|of| w::BulkStreakResponseItem {
                user_id: of.id,
                streak_length: of.streak.length,
                extended: of.streak.extended.map(render::instant),
            })
            .collect();
        Ok(Json(items))
    })
    .await
}

/// Ranks users by the length of their streaks, for older clients.
#[utoipa::path(
    get, path = "/streaks/rankings", operation_id = "streaks_rankings", tag = "Streaks",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many users, 1 to 100; 10 if missing."),
        ("type" = Option<String>, Query, pattern = "^(active|longest)$", description = "`active` for streaks that live, which is meant if missing; `longest` for the longest one each user ever had."),
    ),
    responses(
        (status = 200, description = "The users, longest streak first; nobody without one.", body = [w::StreakRankingUser]),
    ),
)]
pub async fn rank_streaks(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    query: Query,
) -> Result<Json<Vec<w::StreakRankingUser>>> {
    let limit = query.int("limit", 1, 100, 10)?;
    let is_ever = match query.one("type") {
        None | Some("active") => false,
        Some("longest") => true,
        Some(_) => return Err(Problem::unprocessable("type must be active or longest")),
    };
    app.read(&caller, move |view| {
        if !is_ever {
            return active(view, limit).map(Json);
        }
        let frequency = view.catalog.streak.frequency;
        let longest = store::streak::longest_ever(view.tx, view.space, frequency, limit)?;
        let users = longest.into_iter().map(|of| w::StreakRankingUser {
            user_id: of.external_id,
            name: of.name,
            streak_length: of.length,
        });
        Ok(Json(users.collect()))
    })
    .await
}

/// The longest streaks that live. Settling only ever ends streaks, it moves none past another: the
/// stored order holds for those that are left.
fn active(view: &mut View<'_, '_>, limit: i64) -> Result<Vec<w::StreakRankingUser>> {
    let wanted = usize::try_from(limit).unwrap_or(USERS_MAX);
    let mut streaks = Vec::new();
    let mut skip = 0_i64;
    loop {
        let ids = store::streak::longest_now(view.tx, view.space, PAGE, skip)?;
        if ids.is_empty() {
            break;
        }
        let found = views(view, &ids)?;
        streaks.extend(found.into_iter().filter(|of| of.streak.length > 0));
        if streaks.len() >= wanted {
            break;
        }
        skip = skip.saturating_add(PAGE);
    }
    streaks.sort_by(|a, b| place(a).cmp(&place(b)));
    streaks.truncate(wanted);
    let users = streaks.into_iter().map(|of| w::StreakRankingUser {
        user_id: of.id,
        name: of.name,
        streak_length: of.streak.length,
    });
    Ok(users.collect())
}

/// Longest first, then whoever extended first, then by id.
fn place(of: &UserStreak) -> (Reverse<i64>, Option<Timestamp>, &str) {
    (Reverse(of.streak.length), of.streak.extended, &of.id)
}

/// The streak of a user, settled.
struct UserStreak {
    /// The caller's id.
    id: String,
    name: Option<String>,
    streak: StreakView,
}

/// The streaks of the users who are known, all loaded at once.
fn views(view: &mut View<'_, '_>, ids: &[String]) -> Result<Vec<UserStreak>> {
    let catalog = view.catalog.clone();
    let items: Vec<Item<'_>> = ids
        .iter()
        .map(|user| Item {
            space: view.space,
            user,
            command: &Command::Settle,
            now: view.now,
        })
        .collect();
    // Nothing is kept, so it does not matter which ids are made.
    let mut made = Ids::seeded(0);
    let mut set = store::batch::load(
        view.tx,
        &|_| Some(catalog.clone()),
        &items,
        &mut made,
        false,
    )?;
    let mut streaks = Vec::with_capacity(ids.len());
    for user in ids {
        let Some(state) = set.state(view.space, user).filter(|state| !state.is_new) else {
            continue;
        };
        apply::settled(&catalog, state, view.now, &mut made);
        let (_, shown) = streak::shown(&catalog, state, view.now);
        let user = state.user.get();
        streaks.push(UserStreak {
            id: user.external_id.clone(),
            name: user.name.clone(),
            streak: shown,
        });
    }
    Ok(streaks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::calendar::{Zone, days_after};
    use engine::definition::Freezes;
    use jiff::civil::date;

    fn streak(length: i64, open_from: Date) -> Streak {
        let created = "2026-01-01T00:00:00Z".parse().unwrap();
        let unstored = streak::unstored(Frequency::Daily, created, &Zone::utc());
        Streak {
            length,
            open_from,
            ..unstored
        }
    }

    fn history(
        settings: &StreakSettings,
        streak: &Streak,
        rows: &[(Date, i64, PeriodMark)],
        current: Date,
        count: i64,
    ) -> Vec<(String, i64, Option<bool>)> {
        let frequency = settings.frequency;
        let lived = rows
            .iter()
            .map(|(start, length, mark)| {
                (
                    *start,
                    StreakPeriod {
                        frequency,
                        start: *start,
                        length: *length,
                        mark: *mark,
                    },
                )
            })
            .collect();
        last_periods(frequency, frequency.period(current), count)
            .into_iter()
            .map(|period| history_item(settings, streak, &lived, period))
            .map(|item| (item.period_start, item.length, item.used_freeze))
            .collect()
    }

    fn items(expected: &[(&str, i64, Option<bool>)]) -> Vec<(String, i64, Option<bool>)> {
        expected
            .iter()
            .map(|(start, length, used)| ((*start).into(), *length, *used))
            .collect()
    }

    /// spec/trophy.md D.7, read on 01-08.
    #[test]
    fn d7_history() {
        let settings = StreakSettings {
            freezes: Some(Freezes {
                start_count: 1,
                max_count: 2,
                auto_earn: None,
                since: Timestamp::UNIX_EPOCH,
            }),
            ..StreakSettings::default()
        };
        let rows = [
            (date(2026, 1, 5), 1, PeriodMark::Met),
            (date(2026, 1, 6), 2, PeriodMark::Met),
            (date(2026, 1, 7), 2, PeriodMark::Freeze),
        ];
        let today = date(2026, 1, 8);
        assert_eq!(
            history(&settings, &streak(2, today), &rows, today, 3),
            items(&[
                ("2026-01-06", 2, Some(false)),
                ("2026-01-07", 2, Some(true)),
                ("2026-01-08", 2, Some(false)),
            ])
        );
    }

    #[test]
    fn lost_streaks_leave_gaps() {
        let settings = StreakSettings::default();
        let rows = [
            (date(2026, 1, 5), 1, PeriodMark::Met),
            (date(2026, 1, 8), 1, PeriodMark::Met),
        ];
        let today = date(2026, 1, 10);
        assert_eq!(
            history(&settings, &streak(0, today), &rows, today, 6),
            items(&[
                ("2026-01-05", 1, None),
                ("2026-01-06", 0, None),
                ("2026-01-07", 0, None),
                ("2026-01-08", 1, None),
                ("2026-01-09", 0, None),
                ("2026-01-10", 0, None),
            ])
        );
    }

    /// A journey east: yesterday is not over where the user was last seen.
    #[test]
    fn periods_that_wait_for_their_end_keep_the_length() {
        let settings = StreakSettings::default();
        let met = date(2026, 1, 5);
        let rows = [(met, 4, PeriodMark::Met)];
        let streak = streak(4, days_after(met, 1));
        assert_eq!(
            history(&settings, &streak, &rows, days_after(met, 2), 3),
            items(&[
                ("2026-01-05", 4, None),
                ("2026-01-06", 4, None),
                ("2026-01-07", 4, None)
            ])
        );
    }

    #[test]
    fn weeks_and_none() {
        let settings = StreakSettings {
            frequency: Frequency::Weekly,
            ..StreakSettings::default()
        };
        let streak = streak(0, date(2025, 3, 30));
        assert_eq!(
            history(&settings, &streak, &[], date(2025, 4, 2), 2),
            items(&[("2025-03-23", 0, None), ("2025-03-30", 0, None)])
        );
        assert_eq!(history(&settings, &streak, &[], date(2025, 4, 2), 0), []);
    }
}

//! Leaderboards and the places on them (spec/trophy.md 7.4-7.9).

use axum::Json;
use axum::extract::State;
use engine::calendar::utc_hour;
use engine::catalog::{BoardEntry, Catalog};
use engine::definition::{Board, BoardStatus, PARTICIPANTS_MAX};
use engine::id::UserId;
use engine::rank::Place;
use engine::state::{BoardValue, Group};
use jiff::Timestamp;
use jiff::civil::Date;
use store::board_day::Day;
use wire::trophy_app as w;

use super::{render, users};
use crate::app::{App, View};
use crate::body::{Segment, Segments};
use crate::door::AppCaller;
use crate::problem::{Problem, Result};
use crate::query::Query;
use crate::ranks::{self, Ranked, Run};

/// Finds a board that others may see: an inactive one is not there.
fn find<'a>(catalog: &'a Catalog, key: &str, now: Timestamp) -> Result<&'a BoardEntry> {
    catalog
        .board_by_key(key)
        .filter(|board| board.body().status_at(now) != BoardStatus::Inactive)
        .ok_or_else(|| Problem::not_found("leaderboard", key))
}

/// Shows all leaderboards that rank or will rank and, if asked, those that are over.
#[utoipa::path(
    get, path = "/leaderboards", operation_id = "leaderboards_all", tag = "Leaderboards",
    params(
        ("includeFinished" = Option<bool>, Query, description = "Whether to show finished leaderboards."),
    ),
    responses(
        (status = 200, description = "The leaderboards, oldest first.", body = [w::LeaderboardResponse]),
    ),
)]
pub async fn list_leaderboards(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    query: Query,
) -> Result<Json<Vec<w::LeaderboardResponse>>> {
    let with_finished = query.flag("includeFinished");
    app.read(&caller, move |view| {
        let shown = view
            .catalog
            .boards()
            .filter(|board| match board.body().status_at(view.now) {
                BoardStatus::Inactive => false,
                BoardStatus::Scheduled | BoardStatus::Active => true,
                BoardStatus::Finished => with_finished,
            })
            .map(|board| render::leaderboard(&view.catalog, board, view.now))
            .collect();
        Ok(Json(shown))
    })
    .await
}

/// Shows a leaderboard with some of its places.
#[utoipa::path(
    get, path = "/leaderboards/{key}", operation_id = "leaderboards_get", tag = "Leaderboards",
    params(
        ("key" = String, Path, description = "The key of the leaderboard."),
        ("offset" = Option<i64>, Query, minimum = -1000, description = "How many places to skip; 0 if missing. With `userId` it may be negative: so many places before the user, or from the top if there are fewer."),
        ("limit" = Option<i64>, Query, minimum = 0, maximum = 1000, description = "How many places, up to the size of the leaderboard; 10 if missing."),
        ("run" = Option<String>, Query, format = Date, description = "Any date of the run; the current run if missing."),
        ("userId" = Option<String>, Query, description = "Places count from this user on; nobody is shown if the user is not on the leaderboard."),
        ("userAttributes" = Option<String>, Query, pattern = "^[^:,]+:[^,]*(,[^:,]+:[^,]*)*$", description = "`key:value` pairs, separated by commas; required on leaderboards with breakdown attributes and only there."),
    ),
    responses(
        (status = 200, description = "The leaderboard.", body = w::LeaderboardResponseWithRankings),
        (status = 404, description = "There is no such leaderboard.", body = wire::ErrorBody),
    ),
)]
pub async fn get_leaderboard(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(key): Segment,
    query: Query,
) -> Result<Json<w::LeaderboardResponseWithRankings>> {
    let (leaderboard, rankings) = app
        .read(&caller, move |view| {
            let catalog = view.catalog.clone();
            let board = find(&catalog, &key, view.now)?;
            let today = engine::calendar::Zone::utc().date(view.now);
            let asked = Asked::of(&query, board, today)?;
            let rankings = match query.one("userId") {
                None => rankings(view, board, &asked, Start::Top)?,
                Some(id) => match stored_place(view, board, asked.run, id)? {
                    Some((group, place)) if asked.is_meant(&group) => {
                        rankings(view, board, &asked, Start::From(place))?
                    }
                    _ => Vec::new(),
                },
            };
            Ok((render::leaderboard(&catalog, board, view.now), rankings))
        })
        .await?;
    // The standings may be younger than what the first transaction saw: users who entered since are
    // known to the next one.
    app.read(&caller, move |view| {
        let ids: Vec<UserId> = rankings.iter().map(|ranked| ranked.user).collect();
        let names = store::user::names(view.tx, view.space, &ids)?;
        let rankings = rankings
            .into_iter()
            .filter_map(|ranked| {
                let (id, name) = names.get(&ranked.user)?;
                Some(w::LeaderboardRanking {
                    user_id: id.clone(),
                    user_name: name.clone(),
                    rank: ranked.rank,
                    value: ranked.value,
                })
            })
            .collect();
        Ok(Json(w::LeaderboardResponseWithRankings {
            leaderboard,
            rankings,
        }))
    })
    .await
}

/// Which places of a board are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    run: i64,
    offset: isize,
    limit: usize,
    /// Position in the board's breakdown, and value.
    groups: Vec<(usize, String)>,
}

/// Where the places begin.
#[derive(Clone, Copy, Debug)]
enum Start {
    /// At the top.
    Top,
    /// At the place of a user.
    From(Place),
}

impl Asked {
    fn of(query: &Query, board: &BoardEntry, today: Date) -> Result<Self> {
        let size = board.body().max_participants;
        // Rows before a user can only be asked for where there is one.
        let least = if query.one("userId").is_some() {
            -PARTICIPANTS_MAX
        } else {
            0
        };
        let offset = query.int("offset", least, i64::MAX, 0)?;
        let limit = query.int("limit", 0, size, size.min(10))?;
        Ok(Self {
            run: run_on(board.body(), query.date("run")?, today)?,
            offset: isize::try_from(offset).unwrap_or(isize::MAX),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            groups: groups(query, board)?,
        })
    }

    /// Whether the users of a group are asked for: all pairs match.
    fn is_meant(&self, group: &Group) -> bool {
        self.groups
            .iter()
            .all(|(position, value)| group.get(*position) == Some(value))
    }
}

/// The run that holds the date asked for; without one, the run of today or the nearest one
/// (spec/trophy.md 7.5, AMB-37, AMB-42).
fn run_on(board: &Board, asked: Option<Date>, today: Date) -> Result<i64> {
    let schedule = board.schedule();
    if let Some(date) = asked {
        return schedule.run_at(date).ok_or_else(|| {
            Problem::unprocessable("run must be a date on which the leaderboard runs")
        });
    }
    let nearest = today.min(board.end.unwrap_or(Date::MAX)).max(board.start);
    Ok(schedule.run_at(nearest).unwrap_or(0))
}

/// The groups that `userAttributes` names (spec/trophy.md 7.8).
fn groups(query: &Query, board: &BoardEntry) -> Result<Vec<(usize, String)>> {
    let pairs = query.attributes("userAttributes")?;
    match (pairs, board.breakdown.is_empty()) {
        (None, true) => Ok(Vec::new()),
        (None, false) => Err(Problem::unprocessable(format!(
            "userAttributes is required: this leaderboard is broken down by {}",
            board.breakdown.join(", ")
        ))),
        (Some(_), true) => Err(Problem::unprocessable(
            "userAttributes is only possible on leaderboards with breakdown attributes",
        )),
        (Some(pairs), false) => pairs
            .into_iter()
            .map(|(key, value)| {
                let position = board.breakdown.iter().position(|known| *known == key);
                position.map(|position| (position, value)).ok_or_else(|| {
                    Problem::unprocessable(format!(
                        "userAttributes: {key} is no breakdown attribute of this leaderboard"
                    ))
                })
            })
            .collect(),
    }
}

/// The places asked for, none of them beyond the size of the board.
fn rankings(
    view: &mut View<'_, '_>,
    board: &BoardEntry,
    asked: &Asked,
    start: Start,
) -> Result<Vec<Ranked>> {
    let size = usize::try_from(board.body().max_participants).unwrap_or(usize::MAX);
    let page = |run: &Run| {
        let position = match start {
            Start::Top => 0,
            Start::From(place) => run.before(|group| asked.is_meant(group), &place),
        };
        if position >= size {
            return Vec::new();
        }
        let first = position.saturating_add_signed(asked.offset);
        let count = asked.limit.min(size.saturating_sub(first));
        if count == 0 {
            return Vec::new();
        }
        run.page(
            |group| asked.is_meant(group),
            first,
            count,
            board.body().rank_by,
        )
    };
    let ranks = &view.app.room.ranks;
    Ok(ranks.with_run(view.tx, view.space, board, asked.run, view.now, page)?)
}

/// Where a user stands as far as the standings know: lost streaks that nobody settled are still there.
fn stored_place(
    view: &mut View<'_, '_>,
    board: &BoardEntry,
    run: i64,
    id: &str,
) -> Result<Option<(Group, Place)>> {
    let Some(user) = store::user::find(view.tx, view.space, id)? else {
        return Ok(None);
    };
    let value = store::board::value(view.tx, view.space, board.id(), run, user.id)?;
    Ok(value.as_ref().and_then(|value| owned_place(value, user.id)))
}

pub(super) fn owned_place(value: &BoardValue, user: UserId) -> Option<(Group, Place)> {
    value
        .place(user)
        .map(|(group, place)| (group.clone(), place))
}

/// Shows a user's place on a leaderboard.
///
/// `history` has a row for each of the user's days at whose end rank or value were not those of the row before; both are
/// null where the user was not on the leaderboard any more.
#[utoipa::path(
    get, path = "/users/{id}/leaderboards/{key}", operation_id = "users_leaderboard", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
        ("key" = String, Path, description = "The key of the leaderboard."),
        ("run" = Option<String>, Query, format = Date, description = "Any date of the run; the user's current run if missing."),
        ("numEvents" = Option<i64>, Query, minimum = 0, maximum = 100, description = "How many rows of the history at most, the latest ones, 0 to 100; 10 if missing."),
    ),
    responses(
        (status = 200, description = "The leaderboard with the user's place, null if there is none.", body = w::UserLeaderboardResponseWithHistory),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user or leaderboard.", body = wire::ErrorBody),
    ),
)]
pub async fn get_user_leaderboard(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segments(id, key): Segments,
    query: Query,
) -> Result<Json<w::UserLeaderboardResponseWithHistory>> {
    caller.must_be(&id)?;
    let date = query.date("run")?;
    let count = query.int("numEvents", 0, 100, 10)?;
    app.read(&caller, move |view| {
        let (state, _) = users::settled(view, &id)?;
        let catalog = view.catalog.clone();
        let board = find(&catalog, &key, view.now)?;
        let user = state.user.get();
        let run = run_on(board.body(), date, user.zone().date(view.now))?;
        let stored = store::board::value(view.tx, view.space, board.id(), run, user.id)?;
        let settled = state
            .boards
            .get(&(board.id(), run))
            .map(|row| row.get().clone());
        let before = stored
            .as_ref()
            .and_then(|value| owned_place(value, user.id));
        let now = settled
            .or(stored)
            .and_then(|value| owned_place(&value, user.id));
        let rank = match &now {
            None => None,
            Some(place) => rank(view, board, run, place, before.as_ref())?,
        };
        let leaderboard = w::UserLeaderboardResponse {
            leaderboard: render::leaderboard(&catalog, board, view.now),
            rank,
            value: now.map(|(_, place)| ranks::shown(board.body().rank_by, place.value)),
        };
        // One more than asked for: it is what the first one differs from.
        let days =
            store::board_day::last(view.tx, view.space, board.id(), run, user.id, count + 1)?;
        Ok(Json(w::UserLeaderboardResponseWithHistory {
            leaderboard,
            history: history(&days, count),
        }))
    })
    .await
}

/// The first `count` of days that are sorted from new to old, oldest first, each with the place of the day before it.
fn history(days: &[Day], count: i64) -> Vec<w::LeaderboardEvent> {
    let count = usize::try_from(count).unwrap_or(0);
    let mut rows: Vec<_> = days
        .iter()
        .enumerate()
        .take(count)
        .map(|(index, day)| {
            let before = days.get(index + 1).and_then(|before| before.place);
            w::LeaderboardEvent {
                date: day.date.to_string(),
                timestamp: render::instant(utc_hour(day.date, 0)),
                previous_rank: before.map(|(rank, _)| rank),
                rank: day.place.map(|(rank, _)| rank),
                previous_value: before.map(|(_, value)| value),
                value: day.place.map(|(_, value)| value),
            }
        })
        .collect();
    rows.reverse();
    rows
}

/// The rank of a place inside its group, if the board shows it. `stored` is the user's own place as
/// the standings have it, which must not count against the user.
pub(super) fn rank(
    view: &mut View<'_, '_>,
    board: &BoardEntry,
    run: i64,
    (group, place): &(Group, Place),
    stored: Option<&(Group, Place)>,
) -> Result<Option<i64>> {
    let ranks = &view.app.room.ranks;
    let before = ranks.with_run(view.tx, view.space, board, run, view.now, |run| {
        run.before(|other| other == group, place)
    })?;
    let is_own_ahead = stored.is_some_and(|(of, own)| of == group && own < place);
    let before = before.saturating_sub(usize::from(is_own_ahead));
    let rank = i64::try_from(before).map_or(i64::MAX, |before| before.saturating_add(1));
    Ok((rank <= board.body().max_participants).then_some(rank))
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::calendar::RunUnit;
    use engine::definition::{RankBy, Stored};
    use jiff::civil::date;

    fn board(breakdown: &[&str]) -> BoardEntry {
        BoardEntry {
            stored: Stored {
                id: uuid::Uuid::nil(),
                created: Timestamp::UNIX_EPOCH,
                updated: Timestamp::UNIX_EPOCH,
                is_archived: false,
                body: Board {
                    name: "B".into(),
                    key: "b".into(),
                    description: None,
                    status: BoardStatus::Active,
                    rank_by: RankBy::Streak,
                    max_participants: 5,
                    start: date(2026, 11, 2),
                    end: Some(date(2026, 11, 22)),
                    start_time: None,
                    end_time: None,
                    run: Some(engine::definition::Run {
                        unit: RunUnit::Day,
                        interval: 7,
                    }),
                    breakdown: Vec::new(),
                    user_filters: Vec::new(),
                },
            },
            user_filters: Vec::new(),
            breakdown: breakdown.iter().map(|key| (*key).to_owned()).collect(),
        }
    }

    fn asked(query: &str, board: &BoardEntry, today: Date) -> Result<Asked> {
        Asked::of(&Query::parse(query).unwrap(), board, today)
    }

    #[test]
    fn runs_are_found_by_any_of_their_dates() {
        let board = board(&[]);
        let run = |query: &str, today: Date| asked(query, &board, today).map(|asked| asked.run);
        let today = date(2026, 11, 10);
        assert_eq!(run("", today), Ok(1));
        assert_eq!(run("run=2026-11-08", today), Ok(0));
        assert_eq!(run("run=2026-11-16", today), Ok(2));
        for outside in ["run=2026-11-01", "run=2026-11-23", "run=soon"] {
            assert!(run(outside, today).is_err(), "{outside}");
        }
        // Before the start and after the end there is no current run: the nearest is shown.
        assert_eq!(run("", date(2026, 11, 1)), Ok(0));
        assert_eq!(run("", date(2027, 1, 1)), Ok(2));
    }

    #[test]
    fn limits_follow_the_size_of_the_board() {
        let board = board(&[]);
        let today = date(2026, 11, 10);
        let limit = |query: &str| asked(query, &board, today).map(|asked| asked.limit);
        assert_eq!(limit(""), Ok(5));
        assert_eq!(limit("limit=0"), Ok(0));
        assert_eq!(limit("limit=5"), Ok(5));
        for bad in ["limit=6", "limit=-1", "limit=x", "offset=-1"] {
            assert!(limit(bad).is_err(), "{bad}");
        }
        // Before a user there may be others, before the top there is nobody.
        let offset = |query: &str| asked(query, &board, today).map(|asked| asked.offset);
        assert_eq!(offset("userId=u&offset=-3"), Ok(-3));
        assert!(offset("userId=u&offset=-1001").is_err());
    }

    #[test]
    fn groups_are_those_that_match_all_pairs() {
        let undivided = board(&[]);
        let board = board(&["region", "city"]);
        let today = date(2026, 11, 10);
        let is_meant = |query: &str, group: [&str; 2]| {
            let group: Group = group.iter().map(|value| (*value).to_owned()).collect();
            asked(query, &board, today).unwrap().is_meant(&group)
        };
        assert!(is_meant("userAttributes=city:london", ["se", "london"]));
        assert!(is_meant("userAttributes=city:london", ["nw", "london"]));
        assert!(!is_meant(
            "userAttributes=region:se,city:london",
            ["nw", "london"]
        ));
        assert!(!is_meant(
            "userAttributes=city:london,city:leeds",
            ["se", "london"]
        ));
        assert!(asked("", &board, today).is_err());
        assert!(asked("userAttributes=plan:pro", &board, today).is_err());
        assert!(asked("userAttributes=city:london", &undivided, today).is_err());
    }
}

//! What a user is worth on each board (spec/trophy.md 7.3, 7.5, 7.8, 15.4).
//!
//! A value follows from events, awards or the streak alone. Whether the user takes part, and in which group, follows from the
//! attributes and is kept beside the value, so that it can change without counting anew. Ranks are not known here.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::achievement::passed_anniversaries;
use crate::amount::Amount;
use crate::apply::Turn;
use crate::calendar::Zone;
use crate::catalog::{BoardEntry, Catalog};
use crate::definition::{RankBy, all_match};
use crate::id::{BoardId, MetricId};
use crate::outcome::{BoardChange, Move};
use crate::state::{BoardValue, Group, Row, UserState};
use crate::tick;
use crate::user::User;

/// The group in which attributes place a user on a board; nothing for those who do not take part:
/// a filter fails, or a breakdown attribute is missing.
pub fn group(board: &BoardEntry, attributes: &BTreeMap<String, String>) -> Option<Group> {
    if !all_match(&board.user_filters, attributes) {
        return None;
    }
    board
        .breakdown
        .iter()
        .map(|key| attributes.get(key).cloned())
        .collect()
}

/// The one run of a streak board. It ranks live lengths while it is active, whatever date it is for the
/// user: who is on a streak takes part from the first instant on (AMB-35).
pub const STREAK_RUN: i64 = 0;

/// The runs of a board that are open for somebody, somewhere (spec/trophy.md 7.5).
pub fn open_runs(board: &BoardEntry, now: Timestamp) -> Vec<i64> {
    if board.body().rank_by == RankBy::Streak {
        return vec![STREAK_RUN];
    }
    let mut runs: Vec<i64> = [-12, 0, 14]
        .into_iter()
        .filter_map(|hours| now.checked_add(SignedDuration::from_hours(hours)).ok())
        .filter_map(|at| board.body().schedule().run_at(Zone::utc().date(at)))
        .collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

/// The values that a command about a user may read or write, as board and run.
pub fn needed(
    catalog: &Catalog,
    user: &User,
    metric: Option<MetricId>,
    now: Timestamp,
) -> Vec<(BoardId, i64)> {
    let today = user.zone().date(now);
    let mut needed = Vec::new();
    for board in catalog.live_boards(now) {
        let is_meant = match board.body().rank_by {
            RankBy::Metric(id) => metric == Some(id),
            RankBy::Points(_) | RankBy::Streak => true,
        };
        if !is_meant {
            continue;
        }
        let schedule = board.body().schedule();
        needed.extend(
            open_runs(board, now)
                .into_iter()
                .map(|run| (board.id(), run)),
        );
        needed.extend(
            passed_anniversaries(catalog, user, today)
                .filter_map(|date| schedule.run_at(date))
                .map(|run| (board.id(), run)),
        );
    }
    needed.sort_unstable();
    needed.dedup();
    needed
}

/// The values that points for time that has passed will move, as board and run: awards belong to the
/// runs of their own dates, which may be over.
pub fn needed_by_time(catalog: &Catalog, state: &UserState, now: Timestamp) -> Vec<(BoardId, i64)> {
    if catalog.time_triggers().next().is_none() {
        return Vec::new();
    }
    let zone = state.user.get().zone();
    let mut needed = Vec::new();
    for board in catalog.live_boards(now) {
        if let RankBy::Points(system) = board.body().rank_by {
            let schedule = board.body().schedule();
            let dates = tick::due_dates(catalog, state, &zone, system, now);
            let runs = dates.into_iter().filter_map(|date| schedule.run_at(date));
            needed.extend(runs.map(|run| (board.id(), run)));
        }
    }
    needed
}

/// The sum of a metric's event with what a board already holds, where that leaves the range.
pub(crate) fn overflows(
    catalog: &Catalog,
    state: &UserState,
    (metric, value): (MetricId, Amount),
    (today, second): (Date, i64),
    now: Timestamp,
) -> bool {
    catalog.live_boards_of_metric(metric, now).any(|board| {
        board.body().run_at(today, Some(second)).is_some_and(|run| {
            let held = state
                .boards
                .get(&(board.id(), run))
                .map_or(0, |row| row.get().value);
            Amount::from_millionths(held).checked_add(value).is_none()
        })
    })
}

/// Carries what a command did onto the boards.
pub(crate) fn follow(
    turn: &mut Turn<'_>,
    event: Option<(MetricId, Amount)>,
    is_extended: bool,
) -> Vec<BoardChange> {
    let catalog = turn.catalog;
    let today = turn.today();
    let second = turn.second_of_day();
    // What each instant brings: points for time may come and go again before anybody looks.
    let mut steps: BTreeMap<(BoardId, i64), BTreeMap<Timestamp, i64>> = BTreeMap::new();
    if let Some((metric, value)) = event {
        for board in catalog.live_boards_of_metric(metric, turn.now) {
            if let Some(run) = board.body().run_at(today, Some(second)) {
                let step = BTreeMap::from([(turn.now, value.millionths())]);
                steps.insert((board.id(), run), step);
            }
        }
    }
    if !turn.appended.ledger.is_empty() {
        for board in catalog.live_boards(turn.now) {
            let RankBy::Points(system) = board.body().rank_by else {
                continue;
            };
            for entry in turn.appended.ledger.iter().filter(|e| e.system == system) {
                if let Some(run) = board.body().run_at(entry.date, entry.second_of_day) {
                    // An award for a midnight that passed counts from that midnight.
                    let own = steps.entry((board.id(), run)).or_default();
                    let step = own.entry(entry.at).or_default();
                    *step = step.saturating_add(entry.amount);
                }
            }
        }
    }
    let deltas = steps.into_iter().filter_map(|(key, mut own)| {
        own.retain(|_, amount| *amount != 0);
        let (reached, _) = own.last_key_value()?;
        let delta = own
            .values()
            .fold(0_i64, |sum, step| sum.saturating_add(*step));
        Some((key, (delta, *reached)))
    });
    let deltas = deltas.collect();
    let mut changes = change(turn, deltas);
    if is_extended {
        changes.extend(follow_streak(turn));
    }
    changes
}

/// Carries the length of the streak onto its boards. A loss goes there at once, before the event
/// that found it can start anew, so that a new run is not taken for the old one. On a board with a time
/// window only extensions inside the window count: the next one there catches up. A loss counts always.
pub(crate) fn follow_streak(turn: &mut Turn<'_>) -> Vec<BoardChange> {
    let length = turn.streak_length();
    let second = turn.second_of_day();
    let mut deltas = BTreeMap::new();
    for board in turn.catalog.live_boards(turn.now) {
        if board.body().rank_by == RankBy::Streak {
            let key = (board.id(), STREAK_RUN);
            let held = turn.state.boards.get(&key).map_or(0, |row| row.get().value);
            if length < held || length > held && board.body().counts_at(Some(second)) {
                deltas.insert(key, (length.saturating_sub(held), turn.now));
            }
        }
    }
    change(turn, deltas)
}

/// Changes values: by how much, and when it came to that.
fn change(
    turn: &mut Turn<'_>,
    deltas: BTreeMap<(BoardId, i64), (i64, Timestamp)>,
) -> Vec<BoardChange> {
    let catalog = turn.catalog;
    let mut changes = Vec::new();
    for ((id, run), (delta, reached)) in deltas {
        let Some(board) = catalog.board(id) else {
            continue;
        };
        let user = turn.state.user.get();
        let user_id = user.id;
        let group = group(board, &user.attributes);
        let row = turn.state.boards.entry((id, run)).or_insert_with(|| {
            Row::fresh(BoardValue {
                value: 0,
                reached: turn.now,
                group: group.clone(),
            })
        });
        let from = row
            .get()
            .place(user_id)
            .map(|(group, place)| (group.clone(), place));
        let value = row.edit();
        value.value = value.value.saturating_add(delta);
        value.reached = reached;
        value.group.clone_from(&group);
        let to = value
            .place(user_id)
            .map(|(group, place)| (group.clone(), place));
        if group.is_some() {
            changes.push(BoardChange {
                board: id,
                run,
                group,
                move_index: turn.moves.len(),
            });
        }
        turn.moves.push(Move {
            board: id,
            run,
            from,
            to,
        });
    }
    changes
}

/// Moves the user's values to the groups that changed attributes ask for.
pub(crate) fn regroup(turn: &mut Turn<'_>) {
    let user = turn.state.user.get();
    for ((id, run), row) in &mut turn.state.boards {
        let Some(board) = turn.catalog.board(*id) else {
            continue;
        };
        let group = group(board, &user.attributes);
        if row.get().group == group {
            continue;
        }
        let place = |value: &BoardValue| {
            value
                .place(user.id)
                .map(|(group, place)| (group.clone(), place))
        };
        let from = place(row.get());
        row.edit().group = group;
        let to = place(row.get());
        if from != to {
            turn.moves.push(Move {
                board: *id,
                run: *run,
                from,
                to,
            });
        }
    }
}

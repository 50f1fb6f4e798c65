//! When an event counts that waited before it was carried out (spec/trophy.md 3.8).
//!
//! It counts when it arrived. But rows of a user only ever go forward: totals, streaks and places on boards remember instants,
//! and a period that is closed stays closed. An event that comes too late for that counts at the present instead.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::calendar::Zone;
use crate::catalog::{BoardEntry, Catalog};
use crate::command::RecordEvent;
use crate::definition::{BoardStatus, RankBy};
use crate::leaderboard::open_runs;
use crate::state::{Row, UserState};

/// The instant at which an event counts that arrived at `arrived` and is carried out at `now`, on the
/// rows of its user: `arrived`, unless
///
/// * something of the user changed since then,
/// * a midnight after it has closed a period of the streak or granted freezes,
/// * a run of a board on which it would have counted is over for everybody, or
/// * the clock went back, so that it did not arrive yet.
///
/// Then it is `now`.
pub fn counts_at(
    catalog: &Catalog,
    state: &UserState,
    event: &RecordEvent,
    arrived: Timestamp,
    now: Timestamp,
) -> Timestamp {
    // The user lives where the event says.
    let tz = event.user.tz.value(state.user.get().tz.as_ref());
    let date = Zone::of(tz.map(String::as_str)).date(arrived);
    let is_late = arrived > now
        || last_change(state).is_some_and(|last| last >= arrived)
        || is_settled_past(state, arrived)
        || catalog
            .live_boards(arrived)
            .any(|board| has_closed(board, date, now));
    if is_late { now } else { arrived }
}

/// The last instant that the rows of a user remember; nothing of a user who is not there yet.
fn last_change(state: &UserState) -> Option<Timestamp> {
    if state.is_new {
        return None;
    }
    let user = state.user.get();
    let streak = state.streak.as_ref().map(Row::get);
    let pending = state.pending.values().map(Row::get);
    [user.created, user.updated]
        .into_iter()
        .chain(state.totals.values().map(|row| row.get().last))
        .chain(streak.and_then(|streak| streak.extended))
        .chain(state.completions.values().map(|completion| completion.at))
        .chain(state.boards.values().map(|row| row.get().reached))
        .chain(state.tags.values().map(|row| row.get().updated))
        .chain(state.purses.values().map(|row| row.get().updated))
        .chain(pending.map(|entry| entry.at))
        .chain(state.missions.values().map(|row| row.get().updated))
        .max()
}

/// Whether the streak has left the period of an instant, or freezes were granted for a later date.
fn is_settled_past(state: &UserState, at: Timestamp) -> bool {
    let Some(streak) = state.streak.as_ref().map(Row::get) else {
        return false;
    };
    let date = state.user.get().zone().date(at);
    let start = streak.frequency.period(date).start;
    streak.open_from > start || streak.met.is_some_and(|met| met > start) || streak.earned_to > date
}

/// Whether a board on which an event of a date counts has closed for everybody since.
fn has_closed(board: &BoardEntry, date: Date, now: Timestamp) -> bool {
    if board.body().status_at(now) != BoardStatus::Active {
        return true;
    }
    board.body().rank_by != RankBy::Streak
        && board
            .body()
            .schedule()
            .run_at(date)
            .is_some_and(|run| !open_runs(board, now).contains(&run))
}

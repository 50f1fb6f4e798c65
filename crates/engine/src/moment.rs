//! What begins and ends by the clock alone, for nobody in particular (spec/trophy.md 7.5, 9.4).
//!
//! A function of the catalog and a span of time: whoever asks for adjoining spans is told everything once.

use jiff::Timestamp;

use crate::calendar::{days_after, utc_hour};
use crate::catalog::{BoardEntry, Catalog};
use crate::definition::BoardStatus;
use crate::outcome::Notice;

/// What falls into the span from `after` (not included) to `to` (included), in order.
pub fn between(catalog: &Catalog, after: Timestamp, to: Timestamp) -> Vec<(Timestamp, Notice)> {
    let mut moments = Vec::new();
    for board in catalog.boards() {
        runs_between(board, after, to, &mut moments);
    }
    moments.sort_by_key(|(at, _)| *at);
    moments
}

/// The first instant after `now` at which [`between`] has something to tell, at most 32 days ahead.
pub fn next(catalog: &Catalog, now: Timestamp) -> Option<Timestamp> {
    let horizon = now
        .checked_add(jiff::SignedDuration::from_hours(32 * 24))
        .ok()?;
    between(catalog, now, horizon).first().map(|(at, _)| *at)
}

/// When a run is told to begin: 10:00 UTC on the eve of its first date.
fn run_starts(board: &BoardEntry, run: i64) -> Option<Timestamp> {
    let period = board.body().schedule().run(run)?;
    Some(utc_hour(days_after(period.start, -1), 10))
}

/// When a run is told to be over: 13:00 UTC on the day after its last date. Nothing: it never ends.
fn run_finishes(board: &BoardEntry, run: i64) -> Option<Timestamp> {
    let schedule = board.body().schedule();
    let period = schedule.run(run)?;
    let has_end = schedule.every.is_some() || schedule.end.is_some();
    has_end.then(|| utc_hour(days_after(period.end, 1), 13))
}

fn runs_between(
    board: &BoardEntry,
    after: Timestamp,
    to: Timestamp,
    moments: &mut Vec<(Timestamp, Notice)>,
) {
    if matches!(
        board.body().status,
        BoardStatus::Inactive | BoardStatus::Finished
    ) {
        return;
    }
    let schedule = board.body().schedule();
    let utc = crate::calendar::Zone::utc();
    // A run that is told of in the span has dates within two days of it.
    let first = days_after(utc.date(after), -2);
    let last = days_after(utc.date(to), 2);
    let Some(mut run) = schedule.run_at(first.max(schedule.start)).or_else(|| {
        // The board ended before the span, or has not begun: at most its last run is of interest.
        schedule.end.and_then(|end| schedule.run_at(end))
    }) else {
        return;
    };
    while let Some(period) = schedule.run(run) {
        if period.start > last {
            break;
        }
        let id = board.id();
        let mut tell = |at: Option<Timestamp>, notice: Notice| {
            if let Some(at) = at.filter(|at| *at > after && *at <= to) {
                moments.push((at, notice));
            }
        };
        tell(
            run_starts(board, run),
            Notice::BoardStarted { board: id, run },
        );
        tell(
            run_finishes(board, run),
            Notice::BoardFinished { board: id, run },
        );
        run = run.saturating_add(1);
    }
}

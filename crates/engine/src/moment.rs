//! What begins and ends by the clock alone: runs of boards, boosts (spec/trophy.md 6.7, 7.5, 9.4).
//!
//! A function of the catalog and a span of time: whoever asks for adjoining spans is told everything once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::calendar::{Zone, days_after, utc_hour};
use crate::catalog::{BoardEntry, BoostEntry, Catalog};
use crate::definition::{BoardStatus, BoostUser, PointsBoost};
use crate::id::{BoostId, UserId};
use crate::outcome::Notice;

/// What falls into the span from `after` (not included) to `to` (included), in order.
pub fn between(catalog: &Catalog, after: Timestamp, to: Timestamp) -> Vec<(Timestamp, Notice)> {
    let mut moments = Vec::new();
    for board in catalog.boards() {
        runs_between(board, after, to, &mut moments);
    }
    for boost in catalog.boosts().filter(|b| b.body().user.is_none()) {
        moments.extend(boost_between(boost, None, after, to));
    }
    moments.sort_by_key(|(at, _)| *at);
    moments
}

/// The users whose own boosts may begin or end in a span: in their zones, which the caller has to know.
pub fn boosted_users(catalog: &Catalog, after: Timestamp, to: Timestamp) -> BTreeSet<UserId> {
    // Wherever the user is, the date is at most one day from that of UTC.
    let utc = Zone::utc();
    let (first, last) = (days_after(utc.date(after), -2), days_after(utc.date(to), 2));
    let is_near = |date: Date| first <= date && date <= last;
    catalog
        .boosts()
        .filter(|boost| is_near(boost.body().start) || boost.body().end.is_some_and(is_near))
        .filter_map(|boost| Some(boost.body().user.as_ref()?.id()))
        .collect()
}

/// What [`between`] leaves out: the boosts of single users, with the user, by the zones of these.
/// Users without a zone here are passed over.
pub fn user_boosts_between(
    catalog: &Catalog,
    zones: &BTreeMap<UserId, Zone>,
    after: Timestamp,
    to: Timestamp,
) -> Vec<(Timestamp, UserId, Notice)> {
    let mut moments = Vec::new();
    for boost in catalog.boosts() {
        let user = boost.body().user.as_ref().map(BoostUser::id);
        if let Some((user, zone)) = user.and_then(|user| Some((user, zones.get(&user)?))) {
            let told = boost_between(boost, Some(zone), after, to);
            moments.extend(told.map(|(at, notice)| (at, user, notice)));
        }
    }
    moments.sort_by_key(|(at, ..)| *at);
    moments
}

/// When a boost is told to begin and to be over. For everybody: 10:00 UTC on the eve of its first
/// date, 13:00 UTC on the day after its last one. For one user: the midnights of the user's `zone`.
pub fn boost_moments(boost: &PointsBoost, zone: Option<&Zone>) -> (Timestamp, Option<Timestamp>) {
    match zone {
        Some(zone) => (
            zone.start_of(boost.start),
            boost.end.map(|end| zone.start_of(days_after(end, 1))),
        ),
        None => (
            utc_hour(days_after(boost.start, -1), 10),
            boost.end.map(|end| utc_hour(days_after(end, 1), 13)),
        ),
    }
}

/// What a change of a boost has to tell because its moment is over: nobody would come by it again.
/// `before`: the boost as it was, if it is not new; `zone`: of the one user it is for.
pub fn passed(
    id: BoostId,
    before: Option<&PointsBoost>,
    after: &PointsBoost,
    zone: Option<&Zone>,
    now: Timestamp,
) -> Vec<Notice> {
    let is_told = |boost: &PointsBoost| {
        let (start, end) = boost_moments(boost, zone);
        (start <= now, end.is_some_and(|end| end <= now))
    };
    let (had_started, had_finished) = before.map_or((false, false), is_told);
    let (starts, finishes) = is_told(after);
    let started = (starts && !had_started).then_some(Notice::BoostStarted { boost: id });
    let finished = (finishes && !had_finished).then_some(Notice::BoostFinished { boost: id });
    started.into_iter().chain(finished).collect()
}

fn boost_between(
    boost: &BoostEntry,
    zone: Option<&Zone>,
    after: Timestamp,
    to: Timestamp,
) -> impl Iterator<Item = (Timestamp, Notice)> {
    let (start, end) = boost_moments(boost.body(), zone);
    let boost = boost.id();
    [
        (Some(start), Notice::BoostStarted { boost }),
        (end, Notice::BoostFinished { boost }),
    ]
    .into_iter()
    .filter_map(move |(at, notice)| {
        let at = at.filter(|at| *at > after && *at <= to)?;
        Some((at, notice))
    })
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
    let utc = Zone::utc();
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

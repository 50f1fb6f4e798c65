//! Keeps where users stand on boards when their day ends (spec/trophy.md 7.9, 16.1).
//!
//! At every midnight of some zone the users there who are shown, or were shown the last time, are compared with what was
//! kept of them; only differences are written. A sweep that comes late keeps the present places for the last day that
//! ended: places of days before that are not known any more.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use engine::calendar::{Zone, days_after, ended_days};
use engine::catalog::{BoardEntry, Catalog};
use engine::definition::BoardStatus;
use engine::id::UserId;
use jiff::Timestamp;
use jiff::civil::Date;
use store::Space;
use store::access::Environment;
use store::board_day::{Day, NewDay};
use store::driver::Tx;

use crate::app::App;
use crate::problem::{Problem, Result};

/// How often: places are to be those of the end of the day.
const SLEEP: Duration = Duration::from_secs(30);

/// Keeps the days that ended; answers how many rows that were.
pub async fn step(app: &App) -> Result<usize> {
    super::in_each_space(app, None, keep).await
}

/// Keeps the days that ended in one environment; answers how many rows that were.
pub async fn step_in(app: &App, environment: Environment) -> Result<usize> {
    super::in_each_space(app, Some(environment), keep).await
}

/// When the next day ends for somebody in an environment, where there are boards.
pub fn next(
    app: &App,
    tx: &mut Tx<'_>,
    environment: Environment,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let mut next = None;
    for space in store::access::spaces_of(tx, environment)? {
        let Some(versions) = store::access::versions(tx, space)? else {
            continue;
        };
        let catalog = app.room.catalogs.get(tx, space, versions.config)?;
        if !catalog.boards().any(ranks) {
            continue;
        }
        let midnights = store::user::all_zones(tx, space)?
            .into_iter()
            .map(|zone| zone.start_of(days_after(zone.date(now), 1)))
            .filter(|at| *at > now);
        next = next.into_iter().chain(midnights).min();
    }
    Ok(next)
}

/// What was found in a space.
struct Found {
    from: Option<Timestamp>,
    to: Timestamp,
    days: Vec<NewDay>,
}

fn keep(app: &App, space: Space) -> Result<usize> {
    // Looked for outside of the writing transaction, so that no batch waits for it.
    let found = app.room.store.read(|tx| look(app, tx, space))?;
    let Some(Found { from, to, days }) = found else {
        return Ok(0);
    };
    app.room.store.write(|tx| {
        // Another process that was faster has kept the same.
        if !store::board_day::look_to(tx, space, from, to)? {
            return Ok(0);
        }
        store::board_day::keep(tx, space, &days)?;
        Ok::<_, Problem>(days.len())
    })
}

/// Nothing: no midnight can have passed since the last time.
fn look(app: &App, tx: &mut Tx<'_>, space: Space) -> Result<Option<Found>> {
    let Some(versions) = store::access::versions(tx, space)? else {
        return Ok(None);
    };
    let to = app.room.clock.now_by(versions.test_now);
    let from = store::board_day::looked_to(tx, space)?;
    let Some(after) = from else {
        let days = Vec::new();
        return Ok(Some(Found { from, to, days }));
    };
    if !passes_quarter(after, to) {
        return Ok(None);
    }
    let catalog = app.room.catalogs.get(tx, space, versions.config)?;
    let days = changes(app, tx, space, &catalog, (after, to))?;
    Ok(Some(Found { from, to, days }))
}

/// Whether a quarter of an hour begins in a span: midnights of all zones fall on them.
fn passes_quarter(after: Timestamp, to: Timestamp) -> bool {
    let quarter = |at: Timestamp| at.as_second().div_euclid(15 * 60);
    quarter(after) < quarter(to)
}

/// The boards that have places of a date: nobody stands on an inactive one, and what was ended by hand stays as it was.
fn ranks(board: &BoardEntry) -> bool {
    matches!(
        board.body().status,
        BoardStatus::Scheduled | BoardStatus::Active
    )
}

fn changes(
    app: &App,
    tx: &mut Tx<'_>,
    space: Space,
    catalog: &Catalog,
    (after, to): (Timestamp, Timestamp),
) -> Result<Vec<NewDay>> {
    let mut days = Vec::new();
    if !catalog.boards().any(ranks) {
        return Ok(days);
    }
    let ended = ended_days(after, to);
    let dates: BTreeSet<Date> = ended.values().copied().collect();
    for board in catalog.boards().filter(|board| ranks(board)) {
        let schedule = board.body().schedule();
        let runs: BTreeSet<i64> = dates
            .iter()
            .filter_map(|date| schedule.run_at(*date))
            .collect();
        for run in runs {
            days.extend(of_run(app, tx, space, (board, run), &ended, to)?);
        }
    }
    Ok(days)
}

/// The users of a run whose day ended, where they stand otherwise than the last time.
fn of_run(
    app: &App,
    tx: &mut Tx<'_>,
    space: Space,
    (board, run): (&BoardEntry, i64),
    ended: &BTreeMap<String, Date>,
    now: Timestamp,
) -> Result<Vec<NewDay>> {
    let body = board.body();
    let shown = app
        .room
        .ranks
        .with_run(tx, space, board, run, now, |standings| {
            standings.shown(body.max_participants, body.rank_by)
        })?;
    let shown: HashMap<UserId, (i64, i64)> = shown
        .into_iter()
        .map(|row| (row.user, (row.rank, row.value)))
        .collect();
    let last = store::board_day::shown(tx, space, board.id(), run)?;
    let users: BTreeSet<UserId> = shown.keys().chain(last.keys()).copied().collect();
    let users: Vec<UserId> = users.into_iter().collect();
    let mut days = Vec::new();
    for (user, tz) in store::user::zone_names(tx, space, &users)? {
        let Some(date) = ended_in(ended, tz.as_deref()) else {
            continue;
        };
        let place = shown.get(&user).copied();
        let before = last.get(&user);
        // Whoever flew west ends the same day twice; the first time counts.
        let is_new = before.is_none_or(|before| before.date < date);
        if is_new
            && body.schedule().run_at(date) == Some(run)
            && before.and_then(|before| before.place) != place
        {
            days.push(NewDay {
                board: board.id(),
                run,
                user,
                day: Day { date, place },
            });
        }
    }
    Ok(days)
}

/// The last date that ended for a user of a zone.
fn ended_in(ended: &BTreeMap<String, Date>, tz: Option<&str>) -> Option<Date> {
    let known = tz.filter(|tz| Zone::named(tz).is_some());
    ended.get(known.unwrap_or("UTC")).copied()
}

/// Runs until the process ends.
pub async fn run(app: App) {
    loop {
        if let Err(problem) = step(&app).await {
            tracing::warn!(
                problem = problem.message,
                "the ends of days could not be kept"
            );
        }
        tokio::time::sleep(SLEEP).await;
    }
}

//! Takes what waits in the outbox and makes a delivery of it for every endpoint that wants it (spec/trophy.md 9.4).
//!
//! What is taken, what comes of it and what is remembered of it change in one transaction: a crash repeats nothing and leaves
//! nothing out. Must not know how deliveries are sent.

mod boards;
mod points;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use engine::catalog::Catalog;
use engine::id::{BoardId, Ids, UserId};
use jiff::{SignedDuration, Timestamp};
use store::Space;
use store::access::Environment;
use store::delivery::NewDelivery;
use store::driver::Tx;
use store::outbox::Kept;
use store::throttle;
use store::webhook::Endpoint;
use uuid::Uuid;

use crate::app::App;
use crate::message::{
    BOARD_CHANGED, BOARD_FINISHED, BOARD_STARTED, Moved, POINTS_CHANGED, Points, RANK_CHANGED, Run,
    Sender,
};
use crate::problem::{Problem, Result};
use boards::Look;

/// The most that is taken in one transaction.
const LIMIT: i64 = 500;
/// How long nothing more is told of what is told only once in a while (AMB-49).
const WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// The longest sleep: another process may have put something into the outbox.
const SLEEP_MAX: Duration = Duration::from_secs(5);

/// Dispatches until nothing waits and nothing is due; answers how many deliveries that made.
pub async fn step(app: &App) -> Result<usize> {
    let mut made = 0;
    let mut after = None;
    loop {
        let from = after;
        let turn = app
            .blocking(move |app| {
                let survey = Survey::take(app, from)?;
                dispatch(app, &survey).map(|made| (survey.last, survey.scenes.is_empty(), made))
            })
            .await?;
        let (last, is_idle, deliveries) = turn;
        made += deliveries;
        if is_idle && after.is_none() {
            return Ok(made);
        }
        // Round the spaces, so that one with much to tell does not keep the others waiting.
        after = last;
    }
}

/// What there is to do, read before it is done.
#[derive(Debug, Default)]
struct Survey {
    scenes: Vec<Scene>,
    /// The last space of which something was taken, if there may be more behind it.
    last: Option<Space>,
}

/// What there is to do in one space.
#[derive(Debug)]
struct Scene {
    space: Space,
    /// The version of the configuration by which `boards` was read.
    version: i64,
    rows: Vec<Kept>,
    boards: BTreeMap<(BoardId, i64), Look>,
}

impl Survey {
    /// Looks. Standings follow a commit a moment later; nobody is in that moment while the gate is ours, so
    /// that the standings hold exactly the moves that were read.
    fn take(app: &App, after: Option<Space>) -> Result<Self> {
        let survey = app.room.store.read(|tx| Self::read(app, tx, after))?;
        let rows = survey.scenes.iter().flat_map(|scene| &scene.rows);
        if !rows.into_iter().any(|row| row.kind == BOARD_CHANGED) {
            return Ok(survey);
        }
        let gate = app
            .room
            .gate
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let survey = app.room.store.read(|tx| Self::read(app, tx, after));
        drop(gate);
        survey
    }

    fn read(app: &App, tx: &mut Tx<'_>, after: Option<Space>) -> Result<Self> {
        let mut spaces: BTreeMap<Space, Vec<Kept>> = BTreeMap::new();
        let rows = store::outbox::first(tx, after, LIMIT)?;
        let is_full = i64::try_from(rows.len()).is_ok_and(|taken| taken == LIMIT);
        let last = rows.last().map(|row| row.space).filter(|_| is_full);
        for row in rows {
            spaces.entry(row.space).or_default().push(row);
        }
        if after.is_none() {
            for space in throttle::due_spaces(tx, app.room.clock.now())? {
                spaces.entry(space).or_default();
            }
        }
        let mut scenes = Vec::new();
        for (space, rows) in spaces {
            let Some(versions) = store::access::versions(tx, space)? else {
                continue;
            };
            let now = app.room.clock.now_by(versions.test_now);
            let catalog = app.room.catalogs.get(tx, space, versions.config)?;
            let mut boards: BTreeMap<(BoardId, i64), Look> = BTreeMap::new();
            for row in &rows {
                match row.kind.as_str() {
                    BOARD_CHANGED => {
                        if let Some(moved) = parse::<Moved>(row) {
                            let key = (BoardId(moved.board), moved.run);
                            boards.entry(key).or_default().add(moved);
                        }
                    }
                    BOARD_STARTED | BOARD_FINISHED => {
                        if let Some(run) = parse::<Run>(row) {
                            boards.entry((run.board, run.run)).or_default();
                        }
                    }
                    _ => {}
                }
            }
            for kind in [BOARD_CHANGED, RANK_CHANGED] {
                for (subject, run, _) in throttle::due(tx, space, kind, now, LIMIT)? {
                    boards.entry((BoardId(subject), run)).or_default().is_due = true;
                }
            }
            for ((board, run), look) in &mut boards {
                if let Some(entry) = catalog.board(*board) {
                    let count = look.needed(entry);
                    let ranks = &app.room.ranks;
                    look.places =
                        ranks.with_run(tx, space, entry, *run, now, |run| run.first(count))?;
                }
            }
            scenes.push(Scene {
                space,
                version: versions.config,
                rows,
                boards,
            });
        }
        Ok(Self { scenes, last })
    }
}

/// Reads what is kept in a row. What cannot be read is of no use to anybody and must not stand in the way of the rest.
fn parse<T: serde::de::DeserializeOwned>(row: &Kept) -> Option<T> {
    match serde_json::from_str(&row.body) {
        Ok(value) => Some(value),
        Err(error) => {
            tracing::error!(%error, id = %row.id, kind = row.kind, "a notice cannot be read");
            None
        }
    }
}

/// A message that is complete.
#[derive(Debug)]
struct Ready {
    event: Uuid,
    kind: String,
    body: String,
}

/// One space while it is worked on.
struct Round<'a, 't> {
    tx: &'a mut Tx<'t>,
    space: Space,
    catalog: &'a Catalog,
    now: Timestamp,
    sender: Sender<'a>,
    ids: &'a mut Ids,
    ready: Vec<Ready>,
}

impl Round<'_, '_> {
    /// A message that has not waited in the outbox itself.
    fn push(&mut self, kind: &str, payload: wire::webhook::Payload) -> store::Result<()> {
        let body = self.sender.write(payload)?;
        let event = self.id();
        self.ready.push(Ready {
            event,
            kind: kind.to_owned(),
            body,
        });
        Ok(())
    }

    /// A new id.
    fn id(&mut self) -> Uuid {
        self.ids.uuid(self.now)
    }

    /// The end of a window that begins now.
    fn window(&self) -> Timestamp {
        self.now.saturating_add(WINDOW).unwrap_or(Timestamp::MAX)
    }
}

fn dispatch(app: &App, survey: &Survey) -> Result<usize> {
    if survey.scenes.is_empty() {
        return Ok(0);
    }
    let mut ids = app.room.own_ids();
    let gate = app.room.gate.read().unwrap_or_else(PoisonError::into_inner);
    let made = app.room.store.write(|tx| {
        let mut made = 0;
        for scene in &survey.scenes {
            made += play(app, tx, scene, &mut ids)?;
        }
        Ok::<_, Problem>(made)
    });
    drop(gate);
    if made.as_ref().is_ok_and(|made| *made > 0) {
        app.room.deliveries.notify_one();
    }
    made
}

/// Does what there is to do in one space.
fn play(app: &App, tx: &mut Tx<'_>, scene: &Scene, ids: &mut Ids) -> Result<usize> {
    let space = scene.space;
    let Some(versions) = store::access::versions(tx, space)? else {
        return Ok(0);
    };
    // What was read of boards is worth nothing when they are others by now: the next look sees it.
    let is_same = versions.config == scene.version;
    let found: Vec<Uuid> = scene.rows.iter().map(|row| row.id).collect();
    // Another process may have taken some.
    let held: BTreeSet<Uuid> = store::outbox::hold(tx, space, &found)?
        .into_iter()
        .collect();
    let rows: Vec<&Kept> = scene
        .rows
        .iter()
        .filter(|row| held.contains(&row.id) && (is_same || !is_of_board(row)))
        .collect();
    let catalog: Arc<Catalog> = app.room.catalogs.get(tx, space, versions.config)?;
    let endpoints = store::webhook::active(tx, space)?;
    let tenant = store::access::customers(tx, &[space])?.pop();
    let mut round = Round {
        tx,
        space,
        catalog: &catalog,
        now: app.room.clock.now_by(versions.test_now),
        sender: Sender {
            catalog: &catalog,
            tenant: tenant.as_ref().map(|(_, customer)| customer.as_str()),
        },
        ids,
        ready: Vec::new(),
    };
    let mut points: Vec<(UserId, Points)> = Vec::new();
    for row in &rows {
        match row.kind.as_str() {
            POINTS_CHANGED => points.extend(row.user.zip(parse(row))),
            BOARD_CHANGED => {}
            BOARD_STARTED | BOARD_FINISHED => {
                if let Some(run) = parse(row) {
                    round.run_moment(row, run, &scene.boards)?;
                }
            }
            _ => round.ready.push(Ready {
                event: row.id,
                kind: row.kind.clone(),
                body: row.body.clone(),
            }),
        }
    }
    round.settle_points(points)?;
    if is_same {
        for ((board, run), look) in &scene.boards {
            round.look(*board, *run, look)?;
        }
    }
    let ready = std::mem::take(&mut round.ready);
    let made = deliver(&mut round, &ready, &endpoints, app.room.clock.now())?;
    let done: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    store::outbox::remove(round.tx, space, &done)?;
    Ok(made)
}

/// Whether a row is told by what was read of boards.
fn is_of_board(row: &Kept) -> bool {
    [BOARD_CHANGED, BOARD_STARTED, BOARD_FINISHED].contains(&row.kind.as_str())
}

/// Makes a delivery of every message for every endpoint that wants it; they are due by the clock of the machine, which
/// is that of the network.
fn deliver(
    round: &mut Round<'_, '_>,
    ready: &[Ready],
    endpoints: &[Endpoint],
    now: Timestamp,
) -> store::Result<usize> {
    let mut deliveries = Vec::new();
    for message in ready {
        for endpoint in endpoints {
            if endpoint.kinds.contains(&message.kind) {
                deliveries.push(NewDelivery {
                    id: round.id(),
                    endpoint: endpoint.id,
                    space: round.space,
                    event: message.event,
                    kind: &message.kind,
                    body: message.body.as_bytes(),
                });
            }
        }
    }
    store::delivery::insert(round.tx, &deliveries, now)?;
    Ok(deliveries.len())
}

/// When the next quiet time ends in an environment after which there is something to tell.
pub fn next(
    _: &App,
    tx: &mut Tx<'_>,
    environment: Environment,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let mut next = None;
    for space in store::access::spaces_of(tx, environment)? {
        let due = throttle::next_due_of(tx, space)?.filter(|at| *at > now);
        next = next.into_iter().chain(due).min();
    }
    Ok(next)
}

/// How long nothing is due.
async fn pause(app: &App) -> Result<Duration> {
    let next = app
        .blocking(|app| {
            let read = |tx: &mut Tx<'_>| Ok::<_, Problem>(throttle::next_due(tx)?);
            app.room.store.read(read)
        })
        .await?;
    Ok(super::until(next, app.room.clock.now(), SLEEP_MAX))
}

/// Runs until the process ends.
pub async fn run(app: App) {
    loop {
        let wait = match step(&app).await {
            Ok(_) => pause(&app).await.unwrap_or(SLEEP_MAX),
            Err(problem) => {
                tracing::warn!(problem = problem.message, "notices could not be dispatched");
                SLEEP_MAX
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.room.outbox.notified() => {}
        }
    }
}

//! Tells what begins and ends by the clock: runs of boards, boosts (spec/trophy.md 9.4, 16.1).
//!
//! How far it has come is kept with what it tells, in one transaction: a crash repeats nothing and leaves nothing out.

use std::time::Duration;

use engine::catalog::Catalog;
use engine::id::{BoardId, Ids};
use engine::moment;
use engine::outcome::Notice;
use jiff::Timestamp;
use store::Space;
use store::driver::Tx;
use store::outbox::Pending;

use crate::app::App;
use crate::problem::{Problem, Result};

/// How often; moments fall on full hours and on midnights of users.
const SLEEP: Duration = Duration::from_secs(30);

/// Tells everything that has fallen due; answers how much that was.
pub async fn step(app: &App) -> Result<usize> {
    // Not the shared generator, which a change of configuration holds while it waits for what we hold.
    let seed = app.room.ids().random();
    let mut ids = Ids::seeded(seed);
    super::in_each_space(app, move |app, space| tell(app, space, &mut ids)).await
}

fn tell(app: &App, space: Space, ids: &mut Ids) -> Result<usize> {
    app.room.store.write(|tx| {
        let Some(versions) = store::access::versions(tx, space)? else {
            return Ok(0);
        };
        let now = app.room.clock.now_by(versions.test_now);
        let catalog = app.room.catalogs.get(tx, space, versions.config)?;
        Ok::<_, Problem>(tell_up_to(tx, ids, space, &catalog, now)?)
    })
}

/// Tells what has fallen due in a space up to an instant; answers how much that was.
pub fn tell_up_to(
    tx: &mut Tx<'_>,
    ids: &mut Ids,
    space: Space,
    catalog: &Catalog,
    now: Timestamp,
) -> store::Result<usize> {
    let Some(after) = store::announced::up_to(tx, space)? else {
        store::announced::set(tx, space, now)?;
        return Ok(0);
    };
    if now <= after {
        return Ok(0);
    }
    let moments = moment::between(catalog, after, now);
    let told = keep(tx, ids, space, catalog, &moments)?;
    store::announced::set(tx, space, now)?;
    Ok(told)
}

/// Tells what changes of boards lead to at once. What fell due before the change must have been told.
pub fn tell_changes(
    tx: &mut Tx<'_>,
    ids: &mut Ids,
    space: Space,
    (before, after): (&Catalog, &Catalog),
    boards: &[BoardId],
    now: Timestamp,
) -> store::Result<usize> {
    let moments: Vec<_> = boards
        .iter()
        .flat_map(|id| moment::changed(before.board(*id), after.board(*id), now))
        .map(|notice| (now, notice))
        .collect();
    keep(tx, ids, space, after, &moments)
}

/// Keeps notices somebody listens to until they are delivered.
fn keep(
    tx: &mut Tx<'_>,
    ids: &mut Ids,
    space: Space,
    catalog: &Catalog,
    moments: &[(Timestamp, Notice)],
) -> store::Result<usize> {
    let pending: Vec<Pending<'_>> = moments
        .iter()
        .filter(|(_, notice)| catalog.listens(notice.kind()))
        .map(|(at, notice)| Pending {
            id: ids.uuid(*at),
            space,
            user: None,
            notice,
            at_us: at.as_microsecond(),
        })
        .collect();
    store::outbox::insert(tx, &pending)?;
    Ok(pending.len())
}

/// Runs until the process ends.
pub async fn run(app: App) {
    loop {
        if let Err(problem) = step(&app).await {
            tracing::warn!(problem = problem.message, "moments could not be told");
        }
        tokio::time::sleep(SLEEP).await;
    }
}

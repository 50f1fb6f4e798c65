//! Tells what begins and ends by the clock: runs of boards, boosts (spec/trophy.md 9.4, 16.1).
//!
//! How far it has come is kept with what it tells, in one transaction: a crash repeats nothing and leaves nothing out.

use std::time::Duration;

use engine::catalog::Catalog;
use engine::id::{BoardId, Ids, UserId};
use engine::moment;
use engine::outcome::Notice;
use jiff::Timestamp;
use store::Space;
use store::access::Environment;
use store::driver::Tx;
use store::outbox::Pending;

use super::due::HORIZON;
use crate::app::App;
use crate::message::Sender;
use crate::problem::{Problem, Result};

/// How often; moments fall on full hours and on midnights of users.
const SLEEP: Duration = Duration::from_secs(30);

/// Tells everything that has fallen due, everywhere; answers how much that was.
pub async fn step(app: &App) -> Result<usize> {
    tell_in(app, None).await
}

/// Tells everything that has fallen due in one environment; answers how much that was.
pub async fn step_in(app: &App, environment: Environment) -> Result<usize> {
    tell_in(app, Some(environment)).await
}

async fn tell_in(app: &App, environment: Option<Environment>) -> Result<usize> {
    let mut ids = Ids::seeded(app.room.ids().random());
    super::in_each_space(app, environment, move |app, space| {
        let told = tell_space(app, space, &mut ids)?;
        if told > 0 {
            app.room.outbox.notify_one();
        }
        Ok(told)
    })
    .await
}

/// When the next run of a board of an environment or the next boost begins or ends.
pub fn next(
    app: &App,
    tx: &mut Tx<'_>,
    environment: Environment,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let horizon = now.saturating_add(HORIZON).unwrap_or(Timestamp::MAX);
    let mut next = None;
    for space in store::access::spaces_of(tx, environment)? {
        if let Some(versions) = store::access::versions(tx, space)? {
            let catalog = app.room.catalogs.get(tx, space, versions.config)?;
            let users = moment::boosted_users(&catalog, now, horizon);
            let zones = store::user::zones(tx, space, &users)?;
            let of_users = moment::user_boosts_between(&catalog, &zones, now, horizon);
            next = next
                .into_iter()
                .chain(moment::next(&catalog, now))
                .chain(of_users.into_iter().map(|(at, ..)| at))
                .min();
        }
    }
    Ok(next)
}

fn tell_space(app: &App, space: Space, ids: &mut Ids) -> Result<usize> {
    type Told = store::Result<usize>;
    let enter = |tx: &mut Tx<'_>,
                 work: &mut dyn FnMut(&mut Tx<'_>, &Catalog, Timestamp) -> Told| {
        let Some(versions) = store::access::versions(tx, space)? else {
            return Ok(0);
        };
        let now = app.room.clock.now_by(versions.test_now);
        let catalog = app.room.catalogs.get(tx, space, versions.config)?;
        Ok::<_, Problem>(work(tx, &catalog, now)?)
    };
    // Nothing is written where nothing fell due: there may be many spaces.
    let due = app.room.store.read(|tx| {
        enter(tx, &mut |tx, catalog, now| {
            let Some(after) = store::announced::up_to(tx, space)? else {
                return Ok(1);
            };
            Ok(fell_due(tx, space, catalog, after, now)?.len())
        })
    })?;
    if due == 0 {
        return Ok(0);
    }
    app.room.store.write(|tx| {
        enter(tx, &mut |tx, catalog, now| {
            tell(tx, space, catalog, now, ids)
        })
    })
}

type Moment = (Timestamp, Option<UserId>, Notice);

/// What fell due in a span of time, with the instant and with the user it is for, in order.
fn fell_due(
    tx: &mut Tx<'_>,
    space: Space,
    catalog: &Catalog,
    after: Timestamp,
    now: Timestamp,
) -> store::Result<Vec<Moment>> {
    if now <= after {
        return Ok(Vec::new());
    }
    let users = moment::boosted_users(catalog, after, now);
    let zones = store::user::zones(tx, space, &users)?;
    let mut moments: Vec<Moment> = moment::user_boosts_between(catalog, &zones, after, now)
        .into_iter()
        .map(|(at, user, notice)| (at, Some(user), notice))
        .collect();
    let of_nobody = moment::between(catalog, after, now);
    moments.extend(of_nobody.into_iter().map(|(at, notice)| (at, None, notice)));
    moments.sort_by_key(|(at, ..)| *at);
    Ok(moments)
}

/// Tells what has fallen due in a space since the last time, to those who listen; answers how much
/// that was.
pub fn tell(
    tx: &mut Tx<'_>,
    space: Space,
    catalog: &Catalog,
    now: Timestamp,
    ids: &mut Ids,
) -> store::Result<usize> {
    let Some(after) = store::announced::hold(tx, space)? else {
        store::announced::set(tx, space, now)?;
        return Ok(0);
    };
    if now <= after {
        return Ok(0);
    }
    let moments = fell_due(tx, space, catalog, after, now)?;
    let told = keep(tx, space, catalog, &moments, ids)?;
    store::announced::set(tx, space, now)?;
    Ok(told)
}

/// Tells what changes of boards lead to at once. What fell due before the change must have been told.
pub fn tell_changes(
    tx: &mut Tx<'_>,
    space: Space,
    (before, after): (&Catalog, &Catalog),
    boards: &[BoardId],
    now: Timestamp,
    ids: &mut Ids,
) -> store::Result<usize> {
    let moments: Vec<_> = boards
        .iter()
        .flat_map(|id| moment::changed(before.board(*id), after.board(*id), now))
        .map(|notice| (now, None, notice))
        .collect();
    keep(tx, space, after, &moments, ids)
}

/// Keeps for those who listen what begins or ends, each with the instant and with the user it is for;
/// answers how much was kept.
pub fn keep(
    tx: &mut Tx<'_>,
    space: Space,
    catalog: &Catalog,
    moments: &[Moment],
    ids: &mut Ids,
) -> store::Result<usize> {
    if !moments
        .iter()
        .any(|(.., notice)| catalog.listens(notice.kind()))
    {
        return Ok(0);
    }
    let tenant = store::access::customers(tx, &[space])?.pop();
    let sender = Sender {
        catalog,
        tenant: tenant.as_ref().map(|(_, customer)| customer.as_str()),
    };
    let mut told = Vec::new();
    for (at, user, notice) in moments {
        if let Some(kept) = sender.tell_moment(notice, *at)? {
            told.push((*at, *user, kept));
        }
    }
    let pending: Vec<Pending<'_>> = told
        .iter()
        .map(|(at, user, kept)| Pending {
            id: ids.uuid(*at),
            space,
            user: *user,
            kind: kept.kind,
            body: &kept.body,
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

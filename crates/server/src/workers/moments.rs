//! Tells what begins and ends by the clock: runs of boards, boosts (spec/trophy.md 9.4, 16.1).
//!
//! How far it has come is kept with what it tells, in one transaction: a crash repeats nothing and leaves nothing out.

use std::time::Duration;

use engine::catalog::Catalog;
use engine::id::{Ids, UserId};
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
    app.blocking(|app| {
        let spaces = app
            .room
            .store
            .read(|tx| Ok::<_, Problem>(store::access::all_spaces(tx)?))?;
        let mut told = 0;
        for space in spaces {
            told += tell_space(app, space)?;
        }
        Ok(told)
    })
    .await
}

fn tell_space(app: &App, space: Space) -> Result<usize> {
    app.room.store.write(|tx| {
        let Some(versions) = store::access::versions(tx, space)? else {
            return Ok(0);
        };
        let now = app.room.clock.now_by(versions.test_now);
        let catalog = app.room.catalogs.get(tx, space, versions.config)?;
        Ok::<_, Problem>(tell(tx, space, &catalog, now, &mut app.room.ids())?)
    })
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
    let Some(after) = store::announced::up_to(tx, space)? else {
        store::announced::set(tx, space, now)?;
        return Ok(0);
    };
    if now <= after {
        return Ok(0);
    }
    let users = moment::boosted_users(catalog, after, now);
    let zones = store::user::zones(tx, space, &users)?;
    let mut moments: Vec<(Timestamp, Option<UserId>, Notice)> =
        moment::user_boosts_between(catalog, &zones, after, now)
            .into_iter()
            .map(|(at, user, notice)| (at, Some(user), notice))
            .collect();
    let of_nobody = moment::between(catalog, after, now);
    moments.extend(of_nobody.into_iter().map(|(at, notice)| (at, None, notice)));
    moments.retain(|(.., notice)| catalog.listens(notice.kind()));
    moments.sort_by_key(|(at, ..)| *at);
    let pending: Vec<Pending<'_>> = moments
        .iter()
        .map(|(at, user, notice)| Pending {
            id: ids.uuid(*at),
            space,
            user: *user,
            notice,
            at_us: at.as_microsecond(),
        })
        .collect();
    store::outbox::insert(tx, &pending)?;
    store::announced::set(tx, space, now)?;
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

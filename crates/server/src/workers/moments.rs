//! Tells what begins and ends by the clock: runs of boards, boosts (spec/trophy.md 9.4, 16.1).
//!
//! How far it has come is kept with what it tells, in one transaction: a crash repeats nothing and leaves nothing out.

use std::time::Duration;

use engine::moment;
use store::Space;
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
            told += tell(app, space)?;
        }
        if told > 0 {
            app.room.outbox.notify_one();
        }
        Ok(told)
    })
    .await
}

fn tell(app: &App, space: Space) -> Result<usize> {
    app.room.store.write(|tx| {
        let Some(versions) = store::access::versions(tx, space)? else {
            return Ok(0);
        };
        let now = app.room.clock.now_by(versions.test_now);
        let Some(after) = store::announced::up_to(tx, space)? else {
            store::announced::set(tx, space, now)?;
            return Ok(0);
        };
        if now <= after {
            return Ok(0);
        }
        let catalog = app.room.catalogs.get(tx, space, versions.config)?;
        let moments: Vec<_> = moment::between(&catalog, after, now)
            .into_iter()
            .filter(|(_, notice)| catalog.listens(notice.kind()))
            .collect();
        let mut ids = app.room.ids();
        let pending: Vec<Pending<'_>> = moments
            .iter()
            .map(|(at, notice)| Pending {
                id: ids.uuid(*at),
                space,
                user: None,
                notice,
                at_us: at.as_microsecond(),
            })
            .collect();
        drop(ids);
        store::outbox::insert(tx, &pending)?;
        store::announced::set(tx, space, now)?;
        Ok::<_, Problem>(pending.len())
    })
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

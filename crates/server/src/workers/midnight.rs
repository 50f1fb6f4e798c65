//! Settles users whose midnight has passed (spec/trophy.md 5.5, 16.1).
//!
//! It only asks; the desk settles, exactly as it would when the user acts. So it may be late, run twice or not run at all
//! without changing any result.

use std::time::Duration;

use engine::command::Command;
use jiff::Timestamp;
use store::Space;
use store::access::Environment;
use store::driver::Tx;

use crate::app::App;
use crate::problem::{Problem, Result};

/// Users asked for at once.
const BATCH: i64 = 256;
/// The longest sleep: new users may have earlier midnights than the one slept for.
const SLEEP_MAX: Duration = Duration::from_mins(1);

/// Settles everybody who is due, each by the clock of their environment; answers how many that were.
pub async fn step(app: &App) -> Result<usize> {
    let mut settled = settle(app, |app, tx| {
        store::streak::due(tx, app.room.clock.now(), BATCH)
    })
    .await?;
    for environment in super::tested(app).await? {
        settled += step_in(app, environment).await?;
    }
    Ok(settled)
}

/// Settles everybody who is due in an environment with a test clock; answers how many that were.
pub async fn step_in(app: &App, environment: Environment) -> Result<usize> {
    settle(app, move |_, tx| {
        let Some(now) = store::test_clock::now(tx, environment)? else {
            return Ok(Vec::new());
        };
        store::streak::due_in(tx, environment, now, BATCH)
    })
    .await
}

/// When the next user of an environment with a test clock is due.
pub fn next(
    _: &App,
    tx: &mut Tx<'_>,
    environment: Environment,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    Ok(store::streak::next_due_in(tx, environment, now)?)
}

async fn settle(
    app: &App,
    due: impl Fn(&App, &mut Tx<'_>) -> store::Result<Vec<(Space, String)>> + Copy + Send + 'static,
) -> Result<usize> {
    let mut settled = 0;
    loop {
        let due = app
            .blocking(move |app| app.room.store.read(|tx| Ok::<_, Problem>(due(app, tx)?)))
            .await?;
        if due.is_empty() {
            return Ok(settled);
        }
        settled += due.len();
        super::ask_all(app, due, &Command::Settle).await?;
    }
}

/// How long nothing is due by the clock of the machine; a test clock moves only when it is told to.
async fn pause(app: &App) -> Result<Duration> {
    let next: Option<Timestamp> = app
        .blocking(|app| {
            app.room
                .store
                .read(|tx| Ok::<_, Problem>(store::streak::next_due(tx)?))
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
                tracing::warn!(problem = problem.message, "midnights could not be settled");
                Duration::from_secs(5)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.midnights.notified() => {}
        }
    }
}

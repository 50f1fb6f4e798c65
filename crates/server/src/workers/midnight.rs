//! Settles users whose midnight has passed (spec/trophy.md 5.5, 16.1).
//!
//! It only asks; the desk settles, exactly as it would when the user acts. So it may be late, run twice or not run at all
//! without changing any result.

use std::time::Duration;

use engine::command::Command;
use jiff::Timestamp;

use crate::app::App;
use crate::problem::{Problem, Result};

/// Users asked for at once.
const BATCH: i64 = 256;
/// The longest sleep: new users may have earlier midnights than the one slept for.
const SLEEP_MAX: Duration = Duration::from_mins(1);

/// Settles everybody who is due; answers how many that were.
pub async fn step(app: &App) -> Result<usize> {
    let mut settled = 0;
    loop {
        let due = app
            .blocking(|app| {
                let now = app.room.clock.now();
                app.room
                    .store
                    .read(|tx| Ok::<_, Problem>(store::streak::due(tx, now, BATCH)?))
            })
            .await?;
        if due.is_empty() {
            return Ok(settled);
        }
        settled += due.len();
        super::ask_all(app, due, &Command::Settle).await?;
    }
}

/// How long nothing is due.
async fn pause(app: &App) -> Result<Duration> {
    let next: Option<Timestamp> = app
        .blocking(|app| {
            app.room
                .store
                .read(|tx| Ok::<_, Problem>(store::streak::next_due(tx)?))
        })
        .await?;
    let now = app.room.clock.now();
    let wait = next.map_or(SLEEP_MAX, |next| {
        Duration::try_from(next.duration_since(now)).unwrap_or(Duration::ZERO)
    });
    Ok(wait.clamp(Duration::from_millis(100), SLEEP_MAX))
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

//! Small things that can wait: when keys were last used, answers and messages that are too old, runs and quiet times that are over,
//! gauges.

use std::time::Duration;

use jiff::SignedDuration;

use crate::app::App;
use crate::problem::{Problem, Result};

/// How often.
const SLEEP: Duration = Duration::from_secs(30);
/// How long messages of webhooks are kept (spec/trophy.md 9.2).
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Messages deleted in one transaction, and transactions in one step.
const SWEPT: i64 = 500;
const SWEEPS: usize = 40;

/// Does everything once.
pub async fn step(app: &App) -> Result<()> {
    let used = app.door.take_used();
    app.blocking(move |app| {
        if !used.is_empty() {
            app.room
                .store
                .write(|tx| Ok::<_, Problem>(store::key::touch(tx, &used)?))?;
        }
        if let Ok(before) = app.room.clock.now().checked_sub(store::answer::LIFE) {
            app.room
                .store
                .write(|tx| Ok::<_, Problem>(store::answer::sweep(tx, before)?))?;
        }
        forget_messages(app)?;
        let now = app.room.clock.now();
        app.room
            .store
            .write(|tx| Ok::<_, Problem>(store::throttle::sweep(tx, now)?))?;
        let (spaces, outbox, events) = app.room.store.read(|tx| {
            let spaces = store::access::all_spaces(tx)?;
            let events = store::event_queue::depth(tx)?;
            Ok::<_, Problem>((spaces, store::outbox::depth(tx)?, events))
        })?;
        for space in spaces {
            app.drop_closed_runs(space)?;
        }
        crate::telemetry::depths(app.desk().depth(), outbox);
        crate::telemetry::queued_events(events);
        Ok(())
    })
    .await
}

/// Deletes messages of webhooks that were kept long enough.
fn forget_messages(app: &App) -> Result<()> {
    let Ok(before) = app.room.clock.now().checked_sub(KEPT) else {
        return Ok(());
    };
    // A few at a time: events must not wait for the only writer.
    for _ in 0..SWEEPS {
        let swept = app
            .room
            .store
            .write(|tx| Ok::<_, Problem>(store::delivery::sweep(tx, before, SWEPT)?))?;
        if swept == 0 {
            break;
        }
    }
    Ok(())
}

/// Runs until the process ends.
pub async fn run(app: App) {
    loop {
        if let Err(problem) = step(&app).await {
            tracing::warn!(problem = problem.message, "housekeeping failed");
        }
        tokio::time::sleep(SLEEP).await;
    }
}

//! Small things that can wait: when keys were last used, answers that are too old, runs that are over, gauges.

use std::time::Duration;

use crate::app::App;
use crate::problem::{Problem, Result};

/// How often.
const SLEEP: Duration = Duration::from_secs(30);

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

/// Runs until the process ends.
pub async fn run(app: App) {
    loop {
        if let Err(problem) = step(&app).await {
            tracing::warn!(problem = problem.message, "housekeeping failed");
        }
        tokio::time::sleep(SLEEP).await;
    }
}

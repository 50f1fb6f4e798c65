//! Carries out the events of batches (spec/trophy.md 3.8).
//!
//! It only hands them to the desk, which takes an event out of the queue in the transaction that keeps its effects: a crash at
//! any moment loses nothing and repeats nothing, and several processes may go through one queue.

use std::collections::VecDeque;
use std::time::Duration;

use engine::command::{Command, Refusal};
use store::Space;
use store::event_queue::Queued;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::api::trophy_admin::batch_events;
use crate::app::App;
use crate::desk::{Ticket, Verdict};
use crate::problem::{Problem, Result};

/// Events read at once.
const CHUNK: i64 = 1_024;
/// The most events at the desks. Enough that a batch grows while another is carried out, and so few that
/// a request waits behind two batches at the most.
const IN_FLIGHT_MAX: usize = 512;
/// How often events that another process left are looked for.
const SLEEP: Duration = Duration::from_secs(1);

/// An event at the desk.
struct InFlight {
    space: Space,
    id: Uuid,
    verdict: oneshot::Receiver<Verdict>,
}

/// Works until the queue is empty; answers how many events were taken out of it. An event that cannot be
/// carried out now stays and does not keep the others waiting; it fails the step once they are done.
pub async fn step(app: &App) -> Result<usize> {
    let mut pass = Pass::default();
    let mut last = Uuid::nil();
    loop {
        let chunk = app
            .blocking(move |app| {
                app.room
                    .store
                    .read(|tx| Ok::<_, Problem>(store::event_queue::after(tx, last, CHUNK)?))
            })
            .await?;
        let Some((_, event)) = chunk.last() else {
            break;
        };
        last = event.id;
        for (space, event) in chunk {
            pass.hand_in(app, space, event).await?;
        }
    }
    while let Some(event) = pass.in_flight.pop_front() {
        pass.finish(event).await;
    }
    pass.result.map(|()| pass.done)
}

/// One way through the queue.
struct Pass {
    in_flight: VecDeque<InFlight>,
    done: usize,
    result: Result<()>,
}

impl Default for Pass {
    fn default() -> Self {
        Self {
            in_flight: VecDeque::new(),
            done: 0,
            result: Ok(()),
        }
    }
}

impl Pass {
    async fn hand_in(&mut self, app: &App, space: Space, event: Queued) -> Result<()> {
        let id = event.id;
        let command = match batch_events::command(&event.body) {
            Ok(command) => command,
            Err(problem) => {
                // It could be read when it came: another version of this program kept it.
                tracing::error!(
                    target: "kleos::queue",
                    space = space.number(), event = %id, reason = problem.message,
                    "an event of a batch cannot be read and was dropped"
                );
                self.done += 1;
                return app
                    .blocking(move |app| {
                        app.room.store.write(|tx| {
                            Ok::<_, Problem>(store::event_queue::remove(tx, &[(space, id)])?)
                        })
                    })
                    .await;
            }
        };
        if self.in_flight.len() >= IN_FLIGHT_MAX
            && let Some(first) = self.in_flight.pop_front()
        {
            self.finish(first).await;
        }
        let ticket = Ticket {
            id,
            arrived: event.arrived,
        };
        let command = Command::RecordEvent(command);
        let verdict = app
            .desk()
            .line_up_queued(space, event.user, command, ticket)
            .await
            .ok_or_else(Problem::busy)?;
        self.in_flight.push_back(InFlight { space, id, verdict });
        Ok(())
    }

    async fn finish(&mut self, event: InFlight) {
        match event.verdict.await {
            Ok(Verdict::Done(_) | Verdict::Repeated(_) | Verdict::Gone) => self.done += 1,
            Ok(Verdict::Refused(refusal)) => {
                self.done += 1;
                dropped(event.space, event.id, &refusal);
            }
            Ok(Verdict::Failed(error)) => self.result = Err(error.into()),
            Ok(Verdict::Stale(..) | Verdict::Full) | Err(_) => self.result = Err(Problem::busy()),
        }
    }
}

/// The rules refused an event whose sender has its answer already (AMB-17).
fn dropped(space: Space, id: Uuid, refusal: &Refusal) {
    tracing::warn!(
        target: "kleos::queue",
        space = space.number(), event = %id, reason = %refusal,
        "an event of a batch was dropped"
    );
}

/// Runs until the process ends.
pub async fn run(app: App) {
    loop {
        match step(&app).await {
            Ok(_) => {
                tokio::select! {
                    () = tokio::time::sleep(SLEEP) => {}
                    () = app.event_queue.notified() => {}
                }
            }
            Err(problem) => {
                tracing::warn!(
                    problem = problem.message,
                    "events of batches could not be carried out"
                );
                tokio::time::sleep(SLEEP).await;
            }
        }
    }
}

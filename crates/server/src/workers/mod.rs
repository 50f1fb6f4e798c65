//! Work that nobody waits for: midnights, jobs, events of batches, boards that start, places at the end of days, notices to
//! dispatch, messages to endpoints, housekeeping. Each can be stepped by a test and repeated after a crash.

use std::time::Duration;

use engine::command::Command;
use jiff::Timestamp;
use store::Space;
use store::access::Environment;

use crate::app::App;
use crate::desk::Verdict;
use crate::problem::{Problem, Result};

pub mod board_days;
pub mod boards;
pub mod delivery;
pub mod dispatch;
pub mod due;
pub mod event_queue;
pub mod housekeeping;
pub mod jobs;
pub mod midnight;
pub mod moments;

/// Does something in every space, or in every one of an environment, one after the other; answers how
/// much that was.
async fn in_each_space(
    app: &App,
    environment: Option<Environment>,
    mut work: impl FnMut(&App, Space) -> Result<usize> + Send + 'static,
) -> Result<usize> {
    app.blocking(move |app| {
        let spaces = app.room.store.read(|tx| {
            Ok::<_, Problem>(match environment {
                None => store::access::all_spaces(tx)?,
                Some(environment) => store::access::spaces_of(tx, environment)?,
            })
        })?;
        let mut done = 0;
        for space in spaces {
            done += work(app, space)?;
        }
        Ok(done)
    })
    .await
}

/// The environments that live by a test clock.
async fn tested(app: &App) -> Result<Vec<Environment>> {
    app.blocking(|app| {
        app.room
            .store
            .read(|tx| Ok::<_, Problem>(store::test_clock::environments(tx)?))
    })
    .await
}

/// How long to sleep until an instant, at least a moment and at most `longest`, which is also meant
/// without one.
fn until(next: Option<Timestamp>, now: Timestamp, longest: Duration) -> Duration {
    let wait = next.map_or(longest, |next| {
        Duration::try_from(next.duration_since(now)).unwrap_or(Duration::ZERO)
    });
    wait.clamp(Duration::from_millis(100), longest)
}

/// Hands one command about each user to the desk and waits for all of them; fails if any was not
/// carried out for a reason that may pass.
async fn ask_all(app: &App, users: Vec<(Space, String)>, command: &Command) -> Result<()> {
    let desk = app.desk();
    let asked: Vec<_> = users
        .into_iter()
        .map(|(space, user)| {
            let (desk, command) = (desk.clone(), command.clone());
            tokio::spawn(async move { desk.ask_patiently(space, user, command).await })
        })
        .collect();
    let mut result = Ok(());
    for verdict in asked {
        match verdict.await {
            Ok(Verdict::Failed(error)) => result = Err(error.into()),
            Ok(Verdict::Full) => result = Err(Problem::busy()),
            Ok(_) => {}
            Err(error) => result = Err(Problem::internal(&error)),
        }
    }
    result
}

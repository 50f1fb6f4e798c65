//! Work that nobody waits for: midnights, jobs, boards that start, housekeeping. Each can be stepped by a test and repeated after a crash.

use engine::command::Command;
use store::Space;
use store::access::Environment;

use crate::app::App;
use crate::desk::Verdict;
use crate::problem::{Problem, Result};

pub mod boards;
pub mod due;
pub mod housekeeping;
pub mod jobs;
pub mod midnight;
pub mod moments;

/// The environments that live by a test clock.
async fn tested(app: &App) -> Result<Vec<Environment>> {
    app.blocking(|app| {
        app.room
            .store
            .read(|tx| Ok::<_, Problem>(store::test_clock::environments(tx)?))
    })
    .await
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

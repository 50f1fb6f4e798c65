//! Goes through the users of a space for jobs that changes of the configuration leave behind (spec/trophy.md 4.4), and
//! through those of a group for a mission that it completed (spec/aworld.md 4.5).

use std::time::Duration;

use engine::command::Command;
use engine::id::UserId;
use engine::state::Owner;
use store::access::Environment;
use store::driver::Tx;
use store::job::{Job, Task};

use crate::app::App;
use crate::problem::{Problem, Result};

/// Users asked for at once.
const CHUNK: i64 = 256;
/// Jobs looked at in one step.
const JOBS: i64 = 256;
/// How often jobs that another process left are looked for.
const SLEEP: Duration = Duration::from_secs(5);

/// Works until no job is left; answers how many were finished.
pub async fn step(app: &App) -> Result<usize> {
    work_off(app, |tx| store::job::list(tx, JOBS)).await
}

/// Works until no job of one environment is left; answers how many were finished.
pub async fn step_in(app: &App, environment: Environment) -> Result<usize> {
    work_off(app, move |tx| store::job::list_in(tx, environment, JOBS)).await
}

/// A job that cannot be finished now does not keep the others waiting; it fails the step once they are
/// done.
async fn work_off(
    app: &App,
    list: impl Fn(&mut Tx<'_>) -> store::Result<Vec<Job>> + Copy + Send + 'static,
) -> Result<usize> {
    let mut finished = 0;
    let mut stuck = Vec::new();
    let mut result = Ok(());
    loop {
        let jobs = app
            .blocking(move |app| app.room.store.read(|tx| Ok::<_, Problem>(list(tx)?)))
            .await?;
        let mut is_idle = true;
        for job in jobs {
            if stuck.contains(&job.id) {
                continue;
            }
            is_idle = false;
            match finish(app, job).await {
                Ok(()) => finished += 1,
                Err(problem) => {
                    stuck.push(job.id);
                    result = Err(problem);
                }
            }
        }
        if is_idle {
            return result.map(|()| finished);
        }
    }
}

/// Users who are next, and what is to be done with each of them.
struct Chunk {
    users: Vec<(UserId, String)>,
    command: Command,
}

/// The users whom a job has not reached yet, some of them. Nothing: it is done.
fn next(tx: &mut Tx<'_>, job: &Job) -> Result<Option<Chunk>> {
    let (users, command) = match job.task {
        Task::Backdate(achievement) => (everybody(tx, job)?, Command::Backdate { achievement }),
        Task::Settle => (everybody(tx, job)?, Command::Settle),
        Task::PayGroup(mission) => {
            let Some(mission) = store::job::paid_mission(tx, job.space, mission)? else {
                return Ok(None);
            };
            let Owner::Group(tag) = mission.owner else {
                return Ok(None);
            };
            let users = store::job::tagged_after(tx, job.space, tag, job.position, CHUNK)?;
            (users, Command::CompleteGroupMission(Box::new(mission)))
        }
    };
    Ok((!users.is_empty()).then_some(Chunk { users, command }))
}

fn everybody(tx: &mut Tx<'_>, job: &Job) -> Result<Vec<(UserId, String)>> {
    Ok(store::user::after(tx, job.space, job.position, CHUNK)?)
}

/// Carries one job to its end. The position moves after its users are done, so that a crash repeats
/// users and never leaves one out; doing a user twice changes nothing.
async fn finish(app: &App, mut job: Job) -> Result<()> {
    loop {
        let chunk = app
            .blocking(move |app| app.room.store.read(|tx| next(tx, &job)))
            .await?;
        let Some(Chunk { users, command }) = chunk else {
            return app
                .blocking(move |app| {
                    app.room
                        .store
                        .write(|tx| Ok::<_, Problem>(store::job::remove(tx, &job)?))
                })
                .await;
        };
        job.position = users.last().map_or(job.position, |(last, _)| last.0);
        let users = users
            .into_iter()
            .map(|(_, user)| (job.space, user))
            .collect();
        super::ask_all(app, users, &command).await?;
        app.blocking(move |app| {
            app.room
                .store
                .write(|tx| Ok::<_, Problem>(store::job::advance(tx, &job, job.position)?))
        })
        .await?;
    }
}

/// Runs until the process ends.
pub async fn run(app: App) {
    loop {
        if let Err(problem) = step(&app).await {
            tracing::warn!(problem = problem.message, "a job could not be finished");
        }
        tokio::select! {
            () = tokio::time::sleep(SLEEP) => {}
            () = app.room.jobs.notified() => {}
        }
    }
}

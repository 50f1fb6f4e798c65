//! Goes through the users of a space for jobs that changes of the configuration leave behind (spec/trophy.md 4.4).

use std::time::Duration;

use engine::command::Command;
use store::batch::Who;
use store::job::{Job, Task};

use crate::app::App;
use crate::desk::Verdict;
use crate::problem::{Problem, Result};

/// Users asked for at once.
const CHUNK: i64 = 256;
/// Jobs looked at in one step.
const JOBS: i64 = 16;
/// How often jobs that another process left are looked for.
const SLEEP: Duration = Duration::from_secs(5);

/// Works until no job is left; answers how many were finished.
pub async fn step(app: &App) -> Result<usize> {
    let mut finished = 0;
    loop {
        let jobs = app
            .blocking(|app| {
                app.room
                    .store
                    .read(|tx| Ok::<_, Problem>(store::job::list(tx, JOBS)?))
            })
            .await?;
        if jobs.is_empty() {
            return Ok(finished);
        }
        for job in jobs {
            finish(app, job).await?;
            finished += 1;
        }
    }
}

/// Carries one job to its end. The position moves after its users are done, so that a crash repeats
/// users and never leaves one out; doing a user twice changes nothing.
async fn finish(app: &App, mut job: Job) -> Result<()> {
    loop {
        let users = app
            .blocking(move |app| {
                app.room.store.read(|tx| {
                    Ok::<_, Problem>(store::user::after(tx, job.space, job.position, CHUNK)?)
                })
            })
            .await?;
        let Some(last) = users.last().copied() else {
            return app
                .blocking(move |app| {
                    app.room
                        .store
                        .write(|tx| Ok::<_, Problem>(store::job::remove(tx, &job)?))
                })
                .await;
        };
        let desk = app.desk();
        let asked: Vec<_> = users
            .into_iter()
            .map(|user| {
                let desk = desk.clone();
                let command = match job.task {
                    Task::Backdate(achievement) => Command::Backdate { achievement },
                    Task::Settle => Command::Settle,
                };
                tokio::spawn(async move {
                    desk.ask_patiently(job.space, Who::Internal(user), command)
                        .await
                })
            })
            .collect();
        for verdict in asked {
            match verdict.await {
                Ok(Verdict::Failed(error)) => return Err(error.into()),
                Ok(Verdict::Full) => return Err(Problem::busy()),
                Ok(_) => {}
                Err(error) => return Err(Problem::internal(&error)),
            }
        }
        job.position = last.0;
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
            () = app.jobs.notified() => {}
        }
    }
}

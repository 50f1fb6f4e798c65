//! Goes through the users of a space for jobs that changes of the configuration leave behind (spec/trophy.md 4.4).

use std::time::Duration;

use engine::command::Command;
use store::job::{Job, Task};

use crate::app::App;
use crate::problem::{Problem, Result};

/// Users asked for at once.
const CHUNK: i64 = 256;
/// Jobs looked at in one step.
const JOBS: i64 = 256;
/// How often jobs that another process left are looked for.
const SLEEP: Duration = Duration::from_secs(5);

/// Works until no job is left; answers how many were finished. A job that cannot be finished now does
/// not keep the others waiting; it fails the step once they are done.
pub async fn step(app: &App) -> Result<usize> {
    let mut finished = 0;
    let mut stuck = Vec::new();
    let mut result = Ok(());
    loop {
        let jobs = app
            .blocking(|app| {
                app.room
                    .store
                    .read(|tx| Ok::<_, Problem>(store::job::list(tx, JOBS)?))
            })
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
        let Some((last, _)) = users.last() else {
            return app
                .blocking(move |app| {
                    app.room
                        .store
                        .write(|tx| Ok::<_, Problem>(store::job::remove(tx, &job)?))
                })
                .await;
        };
        let last = last.0;
        let command = match job.task {
            Task::Backdate(achievement) => Command::Backdate { achievement },
            Task::Settle => Command::Settle,
        };
        let users = users
            .into_iter()
            .map(|(_, user)| (job.space, user))
            .collect();
        super::ask_all(app, users, &command).await?;
        job.position = last;
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

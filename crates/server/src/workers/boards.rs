//! Starts scheduled boards whose time has come (spec/trophy.md 7.4).
//!
//! A board's status follows its dates by itself. Streak boards need a hand: users who are on a streak already have no event
//! of their own on the first day, so the board is filled when it starts.

use std::time::Duration;

use engine::definition::{Board, BoardStatus, RankBy};
use store::Space;
use store::access::Environment;
use store::driver::Tx;

use crate::app::App;
use crate::problem::{Problem, Result};

/// How often boards are looked at; they start at full hours.
const SLEEP: Duration = Duration::from_mins(1);

/// Starts what is due, everywhere; answers how many boards that were.
pub async fn step(app: &App) -> Result<usize> {
    app.blocking(|app| start(app, store::access::all_spaces))
        .await
}

/// Starts what is due in one environment; answers how many boards that were.
pub async fn step_in(app: &App, environment: Environment) -> Result<usize> {
    app.blocking(move |app| start(app, |tx| store::access::spaces_of(tx, environment)))
        .await
}

fn start(app: &App, spaces: impl Fn(&mut Tx<'_>) -> store::Result<Vec<Space>>) -> Result<usize> {
    let due: Vec<(Space, uuid::Uuid)> = app.room.store.read(|tx| {
        let mut due = Vec::new();
        for space in spaces(tx)? {
            let Some(versions) = store::access::versions(tx, space)? else {
                continue;
            };
            let now = app.room.clock.now_by(versions.test_now);
            let catalog = app.room.catalogs.get(tx, space, versions.config)?;
            let waiting = catalog.boards().filter(|board| {
                board.body().rank_by == RankBy::Streak
                    && board.body().status == BoardStatus::Scheduled
                    && board.body().status_at(now) == BoardStatus::Active
            });
            due.extend(waiting.map(|board| (space, board.stored.id)));
        }
        Ok::<_, Problem>(due)
    })?;
    for (space, id) in &due {
        app.configure_space(*space, |configuration| {
            let tx = &mut *configuration.tx;
            let Some(mut board) = store::definition::find::<Board>(tx, *space, *id)? else {
                return Ok(());
            };
            if board.body.status == BoardStatus::Scheduled {
                board.body.status = BoardStatus::Active;
                store::definition::update(tx, *space, &board, configuration.now)?;
                configuration.board_changed(engine::id::BoardId(*id));
            }
            Ok(())
        })?;
    }
    Ok(due.len())
}

/// Runs until the process ends.
pub async fn run(app: App) {
    loop {
        if let Err(problem) = step(&app).await {
            tracing::warn!(problem = problem.message, "boards could not be started");
        }
        tokio::time::sleep(SLEEP).await;
    }
}

//! The clock of an environment: our extension of the Admin API (design 8).

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use wire::extension::{Clock, ClockMode, MoveClock};

use super::batch;
use crate::api::answer;
use crate::app::App;
use crate::body::RawBody;
use crate::door::EnvironmentCaller;
use crate::problem::{Problem, Result};
use crate::travel::{self, Shown, Target};

/// How long a client waits for a clock to arrive before it is told that it is on its way.
const PATIENCE: Duration = Duration::from_secs(20);

fn clock(shown: Shown) -> Clock {
    let instant = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    Clock {
        mode: if shown.is_test {
            ClockMode::Test
        } else {
            ClockMode::System
        },
        now: instant(shown.now),
        moving_to: shown.moving_to.map(instant),
    }
}

/// Reads an instant, in whole microseconds.
fn instant(text: &str) -> Result<Timestamp> {
    let read = text.parse::<Timestamp>().ok();
    read.and_then(|at| Timestamp::from_microsecond(at.as_microsecond()).ok())
        .ok_or_else(|| {
            Problem::unprocessable("now must be an instant such as 2026-03-10T09:00:00Z, or null")
        })
}

/// Shows the clock of the environment. A Kleos extension.
#[utoipa::path(
    get, path = "/clock", operation_id = "kleos_clock_get", tag = "Kleos",
    responses(
        (status = 200, description = "The clock.", body = Clock),
    ),
)]
pub async fn get_clock(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
) -> Result<Json<Clock>> {
    let environment = caller.environment;
    app.read(&caller, |_| Ok(())).await?;
    app.blocking(move |app| travel::shown(app, environment))
        .await
        .map(|shown| Json(clock(shown)))
}

/// Moves the clock of an environment that is not production forward; everything that falls due on the way happens, in
/// order. A Kleos extension.
///
/// The first move makes it a test clock, which stands still until it is moved again. A clock may begin in the past only
/// while the environment has neither users nor configuration. `null` goes on to the present of the machine and hands over
/// to its clock.
#[utoipa::path(
    put, path = "/clock", operation_id = "kleos_clock_move", tag = "Kleos",
    request_body = MoveClock,
    responses(
        (status = 200, description = "The clock has arrived, and all that was due has happened.", body = Clock),
        (status = 202, description = "The clock is still on its way; `movingTo` says where it goes.", body = Clock),
        (status = 409, description = "The clock is being moved already.", body = wire::ErrorBody),
        (status = 422, description = "The clock cannot go there.", body = wire::ErrorBody),
    ),
)]
pub async fn move_clock(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    body: RawBody,
) -> Result<Response> {
    let wanted: MoveClock = batch::object(&body)?;
    let target = match wanted.now {
        wire::Patch::Value(text) => Target::At(instant(&text)?),
        wire::Patch::Null => Target::Machine,
        wire::Patch::Absent => return Err(Problem::unprocessable("now is required")),
    };
    app.read(&caller, |_| Ok(())).await?;
    let environment = caller.environment;
    let travel = app
        .blocking(move |app| travel::set_out(app, environment, target))
        .await?;
    // Whoever asked may go; the clock goes on.
    let mut going = tokio::spawn(travel.go());
    let status = match tokio::time::timeout(PATIENCE, &mut going).await {
        Ok(Ok(arrived)) => {
            arrived?;
            StatusCode::OK
        }
        Ok(Err(error)) => return Err(Problem::internal(&error)),
        Err(_) => StatusCode::ACCEPTED,
    };
    let shown = app
        .blocking(move |app| travel::shown(app, environment))
        .await?;
    Ok(answer(status, clock(shown)))
}

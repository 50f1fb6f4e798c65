//! Moving the test clock of an environment: everything that falls due on the way happens, in its order and at its
//! instant (design 8).
//!
//! Knows when a clock may move, and nothing of what falls due: that is the table in `workers/due.rs`. A clock stops only
//! where everything due has happened, so a process that ends on the way leaves nothing out; the move is then asked for again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use store::access::Environment;
use store::test_clock;

use crate::app::App;
use crate::problem::{Problem, Result};
use crate::workers::due::{self, Due};

/// The years a clock may show: what follows from an instant must stay an instant.
const YEARS: std::ops::Range<i16> = 1970..2200;
/// The longest way of one move: ten years of 366 days.
const WAY_MAX: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);

/// Where a clock is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To an instant, as a test clock.
    At(Timestamp),
    /// To the present of the machine, and from then on with the clock of the machine.
    Machine,
}

/// What the clock of an environment shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whether it is a test clock.
    pub is_test: bool,
    /// The present instant of the environment.
    pub now: Timestamp,
    /// Where it is going, if it is being moved by this process.
    pub moving_to: Option<Timestamp>,
}

/// The moves of this process that are under way.
#[derive(Debug, Default)]
pub struct Travels(Mutex<HashMap<Environment, Timestamp>>);

impl Travels {
    fn target(&self, environment: Environment) -> Option<Timestamp> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&environment).copied()
    }

    /// Notes a move; refuses a second one of the same environment.
    fn begin(&self, environment: Environment, to: Timestamp) -> Result<()> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = all.get(&environment) {
            return Err(under_way(Some(*other)));
        }
        all.insert(environment, to);
        Ok(())
    }

    fn end(&self, environment: Environment) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&environment);
    }
}

fn under_way(to: Option<Timestamp>) -> Problem {
    let to = to.map_or_else(String::new, |to| format!(" to {to}"));
    Problem::conflict(format!(
        "the clock is being moved{to}: wait until it has arrived"
    ))
}

/// What the clock of an environment shows. Blocks.
pub fn shown(app: &App, environment: Environment) -> Result<Shown> {
    let test_now = app
        .room
        .store
        .read(|tx| Ok::<_, Problem>(test_clock::now(tx, environment)?))?;
    Ok(Shown {
        is_test: test_now.is_some(),
        now: app.room.clock.now_by(test_now),
        moving_to: app.travels.target(environment),
    })
}

/// A move that was allowed and has to be carried out. Dropping it ends the move where it is.
#[derive(Debug)]
pub struct Travel {
    app: App,
    environment: Environment,
    to: Timestamp,
    /// The clock of the machine counts after it.
    is_last: bool,
}

impl Drop for Travel {
    fn drop(&mut self) {
        self.app.travels.end(self.environment);
    }
}

/// Sets out. A clock that may be set at once is set: nothing is left to do then. Blocks.
pub fn set_out(app: &App, environment: Environment, target: Target) -> Result<Travel> {
    let machine = app.room.clock.now();
    let to = match target {
        Target::At(to) => to,
        Target::Machine => machine,
    };
    if !YEARS.contains(&to.to_zoned(jiff::tz::TimeZone::UTC).year()) {
        return Err(Problem::unprocessable(format!(
            "now must lie in the years {} to {}",
            YEARS.start,
            YEARS.end - 1
        )));
    }
    app.travels.begin(environment, to)?;
    let travel = Travel {
        app: app.clone(),
        environment,
        to,
        is_last: target == Target::Machine,
    };
    // Alone: nobody is to come in by the old clock while the new one is being judged.
    let gate = app
        .room
        .gate
        .write()
        .unwrap_or_else(PoisonError::into_inner);
    app.room.store.write(|tx| {
        let clock = test_clock::hold(tx, environment)?.ok_or_else(Problem::unauthorized)?;
        if clock.is_production {
            return Err(Problem::unprocessable(
                "the production environment lives by the clock of the machine: make a staging or development environment",
            ));
        }
        let from = match (clock.now, target) {
            (None, Target::Machine) => return Ok(()),
            (Some(now), _) => now,
            // What exists already was made at the present of the machine; time must not go back for it.
            (None, Target::At(to)) if to < machine => {
                if !test_clock::is_empty(tx, environment)? {
                    return Err(Problem::unprocessable(format!(
                        "now must not be before {machine}: this environment has users or configuration, and their time cannot go back"
                    )));
                }
                test_clock::forget_before(tx, environment, to)?;
                to
            }
            (None, Target::At(_)) => machine,
        };
        if to < from {
            return Err(Problem::unprocessable(match target {
                Target::At(_) => format!("now must not be before {from}: a test clock only moves forward"),
                Target::Machine => format!(
                    "the test clock shows {from}, which the clock of the machine has not reached: time must not go back"
                ),
            }));
        }
        if to.duration_since(from) > WAY_MAX {
            return Err(Problem::unprocessable(
                "now must be at most ten years ahead: move the clock in steps",
            ));
        }
        test_clock::set(tx, environment, Some(from))?;
        Ok(())
    })?;
    drop(gate);
    Ok(travel)
}

impl Travel {
    /// Goes the whole way. Logs why it did not arrive: perhaps nobody waits any more.
    pub async fn go(self) -> Result<()> {
        let arrived = self.walk().await;
        if let Err(problem) = &arrived {
            tracing::warn!(problem = problem.message, to = %self.to, "a test clock did not arrive");
        }
        arrived
    }

    async fn step(&self) -> Result<Option<Due>> {
        let (environment, to) = (self.environment, self.to);
        self.app
            .blocking(move |app| step(app, environment, to))
            .await
    }

    async fn walk(&self) -> Result<()> {
        let (environment, to) = (self.environment, self.to);
        // All of it at both ends: whoever changed the configuration on the way is not forgotten.
        due::settle(&self.app, environment, true).await?;
        let mut next = self.step().await?;
        while let Some(due) = next {
            let is_last = due.at >= to;
            due::settle(&self.app, environment, due.is_timetable || is_last).await?;
            next = self.step().await?;
        }
        let is_last = self.is_last;
        self.app
            .blocking(move |app| {
                if is_last {
                    app.room
                        .store
                        .write(|tx| Ok::<_, Problem>(test_clock::set(tx, environment, None)?))?;
                }
                let spaces = app
                    .room
                    .store
                    .read(|tx| Ok::<_, Problem>(store::access::spaces_of(tx, environment)?))?;
                for space in spaces {
                    app.drop_closed_runs(space)?;
                }
                Ok(())
            })
            .await
    }
}

/// Sets the clock to the next instant at which something happens, at most to `to`. Nothing: it has arrived.
fn step(app: &App, environment: Environment, to: Timestamp) -> Result<Option<Due>> {
    let (now, next) = app.room.store.read(|tx| {
        let now = test_clock::now(tx, environment)?;
        let next = match now {
            Some(now) if now < to => due::next(app, tx, environment, now)?,
            _ => None,
        };
        Ok::<_, Problem>((now, next))
    })?;
    // No test clock: there was nothing to do from the beginning.
    let Some(now) = now.filter(|now| *now < to) else {
        return Ok(None);
    };
    // Where nothing is known to happen the clock stops as well, to look further.
    let seen = now.checked_add(due::HORIZON).unwrap_or(to).min(to);
    let next = next.filter(|due| due.at <= seen).unwrap_or(Due {
        at: seen,
        is_timetable: false,
    });
    app.room.store.write(|tx| {
        let clock = test_clock::hold(tx, environment)?;
        if clock.and_then(|clock| clock.now) != Some(now) {
            // Another process moves it, too.
            return Err(under_way(None));
        }
        Ok(test_clock::set(tx, environment, Some(next.at))?)
    })?;
    Ok(Some(next))
}

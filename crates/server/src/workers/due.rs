//! What falls due by itself, as one table: who moves a test clock asks it when the next thing happens, and lets
//! everything happen that is due (design 8).
//!
//! A worker that does things at an instant is one row here. It says when, and does them for one environment; it knows
//! nothing of who asks.

use std::pin::Pin;

use jiff::{SignedDuration, Timestamp};
use store::access::Environment;
use store::driver::Tx;

use super::{board_days, boards, dispatch, event_queue, jobs, midnight, moments};
use crate::app::App;
use crate::problem::{Problem, Result};

/// One kind of things that fall due in environments.
#[derive(Debug)]
pub struct Source {
    /// For the log.
    pub name: &'static str,
    /// When it has something to do. Nothing: it acts on what others leave behind, or when they act.
    pub next: Option<Next>,
    /// Does all that is due and answers how much that was; 0 means that it is idle.
    pub step: Step,
    /// Whether only time brings it something to do, never what others did: it need not be asked at other
    /// instants than those of timetables.
    pub is_timetable: bool,
}

/// The first instant after `now` at which an environment needs it; nothing: not within [`HORIZON`].
pub type Next = fn(&App, &mut Tx<'_>, Environment, now: Timestamp) -> Result<Option<Timestamp>>;

/// See [`Source::step`].
pub type Step = for<'a> fn(&'a App, Environment) -> Doing<'a>;

/// A step under way.
pub type Doing<'a> = Pin<Box<dyn Future<Output = Result<usize>> + Send + 'a>>;

/// How far ahead sources look at least.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(31 * 24);

/// All sources, in the order in which they act at the same instant.
pub const SOURCES: &[Source] = &[
    Source {
        name: "jobs",
        next: None,
        step: |app, environment| Box::pin(jobs::step_in(app, environment)),
        is_timetable: false,
    },
    // What waits in the queue may be that of other environments too: it is carried out by their own clocks.
    Source {
        name: "events",
        next: None,
        step: |app, _| Box::pin(event_queue::step(app)),
        is_timetable: false,
    },
    Source {
        name: "users",
        next: Some(midnight::next),
        step: |app, environment| Box::pin(midnight::step_in(app, environment)),
        is_timetable: false,
    },
    // They start when a run begins, which moments know.
    Source {
        name: "boards",
        next: None,
        step: |app, environment| Box::pin(boards::step_in(app, environment)),
        is_timetable: true,
    },
    Source {
        name: "moments",
        next: Some(moments::next),
        step: |app, environment| Box::pin(moments::step_in(app, environment)),
        is_timetable: true,
    },
    // After users and boards: places are those of the end of the day.
    Source {
        name: "board days",
        next: Some(board_days::next),
        step: |app, environment| Box::pin(board_days::step_in(app, environment)),
        is_timetable: true,
    },
    // Last: it tells what the others have brought about, and each environment by its own clock.
    Source {
        name: "notices",
        next: Some(dispatch::next),
        step: |app, _| Box::pin(dispatch::step(app)),
        is_timetable: false,
    },
];

/// The most rounds at one instant: what is still not idle then never will be.
const ROUNDS_MAX: usize = 1_000;

/// The next instant at which something happens in an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// Whether a timetable says so.
    pub is_timetable: bool,
}

/// When the next thing happens in an environment, after `now`. Nothing: not within [`HORIZON`].
pub fn next(
    app: &App,
    tx: &mut Tx<'_>,
    environment: Environment,
    now: Timestamp,
) -> Result<Option<Due>> {
    let mut first: Option<Due> = None;
    for source in SOURCES {
        let Some(next) = source.next else {
            continue;
        };
        let Some(at) = next(app, tx, environment, now)? else {
            continue;
        };
        let is_timetable = source.is_timetable;
        first = Some(match first {
            Some(known) if known.at < at => known,
            Some(known) if known.at == at => Due {
                at,
                is_timetable: known.is_timetable || is_timetable,
            },
            _ => Due { at, is_timetable },
        });
    }
    Ok(first)
}

/// Lets everything happen that is due in an environment, until nothing is. Without `timetables` only what
/// does not come from them.
pub async fn settle(app: &App, environment: Environment, timetables: bool) -> Result<()> {
    for _ in 0..ROUNDS_MAX {
        let mut done = 0;
        for source in SOURCES {
            if source.is_timetable && !timetables {
                continue;
            }
            let count = (source.step)(app, environment).await?;
            if count > 0 {
                tracing::debug!(source = source.name, count, "fell due");
            }
            done += count;
        }
        if done == 0 {
            return Ok(());
        }
    }
    Err(Problem::internal(&std::io::Error::other(
        "what falls due in an environment never ends",
    )))
}

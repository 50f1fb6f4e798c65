//! Test clocks: what an environment's clock shows, and what lives by it.
//!
//! Knows nothing of when a clock may move: it keeps what it is told.

use jiff::Timestamp;

use crate::access::{self, Environment, Space};
use crate::driver::Tx;
use crate::time::{instant, maybe_instant};
use crate::{Result, announced};

/// What there is to know of an environment before its clock is read or moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestClock {
    /// Whether it is the production environment, which lives by the clock of the machine.
    pub is_production: bool,
    /// What the test clock shows; nothing: the environment lives by the clock of the machine.
    pub now: Option<Timestamp>,
}

/// The clock of an environment. The row is held until a transaction that writes ends, so that a clock
/// is moved by one process at a time.
pub fn hold(tx: &mut Tx<'_>, environment: Environment) -> Result<Option<TestClock>> {
    tx.row(
        "select kind, test_now from environment where id = $1 {hold}",
        &[environment.id().into()],
        |row| {
            Ok(TestClock {
                is_production: row.get::<String>(0)? == "production",
                now: maybe_instant(row, 1)?,
            })
        },
    )
}

/// What the test clock of an environment shows; nothing: it has none.
pub fn now(tx: &mut Tx<'_>, environment: Environment) -> Result<Option<Timestamp>> {
    let now = tx.row(
        "select test_now from environment where id = $1",
        &[environment.id().into()],
        |row| maybe_instant(row, 0),
    )?;
    Ok(now.flatten())
}

/// Sets the test clock of an environment, or takes it away.
pub fn set(tx: &mut Tx<'_>, environment: Environment, now: Option<Timestamp>) -> Result<()> {
    tx.run(
        "update environment set test_now = $2 where id = $1",
        &[
            environment.id().into(),
            now.map(Timestamp::as_microsecond).into(),
        ],
    )?;
    Ok(())
}

/// Says that nothing before an instant is to be told any more of what begins and ends by the clock.
pub fn forget_before(tx: &mut Tx<'_>, environment: Environment, now: Timestamp) -> Result<()> {
    for space in access::spaces_of(tx, environment)? {
        announced::set(tx, space, now)?;
    }
    Ok(())
}

/// The environments that live by a test clock.
pub fn environments(tx: &mut Tx<'_>) -> Result<Vec<Environment>> {
    tx.rows(
        "select id from environment where test_now is not null order by id",
        &[],
        |row| Environment::of(row, 0),
    )
}

/// Whether an environment has neither users nor configuration, in none of its spaces.
pub fn is_empty(tx: &mut Tx<'_>, environment: Environment) -> Result<bool> {
    let found = tx.row(
        "select p.id from space p
         where p.environment_id = $1
           and (exists (select 1 from end_user u where u.space_id = p.id)
                or exists (select 1 from definition d where d.space_id = p.id))
         limit 1",
        &[environment.id().into()],
        |row| Space::of(row, 0),
    )?;
    Ok(found.is_none())
}

/// The instant of the last event of a space.
pub fn last_event(tx: &mut Tx<'_>, space: Space) -> Result<Option<Timestamp>> {
    tx.row(
        "select at from event where space_id = $1 order by id desc limit 1",
        &[space.id().into()],
        |row| instant(row, 0),
    )
}

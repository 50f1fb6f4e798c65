//! Streaks: their history, and whose midnight is due.

use engine::calendar::Frequency;
use engine::id::{PauseId, UserId};
use engine::state::{PeriodMark, StreakPeriod};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::access::{Environment, Space};
use crate::driver::{Row, Tx};
use crate::time::{date, instant, maybe_instant};
use crate::{Error, Result};

/// The periods in which a user's streak lived, from a date on, in order.
pub fn periods(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    frequency: Frequency,
    from: Date,
) -> Result<Vec<StreakPeriod>> {
    tx.rows(
        "select start, length, mark from streak_period
         where space_id = $1 and user_id = $2 and frequency = $3 and start >= $4 order by start",
        &[
            space.id().into(),
            user.0.into(),
            frequency.name().into(),
            from.to_string().as_str().into(),
        ],
        |row| {
            let mark: String = row.get(2)?;
            Ok(StreakPeriod {
                frequency,
                start: date(row, 0)?,
                length: row.get(1)?,
                mark: PeriodMark::named(&mark)
                    .ok_or_else(|| Error::broken(format!("unknown mark {mark}")))?,
            })
        },
    )
}

/// The frequency in a column.
pub(crate) fn frequency(row: &Row<'_>, column: usize) -> Result<Frequency> {
    let name: String = row.get(column)?;
    Frequency::named(&name).ok_or_else(|| Error::broken(format!("unknown frequency {name}")))
}

/// When a user's streak was reset, by the user's dates from one on, in order.
pub fn resets(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    from: Date,
) -> Result<Vec<(Date, Timestamp)>> {
    tx.rows(
        "select date, at from streak_correction
         where space_id = $1 and user_id = $2 and date >= $3 and counted is not null order by at",
        &[
            space.id().into(),
            user.0.into(),
            from.to_string().as_str().into(),
        ],
        |row| Ok((date(row, 0)?, instant(row, 1)?)),
    )
}

/// Whose pause it is, by the caller's id of the user; nothing for one that was taken back.
pub fn paused_user(tx: &mut Tx<'_>, space: Space, pause: PauseId) -> Result<Option<String>> {
    tx.row(
        "select u.external_id
         from streak_pause p join end_user u on u.space_id = p.space_id and u.id = p.user_id
         where p.space_id = $1 and p.id = $2 and p.archived_on is null",
        &[space.id().into(), pause.0.into()],
        |row| row.get(0),
    )
}

/// How many users of a space have a longer streak.
pub fn longer_than(tx: &mut Tx<'_>, space: Space, length: i64) -> Result<i64> {
    let count = tx.row(
        "select count(*) from streak where space_id = $1 and length > $2",
        &[space.id().into(), length.into()],
        |row| row.get(0),
    )?;
    Ok(count.unwrap_or(0))
}

/// The caller's ids of users with a streak, longest first, then whoever extended first; streaks that
/// nobody has settled yet stand among them as they were.
pub fn longest_now(tx: &mut Tx<'_>, space: Space, limit: i64, skip: i64) -> Result<Vec<String>> {
    tx.rows(
        "select u.external_id
         from streak s join end_user u on u.space_id = s.space_id and u.id = s.user_id
         where s.space_id = $1 and s.length > 0
         order by s.length desc, s.extended_at is not null, s.extended_at, u.external_id limit $2 offset $3",
        &[space.id().into(), limit.into(), skip.into()],
        |row| row.get(0),
    )
}

/// A user's longest streak of all time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Longest {
    /// The caller's id of the user.
    pub external_id: String,
    /// The name of the user.
    pub name: Option<String>,
    /// In periods.
    pub length: i64,
}

/// The longest streak that each user has ever had in a frequency, longest first, then by the
/// caller's id.
pub fn longest_ever(
    tx: &mut Tx<'_>,
    space: Space,
    frequency: Frequency,
    limit: i64,
) -> Result<Vec<Longest>> {
    tx.rows(
        "select u.external_id, u.name, p.length
         from (select user_id, max(length) as length
               from (select user_id, length from streak_period
                     where space_id = $1 and frequency = $2
                     union all
                     select user_id, length from streak_correction
                     where space_id = $1 and frequency = $2) l
               group by user_id) p
         join end_user u on u.space_id = $1 and u.id = p.user_id
         where p.length > 0
         order by p.length desc, u.external_id limit $3",
        &[space.id().into(), frequency.name().into(), limit.into()],
        |row| {
            Ok(Longest {
                external_id: row.get(0)?,
                name: row.get(1)?,
                length: row.get(2)?,
            })
        },
    )
}

/// Users for whom an instant that matters has passed by the clock of the machine, longest overdue first.
/// Spaces with a test clock are left out: they have a time of their own.
pub fn due(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<(Space, String)>> {
    tx.rows(
        "select s.space_id, u.external_id
         from streak s join end_user u on u.space_id = s.space_id and u.id = s.user_id
         where s.settle_at <= $1
           and s.space_id not in (select p.id from space p join environment e on e.id = p.environment_id
                                  where e.test_now is not null)
         order by s.settle_at limit $2",
        &[now.as_microsecond().into(), limit.into()],
        |row| Ok((Space::of(row, 0)?, row.get(1)?)),
    )
}

/// When the next instant that matters passes by the clock of the machine, anywhere.
pub fn next_due(tx: &mut Tx<'_>) -> Result<Option<Timestamp>> {
    let next = tx.row(
        "select settle_at from streak
         where settle_at is not null
           and space_id not in (select p.id from space p join environment e on e.id = p.environment_id
                                where e.test_now is not null)
         order by settle_at limit 1",
        &[],
        |row| maybe_instant(row, 0),
    )?;
    Ok(next.flatten())
}

/// Users of one environment for whom an instant that matters has passed at `now`, longest overdue
/// first. `+ 0` keeps both databases from walking through the instants of all environments.
pub fn due_in(
    tx: &mut Tx<'_>,
    environment: Environment,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(Space, String)>> {
    tx.rows(
        "select s.space_id, u.external_id
         from streak s join end_user u on u.space_id = s.space_id and u.id = s.user_id
         where s.space_id in (select id from space where environment_id = $1) and s.settle_at + 0 <= $2
         order by s.settle_at + 0 limit $3",
        &[
            environment.id().into(),
            now.as_microsecond().into(),
            limit.into(),
        ],
        |row| Ok((Space::of(row, 0)?, row.get(1)?)),
    )
}

/// The first instant after `now` that matters to a user of an environment.
pub fn next_due_in(
    tx: &mut Tx<'_>,
    environment: Environment,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let next = tx.row(
        "select min(s.settle_at + 0) from streak s
         where s.space_id in (select id from space where environment_id = $1) and s.settle_at + 0 > $2",
        &[environment.id().into(), now.as_microsecond().into()],
        |row| maybe_instant(row, 0),
    )?;
    Ok(next.flatten())
}

//! Where users stood on boards at the end of their days (spec/trophy.md 7.9): what changed from one day to the next.
//!
//! Must not know when a day ends, nor who is shown.

use std::collections::HashMap;

use engine::id::{BoardId, UserId};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::Result;
use crate::access::Space;
use crate::driver::{Column, Row, Tx};
use crate::time::{date, maybe_instant};

/// Where a user stood at the end of a local date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// The date.
    pub date: Date,
    /// The rank inside the group and the value as it is shown; nothing: the user was not shown.
    pub place: Option<(i64, i64)>,
}

/// A [`Day`] of a user in a run of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewDay {
    /// The board.
    pub board: BoardId,
    /// The run.
    pub run: i64,
    /// The user.
    pub user: UserId,
    /// The day.
    pub day: Day,
}

fn day(row: &Row<'_>, first: usize) -> Result<Day> {
    let rank: Option<i64> = row.get(first + 1)?;
    let value: Option<i64> = row.get(first + 2)?;
    Ok(Day {
        date: date(row, first)?,
        place: rank.zip(value),
    })
}

/// A user's last days in a run, newest first.
pub fn last(
    tx: &mut Tx<'_>,
    space: Space,
    board: BoardId,
    run: i64,
    user: UserId,
    limit: i64,
) -> Result<Vec<Day>> {
    tx.rows(
        "select date, rank, value from board_day
         where space_id = $1 and board_id = $2 and run = $3 and user_id = $4
         order by date desc limit $5",
        &[
            space.id().into(),
            board.0.into(),
            run.into(),
            user.0.into(),
            limit.into(),
        ],
        |row| day(row, 0),
    )
}

/// The last days of all who were shown in a run when they were last looked at.
pub fn shown(
    tx: &mut Tx<'_>,
    space: Space,
    board: BoardId,
    run: i64,
) -> Result<HashMap<UserId, Day>> {
    let rows = tx.rows(
        "select user_id, date, rank, value from board_day
         where space_id = $1 and board_id = $2 and run = $3 and is_last and rank is not null",
        &[space.id().into(), board.0.into(), run.into()],
        |row| Ok((UserId(row.get(0)?), day(row, 1)?)),
    )?;
    Ok(rows.into_iter().collect())
}

/// Keeps days, each the last of its user in its run. A second one of the same date replaces the first.
pub fn keep(tx: &mut Tx<'_>, space: Space, days: &[NewDay]) -> Result<()> {
    for days in days.chunks(1_000) {
        let keys = || {
            [
                Column::Int(vec![space.id(); days.len()]),
                Column::Uuid(days.iter().map(|day| day.board.0).collect()),
                Column::Int(days.iter().map(|day| day.run).collect()),
                Column::Int(days.iter().map(|day| day.user.0).collect()),
            ]
        };
        tx.many(
            "update board_day set is_last = false
             from {keys(space_id bigint, board_id uuid, run bigint, user_id bigint)} k
             where board_day.space_id = k.space_id and board_day.board_id = k.board_id
               and board_day.run = k.run and board_day.user_id = k.user_id and board_day.is_last",
            &keys(),
        )?;
        let dates: Vec<String> = days.iter().map(|day| day.day.date.to_string()).collect();
        let mut columns = Vec::from(keys());
        columns.push(Column::Text(dates.iter().map(String::as_str).collect()));
        let places = || days.iter().map(|day| day.day.place);
        columns.push(Column::OptInt(
            places().map(|place| place.map(|(rank, _)| rank)).collect(),
        ));
        columns.push(Column::OptInt(
            places()
                .map(|place| place.map(|(_, value)| value))
                .collect(),
        ));
        tx.many(
            "insert into board_day (space_id, board_id, run, user_id, date, rank, value, is_last)
             select k.space_id, k.board_id, k.run, k.user_id, k.date, k.rank, k.value, true
             from {keys(space_id bigint, board_id uuid, run bigint, user_id bigint, date text,
                        rank bigint, value bigint)} k
             where true
             on conflict (space_id, board_id, run, user_id, date) do update set
                 rank = excluded.rank, value = excluded.value, is_last = true",
            &columns,
        )?;
    }
    Ok(())
}

/// Forgets all days of a board.
pub fn forget(tx: &mut Tx<'_>, space: Space, board: BoardId) -> Result<()> {
    tx.run(
        "delete from board_day where space_id = $1 and board_id = $2",
        &[space.id().into(), board.0.into()],
    )?;
    Ok(())
}

/// Up to which instant the ends of days have been looked at; nothing: never.
pub fn looked_to(tx: &mut Tx<'_>, space: Space) -> Result<Option<Timestamp>> {
    let found = tx.row(
        "select board_days_to from space where id = $1",
        &[space.id().into()],
        |row| maybe_instant(row, 0),
    )?;
    Ok(found.flatten())
}

/// Notes that the ends of days have been looked at up to an instant, unless somebody else did so since it was
/// `from`; says whether it was noted.
pub fn look_to(
    tx: &mut Tx<'_>,
    space: Space,
    from: Option<Timestamp>,
    to: Timestamp,
) -> Result<bool> {
    let changed = tx.run(
        "update space set board_days_to = $2
         where id = $1 and coalesce(board_days_to, $3) = $3",
        &[
            space.id().into(),
            to.as_microsecond().into(),
            from.map_or(i64::MIN, Timestamp::as_microsecond).into(),
        ],
    )?;
    Ok(changed == 1)
}

//! The values of users on boards: read for rankings, rebuilt from events, awards and streaks.

use std::collections::{BTreeMap, HashMap};

use engine::calendar::{Zone, second_of_day};
use engine::catalog::BoardEntry;
use engine::definition::RankBy;
use engine::id::{BoardId, UserId};
use engine::leaderboard::{STREAK_RUN, group};
use engine::rank::Place;
use engine::state::{BoardValue, Group};
use jiff::Timestamp;

use crate::access::Space;
use crate::batch::{group_of, group_text};
use crate::driver::{Column, Tx};
use crate::time::{instant, maybe_instant};
use crate::{Error, Result, event, ledger};

/// The places of one run of a board, by group.
pub fn places(
    tx: &mut Tx<'_>,
    space: Space,
    board: BoardId,
    run: i64,
) -> Result<HashMap<Group, Vec<Place>>> {
    let mut places: HashMap<Group, Vec<Place>> = HashMap::new();
    tx.rows(
        "select user_id, value, reached_at, breakdown from board_entry
         where space_id = $1 and board_id = $2 and run = $3 and value > 0
           and breakdown is not null",
        &[space.id().into(), board.0.into(), run.into()],
        |row| {
            let place = Place {
                user: row.get(0)?,
                value: row.get(1)?,
                reached: row.get(2)?,
            };
            if let Some(group) = group_of(row, 3)? {
                places.entry(group).or_default().push(place);
            }
            Ok(())
        },
    )?;
    Ok(places)
}

/// One user's value in one run of a board.
pub fn value(
    tx: &mut Tx<'_>,
    space: Space,
    board: BoardId,
    run: i64,
    user: UserId,
) -> Result<Option<BoardValue>> {
    tx.row(
        "select value, reached_at, breakdown from board_entry
         where space_id = $1 and board_id = $2 and run = $3 and user_id = $4",
        &[space.id().into(), board.0.into(), run.into(), user.0.into()],
        |row| {
            Ok(BoardValue {
                value: row.get(0)?,
                reached: instant(row, 1)?,
                group: group_of(row, 2)?,
            })
        },
    )
}

/// One user's values in several runs of boards, where there are any.
pub fn values(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    runs: &[(BoardId, i64)],
) -> Result<Vec<((BoardId, i64), BoardValue)>> {
    tx.look_up(
        "select e.board_id, e.run, e.value, e.reached_at, e.breakdown
         from {keys(space_id bigint, board_id uuid, run bigint, user_id bigint)} k
         join board_entry e on e.space_id = k.space_id and e.board_id = k.board_id
                           and e.run = k.run and e.user_id = k.user_id",
        &[
            Column::Int(vec![space.id(); runs.len()]),
            Column::Uuid(runs.iter().map(|(board, _)| board.0).collect()),
            Column::Int(runs.iter().map(|(_, run)| *run).collect()),
            Column::Int(vec![user.0; runs.len()]),
        ],
        |row| {
            let value = BoardValue {
                value: row.get(2)?,
                reached: instant(row, 3)?,
                group: group_of(row, 4)?,
            };
            Ok(((BoardId(row.get(0)?), row.get(1)?), value))
        },
    )
}

/// A place in a group of a run of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed<'a> {
    /// The board.
    pub board: BoardId,
    /// The run.
    pub run: i64,
    /// The group.
    pub group: &'a Group,
    /// The place.
    pub place: Place,
}

/// How many users stand before each of these places. For runs that are over: the standings of the others
/// are in memory.
pub fn before_each(tx: &mut Tx<'_>, space: Space, places: &[Placed<'_>]) -> Result<Vec<i64>> {
    let groups = places
        .iter()
        .map(|placed| group_text(placed.group))
        .collect::<Result<Vec<_>>>()?;
    let mut before = vec![0; places.len()];
    tx.look_up(
        "select k.i,
                (select count(*) from board_entry e
                 where e.space_id = k.space_id and e.board_id = k.board_id and e.run = k.run
                   and e.value > 0 and e.breakdown = k.breakdown
                   and (e.value > k.value
                        or (e.value = k.value
                            and (e.reached_at < k.reached_at
                                 or (e.reached_at = k.reached_at and e.user_id < k.user_id)))))
         from {keys(i bigint, space_id bigint, board_id uuid, run bigint, breakdown json,
                    value bigint, reached_at bigint, user_id bigint)} k",
        &[
            Column::Int((0..i64::try_from(places.len()).unwrap_or(0)).collect()),
            Column::Int(vec![space.id(); places.len()]),
            Column::Uuid(places.iter().map(|placed| placed.board.0).collect()),
            Column::Int(places.iter().map(|placed| placed.run).collect()),
            Column::Json(groups.iter().map(String::as_str).collect()),
            Column::Int(places.iter().map(|placed| placed.place.value).collect()),
            Column::Int(places.iter().map(|placed| placed.place.reached).collect()),
            Column::Int(places.iter().map(|placed| placed.place.user).collect()),
        ],
        |row| {
            let index: i64 = row.get(0)?;
            let slot = usize::try_from(index).ok().and_then(|i| before.get_mut(i));
            if let Some(slot) = slot {
                *slot = row.get(1)?;
            }
            Ok(())
        },
    )?;
    Ok(before)
}

/// Forgets all values of a board.
pub fn clear(tx: &mut Tx<'_>, space: Space, board: BoardId) -> Result<()> {
    tx.run(
        "delete from board_entry where space_id = $1 and board_id = $2",
        &[space.id().into(), board.0.into()],
    )?;
    Ok(())
}

/// Whether a board has any values.
pub fn has_values(tx: &mut Tx<'_>, space: Space, board: BoardId) -> Result<bool> {
    let first = tx.row(
        "select 1 from board_entry where space_id = $1 and board_id = $2 limit 1",
        &[space.id().into(), board.0.into()],
        |_| Ok(()),
    )?;
    Ok(first.is_some())
}

/// A value while it is counted anew.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    value: i64,
    reached_us: Option<i64>,
    /// The instant of the last addition, with value and `reached_us` before it.
    last_us: Option<i64>,
    before: (i64, Option<i64>),
}

impl Tally {
    /// Adds. What one command gives and takes back in the same instant moves nobody, as it does not
    /// on a board that grows.
    fn add(&mut self, amount: i64, at_us: i64) {
        if self.last_us != Some(at_us) {
            self.last_us = Some(at_us);
            self.before = (self.value, self.reached_us);
        }
        self.value = self.value.saturating_add(amount);
        self.reached_us = if self.value == self.before.0 {
            self.before.1
        } else {
            Some(at_us)
        };
    }
}

/// Counts a board anew from what is stored: a board's values are a function of events, awards and
/// streaks inside its dates, however long it was switched on (AMB-35).
pub fn rebuild(tx: &mut Tx<'_>, space: Space, board: &BoardEntry, now: Timestamp) -> Result<()> {
    let mut values: BTreeMap<(i64, UserId), Tally> = BTreeMap::new();
    let body = board.body();
    let mut add = |run: Option<i64>, user: UserId, amount: i64, at_us: i64| {
        if amount != 0
            && let Some(run) = run
        {
            values.entry((run, user)).or_default().add(amount, at_us);
        }
    };
    match body.rank_by {
        RankBy::Metric(metric) => {
            event::of_metric(tx, space, metric, body.start, |event| {
                let run = body.run_at(event.date, Some(event.second_of_day));
                add(
                    run,
                    event.user,
                    event.value.millionths(),
                    event.at.as_microsecond(),
                );
            })?;
        }
        RankBy::Points(system) => {
            ledger::of_system(tx, space, system, |user, entry| {
                add(
                    body.run_at(entry.date, entry.second_of_day),
                    user,
                    entry.amount,
                    entry.at.as_microsecond(),
                );
            })?;
        }
        RankBy::Streak => {
            tx.rows(
                "select user_id, length, extended_at, zone from streak
                 where space_id = $1 and length > 0",
                &[space.id().into()],
                |row| {
                    let extended = maybe_instant(row, 2)?;
                    let zone: Option<String> = row.get(3)?;
                    let zone = Zone::of(zone.as_deref());
                    // A streak that was extended outside of the time window waits for its next extension inside.
                    let second = extended.map(|at| second_of_day(zone.time(at)));
                    if body.counts_at(second) {
                        let at_us = extended.unwrap_or(now).as_microsecond();
                        add(Some(STREAK_RUN), UserId(row.get(0)?), row.get(1)?, at_us);
                    }
                    Ok(())
                },
            )?;
        }
    }
    clear(tx, space, board.id())?;
    let groups = groups(tx, space, board)?;
    let rows: Vec<((i64, UserId), (i64, i64))> = values
        .into_iter()
        .filter_map(|(key, tally)| Some((key, (tally.value, tally.reached_us?))))
        .collect();
    for chunk in rows.chunks(1_000) {
        let texts = chunk
            .iter()
            .map(|((_, user), _)| match groups.get(user) {
                Some(group) => group_text(group).map(Some),
                None => Ok(None),
            })
            .collect::<Result<Vec<_>>>()?;
        tx.many(
            "insert into board_entry
                 (space_id, board_id, run, user_id, value, reached_at, breakdown)
             select k.space_id, k.board_id, k.run, k.user_id, k.value, k.reached_at, k.breakdown
             from {keys(space_id bigint, board_id uuid, run bigint, user_id bigint,
                        value bigint, reached_at bigint, breakdown json)} k",
            &[
                Column::Int(vec![space.id(); chunk.len()]),
                Column::Uuid(vec![board.id().0; chunk.len()]),
                Column::Int(chunk.iter().map(|row| row.0.0).collect()),
                Column::Int(chunk.iter().map(|row| row.0.1.0).collect()),
                Column::Int(chunk.iter().map(|row| row.1.0).collect()),
                Column::Int(chunk.iter().map(|row| row.1.1).collect()),
                Column::OptJson(texts.iter().map(Option::as_deref).collect()),
            ],
        )?;
    }
    Ok(())
}

/// The groups of all users who take part in a board.
fn groups(tx: &mut Tx<'_>, space: Space, board: &BoardEntry) -> Result<HashMap<UserId, Group>> {
    let rows = tx.rows(
        "select id, attributes from end_user where space_id = $1",
        &[space.id().into()],
        |row| {
            let attributes: BTreeMap<String, String> =
                serde_json::from_str(&row.get::<String>(1)?).map_err(Error::broken)?;
            Ok((UserId(row.get(0)?), group(board, &attributes)))
        },
    )?;
    Ok(rows
        .into_iter()
        .filter_map(|(user, group)| Some((user, group?)))
        .collect())
}

//! Loads what the commands of a batch may read or write.
//!
//! Users are held before groups, both in ascending order: two desks never wait for each other.

use std::collections::{BTreeMap, HashMap};

use engine::amount::Amount;
use engine::apply::missing_counters;
use engine::catalog::Catalog;
use engine::command::Command;
use engine::id::{AchievementId, BoardId, CompletionId, EventId, Ids, MetricId, UserId};
use engine::state::{BoardValue, Completion, Counter, DaySum, MetricTotal, Row, Streak, UserState};
use engine::user::User;
use jiff::Timestamp;
use uuid::Uuid;

use super::want::{self, Want, Wants};
use super::{
    Catalogs, Item, WorkingSet, activity, fingerprint, group_of, mission, purse, reminder, streak,
    tag,
};
use crate::access::Space;
use crate::driver::{Column, Tx};
use crate::time::{date, instant, maybe_date, maybe_instant};
use crate::{Error, Result, event, user};

/// Loads what the commands may read or write. `is_held` keeps other writers of the users and of their
/// groups waiting until the transaction ends; a read leaves them alone, and sees nothing of groups.
pub fn load(
    tx: &mut Tx<'_>,
    catalogs: Catalogs<'_>,
    items: &[Item<'_>],
    ids: &mut Ids,
    is_held: bool,
) -> Result<WorkingSet> {
    let mut set = load_users(tx, items, ids, is_held)?;
    let (mut wants, named) = want::of(&set, catalogs, items);
    load_totals(tx, &mut set, &wants)?;
    load_days(tx, &mut set, &wants)?;
    load_counters(tx, &mut set, &wants)?;
    want::add_passed_time(&set, &mut wants);
    // Also of those who are only named: what a command brings them may have to be looked at one night.
    load_streaks(tx, &mut set, wants.iter().chain(&named))?;
    load_completions(tx, &mut set, &wants)?;
    purse::load(tx, &mut set, &wants, &named)?;
    load_boards(tx, &mut set, &wants)?;
    load_seen(tx, &mut set, &wants)?;
    complete_counters(tx, &mut set, &wants)?;
    let deep = streak::load(tx, &mut set, items, &wants, &named)?;
    complete_days(tx, &mut set, &deep)?;
    tag::load(tx, &mut set, &wants)?;
    reminder::load(tx, &mut set, &wants)?;
    mission::load(tx, &mut set, &wants)?;
    if is_held {
        mission::load_groups(tx, &mut set, catalogs, items)?;
    }
    activity::load_taken(tx, &mut set, items)?;
    Ok(set)
}

/// Loads one user for a read; nothing for an unknown one.
pub fn load_one(
    tx: &mut Tx<'_>,
    space: Space,
    catalog: &std::sync::Arc<Catalog>,
    external_id: &str,
    now: Timestamp,
) -> Result<Option<UserState>> {
    let item = Item {
        space,
        user: external_id,
        command: &Command::Settle,
        now,
    };
    // No id is made: a user who is new here is answered with nothing.
    let mut ids = Ids::seeded(0);
    let mut set = load(tx, &|_| Some(catalog.clone()), &[item], &mut ids, false)?;
    Ok(set
        .members
        .pop()
        .map(|member| member.state)
        .filter(|state| !state.is_new))
}

/// Loads the users whom commands are about or name, all of them at once.
fn load_users(
    tx: &mut Tx<'_>,
    items: &[Item<'_>],
    ids: &mut Ids,
    is_held: bool,
) -> Result<WorkingSet> {
    let mut wanted: BTreeMap<(Space, &str), Timestamp> = BTreeMap::new();
    let mut drawn: HashMap<(Space, &str), UserId> = HashMap::new();
    for item in items {
        wanted.entry((item.space, item.user)).or_insert(item.now);
        for other in item.command.others() {
            wanted.entry((item.space, other)).or_insert(item.now);
        }
        if let Command::SaveUser(save) = item.command
            && let Some(Some(number)) = save.must_be_new
        {
            drawn.insert((item.space, item.user), number);
        }
    }
    let mut set = WorkingSet::default();
    let keys: Vec<_> = wanted.keys().copied().collect();
    for (space, user) in user::by_external(tx, &keys, is_held)? {
        set.add(space, UserState::of(user, false));
    }
    for ((space, name), now) in wanted {
        if set.index(space, name).is_none() {
            let id = drawn.get(&(space, name)).copied();
            let id = id.unwrap_or_else(|| ids.user(now));
            let mut state = UserState::of(User::new(id, name.to_owned(), now), true);
            // Written once a command has made the user, and not before.
            state.user.saved();
            set.add(space, state);
        }
    }
    Ok(set)
}

/// The keys `i`, `space_id` and `user_id` of users.
pub(super) fn user_columns<'a>(
    wants: impl Iterator<Item = (&'a usize, &'a Want)> + Clone,
) -> [Column<'static>; 3] {
    [
        Column::Int(wants.clone().map(|(index, _)| number(*index)).collect()),
        Column::Int(wants.clone().map(|(_, want)| want.space.id()).collect()),
        Column::Int(wants.map(|(_, want)| want.user.0).collect()),
    ]
}

/// An index as a key.
pub(super) fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(-1)
}

/// The index that a row answers to, from its first column.
fn position(row: &crate::driver::Row<'_>) -> Result<usize> {
    position_at(row, 0)
}

/// The index that a row answers to.
pub(super) fn position_at(row: &crate::driver::Row<'_>, column: usize) -> Result<usize> {
    usize::try_from(row.get::<i64>(column)?).map_err(Error::broken)
}

fn load_totals(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    tx.look_up(
        "select k.i, t.metric_id, t.total, t.peak, t.events, t.first_at, t.last_at
         from {keys(i bigint, space_id bigint, user_id bigint)} k
         join metric_total t on t.space_id = k.space_id and t.user_id = k.user_id",
        &user_columns(wants.iter()),
        |row| {
            let total = MetricTotal {
                total: Amount::from_millionths(row.get(2)?),
                peak: Amount::from_millionths(row.get(3)?),
                events: row.get(4)?,
                first: instant(row, 5)?,
                last: instant(row, 6)?,
            };
            let state = &mut set.members[position(row)?].state;
            state
                .totals
                .insert(MetricId(row.get(1)?), Row::stored(total));
            Ok(())
        },
    )?;
    Ok(())
}

fn load_days(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    let [index, space, user] = user_columns(wants.iter());
    let dates: Vec<String> = wants
        .values()
        .map(|want| want.days_from.to_string())
        .collect();
    tx.look_up(
        "select k.i, d.date, d.metric_id, d.sum, d.events
         from {keys(i bigint, space_id bigint, user_id bigint, date text)} k
         join metric_day d on d.space_id = k.space_id and d.user_id = k.user_id
                          and d.date >= k.date",
        &[
            index,
            space,
            user,
            Column::Text(dates.iter().map(String::as_str).collect()),
        ],
        |row| {
            let day = DaySum {
                sum: Amount::from_millionths(row.get(3)?),
                events: row.get(4)?,
            };
            let state = &mut set.members[position(row)?].state;
            state
                .days
                .insert((MetricId(row.get(2)?), date(row, 1)?), Row::stored(day));
            Ok(())
        },
    )?;
    Ok(())
}

fn load_counters(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    tx.look_up(
        "select k.i, c.definition_id, c.sum, c.peak, c.since
         from {keys(i bigint, space_id bigint, user_id bigint)} k
         join counter c on c.space_id = k.space_id and c.user_id = k.user_id",
        &user_columns(wants.iter()),
        |row| {
            let counter = Counter {
                sum: Amount::from_millionths(row.get(2)?),
                peak: Amount::from_millionths(row.get(3)?),
                since: instant(row, 4)?,
            };
            let state = &mut set.members[position(row)?].state;
            state.counters.insert(row.get(1)?, Row::stored(counter));
            Ok(())
        },
    )?;
    Ok(())
}

fn load_streaks<'a>(
    tx: &mut Tx<'_>,
    set: &mut WorkingSet,
    wants: impl Iterator<Item = (&'a usize, &'a Want)> + Clone,
) -> Result<()> {
    tx.look_up(
        "select k.i, s.frequency, s.length, s.started, s.met, s.extended_at, s.freezes,
                s.earned_to, s.open_from, s.zone, s.settle_at, s.paused_to, s.corrected_on
         from {keys(i bigint, space_id bigint, user_id bigint)} k
         join streak s on s.space_id = k.space_id and s.user_id = k.user_id",
        &user_columns(wants),
        |row| {
            let streak = Streak {
                frequency: crate::streak::frequency(row, 1)?,
                length: row.get(2)?,
                started: maybe_date(row, 3)?,
                met: maybe_date(row, 4)?,
                extended: maybe_instant(row, 5)?,
                freezes: row.get(6)?,
                earned_to: date(row, 7)?,
                open_from: date(row, 8)?,
                zone: row.get(9)?,
                settle_at: maybe_instant(row, 10)?,
                paused_to: maybe_date(row, 11)?,
                corrected_on: maybe_date(row, 12)?,
            };
            set.members[position(row)?].state.streak = Some(Row::stored(streak));
            Ok(())
        },
    )?;
    Ok(())
}

fn load_completions(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    tx.look_up(
        "select k.i, c.achievement_id, c.id, c.at
         from {keys(i bigint, space_id bigint, user_id bigint)} k
         join completion c on c.space_id = k.space_id and c.user_id = k.user_id",
        &user_columns(wants.iter()),
        |row| {
            let completion = Completion {
                id: CompletionId(row.get(2)?),
                at: instant(row, 3)?,
            };
            let state = &mut set.members[position(row)?].state;
            state
                .completions
                .insert(AchievementId(row.get(1)?), completion);
            Ok(())
        },
    )?;
    Ok(())
}

fn load_boards(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    let keys: Vec<(usize, &Want, BoardId, i64)> = wants
        .iter()
        .flat_map(|(index, want)| {
            want.boards
                .iter()
                .map(move |(board, run)| (*index, want, *board, *run))
        })
        .collect();
    tx.look_up(
        "select k.i, e.board_id, e.run, e.value, e.reached_at, e.breakdown
         from {keys(i bigint, space_id bigint, board_id uuid, run bigint, user_id bigint)} k
         join board_entry e on e.space_id = k.space_id and e.board_id = k.board_id
                           and e.run = k.run and e.user_id = k.user_id",
        &[
            Column::Int(keys.iter().map(|key| number(key.0)).collect()),
            Column::Int(keys.iter().map(|key| key.1.space.id()).collect()),
            Column::Uuid(keys.iter().map(|key| key.2.0).collect()),
            Column::Int(keys.iter().map(|key| key.3).collect()),
            Column::Int(keys.iter().map(|key| key.1.user.0).collect()),
        ],
        |row| {
            let value = BoardValue {
                value: row.get(3)?,
                reached: instant(row, 4)?,
                group: group_of(row, 5)?,
            };
            let state = &mut set.members[position(row)?].state;
            state
                .boards
                .insert((BoardId(row.get(1)?), row.get(2)?), Row::stored(value));
            Ok(())
        },
    )?;
    Ok(())
}

fn load_seen(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    let keys: Vec<(usize, &Want, MetricId, &str)> = wants
        .iter()
        .flat_map(|(index, want)| {
            want.keys
                .iter()
                .map(move |(metric, key)| (*index, want, *metric, key.as_str()))
        })
        .collect();
    let prints: Vec<[u8; 16]> = keys.iter().map(|key| fingerprint(key.3)).collect();
    let found: Vec<(i64, Uuid)> = tx.look_up(
        "select k.i, s.event_id
         from {keys(i bigint, space_id bigint, user_id bigint, metric_id uuid,
                    fingerprint bytes)} k
         join idempotency s on s.space_id = k.space_id and s.user_id = k.user_id
                           and s.metric_id = k.metric_id and s.fingerprint = k.fingerprint",
        &[
            Column::Int((0..i64::try_from(keys.len()).unwrap_or(0)).collect()),
            Column::Int(keys.iter().map(|key| key.1.space.id()).collect()),
            Column::Int(keys.iter().map(|key| key.1.user.0).collect()),
            Column::Uuid(keys.iter().map(|key| key.2.0).collect()),
            Column::Bytes(prints.iter().map(<[u8; 16]>::as_slice).collect()),
        ],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (position, event) in found {
        if let Some((index, _, metric, key)) = usize::try_from(position)
            .ok()
            .and_then(|position| keys.get(position))
        {
            let state = &mut set.members[*index].state;
            state
                .seen
                .insert((*metric, (*key).to_owned()), EventId(event));
        }
    }
    Ok(())
}

/// Sums from the event log what filtered counters have missed. The sum is written with the batch even
/// if no event of it matches, so that a user's log is read once for every rule and not at every event.
fn complete_counters(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    for (index, want) in wants {
        let catalog = &want.catalog;
        let state = &set.members[*index].state;
        let missing = if want.all_metrics {
            missing_counters(catalog, state, None)
        } else {
            want.metrics
                .iter()
                .flat_map(|metric| missing_counters(catalog, state, Some(*metric)))
                .collect()
        };
        for counter in missing {
            let sum =
                event::filtered_sum(tx, want.space, want.user, counter.metric, counter.filters)?;
            let row = Row::fresh(counter.counter(sum));
            set.members[*index].state.counters.insert(counter.id, row);
        }
    }
    Ok(())
}

/// Loads all days of users whose streak is counted anew or given back.
fn complete_days(tx: &mut Tx<'_>, set: &mut WorkingSet, deep: &[usize]) -> Result<()> {
    for index in deep {
        let member = &mut set.members[*index];
        let user = member.state.user.get().id;
        let days = tx.rows(
            "select date, metric_id, sum, events from metric_day
             where space_id = $1 and user_id = $2",
            &[member.space.id().into(), user.0.into()],
            |row| {
                let day = DaySum {
                    sum: Amount::from_millionths(row.get(2)?),
                    events: row.get(3)?,
                };
                Ok(((MetricId(row.get(1)?), date(row, 0)?), Row::stored(day)))
            },
        )?;
        member.state.days.extend(days);
    }
    Ok(())
}

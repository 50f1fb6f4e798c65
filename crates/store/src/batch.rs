//! The rows a batch of commands touches: loaded set by set before the rules decide, written set by set after.
//!
//! The number of statements depends on the number of tables, not of commands (design.md 6).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use engine::amount::Amount;
use engine::apply::{missing_counters, needs_recount};
use engine::calendar::{Frequency, Zone};
use engine::catalog::Catalog;
use engine::command::Command;
use engine::id::{
    AchievementId, BoardId, CompletionId, EventId, Ids, MetricId, PointsSystemId, UserId,
};
use engine::leaderboard;
use engine::outcome::{LedgerEntry, LoggedEvent, Outcome};
use engine::state::{
    BoardValue, Completion, Counter, DaySum, MetricTotal, Row, Streak, StreakPeriod, UserState,
};
use engine::user::{Change, Patch, User};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::access::Space;
use crate::driver::{Column, Tx};
use crate::outbox::{self, Pending};
use crate::time::{date, instant, maybe_date, maybe_instant};
use crate::{Error, Result, event, user};

/// One command of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Where.
    pub space: Space,
    /// About whom, by the caller's id; made if unknown and the command allows it. There is no other way
    /// to name a user: one name gives one desk, and rows are held in one order.
    pub user: &'a str,
    /// What.
    pub command: &'a Command,
    /// When it came.
    pub now: Timestamp,
}

/// The states of the users of a batch.
#[derive(Debug, Default)]
pub struct WorkingSet {
    states: Vec<(Space, UserState)>,
    by_user: HashMap<(Space, String), usize>,
}

impl WorkingSet {
    fn add(&mut self, space: Space, state: UserState) {
        let user = state.user.get().external_id.clone();
        self.by_user.insert((space, user), self.states.len());
        self.states.push((space, state));
    }

    fn index(&self, space: Space, user: &str) -> Option<usize> {
        self.by_user.get(&(space, user.to_owned())).copied()
    }

    /// The state of a user whom a command of the batch is about.
    pub fn state(&mut self, space: Space, user: &str) -> Option<&mut UserState> {
        let index = self.index(space, user)?;
        self.states.get_mut(index).map(|(_, state)| state)
    }
}

/// What a catalog is found by.
pub type Catalogs<'a> = &'a dyn Fn(Space) -> Option<std::sync::Arc<Catalog>>;

/// Loads what the commands may read or write. `is_held` keeps other writers of the users waiting
/// until the transaction ends; a read leaves them alone.
pub fn load(
    tx: &mut Tx<'_>,
    catalogs: Catalogs<'_>,
    items: &[Item<'_>],
    ids: &mut Ids,
    is_held: bool,
) -> Result<WorkingSet> {
    let mut set = load_users(tx, items, ids, is_held)?;
    // One entry for every user with rows to load, and the instant of the user's first command.
    let mut wants: BTreeMap<usize, Want> = BTreeMap::new();
    for item in items {
        let Some(index) = set.index(item.space, item.user) else {
            continue;
        };
        let Some(catalog) = catalogs(item.space) else {
            continue;
        };
        let (space, state) = &set.states[index];
        let want = wants.entry(index).or_insert_with(|| Want {
            space: *space,
            user: state.user.get().id,
            days_from: first_day(catalog.streak.frequency, item.now),
            boards: BTreeSet::new(),
            metrics: BTreeSet::new(),
            all_metrics: false,
            keys: Vec::new(),
        });
        let metric = match item.command {
            Command::RecordEvent(event) => catalog
                .metric_by_key(&event.metric)
                .map(|metric| MetricId(metric.id)),
            _ => None,
        };
        if let Some(metric) = metric {
            want.metrics.insert(metric);
            if let Command::RecordEvent(event) = item.command
                && let Some(key) = &event.idempotency_key
            {
                want.keys.push((metric, key.clone()));
            }
        }
        // Attributes and the sign-up date may decide anything anew.
        let decides_anew = match patch(item.command) {
            Some(patch) => !patch.attributes.is_empty() || patch.sign_up_date != Change::Keep,
            None => matches!(item.command, Command::Backdate { .. }),
        };
        want.all_metrics |= decides_anew;
        let user = dated(state.user.get(), item.command);
        want.boards
            .extend(leaderboard::needed(&catalog, &user, metric, item.now));
        if decides_anew {
            for metric in catalog.metrics() {
                let metric = Some(MetricId(metric.id));
                want.boards
                    .extend(leaderboard::needed(&catalog, &user, metric, item.now));
            }
        }
    }
    wants.retain(|index, _| !set.states[*index].1.is_new);
    load_totals(tx, &mut set, &wants)?;
    load_days(tx, &mut set, &wants)?;
    load_counters(tx, &mut set, &wants)?;
    load_streaks(tx, &mut set, &wants)?;
    load_completions(tx, &mut set, &wants)?;
    load_balances(tx, &mut set, &wants)?;
    load_boards(tx, &mut set, &wants)?;
    load_seen(tx, &mut set, &wants)?;
    complete_counters(tx, &mut set, &wants, catalogs)?;
    complete_days(tx, &mut set, &wants, catalogs)?;
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
        .states
        .pop()
        .map(|(_, state)| state)
        .filter(|state| !state.is_new))
}

/// The rows of one user that commands need.
struct Want {
    space: Space,
    user: UserId,
    days_from: Date,
    boards: BTreeSet<(BoardId, i64)>,
    metrics: BTreeSet<MetricId>,
    all_metrics: bool,
    keys: Vec<(MetricId, String)>,
}

type Wants = BTreeMap<usize, Want>;

/// The first date of the period that is open anywhere on earth.
fn first_day(frequency: Frequency, now: Timestamp) -> Date {
    let earliest = now
        .checked_sub(SignedDuration::from_hours(36))
        .unwrap_or(now);
    frequency.period(Zone::utc().date(earliest)).start
}

/// What a command says of its user.
fn patch(command: &Command) -> Option<&Patch> {
    match command {
        Command::RecordEvent(event) => Some(&event.user),
        Command::SaveUser(save) => Some(&save.user),
        Command::CompleteAchievement(complete) => Some(&complete.user),
        Command::Settle | Command::Backdate { .. } => None,
    }
}

/// The user as far as dates are concerned once the command is applied.
fn dated<'a>(user: &'a User, command: &Command) -> Cow<'a, User> {
    match patch(command) {
        Some(patch) if patch.tz != Change::Keep || patch.sign_up_date != Change::Keep => {
            let mut user = user.clone();
            let updated = user.updated;
            engine::user::apply(&mut user, patch, updated);
            Cow::Owned(user)
        }
        _ => Cow::Borrowed(user),
    }
}

fn load_users(
    tx: &mut Tx<'_>,
    items: &[Item<'_>],
    ids: &mut Ids,
    is_held: bool,
) -> Result<WorkingSet> {
    let mut wanted: BTreeMap<(Space, &str), Timestamp> = BTreeMap::new();
    for item in items {
        wanted.entry((item.space, item.user)).or_insert(item.now);
    }
    let mut set = WorkingSet::default();
    let keys: Vec<_> = wanted.keys().copied().collect();
    for (space, user) in user::by_external(tx, &keys, is_held)? {
        set.add(space, UserState::of(user, false));
    }
    for ((space, id), now) in wanted {
        if set.index(space, id).is_none() {
            let user = User::new(ids.user(now), id.to_owned(), now);
            let mut state = UserState::of(user, true);
            // Written once a command has made the user, and not before.
            state.user.saved();
            set.add(space, state);
        }
    }
    Ok(set)
}

fn user_columns(wants: &Wants) -> [Column<'static>; 3] {
    [
        Column::Int(
            wants
                .keys()
                .map(|index| i64::try_from(*index).unwrap_or(-1))
                .collect(),
        ),
        Column::Int(wants.values().map(|want| want.space.id()).collect()),
        Column::Int(wants.values().map(|want| want.user.0).collect()),
    ]
}

fn position(row: &crate::driver::Row<'_>) -> Result<usize> {
    usize::try_from(row.get::<i64>(0)?).map_err(Error::broken)
}

fn load_totals(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    tx.look_up(
        "select k.i, t.metric_id, t.total, t.peak, t.events, t.first_at, t.last_at
         from {keys(i bigint, space_id bigint, user_id bigint)} k
         join metric_total t on t.space_id = k.space_id and t.user_id = k.user_id",
        &user_columns(wants),
        |row| {
            let total = MetricTotal {
                total: Amount::from_millionths(row.get(2)?),
                peak: Amount::from_millionths(row.get(3)?),
                events: row.get(4)?,
                first: instant(row, 5)?,
                last: instant(row, 6)?,
            };
            let state = &mut set.states[position(row)?].1;
            state
                .totals
                .insert(MetricId(row.get(1)?), Row::stored(total));
            Ok(())
        },
    )?;
    Ok(())
}

fn load_days(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    let [index, space, user] = user_columns(wants);
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
            let state = &mut set.states[position(row)?].1;
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
        &user_columns(wants),
        |row| {
            let counter = Counter {
                sum: Amount::from_millionths(row.get(2)?),
                peak: Amount::from_millionths(row.get(3)?),
                since: instant(row, 4)?,
            };
            let state = &mut set.states[position(row)?].1;
            state.counters.insert(row.get(1)?, Row::stored(counter));
            Ok(())
        },
    )?;
    Ok(())
}

fn load_streaks(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    tx.look_up(
        "select k.i, s.frequency, s.length, s.started, s.met, s.extended_at, s.freezes,
                s.earned_to, s.open_from, s.zone, s.settle_at
         from {keys(i bigint, space_id bigint, user_id bigint)} k
         join streak s on s.space_id = k.space_id and s.user_id = k.user_id",
        &user_columns(wants),
        |row| {
            let frequency: String = row.get(1)?;
            let streak = Streak {
                frequency: Frequency::named(&frequency)
                    .ok_or_else(|| Error::broken(format!("unknown frequency {frequency}")))?,
                length: row.get(2)?,
                started: maybe_date(row, 3)?,
                met: maybe_date(row, 4)?,
                extended: maybe_instant(row, 5)?,
                freezes: row.get(6)?,
                earned_to: date(row, 7)?,
                open_from: date(row, 8)?,
                zone: row.get(9)?,
                settle_at: maybe_instant(row, 10)?,
            };
            set.states[position(row)?].1.streak = Some(Row::stored(streak));
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
        &user_columns(wants),
        |row| {
            let completion = Completion {
                id: CompletionId(row.get(2)?),
                at: instant(row, 3)?,
            };
            let state = &mut set.states[position(row)?].1;
            state
                .completions
                .insert(AchievementId(row.get(1)?), completion);
            Ok(())
        },
    )?;
    Ok(())
}

fn load_balances(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    tx.look_up(
        "select k.i, b.system_id, b.total
         from {keys(i bigint, space_id bigint, user_id bigint)} k
         join balance b on b.space_id = k.space_id and b.user_id = k.user_id",
        &user_columns(wants),
        |row| {
            let state = &mut set.states[position(row)?].1;
            state
                .balances
                .insert(PointsSystemId(row.get(1)?), Row::stored(row.get(2)?));
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
            Column::Int(
                keys.iter()
                    .map(|key| i64::try_from(key.0).unwrap_or(-1))
                    .collect(),
            ),
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
            let state = &mut set.states[position(row)?].1;
            state
                .boards
                .insert((BoardId(row.get(1)?), row.get(2)?), Row::stored(value));
            Ok(())
        },
    )?;
    Ok(())
}

/// Reads a group.
pub(crate) fn group_of(row: &crate::driver::Row<'_>, index: usize) -> Result<Option<Vec<String>>> {
    match row.get::<Option<String>>(index)?.as_deref() {
        None => Ok(None),
        Some("[]") => Ok(Some(Vec::new())),
        Some(text) => serde_json::from_str(text).map(Some).map_err(Error::broken),
    }
}

/// Writes a group.
pub(crate) fn group_text(group: &[String]) -> Result<String> {
    serde_json::to_string(group).map_err(Error::broken)
}

/// The first 16 bytes of the SHA-256 of a caller's key.
fn fingerprint(key: &str) -> [u8; 16] {
    let digest = Sha256::digest(key.as_bytes());
    let mut print = [0; 16];
    print.copy_from_slice(&digest[..16]);
    print
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
            let state = &mut set.states[*index].1;
            state
                .seen
                .insert((*metric, (*key).to_owned()), EventId(event));
        }
    }
    Ok(())
}

/// Sums from the event log what filtered counters have missed. The sum is written with the batch even
/// if no event of it matches, so that a user's log is read once for every rule and not at every event.
fn complete_counters(
    tx: &mut Tx<'_>,
    set: &mut WorkingSet,
    wants: &Wants,
    catalogs: Catalogs<'_>,
) -> Result<()> {
    for (index, want) in wants {
        let Some(catalog) = catalogs(want.space) else {
            continue;
        };
        let state = &set.states[*index].1;
        let missing = if want.all_metrics {
            missing_counters(&catalog, state, None)
        } else {
            want.metrics
                .iter()
                .flat_map(|metric| missing_counters(&catalog, state, Some(*metric)))
                .collect()
        };
        for counter in missing {
            let sum =
                event::filtered_sum(tx, want.space, want.user, counter.metric, counter.filters)?;
            let row = Row::fresh(counter.counter(sum));
            set.states[*index].1.counters.insert(counter.id, row);
        }
    }
    Ok(())
}

/// Loads all days of users whose streak has to be counted anew.
fn complete_days(
    tx: &mut Tx<'_>,
    set: &mut WorkingSet,
    wants: &Wants,
    catalogs: Catalogs<'_>,
) -> Result<()> {
    for (index, want) in wants {
        let Some(catalog) = catalogs(want.space) else {
            continue;
        };
        if !needs_recount(&catalog, &set.states[*index].1) {
            continue;
        }
        let days = tx.rows(
            "select date, metric_id, sum, events from metric_day
             where space_id = $1 and user_id = $2",
            &[want.space.id().into(), want.user.0.into()],
            |row| {
                let day = DaySum {
                    sum: Amount::from_millionths(row.get(2)?),
                    events: row.get(3)?,
                };
                Ok(((MetricId(row.get(1)?), date(row, 0)?), Row::stored(day)))
            },
        )?;
        set.states[*index].1.days.extend(days);
    }
    Ok(())
}

/// Writes the rows that changed, the rows that were appended and the notices to be delivered. After a failure the transaction
/// has to be dropped and the set with it.
pub fn save(
    tx: &mut Tx<'_>,
    set: &mut WorkingSet,
    outcomes: &Outcomes<'_>,
    notices: &[Pending<'_>],
) -> Result<()> {
    let states = &mut set.states;
    let users: Vec<(Space, &User)> = states
        .iter()
        .filter(|(_, state)| state.user.is_changed())
        .map(|(space, state)| (*space, state.user.get()))
        .collect();
    user::save(tx, &users)?;
    save_totals(tx, states)?;
    save_days(tx, states)?;
    save_counters(tx, states)?;
    save_streaks(tx, states)?;
    save_balances(tx, states)?;
    save_boards(tx, states)?;
    save_events(tx, outcomes)?;
    save_completions(tx, outcomes)?;
    save_ledger(tx, outcomes)?;
    save_periods(tx, outcomes)?;
    outbox::insert(tx, notices)?;
    for (_, state) in states.iter_mut() {
        mark_saved(state);
    }
    Ok(())
}

fn mark_saved(state: &mut UserState) {
    state.user.saved();
    state.totals.values_mut().for_each(Row::saved);
    state.days.values_mut().for_each(Row::saved);
    state.counters.values_mut().for_each(Row::saved);
    state.balances.values_mut().for_each(Row::saved);
    state.boards.values_mut().for_each(Row::saved);
    if let Some(row) = &mut state.streak {
        row.saved();
    }
}

type States = [(Space, UserState)];

/// The changed rows of one map of all states, as (space, user, key, value).
fn changed<'a, K: Copy + 'a, V: 'a>(
    states: &'a States,
    map: impl Fn(&'a UserState) -> &'a BTreeMap<K, Row<V>> + 'a,
) -> Vec<(i64, i64, K, &'a V)> {
    states
        .iter()
        .flat_map(|(space, state)| {
            let user = state.user.get().id.0;
            map(state)
                .iter()
                .filter(|(_, row)| row.is_changed())
                .map(move |(key, row)| (space.id(), user, *key, row.get()))
        })
        .collect()
}

fn save_totals(tx: &mut Tx<'_>, states: &States) -> Result<()> {
    let rows = changed(states, |state| &state.totals);
    tx.many(
        "insert into metric_total
             (space_id, user_id, metric_id, total, peak, events, first_at, last_at)
         select k.space_id, k.user_id, k.metric_id, k.total, k.peak, k.events, k.first_at, k.last_at
         from {keys(space_id bigint, user_id bigint, metric_id uuid, total bigint, peak bigint,
                    events bigint, first_at bigint, last_at bigint)} k
         where true
         on conflict (space_id, user_id, metric_id) do update set
             total = excluded.total, peak = excluded.peak, events = excluded.events,
             last_at = excluded.last_at",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.0).collect()),
            Column::Int(rows.iter().map(|row| row.3.total.millionths()).collect()),
            Column::Int(rows.iter().map(|row| row.3.peak.millionths()).collect()),
            Column::Int(rows.iter().map(|row| row.3.events).collect()),
            Column::Int(
                rows.iter()
                    .map(|row| row.3.first.as_microsecond())
                    .collect(),
            ),
            Column::Int(rows.iter().map(|row| row.3.last.as_microsecond()).collect()),
        ],
    )?;
    Ok(())
}

fn save_days(tx: &mut Tx<'_>, states: &States) -> Result<()> {
    let rows = changed(states, |state| &state.days);
    let dates: Vec<String> = rows.iter().map(|row| row.2.1.to_string()).collect();
    tx.many(
        "insert into metric_day (space_id, user_id, date, metric_id, sum, events)
         select k.space_id, k.user_id, k.date, k.metric_id, k.sum, k.events
         from {keys(space_id bigint, user_id bigint, date text, metric_id uuid, sum bigint,
                    events bigint)} k
         where true
         on conflict (space_id, user_id, date, metric_id) do update set
             sum = excluded.sum, events = excluded.events",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Text(dates.iter().map(String::as_str).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.0.0).collect()),
            Column::Int(rows.iter().map(|row| row.3.sum.millionths()).collect()),
            Column::Int(rows.iter().map(|row| row.3.events).collect()),
        ],
    )?;
    Ok(())
}

fn save_counters(tx: &mut Tx<'_>, states: &States) -> Result<()> {
    let rows = changed(states, |state| &state.counters);
    tx.many(
        "insert into counter (space_id, user_id, definition_id, sum, peak, since)
         select k.space_id, k.user_id, k.definition_id, k.sum, k.peak, k.since
         from {keys(space_id bigint, user_id bigint, definition_id uuid, sum bigint, peak bigint,
                    since bigint)} k
         where true
         on conflict (space_id, user_id, definition_id) do update set
             sum = excluded.sum, peak = excluded.peak, since = excluded.since",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Uuid(rows.iter().map(|row| row.2).collect()),
            Column::Int(rows.iter().map(|row| row.3.sum.millionths()).collect()),
            Column::Int(rows.iter().map(|row| row.3.peak.millionths()).collect()),
            Column::Int(
                rows.iter()
                    .map(|row| row.3.since.as_microsecond())
                    .collect(),
            ),
        ],
    )?;
    Ok(())
}

fn save_streaks(tx: &mut Tx<'_>, states: &States) -> Result<()> {
    let rows: Vec<(i64, i64, &Streak)> = states
        .iter()
        .filter_map(|(space, state)| {
            let row = state.streak.as_ref().filter(|row| row.is_changed())?;
            Some((space.id(), state.user.get().id.0, row.get()))
        })
        .collect();
    let text = |date: Option<Date>| date.map(|date| date.to_string());
    let started: Vec<_> = rows.iter().map(|row| text(row.2.started)).collect();
    let met: Vec<_> = rows.iter().map(|row| text(row.2.met)).collect();
    let earned: Vec<_> = rows.iter().map(|row| row.2.earned_to.to_string()).collect();
    let open: Vec<_> = rows.iter().map(|row| row.2.open_from.to_string()).collect();
    let us = |at: Option<Timestamp>| at.map(Timestamp::as_microsecond);
    tx.many(
        "insert into streak (space_id, user_id, frequency, length, started, met, extended_at,
                             freezes, earned_to, open_from, zone, settle_at)
         select k.space_id, k.user_id, k.frequency, k.length, k.started, k.met, k.extended_at,
                k.freezes, k.earned_to, k.open_from, k.zone, k.settle_at
         from {keys(space_id bigint, user_id bigint, frequency text, length bigint, started text,
                    met text, extended_at bigint, freezes bigint, earned_to text, open_from text,
                    zone text, settle_at bigint)} k
         where true
         on conflict (space_id, user_id) do update set
             frequency = excluded.frequency, length = excluded.length,
             started = excluded.started, met = excluded.met, extended_at = excluded.extended_at,
             freezes = excluded.freezes, earned_to = excluded.earned_to,
             open_from = excluded.open_from, zone = excluded.zone, settle_at = excluded.settle_at",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Text(rows.iter().map(|row| row.2.frequency.name()).collect()),
            Column::Int(rows.iter().map(|row| row.2.length).collect()),
            Column::OptText(started.iter().map(Option::as_deref).collect()),
            Column::OptText(met.iter().map(Option::as_deref).collect()),
            Column::OptInt(rows.iter().map(|row| us(row.2.extended)).collect()),
            Column::Int(rows.iter().map(|row| row.2.freezes).collect()),
            Column::Text(earned.iter().map(String::as_str).collect()),
            Column::Text(open.iter().map(String::as_str).collect()),
            Column::OptText(rows.iter().map(|row| row.2.zone.as_deref()).collect()),
            Column::OptInt(rows.iter().map(|row| us(row.2.settle_at)).collect()),
        ],
    )?;
    Ok(())
}

fn save_balances(tx: &mut Tx<'_>, states: &States) -> Result<()> {
    let rows = changed(states, |state| &state.balances);
    tx.many(
        "insert into balance (space_id, user_id, system_id, total)
         select k.space_id, k.user_id, k.system_id, k.total
         from {keys(space_id bigint, user_id bigint, system_id uuid, total bigint)} k
         where true
         on conflict (space_id, user_id, system_id) do update set total = excluded.total",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.0).collect()),
            Column::Int(rows.iter().map(|row| *row.3).collect()),
        ],
    )?;
    Ok(())
}

fn save_boards(tx: &mut Tx<'_>, states: &States) -> Result<()> {
    let rows = changed(states, |state| &state.boards);
    let groups = rows
        .iter()
        .map(|row| row.3.group.as_deref().map(group_text).transpose())
        .collect::<Result<Vec<_>>>()?;
    tx.many(
        "insert into board_entry (space_id, board_id, run, user_id, value, reached_at, breakdown)
         select k.space_id, k.board_id, k.run, k.user_id, k.value, k.reached_at, k.breakdown
         from {keys(space_id bigint, board_id uuid, run bigint, user_id bigint, value bigint,
                    reached_at bigint, breakdown json)} k
         where true
         on conflict (space_id, board_id, run, user_id) do update set
             value = excluded.value, reached_at = excluded.reached_at,
             breakdown = excluded.breakdown",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.0.0).collect()),
            Column::Int(rows.iter().map(|row| row.2.1).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Int(rows.iter().map(|row| row.3.value).collect()),
            Column::Int(
                rows.iter()
                    .map(|row| row.3.reached.as_microsecond())
                    .collect(),
            ),
            Column::OptJson(groups.iter().map(Option::as_deref).collect()),
        ],
    )?;
    Ok(())
}

/// What came of the commands, with space and user.
pub type Outcomes<'a> = [(Space, UserId, &'a Outcome)];

fn save_events(tx: &mut Tx<'_>, outcomes: &Outcomes<'_>) -> Result<()> {
    let rows: Vec<(i64, i64, &LoggedEvent)> = outcomes
        .iter()
        .filter_map(|(space, user, outcome)| {
            Some((space.id(), user.0, outcome.appended.event.as_ref()?))
        })
        .collect();
    let dates: Vec<String> = rows.iter().map(|row| row.2.date.to_string()).collect();
    let attributes = rows
        .iter()
        .map(|row| {
            let attributes = &row.2.attributes;
            (!attributes.is_empty())
                .then(|| serde_json::to_string(attributes).map_err(Error::broken))
                .transpose()
        })
        .collect::<Result<Vec<_>>>()?;
    tx.many(
        "insert into event
             (space_id, id, user_id, metric_id, value, at, date, second_of_day, attributes)
         select k.space_id, k.id, k.user_id, k.metric_id, k.value, k.at, k.date, k.second_of_day,
                k.attributes
         from {keys(space_id bigint, id uuid, user_id bigint, metric_id uuid, value bigint,
                    at bigint, date text, second_of_day bigint, attributes json)} k",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.id.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.metric.0).collect()),
            Column::Int(rows.iter().map(|row| row.2.value.millionths()).collect()),
            Column::Int(rows.iter().map(|row| row.2.at.as_microsecond()).collect()),
            Column::Text(dates.iter().map(String::as_str).collect()),
            Column::Int(rows.iter().map(|row| row.2.second_of_day).collect()),
            Column::OptJson(attributes.iter().map(Option::as_deref).collect()),
        ],
    )?;
    let keyed: Vec<(i64, i64, &LoggedEvent, [u8; 16])> = rows
        .iter()
        .filter_map(|(space, user, event)| {
            let key = event.idempotency_key.as_deref()?;
            Some((*space, *user, *event, fingerprint(key)))
        })
        .collect();
    tx.many(
        "insert into idempotency (space_id, user_id, metric_id, fingerprint, event_id)
         select k.space_id, k.user_id, k.metric_id, k.fingerprint, k.event_id
         from {keys(space_id bigint, user_id bigint, metric_id uuid, fingerprint bytes,
                    event_id uuid)} k",
        &[
            Column::Int(keyed.iter().map(|row| row.0).collect()),
            Column::Int(keyed.iter().map(|row| row.1).collect()),
            Column::Uuid(keyed.iter().map(|row| row.2.metric.0).collect()),
            Column::Bytes(keyed.iter().map(|row| row.3.as_slice()).collect()),
            Column::Uuid(keyed.iter().map(|row| row.2.id.0).collect()),
        ],
    )?;
    Ok(())
}

fn save_completions(tx: &mut Tx<'_>, outcomes: &Outcomes<'_>) -> Result<()> {
    let rows: Vec<(i64, i64, AchievementId, Completion)> = outcomes
        .iter()
        .flat_map(|(space, user, outcome)| {
            outcome
                .appended
                .completions
                .iter()
                .map(|(achievement, completion)| (space.id(), user.0, *achievement, *completion))
        })
        .collect();
    tx.many(
        "insert into completion (space_id, user_id, achievement_id, id, at)
         select k.space_id, k.user_id, k.achievement_id, k.id, k.at
         from {keys(space_id bigint, user_id bigint, achievement_id uuid, id uuid, at bigint)} k",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.3.id.0).collect()),
            Column::Int(rows.iter().map(|row| row.3.at.as_microsecond()).collect()),
        ],
    )?;
    Ok(())
}

fn save_ledger(tx: &mut Tx<'_>, outcomes: &Outcomes<'_>) -> Result<()> {
    let rows: Vec<(i64, i64, &LedgerEntry)> = outcomes
        .iter()
        .flat_map(|(space, user, outcome)| {
            outcome
                .appended
                .ledger
                .iter()
                .map(|entry| (space.id(), user.0, entry))
        })
        .collect();
    let dates: Vec<String> = rows.iter().map(|row| row.2.date.to_string()).collect();
    tx.many(
        "insert into ledger_entry (space_id, user_id, system_id, id, amount, balance, at, date,
                                   trigger_id, event_id)
         select k.space_id, k.user_id, k.system_id, k.id, k.amount, k.balance, k.at, k.date,
                k.trigger_id, k.event_id
         from {keys(space_id bigint, user_id bigint, system_id uuid, id uuid, amount bigint,
                    balance bigint, at bigint, date text, trigger_id uuid, event_id uuid)} k",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.system.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.id.0).collect()),
            Column::Int(rows.iter().map(|row| row.2.amount).collect()),
            Column::Int(rows.iter().map(|row| row.2.balance).collect()),
            Column::Int(rows.iter().map(|row| row.2.at.as_microsecond()).collect()),
            Column::Text(dates.iter().map(String::as_str).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.trigger.0).collect()),
            Column::OptUuid(
                rows.iter()
                    .map(|row| row.2.event.map(|event| event.0))
                    .collect(),
            ),
        ],
    )?;
    Ok(())
}

fn save_periods(tx: &mut Tx<'_>, outcomes: &Outcomes<'_>) -> Result<()> {
    // A period may be written by several commands of a batch; the last one stands.
    let mut periods: BTreeMap<(i64, i64, &str, Date), &StreakPeriod> = BTreeMap::new();
    for (space, user, outcome) in outcomes {
        for period in &outcome.appended.periods {
            let key = (space.id(), user.0, period.frequency.name(), period.start);
            periods.insert(key, period);
        }
    }
    let starts: Vec<String> = periods.keys().map(|key| key.3.to_string()).collect();
    tx.many(
        "insert into streak_period (space_id, user_id, frequency, start, length, mark)
         select k.space_id, k.user_id, k.frequency, k.start, k.length, k.mark
         from {keys(space_id bigint, user_id bigint, frequency text, start text, length bigint,
                    mark text)} k
         where true
         on conflict (space_id, user_id, frequency, start) do update set
             length = excluded.length, mark = excluded.mark",
        &[
            Column::Int(periods.keys().map(|key| key.0).collect()),
            Column::Int(periods.keys().map(|key| key.1).collect()),
            Column::Text(periods.keys().map(|key| key.2).collect()),
            Column::Text(starts.iter().map(String::as_str).collect()),
            Column::Int(periods.values().map(|period| period.length).collect()),
            Column::Text(periods.values().map(|period| period.mark.name()).collect()),
        ],
    )?;
    Ok(())
}

//! Writes what the commands of a batch have changed and added.

use std::collections::BTreeMap;

use engine::id::AchievementId;
use engine::outcome::LoggedEvent;
use engine::state::{Completion, Row, Streak, StreakPeriod, UserState};
use engine::user::User;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Decided, Member, WorkingSet, activity, fingerprint, group_text, mission, purse, tag};
use crate::access::Space;
use crate::driver::{Column, Tx};
use crate::outbox::{self, Written};
use crate::{Error, Result, user};

/// Writes the rows that changed, the rows that were appended and the notices to be delivered. After a failure the transaction
/// has to be dropped and the set with it.
pub fn save(
    tx: &mut Tx<'_>,
    set: &mut WorkingSet,
    decided: &[Decided<'_>],
    notices: &[Written<'_>],
) -> Result<()> {
    let members = &mut set.members;
    save_users(tx, members)?;
    save_totals(tx, members)?;
    save_days(tx, members)?;
    save_counters(tx, members)?;
    save_streaks(tx, members)?;
    purse::save_balances(tx, members)?;
    save_boards(tx, members)?;
    save_events(tx, decided)?;
    save_completions(tx, decided)?;
    purse::save_entries(tx, members, decided)?;
    save_periods(tx, decided)?;
    tag::save(tx, members)?;
    activity::save(tx, decided)?;
    mission::save(tx, members, &set.groups, decided)?;
    outbox::insert_written(tx, notices)?;
    for member in members.iter_mut() {
        mark_saved(&mut member.state);
        member.was_new = member.state.is_new;
    }
    mission::mark_saved(&mut set.groups);
    Ok(())
}

fn mark_saved(state: &mut UserState) {
    state.user.saved();
    state.totals.values_mut().for_each(Row::saved);
    state.days.values_mut().for_each(Row::saved);
    state.counters.values_mut().for_each(Row::saved);
    state.balances.values_mut().for_each(Row::saved);
    state.boards.values_mut().for_each(Row::saved);
    state.tags.retain(|_, row| !row.get().is_removed);
    state.tags.values_mut().for_each(Row::saved);
    state.purses.values_mut().for_each(Row::saved);
    state.pending.values_mut().for_each(Row::saved);
    state.missions.values_mut().for_each(Row::saved);
    state.evaluations.values_mut().for_each(Row::saved);
    if let Some(row) = &mut state.streak {
        row.saved();
    }
}

/// The changed rows of one map of all users who are there, as (space, user, key, value).
pub(super) fn changed<'a, K: Copy + 'a, V: 'a>(
    members: &'a [Member],
    map: impl Fn(&'a UserState) -> &'a BTreeMap<K, Row<V>> + 'a,
) -> Vec<(i64, i64, K, &'a V)> {
    members
        .iter()
        .filter(|member| !member.state.is_new)
        .flat_map(|member| {
            let space = member.space.id();
            let user = member.state.user.get().id.0;
            map(&member.state)
                .iter()
                .filter(|(_, row)| row.is_changed())
                .map(move |(key, row)| (space, user, *key, row.get()))
        })
        .collect()
}

fn save_users(tx: &mut Tx<'_>, members: &[Member]) -> Result<()> {
    let users: Vec<(Space, &User, &str)> = members
        .iter()
        .filter(|member| member.state.user.is_changed())
        .map(|member| {
            let user = member.state.user.get();
            let before = if member.was_new {
                &user.external_id
            } else {
                &member.name
            };
            (member.space, user, before.as_str())
        })
        .collect();
    user::save(tx, &users)
}

fn save_totals(tx: &mut Tx<'_>, members: &[Member]) -> Result<()> {
    let rows = changed(members, |state| &state.totals);
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

fn save_days(tx: &mut Tx<'_>, members: &[Member]) -> Result<()> {
    let rows = changed(members, |state| &state.days);
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

fn save_counters(tx: &mut Tx<'_>, members: &[Member]) -> Result<()> {
    let rows = changed(members, |state| &state.counters);
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

fn save_streaks(tx: &mut Tx<'_>, members: &[Member]) -> Result<()> {
    let rows: Vec<(i64, i64, &Streak)> = members
        .iter()
        .filter_map(|Member { space, state, .. }| {
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

fn save_boards(tx: &mut Tx<'_>, members: &[Member]) -> Result<()> {
    let rows = changed(members, |state| &state.boards);
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

fn save_events(tx: &mut Tx<'_>, decided: &[Decided<'_>]) -> Result<()> {
    let rows: Vec<(i64, i64, &LoggedEvent)> = decided
        .iter()
        .filter_map(|one| {
            let event = one.outcome.appended.event.as_ref()?;
            Some((one.space.id(), one.user.0, event))
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

fn save_completions(tx: &mut Tx<'_>, decided: &[Decided<'_>]) -> Result<()> {
    let rows: Vec<(i64, i64, AchievementId, Completion)> = decided
        .iter()
        .flat_map(|one| {
            let completions = one.outcome.appended.completions.iter();
            completions.map(|(achievement, completion)| {
                (one.space.id(), one.user.0, *achievement, *completion)
            })
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

fn save_periods(tx: &mut Tx<'_>, decided: &[Decided<'_>]) -> Result<()> {
    // A period may be written by several commands of a batch; the last one stands.
    let mut periods: BTreeMap<(i64, i64, &str, Date), &StreakPeriod> = BTreeMap::new();
    for one in decided {
        for period in &one.outcome.appended.periods {
            let key = (
                one.space.id(),
                one.user.0,
                period.frequency.name(),
                period.start,
            );
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

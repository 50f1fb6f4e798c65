//! Awarding points: triggers, boosts, the cap, the floor, levels (spec/trophy.md 6.3, 6.4, 6.7, 6.8).

use jiff::Timestamp;

use crate::amount::Amount;
use crate::apply::Turn;
use crate::boost;
use crate::calendar::second_of_day;
use crate::catalog::{BoostEntry, Catalog, SystemEntry, TriggerEntry};
use crate::definition::{POINTS_MAX, TriggerRule, all_match};
use crate::id::{AchievementId, BoostId, CurrencyId, EventId, LedgerEntryId, MetricId};
use crate::outcome::{LedgerEntry, PointsChange};
use crate::state::{Counter, MetricTotal, Row, UserState};

/// What an event made a metric trigger count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crossing<'a> {
    trigger: &'a TriggerEntry,
    times: i64,
}

/// The multiples of each trigger's threshold that an event passes, by the counters before the event
/// and the totals after it. Writes the counters; a filtered trigger that the event does not match
/// is left out.
pub(crate) fn count<'a>(
    catalog: &'a Catalog,
    state: &mut UserState,
    metric: MetricId,
    before: Option<MetricTotal>,
    value: Amount,
    attributes: &std::collections::BTreeMap<String, String>,
) -> Vec<Crossing<'a>> {
    let total = state.total(metric);
    let mut crossings = Vec::new();
    for trigger in catalog.triggers_of_metric(metric) {
        let TriggerRule::Metric { threshold, .. } = trigger.body().rule else {
            continue;
        };
        let since = trigger.body().active_since;
        let stored = state
            .counters
            .get(&trigger.stored.id)
            .map(Row::get)
            .filter(|c| c.since == since);
        let (peak, next) = if trigger.event_filters.is_empty() {
            let (peak, has_own) = match (stored, before) {
                (Some(counter), _) => (counter.peak, true),
                (None, None) => (Amount::ZERO, false),
                // The first event since the activation, and the total had fallen: what was reached
                // before the activation must not swallow what comes now.
                (None, Some(before)) if since > before.last => {
                    let now = before.total.max(Amount::ZERO);
                    (now, now < before.peak)
                }
                (None, Some(before)) => (before.peak, false),
            };
            let next = has_own.then_some(Counter {
                sum: total,
                peak: peak.max(total),
                since,
            });
            (
                peak,
                next.filter(|next| stored.is_none_or(|stored| stored.peak != next.peak)),
            )
        } else {
            if !all_match(&trigger.event_filters, attributes) {
                continue;
            }
            let counter = stored.copied().unwrap_or(Counter {
                sum: Amount::ZERO,
                peak: Amount::ZERO,
                since,
            });
            let sum = counter.sum.checked_add(value).unwrap_or(counter.sum);
            (
                counter.peak,
                Some(Counter {
                    sum,
                    peak: counter.peak.max(sum),
                    since,
                }),
            )
        };
        let reached = next.map_or(total, |next| next.sum);
        let times = reached
            .max(peak)
            .steps(threshold)
            .saturating_sub(peak.steps(threshold));
        if let Some(next) = next {
            state.counters.insert(trigger.stored.id, Row::fresh(next));
        }
        if times > 0 && all_match(&trigger.user_filters, &state.user.get().attributes) {
            crossings.push(Crossing { trigger, times });
        }
    }
    crossings
}

/// Whether the crossings of an event would take a balance below zero that a trigger guards; names
/// the system (spec/trophy.md 6.4).
pub(crate) fn blocked_system<'a>(
    catalog: &'a Catalog,
    state: &UserState,
    crossings: &[Crossing<'_>],
    now: Timestamp,
) -> Option<&'a str> {
    let mut balances = std::collections::BTreeMap::<CurrencyId, i64>::new();
    for crossing in crossings {
        let trigger = crossing.trigger.body();
        let system = catalog.system(trigger.system)?;
        let balance = balances
            .entry(system.id())
            .or_insert_with(|| state.balance(system.id()));
        let (base, _) = earned(catalog, state, crossing.trigger, crossing.times, now);
        if base < 0 && trigger.block_if_out_of_points && balance.saturating_add(base) < 0 {
            return Some(&system.body().key);
        }
        *balance = balance.saturating_add(clamped(system, *balance, base));
    }
    None
}

/// Awards what an event's crossings pay, in the order in which the triggers were made.
pub(crate) fn award_crossings(turn: &mut Turn<'_>, crossings: &[Crossing<'_>], event: EventId) {
    for crossing in crossings {
        award(
            turn,
            crossing.trigger,
            crossing.times,
            turn.now,
            Some(event),
        );
    }
}

/// Awards what a longer streak pays.
pub(crate) fn award_streak(turn: &mut Turn<'_>, reached: i64, event: Option<EventId>) {
    award_where(
        turn,
        turn.now,
        event,
        |rule| matches!(rule, TriggerRule::Streak { length } if *length > 0 && reached.checked_rem(*length) == Some(0)),
    );
}

/// Awards what a completion pays.
pub(crate) fn award_completion(
    turn: &mut Turn<'_>,
    completed: AchievementId,
    at: Timestamp,
    event: Option<EventId>,
) {
    award_where(
        turn,
        at,
        event,
        |rule| matches!(rule, TriggerRule::Achievement { achievement } if *achievement == completed),
    );
}

/// Awards what being first seen pays.
pub(crate) fn award_creation(turn: &mut Turn<'_>) {
    award_where(turn, turn.now, None, |rule| {
        matches!(rule, TriggerRule::UserCreation)
    });
}

fn award_where(
    turn: &mut Turn<'_>,
    at: Timestamp,
    event: Option<EventId>,
    is_meant: impl Fn(&TriggerRule) -> bool,
) {
    let catalog = turn.catalog;
    for trigger in catalog.active_triggers() {
        if is_meant(&trigger.body().rule)
            && all_match(&trigger.user_filters, &turn.state.user.get().attributes)
        {
            award(turn, trigger, 1, at, event);
        }
    }
}

/// What a trigger pays at an instant before the limits of the balance, and the boosts that multiplied
/// it.
fn earned(
    catalog: &Catalog,
    state: &UserState,
    trigger: &TriggerEntry,
    times: i64,
    at: Timestamp,
) -> (i64, Vec<BoostId>) {
    let body = trigger.body();
    let base = i128::from(body.points).saturating_mul(i128::from(times));
    let user = state.user.get();
    // Dates are looked up only where there are boosts at all.
    let is_boosted = base > 0 && catalog.boosts_for(body.system, user.id).next().is_some();
    let applied: Vec<&BoostEntry> = if is_boosted {
        boost::applied(catalog, body.system, user, at, user.zone().date(at)).collect()
    } else {
        Vec::new()
    };
    let points = boost::boosted(base, applied.iter().copied());
    (points, applied.into_iter().map(BoostEntry::id).collect())
}

/// What of an award the balance has room for: never below zero, never above the maximum; a balance
/// that is already above a lowered maximum is not cut.
pub(crate) fn clamped(system: &SystemEntry, balance: i64, base: i64) -> i64 {
    if base < 0 {
        return base.max(balance.saturating_neg()).min(0);
    }
    let max = system.body().max_points.unwrap_or(POINTS_MAX);
    base.min(max.saturating_sub(balance).max(0))
}

/// Awards what a trigger pays at an instant, as far as the balance has room for it.
pub(crate) fn award(
    turn: &mut Turn<'_>,
    trigger: &TriggerEntry,
    times: i64,
    at: Timestamp,
    event: Option<EventId>,
) {
    let Some(system) = turn.catalog.system(trigger.body().system) else {
        return;
    };
    let before = turn.state.balances.get(&system.id()).map(|row| *row.get());
    let balance = before.unwrap_or(0);
    let (earned, boosts) = earned(turn.catalog, turn.state, trigger, times, at);
    let amount = clamped(system, balance, earned);
    if amount == 0 {
        return;
    }
    let total = balance.saturating_add(amount);
    turn.state.balances.insert(system.id(), Row::fresh(total));
    let zone = turn.state.user.get().zone();
    let entry = LedgerEntry {
        id: LedgerEntryId(turn.ids.uuid(turn.now)),
        user: turn.state.user.get().id,
        system: system.id(),
        amount,
        balance: total,
        at,
        date: zone.date(at),
        second_of_day: Some(second_of_day(zone.time(at))),
        trigger: Some(trigger.id()),
        event,
        boosts,
        transaction: None,
    };
    turn.appended.ledger.push(entry.clone());
    let level_after = system.level_at(total);
    match turn
        .points
        .iter_mut()
        .find(|change| change.system == system.id())
    {
        Some(change) => {
            change.total = total;
            change.added = change.added.saturating_add(amount);
            change.awards.push(entry);
            if let Some((_, after)) = &mut change.level {
                *after = level_after;
            }
        }
        None => turn.points.push(PointsChange {
            system: system.id(),
            total,
            added: amount,
            awards: vec![entry],
            // Before the first award there is no level, not even one with threshold zero (AMB-82).
            level: Some((
                before.and_then(|balance| system.level_at(balance)),
                level_after,
            )),
        }),
    }
}

/// The changes of a command, with levels only where they differ.
pub(crate) fn finish(changes: Vec<PointsChange>) -> Vec<PointsChange> {
    changes
        .into_iter()
        .map(|change| PointsChange {
            level: change.level.filter(|(before, after)| before != after),
            ..change
        })
        .collect()
}

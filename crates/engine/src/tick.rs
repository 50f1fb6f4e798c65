//! Points for time that passes (spec/trophy.md 6.3, AMB-31).
//!
//! A time trigger ticks for every user from when the user was first seen or the trigger was activated, whichever is later:
//! every so many local dates, at their first instant, or every so many hours. How far a user has been paid is a number in the
//! user's counter for the trigger: a local date or hours since the beginning. It only grows, so that no change of zone pays a
//! tick twice.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::amount::Amount;
use crate::apply::Turn;
use crate::calendar::{Zone, days_after, days_between};
use crate::catalog::{Catalog, TriggerEntry};
use crate::definition::{TickUnit, TriggerRule, all_match};
use crate::id::CurrencyId;
use crate::points;
use crate::state::{Counter, Row, UserState};

/// The most ticks that are paid in one go. Whoever has more to come is due again at once.
pub(crate) const TICKS_MAX: usize = 1_000;

/// Dates are counted from here.
const FIRST_DATE: Date = jiff::civil::date(1970, 1, 1);

/// Where a user stands with a time trigger.
#[derive(Clone)]
struct Ticker<'a> {
    trigger: &'a TriggerEntry,
    unit: TickUnit,
    interval: i64,
    zone: &'a Zone,
    /// When it began to tick for the user.
    anchor: Timestamp,
    /// Up to where it has been paid: the number of a date, or hours since the anchor.
    paid: i64,
}

impl<'a> Ticker<'a> {
    fn of(trigger: &'a TriggerEntry, state: &UserState, zone: &'a Zone) -> Option<Self> {
        let TriggerRule::Time { unit, interval } = trigger.body().rule else {
            return None;
        };
        let since = trigger.body().active_since;
        let anchor = state.user.get().created.max(since);
        let kept = state.counters.get(&trigger.stored.id).map(Row::get);
        let paid = match (kept.filter(|kept| kept.since == since), unit) {
            (Some(kept), _) => kept.sum.steps(1),
            (None, TickUnit::Days) => days_between(FIRST_DATE, zone.date(anchor)),
            (None, TickUnit::Hours) => 0,
        };
        Some(Self {
            trigger,
            unit,
            interval: interval.max(1),
            zone,
            anchor,
            paid,
        })
    }

    fn next(&self) -> Option<i64> {
        self.paid.checked_add(self.interval)
    }

    /// When the next tick falls due; nothing beyond the end of the calendar.
    fn next_at(&self) -> Option<Timestamp> {
        let next = self.next()?;
        match self.unit {
            TickUnit::Days => {
                let date = days_after(FIRST_DATE, next);
                (date < Date::MAX).then(|| self.zone.start_of(date))
            }
            TickUnit::Hours => {
                let seconds = next.checked_mul(3_600)?;
                self.anchor
                    .checked_add(SignedDuration::from_secs(seconds))
                    .ok()
            }
        }
    }

    /// How far time has come.
    fn reached(&self, until: Timestamp) -> i64 {
        match self.unit {
            TickUnit::Days => days_between(FIRST_DATE, self.zone.furthest(until).date()),
            TickUnit::Hours => until.duration_since(self.anchor).as_hours(),
        }
    }

    fn is_due(&self, until: Timestamp) -> bool {
        self.next().is_some_and(|next| next <= self.reached(until))
    }

    fn advance(&mut self) {
        self.paid = self.next().unwrap_or(self.paid);
    }

    /// Lets all ticks up to an instant pass.
    fn skip(&mut self, until: Timestamp) {
        let missed = self.reached(until).saturating_sub(self.paid);
        let steps = missed.checked_div(self.interval).unwrap_or(0).max(0);
        self.paid = self
            .paid
            .saturating_add(steps.saturating_mul(self.interval));
    }

    fn counter(&self) -> Counter {
        Counter {
            sum: Amount::from_units(self.paid),
            peak: Amount::ZERO,
            since: self.trigger.body().active_since,
        }
    }
}

/// Pays the ticks up to an instant, those of a system in their order, of one instant in the order in
/// which the triggers were made. `budget`: how many may still be paid.
pub(crate) fn pay(turn: &mut Turn<'_>, until: Timestamp, budget: &mut usize) {
    let catalog = turn.catalog;
    let zone = turn.state.user.get().zone();
    let mut tickers: Vec<Ticker<'_>> = catalog
        .time_triggers()
        .filter_map(|trigger| Ticker::of(trigger, turn.state, &zone))
        .collect();
    let mut systems: Vec<CurrencyId> = tickers.iter().map(|t| t.trigger.body().system).collect();
    systems.sort_unstable();
    systems.dedup();
    for system in systems {
        let mut own: Vec<&mut Ticker<'_>> = tickers
            .iter_mut()
            .filter(|ticker| ticker.trigger.body().system == system)
            .collect();
        pay_system(turn, &mut own, until, budget);
    }
    for ticker in tickers {
        let counter = ticker.counter();
        let id = ticker.trigger.stored.id;
        if turn.state.counters.get(&id).map(Row::get) != Some(&counter) {
            turn.state.counters.insert(id, Row::fresh(counter));
        }
    }
}

fn pay_system(
    turn: &mut Turn<'_>,
    tickers: &mut [&mut Ticker<'_>],
    until: Timestamp,
    budget: &mut usize,
) {
    loop {
        let is_stuck = tickers
            .iter()
            .filter(|ticker| ticker.is_due(until))
            .all(|ticker| !can_pay(turn, ticker.trigger));
        if is_stuck {
            // Nothing but these ticks could change the balance up to then.
            for ticker in tickers.iter_mut() {
                ticker.skip(until);
            }
            return;
        }
        if *budget == 0 {
            return;
        }
        *budget = budget.saturating_sub(1);
        let next = tickers
            .iter_mut()
            .filter(|ticker| ticker.is_due(until))
            .filter_map(|ticker| Some((ticker.next_at()?, ticker)))
            .min_by_key(|(at, _)| *at);
        let Some((at, ticker)) = next else {
            return;
        };
        ticker.advance();
        if all_match(
            &ticker.trigger.user_filters,
            &turn.state.user.get().attributes,
        ) {
            // What the user's new zone has made due was not due before the user went there.
            let at = at.max(turn.state.user.get().updated).min(turn.now);
            points::award(turn, ticker.trigger, 1, at, None);
        }
    }
}

/// Whether a tick could change the balance as it is.
fn can_pay(turn: &Turn<'_>, trigger: &TriggerEntry) -> bool {
    all_match(&trigger.user_filters, &turn.state.user.get().attributes)
        && turn
            .catalog
            .system(trigger.body().system)
            .is_some_and(|system| {
                let sign = trigger.body().points.signum();
                points::clamped(system, turn.state.balance(system.id()), sign) != 0
            })
}

/// When the next tick of any trigger falls due; in the past if there was more to pay than
/// [`TICKS_MAX`].
pub(crate) fn next(catalog: &Catalog, state: &UserState, zone: &Zone) -> Option<Timestamp> {
    catalog
        .time_triggers()
        .filter_map(|trigger| Ticker::of(trigger, state, zone)?.next_at())
        .min()
}

/// The local dates of a system's ticks that have fallen due and are not paid: awards may be dated so.
pub(crate) fn due_dates(
    catalog: &Catalog,
    state: &UserState,
    zone: &Zone,
    system: CurrencyId,
    now: Timestamp,
) -> Vec<Date> {
    let mut dates = Vec::new();
    let triggers = catalog
        .time_triggers()
        .filter(|trigger| trigger.body().system == system);
    for mut ticker in triggers.filter_map(|trigger| Ticker::of(trigger, state, zone)) {
        for _ in 0..TICKS_MAX {
            if !ticker.is_due(now) {
                break;
            }
            if let Some(at) = ticker.next_at() {
                dates.push(zone.date(at));
            }
            ticker.advance();
        }
    }
    dates.sort_unstable();
    dates.dedup();
    dates
}

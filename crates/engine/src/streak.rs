//! Streaks: extending, settling what ended, freezes (spec/trophy.md 5).
//!
//! A streak is a few numbers and dates; what happened in a period is only asked of the day sums when an event may extend it. Settling needs no
//! events at all: a period that was met says so in [`Streak::met`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::amount::Amount;
use crate::calendar::{Frequency, Period, Zone, days_after, days_between};
use crate::definition::{StreakMode, StreakSettings};
use crate::id::MetricId;
use crate::outcome::{Notice, StreakView};
use crate::state::{DaySum, PeriodMark, Row, Streak, StreakPeriod};

/// The days of a user by metric and date.
pub type Days = BTreeMap<(MetricId, Date), Row<DaySum>>;

/// What closing periods led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// Periods in which the streak was kept.
    pub periods: Vec<StreakPeriod>,
    /// Losses and freezes.
    pub notices: Vec<Notice>,
    /// Whether the streak differs from before.
    pub is_changed: bool,
}

/// The streak of a user of whom nothing is stored yet.
pub fn unstored(settings: &StreakSettings, created: Timestamp, zone: &Zone) -> Streak {
    let created = zone.date(created);
    Streak {
        frequency: settings.frequency,
        length: 0,
        started: None,
        met: None,
        extended: None,
        freezes: 0,
        earned_to: created,
        open_from: settings.frequency.period(created).start,
        zone: None,
        settle_at: None,
    }
}

/// The date up to which days are over for the user: over in the zone of today and in the zone of
/// the last activity, so that travel alone never costs a day (AMB-23).
fn settled_date(streak: &Streak, zone: &Zone, now: Timestamp) -> Date {
    let here = zone.date(now);
    match streak.zone.as_deref() {
        Some(name) => here.min(Zone::of(Some(name)).date(now)),
        None => here,
    }
}

fn is_day_off(settings: &StreakSettings, period: Period) -> bool {
    settings.frequency == Frequency::Daily
        && settings
            .days_off
            .contains(&period.start.weekday().to_sunday_zero_offset())
}

/// The next date on which freezes are earned, if any are.
fn next_earning(settings: &StreakSettings, streak: &Streak, zone: &Zone) -> Option<Date> {
    let freezes = settings.freezes?;
    let (every, _) = freezes.auto_earn?;
    Some(days_after(
        streak.earned_to.max(zone.date(freezes.since)),
        every,
    ))
}

/// Closes every period that ended and grants every freeze that fell due, in the order of the
/// midnights: close, then consume or lose, then grant (spec/trophy.md 5.5).
pub fn settle(
    settings: &StreakSettings,
    streak: &mut Streak,
    zone: &Zone,
    now: Timestamp,
) -> Settled {
    let mut settled = Settled::default();
    let today = settled_date(streak, zone, now);
    let frequency = streak.frequency;
    loop {
        let open = frequency.period(streak.open_from);
        let closing = (streak.length > 0)
            .then(|| days_after(open.end, 1))
            .filter(|d| *d <= today);
        let earning = next_earning(settings, streak, zone).filter(|date| *date <= today);
        match (closing, earning) {
            (Some(close), earn) if earn.is_none_or(|earn| close <= earn) => {
                close_period(settings, streak, open, zone, &mut settled);
                streak.open_from = close;
            }
            (close, Some(earn)) => {
                grant(settings, streak, earn, close.unwrap_or(today), &mut settled);
            }
            (_, None) => break,
        }
    }
    if streak.length == 0 {
        // Nothing to lose: the periods in between need no closing one by one.
        streak.open_from = streak.open_from.max(frequency.period(today).start);
    }
    settled
}

fn close_period(
    settings: &StreakSettings,
    streak: &mut Streak,
    period: Period,
    zone: &Zone,
    settled: &mut Settled,
) {
    settled.is_changed = true;
    if streak.met.is_some_and(|met| met >= period.start) {
        return;
    }
    let mark = if is_day_off(settings, period) {
        PeriodMark::DayOff
    } else if zone.date(zone.start_of(period.start)) > period.end {
        // The zone itself moved over the date line: nobody there lived this date.
        PeriodMark::Skipped
    } else if settings.freezes.is_some() && streak.freezes > 0 {
        streak.freezes = streak.freezes.saturating_sub(1);
        settled.notices.push(Notice::FreezeConsumed {
            freezes: streak.freezes,
        });
        PeriodMark::Freeze
    } else {
        settled.notices.push(Notice::StreakLost {
            length: streak.length,
        });
        streak.length = 0;
        streak.started = None;
        return;
    };
    settled.periods.push(StreakPeriod {
        frequency: streak.frequency,
        start: period.start,
        length: streak.length,
        mark,
    });
}

/// Grants what was earned on `date`; a full user skips ahead to the last date up to `limit`.
fn grant(
    settings: &StreakSettings,
    streak: &mut Streak,
    date: Date,
    limit: Date,
    settled: &mut Settled,
) {
    let Some(freezes) = settings.freezes else {
        return;
    };
    let Some((every, amount)) = freezes.auto_earn else {
        return;
    };
    let room = freezes.max_count.saturating_sub(streak.freezes);
    let earned = amount.min(room).max(0);
    streak.earned_to = date;
    if earned > 0 {
        streak.freezes = streak.freezes.saturating_add(earned);
        settled.is_changed = true;
        settled.notices.push(Notice::FreezeEarned {
            earned,
            freezes: streak.freezes,
        });
    } else {
        // Freezes that find no room are not owed later. The day before `limit` is as far as nothing
        // can have been consumed.
        let idle = days_between(date, days_after(limit, -1)).max(0);
        let rest = idle.checked_rem(every.max(1)).unwrap_or(0);
        streak.earned_to = days_after(date, idle.saturating_sub(rest));
    }
}

/// What the day sums say of a period.
fn is_met(settings: &StreakSettings, days: &Days, period: Period) -> bool {
    let sum = |metric: MetricId| {
        days.range((metric, period.start)..=(metric, period.end))
            .fold(0_i128, |sum, (_, row)| {
                sum.saturating_add(i128::from(row.get().sum.millionths()))
            })
    };
    let mut needs = settings.metrics.iter().map(|needed| {
        sum(needed.metric) >= i128::from(Amount::from_units(needed.threshold).millionths())
    });
    match settings.mode {
        _ if settings.metrics.is_empty() => false,
        StreakMode::Or => needs.any(|met| met),
        StreakMode::And => needs.all(|met| met),
    }
}

/// Extends a settled streak if the period of `today` is met for the first time; says whether it did.
pub fn extend(
    settings: &StreakSettings,
    streak: &mut Streak,
    days: &Days,
    today: Date,
    now: Timestamp,
    periods: &mut Vec<StreakPeriod>,
) -> bool {
    let frequency = streak.frequency;
    let period = frequency.period(today);
    if streak.length > 0 {
        // Periods between the last closed one and this one that are not over everywhere were
        // skipped by a journey east: they count neither way (AMB-23), whether or not this event is
        // enough for the one it arrived in.
        let mut skipped = frequency.period(streak.open_from);
        while skipped.start < period.start {
            if streak.met.is_none_or(|met| met < skipped.start) {
                periods.push(StreakPeriod {
                    frequency,
                    start: skipped.start,
                    length: streak.length,
                    mark: PeriodMark::Skipped,
                });
            }
            skipped = skipped.next(frequency);
        }
        streak.open_from = streak.open_from.max(period.start);
    }
    if streak.met.is_some_and(|met| met >= period.start) || !is_met(settings, days, period) {
        return false;
    }
    streak.length = streak.length.saturating_add(1);
    if streak.length == 1 {
        streak.started = Some(today);
    }
    streak.met = Some(period.start);
    streak.extended = Some(now);
    streak.open_from = period.start;
    periods.push(StreakPeriod {
        frequency,
        start: period.start,
        length: streak.length,
        mark: PeriodMark::Met,
    });
    true
}

/// Counts the streak anew from all day sums, as a switch of the frequency needs (spec/trophy.md 5.1).
/// Freezes are not spent in hindsight.
pub fn recount(
    settings: &StreakSettings,
    streak: &mut Streak,
    days: &Days,
    zone: &Zone,
    now: Timestamp,
) -> Vec<StreakPeriod> {
    let frequency = settings.frequency;
    let today = zone.date(now);
    let mut periods = Vec::new();
    let mut dates: Vec<Date> = days.keys().map(|(_, date)| *date).collect();
    dates.sort_unstable();
    dates.dedup();
    let mut counted = Streak {
        frequency,
        length: 0,
        started: None,
        met: None,
        open_from: frequency.period(today).start,
        ..streak.clone()
    };
    for date in dates {
        let period = frequency.period(date);
        if counted.met.is_some_and(|met| met >= period.start) {
            continue;
        }
        // Only the days up to this date decide on which date the period was met.
        let so_far = Period {
            start: period.start,
            end: date,
        };
        if !is_met(settings, days, so_far) {
            continue;
        }
        if let Some(met) = counted.met {
            let mut between = frequency.period(met).next(frequency);
            let mut kept = Vec::new();
            while between.start < period.start && is_day_off(settings, between) {
                kept.push(StreakPeriod {
                    frequency,
                    start: between.start,
                    length: counted.length,
                    mark: PeriodMark::DayOff,
                });
                between = between.next(frequency);
            }
            if between.start < period.start {
                counted.length = 0;
            } else {
                periods.extend(kept);
            }
        }
        counted.length = counted.length.saturating_add(1);
        if counted.length == 1 {
            counted.started = Some(date);
        }
        counted.met = Some(period.start);
        counted.open_from = period.start;
        periods.push(StreakPeriod {
            frequency,
            start: period.start,
            length: counted.length,
            mark: PeriodMark::Met,
        });
    }
    // The gap up to now is judged without freezes, as all gaps before it were.
    let unprotected = StreakSettings {
        freezes: None,
        ..settings.clone()
    };
    let settled = settle(&unprotected, &mut counted, zone, now);
    periods.extend(settled.periods);
    *streak = counted;
    periods
}

/// The current period and the last date on which the streak can be saved (spec/trophy.md 5.9).
fn deadline(settings: &StreakSettings, streak: &Streak, today: Date) -> (Period, Period) {
    let frequency = streak.frequency;
    let mut current = frequency.period(today);
    if let Some(met) = streak.met {
        current = current.max(frequency.period(met));
    }
    let is_met = streak.met == Some(current.start);
    let mut last = if is_met {
        current.next(frequency)
    } else {
        current
    };
    while is_day_off(settings, last) {
        last = last.next(frequency);
    }
    (current, last)
}

/// A settled streak as it is shown.
pub fn view(settings: &StreakSettings, streak: &Streak, zone: &Zone, now: Timestamp) -> StreakView {
    let is_alive = streak.length > 0;
    let (current, last) = deadline(settings, streak, zone.date(now));
    StreakView {
        length: streak.length,
        frequency: streak.frequency,
        started: streak.started.filter(|_| is_alive),
        period: is_alive.then_some(current),
        expires: is_alive.then_some(last.end),
        extended: streak.extended.filter(|_| is_alive),
        freezes: streak.freezes,
    }
}

/// The next instant at which [`settle`] can change anything that others see.
pub fn next_settlement(
    settings: &StreakSettings,
    streak: &Streak,
    zone: &Zone,
    now: Timestamp,
) -> Option<Timestamp> {
    let starts = |date: Date| match streak.zone.as_deref() {
        Some(name) => zone.start_of(date).max(Zone::of(Some(name)).start_of(date)),
        None => zone.start_of(date),
    };
    // From the first open period on: a freeze may have to be spent on the very next midnight.
    let closing = (streak.length > 0).then(|| {
        let frequency = streak.frequency;
        let mut open = frequency.period(streak.open_from);
        while streak.met.is_some_and(|met| met >= open.start) || is_day_off(settings, open) {
            open = open.next(frequency);
        }
        starts(days_after(open.end, 1))
    });
    let has_room = settings
        .freezes
        .is_some_and(|freezes| streak.freezes < freezes.max_count);
    let earning = if has_room {
        next_earning(settings, streak, zone).map(starts)
    } else {
        None
    };
    closing
        .into_iter()
        .chain(earning)
        .min()
        .map(|at| at.max(now))
}

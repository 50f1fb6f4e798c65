//! Streaks: extending, settling what ended, freezes (spec/trophy.md 5).
//!
//! A streak is a few numbers and dates; what happened in a period is only asked of the day sums when an event may extend it. Settling needs no
//! events at all: a period that was met says so in [`Streak::met`].

mod correction;
mod operation;
mod recount;
mod rules;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::apply::needs_recount;
use crate::calendar::{Frequency, Period, Zone, days_after, days_between};
use crate::catalog::Catalog;
use crate::command::Command;
use crate::definition::StreakMode;
use crate::id::MetricId;
use crate::outcome::{Notice, StreakView};
use crate::state::{
    Correction, CorrectionKind, DaySum, PeriodMark, Row, Streak, StreakPeriod, UserState,
};

pub use recount::recount;
pub use rules::{Rules, Terms};

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
pub fn unstored(frequency: Frequency, created: Timestamp, zone: &Zone) -> Streak {
    let created = zone.date(created);
    Streak {
        frequency,
        length: 0,
        started: None,
        met: None,
        extended: None,
        freezes: 0,
        earned_to: created,
        open_from: frequency.period(created).start,
        zone: None,
        settle_at: None,
        paused_to: None,
        corrected_on: None,
    }
}

/// What of a user's streak has to be loaded beyond its row; for nearly everybody nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// All pauses.
    pub pauses: bool,
    /// All corrections.
    pub corrections: bool,
    /// All day sums, and all periods recorded in the frequency in force.
    pub past: bool,
}

impl Depth {
    /// What a command needs. `days_from`: the first date whose day sums are loaded anyway.
    pub fn of(catalog: &Catalog, state: &UserState, command: &Command, days_from: Date) -> Self {
        let past = needs_recount(catalog, state) || matches!(command, Command::RestoreStreak);
        let Some(streak) = state.streak.as_ref().map(Row::get) else {
            return Self::default();
        };
        let is_about_pauses = matches!(
            command,
            Command::PauseStreak { .. } | Command::ArchivePause { .. }
        );
        // An open period may begin a day or two later than the user's date of now, after a journey.
        let open = days_after(streak.open_from.min(days_from), -2);
        Self {
            pauses: past || is_about_pauses || streak.paused_to.is_some_and(|to| to >= open),
            corrections: past || streak.corrected_on.is_some_and(|on| on >= days_from),
            past,
        }
    }
}

/// The settled streak of a user, and how it is shown.
pub fn shown(catalog: &Catalog, state: &UserState, now: Timestamp) -> (Streak, StreakView) {
    let user = state.user.get();
    let zone = user.zone();
    let streak = match &state.streak {
        Some(row) => row.get().clone(),
        None => unstored(catalog.streak.frequency, user.created, &zone),
    };
    let rules = Rules::of(catalog, user);
    let terms = Terms {
        rules: &rules,
        zone: &zone,
        pauses: &state.pauses,
        corrections: &state.corrections,
    };
    let view = view(terms, &streak, now);
    (streak, view)
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

/// The next date on which freezes are earned, if any are.
fn next_earning(terms: Terms<'_>, streak: &Streak) -> Option<Date> {
    let freezes = terms.rules.freezes?;
    let (every, _) = freezes.auto_earn?;
    Some(days_after(
        streak.earned_to.max(terms.zone.date(freezes.since)),
        every,
    ))
}

/// Closes every period that ended and grants every freeze that fell due, in the order of the
/// midnights: close, then consume or lose, then grant (spec/trophy.md 5.5).
pub fn settle(terms: Terms<'_>, streak: &mut Streak, now: Timestamp) -> Settled {
    let mut settled = Settled::default();
    let today = settled_date(streak, terms.zone, now);
    let frequency = streak.frequency;
    loop {
        let open = frequency.period(streak.open_from);
        let closing = (streak.length > 0)
            .then(|| days_after(open.end, 1))
            .filter(|d| *d <= today);
        let earning = next_earning(terms, streak).filter(|date| *date <= today);
        match (closing, earning) {
            (Some(close), earn) if earn.is_none_or(|earn| close <= earn) => {
                close_period(terms, streak, open, &mut settled);
                streak.open_from = close;
            }
            (close, Some(earn)) => {
                grant(
                    terms.rules,
                    streak,
                    earn,
                    close.unwrap_or(today),
                    &mut settled,
                );
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

fn close_period(terms: Terms<'_>, streak: &mut Streak, period: Period, settled: &mut Settled) {
    settled.is_changed = true;
    if streak.met.is_some_and(|met| met >= period.start) {
        return;
    }
    let mark = if let Some(mark) = terms.kept_by(period) {
        mark
    } else if terms.rules.freezes.is_some() && streak.freezes > 0 {
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
fn grant(rules: &Rules, streak: &mut Streak, date: Date, limit: Date, settled: &mut Settled) {
    let Some(freezes) = rules.freezes else {
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

/// What the day sums say of a period; after a reset only what came since counts (AMB-67).
fn is_met(rules: &Rules, days: &Days, period: Period, reset: Option<&Correction>) -> bool {
    let (from, counted) = match reset.map(|reset| (reset.date, &reset.kind)) {
        Some((on, CorrectionKind::Reset { counted })) => (
            period.start.max(correction::around(on).start),
            counted.as_slice(),
        ),
        _ => (period.start, &[][..]),
    };
    if from > period.end {
        return false;
    }
    let sum = |metric: MetricId| {
        let all = days
            .range((metric, from)..=(metric, period.end))
            .fold(0_i128, |sum, (_, row)| {
                sum.saturating_add(i128::from(row.get().sum.millionths()))
            });
        counted
            .iter()
            .filter(|(of, date, _)| *of == metric && from <= *date && *date <= period.end)
            .fold(all, |sum, (.., before)| {
                sum.saturating_sub(i128::from(before.millionths()))
            })
    };
    let mut needs = rules
        .needs
        .iter()
        .map(|(metric, threshold)| sum(*metric) >= i128::from(threshold.millionths()));
    match rules.mode {
        _ if !rules.can_extend() => false,
        StreakMode::Or => needs.any(|met| met),
        StreakMode::And => needs.all(|met| met),
    }
}

/// Extends a settled streak if the period of `today` is met for the first time; says whether it did.
pub fn extend(
    terms: Terms<'_>,
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
    let corrected = terms.corrections_in(period).last();
    if streak.met.is_some_and(|met| met >= period.start)
        || !is_met(terms.rules, days, period, corrected)
    {
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

/// The current period and the last date on which the streak can be saved (spec/trophy.md 5.9).
fn deadline(terms: Terms<'_>, streak: &Streak, today: Date) -> (Period, Period) {
    let frequency = streak.frequency;
    let mut current = frequency.period(today);
    if let Some(met) = streak.met {
        current = current.max(frequency.period(met));
    }
    let is_met = streak.met == Some(current.start);
    let last = if is_met {
        current.next(frequency)
    } else {
        current
    };
    (current, terms.at_risk(last))
}

/// A settled streak as it is shown.
fn view(terms: Terms<'_>, streak: &Streak, now: Timestamp) -> StreakView {
    let is_alive = streak.length > 0;
    let (current, last) = deadline(terms, streak, terms.zone.date(now));
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
pub fn next_settlement(terms: Terms<'_>, streak: &Streak, now: Timestamp) -> Option<Timestamp> {
    let zone = terms.zone;
    let starts = |date: Date| match streak.zone.as_deref() {
        Some(name) => zone.start_of(date).max(Zone::of(Some(name)).start_of(date)),
        None => zone.start_of(date),
    };
    // From the first open period on: a freeze may have to be spent on the very next midnight.
    let closing = (streak.length > 0).then(|| {
        let frequency = streak.frequency;
        let mut open = frequency.period(streak.open_from);
        if let Some(met) = streak.met.filter(|met| *met >= open.start) {
            open = frequency.period(met).next(frequency);
        }
        starts(days_after(terms.at_risk(open).end, 1))
    });
    let has_room = terms
        .rules
        .freezes
        .is_some_and(|freezes| streak.freezes < freezes.max_count);
    let earning = if has_room {
        next_earning(terms, streak).map(starts)
    } else {
        None
    };
    closing
        .into_iter()
        .chain(earning)
        .min()
        .map(|at| at.max(now))
}

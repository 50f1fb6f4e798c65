//! Restoring and resetting a streak by hand (spec/trophy.md 5.8, 15.3).

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _};

use super::{Days, Terms, is_met};
use crate::calendar::{Frequency, Period, days_after};
use crate::state::{Correction, CorrectionKind, PeriodMark, Row, Streak, StreakPeriod};

/// How many days back a daily streak is restored.
const DAYS: i64 = 90;

/// The first date whose streaks can be given back.
fn window(frequency: Frequency, today: Date) -> Date {
    match frequency {
        Frequency::Daily => days_after(today, -DAYS),
        Frequency::Weekly => frequency.period(date(today.year(), 1, 1)).start,
        Frequency::Monthly => date(today.year().saturating_sub(1).max(-9999), 1, 1),
    }
}

/// Ends a settled streak at once; nothing, if there is none. Answers what was done and the period of now.
/// `days` holds at least the dates around today.
pub(super) fn reset(
    terms: Terms<'_>,
    streak: &mut Streak,
    days: &Days,
    now: Timestamp,
) -> Option<(Correction, Vec<StreakPeriod>)> {
    if streak.length == 0 {
        return None;
    }
    let today = terms.zone.date(now);
    // The next event may come from a zone in which it is yesterday or tomorrow.
    let counted = days
        .iter()
        .filter(|((_, date), _)| around(today).contains(*date))
        .map(|((metric, date), row)| (*metric, *date, row.get().sum))
        .collect();
    let done = Correction {
        date: today,
        frequency: streak.frequency,
        length: streak.length,
        started: streak.started,
        kind: CorrectionKind::Reset { counted },
    };
    let period = streak.frequency.period(today);
    streak.length = 0;
    streak.started = None;
    streak.met = None;
    streak.open_from = streak.open_from.max(period.start);
    streak.corrected_on = Some(streak.corrected_on.map_or(today, |on| on.max(today)));
    let mark = StreakPeriod {
        frequency: streak.frequency,
        start: period.start,
        length: 0,
        mark: PeriodMark::Reset,
    };
    Some((done, vec![mark]))
}

/// The dates that can be today's somewhere.
pub(super) fn around(today: Date) -> Period {
    Period {
        start: days_after(today, -1),
        end: days_after(today, 1),
    }
}

/// Gives the longest length of the window back; nothing, if none is longer than that of now. The present
/// period is open afterwards. `days` and `past` are complete.
pub(super) fn restore(
    terms: Terms<'_>,
    streak: &mut Streak,
    days: &Days,
    past: &BTreeMap<Date, StreakPeriod>,
    now: Timestamp,
) -> Option<(Correction, Vec<StreakPeriod>)> {
    let frequency = streak.frequency;
    let today = terms.zone.date(now);
    let current = frequency.period(today);
    let since = frequency.period(window(frequency, today)).start;
    let lived = past
        .range(since..)
        .map(|(_, lived)| lived)
        .filter(|lived| lived.frequency == frequency)
        .max_by_key(|lived| (lived.length, lived.start));
    let ended = terms
        .corrections
        .values()
        .map(Row::get)
        .filter(|made| made.frequency == frequency && made.date >= since)
        .max_by_key(|made| (made.length, made.date));
    let (length, last, started) = match (lived, ended) {
        (Some(lived), ended)
            if ended
                .is_none_or(|ended| (lived.length, lived.start) > (ended.length, ended.date)) =>
        {
            let started = beginning(terms, days, past, lived.start);
            (lived.length, frequency.period(lived.start), started)
        }
        (_, Some(ended)) => (ended.length, frequency.period(ended.date), ended.started),
        _ => return None,
    };
    if length <= streak.length {
        return None;
    }
    let restored = |period: Period, length: i64| StreakPeriod {
        frequency,
        start: period.start,
        length,
        mark: PeriodMark::Restored,
    };
    // What lies behind the run shows its length from now on; a reset period is such a one itself.
    let is_lived = |period: Period| {
        past.get(&period.start)
            .is_some_and(|lived| lived.length == length)
    };
    let mut periods = Vec::new();
    let mut gap = if is_lived(last) {
        last.next(frequency)
    } else {
        last
    };
    while gap.start < current.start {
        periods.push(restored(gap, length));
        gap = gap.next(frequency);
    }
    if streak.met == Some(current.start) {
        // It was met on the way to a shorter streak, and is open now.
        periods.push(restored(current, 0));
    }
    streak.length = length;
    streak.started = started;
    streak.met = None;
    streak.open_from = streak.open_from.max(current.start);
    streak.corrected_on = Some(streak.corrected_on.map_or(today, |on| on.max(today)));
    let done = Correction {
        date: today,
        frequency,
        length,
        started,
        kind: CorrectionKind::Restored,
    };
    Some((done, periods))
}

/// The date on which the run began that holds a period.
fn beginning(
    terms: Terms<'_>,
    days: &Days,
    past: &BTreeMap<Date, StreakPeriod>,
    within: Date,
) -> Option<Date> {
    let frequency = terms.rules.frequency;
    let first = past
        .range(..=within)
        .rev()
        .map(|(_, lived)| lived)
        .find(|lived| lived.mark == PeriodMark::Met && lived.length == 1)
        .map(|lived| frequency.period(lived.start));
    // A run that was given back began when it first did.
    let given = terms
        .corrections
        .values()
        .map(Row::get)
        .filter(|made| {
            made.kind == CorrectionKind::Restored
                && made.frequency == frequency
                && made.date <= frequency.period(within).end
        })
        .max_by_key(|made| made.date)
        .filter(|made| first.is_none_or(|first| made.date > first.end));
    if let Some(given) = given {
        return given.started;
    }
    let first = first?;
    // The action of that period, by the rules of now; where they find none, its first date.
    let mut date = first.start;
    while date <= first.end {
        let so_far = Period {
            start: first.start,
            end: date,
        };
        if is_met(terms.rules, days, so_far, None) {
            return Some(date);
        }
        date = date.checked_add(1.day()).ok()?;
    }
    Some(first.start)
}

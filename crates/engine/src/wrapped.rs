//! The review of a user's year: when there was most activity, what totals did meanwhile, the longest streak (spec/trophy.md 8).
//!
//! Everything follows from day sums and periods of streaks. Dates are the user's own; weeks go from Monday to Sunday.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::calendar::{Frequency, Period, iso_week};
use crate::state::{PeriodMark, StreakPeriod};

/// The dates of a year; nothing for one that the calendar does not have.
pub fn dates_of(year: i16) -> Option<Period> {
    Some(Period {
        start: Date::new(year, 1, 1).ok()?,
        end: Date::new(year, 12, 31).ok()?,
    })
}

/// When a user was active in a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// On how many dates.
    pub days: usize,
    /// In how many weeks, as far as they lie in the year.
    pub weeks: usize,
    /// In how many months.
    pub months: usize,
    /// The date with the most events.
    pub day: Date,
    /// The week with the most events of the year; it may begin before the year or end after it.
    pub week: Period,
    /// The month with the most events.
    pub month: Period,
}

/// Looks at how many events there were on which dates; those of other years do not count. Of equals the
/// earliest is the most active (AMB-46). Without any event it is the first of January with its week and
/// month (AMB-45).
pub fn activity(year: Period, events: impl Iterator<Item = (Date, i64)>) -> Activity {
    let mut days: BTreeMap<Date, i64> = BTreeMap::new();
    let mut weeks: BTreeMap<Period, i64> = BTreeMap::new();
    let mut months: BTreeMap<Period, i64> = BTreeMap::new();
    for (date, count) in events.filter(|(date, _)| year.contains(*date)) {
        let periods = [
            days.entry(date).or_default(),
            weeks.entry(iso_week(date).0).or_default(),
            months.entry(Frequency::Monthly.period(date)).or_default(),
        ];
        for events in periods {
            *events = events.saturating_add(count);
        }
    }
    let first = year.start;
    Activity {
        days: days.len(),
        weeks: weeks.len(),
        months: months.len(),
        day: most(days).unwrap_or(first),
        week: most(weeks).unwrap_or(iso_week(first).0),
        month: most(months).unwrap_or(Frequency::Monthly.period(first)),
    }
}

/// The first of those with the most events.
fn most<K: Copy>(events: BTreeMap<K, i64>) -> Option<K> {
    let mut best: Option<(K, i64)> = None;
    for (key, count) in events {
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((key, count));
        }
    }
    best.map(|(key, _)| key)
}

/// What a total did in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// What it was at the end.
    pub total: i64,
    /// The net change.
    pub change: i64,
}

impl Course {
    /// Adds up what happened to a total since it began, date by date.
    pub fn of(days: impl Iterator<Item = (Date, i64)>, period: Period) -> Self {
        let (mut total, mut change) = (0_i128, 0_i128);
        for (date, amount) in days.filter(|(date, _)| *date <= period.end) {
            total = total.saturating_add(i128::from(amount));
            if date >= period.start {
                change = change.saturating_add(i128::from(amount));
            }
        }
        let clamped = |sum: i128| {
            let bounded = sum.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
            i64::try_from(bounded).unwrap_or_default()
        };
        Self {
            total: clamped(total),
            change: clamped(change),
        }
    }

    /// The change in percent of what there was before, cut after one decimal. Where there was nothing
    /// before it is 100, and 0 where nothing changed.
    pub fn percent_change(self) -> f64 {
        let before = i128::from(self.total).saturating_sub(i128::from(self.change));
        if self.change == 0 {
            0.0
        } else if before == 0 {
            100.0
        } else {
            cut(i128::from(self.change), before)
        }
    }
}

/// How many percent of the users who were active changed less, cut after one decimal (AMB-46).
pub fn percentile(changed_less: usize, active: usize) -> f64 {
    let count = |users: usize| i128::try_from(users).unwrap_or(i128::MAX);
    if active == 0 {
        0.0
    } else {
        cut(count(changed_less), count(active))
    }
}

/// A part of a whole in percent, cut after one decimal.
fn cut(part: i128, whole: i128) -> f64 {
    let tenths = part.saturating_mul(1_000).checked_div(whole).unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "what is shown is a double")]
    let tenths = tenths as f64;
    tenths / 10.0
}

/// The longest run of periods in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongestStreak {
    /// How many periods of it were met.
    pub length: i64,
    /// The first date of the first of them.
    pub started: Date,
    /// The last of them.
    pub last: Period,
}

/// Finds the longest streak inside a year, the earliest of equals. `periods` are of one frequency and in
/// order; those that do not begin in the year do not count, nor do those that were only kept alive.
pub fn longest_streak(year: Period, periods: &[StreakPeriod]) -> Option<LongestStreak> {
    let met = periods
        .iter()
        .filter(|period| period.mark == PeriodMark::Met && year.contains(period.start));
    let mut best: Option<LongestStreak> = None;
    let mut run: Option<(LongestStreak, i64)> = None;
    for period in met {
        let last = period.frequency.period(period.start);
        let mut current = match run {
            // Lengths grow along a run and begin anew with the next.
            Some((run, length)) if period.length > length => LongestStreak { last, ..run },
            _ => LongestStreak {
                length: 0,
                started: period.start,
                last,
            },
        };
        current.length = current.length.saturating_add(1);
        run = Some((current, period.length));
        if best.is_none_or(|best| current.length > best.length) {
            best = Some(current);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const YEAR: i16 = 2026;

    fn year() -> Period {
        dates_of(YEAR).unwrap()
    }

    /// spec/trophy.md D.12.
    #[test]
    fn d12_wrapped_percentages() {
        for (change, total, expected) in [
            (2_500, 15_000, "20"),
            (500, 5_000, "11.1"),
            (1_200, 5_000, "31.5"),
            (12_000, 15_000, "400"),
            (2_000, 5_000, "66.6"),
            (750, 750, "100"),
            (0, 10, "0"),
            (-50, 50, "-50"),
        ] {
            for unit in [1, 1_000_000] {
                let course = Course {
                    total: total * unit,
                    change: change * unit,
                };
                assert_eq!(course.percent_change().to_string(), expected, "{course:?}");
            }
        }
        let extreme = Course {
            total: i64::MAX,
            change: i64::MAX - 1,
        };
        assert!(extreme.percent_change().is_finite());
    }

    #[test]
    fn percentiles_are_cut_too() {
        for (less, active, expected) in [(0, 0, "0"), (0, 3, "0"), (2, 3, "66.6"), (7, 8, "87.5")] {
            assert_eq!(percentile(less, active).to_string(), expected);
        }
    }

    #[test]
    fn a_year_without_events_is_its_first_day() {
        let found = activity(year(), [(date(2025, 12, 31), 3)].into_iter());
        assert_eq!((found.days, found.weeks, found.months), (0, 0, 0));
        assert_eq!(found.day, date(2026, 1, 1));
        // The first of January 2026 is a Thursday.
        assert_eq!(found.week.start, date(2025, 12, 29));
        assert_eq!(found.week.end, date(2026, 1, 4));
        assert_eq!(found.month.end, date(2026, 1, 31));
        assert_eq!(dates_of(1).unwrap().start, date(1, 1, 1));
        assert_eq!(iso_week(date(1, 1, 1)).0.start, date(1, 1, 1));
        assert_eq!(dates_of(10_000), None);
    }

    #[test]
    fn most_active_counts_events_and_takes_the_earliest_of_equals() {
        // A Sunday and the Monday after it; the week of the Monday has more days but not more events.
        let events = [
            (date(2026, 3, 1), 5),
            (date(2026, 3, 2), 2),
            (date(2026, 3, 3), 2),
            (date(2026, 3, 8), 1),
            (date(2026, 2, 28), 1),
            (date(2026, 4, 30), 4),
            (date(2026, 4, 1), 6),
        ];
        let found = activity(year(), events.into_iter());
        assert_eq!((found.days, found.weeks, found.months), (7, 4, 3));
        assert_eq!(found.day, date(2026, 4, 1));
        assert_eq!(found.week.start, date(2026, 2, 23));
        assert_eq!(found.month.start, date(2026, 3, 1));
    }

    #[test]
    fn a_course_ends_with_its_period() {
        let days = [
            (date(2025, 6, 1), 7),
            (date(2026, 3, 1), 5),
            (date(2026, 3, 31), -2),
            (date(2026, 4, 1), 100),
        ];
        let march = Frequency::Monthly.period(date(2026, 3, 5));
        assert_eq!(
            Course::of(days.into_iter(), march),
            Course {
                total: 10,
                change: 3
            }
        );
    }

    #[test]
    fn the_longest_streak_is_that_inside_the_year() {
        let period = |start: Date, length, mark| StreakPeriod {
            frequency: Frequency::Daily,
            start,
            length,
            mark,
        };
        let periods = [
            period(date(2025, 12, 31), 9, PeriodMark::Met),
            period(date(2026, 1, 1), 10, PeriodMark::Met),
            period(date(2026, 1, 2), 10, PeriodMark::Freeze),
            period(date(2026, 1, 3), 11, PeriodMark::Met),
            period(date(2026, 5, 1), 1, PeriodMark::Met),
            period(date(2026, 5, 2), 2, PeriodMark::Met),
            period(date(2026, 5, 3), 2, PeriodMark::DayOff),
        ];
        let found = longest_streak(year(), &periods).unwrap();
        assert_eq!(found.length, 2);
        assert_eq!(found.started, date(2026, 1, 1));
        assert_eq!(found.last.start, date(2026, 1, 3));
        assert_eq!(longest_streak(year(), &periods[..1]), None);
    }
}

//! Civil time: zones, periods of streaks, runs of boards.
//!
//! Everything takes the instant and the zone as arguments; nothing here asks what time it is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// One database for the process: it remembers the zones it has parsed.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// An IANA time zone from the bundled database, so that every machine decides alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time, which stands in for an unknown zone (spec/trophy.md AMB-22).
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Finds a zone by its exact IANA name, backward links included; nothing for any other text.
    pub fn named(name: &str) -> Option<Self> {
        let zone = ZONES.get(name).ok()?;
        (zone.iana_name() == Some(name)).then_some(Self(zone))
    }

    /// The zone of a user: the named one, else UTC.
    pub fn of(name: Option<&str>) -> Self {
        name.and_then(Self::named).unwrap_or_else(Self::utc)
    }

    /// The names of all zones, for tests and for hints in errors.
    pub fn names() -> Vec<String> {
        ZONES
            .available()
            .map(|name| name.as_str().to_owned())
            .collect()
    }

    /// The local date at an instant.
    pub fn date(&self, at: Timestamp) -> Date {
        self.0.to_datetime(at).date()
    }

    /// The local time of day at an instant.
    pub fn time(&self, at: Timestamp) -> Time {
        self.0.to_datetime(at).time()
    }

    /// The instant a span later, counted on this clock: a day has as many hours as the clock gives it.
    pub fn after(&self, at: Timestamp, span: Span) -> Option<Timestamp> {
        at.to_zoned(self.0.clone())
            .checked_add(span)
            .ok()
            .map(|zoned| zoned.timestamp())
    }

    /// The first instant of a local date; of a date the zone skipped, the first instant after the gap.
    pub fn start_of(&self, date: Date) -> Timestamp {
        self.instant_of(date.to_datetime(Time::midnight()))
    }

    /// The furthest reading the clock has shown up to an instant. It never goes back, unlike the
    /// clock itself, which shows less than this while it repeats what it has shown before.
    pub fn furthest(&self, at: Timestamp) -> DateTime {
        let shown = self.0.to_datetime(at);
        let AmbiguousOffset::Fold { before, after } = self.0.to_ambiguous_timestamp(shown).offset()
        else {
            return shown;
        };
        if self.0.to_offset(at) != after {
            return shown;
        }
        let nanosecond = Span::new().nanoseconds(1);
        self.0
            .preceding(at.saturating_add(nanosecond).unwrap_or(at))
            .find(|turn| turn.offset() == after)
            .map_or(shown, |turn| {
                before
                    .to_datetime(turn.timestamp())
                    .saturating_sub(nanosecond)
            })
    }

    /// The first instant at which [`Zone::furthest`] is not before a reading: of a reading shown
    /// twice the first time, of a reading the clock skipped the end of the gap. Later readings never
    /// give earlier instants.
    pub fn instant_of(&self, reading: DateTime) -> Timestamp {
        let instant = match self.0.to_ambiguous_timestamp(reading).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(reading),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(reading),
            AmbiguousOffset::Gap { after, .. } => after.to_timestamp(reading).map(|in_front| {
                self.0
                    .following(in_front)
                    .find(|turn| turn.offset() == after)
                    .map_or(in_front, |turn| turn.timestamp())
            }),
        };
        // Only readings at the ends of the calendar have no instant.
        let end = if reading.year() < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        instant.unwrap_or(end)
    }
}

/// The week from Monday to Sunday that holds a date (ISO 8601), and its text: `2026-W01`, by the year
/// that holds the Thursday of the week.
pub fn iso_week(date: Date) -> (Period, String) {
    let week = date.iso_week_date();
    let past = i64::from(date.weekday().to_monday_zero_offset());
    let start = days_after(date, past.saturating_neg());
    let period = Period {
        start,
        end: days_after(start, 6),
    };
    (period, format!("{:04}-W{:02}", week.year(), week.week()))
}

/// How long one period of a streak is (spec/trophy.md 5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// A calendar date.
    #[default]
    Daily,
    /// Sunday to Saturday (AMB-16).
    Weekly,
    /// A calendar month.
    Monthly,
}

impl Frequency {
    /// The text kept in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// Reads the text kept in the store.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Daily, Self::Weekly, Self::Monthly]
            .into_iter()
            .find(|f| f.name() == name)
    }

    /// The period that holds a date.
    pub fn period(self, date: Date) -> Period {
        match self {
            Self::Daily => Period {
                start: date,
                end: date,
            },
            Self::Weekly => {
                let past = i64::from(date.weekday().since(Weekday::Sunday));
                let start = days_after(date, past.saturating_neg());
                Period {
                    start,
                    end: days_after(start, 6),
                }
            }
            Self::Monthly => Period {
                start: date.first_of_month(),
                end: date.last_of_month(),
            },
        }
    }
}

/// A time of day in whole seconds since 00:00, as it is kept.
pub fn second_of_day(time: Time) -> i64 {
    time.duration_since(Time::midnight()).as_secs()
}

/// The zones in which a local date ended after one instant and up to another, each with the last date that did.
pub fn ended_days(after: Timestamp, to: Timestamp) -> BTreeMap<String, Date> {
    Zone::names()
        .into_iter()
        .filter_map(|name| {
            let zone = Zone::named(&name)?;
            let start = zone.start_of(zone.date(to));
            let eve = start.checked_sub(Span::new().nanoseconds(1)).ok()?;
            (start > after && start <= to).then(|| (name, zone.date(eve)))
        })
        .collect()
}

/// A full hour of a date, by UTC.
pub fn utc_hour(date: Date, hour: i8) -> Timestamp {
    date.at(hour, 0, 0, 0)
        .to_zoned(TimeZone::UTC)
        .map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// A span of local dates, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Period {
    /// First date.
    pub start: Date,
    /// Last date.
    pub end: Date,
}

impl Period {
    /// The period of the same frequency that follows.
    #[must_use]
    pub fn next(self, frequency: Frequency) -> Self {
        frequency.period(days_after(self.end, 1))
    }

    /// The period of the same frequency before this one.
    #[must_use]
    pub fn previous(self, frequency: Frequency) -> Self {
        frequency.period(days_after(self.start, -1))
    }

    /// Whether a date lies inside.
    pub fn contains(self, date: Date) -> bool {
        self.start <= date && date <= self.end
    }
}

/// The date `days` later (or earlier); saturates at the ends of the calendar.
pub fn days_after(date: Date, days: i64) -> Date {
    date.saturating_add(Span::new().try_days(days).unwrap_or_default())
}

/// The number of days from one date to another, negative when `to` is earlier.
pub fn days_between(from: Date, to: Date) -> i64 {
    i64::from(
        from.until(to)
            .map(|span| span.get_days())
            .unwrap_or_default(),
    )
}

/// The number of months from the month of one date to that of another.
fn months_between(from: Date, to: Date) -> i64 {
    let number = |date: Date| {
        i64::from(date.year())
            .saturating_mul(12)
            .saturating_add(i64::from(date.month()))
    };
    number(to).saturating_sub(number(from))
}

/// The date `years` after another; 29 February becomes 28 February in common years.
pub fn years_after(date: Date, years: i64) -> Option<Date> {
    date.checked_add(Span::new().try_years(years).ok()?).ok()
}

/// The unit in which runs of a repeating board are counted (spec/trophy.md 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunUnit {
    /// Calendar days.
    Day,
    /// Calendar months.
    Month,
    /// Calendar years.
    Year,
}

/// When the runs of a board begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// First date of the first run.
    pub start: Date,
    /// Last date of the board, if it ends.
    pub end: Option<Date>,
    /// Length of a run; nothing for a perpetual board, whose only run has number 0.
    pub every: Option<(RunUnit, i64)>,
}

impl Schedule {
    /// The first date of run `number`, before it is cut at the end of the board.
    fn run_start(self, number: i64) -> Option<Date> {
        let Some((unit, interval)) = self.every else {
            return (number == 0).then_some(self.start);
        };
        let steps = interval.checked_mul(number)?;
        let span = match unit {
            RunUnit::Day => Span::new().try_days(steps),
            RunUnit::Month => Span::new().try_months(steps),
            RunUnit::Year => Span::new().try_years(steps),
        };
        self.start.checked_add(span.ok()?).ok()
    }

    /// The dates of run `number`: `start + k * interval` to the day before the next run, the day of
    /// the month clamped, the last run cut at the end of the board. Nothing outside the board.
    pub fn run(self, number: i64) -> Option<Period> {
        if number < 0 {
            return None;
        }
        let start = self.run_start(number)?;
        let last = match self.every {
            None => self.end.unwrap_or(Date::MAX),
            Some(_) => self
                .run_start(number.saturating_add(1))
                .map_or(Date::MAX, |next| days_after(next, -1)),
        };
        let end = self.end.map_or(last, |end| end.min(last));
        (start <= end).then_some(Period { start, end })
    }

    /// The number of the run that holds a date, if any.
    pub fn run_at(self, date: Date) -> Option<i64> {
        if date < self.start || self.end.is_some_and(|end| date > end) {
            return None;
        }
        let Some((unit, interval)) = self.every else {
            return Some(0);
        };
        let interval = interval.max(1);
        let (passed, per_run) = match unit {
            RunUnit::Day => (days_between(self.start, date), interval),
            RunUnit::Month => (months_between(self.start, date), interval),
            RunUnit::Year => (
                months_between(self.start, date),
                interval.saturating_mul(12),
            ),
        };
        let guess = passed.checked_div(per_run)?;
        // Clamped month ends make the guess wrong by one at the most.
        [guess.saturating_add(1), guess, guess.saturating_sub(1)]
            .into_iter()
            .find(|number| self.run(*number).is_some_and(|run| run.contains(date)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn zones_are_found_by_exact_name_and_by_backward_link() {
        assert!(Zone::named("Europe/London").is_some());
        assert!(Zone::named("US/Eastern").is_some());
        assert!(Zone::named("Asia/Calcutta").is_some());
        for wrong in [
            "europe/london",
            "Mars/Base",
            "",
            "../etc/passwd",
            "Europe/London ",
        ] {
            assert!(Zone::named(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_day_starts_at_its_first_existing_instant() {
        // Midnight skipped: Santiago 2024-09-08 goes from 24:00 to 01:00.
        let santiago = Zone::named("America/Santiago").unwrap();
        assert_eq!(
            santiago.start_of(date(2024, 9, 8)).to_string(),
            "2024-09-08T04:00:00Z"
        );
        assert_eq!(
            santiago.date(santiago.start_of(date(2024, 9, 8))),
            date(2024, 9, 8)
        );
        // Day skipped: Apia had no 2011-12-30.
        let apia = Zone::named("Pacific/Apia").unwrap();
        assert_eq!(
            apia.date(apia.start_of(date(2011, 12, 30))),
            date(2011, 12, 31)
        );
        // Midnight inside a gap: Toronto went from 23:30 to 00:30.
        let toronto = Zone::named("America/Toronto").unwrap();
        assert_eq!(
            toronto.start_of(date(1919, 3, 31)).to_string(),
            "1919-03-31T04:30:00Z"
        );
        // Midnight twice: Havana falls back at 01:00 to 00:00.
        let havana = Zone::named("America/Havana").unwrap();
        assert_eq!(
            havana.start_of(date(2024, 11, 3)).to_string(),
            "2024-11-03T04:00:00Z"
        );
    }

    #[test]
    fn a_reading_shown_twice_counts_once_and_a_skipped_one_at_the_end_of_the_gap() {
        let rome = Zone::named("Europe/Rome").unwrap();
        let instant = |text: &str| text.parse::<Timestamp>().unwrap();
        let skipped = date(2026, 3, 29).at(2, 30, 0, 0);
        assert_eq!(rome.instant_of(skipped), instant("2026-03-29T01:00:00Z"));
        let twice = date(2026, 10, 25).at(2, 30, 0, 0);
        assert_eq!(rome.instant_of(twice), instant("2026-10-25T00:30:00Z"));
        assert_eq!(rome.furthest(instant("2026-10-25T00:30:00Z")), twice);
        // The second 02:30, and the instant of the change itself.
        for again in ["2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z"] {
            let reading = rome.furthest(instant(again));
            assert_eq!(reading, date(2026, 10, 25).at(2, 59, 59, 999_999_999));
        }
        assert_eq!(
            rome.furthest(instant("2026-10-25T02:00:00Z")),
            date(2026, 10, 25).at(3, 0, 0, 0)
        );
        assert_eq!(rome.instant_of(DateTime::MAX), Timestamp::MAX);
        assert_eq!(rome.instant_of(DateTime::MIN), Timestamp::MIN);
    }

    #[test]
    fn iso_weeks_belong_to_the_year_of_their_thursday() {
        for (day, text) in [
            (date(2026, 12, 31), "2026-W53"),
            (date(2027, 1, 3), "2026-W53"),
            (date(2027, 1, 4), "2027-W01"),
            (date(2024, 12, 30), "2025-W01"),
            (date(2026, 6, 14), "2026-W24"),
        ] {
            let (week, name) = iso_week(day);
            assert_eq!(name, text, "{day}");
            assert_eq!(week.start.weekday(), Weekday::Monday);
            assert_eq!(week.end.weekday(), Weekday::Sunday);
            assert!(week.contains(day));
        }
    }

    #[test]
    fn days_end_where_a_midnight_has_passed() {
        let instant = |text: &str| text.parse::<Timestamp>().unwrap();
        let ended = |after: &str, to: &str| ended_days(instant(after), instant(to));
        // 18:15 UTC is midnight in Kathmandu and nowhere else.
        let nepal = ended("2026-03-10T18:14:59Z", "2026-03-10T18:15:00Z");
        assert_eq!(
            nepal.into_iter().collect::<Vec<_>>(),
            [
                ("Asia/Kathmandu".to_owned(), date(2026, 3, 10)),
                ("Asia/Katmandu".to_owned(), date(2026, 3, 10)),
            ]
        );
        assert!(ended("2026-03-10T18:15:00Z", "2026-03-10T18:29:59Z").is_empty());
        // Noon in UTC is midnight at both ends of the world, of different days.
        let noon = ended("2026-03-10T11:59:00Z", "2026-03-10T12:00:30Z");
        assert_eq!(noon["Etc/GMT+12"], date(2026, 3, 9));
        assert_eq!(noon["Pacific/Majuro"], date(2026, 3, 10));
        assert!(!noon.contains_key("UTC"));
        // Several midnights: the last counts. A day that Apia left out ended all the same.
        let many = ended("2026-03-01T00:00:00Z", "2026-03-10T12:00:00Z");
        assert_eq!(many["UTC"], date(2026, 3, 9));
        let apia = ended("2011-12-30T09:00:00Z", "2011-12-30T10:00:00Z");
        assert_eq!(apia["Pacific/Apia"], date(2011, 12, 29));
    }

    #[test]
    fn periods() {
        let week = Frequency::Weekly.period(date(2025, 4, 2));
        assert_eq!(
            week,
            Period {
                start: date(2025, 3, 30),
                end: date(2025, 4, 5)
            }
        );
        assert_eq!(week.next(Frequency::Weekly).end, date(2025, 4, 12));
        let month = Frequency::Monthly.period(date(2026, 1, 31));
        assert_eq!(month.next(Frequency::Monthly).end, date(2026, 2, 28));
        assert_eq!(month.previous(Frequency::Monthly).start, date(2025, 12, 1));
    }

    /// spec/trophy.md D.10.
    #[test]
    fn d10_runs() {
        let weekly = Schedule {
            start: date(2026, 11, 2),
            end: None,
            every: Some((RunUnit::Day, 7)),
        };
        assert_eq!(weekly.run_at(date(2026, 11, 8)), Some(0));
        assert_eq!(weekly.run_at(date(2026, 11, 9)), Some(1));
        assert_eq!(weekly.run_at(date(2026, 11, 1)), None);
        let monthly = Schedule {
            start: date(2026, 1, 31),
            end: None,
            every: Some((RunUnit::Month, 1)),
        };
        let expected = [
            (date(2026, 1, 31), date(2026, 2, 27)),
            (date(2026, 2, 28), date(2026, 3, 30)),
            (date(2026, 3, 31), date(2026, 4, 29)),
        ];
        for (number, (start, end)) in (0..).zip(expected) {
            assert_eq!(monthly.run(number), Some(Period { start, end }));
            assert_eq!(monthly.run_at(start), Some(number));
            assert_eq!(monthly.run_at(end), Some(number));
        }
    }

    #[test]
    fn the_last_run_is_cut_at_the_end_of_the_board() {
        let board = Schedule {
            start: date(2026, 1, 1),
            end: Some(date(2026, 1, 10)),
            every: Some((RunUnit::Day, 7)),
        };
        assert_eq!(board.run(1).unwrap().end, date(2026, 1, 10));
        assert_eq!(board.run(2), None);
        assert_eq!(board.run_at(date(2026, 1, 11)), None);
    }

    #[test]
    fn every_date_of_a_repeating_board_lies_in_exactly_one_run() {
        for (unit, interval) in [
            (RunUnit::Day, 3),
            (RunUnit::Month, 1),
            (RunUnit::Month, 5),
            (RunUnit::Year, 1),
        ] {
            let schedule = Schedule {
                start: date(2024, 2, 29),
                end: None,
                every: Some((unit, interval)),
            };
            let mut day = schedule.start;
            let mut last = 0;
            for _ in 0..3_000 {
                let run = schedule.run_at(day).unwrap();
                assert!(run == last || run == last + 1, "{unit:?} {day}");
                assert!(schedule.run(run).unwrap().contains(day));
                last = run;
                day = days_after(day, 1);
            }
        }
    }
}

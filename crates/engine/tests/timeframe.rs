//! `engine::timeframe` against a slow model: the clock of a zone as a list of offsets, walked from the
//! front for every question.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;

use engine::calendar::Zone;
use engine::timeframe::{Period, Recurrence, Schedule, Timeframe, TimeframeType, TimezoneType};
use jiff::civil::{Date, DateTime, ISOWeekDate, Weekday};
use jiff::tz::{Offset, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

const NANOSECOND: SignedDuration = SignedDuration::from_nanos(1);

/// What the clock of a zone shows in a stretch of time.
struct Clock {
    /// From when on which offset; the first one holds since ever.
    offsets: Vec<(Timestamp, Offset)>,
}

impl Clock {
    fn new(name: &str, from: Date, to: Date) -> Self {
        let zone = TimeZoneDatabase::bundled().get(name).unwrap();
        let instant = |date: Date| Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).unwrap();
        let (from, to) = (instant(from), instant(to));
        let mut offsets = vec![(Timestamp::MIN, zone.to_offset(from))];
        offsets.extend(
            zone.following(from)
                .map(|turn| (turn.timestamp(), turn.offset()))
                .take_while(|(at, _)| *at < to),
        );
        Self { offsets }
    }

    /// The first instant at which the clock shows a reading or a later one.
    fn first(&self, reading: DateTime) -> Timestamp {
        for (place, (start, offset)) in self.offsets.iter().enumerate() {
            let found = offset.to_timestamp(reading).unwrap().max(*start);
            let end = self.offsets.get(place + 1).map(|(end, _)| *end);
            if end.is_none_or(|end| found < end) {
                return found;
            }
        }
        unreachable!("the last offset holds for ever")
    }

    fn turns(&self) -> impl Iterator<Item = Timestamp> {
        self.offsets.iter().skip(1).map(|(start, _)| *start)
    }
}

fn timeframe(recurrence: Recurrence, cron: Option<String>) -> Timeframe {
    Timeframe {
        timeframe_type: TimeframeType::Recurring,
        timeframe_timezone_type: TimezoneType::User,
        timeframe_timezone: None,
        timeframe_starts_at: "1950-01-01T00:00:00Z".parse().unwrap(),
        timeframe_ends_at: Some("2100-01-01T00:00:00Z".parse().unwrap()),
        recurrence: Some(recurrence),
        schedule_cron: cron,
    }
}

/// The first dates of the periods that begin in a stretch of dates, with their ids.
fn starts(recurrence: Recurrence, from: Date, to: Date) -> Vec<(Date, String)> {
    let mut found = Vec::new();
    let mut date = from;
    while date < to {
        let week = ISOWeekDate::from_date(date);
        let id = match recurrence {
            Recurrence::Daily => Some(date.strftime("%Y-%m-%d").to_string()),
            Recurrence::Weekly if date.weekday() == Weekday::Monday => {
                Some(format!("{}-W{:02}", week.year(), week.week()))
            }
            Recurrence::Monthly if date.day() == 1 => Some(date.strftime("%Y-%m").to_string()),
            _ => None,
        };
        found.extend(id.map(|id| (date, id)));
        date = date.tomorrow().unwrap();
    }
    found
}

/// Every period between two dates has the bounds and the id of the model, at both of its ends.
fn check(name: &str, recurrence: Recurrence, from: Date, to: Date) {
    let clock = Clock::new(name, from.saturating_sub(5.days()), to);
    let zone = Zone::named(name).unwrap();
    let schedule = timeframe(recurrence, None).compile().unwrap();
    let mut last_id = String::new();
    let mut last_end = None;
    // Around every change of the clock, which may show dates again.
    let mut around = BTreeSet::new();
    for turn in clock.turns() {
        let minutes = [-1500, -61, -31, -1, 0, 1, 31, 61, 1500];
        around.extend(minutes.map(|minutes| turn + SignedDuration::from_mins(minutes)));
    }
    let mut around = around.into_iter().peekable();
    let starts = starts(recurrence, from, to);
    for pair in starts.windows(2) {
        let [(start, id), (end, _)] = pair else {
            unreachable!()
        };
        let starts_at = clock.first(start.at(0, 0, 0, 0));
        let ends_at = clock.first(end.at(0, 0, 0, 0));
        if starts_at == ends_at {
            continue; // The zone skipped all of it.
        }
        let expected = Period {
            id: id.clone(),
            starts_at,
            ends_at: Some(ends_at),
        };
        for now in [starts_at, ends_at - NANOSECOND] {
            let found = schedule.period(&zone, now).unwrap();
            assert_eq!(found, expected, "{name} {now}");
        }
        if recurrence != Recurrence::Daily {
            let next = schedule.next_start(&zone, starts_at);
            assert_eq!(next, Some(ends_at), "{name} {starts_at}");
        }
        assert!(last_id < *id, "{name} {last_id} {id}");
        last_id.clone_from(id);
        assert_eq!(last_end.unwrap_or(starts_at), starts_at, "{name}");
        last_end = Some(ends_at);
        while let Some(now) = around.next_if(|now| *now < ends_at) {
            if now >= starts_at {
                assert_eq!(
                    schedule.period(&zone, now).unwrap(),
                    expected,
                    "{name} {now}"
                );
            }
        }
    }
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// Two years with 53 weeks in the first and every change of the clock that is known of them.
#[test]
fn periods_of_dates_in_every_zone() {
    for name in Zone::names() {
        let (from, to) = (day("2026-01-01"), day("2028-02-01"));
        check(&name, Recurrence::Daily, from, to);
        check(&name, Recurrence::Weekly, from, to);
        check(&name, Recurrence::Monthly, from, to);
    }
}

/// Skipped dates, a date shown twice, changes at and just after midnight.
#[test]
fn periods_of_dates_where_clocks_were_wild() {
    for (name, from, to) in [
        ("Pacific/Apia", "2010-09-01", "2012-09-01"),
        ("Pacific/Fakaofo", "2011-01-01", "2012-12-31"),
        ("Pacific/Kwajalein", "1992-09-01", "1994-09-01"),
        ("Pacific/Kwajalein", "1969-01-01", "1970-12-31"),
        ("Pacific/Kiritimati", "1994-01-01", "1995-12-31"),
        ("America/St_Johns", "2006-01-01", "2008-01-01"),
        ("America/Sao_Paulo", "2016-01-01", "2018-01-01"),
        ("America/Havana", "2016-01-01", "2018-01-01"),
        ("Asia/Beirut", "2022-01-01", "2024-01-01"),
        ("Africa/Casablanca", "2018-01-01", "2020-01-01"),
        ("Antarctica/Casey", "2018-01-01", "2024-01-01"),
        ("Antarctica/Troll", "2016-01-01", "2018-01-01"),
        ("Asia/Pyongyang", "2015-01-01", "2019-01-01"),
        ("Europe/Lisbon", "1992-01-01", "1997-01-01"),
        ("America/Caracas", "2007-01-01", "2017-01-01"),
    ] {
        for recurrence in [Recurrence::Daily, Recurrence::Weekly, Recurrence::Monthly] {
            check(name, recurrence, day(from), day(to));
        }
    }
}

/// A cron expression as the sets it stands for.
#[derive(Clone, Debug)]
struct Sets {
    minutes: BTreeSet<i8>,
    hours: BTreeSet<i8>,
    /// Nothing for `*`.
    days: Option<BTreeSet<i8>>,
    /// From Sunday, 0; nothing for `*`.
    weekdays: Option<BTreeSet<i8>>,
}

impl Sets {
    fn text(&self) -> String {
        let list = |set: &BTreeSet<i8>| {
            let values: Vec<String> = set.iter().map(i8::to_string).collect();
            values.join(",")
        };
        let or_star = |set: &Option<BTreeSet<i8>>| set.as_ref().map_or("*".to_owned(), list);
        format!(
            "{} {} {} * {}",
            list(&self.minutes),
            list(&self.hours),
            or_star(&self.days),
            or_star(&self.weekdays)
        )
    }

    /// When it fires between two dates.
    fn fires(&self, clock: &Clock, from: Date, to: Date) -> BTreeSet<Timestamp> {
        let mut found = BTreeSet::new();
        let mut date = from;
        while date < to {
            let weekday = date.weekday().to_sunday_zero_offset();
            let by_day = self.days.as_ref().map(|days| days.contains(&date.day()));
            let by_weekday = self.weekdays.as_ref().map(|days| days.contains(&weekday));
            if match (by_day, by_weekday) {
                (Some(day), Some(weekday)) => day || weekday,
                (day, weekday) => day.unwrap_or(true) && weekday.unwrap_or(true),
            } {
                for hour in &self.hours {
                    let at = |minute: &i8| clock.first(date.at(*hour, *minute, 0, 0));
                    found.extend(self.minutes.iter().map(at));
                }
            }
            date = date.tomorrow().unwrap();
        }
        found
    }
}

fn sets() -> impl Strategy<Value = Sets> {
    use prop::collection::btree_set;
    let days = prop::option::weighted(0.2, btree_set(1_i8..=31, 5..20));
    let weekdays = prop::option::weighted(0.2, btree_set(0_i8..=6, 2..6));
    let minutes = prop_oneof![
        btree_set(0_i8..=59, 1..4),
        Just((0..=59).collect::<BTreeSet<i8>>()),
    ];
    let hours = prop_oneof![
        btree_set(0_i8..=23, 1..4),
        btree_set(0_i8..=3, 1..3),
        Just((0..=23).collect::<BTreeSet<i8>>()),
    ];
    (minutes, hours, days, weekdays).prop_map(|(minutes, hours, days, weekdays)| Sets {
        minutes,
        hours,
        days,
        weekdays,
    })
}

/// Zones with a date at which something happens to the clock.
const TURNS: [(&str, &str); 12] = [
    ("Europe/Rome", "2026-03-29"),
    ("Europe/Rome", "2026-10-25"),
    ("America/St_Johns", "2007-11-04"),
    ("America/St_Johns", "2007-03-11"),
    ("America/Sao_Paulo", "2017-02-19"),
    ("America/Santiago", "2024-09-08"),
    ("America/Havana", "2024-11-03"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Pacific/Apia", "2011-12-30"),
    ("Pacific/Kwajalein", "1969-09-30"),
    ("Pacific/Kwajalein", "1993-08-21"),
    ("Asia/Kolkata", "2026-06-01"),
];

/// Every period from a first instant on until a last one, as the schedule tells them.
fn walk(schedule: &Schedule, zone: &Zone, first: Timestamp, last: Timestamp) -> Vec<Period> {
    let mut found = Vec::new();
    let mut now = first;
    while let Some(next) = schedule.next_start(zone, now).filter(|next| *next <= last) {
        assert!(now < next);
        found.push(schedule.period(zone, next).unwrap());
        now = next;
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn periods_of_cron_expressions(
        sets in sets(),
        (name, turn) in prop::sample::select(TURNS.to_vec()),
        minutes in prop::collection::vec(-2_000_i64..2_000, 1..6),
    ) {
        let turn = day(turn);
        // Days of the month and of the week together leave no gap longer than a month.
        let (from, to) = (turn.saturating_sub(33.days()), turn.saturating_add(33.days()));
        let clock = Clock::new(name, from, to);
        let zone = Zone::named(name).unwrap();
        let schedule = timeframe(Recurrence::Custom, Some(sets.text())).compile().unwrap();
        let fires = sets.fires(&clock, from, to);
        let middle = clock.first(turn.at(0, 0, 0, 0));
        let mut instants: Vec<Timestamp> = minutes
            .into_iter()
            .map(|minutes| middle + SignedDuration::from_mins(minutes))
            .collect();
        for turn in clock.turns() {
            instants.extend([turn, turn - NANOSECOND]);
        }
        for now in instants {
            let last = fires.range(..=now).next_back().copied();
            let next = fires.range(now + NANOSECOND..).next().copied();
            prop_assert!(last.is_some() && next.is_some());
            let period = schedule.period(&zone, now).unwrap();
            prop_assert_eq!(Some(period.starts_at), last, "{} {} {}", name, now, sets.text());
            prop_assert_eq!(period.ends_at, next, "{} {} {}", name, now, sets.text());
            prop_assert_eq!(schedule.next_start(&zone, now), next);
            let id = period.starts_at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            prop_assert_eq!(period.id, id);
        }
        // They lie end to end, and their ids ascend.
        let hours = SignedDuration::from_hours(8);
        let found = walk(&schedule, &zone, middle - hours, middle + hours);
        for pair in found.windows(2) {
            prop_assert_eq!(pair[0].ends_at, Some(pair[1].starts_at));
            prop_assert!(pair[0].id < pair[1].id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_odd(
        text in prop_oneof![
            any::<String>(),
            "[0-9*/,#?L@ -]{0,30}",
            "([0-9*,/?-]{1,4} ){4}[0-7L#,*-]{1,4}",
            r"(\*|[0-9]{1,2}|\*/[0-9]{1,2})( (\*|[0-9]{1,2}|\*/[0-9]{1,2}|L|[0-9]-[12][0-9])){3} (\*|MON|[0-7]|fri#[1-5]|1-5)",
        ],
        seconds in -377_705_023_201_i64..=253_402_207_200,
        zone in any::<String>(),
    ) {
        let now = Timestamp::from_second(seconds).unwrap();
        let mut timeframe = timeframe(Recurrence::Custom, Some(text));
        timeframe.timeframe_starts_at = Timestamp::MIN;
        timeframe.timeframe_ends_at = Some(Timestamp::MAX);
        match timeframe.compile() {
            Err(problems) => prop_assert_eq!(problems[0].0, "scheduleCron"),
            Ok(schedule) => for name in ["Pacific/Apia", "Europe/Rome", "UTC"] {
                let user_zone = Zone::named(name).unwrap();
                for now in [now, Timestamp::MIN, Timestamp::MAX] {
                    let next = schedule.next_start(&user_zone, now);
                    prop_assert!(next.is_none_or(|next| now < next));
                    if let Some(period) = schedule.period(&user_zone, now) {
                        prop_assert!(period.starts_at <= now);
                        prop_assert!(period.ends_at.is_none_or(|end| now < end));
                    }
                }
            }
        }
        timeframe.timeframe_timezone_type = TimezoneType::Fixed;
        timeframe.timeframe_timezone = Some(zone);
        prop_assert!(!timeframe.problems().is_empty());
    }
}

/// One idea of when a date begins, however it is asked.
#[test]
fn a_date_starts_at_the_instant_of_its_midnight() {
    for name in Zone::names() {
        let zone = Zone::named(&name).unwrap();
        let clock = Clock::new(&name, day("1900-01-01"), day("2040-01-01"));
        for turn in clock.turns() {
            let near = Offset::UTC.to_datetime(turn).date();
            for days in -2..=2 {
                let date = near.saturating_add(days.days());
                let midnight = date.at(0, 0, 0, 0);
                let first = clock.first(midnight);
                assert_eq!(zone.instant_of(midnight), first, "{name} {date}");
                assert_eq!(zone.start_of(date), first, "{name} {date}");
            }
        }
    }
}

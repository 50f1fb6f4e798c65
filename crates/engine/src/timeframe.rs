//! When something holds: forever, in one range of time, or again and again in periods of its own.
//!
//! Takes the instant and the zone of the user as arguments. What is bound to a timeframe (missions,
//! rewards) is not known here.

mod cron;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::calendar::{self, Zone, days_after, iso_week};
use cron::Cron;

/// The timeframe of a rule as a customer writes it (spec/aworld.md 2.8); part of a larger object, whose
/// other members lie beside these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Timeframe {
    /// Whether it repeats or ends.
    pub timeframe_type: TimeframeType,
    /// On whose clock it is read.
    pub timeframe_timezone_type: TimezoneType,
    /// The IANA name of the zone; needed with [`TimezoneType::Fixed`], else not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeframe_timezone: Option<String>,
    /// When it starts, in whole milliseconds.
    #[serde(with = "instant")]
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub timeframe_starts_at: Timestamp,
    /// The first instant at which it has ended, in whole milliseconds. A permanent timeframe never
    /// ends, whatever this says.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_instant"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub timeframe_ends_at: Option<Timestamp>,
    /// The periods of a recurring timeframe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// Where the periods of a [`Recurrence::Custom`] begin: five fields, see [`Timeframe::compile`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_cron: Option<String>,
}

/// Whether a timeframe repeats or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TimeframeType {
    /// From its start on.
    Permanent,
    /// From its start to its end.
    Range,
    /// From its start to its end, cut into periods.
    Recurring,
}

impl TimeframeType {
    /// The text kept in the store and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Permanent => "PERMANENT",
            Self::Range => "RANGE",
            Self::Recurring => "RECURRING",
        }
    }

    /// Reads the text kept in the store.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Permanent, Self::Range, Self::Recurring]
            .into_iter()
            .find(|of| of.name() == name)
    }
}

/// On whose clock a timeframe is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TimezoneType {
    /// On the clock of a named zone: the same instants for everyone.
    Fixed,
    /// On the clock of each user.
    User,
}

/// How a recurring timeframe is cut into periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Recurrence {
    /// Calendar dates.
    Daily,
    /// Weeks from Monday to Sunday.
    Weekly,
    /// Calendar months.
    Monthly,
    /// From one time a cron expression fires to the next.
    Custom,
}

/// Where the clock stands in a timeframe (spec/aworld.md 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Before its start.
    Pending,
    /// From its start on.
    Active,
    /// From its end on.
    Ended,
}

impl State {
    /// The text kept in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Active => "ACTIVE",
            Self::Ended => "ENDED",
        }
    }

    /// Reads the text kept in the store.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Pending, Self::Active, Self::Ended]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// One period of a timeframe. The periods of one timeframe on one clock lie end to end, and their ids
/// ascend as texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its id (spec/aworld.md 4.5).
    pub id: String,
    /// Its first instant; for the first period of dates, weeks or months this may lie before the start
    /// of the timeframe.
    pub starts_at: Timestamp,
    /// The first instant after it, which may lie behind the end of the timeframe; nothing when it never
    /// ends.
    pub ends_at: Option<Timestamp>,
}

/// What is wrong with a timeframe: the member of the object, and what can follow its name.
pub type Problem = (&'static str, String);

impl Timeframe {
    /// What is wrong with it (spec/aworld.md 2.8).
    pub fn problems(&self) -> Vec<Problem> {
        self.compile().err().unwrap_or_default()
    }

    /// Reads zone and cron expression once, for many questions. Fails with what is wrong.
    ///
    /// A cron expression has the fields minute, hour, day of month, month and day of week, with `*`,
    /// lists, ranges, steps, English names, `?` for any day, `L` for the last day of the month and
    /// `MON#2` for the second Monday of it; or it is a nickname such as `@daily`.
    pub fn compile(&self) -> Result<Schedule, Vec<Problem>> {
        let mut problems: Vec<Problem> = Vec::new();
        let fixed_zone = match (self.timeframe_timezone_type, &self.timeframe_timezone) {
            (TimezoneType::User, _) => None,
            (TimezoneType::Fixed, None) => {
                problems.push((
                    "timeframeTimezone",
                    "is required when timeframeTimezoneType is FIXED".to_owned(),
                ));
                None
            }
            (TimezoneType::Fixed, Some(name)) => {
                let zone = Zone::named(name);
                if zone.is_none() {
                    problems.push((
                        "timeframeTimezone",
                        format!("{name:?} is not an IANA time zone"),
                    ));
                }
                zone
            }
        };
        let ends_at = self
            .timeframe_ends_at
            .filter(|_| self.timeframe_type != TimeframeType::Permanent);
        let end_problem = match (self.timeframe_type, ends_at) {
            (TimeframeType::Permanent, _) => None,
            (_, None) => Some("is required unless timeframeType is PERMANENT"),
            (_, Some(end)) => {
                (end <= self.timeframe_starts_at).then_some("must be after timeframeStartsAt")
            }
        };
        problems.extend(end_problem.map(|sentence| ("timeframeEndsAt", sentence.to_owned())));
        let cadence = match self.cadence() {
            Ok(cadence) if problems.is_empty() => cadence,
            Ok(_) => return Err(problems),
            Err(problem) => {
                problems.push(problem);
                return Err(problems);
            }
        };
        Ok(Schedule {
            fixed_zone,
            starts_at: self.timeframe_starts_at,
            ends_at,
            cadence,
        })
    }

    fn cadence(&self) -> Result<Cadence, Problem> {
        let recurrence = match (self.timeframe_type, self.recurrence) {
            (TimeframeType::Recurring, recurrence) => recurrence,
            (_, None) => None,
            (_, Some(_)) => {
                let sentence = "must be absent unless timeframeType is RECURRING";
                return Err(("recurrence", sentence.to_owned()));
            }
        };
        if self.schedule_cron.is_some() && recurrence != Some(Recurrence::Custom) {
            let sentence = "must be absent unless recurrence is CUSTOM";
            return Err(("scheduleCron", sentence.to_owned()));
        }
        Ok(match (self.timeframe_type, recurrence) {
            (TimeframeType::Permanent, _) => Cadence::Permanent,
            (TimeframeType::Range, _) => Cadence::Range,
            (TimeframeType::Recurring, Some(Recurrence::Daily)) => Cadence::Dates(date_period),
            (TimeframeType::Recurring, Some(Recurrence::Weekly)) => Cadence::Dates(iso_week),
            (TimeframeType::Recurring, Some(Recurrence::Monthly)) => Cadence::Dates(month_period),
            (TimeframeType::Recurring, Some(Recurrence::Custom)) => {
                let text = self.schedule_cron.as_deref().ok_or_else(|| {
                    let sentence = "is required when recurrence is CUSTOM";
                    ("scheduleCron", sentence.to_owned())
                })?;
                Cadence::Cron(Cron::parse(text).map_err(|clause| ("scheduleCron", clause))?)
            }
            (TimeframeType::Recurring, None) => {
                let sentence = "is required when timeframeType is RECURRING";
                return Err(("recurrence", sentence.to_owned()));
            }
        })
    }
}

/// A timeframe ready to be asked; see [`Timeframe::compile`].
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Nothing when each user's own zone counts.
    fixed_zone: Option<Zone>,
    /// With a fixed zone an instant; else its reading in UTC is what counts.
    starts_at: Timestamp,
    ends_at: Option<Timestamp>,
    cadence: Cadence,
}

/// How a timeframe is cut into periods.
#[derive(Clone, Debug)]
enum Cadence {
    Permanent,
    Range,
    /// By the dates that belong together, and their id.
    Dates(fn(Date) -> (calendar::Period, String)),
    Cron(Cron),
}

impl Schedule {
    /// Where the clock stands for a user of a zone: active from the start on, ended from the end on
    /// (spec/aworld.md 4.4).
    pub fn state(&self, user_zone: &Zone, now: Timestamp) -> State {
        if now < self.instant(user_zone, self.starts_at) {
            State::Pending
        } else if self.is_before_end(user_zone, now) {
            State::Active
        } else {
            State::Ended
        }
    }

    /// The period in which an active timeframe stands. Nothing when it is not active, and before a
    /// cron expression has fired for the first time since its start.
    pub fn period(&self, user_zone: &Zone, now: Timestamp) -> Option<Period> {
        if self.state(user_zone, now) != State::Active {
            return None;
        }
        let starts_at = self.instant(user_zone, self.starts_at);
        let zone = self.zone(user_zone);
        Some(match &self.cadence {
            Cadence::Permanent => Period {
                id: "PERMANENT".to_owned(),
                starts_at,
                ends_at: None,
            },
            Cadence::Range => Period {
                id: utc_text(self.starts_at),
                starts_at,
                ends_at: self.ends_at.map(|end| self.instant(user_zone, end)),
            },
            Cadence::Dates(period_of) => {
                let (dates, id) = period_of(zone.furthest(now).date());
                Period {
                    id,
                    starts_at: zone.start_of(dates.start),
                    ends_at: Some(zone.start_of(days_after(dates.end, 1))),
                }
            }
            Cadence::Cron(cron) => {
                let fired = last_fire(cron, zone, now).filter(|fired| *fired >= starts_at)?;
                Period {
                    id: utc_text(fired),
                    starts_at: fired,
                    ends_at: next_fire(cron, zone, now),
                }
            }
        })
    }

    /// When the next period starts after an instant: for a pending timeframe the first one, which lies
    /// at its start unless a cron expression has to fire first. Nothing when there is none any more.
    pub fn next_start(&self, user_zone: &Zone, now: Timestamp) -> Option<Timestamp> {
        let zone = self.zone(user_zone);
        let starts_at = self.instant(user_zone, self.starts_at);
        let next = match (&self.cadence, now < starts_at) {
            (Cadence::Cron(cron), true) => last_fire(cron, zone, starts_at)
                .filter(|fired| *fired == starts_at)
                .or_else(|| next_fire(cron, zone, starts_at)),
            (Cadence::Cron(cron), false) => next_fire(cron, zone, now),
            (_, true) => Some(starts_at),
            (Cadence::Permanent | Cadence::Range, false) => None,
            (Cadence::Dates(period_of), false) => {
                let (dates, _) = period_of(zone.furthest(now).date());
                Some(zone.start_of(days_after(dates.end, 1)))
            }
        };
        next.filter(|next| self.is_before_end(user_zone, *next))
    }

    /// The clock on which the periods are read.
    fn zone<'a>(&'a self, user_zone: &'a Zone) -> &'a Zone {
        self.fixed_zone.as_ref().unwrap_or(user_zone)
    }

    /// The instant that a start or end means for a user.
    fn instant(&self, user_zone: &Zone, at: Timestamp) -> Timestamp {
        if self.fixed_zone.is_some() {
            at
        } else {
            user_zone.instant_of(Offset::UTC.to_datetime(at))
        }
    }

    fn is_before_end(&self, user_zone: &Zone, at: Timestamp) -> bool {
        self.ends_at
            .is_none_or(|end| at < self.instant(user_zone, end))
    }
}

/// When a cron expression fired last. What it says about readings that the clock skips happens at the
/// end of the gap; readings that the clock shows twice count the first time.
fn last_fire(cron: &Cron, zone: &Zone, now: Timestamp) -> Option<Timestamp> {
    let reading = cron.at_or_before(zone.furthest(now))?;
    Some(zone.instant_of(reading))
}

/// When a cron expression fires next.
fn next_fire(cron: &Cron, zone: &Zone, now: Timestamp) -> Option<Timestamp> {
    let reading = cron.after(zone.furthest(now))?;
    Some(zone.instant_of(reading))
}

fn date_period(date: Date) -> (calendar::Period, String) {
    let period = calendar::Period {
        start: date,
        end: date,
    };
    (period, date.to_string())
}

fn month_period(date: Date) -> (calendar::Period, String) {
    let period = calendar::Frequency::Monthly.period(date);
    let id = format!("{:04}-{:02}", date.year(), date.month());
    (period, id)
}

/// An instant in UTC by whole seconds, without a sign of the zone: `2025-01-01T00:00:00`.
fn utc_text(at: Timestamp) -> String {
    format!("{:.0}", Offset::UTC.to_datetime(at))
}

/// An instant on the wire: written as `2026-01-15T09:30:00.000Z`, read with any offset.
mod instant {
    use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{at:.3}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(from).map(whole_milliseconds)
    }

    /// What is kept is what was written, so nothing finer may be remembered.
    pub(super) fn whole_milliseconds(at: Timestamp) -> Timestamp {
        let to_millisecond = TimestampRound::new()
            .smallest(Unit::Millisecond)
            .mode(RoundMode::Floor);
        at.round(to_millisecond).unwrap_or(at)
    }
}

/// The same for an instant that may be absent.
mod optional_instant {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::instant::serialize(at, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let at = Option::<Timestamp>::deserialize(from)?;
        Ok(at.map(super::instant::whole_milliseconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone(name: &str) -> Zone {
        Zone::named(name).unwrap()
    }

    fn permanent() -> Timeframe {
        Timeframe {
            timeframe_type: TimeframeType::Permanent,
            timeframe_timezone_type: TimezoneType::User,
            timeframe_timezone: None,
            timeframe_starts_at: at("2025-01-01T00:00:00Z"),
            timeframe_ends_at: None,
            recurrence: None,
            schedule_cron: None,
        }
    }

    fn range() -> Timeframe {
        Timeframe {
            timeframe_type: TimeframeType::Range,
            timeframe_ends_at: Some(at("2027-07-01T00:00:00Z")),
            ..permanent()
        }
    }

    fn recurring(recurrence: Recurrence) -> Timeframe {
        Timeframe {
            timeframe_type: TimeframeType::Recurring,
            recurrence: Some(recurrence),
            ..range()
        }
    }

    fn cron(text: &str) -> Timeframe {
        Timeframe {
            schedule_cron: Some(text.to_owned()),
            ..recurring(Recurrence::Custom)
        }
    }

    fn id(timeframe: &Timeframe, user_zone: &str, now: &str) -> Option<String> {
        let schedule = timeframe.compile().unwrap();
        let period = schedule.period(&zone(user_zone), at(now))?;
        Some(period.id)
    }

    /// spec/aworld.md 4.5, the table.
    #[test]
    fn ids() {
        let now = "2026-12-31T23:30:00Z";
        for (timeframe, in_london, in_rome) in [
            (permanent(), "PERMANENT", "PERMANENT"),
            (range(), "2025-01-01T00:00:00", "2025-01-01T00:00:00"),
            (recurring(Recurrence::Daily), "2026-12-31", "2027-01-01"),
            (recurring(Recurrence::Weekly), "2026-W53", "2026-W53"),
            (recurring(Recurrence::Monthly), "2026-12", "2027-01"),
            (
                cron("0 20 * * *"),
                "2026-12-31T20:00:00",
                "2026-12-31T19:00:00",
            ),
        ] {
            assert_eq!(
                id(&timeframe, "Europe/London", now).as_deref(),
                Some(in_london)
            );
            assert_eq!(id(&timeframe, "Europe/Rome", now).as_deref(), Some(in_rome));
            let fixed = Timeframe {
                timeframe_timezone_type: TimezoneType::Fixed,
                timeframe_timezone: Some("Europe/London".to_owned()),
                ..timeframe
            };
            assert_eq!(id(&fixed, "Europe/Rome", now).as_deref(), Some(in_london));
        }
    }

    #[test]
    fn a_user_reads_start_and_end_on_the_own_clock() {
        let schedule = range().compile().unwrap();
        let tokyo = zone("Asia/Tokyo");
        let start = at("2024-12-31T15:00:00Z");
        let end = at("2027-06-30T15:00:00Z");
        let nanosecond = jiff::Span::new().nanoseconds(1);
        assert_eq!(schedule.state(&tokyo, start - nanosecond), State::Pending);
        assert_eq!(schedule.state(&tokyo, start), State::Active);
        assert_eq!(schedule.state(&tokyo, end - nanosecond), State::Active);
        assert_eq!(schedule.state(&tokyo, end), State::Ended);
        let period = schedule.period(&tokyo, start).unwrap();
        assert_eq!((period.starts_at, period.ends_at), (start, Some(end)));
        assert_eq!(schedule.period(&tokyo, end), None);
        assert_eq!(schedule.next_start(&tokyo, start - nanosecond), Some(start));
        assert_eq!(schedule.next_start(&tokyo, start), None);

        let fixed = Timeframe {
            timeframe_timezone_type: TimezoneType::Fixed,
            timeframe_timezone: Some("Asia/Tokyo".to_owned()),
            ..range()
        };
        let schedule = fixed.compile().unwrap();
        assert_eq!(schedule.state(&tokyo, start), State::Pending);
        let written = fixed.timeframe_starts_at;
        assert_eq!(schedule.state(&tokyo, written), State::Active);
    }

    #[test]
    fn the_next_period_starts_where_this_one_ends_unless_all_ends_before() {
        let daily = recurring(Recurrence::Daily).compile().unwrap();
        let rome = zone("Europe/Rome");
        // The date of 23 hours.
        let now = at("2026-03-29T10:00:00Z");
        let period = daily.period(&rome, now).unwrap();
        assert_eq!(period.starts_at, at("2026-03-28T23:00:00Z"));
        assert_eq!(period.ends_at, Some(at("2026-03-29T22:00:00Z")));
        assert_eq!(daily.next_start(&rome, now), period.ends_at);
        assert_eq!(daily.next_start(&rome, at("2027-06-30T12:00:00Z")), None);
        assert_eq!(
            daily.next_start(&rome, at("2020-01-01T00:00:00Z")),
            Some(at("2024-12-31T23:00:00Z"))
        );
    }

    #[test]
    fn a_fire_before_the_start_does_not_count() {
        let utc = Zone::utc();
        let weekly = cron("0 9 * * MON").compile().unwrap();
        // 2025-01-01 is a Wednesday.
        assert_eq!(weekly.period(&utc, at("2025-01-02T00:00:00Z")), None);
        let first = at("2025-01-06T09:00:00Z");
        assert_eq!(
            weekly.state(&utc, at("2025-01-02T00:00:00Z")),
            State::Active
        );
        for before in ["2020-01-01T00:00:00Z", "2025-01-02T00:00:00Z"] {
            assert_eq!(weekly.next_start(&utc, at(before)), Some(first));
        }
        let period = weekly.period(&utc, first).unwrap();
        assert_eq!(period.starts_at, first);
        assert_eq!(period.ends_at, Some(at("2025-01-13T09:00:00Z")));
        // At the start itself it does.
        let daily = cron("0 0 * * *").compile().unwrap();
        let start = at("2025-01-01T00:00:00Z");
        assert_eq!(daily.period(&utc, start).unwrap().starts_at, start);
        assert_eq!(
            daily.next_start(&utc, at("2024-01-01T00:00:00Z")),
            Some(start)
        );
    }

    #[test]
    fn a_skipped_fire_comes_at_the_end_of_the_gap_and_a_repeated_one_once() {
        let rome = zone("Europe/Rome");
        let daily = cron("30 2 * * *").compile().unwrap();
        let ends = |now: &str| daily.period(&rome, at(now)).unwrap().ends_at.unwrap();
        assert_eq!(ends("2026-03-28T12:00:00Z"), at("2026-03-29T01:00:00Z"));
        assert_eq!(ends("2026-03-29T01:00:00Z"), at("2026-03-30T00:30:00Z"));
        assert_eq!(ends("2026-10-24T12:00:00Z"), at("2026-10-25T00:30:00Z"));
        assert_eq!(ends("2026-10-25T01:29:00Z"), at("2026-10-26T01:30:00Z"));
    }

    #[test]
    fn problems() {
        let fixed = |zone: Option<&str>| Timeframe {
            timeframe_timezone_type: TimezoneType::Fixed,
            timeframe_timezone: zone.map(str::to_owned),
            ..permanent()
        };
        let with_end = |end: Option<&str>, timeframe: Timeframe| Timeframe {
            timeframe_ends_at: end.map(at),
            ..timeframe
        };
        for (timeframe, expected) in [
            (permanent(), None),
            (with_end(Some("2020-01-01T00:00:00Z"), permanent()), None),
            (range(), None),
            (recurring(Recurrence::Weekly), None),
            (cron("0 0 * * *"), None),
            (fixed(None), Some("timeframeTimezone")),
            (fixed(Some("Mars/Base")), Some("timeframeTimezone")),
            (with_end(None, range()), Some("timeframeEndsAt")),
            (
                with_end(Some("2025-01-01T00:00:00Z"), range()),
                Some("timeframeEndsAt"),
            ),
            (
                with_end(None, recurring(Recurrence::Daily)),
                Some("timeframeEndsAt"),
            ),
            (
                Timeframe {
                    recurrence: None,
                    ..recurring(Recurrence::Daily)
                },
                Some("recurrence"),
            ),
            (
                Timeframe {
                    recurrence: Some(Recurrence::Daily),
                    ..permanent()
                },
                Some("recurrence"),
            ),
            (recurring(Recurrence::Custom), Some("scheduleCron")),
            (cron("0 0 31 2 *"), Some("scheduleCron")),
            (cron("soon"), Some("scheduleCron")),
            (
                Timeframe {
                    recurrence: Some(Recurrence::Daily),
                    ..cron("0 0 * * *")
                },
                Some("scheduleCron"),
            ),
        ] {
            let found: Vec<&str> = timeframe.problems().iter().map(|(at, _)| *at).collect();
            assert_eq!(found, Vec::from_iter(expected), "{timeframe:?}");
        }
        // Each is named.
        let all = Timeframe {
            schedule_cron: Some("soon".to_owned()),
            ..with_end(None, fixed(None))
        };
        let all = Timeframe {
            timeframe_type: TimeframeType::Recurring,
            recurrence: Some(Recurrence::Custom),
            ..all
        };
        assert_eq!(all.problems().len(), 3);
    }

    #[test]
    fn json() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Rule {
            name: String,
            #[serde(flatten)]
            timeframe: Timeframe,
        }
        let text = r#"{"name":"n","timeframeType":"RECURRING","timeframeTimezoneType":"FIXED","timeframeTimezone":"Europe/Rome","timeframeStartsAt":"2026-01-15T09:30:00.000Z","timeframeEndsAt":"2026-02-15T09:30:00.000Z","recurrence":"CUSTOM","scheduleCron":"@daily"}"#;
        let rule: Rule = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&rule).unwrap(), text);
        // Any offset, finer than milliseconds, null for absent.
        let text = r#"{"timeframeType":"PERMANENT","timeframeTimezoneType":"USER","timeframeStartsAt":"2026-01-15T10:30:00.0009999+01:00","timeframeEndsAt":null,"recurrence":null}"#;
        let timeframe: Timeframe = serde_json::from_str(text).unwrap();
        assert_eq!(timeframe.timeframe_starts_at, at("2026-01-15T09:30:00Z"));
        assert_eq!(
            serde_json::to_string(&timeframe).unwrap(),
            r#"{"timeframeType":"PERMANENT","timeframeTimezoneType":"USER","timeframeStartsAt":"2026-01-15T09:30:00.000Z"}"#
        );
        for state in [State::Pending, State::Active, State::Ended] {
            let text = serde_json::to_string(&state).unwrap();
            assert_eq!(text, format!("{:?}", state.name()));
            assert_eq!(State::named(state.name()), Some(state));
        }
    }
}

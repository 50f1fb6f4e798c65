//! Cron expressions as sets of readings of a wall clock.
//!
//! Which instants those readings are is for [`crate::calendar::Zone`] to say: no zone is known here.

use jiff::civil::{Date, DateTime};

/// Two leap days that fall on the same weekday are 40 years apart at the most, and nothing else that
/// five fields can ask for is rarer. What does not fire within that time never fires.
const HORIZON_MONTHS: usize = 12 * 41;

/// The longest text that is read, in bytes: more than lists of all values need.
const LENGTH_MAX: usize = 512;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// The readings at which an expression fires: whole minutes, each set a mask by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    /// `L` among the days of the month.
    last_day: bool,
    months: u64,
    /// Sunday is 0.
    weekdays: u64,
    /// Weekdays that count only as the first to fifth of their month (`MON#2`).
    nth_weekdays: [u64; 5],
    /// Whether a date needs to fit only one of the two day fields: crontab(5) lets them add up when
    /// neither starts with `*`.
    either_day: bool,
}

impl Cron {
    /// Reads `minute hour day-of-month month day-of-week` or a nickname such as `@daily`. An error is
    /// a clause that can follow the name of the field.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LENGTH_MAX {
            return Err(format!("must have at most {LENGTH_MAX} characters"));
        }
        let text = match text.trim().to_ascii_lowercase().as_str() {
            "@hourly" => "0 * * * *".to_owned(),
            "@daily" | "@midnight" => "0 0 * * *".to_owned(),
            "@weekly" => "0 0 * * 0".to_owned(),
            "@monthly" => "0 0 1 * *".to_owned(),
            "@yearly" | "@annually" => "0 0 1 1 *".to_owned(),
            other => other.to_owned(),
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!(
                "must have five fields (minute, hour, day of month, month, day of week), not {}",
                fields.len()
            ));
        };
        let (days, last_day) = days(day)?;
        let (weekdays, nth_weekdays) = weekdays(weekday)?;
        let cron = Self {
            minutes: Field::new("minute", 0, 59, &[]).set(minute)?,
            hours: Field::new("hour", 0, 23, &[]).set(hour)?,
            days,
            last_day,
            months: Field::new("month", 1, 12, &MONTHS).set(month)?,
            weekdays,
            nth_weekdays,
            either_day: !day.starts_with(['*', '?']) && !weekday.starts_with(['*', '?']),
        };
        // Any year does: none is further than the horizon from the next one like it.
        match cron.date_from(Date::constant(2000, 1, 1)) {
            Some(_) => Ok(cron),
            None => Err("names dates that do not exist".to_owned()),
        }
    }

    /// The last reading at which it fires that is not after another.
    pub(super) fn at_or_before(&self, reading: DateTime) -> Option<DateTime> {
        let date = reading.date();
        let (hour, minute) = (part(reading.hour()), part(reading.minute()));
        if self.fires_on(date) {
            let in_hour = highest(self.minutes, minute).filter(|_| contains(self.hours, hour));
            let earlier = || {
                let hour = highest(self.hours, hour.checked_sub(1)?)?;
                Some((hour, highest(self.minutes, 59)?))
            };
            if let Some(time) = in_hour.map(|minute| (hour, minute)).or_else(earlier) {
                return at(date, time);
            }
        }
        let date = self.date_to(date.yesterday().ok()?)?;
        at(date, (highest(self.hours, 23)?, highest(self.minutes, 59)?))
    }

    /// The first reading at which it fires that is after another.
    pub(super) fn after(&self, reading: DateTime) -> Option<DateTime> {
        let date = reading.date();
        let (hour, minute) = (part(reading.hour()), part(reading.minute()));
        if self.fires_on(date) {
            let in_hour = lowest(self.minutes, minute.saturating_add(1))
                .filter(|_| contains(self.hours, hour));
            let later = || {
                let hour = lowest(self.hours, hour.saturating_add(1))?;
                Some((hour, lowest(self.minutes, 0)?))
            };
            if let Some(time) = in_hour.map(|minute| (hour, minute)).or_else(later) {
                return at(date, time);
            }
        }
        let date = self.date_from(date.tomorrow().ok()?)?;
        at(date, (lowest(self.hours, 0)?, lowest(self.minutes, 0)?))
    }

    fn fires_on(&self, date: Date) -> bool {
        let day = part(date.day());
        let fits_day = contains(self.days, day) || self.last_day && date == date.last_of_month();
        let weekday = part(date.weekday().to_sunday_zero_offset());
        let nth = usize::from(day.saturating_sub(1) / 7);
        let fits_weekday = contains(self.weekdays, weekday)
            || self
                .nth_weekdays
                .get(nth)
                .is_some_and(|set| contains(*set, weekday));
        contains(self.months, part(date.month()))
            && if self.either_day {
                fits_day || fits_weekday
            } else {
                fits_day && fits_weekday
            }
    }

    /// The last date not after another.
    fn date_to(&self, date: Date) -> Option<Date> {
        let mut last = date;
        for _ in 0..HORIZON_MONTHS {
            if contains(self.months, part(last.month())) {
                let mut dates = (1..=last.day())
                    .rev()
                    .filter_map(|day| Date::new(last.year(), last.month(), day).ok());
                if let Some(found) = dates.find(|date| self.fires_on(*date)) {
                    return Some(found);
                }
            }
            last = last.first_of_month().yesterday().ok()?;
        }
        None
    }

    /// The first date not before another.
    fn date_from(&self, date: Date) -> Option<Date> {
        let mut first = date;
        for _ in 0..HORIZON_MONTHS {
            if contains(self.months, part(first.month())) {
                let mut dates = (first.day()..=first.days_in_month())
                    .filter_map(|day| Date::new(first.year(), first.month(), day).ok());
                if let Some(found) = dates.find(|date| self.fires_on(*date)) {
                    return Some(found);
                }
            }
            first = first.last_of_month().tomorrow().ok()?;
        }
        None
    }
}

/// One field: its name for errors, its range, and the names of its values from the lowest on.
#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    min: u8,
    max: u8,
    names: &'static [&'static str],
}

impl Field {
    fn new(name: &'static str, min: u8, max: u8, names: &'static [&'static str]) -> Self {
        Self {
            name,
            min,
            max,
            names,
        }
    }

    /// The mask of a list of values, ranges and steps.
    fn set(self, text: &str) -> Result<u64, String> {
        text.split(',')
            .try_fold(0, |set, item| Ok(set | self.item(item)?))
    }

    fn item(self, item: &str) -> Result<u64, String> {
        let unreadable = || {
            format!(
                "has an unreadable {}: {item:?} (values are {} to {})",
                self.name, self.min, self.max
            )
        };
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(number(step).ok_or_else(unreadable)?)),
            None => (item, None),
        };
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (self.min, self.max),
            Some((low, high)) => {
                let low = self.value(low).ok_or_else(unreadable)?;
                let high = self.value(high).ok_or_else(unreadable)?;
                // A range may run up to Sunday, whichever way that is written.
                let is_sunday = self.max == 7 && high == 0 && low > 0;
                (low, if is_sunday { 7 } else { high })
            }
            // `5/10` is read in two ways by others: as 5, and as 5-59/10.
            None if step.is_some() => return Err(unreadable()),
            None => {
                let value = self.value(range).ok_or_else(unreadable)?;
                (value, value)
            }
        };
        let step = step.unwrap_or(1);
        if low > high || step == 0 {
            return Err(unreadable());
        }
        Ok((low..=high)
            .step_by(usize::from(step))
            .fold(0, |set, value| set | bit(value)))
    }

    fn value(self, text: &str) -> Option<u8> {
        let named = || {
            (self.min..)
                .zip(self.names)
                .find(|(_, name)| **name == text)
        };
        number(text)
            .or_else(|| named().map(|(value, _)| value))
            .filter(|value| (self.min..=self.max).contains(value))
    }
}

/// The days of the month, and whether the last one is among them.
fn days(text: &str) -> Result<(u64, bool), String> {
    let field = Field::new("day of month", 1, 31, &[]);
    let mut found = (0, false);
    for item in text.split(',') {
        match item {
            "l" => found.1 = true,
            "?" => found.0 |= field.set("*")?,
            item => found.0 |= field.item(item)?,
        }
    }
    Ok(found)
}

/// The weekdays, and those that count only as the first to fifth of their month.
fn weekdays(text: &str) -> Result<(u64, [u64; 5]), String> {
    let field = Field::new("day of week", 0, 7, &WEEKDAYS);
    let sunday_is_0 = |set: u64| (set | (set >> 7)) & 0b111_1111;
    let mut every = 0;
    let mut nth = [0; 5];
    for item in text.split(',') {
        if item == "?" {
            every |= field.set("*")?;
        } else if let Some((weekday, place)) = item.split_once('#') {
            let set = number(place)
                .and_then(|place| nth.get_mut(usize::from(place).checked_sub(1)?))
                .ok_or_else(|| format!("has an unreadable day of week: {item:?} (#1 to #5)"))?;
            *set |= sunday_is_0(field.item(weekday)?);
        } else {
            every |= sunday_is_0(field.item(item)?);
        }
    }
    Ok((every, nth))
}

/// A number of at most three digits and nothing else.
fn number(text: &str) -> Option<u8> {
    let is_number = text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// A part of a reading; none is negative.
fn part(value: i8) -> u8 {
    value.unsigned_abs()
}

fn bit(value: u8) -> u64 {
    1_u64.checked_shl(u32::from(value)).unwrap_or(0)
}

fn contains(set: u64, value: u8) -> bool {
    set & bit(value) != 0
}

fn highest(set: u64, at_most: u8) -> Option<u8> {
    (0..=at_most).rev().find(|value| contains(set, *value))
}

fn lowest(set: u64, at_least: u8) -> Option<u8> {
    (at_least..=59).find(|value| contains(set, *value))
}

fn at(date: Date, (hour, minute): (u8, u8)) -> Option<DateTime> {
    let time = jiff::civil::Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
    Some(date.to_datetime(time.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(text: &str, reading: &str) -> String {
        let next = Cron::parse(text).unwrap().after(reading.parse().unwrap());
        next.unwrap().to_string()
    }

    #[test]
    fn fires() {
        let from = "2026-01-15T09:30:00"; // a Thursday
        for (text, expected) in [
            ("* * * * *", "2026-01-15T09:31:00"),
            ("30 9 * * *", "2026-01-16T09:30:00"),
            ("*/20 9 * * *", "2026-01-15T09:40:00"),
            ("10-50/20 * * * *", "2026-01-15T09:50:00"),
            ("0 8 * * MON", "2026-01-19T08:00:00"),
            ("0 8 * * sat-sun", "2026-01-17T08:00:00"),
            ("0 8 * * 7", "2026-01-18T08:00:00"),
            ("0 8 * Feb-Apr *", "2026-02-01T08:00:00"),
            ("0 8 29 2 *", "2028-02-29T08:00:00"),
            ("0 8 L * *", "2026-01-31T08:00:00"),
            ("0 8 L 2 *", "2026-02-28T08:00:00"),
            ("0 8 ? * mon#2", "2026-02-09T08:00:00"),
            ("0 8 * 2 0#5", "2032-02-29T08:00:00"),
            // Both day fields: either fits, unless one of them starts with a star.
            ("0 8 13 * 5", "2026-01-16T08:00:00"),
            ("0 8 */13 * 5", "2026-02-27T08:00:00"),
            ("@weekly", "2026-01-18T00:00:00"),
            ("  @Monthly ", "2026-02-01T00:00:00"),
        ] {
            assert_eq!(next(text, from), expected, "{text}");
        }
    }

    #[test]
    fn backwards_is_forwards_mirrored() {
        let from: DateTime = "2026-01-15T09:30:00".parse().unwrap();
        for text in [
            "* * * * *",
            "30 9 * * *",
            "17 */5 L,1 * 2",
            "0 0 29 2 *",
            "59 23 31 12 *",
        ] {
            let cron = Cron::parse(text).unwrap();
            let last = cron.at_or_before(from).unwrap();
            assert!(last <= from);
            let next = cron.after(from).unwrap();
            assert_eq!(cron.after(last).unwrap(), next, "{text}");
            assert_eq!(cron.at_or_before(next).unwrap(), next, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_or_never_fires_is_refused() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 13 *",
            "* * * * 8",
            "*/0 * * * *",
            "5/10 * * * *",
            "30-10 * * * *",
            "+5 * * * *",
            "-5 * * * *",
            "1,,2 * * * *",
            "* * * * 1#6",
            "* * * * #",
            "? * * * *",
            "@reboot",
            "٣ * * * *",
            "0 0 31 2 *",
            "0 0 30 feb *",
            "0 0 31 4,6,9,11 *",
        ] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
        assert!(Cron::parse(&"1,".repeat(1000)).is_err());
    }

    #[test]
    fn the_ends_of_the_calendar_hold() {
        let cron = Cron::parse("0 0 29 2 1").unwrap();
        assert_eq!(cron.after(DateTime::MAX), None);
        assert_eq!(cron.at_or_before(DateTime::MIN), None);
    }
}

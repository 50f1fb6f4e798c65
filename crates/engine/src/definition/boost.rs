//! Boosts: times in which earned points are multiplied (spec/trophy.md 6.7, 13.9).

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Definition, Filter, Kind, name_problem};
use crate::amount::Amount;
use crate::calendar::{days_after, utc_hour};
use crate::id::{CurrencyId, UserId};

/// How boosted points become whole. The order is that of precedence: where boosts disagree, the least one counts (AMB-33).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Towards zero.
    #[default]
    Down,
    /// To the nearest whole number, halves away from zero.
    Nearest,
    /// Away from zero.
    Up,
}

/// Where a boost is in its life; follows from its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoostStatus {
    /// Its first date lies ahead.
    Scheduled,
    /// It counts.
    Active,
    /// Its last date has passed.
    Finished,
}

/// The one user whom a boost is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoostUser {
    /// Our number, which stays when the user is renamed.
    pub number: i64,
    /// The caller's id when the boost was made.
    pub name: String,
}

impl BoostUser {
    /// The user.
    pub fn id(&self) -> UserId {
        UserId(self.number)
    }
}

/// A time in which the points that users earn in a system are multiplied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointsBoost {
    /// The system it belongs to.
    pub system: CurrencyId,
    /// For people.
    pub name: String,
    /// First date, on each user's own calendar.
    pub start: Date,
    /// Last date; nothing: it does not end.
    pub end: Option<Date>,
    /// By how much, above 0 and below 100.
    pub multiplier: Amount,
    /// How the product becomes whole.
    pub rounding: Rounding,
    /// The one user it is for; nothing: for all who match the filters.
    pub user: Option<BoostUser>,
    /// Only users who match all of these.
    pub user_filters: Vec<Filter>,
}

impl PointsBoost {
    /// Whether a local date lies in it.
    pub fn holds(&self, date: Date) -> bool {
        self.start <= date && self.end.is_none_or(|end| date <= end)
    }

    /// Where it is for somebody whose local date this is.
    pub fn status_on(&self, date: Date) -> BoostStatus {
        if date < self.start {
            BoostStatus::Scheduled
        } else if self.holds(date) {
            BoostStatus::Active
        } else {
            BoostStatus::Finished
        }
    }

    /// Where it is for everybody: active from the moment the first zone is on its first date until the
    /// last zone has left its last one (AMB-34).
    pub fn status_everywhere(&self, now: Timestamp) -> BoostStatus {
        if now < utc_hour(days_after(self.start, -1), 10) {
            BoostStatus::Scheduled
        } else if self
            .end
            .is_some_and(|end| now >= utc_hour(days_after(end, 1), 12))
        {
            BoostStatus::Finished
        } else {
            BoostStatus::Active
        }
    }

    /// Where it is at an instant that is this date for the user whom it is for, if there is one.
    pub fn status(&self, now: Timestamp, date: Date) -> BoostStatus {
        match self.user {
            Some(_) => self.status_on(date),
            None => self.status_everywhere(now),
        }
    }
}

impl Definition for PointsBoost {
    const KIND: Kind = Kind::PointsBoost;

    fn unique_key(&self) -> Option<String> {
        None
    }

    fn parent(&self) -> Option<Uuid> {
        Some(self.system.0)
    }

    fn problem(&self) -> Option<String> {
        let sentence = |text: &str| Some(text.to_owned());
        if let Some(problem) = name_problem(&self.name) {
            return Some(problem);
        }
        if self.multiplier <= Amount::ZERO || self.multiplier >= Amount::from_units(100) {
            return sentence("multiplier must be above 0 and below 100");
        }
        if self.multiplier == Amount::from_units(1) {
            return sentence("multiplier must not be 1");
        }
        if self.end.is_some_and(|end| end < self.start) {
            return sentence("end must not be before start");
        }
        if self.user.is_some() && !self.user_filters.is_empty() {
            return sentence("userAttributes are not permitted together with userId");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn boost() -> PointsBoost {
        PointsBoost {
            system: CurrencyId(Uuid::nil()),
            name: "Double".into(),
            start: date(2026, 3, 10),
            end: Some(date(2026, 3, 11)),
            multiplier: Amount::from_units(2),
            rounding: Rounding::Down,
            user: None,
            user_filters: Vec::new(),
        }
    }

    /// AMB-34: from UTC+14 to UTC-12.
    #[test]
    fn amb34_the_status_for_everybody_follows_the_outermost_zones() {
        let status = |now: &str| boost().status_everywhere(now.parse().unwrap());
        assert_eq!(
            status("2026-03-09T09:59:59.999999Z"),
            BoostStatus::Scheduled
        );
        assert_eq!(status("2026-03-09T10:00:00Z"), BoostStatus::Active);
        assert_eq!(status("2026-03-12T11:59:59.999999Z"), BoostStatus::Active);
        assert_eq!(status("2026-03-12T12:00:00Z"), BoostStatus::Finished);
        let open = PointsBoost {
            end: None,
            ..boost()
        };
        assert_eq!(open.status_everywhere(Timestamp::MAX), BoostStatus::Active);
    }

    #[test]
    fn a_users_boost_follows_the_date_of_the_user() {
        let own = PointsBoost {
            user: Some(BoostUser {
                number: 1,
                name: "u".into(),
            }),
            ..boost()
        };
        // An instant at which the boost is active for everybody.
        let now = "2026-03-09T20:00:00Z".parse().unwrap();
        assert_eq!(own.status(now, date(2026, 3, 9)), BoostStatus::Scheduled);
        assert_eq!(own.status(now, date(2026, 3, 10)), BoostStatus::Active);
        assert_eq!(own.status(now, date(2026, 3, 12)), BoostStatus::Finished);
        assert_eq!(boost().status(now, date(2026, 3, 12)), BoostStatus::Active);
    }

    #[test]
    fn wrong_members_are_told() {
        assert_eq!(boost().problem(), None);
        let with = |multiplier: &str| PointsBoost {
            multiplier: Amount::parse(multiplier).unwrap(),
            ..boost()
        };
        for wrong in [
            "1",
            "0",
            "-2",
            "100",
            "0.0000001",
            "1.0000001",
            "99.9999999",
        ] {
            assert!(with(wrong).problem().is_some(), "{wrong}");
        }
        for right in ["0.000001", "0.5", "1.000001", "99.999999"] {
            assert_eq!(with(right).problem(), None, "{right}");
        }
        let name = |name: &str| PointsBoost {
            name: name.into(),
            ..boost()
        };
        assert_eq!(name(&"n".repeat(255)).problem(), None);
        assert!(name(&"n".repeat(256)).problem().is_some());
        assert!(name(" ").problem().is_some());
        let early = PointsBoost {
            end: Some(date(2026, 3, 9)),
            ..boost()
        };
        assert!(early.problem().unwrap().contains("end"));
    }
}

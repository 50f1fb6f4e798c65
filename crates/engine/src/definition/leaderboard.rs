//! Leaderboards (spec/trophy.md 7.1, 7.2, 13.11).

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Definition, Filter, Kind, key_problem, name_problem};
use crate::calendar::{RunUnit, Schedule, days_after, utc_hour};
use crate::id::{AttributeId, CurrencyId, MetricId};

/// Where a board stands (spec/trophy.md 7.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoardStatus {
    /// Being set up; invisible.
    #[default]
    Inactive,
    /// Will become active by itself.
    Scheduled,
    /// Ranking.
    Active,
    /// Over.
    Finished,
}

/// What a board ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by", content = "id")]
pub enum RankBy {
    /// The sum of a metric's events.
    Metric(MetricId),
    /// The points earned in a system.
    Points(CurrencyId),
    /// The length of the streak.
    Streak,
}

/// How a repeating board repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The unit.
    pub unit: RunUnit,
    /// How many units a run lasts.
    pub interval: i64,
}

/// A ranking of users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Board {
    /// For people.
    pub name: String,
    /// For programs.
    pub key: String,
    /// For people, longer.
    pub description: Option<String>,
    /// As set by hand; [`Board::status_at`] adds what time does.
    pub status: BoardStatus,
    /// What is ranked.
    pub rank_by: RankBy,
    /// How many users are shown in each group.
    pub max_participants: i64,
    /// First date.
    pub start: Date,
    /// Last date, included.
    pub end: Option<Date>,
    /// How it repeats; nothing for a perpetual board.
    pub run: Option<Run>,
    /// Users are ranked among those with the same values of these.
    pub breakdown: Vec<AttributeId>,
    /// Only users who match all of these take part.
    pub user_filters: Vec<Filter>,
}

/// The most participants a board can show (spec/trophy.md 7.1).
pub const PARTICIPANTS_MAX: i64 = 1_000;

impl Board {
    /// When its runs begin and end.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            start: self.start,
            end: self.end,
            every: self.run.map(|run| (run.unit, run.interval)),
        }
    }

    /// The status at an instant: a scheduled board becomes active when the first zone reaches its
    /// start (10:00 UTC the day before), an active one finished when the last zone has left its end
    /// (12:00 UTC the day after) (spec/trophy.md 7.5).
    pub fn status_at(&self, now: Timestamp) -> BoardStatus {
        let is_over = self
            .end
            .is_some_and(|end| now >= utc_hour(days_after(end, 1), 12));
        match self.status {
            BoardStatus::Scheduled | BoardStatus::Active if is_over => BoardStatus::Finished,
            BoardStatus::Scheduled if now >= utc_hour(days_after(self.start, -1), 10) => {
                BoardStatus::Active
            }
            status => status,
        }
    }
}

impl Definition for Board {
    const KIND: Kind = Kind::Leaderboard;

    fn unique_key(&self) -> Option<String> {
        Some(self.key.clone())
    }

    fn problem(&self) -> Option<String> {
        name_problem(&self.name)
            .or_else(|| key_problem(&self.key))
            .or_else(|| {
                let sentence = if !(1..=PARTICIPANTS_MAX).contains(&self.max_participants) {
                    "maxParticipants must be between 1 and 1000"
                } else if self.end.is_some_and(|end| end < self.start) {
                    "end must not be before start"
                } else if self.run.is_some_and(|run| run.interval < 1) {
                    "runInterval must be at least 1"
                } else if self.run.is_some_and(|run| run.interval > 100_000) {
                    "runInterval must be at most 100000"
                } else if self.run.is_some() && self.rank_by == RankBy::Streak {
                    "streak leaderboards cannot repeat"
                } else {
                    return None;
                };
                Some(sentence.to_owned())
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Period;
    use jiff::civil::date;

    #[test]
    fn status_follows_the_outermost_zones() {
        let mut board = Board {
            name: "B".into(),
            key: "b".into(),
            description: None,
            status: BoardStatus::Scheduled,
            rank_by: RankBy::Streak,
            max_participants: 10,
            start: date(2026, 3, 1),
            end: Some(date(2026, 3, 31)),
            run: None,
            breakdown: vec![],
            user_filters: vec![],
        };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (now, status) in [
            ("2026-02-28T09:59:59Z", BoardStatus::Scheduled),
            ("2026-02-28T10:00:00Z", BoardStatus::Active),
            ("2026-04-01T11:59:59Z", BoardStatus::Active),
            ("2026-04-01T12:00:00Z", BoardStatus::Finished),
        ] {
            assert_eq!(board.status_at(at(now)), status, "{now}");
        }
        board.status = BoardStatus::Inactive;
        assert_eq!(
            board.status_at(at("2026-04-02T00:00:00Z")),
            BoardStatus::Inactive
        );
        assert_eq!(
            board.schedule().run(0),
            Some(Period {
                start: date(2026, 3, 1),
                end: date(2026, 3, 31)
            })
        );
    }
}

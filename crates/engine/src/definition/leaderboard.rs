//! Leaderboards (spec/trophy.md 7.1, 7.2, 13.11).

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use super::{Definition, Filter, Kind, key_problem, name_problem};
use crate::calendar::{RunUnit, Schedule, days_after, second_of_day, utc_hour};
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
    /// The time of day from which activity counts, in whole seconds.
    #[serde(default)]
    pub start_time: Option<Time>,
    /// The time of day before which activity counts, in whole seconds.
    #[serde(default)]
    pub end_time: Option<Time>,
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

    /// Whether activity at a time of day, in seconds since 00:00, counts (spec/trophy.md 7.7). A time that is
    /// not known lies outside of every window.
    pub fn counts_at(&self, second: Option<i64>) -> bool {
        if self.start_time.is_none() && self.end_time.is_none() {
            return true;
        }
        second.is_some_and(|second| {
            self.start_time
                .is_none_or(|start| second >= second_of_day(start))
                && self.end_time.is_none_or(|end| second < second_of_day(end))
        })
    }

    /// The run for which activity counts on a date, at a time of day as for [`Board::counts_at`].
    pub fn run_at(&self, date: Date, second: Option<i64>) -> Option<i64> {
        self.schedule()
            .run_at(date)
            .filter(|_| self.counts_at(second))
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
                } else if self
                    .end_time
                    .is_some_and(|end| self.start_time.unwrap_or(Time::midnight()) >= end)
                {
                    "startTime must be before endTime"
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

    fn march() -> Board {
        Board {
            name: "B".into(),
            key: "b".into(),
            description: None,
            status: BoardStatus::Scheduled,
            rank_by: RankBy::Streak,
            max_participants: 10,
            start: date(2026, 3, 1),
            end: Some(date(2026, 3, 31)),
            start_time: None,
            end_time: None,
            run: None,
            breakdown: vec![],
            user_filters: vec![],
        }
    }

    /// AMB-40, and the bounds of a window: the first belongs to it, the last does not.
    #[test]
    fn amb_40_a_window_is_a_part_of_the_day() {
        let time = |text: &str| Some(text.parse::<Time>().unwrap());
        let nine = 9 * 3_600;
        for (start, end, inside, outside) in [
            (None, None, vec![0, 86_399], vec![]),
            (time("09:00"), None, vec![nine, 86_399], vec![0, nine - 1]),
            (None, time("09:00"), vec![0, nine - 1], vec![nine, 86_399]),
            (
                time("09:00"),
                time("09:00:01"),
                vec![nine],
                vec![nine - 1, nine + 1],
            ),
        ] {
            let board = Board {
                start_time: start,
                end_time: end,
                ..march()
            };
            assert_eq!(board.problem(), None);
            assert!(inside.iter().all(|second| board.counts_at(Some(*second))));
            assert!(!outside.iter().any(|second| board.counts_at(Some(*second))));
            assert_eq!(board.counts_at(None), start.is_none() && end.is_none());
        }
        for (start, end) in [
            (time("09:00"), time("09:00")),
            (time("17:00"), time("09:00")),
            (None, time("00:00")),
        ] {
            let board = Board {
                start_time: start,
                end_time: end,
                ..march()
            };
            assert_eq!(
                board.problem().as_deref(),
                Some("startTime must be before endTime")
            );
        }
    }

    /// Bodies of before there were windows.
    #[test]
    fn a_stored_board_without_a_window_is_read() {
        let mut body = serde_json::to_value(march()).unwrap();
        let members = body.as_object_mut().unwrap();
        members.remove("start_time");
        members.remove("end_time");
        assert_eq!(serde_json::from_value::<Board>(body).unwrap(), march());
    }

    #[test]
    fn status_follows_the_outermost_zones() {
        let mut board = march();
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

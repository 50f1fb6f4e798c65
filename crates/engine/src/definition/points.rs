//! Points systems, their levels and their triggers (spec/trophy.md 6, 13.7, 13.8, 13.10).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Definition, Filter, Kind, key_problem, name_problem};
use crate::id::{AchievementId, CurrencyId, MetricId};

/// No balance and no configured number of points goes beyond this: doubles still hold it exactly.
pub const POINTS_MAX: i64 = 9_000_000_000_000_000;

/// A currency of whole numbers that triggers award.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointsSystem {
    /// For people.
    pub name: String,
    /// For programs; never changes.
    pub key: String,
    /// For people, longer; may be empty.
    pub description: String,
    /// Address of its picture.
    pub badge_url: Option<String>,
    /// The most a user can have.
    pub max_points: Option<i64>,
}

impl Definition for PointsSystem {
    const KIND: Kind = Kind::PointsSystem;

    fn unique_key(&self) -> Option<String> {
        Some(self.key.clone())
    }

    fn problem(&self) -> Option<String> {
        name_problem(&self.name)
            .or_else(|| key_problem(&self.key))
            .or_else(|| {
                self.max_points
                    .is_some_and(|max| !(1..=POINTS_MAX).contains(&max))
                    .then(|| "maxPoints must be at least 1".to_owned())
            })
    }
}

/// A named threshold of a points system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointsLevel {
    /// The system it belongs to.
    pub system: CurrencyId,
    /// For people.
    pub name: String,
    /// For programs; unique in the system; never changes.
    pub key: String,
    /// For people, longer; may be empty.
    pub description: String,
    /// Address of its picture.
    pub badge_url: Option<String>,
    /// The points needed.
    pub points: i64,
}

impl Definition for PointsLevel {
    const KIND: Kind = Kind::PointsLevel;

    fn unique_key(&self) -> Option<String> {
        Some(format!("{}:{}", self.system, self.key))
    }

    fn parent(&self) -> Option<Uuid> {
        Some(self.system.0)
    }

    fn problem(&self) -> Option<String> {
        name_problem(&self.name)
            .or_else(|| key_problem(&self.key))
            .or_else(|| {
                (!(0..=POINTS_MAX).contains(&self.points))
                    .then(|| "points must be at least 0".to_owned())
            })
    }
}

/// When a trigger awards its points (spec/trophy.md 6.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum TriggerRule {
    /// Once for every multiple of the threshold that the metric passes.
    Metric {
        /// The metric.
        metric: MetricId,
        /// The step.
        threshold: i64,
        /// Only events that match all of these count.
        event_filters: Vec<Filter>,
    },
    /// When the streak reaches a multiple of the length.
    Streak {
        /// In periods.
        length: i64,
    },
    /// When an achievement completes.
    Achievement {
        /// Which.
        achievement: AchievementId,
    },
    /// Again and again as time passes (AMB-31).
    Time {
        /// In what the interval is counted.
        unit: TickUnit,
        /// How much time lies between two awards.
        interval: i64,
    },
    /// When a user is first seen.
    UserCreation,
}

/// The unit of a time trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TickUnit {
    /// Sixty minutes each, whatever clocks show.
    Hours,
    /// The user's local dates.
    Days,
}

impl TriggerRule {
    /// The name of the rule on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Metric { .. } => "metric",
            Self::Streak { .. } => "streak",
            Self::Achievement { .. } => "achievement",
            Self::Time { .. } => "time",
            Self::UserCreation => "user_creation",
        }
    }
}

/// A rule that awards or deducts points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointsTrigger {
    /// The system it belongs to.
    pub system: CurrencyId,
    /// When it fires.
    pub rule: TriggerRule,
    /// How many points; never zero, negative deducts.
    pub points: i64,
    /// Whether it fires at all.
    pub is_active: bool,
    /// When it was last activated or its rule last changed: it pays nothing for what was before (AMB-30).
    pub active_since: Timestamp,
    /// Only users who match all of these get the points.
    pub user_filters: Vec<Filter>,
    /// Refuse an event that would take the balance below zero (spec/trophy.md 6.4).
    pub block_if_out_of_points: bool,
}

impl Definition for PointsTrigger {
    const KIND: Kind = Kind::PointsTrigger;

    fn unique_key(&self) -> Option<String> {
        None
    }

    fn parent(&self) -> Option<Uuid> {
        Some(self.system.0)
    }

    fn problem(&self) -> Option<String> {
        if self.points == 0 {
            return Some("points must not be zero".to_owned());
        }
        if !(-POINTS_MAX..=POINTS_MAX).contains(&self.points) {
            return Some(format!(
                "points must be between -{POINTS_MAX} and {POINTS_MAX}"
            ));
        }
        let sentence = match &self.rule {
            TriggerRule::Metric { threshold, .. } if *threshold < 1 => {
                "metricThreshold must be at least 1"
            }
            TriggerRule::Streak { length } if *length < 1 => "streakLength must be at least 1",
            TriggerRule::Time { interval, .. } if *interval < 1 => {
                "timeInterval must be at least 1"
            }
            _ => return None,
        };
        Some(sentence.to_owned())
    }
}

//! Achievements (spec/trophy.md 4.1, 15.6).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Definition, Filter, Kind, key_problem, name_problem};
use crate::amount::Amount;
use crate::id::{AchievementId, MetricId};

/// Where an achievement stands (spec/trophy.md 4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AchievementStatus {
    /// Not yet visible, cannot be completed.
    #[default]
    Inactive,
    /// Can be completed.
    Active,
    /// Kept by those who hold it, closed to others.
    Locked,
}

/// What completes an achievement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum AchievementTrigger {
    /// The sum of the metric's matching events reaches a value.
    Metric {
        /// The metric.
        metric: MetricId,
        /// The value to reach.
        value: Amount,
        /// Only events that match all of these count (AMB-18).
        event_filters: Vec<Filter>,
    },
    /// The streak reaches a length.
    Streak {
        /// In periods.
        length: i64,
    },
    /// A call completes it.
    Api,
    /// All of these are complete.
    Composite {
        /// The prerequisites.
        achievements: Vec<AchievementId>,
    },
    /// So many years have passed since the user signed up.
    Anniversary {
        /// Years.
        years: i64,
    },
}

impl AchievementTrigger {
    /// The name of the trigger on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Metric { .. } => "metric",
            Self::Streak { .. } => "streak",
            Self::Api => "api",
            Self::Composite { .. } => "achievement",
            Self::Anniversary { .. } => "anniversary",
        }
    }
}

/// Something a user can earn once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Achievement {
    /// For people.
    pub name: String,
    /// For people, longer.
    pub description: Option<String>,
    /// Address of its picture.
    pub badge_url: Option<String>,
    /// Where it stands.
    pub status: AchievementStatus,
    /// When its rule last changed; counters of filtered sums from before are stale.
    pub rule_since: Timestamp,
    /// What completes it.
    pub trigger: AchievementTrigger,
    /// For programs; needed by the API trigger.
    pub key: Option<String>,
    /// Only users who match all of these can complete it.
    pub user_filters: Vec<Filter>,
}

impl Definition for Achievement {
    const KIND: Kind = Kind::Achievement;

    fn unique_key(&self) -> Option<String> {
        self.key.clone()
    }

    fn problem(&self) -> Option<String> {
        name_problem(&self.name)
            .or_else(|| self.key.as_deref().and_then(key_problem))
            .or_else(|| {
                let sentence = match &self.trigger {
                    AchievementTrigger::Metric { value, .. } if *value < Amount::from_units(1) => {
                        "metricValue must be at least 1"
                    }
                    AchievementTrigger::Streak { length } if *length < 1 => {
                        "streakLength must be at least 1"
                    }
                    AchievementTrigger::Composite { achievements } if achievements.is_empty() => {
                        "achievementIds must name at least one achievement"
                    }
                    AchievementTrigger::Anniversary { years } if *years < 1 => {
                        "anniversaryYears must be at least 1"
                    }
                    AchievementTrigger::Api if self.key.is_none() => {
                        "key is required for api achievements"
                    }
                    _ => return None,
                };
                Some(sentence.to_owned())
            })
    }
}

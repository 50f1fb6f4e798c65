//! The enumerations that both APIs spell alike (`spec/trophy.md` Appendix B). What differs stands with its API. Must not
//! know what the values mean.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long a streak period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StreakFrequency {
    /// A calendar day.
    Daily,
    /// A calendar week.
    Weekly,
    /// A calendar month.
    Monthly,
}

/// How many of the streak metrics have to reach their threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum EvaluationMode {
    /// Any one of them.
    #[serde(rename = "OR")]
    Or,
    /// Every one of them; input may also say `ALL` (AMB-13).
    #[serde(rename = "AND", alias = "ALL")]
    And,
}

/// What completes an achievement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AchievementTrigger {
    /// A metric total.
    Metric,
    /// A streak length.
    Streak,
    /// A call of the complete endpoint.
    Api,
    /// Other achievements.
    Achievement,
    /// Years since the sign-up date.
    Anniversary,
}

/// What makes a points trigger award.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PointsTriggerType {
    /// Every so much of a metric.
    Metric,
    /// The completion of an achievement.
    Achievement,
    /// Every so many periods of a streak.
    Streak,
    /// Every so much time.
    Time,
    /// The first identification of a user.
    UserCreation,
}

/// Where a points boost is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BoostStatus {
    /// It multiplies points now.
    Active,
    /// Its start lies ahead.
    Scheduled,
    /// Its end has passed.
    Finished,
}

/// How boosted points become whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rounding {
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
    /// To the nearest whole number.
    Nearest,
}

/// What a leaderboard ranks by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RankBy {
    /// A points system.
    Points,
    /// The streak length.
    Streak,
    /// A metric.
    Metric,
}

/// The unit in which a repeating leaderboard counts its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunUnit {
    /// Days.
    Day,
    /// Months.
    Month,
    /// Years.
    Year,
}

//! The review of a user's year (`spec/trophy.md` 8).

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{User, UserAchievementResponse, UserLeaderboardResponse};
use crate::vocabulary::StreakFrequency;

/// The figures of a metric in a period, for the events with one value of an attribute.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WrappedMetricByAttributeValue {
    /// The name of the metric.
    pub name: String,
    /// Its units.
    pub units: Option<String>,
    /// The total at the end of the period.
    pub current_total: f64,
    /// The net change within the period.
    pub change_this_period: f64,
    /// The change in percent of the total before.
    pub percent_change: f64,
    /// The percentage of users who changed less; not for a single day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    pub percentile_this_period: Option<f64>,
}

/// The figures of a metric in a period.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WrappedMetric {
    /// The name of the metric.
    pub name: String,
    /// Its units.
    pub units: Option<String>,
    /// The total at the end of the period.
    pub current_total: f64,
    /// The net change within the period.
    pub change_this_period: f64,
    /// The change in percent of the total before.
    pub percent_change: f64,
    /// The percentage of users who changed less; not for a single day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    pub percentile_this_period: Option<f64>,
    /// The same figures by event attribute and its value.
    pub by_attribute: BTreeMap<String, BTreeMap<String, WrappedMetricByAttributeValue>>,
}

/// The figures of a points system in a period.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WrappedPoints {
    /// The name of the system.
    pub name: String,
    /// Its description, if any.
    pub description: Option<String>,
    /// The balance at the end of the period.
    pub current_total: f64,
    /// The net change within the period.
    pub change_this_period: f64,
    /// The change in percent of the balance before.
    pub percent_change: f64,
    /// The percentage of users who changed less; not for a single day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    pub percentile_this_period: Option<f64>,
}

/// The longest streak of the year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WrappedStreak {
    /// How many periods long it was.
    pub length: i64,
    /// How long a period is.
    pub frequency: StreakFrequency,
    /// The first date of its last period.
    #[schema(required)]
    pub period_start: Option<String>,
    /// The last date of its last period.
    #[schema(required)]
    pub period_end: Option<String>,
    /// When it began.
    #[schema(required)]
    pub started: Option<String>,
}

/// What a user did in a period.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WrappedActivityPeriod {
    /// The metrics by key.
    pub metrics: BTreeMap<String, WrappedMetric>,
    /// The points systems by key.
    pub points: BTreeMap<String, WrappedPoints>,
    /// The achievements completed.
    pub achievements: Vec<UserAchievementResponse>,
    /// The best places by key of the leaderboard.
    pub leaderboards: BTreeMap<String, UserLeaderboardResponse>,
}

/// The day with the most activity.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WrappedMostActiveDay {
    /// What the user did.
    #[serde(flatten)]
    pub activity: WrappedActivityPeriod,
    /// The day.
    pub date: String,
}

/// The week with the most activity.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WrappedMostActiveWeek {
    /// What the user did.
    #[serde(flatten)]
    pub activity: WrappedActivityPeriod,
    /// The first day of the week.
    pub start: String,
    /// The last day of the week.
    pub end: String,
}

/// The month with the most activity.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WrappedMostActiveMonth {
    /// What the user did.
    #[serde(flatten)]
    pub activity: WrappedActivityPeriod,
    /// The month, 0 being January.
    #[schema(minimum = 0, maximum = 11)]
    pub month: i64,
}

/// The whole year.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WrappedEntireYear {
    /// What the user did.
    #[serde(flatten)]
    pub activity: WrappedActivityPeriod,
    /// The longest streak.
    pub longest_streak: WrappedStreak,
}

/// How active a user was.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WrappedActivity {
    /// On how many days.
    pub days_active: i64,
    /// In how many weeks.
    pub weeks_active: i64,
    /// In how many months.
    pub months_active: i64,
    /// The day with the most activity.
    pub most_active_day: WrappedMostActiveDay,
    /// The week with the most activity.
    pub most_active_week: WrappedMostActiveWeek,
    /// The month with the most activity.
    pub most_active_month: WrappedMostActiveMonth,
    /// The whole year.
    pub entire_year: WrappedEntireYear,
}

/// The review of a user's year.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WrappedResponse {
    /// The user.
    pub user: User,
    /// What they did.
    pub activity: WrappedActivity,
}

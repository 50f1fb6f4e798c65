//! A user's metrics as read (`spec/trophy.md` 3.6, 3.7).

use serde::Serialize;
use utoipa::ToSchema;

use super::UserAchievementResponse;

/// Whether a metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MetricStatus {
    /// It counts.
    Active,
}

/// A metric of a user.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MetricResponse {
    /// The id of the metric.
    pub id: String,
    /// The key of the metric.
    pub key: String,
    /// The name of the metric.
    pub name: String,
    /// Always active: others are not shown. Older clients demand it.
    pub status: MetricStatus,
    /// The user's total.
    pub current: f64,
    /// The achievements on this metric, complete or not.
    pub achievements: Vec<UserAchievementResponse>,
}

/// One period of an event summary, of a metric or of points.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct EventSummaryItem {
    /// The first date of the period.
    pub date: String,
    /// The total at the end of the period.
    pub total: f64,
    /// The net change within the period.
    pub change: f64,
}

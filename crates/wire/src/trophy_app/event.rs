//! The metric event, the busiest call of all (`spec/trophy.md` 3.5).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    MetricEventLeaderboardResponse, MetricEventPointsResponse, MetricEventStreakResponse,
    UpsertedUser, UserAchievementResponse,
};

/// Something a user did.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct MetricEventRequest {
    /// Who did it, with anything to store about them.
    #[serde(deserialize_with = "crate::object::object")]
    pub user: UpsertedUser,
    /// How much the metric changes.
    #[schema(value_type = f64)]
    pub value: serde_json::Number,
    /// Custom event attributes by key.
    pub attributes: Option<BTreeMap<String, String>>,
}

/// What an event changed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventResponse {
    /// The id of the stored event.
    pub event_id: String,
    /// The id of the metric.
    pub metric_id: String,
    /// The user's total of the metric after the event.
    pub total: f64,
    /// The achievements that this event completed.
    pub achievements: Vec<UserAchievementResponse>,
    /// The user's streak after the event.
    pub current_streak: MetricEventStreakResponse,
    /// The points systems in which this event changed the balance, by key.
    pub points: BTreeMap<String, MetricEventPointsResponse>,
    /// The leaderboards that this event affected, by key.
    pub leaderboards: BTreeMap<String, MetricEventLeaderboardResponse>,
    /// The idempotency key, if one was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub idempotency_key: Option<String>,
    /// Whether the key was used before, so that nothing was processed; only with a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub idempotent_replayed: Option<bool>,
}

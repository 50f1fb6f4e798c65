//! What a user wants to be told and how their own streak counts (`spec/trophy.md` 2.5, 2.6).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Patch;
use crate::vocabulary::EvaluationMode;

/// A way to reach a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NotificationChannel {
    /// By e-mail.
    Email,
    /// By push notification.
    Push,
}

/// The channels per type of notification. A type that was never set is absent; an empty list switches it off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationPreferences {
    /// A completed achievement.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<NotificationChannel>, required = false)]
    pub achievement_completed: Option<Vec<NotificationChannel>>,
    /// The periodic summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<NotificationChannel>, required = false)]
    pub recap: Option<Vec<NotificationChannel>>,
    /// The call to come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<NotificationChannel>, required = false)]
    pub reactivation: Option<Vec<NotificationChannel>>,
    /// The reminder that a streak is about to be lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<NotificationChannel>, required = false)]
    pub streak_reminder: Option<Vec<NotificationChannel>>,
}

/// A metric that counts for the user's own streak.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StreakMetricPreference {
    /// The key of the metric.
    pub key: String,
    /// How much of it a period needs.
    pub threshold: f64,
}

/// Where the user's streak differs from the settings of the account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreakPreferences {
    /// Whether the user has a streak at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub enabled: Option<bool>,
    /// How many of the metrics have to reach their threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = EvaluationMode, required = false)]
    pub evaluation_mode: Option<EvaluationMode>,
    /// The metrics that count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<StreakMetricPreference>, required = false)]
    pub metrics: Option<Vec<StreakMetricPreference>>,
    /// The weekdays on which nothing is lost, 0 being Sunday.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<i64>, required = false)]
    pub days_off: Option<Vec<i64>>,
}

/// All preferences of a user.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct UserPreferencesResponse {
    /// How the user wants to be told.
    pub notifications: NotificationPreferences,
    /// The user's own streak rules, once any were set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = StreakPreferences, required = false)]
    pub streak: Option<StreakPreferences>,
}

/// A metric that shall count for the user's own streak.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
pub struct UpdateStreakMetricPreference {
    /// The key of the metric.
    pub key: String,
    /// How much of it a period needs, above zero.
    #[schema(value_type = f64)]
    pub threshold: serde_json::Number,
}

/// A change of the user's own streak rules. Null removes an override.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateStreakPreferences {
    /// Whether the user has a streak at all.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub enabled: Patch<bool>,
    /// How many of the metrics have to reach their threshold.
    #[serde(default)]
    #[schema(value_type = Option<EvaluationMode>)]
    pub evaluation_mode: Patch<EvaluationMode>,
    /// The metrics that count, replacing the stored list.
    #[serde(default)]
    #[schema(value_type = Option<Vec<UpdateStreakMetricPreference>>)]
    pub metrics: Patch<Vec<UpdateStreakMetricPreference>>,
    /// The weekdays on which nothing is lost, 0 being Sunday, replacing the stored list.
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>)]
    pub days_off: Patch<Vec<i64>>,
}

/// A change of a user's preferences. Types of notification that are not sent keep their channels.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct UpdateUserPreferencesRequest {
    /// How the user wants to be told.
    pub notifications: Option<NotificationPreferences>,
    /// The user's own streak rules.
    pub streak: Option<UpdateStreakPreferences>,
}

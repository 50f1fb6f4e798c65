//! Streak settings and operations on users' streaks (`spec/trophy.md` 13.13, 15.3, 15.6).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{AdminIssue, ArchiveStatus};
use crate::Patch;
use crate::vocabulary::{EvaluationMode, StreakFrequency};

/// A metric that counts for streaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreakSettingsMetric {
    /// The key of the metric.
    pub key: String,
    /// How much of it a period needs.
    pub threshold: i64,
}

/// How freezes are granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreakSettingsFreezes {
    /// How many a new user gets.
    pub start_count: i64,
    /// How many a user can hold.
    pub max_count: i64,
    /// After how many days freezes are earned; null if they are not.
    #[schema(required = false)]
    pub auto_earn_interval: Option<i64>,
    /// How many freezes are earned at a time; null if they are not.
    #[schema(required = false)]
    pub auto_earn_amount: Option<i64>,
}

/// The rules of streaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreakSettings {
    /// How long a period is.
    pub frequency: StreakFrequency,
    /// How many of the metrics have to reach their threshold.
    pub evaluation_mode: EvaluationMode,
    /// Whether users may have rules of their own.
    pub customization_enabled: bool,
    /// The weekdays on which nothing is lost, 0 being Sunday.
    pub days_off: Vec<i64>,
    /// The metrics that count.
    pub metrics: Vec<StreakSettingsMetric>,
    /// How freezes are granted; null if they are disabled.
    #[schema(required)]
    pub freezes: Option<StreakSettingsFreezes>,
}

/// A change of the rules of streaks. Absent members keep their value.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateStreakSettingsRequest {
    /// How long a period is.
    pub frequency: Option<StreakFrequency>,
    /// How many of the metrics have to reach their threshold.
    pub evaluation_mode: Option<EvaluationMode>,
    /// Whether users may have rules of their own.
    pub customization_enabled: Option<bool>,
    /// The weekdays on which nothing is lost, 0 being Sunday, replacing the stored list.
    pub days_off: Option<Vec<i64>>,
    /// The metrics that count, replacing the stored list.
    pub metrics: Option<Vec<StreakSettingsMetric>>,
    /// How freezes are granted, replaced as a whole; null disables them.
    #[serde(default)]
    #[schema(value_type = Option<StreakSettingsFreezes>)]
    pub freezes: Patch<StreakSettingsFreezes>,
}

/// A freeze to grant.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateStreakFreezeItem {
    /// The id of the user.
    pub user_id: String,
}

/// Freezes to grant.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct CreateStreakFreezesRequest {
    /// One item per freeze, read one by one.
    #[schema(value_type = Vec<CreateStreakFreezeItem>)]
    pub freezes: Vec<Value>,
}

/// The answer to a grant of freezes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CreateStreakFreezesResponse {
    /// What was not granted.
    pub issues: Vec<AdminIssue>,
}

/// A pause to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateStreakPauseItem {
    /// The id of the user.
    pub user_id: String,
    /// Its first date.
    pub start: String,
    /// Its last date.
    pub end: String,
}

/// Pauses to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct CreateStreakPausesRequest {
    /// One item per pause, read one by one.
    #[schema(value_type = Vec<CreateStreakPauseItem>)]
    pub pauses: Vec<Value>,
}

/// A pause of a user's streak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminStreakPause {
    /// The id of the pause.
    pub id: String,
    /// The id of the user.
    pub user_id: String,
    /// Its first date.
    pub start: String,
    /// Its last date.
    pub end: String,
    /// Whether it holds.
    pub status: ArchiveStatus,
}

/// A user whose streak is to be restored or reset.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct StreakUserItem {
    /// The id of the user.
    pub id: String,
}

/// Users whose streaks are to be restored.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct RestoreStreaksRequest {
    /// One item per user, read one by one.
    #[schema(value_type = Vec<StreakUserItem>)]
    pub users: Vec<Value>,
}

/// The answer to a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreStreaksResponse {
    /// The ids of the users whose streaks were restored.
    pub restored_users: Vec<String>,
    /// What was not.
    pub issues: Vec<AdminIssue>,
}

/// Users whose streaks are to be reset.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ResetStreaksRequest {
    /// One item per user, read one by one.
    #[schema(value_type = Vec<StreakUserItem>)]
    pub users: Vec<Value>,
}

/// The answer to a reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResetStreaksResponse {
    /// The ids of the users whose streaks were reset.
    pub reset_users: Vec<String>,
    /// What was not.
    pub issues: Vec<AdminIssue>,
}

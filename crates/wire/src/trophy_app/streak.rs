//! Streaks as users see them (`spec/trophy.md` 5.9, 5.10).

use serde::Serialize;
use utoipa::ToSchema;

use crate::vocabulary::StreakFrequency;

/// The state of a streak. Dates are the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaseStreakResponse {
    /// How many periods long it is; 0 without a streak.
    pub length: i64,
    /// How long a period is.
    pub frequency: StreakFrequency,
    /// When the streak began; null without a streak.
    #[schema(required)]
    pub started: Option<String>,
    /// The first date of the current period; null without a streak.
    #[schema(required)]
    pub period_start: Option<String>,
    /// The last date of the current period; null without a streak.
    #[schema(required)]
    pub period_end: Option<String>,
    /// The last date on which the streak can still be saved; null without a streak.
    #[schema(required)]
    pub expires: Option<String>,
    /// How many freezes the user holds; only where freezes are enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub freezes: Option<i64>,
    /// How many freezes a user can hold; only where freezes are enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub max_freezes: Option<i64>,
    /// After how many days freezes are earned; only where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub freeze_auto_earn_interval: Option<i64>,
    /// How many freezes are earned at a time; only where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub freeze_auto_earn_amount: Option<i64>,
}

/// The streak after an event: the members of [`BaseStreakResponse`] and whether the event extended it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricEventStreakResponse {
    /// How many periods long it is; 0 without a streak.
    pub length: i64,
    /// How long a period is.
    pub frequency: StreakFrequency,
    /// When the streak began; null without a streak.
    #[schema(required)]
    pub started: Option<String>,
    /// The first date of the current period; null without a streak.
    #[schema(required)]
    pub period_start: Option<String>,
    /// The last date of the current period; null without a streak.
    #[schema(required)]
    pub period_end: Option<String>,
    /// The last date on which the streak can still be saved; null without a streak.
    #[schema(required)]
    pub expires: Option<String>,
    /// How many freezes the user holds; only where freezes are enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub freezes: Option<i64>,
    /// How many freezes a user can hold; only where freezes are enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub max_freezes: Option<i64>,
    /// After how many days freezes are earned; only where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub freeze_auto_earn_interval: Option<i64>,
    /// How many freezes are earned at a time; only where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub freeze_auto_earn_amount: Option<i64>,
    /// Whether this event made the streak longer.
    pub extended: bool,
}

/// One period of a streak's past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreakHistoryItem {
    /// The first date of the period.
    pub period_start: String,
    /// The last date of the period.
    pub period_end: String,
    /// The length at the end of the period, or now for the current one.
    pub length: i64,
    /// Whether a freeze was used up; only where freezes are enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub used_freeze: Option<bool>,
    /// Whether a pause kept the streak.
    pub used_pause: bool,
    /// When the streak was reset, if it was in this period.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub reset_at: Option<String>,
}

/// A current or coming pause of a streak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StreakPauseItem {
    /// The id of the pause.
    pub id: String,
    /// Its first date.
    pub start: String,
    /// Its last date.
    pub end: String,
}

/// A user's streak with its past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreakResponse {
    /// The state of the streak.
    #[serde(flatten)]
    pub streak: BaseStreakResponse,
    /// When it was last extended; null without a streak.
    #[schema(required)]
    pub extended: Option<String>,
    /// The last periods, oldest first, the current one last.
    pub streak_history: Vec<StreakHistoryItem>,
    /// The current and coming pauses.
    pub pauses: Vec<StreakPauseItem>,
    /// The user's rank by streak length, for older clients; null without a streak.
    #[schema(required)]
    pub rank: Option<i64>,
}

/// The streak of one of several users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkStreakResponseItem {
    /// The id of the user.
    pub user_id: String,
    /// How many periods long the streak is.
    pub streak_length: i64,
    /// When it was last extended; null without a streak.
    #[schema(required)]
    pub extended: Option<String>,
}

/// A place in the ranking by streak length, for older clients (`spec/trophy.md` 15.7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreakRankingUser {
    /// The id of the user.
    pub user_id: String,
    /// The name of the user, if known.
    #[schema(required)]
    pub name: Option<String>,
    /// How many periods long the streak is.
    pub streak_length: i64,
}

//! Achievements as users see them (`spec/trophy.md` 4).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AttributeFilter, MetricEventPointsResponse, UpsertedUser};
use crate::vocabulary::AchievementTrigger;

/// An achievement.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AchievementResponse {
    /// The id of the achievement.
    pub id: String,
    /// The name.
    pub name: String,
    /// What completes it.
    pub trigger: AchievementTrigger,
    /// The description, if any.
    #[schema(required)]
    pub description: Option<String>,
    /// The address of the badge image, if any.
    #[schema(required)]
    pub badge_url: Option<String>,
    /// The key with which the complete endpoint is called, where one is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub key: Option<String>,
    /// The streak length to reach; streak achievements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub streak_length: Option<i64>,
    /// The years since the sign-up date; anniversary achievements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub anniversary_years: Option<i64>,
    /// The achievements that must be complete; composite achievements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>, required = false)]
    pub achievement_ids: Option<Vec<String>>,
    /// The id of the metric; metric achievements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub metric_id: Option<String>,
    /// The total to reach; metric achievements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    pub metric_value: Option<f64>,
    /// The name of the metric; metric achievements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub metric_name: Option<String>,
    /// Which users may complete it; empty for all.
    pub user_attributes: Vec<AttributeFilter>,
    /// The first of `eventAttributes`, for older clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = AttributeFilter, required = false)]
    pub event_attribute: Option<AttributeFilter>,
    /// Which events count; metric achievements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<AttributeFilter>, required = false)]
    pub event_attributes: Option<Vec<AttributeFilter>>,
}

/// An achievement and how many users completed it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AchievementWithStatsResponse {
    /// The achievement.
    #[serde(flatten)]
    pub achievement: AchievementResponse,
    /// How many users completed it.
    pub completions: i64,
    /// The share of all users who completed it, in percent.
    pub rarity: f64,
}

/// An achievement and whether a user completed it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserAchievementResponse {
    /// The achievement.
    #[serde(flatten)]
    pub achievement: AchievementResponse,
    /// When the user completed it; null if not yet.
    #[schema(required)]
    pub achieved_at: Option<String>,
}

/// An achievement, how many users completed it, and whether this one did.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserAchievementWithStatsResponse {
    /// The achievement with its figures.
    #[serde(flatten)]
    pub achievement: AchievementWithStatsResponse,
    /// When the user completed it; null if not yet.
    #[schema(required)]
    pub achieved_at: Option<String>,
}

/// The user who completed an achievement.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct AchievementCompletionRequest {
    /// Who completed it, with anything to store about them.
    #[serde(deserialize_with = "crate::object::object")]
    pub user: UpsertedUser,
}

/// What a completion through the API changed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AchievementCompletionResponse {
    /// The id of the completion.
    pub completion_id: String,
    /// The completed achievement.
    pub achievement: UserAchievementResponse,
    /// The points systems in which the completion changed the balance, by key.
    pub points: BTreeMap<String, MetricEventPointsResponse>,
}

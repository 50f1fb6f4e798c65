//! Achievements as configured (`spec/trophy.md` 15.6).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AdminAttributeFilter, Image};
use crate::Patch;
use crate::vocabulary::AchievementTrigger;

/// Where an achievement is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AchievementStatus {
    /// Nobody can complete it yet.
    Inactive,
    /// Users can complete it.
    Active,
    /// Nobody can complete it any more; who has it keeps it.
    Locked,
}

/// An achievement.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminAchievement {
    /// The id of the achievement.
    pub id: String,
    /// The name.
    pub name: String,
    /// The description, if any.
    #[schema(required)]
    pub description: Option<String>,
    /// What completes it.
    pub trigger: AchievementTrigger,
    /// Where it is in its life.
    pub status: AchievementStatus,
    /// The badge, if any.
    #[schema(required)]
    pub badge: Option<Image>,
    /// Which users may complete it; empty for all.
    pub user_attributes: Vec<AdminAttributeFilter>,
    /// The key with which the complete endpoint is called; API achievements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub key: Option<String>,
    /// The id of the metric; metric achievements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub metric_id: Option<String>,
    /// The total to reach; metric achievements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    pub metric_value: Option<f64>,
    /// Which events count; metric achievements only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<AdminAttributeFilter>, required = false)]
    pub event_attributes: Option<Vec<AdminAttributeFilter>>,
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
}

/// An achievement to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateAchievementRequestItem {
    /// The name.
    pub name: String,
    /// What completes it.
    pub trigger: AchievementTrigger,
    /// The description.
    pub description: Option<String>,
    /// Where it is in its life; `inactive` unless given.
    pub status: Option<AchievementStatus>,
    /// The badge.
    pub badge: Option<Image>,
    /// Which users may complete it.
    pub user_attributes: Option<Vec<AdminAttributeFilter>>,
    /// The id of the metric; required for metric achievements.
    pub metric_id: Option<String>,
    /// The total to reach; required for metric achievements.
    #[schema(value_type = Option<f64>)]
    pub metric_value: Option<serde_json::Number>,
    /// Which events count; metric achievements only.
    pub event_attributes: Option<Vec<AdminAttributeFilter>>,
    /// The key with which the complete endpoint is called; required for API achievements.
    pub key: Option<String>,
    /// The streak length to reach; required for streak achievements.
    pub streak_length: Option<i64>,
    /// The achievements that must be complete; required for composite achievements.
    pub achievement_ids: Option<Vec<String>>,
    /// The years since the sign-up date; required for anniversary achievements.
    pub anniversary_years: Option<i64>,
}

/// A change of an achievement.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateAchievementRequestItem {
    /// The id of the achievement.
    pub id: String,
    /// The new name.
    pub name: Option<String>,
    /// The new trigger, together with the members it requires.
    pub trigger: Option<AchievementTrigger>,
    /// The new description; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub description: Patch<String>,
    /// The new status.
    pub status: Option<AchievementStatus>,
    /// The new badge; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<Image>)]
    pub badge: Patch<Image>,
    /// Which users may complete it; null for all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AdminAttributeFilter>>)]
    pub user_attributes: Patch<Vec<AdminAttributeFilter>>,
    /// The id of the metric; metric achievements only.
    pub metric_id: Option<String>,
    /// The total to reach; metric achievements only.
    #[schema(value_type = Option<f64>)]
    pub metric_value: Option<serde_json::Number>,
    /// Which events count, null for all; metric achievements only.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AdminAttributeFilter>>)]
    pub event_attributes: Patch<Vec<AdminAttributeFilter>>,
    /// The key with which the complete endpoint is called; API achievements only.
    pub key: Option<String>,
    /// The streak length to reach; streak achievements only.
    pub streak_length: Option<i64>,
    /// The achievements that must be complete; composite achievements only.
    pub achievement_ids: Option<Vec<String>>,
    /// The years since the sign-up date; anniversary achievements only.
    pub anniversary_years: Option<i64>,
}

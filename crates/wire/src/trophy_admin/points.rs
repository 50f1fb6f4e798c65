//! Points systems with their levels, boosts and triggers as configured (`spec/trophy.md` 13.7 to 13.10).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AdminAttributeFilter, ArchiveStatus, Image};
use crate::Patch;
use crate::vocabulary::{BoostStatus, PointsTriggerType, Rounding};

/// A points system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminPointsSystem {
    /// The id of the system.
    pub id: String,
    /// The name.
    pub name: String,
    /// The key.
    pub key: String,
    /// The description, possibly empty.
    pub description: String,
    /// Whether it is in use.
    pub status: ArchiveStatus,
    /// The badge, if any.
    #[schema(required)]
    pub badge: Option<Image>,
    /// The highest possible balance; null for no limit.
    #[schema(required)]
    pub max_points: Option<i64>,
}

/// A points system just created, with those of its parts that were in the request.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CreatedAdminPointsSystem {
    /// The points system.
    #[serde(flatten)]
    pub system: AdminPointsSystem,
    /// The levels created with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<AdminPointsLevel>, required = false)]
    pub levels: Option<Vec<AdminPointsLevel>>,
    /// The boosts created with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<AdminPointsBoost>, required = false)]
    pub boosts: Option<Vec<AdminPointsBoost>>,
    /// The triggers created with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<AdminPointsTrigger>, required = false)]
    pub triggers: Option<Vec<AdminPointsTrigger>>,
}

/// A points system to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatePointsSystemRequestItem {
    /// The name.
    pub name: String,
    /// The key, which never changes.
    pub key: String,
    /// The description.
    pub description: Option<String>,
    /// The badge.
    pub badge: Option<Image>,
    /// The highest possible balance; no limit unless given.
    pub max_points: Option<i64>,
    /// Levels to create with it.
    pub levels: Option<Vec<CreatePointsLevelRequestItem>>,
    /// Boosts to create with it.
    pub boosts: Option<Vec<CreatePointsBoostRequestItem>>,
    /// Triggers to create with it.
    pub triggers: Option<Vec<CreatePointsTriggerRequestItem>>,
}

/// A change of a points system.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePointsSystemRequestItem {
    /// The id of the system.
    pub id: String,
    /// The new name.
    pub name: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// The new badge; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<Image>)]
    pub badge: Patch<Image>,
    /// The new highest balance; null removes the limit.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub max_points: Patch<i64>,
}

/// A level of a points system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AdminPointsLevel {
    /// The id of the level.
    pub id: String,
    /// The name.
    pub name: String,
    /// The key, unique in its system.
    pub key: String,
    /// The balance that reaches it.
    pub points: i64,
    /// The description, possibly empty.
    pub description: String,
    /// The badge, if any.
    #[schema(required)]
    pub badge: Option<Image>,
}

/// A level to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct CreatePointsLevelRequestItem {
    /// The name.
    pub name: String,
    /// The key, unique in its system, which never changes.
    pub key: String,
    /// The balance that reaches it.
    pub points: i64,
    /// The description.
    pub description: Option<String>,
    /// The badge.
    pub badge: Option<Image>,
}

/// A change of a level.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct UpdatePointsLevelRequestItem {
    /// The id of the level.
    pub id: String,
    /// The new name.
    pub name: Option<String>,
    /// The new balance that reaches it.
    pub points: Option<i64>,
    /// The new description.
    pub description: Option<String>,
    /// The new badge; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<Image>)]
    pub badge: Patch<Image>,
}

/// A time in which points are multiplied.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminPointsBoost {
    /// The id of the boost.
    pub id: String,
    /// The name.
    pub name: String,
    /// Where it is in its life.
    pub status: BoostStatus,
    /// Its first date.
    pub start: String,
    /// Its last date; null for an open end.
    #[schema(required)]
    pub end: Option<String>,
    /// By how much it multiplies.
    pub multiplier: f64,
    /// How the product becomes a whole number.
    pub rounding: Rounding,
    /// The one user it is for; null for all.
    #[schema(required)]
    pub user_id: Option<String>,
    /// For which users it is; only when `userId` is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<AdminAttributeFilter>, required = false)]
    pub user_attributes: Option<Vec<AdminAttributeFilter>>,
}

/// A boost to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatePointsBoostRequestItem {
    /// The one user it is for; all unless given.
    pub user_id: Option<String>,
    /// The name.
    pub name: String,
    /// Its first date.
    pub start: String,
    /// Its last date; open unless given.
    pub end: Option<String>,
    /// By how much it multiplies.
    #[schema(value_type = f64)]
    pub multiplier: serde_json::Number,
    /// How the product becomes a whole number; `down` unless given.
    pub rounding: Option<Rounding>,
    /// For which users it is; not together with `userId`.
    pub user_attributes: Option<Vec<AdminAttributeFilter>>,
}

/// A change of a boost.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePointsBoostRequestItem {
    /// The id of the boost.
    pub id: String,
    /// The new name.
    pub name: Option<String>,
    /// The new first date.
    pub start: Option<String>,
    /// The new last date; null opens the end.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub end: Patch<String>,
    /// The new multiplier.
    #[schema(value_type = Option<f64>)]
    pub multiplier: Option<serde_json::Number>,
    /// The new rounding.
    pub rounding: Option<Rounding>,
    /// For which users it is; null for all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AdminAttributeFilter>>)]
    pub user_attributes: Patch<Vec<AdminAttributeFilter>>,
}

/// Whether a points trigger fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AdminTriggerStatus {
    /// It fires.
    Active,
    /// It does not fire.
    Inactive,
}

/// The unit of a time trigger, in the plural here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AdminTimeUnit {
    /// Hours.
    Hours,
    /// Days.
    Days,
}

/// What awards or takes points, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminPointsTrigger {
    /// The id of the trigger.
    pub id: String,
    /// What makes it fire.
    #[serde(rename = "type")]
    pub kind: PointsTriggerType,
    /// How many points it awards at a time; negative takes points away.
    pub points: i64,
    /// Whether it fires.
    pub status: AdminTriggerStatus,
    /// For which users it fires; empty for all.
    pub user_attributes: Vec<AdminAttributeFilter>,
    /// The id of the metric; metric triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub metric_id: Option<String>,
    /// How much of the metric earns one award; metric triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub metric_threshold: Option<i64>,
    /// Which events count; metric triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<AdminAttributeFilter>, required = false)]
    pub event_attributes: Option<Vec<AdminAttributeFilter>>,
    /// The id of the achievement; achievement triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub achievement_id: Option<String>,
    /// How many periods of a streak earn one award; streak triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub streak_length: Option<i64>,
    /// The unit of `timeInterval`; time triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = AdminTimeUnit, required = false)]
    pub time_unit: Option<AdminTimeUnit>,
    /// How much time lies between two awards; time triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub time_interval: Option<i64>,
    /// Whether an event is refused that would take the balance below zero.
    pub block_if_out_of_points: bool,
}

/// A trigger to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatePointsTriggerRequestItem {
    /// What makes it fire.
    #[serde(rename = "type")]
    pub kind: PointsTriggerType,
    /// How many points it awards at a time, not zero; negative takes points away.
    pub points: i64,
    /// Whether it fires; `inactive` unless given.
    pub status: Option<AdminTriggerStatus>,
    /// For which users it fires.
    pub user_attributes: Option<Vec<AdminAttributeFilter>>,
    /// The id of the metric; required for metric triggers.
    pub metric_id: Option<String>,
    /// How much of the metric earns one award; required for metric triggers.
    pub metric_threshold: Option<i64>,
    /// Which events count; metric triggers only.
    pub event_attributes: Option<Vec<AdminAttributeFilter>>,
    /// The id of the achievement; required for achievement triggers.
    pub achievement_id: Option<String>,
    /// How many periods of a streak earn one award; required for streak triggers.
    pub streak_length: Option<i64>,
    /// The unit of `timeInterval`; required for time triggers.
    pub time_unit: Option<AdminTimeUnit>,
    /// How much time lies between two awards; required for time triggers.
    pub time_interval: Option<i64>,
    /// Whether an event is refused that would take the balance below zero.
    pub block_if_out_of_points: Option<bool>,
}

/// A change of a trigger.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePointsTriggerRequestItem {
    /// The id of the trigger.
    pub id: String,
    /// The new type, together with the members it requires; only while inactive.
    #[serde(rename = "type")]
    pub kind: Option<PointsTriggerType>,
    /// The new number of points, not zero.
    pub points: Option<i64>,
    /// The new status.
    pub status: Option<AdminTriggerStatus>,
    /// For which users it fires; null for all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AdminAttributeFilter>>)]
    pub user_attributes: Patch<Vec<AdminAttributeFilter>>,
    /// The id of the metric; metric triggers only.
    pub metric_id: Option<String>,
    /// How much of the metric earns one award; metric triggers only.
    pub metric_threshold: Option<i64>,
    /// Which events count, null for all; metric triggers only.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AdminAttributeFilter>>)]
    pub event_attributes: Patch<Vec<AdminAttributeFilter>>,
    /// The id of the achievement; achievement triggers only.
    pub achievement_id: Option<String>,
    /// How many periods of a streak earn one award; streak triggers only.
    pub streak_length: Option<i64>,
    /// The unit of `timeInterval`; time triggers only.
    pub time_unit: Option<AdminTimeUnit>,
    /// How much time lies between two awards; time triggers only.
    pub time_interval: Option<i64>,
    /// Whether an event is refused that would take the balance below zero.
    pub block_if_out_of_points: Option<bool>,
}

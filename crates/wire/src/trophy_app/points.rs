//! Points as users see them (`spec/trophy.md` 6). The Admin API names some members and values otherwise.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AttributeFilter;
use crate::vocabulary::{BoostStatus, PointsTriggerType, Rounding};

/// Whether a points trigger fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TriggerStatus {
    /// It fires.
    Active,
    /// It does not fire.
    Inactive,
    /// It was deleted and lives on in old awards.
    Archived,
}

/// The unit of a time trigger, in the singular here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Hours.
    Hour,
    /// Days.
    Day,
}

/// What awards or takes points, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PointsTrigger {
    /// The id of the trigger.
    pub id: String,
    /// What makes it fire.
    #[serde(rename = "type")]
    pub kind: PointsTriggerType,
    /// How many points it awards at a time; negative takes points away.
    pub points: i64,
    /// Whether it fires.
    pub status: TriggerStatus,
    /// The id of the achievement; achievement triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub achievement_id: Option<String>,
    /// The id of the metric; metric triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub metric_id: Option<String>,
    /// The name of the metric; metric triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub metric_name: Option<String>,
    /// How much of the metric earns one award; metric triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub metric_threshold: Option<i64>,
    /// How many periods of a streak earn one award; streak triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub streak_length_threshold: Option<i64>,
    /// The name of the achievement; achievement triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub achievement_name: Option<String>,
    /// The unit of `timeInterval`; time triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = TimeUnit, required = false)]
    pub time_unit: Option<TimeUnit>,
    /// How much time lies between two awards; time triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub time_interval: Option<i64>,
    /// For which users it fires; empty for all.
    pub user_attributes: Vec<AttributeFilter>,
    /// The first of `eventAttributes`, for older clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = AttributeFilter, required = false)]
    pub event_attribute: Option<AttributeFilter>,
    /// Which events count; metric triggers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<AttributeFilter>, required = false)]
    pub event_attributes: Option<Vec<AttributeFilter>>,
    /// When it was created.
    pub created: String,
    /// When it was last changed.
    pub updated: String,
}

/// A time in which points are multiplied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PointsBoost {
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
}

/// One change of a balance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PointsAward {
    /// The id of the award.
    pub id: String,
    /// By how much the balance changed.
    pub awarded: i64,
    /// When it changed.
    pub date: String,
    /// The balance afterwards.
    pub total: i64,
    /// What caused it.
    pub trigger: PointsTrigger,
    /// The boosts that applied.
    pub boosts: Vec<PointsBoost>,
}

/// A level of a points system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PointsLevel {
    /// The id of the level.
    pub id: String,
    /// The key, unique in its system.
    pub key: String,
    /// The name.
    pub name: String,
    /// The description, possibly empty.
    pub description: String,
    /// The address of the badge image, if any.
    #[schema(required)]
    pub badge_url: Option<String>,
    /// The balance that reaches it.
    pub points: i64,
}

/// A points system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PointsResponse {
    /// The id of the system.
    pub id: String,
    /// The key.
    pub key: String,
    /// The name.
    pub name: String,
    /// The description, if any.
    #[schema(required)]
    pub description: Option<String>,
    /// The address of the badge image, if any.
    #[schema(required)]
    pub badge_url: Option<String>,
    /// The highest possible balance; null for no limit.
    #[schema(required)]
    pub max_points: Option<i64>,
}

/// A user's balance with its last changes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct GetUserPointsResponse {
    /// The points system.
    #[serde(flatten)]
    pub system: PointsResponse,
    /// The balance.
    pub total: i64,
    /// The level reached, if any.
    #[schema(required)]
    pub level: Option<PointsLevel>,
    /// The last changes, newest first.
    pub awards: Vec<PointsAward>,
}

/// A balance after an event: the members of [`PointsResponse`] and what the event changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricEventPointsResponse {
    /// The id of the system.
    pub id: String,
    /// The key.
    pub key: String,
    /// The name.
    pub name: String,
    /// The description, if any.
    #[schema(required)]
    pub description: Option<String>,
    /// The address of the badge image, if any.
    #[schema(required)]
    pub badge_url: Option<String>,
    /// The highest possible balance; null for no limit.
    #[schema(required)]
    pub max_points: Option<i64>,
    /// The balance after the event.
    pub total: i64,
    /// The new level, only when it changed; then null below the lowest level.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::patch::present"
    )]
    #[schema(value_type = Option<PointsLevel>, required = false)]
    pub level: Option<Option<PointsLevel>>,
    /// By how much the event changed the balance.
    pub added: i64,
    /// The changes that the event caused.
    pub awards: Vec<PointsAward>,
}

/// A points system with its active triggers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PointsSystemResponse {
    /// The points system.
    #[serde(flatten)]
    pub system: PointsResponse,
    /// The triggers that fire.
    pub triggers: Vec<PointsTrigger>,
}

/// How many users are at one level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PointsLevelSummaryResponseItem {
    /// The level.
    pub level: PointsLevel,
    /// How many users are at exactly this level.
    pub users: i64,
}

/// How many users have a balance in a range, both ends included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PointsRange {
    /// The lowest balance.
    pub from: i64,
    /// The highest balance.
    pub to: i64,
    /// How many users are in the range.
    pub users: i64,
}

//! Leaderboards as configured (`spec/trophy.md` 13.11). Unset members are omitted; the Application API sends null.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AdminAttributeFilter;
use crate::Patch;
use crate::vocabulary::{RankBy, RunUnit};

/// Where a leaderboard is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AdminLeaderboardStatus {
    /// Nobody sees it yet.
    Inactive,
    /// It ranks.
    Active,
    /// Its start lies ahead.
    Scheduled,
    /// It is over.
    Finished,
}

/// A leaderboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminLeaderboard {
    /// The id of the leaderboard.
    pub id: String,
    /// The name.
    pub name: String,
    /// The key.
    pub key: String,
    /// The description, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub description: Option<String>,
    /// Where it is in its life.
    pub status: AdminLeaderboardStatus,
    /// What it ranks by.
    pub rank_by: RankBy,
    /// The id of the metric; metric leaderboards only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub metric_id: Option<String>,
    /// The id of the points system; points leaderboards only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub points_system_id: Option<String>,
    /// How many users it ranks, per group; null for no limit.
    #[schema(required)]
    pub max_participants: Option<i64>,
    /// The first date.
    pub start: String,
    /// The last date, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub end: Option<String>,
    /// The time of day from which activity counts, if restricted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub start_time: Option<String>,
    /// The time of day before which activity counts, if restricted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub end_time: Option<String>,
    /// The ids of the user attributes that divide it into groups.
    pub breakdown_attributes: Vec<String>,
    /// Who takes part; empty for all.
    pub user_attributes: Vec<AdminAttributeFilter>,
    /// The unit of `runInterval`, if it repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = RunUnit, required = false)]
    pub run_unit: Option<RunUnit>,
    /// How long a run is, if it repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub run_interval: Option<i64>,
}

/// A leaderboard to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateLeaderboardRequestItem {
    /// The name.
    pub name: String,
    /// The key.
    pub key: String,
    /// The description.
    pub description: Option<String>,
    /// Where it is in its life; `inactive` unless given.
    pub status: Option<AdminLeaderboardStatus>,
    /// What it ranks by.
    pub rank_by: RankBy,
    /// The id of the metric; required for metric leaderboards.
    pub metric_id: Option<String>,
    /// The id of the points system; required for points leaderboards.
    pub points_system_id: Option<String>,
    /// How many users it ranks, per group; 1000 unless given, null for no limit.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub max_participants: Patch<i64>,
    /// The first date; today unless given.
    pub start: Option<String>,
    /// The last date; open unless given.
    pub end: Option<String>,
    /// The time of day from which activity counts.
    pub start_time: Option<String>,
    /// The time of day before which activity counts.
    pub end_time: Option<String>,
    /// The ids of the user attributes that divide it into groups.
    pub breakdown_attributes: Option<Vec<String>>,
    /// Who takes part; all unless given.
    pub user_attributes: Option<Vec<AdminAttributeFilter>>,
    /// The unit of `runInterval`; makes it repeat.
    pub run_unit: Option<RunUnit>,
    /// How long a run is; required with `runUnit`.
    pub run_interval: Option<i64>,
}

/// A change of a leaderboard.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateLeaderboardRequestItem {
    /// The id of the leaderboard.
    pub id: String,
    /// The new name.
    pub name: Option<String>,
    /// The new key.
    pub key: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// The new status.
    pub status: Option<AdminLeaderboardStatus>,
    /// What it ranks by from now on.
    pub rank_by: Option<RankBy>,
    /// The id of the new metric.
    pub metric_id: Option<String>,
    /// The id of the new points system.
    pub points_system_id: Option<String>,
    /// How many users it ranks, per group; null for no limit.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub max_participants: Patch<i64>,
    /// The new first date.
    pub start: Option<String>,
    /// The new last date; null opens the end.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub end: Patch<String>,
    /// The time of day from which activity counts; null lifts the restriction.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub start_time: Patch<String>,
    /// The time of day before which activity counts; null lifts the restriction.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub end_time: Patch<String>,
    /// The ids of the user attributes that divide it into groups.
    pub breakdown_attributes: Option<Vec<String>>,
    /// Who takes part; null for all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AdminAttributeFilter>>)]
    pub user_attributes: Patch<Vec<AdminAttributeFilter>>,
    /// The unit of `runInterval`; null ends the repeating.
    #[serde(default)]
    #[schema(value_type = Option<RunUnit>)]
    pub run_unit: Patch<RunUnit>,
    /// How long a run is.
    pub run_interval: Option<i64>,
}

//! Leaderboards as users see them (`spec/trophy.md` 7). Here unset members are null; the Admin API omits them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AttributeFilter;
use crate::vocabulary::{RankBy, RunUnit};

/// Where a visible leaderboard is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LeaderboardStatus {
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
pub struct LeaderboardResponse {
    /// The id of the leaderboard.
    pub id: String,
    /// The name.
    pub name: String,
    /// The key.
    pub key: String,
    /// Where it is in its life.
    pub status: LeaderboardStatus,
    /// What it ranks by.
    pub rank_by: RankBy,
    /// The one entry of `breakdownAttributes`, for older clients; null if there is not exactly one.
    #[schema(required)]
    pub breakdown_attribute: Option<String>,
    /// The keys of the user attributes that divide it into groups.
    pub breakdown_attributes: Vec<String>,
    /// Who takes part; empty for all.
    pub user_attributes: Vec<AttributeFilter>,
    /// The key of the metric; metric leaderboards only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub metric_key: Option<String>,
    /// The name of the metric; metric leaderboards only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub metric_name: Option<String>,
    /// The key of the points system; points leaderboards only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub points_system_key: Option<String>,
    /// The name of the points system; points leaderboards only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub points_system_name: Option<String>,
    /// The description, if any.
    #[schema(required)]
    pub description: Option<String>,
    /// The first date.
    pub start: String,
    /// The last date; null for an open end.
    #[schema(required)]
    pub end: Option<String>,
    /// The time of day from which activity counts, if restricted.
    #[schema(required)]
    pub start_time: Option<String>,
    /// The time of day before which activity counts, if restricted.
    #[schema(required)]
    pub end_time: Option<String>,
    /// How many users it ranks, per group; null for no limit.
    #[schema(required)]
    pub max_participants: Option<i64>,
    /// The unit of `runInterval`; null if it does not repeat.
    #[schema(required)]
    pub run_unit: Option<RunUnit>,
    /// How long a run is; null if it does not repeat.
    #[schema(required)]
    pub run_interval: Option<i64>,
}

/// One place on a leaderboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaderboardRanking {
    /// The id of the user.
    pub user_id: String,
    /// The name of the user, if known.
    #[schema(required)]
    pub user_name: Option<String>,
    /// The place, 1 being the first.
    pub rank: i64,
    /// The ranked value, rounded.
    pub value: i64,
}

/// A leaderboard with some of its places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LeaderboardResponseWithRankings {
    /// The leaderboard.
    #[serde(flatten)]
    pub leaderboard: LeaderboardResponse,
    /// The places, in order.
    pub rankings: Vec<LeaderboardRanking>,
}

/// A value of one breakdown attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BreakdownAttributeValue {
    /// The key of the attribute.
    pub key: String,
    /// The user's value.
    pub value: String,
}

/// A leaderboard that an event affected: the members of [`LeaderboardResponse`] and the user's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricEventLeaderboardResponse {
    /// The id of the leaderboard.
    pub id: String,
    /// The name.
    pub name: String,
    /// The key.
    pub key: String,
    /// Where it is in its life.
    pub status: LeaderboardStatus,
    /// What it ranks by.
    pub rank_by: RankBy,
    /// The one entry of `breakdownAttributes`, for older clients; null if there is not exactly one.
    #[schema(required)]
    pub breakdown_attribute: Option<String>,
    /// The keys of the user attributes that divide it into groups.
    pub breakdown_attributes: Vec<String>,
    /// Who takes part; empty for all.
    pub user_attributes: Vec<AttributeFilter>,
    /// The key of the metric; metric leaderboards only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub metric_key: Option<String>,
    /// The name of the metric; metric leaderboards only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub metric_name: Option<String>,
    /// The key of the points system; points leaderboards only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub points_system_key: Option<String>,
    /// The name of the points system; points leaderboards only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub points_system_name: Option<String>,
    /// The description, if any.
    #[schema(required)]
    pub description: Option<String>,
    /// The first date of the current run.
    pub start: String,
    /// The last date of the current run; null for an open end.
    #[schema(required)]
    pub end: Option<String>,
    /// The time of day from which activity counts, if restricted.
    #[schema(required)]
    pub start_time: Option<String>,
    /// The time of day before which activity counts, if restricted.
    #[schema(required)]
    pub end_time: Option<String>,
    /// How many users it ranks, per group; null for no limit.
    #[schema(required)]
    pub max_participants: Option<i64>,
    /// The unit of `runInterval`; null if it does not repeat.
    #[schema(required)]
    pub run_unit: Option<RunUnit>,
    /// How long a run is; null if it does not repeat.
    #[schema(required)]
    pub run_interval: Option<i64>,
    /// The user's place after the event; null if not on the board.
    #[schema(required)]
    pub rank: Option<i64>,
    /// The user's place before the event; null if not on the board.
    #[schema(required)]
    pub previous_rank: Option<i64>,
    /// The value that gets a user onto the board now.
    pub threshold: i64,
    /// The one value of `breakdownAttributeValues`, for older clients; absent if there is not exactly one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub breakdown_attribute_value: Option<String>,
    /// The user's group; only on leaderboards with breakdown attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<BreakdownAttributeValue>, required = false)]
    pub breakdown_attribute_values: Option<Vec<BreakdownAttributeValue>>,
}

/// How a user's place changed on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaderboardEvent {
    /// The day.
    pub date: String,
    /// Midnight UTC of the day, for older clients.
    pub timestamp: String,
    /// The place before; null if not on the board.
    #[schema(required)]
    pub previous_rank: Option<i64>,
    /// The place after; null if not on the board.
    #[schema(required)]
    pub rank: Option<i64>,
    /// The value before; null if not on the board.
    #[schema(required)]
    pub previous_value: Option<i64>,
    /// The value after; null if not on the board.
    #[schema(required)]
    pub value: Option<i64>,
}

/// A leaderboard and a user's place on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserLeaderboardResponse {
    /// The leaderboard.
    #[serde(flatten)]
    pub leaderboard: LeaderboardResponse,
    /// The user's place; null if not on the board.
    #[schema(required)]
    pub rank: Option<i64>,
    /// The user's value; null if not on the board.
    #[schema(required)]
    pub value: Option<i64>,
}

/// A leaderboard, a user's place on it and how it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserLeaderboardResponseWithHistory {
    /// The leaderboard with the user's place.
    #[serde(flatten)]
    pub leaderboard: UserLeaderboardResponse,
    /// The changes by day, oldest first.
    pub history: Vec<LeaderboardEvent>,
}

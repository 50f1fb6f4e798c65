//! Logs of activities (spec/aworld.md 3.1).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use super::Provenance;

/// How an activity ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ActivityOutcome {
    /// Well.
    Success,
    /// Not.
    Failure,
}

/// Something a user did.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateActivityLog {
    /// What was done.
    pub activity_id: String,
    /// Who did it.
    pub user_id: String,
    /// How it ended.
    #[serde(default)]
    #[schema(value_type = ActivityOutcome, required = false)]
    pub outcome: Option<ActivityOutcome>,
    /// How much was done; one, if nothing is said.
    #[serde(default)]
    #[schema(value_type = f64, required = false, default = 1)]
    pub value: Option<Number>,
    /// Words of the caller, at most 50.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = false, max_items = 50)]
    pub tags: Option<Vec<String>>,
    /// What expressions can look at besides.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    pub additional_data: Option<Map<String, Value>>,
    /// The caller's id for the log; it must be new.
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 255)]
    pub activity_log_id: Option<String>,
    /// When it was done; now, if nothing is said.
    #[serde(default)]
    #[schema(value_type = String, format = DateTime, required = false)]
    pub completed_at: Option<String>,
}

/// A log of an activity.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityLog {
    /// The id of the log.
    pub activity_log_id: String,
    /// What was done.
    pub activity_id: String,
    /// Who did it.
    pub user_id: String,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ActivityOutcome, required = false)]
    pub outcome: Option<ActivityOutcome>,
    /// How much was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    pub value: Option<f64>,
    /// Words of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>, required = false)]
    pub tags: Option<Vec<String>>,
    /// What the caller added.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    pub additional_data: Option<Value>,
    /// When it was done.
    #[schema(format = DateTime)]
    pub completed_at: String,
    /// Where it belongs.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// When it was logged.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// The same: logs do not change.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

//! Missions of users and groups (spec/aworld.md 3.7).

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use utoipa::ToSchema;

use super::Provenance;

/// Whose progress counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MissionType {
    /// One user's.
    Individual,
    /// That of all users with a tag.
    Group,
}

/// Whether a timeframe repeats or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TimeframeType {
    /// It never ends.
    Permanent,
    /// It has a start and an end.
    Range,
    /// It comes again and again.
    Recurring,
}

/// The timeframes of missions that are made by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ManualTimeframeType {
    /// From its start to its end.
    Range,
    /// From its start on.
    Permanent,
}

/// Where the clock stands to a timeframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TimeframeState {
    /// Before its start.
    Pending,
    /// Inside.
    Active,
    /// After its end.
    Ended,
}

/// What of an entity is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MatchType {
    /// The one with the id.
    Instance,
    /// Any.
    Entity,
    /// Any that carries the tag.
    Tag,
}

/// What a mission is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub enum MissionEntity {
    /// Activities.
    Activity,
    /// Quizzes.
    Quiz,
    /// Tags.
    Tag,
}

/// The texts of an entity in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Translation {
    /// The language.
    pub lang: String,
    /// Short text.
    #[schema(min_length = 1)]
    pub label: String,
    /// Longer text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, min_length = 1)]
    pub description: Option<String>,
}

/// A mission.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mission {
    /// Whose it is, of one user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub user_id: Option<String>,
    /// Whose it is, of a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, min_length = 1)]
    pub group_tag_id: Option<String>,
    /// Its id.
    pub mission_id: String,
    /// Whose progress counts.
    pub mission_type: MissionType,
    /// The configuration it was made of.
    pub mission_configuration_id: String,
    /// The rule that made it; absent of one made by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub mission_rule_id: Option<String>,
    /// The period it was made for.
    #[schema(min_length = 1)]
    pub period_id: String,
    /// The timeframe it comes from.
    pub timeframe_type: TimeframeType,
    /// From when on it counts.
    #[schema(format = DateTime)]
    pub starts_at: String,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    pub ends_at: Option<String>,
    /// When the target was first reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    pub completed_at: Option<String>,
    /// Whether the target was reached.
    #[schema(required = false)]
    pub is_completed: bool,
    /// Where the clock stands to it.
    pub state: TimeframeState,
    /// What of the entity counts.
    pub match_type: MatchType,
    /// Which entity.
    pub match_entity: MissionEntity,
    /// Which one, or which tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub match_entity_id: Option<String>,
    /// Which events count: `JsonLogic`.
    pub match_condition: Value,
    /// How much one counts: `JsonLogic`.
    pub increment_expression: Value,
    /// How much is asked: `JsonLogic`.
    pub target_amount_expression: Value,
    /// Progress.
    pub current_amount: f64,
    /// What is asked.
    pub target_amount: f64,
    /// The language that stands in for missing ones.
    pub default_lang: String,
    /// Made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The texts of the configuration, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Translation, required = false)]
    pub translation: Option<Translation>,
}

/// Some missions.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MissionPage {
    /// The missions.
    pub items: Vec<Mission>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub next_token: Option<String>,
}

/// A mission that somebody gives to a user or a group.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateMission {
    /// Whose it is; with INDIVIDUAL only.
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    pub user_id: Option<String>,
    /// Whose it is; with GROUP only.
    #[serde(default)]
    #[schema(value_type = String, required = false, min_length = 1)]
    pub group_tag_id: Option<String>,
    /// Whose progress counts: as its configuration says.
    pub mission_type: MissionType,
    /// The configuration, which must be published.
    pub mission_configuration_id: String,
    /// From when on it counts.
    #[schema(format = DateTime)]
    pub starts_at: String,
    /// Until when; with RANGE only.
    #[serde(default)]
    #[schema(value_type = String, format = DateTime, required = false)]
    pub ends_at: Option<String>,
    /// What has been done already.
    #[serde(default)]
    #[schema(value_type = f64, required = false, default = 0)]
    pub current_amount: Option<Number>,
    /// What is asked; computed, if nothing is said.
    #[serde(default)]
    #[schema(value_type = f64, required = false)]
    pub target_amount: Option<Number>,
    /// Whether it ends.
    pub timeframe_type: ManualTimeframeType,
}

/// A mission that was just made.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedMission {
    /// The mission.
    #[serde(flatten)]
    pub mission: Mission,
    /// Where it belongs.
    #[serde(flatten)]
    pub provenance: Provenance,
}

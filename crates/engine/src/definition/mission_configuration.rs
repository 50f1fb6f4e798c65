//! Mission configurations: what counts, and how much of it is asked (spec/aworld.md 3.8).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{expression_problem, optional_text, required_text};
use super::{Content, Kind, MatchType, MissionType, Reference, Wrong, matching};

/// What a mission may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum MatchEntity {
    /// Activities.
    Activity,
    /// Quizzes.
    Quiz,
    /// Tags.
    Tag,
}

/// What missions made of it count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MissionConfiguration {
    /// For people who configure.
    #[cfg_attr(feature = "schema", schema(min_length = 1))]
    pub name: String,
    /// Whose progress.
    pub mission_type: MissionType,
    /// What of the entity.
    pub match_type: MatchType,
    /// Which entity.
    pub match_entity: MatchEntity,
    /// Which one, or which tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_entity_id: Option<String>,
    /// Which events count.
    pub match_condition: Value,
    /// How much one counts.
    pub increment_expression: Value,
    /// How much is asked.
    pub target_amount_expression: Value,
    /// The configuration it was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_mission_configuration_id: Option<String>,
    /// Whether it follows the one it was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_with_catalog: Option<bool>,
}

impl Content for MissionConfiguration {
    const KIND: Kind = Kind::MissionConfiguration;
    const KEPT: &'static [&'static str] = &["catalogMissionConfigurationId"];

    fn problems(&self) -> Vec<Wrong> {
        [
            required_text("name", &self.name),
            matching::problem(
                self.match_type,
                self.match_entity == MatchEntity::Tag,
                self.match_entity_id.as_deref(),
                ("matchEntity", "matchEntityId"),
            ),
            expression_problem("matchCondition", &self.match_condition),
            expression_problem("incrementExpression", &self.increment_expression),
            expression_problem("targetAmountExpression", &self.target_amount_expression),
            optional_text(
                "catalogMissionConfigurationId",
                self.catalog_mission_configuration_id.as_deref(),
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn references(&self) -> Vec<Reference<'_>> {
        let kind = match self.match_entity {
            MatchEntity::Activity => Some(Kind::Activity),
            MatchEntity::Tag => Some(Kind::Tag),
            MatchEntity::Quiz => None,
        };
        let id = self.match_entity_id.as_deref();
        matching::reference(self.match_type, kind, id, "matchEntityId")
            .into_iter()
            .collect()
    }

    fn catalog_reference(&self) -> Option<&str> {
        self.catalog_mission_configuration_id.as_deref()
    }
}

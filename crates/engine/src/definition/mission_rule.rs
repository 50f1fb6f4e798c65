//! Mission rules: who gets which missions, and when (spec/aworld.md 3.9, 4.5).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{expression_problem, optional_text, required_text};
use super::{Content, Kind, MatchType, MissionType, Reference, Wrong, matching};
use crate::timeframe::Timeframe;

/// How missions come to users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AssignmentMode {
    /// When the user lists missions.
    Lazy,
    /// At the start of each period.
    ScheduledPush,
    /// When something happens.
    Event,
    /// Not at all.
    Disabled,
}

/// What can make an EVENT rule look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum EventEntity {
    /// An activity was logged.
    Activity,
    /// A quiz was answered.
    Quiz,
    /// A tag was assigned to the user.
    Tag,
    /// The user was made.
    User,
}

/// Who gets which missions, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MissionRule {
    /// Of which type its missions are.
    pub mission_type: MissionType,
    /// For people who configure.
    #[cfg_attr(feature = "schema", schema(min_length = 1))]
    pub name: String,
    /// The tag of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_tag_id: Option<String>,
    /// Which users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users_match_condition: Option<Value>,
    /// The configurations it may choose from; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(max_items = 100))]
    pub mission_configurations_pool: Option<Vec<String>>,
    /// Which of them.
    pub missions_match_condition: Value,
    /// When.
    #[serde(flatten)]
    pub timeframe: Timeframe,
    /// How.
    pub assignment_mode: AssignmentMode,
    /// What of the entity of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_match_type: Option<MatchType>,
    /// The entity of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_match_entity: Option<EventEntity>,
    /// Which one, or which tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_match_entity_id: Option<String>,
    /// Which events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_match_condition: Option<Value>,
    /// The rule it was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_mission_rule_id: Option<String>,
}

/// The most configurations a rule may name.
const POOL_MAX: usize = 100;

impl Content for MissionRule {
    const KIND: Kind = Kind::MissionRule;
    const HAS_LABELS: bool = false;
    const HAS_TIMEFRAME: bool = true;
    const KEPT: &'static [&'static str] = &[
        "groupTagId",
        "usersMatchCondition",
        "timeframeTimezone",
        "recurrence",
        "scheduleCron",
        "eventMatchType",
        "catalogMissionRuleId",
    ];

    fn problems(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        wrong.extend(required_text("name", &self.name));
        wrong.extend(optional_text(
            "catalogMissionRuleId",
            self.catalog_mission_rule_id.as_deref(),
        ));
        wrong.extend(expression_problem(
            "missionsMatchCondition",
            &self.missions_match_condition,
        ));
        wrong.extend(self.whom_problem());
        if let Some(pool) = &self.mission_configurations_pool
            && pool.len() > POOL_MAX
        {
            wrong.push(Wrong::new(
                "missionConfigurationsPool",
                "must have at most 100 items",
            ));
        }
        wrong.extend(
            self.timeframe
                .problems()
                .into_iter()
                .map(|(field, message)| Wrong::new(field, message)),
        );
        wrong.extend(self.event_problem());
        wrong
    }

    fn references(&self) -> Vec<Reference<'_>> {
        let group = self.group_tag_id.iter().map(|id| Reference {
            field: "groupTagId",
            kind: Kind::Tag,
            id,
        });
        let pool = self.mission_configurations_pool.iter().flatten();
        let pool = pool.map(|id| Reference {
            field: "missionConfigurationsPool",
            kind: Kind::MissionConfiguration,
            id,
        });
        let kind = match self.event_match_entity {
            Some(EventEntity::Activity) => Some(Kind::Activity),
            Some(EventEntity::Tag) => Some(Kind::Tag),
            _ => None,
        };
        let id = self.event_match_entity_id.as_deref();
        let event = self
            .event_match_type
            .and_then(|of| matching::reference(of, kind, id, "eventMatchEntityId"));
        group.chain(pool).chain(event).collect()
    }

    fn timeframe(&self) -> Option<&Timeframe> {
        Some(&self.timeframe)
    }

    fn acts_by_itself(&self) -> bool {
        self.assignment_mode == AssignmentMode::ScheduledPush
    }

    fn catalog_reference(&self) -> Option<&str> {
        self.catalog_mission_rule_id.as_deref()
    }
}

impl MissionRule {
    fn whom_problem(&self) -> Option<Wrong> {
        match (
            self.mission_type,
            &self.group_tag_id,
            &self.users_match_condition,
        ) {
            (MissionType::Group, None, _) => Some(Wrong::new(
                "groupTagId",
                "is required when missionType is GROUP",
            )),
            (MissionType::Group, _, Some(_)) => Some(Wrong::new(
                "usersMatchCondition",
                "must be absent when missionType is GROUP",
            )),
            (MissionType::Individual, Some(_), _) => Some(Wrong::new(
                "groupTagId",
                "must be absent when missionType is INDIVIDUAL",
            )),
            (MissionType::Individual, None, None) => Some(Wrong::new(
                "usersMatchCondition",
                "is required when missionType is INDIVIDUAL",
            )),
            (MissionType::Individual, None, Some(condition)) => {
                expression_problem("usersMatchCondition", condition)
            }
            (MissionType::Group, Some(_), None) => None,
        }
    }

    /// The members of the event go with EVENT and with nothing else. The id is not asked for where
    /// any entity is meant, although the documentation wants all four (spec/aworld.md 4.3, CONFLICT).
    fn event_problem(&self) -> Option<Wrong> {
        let members = [
            ("eventMatchType", self.event_match_type.is_some()),
            ("eventMatchEntity", self.event_match_entity.is_some()),
            ("eventMatchCondition", self.event_match_condition.is_some()),
        ];
        if self.assignment_mode != AssignmentMode::Event {
            return members
                .into_iter()
                .chain([("eventMatchEntityId", self.event_match_entity_id.is_some())])
                .find(|(_, is_there)| *is_there)
                .map(|(field, _)| {
                    Wrong::new(field, "must be absent unless assignmentMode is EVENT")
                });
        }
        if let Some((field, _)) = members.into_iter().find(|(_, is_there)| !is_there) {
            return Some(Wrong::new(
                field,
                "is required when assignmentMode is EVENT",
            ));
        }
        let match_type = self.event_match_type?;
        if match_type == MatchType::Entity && self.event_match_entity_id.is_some() {
            return None;
        }
        matching::problem(
            match_type,
            self.event_match_entity == Some(EventEntity::Tag),
            self.event_match_entity_id.as_deref(),
            ("eventMatchEntity", "eventMatchEntityId"),
        )
        .or_else(|| {
            self.event_match_condition
                .as_ref()
                .and_then(|condition| expression_problem("eventMatchCondition", condition))
        })
    }
}

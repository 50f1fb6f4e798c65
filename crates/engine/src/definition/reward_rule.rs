//! Reward rules: what is paid for what (spec/aworld.md 3.15, 4.9).

use jiff::Span;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{expression_problem, optional_text, required_text};
use super::{Content, Kind, MatchType, Reference, Wrong, matching};

/// What can be rewarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum RewardEntity {
    /// A completed mission.
    Mission,
    /// A logged activity.
    Activity,
    /// An answered quiz.
    Quiz,
    /// A tag assigned to the user.
    Tag,
    /// Progress in a learning path.
    LearningPath,
    /// Progress in a learning group.
    LearningGroup,
    /// Progress in a slide.
    Slide,
}

/// When a rule is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ApplicationMode {
    /// Always.
    Always,
    /// If no ALWAYS rule paid.
    Fallback,
    /// Never.
    Disabled,
}

/// When a transaction takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RedemptionMode {
    /// At once.
    Auto,
    /// When it is redeemed.
    Manual,
}

/// One payment of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reward {
    /// What is paid.
    pub virtual_currency_id: String,
    /// When it takes effect.
    pub redemption_mode: RedemptionMode,
    /// How much.
    pub expression: Value,
    /// Extension: how long a MANUAL reward can be redeemed, as an ISO 8601 duration such as `P7D`,
    /// counted on the clock of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after: Option<String>,
}

impl Reward {
    /// How long it can be redeemed.
    pub fn expires_after(&self) -> Option<Span> {
        self.expires_after.as_deref()?.parse().ok()
    }
}

/// What is paid for what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RewardRule {
    /// For people who configure.
    #[cfg_attr(feature = "schema", schema(min_length = 1))]
    pub name: String,
    /// What of the entity.
    pub rule_type: MatchType,
    /// Which entity.
    pub match_entity: RewardEntity,
    /// Which one, or which tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_entity_id: Option<String>,
    /// Which events.
    pub match_condition: Value,
    /// When it is looked at.
    pub application_mode: ApplicationMode,
    /// What is paid.
    #[cfg_attr(feature = "schema", schema(min_items = 1, max_items = 10))]
    pub rewards: Vec<Reward>,
    /// The rule it was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_reward_rule_id: Option<String>,
}

impl Content for RewardRule {
    const KIND: Kind = Kind::RewardRule;
    const HAS_LABELS: bool = false;
    const KEPT: &'static [&'static str] = &["catalogRewardRuleId"];

    fn problems(&self) -> Vec<Wrong> {
        let mut wrong: Vec<Wrong> = [
            required_text("name", &self.name),
            matching::problem(
                self.rule_type,
                self.match_entity == RewardEntity::Tag,
                self.match_entity_id.as_deref(),
                ("matchEntity", "matchEntityId"),
            ),
            expression_problem("matchCondition", &self.match_condition),
            optional_text(
                "catalogRewardRuleId",
                self.catalog_reward_rule_id.as_deref(),
            ),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !(1..=10).contains(&self.rewards.len()) {
            wrong.push(Wrong::new("rewards", "must have 1 to 10 items"));
        }
        for reward in &self.rewards {
            wrong.extend(expression_problem("rewards", &reward.expression));
            let is_span = |span: Span| span.signum() > 0;
            if reward.expires_after.is_some() && !reward.expires_after().is_some_and(is_span) {
                wrong.push(Wrong::new(
                    "rewards",
                    "expiresAfter must be a positive ISO 8601 duration such as P7D",
                ));
            }
        }
        wrong
    }

    fn references(&self) -> Vec<Reference<'_>> {
        let kind = match self.match_entity {
            RewardEntity::Activity => Some(Kind::Activity),
            RewardEntity::Tag => Some(Kind::Tag),
            _ => None,
        };
        let id = self.match_entity_id.as_deref();
        let currencies = self.rewards.iter().map(|reward| Reference {
            field: "rewards",
            kind: Kind::VirtualCurrency,
            id: &reward.virtual_currency_id,
        });
        matching::reference(self.rule_type, kind, id, "matchEntityId")
            .into_iter()
            .chain(currencies)
            .collect()
    }

    fn catalog_reference(&self) -> Option<&str> {
        self.catalog_reward_rule_id.as_deref()
    }
}

//! The part of a catalog that the second dialect configures: activities, tags, missions, rewards, currencies; compiled.
//!
//! Expressions are compiled here, once per catalog. Entries refer to each other by our ids; what a document names that is not there matches nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Span;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::definition::{
    Activity, Content, Document, EventEntity, MatchEntity, MatchType, MissionConfiguration,
    MissionRule, MissionType, RedemptionMode, RewardEntity, RewardRule, Stored, Tag,
    VirtualCurrency,
};
use crate::id::{
    ActivityId, CurrencyId, MetricId, MissionConfigurationId, MissionRuleId, RewardRuleId, TagId,
};
use crate::rule::Rule;
use crate::timeframe::Schedule;

/// What a rulebook is compiled from: published documents in order of creation, archived ones left
/// out; tags also when they are drafts.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// Activities.
    pub activities: Vec<Stored<Document<Activity>>>,
    /// Tags.
    pub tags: Vec<Stored<Document<Tag>>>,
    /// Mission configurations.
    pub configurations: Vec<Stored<Document<MissionConfiguration>>>,
    /// Mission rules.
    pub mission_rules: Vec<Stored<Document<MissionRule>>>,
    /// Reward rules.
    pub reward_rules: Vec<Stored<Document<RewardRule>>>,
    /// Virtual currencies.
    pub currencies: Vec<Stored<Document<VirtualCurrency>>>,
    /// Which documents carry which tags.
    pub tagged: Vec<(Uuid, TagId)>,
}

/// What can happen to whom (spec/aworld.md 4.1, 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entity {
    /// An activity was logged.
    Activity,
    /// A quiz was answered.
    Quiz,
    /// A tag was assigned to the user.
    Tag,
    /// The user was made.
    User,
    /// A mission was completed.
    Mission,
    /// A learning path moved on.
    LearningPath,
    /// A learning group moved on.
    LearningGroup,
    /// A slide was seen.
    Slide,
}

impl From<MatchEntity> for Entity {
    fn from(entity: MatchEntity) -> Self {
        match entity {
            MatchEntity::Activity => Self::Activity,
            MatchEntity::Quiz => Self::Quiz,
            MatchEntity::Tag => Self::Tag,
        }
    }
}

impl From<EventEntity> for Entity {
    fn from(entity: EventEntity) -> Self {
        match entity {
            EventEntity::Activity => Self::Activity,
            EventEntity::Quiz => Self::Quiz,
            EventEntity::Tag => Self::Tag,
            EventEntity::User => Self::User,
        }
    }
}

impl From<RewardEntity> for Entity {
    fn from(entity: RewardEntity) -> Self {
        match entity {
            RewardEntity::Mission => Self::Mission,
            RewardEntity::Activity => Self::Activity,
            RewardEntity::Quiz => Self::Quiz,
            RewardEntity::Tag => Self::Tag,
            RewardEntity::LearningPath => Self::LearningPath,
            RewardEntity::LearningGroup => Self::LearningGroup,
            RewardEntity::Slide => Self::Slide,
        }
    }
}

/// What a rule or mission is about (spec/aworld.md 4.3).
#[derive(Clone, Debug)]
pub struct Matcher {
    of: MatchType,
    entity: Entity,
    id: Option<String>,
    tag: Option<TagId>,
}

impl Matcher {
    /// Whether something that happened is meant: its entity, the ids it goes by, the tags it carries.
    pub fn fits(&self, entity: Entity, ids: &[String], tags: &[TagId]) -> bool {
        match self.of {
            MatchType::Entity => self.entity == entity,
            MatchType::Instance => {
                self.entity == entity && self.id.as_ref().is_some_and(|id| ids.contains(id))
            }
            MatchType::Tag => self.tag.is_some_and(|tag| tags.contains(&tag)),
        }
    }
}

/// An activity.
#[derive(Clone, Debug)]
pub struct ActivityEntry {
    /// The definition.
    pub stored: Stored<Document<Activity>>,
    /// Its tags.
    pub tags: Vec<TagId>,
    /// The metric it adds to.
    pub metric: Option<MetricId>,
}

impl ActivityEntry {
    /// Its id.
    pub fn id(&self) -> ActivityId {
        ActivityId(self.stored.id)
    }
}

/// What a mission takes from its configuration when it is made (spec/aworld.md 4.5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The id of the configuration.
    pub configuration: String,
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
    /// The language that stands in for missing ones.
    pub default_lang: String,
}

impl Snapshot {
    fn of(document: &Document<MissionConfiguration>) -> Self {
        let content = document.content.clone();
        Self {
            configuration: document.id.clone(),
            mission_type: content.mission_type,
            match_type: content.match_type,
            match_entity: content.match_entity,
            match_entity_id: content.match_entity_id,
            match_condition: content.match_condition,
            increment_expression: content.increment_expression,
            target_amount_expression: content.target_amount_expression,
            default_lang: document.default_lang.clone(),
        }
    }
}

/// A snapshot, compiled.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What it was compiled from.
    pub snapshot: Snapshot,
    /// What it is about.
    pub matcher: Matcher,
    /// Which events count.
    pub condition: Rule,
    /// How much one counts.
    pub increment: Rule,
    /// How much is asked.
    pub target: Rule,
}

/// A mission configuration.
#[derive(Clone, Debug)]
pub struct ConfigurationEntry {
    /// The definition.
    pub stored: Stored<Document<MissionConfiguration>>,
    /// Its tags.
    pub tags: Vec<TagId>,
    /// What missions made now take from it, as they keep it.
    pub snapshot: Arc<str>,
    /// The same, compiled.
    pub terms: Arc<Terms>,
}

impl ConfigurationEntry {
    /// Its id.
    pub fn id(&self) -> MissionConfigurationId {
        MissionConfigurationId(self.stored.id)
    }
}

/// A mission rule.
#[derive(Clone, Debug)]
pub struct MissionRuleEntry {
    /// The definition.
    pub stored: Stored<Document<MissionRule>>,
    /// When; nothing if its timeframe cannot be read.
    pub schedule: Option<Schedule>,
    /// The group it makes missions for.
    pub group: Option<TagId>,
    /// Which users.
    pub users: Rule,
    /// Which configurations.
    pub missions: Rule,
    /// Which events, of an EVENT rule.
    pub event: Option<(Matcher, Rule)>,
    /// The configurations it may choose from.
    pub pool: Option<Vec<MissionConfigurationId>>,
}

impl MissionRuleEntry {
    /// Its id.
    pub fn id(&self) -> MissionRuleId {
        MissionRuleId(self.stored.id)
    }

    /// What it says.
    pub fn body(&self) -> &MissionRule {
        &self.stored.body.content
    }
}

/// One payment of a reward rule.
#[derive(Clone, Debug)]
pub struct RewardEntry {
    /// What is paid.
    pub currency: CurrencyId,
    /// When it takes effect.
    pub mode: RedemptionMode,
    /// How much.
    pub amount: Rule,
    /// How long it can be redeemed.
    pub expires_after: Option<Span>,
}

/// A reward rule.
#[derive(Clone, Debug)]
pub struct RewardRuleEntry {
    /// The definition.
    pub stored: Stored<Document<RewardRule>>,
    /// What is rewarded.
    pub matcher: Matcher,
    /// Which events.
    pub condition: Rule,
    /// What is paid.
    pub rewards: Vec<RewardEntry>,
}

impl RewardRuleEntry {
    /// Its id.
    pub fn id(&self) -> RewardRuleId {
        RewardRuleId(self.stored.id)
    }
}

/// The compiled documents of a space.
#[derive(Clone, Debug, Default)]
pub struct Rulebook {
    activities: Vec<ActivityEntry>,
    tags: Vec<Stored<Document<Tag>>>,
    configurations: Vec<ConfigurationEntry>,
    mission_rules: Vec<MissionRuleEntry>,
    reward_rules: Vec<RewardRuleEntry>,
    currencies: Vec<Stored<Document<VirtualCurrency>>>,
    activity_by_id: HashMap<String, usize>,
    activities_of_metric: HashMap<MetricId, Vec<usize>>,
    tag_by_id: HashMap<String, TagId>,
    tag_index: HashMap<TagId, usize>,
    configuration_by_id: HashMap<String, usize>,
    configuration_index: HashMap<MissionConfigurationId, usize>,
    rule_index: HashMap<MissionRuleId, usize>,
    currency_by_id: HashMap<String, usize>,
    currency_index: HashMap<CurrencyId, usize>,
    /// Terms of missions that are older than the last edit of their configuration. Only a memory: the text says it all.
    former: Arc<Mutex<HashMap<Arc<str>, Arc<Terms>>>>,
}

/// The most texts remembered; beyond it all are compiled anew.
const FORMER_MAX: usize = 4_096;

fn by_id<T: Content>(stored: &[Stored<Document<T>>]) -> HashMap<String, usize> {
    stored
        .iter()
        .enumerate()
        .map(|(index, stored)| (stored.body.id.clone(), index))
        .collect()
}

impl Rulebook {
    /// Compiles documents. `metric`: finds a metric by its key.
    pub fn compile(documents: Documents, metric: impl Fn(&str) -> Option<MetricId>) -> Self {
        let Documents {
            activities,
            tags,
            configurations,
            mission_rules,
            reward_rules,
            currencies,
            tagged,
        } = documents;
        let mut tags_of: BTreeMap<Uuid, Vec<TagId>> = BTreeMap::new();
        for (definition, tag) in tagged {
            tags_of.entry(definition).or_default().push(tag);
        }
        let tags_of = |id: Uuid| tags_of.get(&id).cloned().unwrap_or_default();
        let mut book = Self {
            activity_by_id: by_id(&activities),
            configuration_by_id: by_id(&configurations),
            currency_by_id: by_id(&currencies),
            tag_by_id: tags
                .iter()
                .map(|tag| (tag.body.id.clone(), TagId(tag.id)))
                .collect(),
            tag_index: (0..)
                .zip(&tags)
                .map(|(index, tag)| (TagId(tag.id), index))
                .collect(),
            currency_index: (0..)
                .zip(&currencies)
                .map(|(index, currency)| (CurrencyId(currency.id), index))
                .collect(),
            tags,
            currencies,
            ..Self::default()
        };
        for (index, stored) in activities.into_iter().enumerate() {
            let metric = stored.body.content.metric.as_deref().and_then(&metric);
            if let Some(metric) = metric {
                book.activities_of_metric
                    .entry(metric)
                    .or_default()
                    .push(index);
            }
            book.activities.push(ActivityEntry {
                tags: tags_of(stored.id),
                metric,
                stored,
            });
        }
        for (index, stored) in configurations.into_iter().enumerate() {
            let snapshot = Snapshot::of(&stored.body);
            // A snapshot is plain data; it always has a text.
            let text = serde_json::to_string(&snapshot).unwrap_or_default();
            let entry = ConfigurationEntry {
                tags: tags_of(stored.id),
                snapshot: text.into(),
                terms: Arc::new(book.compiled(snapshot)),
                stored,
            };
            book.configuration_index.insert(entry.id(), index);
            book.configurations.push(entry);
        }
        for (index, stored) in mission_rules.into_iter().enumerate() {
            let entry = book.mission_rule_entry(stored);
            book.rule_index.insert(entry.id(), index);
            book.mission_rules.push(entry);
        }
        for stored in reward_rules {
            let entry = book.reward_rule_entry(stored);
            book.reward_rules.push(entry);
        }
        book
    }

    fn matcher(&self, of: MatchType, entity: Entity, id: Option<&str>) -> Matcher {
        Matcher {
            of,
            entity,
            id: id.map(str::to_owned),
            tag: id.and_then(|id| self.tag_by_id.get(id).copied()),
        }
    }

    fn compiled(&self, snapshot: Snapshot) -> Terms {
        Terms {
            matcher: self.matcher(
                snapshot.match_type,
                snapshot.match_entity.into(),
                snapshot.match_entity_id.as_deref(),
            ),
            condition: Rule::compile(&snapshot.match_condition),
            increment: Rule::compile(&snapshot.increment_expression),
            target: Rule::compile(&snapshot.target_amount_expression),
            snapshot,
        }
    }

    fn mission_rule_entry(&self, stored: Stored<Document<MissionRule>>) -> MissionRuleEntry {
        let rule = &stored.body.content;
        let event = rule.event_match_type.zip(rule.event_match_entity);
        MissionRuleEntry {
            schedule: rule.timeframe.compile().ok(),
            group: rule
                .group_tag_id
                .as_ref()
                .and_then(|id| self.tag_by_id.get(id).copied()),
            users: Rule::compile(rule.users_match_condition.as_ref().unwrap_or(&Value::Null)),
            missions: Rule::compile(&rule.missions_match_condition),
            event: event.map(|(of, entity)| {
                let id = rule.event_match_entity_id.as_deref();
                let condition = rule.event_match_condition.as_ref();
                (
                    self.matcher(of, entity.into(), id),
                    Rule::compile(condition.unwrap_or(&Value::Null)),
                )
            }),
            pool: rule.mission_configurations_pool.as_ref().map(|pool| {
                pool.iter()
                    .filter_map(|id| self.configuration_by_id.get(id))
                    .map(|index| self.configurations[*index].id())
                    .collect()
            }),
            stored,
        }
    }

    fn reward_rule_entry(&self, stored: Stored<Document<RewardRule>>) -> RewardRuleEntry {
        let rule = &stored.body.content;
        RewardRuleEntry {
            matcher: self.matcher(
                rule.rule_type,
                rule.match_entity.into(),
                rule.match_entity_id.as_deref(),
            ),
            condition: Rule::compile(&rule.match_condition),
            rewards: rule
                .rewards
                .iter()
                .filter_map(|reward| {
                    let index = *self.currency_by_id.get(&reward.virtual_currency_id)?;
                    Some(RewardEntry {
                        currency: CurrencyId(self.currencies[index].id),
                        mode: reward.redemption_mode,
                        amount: Rule::compile(&reward.expression),
                        expires_after: reward.expires_after(),
                    })
                })
                .collect(),
            stored,
        }
    }

    /// Whether nothing is configured: then nothing of it has to be loaded or looked at.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.configurations.is_empty() && self.currencies.is_empty()
    }

    /// Whether there can be missions.
    pub fn has_missions(&self) -> bool {
        !self.configurations.is_empty()
    }

    /// Whether there can be missions of groups.
    pub fn has_group_missions(&self) -> bool {
        self.configurations
            .iter()
            .any(|entry| entry.stored.body.content.mission_type == MissionType::Group)
    }

    /// Whether there are virtual currencies.
    pub fn has_currencies(&self) -> bool {
        !self.currencies.is_empty()
    }

    /// Whether anybody can carry a tag.
    pub fn has_tags(&self) -> bool {
        !self.tags.is_empty()
    }

    /// An activity by its id.
    pub fn activity(&self, id: &str) -> Option<&ActivityEntry> {
        self.activity_by_id
            .get(id)
            .map(|index| &self.activities[*index])
    }

    /// The activities that an event of a metric is a log of.
    pub fn activities_of_metric(&self, metric: MetricId) -> impl Iterator<Item = &ActivityEntry> {
        self.activities_of_metric
            .get(&metric)
            .into_iter()
            .flatten()
            .map(|index| &self.activities[*index])
    }

    /// A tag by its id, drafts included.
    pub fn tag_named(&self, id: &str) -> Option<TagId> {
        self.tag_by_id.get(id).copied()
    }

    /// The id a tag is known by.
    pub fn tag_name(&self, tag: TagId) -> Option<&str> {
        self.tag_index
            .get(&tag)
            .map(|index| self.tags[*index].body.id.as_str())
    }

    /// All mission configurations, oldest first.
    pub fn configurations(&self) -> impl Iterator<Item = &ConfigurationEntry> {
        self.configurations.iter()
    }

    /// A mission configuration by the id it is known by.
    pub fn configuration_named(&self, id: &str) -> Option<&ConfigurationEntry> {
        self.configuration_by_id
            .get(id)
            .map(|index| &self.configurations[*index])
    }

    /// A mission configuration.
    pub fn configuration(&self, id: MissionConfigurationId) -> Option<&ConfigurationEntry> {
        self.configuration_index
            .get(&id)
            .map(|index| &self.configurations[*index])
    }

    /// All mission rules, oldest first.
    pub fn mission_rules(&self) -> impl Iterator<Item = &MissionRuleEntry> {
        self.mission_rules.iter()
    }

    /// A mission rule.
    pub fn mission_rule(&self, id: MissionRuleId) -> Option<&MissionRuleEntry> {
        self.rule_index
            .get(&id)
            .map(|index| &self.mission_rules[*index])
    }

    /// All reward rules, oldest first.
    pub fn reward_rules(&self) -> impl Iterator<Item = &RewardRuleEntry> {
        self.reward_rules.iter()
    }

    /// All virtual currencies, oldest first.
    pub fn currencies(&self) -> impl Iterator<Item = &Stored<Document<VirtualCurrency>>> {
        self.currencies.iter()
    }

    /// A virtual currency by the id it is known by.
    pub fn currency_named(&self, id: &str) -> Option<&Stored<Document<VirtualCurrency>>> {
        self.currency_by_id
            .get(id)
            .map(|index| &self.currencies[*index])
    }

    /// A virtual currency.
    pub fn currency(&self, id: CurrencyId) -> Option<&Stored<Document<VirtualCurrency>>> {
        self.currency_index
            .get(&id)
            .map(|index| &self.currencies[*index])
    }

    /// The terms of a mission: those of its configuration, or, when that was edited since, its own,
    /// compiled when they are first asked for. Nothing for a text that is no snapshot.
    pub fn terms(
        &self,
        configuration: MissionConfigurationId,
        snapshot: &Arc<str>,
    ) -> Option<Arc<Terms>> {
        if let Some(entry) = self.configuration(configuration)
            && entry.snapshot == *snapshot
        {
            return Some(entry.terms.clone());
        }
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(terms) = former.get(snapshot) {
            return Some(terms.clone());
        }
        let terms = Arc::new(self.compiled(serde_json::from_str(snapshot).ok()?));
        if former.len() >= FORMER_MAX {
            former.clear();
        }
        former.insert(snapshot.clone(), terms.clone());
        Some(terms)
    }
}

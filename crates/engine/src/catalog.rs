//! All published definitions of a space, cross-checked and indexed for the rules.
//!
//! A catalog is immutable; a change of configuration compiles a new one. Archived definitions stay readable (old awards show
//! their trigger) but no index leads to them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::definition::{
    Achievement, AchievementStatus, AchievementTrigger, Attribute, AttributeKind, Board,
    BoardStatus, BoostUser, Filter, KeyedFilter, Metric, PointsBoost, PointsLevel, PointsSystem,
    PointsTrigger, RankBy, Settings, Stored, StreakSettings, TriggerRule, all_match,
};
use crate::id::{
    AchievementId, AttributeId, BoardId, BoostId, CurrencyId, LevelId, MetricId, TriggerId, UserId,
};
use crate::rulebook::{Documents, Rulebook};
use crate::user::User;

/// What a catalog is compiled from: definitions in order of creation, archived ones included.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    /// Attributes.
    pub attributes: Vec<Stored<Attribute>>,
    /// Metrics.
    pub metrics: Vec<Stored<Metric>>,
    /// Achievements.
    pub achievements: Vec<Stored<Achievement>>,
    /// Points systems.
    pub systems: Vec<Stored<PointsSystem>>,
    /// Levels of all systems.
    pub levels: Vec<Stored<PointsLevel>>,
    /// Triggers of all systems.
    pub triggers: Vec<Stored<PointsTrigger>>,
    /// Boosts of all systems.
    pub boosts: Vec<Stored<PointsBoost>>,
    /// Leaderboards.
    pub boards: Vec<Stored<Board>>,
    /// Streak settings, if ever set.
    pub streak: Option<StreakSettings>,
    /// Settings, if ever set.
    pub settings: Option<Settings>,
    /// What the second dialect configures.
    pub documents: Documents,
    /// The kinds of notices that somebody outside wants to be told.
    pub listened: BTreeSet<String>,
}

/// An achievement with its filters looked up.
#[derive(Clone, Debug)]
pub struct AchievementEntry {
    /// The definition.
    pub stored: Stored<Achievement>,
    /// Which users can complete it.
    pub user_filters: Vec<KeyedFilter>,
    /// Which events count; empty for other triggers than metric.
    pub event_filters: Vec<KeyedFilter>,
}

impl AchievementEntry {
    /// Its id.
    pub fn id(&self) -> AchievementId {
        AchievementId(self.stored.id)
    }

    /// What it says.
    pub fn body(&self) -> &Achievement {
        &self.stored.body
    }

    /// Whether a user could complete it now, filters aside.
    pub fn is_active(&self) -> bool {
        !self.stored.is_archived && self.body().status == AchievementStatus::Active
    }

    /// Whether holders see it.
    pub fn is_visible(&self) -> bool {
        !self.stored.is_archived && self.body().status != AchievementStatus::Inactive
    }
}

/// A points trigger with its filters looked up.
#[derive(Clone, Debug)]
pub struct TriggerEntry {
    /// The definition.
    pub stored: Stored<PointsTrigger>,
    /// Which users get the points.
    pub user_filters: Vec<KeyedFilter>,
    /// Which events count; empty for other rules than metric.
    pub event_filters: Vec<KeyedFilter>,
}

impl TriggerEntry {
    /// Its id.
    pub fn id(&self) -> TriggerId {
        TriggerId(self.stored.id)
    }

    /// What it says.
    pub fn body(&self) -> &PointsTrigger {
        &self.stored.body
    }
}

/// A points system with its levels.
#[derive(Clone, Debug)]
pub struct SystemEntry {
    /// The definition.
    pub stored: Stored<PointsSystem>,
    /// Its levels, lowest threshold first.
    pub levels: Vec<Stored<PointsLevel>>,
}

impl SystemEntry {
    /// Its id.
    pub fn id(&self) -> CurrencyId {
        CurrencyId(self.stored.id)
    }

    /// What it says.
    pub fn body(&self) -> &PointsSystem {
        &self.stored.body
    }

    /// The highest level whose threshold a balance reaches (spec/trophy.md 6.8).
    pub fn level_at(&self, balance: i64) -> Option<LevelId> {
        self.levels
            .iter()
            .rev()
            .find(|level| level.body.points <= balance)
            .map(|level| LevelId(level.id))
    }

    /// One of its levels.
    pub fn level(&self, id: LevelId) -> Option<&Stored<PointsLevel>> {
        self.levels.iter().find(|level| level.id == id.0)
    }
}

/// A boost with its filters looked up.
#[derive(Clone, Debug)]
pub struct BoostEntry {
    /// The definition.
    pub stored: Stored<PointsBoost>,
    /// For which users it is.
    pub user_filters: Vec<KeyedFilter>,
}

impl BoostEntry {
    /// Its id.
    pub fn id(&self) -> BoostId {
        BoostId(self.stored.id)
    }

    /// What it says.
    pub fn body(&self) -> &PointsBoost {
        &self.stored.body
    }

    /// Whether it multiplies what a user earns on a local date.
    pub fn applies(&self, user: &User, date: Date) -> bool {
        self.body().holds(date)
            && self
                .body()
                .user
                .as_ref()
                .is_none_or(|own| own.id() == user.id)
            && all_match(&self.user_filters, &user.attributes)
    }
}

/// A leaderboard with its filters and breakdown keys looked up.
#[derive(Clone, Debug)]
pub struct BoardEntry {
    /// The definition.
    pub stored: Stored<Board>,
    /// Which users take part.
    pub user_filters: Vec<KeyedFilter>,
    /// The keys of the breakdown attributes.
    pub breakdown: Vec<String>,
}

impl BoardEntry {
    /// Its id.
    pub fn id(&self) -> BoardId {
        BoardId(self.stored.id)
    }

    /// What it says.
    pub fn body(&self) -> &Board {
        &self.stored.body
    }
}

/// The compiled configuration of a space.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// The configuration version it was compiled from.
    pub version: i64,
    /// How streaks work.
    pub streak: StreakSettings,
    /// Branding and the control group.
    pub settings: Settings,
    /// The kinds of notices that somebody outside wants to be told: others are not kept.
    pub listened: BTreeSet<String>,
    /// What the second dialect configures.
    pub book: Rulebook,
    attributes: Vec<Stored<Attribute>>,
    metrics: Vec<Stored<Metric>>,
    achievements: Vec<AchievementEntry>,
    systems: Vec<SystemEntry>,
    triggers: Vec<TriggerEntry>,
    boosts: Vec<BoostEntry>,
    boards: Vec<BoardEntry>,
    user_attribute_keys: BTreeMap<String, AttributeId>,
    event_attribute_keys: BTreeMap<String, AttributeId>,
    metric_by_key: HashMap<String, usize>,
    metric_by_id: HashMap<MetricId, usize>,
    achievement_by_key: HashMap<String, usize>,
    achievement_by_id: HashMap<AchievementId, usize>,
    system_by_key: HashMap<String, usize>,
    system_by_id: HashMap<CurrencyId, usize>,
    trigger_by_id: HashMap<TriggerId, usize>,
    boost_by_id: HashMap<BoostId, usize>,
    board_by_key: HashMap<String, usize>,
    board_by_id: HashMap<BoardId, usize>,
    achievements_of_metric: HashMap<MetricId, Vec<usize>>,
    triggers_of_metric: HashMap<MetricId, Vec<usize>>,
    boards_of_metric: HashMap<MetricId, Vec<usize>>,
    time_triggers: Vec<usize>,
    /// By the one user they are for, else nothing.
    boosts_of: HashMap<(CurrencyId, Option<UserId>), Vec<usize>>,
}

impl Catalog {
    /// Compiles definitions that are in order of creation.
    pub fn compile(version: i64, definitions: Definitions) -> Self {
        let Definitions {
            attributes,
            metrics,
            achievements,
            systems,
            levels,
            triggers,
            boosts,
            boards,
            streak,
            settings,
            documents,
            listened,
        } = definitions;
        let key_of: HashMap<AttributeId, String> = attributes
            .iter()
            .map(|a| (AttributeId(a.id), a.body.key.clone()))
            .collect();
        // A filter over an attribute that is not there matches nobody: no attribute has an empty key.
        let keyed = |filters: &[Filter]| -> Vec<KeyedFilter> {
            filters
                .iter()
                .map(|filter| KeyedFilter {
                    key: key_of.get(&filter.attribute).cloned().unwrap_or_default(),
                    value: filter.value.clone(),
                })
                .collect()
        };
        let mut catalog = Self {
            version,
            settings: settings.unwrap_or_default(),
            listened,
            ..Self::default()
        };
        for attribute in attributes.iter().filter(|a| !a.is_archived) {
            let keys = match attribute.body.kind {
                AttributeKind::User => &mut catalog.user_attribute_keys,
                AttributeKind::Event => &mut catalog.event_attribute_keys,
            };
            keys.insert(attribute.body.key.clone(), AttributeId(attribute.id));
        }
        for (index, metric) in metrics.iter().enumerate() {
            catalog.metric_by_id.insert(MetricId(metric.id), index);
            if !metric.is_archived {
                catalog.metric_by_key.insert(metric.body.key.clone(), index);
            }
        }
        catalog.book = Rulebook::compile(documents, |key| {
            let index = *catalog.metric_by_key.get(key)?;
            Some(MetricId(metrics[index].id))
        });
        for (index, achievement) in achievements.iter().enumerate() {
            catalog
                .achievement_by_id
                .insert(AchievementId(achievement.id), index);
            if achievement.is_archived {
                continue;
            }
            if let Some(key) = &achievement.body.key {
                catalog.achievement_by_key.insert(key.clone(), index);
            }
            if let AchievementTrigger::Metric { metric, .. } = &achievement.body.trigger {
                catalog
                    .achievements_of_metric
                    .entry(*metric)
                    .or_default()
                    .push(index);
            }
        }
        catalog.achievements = achievements
            .into_iter()
            .map(|stored| AchievementEntry {
                user_filters: keyed(&stored.body.user_filters),
                event_filters: match &stored.body.trigger {
                    AchievementTrigger::Metric { event_filters, .. } => keyed(event_filters),
                    _ => Vec::new(),
                },
                stored,
            })
            .collect();
        for (index, system) in systems.iter().enumerate() {
            catalog.system_by_id.insert(CurrencyId(system.id), index);
            if !system.is_archived {
                catalog.system_by_key.insert(system.body.key.clone(), index);
            }
        }
        catalog.systems = systems
            .into_iter()
            .map(|stored| {
                let mut own: Vec<_> = levels
                    .iter()
                    .filter(|l| !l.is_archived && l.body.system.0 == stored.id)
                    .cloned()
                    .collect();
                own.sort_by_key(|level| level.body.points);
                SystemEntry {
                    stored,
                    levels: own,
                }
            })
            .collect();
        for (index, trigger) in triggers.iter().enumerate() {
            catalog.trigger_by_id.insert(TriggerId(trigger.id), index);
            let system = catalog.system_by_id.get(&trigger.body.system);
            let is_live = !trigger.is_archived
                && trigger.body.is_active
                && system.is_some_and(|system| !catalog.systems[*system].stored.is_archived);
            match &trigger.body.rule {
                TriggerRule::Metric { metric, .. } if is_live => catalog
                    .triggers_of_metric
                    .entry(*metric)
                    .or_default()
                    .push(index),
                TriggerRule::Time { .. } if is_live => catalog.time_triggers.push(index),
                _ => {}
            }
        }
        catalog.triggers = triggers
            .into_iter()
            .map(|stored| TriggerEntry {
                user_filters: keyed(&stored.body.user_filters),
                event_filters: match &stored.body.rule {
                    TriggerRule::Metric { event_filters, .. } => keyed(event_filters),
                    _ => Vec::new(),
                },
                stored,
            })
            .collect();
        for (index, boost) in boosts.iter().enumerate() {
            catalog.boost_by_id.insert(BoostId(boost.id), index);
            if !boost.is_archived {
                let user = boost.body.user.as_ref().map(BoostUser::id);
                catalog
                    .boosts_of
                    .entry((boost.body.system, user))
                    .or_default()
                    .push(index);
            }
        }
        catalog.boosts = boosts
            .into_iter()
            .map(|stored| BoostEntry {
                user_filters: keyed(&stored.body.user_filters),
                stored,
            })
            .collect();
        for (index, board) in boards.iter().enumerate() {
            catalog.board_by_id.insert(BoardId(board.id), index);
            if board.is_archived {
                continue;
            }
            catalog.board_by_key.insert(board.body.key.clone(), index);
            if let RankBy::Metric(metric) = board.body.rank_by {
                catalog
                    .boards_of_metric
                    .entry(metric)
                    .or_default()
                    .push(index);
            }
        }
        catalog.boards = boards
            .into_iter()
            .map(|stored| BoardEntry {
                user_filters: keyed(&stored.body.user_filters),
                breakdown: stored
                    .body
                    .breakdown
                    .iter()
                    .map(|id| key_of.get(id).cloned().unwrap_or_default())
                    .collect(),
                stored,
            })
            .collect();
        let mut streak = streak.unwrap_or_default();
        streak.metrics.retain(|needed| {
            catalog
                .metric_by_id
                .get(&needed.metric)
                .is_some_and(|index| !metrics[*index].is_archived)
        });
        catalog.streak = streak;
        catalog.attributes = attributes;
        catalog.metrics = metrics;
        catalog
    }

    /// Whether anybody outside wants to be told of a kind of notice ([`Notice::kind`](crate::outcome::Notice::kind)).
    pub fn listens(&self, kind: &str) -> bool {
        self.listened.contains(kind)
    }

    /// Whether anybody outside wants to be told of anything.
    pub fn is_listened(&self) -> bool {
        !self.listened.is_empty()
    }

    /// All attributes that were not deleted, oldest first.
    pub fn attributes(&self) -> impl Iterator<Item = &Stored<Attribute>> {
        self.attributes
            .iter()
            .filter(|attribute| !attribute.is_archived)
    }

    /// An attribute, deleted ones included.
    pub fn attribute(&self, id: AttributeId) -> Option<&Stored<Attribute>> {
        self.attributes
            .iter()
            .find(|attribute| attribute.id == id.0)
    }

    /// The keys that attributes of a kind may have.
    pub fn attribute_keys(&self, kind: AttributeKind) -> &BTreeMap<String, AttributeId> {
        match kind {
            AttributeKind::User => &self.user_attribute_keys,
            AttributeKind::Event => &self.event_attribute_keys,
        }
    }

    /// All metrics that were not deleted, oldest first.
    pub fn metrics(&self) -> impl Iterator<Item = &Stored<Metric>> {
        self.metrics.iter().filter(|metric| !metric.is_archived)
    }

    /// A metric that was not deleted.
    pub fn metric_by_key(&self, key: &str) -> Option<&Stored<Metric>> {
        self.metric_by_key
            .get(key)
            .map(|index| &self.metrics[*index])
    }

    /// A metric, deleted ones included.
    pub fn metric(&self, id: MetricId) -> Option<&Stored<Metric>> {
        self.metric_by_id
            .get(&id)
            .map(|index| &self.metrics[*index])
    }

    /// All achievements that were not deleted, oldest first.
    pub fn achievements(&self) -> impl Iterator<Item = &AchievementEntry> {
        self.achievements
            .iter()
            .filter(|achievement| !achievement.stored.is_archived)
    }

    /// An achievement that was not deleted.
    pub fn achievement_by_key(&self, key: &str) -> Option<&AchievementEntry> {
        self.achievement_by_key
            .get(key)
            .map(|index| &self.achievements[*index])
    }

    /// An achievement, deleted ones included.
    pub fn achievement(&self, id: AchievementId) -> Option<&AchievementEntry> {
        self.achievement_by_id
            .get(&id)
            .map(|index| &self.achievements[*index])
    }

    /// The achievements, in any status, that count events of a metric.
    pub fn achievements_of_metric(
        &self,
        metric: MetricId,
    ) -> impl Iterator<Item = &AchievementEntry> {
        self.achievements_of_metric
            .get(&metric)
            .into_iter()
            .flatten()
            .map(|index| &self.achievements[*index])
    }

    /// All points systems that were not deleted, oldest first.
    pub fn systems(&self) -> impl Iterator<Item = &SystemEntry> {
        self.systems
            .iter()
            .filter(|system| !system.stored.is_archived)
    }

    /// A points system that was not deleted.
    pub fn system_by_key(&self, key: &str) -> Option<&SystemEntry> {
        self.system_by_key
            .get(key)
            .map(|index| &self.systems[*index])
    }

    /// A points system, deleted ones included.
    pub fn system(&self, id: CurrencyId) -> Option<&SystemEntry> {
        self.system_by_id
            .get(&id)
            .map(|index| &self.systems[*index])
    }

    /// A trigger, deleted ones included.
    pub fn trigger(&self, id: TriggerId) -> Option<&TriggerEntry> {
        self.trigger_by_id
            .get(&id)
            .map(|index| &self.triggers[*index])
    }

    /// The triggers that fire, oldest first.
    pub fn active_triggers(&self) -> impl Iterator<Item = &TriggerEntry> {
        self.triggers.iter().filter(|trigger| {
            !trigger.stored.is_archived
                && trigger.body().is_active
                && self
                    .system(trigger.body().system)
                    .is_some_and(|s| !s.stored.is_archived)
        })
    }

    /// The firing triggers that count events of a metric, oldest first.
    pub fn triggers_of_metric(&self, metric: MetricId) -> impl Iterator<Item = &TriggerEntry> {
        self.triggers_of_metric
            .get(&metric)
            .into_iter()
            .flatten()
            .map(|index| &self.triggers[*index])
    }

    /// The firing triggers that pay for time, oldest first.
    pub fn time_triggers(&self) -> impl Iterator<Item = &TriggerEntry> {
        self.time_triggers
            .iter()
            .map(|index| &self.triggers[*index])
    }

    /// All boosts that were not deleted, oldest first.
    pub fn boosts(&self) -> impl Iterator<Item = &BoostEntry> {
        self.boosts.iter().filter(|boost| !boost.stored.is_archived)
    }

    /// A boost, deleted ones included.
    pub fn boost(&self, id: BoostId) -> Option<&BoostEntry> {
        self.boost_by_id.get(&id).map(|index| &self.boosts[*index])
    }

    /// The boosts of a system that are for everybody or for a group, oldest first.
    pub fn boosts_of(&self, system: CurrencyId) -> impl Iterator<Item = &BoostEntry> {
        self.boosts_listed(system, None)
    }

    /// The boosts of a system that may apply to a user: those that are not for somebody else.
    pub fn boosts_for(
        &self,
        system: CurrencyId,
        user: UserId,
    ) -> impl Iterator<Item = &BoostEntry> {
        self.boosts_listed(system, None)
            .chain(self.boosts_listed(system, Some(user)))
    }

    fn boosts_listed(
        &self,
        system: CurrencyId,
        user: Option<UserId>,
    ) -> impl Iterator<Item = &BoostEntry> {
        self.boosts_of
            .get(&(system, user))
            .into_iter()
            .flatten()
            .map(|index| &self.boosts[*index])
    }

    /// All leaderboards that were not deleted, oldest first.
    pub fn boards(&self) -> impl Iterator<Item = &BoardEntry> {
        self.boards.iter().filter(|board| !board.stored.is_archived)
    }

    /// A leaderboard that was not deleted.
    pub fn board_by_key(&self, key: &str) -> Option<&BoardEntry> {
        self.board_by_key.get(key).map(|index| &self.boards[*index])
    }

    /// A leaderboard, deleted ones included.
    pub fn board(&self, id: BoardId) -> Option<&BoardEntry> {
        self.board_by_id.get(&id).map(|index| &self.boards[*index])
    }

    /// The boards that rank a metric and rank now.
    pub fn live_boards_of_metric(
        &self,
        metric: MetricId,
        now: Timestamp,
    ) -> impl Iterator<Item = &BoardEntry> {
        self.boards_of_metric
            .get(&metric)
            .into_iter()
            .flatten()
            .map(|index| &self.boards[*index])
            .filter(move |board| board.body().status_at(now) == BoardStatus::Active)
    }

    /// The boards that rank now.
    pub fn live_boards(&self, now: Timestamp) -> impl Iterator<Item = &BoardEntry> {
        self.boards()
            .filter(move |board| board.body().status_at(now) == BoardStatus::Active)
    }
}

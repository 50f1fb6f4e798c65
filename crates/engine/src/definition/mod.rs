//! Everything a customer configures: one typed struct per kind, each with its own validation.
//!
//! Nothing outside a kind's file knows the rules of its members. Which dialect calls a kind what, and where it is kept, is not known here.

mod achievement;
mod activity;
mod attribute;
mod boost;
mod document;
mod leaderboard;
mod matching;
mod metric;
mod mission_configuration;
mod mission_rule;
mod points;
mod reward_rule;
mod settings;
mod streak_settings;
mod tag;
mod virtual_currency;

pub use achievement::{Achievement, AchievementStatus, AchievementTrigger};
pub use activity::Activity;
pub use attribute::{Attribute, AttributeKind, Filter, KeyedFilter, all_match};
pub use boost::{BoostStatus, BoostUser, PointsBoost, Rounding};
pub use document::{
    Content, Document, Origin, Reference, Translation, Wrong, is_language, is_url, resolved,
};
pub use leaderboard::{Board, BoardStatus, PARTICIPANTS_MAX, RankBy, Run};
pub use matching::{MatchType, MissionType};
pub use metric::{Metric, UnitType};
pub use mission_configuration::{MatchEntity, MissionConfiguration};
pub use mission_rule::{AssignmentMode, EventEntity, MissionRule};
pub use points::{POINTS_MAX, PointsLevel, PointsSystem, PointsTrigger, TickUnit, TriggerRule};
pub use reward_rule::{ApplicationMode, RedemptionMode, Reward, RewardEntity, RewardRule};
pub use settings::{Aggregation, Font, Settings};
pub use streak_settings::{Freezes, StreakMetric, StreakMode, StreakSettings};
pub use tag::Tag;
pub use virtual_currency::VirtualCurrency;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kind of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`Attribute`]
    Attribute,
    /// [`Metric`]
    Metric,
    /// [`Achievement`]
    Achievement,
    /// [`StreakSettings`], at most one in a space.
    StreakSettings,
    /// [`PointsSystem`]
    PointsSystem,
    /// [`PointsLevel`], child of a points system.
    PointsLevel,
    /// [`PointsTrigger`], child of a points system.
    PointsTrigger,
    /// [`PointsBoost`], child of a points system.
    PointsBoost,
    /// [`Board`]
    Leaderboard,
    /// [`Activity`]
    Activity,
    /// [`Tag`]
    Tag,
    /// [`MissionConfiguration`]
    MissionConfiguration,
    /// [`MissionRule`]
    MissionRule,
    /// [`RewardRule`]
    RewardRule,
    /// [`VirtualCurrency`]
    VirtualCurrency,
    /// [`Settings`], at most one in a space.
    Settings,
}

impl Kind {
    const ALL: [Self; 16] = [
        Self::Attribute,
        Self::Metric,
        Self::Achievement,
        Self::StreakSettings,
        Self::PointsSystem,
        Self::PointsLevel,
        Self::PointsTrigger,
        Self::PointsBoost,
        Self::Leaderboard,
        Self::Activity,
        Self::Tag,
        Self::MissionConfiguration,
        Self::MissionRule,
        Self::RewardRule,
        Self::VirtualCurrency,
        Self::Settings,
    ];

    /// The text kept in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attribute => "attribute",
            Self::Metric => "metric",
            Self::Achievement => "achievement",
            Self::StreakSettings => "streak_settings",
            Self::PointsSystem => "points_system",
            Self::PointsLevel => "points_level",
            Self::PointsTrigger => "points_trigger",
            Self::PointsBoost => "points_boost",
            Self::Leaderboard => "leaderboard",
            Self::Activity => "activity",
            Self::Tag => "tag",
            Self::MissionConfiguration => "mission_configuration",
            Self::MissionRule => "mission_rule",
            Self::RewardRule => "reward_rule",
            Self::VirtualCurrency => "virtual_currency",
            Self::Settings => "settings",
        }
    }

    /// Reads the text kept in the store.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What every kind of definition can say of itself.
pub trait Definition: Serialize + for<'de> Deserialize<'de> + Clone {
    /// Its kind.
    const KIND: Kind;

    /// The text that must be unique among the published definitions of its kind in a space.
    fn unique_key(&self) -> Option<String>;

    /// The definition it is part of.
    fn parent(&self) -> Option<Uuid> {
        None
    }

    /// What is wrong with its own members, as one sentence.
    fn problem(&self) -> Option<String>;
}

/// A definition as it is kept: identity, age and body.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    /// Its id.
    pub id: Uuid,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Whether it was deleted: it acts no more, but history may still show it.
    pub is_archived: bool,
    /// What it says.
    pub body: T,
}

/// Whether a text may be a key: letters, digits, `-` and `_` (spec/trophy.md 0.3).
pub fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn name_problem(name: &str) -> Option<String> {
    if name.trim().is_empty() {
        return Some("name must not be empty".to_owned());
    }
    (name.chars().count() > 255).then(|| "name must have at most 255 characters".to_owned())
}

fn key_problem(key: &str) -> Option<String> {
    (!is_key(key)).then(|| {
        "key must have 1 to 255 characters and may only contain letters, digits, - and _".to_owned()
    })
}

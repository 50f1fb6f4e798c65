//! The bodies of the Trophy Application API. Must not know the Admin API's forms, which differ in places.

mod achievement;
mod event;
mod leaderboard;
mod metric;
mod points;
mod preferences;
mod streak;
mod user;
mod wrapped;

pub use achievement::*;
pub use event::*;
pub use leaderboard::*;
pub use metric::*;
pub use points::*;
pub use preferences::*;
pub use streak::*;
pub use user::*;
pub use wrapped::*;

pub use crate::vocabulary::{
    AchievementTrigger, BoostStatus, EvaluationMode, PointsTriggerType, RankBy, Rounding, RunUnit,
    StreakFrequency,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A condition on one custom attribute, by its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttributeFilter {
    /// The key of the attribute.
    pub key: String,
    /// The value it must have.
    pub value: String,
}

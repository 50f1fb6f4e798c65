//! The bodies of the Trophy Admin API (`spec/trophy.md` 13 and 15). Must not know the Application API's forms.
//!
//! Bodies of create and update are arrays whose items are read one by one, so that a bad item becomes an issue: there is a
//! type per item, none for the array.

mod achievement;
mod application_key;
mod attribute;
mod environment;
mod issue;
mod leaderboard;
mod metric;
mod points;
mod settings;
mod streak;
mod tenant;

pub use achievement::*;
pub use application_key::*;
pub use attribute::*;
pub use environment::*;
pub use issue::*;
pub use leaderboard::*;
pub use metric::*;
pub use points::*;
pub use settings::*;
pub use streak::*;
pub use tenant::*;

pub use crate::vocabulary::{
    AchievementTrigger, BoostStatus, EvaluationMode, PointsTriggerType, RankBy, Rounding, RunUnit,
    StreakFrequency,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An image that stands somewhere on the web.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Image {
    /// The address.
    pub url: String,
}

/// A condition on one custom attribute, by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminAttributeFilter {
    /// The id of the attribute.
    pub attribute_id: String,
    /// The value it must have.
    pub attribute_value: String,
}

/// Whether something is in use or was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArchiveStatus {
    /// In use.
    Active,
    /// Deleted.
    Archived,
}

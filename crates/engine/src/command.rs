//! Everything that can be asked of the engine, and the reasons to say no.

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::definition::AttributeKind;
use crate::id::AchievementId;
use crate::user::Patch;

/// One request about one user.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Something the user did.
    RecordEvent(RecordEvent),
    /// A call names the user.
    SaveUser(SaveUser),
    /// A call completes an achievement.
    CompleteAchievement(CompleteAchievement),
    /// Time has passed.
    Settle,
    /// An achievement was activated or edited: whoever meets it already has it (spec/trophy.md 4.4).
    Backdate {
        /// The achievement.
        achievement: AchievementId,
    },
}

/// See [`Command::RecordEvent`] (spec/trophy.md 3).
#[derive(Clone, Debug, PartialEq)]
pub struct RecordEvent {
    /// The metric's key.
    pub metric: String,
    /// How much.
    pub value: Amount,
    /// Event attributes by key.
    pub attributes: BTreeMap<String, String>,
    /// What the request says of the user.
    pub user: Patch,
    /// The caller's key for this event.
    pub idempotency_key: Option<String>,
}

/// See [`Command::SaveUser`] (spec/trophy.md 2.3).
#[derive(Clone, Debug, PartialEq)]
pub struct SaveUser {
    /// What the request says of the user.
    pub user: Patch,
    /// Whether an unknown user is made.
    pub may_create: bool,
}

/// See [`Command::CompleteAchievement`] (spec/trophy.md 4.7).
#[derive(Clone, Debug, PartialEq)]
pub struct CompleteAchievement {
    /// The achievement's key.
    pub key: String,
    /// What the request says of the user.
    pub user: Patch,
}

/// Why a command was refused. Nothing changed, except where the variant says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The path names something that is not there: what, and its key.
    #[error("{0} {1:?} not found")]
    NotFound(&'static str, String),
    /// Attribute keys that were never created.
    #[error("unknown {} attribute keys: {}; create them first", name(*.kind), .keys.join(", "))]
    UnknownAttributes {
        /// Whose attributes.
        kind: AttributeKind,
        /// The keys.
        keys: Vec<String>,
    },
    /// Well-formed but not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// A trigger that blocks would take the balance of this points system below zero; the user part
    /// of the request was kept (spec/trophy.md 3.4).
    #[error("the event would take the balance of points system {0:?} below zero")]
    OutOfPoints(String),
}

fn name(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::User => "user",
        AttributeKind::Event => "event",
    }
}

//! Everything that can be asked of the engine, and the reasons to say no.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use crate::amount::Amount;
use crate::definition::{AttributeKind, RedemptionMode, StreakMode};
use crate::id::{AchievementId, LedgerEntryId, PauseId, TagId, UserId};
use crate::outcome::{ActivityOutcome, InitiatorType};
use crate::preferences::{Channel, MessageType};
use crate::state::Mission;
use crate::user::{Change, Patch};

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
    /// The user did an activity.
    LogActivity(LogActivity),
    /// The user's missions are about to be listed: LAZY rules look.
    AssignMissions,
    /// Somebody gives the user a mission by hand.
    StartMission(StartMission),
    /// A group of the user completed a mission: the user gets what that pays.
    CompleteGroupMission(Box<Mission>),
    /// Tags are put on the user, changed or taken away.
    TagUser(TagUser),
    /// Virtual currency changes hands.
    Transact(Transact),
    /// A pending transaction takes effect.
    Redeem {
        /// The entry of the user.
        entry: LedgerEntryId,
        /// The user on the other side, by the caller's id.
        twin: Option<String>,
    },
    /// The user wants to be told other things, or counts streaks otherwise.
    ChangePreferences(ChangePreferences),
    /// Somebody gives the user freezes.
    GrantFreezes {
        /// How many, at least 1.
        count: i64,
    },
    /// Somebody pauses the streak, both dates included.
    PauseStreak {
        /// The first date.
        start: Date,
        /// The last date.
        end: Date,
    },
    /// Somebody takes a pause back.
    ArchivePause {
        /// The pause.
        pause: PauseId,
    },
    /// Somebody gives the user the longest streak of late back.
    RestoreStreak,
    /// Somebody ends the streak.
    ResetStreak,
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
    /// The user must be new, with this number if one was drawn.
    pub must_be_new: Option<Option<UserId>>,
}

/// See [`Command::ChangePreferences`] (spec/trophy.md 2.5, 2.6). What is cleared follows the settings
/// of the space again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangePreferences {
    /// The channels of the types of messages that change.
    pub messages: BTreeMap<MessageType, BTreeSet<Channel>>,
    /// Whether the user has a streak.
    pub is_enabled: Change<bool>,
    /// How many of the metrics have to be met.
    pub mode: Change<StreakMode>,
    /// The metrics that count, by their keys, each with what a period needs of it.
    pub metrics: Change<Vec<(String, Amount)>>,
    /// Weekdays on which nothing is lost, 0 being Sunday.
    pub days_off: Change<BTreeSet<i8>>,
}

/// See [`Command::LogActivity`] (spec/aworld.md 3.1, 4.8).
#[derive(Clone, Debug, PartialEq)]
pub struct LogActivity {
    /// The id of the activity.
    pub activity: String,
    /// The caller's id for the log.
    pub id: Option<String>,
    /// How it ended.
    pub outcome: Option<ActivityOutcome>,
    /// How much was done; one, if nothing is said.
    pub value: Option<Amount>,
    /// Words of the caller.
    pub tags: Option<Vec<String>>,
    /// What the caller adds; bounded by [`crate::rule::is_bounded_data`].
    pub additional_data: Option<Value>,
    /// When it was done; now, if nothing is said.
    pub completed: Option<Timestamp>,
}

/// See [`Command::StartMission`] (spec/aworld.md 3.7, 4.5). Missions of groups are made by
/// [`crate::mission::by_hand`], because they have no user.
#[derive(Clone, Debug, PartialEq)]
pub struct StartMission {
    /// The id of the configuration.
    pub configuration: String,
    /// From when on.
    pub starts: Timestamp,
    /// Until when; nothing: for ever.
    pub ends: Option<Timestamp>,
    /// What has been done already.
    pub current: Amount,
    /// What is asked; computed, if nothing is said.
    pub target: Option<Amount>,
}

/// See [`Command::TagUser`] (spec/aworld.md 2.9).
#[derive(Clone, Debug, PartialEq)]
pub struct TagUser {
    /// What is to be done with the tags.
    pub action: TagAction,
    /// The tags with their priorities, which do not matter for removal.
    pub tags: Vec<(TagId, i64)>,
}

/// What can be done with tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagAction {
    /// Put on; those that are there get the priority.
    Assign,
    /// Put on; refused if it is there.
    AssignNew,
    /// Change the priority; refused if it is not there.
    Update,
    /// Take away; refused if it is not there.
    Remove,
}

/// See [`Command::Transact`] (spec/aworld.md 4.10). All or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Transact {
    /// Who asks for it.
    pub initiator_type: InitiatorType,
    /// The name of who asks for it.
    pub initiator: String,
    /// What is asked for, in order.
    pub orders: Vec<Order>,
}

/// One transaction that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The id of the virtual currency.
    pub currency: String,
    /// When it takes effect.
    pub mode: RedemptionMode,
    /// How much the destination gets; negative: loses. A transfer is positive.
    pub amount: Amount,
    /// The user it is taken from, by the caller's id; nothing: the system.
    pub source: Option<String>,
    /// The user who gets it, by the caller's id.
    pub destination: String,
    /// Until when it can be redeemed.
    pub expires: Option<Timestamp>,
    /// Ties related transactions together.
    pub group: Option<String>,
    /// What the caller adds.
    pub additional_data: Option<Value>,
}

impl Command {
    /// The users it is about besides its own, by the caller's ids.
    pub fn others(&self) -> Vec<&str> {
        match self {
            Self::Transact(transact) => transact
                .orders
                .iter()
                .flat_map(|order| {
                    order
                        .source
                        .as_deref()
                        .into_iter()
                        .chain([order.destination.as_str()])
                })
                .collect(),
            Self::Redeem { twin, .. } => twin.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }
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
    /// What is there already stands in the way.
    #[error("{0}")]
    Conflict(String),
    /// The settings of the space do not let the caller do it.
    #[error("{0} is switched off")]
    NotAllowed(&'static str),
    /// The space does not have what is asked for.
    #[error("{0} are switched off")]
    NotInUse(&'static str),
}

fn name(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::User => "user",
        AttributeKind::Event => "event",
    }
}

//! What a user wants to be told, and where the user's streak differs from the settings (spec/trophy.md 2.5, 2.6).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::definition::StreakMode;
use crate::id::MetricId;

/// A kind of message to users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageType {
    /// A completed achievement.
    AchievementCompleted,
    /// The summary of a period.
    Recap,
    /// The call to come back.
    Reactivation,
    /// The warning that a streak is about to be lost.
    StreakReminder,
}

/// A way to reach a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By mail.
    Email,
    /// By push notification.
    Push,
}

/// A user's own rules for the streak. Members that are missing follow the settings of the space.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreakPreferences {
    /// Whether the user has a streak at all; nothing was said: yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_enabled: Option<bool>,
    /// How many of the metrics have to be met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<StreakMode>,
    /// The metrics that count, each with what a period needs of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<(MetricId, Amount)>>,
    /// Weekdays on which nothing is lost, 0 being Sunday.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_off: Option<BTreeSet<i8>>,
}

/// The preferences of a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Preferences {
    /// The channels per type of message. A type that was never set is not there; one without channels
    /// is switched off.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub messages: BTreeMap<MessageType, BTreeSet<Channel>>,
    /// The user's own rules for the streak, once any were set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streak: Option<StreakPreferences>,
}

impl Preferences {
    /// Whether nothing was ever said.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.streak.is_none()
    }

    /// Whether a message may go out over a channel (spec/trophy.md 10.2).
    pub fn allow(&self, message: MessageType, channel: Channel) -> bool {
        self.messages
            .get(&message)
            .is_none_or(|channels| channels.contains(&channel))
    }

    /// Whether the user has a streak at all.
    pub fn has_streak(&self) -> bool {
        self.streak
            .as_ref()
            .and_then(|streak| streak.is_enabled)
            .unwrap_or(true)
    }
}

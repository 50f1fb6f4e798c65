//! Endpoints of webhooks and what was sent to them: our extension of the Admin API (`spec/trophy.md` 9.1 knows only a
//! dashboard). Must not know the bodies of messages.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Defines the types of messages with their names (`spec/trophy.md` 9.4).
macro_rules! message_types {
    // A `tt` and not a `literal`, which the derive of the schema would not see through.
    ($($variant:ident = $name:tt,)*) => {
        /// A type of message.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
        )]
        pub enum WebhookType {
            $(#[doc = concat!("`", $name, "`")] #[serde(rename = $name)] $variant,)*
        }

        impl WebhookType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

message_types! {
    AchievementCompleted = "achievement.completed",
    StreakStarted = "streak.started",
    StreakExtended = "streak.extended",
    StreakLost = "streak.lost",
    StreakFreezeConsumed = "streak.freeze_consumed",
    StreakFreezeEarned = "streak.freeze_earned",
    PointsChanged = "points.changed",
    PointsLevelChanged = "points.level_changed",
    PointsBoostStarted = "points.boost_started",
    PointsBoostFinished = "points.boost_finished",
    LeaderboardStarted = "leaderboard.started",
    LeaderboardChanged = "leaderboard.changed",
    LeaderboardRankChanged = "leaderboard.rank_changed",
    LeaderboardFinished = "leaderboard.finished",
    EmailsRecapDue = "emails.recap_due",
    EmailsReactivationDue = "emails.reactivation_due",
    EmailsStreakReminderDue = "emails.streak_reminder_due",
    EmailsAchievementDue = "emails.achievement_due",
}

impl WebhookType {
    /// The type with a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.as_str() == name)
    }
}

/// Whether messages go to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebhookStatus {
    /// They do.
    Active,
    /// They wait until it is active again, for seven days.
    Disabled,
}

/// An endpoint. `Debug` leaves its secret out.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// The id.
    pub id: String,
    /// For people.
    pub name: String,
    /// Where messages go.
    pub url: String,
    /// The types of messages it gets.
    pub events: Vec<WebhookType>,
    /// Whether messages go there.
    pub status: WebhookStatus,
    /// Why not.
    pub disabled_reason: Option<String>,
    /// What messages are signed with.
    pub secret: String,
    /// Until when the secret before the last change signs as well.
    pub previous_secret_until: Option<String>,
    /// When it was created.
    pub created: String,
    /// When it was last changed.
    pub updated: String,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// An endpoint to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateWebhookRequestItem {
    /// For people, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// Where messages go: `http` or `https`, without credentials, at most 2,048 characters.
    pub url: String,
    /// The types of messages it gets, at least one.
    #[schema(min_items = 1)]
    pub events: Vec<WebhookType>,
    /// What messages are signed with, 16 to 256 printable characters; a random one if not said.
    #[schema(min_length = 16, max_length = 256)]
    pub secret: Option<String>,
    /// Whether messages go there; they do if not said.
    pub status: Option<WebhookStatus>,
}

/// A change of an endpoint.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateWebhookRequestItem {
    /// The id.
    pub id: String,
    /// The new name.
    pub name: Option<String>,
    /// The new address.
    pub url: Option<String>,
    /// The new types of messages, at least one.
    pub events: Option<Vec<WebhookType>>,
    /// Whether messages go there.
    pub status: Option<WebhookStatus>,
}

/// A change of the secret.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotateWebhookSecret {
    /// The new one, 16 to 256 printable characters; a random one if not said.
    #[schema(min_length = 16, max_length = 256)]
    pub secret: Option<String>,
    /// For how long the old one signs as well, in seconds: 0 to 604,800, by default 86,400.
    #[schema(minimum = 0, maximum = 604_800)]
    pub overlap_seconds: Option<i64>,
}

/// A message to try an endpoint with.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct TestWebhook {
    /// Its type.
    #[serde(rename = "type")]
    pub message_type: WebhookType,
}

/// What to send once more.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ReplayWebhook {
    /// Everything that was made since this instant and failed.
    #[schema(format = DateTime)]
    pub since: String,
}

/// What is sent once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReplayedWebhook {
    /// How many messages.
    pub replayed: u64,
}

/// How it stands with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// It is on its way or will be tried again.
    Pending,
    /// The receiver took it.
    Delivered,
    /// It was tried as often as messages are.
    Failed,
}

/// A message to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    /// The id.
    pub id: String,
    /// What happened, the same for all endpoints and attempts: `X-Trophy-Event-Id` and `webhook-id`.
    pub event_id: String,
    /// The type.
    #[serde(rename = "type")]
    pub message_type: String,
    /// How it stands.
    pub status: DeliveryStatus,
    /// The body that is signed and sent, byte for byte.
    pub body: String,
    /// When it was made.
    pub created: String,
    /// When it is tried next, while it is pending.
    pub next_attempt: Option<String>,
    /// When it was delivered or given up.
    pub finished: Option<String>,
    /// The attempts so far, the first one first.
    pub attempts: Vec<WebhookAttempt>,
}

/// An attempt to deliver a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookAttempt {
    /// Its number, from 1: `X-Trophy-Attempt`.
    pub number: i64,
    /// When it began.
    pub at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// The status of the answer, if one came.
    pub status: Option<i64>,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// How the body of the answer begins.
    pub answer: Option<String>,
}

//! What webhooks carry (`spec/trophy.md` 9.4, A.3). Must not know when they are sent, to whom, or how they are signed.

use serde::{Deserialize, Serialize};

use crate::trophy_app::{
    BaseStreakResponse, LeaderboardResponseWithRankings, MetricEventPointsResponse, PointsLevel,
    PointsResponse, StreakResponse, User, UserAchievementResponse, UserLeaderboardResponse,
};
use crate::vocabulary::{BoostStatus, Rounding};

/// A message as it is sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// What happened.
    #[serde(flatten)]
    pub payload: Payload,
    /// The customer id of the tenant; only with multi-tenancy (AMB-47).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
}

/// What happened, by the member `type`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type")]
pub enum Payload {
    /// An achievement was completed.
    #[serde(rename = "achievement.completed")]
    AchievementCompleted {
        /// By whom.
        user: User,
        /// The achievement.
        achievement: UserAchievementResponse,
    },
    /// A streak began.
    #[serde(rename = "streak.started")]
    StreakStarted(StreakChange),
    /// A streak grew.
    #[serde(rename = "streak.extended")]
    StreakExtended(StreakChange),
    /// A streak was lost.
    #[serde(rename = "streak.lost")]
    StreakLost {
        /// Whose.
        user: User,
        /// The length it had.
        length: i64,
    },
    /// Freezes saved a streak.
    #[serde(rename = "streak.freeze_consumed")]
    FreezeConsumed {
        /// Whose.
        user: User,
        /// How many.
        consumed: i64,
        /// How many are left.
        freezes: i64,
    },
    /// Freezes were earned.
    #[serde(rename = "streak.freeze_earned")]
    FreezeEarned {
        /// By whom.
        user: User,
        /// How many.
        earned: i64,
        /// How many there are now.
        freezes: i64,
    },
    /// Points were gained or lost.
    #[serde(rename = "points.changed")]
    PointsChanged(PointsChange),
    /// Another level was reached.
    #[serde(rename = "points.level_changed")]
    LevelChanged(Box<LevelChange>),
    /// A boost began to count.
    #[serde(rename = "points.boost_started")]
    BoostStarted(BoostMoment),
    /// A boost counts no more.
    #[serde(rename = "points.boost_finished")]
    BoostFinished(BoostMoment),
    /// A run of a leaderboard began.
    #[serde(rename = "leaderboard.started")]
    LeaderboardStarted(Rankings),
    /// The first places changed.
    #[serde(rename = "leaderboard.changed")]
    LeaderboardChanged(Rankings),
    /// A run of a leaderboard is over.
    #[serde(rename = "leaderboard.finished")]
    LeaderboardFinished(Rankings),
    /// The rank of a user changed.
    #[serde(rename = "leaderboard.rank_changed")]
    RankChanged(Box<RankChange>),
    /// The summary of a period is due.
    #[serde(rename = "emails.recap_due")]
    RecapDue {
        /// When it was sent.
        timestamp: String,
        /// To whom.
        user: User,
        /// Of what.
        recap: Recap,
    },
    /// A user who stays away is to be called back.
    #[serde(rename = "emails.reactivation_due")]
    ReactivationDue {
        /// When it was sent.
        timestamp: String,
        /// To whom.
        user: User,
        /// Which message it is.
        reactivation: Reactivation,
    },
    /// A streak is about to be lost.
    #[serde(rename = "emails.streak_reminder_due")]
    StreakReminderDue {
        /// When it was sent.
        timestamp: String,
        /// To whom.
        user: User,
        /// The streak.
        streak: Box<StreakResponse>,
    },
    /// A completed achievement is to be told.
    #[serde(rename = "emails.achievement_due")]
    AchievementDue {
        /// When it was sent.
        timestamp: String,
        /// To whom.
        user: User,
        /// The achievement.
        achievement: UserAchievementResponse,
    },
}

/// A streak that began or grew.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StreakChange {
    /// Whose.
    pub user: User,
    /// The streak after it.
    pub streak: BaseStreakResponse,
}

/// Points that were gained or lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointsChange {
    /// By whom.
    pub user: User,
    /// The system, the balance and the awards.
    pub points: MetricEventPointsResponse,
}

/// A change of the level.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LevelChange {
    /// Whose.
    pub user: User,
    /// The system and the balance.
    pub points: Balance,
    /// The level before.
    pub previous_level: Option<PointsLevel>,
    /// The level after.
    pub new_level: Option<PointsLevel>,
}

/// A points system with a user's balance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Balance {
    /// The points system.
    #[serde(flatten)]
    pub system: PointsResponse,
    /// The balance.
    pub total: i64,
}

/// A boost that begins or ends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoostMoment {
    /// When.
    pub timestamp: String,
    /// The boost.
    pub boost: Boost,
}

/// A boost as webhooks show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Boost {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub status: BoostStatus,
    /// Its only user; null: it is for all, or for those with certain attributes.
    pub user_id: Option<String>,
    /// The id of the points system.
    pub points_system_id: String,
    /// The key of the points system.
    pub points_system_key: String,
    /// The name of the points system.
    pub points_system_name: String,
    /// Its first date.
    pub start: String,
    /// Its last date; null for an open end.
    pub end: Option<String>,
    /// By how much it multiplies.
    pub multiplier: f64,
    /// How the product becomes a whole number.
    pub rounding: Rounding,
}

/// A leaderboard with its first places.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rankings {
    /// The leaderboard.
    pub leaderboard: LeaderboardResponseWithRankings,
}

/// A change of a user's rank.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankChange {
    /// Whose.
    pub user: User,
    /// The leaderboard and the places.
    pub leaderboard: RankOnLeaderboard,
}

/// A user's place on a leaderboard, and the one last told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RankOnLeaderboard {
    /// The leaderboard with the user's place.
    #[serde(flatten)]
    pub leaderboard: UserLeaderboardResponse,
    /// The rank last told; null: none.
    pub previous_rank: Option<i64>,
    /// The value last told; null: none.
    pub previous_value: Option<i64>,
}

/// A period that is summed up.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recap {
    /// Its first date.
    pub period_start: String,
    /// Its last date.
    pub period_end: String,
}

/// A call to come back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reactivation {
    /// Which message it is, from 1.
    pub message_number: i64,
    /// How long the user has been away.
    pub days_since_last_active: i64,
}

//! Everything a command can lead to: what to answer, what to append, whom to tell.
//!
//! Rows that change are marked in the [`crate::state::UserState`]; here is what is only ever appended.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::amount::Amount;
use crate::calendar::{Frequency, Period};
use crate::command::Refusal;
use crate::definition::RedemptionMode;
use crate::id::{
    AchievementId, ActivityId, BoardId, BoostId, CompletionId, CurrencyId, EventId, LedgerEntryId,
    LevelId, MetricId, MissionId, PauseId, TagId, TriggerId, UserId,
};
use crate::rank::Place;
use crate::state::{Completion, Group, Mission, StreakPeriod, UserTag};
use crate::user::User;

/// What came of one command.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What to answer.
    pub reply: Reply,
    /// What to append.
    pub appended: Appended,
    /// Whom to tell.
    pub notices: Vec<Notice>,
    /// How standings move.
    pub moves: Vec<Move>,
    /// Expressions that failed, for the log; they counted as false or as their default.
    pub failures: Vec<String>,
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// To [`crate::command::Command::RecordEvent`].
    Event(Box<EventReply>),
    /// To [`crate::command::Command::SaveUser`] and [`crate::command::Command::ChangePreferences`].
    User(Box<User>),
    /// To [`crate::command::Command::CompleteAchievement`].
    Completion(CompletionReply),
    /// To [`crate::command::Command::LogActivity`].
    Activity(Box<ActivityLog>),
    /// To [`crate::command::Command::Transact`] and [`crate::command::Command::Redeem`].
    Transactions(Vec<LedgerEntry>),
    /// To [`crate::command::Command::TagUser`]: what became of each tag, in the order of the command.
    Tags(Vec<(TagId, UserTag)>),
    /// To [`crate::command::Command::StartMission`].
    Mission(Box<Mission>),
    /// To [`crate::command::Command::GrantFreezes`]: how many there was room for.
    Freezes(i64),
    /// To [`crate::command::Command::PauseStreak`].
    Pause(PauseId),
    /// To [`crate::command::Command::RestoreStreak`] and [`crate::command::Command::ResetStreak`]:
    /// whether there was anything to do.
    Corrected(bool),
    /// To commands that have nothing to say.
    Done,
    /// No.
    Refused(Refusal),
}

/// What an event did (spec/trophy.md 3.5).
#[derive(Clone, Debug, PartialEq)]
pub struct EventReply {
    /// The stored event; of a replay, the original one.
    pub event: EventId,
    /// Its metric.
    pub metric: MetricId,
    /// The total after it.
    pub total: Amount,
    /// What it completed, in order.
    pub completed: Vec<(AchievementId, Completion)>,
    /// The streak after it.
    pub streak: StreakView,
    /// Whether it extended the streak.
    pub is_extended: bool,
    /// What it changed of points, by system.
    pub points: Vec<PointsChange>,
    /// The boards on which it changed the user's value.
    pub boards: Vec<BoardChange>,
    /// Whether the event had been recorded before.
    pub is_replay: bool,
}

/// What completing an achievement did (spec/trophy.md 4.7).
#[derive(Clone, Debug, PartialEq)]
pub struct CompletionReply {
    /// The achievement.
    pub achievement: AchievementId,
    /// The completion, possibly one from before.
    pub completion: Completion,
    /// What it changed of points.
    pub points: Vec<PointsChange>,
}

/// A streak as it is shown (spec/trophy.md 5.9).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreakView {
    /// In periods; 0: none.
    pub length: i64,
    /// The frequency in force.
    pub frequency: Frequency,
    /// When the run began.
    pub started: Option<Date>,
    /// The current period, while there is a streak.
    pub period: Option<Period>,
    /// The last date on which the streak can be saved.
    pub expires: Option<Date>,
    /// The last extension, while there is a streak.
    pub extended: Option<Timestamp>,
    /// Freezes in hand.
    pub freezes: i64,
}

/// What one command changed in one points system.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PointsChange {
    /// The system.
    pub system: CurrencyId,
    /// The balance after it.
    pub total: i64,
    /// The sum of the awards.
    pub added: i64,
    /// The awards, in order.
    pub awards: Vec<LedgerEntry>,
    /// The level before (first) and after (second), if they differ.
    pub level: Option<(Option<LevelId>, Option<LevelId>)>,
}

/// One entry of the ledger: an award or a deduction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LedgerEntry {
    /// Its id.
    pub id: LedgerEntryId,
    /// Whose.
    #[serde(skip)]
    pub user: UserId,
    /// The points system or virtual currency.
    pub system: CurrencyId,
    /// What was awarded; negative: deducted. Points, or millionths of a virtual currency.
    pub amount: i64,
    /// The balance after it.
    pub balance: i64,
    /// When.
    pub at: Timestamp,
    /// The user's date then.
    pub date: Date,
    /// The user's time of day then, in seconds since 00:00; nothing in a virtual currency, and of awards from before
    /// it was kept.
    #[serde(skip)]
    pub second_of_day: Option<i64>,
    /// The trigger that awarded it; nothing in a virtual currency.
    pub trigger: Option<TriggerId>,
    /// The event behind it, if any.
    pub event: Option<EventId>,
    /// The boosts that multiplied it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub boosts: Vec<BoostId>,
    /// What else there is to say of an entry in a virtual currency.
    pub transaction: Option<Box<Transaction>>,
}

/// A transaction of a virtual currency (spec/aworld.md 3.17).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// How far it got.
    #[serde(skip, default = "TransactionState::pending")]
    pub state: TransactionState,
    /// When it takes effect.
    pub mode: RedemptionMode,
    /// Ties related transactions together.
    pub group: String,
    /// Ties what was redeemed together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redemption_group: Option<String>,
    /// What kind of initiator made it.
    pub initiator_type: InitiatorType,
    /// Who made it.
    pub initiator: String,
    /// The user on the other side; nothing: the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterpart: Option<Twin>,
    /// What the caller added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_data: Option<serde_json::Value>,
    /// Until when it can be redeemed.
    #[serde(skip)]
    pub expires: Option<Timestamp>,
    /// When it was redeemed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redeemed: Option<Timestamp>,
    /// Last changed.
    #[serde(skip, default)]
    pub updated: Timestamp,
}

/// The other half of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twin {
    /// Our number of the user.
    pub user: i64,
    /// The entry there.
    pub entry: LedgerEntryId,
}

/// How far a transaction got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionState {
    /// It waits to be redeemed.
    Pending,
    /// It took effect.
    Completed,
    /// It was not redeemed in time.
    Expired,
    /// The limits of the currency did not allow it.
    Rejected,
}

impl TransactionState {
    const ALL: [Self; 4] = [
        Self::Pending,
        Self::Completed,
        Self::Expired,
        Self::Rejected,
    ];

    fn pending() -> Self {
        Self::Pending
    }

    /// The text kept in the store and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Completed => "COMPLETED",
            Self::Expired => "EXPIRED",
            Self::Rejected => "REJECTED",
        }
    }

    /// Reads the text kept in the store.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Who can make transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InitiatorType {
    /// A user.
    User,
    /// A reward rule.
    RewardRule,
    /// The server.
    System,
    /// Somebody at the dashboard.
    Admin,
}

/// An activity as it is logged (spec/aworld.md 3.1).
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityLog {
    /// The caller's id for it, or ours.
    pub id: String,
    /// The activity.
    pub activity: ActivityId,
    /// How it ended.
    pub outcome: Option<ActivityOutcome>,
    /// How much was done.
    pub value: Option<Amount>,
    /// Words of the caller.
    pub tags: Option<Vec<String>>,
    /// What the caller added.
    pub additional_data: Option<serde_json::Value>,
    /// When it was done.
    pub completed: Timestamp,
    /// When it was logged.
    pub created: Timestamp,
}

/// How an activity ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ActivityOutcome {
    /// Well.
    Success,
    /// Not.
    Failure,
}

impl ActivityOutcome {
    /// The text kept in the store and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
        }
    }
}

/// What an event added to a mission (spec/aworld.md 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissionLog {
    /// Its id.
    pub id: Uuid,
    /// The mission.
    pub mission: MissionId,
    /// How much.
    pub amount: Amount,
    /// When.
    pub at: Timestamp,
}

/// An event as it is logged.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEvent {
    /// Its id.
    pub id: EventId,
    /// Its metric.
    pub metric: MetricId,
    /// How much.
    pub value: Amount,
    /// When.
    pub at: Timestamp,
    /// The user's date then.
    pub date: Date,
    /// The user's time of day then, in seconds since 00:00.
    pub second_of_day: i64,
    /// Event attributes by key.
    pub attributes: BTreeMap<String, String>,
    /// The caller's key.
    pub idempotency_key: Option<String>,
}

/// How a user's place on one run of a board changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// The board.
    pub board: BoardId,
    /// The run.
    pub run: i64,
    /// Where the user stood.
    pub from: Option<(Group, Place)>,
    /// Where the user stands.
    pub to: Option<(Group, Place)>,
}

/// A board that an event affected; ranks are known once the standings have followed the commit.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardChange {
    /// The board.
    pub board: BoardId,
    /// The run.
    pub run: i64,
    /// Where the user is ranked, if taking part.
    pub group: Option<Group>,
    /// Index of the move in [`Outcome::moves`].
    pub move_index: usize,
}

/// Rows that are only ever added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Appended {
    /// The event, if one was recorded.
    pub event: Option<LoggedEvent>,
    /// Completions.
    pub completions: Vec<(AchievementId, Completion)>,
    /// Awards.
    pub ledger: Vec<LedgerEntry>,
    /// Streak periods; a later one of the same start replaces an earlier one.
    pub periods: Vec<StreakPeriod>,
    /// The activity, if one was logged.
    pub activity: Option<ActivityLog>,
    /// What missions counted.
    pub mission_logs: Vec<MissionLog>,
    /// Group missions whose completion has to be paid to every member.
    pub completed_groups: Vec<MissionId>,
}

/// Something the outside world may want to know (spec/trophy.md 9.4).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Notice {
    /// An achievement was completed, not by back-dating.
    AchievementCompleted {
        /// The achievement.
        achievement: AchievementId,
        /// The completion.
        completion: CompletionId,
    },
    /// The streak began.
    StreakStarted(StreakView),
    /// The streak grew.
    StreakExtended(StreakView),
    /// The streak was lost.
    StreakLost {
        /// The length it had.
        length: i64,
    },
    /// A freeze saved the streak.
    FreezeConsumed {
        /// Freezes left.
        freezes: i64,
    },
    /// Freezes were earned.
    FreezeEarned {
        /// How many.
        earned: i64,
        /// Freezes now.
        freezes: i64,
    },
    /// Points were gained or lost; the level, where it changed, is inside.
    PointsChanged(PointsChange),
    /// A boost began to count.
    BoostStarted {
        /// The boost.
        boost: BoostId,
    },
    /// A boost counts no more.
    BoostFinished {
        /// The boost.
        boost: BoostId,
    },
    /// A run of a board began.
    BoardStarted {
        /// The board.
        board: BoardId,
        /// The run.
        run: i64,
    },
    /// A run of a board is over for everybody.
    BoardFinished {
        /// The board.
        board: BoardId,
        /// The run.
        run: i64,
    },
    /// The summary of a period is due.
    RecapDue {
        /// The period that is summed up.
        period: Period,
    },
    /// A user who stays away is to be called back.
    ReactivationDue {
        /// Which message it is, from 1.
        message: i64,
        /// How long the user has been away.
        days: i64,
    },
    /// A streak is about to be lost.
    StreakReminderDue(StreakView),
    /// A completed achievement is to be told by message.
    AchievementDue {
        /// The achievement.
        achievement: AchievementId,
        /// When it was completed.
        at: Timestamp,
    },
}

impl Notice {
    /// The text kept in the store.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AchievementCompleted { .. } => "achievement.completed",
            Self::StreakStarted(_) => "streak.started",
            Self::StreakExtended(_) => "streak.extended",
            Self::StreakLost { .. } => "streak.lost",
            Self::FreezeConsumed { .. } => "streak.freeze_consumed",
            Self::FreezeEarned { .. } => "streak.freeze_earned",
            Self::PointsChanged(_) => "points.changed",
            Self::BoostStarted { .. } => "points.boost_started",
            Self::BoostFinished { .. } => "points.boost_finished",
            Self::BoardStarted { .. } => "leaderboard.started",
            Self::BoardFinished { .. } => "leaderboard.finished",
            Self::RecapDue { .. } => "emails.recap_due",
            Self::ReactivationDue { .. } => "emails.reactivation_due",
            Self::StreakReminderDue(_) => "emails.streak_reminder_due",
            Self::AchievementDue { .. } => "emails.achievement_due",
        }
    }
}

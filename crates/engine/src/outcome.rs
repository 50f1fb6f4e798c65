//! Everything a command can lead to: what to answer, what to append, whom to tell.
//!
//! Rows that change are marked in the [`crate::state::UserState`]; here is what is only ever appended.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::amount::Amount;
use crate::calendar::{Frequency, Period};
use crate::command::Refusal;
use crate::id::{
    AchievementId, BoardId, CompletionId, EventId, LedgerEntryId, LevelId, MetricId,
    PointsSystemId, TriggerId,
};
use crate::rank::Place;
use crate::state::{Completion, Group, StreakPeriod};
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
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// To [`crate::command::Command::RecordEvent`].
    Event(Box<EventReply>),
    /// To [`crate::command::Command::SaveUser`].
    User(Box<User>),
    /// To [`crate::command::Command::CompleteAchievement`].
    Completion(CompletionReply),
    /// To commands nobody waits for.
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
    pub system: PointsSystemId,
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
    /// The system.
    pub system: PointsSystemId,
    /// What was awarded; negative: deducted.
    pub amount: i64,
    /// The balance after it.
    pub balance: i64,
    /// When.
    pub at: Timestamp,
    /// The user's date then.
    pub date: Date,
    /// The trigger that awarded it.
    pub trigger: TriggerId,
    /// The event behind it, if any.
    pub event: Option<EventId>,
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
        }
    }
}

//! One user's rows, as far as decisions read and write them.
//!
//! The store loads the rows that a command may touch; the rules change them and mark what they changed; the store writes the marked rows. Where and how they are kept is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use crate::amount::Amount;
use crate::calendar::{Frequency, Period, days_after};
use crate::id::{
    AchievementId, BoardId, CompletionId, CurrencyId, EventId, LedgerEntryId, MetricId,
    MissionConfigurationId, MissionId, MissionRuleId, PauseId, TagId, UserId,
};
use crate::outcome::LedgerEntry;
use crate::rank::Place;
use crate::reminder::Reminders;
use crate::timeframe::{self, TimeframeType};
use crate::user::User;

/// A row that knows whether it has to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row<T> {
    value: T,
    is_changed: bool,
}

impl<T> Row<T> {
    /// A row as it was loaded.
    pub fn stored(value: T) -> Self {
        Self {
            value,
            is_changed: false,
        }
    }

    /// A row that was just made.
    pub fn fresh(value: T) -> Self {
        Self {
            value,
            is_changed: true,
        }
    }

    /// Reads.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// Opens for writing, and marks.
    pub fn edit(&mut self) -> &mut T {
        self.is_changed = true;
        &mut self.value
    }

    /// Whether it has to be written.
    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Says that it was written.
    pub fn saved(&mut self) {
        self.is_changed = false;
    }
}

/// The running sum of one metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricTotal {
    /// The sum of all events.
    pub total: Amount,
    /// The highest the sum ever was, at least zero: multiples below it have been paid (AMB-30).
    pub peak: Amount,
    /// How many events.
    pub events: i64,
    /// The first event.
    pub first: Timestamp,
    /// The last event.
    pub last: Timestamp,
}

/// The events of one metric on one local date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DaySum {
    /// Their sum.
    pub sum: Amount,
    /// How many.
    pub events: i64,
}

/// What an achievement or trigger has counted for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The sum of the matching events; the metric's total where nothing is filtered. Of a time
    /// trigger: up to where it has been paid (`tick.rs`).
    pub sum: Amount,
    /// The highest the sum was since counting began, at least zero.
    pub peak: Amount,
    /// The age of the rule it counts for; a younger rule makes it stale.
    pub since: Timestamp,
}

/// The streak of a user, with its freezes.
#[derive(Clone, Debug, PartialEq)]
pub struct Streak {
    /// The frequency it was counted in.
    pub frequency: Frequency,
    /// In periods; 0: none.
    pub length: i64,
    /// The local date on which the run began.
    pub started: Option<Date>,
    /// The start of the last period that was met, kept when the streak is lost.
    pub met: Option<Date>,
    /// The last extension.
    pub extended: Option<Timestamp>,
    /// Freezes in hand.
    pub freezes: i64,
    /// The date up to which earned freezes were granted.
    pub earned_to: Date,
    /// The start of the first period that is not closed.
    pub open_from: Date,
    /// The zone at the last activity (AMB-23).
    pub zone: Option<String>,
    /// When the next midnight may change something.
    pub settle_at: Option<Timestamp>,
    /// The last date of all pauses the user ever had: who has none from a date on needs none loaded.
    pub paused_to: Option<Date>,
    /// The date of the last [`Correction`], for the same reason.
    pub corrected_on: Option<Date>,
}

/// A time in which a user's streak loses nothing (spec/trophy.md 5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Its first date.
    pub start: Date,
    /// Its last date.
    pub end: Date,
    /// The date on which it was taken back, which it does not cover any more.
    pub archived: Option<Date>,
}

impl Pause {
    /// The last date it covers; before its start if it was taken back before it began.
    pub fn last(&self) -> Date {
        self.archived
            .map_or(self.end, |on| self.end.min(days_after(on, -1)))
    }

    /// Whether it keeps a streak in a period: any date of it is enough (AMB-26).
    pub fn covers(&self, period: Period) -> bool {
        let last = self.last();
        self.start <= last && self.start <= period.end && last >= period.start
    }
}

/// A length that somebody gave a streak by hand (spec/trophy.md 5.8, 15.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The user's date then.
    pub date: Date,
    /// The frequency it was made in.
    pub frequency: Frequency,
    /// The length that was ended, or that was given back.
    pub length: i64,
    /// When that run began.
    pub started: Option<Date>,
    /// What was done.
    pub kind: CorrectionKind,
}

/// See [`Correction`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorrectionKind {
    /// It was ended. What the days around the date held then counts for it no more (AMB-67).
    Reset {
        /// The sums of then.
        counted: Vec<(MetricId, Date, Amount)>,
    },
    /// It was given back.
    Restored,
}

/// The pauses of a user.
pub type Pauses = BTreeMap<PauseId, Row<Pause>>;
/// The corrections of a user's streak, by their instants.
pub type Corrections = BTreeMap<Timestamp, Row<Correction>>;

/// How a period of a streak ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodMark {
    /// The condition was met.
    Met,
    /// A freeze was used.
    Freeze,
    /// A day off.
    DayOff,
    /// The user's calendar skipped it (AMB-23).
    Skipped,
    /// A pause covered it.
    Paused,
    /// It lies in the gap that a restore closed.
    Restored,
    /// The streak was reset and did not begin anew.
    Reset,
}

impl PeriodMark {
    const ALL: [Self; 7] = [
        Self::Met,
        Self::Freeze,
        Self::DayOff,
        Self::Skipped,
        Self::Paused,
        Self::Restored,
        Self::Reset,
    ];

    /// The text kept in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Freeze => "freeze",
            Self::DayOff => "day_off",
            Self::Skipped => "skipped",
            Self::Paused => "paused",
            Self::Restored => "restored",
            Self::Reset => "reset",
        }
    }

    /// Reads the text kept in the store.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.name() == name)
    }
}

/// One period in which a streak lived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreakPeriod {
    /// The frequency.
    pub frequency: Frequency,
    /// First date.
    pub start: Date,
    /// The length at its end.
    pub length: i64,
    /// How it ended.
    pub mark: PeriodMark,
}

/// One user's completion of an achievement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Its id.
    pub id: CompletionId,
    /// When.
    pub at: Timestamp,
}

/// The values of a board's breakdown attributes that a user has; empty on a board without.
pub type Group = Vec<String>;

/// One user's value in one run of a board.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardValue {
    /// Millionths on a metric board, else whole numbers.
    pub value: i64,
    /// When the value last changed.
    pub reached: Timestamp,
    /// Where the user is ranked; nothing: the user does not take part.
    pub group: Option<Group>,
}

impl BoardValue {
    /// The place in the ranking, for those who have one: a value above zero and a group (AMB-76).
    pub fn place(&self, user: UserId) -> Option<(&Group, Place)> {
        let group = self.group.as_ref()?;
        (self.value > 0).then(|| {
            (
                group,
                Place {
                    value: self.value,
                    reached: self.reached.as_microsecond(),
                    user: user.0,
                },
            )
        })
    }
}

/// What a user has of a virtual currency (spec/aworld.md 4.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse {
    /// All transactions that count, pending ones included.
    pub amount: Amount,
    /// What of it is pending; negative where promises outweigh expectations.
    pub pending: Amount,
    /// The first transaction.
    pub created: Timestamp,
    /// The last change.
    pub updated: Timestamp,
}

impl Purse {
    /// What has taken effect.
    pub fn available(&self) -> Amount {
        Amount::from_millionths(
            self.amount
                .millionths()
                .saturating_sub(self.pending.millionths()),
        )
    }
}

/// A tag on a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserTag {
    /// Orders the tags of a user.
    pub priority: i64,
    /// Assigned.
    pub created: Timestamp,
    /// Last changed.
    pub updated: Timestamp,
    /// Taken away: the row is to be deleted.
    pub is_removed: bool,
}

/// Whose a mission is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A user's.
    User(UserId),
    /// That of all users with a tag.
    Group(TagId),
}

/// A mission of a user or a group (spec/aworld.md 3.7).
#[derive(Clone, Debug, PartialEq)]
pub struct Mission {
    /// Its id.
    pub id: MissionId,
    /// Whose.
    pub owner: Owner,
    /// The configuration it was made of.
    pub configuration: MissionConfigurationId,
    /// The rule that made it; nothing: made by hand.
    pub rule: Option<MissionRuleId>,
    /// The period it was made for.
    pub period: String,
    /// The timeframe of its rule.
    pub timeframe_type: TimeframeType,
    /// From when on it counts.
    pub starts: Timestamp,
    /// Until when; nothing: for ever.
    pub ends: Option<Timestamp>,
    /// What it took from its configuration when it was made, as JSON of [`crate::rulebook::Snapshot`].
    pub snapshot: Arc<str>,
    /// Progress.
    pub current: Amount,
    /// What is asked.
    pub target: Amount,
    /// Whether the target stands: it is computed once more when the mission becomes active.
    pub is_frozen: bool,
    /// When the target was first reached.
    pub completed: Option<Timestamp>,
    /// Whether it may still change.
    pub is_open: bool,
    /// Made.
    pub created: Timestamp,
    /// Last changed.
    pub updated: Timestamp,
}

impl Mission {
    /// Where the clock stands to it.
    pub fn state(&self, now: Timestamp) -> timeframe::State {
        if now < self.starts {
            timeframe::State::Pending
        } else if self.ends.is_some_and(|ends| now >= ends) {
            timeframe::State::Ended
        } else {
            timeframe::State::Active
        }
    }
}

/// What a command may read or write beyond the rows of its user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Company {
    /// Other users whom the command names, by the caller's ids.
    pub others: BTreeMap<String, UserState>,
    /// Open missions of the groups of the command's user.
    pub missions: BTreeMap<MissionId, Row<Mission>>,
    /// The last period for which a rule made missions for a group.
    pub evaluations: BTreeMap<(TagId, MissionRuleId), Row<String>>,
    /// Ids of activity logs that the commands of this batch name and that are taken.
    pub logged: BTreeSet<String>,
}

/// Everything a command about one user may read or write.
#[derive(Clone, Debug, PartialEq)]
pub struct UserState {
    /// Who it is.
    pub user: Row<User>,
    /// Whether the user row does not exist yet.
    pub is_new: bool,
    /// Totals of all metrics the user ever touched.
    pub totals: BTreeMap<MetricId, Row<MetricTotal>>,
    /// Day sums of the dates the command may need.
    pub days: BTreeMap<(MetricId, Date), Row<DaySum>>,
    /// Counters by the id of their achievement or trigger.
    pub counters: BTreeMap<Uuid, Row<Counter>>,
    /// The streak; nothing until there is something to keep.
    pub streak: Option<Row<Streak>>,
    /// Pauses, where the streak may need them.
    pub pauses: Pauses,
    /// Corrections of the streak, where it may need them.
    pub corrections: Corrections,
    /// Past periods of the streak in the frequency in force, where they decide something.
    pub past: BTreeMap<Date, StreakPeriod>,
    /// Completions.
    pub completions: BTreeMap<AchievementId, Completion>,
    /// Balances of all systems that ever awarded anything.
    pub balances: BTreeMap<CurrencyId, Row<i64>>,
    /// Values on boards, by board and run.
    pub boards: BTreeMap<(BoardId, i64), Row<BoardValue>>,
    /// Events whose idempotency keys the commands of this batch name.
    pub seen: BTreeMap<(MetricId, String), EventId>,
    /// Tags.
    pub tags: BTreeMap<TagId, Row<UserTag>>,
    /// Virtual currencies the user ever had transactions in.
    pub purses: BTreeMap<CurrencyId, Row<Purse>>,
    /// Transactions that wait to be redeemed.
    pub pending: BTreeMap<LedgerEntryId, Row<LedgerEntry>>,
    /// Open missions.
    pub missions: BTreeMap<MissionId, Row<Mission>>,
    /// The last period for which each rule made missions.
    pub evaluations: BTreeMap<MissionRuleId, Row<String>>,
    /// How far the messages to the user have come; nothing until somebody wants to know of them.
    pub reminders: Option<Row<Reminders>>,
}

impl UserState {
    /// The state of a user of whom only the row is known.
    pub fn of(user: User, is_new: bool) -> Self {
        Self {
            user: if is_new {
                Row::fresh(user)
            } else {
                Row::stored(user)
            },
            is_new,
            totals: BTreeMap::new(),
            days: BTreeMap::new(),
            counters: BTreeMap::new(),
            streak: None,
            pauses: BTreeMap::new(),
            corrections: BTreeMap::new(),
            past: BTreeMap::new(),
            completions: BTreeMap::new(),
            balances: BTreeMap::new(),
            boards: BTreeMap::new(),
            seen: BTreeMap::new(),
            tags: BTreeMap::new(),
            purses: BTreeMap::new(),
            pending: BTreeMap::new(),
            missions: BTreeMap::new(),
            evaluations: BTreeMap::new(),
            reminders: None,
        }
    }

    /// The total of a metric, zero if never touched.
    pub fn total(&self, metric: MetricId) -> Amount {
        self.totals
            .get(&metric)
            .map_or(Amount::ZERO, |row| row.get().total)
    }

    /// The tags the user carries.
    pub fn tags(&self) -> impl Iterator<Item = TagId> {
        self.tags
            .iter()
            .filter(|(_, row)| !row.get().is_removed)
            .map(|(tag, _)| *tag)
    }

    /// The balance of a points system, zero if it never awarded anything.
    pub fn balance(&self, system: CurrencyId) -> i64 {
        self.balances.get(&system).map_or(0, |row| *row.get())
    }
}

//! Which messages to users fall due, and when (spec/trophy.md 10.1-10.3).
//!
//! Like midnights, messages are settled: whoever looks first comes to the same result. By which channel a message goes and who sends it is
//! not known here: a notice says that it is due. Nothing is scheduled in spaces where no channel is in use.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::apply::Turn;
use crate::calendar::{Frequency, Period, Zone, days_after, days_between};
use crate::catalog::Catalog;
use crate::definition::Aggregation;
use crate::id::AchievementId;
use crate::outcome::Notice;
use crate::preferences::{Channel, MessageType};
use crate::state::{Row, UserState};

/// By whose clock users live who have no zone, as far as messages are concerned (AMB-22).
const HOME: &str = "America/New_York";
/// When messages go that have no hour of their own.
const MORNING: i8 = 9;
/// When a daily streak is reminded of: four hours of the day are left.
const EVENING: i8 = 20;
/// Between these hours achievements are told at once.
const TALK: (i8, i8) = (17, 21);
/// The days of absence after which users are called back, one message each.
const ABSENCES: [i64; 5] = [3, 5, 7, 14, 30];

/// How far the messages to a user have come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reminders {
    /// The first date of the period that is summed up next.
    pub recap_from: Date,
    /// The last activity before the absence in which `calls` were counted.
    pub absent_since: Option<Timestamp>,
    /// How many times the user was called back in that absence.
    pub calls: usize,
    /// The last date on which the user was reminded of the streak.
    pub streak_reminded: Option<Date>,
    /// Completions that wait for their hour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub achievements: Vec<WaitingAchievement>,
}

/// A completed achievement that is told later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingAchievement {
    /// The achievement.
    pub achievement: AchievementId,
    /// When it was completed.
    pub at: Timestamp,
    /// When it is told.
    pub due: Timestamp,
}

impl MessageType {
    /// The kind of notice by which a message falls due.
    pub fn notice(self) -> &'static str {
        match self {
            Self::AchievementCompleted => "emails.achievement_due",
            Self::Recap => "emails.recap_due",
            Self::Reactivation => "emails.reactivation_due",
            Self::StreakReminder => "emails.streak_reminder_due",
        }
    }

    const ALL: [Self; 4] = [
        Self::AchievementCompleted,
        Self::Recap,
        Self::Reactivation,
        Self::StreakReminder,
    ];
}

impl Catalog {
    /// Whether a message can go out over a channel at all. So far whoever listens to what falls due
    /// sends mail.
    pub fn sends(&self, message: MessageType, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.listens(message.notice()),
            Channel::Push => false,
        }
    }

    /// Whether any message can go out.
    pub fn sends_messages(&self) -> bool {
        MessageType::ALL
            .into_iter()
            .any(|message| self.sends(message, Channel::Email))
    }
}

/// The clock by which a user is written to.
fn zone(state: &UserState) -> Zone {
    Zone::of(Some(state.user.get().tz.as_deref().unwrap_or(HOME)))
}

fn at(zone: &Zone, date: Date, hour: i8) -> Timestamp {
    zone.instant_of(date.at(hour, 0, 0, 0))
}

fn summed_up(catalog: &Catalog) -> Frequency {
    match catalog.settings.aggregation {
        Aggregation::Weekly => Frequency::Weekly,
        Aggregation::Monthly => Frequency::Monthly,
    }
}

/// The last event, if there ever was one.
fn last_active(state: &UserState) -> Option<Timestamp> {
    state.totals.values().map(|row| row.get().last).max()
}

/// When the call with this number (from 0) is due for a user who was last active at `since`.
fn call_at(zone: &Zone, since: Timestamp, call: usize) -> Option<Timestamp> {
    let days = ABSENCES.get(call)?;
    Some(at(zone, days_after(zone.date(since), *days), MORNING))
}

/// How many calls are due.
fn calls_due(zone: &Zone, since: Timestamp, now: Timestamp) -> usize {
    (0..ABSENCES.len())
        .take_while(|call| call_at(zone, since, *call).is_some_and(|at| at <= now))
        .count()
}

/// On which date of a period of the streak users are reminded, and when.
fn reminder_at(zone: &Zone, frequency: Frequency, period: Period) -> (Date, Timestamp) {
    let (date, hour) = match frequency {
        Frequency::Daily => (period.start, EVENING),
        // Weeks begin on Sundays.
        Frequency::Weekly => (days_after(period.start, 5), MORNING),
        Frequency::Monthly => (days_after(period.start, 24), MORNING),
    };
    (date, at(zone, date, hour))
}

impl Reminders {
    /// Where a user begins: what was due before is never made up for.
    fn begin(catalog: &Catalog, state: &UserState, now: Timestamp) -> Self {
        let zone = zone(state);
        let today = zone.date(now);
        let since = last_active(state);
        let frequency = catalog.streak.frequency;
        let (date, instant) = reminder_at(&zone, frequency, frequency.period(today));
        Self {
            recap_from: summed_up(catalog).period(today).start,
            absent_since: since,
            calls: since.map_or(0, |since| calls_due(&zone, since, now)),
            streak_reminded: (instant <= now).then_some(date),
            achievements: Vec::new(),
        }
    }

    fn calls_since(&self, since: Timestamp) -> usize {
        if self.absent_since == Some(since) {
            self.calls
        } else {
            0
        }
    }
}

/// Whether a message may be told of to this user: spec/trophy.md 10.2. An address is not asked for: whoever is told may have one.
fn may(turn: &Turn<'_>, message: MessageType) -> bool {
    let user = turn.state.user.get();
    turn.catalog.sends(message, Channel::Email)
        && !user.is_control
        && user.is_subscribed
        && user.preferences.allow(message, Channel::Email)
        && (message != MessageType::StreakReminder || user.preferences.has_streak())
}

/// Tells of everything that has fallen due.
pub(crate) fn settle(turn: &mut Turn<'_>) {
    if !turn.catalog.sends_messages() {
        return;
    }
    let before = turn.state.reminders.as_ref().map(|row| row.get().clone());
    let mut reminders = before
        .clone()
        .unwrap_or_else(|| Reminders::begin(turn.catalog, turn.state, turn.now));
    let zone = zone(turn.state);
    sum_up(turn, &zone, &mut reminders);
    call_back(turn, &zone, &mut reminders);
    remind(turn, &zone, &mut reminders);
    tell_achievements(turn, &mut reminders);
    if before.as_ref() != Some(&reminders) {
        keep(turn, reminders);
    }
}

fn keep(turn: &mut Turn<'_>, reminders: Reminders) {
    match &mut turn.state.reminders {
        Some(row) => *row.edit() = reminders,
        None => turn.state.reminders = Some(Row::fresh(reminders)),
    }
}

/// The morning after a period: its summary. Of several periods that passed, only the last one.
fn sum_up(turn: &mut Turn<'_>, zone: &Zone, reminders: &mut Reminders) {
    let frequency = summed_up(turn.catalog);
    let current = frequency.period(zone.date(turn.now));
    let mut ended = None;
    // The first date of the next period counts for its morning only.
    let mut period = current.previous(frequency);
    if at(zone, current.start, MORNING) > turn.now {
        period = period.previous(frequency);
    }
    if period.start >= frequency.period(reminders.recap_from).start {
        reminders.recap_from = days_after(period.end, 1);
        ended = Some(period);
    }
    if let Some(period) = ended
        && may(turn, MessageType::Recap)
    {
        turn.notices.push(Notice::RecapDue { period });
    }
}

/// Calls a user back who stays away; of several calls that fell due, only the last one.
fn call_back(turn: &mut Turn<'_>, zone: &Zone, reminders: &mut Reminders) {
    let Some(since) = last_active(turn.state) else {
        return;
    };
    let due = calls_due(zone, since, turn.now);
    if due <= reminders.calls_since(since) {
        return;
    }
    reminders.absent_since = Some(since);
    reminders.calls = due;
    if may(turn, MessageType::Reactivation) {
        turn.notices.push(Notice::ReactivationDue {
            message: i64::try_from(due).unwrap_or(i64::MAX),
            days: days_between(zone.date(since), zone.date(turn.now)),
        });
    }
}

/// Reminds of a streak that would be lost at the end of this period.
fn remind(turn: &mut Turn<'_>, zone: &Zone, reminders: &mut Reminders) {
    let frequency = turn.catalog.streak.frequency;
    let today = zone.date(turn.now);
    let (date, instant) = reminder_at(zone, frequency, frequency.period(today));
    let is_due = date == today
        && instant <= turn.now
        && reminders.streak_reminded.is_none_or(|last| last < date);
    if !is_due || !may(turn, MessageType::StreakReminder) {
        return;
    }
    let view = turn.streak_view();
    // A period that is met, a day off and a pause put the end of the streak off.
    if view.length > 0 && view.expires == view.period.map(|period| period.end) {
        reminders.streak_reminded = Some(date);
        turn.notices.push(Notice::StreakReminderDue(view));
    }
}

fn tell_achievements(turn: &mut Turn<'_>, reminders: &mut Reminders) {
    let (due, waiting) = reminders
        .achievements
        .iter()
        .partition(|waiting| waiting.due <= turn.now);
    reminders.achievements = waiting;
    let due: Vec<WaitingAchievement> = due;
    if may(turn, MessageType::AchievementCompleted) {
        turn.notices
            .extend(due.into_iter().map(|due| Notice::AchievementDue {
                achievement: due.achievement,
                at: due.at,
            }));
    }
}

/// A user has completed an achievement: it is told at the next hour at which one talks.
pub(crate) fn completed(turn: &mut Turn<'_>, achievement: AchievementId, completed: Timestamp) {
    if turn.is_silent || !may(turn, MessageType::AchievementCompleted) {
        return;
    }
    let zone = zone(turn.state);
    let date = zone.date(completed);
    let (from, to) = (at(&zone, date, TALK.0), at(&zone, date, TALK.1));
    let due = if completed < from {
        from
    } else if completed < to {
        completed
    } else {
        at(&zone, days_after(date, 1), TALK.0)
    };
    if due <= turn.now {
        turn.notices.push(Notice::AchievementDue {
            achievement,
            at: completed,
        });
        return;
    }
    let mut reminders = match &turn.state.reminders {
        Some(row) => row.get().clone(),
        None => Reminders::begin(turn.catalog, turn.state, turn.now),
    };
    reminders.achievements.push(WaitingAchievement {
        achievement,
        at: completed,
        due,
    });
    keep(turn, reminders);
}

/// The next instant at which [`settle`] may have something to tell.
pub(crate) fn next(turn: &Turn<'_>) -> Option<Timestamp> {
    let (catalog, state, now) = (turn.catalog, &*turn.state, turn.now);
    if !catalog.sends_messages() {
        return None;
    }
    let zone = zone(state);
    let sends = |message| catalog.sends(message, Channel::Email);
    let recap = sends(MessageType::Recap).then(|| {
        let frequency = summed_up(catalog);
        let current = frequency.period(zone.date(now));
        let morning = at(&zone, current.start, MORNING);
        if morning > now {
            morning
        } else {
            at(&zone, current.next(frequency).start, MORNING)
        }
    });
    let call = last_active(state)
        .filter(|_| sends(MessageType::Reactivation))
        .and_then(|since| {
            (0..ABSENCES.len())
                .filter_map(|call| call_at(&zone, since, call))
                .find(|at| *at > now)
        });
    let streak = state
        .streak
        .as_ref()
        .map(Row::get)
        .filter(|streak| sends(MessageType::StreakReminder) && streak.length > 0)
        .and_then(|streak| {
            let frequency = catalog.streak.frequency;
            let current = frequency.period(zone.date(now));
            // Whoever has no zone counts by another clock than that of messages.
            let counted = turn.zone();
            let is_open = |at: Timestamp| {
                let start = frequency.period(counted.date(at)).start;
                streak.met.is_none_or(|met| met < start)
            };
            [current, current.next(frequency)]
                .into_iter()
                .map(|period| reminder_at(&zone, frequency, period).1)
                .find(|at| *at > now && is_open(*at))
        });
    let achievement = state.reminders.as_ref().and_then(|row| {
        row.get()
            .achievements
            .iter()
            .map(|waiting| waiting.due)
            .min()
    });
    recap
        .into_iter()
        .chain(call)
        .chain(streak)
        .chain(achievement)
        .min()
}

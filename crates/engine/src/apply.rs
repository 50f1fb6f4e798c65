//! The one entrance: a command, a user's rows, and what comes of them.
//!
//! The order of an event is that of spec/trophy.md 3.4. A refusal leaves the rows as they were, with the one exception that
//! [`Refusal::OutOfPoints`] names.

use std::collections::VecDeque;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};

use crate::achievement::{self, Scope};
use crate::amount::Amount;
use crate::calendar::Zone;
use crate::catalog::{AchievementEntry, Catalog};
use crate::command::{Command, CompleteAchievement, RecordEvent, Refusal, SaveUser};
use crate::definition::{
    AchievementStatus, AchievementTrigger, AttributeKind, TriggerRule, all_match,
};
use crate::id::{EventId, Ids, MetricId};
use crate::leaderboard;
use crate::mission;
use crate::occurrence::Occurrence;
use crate::outcome::{
    Appended, BoardChange, CompletionReply, EventReply, LoggedEvent, Move, Notice, Outcome,
    PointsChange, Reply, StreakView,
};
use crate::points;
use crate::purse;
use crate::state::{Company, Counter, DaySum, MetricTotal, Row, Streak, UserState};
use crate::streak;
use crate::tick;
use crate::user::{self, Patch};

/// What came of an event.
pub(crate) struct Recorded {
    /// The answer of the first dialect.
    pub(crate) reply: Reply,
    /// The event, if it was new.
    pub(crate) event: Option<EventId>,
}

/// One command being carried out.
pub(crate) struct Turn<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) state: &'a mut UserState,
    pub(crate) company: &'a mut Company,
    pub(crate) now: Timestamp,
    pub(crate) ids: &'a mut Ids,
    /// Nobody is told (back-dating, spec/trophy.md 4.4).
    pub(crate) is_silent: bool,
    pub(crate) appended: Appended,
    pub(crate) notices: Vec<Notice>,
    pub(crate) moves: Vec<Move>,
    pub(crate) points: Vec<PointsChange>,
    /// What happened and was not looked at yet by missions and rewards.
    pub(crate) occurrences: VecDeque<Occurrence>,
    pub(crate) failures: Vec<String>,
    /// How many completions have been paid.
    paid: usize,
}

/// Carries out a command on a user's rows, which must hold what [`crate::leaderboard::needed`],
/// [`crate::leaderboard::needed_by_time`], [`missing_counters`] and [`needs_recount`] ask for. `company`: what the command may touch beyond
/// them.
pub fn apply(
    catalog: &Catalog,
    state: &mut UserState,
    company: &mut Company,
    command: &Command,
    now: Timestamp,
    ids: &mut Ids,
) -> Outcome {
    let mut turn = Turn {
        catalog,
        state,
        company,
        now,
        ids,
        is_silent: false,
        appended: Appended::default(),
        notices: Vec::new(),
        moves: Vec::new(),
        points: Vec::new(),
        occurrences: VecDeque::new(),
        failures: Vec::new(),
        paid: 0,
    };
    let reply = match command {
        Command::RecordEvent(event) => turn.record_event(event),
        Command::SaveUser(save) => turn.save_user(save),
        Command::CompleteAchievement(complete) => turn.complete_achievement(complete),
        Command::LogActivity(log) => turn.log_activity(log),
        Command::AssignMissions => Ok(turn.assign_missions()),
        Command::StartMission(start) => turn.start_mission(start),
        Command::CompleteGroupMission(mission) => Ok(turn.complete_group_mission(mission)),
        Command::TagUser(tags) => turn.tag_user(tags),
        Command::Transact(transact) => turn.transact(transact),
        Command::Redeem { entry, twin } => turn.redeem(*entry, twin.as_deref()),
        Command::Settle => Ok(turn.settle_only(None)),
        Command::Backdate { achievement } => Ok(turn.settle_only(Some(Scope::One(*achievement)))),
    };
    turn.follow_occurrences();
    let Turn {
        appended,
        notices,
        moves,
        points,
        failures,
        is_silent,
        ..
    } = turn;
    let mut notices = notices;
    if !is_silent {
        notices.extend(
            points::finish(points)
                .into_iter()
                .map(Notice::PointsChanged),
        );
    }
    Outcome {
        reply: reply.unwrap_or_else(Reply::Refused),
        appended,
        notices,
        moves,
        failures,
    }
}

/// Brings a loaded state up to now, as a read shows it; nothing of it needs to be kept, because
/// whoever writes next comes to the same result.
pub fn settled(
    catalog: &Catalog,
    state: &mut UserState,
    now: Timestamp,
    ids: &mut Ids,
) -> Appended {
    let mut company = Company::default();
    apply(catalog, state, &mut company, &Command::Settle, now, ids).appended
}

/// The filtered counters that the events of a metric (or of all metrics) need and that are missing
/// or stale although there were events: their sums have to come from the event log.
pub fn missing_counters<'a>(
    catalog: &'a Catalog,
    state: &UserState,
    metric: Option<MetricId>,
) -> Vec<MissingCounter<'a>> {
    let is_fresh = |id: &uuid::Uuid, since: Timestamp| {
        state
            .counters
            .get(id)
            .is_some_and(|row| row.get().since == since)
    };
    let is_meant =
        |id: MetricId| metric.is_none_or(|metric| metric == id) && state.totals.contains_key(&id);
    let achievements = catalog
        .achievements()
        .filter(|entry| entry.is_active() && !entry.event_filters.is_empty())
        .filter_map(|entry| match entry.body().trigger {
            AchievementTrigger::Metric { metric, .. } => Some(MissingCounter {
                id: entry.stored.id,
                metric,
                since: entry.body().rule_since,
                filters: &entry.event_filters,
            }),
            _ => None,
        });
    let triggers = catalog
        .active_triggers()
        .filter(|entry| !entry.event_filters.is_empty())
        .filter_map(|entry| match entry.body().rule {
            TriggerRule::Metric { metric, .. } => Some(MissingCounter {
                id: entry.stored.id,
                metric,
                since: entry.body().active_since,
                filters: &entry.event_filters,
            }),
            _ => None,
        });
    achievements
        .chain(triggers)
        .filter(|missing| is_meant(missing.metric) && !is_fresh(&missing.id, missing.since))
        .collect()
}

/// A counter whose sum has to come from the event log.
#[derive(Clone, Debug)]
pub struct MissingCounter<'a> {
    /// The achievement or trigger.
    pub id: uuid::Uuid,
    /// Whose events count.
    pub metric: MetricId,
    /// The age of the rule.
    pub since: Timestamp,
    /// Which events count.
    pub filters: &'a [crate::definition::KeyedFilter],
}

impl MissingCounter<'_> {
    /// The counter for a sum found in the log.
    pub fn counter(&self, sum: Amount) -> Counter {
        Counter {
            sum,
            peak: sum.max(Amount::ZERO),
            since: self.since,
        }
    }
}

/// Whether the streak was counted in another frequency than the one in force: then all day sums of
/// the streak's metrics have to be loaded.
pub fn needs_recount(catalog: &Catalog, state: &UserState) -> bool {
    state
        .streak
        .as_ref()
        .is_some_and(|row| row.get().frequency != catalog.streak.frequency)
}

impl Turn<'_> {
    fn zone(&self) -> Zone {
        self.state.user.get().zone()
    }

    pub(crate) fn today(&self) -> Date {
        self.zone().date(self.now)
    }

    pub(crate) fn streak_length(&self) -> i64 {
        self.state.streak.as_ref().map_or(0, |row| row.get().length)
    }

    fn streak(&self) -> Streak {
        match &self.state.streak {
            Some(row) => row.get().clone(),
            None => streak::unstored(
                &self.catalog.streak,
                self.state.user.get().created,
                &self.zone(),
            ),
        }
    }

    /// Keeps a streak if it differs from what is stored.
    fn keep_streak(&mut self, streak: Streak) {
        match &mut self.state.streak {
            Some(row) if *row.get() == streak => {}
            Some(row) => *row.edit() = streak,
            None => self.state.streak = Some(Row::fresh(streak)),
        }
    }

    fn streak_view(&self) -> StreakView {
        streak::view(&self.catalog.streak, &self.streak(), &self.zone(), self.now)
    }

    /// Makes the user if new, and applies what the request says of the user.
    fn upsert_user(&mut self, patch: &Patch) -> user::Changed {
        let was_new = self.state.is_new;
        let changed = if was_new {
            let user = self.state.user.edit();
            user.created = self.now;
            user.updated = self.now;
            // One draw, kept for ever (spec/trophy.md 2.7).
            let percent = self.catalog.settings.control_percent;
            user.is_control = percent > 0
                && i64::try_from(self.ids.random() % 100).is_ok_and(|drawn| drawn < percent);
            user::apply(user, patch, self.now)
        } else {
            let mut user = self.state.user.get().clone();
            let changed = user::apply(&mut user, patch, self.now);
            if changed.any {
                // Midnights before the change are judged by the clock and the attributes of then.
                self.settle();
                *self.state.user.edit() = user;
            }
            changed
        };
        if was_new {
            self.state.is_new = false;
            if let Some(freezes) = self.catalog.streak.freezes {
                let mut streak = self.streak();
                streak.freezes = freezes.start_count;
                self.keep_streak(streak);
            }
            points::award_creation(self);
            self.user_was_made();
        }
        changed
    }

    /// Brings streak, freezes, anniversaries, points for time, pending transactions and missions up to now.
    pub(crate) fn settle(&mut self) {
        let settings = &self.catalog.streak;
        let zone = self.zone();
        let length = self.streak_length();
        let mut streak = self.streak();
        if self.state.streak.is_some() && streak.frequency != settings.frequency {
            let periods = streak::recount(settings, &mut streak, &self.state.days, &zone, self.now);
            self.appended.periods.extend(periods);
            self.keep_streak(streak.clone());
        }
        let settled = streak::settle(settings, &mut streak, &zone, self.now);
        if settled.is_changed {
            self.keep_streak(streak);
            self.appended.periods.extend(settled.periods);
            self.notices.extend(settled.notices);
        }
        if self.streak_length() != length {
            leaderboard::follow_streak(self);
        }
        achievement::settle_anniversaries(self);
        self.pay_due();
        purse::expire(self.state, self.now);
        mission::settle(self);
    }

    /// Awards what completions and time have brought, in the order in which it fell due.
    fn pay_due(&mut self) {
        let mut budget = tick::TICKS_MAX;
        while let Some((_, completion)) = self.appended.completions.get(self.paid) {
            let before = completion
                .at
                .saturating_sub(SignedDuration::from_nanos(1))
                .unwrap_or(completion.at);
            tick::pay(self, before, &mut budget);
            self.pay_completion(None);
        }
        tick::pay(self, self.now, &mut budget);
    }

    /// Awards what the completions since the last call pay.
    fn pay_completions(&mut self, event: Option<EventId>) {
        while self.pay_completion(event) {}
    }

    /// Awards what the next completion pays; says whether there was one.
    fn pay_completion(&mut self, event: Option<EventId>) -> bool {
        let Some((achievement, completion)) = self.appended.completions.get(self.paid) else {
            return false;
        };
        let (achievement, at) = (*achievement, completion.at);
        self.paid = self.paid.saturating_add(1);
        points::award_completion(self, achievement, at, event);
        true
    }

    /// Notes the next instant at which time alone changes something.
    pub(crate) fn schedule(&mut self) {
        let zone = self.zone();
        let mut streak = self.streak();
        let next = streak::next_settlement(&self.catalog.streak, &streak, &zone, self.now)
            .into_iter()
            .chain(achievement::next_anniversary(
                self.catalog,
                self.state,
                &zone,
                self.now,
            ))
            .chain(tick::next(self.catalog, self.state, &zone))
            .chain(purse::next(self.state))
            .chain(mission::next(self))
            .min();
        if streak.settle_at != next {
            streak.settle_at = next;
            self.keep_streak(streak);
        }
    }

    /// What attributes and dates of the user decide, after they changed.
    fn follow_user(&mut self, changed: user::Changed) {
        if changed.attributes || changed.sign_up_date {
            achievement::evaluate(self, Scope::All);
            self.pay_completions(None);
        }
        if changed.attributes {
            leaderboard::regroup(self);
        }
    }

    fn check_user(&self, patch: &Patch) -> Result<(), Refusal> {
        let user = self.state.user.get();
        if self.state.is_new {
            user::check_id(&user.external_id)?;
        }
        let stored = (!self.state.is_new).then_some(user);
        user::check(self.catalog, stored, patch, self.now)
    }

    fn save_user(&mut self, save: &SaveUser) -> Result<Reply, Refusal> {
        if self.state.is_new && !save.may_create {
            let id = self.state.user.get().external_id.clone();
            return Err(Refusal::NotFound("user", id));
        }
        if !self.state.is_new && save.must_be_new.is_some() {
            return Err(Refusal::Conflict("the user exists".to_owned()));
        }
        self.check_user(&save.user)?;
        let changed = self.upsert_user(&save.user);
        self.settle();
        self.follow_user(changed);
        leaderboard::follow(self, None, false);
        self.schedule();
        Ok(Reply::User(Box::new(self.state.user.get().clone())))
    }

    fn settle_only(&mut self, scope: Option<Scope>) -> Reply {
        if self.state.is_new {
            return Reply::Done;
        }
        self.settle();
        if let Some(scope) = scope {
            // What time brought is told; what the changed definition brings is not.
            let points = points::finish(std::mem::take(&mut self.points));
            self.notices
                .extend(points.into_iter().map(Notice::PointsChanged));
            self.is_silent = true;
            achievement::evaluate(self, scope);
            self.pay_completions(None);
        }
        leaderboard::follow(self, None, false);
        self.schedule();
        Reply::Done
    }

    fn complete_achievement(&mut self, complete: &CompleteAchievement) -> Result<Reply, Refusal> {
        let missing = || Refusal::NotFound("achievement", complete.key.clone());
        let entry = self
            .catalog
            .achievement_by_key(&complete.key)
            .ok_or_else(missing)?;
        if !entry.is_visible() {
            return Err(missing());
        }
        if entry.body().trigger != AchievementTrigger::Api {
            return Err(Refusal::Invalid(format!(
                "achievement {:?} is not completed by a call",
                complete.key
            )));
        }
        self.check_user(&complete.user)?;
        let achievement = entry.id();
        let held = self.state.completions.get(&achievement).copied();
        if held.is_none() {
            self.check_completable(entry, &complete.user)?;
        }
        let changed = self.upsert_user(&complete.user);
        self.settle();
        self.follow_user(changed);
        let completion = match held {
            Some(completion) => completion,
            None => achievement::complete(self, achievement, self.now),
        };
        achievement::evaluate(self, Scope::Composites);
        self.pay_completions(None);
        leaderboard::follow(self, None, false);
        self.schedule();
        let points = points::finish(self.points.clone());
        Ok(Reply::Completion(CompletionReply {
            achievement,
            completion,
            points,
        }))
    }

    fn check_completable(&self, entry: &AchievementEntry, patch: &Patch) -> Result<(), Refusal> {
        let refuse = |why: &str| {
            let key = entry.body().key.as_deref().unwrap_or_default();
            Err(Refusal::Invalid(format!("achievement {key:?} {why}")))
        };
        if entry.body().status == AchievementStatus::Locked {
            return refuse("is locked");
        }
        let mut user = self.state.user.get().clone();
        user::apply(&mut user, patch, self.now);
        if all_match(&entry.user_filters, &user.attributes) {
            Ok(())
        } else {
            refuse("is not open to this user")
        }
    }

    fn record_event(&mut self, event: &RecordEvent) -> Result<Reply, Refusal> {
        let recorded = self.record(event)?;
        if let (Reply::Event(reply), Some(id)) = (&recorded.reply, recorded.event) {
            self.tell_activities(reply.metric, id, event.value, &event.attributes, None);
        }
        Ok(recorded.reply)
    }

    /// Records an event, whichever dialect told it.
    pub(crate) fn record(&mut self, event: &RecordEvent) -> Result<Recorded, Refusal> {
        let metric = self
            .catalog
            .metric_by_key(&event.metric)
            .ok_or_else(|| Refusal::NotFound("metric", event.metric.clone()))?;
        let metric = MetricId(metric.id);
        user::check_attribute_keys(self.catalog, AttributeKind::Event, event.attributes.keys())?;
        for (key, value) in &event.attributes {
            user::check_text(&format!("attribute {key}"), value)?;
        }
        self.check_user(&event.user)?;
        if let Some(key) = &event.idempotency_key
            && let Some(seen) = self.state.seen.get(&(metric, key.clone()))
        {
            let seen = *seen;
            return Ok(Recorded {
                reply: self.replay(metric, seen),
                event: None,
            });
        }
        self.check_range(metric, event)?;

        if !self.state.is_new {
            // Midnights first: what fell due at them is told, but is no result of this event.
            self.settle();
            let due = points::finish(std::mem::take(&mut self.points));
            self.notices
                .extend(due.into_iter().map(Notice::PointsChanged));
        }
        let settled = self.appended.completions.len();
        let changed = self.upsert_user(&event.user);
        // Before the event is looked at, so that the verdict on it is that of a swept user. A recount
        // looks at all days; this event must not be among them, or it would extend nothing.
        self.settle();
        // Total and counters move before the verdict; a block must leave them as they were.
        let total = self.state.totals.get(&metric).cloned();
        let before = total.as_ref().map(|row| *row.get());
        let can_block = self
            .catalog
            .triggers_of_metric(metric)
            .any(|trigger| trigger.body().block_if_out_of_points);
        let counters = can_block.then(|| self.state.counters.clone());
        self.add_to_total(metric, event.value);
        let crossings = points::count(
            self.catalog,
            self.state,
            metric,
            before,
            event.value,
            &event.attributes,
        );
        if let Some(system) = points::blocked_system(self.catalog, self.state, &crossings, self.now)
        {
            if let Some(counters) = counters {
                self.state.counters = counters;
            }
            match total {
                Some(total) => self.state.totals.insert(metric, total),
                None => self.state.totals.remove(&metric),
            };
            let refusal = Refusal::OutOfPoints(system.to_owned());
            self.follow_user(changed);
            leaderboard::follow(self, None, false);
            self.schedule();
            return Err(refusal);
        }

        let id = EventId(self.ids.uuid(self.now));
        let today = self.today();
        self.count_for_achievements(metric, event);
        self.count_day(metric, today, event.value);
        if changed.attributes {
            leaderboard::regroup(self);
        }
        let is_extended = self.extend(today);
        achievement::evaluate(
            self,
            if changed.attributes || changed.sign_up_date {
                Scope::All
            } else {
                Scope::Event {
                    metric,
                    is_extended,
                }
            },
        );
        let completed = self.appended.completions[settled..].to_vec();
        points::award_crossings(self, &crossings, id);
        if is_extended {
            points::award_streak(self, self.streak_length(), Some(id));
        }
        self.pay_completions(Some(id));
        let boards = leaderboard::follow(self, Some((metric, event.value)), is_extended);
        self.schedule();

        let time = self.zone().time(self.now);
        self.appended.event = Some(LoggedEvent {
            id,
            metric,
            value: event.value,
            at: self.now,
            date: today,
            second_of_day: time.duration_since(Time::midnight()).as_secs(),
            attributes: event.attributes.clone(),
            idempotency_key: event.idempotency_key.clone(),
        });
        if let Some(key) = &event.idempotency_key {
            self.state.seen.insert((metric, key.clone()), id);
        }
        Ok(Recorded {
            reply: self.event_reply(metric, id, completed, is_extended, boards),
            event: Some(id),
        })
    }

    fn event_reply(
        &self,
        metric: MetricId,
        event: EventId,
        completed: Vec<(crate::id::AchievementId, crate::state::Completion)>,
        is_extended: bool,
        boards: Vec<BoardChange>,
    ) -> Reply {
        Reply::Event(Box::new(EventReply {
            event,
            metric,
            total: self.state.total(metric),
            completed,
            streak: self.streak_view(),
            is_extended,
            points: points::finish(self.points.clone()),
            boards,
            is_replay: false,
        }))
    }

    /// The answer to an event that is already recorded: nothing but the time moves (AMB-9).
    fn replay(&mut self, metric: MetricId, event: EventId) -> Reply {
        self.settle();
        leaderboard::follow(self, None, false);
        self.schedule();
        Reply::Event(Box::new(EventReply {
            event,
            metric,
            total: self.state.total(metric),
            completed: Vec::new(),
            streak: self.streak_view(),
            is_extended: false,
            points: Vec::new(),
            boards: Vec::new(),
            is_replay: true,
        }))
    }

    /// Refuses an event that would take any sum out of the range in which sums are exact.
    fn check_range(&self, metric: MetricId, event: &RecordEvent) -> Result<(), Refusal> {
        let value = event.value;
        let tz = match &event.user.tz {
            user::Change::Keep => self.state.user.get().tz.as_deref(),
            user::Change::Clear => None,
            user::Change::Set(tz) => Some(tz.as_str()),
        };
        let today = Zone::of(tz).date(self.now);
        let day = self
            .state
            .days
            .get(&(metric, today))
            .map_or(Amount::ZERO, |row| row.get().sum);
        let is_exact = self.state.total(metric).checked_add(value).is_some()
            && day.checked_add(value).is_some()
            && self
                .counters_of(metric)
                .all(|counter| counter.sum.checked_add(value).is_some())
            && !leaderboard::overflows(self.catalog, self.state, metric, value, today, self.now);
        if is_exact {
            Ok(())
        } else {
            Err(Refusal::Invalid(
                "value would take a total beyond 9000000000000".to_owned(),
            ))
        }
    }

    /// What the achievements and triggers of a metric have counted for this user.
    fn counters_of(&self, metric: MetricId) -> impl Iterator<Item = &Counter> {
        let achievements = self
            .catalog
            .achievements_of_metric(metric)
            .map(|e| e.stored.id);
        let triggers = self.catalog.triggers_of_metric(metric).map(|e| e.stored.id);
        achievements
            .chain(triggers)
            .filter_map(|id| self.state.counters.get(&id))
            .map(Row::get)
    }

    fn add_to_total(&mut self, metric: MetricId, value: Amount) {
        let now = self.now;
        let row = self.state.totals.entry(metric).or_insert_with(|| {
            Row::fresh(MetricTotal {
                total: Amount::ZERO,
                peak: Amount::ZERO,
                events: 0,
                first: now,
                last: now,
            })
        });
        let total = row.edit();
        // In range: `check_range` has looked.
        total.total = total.total.checked_add(value).unwrap_or(total.total);
        total.peak = total.peak.max(total.total);
        total.events = total.events.saturating_add(1);
        total.last = now;
    }

    fn count_day(&mut self, metric: MetricId, today: Date, value: Amount) {
        let row = self
            .state
            .days
            .entry((metric, today))
            .or_insert_with(|| Row::fresh(DaySum::default()));
        let day = row.edit();
        day.sum = day.sum.checked_add(value).unwrap_or(day.sum);
        day.events = day.events.saturating_add(1);
    }

    fn count_for_achievements(&mut self, metric: MetricId, event: &RecordEvent) {
        for entry in self.catalog.achievements_of_metric(metric) {
            if !entry.is_active()
                || entry.event_filters.is_empty()
                || !all_match(&entry.event_filters, &event.attributes)
            {
                continue;
            }
            let since = entry.body().rule_since;
            let counter = self
                .state
                .counters
                .get(&entry.stored.id)
                .map(|row| *row.get())
                .filter(|counter| counter.since == since)
                .unwrap_or(Counter {
                    sum: Amount::ZERO,
                    peak: Amount::ZERO,
                    since,
                });
            let sum = counter.sum.checked_add(event.value).unwrap_or(counter.sum);
            let next = Counter {
                sum,
                peak: counter.peak.max(sum),
                since,
            };
            self.state
                .counters
                .insert(entry.stored.id, Row::fresh(next));
        }
    }

    /// Extends the streak if this event met the period, and notes where the user acted.
    fn extend(&mut self, today: Date) -> bool {
        let settings = &self.catalog.streak;
        if settings.metrics.is_empty() {
            return false;
        }
        let mut streak = self.streak();
        let mut periods = Vec::new();
        let is_extended = streak::extend(
            settings,
            &mut streak,
            &self.state.days,
            today,
            self.now,
            &mut periods,
        );
        // Without a zone the user lived by UTC, which a first zone must not make forgotten.
        let tz = self.state.user.get().tz.as_deref().unwrap_or("UTC");
        let is_elsewhere = streak.length > 0 && streak.zone.as_deref() != Some(tz);
        if is_elsewhere {
            streak.zone = Some(tz.to_owned());
        }
        // Also without a streak: the row says in which frequency the user was last counted, so that a
        // switch counts anew who met no period of the old one.
        self.keep_streak(streak);
        self.appended.periods.extend(periods);
        if is_elsewhere {
            // A freeze may be due here that was not yet due where the user came from.
            self.settle();
        }
        if is_extended {
            let view = self.streak_view();
            self.notices.push(if view.length == 1 {
                Notice::StreakStarted(view)
            } else {
                Notice::StreakExtended(view)
            });
        }
        is_extended
    }
}

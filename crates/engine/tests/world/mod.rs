//! A small world for tests of the rules: a catalog built by short calls, users, a clock that the
//! test sets, and everything that outcomes append, kept as a store would keep it.
//!
//! It must not know any rule: it only carries out what outcomes say, and checks that they agree
//! with one another.

pub(crate) mod second_dialect;

use std::collections::{BTreeMap, BTreeSet};

use engine::amount::Amount;
use engine::apply::{apply, missing_counters};
use engine::calendar::Zone;
use engine::catalog::{Catalog, Definitions};
use engine::command::{Command, CompleteAchievement, RecordEvent, Refusal, SaveUser};
use engine::definition::{
    Achievement, AchievementStatus, AchievementTrigger, Attribute, AttributeKind, Board,
    BoardStatus, Filter, Freezes, Metric, PointsBoost, PointsLevel, PointsSystem, PointsTrigger,
    RankBy, Rounding, Stored, StreakMetric, StreakSettings, TriggerRule, UnitType, all_match,
};
use engine::id::{
    AchievementId, AttributeId, BoardId, BoostId, CurrencyId, Ids, LevelId, MetricId, TriggerId,
};
use engine::outcome::{
    CompletionReply, EventReply, LedgerEntry, LoggedEvent, Notice, Outcome, PointsChange, Reply,
};
use engine::rank::Standings;
use engine::state::{Completion, Group, Row, StreakPeriod, UserState};
use engine::user::{Change, Patch, User};
use jiff::Timestamp;
use jiff::civil::Date;
use second_dialect::Shared;

pub(crate) fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// A patch that says nothing but the zone.
pub(crate) fn tz(name: &str) -> Patch {
    Patch {
        tz: Change::Set(name.to_owned()),
        ..Patch::default()
    }
}

/// A patch that sets attributes.
pub(crate) fn attributes(pairs: &[(&str, &str)]) -> Patch {
    let attributes = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned())))
        .collect();
    Patch {
        attributes,
        ..Patch::default()
    }
}

pub(crate) fn filter(attribute: AttributeId, value: &str) -> Filter {
    Filter {
        attribute,
        value: value.to_owned(),
    }
}

/// A metric achievement without filters.
pub(crate) fn reaches(metric: MetricId, value: &str) -> AchievementTrigger {
    AchievementTrigger::Metric {
        metric,
        value: amount(value),
        event_filters: Vec::new(),
    }
}

/// A metric points rule without filters.
pub(crate) fn every(threshold: i64, metric: MetricId) -> TriggerRule {
    TriggerRule::Metric {
        metric,
        threshold,
        event_filters: Vec::new(),
    }
}

/// The period that a state keeps under this key: user, frequency, first date.
pub(crate) type PeriodKey = (String, &'static str, Date);

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) definitions: Definitions,
    pub(crate) catalog: Catalog,
    pub(crate) now: Timestamp,
    pub(crate) ids: Ids,
    pub(crate) users: BTreeMap<String, UserState>,
    pub(crate) events: Vec<(String, LoggedEvent)>,
    pub(crate) ledger: Vec<(String, LedgerEntry)>,
    pub(crate) completions: BTreeMap<(String, AchievementId), Completion>,
    pub(crate) periods: BTreeMap<PeriodKey, StreakPeriod>,
    pub(crate) standings: BTreeMap<(BoardId, i64, Group), Standings>,
    /// Of the last command only.
    pub(crate) notices: Vec<Notice>,
    /// Rank before and after the last event, by board.
    pub(crate) ranks: BTreeMap<BoardId, (Option<usize>, Option<usize>)>,
    /// Commands are given only the days and board values that they may ask a store for.
    pub(crate) is_lean: bool,
    /// What belongs to no single user.
    pub(crate) shared: Shared,
}

impl World {
    pub(crate) fn new(now: &str) -> Self {
        Self {
            definitions: Definitions::default(),
            catalog: Catalog::default(),
            now: instant(now),
            ids: Ids::seeded(1),
            users: BTreeMap::new(),
            events: Vec::new(),
            ledger: Vec::new(),
            completions: BTreeMap::new(),
            periods: BTreeMap::new(),
            standings: BTreeMap::new(),
            notices: Vec::new(),
            ranks: BTreeMap::new(),
            is_lean: false,
            shared: Shared::default(),
        }
    }

    /// Sets the clock.
    pub(crate) fn at(&mut self, now: &str) -> &mut Self {
        self.now = instant(now);
        self
    }

    // Definitions.

    fn stored<T>(&mut self, body: T) -> Stored<T> {
        let id = self.ids.uuid(self.now);
        Stored {
            id,
            created: self.now,
            updated: self.now,
            is_archived: false,
            body,
        }
    }

    pub(crate) fn compile(&mut self) {
        let version = self.catalog.version + 1;
        self.catalog = Catalog::compile(version, self.definitions.clone());
    }

    pub(crate) fn metric(&mut self, key: &str) -> MetricId {
        let metric = self.stored(Metric {
            name: key.to_owned(),
            key: key.to_owned(),
            unit_type: UnitType::Number,
            units: String::new(),
        });
        let id = MetricId(metric.id);
        self.definitions.metrics.push(metric);
        self.compile();
        id
    }

    fn attribute(&mut self, key: &str, kind: AttributeKind) -> AttributeId {
        let attribute = self.stored(Attribute {
            name: key.to_owned(),
            key: key.to_owned(),
            kind,
        });
        let id = AttributeId(attribute.id);
        self.definitions.attributes.push(attribute);
        self.compile();
        id
    }

    pub(crate) fn user_attribute(&mut self, key: &str) -> AttributeId {
        self.attribute(key, AttributeKind::User)
    }

    pub(crate) fn event_attribute(&mut self, key: &str) -> AttributeId {
        self.attribute(key, AttributeKind::Event)
    }

    /// An active achievement, with a key of its own name.
    pub(crate) fn achievement(&mut self, key: &str, trigger: AchievementTrigger) -> AchievementId {
        let achievement = self.stored(Achievement {
            name: key.to_owned(),
            description: None,
            badge_url: None,
            status: AchievementStatus::Active,
            rule_since: self.now,
            trigger,
            key: Some(key.to_owned()),
            user_filters: Vec::new(),
        });
        let id = AchievementId(achievement.id);
        self.definitions.achievements.push(achievement);
        self.compile();
        id
    }

    pub(crate) fn edit_achievement(
        &mut self,
        id: AchievementId,
        edit: impl FnOnce(&mut Achievement),
    ) {
        let mut all = self.definitions.achievements.iter_mut();
        edit(&mut all.find(|stored| stored.id == id.0).unwrap().body);
        self.compile();
    }

    pub(crate) fn system(&mut self, key: &str) -> CurrencyId {
        let system = self.stored(PointsSystem {
            name: key.to_owned(),
            key: key.to_owned(),
            description: String::new(),
            badge_url: None,
            max_points: None,
        });
        let id = CurrencyId(system.id);
        self.definitions.systems.push(system);
        self.compile();
        id
    }

    pub(crate) fn cap(&mut self, id: CurrencyId, max_points: i64) {
        let mut all = self.definitions.systems.iter_mut();
        all.find(|stored| stored.id == id.0)
            .unwrap()
            .body
            .max_points = Some(max_points);
        self.compile();
    }

    pub(crate) fn level(&mut self, system: CurrencyId, key: &str, points: i64) -> LevelId {
        let level = self.stored(PointsLevel {
            system,
            name: key.to_owned(),
            key: key.to_owned(),
            description: String::new(),
            badge_url: None,
            points,
        });
        let id = LevelId(level.id);
        self.definitions.levels.push(level);
        self.compile();
        id
    }

    /// An active trigger.
    pub(crate) fn trigger(
        &mut self,
        system: CurrencyId,
        rule: TriggerRule,
        points: i64,
    ) -> TriggerId {
        let trigger = self.stored(PointsTrigger {
            system,
            rule,
            points,
            is_active: true,
            active_since: self.now,
            user_filters: Vec::new(),
            block_if_out_of_points: false,
        });
        let id = TriggerId(trigger.id);
        self.definitions.triggers.push(trigger);
        self.compile();
        id
    }

    pub(crate) fn edit_trigger(&mut self, id: TriggerId, edit: impl FnOnce(&mut PointsTrigger)) {
        let mut all = self.definitions.triggers.iter_mut();
        edit(&mut all.find(|stored| stored.id == id.0).unwrap().body);
        self.compile();
    }

    /// A boost that multiplies what everybody earns from a date on.
    pub(crate) fn boost(&mut self, system: CurrencyId, multiplier: &str, start: &str) -> BoostId {
        let boost = self.stored(PointsBoost {
            system,
            name: multiplier.to_owned(),
            start: day(start),
            end: None,
            multiplier: amount(multiplier),
            rounding: Rounding::Down,
            user: None,
            user_filters: Vec::new(),
        });
        let id = BoostId(boost.id);
        self.definitions.boosts.push(boost);
        self.compile();
        id
    }

    pub(crate) fn edit_boost(&mut self, id: BoostId, edit: impl FnOnce(&mut PointsBoost)) {
        let mut all = self.definitions.boosts.iter_mut();
        edit(&mut all.find(|stored| stored.id == id.0).unwrap().body);
        self.compile();
    }

    /// An active perpetual board.
    pub(crate) fn board(&mut self, key: &str, rank_by: RankBy, start: &str) -> BoardId {
        let board = self.stored(Board {
            name: key.to_owned(),
            key: key.to_owned(),
            description: None,
            status: BoardStatus::Active,
            rank_by,
            max_participants: 1_000,
            start: day(start),
            end: None,
            run: None,
            breakdown: Vec::new(),
            user_filters: Vec::new(),
        });
        let id = BoardId(board.id);
        self.definitions.boards.push(board);
        self.compile();
        id
    }

    pub(crate) fn edit_board(&mut self, id: BoardId, edit: impl FnOnce(&mut Board)) {
        let mut all = self.definitions.boards.iter_mut();
        edit(&mut all.find(|stored| stored.id == id.0).unwrap().body);
        self.compile();
    }

    pub(crate) fn edit_streak(&mut self, edit: impl FnOnce(&mut StreakSettings)) {
        edit(self.definitions.streak.get_or_insert_default());
        self.compile();
    }

    /// Adds a metric to those that streaks need.
    pub(crate) fn streak(&mut self, metric: MetricId, threshold: i64) {
        self.edit_streak(|streak| streak.metrics.push(StreakMetric { metric, threshold }));
    }

    pub(crate) fn freezes(&mut self, start: i64, max: i64, auto_earn: Option<(i64, i64)>) {
        let since = self.now;
        self.edit_streak(|streak| {
            streak.freezes = Some(Freezes {
                start_count: start,
                max_count: max,
                auto_earn,
                since,
            });
        });
    }

    // Commands.

    /// Carries out a command and keeps what comes of it.
    pub(crate) fn send(&mut self, user: &str, command: &Command) -> Outcome {
        self.ranks.clear();
        let mut state = self.users.get(user).cloned().unwrap_or_else(|| {
            let id = self.ids.user(self.now);
            UserState::of(User::new(id, user.to_owned(), self.now), true)
        });
        self.count_what_is_missing(user, &mut state);
        let spared = self.is_lean.then(|| self.spare(&mut state, command));
        let mut company = self.gather(user, &state, command);
        let before = (state.clone(), company.clone());
        let outcome = apply(
            &self.catalog,
            &mut state,
            &mut company,
            command,
            self.now,
            &mut self.ids,
        );
        if let Reply::Refused(refusal) = &outcome.reply
            && !matches!(refusal, Refusal::OutOfPoints(_))
        {
            let after = (state, company);
            assert_eq!(after, before, "a refusal changes nothing");
            assert_eq!(outcome.appended, engine::outcome::Appended::default());
            assert!(outcome.notices.is_empty() && outcome.moves.is_empty());
            self.notices.clear();
            return outcome;
        }
        for (key, row) in spared.iter().flat_map(|spared| &spared.days) {
            assert!(
                state.days.insert(*key, row.clone()).is_none(),
                "a day not asked for"
            );
        }
        for (key, row) in spared.iter().flat_map(|spared| &spared.boards) {
            assert!(
                state.boards.insert(*key, row.clone()).is_none(),
                "a board not asked for"
            );
        }
        self.keep(user, &outcome);
        self.put_back(&mut state, company);
        if !state.is_new {
            self.users.insert(user.to_owned(), state);
        }
        self.keep_second(user, &outcome);
        outcome
    }

    /// Takes out the rows that a store would not have loaded for a command.
    fn spare(&self, state: &mut UserState, command: &Command) -> UserState {
        let mut user = state.user.get().clone();
        let (metric, patch) = match command {
            Command::RecordEvent(event) => {
                let metric = self.catalog.metric_by_key(&event.metric);
                (metric.map(|metric| MetricId(metric.id)), Some(&event.user))
            }
            Command::SaveUser(save) => (None, Some(&save.user)),
            Command::CompleteAchievement(complete) => (None, Some(&complete.user)),
            _ => (None, None),
        };
        let mut metrics = vec![metric];
        if let Some(patch) = patch {
            if !patch.attributes.is_empty() {
                metrics.extend(
                    self.catalog
                        .metrics()
                        .map(|metric| Some(MetricId(metric.id))),
                );
            }
            match &patch.tz {
                Change::Keep => {}
                Change::Clear => user.tz = None,
                Change::Set(tz) => user.tz = Some(tz.clone()),
            }
        }
        let needed: BTreeSet<_> = metrics
            .into_iter()
            .flat_map(|metric| engine::leaderboard::needed(&self.catalog, &user, metric, self.now))
            .chain(engine::leaderboard::needed_by_time(
                &self.catalog,
                state,
                self.now,
            ))
            .collect();
        let earliest = Zone::utc().date(self.now - jiff::SignedDuration::from_hours(36));
        let from = self.catalog.streak.frequency.period(earliest).start;
        let mut spared = state.clone();
        spared.days.retain(|(_, date), _| *date < from);
        spared.boards.retain(|key, _| !needed.contains(key));
        if engine::apply::needs_recount(&self.catalog, state) {
            spared.days.clear();
        }
        state.days.retain(|key, _| !spared.days.contains_key(key));
        state
            .boards
            .retain(|key, _| !spared.boards.contains_key(key));
        spared
    }

    /// What the store would look up in the event log.
    fn count_what_is_missing(&self, user: &str, state: &mut UserState) {
        for missing in missing_counters(&self.catalog, state, None) {
            let sum = self
                .events
                .iter()
                .filter(|(who, event)| {
                    who == user
                        && event.metric == missing.metric
                        && all_match(missing.filters, &event.attributes)
                })
                .fold(Amount::ZERO, |sum, (_, event)| {
                    sum.checked_add(event.value).unwrap()
                });
            state
                .counters
                .insert(missing.id, Row::stored(missing.counter(sum)));
        }
    }

    fn keep(&mut self, user: &str, outcome: &Outcome) {
        let appended = &outcome.appended;
        let own = |name: &str| name.to_owned();
        self.events.extend(
            appended
                .event
                .iter()
                .map(|event| (own(user), event.clone())),
        );
        for entry in &appended.ledger {
            let named = |(_, state): &(&String, &UserState)| state.user.get().id == entry.user;
            // A transfer has two users; one who is new is not kept yet.
            let who = self.users.iter().find(named);
            let who = who.map_or(own(user), |(name, _)| name.clone());
            self.ledger.push((who, entry.clone()));
        }
        for (achievement, completion) in &appended.completions {
            let earlier = self
                .completions
                .insert((own(user), *achievement), *completion);
            assert_eq!(earlier, None, "an achievement completes once");
        }
        for period in &appended.periods {
            let key = (own(user), period.frequency.name(), period.start);
            self.periods.insert(key, *period);
        }
        self.notices.clone_from(&outcome.notices);
        let changes: Vec<_> = match &outcome.reply {
            Reply::Event(reply) => reply.boards.clone(),
            _ => Vec::new(),
        };
        let mut ranks = BTreeMap::new();
        for (index, step) in outcome.moves.iter().enumerate() {
            let change = changes.iter().find(|change| change.move_index == index);
            if let Some(change) = change {
                assert_eq!((change.board, change.run), (step.board, step.run));
            }
            let rank = |world: &Self, place: &Option<(Group, engine::rank::Place)>| {
                let (group, place) = place.as_ref()?;
                let key = (step.board, step.run, group.clone());
                Some(world.standings.get(&key)?.rank(place) + 1)
            };
            let previous = rank(self, &step.from);
            if let Some((group, place)) = &step.from {
                let key = (step.board, step.run, group.clone());
                let standings = self.standings.get_mut(&key).unwrap();
                assert!(standings.remove(place), "whoever moves stood there");
            }
            if let Some((group, place)) = &step.to {
                let key = (step.board, step.run, group.clone());
                assert!(self.standings.entry(key).or_default().insert(*place));
            }
            if change.is_some() {
                ranks.insert(step.board, (previous, rank(self, &step.to)));
            }
        }
        self.ranks = ranks;
    }

    pub(crate) fn record(
        user: Patch,
        metric: &str,
        value: &str,
        attributes: &[(&str, &str)],
    ) -> RecordEvent {
        RecordEvent {
            metric: metric.to_owned(),
            value: amount(value),
            attributes: attributes
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            user,
            idempotency_key: None,
        }
    }

    /// Sends an event and returns the answer, refusals included.
    pub(crate) fn try_event(
        &mut self,
        user: &str,
        event: RecordEvent,
    ) -> Result<EventReply, Refusal> {
        match self.send(user, &Command::RecordEvent(event)).reply {
            Reply::Event(reply) => Ok(*reply),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    /// An event that says nothing of the user.
    pub(crate) fn event(&mut self, user: &str, metric: &str, value: &str) -> EventReply {
        self.try_event(user, Self::record(Patch::default(), metric, value, &[]))
            .unwrap()
    }

    /// An event with attributes.
    pub(crate) fn event_with(
        &mut self,
        user: &str,
        metric: &str,
        value: &str,
        attributes: &[(&str, &str)],
    ) -> EventReply {
        self.try_event(
            user,
            Self::record(Patch::default(), metric, value, attributes),
        )
        .unwrap()
    }

    /// An event that says something of the user.
    pub(crate) fn event_of(
        &mut self,
        user: &str,
        patch: Patch,
        metric: &str,
        value: &str,
    ) -> EventReply {
        self.try_event(user, Self::record(patch, metric, value, &[]))
            .unwrap()
    }

    pub(crate) fn try_save(&mut self, user: &str, patch: Patch) -> Result<User, Refusal> {
        let command = Command::SaveUser(SaveUser {
            user: patch,
            may_create: true,
            must_be_new: None,
        });
        match self.send(user, &command).reply {
            Reply::User(user) => Ok(*user),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn save(&mut self, user: &str, patch: Patch) -> User {
        self.try_save(user, patch).unwrap()
    }

    pub(crate) fn try_complete(
        &mut self,
        user: &str,
        key: &str,
        patch: Patch,
    ) -> Result<CompletionReply, Refusal> {
        let command = Command::CompleteAchievement(CompleteAchievement {
            key: key.to_owned(),
            user: patch,
        });
        match self.send(user, &command).reply {
            Reply::Completion(reply) => Ok(reply),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn settle(&mut self, user: &str) {
        assert_eq!(self.send(user, &Command::Settle).reply, Reply::Done);
    }

    pub(crate) fn backdate(&mut self, user: &str, achievement: AchievementId) {
        assert_eq!(
            self.send(user, &Command::Backdate { achievement }).reply,
            Reply::Done
        );
    }

    /// All rows as if they had been saved and loaded again.
    pub(crate) fn reload(&mut self, user: &str) {
        let Some(state) = self.users.get_mut(user) else {
            return;
        };
        let old = state.clone();
        state.user = Row::stored(old.user.get().clone());
        state.totals = old
            .totals
            .iter()
            .map(|(k, v)| (*k, Row::stored(*v.get())))
            .collect();
        state.days = old
            .days
            .iter()
            .map(|(k, v)| (*k, Row::stored(*v.get())))
            .collect();
        state.counters = old
            .counters
            .iter()
            .map(|(k, v)| (*k, Row::stored(*v.get())))
            .collect();
        state.streak = old
            .streak
            .as_ref()
            .map(|row| Row::stored(row.get().clone()));
        state.balances = old
            .balances
            .iter()
            .map(|(k, v)| (*k, Row::stored(*v.get())))
            .collect();
        state.boards = old
            .boards
            .iter()
            .map(|(k, v)| (*k, Row::stored(v.get().clone())))
            .collect();
        for row in state.tags.values_mut() {
            row.saved();
        }
        for row in state.purses.values_mut() {
            row.saved();
        }
        for row in state.pending.values_mut() {
            row.saved();
        }
        for row in state.missions.values_mut() {
            row.saved();
        }
        for row in state.evaluations.values_mut() {
            row.saved();
        }
    }

    // What tests look at.

    pub(crate) fn state(&self, user: &str) -> &UserState {
        &self.users[user]
    }

    /// Length and freezes, as stored.
    pub(crate) fn streak_of(&self, user: &str) -> (i64, i64) {
        let row = self.state(user).streak.as_ref();
        row.map_or((0, 0), |row| (row.get().length, row.get().freezes))
    }

    pub(crate) fn balance(&self, user: &str, system: CurrencyId) -> i64 {
        self.state(user).balance(system)
    }

    pub(crate) fn holds(&self, user: &str, achievement: AchievementId) -> bool {
        self.state(user).completions.contains_key(&achievement)
    }

    /// The user's value in a run, zero if there is none.
    pub(crate) fn value(&self, user: &str, board: BoardId, run: i64) -> i64 {
        self.state(user)
            .boards
            .get(&(board, run))
            .map_or(0, |row| row.get().value)
    }

    /// The user's group and rank, counted from 1.
    pub(crate) fn place(&self, user: &str, board: BoardId, run: i64) -> Option<(Group, usize)> {
        let state = self.state(user);
        let (group, place) = state
            .boards
            .get(&(board, run))?
            .get()
            .place(state.user.get().id)?;
        let standings = &self.standings[&(board, run, group.clone())];
        Some((group.clone(), standings.rank(&place) + 1))
    }

    /// Asserts that rows, logs and standings agree.
    pub(crate) fn check(&self) {
        let mut placed: BTreeMap<_, BTreeSet<(i64, i64, i64)>> = BTreeMap::new();
        for (name, state) in &self.users {
            let mine: Vec<_> = self
                .events
                .iter()
                .filter(|(who, _)| who == name)
                .map(|(_, e)| e)
                .collect();
            for (metric, row) in &state.totals {
                let of_metric = || mine.iter().filter(|event| event.metric == *metric);
                let sum: i64 = of_metric().map(|event| event.value.millionths()).sum();
                assert_eq!(row.get().total.millionths(), sum, "total of {name}");
                let count = i64::try_from(of_metric().count()).unwrap();
                assert_eq!(row.get().events, count, "events of {name}");
                assert!(row.get().peak >= row.get().total.max(Amount::ZERO));
            }
            let mut days: BTreeMap<(MetricId, Date), (i64, i64)> = BTreeMap::new();
            for event in &mine {
                let day = days.entry((event.metric, event.date)).or_default();
                day.0 += event.value.millionths();
                day.1 += 1;
            }
            let kept: BTreeMap<_, _> = state
                .days
                .iter()
                .map(|(key, row)| (*key, (row.get().sum.millionths(), row.get().events)))
                .collect();
            assert_eq!(kept, days, "days of {name}");
            let mut balances: BTreeMap<CurrencyId, i64> = BTreeMap::new();
            let points = self
                .ledger
                .iter()
                .filter(|(who, entry)| who == name && entry.transaction.is_none());
            for (_, entry) in points {
                let balance = balances.entry(entry.system).or_default();
                *balance += entry.amount;
                assert_eq!(entry.balance, *balance, "running balance of {name}");
                assert!(*balance >= 0 && entry.amount != 0);
            }
            let kept: BTreeMap<_, _> = state
                .balances
                .iter()
                .map(|(key, row)| (*key, *row.get()))
                .collect();
            assert_eq!(kept, balances, "balances of {name}");
            for ((board, run), row) in &state.boards {
                if let Some((group, place)) = row.get().place(state.user.get().id) {
                    placed
                        .entry((*board, *run, group.clone()))
                        .or_default()
                        .insert((-place.value, place.reached, place.user));
                }
            }
        }
        for (key, standings) in &self.standings {
            standings.check();
            let ranked: Vec<_> = standings
                .range(0, usize::MAX)
                .map(|place| (-place.value, place.reached, place.user))
                .collect();
            let sorted: Vec<_> = placed.remove(key).unwrap_or_default().into_iter().collect();
            assert_eq!(ranked, sorted, "standings {key:?}");
        }
        assert!(placed.is_empty(), "places without standings: {placed:?}");
        self.check_second();
    }
}

/// The change of a system in an answer.
pub(crate) fn points_of(changes: &[PointsChange], system: CurrencyId) -> Option<&PointsChange> {
    changes.iter().find(|change| change.system == system)
}

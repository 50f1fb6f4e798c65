//! A space in memory: what the rules say, kept row by row, without a database.
//!
//! Commands are given the rows that they may ask a store for, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::amount::Amount;
use engine::apply::{MissingCounter, apply, missing_counters, needs_recount};
use engine::calendar::Zone;
use engine::catalog::Catalog;
use engine::command::Command;
use engine::definition::all_match;
use engine::id::{BoardId, Ids, MetricId, UserId};
use engine::leaderboard;
use engine::outcome::{LedgerEntry, LoggedEvent, Outcome};
use engine::state::{Company, Counter, Row, StreakPeriod, UserState};
use engine::user::{Patch, User};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::dump::{Dump, line};
use crate::world::notice_ids;

/// A space.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) users: BTreeMap<String, UserState>,
    pub(crate) events: Vec<(String, LoggedEvent)>,
    ledger: Vec<(String, LedgerEntry)>,
    periods: BTreeMap<(String, &'static str, Date), StreakPeriod>,
    notices: Vec<String>,
}

impl Model {
    /// Carries out a command and keeps what comes of it.
    pub(crate) fn carry_out(
        &mut self,
        external_id: &str,
        command: &Command,
        now: Timestamp,
        seed: u64,
    ) -> Outcome {
        let mut state = if let Some(stored) = self.users.get(external_id) {
            self.loaded(external_id, stored, command, now)
        } else {
            let id = UserId(i64::try_from(self.users.len()).unwrap());
            UserState::of(User::new(id, external_id.to_owned(), now), true)
        };
        let outcome = apply(
            &self.catalog,
            &mut state,
            &mut Company::default(),
            command,
            now,
            &mut Ids::seeded(seed),
        );
        if state.is_new {
            return outcome;
        }
        self.keep(external_id, state, &outcome);
        let mut ids = notice_ids(seed);
        for notice in &outcome.notices {
            let body = serde_json::to_value(notice).unwrap().to_string();
            let us = now.as_microsecond();
            self.notices
                .push(line!(external_id, ids.uuid(now), notice.kind(), body, us));
        }
        outcome
    }

    /// The rows that a store has to load for a command.
    fn loaded(
        &self,
        external_id: &str,
        stored: &UserState,
        command: &Command,
        now: Timestamp,
    ) -> UserState {
        let keep = Patch::default();
        let (metric, patch) = match command {
            Command::RecordEvent(event) => {
                let metric = self.catalog.metric_by_key(&event.metric);
                (metric.map(|metric| MetricId(metric.id)), &event.user)
            }
            Command::SaveUser(save) => (None, &save.user),
            Command::CompleteAchievement(complete) => (None, &complete.user),
            _ => (None, &keep),
        };
        let is_wide = matches!(command, Command::Backdate { .. }) || !patch.attributes.is_empty();
        let mut metrics = vec![metric];
        if is_wide {
            metrics.extend(
                self.catalog
                    .metrics()
                    .map(|metric| Some(MetricId(metric.id))),
            );
        }
        let mut user = stored.user.get().clone();
        engine::user::apply(&mut user, patch, now);
        let needed: BTreeSet<(BoardId, i64)> = metrics
            .iter()
            .flat_map(|metric| leaderboard::needed(&self.catalog, &user, *metric, now))
            .collect();
        let mut state = stored.clone();
        state.boards.retain(|key, _| needed.contains(key));
        state.past.clear();
        if needs_recount(&self.catalog, stored) {
            let frequency = self.catalog.streak.frequency.name();
            let own = self
                .periods
                .iter()
                .filter(|((who, of, _), _)| who == external_id && *of == frequency);
            state
                .past
                .extend(own.map(|((.., start), lived)| (*start, *lived)));
        }
        if !needs_recount(&self.catalog, stored) {
            let earliest = Zone::utc().date(now - SignedDuration::from_hours(36));
            let from = self.catalog.streak.frequency.period(earliest).start;
            state.days.retain(|(_, date), _| *date >= from);
        }
        let missing = if is_wide {
            missing_counters(&self.catalog, stored, None)
        } else if metric.is_some() {
            missing_counters(&self.catalog, stored, metric)
        } else {
            Vec::new()
        };
        for counter in missing {
            let sum = self.logged(external_id, &counter);
            state
                .counters
                .insert(counter.id, Row::fresh(counter.counter(sum)));
        }
        state
    }

    fn logged(&self, external_id: &str, counter: &MissingCounter<'_>) -> Amount {
        let events = self.events.iter().filter(|(who, event)| {
            who == external_id
                && event.metric == counter.metric
                && all_match(counter.filters, &event.attributes)
        });
        events.fold(Amount::ZERO, |sum, (_, event)| {
            sum.checked_add(event.value).unwrap()
        })
    }

    /// A user's counters as they count. Which of those that the log can tell are stored depends on
    /// the company in which the commands came: they are added here, and replace those of rules
    /// that have changed since.
    pub(crate) fn counting(
        &self,
        external_id: &str,
        stored: &BTreeMap<Uuid, Row<Counter>>,
    ) -> BTreeMap<Uuid, Counter> {
        let state = UserState {
            counters: stored.clone(),
            ..self.users[external_id].clone()
        };
        let mut counting: BTreeMap<Uuid, Counter> =
            stored.iter().map(|(id, row)| (*id, *row.get())).collect();
        for missing in missing_counters(&self.catalog, &state, None) {
            counting.insert(
                missing.id,
                missing.counter(self.logged(external_id, &missing)),
            );
        }
        counting
    }

    /// Keeps the rows that changed.
    fn keep(&mut self, external_id: &str, state: UserState, outcome: &Outcome) {
        fn merge<K: Ord, V: Clone>(into: &mut BTreeMap<K, Row<V>>, from: BTreeMap<K, Row<V>>) {
            for (key, row) in from {
                if row.is_changed() {
                    into.insert(key, Row::stored(row.get().clone()));
                }
            }
        }
        let kept = self
            .users
            .entry(external_id.to_owned())
            .or_insert_with(|| UserState::of(state.user.get().clone(), false));
        if state.user.is_changed() {
            kept.user = Row::stored(state.user.get().clone());
        }
        merge(&mut kept.totals, state.totals);
        merge(&mut kept.days, state.days);
        merge(&mut kept.counters, state.counters);
        merge(&mut kept.balances, state.balances);
        merge(&mut kept.boards, state.boards);
        if let Some(row) = state.streak.filter(Row::is_changed) {
            kept.streak = Some(Row::stored(row.get().clone()));
        }
        let appended = &outcome.appended;
        for (achievement, completion) in &appended.completions {
            let earlier = kept.completions.insert(*achievement, *completion);
            assert_eq!(earlier, None, "an achievement completes once");
        }
        if let Some(event) = &appended.event {
            if let Some(key) = &event.idempotency_key {
                let earlier = kept.seen.insert((event.metric, key.clone()), event.id);
                assert_eq!(earlier, None, "an event is recorded once");
            }
            self.events.push((external_id.to_owned(), event.clone()));
        }
        let mine = |entry: &LedgerEntry| (external_id.to_owned(), entry.clone());
        self.ledger.extend(appended.ledger.iter().map(mine));
        for period in &appended.periods {
            let key = (
                external_id.to_owned(),
                period.frequency.name(),
                period.start,
            );
            self.periods.insert(key, *period);
        }
    }

    /// All rows, as [`crate::dump::dump`] would find them, but for counters: see [`Self::counting`].
    pub(crate) fn dump(&self) -> Dump {
        let mut dump = Dump::default();
        let us = |at: Timestamp| at.as_microsecond();
        let text = |date: Option<Date>| date.map(|date| date.to_string());
        let json = |value: serde_json::Value| value.to_string();
        let states = || self.users.iter();
        dump.add(
            "end_user",
            states().map(|(name, state)| {
                let user = state.user.get();
                assert_eq!(*name, user.external_id);
                line!(
                    name,
                    user.email,
                    user.name,
                    user.tz,
                    user.device_tokens
                        .as_ref()
                        .map(|tokens| json(serde_json::json!(tokens))),
                    user.is_subscribed,
                    json(serde_json::json!(user.attributes)),
                    text(user.sign_up_date),
                    user.is_control,
                    us(user.created),
                    us(user.updated),
                )
            }),
        );
        for (name, state) in states() {
            dump.add(
                "metric_total",
                state.totals.iter().map(|(metric, row)| {
                    let total = row.get();
                    line!(
                        name,
                        metric.0,
                        total.total.millionths(),
                        total.peak.millionths(),
                        total.events,
                        us(total.first),
                        us(total.last),
                    )
                }),
            );
            dump.add(
                "metric_day",
                state.days.iter().map(|((metric, date), row)| {
                    let day = row.get();
                    line!(
                        name,
                        metric.0,
                        date.to_string(),
                        day.sum.millionths(),
                        day.events
                    )
                }),
            );
            dump.add(
                "streak",
                state.streak.iter().map(|row| {
                    let streak = row.get();
                    line!(
                        name,
                        streak.frequency.name(),
                        streak.length,
                        text(streak.started),
                        text(streak.met),
                        streak.extended.map(us),
                        streak.freezes,
                        streak.earned_to.to_string(),
                        streak.open_from.to_string(),
                        streak.zone,
                        streak.settle_at.map(us),
                        text(streak.paused_to),
                        text(streak.corrected_on),
                    )
                }),
            );
            dump.add(
                "completion",
                state
                    .completions
                    .iter()
                    .map(|(id, completion)| line!(name, id.0, completion.id.0, us(completion.at))),
            );
            dump.add(
                "balance",
                state
                    .balances
                    .iter()
                    .map(|(system, row)| line!(name, system.0, row.get())),
            );
            dump.add(
                "board_entry",
                state.boards.iter().map(|((board, run), row)| {
                    let value = row.get();
                    let group = value
                        .group
                        .as_ref()
                        .map(|group| json(serde_json::json!(group)));
                    line!(name, board.0, run, value.value, us(value.reached), group)
                }),
            );
            dump.add(
                "idempotency",
                state.seen.iter().map(|((metric, key), event)| {
                    let print = Sha256::digest(key.as_bytes())[..16].to_vec();
                    line!(name, metric.0, print, event.0)
                }),
            );
        }
        dump.add(
            "event",
            self.events.iter().map(|(name, event)| {
                let attributes = (!event.attributes.is_empty())
                    .then(|| json(serde_json::json!(event.attributes)));
                line!(
                    name,
                    event.id.0,
                    event.metric.0,
                    event.value.millionths(),
                    us(event.at),
                    event.date.to_string(),
                    event.second_of_day,
                    attributes,
                )
            }),
        );
        dump.add(
            "ledger_entry",
            self.ledger.iter().map(|(name, entry)| {
                line!(
                    name,
                    entry.system.0,
                    entry.id.0,
                    entry.amount,
                    entry.balance,
                    us(entry.at),
                    entry.date.to_string(),
                    entry.trigger.unwrap().0,
                    entry.event.map(|event| event.0),
                )
            }),
        );
        dump.add(
            "streak_period",
            self.periods
                .iter()
                .map(|((name, frequency, start), period)| {
                    line!(
                        name,
                        frequency,
                        start.to_string(),
                        period.length,
                        period.mark.name()
                    )
                }),
        );
        dump.add("outbox", self.notices.iter().cloned());
        dump
    }
}

//! Which rows the commands of a batch may read or write: a pure function of the commands and the catalog.
//!
//! Knows no SQL.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::calendar::{Frequency, Zone};
use engine::catalog::Catalog;
use engine::command::{Command, TagAction};
use engine::id::{BoardId, MetricId, MissionRuleId, TagId, UserId};
use engine::leaderboard;
use engine::user::{Change, Patch, User};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::{Catalogs, Item, WorkingSet};
use crate::access::Space;

/// The rows of one user that commands need.
pub(super) struct Want {
    pub(super) space: Space,
    pub(super) user: UserId,
    pub(super) catalog: Arc<Catalog>,
    pub(super) days_from: Date,
    /// When the last of the commands came.
    pub(super) until: Timestamp,
    pub(super) boards: BTreeSet<(BoardId, i64)>,
    pub(super) metrics: BTreeSet<MetricId>,
    pub(super) all_metrics: bool,
    /// Idempotency keys of events.
    pub(super) keys: Vec<(MetricId, String)>,
    /// Payments for missions of groups, which are noted as if a rule had been evaluated.
    pub(super) payments: Vec<MissionRuleId>,
}

/// By the index of the user in the working set.
pub(super) type Wants = BTreeMap<usize, Want>;

/// What is needed of the users whom commands are about, and then of those whom they only name, of
/// whom only purses and schedule matter. Of users who do not exist there is nothing to load.
pub(super) fn of(set: &WorkingSet, catalogs: Catalogs<'_>, items: &[Item<'_>]) -> (Wants, Wants) {
    let mut wants = Wants::new();
    let mut named = Wants::new();
    for item in items {
        let Some(catalog) = catalogs(item.space) else {
            continue;
        };
        if let Some(index) = stored(set, item.space, item.user) {
            let user = set.members[index].state.user.get();
            let want = wants
                .entry(index)
                .or_insert_with(|| Want::of(item, user.id, catalog.clone()));
            want.add(item, user);
        }
        for other in item.command.others() {
            if let Some(index) = stored(set, item.space, other) {
                let user = set.members[index].state.user.get().id;
                named
                    .entry(index)
                    .or_insert_with(|| Want::of(item, user, catalog.clone()));
            }
        }
    }
    named.retain(|index, _| !wants.contains_key(index));
    (wants, named)
}

/// Adds the boards that points for passed time will move; how much time has passed for whom is in the
/// counters.
pub(super) fn add_passed_time(set: &WorkingSet, wants: &mut Wants) {
    for (index, want) in wants {
        let state = &set.members[*index].state;
        let boards = leaderboard::needed_by_time(&want.catalog, state, want.until);
        want.boards.extend(boards);
    }
}

fn stored(set: &WorkingSet, space: Space, user: &str) -> Option<usize> {
    set.index(space, user)
        .filter(|index| !set.members[*index].was_new)
}

impl Want {
    fn of(item: &Item<'_>, user: UserId, catalog: Arc<Catalog>) -> Self {
        Self {
            space: item.space,
            user,
            days_from: first_day(catalog.streak.frequency, item.now),
            until: item.now,
            catalog,
            boards: BTreeSet::new(),
            metrics: BTreeSet::new(),
            all_metrics: false,
            keys: Vec::new(),
            payments: Vec::new(),
        }
    }

    fn add(&mut self, item: &Item<'_>, user: &User) {
        self.until = self.until.max(item.now);
        // Commands of one user need not be of one instant: an event may have arrived long ago.
        let first_day = first_day(self.catalog.streak.frequency, item.now);
        self.days_from = self.days_from.min(first_day);
        let metric = match item.command {
            Command::RecordEvent(event) => self
                .catalog
                .metric_by_key(&event.metric)
                .map(|metric| MetricId(metric.id)),
            Command::LogActivity(log) => self
                .catalog
                .book
                .activity(&log.activity)
                .and_then(|activity| activity.metric),
            _ => None,
        };
        if let Some(metric) = metric {
            self.metrics.insert(metric);
            if let Command::RecordEvent(event) = item.command
                && let Some(key) = &event.idempotency_key
            {
                self.keys.push((metric, key.clone()));
            }
        }
        if let Command::CompleteGroupMission(mission) = item.command {
            self.payments.push(MissionRuleId(mission.id.0));
        }
        // Attributes and the sign-up date may decide anything anew.
        let decides_anew = match patch(item.command) {
            Some(patch) => !patch.attributes.is_empty() || patch.sign_up_date != Change::Keep,
            None => matches!(item.command, Command::Backdate { .. }),
        };
        self.all_metrics |= decides_anew;
        let user = dated(user, item.command);
        let catalog = &self.catalog;
        self.boards
            .extend(leaderboard::needed(catalog, &user, metric, item.now));
        if decides_anew {
            for metric in catalog.metrics() {
                let metric = Some(MetricId(metric.id));
                self.boards
                    .extend(leaderboard::needed(catalog, &user, metric, item.now));
            }
        }
    }
}

/// The first date of the period that is open anywhere on earth.
fn first_day(frequency: Frequency, now: Timestamp) -> Date {
    let earliest = now
        .checked_sub(SignedDuration::from_hours(36))
        .unwrap_or(now);
    frequency.period(Zone::utc().date(earliest)).start
}

/// What a command says of its user.
fn patch(command: &Command) -> Option<&Patch> {
    match command {
        Command::RecordEvent(event) => Some(&event.user),
        Command::SaveUser(save) => Some(&save.user),
        Command::CompleteAchievement(complete) => Some(&complete.user),
        Command::Settle
        | Command::LogActivity(_)
        | Command::AssignMissions
        | Command::StartMission(_)
        | Command::CompleteGroupMission(_)
        | Command::TagUser(_)
        | Command::Transact(_)
        | Command::Redeem { .. }
        | Command::ChangePreferences(_)
        | Command::GrantFreezes { .. }
        | Command::PauseStreak { .. }
        | Command::ArchivePause { .. }
        | Command::RestoreStreak
        | Command::ResetStreak
        | Command::Backdate { .. } => None,
    }
}

/// The user as far as dates are concerned once the command is applied.
fn dated<'a>(user: &'a User, command: &Command) -> Cow<'a, User> {
    match patch(command) {
        Some(patch) if patch.tz != Change::Keep || patch.sign_up_date != Change::Keep => {
            let mut user = user.clone();
            let updated = user.updated;
            engine::user::apply(&mut user, patch, updated);
            Cow::Owned(user)
        }
        _ => Cow::Borrowed(user),
    }
}

/// The tags that a command puts on its user.
pub(super) fn assigned(command: &Command) -> impl Iterator<Item = TagId> {
    let tags = match command {
        Command::TagUser(tags) if tags.action != TagAction::Remove => tags.tags.as_slice(),
        _ => &[],
    };
    tags.iter().map(|(tag, _)| *tag)
}

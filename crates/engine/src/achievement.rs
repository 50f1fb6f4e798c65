//! Completing achievements (spec/trophy.md 4).

use jiff::Timestamp;
use jiff::civil::Date;

use crate::apply::Turn;
use crate::calendar::{Zone, years_after};
use crate::catalog::{AchievementEntry, Catalog};
use crate::definition::{AchievementTrigger, all_match};
use crate::id::{AchievementId, CompletionId, MetricId};
use crate::outcome::Notice;
use crate::reminder;
use crate::state::{Completion, UserState};
use crate::user::User;

/// Which achievements a command may have completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those of one metric, and those of the streak if it grew.
    Event { metric: MetricId, is_extended: bool },
    /// All of them: the user's attributes decide otherwise now (AMB-65).
    All,
    /// One, because its definition changed.
    One(AchievementId),
    /// None but those that follow from others.
    Composites,
}

/// Completes whatever is met now, and what follows from it, until nothing new completes.
pub(crate) fn evaluate(turn: &mut Turn<'_>, scope: Scope) {
    let catalog = turn.catalog;
    let due: Vec<AchievementId> = match scope {
        Scope::Event {
            metric,
            is_extended,
        } => catalog
            .achievements_of_metric(metric)
            .chain(catalog.achievements().filter(|entry| {
                is_extended && matches!(entry.body().trigger, AchievementTrigger::Streak { .. })
            }))
            .filter(|entry| is_due(turn.state, entry, turn.now))
            .map(AchievementEntry::id)
            .collect(),
        Scope::All => catalog
            .achievements()
            .filter(|entry| is_due(turn.state, entry, turn.now))
            .map(AchievementEntry::id)
            .collect(),
        Scope::One(id) => catalog
            .achievement(id)
            .into_iter()
            .filter(|entry| is_due(turn.state, entry, turn.now))
            .map(AchievementEntry::id)
            .collect(),
        Scope::Composites => Vec::new(),
    };
    for id in due {
        complete(turn, id, turn.now);
    }
    cascade(turn, turn.now);
}

/// Completes composites whose last prerequisite is complete.
fn cascade(turn: &mut Turn<'_>, at: Timestamp) {
    loop {
        let next = turn.catalog.achievements().find(|entry| {
            matches!(entry.body().trigger, AchievementTrigger::Composite { .. })
                && is_due(turn.state, entry, turn.now)
        });
        match next.map(AchievementEntry::id) {
            Some(id) => {
                complete(turn, id, at);
            }
            None => return,
        }
    }
}

/// Completes one achievement; the caller has checked that it can be.
pub(crate) fn complete(
    turn: &mut Turn<'_>,
    achievement: AchievementId,
    at: Timestamp,
) -> Completion {
    let completion = Completion {
        id: CompletionId(turn.ids.uuid(turn.now)),
        at,
    };
    turn.state.completions.insert(achievement, completion);
    turn.appended.completions.push((achievement, completion));
    if !turn.is_silent {
        turn.notices.push(Notice::AchievementCompleted {
            achievement,
            completion: completion.id,
        });
    }
    reminder::completed(turn, achievement, at);
    completion
}

/// Whether a user could complete an achievement and has not: active, and the filters match.
fn is_open(state: &UserState, entry: &AchievementEntry) -> bool {
    entry.is_active()
        && !state.completions.contains_key(&entry.id())
        && all_match(&entry.user_filters, &state.user.get().attributes)
}

fn is_due(state: &UserState, entry: &AchievementEntry, now: Timestamp) -> bool {
    is_open(state, entry)
        && match &entry.body().trigger {
            AchievementTrigger::Metric { metric, value, .. } => {
                state.totals.contains_key(metric)
                    && if entry.event_filters.is_empty() {
                        state.total(*metric) >= *value
                    } else {
                        state.counters.get(&entry.stored.id).is_some_and(|row| {
                            row.get().since == entry.body().rule_since && row.get().sum >= *value
                        })
                    }
            }
            AchievementTrigger::Streak { length } => state
                .streak
                .as_ref()
                .is_some_and(|row| row.get().length >= *length),
            AchievementTrigger::Api => false,
            AchievementTrigger::Composite { achievements } => achievements
                .iter()
                .all(|id| state.completions.contains_key(id)),
            AchievementTrigger::Anniversary { years } => {
                let user = state.user.get();
                anniversary(user, *years).is_some_and(|date| date <= user.zone().date(now))
            }
        }
}

/// The date on which so many years have passed since the user signed up (spec/trophy.md 15.2).
fn anniversary(user: &User, years: i64) -> Option<Date> {
    years_after(user.sign_up_date?, years)
}

/// Completes the anniversaries that fell due, each at the midnight it fell due at.
pub(crate) fn settle_anniversaries(turn: &mut Turn<'_>) {
    let catalog = turn.catalog;
    let user = turn.state.user.get();
    let zone = user.zone();
    let mut due: Vec<(Timestamp, AchievementId)> = Vec::new();
    for entry in catalog.achievements() {
        if let AchievementTrigger::Anniversary { years } = entry.body().trigger
            && is_due(turn.state, entry, turn.now)
            && let Some(date) = anniversary(user, years)
        {
            let midnight = zone.start_of(date);
            // What was due before the achievement was open is left to back-dating, which tells nobody.
            if midnight >= entry.body().rule_since {
                // Nobody completes before the date was known.
                due.push((midnight.max(user.updated).min(turn.now), entry.id()));
            }
        }
    }
    due.sort_unstable();
    for (at, id) in due {
        complete(turn, id, at);
        cascade(turn, at);
    }
}

/// The next midnight at which an anniversary falls due.
pub(crate) fn next_anniversary(
    catalog: &Catalog,
    state: &UserState,
    zone: &Zone,
    now: Timestamp,
) -> Option<Timestamp> {
    let user = state.user.get();
    user.sign_up_date?;
    catalog
        .achievements()
        .filter(|entry| is_open(state, entry))
        .filter_map(|entry| match entry.body().trigger {
            AchievementTrigger::Anniversary { years } => anniversary(user, years),
            _ => None,
        })
        .map(|date| zone.start_of(date))
        .filter(|at| *at > now)
        .min()
}

/// The dates of anniversaries that have passed: awards for them may be dated so.
pub fn passed_anniversaries<'a>(
    catalog: &'a Catalog,
    user: &'a User,
    today: Date,
) -> impl Iterator<Item = Date> + 'a {
    catalog
        .achievements()
        .filter(|entry| entry.is_active())
        .filter_map(|entry| match entry.body().trigger {
            AchievementTrigger::Anniversary { years } => anniversary(user, years),
            _ => None,
        })
        .filter(move |date| *date <= today)
}

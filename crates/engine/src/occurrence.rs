//! What happened to a user, as missions and rewards see it (spec/aworld.md 4.1), and the order in which they look.
//!
//! Missions count first, then EVENT rules assign missions, then rewards pay: what assigns a mission does not count for it. A completed mission is an
//! occurrence of its own.

use serde_json::{Map, Value, json};

use crate::amount::Amount;
use crate::apply::Turn;
use crate::command::{LogActivity, Refusal, TagAction, TagUser};
use crate::id::{EventId, MetricId, TagId};
use crate::leaderboard;
use crate::outcome::{ActivityLog, ActivityOutcome, Reply};
use crate::rule::Evaluated;
use crate::rulebook::{ActivityEntry, Entity, Rulebook};
use crate::state::{Row, UserState, UserTag};
use crate::{command, mission, reward};

/// The most members of an object and items of an array that expressions get to see.
pub(crate) const SEEN_MAX: usize = 256;
/// The most failed expressions that one command reports.
const FAILURES_MAX: usize = 16;

/// Something that happened to the user of a command.
#[derive(Clone, Debug)]
pub(crate) struct Occurrence {
    /// What kind of thing.
    pub(crate) entity: Entity,
    /// The ids it goes by.
    pub(crate) ids: Vec<String>,
    /// The tags it carries.
    pub(crate) tags: Vec<TagId>,
    /// What expressions read of it.
    pub(crate) data: Value,
}

/// A quantity as expressions and people read it: whole numbers without a fraction.
pub(crate) fn number(amount: Amount) -> Value {
    let units = Amount::from_units(amount.steps(1));
    if units == amount {
        json!(amount.steps(1))
    } else {
        json!(amount.to_f64())
    }
}

/// What expressions read of a user.
pub(crate) fn user_view(book: &Rulebook, state: &UserState) -> Value {
    let user = state.user.get();
    let tags: Vec<&str> = state
        .tags()
        .filter_map(|tag| book.tag_name(tag))
        .take(SEEN_MAX)
        .collect();
    let attributes: Map<String, Value> = user
        .attributes
        .iter()
        .take(SEEN_MAX)
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    json!({
        "userId": user.id.0.to_string(),
        "externalId": user.own_id(),
        "nickname": user.name,
        "lang": user.lang,
        "timezone": user.tz,
        "tags": tags,
        "attributes": attributes,
        "createdAt": iso(user.created),
    })
}

/// An instant as expressions read it.
pub(crate) fn iso(at: jiff::Timestamp) -> String {
    format!("{at:.3}")
}

/// The value of an expression; why it failed is kept for the log.
pub(crate) fn noted<T>(
    failures: &mut Vec<String>,
    what: impl FnOnce() -> String,
    evaluated: Evaluated<T>,
) -> T {
    if let Some(failure) = evaluated.failure
        && failures.len() < FAILURES_MAX
    {
        failures.push(format!("{}: {failure}", what()));
    }
    evaluated.value
}

impl Turn<'_> {
    /// Notes something for missions and rewards to look at, if there can be any.
    pub(crate) fn happened(&mut self, occurrence: Occurrence) {
        if !self.catalog.book.is_empty() && !self.is_silent {
            self.occurrences.push_back(occurrence);
        }
    }

    /// Lets missions and rewards look at what happened, and at what comes of it, until nothing is left.
    pub(crate) fn follow_occurrences(&mut self) {
        if self.occurrences.is_empty() {
            return;
        }
        while let Some(occurrence) = self.occurrences.pop_front() {
            mission::progress(self, &occurrence);
            mission::assign_on(self, &occurrence);
            reward::pay(self, &occurrence);
        }
        self.schedule();
    }

    /// The user was made.
    pub(crate) fn user_was_made(&mut self) {
        if self.catalog.book.is_empty() {
            return;
        }
        let data = user_view(&self.catalog.book, self.state);
        self.happened(Occurrence {
            entity: Entity::User,
            ids: vec![self.state.user.get().id.0.to_string()],
            tags: Vec::new(),
            data,
        });
    }

    /// An event of a metric is a log of the activities that name the metric.
    pub(crate) fn tell_activities(
        &mut self,
        metric: MetricId,
        event: EventId,
        value: Amount,
        attributes: &std::collections::BTreeMap<String, String>,
        except: Option<&ActivityEntry>,
    ) {
        let catalog = self.catalog;
        for activity in catalog.book.activities_of_metric(metric) {
            if except.is_some_and(|except| except.stored.id == activity.stored.id) {
                continue;
            }
            let additional: Map<String, Value> = attributes
                .iter()
                .take(SEEN_MAX)
                .map(|(key, value)| (key.clone(), json!(value)))
                .collect();
            let data = json!({
                "activityLogId": event.to_string(),
                "activityId": activity.stored.body.id,
                "userId": self.state.user.get().id.0.to_string(),
                "outcome": ActivityOutcome::Success.name(),
                "value": number(value),
                "tags": [],
                "additionalData": additional,
                "completedAt": iso(self.now),
            });
            self.happened(Occurrence {
                entity: Entity::Activity,
                ids: vec![activity.stored.body.id.clone()],
                tags: activity.tags.clone(),
                data,
            });
        }
    }

    /// Logs an activity (spec/aworld.md 4.8).
    pub(crate) fn log_activity(&mut self, log: &LogActivity) -> Result<Reply, Refusal> {
        self.must_exist()?;
        let catalog = self.catalog;
        let activity = catalog
            .book
            .activity(&log.activity)
            .ok_or_else(|| Refusal::NotFound("activity", log.activity.clone()))?;
        if let Some(id) = &log.id
            && self.company.logged.contains(id)
        {
            return Err(Refusal::Conflict(format!(
                "an activity log with the id {id:?} exists"
            )));
        }
        let value = log.value.unwrap_or(Amount::from_units(1));
        let is_counted = log.outcome != Some(ActivityOutcome::Failure);
        let metric = activity.metric.filter(|_| is_counted);
        let metric = metric.and_then(|id| catalog.metric(id).filter(|metric| !metric.is_archived));
        if let Some(metric) = metric {
            let event = command::RecordEvent {
                metric: metric.body.key.clone(),
                value,
                attributes: std::collections::BTreeMap::new(),
                user: crate::user::Patch::default(),
                idempotency_key: None,
            };
            let recorded = self.record(&event)?;
            if let Some(event) = recorded.event {
                self.tell_activities(
                    MetricId(metric.id),
                    event,
                    value,
                    &std::collections::BTreeMap::new(),
                    Some(activity),
                );
            }
        } else {
            self.bring_up_to_date();
        }
        let id = log
            .id
            .clone()
            .unwrap_or_else(|| self.ids.uuid(self.now).to_string());
        self.company.logged.insert(id.clone());
        let log = ActivityLog {
            id,
            activity: activity.id(),
            outcome: log.outcome,
            value: log.value,
            tags: log.tags.clone(),
            additional_data: log.additional_data.clone(),
            completed: log.completed.unwrap_or(self.now),
            created: self.now,
        };
        let data = json!({
            "activityLogId": log.id,
            "activityId": activity.stored.body.id,
            "userId": self.state.user.get().id.0.to_string(),
            "outcome": log.outcome.map(ActivityOutcome::name),
            "value": number(value),
            "tags": log.tags.clone().unwrap_or_default(),
            "additionalData": log.additional_data.clone().unwrap_or_else(|| json!({})),
            "completedAt": iso(log.completed),
        });
        self.happened(Occurrence {
            entity: Entity::Activity,
            ids: vec![activity.stored.body.id.clone()],
            tags: activity.tags.clone(),
            data,
        });
        self.appended.activity = Some(log.clone());
        Ok(Reply::Activity(Box::new(log)))
    }

    /// Puts tags on the user, changes or takes them away: all or none (spec/aworld.md 2.9).
    pub(crate) fn tag_user(&mut self, command: &TagUser) -> Result<Reply, Refusal> {
        self.must_exist()?;
        let book = &self.catalog.book;
        for (tag, _) in &command.tags {
            let name = book
                .tag_name(*tag)
                .ok_or_else(|| Refusal::NotFound("tag", tag.to_string()))?;
            let is_there = self.state.tags().any(|carried| carried == *tag);
            match command.action {
                TagAction::AssignNew if is_there => {
                    return Err(Refusal::Conflict(format!(
                        "the user carries the tag {name:?} already"
                    )));
                }
                TagAction::Update | TagAction::Remove if !is_there => {
                    return Err(Refusal::NotFound("tag assignment", name.to_owned()));
                }
                _ => {}
            }
        }
        self.bring_up_to_date();
        let mut done = Vec::with_capacity(command.tags.len());
        for (tag, priority) in &command.tags {
            done.push((*tag, self.put_tag(*tag, *priority, command.action)));
        }
        self.schedule();
        Ok(Reply::Tags(done))
    }

    fn put_tag(&mut self, tag: TagId, priority: i64, action: TagAction) -> UserTag {
        let now = self.now;
        let before = self.state.tags.get(&tag).map(|row| *row.get());
        let is_new = before.is_none_or(|tag| tag.is_removed);
        let next = UserTag {
            priority: match before {
                Some(before) if action == TagAction::Remove => before.priority,
                _ => priority,
            },
            created: before.filter(|_| !is_new).map_or(now, |tag| tag.created),
            updated: now,
            is_removed: action == TagAction::Remove,
        };
        match self.state.tags.get_mut(&tag) {
            Some(row) => *row.edit() = next,
            None => {
                self.state.tags.insert(tag, Row::fresh(next));
            }
        }
        if is_new && action != TagAction::Remove {
            let name = self
                .catalog
                .book
                .tag_name(tag)
                .unwrap_or_default()
                .to_owned();
            let data = json!({
                "tagId": name,
                "userId": self.state.user.get().id.0.to_string(),
                "priority": priority,
            });
            self.happened(Occurrence {
                entity: Entity::Tag,
                ids: vec![name],
                tags: vec![tag],
                data,
            });
        }
        next
    }

    /// Refuses a user who was never seen: only the first dialect makes users by the way.
    pub(crate) fn must_exist(&self) -> Result<(), Refusal> {
        if self.state.is_new {
            let id = self.state.user.get().external_id.clone();
            return Err(Refusal::NotFound("user", id));
        }
        Ok(())
    }

    /// Lets everything happen that time has brought.
    pub(crate) fn bring_up_to_date(&mut self) {
        self.settle();
        leaderboard::follow(self, None, false);
        self.schedule();
    }
}

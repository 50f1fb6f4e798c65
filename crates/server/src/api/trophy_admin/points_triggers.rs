//! Triggers of a points system (spec/trophy.md 6.2, 13.10).

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::definition::{
    AttributeKind, PointsSystem, PointsTrigger, Stored, TickUnit, TriggerRule,
};
use engine::id::CurrencyId;
use jiff::Timestamp;
use wire::Patch;
use wire::trophy_admin as w;

use super::batch::{self, Fault, ItemResult, Shown};
use super::references;
use crate::app::{App, Configuration};
use crate::body::{RawBody, Segment, Segments};
use crate::door::AdminCaller;
use crate::problem::Result;
use crate::query::Query;

impl Shown for PointsTrigger {
    type Wire = w::AdminPointsTrigger;
    const NAME: &'static str = "Points trigger";

    fn shown(stored: &Stored<Self>, _: Timestamp) -> w::AdminPointsTrigger {
        let body = &stored.body;
        let mut shown = w::AdminPointsTrigger {
            id: stored.id.to_string(),
            kind: kind_of(&body.rule),
            points: body.points,
            status: if body.is_active {
                w::AdminTriggerStatus::Active
            } else {
                w::AdminTriggerStatus::Inactive
            },
            user_attributes: references::shown(&body.user_filters),
            metric_id: None,
            metric_threshold: None,
            event_attributes: None,
            achievement_id: None,
            streak_length: None,
            time_unit: None,
            time_interval: None,
            block_if_out_of_points: body.block_if_out_of_points,
        };
        match &body.rule {
            TriggerRule::Metric {
                metric,
                threshold,
                event_filters,
            } => {
                shown.metric_id = Some(metric.to_string());
                shown.metric_threshold = Some(*threshold);
                shown.event_attributes = Some(references::shown(event_filters));
            }
            TriggerRule::Streak { length } => shown.streak_length = Some(*length),
            TriggerRule::Achievement { achievement } => {
                shown.achievement_id = Some(achievement.to_string());
            }
            TriggerRule::Time { unit, interval } => {
                shown.time_unit = Some(match unit {
                    TickUnit::Hours => w::AdminTimeUnit::Hours,
                    TickUnit::Days => w::AdminTimeUnit::Days,
                });
                shown.time_interval = Some(*interval);
            }
            TriggerRule::UserCreation => {}
        }
        shown
    }
}

/// How messages would name the scope of keys, if triggers had any.
pub const TAKEN: &str = "trigger";

fn kind_of(rule: &TriggerRule) -> w::PointsTriggerType {
    match rule {
        TriggerRule::Metric { .. } => w::PointsTriggerType::Metric,
        TriggerRule::Streak { .. } => w::PointsTriggerType::Streak,
        TriggerRule::Achievement { .. } => w::PointsTriggerType::Achievement,
        TriggerRule::Time { .. } => w::PointsTriggerType::Time,
        TriggerRule::UserCreation => w::PointsTriggerType::UserCreation,
    }
}

fn kind_name(kind: w::PointsTriggerType) -> &'static str {
    match kind {
        w::PointsTriggerType::Metric => "metric",
        w::PointsTriggerType::Achievement => "achievement",
        w::PointsTriggerType::Streak => "streak",
        w::PointsTriggerType::Time => "time",
        w::PointsTriggerType::UserCreation => "user_creation",
    }
}

/// The members of an item that each belong to one type.
#[derive(Debug, Default)]
struct RuleMembers {
    metric_id: Option<String>,
    metric_threshold: Option<i64>,
    event_attributes: Patch<Vec<w::AdminAttributeFilter>>,
    achievement_id: Option<String>,
    streak_length: Option<i64>,
    time_unit: Option<w::AdminTimeUnit>,
    time_interval: Option<i64>,
}

impl RuleMembers {
    fn refuse_foreign(&self, kind: w::PointsTriggerType) -> std::result::Result<(), String> {
        batch::refuse_foreign(
            kind_name(kind),
            "triggers",
            &[
                ("metricId", self.metric_id.is_some(), "metric"),
                ("metricThreshold", self.metric_threshold.is_some(), "metric"),
                // Null clears, and where there is nothing to clear it does no harm.
                (
                    "eventAttributes",
                    matches!(self.event_attributes, Patch::Value(_)),
                    "metric",
                ),
                (
                    "achievementId",
                    self.achievement_id.is_some(),
                    "achievement",
                ),
                ("streakLength", self.streak_length.is_some(), "streak"),
                ("timeUnit", self.time_unit.is_some(), "time"),
                ("timeInterval", self.time_interval.is_some(), "time"),
            ],
        )
    }
}

/// The rule after an item: what was not sent stays as long as the type does.
fn rule(
    configuration: &mut Configuration<'_, '_>,
    kind: w::PointsTriggerType,
    members: RuleMembers,
    before: Option<&TriggerRule>,
) -> ItemResult<TriggerRule> {
    members.refuse_foreign(kind)?;
    let missing = |member: &str| {
        Fault::Issue(format!(
            "{member} is required for {} triggers",
            kind_name(kind)
        ))
    };
    Ok(match kind {
        w::PointsTriggerType::Metric => {
            let before = match before {
                Some(TriggerRule::Metric {
                    metric,
                    threshold,
                    event_filters,
                }) => Some((*metric, *threshold, event_filters.clone())),
                _ => None,
            };
            let metric = match (members.metric_id, &before) {
                (Some(id), _) => references::metric(configuration, &id)?,
                (None, Some((metric, ..))) => *metric,
                (None, None) => return Err(missing("metricId")),
            };
            let threshold = members
                .metric_threshold
                .or(before.as_ref().map(|(_, threshold, _)| *threshold))
                .ok_or_else(|| missing("metricThreshold"))?;
            let event_filters = references::filters_after(
                configuration,
                before.map(|(.., filters)| filters).unwrap_or_default(),
                members.event_attributes,
                AttributeKind::Event,
            )?;
            TriggerRule::Metric {
                metric,
                threshold,
                event_filters,
            }
        }
        w::PointsTriggerType::Achievement => TriggerRule::Achievement {
            achievement: match (members.achievement_id, before) {
                (Some(id), _) => references::achievement(configuration, &id)?,
                (None, Some(&TriggerRule::Achievement { achievement })) => achievement,
                _ => return Err(missing("achievementId")),
            },
        },
        w::PointsTriggerType::Streak => TriggerRule::Streak {
            length: match (members.streak_length, before) {
                (Some(length), _) | (None, Some(&TriggerRule::Streak { length })) => length,
                _ => return Err(missing("streakLength")),
            },
        },
        w::PointsTriggerType::Time => {
            let before = match before {
                Some(&TriggerRule::Time { unit, interval }) => Some((unit, interval)),
                _ => None,
            };
            let unit = members.time_unit.map(|unit| match unit {
                w::AdminTimeUnit::Hours => TickUnit::Hours,
                w::AdminTimeUnit::Days => TickUnit::Days,
            });
            TriggerRule::Time {
                unit: unit
                    .or(before.map(|(unit, _)| unit))
                    .ok_or_else(|| missing("timeUnit"))?,
                interval: members
                    .time_interval
                    .or(before.map(|(_, interval)| interval))
                    .ok_or_else(|| missing("timeInterval"))?,
            }
        }
        w::PointsTriggerType::UserCreation => TriggerRule::UserCreation,
    })
}

/// The trigger that an item asks for; its references are checked, its own members not yet.
pub fn made(
    configuration: &mut Configuration<'_, '_>,
    system: CurrencyId,
    item: w::CreatePointsTriggerRequestItem,
) -> ItemResult<PointsTrigger> {
    let members = RuleMembers {
        metric_id: item.metric_id,
        metric_threshold: item.metric_threshold,
        event_attributes: item.event_attributes.map_or(Patch::Absent, Patch::Value),
        achievement_id: item.achievement_id,
        streak_length: item.streak_length,
        time_unit: item.time_unit,
        time_interval: item.time_interval,
    };
    Ok(PointsTrigger {
        system,
        rule: rule(configuration, item.kind, members, None)?,
        points: item.points,
        is_active: item.status == Some(w::AdminTriggerStatus::Active),
        active_since: configuration.now,
        user_filters: references::filters(
            configuration,
            item.user_attributes.unwrap_or_default(),
            AttributeKind::User,
        )?,
        block_if_out_of_points: item.block_if_out_of_points.unwrap_or(false),
    })
}

/// From when on the trigger pays: anew after an activation and after a change of an active rule.
fn active_since(before: &PointsTrigger, after: &PointsTrigger, now: Timestamp) -> Timestamp {
    if after.is_active && (!before.is_active || before.rule != after.rule) {
        now
    } else {
        before.active_since
    }
}

/// Lets everybody wait for the ticks of a trigger that has begun to pay for time.
pub fn follow_up(
    configuration: &mut Configuration<'_, '_>,
    before: Option<&PointsTrigger>,
    stored: &Stored<PointsTrigger>,
) -> ItemResult<()> {
    let after = &stored.body;
    let is_begun =
        before.is_none_or(|before| !before.is_active || before.active_since != after.active_since);
    if after.is_active && is_begun && matches!(after.rule, TriggerRule::Time { .. }) {
        configuration.resettle();
    }
    Ok(())
}

/// Lists triggers of a points system, oldest first.
#[utoipa::path(
    get, path = "/points/{systemId}/triggers", operation_id = "admin_points_triggers_list", tag = "Points triggers",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many, 10 if not said."),
        ("skip" = Option<i64>, Query, minimum = 0, description = "How many to leave out."),
    ),
    responses(
        (status = 200, description = "The triggers of a points system.", body = Vec<w::AdminPointsTrigger>),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn list_points_triggers(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(system): Segment,
    query: Query,
) -> Result<Json<Vec<w::AdminPointsTrigger>>> {
    batch::list_of::<PointsSystem, PointsTrigger>(&app, &caller, system, &query).await
}

/// Creates triggers of a points system.
#[utoipa::path(
    post, path = "/points/{systemId}/triggers", operation_id = "admin_points_triggers_create", tag = "Points triggers",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
    ),
    request_body = Vec<w::CreatePointsTriggerRequestItem>,
    responses(
        (status = 200, description = "None was created.", body = w::Created<w::AdminPointsTrigger>),
        (status = 201, description = "At least one was created.", body = w::Created<w::AdminPointsTrigger>),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn create_points_triggers(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(system): Segment,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        let system = configuration.owner::<PointsSystem>(&system)?;
        batch::create_each(items, |item| {
            let trigger = made(configuration, CurrencyId(system), item)?;
            let stored = configuration.insert(&trigger, TAKEN)?;
            follow_up(configuration, None, &stored)?;
            Ok(PointsTrigger::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Updates triggers of a points system.
#[utoipa::path(
    patch, path = "/points/{systemId}/triggers", operation_id = "admin_points_triggers_update", tag = "Points triggers",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
    ),
    request_body = Vec<w::UpdatePointsTriggerRequestItem>,
    responses(
        (status = 200, description = "What was updated.", body = w::Updated<w::AdminPointsTrigger>),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn update_points_triggers(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(system): Segment,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        let system = configuration.owner::<PointsSystem>(&system)?;
        batch::update_each(items, |id, item: w::UpdatePointsTriggerRequestItem| {
            let before = configuration.find_of::<PointsTrigger>(system, id)?;
            let kind_before = kind_of(&before.body.rule);
            let kind = item.kind.unwrap_or(kind_before);
            if before.body.is_active && kind != kind_before {
                return Err("type can only change while the trigger is inactive".into());
            }
            let members = RuleMembers {
                metric_id: item.metric_id,
                metric_threshold: item.metric_threshold,
                event_attributes: item.event_attributes,
                achievement_id: item.achievement_id,
                streak_length: item.streak_length,
                time_unit: item.time_unit,
                time_interval: item.time_interval,
            };
            let mut body = before.body.clone();
            body.rule = rule(configuration, kind, members, Some(&before.body.rule))?;
            body.points = item.points.unwrap_or(body.points);
            body.is_active = item.status.map_or(body.is_active, |status| {
                status == w::AdminTriggerStatus::Active
            });
            body.user_filters = references::filters_after(
                configuration,
                body.user_filters,
                item.user_attributes,
                AttributeKind::User,
            )?;
            body.block_if_out_of_points = item
                .block_if_out_of_points
                .unwrap_or(body.block_if_out_of_points);
            body.active_since = active_since(&before.body, &body, configuration.now);
            let stored = configuration.update(&before, body, TAKEN)?;
            follow_up(configuration, Some(&before.body), &stored)?;
            Ok(PointsTrigger::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Deletes triggers of a points system.
#[utoipa::path(
    delete, path = "/points/{systemId}/triggers", operation_id = "admin_points_triggers_delete", tag = "Points triggers",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids, 1 to 100."),
    ),
    responses(
        (status = 200, description = "What was deleted.", body = w::Deleted),
        (status = 404, description = "There is no such points system.", body = wire::ErrorBody),
    ),
)]
pub async fn delete_points_triggers(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(system): Segment,
    query: Query,
) -> Result<Response> {
    let ids = batch::ids(&query)?;
    app.configure(&caller, move |configuration| {
        let system = configuration.owner::<PointsSystem>(&system)?;
        batch::delete_each(ids, |id| {
            configuration.find_of::<PointsTrigger>(system, id)?;
            configuration.archive(id)
        })
    })
    .await
}

/// Shows one trigger.
#[utoipa::path(
    get, path = "/points/{systemId}/triggers/{id}", operation_id = "admin_points_triggers_get", tag = "Points triggers",
    params(
        ("systemId" = String, Path, description = "The id of the points system."),
        ("id" = String, Path, description = "The id of the trigger."),
    ),
    responses(
        (status = 200, description = "The trigger.", body = w::AdminPointsTrigger),
        (status = 404, description = "There is no such trigger.", body = wire::ErrorBody),
    ),
)]
pub async fn get_points_trigger(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segments(system, id): Segments,
) -> Result<Json<w::AdminPointsTrigger>> {
    batch::get_of::<PointsSystem, PointsTrigger>(&app, &caller, system, &id).await
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn paying_starts_anew_with_an_activation_and_with_a_change_while_active() {
        let then = Timestamp::UNIX_EPOCH;
        let now = Timestamp::from_second(100).unwrap();
        let active = PointsTrigger {
            system: CurrencyId(Uuid::nil()),
            rule: TriggerRule::Streak { length: 7 },
            points: 5,
            is_active: true,
            active_since: then,
            user_filters: vec![],
            block_if_out_of_points: false,
        };
        let inactive = PointsTrigger {
            is_active: false,
            ..active.clone()
        };
        let changed = PointsTrigger {
            rule: TriggerRule::Streak { length: 8 },
            ..active.clone()
        };
        assert_eq!(active_since(&inactive, &active, now), now);
        assert_eq!(active_since(&active, &inactive, now), then);
        assert_eq!(active_since(&active, &changed, now), now);
        assert_eq!(
            active_since(
                &active,
                &PointsTrigger {
                    points: 6,
                    ..active.clone()
                },
                now
            ),
            then
        );
    }

    #[test]
    fn a_member_of_another_type_is_refused() {
        let members = RuleMembers {
            time_interval: Some(1),
            ..RuleMembers::default()
        };
        assert_eq!(
            members.refuse_foreign(w::PointsTriggerType::UserCreation),
            Err("timeInterval is only permitted for time triggers".to_owned())
        );
        assert_eq!(members.refuse_foreign(w::PointsTriggerType::Time), Ok(()));
    }
}

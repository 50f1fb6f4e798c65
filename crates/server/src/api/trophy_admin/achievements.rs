//! Achievements (spec/trophy.md 4.1-4.4, 4.8, 15.6).

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::amount::Amount;
use engine::definition::{
    Achievement, AchievementStatus, AchievementTrigger, AttributeKind, Filter, Stored,
};
use engine::id::AchievementId;
use jiff::Timestamp;
use wire::Patch;
use wire::trophy_admin as w;

use super::batch::{self, Fault, ItemResult, Shown};
use super::references;
use crate::app::{App, Configuration};
use crate::body::{RawBody, Segment};
use crate::door::AdminCaller;
use crate::problem::Result;
use crate::query::Query;

impl Shown for Achievement {
    type Wire = w::AdminAchievement;
    const NAME: &'static str = "Achievement";

    fn shown(stored: &Stored<Self>, _: Timestamp) -> w::AdminAchievement {
        let body = &stored.body;
        let mut shown = w::AdminAchievement {
            id: stored.id.to_string(),
            name: body.name.clone(),
            description: body.description.clone(),
            trigger: kind_of(&body.trigger),
            status: match body.status {
                AchievementStatus::Inactive => w::AchievementStatus::Inactive,
                AchievementStatus::Active => w::AchievementStatus::Active,
                AchievementStatus::Locked => w::AchievementStatus::Locked,
            },
            badge: body.badge_url.clone().map(|url| w::Image { url }),
            user_attributes: references::shown(&body.user_filters),
            key: body.key.clone(),
            metric_id: None,
            metric_value: None,
            event_attributes: None,
            streak_length: None,
            anniversary_years: None,
            achievement_ids: None,
        };
        match &body.trigger {
            AchievementTrigger::Metric {
                metric,
                value,
                event_filters,
            } => {
                shown.metric_id = Some(metric.to_string());
                shown.metric_value = Some(value.to_f64());
                shown.event_attributes = Some(references::shown(event_filters));
            }
            AchievementTrigger::Streak { length } => shown.streak_length = Some(*length),
            AchievementTrigger::Api => {}
            AchievementTrigger::Composite { achievements } => {
                shown.achievement_ids =
                    Some(achievements.iter().map(ToString::to_string).collect());
            }
            AchievementTrigger::Anniversary { years } => shown.anniversary_years = Some(*years),
        }
        shown
    }
}

const TAKEN: &str = "achievement";

fn kind_of(trigger: &AchievementTrigger) -> w::AchievementTrigger {
    match trigger {
        AchievementTrigger::Metric { .. } => w::AchievementTrigger::Metric,
        AchievementTrigger::Streak { .. } => w::AchievementTrigger::Streak,
        AchievementTrigger::Api => w::AchievementTrigger::Api,
        AchievementTrigger::Composite { .. } => w::AchievementTrigger::Achievement,
        AchievementTrigger::Anniversary { .. } => w::AchievementTrigger::Anniversary,
    }
}

fn kind_name(kind: w::AchievementTrigger) -> &'static str {
    match kind {
        w::AchievementTrigger::Metric => "metric",
        w::AchievementTrigger::Streak => "streak",
        w::AchievementTrigger::Api => "api",
        w::AchievementTrigger::Achievement => "achievement",
        w::AchievementTrigger::Anniversary => "anniversary",
    }
}

fn status(sent: w::AchievementStatus) -> AchievementStatus {
    match sent {
        w::AchievementStatus::Inactive => AchievementStatus::Inactive,
        w::AchievementStatus::Active => AchievementStatus::Active,
        w::AchievementStatus::Locked => AchievementStatus::Locked,
    }
}

/// The members of an item that each belong to one trigger.
#[derive(Debug, Default)]
struct TriggerMembers {
    metric_id: Option<String>,
    metric_value: Option<serde_json::Number>,
    event_attributes: Patch<Vec<w::AdminAttributeFilter>>,
    key: Option<String>,
    streak_length: Option<i64>,
    achievement_ids: Option<Vec<String>>,
    anniversary_years: Option<i64>,
}

impl TriggerMembers {
    fn refuse_foreign(&self, kind: w::AchievementTrigger) -> std::result::Result<(), String> {
        batch::refuse_foreign(
            kind_name(kind),
            "achievements",
            &[
                ("metricId", self.metric_id.is_some(), "metric"),
                ("metricValue", self.metric_value.is_some(), "metric"),
                // Null clears, and where there is nothing to clear it does no harm.
                (
                    "eventAttributes",
                    matches!(self.event_attributes, Patch::Value(_)),
                    "metric",
                ),
                ("key", self.key.is_some(), "api"),
                ("streakLength", self.streak_length.is_some(), "streak"),
                (
                    "achievementIds",
                    self.achievement_ids.is_some(),
                    "achievement",
                ),
                (
                    "anniversaryYears",
                    self.anniversary_years.is_some(),
                    "anniversary",
                ),
            ],
        )
    }
}

fn required(member: &str, kind: w::AchievementTrigger) -> Fault {
    Fault::Issue(format!(
        "{member} is required for {} achievements",
        kind_name(kind)
    ))
}

/// The trigger after an item: what was not sent stays as long as the kind of trigger does.
fn trigger(
    configuration: &mut Configuration<'_, '_>,
    kind: w::AchievementTrigger,
    members: TriggerMembers,
    before: Option<&AchievementTrigger>,
) -> ItemResult<AchievementTrigger> {
    let missing = |member| required(member, kind);
    Ok(match kind {
        w::AchievementTrigger::Metric => {
            let before = match before {
                Some(AchievementTrigger::Metric {
                    metric,
                    value,
                    event_filters,
                }) => Some((*metric, *value, event_filters.clone())),
                _ => None,
            };
            let metric = match (members.metric_id, &before) {
                (Some(id), _) => references::metric(configuration, &id)?,
                (None, Some((metric, ..))) => *metric,
                (None, None) => return Err(missing("metricId")),
            };
            let value = match (members.metric_value, &before) {
                (Some(number), _) => Amount::parse(&number.to_string())
                    .map_err(|error| Fault::Issue(format!("metricValue {error}")))?,
                (None, Some((_, value, _))) => *value,
                (None, None) => return Err(missing("metricValue")),
            };
            let event_filters = references::filters_after(
                configuration,
                before.map(|(.., filters)| filters).unwrap_or_default(),
                members.event_attributes,
                AttributeKind::Event,
            )?;
            AchievementTrigger::Metric {
                metric,
                value,
                event_filters,
            }
        }
        w::AchievementTrigger::Streak => AchievementTrigger::Streak {
            length: match (members.streak_length, before) {
                (Some(length), _) | (None, Some(&AchievementTrigger::Streak { length })) => length,
                _ => return Err(missing("streakLength")),
            },
        },
        w::AchievementTrigger::Api => AchievementTrigger::Api,
        w::AchievementTrigger::Achievement => AchievementTrigger::Composite {
            achievements: match (members.achievement_ids, before) {
                (Some(ids), _) => {
                    let mut achievements = Vec::new();
                    for id in ids {
                        let achievement = references::achievement(configuration, &id)?;
                        if !achievements.contains(&achievement) {
                            achievements.push(achievement);
                        }
                    }
                    achievements
                }
                (None, Some(AchievementTrigger::Composite { achievements })) => {
                    achievements.clone()
                }
                _ => return Err(missing("achievementIds")),
            },
        },
        w::AchievementTrigger::Anniversary => AchievementTrigger::Anniversary {
            years: match (members.anniversary_years, before) {
                (Some(years), _) | (None, Some(&AchievementTrigger::Anniversary { years })) => {
                    years
                }
                _ => return Err(missing("anniversaryYears")),
            },
        },
    })
}

/// Refuses prerequisites that lead back to the achievement itself (spec/trophy.md 4.8).
fn refuse_cycle(
    configuration: &mut Configuration<'_, '_>,
    own: AchievementId,
    trigger: &AchievementTrigger,
) -> ItemResult<()> {
    let AchievementTrigger::Composite { achievements } = trigger else {
        return Ok(());
    };
    if achievements.contains(&own) {
        return Err("an achievement cannot require itself".into());
    }
    let (tx, space) = (&mut *configuration.tx, configuration.space);
    let needs = store::definition::list::<Achievement>(tx, space, references::ALL, 0)?
        .into_iter()
        .filter_map(|stored| match stored.body.trigger {
            AchievementTrigger::Composite { achievements } => {
                Some((AchievementId(stored.id), achievements))
            }
            _ => None,
        })
        .collect();
    if leads_to(own, achievements, &needs) {
        return Err("achievementIds must not lead back to the achievement itself".into());
    }
    Ok(())
}

/// Whether following prerequisites arrives at an achievement.
fn leads_to(
    goal: AchievementId,
    from: &[AchievementId],
    needs: &BTreeMap<AchievementId, Vec<AchievementId>>,
) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = from.to_vec();
    while let Some(id) = open.pop() {
        if id == goal {
            return true;
        }
        if seen.insert(id) {
            open.extend(needs.get(&id).into_iter().flatten());
        }
    }
    false
}

/// Refuses to hide again what users may hold (AMB-19).
fn refuse_transition(
    before: AchievementStatus,
    after: AchievementStatus,
) -> std::result::Result<(), String> {
    if after == AchievementStatus::Inactive && before != AchievementStatus::Inactive {
        return Err("an achievement that was activated cannot become inactive again".to_owned());
    }
    Ok(())
}

/// When the rule last changed: counting starts anew with a new rule and with every activation.
fn rule_since(before: &Achievement, after: &Achievement, now: Timestamp) -> Timestamp {
    let is_activated =
        before.status != AchievementStatus::Active && after.status == AchievementStatus::Active;
    let rule = |body: &Achievement| -> (AchievementTrigger, Vec<Filter>) {
        (body.trigger.clone(), body.user_filters.clone())
    };
    if is_activated || rule(before) != rule(after) {
        now
    } else {
        before.rule_since
    }
}

/// Looks for users who meet an active achievement that was made or changed.
fn follow_up(configuration: &mut Configuration<'_, '_>, stored: &Stored<Achievement>) {
    if stored.body.status == AchievementStatus::Active {
        configuration.backdate(AchievementId(stored.id));
        if matches!(stored.body.trigger, AchievementTrigger::Anniversary { .. }) {
            configuration.resettle();
        }
    }
}

/// Lists achievements, oldest first.
#[utoipa::path(
    get, path = "/achievements", operation_id = "admin_achievements_list", tag = "Achievements",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many, 10 if not said."),
        ("skip" = Option<i64>, Query, minimum = 0, description = "How many to leave out."),
    ),
    responses(
        (status = 200, description = "The achievements.", body = Vec<w::AdminAchievement>),
    ),
)]
pub async fn list_achievements(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Json<Vec<w::AdminAchievement>>> {
    batch::list::<Achievement>(&app, &caller, &query).await
}

/// Creates achievements.
#[utoipa::path(
    post, path = "/achievements", operation_id = "admin_achievements_create", tag = "Achievements",
    request_body = Vec<w::CreateAchievementRequestItem>,
    responses(
        (status = 200, description = "None was created.", body = w::Created<w::AdminAchievement>),
        (status = 201, description = "At least one was created.", body = w::Created<w::AdminAchievement>),
    ),
)]
pub async fn create_achievements(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        batch::create_each(items, |item: w::CreateAchievementRequestItem| {
            let mut members = TriggerMembers {
                metric_id: item.metric_id,
                metric_value: item.metric_value,
                event_attributes: item.event_attributes.map_or(Patch::Absent, Patch::Value),
                key: item.key,
                streak_length: item.streak_length,
                achievement_ids: item.achievement_ids,
                anniversary_years: item.anniversary_years,
            };
            members.refuse_foreign(item.trigger)?;
            let achievement = Achievement {
                name: item.name,
                description: item.description,
                badge_url: item.badge.map(|badge| badge.url),
                status: item.status.map(status).unwrap_or_default(),
                rule_since: configuration.now,
                key: members.key.take(),
                trigger: trigger(configuration, item.trigger, members, None)?,
                user_filters: references::filters(
                    configuration,
                    item.user_attributes.unwrap_or_default(),
                    AttributeKind::User,
                )?,
            };
            let stored = configuration.insert(&achievement, TAKEN)?;
            follow_up(configuration, &stored);
            Ok(Achievement::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Updates achievements.
#[utoipa::path(
    patch, path = "/achievements", operation_id = "admin_achievements_update", tag = "Achievements",
    request_body = Vec<w::UpdateAchievementRequestItem>,
    responses(
        (status = 200, description = "What was updated.", body = w::Updated<w::AdminAchievement>),
    ),
)]
pub async fn update_achievements(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        batch::update_each(items, |id, item: w::UpdateAchievementRequestItem| {
            let before = configuration.find::<Achievement>(id)?;
            let kind_before = kind_of(&before.body.trigger);
            let kind = item.trigger.unwrap_or(kind_before);
            let mut members = TriggerMembers {
                metric_id: item.metric_id,
                metric_value: item.metric_value,
                event_attributes: item.event_attributes,
                key: item.key,
                streak_length: item.streak_length,
                achievement_ids: item.achievement_ids,
                anniversary_years: item.anniversary_years,
            };
            members.refuse_foreign(kind)?;
            let mut body = before.body.clone();
            body.name = item.name.unwrap_or(body.name);
            body.description = batch::patched(body.description, item.description);
            body.badge_url = match item.badge {
                Patch::Absent => body.badge_url,
                Patch::Null => None,
                Patch::Value(badge) => Some(badge.url),
            };
            body.status = item.status.map_or(body.status, status);
            refuse_transition(before.body.status, body.status)?;
            // Only API achievements have a key.
            let key_before = if kind == kind_before { body.key } else { None };
            body.key = members.key.take().or(key_before);
            body.trigger = trigger(configuration, kind, members, Some(&before.body.trigger))?;
            refuse_cycle(configuration, AchievementId(id), &body.trigger)?;
            body.user_filters = references::filters_after(
                configuration,
                body.user_filters,
                item.user_attributes,
                AttributeKind::User,
            )?;
            body.rule_since = rule_since(&before.body, &body, configuration.now);
            let stored = configuration.update(&before, body, TAKEN)?;
            if stored.body != before.body {
                follow_up(configuration, &stored);
            }
            Ok(Achievement::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Deletes achievements.
#[utoipa::path(
    delete, path = "/achievements", operation_id = "admin_achievements_delete", tag = "Achievements",
    params(
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids, 1 to 100."),
    ),
    responses(
        (status = 200, description = "What was deleted.", body = w::Deleted),
    ),
)]
pub async fn delete_achievements(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Response> {
    let ids = batch::ids(&query)?;
    app.configure(&caller, move |configuration| {
        batch::delete_each(ids, |id| {
            configuration.find::<Achievement>(id)?;
            configuration.archive(id)
        })
    })
    .await
}

/// Shows one achievement.
#[utoipa::path(
    get, path = "/achievements/{id}", operation_id = "admin_achievements_get", tag = "Achievements",
    params(
        ("id" = String, Path, description = "The id of the achievement."),
    ),
    responses(
        (status = 200, description = "The achievement.", body = w::AdminAchievement),
        (status = 404, description = "There is no such achievement.", body = wire::ErrorBody),
    ),
)]
pub async fn get_achievement(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(id): Segment,
) -> Result<Json<w::AdminAchievement>> {
    batch::get::<Achievement>(&app, &caller, &id).await
}

#[cfg(test)]
mod tests {
    use engine::id::MetricId;
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> AchievementId {
        AchievementId(Uuid::from_u128(number))
    }

    #[test]
    fn prerequisites_must_not_lead_back() {
        let needs = BTreeMap::from([
            (id(2), vec![id(3), id(4)]),
            (id(4), vec![id(1)]),
            (id(5), vec![id(5)]),
        ]);
        assert!(leads_to(id(1), &[id(2)], &needs));
        assert!(!leads_to(id(1), &[id(3)], &needs));
        assert!(!leads_to(id(1), &[id(5)], &needs));
    }

    #[test]
    fn what_was_activated_stays_visible() {
        use AchievementStatus::{Active, Inactive, Locked};
        for (before, after, is_refused) in [
            (Inactive, Active, false),
            (Inactive, Inactive, false),
            (Active, Locked, false),
            (Locked, Active, false),
            (Active, Inactive, true),
            (Locked, Inactive, true),
        ] {
            assert_eq!(
                refuse_transition(before, after).is_err(),
                is_refused,
                "{before:?} {after:?}"
            );
        }
    }

    #[test]
    fn counting_starts_anew_with_a_rule_and_with_an_activation() {
        let then = Timestamp::UNIX_EPOCH;
        let now = Timestamp::from_second(100).unwrap();
        let before = Achievement {
            name: "A".into(),
            description: None,
            badge_url: None,
            status: AchievementStatus::Active,
            rule_since: then,
            trigger: AchievementTrigger::Streak { length: 3 },
            key: None,
            user_filters: vec![],
        };
        let renamed = Achievement {
            name: "B".into(),
            ..before.clone()
        };
        assert_eq!(rule_since(&before, &renamed, now), then);
        let trigger = AchievementTrigger::Metric {
            metric: MetricId(Uuid::from_u128(1)),
            value: Amount::from_units(2),
            event_filters: vec![],
        };
        assert_eq!(
            rule_since(
                &before,
                &Achievement {
                    trigger,
                    ..before.clone()
                },
                now
            ),
            now
        );
        let locked = Achievement {
            status: AchievementStatus::Locked,
            ..before.clone()
        };
        assert_eq!(rule_since(&before, &locked, now), then);
        assert_eq!(rule_since(&locked, &before, now), now);
    }

    #[test]
    fn a_member_of_another_trigger_is_refused() {
        let members = TriggerMembers {
            streak_length: Some(3),
            ..TriggerMembers::default()
        };
        assert_eq!(
            members.refuse_foreign(w::AchievementTrigger::Streak),
            Ok(())
        );
        assert_eq!(
            members.refuse_foreign(w::AchievementTrigger::Metric),
            Err("streakLength is only permitted for streak achievements".to_owned())
        );
        let members = TriggerMembers {
            event_attributes: Patch::Null,
            ..TriggerMembers::default()
        };
        assert_eq!(members.refuse_foreign(w::AchievementTrigger::Api), Ok(()));
    }
}

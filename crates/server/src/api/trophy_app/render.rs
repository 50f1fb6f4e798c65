//! What the engine and the store know, in the shapes of the Application API.

use std::collections::BTreeMap;

use engine::amount::Amount;
use engine::calendar::Frequency;
use engine::catalog::{
    AchievementEntry, BoardEntry, BoostEntry, Catalog, SystemEntry, TriggerEntry,
};
use engine::definition::{
    AchievementTrigger, BoardStatus, BoostStatus, Document, KeyedFilter, PointsLevel, RankBy,
    Rounding, Stored, StreakSettings, TickUnit, TriggerRule, VirtualCurrency,
};
use engine::outcome::{BoardChange, LedgerEntry, PointsChange, StreakView};
use engine::state::Completion;
use engine::user::User;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use wire::trophy_app as w;
use wire::vocabulary;

use crate::ranks::Standing;

/// An instant on the wire: milliseconds, `Z`.
pub fn instant(at: Timestamp) -> String {
    let ms = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    format!("{ms:.3}")
}

/// A time of day on the wire; seconds only where there are some.
pub fn time_of_day(time: Time) -> String {
    let format = if time.second() == 0 {
        "%H:%M"
    } else {
        "%H:%M:%S"
    };
    time.strftime(format).to_string()
}

/// A user.
pub fn user(user: &User) -> w::User {
    w::User {
        id: user.external_id.clone(),
        email: user.email.clone(),
        name: user.name.clone(),
        tz: user.tz.clone(),
        device_tokens: user.device_tokens.clone(),
        subscribe_to_emails: user.is_subscribed,
        attributes: user.attributes.clone(),
        sign_up_date: user.sign_up_date.map(|date| date.to_string()),
        control: user.is_control,
        created: instant(user.created),
        updated: instant(user.updated),
    }
}

fn filters(filters: &[KeyedFilter]) -> Vec<w::AttributeFilter> {
    filters
        .iter()
        .map(|filter| w::AttributeFilter {
            key: filter.key.clone(),
            value: filter.value.clone(),
        })
        .collect()
}

/// An achievement, as everybody sees it.
pub fn achievement(catalog: &Catalog, entry: &AchievementEntry) -> w::AchievementResponse {
    let body = entry.body();
    let mut response = w::AchievementResponse {
        id: entry.stored.id.to_string(),
        name: body.name.clone(),
        trigger: match body.trigger {
            AchievementTrigger::Metric { .. } => w::AchievementTrigger::Metric,
            AchievementTrigger::Streak { .. } => w::AchievementTrigger::Streak,
            AchievementTrigger::Api => w::AchievementTrigger::Api,
            AchievementTrigger::Composite { .. } => w::AchievementTrigger::Achievement,
            AchievementTrigger::Anniversary { .. } => w::AchievementTrigger::Anniversary,
        },
        description: body.description.clone(),
        badge_url: body.badge_url.clone(),
        key: body.key.clone(),
        streak_length: None,
        anniversary_years: None,
        achievement_ids: None,
        metric_id: None,
        metric_value: None,
        metric_name: None,
        user_attributes: filters(&entry.user_filters),
        event_attribute: None,
        event_attributes: None,
    };
    match &body.trigger {
        AchievementTrigger::Metric { metric, value, .. } => {
            response.metric_id = Some(metric.to_string());
            response.metric_value = Some(value.to_f64());
            response.metric_name = catalog
                .metric(*metric)
                .map(|metric| metric.body.name.clone());
            let filters = filters(&entry.event_filters);
            response.event_attribute = filters.first().cloned();
            response.event_attributes = Some(filters);
        }
        AchievementTrigger::Streak { length } => response.streak_length = Some(*length),
        AchievementTrigger::Api => {}
        AchievementTrigger::Composite { achievements } => {
            response.achievement_ids = Some(achievements.iter().map(ToString::to_string).collect());
        }
        AchievementTrigger::Anniversary { years } => response.anniversary_years = Some(*years),
    }
    response
}

/// An achievement as one user sees it.
pub fn user_achievement(
    catalog: &Catalog,
    entry: &AchievementEntry,
    completion: Option<&Completion>,
) -> w::UserAchievementResponse {
    w::UserAchievementResponse {
        achievement: achievement(catalog, entry),
        achieved_at: completion.map(|completion| instant(completion.at)),
    }
}

/// A points trigger, complete, as the SDK demands it everywhere (spec/trophy.md 6.6).
pub fn trigger(catalog: &Catalog, entry: &TriggerEntry) -> w::PointsTrigger {
    let body = entry.body();
    let mut response = w::PointsTrigger {
        id: entry.stored.id.to_string(),
        kind: match body.rule {
            TriggerRule::Metric { .. } => w::PointsTriggerType::Metric,
            TriggerRule::Streak { .. } => w::PointsTriggerType::Streak,
            TriggerRule::Achievement { .. } => w::PointsTriggerType::Achievement,
            TriggerRule::Time { .. } => w::PointsTriggerType::Time,
            TriggerRule::UserCreation => w::PointsTriggerType::UserCreation,
        },
        points: body.points,
        status: match (entry.stored.is_archived, body.is_active) {
            (true, _) => w::TriggerStatus::Archived,
            (false, true) => w::TriggerStatus::Active,
            (false, false) => w::TriggerStatus::Inactive,
        },
        achievement_id: None,
        metric_id: None,
        metric_name: None,
        metric_threshold: None,
        streak_length_threshold: None,
        achievement_name: None,
        time_unit: None,
        time_interval: None,
        user_attributes: filters(&entry.user_filters),
        event_attribute: None,
        event_attributes: None,
        created: instant(entry.stored.created),
        updated: instant(entry.stored.updated),
    };
    match &body.rule {
        TriggerRule::Metric {
            metric, threshold, ..
        } => {
            response.metric_id = Some(metric.to_string());
            response.metric_name = catalog
                .metric(*metric)
                .map(|metric| metric.body.name.clone());
            response.metric_threshold = Some(*threshold);
            let filters = filters(&entry.event_filters);
            response.event_attribute = filters.first().cloned();
            response.event_attributes = Some(filters);
        }
        TriggerRule::Streak { length } => response.streak_length_threshold = Some(*length),
        TriggerRule::Achievement { achievement } => {
            response.achievement_id = Some(achievement.to_string());
            response.achievement_name = catalog
                .achievement(*achievement)
                .map(|entry| entry.body().name.clone());
        }
        TriggerRule::Time { unit, interval } => {
            response.time_unit = Some(match unit {
                TickUnit::Hours => w::TimeUnit::Hour,
                TickUnit::Days => w::TimeUnit::Day,
            });
            response.time_interval = Some(*interval);
        }
        TriggerRule::UserCreation => {}
    }
    response
}

/// A boost that is in a state.
pub fn boost(entry: &BoostEntry, status: BoostStatus) -> w::PointsBoost {
    let body = entry.body();
    w::PointsBoost {
        id: entry.stored.id.to_string(),
        name: body.name.clone(),
        status: boost_status(status),
        start: body.start.to_string(),
        end: body.end.map(|end| end.to_string()),
        multiplier: body.multiplier.to_f64(),
        rounding: rounding(body.rounding),
    }
}

/// Where a boost is in its life.
pub fn boost_status(status: BoostStatus) -> vocabulary::BoostStatus {
    match status {
        BoostStatus::Scheduled => vocabulary::BoostStatus::Scheduled,
        BoostStatus::Active => vocabulary::BoostStatus::Active,
        BoostStatus::Finished => vocabulary::BoostStatus::Finished,
    }
}

/// How boosted points become whole.
pub fn rounding(rounding: Rounding) -> vocabulary::Rounding {
    match rounding {
        Rounding::Down => vocabulary::Rounding::Down,
        Rounding::Nearest => vocabulary::Rounding::Nearest,
        Rounding::Up => vocabulary::Rounding::Up,
    }
}

/// The boosts of an award as they are at an instant that is this date for the user; one that was
/// deleted is over.
fn award_boosts(
    catalog: &Catalog,
    entry: &LedgerEntry,
    now: Timestamp,
    today: Date,
) -> Vec<w::PointsBoost> {
    entry
        .boosts
        .iter()
        .filter_map(|id| catalog.boost(*id))
        .map(|entry| {
            let status = if entry.stored.is_archived {
                BoostStatus::Finished
            } else {
                entry.body().status(now, today)
            };
            boost(entry, status)
        })
        .collect()
}

/// An award, with its boosts as they are at an instant that is this date for the user; nothing if its
/// trigger is not known any more.
pub fn award(
    catalog: &Catalog,
    entry: &LedgerEntry,
    now: Timestamp,
    today: Date,
) -> Option<w::PointsAward> {
    Some(w::PointsAward {
        id: entry.id.to_string(),
        awarded: entry.amount,
        date: instant(entry.at),
        total: entry.balance,
        trigger: trigger(catalog, catalog.trigger(entry.trigger?)?),
        boosts: award_boosts(catalog, entry, now, today),
    })
}

/// A level.
pub fn level(level: &Stored<PointsLevel>) -> w::PointsLevel {
    w::PointsLevel {
        id: level.id.to_string(),
        key: level.body.key.clone(),
        name: level.body.name.clone(),
        description: level.body.description.clone(),
        badge_url: level.body.badge_url.clone(),
        points: level.body.points,
    }
}

/// A points system.
pub fn system(entry: &SystemEntry) -> w::PointsResponse {
    let body = entry.body();
    w::PointsResponse {
        id: entry.stored.id.to_string(),
        key: body.key.clone(),
        name: body.name.clone(),
        description: Some(body.description.clone()),
        badge_url: body.badge_url.clone(),
        max_points: body.max_points,
    }
}

/// A virtual currency as a points system.
pub fn currency(stored: &Stored<Document<VirtualCurrency>>) -> w::PointsResponse {
    let content = &stored.body.content;
    w::PointsResponse {
        id: stored.id.to_string(),
        key: stored.body.id.clone(),
        name: content.name.clone(),
        description: None,
        badge_url: content.icon.clone(),
        max_points: content.max_allowed_balance.map(|max| max.steps(1)),
    }
}

/// A transaction of a virtual currency as an award, in whole units. What made it is no trigger of this
/// dialect: it is shown as one that was completed once, with no conditions.
pub fn currency_award(entry: &LedgerEntry) -> w::PointsAward {
    let units = |millionths: i64| Amount::from_millionths(millionths).steps(1);
    let awarded = units(entry.amount);
    w::PointsAward {
        id: entry.id.to_string(),
        awarded,
        date: instant(entry.at),
        total: units(entry.balance),
        trigger: w::PointsTrigger {
            id: entry.id.to_string(),
            kind: w::PointsTriggerType::Achievement,
            points: awarded,
            status: w::TriggerStatus::Active,
            achievement_id: None,
            metric_id: None,
            metric_name: None,
            metric_threshold: None,
            streak_length_threshold: None,
            achievement_name: None,
            time_unit: None,
            time_interval: None,
            user_attributes: Vec::new(),
            event_attribute: None,
            event_attributes: None,
            created: instant(entry.at),
            updated: instant(entry.at),
        },
        boosts: Vec::new(),
    }
}

/// What a command changed of one points system, with boosts as they are at its instant.
pub fn points_change(
    catalog: &Catalog,
    change: &PointsChange,
    now: Timestamp,
) -> Option<w::MetricEventPointsResponse> {
    let entry = catalog.system(change.system)?;
    let body = entry.body();
    Some(w::MetricEventPointsResponse {
        id: entry.stored.id.to_string(),
        key: body.key.clone(),
        name: body.name.clone(),
        description: Some(body.description.clone()),
        badge_url: body.badge_url.clone(),
        max_points: body.max_points,
        total: change.total,
        level: change
            .level
            .map(|(_, after)| after.and_then(|id| entry.level(id)).map(level)),
        added: change.added,
        awards: change
            .awards
            .iter()
            .filter_map(|entry| award(catalog, entry, now, entry.date))
            .collect(),
    })
}

/// What a command changed of points, by the key of the system, with boosts as they are at its instant.
pub fn points(
    catalog: &Catalog,
    changes: &[PointsChange],
    now: Timestamp,
) -> BTreeMap<String, w::MetricEventPointsResponse> {
    changes
        .iter()
        .filter_map(|change| points_change(catalog, change, now))
        .map(|response| (response.key.clone(), response))
        .collect()
}

/// A frequency.
pub fn frequency(frequency: Frequency) -> w::StreakFrequency {
    match frequency {
        Frequency::Daily => w::StreakFrequency::Daily,
        Frequency::Weekly => w::StreakFrequency::Weekly,
        Frequency::Monthly => w::StreakFrequency::Monthly,
    }
}

/// A streak.
pub fn streak(settings: &StreakSettings, view: &StreakView) -> w::BaseStreakResponse {
    let auto_earn = settings.freezes.and_then(|freezes| freezes.auto_earn);
    w::BaseStreakResponse {
        length: view.length,
        frequency: frequency(view.frequency),
        started: view.started.map(|date| date.to_string()),
        period_start: view.period.map(|period| period.start.to_string()),
        period_end: view.period.map(|period| period.end.to_string()),
        expires: view.expires.map(|date| date.to_string()),
        freezes: settings.freezes.map(|_| view.freezes),
        max_freezes: settings.freezes.map(|freezes| freezes.max_count),
        freeze_auto_earn_interval: auto_earn.map(|(every, _)| every),
        freeze_auto_earn_amount: auto_earn.map(|(_, amount)| amount),
    }
}

/// A streak after an event.
pub fn event_streak(
    settings: &StreakSettings,
    view: &StreakView,
    is_extended: bool,
) -> w::MetricEventStreakResponse {
    let base = streak(settings, view);
    w::MetricEventStreakResponse {
        length: base.length,
        frequency: base.frequency,
        started: base.started,
        period_start: base.period_start,
        period_end: base.period_end,
        expires: base.expires,
        freezes: base.freezes,
        max_freezes: base.max_freezes,
        freeze_auto_earn_interval: base.freeze_auto_earn_interval,
        freeze_auto_earn_amount: base.freeze_auto_earn_amount,
        extended: is_extended,
    }
}

/// A leaderboard with its own dates.
pub fn leaderboard(
    catalog: &Catalog,
    entry: &BoardEntry,
    now: Timestamp,
) -> w::LeaderboardResponse {
    let body = entry.body();
    let (metric, system) = match body.rank_by {
        RankBy::Metric(id) => (catalog.metric(id), None),
        RankBy::Points(id) => (None, catalog.system(id)),
        RankBy::Streak => (None, None),
    };
    w::LeaderboardResponse {
        id: entry.stored.id.to_string(),
        name: body.name.clone(),
        key: body.key.clone(),
        status: match body.status_at(now) {
            BoardStatus::Scheduled => w::LeaderboardStatus::Scheduled,
            BoardStatus::Finished => w::LeaderboardStatus::Finished,
            // Inactive boards are not shown to anybody.
            BoardStatus::Active | BoardStatus::Inactive => w::LeaderboardStatus::Active,
        },
        rank_by: match body.rank_by {
            RankBy::Metric(_) => w::RankBy::Metric,
            RankBy::Points(_) => w::RankBy::Points,
            RankBy::Streak => w::RankBy::Streak,
        },
        breakdown_attribute: match entry.breakdown.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        breakdown_attributes: entry.breakdown.clone(),
        user_attributes: filters(&entry.user_filters),
        metric_key: metric.map(|metric| metric.body.key.clone()),
        metric_name: metric.map(|metric| metric.body.name.clone()),
        points_system_key: system.map(|system| system.body().key.clone()),
        points_system_name: system.map(|system| system.body().name.clone()),
        description: body.description.clone(),
        start: body.start.to_string(),
        end: body.end.map(|end| end.to_string()),
        start_time: body.start_time.map(time_of_day),
        end_time: body.end_time.map(time_of_day),
        max_participants: Some(body.max_participants),
        run_unit: body.run.map(|run| match run.unit {
            engine::calendar::RunUnit::Day => w::RunUnit::Day,
            engine::calendar::RunUnit::Month => w::RunUnit::Month,
            engine::calendar::RunUnit::Year => w::RunUnit::Year,
        }),
        run_interval: body.run.map(|run| run.interval),
    }
}

/// The boards an event affected, by key, each with the dates of the run.
pub fn event_leaderboards(
    catalog: &Catalog,
    changes: &[BoardChange],
    standings: &[Standing],
    now: Timestamp,
) -> BTreeMap<String, w::MetricEventLeaderboardResponse> {
    changes
        .iter()
        .zip(standings)
        .filter_map(|(change, standing)| {
            let entry = catalog.board(change.board)?;
            let base = leaderboard(catalog, entry, now);
            let run = entry
                .body()
                .run
                .and_then(|_| entry.body().schedule().run(change.run));
            let values = (!entry.breakdown.is_empty()).then(|| {
                let group = change.group.iter().flatten();
                entry
                    .breakdown
                    .iter()
                    .zip(group)
                    .map(|(key, value)| w::BreakdownAttributeValue {
                        key: key.clone(),
                        value: value.clone(),
                    })
                    .collect::<Vec<_>>()
            });
            let response = w::MetricEventLeaderboardResponse {
                id: base.id,
                name: base.name,
                key: base.key,
                status: base.status,
                rank_by: base.rank_by,
                breakdown_attribute: base.breakdown_attribute,
                breakdown_attributes: base.breakdown_attributes,
                user_attributes: base.user_attributes,
                metric_key: base.metric_key,
                metric_name: base.metric_name,
                points_system_key: base.points_system_key,
                points_system_name: base.points_system_name,
                description: base.description,
                start: run.map_or(base.start, |run| run.start.to_string()),
                end: run.map_or(base.end, |run| Some(run.end.to_string())),
                start_time: base.start_time,
                end_time: base.end_time,
                max_participants: base.max_participants,
                run_unit: base.run_unit,
                run_interval: base.run_interval,
                rank: standing.rank,
                previous_rank: standing.previous_rank,
                threshold: standing.threshold,
                breakdown_attribute_value: match values.as_deref() {
                    Some([only]) => Some(only.value.clone()),
                    _ => None,
                },
                breakdown_attribute_values: values,
            };
            Some((entry.body().key.clone(), response))
        })
        .collect()
}

//! One full and one minimal value of every response type, by the operation that answers it.

use std::collections::BTreeMap;

use serde_json::{Value, json, to_value};
use wire::trophy_admin as admin;
use wire::trophy_app as app;
use wire::vocabulary::{
    AchievementTrigger, BoostStatus, EvaluationMode, PointsTriggerType, RankBy, Rounding, RunUnit,
    StreakFrequency,
};

pub(crate) const ID: &str = "0190b6a4-5c1e-7d3a-9f00-0123456789ab";
pub(crate) const DATE: &str = "2026-01-15";
pub(crate) const INSTANT: &str = "2026-01-15T09:30:00.000Z";

fn s(text: &str) -> String {
    text.to_owned()
}

fn opt(full: bool, text: &str) -> Option<String> {
    full.then(|| s(text))
}

fn list<T>(full: bool, item: T) -> Vec<T> {
    if full { vec![item] } else { Vec::new() }
}

fn map<T>(full: bool, item: T) -> BTreeMap<String, T> {
    list(full, (s("a"), item)).into_iter().collect()
}

fn filter() -> app::AttributeFilter {
    app::AttributeFilter {
        key: s("plan"),
        value: s("pro"),
    }
}

pub(crate) fn user(full: bool) -> app::User {
    app::User {
        id: s("18"),
        email: opt(full, "a@example.com"),
        name: opt(full, "A"),
        tz: opt(full, "Europe/London"),
        device_tokens: full.then(|| vec![s("t")]),
        subscribe_to_emails: true,
        attributes: map(full, s("v")),
        sign_up_date: opt(full, DATE),
        control: false,
        created: s(INSTANT),
        updated: s(INSTANT),
    }
}

pub(crate) fn achievement(full: bool) -> app::AchievementResponse {
    app::AchievementResponse {
        id: s(ID),
        name: s("A"),
        trigger: if full {
            AchievementTrigger::Metric
        } else {
            AchievementTrigger::Api
        },
        description: opt(full, "d"),
        badge_url: opt(full, "https://example.com/b.png"),
        key: opt(full, "k"),
        streak_length: full.then_some(7),
        anniversary_years: full.then_some(1),
        achievement_ids: full.then(|| vec![s(ID)]),
        metric_id: opt(full, ID),
        metric_value: full.then_some(0.5),
        metric_name: opt(full, "m"),
        user_attributes: list(full, filter()),
        event_attribute: full.then(filter),
        event_attributes: full.then(|| vec![filter()]),
    }
}

pub(crate) fn user_achievement(full: bool) -> app::UserAchievementResponse {
    app::UserAchievementResponse {
        achievement: achievement(full),
        achieved_at: opt(full, INSTANT),
    }
}

fn achievement_with_stats(full: bool) -> app::AchievementWithStatsResponse {
    app::AchievementWithStatsResponse {
        achievement: achievement(full),
        completions: 8,
        rarity: 80.0,
    }
}

pub(crate) fn trigger(full: bool) -> app::PointsTrigger {
    app::PointsTrigger {
        id: s(ID),
        kind: PointsTriggerType::UserCreation,
        points: -10,
        status: app::TriggerStatus::Archived,
        achievement_id: opt(full, ID),
        metric_id: opt(full, ID),
        metric_name: opt(full, "m"),
        metric_threshold: full.then_some(1),
        streak_length_threshold: full.then_some(1),
        achievement_name: opt(full, "a"),
        time_unit: full.then_some(app::TimeUnit::Hour),
        time_interval: full.then_some(1),
        user_attributes: list(full, filter()),
        event_attribute: full.then(filter),
        event_attributes: full.then(|| vec![filter()]),
        created: s(INSTANT),
        updated: s(INSTANT),
    }
}

fn boost(full: bool) -> app::PointsBoost {
    app::PointsBoost {
        id: s(ID),
        name: s("b"),
        status: BoostStatus::Active,
        start: s(DATE),
        end: opt(full, DATE),
        multiplier: 1.5,
        rounding: Rounding::Nearest,
    }
}

fn award(full: bool) -> app::PointsAward {
    app::PointsAward {
        id: s(ID),
        awarded: 10,
        date: s(INSTANT),
        total: 10,
        trigger: trigger(full),
        boosts: list(full, boost(full)),
    }
}

pub(crate) fn level(full: bool) -> app::PointsLevel {
    app::PointsLevel {
        id: s(ID),
        key: s("bronze"),
        name: s("Bronze"),
        description: String::new(),
        badge_url: opt(full, "https://example.com/b.png"),
        points: 0,
    }
}

pub(crate) fn points(full: bool) -> app::PointsResponse {
    app::PointsResponse {
        id: s(ID),
        key: s("xp"),
        name: s("XP"),
        description: opt(full, "d"),
        badge_url: opt(full, "https://example.com/b.png"),
        max_points: full.then_some(100),
    }
}

#[expect(
    clippy::option_option,
    reason = "absent, null and a level are three answers"
)]
pub(crate) fn event_points(
    full: bool,
    level: Option<Option<app::PointsLevel>>,
) -> app::MetricEventPointsResponse {
    let app::PointsResponse {
        id,
        key,
        name,
        description,
        badge_url,
        max_points,
    } = points(full);
    let awards = vec![award(full)];
    app::MetricEventPointsResponse {
        id,
        key,
        name,
        description,
        badge_url,
        max_points,
        total: 10,
        level,
        added: 10,
        awards,
    }
}

pub(crate) fn streak(full: bool) -> app::BaseStreakResponse {
    app::BaseStreakResponse {
        length: i64::from(full),
        frequency: StreakFrequency::Daily,
        started: opt(full, DATE),
        period_start: opt(full, DATE),
        period_end: opt(full, DATE),
        expires: opt(full, DATE),
        freezes: full.then_some(1),
        max_freezes: full.then_some(2),
        freeze_auto_earn_interval: full.then_some(7),
        freeze_auto_earn_amount: full.then_some(1),
    }
}

fn event_streak(full: bool) -> app::MetricEventStreakResponse {
    let base = streak(full);
    app::MetricEventStreakResponse {
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
        extended: full,
    }
}

pub(crate) fn leaderboard(full: bool) -> app::LeaderboardResponse {
    app::LeaderboardResponse {
        id: s(ID),
        name: s("L"),
        key: s("l"),
        status: app::LeaderboardStatus::Active,
        rank_by: RankBy::Metric,
        breakdown_attribute: opt(full, "city"),
        breakdown_attributes: list(full, s("city")),
        user_attributes: list(full, filter()),
        metric_key: opt(full, "m"),
        metric_name: opt(full, "m"),
        points_system_key: opt(full, "p"),
        points_system_name: opt(full, "p"),
        description: opt(full, "d"),
        start: s(DATE),
        end: opt(full, DATE),
        start_time: opt(full, "09:00"),
        end_time: opt(full, "17:00:00"),
        max_participants: full.then_some(100),
        run_unit: full.then_some(RunUnit::Day),
        run_interval: full.then_some(7),
    }
}

fn event_leaderboard(full: bool) -> app::MetricEventLeaderboardResponse {
    let board = leaderboard(full);
    app::MetricEventLeaderboardResponse {
        id: board.id,
        name: board.name,
        key: board.key,
        status: board.status,
        rank_by: board.rank_by,
        breakdown_attribute: board.breakdown_attribute,
        breakdown_attributes: board.breakdown_attributes,
        user_attributes: board.user_attributes,
        metric_key: board.metric_key,
        metric_name: board.metric_name,
        points_system_key: board.points_system_key,
        points_system_name: board.points_system_name,
        description: board.description,
        start: board.start,
        end: board.end,
        start_time: board.start_time,
        end_time: board.end_time,
        max_participants: board.max_participants,
        run_unit: board.run_unit,
        run_interval: board.run_interval,
        rank: full.then_some(1),
        previous_rank: full.then_some(2),
        threshold: 0,
        breakdown_attribute_value: opt(full, "london"),
        breakdown_attribute_values: full.then(|| {
            vec![app::BreakdownAttributeValue {
                key: s("city"),
                value: s("london"),
            }]
        }),
    }
}

pub(crate) fn user_leaderboard(full: bool) -> app::UserLeaderboardResponse {
    app::UserLeaderboardResponse {
        leaderboard: leaderboard(full),
        rank: full.then_some(1),
        value: full.then_some(10),
    }
}

/// An event response. The full one shows a level gained, the minimal one changes nothing.
pub(crate) fn event(full: bool) -> app::EventResponse {
    app::EventResponse {
        event_id: s(ID),
        metric_id: s(ID),
        total: 750.0,
        achievements: list(full, user_achievement(true)),
        current_streak: event_streak(full),
        points: [
            (s("gained"), event_points(true, Some(Some(level(true))))),
            (s("fell"), event_points(true, Some(None))),
            (s("same"), event_points(false, None)),
        ]
        .into_iter()
        .filter(|_| full)
        .collect(),
        leaderboards: [
            (s("a"), event_leaderboard(true)),
            (s("b"), event_leaderboard(false)),
        ]
        .into_iter()
        .filter(|_| full)
        .collect(),
        idempotency_key: opt(full, "k"),
        idempotent_replayed: full.then_some(false),
    }
}

fn preferences(full: bool) -> app::UserPreferencesResponse {
    let channels = || {
        full.then(|| {
            vec![
                app::NotificationChannel::Email,
                app::NotificationChannel::Push,
            ]
        })
    };
    app::UserPreferencesResponse {
        notifications: app::NotificationPreferences {
            achievement_completed: channels(),
            recap: channels(),
            reactivation: channels(),
            streak_reminder: channels(),
        },
        streak: full.then(|| app::StreakPreferences {
            enabled: Some(true),
            evaluation_mode: Some(EvaluationMode::And),
            metrics: Some(vec![app::StreakMetricPreference {
                key: s("m"),
                threshold: 0.5,
            }]),
            days_off: Some(vec![0, 6]),
        }),
    }
}

fn wrapped(full: bool) -> app::WrappedResponse {
    let metric = app::WrappedMetric {
        name: s("m"),
        units: opt(full, "km"),
        current_total: 1.5,
        change_this_period: 1.5,
        percent_change: 100.0,
        percentile_this_period: full.then_some(50.0),
        by_attribute: map(
            full,
            map(
                full,
                app::WrappedMetricByAttributeValue {
                    name: s("m"),
                    units: opt(full, "km"),
                    current_total: 1.5,
                    change_this_period: 1.5,
                    percent_change: 100.0,
                    percentile_this_period: full.then_some(50.0),
                },
            ),
        ),
    };
    let points = app::WrappedPoints {
        name: s("p"),
        description: opt(full, "d"),
        current_total: 1.0,
        change_this_period: 1.0,
        percent_change: 100.0,
        percentile_this_period: full.then_some(50.0),
    };
    let activity = app::WrappedActivityPeriod {
        metrics: map(full, metric),
        points: map(full, points),
        achievements: list(full, user_achievement(true)),
        leaderboards: map(full, user_leaderboard(true)),
    };
    app::WrappedResponse {
        user: user(full),
        activity: app::WrappedActivity {
            days_active: 0,
            weeks_active: 0,
            months_active: 0,
            most_active_day: app::WrappedMostActiveDay {
                activity: activity.clone(),
                date: s(DATE),
            },
            most_active_week: app::WrappedMostActiveWeek {
                activity: activity.clone(),
                start: s(DATE),
                end: s(DATE),
            },
            most_active_month: app::WrappedMostActiveMonth {
                activity: activity.clone(),
                month: 0,
            },
            entire_year: app::WrappedEntireYear {
                activity,
                longest_streak: app::WrappedStreak {
                    length: 0,
                    frequency: StreakFrequency::Monthly,
                    period_start: opt(full, DATE),
                    period_end: opt(full, DATE),
                    started: opt(full, DATE),
                },
            },
        },
    }
}

pub(crate) fn application(operation: &str, full: bool) -> Option<Value> {
    let value = match operation {
        "achievements_all" => to_value(list(true, achievement_with_stats(full))),
        "achievements_complete" => to_value(app::AchievementCompletionResponse {
            completion_id: s(ID),
            achievement: user_achievement(full),
            points: map(full, event_points(full, None)),
        }),
        "metrics_event" => to_value(event(full)),
        "users_create" | "users_get" | "users_identify" | "users_update" => to_value(user(full)),
        "users_get_preferences" | "users_update_preferences" => to_value(preferences(full)),
        "users_all_metrics" | "users_single_metric" => {
            let metric = app::MetricResponse {
                id: s(ID),
                key: s("m"),
                name: s("M"),
                status: app::MetricStatus::Active,
                current: 0.0,
                achievements: list(full, user_achievement(false)),
            };
            if operation == "users_all_metrics" {
                to_value([metric])
            } else {
                to_value(metric)
            }
        }
        "users_metric_event_summary" | "users_points_event_summary" => {
            to_value([app::EventSummaryItem {
                date: s(DATE),
                total: 1.0,
                change: -0.5,
            }])
        }
        "users_achievements" => to_value([app::UserAchievementWithStatsResponse {
            achievement: achievement_with_stats(full),
            achieved_at: opt(full, INSTANT),
        }]),
        "users_streak" => to_value(app::StreakResponse {
            streak: streak(full),
            extended: opt(full, INSTANT),
            streak_history: vec![app::StreakHistoryItem {
                period_start: s(DATE),
                period_end: s(DATE),
                length: 1,
                used_freeze: full.then_some(false),
                used_pause: false,
                reset_at: opt(full, INSTANT),
            }],
            pauses: list(
                full,
                app::StreakPauseItem {
                    id: s(ID),
                    start: s(DATE),
                    end: s(DATE),
                },
            ),
            rank: full.then_some(1),
        }),
        "streaks_list" => to_value([app::BulkStreakResponseItem {
            user_id: s("18"),
            streak_length: 1,
            extended: opt(full, INSTANT),
        }]),
        "users_points" => to_value(app::GetUserPointsResponse {
            system: points(full),
            total: 10,
            level: full.then(|| level(full)),
            awards: vec![award(full)],
        }),
        "users_points_boosts" | "points_boosts" => to_value([boost(full)]),
        "users_leaderboard" => to_value(app::UserLeaderboardResponseWithHistory {
            leaderboard: user_leaderboard(full),
            history: vec![app::LeaderboardEvent {
                date: s(DATE),
                timestamp: s("2026-01-15T00:00:00.000Z"),
                previous_rank: full.then_some(2),
                rank: full.then_some(1),
                previous_value: full.then_some(5),
                value: full.then_some(10),
            }],
        }),
        "users_wrapped" => to_value(wrapped(full)),
        "points_summary" => to_value([app::PointsRange {
            from: 0,
            to: 0,
            users: 1,
        }]),
        "points_system" => to_value(app::PointsSystemResponse {
            system: points(full),
            triggers: vec![trigger(full)],
        }),
        "points_levels" => to_value([level(full)]),
        "points_level_summary" => to_value([app::PointsLevelSummaryResponseItem {
            level: level(full),
            users: 1,
        }]),
        "leaderboards_all" => to_value([leaderboard(full)]),
        "leaderboards_get" => to_value(app::LeaderboardResponseWithRankings {
            leaderboard: leaderboard(full),
            rankings: vec![app::LeaderboardRanking {
                user_id: s("18"),
                user_name: opt(full, "A"),
                rank: 1,
                value: 10,
            }],
        }),
        _ => return None,
    };
    Some(value.expect("a sample can be written"))
}

fn admin_filter() -> admin::AdminAttributeFilter {
    admin::AdminAttributeFilter {
        attribute_id: s(ID),
        attribute_value: s("pro"),
    }
}

fn image(full: bool) -> Option<admin::Image> {
    full.then(|| admin::Image {
        url: s("https://example.com/b.png"),
    })
}

fn issue(full: bool) -> admin::AdminIssue {
    admin::AdminIssue {
        id: opt(full, ID),
        user_id: opt(full, "18"),
        boost_id: opt(full, ID),
        index: full.then_some(0),
        severity: if full {
            admin::Severity::Warning
        } else {
            admin::Severity::Error
        },
        message: s("because"),
        level: full.then_some(admin::Severity::Warning),
        reason: opt(full, "because"),
    }
}

fn admin_level(full: bool) -> admin::AdminPointsLevel {
    admin::AdminPointsLevel {
        id: s(ID),
        name: s("Bronze"),
        key: s("bronze"),
        points: 0,
        description: String::new(),
        badge: image(full),
    }
}

fn admin_boost(full: bool) -> admin::AdminPointsBoost {
    admin::AdminPointsBoost {
        id: s(ID),
        name: s("b"),
        status: BoostStatus::Scheduled,
        start: s(DATE),
        end: opt(full, DATE),
        multiplier: 1.5,
        rounding: Rounding::Down,
        user_id: opt(full, "18"),
        user_attributes: full.then(|| vec![admin_filter()]),
    }
}

fn admin_trigger(full: bool) -> admin::AdminPointsTrigger {
    admin::AdminPointsTrigger {
        id: s(ID),
        kind: PointsTriggerType::UserCreation,
        points: -10,
        status: admin::AdminTriggerStatus::Inactive,
        user_attributes: list(full, admin_filter()),
        metric_id: opt(full, ID),
        metric_threshold: full.then_some(1),
        event_attributes: full.then(|| vec![admin_filter()]),
        achievement_id: opt(full, ID),
        streak_length: full.then_some(1),
        time_unit: full.then_some(admin::AdminTimeUnit::Hours),
        time_interval: full.then_some(1),
        block_if_out_of_points: false,
    }
}

fn system(full: bool) -> admin::AdminPointsSystem {
    admin::AdminPointsSystem {
        id: s(ID),
        name: s("XP"),
        key: s("xp"),
        description: String::new(),
        status: admin::ArchiveStatus::Active,
        badge: image(full),
        max_points: full.then_some(100),
    }
}

pub(crate) fn admin_leaderboard(full: bool) -> admin::AdminLeaderboard {
    admin::AdminLeaderboard {
        id: s(ID),
        name: s("L"),
        key: s("l"),
        description: opt(full, "d"),
        status: admin::AdminLeaderboardStatus::Inactive,
        rank_by: RankBy::Metric,
        metric_id: opt(full, ID),
        points_system_id: opt(full, ID),
        max_participants: full.then_some(1000),
        start: s(DATE),
        end: opt(full, DATE),
        start_time: opt(full, "09:00"),
        end_time: opt(full, "17:00"),
        breakdown_attributes: list(full, s(ID)),
        user_attributes: list(full, admin_filter()),
        run_unit: full.then_some(RunUnit::Month),
        run_interval: full.then_some(1),
    }
}

pub(crate) fn admin_achievement(full: bool) -> admin::AdminAchievement {
    admin::AdminAchievement {
        id: s(ID),
        name: s("A"),
        description: opt(full, "d"),
        trigger: AchievementTrigger::Anniversary,
        status: admin::AchievementStatus::Locked,
        badge: image(full),
        user_attributes: list(full, admin_filter()),
        key: opt(full, "k"),
        metric_id: opt(full, ID),
        metric_value: full.then_some(0.5),
        event_attributes: full.then(|| vec![admin_filter()]),
        streak_length: full.then_some(1),
        anniversary_years: full.then_some(1),
        achievement_ids: full.then(|| vec![s(ID)]),
    }
}

fn tenant() -> admin::AdminTenant {
    admin::AdminTenant {
        id: s(ID),
        customer_id: s("customer_1"),
        name: s("T"),
        status: admin::ArchiveStatus::Archived,
        created: s(INSTANT),
        updated: s(INSTANT),
    }
}

fn answer<T: serde::Serialize + Clone>(
    verb: &str,
    item: T,
    full: bool,
) -> serde_json::Result<Value> {
    match verb {
        "list" => to_value([item]),
        "get" => to_value(item),
        "create" => to_value(admin::Created {
            created: vec![item],
            issues: vec![issue(full)],
        }),
        "update" => to_value(admin::Updated {
            updated: vec![item],
            issues: vec![issue(full)],
        }),
        "delete" => to_value(admin::Deleted {
            deleted: vec![admin::DeletedResource { id: s(ID) }],
            issues: vec![issue(full)],
        }),
        _ => Ok(Value::Null),
    }
}

pub(crate) fn admin(operation: &str, full: bool) -> Option<Value> {
    let (resource, verb) = operation.strip_prefix("admin_")?.rsplit_once('_')?;
    let value = match (resource, verb) {
        ("attributes", _) => answer(
            verb,
            admin::AdminAttribute {
                id: s(ID),
                name: s("A"),
                key: s("a"),
                kind: admin::AttributeType::Event,
            },
            full,
        ),
        ("metrics_batch", "events") => to_value(admin::BatchEventsResponse { accepted: 2 }),
        ("metrics", _) => answer(
            verb,
            admin::CreatedMetric {
                id: s(ID),
                name: s("M"),
                key: s("m"),
                unit_type: admin::UnitType::Currency,
                units: s("USD"),
            },
            full,
        ),
        ("points_systems", "create") => answer(
            verb,
            admin::CreatedAdminPointsSystem {
                system: system(full),
                levels: full.then(|| vec![admin_level(full)]),
                boosts: full.then(|| vec![admin_boost(full)]),
                triggers: full.then(|| vec![admin_trigger(full)]),
            },
            full,
        ),
        ("points_systems", _) => answer(verb, system(full), full),
        ("points_levels", _) => answer(verb, admin_level(full), full),
        ("points_boosts", _) => answer(verb, admin_boost(full), full),
        ("points_triggers", _) => answer(verb, admin_trigger(full), full),
        ("leaderboards", _) => answer(verb, admin_leaderboard(full), full),
        ("streaks_freezes", _) => to_value(admin::CreateStreakFreezesResponse {
            issues: vec![issue(full)],
        }),
        ("streaks_pauses", _) => answer(
            verb,
            admin::AdminStreakPause {
                id: s(ID),
                user_id: s("18"),
                start: s(DATE),
                end: s(DATE),
                status: admin::ArchiveStatus::Active,
            },
            full,
        ),
        ("streaks", "restore") => to_value(admin::RestoreStreaksResponse {
            restored_users: vec![s("18")],
            issues: vec![issue(full)],
        }),
        ("streaks", "reset") => to_value(admin::ResetStreaksResponse {
            reset_users: vec![s("18")],
            issues: vec![issue(full)],
        }),
        ("application_api_keys", _) => answer(
            verb,
            admin::CreatedApplicationKey {
                id: s(ID),
                user_id: s("18"),
                key: s("app_1.2"),
                prefix: s("app_1"),
            },
            full,
        ),
        ("tenants", _) => answer(verb, tenant(), full),
        ("achievements", _) => answer(verb, admin_achievement(full), full),
        ("environments", "list") => to_value([admin::AdminEnvironment {
            name: s("Production"),
            key: s("production"),
            priority: 1,
        }]),
        ("streaks_settings", _) => to_value(admin::StreakSettings {
            frequency: StreakFrequency::Weekly,
            evaluation_mode: EvaluationMode::Or,
            customization_enabled: false,
            days_off: Vec::new(),
            metrics: vec![admin::StreakSettingsMetric {
                key: s("m"),
                threshold: 1,
            }],
            freezes: full.then_some(admin::StreakSettingsFreezes {
                start_count: 1,
                max_count: 2,
                auto_earn_interval: None,
                auto_earn_amount: None,
            }),
        }),
        ("settings", _) => to_value(admin::AdminSettings {
            branding: admin::AdminSettingsBranding {
                app_name: s("My App"),
                app_url: s("https://example.com"),
                brand_color: s("#000000"),
                font: admin::Font::ModernSans,
                logo: image(full),
                app_icon: image(full),
            },
            experimentation: admin::AdminSettingsExperimentation {
                control_ratio: 0,
                user_activation_window: 14,
            },
            aggregation_period: admin::AggregationPeriod::Weekly,
        }),
        _ => return None,
    };
    Some(value.expect("a sample can be written")).filter(|value| *value != json!(null))
}

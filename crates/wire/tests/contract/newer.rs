//! What the client 1.27.0 requires (`spec/trophy.md` Appendix C), which the contract 1.21.1 does not know or not demand.

use serde_json::{Value, to_value};

use crate::samples;

/// Panics unless every listed member is there and not null.
fn check(what: &str, value: &Value, required: &str) {
    let members = value
        .as_object()
        .unwrap_or_else(|| panic!("{what} is not an object: {value}"));
    for name in required.split_whitespace() {
        let member = members
            .get(name)
            .unwrap_or_else(|| panic!("{what} lacks {name}: {value}"));
        assert!(!member.is_null(), "{what}.{name} is null");
    }
}

fn application(operation: &str) -> Value {
    samples::application(operation, false).expect("a sample")
}

fn admin(operation: &str) -> Value {
    samples::admin(operation, false).expect("a sample")
}

const LEADERBOARD: &str = "id name key rankBy breakdownAttributes start userAttributes status";
const TRIGGER: &str = "id type points status userAttributes created updated";
const ACHIEVEMENT: &str = "id name trigger userAttributes";

#[test]
fn minimal_application_answers_have_what_the_client_requires() {
    check(
        "User",
        &application("users_get"),
        "id subscribeToEmails attributes control created updated",
    );
    check(
        "LeaderboardResponse",
        &application("leaderboards_all")[0],
        LEADERBOARD,
    );
    check(
        "LeaderboardResponseWithRankings",
        &application("leaderboards_get"),
        LEADERBOARD,
    );
    check(
        "LeaderboardRanking",
        &application("leaderboards_get")["rankings"][0],
        "userId rank value",
    );
    check(
        "UserLeaderboardResponseWithHistory",
        &application("users_leaderboard"),
        LEADERBOARD,
    );
    check(
        "LeaderboardEvent",
        &application("users_leaderboard")["history"][0],
        "date timestamp",
    );
    check(
        "PointsSystemResponse",
        &application("points_system"),
        "id key name triggers",
    );
    check(
        "PointsTrigger",
        &application("points_system")["triggers"][0],
        TRIGGER,
    );
    check(
        "trigger of an award",
        &application("users_points")["awards"][0]["trigger"],
        TRIGGER,
    );
    check(
        "AchievementWithStatsResponse",
        &application("achievements_all")[0],
        ACHIEVEMENT,
    );
    check(
        "UserAchievementWithStatsResponse",
        &application("users_achievements")[0],
        ACHIEVEMENT,
    );
    check(
        "UserAchievementWithStatsResponse",
        &application("users_achievements")[0],
        "completions rarity",
    );
    check(
        "AchievementCompletionResponse",
        &application("achievements_complete"),
        "completionId achievement points",
    );
    let streak = application("users_streak");
    check(
        "StreakResponse",
        &streak,
        "length frequency streakHistory pauses",
    );
    check(
        "StreakHistoryItem",
        &streak["streakHistory"][0],
        "periodStart periodEnd length usedPause",
    );
    assert_eq!(streak["rank"], Value::Null);
}

#[test]
fn parts_of_an_event_response_have_what_the_client_requires() {
    let event = to_value(samples::event(false)).expect("a sample");
    check(
        "EventResponse",
        &event,
        "eventId metricId total achievements currentStreak points leaderboards",
    );
    check(
        "MetricEventStreakResponse",
        &event["currentStreak"],
        "length frequency extended",
    );
    assert_eq!(event.get("idempotencyKey"), None);
    assert_eq!(event.get("idempotentReplayed"), None);

    let event = to_value(samples::event(true)).expect("a sample");
    check(
        "MetricEventPointsResponse",
        &event["points"]["same"],
        "id key name total added awards",
    );
    check(
        "trigger of an award",
        &event["points"]["same"]["awards"][0]["trigger"],
        TRIGGER,
    );
    check(
        "MetricEventLeaderboardResponse",
        &event["leaderboards"]["b"],
        LEADERBOARD,
    );
    check(
        "MetricEventLeaderboardResponse",
        &event["leaderboards"]["b"],
        "threshold",
    );
    check(
        "UserAchievementResponse",
        &event["achievements"][0],
        ACHIEVEMENT,
    );
}

#[test]
fn a_level_is_absent_null_or_there() {
    let event = to_value(samples::event(true)).expect("a sample");
    assert_eq!(event["points"]["same"].get("level"), None);
    assert_eq!(event["points"]["fell"].get("level"), Some(&Value::Null));
    assert_eq!(event["points"]["gained"]["level"]["key"], "bronze");
    assert_eq!(application("users_points").get("level"), Some(&Value::Null));
}

#[test]
fn minimal_admin_answers_have_what_the_client_requires() {
    check(
        "AdminLeaderboard",
        &admin("admin_leaderboards_get"),
        "id name key status rankBy start breakdownAttributes userAttributes",
    );
    check(
        "AdminAchievement",
        &admin("admin_achievements_get"),
        "id name trigger status userAttributes",
    );
    check(
        "AdminEnvironment",
        &admin("admin_environments_list")[0],
        "name key priority",
    );
    check(
        "ResetStreaksResponse",
        &admin("admin_streaks_reset"),
        "resetUsers issues",
    );
    let settings = admin("admin_settings_get");
    check(
        "AdminSettings",
        &settings,
        "branding experimentation aggregationPeriod",
    );
    check(
        "AdminSettingsBranding",
        &settings["branding"],
        "appName appUrl brandColor font",
    );
    check(
        "AdminSettingsExperimentation",
        &settings["experimentation"],
        "controlRatio userActivationWindow",
    );
    check(
        "StreakSettings",
        &admin("admin_streaks_settings_get"),
        "frequency evaluationMode customizationEnabled daysOff metrics",
    );
}

#[test]
fn admin_leaderboards_leave_out_what_is_unset() {
    let board = to_value(samples::admin_leaderboard(false)).expect("a sample");
    for name in
        "description metricId pointsSystemId end startTime endTime runUnit runInterval".split(' ')
    {
        assert_eq!(board.get(name), None, "{name}");
    }
    let achievement = to_value(samples::admin_achievement(false)).expect("a sample");
    assert_eq!(achievement.get("description"), Some(&Value::Null));
    assert_eq!(achievement.get("metricId"), None);
}

//! Both dialects on the same users, metrics and purses (docs/decisions.md, "One world").

use serde_json::{Value, json};

use super::{
    activity, balance, configuration, counting, currency, expect, lazy, log, mission, mission_rule,
    missions, paying, reward_rule, transactions, user, with,
};
use crate::support::{TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";

/// A metric with everything that hangs on it in the first dialect, and an activity that names it.
fn set_up(app: &TestApp) {
    let metric = app.create(
        "/metrics",
        &json!({"name": "Purchases", "key": "purchases"}),
    );
    let settings = json!({"metrics": [{"key": "purchases", "threshold": 1}]});
    let answer = app.admin("PATCH", "/admin/v1/streaks/settings", Some(&settings));
    assert_eq!(answer.status, 200, "{}", answer.text);
    app.create(
        "/achievements",
        &json!({"name": "Four", "trigger": "metric", "status": "active", "metricId": metric["id"], "metricValue": 4}),
    );
    app.create(
        "/points",
        &json!({
            "name": "XP", "key": "xp",
            "triggers": [{"type": "metric", "status": "active", "points": 10, "metricId": metric["id"], "metricThreshold": 2}],
        }),
    );
    app.create(
        "/leaderboards",
        &json!({"name": "All", "key": "all", "rankBy": "metric", "metricId": metric["id"], "status": "active"}),
    );
    app.step();
    activity(app, "purchase", &json!({"metric": "purchases"}));
    currency(app, "coins", &json!({}));
    let summed = json!({"incrementExpression": {"var": "event.value"}});
    configuration(
        app,
        &with(counting("three", "purchase", &json!(3)), &summed),
    );
    mission_rule(app, &lazy("rule", &["three"]));
    reward_rule(app, &paying("Mission", "coins", &json!(25.5)));
}

/// One call through the first dialect completes a mission and pays; both dialects show it.
#[test]
fn an_event_of_the_first_dialect_completes_a_mission() {
    on_both(NOW, |app| {
        set_up(app);
        let ada = app.user("ada");
        missions(app, &ada);
        app.travel("2026-03-10T10:00:00Z");
        let event = app.event("purchases", &json!({"id": "ada"}), 3.0);
        assert_eq!(event["total"], 3.0);
        expect(
            &mission(app, &ada, "three", "PERMANENT"),
            &json!({"currentAmount": 3.0, "isCompleted": true, "completedAt": "2026-03-10T10:00:00.000Z"}),
        );
        // The App API.
        let by_ada = app.as_external("ada");
        expect(
            &by_ada.get("/virtual-balances/coins"),
            &json!({"userId": ada, "amount": 25.5, "availableAmount": 25.5}),
        );
        // The first dialect: the whole part, with one award.
        let system = app.get("/v1/points/coins");
        expect(&system, &json!({"key": "coins", "triggers": []}));
        assert_eq!(app.get("/v1/points/coins/levels"), json!([]));
        let points = app.get("/v1/users/ada/points/coins");
        expect(&points, &json!({"total": 25}));
        assert_eq!(
            points["awards"].as_array().map(Vec::len),
            Some(1),
            "{points:#}"
        );
        // And the points of the first dialect in the second one: two purchases are 10 XP, so three are.
        expect(&app.get("/v1/users/ada/points/xp"), &json!({"total": 10}));
        expect(
            &by_ada.get("/virtual-balances/xp"),
            &json!({"userId": ada, "virtualCurrencyId": "xp", "amount": 10.0, "availableAmount": 10.0}),
        );
        let both: Vec<Value> = transactions(app, &ada)
            .iter()
            .map(|entry| entry["virtualCurrencyId"].clone())
            .collect();
        assert!(
            both.contains(&json!("xp")) && both.contains(&json!("coins")),
            "{both:?}"
        );
        // Points are written by their own dialect only.
        let body = json!({"transactions": [{
            "virtualCurrencyId": "xp", "redemptionMode": "AUTO", "amount": 1, "destinationUserId": ada,
        }]});
        app.dash("POST", "/virtual-transactions", &body)
            .refused(409);

        // An idempotent repeat of an event is no second log.
        let headers = [
            ("x-api-key", crate::support::ADMIN),
            ("content-type", "application/json"),
            ("idempotency-key", "once"),
        ];
        reward_rule(app, &paying("Activity", "coins", &json!(1)));
        let body = json!({"user": {"id": "ada"}, "value": 1}).to_string();
        for status in [201, 202] {
            let path = "/v1/metrics/purchases/event";
            let answer = app.raw("POST", path, &headers, Some(body.as_bytes()));
            assert_eq!(answer.status, status, "{}", answer.text);
        }
        assert_eq!(balance(app, &ada, "coins"), (26.5, 26.5));
    });
}

/// One log of the second dialect does everything that an event of the metric does.
#[test]
fn a_log_of_the_second_dialect_is_an_event_of_the_first() {
    on_both(NOW, |app| {
        set_up(app);
        let ada = user(app, "ada", &json!({"timezone": "Europe/Berlin"}));
        missions(app, &ada);
        log(app, &ada, "purchase", &json!(2));
        let metric = |total: f64| {
            assert_eq!(app.get("/v1/users/ada/metrics/purchases")["current"], total);
        };
        let streak = |length: i64| {
            assert_eq!(app.get("/v1/users/ada/streak")["length"], length);
        };
        let achieved = || {
            let all = app.get("/v1/users/ada/achievements");
            all.as_array().unwrap().len()
        };
        metric(2.0);
        streak(1);
        assert_eq!(achieved(), 0);
        expect(&app.get("/v1/users/ada/points/xp"), &json!({"total": 10}));
        let first = app.get("/v1/leaderboards/all")["rankings"][0].clone();
        expect(&first, &json!({"userId": "ada", "value": 2, "rank": 1}));
        expect(
            &mission(app, &ada, "three", "PERMANENT"),
            &json!({"currentAmount": 2.0, "isCompleted": false}),
        );

        // The next day: the streak grows, the achievement is reached (2 + 3 >= 4), points (5 / 2 = 2 awards) and board move.
        app.travel("2026-03-11T09:00:00Z");
        let bob = user(app, "bob", &json!({}));
        log(app, &bob, "purchase", &json!(4));
        let first = app.get("/v1/leaderboards/all")["rankings"][0].clone();
        expect(&first, &json!({"userId": "bob", "value": 4, "rank": 1}));
        log(app, &ada, "purchase", &json!(3));
        metric(5.0);
        streak(2);
        assert_eq!(achieved(), 1);
        expect(&app.get("/v1/users/ada/points/xp"), &json!({"total": 20}));
        let first = app.get("/v1/leaderboards/all")["rankings"][0].clone();
        expect(&first, &json!({"userId": "ada", "value": 5, "rank": 1}));
        assert_eq!(balance(app, &ada, "coins"), (25.5, 25.5));

        // What failed adds nothing to the metric.
        let body =
            json!({"activityId": "purchase", "userId": ada, "value": 100, "outcome": "FAILURE"});
        app.as_user(&ada)
            .call("POST", "/activity-logs", &body)
            .expect(201);
        metric(5.0);
        // A log whose id exists does not add either.
        let body =
            json!({"activityId": "purchase", "userId": ada, "value": 1, "activityLogId": "one"});
        app.as_user(&ada)
            .call("POST", "/activity-logs", &body)
            .expect(201);
        app.as_user(&ada)
            .call("POST", "/activity-logs", &body)
            .refused(409);
        metric(6.0);
        // With a key: once.
        for _ in 0..2 {
            let body = json!({"activityId": "purchase", "userId": ada});
            let more = [("x-idempotency-key", "k")];
            let answer = app
                .as_user(&ada)
                .call_with("POST", "/activity-logs", &body, &more);
            assert_eq!(answer.status, 201, "{}", answer.text);
        }
        metric(7.0);
    });
}

/// Two activities of one metric: a log of one is an event of the metric and so a log of the other, and no second one of itself.
#[test]
fn activities_of_one_metric_are_told_of_each_other() {
    on_both(NOW, |app| {
        set_up(app);
        activity(app, "order", &json!({"metric": "purchases"}));
        let orders = counting("orders", "order", &json!(100));
        let summed = json!({"incrementExpression": {"var": "event.value"}});
        configuration(app, &with(orders, &summed));
        let purchases = counting("purchases", "purchase", &json!(100));
        configuration(app, &with(purchases, &summed));
        mission_rule(app, &lazy("both", &["orders", "purchases"]));
        let ada = user(app, "ada", &json!({}));
        missions(app, &ada);
        log(app, &ada, "purchase", &json!(2));
        log(app, &ada, "order", &json!(3));
        app.event("purchases", &json!({"id": "ada"}), 4.0);
        assert_eq!(app.get("/v1/users/ada/metrics/purchases")["current"], 9.0);
        for name in ["orders", "purchases"] {
            expect(
                &mission(app, &ada, name, "PERMANENT"),
                &json!({"currentAmount": 9.0}),
            );
        }
        // What failed is a log of its own activity only, and no event of the metric.
        let body = json!({"activityId": "order", "userId": ada, "value": 5, "outcome": "FAILURE"});
        app.as_user(&ada)
            .call("POST", "/activity-logs", &body)
            .expect(201);
        for (name, sum) in [("orders", 14.0), ("purchases", 9.0)] {
            expect(
                &mission(app, &ada, name, "PERMANENT"),
                &json!({"currentAmount": sum}),
            );
        }
    });
}

/// A user whom the first dialect makes by the way is a user of the second, and the other way round.
#[test]
fn users_are_the_same() {
    on_both(NOW, |app| {
        set_up(app);
        let welcome = json!({
            "assignmentMode": "EVENT", "eventMatchType": "ENTITY", "eventMatchEntity": "User",
            "eventMatchCondition": true,
        });
        configuration(app, &counting("welcome", "purchase", &json!(2)));
        mission_rule(app, &with(lazy("welcome", &["welcome"]), &welcome));
        let event = json!({"id": "eve", "tz": "Asia/Tokyo", "name": "Eve"});
        app.event("purchases", &event, 1.0);
        let eve = app.user("eve");
        let me = app.as_user(&eve).get("/users/me");
        expect(
            &me,
            &json!({"userId": eve, "externalId": "eve", "timezone": "Asia/Tokyo", "nickname": "Eve"}),
        );
        // She was made before she bought, so that her first purchase counts for her welcome.
        expect(
            &mission(app, &eve, "welcome", "PERMANENT"),
            &json!({"currentAmount": 1.0, "targetAmount": 2.0}),
        );
        user(
            app,
            "ugo",
            &json!({"nickname": "Ugo B.", "timezone": "Europe/Rome"}),
        );
        expect(
            &app.get("/v1/users/ugo"),
            &json!({"id": "ugo", "name": "Ugo B.", "tz": "Europe/Rome"}),
        );
    });
}

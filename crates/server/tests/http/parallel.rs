//! Many clients at once: one user's events are serialised, one idempotency key has one effect.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{ADMIN, TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";
const CLIENTS: usize = 64;

fn at_once(work: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let work = &work;
            scope.spawn(move || work(number));
        }
    });
}

fn set_up(app: &TestApp) {
    let metric = app.create("/metrics", &json!({"name": "Steps", "key": "steps"}));
    app.create(
        "/points",
        &json!({
            "name": "XP", "key": "xp",
            "triggers": [{"type": "metric", "status": "active", "points": 1, "metricId": metric["id"], "metricThreshold": 2}],
        }),
    );
    app.create(
        "/leaderboards",
        &json!({"name": "All", "key": "all", "rankBy": "metric", "metricId": metric["id"], "status": "active"}),
    );
}

#[test]
fn parallel_events_of_one_user_all_count_and_none_is_refused() {
    on_both(NOW, |app| {
        set_up(app);
        at_once(|_| {
            app.event("steps", &json!({"id": "u"}), 1.0);
        });
        assert_eq!(app.get("/v1/users/u/metrics/steps")["current"], 64.0);
        let points = app.get("/v1/users/u/points/xp?awards=100");
        assert_eq!(points["total"], 32);
        assert_eq!(points["awards"].as_array().map(Vec::len), Some(32));
        assert_eq!(app.get("/v1/leaderboards/all")["rankings"][0]["value"], 64);
    });
}

#[test]
fn sixty_four_clients_with_one_key_have_one_effect() {
    on_both(NOW, |app| {
        set_up(app);
        let (created, replayed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let body = json!({"user": {"id": "u"}, "value": 2}).to_string();
        at_once(|_| {
            let headers = [
                ("x-api-key", ADMIN),
                ("content-type", "application/json"),
                ("idempotency-key", "the-one"),
            ];
            let answer = app.raw(
                "POST",
                "/v1/metrics/steps/event",
                &headers,
                Some(body.as_bytes()),
            );
            let is_replay = answer.json["idempotentReplayed"] == true;
            match (answer.status, is_replay) {
                (201, false) => created.fetch_add(1, Ordering::SeqCst),
                (202, true) => replayed.fetch_add(1, Ordering::SeqCst),
                _ => panic!("{} {}", answer.status, answer.text),
            };
        });
        assert_eq!(
            (created.into_inner(), replayed.into_inner()),
            (1, CLIENTS - 1)
        );
        assert_eq!(app.get("/v1/users/u/metrics/steps")["current"], 2.0);
        assert_eq!(app.get("/v1/users/u/points/xp")["total"], 1);
    });
}

#[test]
fn whatever_a_key_makes_is_made_once_and_answered_alike() {
    on_both(NOW, |app| {
        let dashboard = app.dashboard();
        app.publish(
            "/mission-configurations",
            "missionConfigurationId",
            &json!({
                "missionConfigurationId": "c", "name": "c", "missionType": "INDIVIDUAL",
                "matchType": "ENTITY", "matchEntity": "Activity", "matchCondition": {"==": [1, 1]},
                "incrementExpression": {"+": [1]}, "targetAmountExpression": {"+": [3]},
                "defaultLang": "en", "translations": [{"lang": "en", "label": "C"}],
            }),
        );
        let same = |path: &str, body: &Value| {
            let answers = Mutex::new(BTreeSet::new());
            at_once(|_| {
                let key = [("x-idempotency-key", "the-one")];
                let answer = dashboard.call_with("POST", path, body, &key);
                assert_eq!(answer.status, 201, "{}", answer.text);
                answers.lock().unwrap().insert(answer.text);
            });
            let answers = answers.into_inner().unwrap();
            assert_eq!(answers.len(), 1, "{answers:?}");
            serde_json::from_str::<Value>(answers.first().unwrap()).unwrap()
        };
        let user = same(
            "/users",
            &json!({"email": "ada@example.com", "externalId": "ada"}),
        );
        same(
            "/missions",
            &json!({
                "missionType": "INDIVIDUAL", "userId": user["userId"], "missionConfigurationId": "c",
                "timeframeType": "PERMANENT", "startsAt": "2026-03-10T00:00:00.000Z",
            }),
        );
    });
}

#[test]
fn parallel_users_share_a_board_without_losing_a_rank() {
    on_both(NOW, |app| {
        set_up(app);
        at_once(|number| {
            for _ in 0..3 {
                app.event(
                    "steps",
                    &json!({"id": format!("u{number}")}),
                    number_as_f64(number + 1),
                );
            }
        });
        let board = app.get("/v1/leaderboards/all?limit=100");
        let values: Vec<i64> = board["rankings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["value"].as_i64().unwrap())
            .collect();
        let expected: Vec<i64> = (1..=64).rev().map(|number| number * 3).collect();
        assert_eq!(values, expected);
    });
}

fn number_as_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

#[test]
fn endpoints_and_configuration_change_at_once_without_waiting_for_each_other() {
    on_both(NOW, |app| {
        set_up(app);
        let system = app.get("/admin/v1/points")[0]["id"].clone();
        let system = system.as_str().unwrap();
        let hook =
            json!({"name": "Hook", "url": "https://example.com/", "events": ["streak.lost"]});
        let hook = app.create("/webhooks", &hook)["id"].clone();
        at_once(|number| {
            let answer = if number % 2 == 0 {
                let renamed = json!([{"id": hook, "name": format!("Hook {number}")}]);
                app.admin("PATCH", "/admin/v1/webhooks", Some(&renamed))
            } else {
                let boost = json!([{"name": "Double", "start": "2026-03-10", "multiplier": 2}]);
                let path = format!("/admin/v1/points/{system}/boosts");
                app.admin("POST", &path, Some(&boost))
            };
            // Whoever waits for a row longer than the store allows is told that the server is busy.
            assert!(answer.status < 300, "{} {}", answer.status, answer.text);
        });
        app.event("steps", &json!({"id": "u"}), 1.0);
    });
}

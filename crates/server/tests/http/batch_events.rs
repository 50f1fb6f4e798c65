//! Events in batches: acknowledged at once, carried out like single ones (spec/trophy.md 3.8).

use engine::command::{Command, RecordEvent};
use engine::user::Patch;
use serde_json::{Value, json};
use server::desk::{Ticket, Verdict};
use store::Space;

use crate::support::{ADMIN, Answer, TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";
const PATH: &str = "/admin/v1/metrics/events";

fn send(app: &TestApp, items: &Value) -> Answer {
    app.admin("POST", PATH, Some(items))
}

/// Sends a batch that is taken.
#[track_caller]
fn accept(app: &TestApp, items: &Value) {
    let taken = send(app, items).expect(202);
    assert_eq!(taken, json!({"accepted": items.as_array().unwrap().len()}));
}

fn depth(app: &TestApp) -> i64 {
    let store = &app.app.room.store;
    store.read(store::event_queue::depth).unwrap()
}

fn set_up(app: &TestApp) {
    let metric = app.create("/metrics", &json!({"name": "Words", "key": "words"}));
    app.create("/metrics", &json!({"name": "Pages", "key": "pages"}));
    app.create(
        "/attributes",
        &json!({"name": "Book", "key": "book", "type": "event"}),
    );
    app.create(
        "/attributes",
        &json!({"name": "Plan", "key": "plan", "type": "user"}),
    );
    app.create(
        "/points",
        &json!({
            "name": "XP", "key": "xp",
            "triggers": [{"type": "metric", "status": "active", "points": 1, "metricId": metric["id"], "metricThreshold": 10}],
        }),
    );
    app.create(
        "/achievements",
        &json!({"name": "Ten", "trigger": "metric", "status": "active", "metricId": metric["id"], "metricValue": 10}),
    );
    app.create(
        "/leaderboards",
        &json!({"name": "All", "key": "all", "rankBy": "metric", "metricId": metric["id"], "status": "active"}),
    );
    let settings = json!({"metrics": [{"key": "words", "threshold": 1}], "frequency": "daily"});
    let answer = app.admin("PATCH", "/admin/v1/streaks/settings", Some(&settings));
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Everything that can be read of users, without ids and the instant of the last change.
fn seen(app: &TestApp, users: &[&str]) -> Vec<Value> {
    let mut all = Vec::new();
    for user in users {
        for path in [
            "",
            "/metrics",
            "/achievements",
            "/streak",
            "/points/xp?awards=100",
        ] {
            all.push(app.get(&format!("/v1/users/{user}{path}")));
        }
        all.push(app.get(&format!("/v1/users/{user}/leaderboards/all")));
    }
    all.push(app.get("/v1/leaderboards/all"));
    for value in &mut all {
        strip(value);
    }
    all
}

/// Ids and instants of making differ between two processes.
fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|key, _| {
                !["id", "created", "updated", "date", "achievedAt", "metricId"]
                    .contains(&key.as_str())
            });
            members.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

#[test]
fn a_batch_does_what_single_calls_do() {
    let mut shown = Vec::new();
    for is_batch in [false, true] {
        let shown_here = std::sync::Mutex::new(Vec::new());
        on_both(NOW, |app| {
            set_up(app);
            let items = json!([
                {"key": "words", "user": {"id": "ada", "name": "Ada", "tz": "Europe/Rome"}, "value": 7},
                {"key": "words", "user": {"id": "bob"}, "value": 25.5, "attributes": {"book": "red"}},
                {"key": "pages", "user": {"id": "ada", "attributes": {"plan": "pro"}}, "value": 1},
                {"key": "words", "user": {"id": "ada"}, "value": 30},
                {"key": "words", "user": {"id": "bob", "name": null}, "value": -2},
                {"key": "words", "user": {"id": "bob"}, "value": 0},
            ]);
            if is_batch {
                accept(app, &items);
                assert_eq!(depth(app), 6);
                assert_eq!(app.admin("GET", "/v1/users/ada", None).status, 404);
                app.step();
                assert_eq!(depth(app), 0);
            } else {
                for item in items.as_array().unwrap() {
                    let mut body = item.clone();
                    let key = body["key"].as_str().unwrap().to_owned();
                    body.as_object_mut().unwrap().remove("key");
                    let path = format!("/v1/metrics/{key}/event");
                    app.admin("POST", &path, Some(&body)).expect(201);
                }
            }
            let seen = seen(app, &["ada", "bob"]);
            shown_here.lock().unwrap().push(seen);
        });
        shown.extend(shown_here.into_inner().unwrap());
    }
    assert_eq!(shown.len(), 4);
    for other in &shown[1..] {
        assert_eq!(other, &shown[0]);
    }
}

#[test]
fn items_of_a_user_are_carried_out_in_their_order() {
    on_both(NOW, |app| {
        set_up(app);
        // The last name stands, and a user who did not exist has the first event first.
        let items: Vec<Value> = (0..900)
            .map(|number| {
                let user = format!("u{}", number % 3);
                json!({"key": "words", "user": {"id": user, "name": format!("{number}")}, "value": 1})
            })
            .collect();
        accept(app, &json!(items));
        app.step();
        for user in 0..3 {
            let id = format!("u{user}");
            let shown = app.get(&format!("/v1/users/{id}"));
            assert_eq!(shown["name"], format!("{}", 897 + user));
            assert_eq!(
                app.get(&format!("/v1/users/{id}/metrics/words"))["current"],
                300.0
            );
            let awards = app.get(&format!("/v1/users/{id}/points/xp?awards=100"));
            let totals: Vec<i64> = awards["awards"]
                .as_array()
                .unwrap()
                .iter()
                .map(|award| award["total"].as_i64().unwrap())
                .collect();
            let expected: Vec<i64> = (1..=30).rev().collect();
            assert_eq!(totals, expected);
        }
        // They all have the same value: who came first in the batch is ahead.
        let board = app.get("/v1/leaderboards/all");
        let order: Vec<&str> = board["rankings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["userId"].as_str().unwrap())
            .collect();
        assert_eq!(order, ["u0", "u1", "u2"]);
    });
}

/// spec/trophy.md D.2, last row, and 1.11.
#[test]
fn d2_a_key_has_one_effect_in_a_batch_and_across_calls() {
    on_both(NOW, |app| {
        set_up(app);
        let item = |metric: &str, user: &str, value: i64, key: &str| json!({"key": metric, "user": {"id": user}, "value": value, "idempotencyKey": key});
        accept(
            app,
            &json!([item("words", "ada", 1, "k"), item("words", "ada", 2, "k")]),
        );
        app.step();
        let total = |metric: &str, user: &str| {
            app.get(&format!("/v1/users/{user}/metrics/{metric}"))["current"].clone()
        };
        assert_eq!(total("words", "ada"), 1.0);
        // Another metric, another user: other events.
        accept(
            app,
            &json!([
                item("pages", "ada", 4, "k"),
                item("words", "bob", 8, "k"),
                item("words", "ada", 16, "k"),
            ]),
        );
        app.step();
        assert_eq!(total("words", "ada"), 1.0);
        assert_eq!(total("pages", "ada"), 4.0);
        assert_eq!(total("words", "bob"), 8.0);
        // Across the two ways.
        let headers = |key: &'static str| {
            [
                ("x-api-key", ADMIN),
                ("content-type", "application/json"),
                ("idempotency-key", key),
            ]
        };
        let single = |key: &'static str, status: u16| {
            let body = json!({"user": {"id": "ada"}, "value": 32}).to_string();
            let path = "/v1/metrics/words/event";
            let answer = app.raw("POST", path, &headers(key), Some(body.as_bytes()));
            assert_eq!(answer.status, status, "{}", answer.text);
        };
        single("k", 202);
        single("l", 201);
        accept(app, &json!([item("words", "ada", 64, "l")]));
        app.step();
        assert_eq!(total("words", "ada"), 33.0);
        assert_eq!(depth(app), 0);
    });
}

#[test]
fn a_bad_item_refuses_the_whole_batch_and_says_which_it_is() {
    on_both(NOW, |app| {
        set_up(app);
        let good = json!({"key": "words", "user": {"id": "ada"}, "value": 1});
        let with = |member: &str, value: Value| {
            let mut item = good.clone();
            item[member] = value;
            item
        };
        let without = |member: &str| {
            let mut item = good.clone();
            item.as_object_mut().unwrap().remove(member);
            item
        };
        for (item, status, place) in [
            (with("value", json!("x")), 400, "[1].value"),
            (with("value", json!(null)), 400, "[1].value"),
            (without("value"), 400, "[1]"),
            (without("key"), 400, "[1]"),
            (without("user"), 400, "[1]"),
            (json!(5), 400, "[1]"),
            (json!(["words", {"id": "ada"}, 1]), 400, "[1]"),
            (with("user", json!({"name": "x"})), 400, "[1].user"),
            (with("user", json!("ada")), 400, "[1].user"),
            (
                with("attributes", json!({"book": 5})),
                400,
                "[1].attributes.book",
            ),
            (with("key", json!("nothing")), 404, "[1].key"),
            (with("value", json!(1e15)), 422, "[1]"),
            (with("user", json!({"id": ""})), 422, "[1]"),
            (with("user", json!({"id": "a/b"})), 422, "[1]"),
            (
                with("user", json!({"id": "ada", "tz": "Mars/Base"})),
                422,
                "[1].user",
            ),
            (with("idempotencyKey", json!("")), 422, "[1]"),
            (with("idempotencyKey", json!("k".repeat(1_025))), 422, "[1]"),
            (
                with("attributes", json!({"book": "x".repeat(100_000)})),
                422,
                "[1]",
            ),
            (with("attributes", json!({"book": "\u{0}"})), 422, ""),
        ] {
            let answer = send(app, &json!([good, item]));
            assert_eq!(answer.status, status, "{item}: {}", answer.text);
            let error = answer.json["error"].as_str().unwrap();
            assert!(error.contains(place), "{item}: {error}");
        }
        for body in [
            json!([]),
            json!({}),
            json!(null),
            json!(vec![good.clone(); 1_001]),
        ] {
            let answer = send(app, &body);
            assert_eq!(answer.status, 400, "{}", answer.text);
        }
        assert_eq!(depth(app), 0);
        accept(app, &json!(vec![good; 1_000]));
        app.step();
        assert_eq!(app.get("/v1/users/ada/metrics/words")["current"], 1_000.0);
    });
}

#[test]
fn a_batch_may_be_larger_than_other_bodies() {
    on_both(NOW, |app| {
        set_up(app);
        let item = |size: usize| json!({"key": "words", "user": {"id": "ada"}, "value": 1, "attributes": {"book": "x".repeat(size)}});
        let items = vec![item(900); 1_000];
        accept(app, &json!(items));
        assert!(json!(items).to_string().len() > 900_000);
        let two_mib = json!(
            vec![item(999); 900]
                .into_iter()
                .chain(vec![item(1_000); 100])
                .collect::<Vec<_>>()
        );
        let padded = format!("{}{two_mib}", " ".repeat(1024 * 1024));
        let headers = [("x-api-key", ADMIN), ("content-type", "application/json")];
        let answer = app.raw("POST", PATH, &headers, Some(padded.as_bytes()));
        assert_eq!(answer.status, 202, "{}", answer.text);
        let too_large = " ".repeat(8 * 1024 * 1024 + 1);
        let answer = app.raw("POST", PATH, &headers, Some(too_large.as_bytes()));
        assert_eq!(answer.status, 413, "{}", answer.text);
        let answer = app.raw(
            "POST",
            "/admin/v1/metrics",
            &headers,
            Some(padded.as_bytes()),
        );
        assert_eq!(answer.status, 413, "{}", answer.text);
        app.step();
        assert_eq!(app.get("/v1/users/ada/metrics/words")["current"], 2_000.0);
    });
}

#[test]
fn what_the_rules_refuse_later_is_dropped_and_nothing_gets_stuck() {
    on_both(NOW, |app| {
        set_up(app);
        let pages = app.get("/admin/v1/metrics");
        let pages = pages
            .as_array()
            .unwrap()
            .iter()
            .find(|m| m["key"] == "pages");
        let pages = pages.unwrap()["id"].as_str().unwrap().to_owned();
        app.create(
            "/points",
            &json!({
                "name": "Energy", "key": "energy",
                "triggers": [{
                    "type": "metric", "status": "active", "points": -1, "metricId": pages,
                    "metricThreshold": 1, "blockIfOutOfPoints": true,
                }],
            }),
        );
        let huge = 8_999_999_999_999_i64;
        accept(
            app,
            &json!([
                {"key": "words", "user": {"id": "ada"}, "value": 1, "attributes": {"unknown": "x"}},
                {"key": "words", "user": {"id": "ada", "attributes": {"unknown": "x"}}, "value": 1},
                {"key": "words", "user": {"id": "ada", "subscribeToEmails": true}, "value": 1},
                {"key": "pages", "user": {"id": "bob", "name": "Bob"}, "value": 1},
                {"key": "words", "user": {"id": "eve"}, "value": huge},
                {"key": "words", "user": {"id": "eve"}, "value": huge},
                {"key": "words", "user": {"id": "ada"}, "value": 3},
            ]),
        );
        app.step();
        assert_eq!(depth(app), 0);
        assert_eq!(app.get("/v1/users/ada/metrics/words")["current"], 3.0);
        // The user part of an event that is blocked is kept, as with a single call.
        assert_eq!(app.get("/v1/users/bob")["name"], "Bob");
        assert_eq!(app.get("/v1/users/bob/metrics/pages")["current"], 0.0);
        assert_eq!(
            app.get("/v1/users/eve/metrics/words")["current"],
            8_999_999_999_999.0
        );
        // A metric that goes while its events wait.
        accept(
            app,
            &json!([
                {"key": "pages", "user": {"id": "ada"}, "value": 1},
                {"key": "words", "user": {"id": "ada"}, "value": 4},
            ]),
        );
        let answer = app.admin("DELETE", &format!("/admin/v1/metrics?ids={pages}"), None);
        assert_eq!(answer.status, 200, "{}", answer.text);
        app.step();
        assert_eq!(depth(app), 0);
        assert_eq!(app.get("/v1/users/ada/metrics/words")["current"], 7.0);
    });
}

#[test]
fn an_event_counts_when_its_batch_arrived() {
    on_both("2026-03-10T23:59:58Z", |app| {
        set_up(app);
        app.event("words", &json!({"id": "ada"}), 1.0);
        accept(
            app,
            &json!([
                {"key": "words", "user": {"id": "ada"}, "value": 2},
                {"key": "words", "user": {"id": "bob"}, "value": 2},
                {"key": "words", "user": {"id": "eve"}, "value": 2},
            ]),
        );
        // Hours later: eve has done something since.
        app.jump("2026-03-11T07:00:00Z");
        app.event("words", &json!({"id": "eve"}), 4.0);
        app.step();
        let days = |user: &str| {
            let path = format!(
                "/v1/users/{user}/metrics/words/event-summary?aggregation=daily&startDate=2026-03-10&endDate=2026-03-11"
            );
            let items = app.get(&path);
            let change = |index: usize| items[index]["change"].as_f64().unwrap();
            (change(0), change(1))
        };
        assert_eq!(days("ada"), (3.0, 0.0));
        assert_eq!(days("bob"), (2.0, 0.0));
        assert_eq!(days("eve"), (0.0, 6.0));
        assert_eq!(
            app.get("/v1/users/bob")["created"],
            "2026-03-10T23:59:58.000Z"
        );
        assert_eq!(app.get("/v1/users/bob/streak")["started"], "2026-03-10");
        // Of equal values the one that arrived first is ahead, not the one that was carried out first.
        app.jump("2026-03-11T08:00:00Z");
        accept(
            app,
            &json!([{"key": "words", "user": {"id": "one"}, "value": 9}]),
        );
        app.jump("2026-03-11T08:00:01Z");
        app.event("words", &json!({"id": "two"}), 9.0);
        app.step();
        let board = app.get("/v1/leaderboards/all");
        assert_eq!(board["rankings"][0]["userId"], "one");
        assert_eq!(board["rankings"][1]["userId"], "two");
    });
}

#[test]
fn an_event_that_is_handed_in_twice_is_carried_out_once() {
    on_both(NOW, |app| {
        set_up(app);
        accept(
            app,
            &json!([{"key": "words", "user": {"id": "ada"}, "value": 1}]),
        );
        let store = &app.app.room.store;
        let queued: store::Result<Vec<_>> =
            store.read(|tx| store::event_queue::after(tx, uuid::Uuid::nil(), 10));
        let (space, event): (Space, _) = queued.unwrap().pop().unwrap();
        let ticket = Ticket {
            id: event.id,
            arrived: event.arrived,
        };
        let command = || {
            Command::RecordEvent(RecordEvent {
                metric: "words".to_owned(),
                value: engine::amount::Amount::parse("1").unwrap(),
                attributes: [].into(),
                user: Patch::default(),
                idempotency_key: None,
            })
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let desk = app.app.desk();
        let verdicts = runtime.block_on(async {
            let mut waiting = Vec::new();
            for _ in 0..3 {
                let user = "ada".to_owned();
                let lined_up = desk.line_up_queued(space, user, command(), ticket).await;
                waiting.push(lined_up.unwrap());
            }
            let mut verdicts = Vec::new();
            for one in waiting {
                verdicts.push(one.await.unwrap());
            }
            verdicts
        });
        assert!(matches!(verdicts[0], Verdict::Done(_)), "{verdicts:?}");
        assert!(matches!(verdicts[1], Verdict::Gone), "{verdicts:?}");
        assert!(matches!(verdicts[2], Verdict::Gone), "{verdicts:?}");
        app.step();
        assert_eq!(app.get("/v1/users/ada/metrics/words")["current"], 1.0);
    });
}

#[test]
fn a_batch_stays_in_its_space() {
    on_both(NOW, |app| {
        let answer = app.admin(
            "PATCH",
            "/admin/v1/organization",
            Some(&json!({"multiTenancy": true})),
        );
        assert_eq!(answer.status, 200, "{}", answer.text);
        for tenant in ["one", "two"] {
            app.create("/tenants", &json!({"customerId": tenant, "name": tenant}));
            app.create_in(
                Some(tenant),
                "/metrics",
                &json!({"name": "Words", "key": "words"}),
            );
        }
        app.create_in(
            Some("two"),
            "/metrics",
            &json!({"name": "P", "key": "pages"}),
        );
        let items = |value: i64, key: &str| json!([{"key": key, "user": {"id": "ada"}, "value": value, "idempotencyKey": "k"}]);
        for (tenant, value) in [("one", 1), ("two", 2)] {
            let batch = items(value, "words");
            app.send(ADMIN, Some(tenant), "POST", PATH, Some(&batch))
                .expect(202);
        }
        let batch = items(1, "pages");
        app.send(ADMIN, Some("one"), "POST", PATH, Some(&batch))
            .expect(404);
        app.step();
        for (tenant, value) in [("one", 1.0), ("two", 2.0)] {
            let path = "/v1/users/ada/metrics/words";
            let shown = app.send(ADMIN, Some(tenant), "GET", path, None).expect(200);
            assert_eq!(shown["current"], value);
        }
    });
}

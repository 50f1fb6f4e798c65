//! What is told outside of what happened: which webhooks fire, what they carry, and when (spec/trophy.md 5.11, 9.4).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use store::webhook::Endpoint;
use testkit::contract::{Contract, Findings};
use uuid::Uuid;

use crate::support::{ADMIN, TestApp, on_both};

const NOW: &str = "2026-03-10T10:00:00Z";

/// An endpoint of an environment that wants to be told of these kinds.
fn listen(app: &TestApp, environment: &str, kinds: &[&str]) -> Uuid {
    let now = app.app.room.clock.stamp();
    let endpoint = Endpoint {
        id: app.app.room.ids().uuid(now),
        name: "test".to_owned(),
        url: "http://127.0.0.1:9/".to_owned(),
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        secret: "whsec_test".to_owned(),
        old_secret: None,
        is_active: true,
        disabled_reason: None,
        created: now,
        updated: now,
    };
    let kept: store::Result<()> = app.app.room.store.write(|tx| {
        let environment = store::client::environment(tx, environment)?.unwrap();
        store::webhook::insert(tx, environment, &endpoint)
    });
    kept.unwrap();
    endpoint.id
}

/// Everything there is.
fn listen_to_all(app: &TestApp) -> Uuid {
    let contract = Contract::read("trophy/application.json");
    let kinds: Vec<String> = contract
        .webhooks()
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    listen(app, "production", &kinds)
}

/// What an endpoint was told so far, in order, each checked against the contract.
fn told(app: &TestApp, endpoint: Uuid) -> Vec<Value> {
    let rows: store::Result<Vec<(String, Vec<u8>)>> = app.app.room.store.read(|tx| {
        tx.rows(
            "select kind, body from delivery where endpoint_id = $1 order by id",
            &[endpoint.into()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    });
    let contract = Contract::read("trophy/application.json");
    let webhooks = contract.webhooks();
    let mut findings = Findings::default();
    let mut told = Vec::new();
    for (kind, body) in rows.unwrap() {
        let message: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(message["type"], kind);
        let (_, schema) = webhooks.iter().find(|(known, _)| *known == kind).unwrap();
        contract.check(schema, &message, &kind, &mut findings);
        told.push(message);
    }
    assert_eq!(findings.faults, []);
    told
}

/// The kinds of what an endpoint was told, in order.
fn kinds(app: &TestApp, endpoint: Uuid) -> Vec<String> {
    let told = told(app, endpoint);
    told.iter()
        .map(|message| message["type"].as_str().unwrap().to_owned())
        .collect()
}

/// What is told of streaks, and not that a message is due.
fn of_streaks(app: &TestApp, endpoint: Uuid) -> Vec<Value> {
    let mut told = told(app, endpoint);
    told.retain(|message| message["type"].as_str().unwrap().starts_with("streak."));
    told
}

fn of_kind(app: &TestApp, endpoint: Uuid, kind: &str) -> Vec<Value> {
    let mut told = told(app, endpoint);
    told.retain(|message| message["type"] == kind);
    told
}

fn metric(app: &TestApp, key: &str) -> Value {
    app.create("/metrics", &json!({"name": key, "key": key}))
}

/// One point for each unit of a metric.
fn points(app: &TestApp, metric: &Value, levels: &Value) -> String {
    let system = app.create(
        "/points",
        &json!({
            "name": "XP", "key": "xp", "levels": levels,
            "triggers": [{
                "type": "metric", "status": "active", "points": 1,
                "metricId": metric["id"], "metricThreshold": 1,
            }],
        }),
    );
    format!("/points/{}/triggers", system["id"].as_str().unwrap())
}

fn streaks(app: &TestApp, settings: &Value) {
    let answer = app.admin("PATCH", "/admin/v1/streaks/settings", Some(settings));
    assert_eq!(answer.status, 200, "{}", answer.text);
    app.step();
}

/// spec/trophy.md D.14.
#[test]
fn d14_throttled_changes_of_points() {
    on_both(NOW, |app| {
        let km = metric(app, "km");
        points(app, &km, &json!([]));
        let endpoint = listen(app, "production", &["points.changed"]);
        let user = json!({"id": "u"});
        let expect = |expected: &[(i64, usize, i64)]| {
            let told = told(app, endpoint);
            let seen: Vec<(i64, usize, i64)> = told
                .iter()
                .map(|message| {
                    let points = &message["points"];
                    let awards = points["awards"].as_array().unwrap().len();
                    let number = |name: &str| points[name].as_i64().unwrap();
                    (number("added"), awards, number("total"))
                })
                .collect();
            assert_eq!(seen, expected);
        };
        let mut expected = Vec::new();
        app.event("km", &user, 10.0);
        app.step();
        expected.push((10, 1, 10));
        expect(&expected);
        for (now, value) in [("10:03", 5.0), ("10:09", 5.0)] {
            app.travel(&format!("2026-03-10T{now}:00Z"));
            app.event("km", &user, value);
            app.step();
            expect(&expected);
        }
        app.travel("2026-03-10T10:14:59Z");
        expect(&expected);
        app.travel("2026-03-10T10:15:00Z");
        expected.push((10, 2, 20));
        expect(&expected);
        app.travel("2026-03-10T10:20:00Z");
        app.event("km", &user, 1.0);
        app.travel("2026-03-10T10:29:59Z");
        expect(&expected);
        app.travel("2026-03-10T10:30:00Z");
        expected.push((1, 1, 21));
        expect(&expected);
        // Nothing is left, and what comes after the last window is told at once.
        app.travel("2026-03-10T11:00:00Z");
        expect(&expected);
        app.event("km", &user, 2.0);
        app.step();
        expected.push((2, 1, 23));
        expect(&expected);
        // Others have windows of their own.
        app.event("km", &json!({"id": "v"}), 3.0);
        app.step();
        expected.push((3, 1, 3));
        expect(&expected);
    });
}

/// spec/trophy.md D.5; the changes of a user are minutes apart, and none of them is held back.
#[test]
fn d5_levels() {
    on_both(NOW, |app| {
        let km = metric(app, "km");
        let levels = json!([
            {"name": "Bronze", "key": "bronze", "points": 0},
            {"name": "Silver", "key": "silver", "points": 50},
            {"name": "Gold", "key": "gold", "points": 200},
        ]);
        let triggers = points(app, &km, &levels);
        let loss = metric(app, "loss");
        app.create(
            &triggers,
            &json!({"type": "metric", "status": "active", "points": -1, "metricId": loss["id"], "metricThreshold": 1}),
        );
        let endpoint = listen(app, "production", &["points.level_changed"]);
        let changes = |user: &str, steps: &[(&str, f64)]| {
            let before = told(app, endpoint).len();
            for (metric, value) in steps {
                app.event(metric, &json!({"id": user}), *value);
                app.step();
            }
            told(app, endpoint)[before..]
                .iter()
                .map(|message| {
                    assert_eq!(message["user"]["id"], user);
                    let key = |level: &str| message[level]["key"].as_str().map(str::to_owned);
                    let total = message["points"]["total"].as_i64().unwrap();
                    (key("previousLevel"), key("newLevel"), total)
                })
                .collect::<Vec<_>>()
        };
        let some = |key: &str| Some(key.to_owned());
        let first = (None, some("bronze"));
        let change = |(from, to): (Option<String>, Option<String>), total| (from, to, total);
        // 10 to 40: nothing; 40 to 50.
        assert_eq!(
            changes("a", &[("km", 10.0), ("km", 30.0), ("km", 10.0)]),
            [
                change(first.clone(), 10),
                change((some("bronze"), some("silver")), 50)
            ]
        );
        // 40 to 250 is one change.
        assert_eq!(
            changes("b", &[("km", 40.0), ("km", 210.0)]),
            [
                change(first.clone(), 40),
                change((some("bronze"), some("gold")), 250)
            ]
        );
        // 60 to 45.
        assert_eq!(
            changes("c", &[("km", 60.0), ("loss", 15.0)]),
            [
                change((None, some("silver")), 60),
                change((some("silver"), some("bronze")), 45)
            ]
        );
    });
}

/// spec/trophy.md D.5, last row: below the lowest level there is none.
#[test]
fn d5_below_the_lowest_level() {
    on_both(NOW, |app| {
        let km = metric(app, "km");
        let triggers = points(
            app,
            &km,
            &json!([{"name": "Low", "key": "low", "points": 10}]),
        );
        let loss = metric(app, "loss");
        app.create(
            &triggers,
            &json!({"type": "metric", "status": "active", "points": -1, "metricId": loss["id"], "metricThreshold": 1}),
        );
        let endpoint = listen(
            app,
            "production",
            &["points.level_changed", "points.changed"],
        );
        app.event("km", &json!({"id": "u"}), 12.0);
        app.event("loss", &json!({"id": "u"}), 9.0);
        app.step();
        let levels = of_kind(app, endpoint, "points.level_changed");
        assert_eq!(levels.len(), 2);
        assert_eq!(levels[1]["previousLevel"]["key"], "low");
        assert_eq!(levels[1]["newLevel"], Value::Null);
        assert_eq!(levels[1]["points"]["total"], 3);
        // Told as one change, the level is the same as before it.
        let changes = of_kind(app, endpoint, "points.changed");
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0]["points"]["added"], 3);
        assert_eq!(changes[0]["points"].get("level"), None);
    });
}

/// spec/trophy.md 5.11: days pass in New York, by the sweep.
#[test]
fn streaks_are_told() {
    on_both("2026-01-05T15:00:00Z", |app| {
        metric(app, "km");
        streaks(
            app,
            &json!({
                "metrics": [{"key": "km", "threshold": 1}],
                "freezes": {"startCount": 1, "maxCount": 2, "autoEarnInterval": 7, "autoEarnAmount": 1},
            }),
        );
        let endpoint = listen_to_all(app);
        let user = json!({"id": "u", "tz": "America/New_York", "name": "Ada"});
        let mut seen = 0;
        let mut news = || {
            let told = of_streaks(app, endpoint);
            let fresh = told[seen..].to_vec();
            seen = told.len();
            fresh
        };
        let kind = |told: &[Value]| -> Vec<String> {
            let kinds = told.iter().map(|one| one["type"].as_str().unwrap());
            kinds.map(str::to_owned).collect()
        };
        // The first freeze is given, not earned.
        app.event("km", &user, 1.0);
        app.event("km", &user, 1.0);
        app.step();
        let first = news();
        assert_eq!(kind(&first), ["streak.started"]);
        assert_eq!(first[0]["streak"]["length"], 1);
        assert_eq!(first[0]["streak"]["expires"], "2026-01-06");
        assert_eq!(first[0]["user"]["name"], "Ada");
        assert_eq!(first[0].get("tenantId"), None);
        app.travel("2026-01-06T15:00:00Z");
        app.event("km", &user, 1.0);
        app.step();
        let second = news();
        assert_eq!(kind(&second), ["streak.extended"]);
        assert_eq!(second[0]["streak"]["length"], 2);
        // A missed day costs the freeze and extends nothing; the next one costs the streak.
        app.travel("2026-01-08T05:00:00Z");
        let third = news();
        assert_eq!(kind(&third), ["streak.freeze_consumed"]);
        assert_eq!(
            (&third[0]["consumed"], &third[0]["freezes"]),
            (&json!(1), &json!(0))
        );
        app.travel("2026-01-09T05:00:00Z");
        let fourth = news();
        assert_eq!(kind(&fourth), ["streak.lost"]);
        assert_eq!(fourth[0]["length"], 2);
        app.travel("2026-01-12T05:00:00Z");
        let fifth = news();
        assert_eq!(kind(&fifth), ["streak.freeze_earned"]);
        assert_eq!(
            (&fifth[0]["earned"], &fifth[0]["freezes"]),
            (&json!(1), &json!(1))
        );
    });
}

/// Several midnights at once are told as they would have been one by one.
#[test]
fn a_late_settlement_tells_every_midnight() {
    on_both("2026-01-05T15:00:00Z", |app| {
        metric(app, "km");
        streaks(
            app,
            &json!({
                "metrics": [{"key": "km", "threshold": 1}],
                "freezes": {"startCount": 2, "maxCount": 2},
            }),
        );
        let endpoint = listen_to_all(app);
        app.event("km", &json!({"id": "u"}), 1.0);
        app.travel("2026-01-20T15:00:00Z");
        let told = of_streaks(app, endpoint);
        let left: Vec<&Value> = told.iter().map(|one| &one["freezes"]).collect();
        let kinds: Vec<&Value> = told.iter().map(|one| &one["type"]).collect();
        assert_eq!(
            kinds,
            [
                "streak.started",
                "streak.freeze_consumed",
                "streak.freeze_consumed",
                "streak.lost"
            ]
        );
        assert_eq!(left[1..3], [&json!(1), &json!(0)]);
    });
}

/// spec/trophy.md 9.4, 4.4: a completion is told, a back-dated one is not; the control group hears of it too (2.7).
#[test]
fn achievements_are_told() {
    on_both(NOW, |app| {
        let km = metric(app, "km");
        let all = json!({"experimentation": {"controlRatio": 100}});
        app.admin("PATCH", "/admin/v1/settings", Some(&all))
            .expect(200);
        let endpoint = listen_to_all(app);
        let achievement = |name: &str, value: i64| {
            app.create(
                "/achievements",
                &json!({"name": name, "trigger": "metric", "status": "active", "metricId": km["id"], "metricValue": value}),
            )
        };
        achievement("Five", 5);
        app.event("km", &json!({"id": "u", "attributes": {}}), 7.0);
        app.step();
        let told = told(app, endpoint);
        assert_eq!(kinds(app, endpoint), ["achievement.completed"]);
        assert_eq!(told[0]["achievement"]["name"], "Five");
        assert_eq!(
            told[0]["achievement"]["achievedAt"],
            "2026-03-10T10:00:00.000Z"
        );
        assert_eq!(told[0]["user"]["id"], "u");
        assert_eq!(told[0]["user"]["control"], true);
        achievement("Six", 6);
        app.travel("2026-03-10T11:00:00Z");
        let held = app.get("/v1/users/u/achievements");
        assert_eq!(held.as_array().unwrap().len(), 2, "{held}");
        assert_eq!(kinds(app, endpoint), ["achievement.completed"]);
    });
}

/// What is shown of the user is as it was then.
#[test]
fn payloads_are_as_of_what_happened() {
    on_both(NOW, |app| {
        let km = metric(app, "km");
        points(app, &km, &json!([]));
        streaks(app, &json!({"metrics": [{"key": "km", "threshold": 1}]}));
        let endpoint = listen_to_all(app);
        app.event("km", &json!({"id": "u", "name": "Before"}), 1.0);
        app.admin("PATCH", "/v1/users/u", Some(&json!({"name": "After"})));
        app.step();
        let told = told(app, endpoint);
        let names: Vec<(&Value, &Value)> = told
            .iter()
            .map(|one| (&one["type"], &one["user"]["name"]))
            .collect();
        assert_eq!(
            names,
            [
                (&json!("streak.started"), &json!("Before")),
                (&json!("points.changed"), &json!("Before"))
            ]
        );
    });
}

fn board(app: &TestApp, metric: &Value, more: &Value) -> Value {
    let mut board = json!({
        "name": "All", "key": "all", "rankBy": "metric", "metricId": metric["id"],
        "status": "active", "maxParticipants": 3, "start": "2026-03-01",
    });
    for (name, value) in more.as_object().unwrap() {
        board[name] = value.clone();
    }
    app.create("/leaderboards", &board)
}

/// `(user, rank, previous rank, value, previous value)` of what was told since.
fn ranks(told: &[Value]) -> Vec<(String, Value, Value, Value, Value)> {
    let mut ranks: Vec<_> = told
        .iter()
        .filter(|message| message["type"] == "leaderboard.rank_changed")
        .map(|message| {
            let board = &message["leaderboard"];
            let member = |name: &str| board[name].clone();
            (
                message["user"]["id"].as_str().unwrap().to_owned(),
                member("rank"),
                member("previousRank"),
                member("value"),
                member("previousValue"),
            )
        })
        .collect();
    ranks.sort_by(|a, b| a.0.cmp(&b.0));
    ranks
}

fn ranked(user: &str, ranks: [Option<i64>; 4]) -> (String, Value, Value, Value, Value) {
    let [rank, previous, value, previous_value] = ranks.map(|number| json!(number));
    (user.to_owned(), rank, previous, value, previous_value)
}

#[test]
fn ranks_are_told_to_whoever_is_overtaken() {
    on_both(NOW, |app| {
        let km = metric(app, "km");
        board(app, &km, &json!({}));
        let event = |user: &str, value: f64| app.event("km", &json!({"id": user}), value);
        // Before anybody listens.
        for (user, value) in [("a", 30.0), ("b", 20.0), ("c", 10.0)] {
            event(user, value);
        }
        app.step();
        let endpoint = listen(app, "production", &["leaderboard.rank_changed"]);
        let mut seen = 0;
        let mut news = || {
            app.step();
            let told = told(app, endpoint);
            let fresh = ranks(&told[seen..]);
            seen = told.len();
            fresh
        };
        event("b", 20.0);
        assert_eq!(
            news(),
            [
                ranked("a", [Some(2), Some(1), Some(30), Some(30)]),
                ranked("b", [Some(1), Some(2), Some(40), Some(20)]),
            ]
        );
        // In the window of a and b: only c, which was not told yet, hears of it.
        app.travel("2026-03-10T10:05:00Z");
        event("c", 25.0);
        assert_eq!(
            news(),
            [ranked("c", [Some(2), Some(3), Some(35), Some(10)])]
        );
        // A value without a new rank is not told; a newcomer who gets onto the board pushes a out.
        event("b", 1.0);
        assert_eq!(news(), []);
        event("d", 100.0);
        assert_eq!(news(), [ranked("d", [Some(1), None, Some(100), None])]);
        // At the end of each window the ranks of then are told against those told last.
        app.travel("2026-03-10T10:15:00Z");
        assert_eq!(
            news(),
            [
                ranked("a", [None, Some(2), None, Some(30)]),
                ranked("b", [Some(2), Some(1), Some(41), Some(40)]),
            ]
        );
        app.travel("2026-03-10T10:20:00Z");
        assert_eq!(
            news(),
            [ranked("c", [Some(3), Some(2), Some(35), Some(35)])]
        );
        app.travel("2026-03-10T12:00:00Z");
        assert_eq!(news(), []);
    });
}

/// Somebody who is back where it was told before the window is over hears nothing.
#[test]
fn a_rank_that_came_back_is_not_told() {
    on_both(NOW, |app| {
        let km = metric(app, "km");
        board(app, &km, &json!({}));
        let endpoint = listen(app, "production", &["leaderboard.rank_changed"]);
        let event = |user: &str, value: f64| app.event("km", &json!({"id": user}), value);
        event("a", 10.0);
        event("b", 5.0);
        app.step();
        assert_eq!(told(app, endpoint).len(), 2);
        app.travel("2026-03-10T10:05:00Z");
        event("b", 10.0);
        app.step();
        event("a", 10.0);
        app.travel("2026-03-10T10:15:00Z");
        assert_eq!(told(app, endpoint).len(), 2);
    });
}

/// spec/trophy.md AMB-50: the first ten over all groups; what is not among them changes nothing.
#[test]
fn rankings_are_told_when_what_they_show_changed() {
    on_both(NOW, |app| {
        let km = metric(app, "km");
        let city = app.create(
            "/attributes",
            &json!({"name": "City", "key": "city", "type": "user"}),
        );
        board(
            app,
            &km,
            &json!({"breakdownAttributes": [city["id"]], "maxParticipants": 100}),
        );
        let endpoint = listen(app, "production", &["leaderboard.changed"]);
        let event = |user: &str, city: &str, value: f64| {
            let user =
                json!({"id": user, "name": user.to_uppercase(), "attributes": {"city": city}});
            app.event("km", &user, value);
        };
        let rankings = |message: &Value| -> Vec<(String, i64, i64)> {
            let places = message["leaderboard"]["rankings"].as_array().unwrap();
            let place = |place: &Value| {
                let number = |name: &str| place[name].as_i64().unwrap();
                let id = place["userId"].as_str().unwrap().to_owned();
                assert_eq!(place["userName"], id.to_uppercase());
                (id, number("rank"), number("value"))
            };
            places.iter().map(place).collect()
        };
        for (index, user) in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]
            .iter()
            .enumerate()
        {
            let city = if index % 2 == 0 { "rome" } else { "oslo" };
            event(user, city, f64::from(100 - i32::try_from(index).unwrap()));
        }
        app.step();
        let first = told(app, endpoint);
        assert_eq!(first.len(), 1);
        let shown = rankings(&first[0]);
        assert_eq!(shown.len(), 10);
        assert_eq!(shown[0], ("a".to_owned(), 1, 100));
        assert_eq!(shown[9], ("j".to_owned(), 10, 91));
        assert_eq!(first[0]["leaderboard"]["status"], "active");
        assert_eq!(first[0]["leaderboard"]["userAttributes"], json!([]));
        assert_eq!(first[0]["leaderboard"]["start"], "2026-03-01");
        // The eleventh is not shown.
        app.travel("2026-03-10T10:20:00Z");
        event("k", "rome", 0.5);
        app.step();
        assert_eq!(told(app, endpoint).len(), 1);
        event("k", "rome", 20.0);
        app.step();
        let second = told(app, endpoint);
        assert_eq!(second.len(), 2);
        assert_eq!(rankings(&second[1])[0], ("k".to_owned(), 1, 111));
        // The rest of a quarter of an hour is told as one.
        for minute in [25, 30] {
            app.travel(&format!("2026-03-10T10:{minute}:00Z"));
            event("b", "oslo", 50.0);
            app.step();
        }
        assert_eq!(told(app, endpoint).len(), 2);
        app.travel("2026-03-10T10:35:00Z");
        let third = told(app, endpoint);
        assert_eq!(third.len(), 3);
        assert_eq!(rankings(&third[2])[0], ("b".to_owned(), 1, 199));
        app.travel("2026-03-10T11:00:00Z");
        assert_eq!(told(app, endpoint).len(), 3);
    });
}

/// spec/trophy.md 7.5: a run is told to begin on its eve at 10:00 UTC and to be over at 13:00 UTC the day after, with the
/// first ten of that run.
#[test]
fn runs_are_told() {
    on_both("2026-03-10T09:00:00Z", |app| {
        let km = metric(app, "km");
        board(
            app,
            &km,
            &json!({"runUnit": "day", "runInterval": 1, "start": "2026-03-10"}),
        );
        let endpoint = listen(
            app,
            "production",
            &[
                "leaderboard.started",
                "leaderboard.finished",
                "leaderboard.rank_changed",
            ],
        );
        app.step();
        app.event("km", &json!({"id": "a"}), 3.0);
        app.travel("2026-03-10T10:00:00Z");
        let first = told(app, endpoint);
        assert_eq!(
            kinds(app, endpoint),
            ["leaderboard.started", "leaderboard.rank_changed"]
        );
        assert_eq!(first[0]["leaderboard"]["rankings"], json!([]));
        app.travel("2026-03-11T09:00:00Z");
        app.event("km", &json!({"id": "b"}), 9.0);
        app.travel("2026-03-11T12:59:59Z");
        let runs = |kind: &str| of_kind(app, endpoint, kind);
        assert_eq!(runs("leaderboard.finished").len(), 0);
        assert_eq!(runs("leaderboard.started").len(), 2);
        app.travel("2026-03-11T13:00:00Z");
        let over = runs("leaderboard.finished");
        assert_eq!(over.len(), 1);
        let board = &over[0]["leaderboard"];
        // The run is over, not the board.
        assert_eq!(board["status"], "active");
        assert_eq!(board["rankings"].as_array().unwrap().len(), 1);
        assert_eq!(board["rankings"][0]["userId"], "a");
        assert_eq!(board["rankings"][0]["value"], 3);
        // The new run began for everybody without a rank.
        let told = ranks(&told(app, endpoint));
        assert_eq!(
            told,
            [
                ranked("a", [Some(1), None, Some(3), None]),
                ranked("b", [Some(1), None, Some(9), None])
            ]
        );
    });
}

/// Only what somebody wants to be told is kept, and only kinds that are wanted.
#[test]
fn nobody_is_told_what_nobody_wants() {
    on_both(NOW, |app| {
        let km = metric(app, "km");
        points(app, &km, &json!([]));
        streaks(app, &json!({"metrics": [{"key": "km", "threshold": 1}]}));
        board(app, &km, &json!({}));
        let depth = || app.app.room.store.read(store::outbox::depth).unwrap();
        app.event("km", &json!({"id": "u"}), 1.0);
        assert_eq!(depth(), 0);
        let endpoint = listen(app, "production", &["streak.started"]);
        app.event("km", &json!({"id": "v"}), 1.0);
        assert_eq!(depth(), 1);
        app.step();
        assert_eq!(depth(), 0);
        assert_eq!(kinds(app, endpoint), ["streak.started"]);
    });
}

/// What waits is dispatched once, by whoever comes first, and to every endpoint.
#[test]
fn nothing_is_dispatched_twice() {
    on_both(NOW, |app| {
        metric(app, "km");
        streaks(app, &json!({"metrics": [{"key": "km", "threshold": 1}]}));
        let one = listen(app, "production", &["streak.started"]);
        let other = listen(app, "production", &["streak.started", "streak.lost"]);
        for user in 0..40 {
            app.event("km", &json!({"id": format!("u{user}")}), 1.0);
        }
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| app.step());
            }
        });
        app.step();
        for endpoint in [one, other] {
            let told = told(app, endpoint);
            let users: BTreeSet<&str> = told
                .iter()
                .map(|message| message["user"]["id"].as_str().unwrap())
                .collect();
            assert_eq!((told.len(), users.len()), (40, 40));
        }
    });
}

/// spec/trophy.md AMB-47: an endpoint hears of all tenants of its environment, and of no other environment.
#[test]
fn endpoints_hear_of_their_environment_alone() {
    const STAGING: &str = "staging1.0123456789abcdef0123456789abcdef";
    on_both(NOW, |app| {
        app.other_environment(STAGING);
        let body = json!({"multiTenancy": true});
        let answer = app.admin("PATCH", "/admin/v1/organization", Some(&body));
        assert_eq!(answer.status, 200, "{}", answer.text);
        for (key, tenant) in [(ADMIN, "one"), (ADMIN, "two"), (STAGING, "one")] {
            let body = json!([{"customerId": tenant, "name": tenant}]);
            let answer = app.send(key, None, "POST", "/admin/v1/tenants", Some(&body));
            assert_eq!(answer.status, 201, "{}", answer.text);
            let send = |method: &str, path: &str, body: &Value| {
                let answer = app.send(key, Some(tenant), method, path, Some(body));
                assert!((200..300).contains(&answer.status), "{}", answer.text);
            };
            send(
                "POST",
                "/admin/v1/metrics",
                &json!([{"name": "km", "key": "km"}]),
            );
            let settings = json!({"metrics": [{"key": "km", "threshold": 1}]});
            send("PATCH", "/admin/v1/streaks/settings", &settings);
        }
        let production = listen(app, "production", &["streak.started"]);
        let staging = listen(app, "staging", &["streak.started"]);
        let heard = |endpoint: Uuid| -> Vec<(String, String)> {
            let mut heard: Vec<_> = told(app, endpoint)
                .iter()
                .map(|message| {
                    let text = |value: &Value| value.as_str().unwrap().to_owned();
                    (text(&message["tenantId"]), text(&message["user"]["id"]))
                })
                .collect();
            heard.sort();
            heard
        };
        for (key, tenant, user) in [
            (ADMIN, "one", "a"),
            (ADMIN, "two", "a"),
            (STAGING, "one", "b"),
        ] {
            let body = json!({"user": {"id": user}, "value": 1});
            let answer = app.send(
                key,
                Some(tenant),
                "POST",
                "/v1/metrics/km/event",
                Some(&body),
            );
            assert_eq!(answer.status, 201, "{}", answer.text);
        }
        app.step();
        let pair = |tenant: &str, user: &str| (tenant.to_owned(), user.to_owned());
        assert_eq!(heard(production), [pair("one", "a"), pair("two", "a")]);
        assert_eq!(heard(staging), [pair("one", "b")]);
    });
}

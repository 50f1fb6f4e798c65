//! Users over days, with midnights by the sweep and by themselves.

use serde_json::{Value, json};

use crate::support::{TestApp, on_both};

fn streaks(app: &TestApp, settings: &Value) {
    let answer = app.admin("PATCH", "/admin/v1/streaks/settings", Some(settings));
    assert_eq!(answer.status, 200, "{}", answer.text);
    app.step();
}

/// spec/trophy.md D.7, without the restore: the sweep settles every midnight.
#[test]
fn d7_daily_streak_with_freezes() {
    for lazily in [false, true] {
        on_both("2026-01-06T04:00:00Z", |app| {
            let pass = |now: &str| {
                if lazily {
                    app.jump(now);
                } else {
                    app.travel(now);
                }
            };
            app.create("/metrics", &json!({"name": "Words", "key": "words"}));
            streaks(
                app,
                &json!({
                    "metrics": [{"key": "words", "threshold": 1}],
                    "freezes": {"startCount": 1, "maxCount": 2, "autoEarnInterval": 7, "autoEarnAmount": 1},
                }),
            );
            let user = json!({"id": "u", "tz": "America/New_York"});
            let streak = |path: &str| app.get(&format!("/v1/users/u/streak{path}"));
            let expect = |streak: &Value, length: i64, freezes: i64, expires: Value| {
                assert_eq!(
                    (&streak["length"], &streak["freezes"], &streak["expires"]),
                    (&json!(length), &json!(freezes), &expires),
                    "{streak}"
                );
            };
            app.jump("2026-01-06T04:30:00Z");
            let event = app.event("words", &user, 1.0);
            expect(&event["currentStreak"], 1, 1, json!("2026-01-06"));
            assert_eq!(event["currentStreak"]["started"], "2026-01-05");
            pass("2026-01-06T05:10:00Z");
            let event = app.event("words", &user, 1.0);
            expect(&event["currentStreak"], 2, 1, json!("2026-01-07"));
            pass("2026-01-07T17:00:00Z");
            expect(&streak(""), 2, 1, json!("2026-01-07"));
            pass("2026-01-08T05:00:00Z");
            expect(&streak(""), 2, 0, json!("2026-01-08"));
            let history = &streak("?historyPeriods=3")["streakHistory"];
            let expected = json!([
                {"periodStart": "2026-01-06", "periodEnd": "2026-01-06", "length": 2, "usedFreeze": false, "usedPause": false},
                {"periodStart": "2026-01-07", "periodEnd": "2026-01-07", "length": 2, "usedFreeze": true, "usedPause": false},
                {"periodStart": "2026-01-08", "periodEnd": "2026-01-08", "length": 2, "usedFreeze": false, "usedPause": false},
            ]);
            assert_eq!(history, &expected);
            pass("2026-01-08T17:00:00Z");
            let event = app.event("words", &user, 1.0);
            expect(&event["currentStreak"], 3, 0, json!("2026-01-09"));
            pass("2026-01-10T05:00:00Z");
            expect(&streak(""), 0, 0, Value::Null);
            pass("2026-01-12T05:10:00Z");
            expect(&streak(""), 0, 1, Value::Null);
        });
    }
}

/// spec/trophy.md D.1.
#[test]
fn d1_first_event_of_a_new_user() {
    on_both("2026-03-10T08:00:00Z", |app| {
        let metric = app.create(
            "/metrics",
            &json!({"name": "Words", "key": "words-written"}),
        );
        streaks(
            app,
            &json!({"metrics": [{"key": "words-written", "threshold": 1}]}),
        );
        app.create(
            "/achievements",
            &json!({"name": "500", "trigger": "metric", "status": "active", "metricId": metric["id"], "metricValue": 500}),
        );
        app.create(
            "/points",
            &json!({
                "name": "XP", "key": "xp",
                "levels": [{"name": "Bronze", "key": "bronze", "points": 0}, {"name": "Silver", "key": "silver", "points": 50}],
                "triggers": [{"type": "metric", "status": "active", "points": 10, "metricId": metric["id"], "metricThreshold": 100}],
            }),
        );
        app.create(
            "/leaderboards",
            &json!({"name": "All", "key": "all-time", "rankBy": "metric", "metricId": metric["id"], "status": "active", "maxParticipants": 100}),
        );
        app.jump("2026-03-10T09:00:00Z");
        let user = json!({"id": "18", "tz": "Europe/London"});
        let event = app.event("words-written", &user, 750.0);
        assert_eq!(event["total"], 750.0);
        assert_eq!(event["achievements"].as_array().map(Vec::len), Some(1));
        assert_eq!(event["achievements"][0]["metricValue"], 500.0);
        assert_eq!(
            event["achievements"][0]["achievedAt"],
            "2026-03-10T09:00:00.000Z"
        );
        assert_eq!(
            event["currentStreak"],
            json!({
                "length": 1, "frequency": "daily", "started": "2026-03-10", "periodStart": "2026-03-10",
                "periodEnd": "2026-03-10", "expires": "2026-03-11", "extended": true,
            })
        );
        let xp = &event["points"]["xp"];
        assert_eq!((&xp["added"], &xp["total"]), (&json!(70), &json!(70)));
        assert_eq!(xp["awards"].as_array().map(Vec::len), Some(1));
        assert_eq!(xp["level"]["key"], "silver");
        let board = &event["leaderboards"]["all-time"];
        assert_eq!(
            (
                &board["previousRank"],
                &board["rank"],
                &board["threshold"],
                &board["end"]
            ),
            (&Value::Null, &json!(1), &json!(0), &Value::Null)
        );
        assert_eq!(board["start"], "2026-03-10");
        assert_eq!(event.get("idempotencyKey"), None);

        let event = app.event("words-written", &user, 1.0);
        assert_eq!(event["total"], 751.0);
        assert_eq!(event["achievements"], json!([]));
        assert_eq!(event["currentStreak"]["extended"], false);
        assert_eq!(event["currentStreak"]["length"], 1);
        assert_eq!(event["points"], json!({}));
        let board = &event["leaderboards"]["all-time"];
        assert_eq!(
            (&board["previousRank"], &board["rank"]),
            (&json!(1), &json!(1))
        );
    });
}

/// spec/trophy.md D.10: events near a boundary, each counted by the user's own clock.
#[test]
fn d10_runs_follow_the_users_clocks() {
    on_both("2026-11-01T10:30:00Z", |app| {
        let metric = app.create("/metrics", &json!({"name": "Steps", "key": "steps"}));
        app.create(
            "/leaderboards",
            &json!({
                "name": "Week", "key": "week", "rankBy": "metric", "metricId": metric["id"], "status": "scheduled",
                "start": "2026-11-02", "runUnit": "day", "runInterval": 7,
            }),
        );
        let steps = |now: &str, id: &str, tz: &str| {
            app.travel(now);
            let event = app.event("steps", &json!({"id": id, "tz": tz}), 1.0);
            let board = &event["leaderboards"]["week"];
            (
                board["start"].clone(),
                board["end"].clone(),
                board["rank"].clone(),
            )
        };
        let first = (json!("2026-11-02"), json!("2026-11-08"));
        let (start, end, rank) = steps("2026-11-01T10:30:00Z", "k", "Pacific/Kiritimati");
        assert_eq!(((start, end), rank), (first.clone(), json!(1)));
        let (start, end, rank) = steps("2026-11-09T09:00:00Z", "h", "Pacific/Honolulu");
        assert_eq!(((start, end), rank), (first, json!(2)));
        let (start, end, rank) = steps("2026-11-09T09:00:00Z", "l", "Europe/London");
        assert_eq!(
            (start, end, rank),
            (json!("2026-11-09"), json!("2026-11-15"), json!(1))
        );
        // Both runs are read, the first one also when it is over for everybody.
        app.travel("2026-11-20T00:00:00Z");
        let first = app.get("/v1/leaderboards/week?run=2026-11-05");
        let users: Vec<_> = first["rankings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["userId"].clone())
            .collect();
        assert_eq!(users, [json!("k"), json!("h")]);
        let user = app.get("/v1/users/l/leaderboards/week?run=2026-11-09");
        assert_eq!((&user["rank"], &user["value"]), (&json!(1), &json!(1)));
    });
}

/// spec/trophy.md D.11.
#[test]
fn d11_rankings() {
    on_both("2026-03-10T09:00:00Z", |app| {
        let metric = app.create("/metrics", &json!({"name": "Steps", "key": "steps"}));
        app.create(
            "/leaderboards",
            &json!({"name": "Top", "key": "top", "rankBy": "metric", "metricId": metric["id"], "status": "active", "maxParticipants": 3}),
        );
        let event = |now: &str, id: &str, value: f64| {
            app.jump(now);
            app.event("steps", &json!({"id": id}), value)["leaderboards"]["top"].clone()
        };
        event("2026-03-10T09:30:00Z", "a", 30.0);
        event("2026-03-10T10:00:00Z", "b", 20.0);
        event("2026-03-10T11:00:00Z", "c", 20.0);
        let ranks = || {
            app.get("/v1/leaderboards/top")["rankings"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["userId"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(ranks(), ["a", "b", "c"]);
        let d = event("2026-03-10T12:00:00Z", "d", 20.0);
        assert_eq!((&d["rank"], &d["threshold"]), (&Value::Null, &json!(21)));
        let d = event("2026-03-10T12:01:00Z", "d", 1.0);
        assert_eq!((&d["rank"], &d["previousRank"]), (&json!(2), &Value::Null));
        assert_eq!(ranks(), ["a", "d", "b"]);
        assert_eq!(app.get("/v1/users/c/leaderboards/top")["rank"], Value::Null);
        event("2026-03-10T13:00:00Z", "e", 30.5);
        let top = app.get("/v1/leaderboards/top?limit=1");
        assert_eq!(top["rankings"][0]["value"], 31);
    });
}

/// Back-dating tells nobody and completes for those who already meet it (spec/trophy.md 4.4).
#[test]
fn achievements_are_back_dated() {
    on_both("2026-03-10T09:00:00Z", |app| {
        let metric = app.create("/metrics", &json!({"name": "Steps", "key": "steps"}));
        app.create(
            "/attributes",
            &json!({"name": "Place", "key": "place", "type": "event"}),
        );
        for (user, value) in [("a", 10.0), ("b", 3.0)] {
            app.event("steps", &json!({"id": user}), value);
        }
        let achievement = app.create(
            "/achievements",
            &json!({"name": "Five", "trigger": "metric", "metricId": metric["id"], "metricValue": 5}),
        );
        app.step();
        assert_eq!(app.get("/v1/achievements"), json!([]));
        app.update(
            "/achievements",
            &json!({"id": achievement["id"], "status": "active"}),
        );
        app.step();
        let all = app.get("/v1/achievements");
        assert_eq!(
            (&all[0]["completions"], &all[0]["rarity"]),
            (&json!(1), &json!(50.0))
        );
        assert_eq!(app.get("/v1/users/a/achievements")[0]["name"], "Five");
        assert_eq!(app.get("/v1/users/b/achievements"), json!([]));
    });
}

/// A board switched on later holds what happened since its start (AMB-35).
#[test]
fn a_board_counts_what_was_before_it() {
    on_both("2026-03-10T09:00:00Z", |app| {
        let metric = app.create("/metrics", &json!({"name": "Steps", "key": "steps"}));
        app.event("steps", &json!({"id": "a"}), 5.0);
        app.jump("2026-03-11T09:00:00Z");
        app.event("steps", &json!({"id": "b"}), 7.0);
        app.event("steps", &json!({"id": "a"}), 1.0);
        let board = |key: &str, start: &str| {
            app.create(
                "/leaderboards",
                &json!({"name": "B", "key": key, "rankBy": "metric", "metricId": metric["id"], "status": "active", "start": start}),
            );
            app.get(&format!("/v1/leaderboards/{key}"))["rankings"].clone()
        };
        let row = |user: &str, rank: i64, value: i64| json!({"userId": user, "userName": null, "rank": rank, "value": value});
        assert_eq!(
            board("both", "2026-03-10"),
            json!([row("b", 1, 7), row("a", 2, 6)])
        );
        assert_eq!(
            board("second", "2026-03-11"),
            json!([row("b", 1, 7), row("a", 2, 1)])
        );
    });
}

/// A switch of the frequency shows what was done before in the new periods (spec/trophy.md 5.1).
#[test]
fn the_frequency_can_be_switched() {
    on_both("2026-03-02T12:00:00Z", |app| {
        app.create("/metrics", &json!({"name": "Steps", "key": "steps"}));
        streaks(app, &json!({"metrics": [{"key": "steps", "threshold": 1}]}));
        // A Monday, the Wednesday of the week after, and the Friday after that.
        for day in ["2026-03-02", "2026-03-11", "2026-03-20"] {
            app.travel(&format!("{day}T12:00:00Z"));
            app.event("steps", &json!({"id": "u"}), 1.0);
        }
        assert_eq!(app.get("/v1/users/u/streak")["length"], 1);
        let answer = app.admin(
            "PATCH",
            "/admin/v1/streaks/settings",
            Some(&json!({"frequency": "weekly"})),
        );
        assert_eq!(answer.status, 200, "{}", answer.text);
        let lazily = app.get("/v1/users/u/streak?historyPeriods=3");
        app.step();
        let swept = app.get("/v1/users/u/streak?historyPeriods=3");
        assert_eq!(lazily, swept);
        assert_eq!(swept["length"], 3);
        assert_eq!(swept["started"], "2026-03-02");
        assert_eq!(swept["expires"], "2026-03-28");
        let lengths: Vec<_> = swept["streakHistory"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["length"].clone())
            .collect();
        assert_eq!(lengths, [json!(1), json!(2), json!(3)]);
    });
}

fn users_on(app: &TestApp, key: &str) -> Vec<String> {
    app.get(&format!("/v1/leaderboards/{key}"))["rankings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["userId"].as_str().unwrap().to_owned())
        .collect()
}

/// A board that is taken back and scheduled anew starts from nothing, and ranks only what comes then.
#[test]
fn a_rescheduled_board_forgets_what_it_ranked() {
    on_both("2026-03-10T09:00:00Z", |app| {
        let metric = app.create("/metrics", &json!({"name": "Steps", "key": "steps"}));
        let board = app.create(
            "/leaderboards",
            &json!({"name": "B", "key": "b", "rankBy": "metric", "metricId": metric["id"], "status": "active"}),
        );
        app.event("steps", &json!({"id": "u"}), 50.0);
        assert_eq!(users_on(app, "b"), ["u"]);
        app.update(
            "/leaderboards",
            &json!({"id": board["id"], "status": "inactive"}),
        );
        app.update(
            "/leaderboards",
            &json!({"id": board["id"], "start": "2026-03-14", "status": "scheduled"}),
        );
        assert!(users_on(app, "b").is_empty());
        app.travel("2026-03-14T09:00:00Z");
        assert!(users_on(app, "b").is_empty());
        let event = app.event("steps", &json!({"id": "u"}), 2.0);
        assert_eq!(event["leaderboards"]["b"]["rank"], 1);
        let board = app.get("/v1/leaderboards/b");
        assert_eq!(board["rankings"][0]["value"], 2);
    });
}

/// Who is on a streak when a streak board starts takes part at once, wherever the user lives, and stays
/// in its final ranking.
#[test]
fn streak_boards_begin_with_everybody_and_keep_their_end() {
    on_both("2026-03-10T20:00:00Z", |app| {
        app.create("/metrics", &json!({"name": "Steps", "key": "steps"}));
        streaks(app, &json!({"metrics": [{"key": "steps", "threshold": 1}]}));
        let board = app.create(
            "/leaderboards",
            &json!({"name": "S", "key": "s", "rankBy": "streak", "status": "scheduled", "start": "2026-03-13", "end": "2026-03-14"}),
        );
        for (id, tz) in [
            ("k", "Pacific/Kiritimati"),
            ("l", "Europe/London"),
            ("h", "Pacific/Honolulu"),
        ] {
            app.event("steps", &json!({"id": id, "tz": tz}), 1.0);
        }
        app.jump("2026-03-12T09:59:00Z");
        for id in ["k", "l", "h"] {
            app.event("steps", &json!({"id": id}), 1.0);
        }
        app.travel("2026-03-12T10:00:00Z");
        let mut users = users_on(app, "s");
        users.sort();
        assert_eq!(users, ["h", "k", "l"]);
        // The board ends; the end is edited; what it said stays.
        app.travel("2026-03-15T12:00:00Z");
        let last = app.get("/v1/leaderboards/s")["rankings"].clone();
        app.update(
            "/leaderboards",
            &json!({"id": board["id"], "end": "2026-03-13"}),
        );
        assert_eq!(app.get("/v1/leaderboards/s")["rankings"], last);
        assert_eq!(app.get("/v1/leaderboards/s")["status"], "finished");
    });
}

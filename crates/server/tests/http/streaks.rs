//! Operations on streaks and users' own rules (spec/trophy.md 2.5, 2.6, 5.7, 5.8, 13.13, 15.3).

use serde_json::{Value, json};

use crate::support::{ADMIN, Answer, TestApp, on_both};

/// A daily streak of one word, with more settings.
fn set_up(app: &TestApp, more: &Value) {
    app.create("/metrics", &json!({"name": "Words", "key": "words"}));
    let mut settings = json!({"metrics": [{"key": "words", "threshold": 1}]});
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    change(app, &settings);
}

fn change(app: &TestApp, settings: &Value) {
    let answer = app.admin("PATCH", "/admin/v1/streaks/settings", Some(settings));
    assert_eq!(answer.status, 200, "{}", answer.text);
    app.step();
}

fn act(app: &TestApp, user: &str) -> Value {
    let user = json!({"id": user, "tz": "America/New_York"});
    app.event("words", &user, 1.0)["currentStreak"].clone()
}

fn post(app: &TestApp, what: &str, body: &Value) -> Answer {
    app.admin("POST", &format!("/admin/v1/streaks/{what}"), Some(body))
}

/// An issue that names a user. It says the same to older clients under the names that they know.
fn issue(user: &str, severity: &str, message: &str) -> Value {
    json!({"userId": user, "severity": severity, "message": message, "level": severity, "reason": message})
}

fn streak(app: &TestApp, query: &str) -> Value {
    app.get(&format!("/v1/users/u/streak{query}"))
}

fn prefer(app: &TestApp, user: &str, body: &Value) -> Answer {
    app.admin(
        "PATCH",
        &format!("/v1/users/{user}/preferences"),
        Some(body),
    )
}

/// spec/trophy.md D.7 from the loss on: restored twice, extended, and a freeze that falls due.
#[test]
fn d7_restore_and_accumulation() {
    on_both("2026-01-06T04:30:00Z", |app| {
        set_up(
            app,
            &json!({"freezes": {"startCount": 1, "maxCount": 2, "autoEarnInterval": 7, "autoEarnAmount": 1}}),
        );
        app.create(
            "/leaderboards",
            &json!({"name": "S", "key": "s", "rankBy": "streak", "status": "active"}),
        );
        act(app, "u");
        app.travel("2026-01-06T05:10:00Z");
        act(app, "u");
        app.travel("2026-01-08T17:00:00Z");
        act(app, "u");
        app.travel("2026-01-10T05:00:00Z");
        assert_eq!(streak(app, "")["length"], 0);

        app.travel("2026-01-10T13:00:00Z");
        let users = json!({"users": [{"id": "u"}, {"id": "nobody"}, {"name": "u"}]});
        let answer = post(app, "restore", &users).expect(201);
        assert_eq!(answer["restoredUsers"], json!(["u"]));
        assert_eq!(
            answer["issues"],
            json!([
                issue("nobody", "error", "User does not exist"),
                {"index": 2, "severity": "error", "message": "id must be a string"},
            ])
        );
        let shown = streak(app, "?historyPeriods=3");
        assert_eq!(
            (
                &shown["length"],
                &shown["expires"],
                &shown["started"],
                &shown["rank"]
            ),
            (
                &json!(3),
                &json!("2026-01-10"),
                &json!("2026-01-05"),
                &json!(1)
            )
        );
        let lengths: Vec<_> = history(&shown).map(|item| item["length"].clone()).collect();
        assert_eq!(lengths, [3, 3, 3]);
        let board = app.get("/v1/leaderboards/s");
        assert_eq!(board["rankings"][0]["value"], 3);
        let again = post(app, "restore", &json!({"users": [{"id": "u"}]})).expect(200);
        assert_eq!(
            again,
            json!({"restoredUsers": [], "issues": [
                issue("u", "warning", "No streak to restore"),
            ]})
        );
        app.travel("2026-01-10T14:00:00Z");
        let after = act(app, "u");
        assert_eq!(
            (&after["length"], &after["expires"], &after["extended"]),
            (&json!(4), &json!("2026-01-11"), &json!(true))
        );
        app.travel("2026-01-11T17:00:00Z");
        act(app, "u");
        app.travel("2026-01-12T05:10:00Z");
        let shown = streak(app, "");
        assert_eq!(
            (&shown["length"], &shown["freezes"]),
            (&json!(5), &json!(1))
        );
    });
}

fn history(shown: &Value) -> impl Iterator<Item = &Value> {
    shown["streakHistory"].as_array().unwrap().iter()
}

/// spec/trophy.md D.8, by the sweep and by itself.
#[test]
fn d8_pause() {
    for lazily in [false, true] {
        on_both("2026-02-28T17:00:00Z", |app| {
            let pass = |now: &str| {
                if lazily {
                    app.jump(now);
                } else {
                    app.travel(now);
                }
            };
            set_up(app, &json!({"freezes": {"startCount": 1, "maxCount": 1}}));
            act(app, "u");
            pass("2026-03-01T17:00:00Z");
            act(app, "u");
            let pause = |user: &str, start: &str, end: &str| json!({"userId": user, "start": start, "end": end});
            let answer = post(
                app,
                "pauses",
                &json!({"pauses": [
                    pause("u", "2026-03-02", "2026-03-04"),
                    pause("u", "2026-02-28", "2026-03-04"),
                    pause("u", "2026-03-09", "2026-03-08"),
                    pause("u", "tomorrow", "2026-03-08"),
                    pause("nobody", "2026-03-02", "2026-03-04"),
                    pause("u", "2026-05-01", "2026-05-02"),
                    {"userId": "u", "start": "2026-05-01"},
                    {"start": "2026-05-01"},
                ]}),
            )
            .expect(201);
            let created = answer["created"].as_array().unwrap();
            assert_eq!(created.len(), 2);
            let first = json!({
                "id": created[0]["id"], "userId": "u", "start": "2026-03-02", "end": "2026-03-04",
                "status": "active",
            });
            assert_eq!(created[0], first);
            let issues = answer["issues"].as_array().unwrap();
            let users: Vec<_> = issues.iter().map(|issue| issue["userId"].clone()).collect();
            assert_eq!(
                users,
                [
                    json!("u"),
                    json!("u"),
                    json!("u"),
                    json!("nobody"),
                    json!("u"),
                    Value::Null
                ]
            );
            assert_eq!(issues[5]["index"], 7);
            let listed = |shown: &Value| {
                let pauses = shown["pauses"].as_array().unwrap().clone();
                pauses
                    .iter()
                    .map(|pause| pause["start"].clone())
                    .collect::<Vec<_>>()
            };
            pass("2026-03-02T17:00:00Z");
            let shown = streak(app, "");
            assert_eq!(
                (&shown["length"], &shown["expires"]),
                (&json!(2), &json!("2026-03-05"))
            );
            assert_eq!(listed(&shown), ["2026-03-02", "2026-05-01"]);
            pass("2026-03-03T17:00:00Z");
            let event = act(app, "u");
            assert_eq!(
                (&event["length"], &event["expires"]),
                (&json!(3), &json!("2026-03-05"))
            );
            pass("2026-03-05T17:00:00Z");
            let shown = streak(app, "?historyPeriods=4");
            assert_eq!(
                (&shown["length"], &shown["freezes"]),
                (&json!(3), &json!(1))
            );
            assert_eq!(listed(&shown), ["2026-05-01"]);
            let paused: Vec<_> = history(&shown)
                .map(|item| item["usedPause"].clone())
                .collect();
            assert_eq!(paused, [true, false, true, false]);
            pass("2026-03-06T05:00:00Z");
            assert_eq!(streak(app, "")["freezes"], 0);
            pass("2026-03-07T05:00:00Z");
            assert_eq!(streak(app, "")["length"], 0);

            let id = created[1]["id"].as_str().unwrap();
            let path = format!("/admin/v1/streaks/pauses?ids={id},{id},nothing");
            let answer = app.admin("DELETE", &path, None).expect(200);
            assert_eq!(answer["deleted"], json!([{"id": id}]));
            assert_eq!(
                answer["issues"],
                json!([{"id": "nothing", "severity": "error", "message": "id must be a valid UUID"}])
            );
            assert_eq!(listed(&streak(app, "")), Vec::<Value>::new());
            let again = app.admin("DELETE", &path, None).expect(200);
            assert_eq!(again["deleted"], json!([]));
            assert_eq!(
                again["issues"][0]["message"],
                "Streak pause not found by ID"
            );
        });
    }
}

#[test]
fn freezes_are_granted_up_to_the_maximum_and_once_per_key() {
    on_both("2026-03-01T12:00:00Z", |app| {
        set_up(app, &json!({}));
        act(app, "u");
        act(app, "v");
        let two = json!({"freezes": [{"userId": "u"}, {"userId": "u"}]});
        assert_eq!(post(app, "freezes", &two).status, 400);
        change(app, &json!({"freezes": {"startCount": 0, "maxCount": 3}}));
        let keyed = |key: &str, body: &Value| {
            let headers = [("x-api-key", ADMIN), ("idempotency-key", key)];
            let text = body.to_string();
            app.raw(
                "POST",
                "/admin/v1/streaks/freezes",
                &headers,
                Some(text.as_bytes()),
            )
        };
        for _ in 0..3 {
            assert_eq!(keyed("one", &two).expect(201), json!({"issues": []}));
            assert_eq!(streak(app, "")["freezes"], 2);
        }
        let more = json!({"freezes": [
            {"userId": "u"}, {"userId": "nobody"}, {"userId": "u"}, {"userId": "v"}, {"user": "u"},
        ]});
        let issues = json!([
            issue("nobody", "error", "User does not exist"),
            issue("u", "warning", "Would exceed maximum freeze limit"),
            {"index": 4, "severity": "error", "message": "userId must be a string"},
        ]);
        for _ in 0..2 {
            assert_eq!(keyed("two", &more).expect(201), json!({"issues": issues}));
            assert_eq!(streak(app, "")["freezes"], 3);
        }
        assert_eq!(
            keyed("three", &two).expect(200)["issues"]
                .as_array()
                .map(Vec::len),
            Some(2)
        );
        assert_eq!(keyed("", &two).status, 422);
    });
}

#[test]
fn bodies_are_checked_as_a_whole() {
    on_both("2026-03-01T12:00:00Z", |app| {
        set_up(app, &json!({"freezes": {"startCount": 0, "maxCount": 3}}));
        for (what, member) in [
            ("freezes", "freezes"),
            ("pauses", "pauses"),
            ("restore", "users"),
            ("reset", "users"),
        ] {
            let many = vec![json!({"id": "u", "userId": "u"}); 101];
            for wrong in [
                json!({}),
                json!([]),
                json!({member: []}),
                json!({member: {}}),
                json!({member: many}),
            ] {
                let answer = post(app, what, &wrong);
                assert_eq!(answer.status, 422, "{what} {}", answer.text);
            }
        }
        for query in ["", "?ids="] {
            let path = format!("/admin/v1/streaks/pauses{query}");
            assert_ne!(app.admin("DELETE", &path, None).status, 500);
        }
    });
}

/// AMB-66, AMB-67: the reset is shown, the old activity counts no more, and nothing is lost for good.
#[test]
fn a_reset_ends_the_streak_at_once() {
    on_both("2026-03-01T17:00:00Z", |app| {
        set_up(app, &json!({"metrics": [{"key": "words", "threshold": 2}]}));
        let twice = || {
            act(app, "u");
            act(app, "u")
        };
        twice();
        app.travel("2026-03-02T17:00:00Z");
        assert_eq!(twice()["length"], 2);
        let users = json!({"users": [{"id": "u"}, {"id": "u"}, {"id": "nobody"}]});
        let answer = post(app, "reset", &users).expect(200);
        assert_eq!(
            answer,
            json!({"resetUsers": ["u"], "issues": [
                issue("u", "warning", "No streak to reset"),
                issue("nobody", "error", "User does not exist"),
            ]})
        );
        let shown = streak(app, "?historyPeriods=2");
        assert_eq!(
            (&shown["length"], &shown["extended"]),
            (&json!(0), &Value::Null)
        );
        let items: Vec<_> = history(&shown).collect();
        assert_eq!(
            (&items[0]["length"], items[0].get("resetAt")),
            (&json!(1), None)
        );
        assert_eq!(items[1]["length"], 0);
        assert!(
            items[1]["resetAt"]
                .as_str()
                .unwrap()
                .starts_with("2026-03-02T17:00:00")
        );
        assert_eq!(
            app.get("/v1/streaks/rankings?type=longest")[0]["streakLength"],
            2
        );
        assert_eq!(act(app, "u")["length"], 0);
        let anew = act(app, "u");
        assert_eq!(
            (&anew["length"], &anew["extended"]),
            (&json!(1), &json!(true))
        );
        post(app, "restore", &json!({"users": [{"id": "u"}]})).expect(201);
        assert_eq!(streak(app, "")["length"], 2);
    });
}

#[test]
fn preferences() {
    on_both("2026-03-01T17:00:00Z", |app| {
        set_up(app, &json!({}));
        app.create("/metrics", &json!({"name": "Pages", "key": "pages"}));
        assert_eq!(prefer(app, "u", &json!({})).status, 404);
        assert_eq!(
            app.admin("GET", "/v1/users/u/preferences", None).status,
            404
        );
        act(app, "u");
        let shown = || app.get("/v1/users/u/preferences");
        assert_eq!(shown(), json!({"notifications": {}}));
        let told =
            json!({"notifications": {"recap": ["push", "email", "push"], "reactivation": []}});
        prefer(app, "u", &told).expect(200);
        let answer = prefer(app, "u", &json!({"notifications": {"recap": ["email"]}})).expect(200);
        let expected = json!({"notifications": {"recap": ["email"], "reactivation": []}});
        assert_eq!((&answer, &shown()), (&expected, &expected));

        for own in [
            json!({"evaluationMode": "AND"}),
            json!({"metrics": [{"key": "words", "threshold": 2}]}),
            json!({"daysOff": []}),
        ] {
            assert_eq!(prefer(app, "u", &json!({"streak": own})).status, 403);
        }
        let answer = prefer(app, "u", &json!({"streak": {"enabled": false}})).expect(200);
        assert_eq!(answer["streak"], json!({"enabled": false}));
        assert_eq!(streak(app, "")["length"], 0);
        assert_eq!(act(app, "u")["length"], 0);
        let answer = prefer(app, "u", &json!({"streak": {"enabled": null}})).expect(200);
        assert_eq!(answer, expected);

        change(app, &json!({"customizationEnabled": true}));
        let all = json!({"streak": {
            "evaluationMode": "ALL", "daysOff": [2, 1],
            "metrics": [{"key": "words", "threshold": 0.5}, {"key": "pages", "threshold": 3}],
        }});
        let answer = prefer(app, "u", &all).expect(200);
        let own = json!({
            "enabled": true, "evaluationMode": "AND", "daysOff": [1, 2],
            "metrics": [{"key": "words", "threshold": 0.5}, {"key": "pages", "threshold": 3.0}],
        });
        assert_eq!(answer["streak"], own);
        assert_eq!(shown()["streak"], own);
        for wrong in [
            json!({"streak": {"metrics": []}}),
            json!({"streak": {"metrics": [{"key": "none", "threshold": 1}]}}),
            json!({"streak": {"metrics": [{"key": "words", "threshold": 0}]}}),
            json!({"streak": {"metrics": [{"key": "words", "threshold": 1e30}]}}),
            json!({"streak": {"metrics": [{"key": "words"}]}}),
            json!({"streak": {"daysOff": [7]}}),
            json!({"streak": {"daysOff": [1, 1]}}),
            json!({"streak": {"daysOff": [0, 1, 2, 3, 4, 5, 6]}}),
            json!({"streak": {"evaluationMode": "SOME"}}),
            json!({"streak": {"enabled": "no"}}),
            json!({"streak": true}),
            json!({"notifications": {"recap": ["fax"]}}),
            json!([]),
        ] {
            let answer = prefer(app, "u", &wrong);
            assert_eq!(answer.status, 422, "{wrong}: {}", answer.text);
        }
        assert_eq!(shown()["streak"], own);
        assert_eq!(act(app, "u")["length"], 0);
        let user = json!({"id": "u"});
        let event = app.event("pages", &user, 3.0)["currentStreak"].clone();
        // 2026-03-02 and 03 are days off.
        assert_eq!(
            (&event["length"], &event["expires"]),
            (&json!(1), &json!("2026-03-04"))
        );
        let cleared = json!({"streak": {"metrics": null, "evaluationMode": null, "daysOff": null}});
        assert_eq!(prefer(app, "u", &cleared).expect(200), expected);
    });
}

/// Reads after a switch show the other frequency at once, with what its past would have been (AMB-68).
#[test]
fn a_switch_shows_at_once() {
    on_both("2026-02-26T17:00:00Z", |app| {
        set_up(app, &json!({"freezes": {"startCount": 1, "maxCount": 1}}));
        act(app, "u");
        // 02-28 takes the freeze.
        for day in ["2026-02-27", "2026-03-01", "2026-03-02"] {
            app.travel(&format!("{day}T17:00:00Z"));
            act(app, "u");
        }
        let daily = streak(app, "?historyPeriods=5");
        assert_eq!(
            (&daily["length"], &daily["freezes"]),
            (&json!(4), &json!(0))
        );
        let patch = |frequency: &str| {
            let answer = app.admin(
                "PATCH",
                "/admin/v1/streaks/settings",
                Some(&json!({"frequency": frequency})),
            );
            assert_eq!(answer.status, 200);
        };
        for is_swept in [false, true] {
            patch("weekly");
            if is_swept {
                app.step();
            }
            let weekly = streak(app, "?historyPeriods=3");
            assert_eq!(
                (
                    &weekly["frequency"],
                    &weekly["length"],
                    &weekly["started"],
                    &weekly["expires"]
                ),
                (
                    &json!("weekly"),
                    &json!(2),
                    &json!("2026-02-26"),
                    &json!("2026-03-14")
                )
            );
            let lengths: Vec<_> = history(&weekly)
                .map(|item| item["length"].clone())
                .collect();
            assert_eq!(lengths, [0, 1, 2]);
            patch("daily");
            if is_swept {
                app.step();
            }
            assert_eq!(streak(app, "?historyPeriods=5"), daily);
        }
    });
}

/// AMB-28, and switched-off streaks among the others.
#[test]
fn amb_28_unknown_users_are_left_out() {
    on_both("2026-03-01T17:00:00Z", |app| {
        set_up(app, &json!({}));
        for user in ["u", "v"] {
            act(app, user);
        }
        prefer(app, "v", &json!({"streak": {"enabled": false}})).expect(200);
        let listed = app.get("/v1/streaks?userIds=nobody,u,v");
        let lengths: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (item["userId"].clone(), item["streakLength"].clone()))
            .collect();
        assert_eq!(lengths, [(json!("u"), json!(1)), (json!("v"), json!(0))]);
    });
}

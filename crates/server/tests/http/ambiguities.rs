//! What the specification leaves open and how we decided (docs/decisions.md): one test per number that no other test names.

use serde_json::{Value, json};

use crate::support::{ADMIN, Answer, TestApp, on_both};

const NOW: &str = "2026-03-10T12:00:00Z";

/// A metric; answers its id.
fn metric(app: &TestApp, key: &str) -> Value {
    app.create("/metrics", &json!({"name": key, "key": key}))["id"].clone()
}

/// A points system `xp` with these triggers on a metric; answers its id.
fn system(app: &TestApp, triggers: &Value) -> Value {
    let body = json!({"name": "XP", "key": "xp", "triggers": triggers});
    app.create("/points", &body)["id"].clone()
}

/// A trigger that pays for every so many of a metric.
fn paying(metric: &Value, threshold: i64, points: i64) -> Value {
    json!({
        "type": "metric", "status": "active", "metricId": metric, "metricThreshold": threshold, "points": points,
    })
}

fn event(app: &TestApp, body: &Value) -> Answer {
    app.admin("POST", "/v1/metrics/m/event", Some(body))
}

fn user(app: &TestApp, body: &Value) -> Answer {
    app.admin("POST", "/v1/users", Some(body))
}

/// The one issue of a call that changed nothing.
fn issue(app: &TestApp, method: &str, path: &str, item: &Value) -> String {
    let answer = app.admin(method, &format!("/admin/v1{path}"), Some(&json!([item])));
    let body = answer.expect(200);
    assert_eq!(body["issues"].as_array().map(Vec::len), Some(1), "{body}");
    body["issues"][0]["message"].as_str().unwrap().to_owned()
}

fn names(list: &Value, member: &str) -> Vec<String> {
    let all = list.as_array().unwrap().iter();
    all.map(|one| one[member].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn amb_3_the_tenant_header() {
    on_both(NOW, |app| {
        app.send(ADMIN, Some("nobody"), "GET", "/v1/leaderboards", None)
            .expect(200);
        app.admin(
            "PATCH",
            "/admin/v1/organization",
            Some(&json!({"multiTenancy": true})),
        )
        .expect(200);
        let get = |tenant, path: &str| app.send(ADMIN, tenant, "GET", path, None).status;
        app.create("/tenants", &json!({"customerId": "acme", "name": "Acme"}));
        assert_eq!(get(None, "/v1/leaderboards"), 422);
        assert_eq!(get(Some("nobody"), "/v1/leaderboards"), 422);
        assert_eq!(get(Some("acme"), "/v1/leaderboards"), 200);
        assert_eq!(get(Some("nobody"), "/admin/v1/tenants"), 200);
        let tenant = app.admin("GET", "/admin/v1/tenants", None).expect(200);
        let path = format!(
            "/admin/v1/tenants?ids={}",
            tenant[0]["id"].as_str().unwrap()
        );
        app.admin("DELETE", &path, None).expect(200);
        assert_eq!(get(Some("acme"), "/v1/leaderboards"), 422);
    });
}

#[test]
fn amb_4_browsers_may_call_the_application_api_only() {
    on_both(NOW, |app| {
        let ask = |path: &str| {
            let headers = [
                ("origin", "https://example.com"),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", "x-api-key,x-sdk-version"),
            ];
            let answer = app.raw("OPTIONS", path, &headers, None);
            answer.headers.contains_key("access-control-allow-origin")
        };
        assert!(ask("/v1/users"));
        assert!(!ask("/admin/v1/metrics"));
    });
}

#[test]
fn amb_5_commas_separate_only_where_a_parameter_occurs_once() {
    on_both(NOW, |app| {
        for id in ["a", "b", "a,b"] {
            user(app, &json!({"id": id})).expect(201);
        }
        let mut once = names(&app.get("/v1/streaks?userIds=a,b"), "userId");
        once.sort();
        assert_eq!(once, ["a", "b"]);
        let mut twice = names(&app.get("/v1/streaks?userIds=a%2Cb&userIds=b"), "userId");
        twice.sort();
        assert_eq!(twice, ["a,b", "b"]);
        let indexed = app.get("/v1/streaks?userIds[0]=a%2Cb&userIds[1]=a");
        assert_eq!(indexed.as_array().map(Vec::len), Some(2));
    });
}

#[test]
fn amb_6_ids_of_users() {
    on_both(NOW, |app| {
        for wrong in [String::new(), "a/b".to_owned(), "x".repeat(256)] {
            user(app, &json!({"id": wrong})).expect(422);
        }
        user(app, &json!({"id": "x".repeat(255)})).expect(201);
        user(app, &json!({"id": "ä b?#"})).expect(201);
    });
}

#[test]
fn amb_9_a_repeat_answers_with_the_present_and_changes_nothing() {
    on_both(NOW, |app| {
        let id = metric(app, "m");
        system(app, &json!([paying(&id, 1, 10)]));
        let send = |body: &Value| {
            let headers = [
                ("x-api-key", ADMIN),
                ("content-type", "application/json"),
                ("idempotency-key", "k"),
            ];
            let text = body.to_string();
            app.raw(
                "POST",
                "/v1/metrics/m/event",
                &headers,
                Some(text.as_bytes()),
            )
        };
        let first = send(&json!({"user": {"id": "u"}, "value": 2})).expect(201);
        app.event("m", &json!({"id": "u"}), 3.0);
        let again = send(&json!({"user": {"id": "u", "name": "New"}, "value": 9})).expect(202);
        assert_eq!(again["eventId"], first["eventId"]);
        assert_eq!(again["total"], 5.0);
        assert_eq!(again["currentStreak"]["extended"], false);
        for empty in ["points", "leaderboards"] {
            assert_eq!(again[empty], json!({}));
        }
        assert_eq!(again["achievements"], json!([]));
        assert_eq!(app.get("/v1/users/u")["name"], Value::Null);
    });
}

#[test]
fn amb_10_only_an_explicit_subscription_needs_an_address() {
    on_both(NOW, |app| {
        let made = user(app, &json!({"id": "u"})).expect(201);
        assert_eq!(made["subscribeToEmails"], true);
        user(app, &json!({"id": "u", "subscribeToEmails": true})).expect(422);
        user(app, &json!({"id": "v", "subscribeToEmails": true})).expect(422);
        let body = json!({"id": "v", "subscribeToEmails": true, "email": "v@example.com"});
        user(app, &body).expect(201);
    });
}

#[test]
fn amb_11_creating_a_known_user_updates() {
    on_both(NOW, |app| {
        user(app, &json!({"id": "u", "name": "One", "tz": "Asia/Tokyo"})).expect(201);
        let again = user(app, &json!({"id": "u", "name": "Two"})).expect(201);
        assert_eq!(
            (&again["name"], &again["tz"]),
            (&json!("Two"), &json!("Asia/Tokyo"))
        );
    });
}

#[test]
fn amb_12_attributes_merge_by_key_and_null_removes() {
    on_both(NOW, |app| {
        for key in ["city", "plan"] {
            app.create(
                "/attributes",
                &json!({"name": key, "key": key, "type": "user"}),
            );
        }
        let set = |attributes: Value| {
            let made = user(app, &json!({"id": "u", "attributes": attributes}));
            made.expect(201)["attributes"].clone()
        };
        set(json!({"city": "Rome", "plan": "pro"}));
        assert_eq!(
            set(json!({"plan": ""})),
            json!({"city": "Rome", "plan": ""})
        );
        assert_eq!(set(json!({"city": null})), json!({"plan": ""}));
    });
}

#[test]
fn amb_13_all_is_read_as_and() {
    on_both(NOW, |app| {
        metric(app, "m");
        let settings = json!({"customizationEnabled": true});
        app.admin("PATCH", "/admin/v1/streaks/settings", Some(&settings))
            .expect(200);
        user(app, &json!({"id": "u"})).expect(201);
        let change = json!({"streak": {"evaluationMode": "ALL"}});
        let answer = app.admin("PATCH", "/v1/users/u/preferences", Some(&change));
        assert_eq!(answer.expect(200)["streak"]["evaluationMode"], "AND");
    });
}

#[test]
fn amb_14_currencies() {
    on_both(NOW, |app| {
        let item =
            |code: &str| json!({"name": code, "key": code, "unitType": "currency", "units": code});
        for code in ["USD", "GBP", "EUR"] {
            assert_eq!(app.create("/metrics", &item(code))["units"], code);
        }
        issue(app, "POST", "/metrics", &item("JPY"));
    });
}

#[test]
fn amb_15_values_are_exact_and_bounded() {
    on_both(NOW, |app| {
        metric(app, "m");
        let mut total = json!(null);
        for _ in 0..10 {
            total = app.event("m", &json!({"id": "u"}), 0.1)["total"].clone();
        }
        assert_eq!(total, 1.0);
        assert_eq!(app.event("m", &json!({"id": "u"}), 0.0)["total"], 1.0);
        for wrong in ["1e15", "-1e300", "9000000000001"] {
            let body = format!(r#"{{"user": {{"id": "u"}}, "value": {wrong}}}"#);
            let headers = [("x-api-key", ADMIN), ("content-type", "application/json")];
            let answer = app.raw(
                "POST",
                "/v1/metrics/m/event",
                &headers,
                Some(body.as_bytes()),
            );
            assert_eq!(answer.status, 422, "{wrong}");
        }
        assert_eq!(app.get("/v1/users/u/metrics/m")["current"], 1.0);
    });
}

#[test]
fn amb_17_a_batch_is_refused_as_a_whole_or_loses_an_item_later() {
    on_both(NOW, |app| {
        metric(app, "m");
        let send = |items: Value| app.admin("POST", "/admin/v1/metrics/events", Some(&items));
        let good = json!({"key": "m", "user": {"id": "u"}, "value": 1});
        send(json!([good, {"key": "nothing", "user": {"id": "u"}, "value": 1}])).expect(404);
        let refused = send(json!([good, {"key": "m", "user": {"id": "u"}, "value": "1"}]));
        assert!(refused.text.contains("[1].value"), "{}", refused.text);
        let late =
            json!({"key": "m", "user": {"id": "u"}, "value": 1, "attributes": {"nothing": "x"}});
        assert_eq!(send(json!([late, good])).expect(202)["accepted"], 2);
        app.step();
        assert_eq!(app.get("/v1/users/u/metrics/m")["current"], 1.0);
    });
}

#[test]
fn amb_18_the_sum_of_the_matching_events_counts() {
    on_both(NOW, |app| {
        let id = metric(app, "m");
        let kind = json!({"name": "Kind", "key": "kind", "type": "event"});
        let kind = app.create("/attributes", &kind)["id"].clone();
        app.create(
            "/achievements",
            &json!({
                "name": "Ten runs", "trigger": "metric", "status": "active", "metricId": id, "metricValue": 10,
                "eventAttributes": [{"attributeId": kind, "attributeValue": "run"}],
            }),
        );
        app.step();
        let send = |kind: &str, value: i64| {
            let body = json!({"user": {"id": "u"}, "value": value, "attributes": {"kind": kind}});
            let answer = event(app, &body).expect(201);
            answer["achievements"].as_array().unwrap().len()
        };
        assert_eq!(send("walk", 20), 0);
        assert_eq!(send("run", 6), 0, "the total is 26, but only 6 of it ran");
        assert_eq!(send("run", 4), 1);
    });
}

#[test]
fn amb_19_no_way_back_to_inactive() {
    on_both(NOW, |app| {
        let item = json!({"name": "A", "trigger": "api", "key": "a", "status": "active"});
        let id = app.create("/achievements", &item)["id"].clone();
        issue(
            app,
            "PATCH",
            "/achievements",
            &json!({"id": id, "status": "inactive"}),
        );
        app.update("/achievements", &json!({"id": id, "status": "locked"}));
        issue(
            app,
            "PATCH",
            "/achievements",
            &json!({"id": id, "status": "inactive"}),
        );
        app.update("/achievements", &json!({"id": id, "status": "active"}));
    });
}

#[test]
fn amb_20_back_dating_goes_by_the_current_streak_and_awards() {
    on_both("2026-03-01T12:00:00Z", |app| {
        metric(app, "m");
        let settings = json!({"metrics": [{"key": "m", "threshold": 1}]});
        app.admin("PATCH", "/admin/v1/streaks/settings", Some(&settings))
            .expect(200);
        // `lost` once had three days, `has` has two.
        for (day, users) in [
            (1, vec!["lost"]),
            (2, vec!["lost"]),
            (3, vec!["lost"]),
            (9, vec!["has"]),
            (10, vec!["has"]),
        ] {
            app.travel(&format!("2026-03-{day:02}T12:00:00Z"));
            for id in users {
                app.event("m", &json!({"id": id}), 1.0);
            }
        }
        let item = json!({"name": "Two days", "trigger": "streak", "streakLength": 2});
        let id = app.create("/achievements", &item)["id"].clone();
        system(
            app,
            &json!([{"type": "achievement", "status": "active", "achievementId": id, "points": 7}]),
        );
        app.update("/achievements", &json!({"id": id, "status": "active"}));
        app.step();
        for (user, held) in [("has", 1), ("lost", 0)] {
            let all = app.get(&format!("/v1/users/{user}/achievements"));
            assert_eq!(all.as_array().map(Vec::len), Some(held), "{user}");
            let points = app.get(&format!("/v1/users/{user}/points/xp"));
            assert_eq!(points["total"], 7 * held, "{user}");
        }
    });
}

#[test]
fn amb_21_a_second_completion_answers_with_the_first() {
    on_both(NOW, |app| {
        let item = json!({"name": "A", "trigger": "api", "key": "a", "status": "active"});
        let id = app.create("/achievements", &item)["id"].clone();
        system(
            app,
            &json!([{"type": "achievement", "status": "active", "achievementId": id, "points": 7}]),
        );
        let complete = || {
            let body = json!({"user": {"id": "u"}});
            let answer = app.admin("POST", "/v1/achievements/a/complete", Some(&body));
            answer.expect(201)
        };
        let first = complete();
        assert_eq!(first["points"]["xp"]["added"], 7);
        app.travel("2026-03-11T12:00:00Z");
        let second = complete();
        assert_eq!(second["completionId"], first["completionId"]);
        assert_eq!(
            second["achievement"]["achievedAt"],
            first["achievement"]["achievedAt"]
        );
        assert_eq!(second["points"], json!({}));
    });
}

/// D.3, first row: 2, 2, -2, 2, 5 by threes.
#[test]
fn amb_30_what_fell_is_not_paid_twice() {
    on_both(NOW, |app| {
        let id = metric(app, "m");
        app.event("m", &json!({"id": "early"}), 7.0);
        system(app, &json!([paying(&id, 3, 10)]));
        let values = [2.0, 2.0, -2.0, 2.0, 5.0];
        let added = values.map(|value| {
            let answer = app.event("m", &json!({"id": "u"}), value);
            answer["points"]["xp"]["added"].as_i64().unwrap_or(0)
        });
        assert_eq!(added, [0, 10, 0, 0, 20]);
        // What was there before the activation pays nothing: 7 to 9 passes one multiple.
        let answer = app.event("m", &json!({"id": "early"}), 2.0);
        assert_eq!(answer["points"]["xp"]["added"], 10);
    });
}

#[test]
fn amb_32_balances_stop_at_zero_and_a_block_refuses() {
    on_both(NOW, |app| {
        let id = metric(app, "m");
        let cost = metric(app, "cost");
        let block = metric(app, "block");
        let mut blocking = paying(&block, 1, -10);
        blocking["blockIfOutOfPoints"] = json!(true);
        system(
            app,
            &json!([paying(&id, 1, 4), paying(&cost, 1, -10), blocking]),
        );
        app.event("m", &json!({"id": "u"}), 1.0);
        let body = json!({"user": {"id": "u"}, "value": 1});
        app.admin("POST", "/v1/metrics/block/event", Some(&body))
            .expect(422);
        assert_eq!(app.get("/v1/users/u/metrics/block")["current"], 0.0);
        let answer = app.event("cost", &json!({"id": "u"}), 1.0);
        let points = &answer["points"]["xp"];
        assert_eq!(
            (&points["added"], &points["total"]),
            (&json!(-4), &json!(0))
        );
    });
}

#[test]
fn amb_33_down_wins_where_boosts_disagree() {
    on_both(NOW, |app| {
        let id = metric(app, "m");
        let system = system(app, &json!([paying(&id, 1, 10)]));
        let path = format!("/points/{}/boosts", system.as_str().unwrap());
        // Each of 1.5, one more every time: 15, then 22.5 to the nearest, then 33.75 down.
        for (rounding, added) in [("up", 15), ("nearest", 23), ("down", 33)] {
            app.create(
                &path,
                &json!({"name": rounding, "start": "2026-03-10", "multiplier": 1.5, "rounding": rounding}),
            );
            let answer = app.event("m", &json!({"id": "u"}), 1.0);
            assert_eq!(answer["points"]["xp"]["added"], added, "{rounding}");
        }
    });
}

#[test]
fn amb_34_a_boost_is_active_while_it_is_somewhere() {
    on_both("2026-03-10T09:59:59Z", |app| {
        let id = metric(app, "m");
        let system = system(app, &json!([paying(&id, 1, 10)]));
        let path = format!("/points/{}/boosts", system.as_str().unwrap());
        let day =
            json!({"name": "Day", "start": "2026-03-11", "end": "2026-03-11", "multiplier": 2});
        app.create(&path, &day);
        let status = || {
            let all = app.get("/v1/points/xp/boosts?includeFinished=true");
            all[0]["status"].clone()
        };
        assert_eq!(status(), "scheduled");
        app.travel("2026-03-10T10:00:00Z");
        assert_eq!(status(), "active");
        // In Kiritimati it is the 11th, in London the 10th.
        let added = |id: &str, tz: &str| {
            let answer = app.event("m", &json!({"id": id, "tz": tz}), 1.0);
            answer["points"]["xp"]["added"].clone()
        };
        assert_eq!(added("east", "Pacific/Kiritimati"), 20);
        assert_eq!(added("west", "Europe/London"), 10);
        app.travel("2026-03-12T11:59:59Z");
        assert_eq!(status(), "active");
        app.travel("2026-03-12T12:00:00Z");
        assert_eq!(status(), "finished");
    });
}

/// A board on a metric `m`.
fn board(app: &TestApp, more: &Value) -> Value {
    let id = metric(app, "m");
    let mut item = json!({
        "name": "B", "key": "b", "rankBy": "metric", "metricId": id, "status": "active", "start": "2026-03-10",
    });
    let members = more.as_object().unwrap().clone();
    item.as_object_mut().unwrap().extend(members);
    app.create("/leaderboards", &item)
}

#[test]
fn amb_38_whoever_was_first_stands_before_equals() {
    on_both(NOW, |app| {
        board(app, &json!({}));
        for id in ["z", "a"] {
            app.event("m", &json!({"id": id}), 20.0);
        }
        app.event("m", &json!({"id": "top"}), 30.0);
        let rankings = app.get("/v1/leaderboards/b")["rankings"].clone();
        assert_eq!(names(&rankings, "userId"), ["top", "z", "a"]);
        assert_eq!(rankings[2]["rank"], 3, "ranks are not shared");
    });
}

#[test]
fn amb_39_fractions_are_ranked_exactly_and_shown_whole() {
    on_both(NOW, |app| {
        board(app, &json!({}));
        app.event("m", &json!({"id": "less"}), 2.5);
        app.event("m", &json!({"id": "more"}), 2.6);
        let rankings = app.get("/v1/leaderboards/b")["rankings"].clone();
        assert_eq!(names(&rankings, "userId"), ["more", "less"]);
        assert_eq!(
            (&rankings[0]["value"], &rankings[1]["value"]),
            (&json!(3), &json!(3))
        );
    });
}

#[test]
fn amb_41_a_partial_filter_ranks_the_matching_groups_together() {
    on_both(NOW, |app| {
        let keys = ["region", "city"];
        let ids = keys.map(|key| {
            let item = json!({"name": key, "key": key, "type": "user"});
            app.create("/attributes", &item)["id"].clone()
        });
        board(app, &json!({"breakdownAttributes": ids}));
        for (id, region, city, value) in [
            ("a", "se", "london", 1.0),
            ("b", "se", "brighton", 3.0),
            ("c", "nw", "london", 2.0),
        ] {
            let who = json!({"id": id, "attributes": {"region": region, "city": city}});
            app.event("m", &who, value);
        }
        let of = |filter: &str| {
            let read = app.get(&format!("/v1/leaderboards/b?userAttributes={filter}"));
            names(&read["rankings"], "userId")
        };
        assert_eq!(of("region:se"), ["b", "a"]);
        assert_eq!(of("city:london"), ["c", "a"]);
        assert_eq!(of("region:se,city:london"), ["a"]);
    });
}

#[test]
fn amb_46_percentiles_are_of_the_active_and_equals_go_to_the_earliest() {
    on_both("2026-03-02T12:00:00Z", |app| {
        metric(app, "m");
        user(app, &json!({"id": "idle"})).expect(201);
        for (day, id, value) in [
            (2, "low", 10.0),
            (3, "high", 15.0),
            (4, "high", 5.0),
            (4, "mid", 15.0),
        ] {
            app.travel(&format!("2026-03-{day:02}T12:00:00Z"));
            app.event("m", &json!({"id": id}), value);
        }
        let percentile = |id: &str| {
            let year =
                app.get(&format!("/v1/users/{id}/wrapped"))["activity"]["entireYear"].clone();
            year["metrics"]["m"]["percentileThisPeriod"].clone()
        };
        assert_eq!(
            ["low", "mid", "high"].map(percentile),
            [json!(0.0), json!(33.3), json!(66.6)]
        );
        let high = app.get("/v1/users/high/wrapped")["activity"].clone();
        assert_eq!(
            high["mostActiveDay"]["date"], "2026-03-03",
            "one event each: the earlier day"
        );
    });
}

#[test]
fn amb_51_aggregation_periods() {
    on_both(NOW, |app| {
        let set = |period: &str| {
            let body = json!({"aggregationPeriod": period});
            app.admin("PATCH", "/admin/v1/settings", Some(&body)).status
        };
        assert_eq!(app.get("/admin/v1/settings")["aggregationPeriod"], "weekly");
        assert_eq!(
            [set("monthly"), set("weekly"), set("daily"), set("yearly")],
            [200, 200, 422, 422]
        );
    });
}

#[test]
fn amb_52_environments_change_nothing_in_each_other() {
    on_both(NOW, |app| {
        let body = json!({"name": "Dev", "key": "dev", "type": "development"});
        let made = app.admin("POST", "/admin/v1/environments", Some(&body));
        let key = made.expect(201)["adminKey"].as_str().unwrap().to_owned();
        metric(app, "m");
        let theirs = app.send(&key, None, "GET", "/admin/v1/metrics", None);
        assert_eq!(theirs.expect(200), json!([]));
    });
}

#[test]
fn amb_53_boosts_are_created_from_a_bare_array() {
    on_both(NOW, |app| {
        let id = system(app, &json!([]));
        let path = format!("/admin/v1/points/{}/boosts", id.as_str().unwrap());
        let boost = json!({"name": "B", "start": "2026-03-10", "multiplier": 2});
        let old = json!({"systemKey": "xp", "boosts": [boost]});
        app.admin("POST", &path, Some(&old)).expect(422);
        app.admin("POST", &path, Some(&json!([boost]))).expect(201);
    });
}

#[test]
fn amb_54_a_deleted_key_is_free_again() {
    on_both(NOW, |app| {
        let id = metric(app, "m");
        app.event("m", &json!({"id": "u"}), 5.0);
        let path = format!("/admin/v1/metrics?ids={}", id.as_str().unwrap());
        app.admin("DELETE", &path, None).expect(200);
        let one = format!("/admin/v1/metrics/{}", id.as_str().unwrap());
        app.admin("GET", &one, None).expect(404);
        metric(app, "m");
        assert_eq!(app.event("m", &json!({"id": "u"}), 1.0)["total"], 1.0);
    });
}

#[test]
fn amb_55_an_attribute_in_use_stays() {
    on_both(NOW, |app| {
        let attribute = json!({"name": "Plan", "key": "plan", "type": "user"});
        let id = app.create("/attributes", &attribute)["id"].clone();
        app.create(
            "/achievements",
            &json!({
                "name": "Pro only", "trigger": "api", "key": "a", "status": "active",
                "userAttributes": [{"attributeId": id, "attributeValue": "pro"}],
            }),
        );
        let path = format!("/admin/v1/attributes?ids={}", id.as_str().unwrap());
        let answer = app.admin("DELETE", &path, None).expect(200);
        assert_eq!(answer["deleted"], json!([]));
        let message = answer["issues"][0]["message"].as_str().unwrap();
        assert!(message.contains("Pro only"), "{message}");
    });
}

#[test]
fn amb_57_a_key_for_a_user_to_come() {
    on_both(NOW, |app| {
        metric(app, "m");
        let made = app.create("/application-api-keys", &json!({"userId": "later"}));
        let key = made["key"].as_str().unwrap();
        let body = json!({"user": {"id": "later"}, "value": 1});
        app.send(key, None, "POST", "/v1/metrics/m/event", Some(&body))
            .expect(201);
    });
}

#[test]
fn amb_58_events_do_not_touch_updated() {
    on_both(NOW, |app| {
        metric(app, "m");
        app.event("m", &json!({"id": "u"}), 1.0);
        let before = app.get("/v1/users/u")["updated"].clone();
        app.travel("2026-03-10T13:00:00Z");
        app.event("m", &json!({"id": "u"}), 1.0);
        assert_eq!(app.get("/v1/users/u")["updated"], before);
        app.event("m", &json!({"id": "u", "name": "New"}), 1.0);
        assert_ne!(app.get("/v1/users/u")["updated"], before);
    });
}

#[test]
fn amb_59_values_of_attributes() {
    on_both(NOW, |app| {
        let attribute = json!({"name": "Plan", "key": "plan", "type": "user"});
        app.create("/attributes", &attribute);
        let set =
            |value: String| user(app, &json!({"id": "u", "attributes": {"plan": value}})).status;
        assert_eq!(set("ä".repeat(1_024)), 201);
        assert_eq!(set("ä".repeat(1_025)), 422);
        assert_eq!(set("a\u{0}b".to_owned()), 422);
        assert_eq!(set("\u{1f389}\n'\"".to_owned()), 201);
    });
}

#[test]
fn amb_60_a_deleted_metric_is_unknown() {
    on_both(NOW, |app| {
        let id = metric(app, "m");
        let path = format!("/admin/v1/metrics?ids={}", id.as_str().unwrap());
        app.admin("DELETE", &path, None).expect(200);
        event(app, &json!({"user": {"id": "u"}, "value": 1})).expect(404);
    });
}

#[test]
fn amb_61_and_amb_62_what_is_empty_is_there() {
    on_both(NOW, |app| {
        metric(app, "m");
        let answer = app.event("m", &json!({"id": "u"}), 1.0);
        assert_eq!(
            (&answer["points"], &answer["leaderboards"]),
            (&json!({}), &json!({}))
        );
        let streak = &answer["currentStreak"];
        assert_eq!(
            (&streak["length"], &streak["frequency"]),
            (&json!(0), &json!("daily"))
        );
        assert_eq!(
            (&streak["started"], &streak["extended"]),
            (&json!(null), &json!(false))
        );
    });
}

#[test]
fn amb_63_rarity_is_of_all_users() {
    on_both(NOW, |app| {
        let item = json!({"name": "A", "trigger": "api", "key": "a", "status": "active"});
        app.create("/achievements", &item);
        for id in ["one", "two"] {
            user(app, &json!({"id": id})).expect(201);
        }
        let body = json!({"user": {"id": "three"}});
        app.admin("POST", "/v1/achievements/a/complete", Some(&body))
            .expect(201);
        let all = app.get("/v1/achievements");
        assert_eq!(
            (&all[0]["completions"], &all[0]["rarity"]),
            (&json!(1), &json!(33.33))
        );
    });
}

#[test]
fn amb_64_a_held_prerequisite_counts_though_it_is_locked() {
    on_both(NOW, |app| {
        let make = |key: &str| {
            let item = json!({"name": key, "trigger": "api", "key": key, "status": "active"});
            app.create("/achievements", &item)["id"].clone()
        };
        let (first, second) = (make("first"), make("second"));
        let both = json!({
            "name": "Both", "trigger": "achievement", "status": "active", "achievementIds": [first, second],
        });
        app.create("/achievements", &both);
        app.step();
        let complete = |key: &str, id: &str| {
            let body = json!({"user": {"id": id}});
            app.admin(
                "POST",
                &format!("/v1/achievements/{key}/complete"),
                Some(&body),
            )
            .status
        };
        assert_eq!(complete("first", "holder"), 201);
        app.update("/achievements", &json!({"id": first, "status": "locked"}));
        app.step();
        assert_eq!(
            [complete("second", "holder"), complete("second", "other")],
            [201, 201]
        );
        let held =
            |id: &str| names(&app.get(&format!("/v1/users/{id}/achievements")), "name").len();
        assert_eq!((held("holder"), held("other")), (3, 1));
    });
}

#[test]
fn amb_65_a_filter_that_matches_later() {
    on_both(NOW, |app| {
        let id = metric(app, "m");
        let attribute = json!({"name": "Plan", "key": "plan", "type": "user"});
        let plan = app.create("/attributes", &attribute)["id"].clone();
        app.create(
            "/achievements",
            &json!({
                "name": "Pro ten", "trigger": "metric", "status": "active", "metricId": id, "metricValue": 10,
                "userAttributes": [{"attributeId": plan, "attributeValue": "pro"}],
            }),
        );
        app.step();
        app.event("m", &json!({"id": "u"}), 20.0);
        let held = || {
            app.get("/v1/users/u/achievements")
                .as_array()
                .unwrap()
                .len()
        };
        assert_eq!(held(), 0);
        user(app, &json!({"id": "u", "attributes": {"plan": "pro"}})).expect(201);
        assert_eq!(held(), 1);
    });
}

#[test]
fn amb_76_nobody_is_ranked_at_zero_or_below() {
    on_both(NOW, |app| {
        board(app, &json!({}));
        for (id, value) in [("zero", 0.0), ("below", -5.0), ("above", 1.0)] {
            app.event("m", &json!({"id": id}), value);
        }
        let rankings = app.get("/v1/leaderboards/b")["rankings"].clone();
        assert_eq!(names(&rankings, "userId"), ["above"]);
    });
}

#[test]
fn amb_79_nothing_created_is_200() {
    on_both(NOW, |app| {
        let send = |items: Value| app.admin("POST", "/admin/v1/metrics", Some(&items)).status;
        assert_eq!(send(json!([{"name": 5, "key": "a"}])), 200);
        assert_eq!(
            send(json!([{"name": "A", "key": "a"}, {"name": "B", "key": "a"}])),
            201
        );
    });
}

#[test]
fn amb_80_lists_are_in_the_order_of_creation() {
    on_both(NOW, |app| {
        for key in ["zebra", "ant", "mole"] {
            metric(app, key);
        }
        let listed = app.get("/admin/v1/metrics?limit=2&skip=1");
        assert_eq!(names(&listed, "key"), ["ant", "mole"]);
        user(app, &json!({"id": "u"})).expect(201);
        assert_eq!(
            names(&app.get("/v1/users/u/metrics"), "key"),
            ["zebra", "ant", "mole"]
        );
    });
}

#[test]
fn amb_81_any_version_of_a_client_may_call() {
    on_both(NOW, |app| {
        for version in ["1.0.0", "99", "no version at all"] {
            let headers = [("x-api-key", ADMIN), ("x-sdk-version", version)];
            let answer = app.raw("GET", "/v1/leaderboards", &headers, None);
            assert_eq!(answer.status, 200, "{version}");
        }
    });
}

#[test]
fn amb_82_the_first_award_is_a_change_from_no_level() {
    on_both(NOW, |app| {
        let id = metric(app, "m");
        app.create(
            "/points",
            &json!({
                "name": "XP", "key": "xp", "triggers": [paying(&id, 1, 10)],
                "levels": [{"name": "Bronze", "key": "bronze", "points": 0}],
            }),
        );
        user(app, &json!({"id": "u"})).expect(201);
        assert_eq!(app.get("/v1/users/u/points/xp")["level"]["key"], "bronze");
        let first = app.event("m", &json!({"id": "u"}), 1.0);
        assert_eq!(first["points"]["xp"]["level"]["key"], "bronze");
        let second = app.event("m", &json!({"id": "u"}), 1.0);
        assert_eq!(second["points"]["xp"].get("level"), None);
    });
}

//! Sums over users and days: how points are spread, what happened to them, whose streaks are longest, the environments.

use serde_json::{Value, json};

use crate::support::{TestApp, on_both};

const OTHER_ENVIRONMENT: &str = "otherenv.0123456789abcdef0123456789abcdef";

/// A metric that pays `points` for every unit.
fn paying(app: &TestApp, system: &Value, points: i64) {
    let metric = app.create("/metrics", &json!({"name": "Words", "key": "words"}));
    let mut item = system.clone();
    item["triggers"] = json!([{
        "type": "metric", "status": "active", "points": points, "metricId": metric["id"], "metricThreshold": 1,
    }]);
    app.create("/points", &item);
}

fn refused(app: &TestApp, status: u16, path: &str) {
    let answer = app.admin("GET", path, None);
    assert_eq!(answer.status, status, "{path}: {}", answer.text);
    assert!(answer.json["error"].is_string(), "{path}: {}", answer.text);
}

/// How many users are in each range, and where the ranges end.
fn spread(app: &TestApp, query: &str) -> (Vec<i64>, i64) {
    let summary = app.get(&format!("/v1/points/xp/summary{query}"));
    let ranges = summary.as_array().unwrap();
    assert_eq!(ranges.len(), 11, "{summary}");
    let number = |index: usize, member: &str| ranges[index][member].as_i64().unwrap();
    assert_eq!((number(0, "from"), number(0, "to")), (0, 0));
    let width = number(1, "to");
    for (index, before) in (1..11).zip(0..) {
        assert_eq!(number(index, "from"), before * width + 1, "{summary}");
        assert_eq!(number(index, "to"), (before + 1) * width, "{summary}");
    }
    let users = (0..11).map(|index| number(index, "users")).collect();
    (users, number(10, "to"))
}

/// spec/trophy.md 6.9, D.6.
#[test]
fn points_are_spread_over_eleven_ranges() {
    on_both("2026-03-10T09:00:00Z", |app| {
        for key in ["city", "plan", "url"] {
            let attribute = json!({"name": key, "key": key, "type": "user"});
            app.create("/attributes", &attribute);
        }
        paying(app, &json!({"name": "XP", "key": "xp"}), 1);
        assert_eq!(spread(app, ""), (vec![0; 11], 10));
        let users = [
            ("idle", 0.0, json!({"city": "london", "plan": "pro"})),
            ("a", 512.0, json!({"city": "london", "plan": "pro"})),
            (
                "b",
                100.0,
                json!({"city": "london", "url": "http://x\"\u{e9}"}),
            ),
            ("c", 101.0, json!({"city": "leeds", "plan": "pro"})),
            ("d", 0.0, json!({})),
        ];
        for (id, value, attributes) in users {
            let body = json!({"id": id, "attributes": attributes});
            let answer = app.admin("POST", "/v1/users", Some(&body));
            assert_eq!(answer.status, 201, "{}", answer.text);
            if value > 0.0 {
                app.event("words", &json!({"id": id}), value);
            }
        }
        let none = (vec![0; 11], 10);
        for (query, expected) in [
            ("", (vec![2, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0], 1_000)),
            (
                "?userAttributes=city:london",
                (vec![1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0], 1_000),
            ),
            (
                "?userAttributes=city:london,city:london",
                (vec![1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0], 1_000),
            ),
            (
                "?userAttributes=city:london,plan:pro",
                (vec![1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], 1_000),
            ),
            (
                "?userAttributes=plan:pro,city:leeds",
                (vec![0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 1_000),
            ),
            (
                "?userAttributes=url:http%3A%2F%2Fx%22%C3%A9",
                (vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 100),
            ),
            ("?userAttributes=city:London", none.clone()),
            ("?userAttributes=city:", none.clone()),
            ("?userAttributes=city:london,city:leeds", none.clone()),
            ("?userAttributes=unknown:london", none.clone()),
            ("?userAttributes=%24.city:london", none.clone()),
        ] {
            assert_eq!(spread(app, query), expected, "{query}");
        }
        app.event("words", &json!({"id": "a"}), 488.0);
        assert_eq!(
            spread(app, ""),
            (vec![2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1], 1_000)
        );
        app.event("words", &json!({"id": "a"}), 1.0);
        assert_eq!(
            spread(app, ""),
            (vec![2, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0], 10_000)
        );
        refused(app, 404, "/v1/points/nothing/summary");
        for wrong in ["city", "", ":london", "city:london,"] {
            let path = format!("/v1/points/xp/summary?userAttributes={wrong}");
            refused(app, 422, &path);
        }
    });
}

/// Virtual currencies can be read as points systems, but have no summaries.
#[test]
fn currencies_have_no_summaries() {
    on_both("2026-03-10T09:00:00Z", |app| {
        app.publish(
            "/virtual-currencies",
            "virtualCurrencyId",
            &json!({"virtualCurrencyId": "gems", "name": "Gems", "defaultLang": "en",
                    "translations": [{"lang": "en", "label": "Gems"}]}),
        );
        app.user("ada");
        app.get("/v1/users/ada/points/gems");
        refused(app, 404, "/v1/points/gems/summary");
        let query = "aggregation=daily&startDate=2026-03-09&endDate=2026-03-10";
        refused(
            app,
            404,
            &format!("/v1/users/ada/points/gems/event-summary?{query}"),
        );
    });
}

/// spec/trophy.md 6.10, 3.7: the user's dates, what the balance moved by, periods without gaps.
#[test]
fn what_happened_to_points() {
    on_both("2026-01-30T03:00:00Z", |app| {
        paying(
            app,
            &json!({"name": "XP", "key": "xp", "maxPoints": 100}),
            10,
        );
        let user = json!({"id": "u", "tz": "America/New_York"});
        // 22:00 on the 29th, half past midnight on the 1st, 7:00 on the 3rd.
        app.event("words", &user, 1.0);
        app.travel("2026-02-01T05:30:00Z");
        app.event("words", &user, 3.0);
        app.travel("2026-02-03T12:00:00Z");
        app.event("words", &user, 4.0);
        let capped = app.event("words", &user, 5.0);
        assert_eq!(capped["points"]["xp"]["added"], 20);
        app.travel("2026-02-04T12:00:00Z");
        app.user("idle");
        let path = |user: &str, key: &str, query: &str| {
            format!("/v1/users/{user}/points/{key}/event-summary?{query}")
        };
        let items = |user: &str, query: &str| -> Vec<(String, f64, f64)> {
            let summary = app.get(&path(user, "xp", query));
            let number = |value: &Value| value.as_f64().unwrap();
            let item = |item: &Value| {
                let date = item["date"].as_str().unwrap().to_owned();
                (date, number(&item["total"]), number(&item["change"]))
            };
            summary.as_array().unwrap().iter().map(item).collect()
        };
        let check = |user: &str, query: &str, expected: &[(&str, f64, f64)]| {
            let expected: Vec<_> = expected
                .iter()
                .map(|(date, total, change)| ((*date).to_owned(), *total, *change))
                .collect();
            assert_eq!(items(user, query), expected, "{user} {query}");
        };
        check(
            "u",
            "aggregation=daily&startDate=2026-01-29&endDate=2026-02-10",
            &[
                ("2026-01-29", 10.0, 10.0),
                ("2026-01-30", 10.0, 0.0),
                ("2026-01-31", 10.0, 0.0),
                ("2026-02-01", 40.0, 30.0),
                ("2026-02-02", 40.0, 0.0),
                ("2026-02-03", 100.0, 60.0),
                ("2026-02-04", 100.0, 0.0),
            ],
        );
        check(
            "u",
            "aggregation=weekly&startDate=2026-01-31&endDate=2026-02-01",
            &[("2026-01-25", 10.0, 10.0), ("2026-02-01", 100.0, 90.0)],
        );
        check(
            "u",
            "aggregation=monthly&startDate=2025-12-15&endDate=2026-02-28",
            &[
                ("2025-12-01", 0.0, 0.0),
                ("2026-01-01", 10.0, 10.0),
                ("2026-02-01", 100.0, 90.0),
            ],
        );
        check(
            "u",
            "aggregation=daily&startDate=2026-01-31&endDate=2026-02-01",
            &[("2026-01-31", 10.0, 0.0), ("2026-02-01", 40.0, 30.0)],
        );
        let days = "aggregation=daily&startDate=2026-02-03&endDate=2026-02-05";
        check(
            "idle",
            days,
            &[("2026-02-03", 0.0, 0.0), ("2026-02-04", 0.0, 0.0)],
        );
        refused(app, 404, &path("nobody", "xp", days));
        refused(app, 404, &path("u", "nothing", days));
        for wrong in [
            "startDate=2026-02-03&endDate=2026-02-05",
            "aggregation=hourly&startDate=2026-02-03&endDate=2026-02-05",
            "aggregation=daily&endDate=2026-02-05",
            "aggregation=daily&startDate=2026-02-03",
            "aggregation=daily&startDate=2026-02-05&endDate=2026-02-05",
            "aggregation=daily&startDate=2026-02-05&endDate=2026-02-03",
            "aggregation=daily&startDate=2025-01-01&endDate=2026-02-06",
        ] {
            refused(app, 422, &path("u", "xp", wrong));
        }
    });
}

/// The rows of a ranking.
fn ranking(app: &TestApp, query: &str) -> Vec<(String, i64)> {
    app.get(&format!("/v1/streaks/rankings{query}"))
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let id = row["userId"].as_str().unwrap().to_owned();
            (id, row["streakLength"].as_i64().unwrap())
        })
        .collect()
}

fn rows(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    let row = |(id, length): &(&str, i64)| ((*id).to_owned(), *length);
    expected.iter().map(row).collect()
}

fn daily(app: &TestApp) {
    app.create("/metrics", &json!({"name": "Words", "key": "words"}));
    let settings = json!({"frequency": "daily", "metrics": [{"key": "words", "threshold": 1}]});
    let answer = app.admin("PATCH", "/admin/v1/streaks/settings", Some(&settings));
    assert_eq!(answer.status, 200, "{}", answer.text);
    app.step();
}

/// spec/trophy.md 15.7: streaks that ended are gone whether or not the sweep has come.
#[test]
fn streaks_are_ranked() {
    for lazily in [false, true] {
        on_both("2026-01-05T08:00:00Z", |app| {
            assert_eq!(ranking(app, ""), []);
            assert_eq!(ranking(app, "?type=longest"), []);
            daily(app);
            for (now, id) in [
                ("2026-01-05T10:00:00Z", "a"),
                ("2026-01-05T11:00:00Z", "b"),
                ("2026-01-05T12:00:00Z", "d"),
                ("2026-01-06T09:00:00Z", "b"),
                ("2026-01-06T10:00:00Z", "a"),
                ("2026-01-07T08:00:00Z", "c"),
                ("2026-01-07T10:00:00Z", "b"),
                ("2026-01-07T11:00:00Z", "a"),
            ] {
                app.jump(now);
                app.event("words", &json!({"id": id}), 1.0);
            }
            app.user("idle");
            let pass = |now: &str| {
                if lazily {
                    app.jump(now);
                } else {
                    app.travel(now);
                }
            };
            let ada = json!({"name": "Ada"});
            assert_eq!(app.admin("PATCH", "/v1/users/a", Some(&ada)).status, 200);
            pass("2026-01-07T12:00:00Z");
            let living = rows(&[("b", 3), ("a", 3), ("c", 1)]);
            assert_eq!(ranking(app, ""), living);
            assert_eq!(ranking(app, "?type=active&limit=100"), living);
            assert_eq!(ranking(app, "?limit=1"), living[..1]);
            assert_eq!(ranking(app, "?limit=2"), living[..2]);
            let ever = rows(&[("a", 3), ("b", 3), ("c", 1), ("d", 1)]);
            assert_eq!(ranking(app, "?type=longest"), ever);
            assert_eq!(ranking(app, "?type=longest&limit=3"), ever[..3]);
            for query in ["", "?type=longest"] {
                let shown = app.get(&format!("/v1/streaks/rankings{query}"));
                let of = |id: &str| {
                    let all = shown.as_array().unwrap();
                    all.iter().find(|row| row["userId"] == id).unwrap().clone()
                };
                assert_eq!(
                    of("a"),
                    json!({"userId": "a", "name": "Ada", "streakLength": 3})
                );
                assert_eq!(
                    of("c"),
                    json!({"userId": "c", "name": null, "streakLength": 1})
                );
            }
            pass("2026-01-09T12:00:00Z");
            assert_eq!(ranking(app, ""), []);
            app.event("words", &json!({"id": "d"}), 1.0);
            assert_eq!(ranking(app, ""), rows(&[("d", 1)]));
            assert_eq!(ranking(app, "?type=longest"), ever);
        });
    }
}

#[test]
fn wrong_rankings_are_refused() {
    on_both("2026-01-05T08:00:00Z", |app| {
        for wrong in [
            "limit=0",
            "limit=101",
            "limit=x",
            "limit=1.5",
            "limit=",
            "type=",
            "type=Active",
            "type=best",
        ] {
            refused(app, 422, &format!("/v1/streaks/rankings?{wrong}"));
        }
    });
}

/// More streaks wait for their end than are looked at together.
#[test]
fn one_that_lives_is_found_behind_many_that_ended() {
    on_both("2026-01-05T08:00:00Z", |app| {
        daily(app);
        for now in ["2026-01-05T10:00:00Z", "2026-01-06T10:00:00Z"] {
            app.jump(now);
            for number in 0..105 {
                app.event("words", &json!({"id": format!("s{number}")}), 1.0);
            }
        }
        app.jump("2026-01-08T10:00:00Z");
        app.event("words", &json!({"id": "z"}), 1.0);
        assert_eq!(ranking(app, "?limit=1"), rows(&[("z", 1)]));
        assert_eq!(ranking(app, "?type=longest&limit=100").len(), 100);
    });
}

/// spec/trophy.md 15.3: the whole organization, whichever environment asks.
#[test]
fn environments_are_listed() {
    on_both("2026-01-05T08:00:00Z", |app| {
        let production = json!({"name": "Production", "key": "production", "priority": 1});
        assert_eq!(app.get("/admin/v1/environments"), json!([production]));
        app.other_environment(OTHER_ENVIRONMENT);
        let staging = json!({"name": "Staging", "key": "staging", "priority": 2});
        let both = json!([production, staging]);
        assert_eq!(app.get("/admin/v1/environments"), both);
        let path = "/admin/v1/environments";
        let answer = app.send(OTHER_ENVIRONMENT, None, "GET", path, None);
        assert_eq!(answer.expect(200), both);
    });
}

//! The review of a year (spec/trophy.md 8).

use std::time::Instant;

use serde_json::{Value, json};
use store::driver::Column;

use crate::support::{TestApp, on_both};

const ZONES: [(&str, &str); 3] = [
    ("ny", "America/New_York"),
    ("lon", "Europe/London"),
    ("tok", "Asia/Tokyo"),
];

fn set_up(app: &TestApp) {
    let metric = app.create(
        "/metrics",
        &json!({"name": "Words", "key": "words", "units": "w"}),
    );
    app.create("/metrics", &json!({"name": "Pages", "key": "pages"}));
    app.create(
        "/attributes",
        &json!({"name": "Book", "key": "book", "type": "event"}),
    );
    app.create(
        "/points",
        &json!({
            "name": "XP", "key": "xp", "description": "D",
            "triggers": [{"type": "metric", "status": "active", "points": 1, "metricId": metric["id"], "metricThreshold": 10}],
        }),
    );
    app.create(
        "/achievements",
        &json!({"name": "Ten", "trigger": "metric", "status": "active", "metricId": metric["id"], "metricValue": 10}),
    );
    let board = json!({"name": "B", "rankBy": "metric", "metricId": metric["id"], "status": "active", "start": "2025-12-29"});
    let mut all = board.clone();
    all["key"] = json!("all");
    app.create("/leaderboards", &all);
    let mut weekly = board;
    weekly["key"] = json!("weekly");
    weekly["runUnit"] = json!("day");
    weekly["runInterval"] = json!(7);
    app.create("/leaderboards", &weekly);
    let settings = json!({"metrics": [{"key": "words", "threshold": 1}], "frequency": "daily"});
    let answer = app.admin("PATCH", "/admin/v1/streaks/settings", Some(&settings));
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// The same four events at the same instants, by one user in each zone.
fn live(app: &TestApp) {
    for (at, value, book) in [
        ("2025-12-31T20:00:00Z", 10, None),
        ("2026-01-01T03:00:00Z", 5, Some("red")),
        ("2026-03-02T02:00:00Z", 20, Some("blue")),
        ("2026-03-02T18:00:00Z", 15, Some("red")),
    ] {
        app.travel(at);
        for (user, tz) in ZONES {
            let mut body = json!({"user": {"id": user, "tz": tz}, "value": value});
            if let Some(book) = book {
                body["attributes"] = json!({"book": book});
            }
            app.admin("POST", "/v1/metrics/words/event", Some(&body))
                .expect(201);
        }
    }
    app.travel("2026-06-01T12:00:00Z");
}

fn wrapped(app: &TestApp, user: &str, query: &str) -> Value {
    app.get(&format!("/v1/users/{user}/wrapped{query}"))["activity"].clone()
}

/// Total, change and percentage of a metric or of points, and the percentile.
fn figures(of: &Value) -> (f64, f64, f64, Option<f64>) {
    let number = |name: &str| of[name].as_f64().unwrap();
    (
        number("currentTotal"),
        number("changeThisPeriod"),
        number("percentChange"),
        of.get("percentileThisPeriod").map(|p| p.as_f64().unwrap()),
    )
}

fn counts(activity: &Value) -> (i64, i64, i64) {
    let number = |name: &str| activity[name].as_i64().unwrap();
    (
        number("daysActive"),
        number("weeksActive"),
        number("monthsActive"),
    )
}

fn streak(activity: &Value) -> (i64, &str, &str, &str) {
    let streak = &activity["entireYear"]["longestStreak"];
    let text = |name: &str| streak[name].as_str().unwrap();
    assert_eq!(streak["frequency"], "daily");
    (
        streak["length"].as_i64().unwrap(),
        text("started"),
        text("periodStart"),
        text("periodEnd"),
    )
}

fn names(achievements: &Value) -> usize {
    achievements.as_array().unwrap().len()
}

#[test]
fn a_year_in_three_zones() {
    on_both("2025-12-31T10:00:00Z", |app| {
        set_up(app);
        live(app);
        new_york(&wrapped(app, "ny", ""));
        london(&wrapped(app, "lon", "?year=2026"));
        tokyo(&wrapped(app, "tok", "?year=2026"));
        // The year before, of which New York had a day.
        let last = wrapped(app, "ny", "?year=2025");
        assert_eq!(counts(&last), (1, 1, 1));
        assert_eq!(last["mostActiveDay"]["date"], "2025-12-31");
        assert_eq!(last["mostActiveWeek"]["start"], "2025-12-29");
        assert_eq!(last["mostActiveWeek"]["end"], "2026-01-04");
        assert_eq!(last["mostActiveMonth"]["month"], 11);
        let year = &last["entireYear"];
        // London acted on the 31st as well, with less; Tokyo did not.
        assert_eq!(
            figures(&year["metrics"]["words"]),
            (15.0, 15.0, 100.0, Some(50.0))
        );
        assert_eq!(figures(&year["points"]["xp"]), (1.0, 1.0, 100.0, Some(0.0)));
        assert_eq!(names(&year["achievements"]), 1);
        assert_eq!(streak(&last), (1, "2025-12-31", "2025-12-31", "2025-12-31"));
    });
}

fn new_york(activity: &Value) {
    // Sunday 1 March with 20, Monday 2 March with 15.
    assert_eq!(counts(activity), (2, 2, 1));
    let day = &activity["mostActiveDay"];
    assert_eq!(day["date"], "2026-03-01");
    assert_eq!(figures(&day["metrics"]["words"]), (35.0, 20.0, 133.3, None));
    assert_eq!(figures(&day["points"]["xp"]), (3.0, 2.0, 200.0, None));
    assert_eq!(day["leaderboards"]["weekly"]["rank"], 1);
    assert_eq!(day["leaderboards"]["weekly"]["start"], "2026-02-23");
    let week = &activity["mostActiveWeek"];
    assert_eq!(
        (&week["start"], &week["end"]),
        (&json!("2026-02-23"), &json!("2026-03-01"))
    );
    assert_eq!(
        figures(&week["metrics"]["words"]),
        (35.0, 20.0, 133.3, Some(0.0))
    );
    let month = &activity["mostActiveMonth"];
    assert_eq!(month["month"], 2);
    assert_eq!(
        figures(&month["metrics"]["words"]),
        (50.0, 35.0, 233.3, Some(0.0))
    );
    let year = &activity["entireYear"];
    let words = &year["metrics"]["words"];
    assert_eq!(figures(words), (50.0, 35.0, 233.3, Some(0.0)));
    assert_eq!(
        (&words["name"], &words["units"]),
        (&json!("Words"), &json!("w"))
    );
    assert_eq!(year["metrics"].as_object().unwrap().len(), 1);
    let books = &words["byAttribute"]["book"];
    assert_eq!(figures(&books["red"]), (20.0, 15.0, 300.0, None));
    assert_eq!(figures(&books["blue"]), (20.0, 20.0, 100.0, None));
    let xp = &year["points"]["xp"];
    assert_eq!(figures(xp), (5.0, 4.0, 400.0, Some(0.0)));
    assert_eq!(
        (&xp["name"], &xp["description"]),
        (&json!("XP"), &json!("D"))
    );
    assert_eq!(names(&year["achievements"]), 0, "that was the day before");
    let all = &year["leaderboards"]["all"];
    assert_eq!((&all["rank"], &all["value"]), (&json!(1), &json!(50)));
    assert_eq!(
        (&all["start"], &all["end"]),
        (&json!("2025-12-29"), &json!(null))
    );
    assert_eq!(
        streak(activity),
        (2, "2026-03-01", "2026-03-02", "2026-03-02")
    );
}

fn london(activity: &Value) {
    // Thursday 1 January with 5, Monday 2 March with 20 and 15.
    assert_eq!(counts(activity), (2, 2, 2));
    let day = &activity["mostActiveDay"];
    assert_eq!(day["date"], "2026-03-02");
    assert_eq!(figures(&day["metrics"]["words"]), (50.0, 35.0, 233.3, None));
    assert_eq!(activity["mostActiveWeek"]["start"], "2026-03-02");
    assert_eq!(activity["mostActiveMonth"]["month"], 2);
    let year = &activity["entireYear"];
    let words = &year["metrics"]["words"];
    assert_eq!(figures(words), (50.0, 40.0, 400.0, Some(33.3)));
    let books = &words["byAttribute"]["book"];
    assert_eq!(figures(&books["red"]), (20.0, 20.0, 100.0, None));
    let weekly = &year["leaderboards"]["weekly"];
    assert_eq!((&weekly["rank"], &weekly["value"]), (&json!(1), &json!(35)));
    assert_eq!(
        (&weekly["start"], &weekly["end"]),
        (&json!("2026-03-02"), &json!("2026-03-08"))
    );
    // It began the day before; what lies in the year is one day, as long as that of March.
    assert_eq!(
        streak(activity),
        (1, "2026-01-01", "2026-01-01", "2026-01-01")
    );
}

fn tokyo(activity: &Value) {
    // Thursday 1 January with 10 and 5, Monday 2 March with 20, Tuesday 3 March with 15.
    assert_eq!(counts(activity), (3, 2, 2));
    let day = &activity["mostActiveDay"];
    assert_eq!(day["date"], "2026-01-01");
    assert_eq!(figures(&day["metrics"]["words"]), (15.0, 15.0, 100.0, None));
    assert_eq!(names(&day["achievements"]), 1);
    assert!(day["achievements"][0]["achievedAt"].is_string());
    let week = &activity["mostActiveWeek"];
    assert_eq!(
        (&week["start"], &week["end"]),
        (&json!("2025-12-29"), &json!("2026-01-04"))
    );
    let month = &activity["mostActiveMonth"];
    assert_eq!(month["month"], 0);
    // Of the two who were active in January the other one did 5.
    assert_eq!(
        figures(&month["metrics"]["words"]),
        (15.0, 15.0, 100.0, Some(50.0))
    );
    let year = &activity["entireYear"];
    assert_eq!(
        figures(&year["metrics"]["words"]),
        (50.0, 50.0, 100.0, Some(66.6))
    );
    assert_eq!(names(&year["achievements"]), 1);
    let weekly = &year["leaderboards"]["weekly"];
    assert_eq!((&weekly["rank"], &weekly["value"]), (&json!(2), &json!(35)));
    assert_eq!(year["leaderboards"]["all"]["rank"], 3);
    assert_eq!(
        streak(activity),
        (2, "2026-03-02", "2026-03-03", "2026-03-03")
    );
}

/// AMB-45.
#[test]
fn a_year_without_activity_is_empty_and_whole() {
    on_both("2025-12-31T10:00:00Z", |app| {
        set_up(app);
        live(app);
        let answer = app.admin("POST", "/v1/users", Some(&json!({"id": "idle"})));
        assert_eq!(answer.status, 201, "{}", answer.text);
        let empty = json!({"metrics": {}, "points": {}, "achievements": [], "leaderboards": {}});
        let with = |more: Value| {
            let mut block = empty.clone();
            let members = more.as_object().unwrap().clone();
            block.as_object_mut().unwrap().extend(members);
            block
        };
        for (user, query, year, week) in [
            ("idle", "", 2026, ("2025-12-29", "2026-01-04")),
            ("ny", "?year=2024", 2024, ("2024-01-01", "2024-01-07")),
            ("ny", "?year=1", 1, ("0001-01-01", "0001-01-07")),
        ] {
            let expected = json!({
                "daysActive": 0, "weeksActive": 0, "monthsActive": 0,
                "mostActiveDay": with(json!({"date": format!("{year:04}-01-01")})),
                "mostActiveWeek": with(json!({"start": week.0, "end": week.1})),
                "mostActiveMonth": with(json!({"month": 0})),
                "entireYear": with(json!({"longestStreak": {
                    "length": 0, "frequency": "daily", "periodStart": null, "periodEnd": null, "started": null,
                }})),
            });
            assert_eq!(wrapped(app, user, query), expected, "{user} {query}");
        }
        let shown = app.get("/v1/users/idle/wrapped");
        assert_eq!(shown["user"], app.get("/v1/users/idle"));
    });
}

#[test]
fn the_year_of_a_user_who_came_in_it() {
    on_both("2025-12-31T10:00:00Z", |app| {
        set_up(app);
        live(app);
        app.event("words", &json!({"id": "new"}), 100.0);
        app.event("pages", &json!({"id": "new"}), -2.5);
        let activity = wrapped(app, "new", "");
        assert_eq!(counts(&activity), (1, 1, 1));
        let year = &activity["entireYear"];
        assert_eq!(
            figures(&year["metrics"]["words"]),
            (100.0, 100.0, 100.0, Some(75.0))
        );
        // The three others did not touch it and so changed more.
        assert_eq!(
            figures(&year["metrics"]["pages"]),
            (-2.5, -2.5, 100.0, Some(0.0))
        );
        assert_eq!(year["metrics"]["words"]["byAttribute"], json!({}));
        assert_eq!(year["leaderboards"]["all"]["rank"], 1);
        assert_eq!(year["leaderboards"]["weekly"]["rank"], 1);
        assert_eq!(year["leaderboards"]["weekly"]["start"], "2026-06-01");
    });
}

#[test]
fn years_begin_with_the_first_and_end_with_that_of_the_user() {
    on_both("2025-12-31T12:00:00Z", |app| {
        for (user, tz) in [("west", "America/New_York"), ("east", "Pacific/Kiritimati")] {
            let body = json!({"id": user, "tz": tz});
            let answer = app.admin("POST", "/v1/users", Some(&body));
            assert_eq!(answer.status, 201, "{}", answer.text);
        }
        for (path, status) in [
            ("west/wrapped?year=2025", 200),
            ("west/wrapped?year=2026", 422),
            ("east/wrapped?year=2026", 200),
            ("east/wrapped?year=2027", 422),
            ("west/wrapped?year=0", 422),
            ("west/wrapped?year=-1", 422),
            ("west/wrapped?year=2025.5", 422),
            ("west/wrapped?year=", 422),
            ("west/wrapped?year=last", 422),
            ("west/wrapped?year=99999999999999999999", 422),
            ("nobody/wrapped", 404),
        ] {
            let answer = app.admin("GET", &format!("/v1/users/{path}"), None);
            assert_eq!(answer.status, status, "{path}: {}", answer.text);
        }
        assert_eq!(
            wrapped(app, "east", "")["mostActiveDay"]["date"],
            "2026-01-01"
        );
        assert_eq!(
            wrapped(app, "west", "")["mostActiveDay"]["date"],
            "2025-01-01"
        );
    });
}

/// Prints how long it takes for a user with 10,000 events among 10,000 others, who were active on 40
/// days each: `cargo nextest run -p server --run-ignored only large_space --no-capture`.
#[test]
#[ignore = "a measurement"]
fn wrapped_in_a_large_space() {
    on_both("2025-12-31T10:00:00Z", |app| {
        set_up(app);
        live(app);
        let user: i64 = app.user("ny").parse().unwrap();
        let metrics = app.get("/admin/v1/metrics");
        let metrics = metrics.as_array().unwrap().iter();
        let metric = metrics.clone().find(|metric| metric["key"] == "words");
        let metric: uuid::Uuid = metric.unwrap()["id"].as_str().unwrap().parse().unwrap();
        let day = |number: i64| {
            engine::calendar::days_after(jiff::civil::date(2026, 1, 3), number).to_string()
        };
        for chunk in 0..100_i64 {
            let rows: Vec<(i64, String)> = (0..4_000)
                .map(|row| (1_000 + chunk * 100 + row / 40, day((row % 40) * 3)))
                .collect();
            let events: Vec<(uuid::Uuid, String)> = (0..100)
                .map(|row| {
                    let number = chunk * 100 + row;
                    let id = uuid::Uuid::from_u128(u128::try_from(number + 1).unwrap());
                    (id, day(number % 140))
                })
                .collect();
            let filled: store::Result<()> = app.app.room.store.write(|tx| {
                let space = store::access::all_spaces(tx)?[0].number();
                tx.many(
                    "insert into metric_day (space_id, user_id, date, metric_id, sum, events)
                     select k.a, k.b, k.c, k.d, k.e, 1
                     from {keys(a bigint, b bigint, c text, d uuid, e bigint)} k",
                    &[
                        Column::Int(vec![space; rows.len()]),
                        Column::Int(rows.iter().map(|row| row.0).collect()),
                        Column::Text(rows.iter().map(|row| row.1.as_str()).collect()),
                        Column::Uuid(vec![metric; rows.len()]),
                        Column::Int(rows.iter().map(|row| row.0 * 1_000).collect()),
                    ],
                )?;
                tx.many(
                    "insert into event
                         (space_id, id, user_id, metric_id, value, at, date, second_of_day, attributes)
                     select k.a, k.b, k.c, k.d, 1000000, 0, k.e, 0, k.f
                     from {keys(a bigint, b uuid, c bigint, d uuid, e text, f json)} k",
                    &[
                        Column::Int(vec![space; events.len()]),
                        Column::Uuid(events.iter().map(|event| event.0).collect()),
                        Column::Int(vec![user; events.len()]),
                        Column::Uuid(vec![metric; events.len()]),
                        Column::Text(events.iter().map(|event| event.1.as_str()).collect()),
                        Column::Json(vec!["{\"book\":\"red\"}"; events.len()]),
                    ],
                )?;
                Ok(())
            });
            filled.unwrap();
        }
        for round in 0..3 {
            let started = Instant::now();
            let activity = wrapped(app, "ny", "");
            eprintln!("round {round}: {:?}", started.elapsed());
            assert!(activity["daysActive"].as_i64().unwrap() >= 2);
        }
    });
}

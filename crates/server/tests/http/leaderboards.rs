//! Leaderboards: parts of the day, places at the end of days, rows around a user, what is told of runs
//! (spec/trophy.md 7.4-7.9, 9.4, 13.11).

use engine::catalog::{BoardEntry, Catalog, Definitions};
use engine::definition::{Board, BoardStatus};
use engine::id::{BoardId, Ids};
use jiff::Timestamp;
use serde_json::{Value, json};
use server::workers::moments;
use store::Space;

use crate::support::{TestApp, on_both};

fn metric(app: &TestApp) -> Value {
    app.create("/metrics", &json!({"name": "Steps", "key": "steps"}))
}

/// An active board on a metric, with more members.
fn board(app: &TestApp, key: &str, metric: &Value, more: &Value) -> Value {
    let mut item = json!({
        "name": key, "key": key, "rankBy": "metric", "metricId": metric["id"], "status": "active",
    });
    for (name, value) in more.as_object().unwrap() {
        item[name] = value.clone();
    }
    app.create("/leaderboards", &item)
}

/// Users and values of a ranking.
fn rows(app: &TestApp, path: &str) -> Vec<(String, i64, i64)> {
    let answer = app.get(&format!("/v1/leaderboards/{path}"));
    let rows = answer["rankings"].as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["userId"].as_str().unwrap().to_owned(),
            row["rank"].as_i64().unwrap(),
            row["value"].as_i64().unwrap(),
        )
    })
    .collect()
}

fn row(user: &str, rank: i64, value: i64) -> (String, i64, i64) {
    (user.to_owned(), rank, value)
}

/// Sends one unit of the metric at an instant; answers what it did on boards.
fn step_at(app: &TestApp, now: &str, user: &str, tz: &str) -> Value {
    app.jump(now);
    app.event("steps", &json!({"id": user, "tz": tz}), 1.0)["leaderboards"].clone()
}

#[test]
fn amb_40_windows_are_configured_shown_and_cleared() {
    on_both("2026-03-10T09:00:00Z", |app| {
        let metric = metric(app);
        let made = board(
            app,
            "b",
            &metric,
            &json!({"startTime": "09:00", "endTime": "17:30:15"}),
        );
        assert_eq!(
            (&made["startTime"], &made["endTime"]),
            (&json!("09:00"), &json!("17:30:15"))
        );
        let path = format!("/admin/v1/leaderboards/{}", made["id"].as_str().unwrap());
        assert_eq!(app.get(&path), made);
        let seen = app.get("/v1/leaderboards/b");
        assert_eq!(
            (&seen["startTime"], &seen["endTime"]),
            (&json!("09:00"), &json!("17:30:15"))
        );
        let event = step_at(app, "2026-03-10T10:00:00Z", "u", "UTC");
        assert_eq!(event["b"]["endTime"], "17:30:15");

        let issues = |method: &str, item: Value| {
            let body = json!([item]);
            let answer = app.admin(method, "/admin/v1/leaderboards", Some(&body));
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer.json["issues"].as_array().unwrap().len()
        };
        let id = &made["id"];
        for wrong in [
            json!({"startTime": "17:30:15"}),
            json!({"endTime": "09:00:00"}),
            json!({"startTime": "9:00"}),
            json!({"startTime": "24:00"}),
            json!({"endTime": "12:00:60"}),
            json!({"endTime": "noon"}),
            json!({"startTime": null, "endTime": "00:00"}),
            json!({"endTime": 12}),
        ] {
            let mut item = wrong.clone();
            item["id"] = id.clone();
            assert_eq!(issues("PATCH", item), 1, "{wrong}");
            let mut item = wrong.clone();
            for (name, value) in [("name", "C"), ("key", "c"), ("rankBy", "streak")] {
                item[name] = json!(value);
            }
            if wrong.get("startTime") != Some(&json!("17:30:15"))
                && wrong.get("endTime") != Some(&json!("09:00:00"))
            {
                assert_eq!(issues("POST", item), 1, "{wrong}");
            }
        }
        assert_eq!(app.get(&path), made, "nothing was changed");
        let changed = app.update(
            "/leaderboards",
            &json!({"id": id, "startTime": null, "endTime": null}),
        );
        assert!(changed.get("startTime").is_none() && changed.get("endTime").is_none());
        let seen = app.get("/v1/leaderboards/b");
        assert_eq!(
            (&seen["startTime"], &seen["endTime"]),
            (&Value::Null, &Value::Null)
        );
    });
}

/// The rows of D.10 about a window, and what a change of the window does (AMB-35, AMB-36).
#[test]
fn d10_windows_hold_on_each_users_clock_and_can_change_at_any_time() {
    on_both("2026-11-02T00:00:00Z", |app| {
        let metric = metric(app);
        let system = app.create(
            "/points",
            &json!({
                "name": "XP", "key": "xp",
                "triggers": [{"type": "metric", "status": "active", "points": 5, "metricId": metric["id"], "metricThreshold": 1}],
            }),
        );
        let window =
            json!({"startTime": "09:00", "endTime": "17:00", "runUnit": "day", "runInterval": 7});
        let office = board(app, "office", &metric, &window);
        let mut item = window.clone();
        for (name, value) in [
            ("name", json!("P")),
            ("key", json!("points")),
            ("rankBy", json!("points")),
            ("pointsSystemId", system["id"].clone()),
            ("status", json!("active")),
        ] {
            item[name] = value;
        }
        let points = app.create("/leaderboards", &item);
        let london = "Europe/London";
        let boards = |event: &Value| event.as_object().unwrap().len();
        assert_eq!(
            boards(&step_at(app, "2026-11-02T08:59:59Z", "early", london)),
            0
        );
        let event = step_at(app, "2026-11-02T09:00:00Z", "nine", london);
        assert_eq!(
            (&event["office"]["rank"], &event["points"]["rank"]),
            (&json!(1), &json!(1))
        );
        step_at(app, "2026-11-02T16:59:59Z", "nine", london);
        assert_eq!(
            boards(&step_at(app, "2026-11-02T17:00:00Z", "late", london)),
            0
        );
        // Nine in the morning in New York.
        let event = step_at(app, "2026-11-02T17:00:01Z", "far", "America/New_York");
        assert_eq!(event["office"]["rank"], 2);
        assert_eq!(rows(app, "office"), [row("nine", 1, 2), row("far", 2, 1)]);
        assert_eq!(rows(app, "points"), [row("nine", 1, 10), row("far", 2, 5)]);

        let change = |window: &Value| {
            for board in [&office, &points] {
                let mut item = window.clone();
                item["id"] = board["id"].clone();
                app.update("/leaderboards", &item);
            }
        };
        change(&json!({"startTime": null}));
        let all_but_late = [row("nine", 1, 2), row("early", 2, 1), row("far", 3, 1)];
        assert_eq!(rows(app, "office"), all_but_late);
        assert_eq!(
            rows(app, "points"),
            all_but_late.map(|(user, rank, value)| (user, rank, value * 5))
        );
        change(&json!({"startTime": "17:00", "endTime": null}));
        assert_eq!(rows(app, "office"), [row("late", 1, 1)]);
        assert_eq!(rows(app, "points"), [row("late", 1, 5)]);
        change(&json!({"startTime": "09:00", "endTime": "17:00"}));
        assert_eq!(rows(app, "points"), [row("nine", 1, 10), row("far", 2, 5)]);
    });
}

/// A streak counts on a board with a window from its next extension inside on; lost, it is gone from there.
#[test]
fn streak_boards_with_a_window() {
    on_both("2026-03-10T00:00:00Z", |app| {
        metric(app);
        let settings = json!({"metrics": [{"key": "steps", "threshold": 1}]});
        let answer = app.admin("PATCH", "/admin/v1/streaks/settings", Some(&settings));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let made = app.create(
            "/leaderboards",
            &json!({"name": "S", "key": "s", "rankBy": "streak", "status": "active"}),
        );
        step_at(app, "2026-03-10T10:00:00Z", "lark", "UTC");
        step_at(app, "2026-03-10T20:00:00Z", "owl", "UTC");
        assert_eq!(rows(app, "s"), [row("lark", 1, 1), row("owl", 2, 1)]);
        app.update(
            "/leaderboards",
            &json!({"id": made["id"], "endTime": "12:00"}),
        );
        assert_eq!(rows(app, "s"), [row("lark", 1, 1)]);
        step_at(app, "2026-03-11T11:00:00Z", "owl", "UTC");
        step_at(app, "2026-03-11T13:00:00Z", "lark", "UTC");
        assert_eq!(rows(app, "s"), [row("owl", 1, 2), row("lark", 2, 1)]);
        app.travel("2026-03-13T00:00:00Z");
        assert!(rows(app, "s").is_empty());
    });
}

/// Dates, ranks and values of a user's history, each before and after.
fn history(app: &TestApp, user: &str, query: &str) -> Vec<Value> {
    let answer = app.get(&format!("/v1/users/{user}/leaderboards/{query}"));
    answer["history"].as_array().unwrap().clone()
}

fn day(date: &str, before: Option<(i64, i64)>, after: Option<(i64, i64)>) -> Value {
    json!({
        "date": date, "timestamp": format!("{date}T00:00:00.000Z"),
        "previousRank": before.map(|(rank, _)| rank), "rank": after.map(|(rank, _)| rank),
        "previousValue": before.map(|(_, value)| value), "value": after.map(|(_, value)| value),
    })
}

/// AMB-44: only days on which something changed, each at the user's own midnight.
#[test]
fn amb_44_places_are_kept_when_a_users_day_ends() {
    on_both("2026-03-10T09:00:00Z", |app| {
        let metric = metric(app);
        board(app, "b", &metric, &json!({"maxParticipants": 2}));
        app.step();
        let add = |now: &str, user: &str, tz: &str, value: f64| {
            app.jump(now);
            app.event("steps", &json!({"id": user, "tz": tz}), value);
        };
        // Midnights at 18:15, 00:00 and 07:00 UTC.
        let (nepal, london, coast) = ("Asia/Kathmandu", "Europe/London", "America/Los_Angeles");
        add("2026-03-10T10:00:00Z", "london", london, 10.0);
        add("2026-03-10T10:00:00Z", "nepal", nepal, 20.4);
        add("2026-03-10T10:00:00Z", "coast", coast, 5.0);
        app.travel("2026-03-10T18:14:59Z");
        assert!(history(app, "nepal", "b").is_empty());
        app.travel("2026-03-10T18:15:00Z");
        let first = day("2026-03-10", None, Some((1, 20)));
        assert_eq!(history(app, "nepal", "b"), std::slice::from_ref(&first));
        assert!(
            history(app, "london", "b").is_empty(),
            "the day lasts there"
        );
        add("2026-03-10T19:00:00Z", "london", london, 15.0);
        app.travel("2026-03-11T00:00:00Z");
        assert_eq!(
            history(app, "london", "b"),
            [day("2026-03-10", None, Some((1, 25)))]
        );
        app.travel("2026-03-11T07:00:00Z");
        assert!(history(app, "coast", "b").is_empty(), "beyond the limit");
        app.travel("2026-03-11T18:15:00Z");
        let second = day("2026-03-11", Some((1, 20)), Some((2, 20)));
        assert_eq!(history(app, "nepal", "b"), [first.clone(), second.clone()]);
        add("2026-03-11T20:00:00Z", "coast", coast, 100.0);
        for midnight in [
            "2026-03-12T00:00:00Z",
            "2026-03-12T07:00:00Z",
            "2026-03-12T18:15:00Z",
        ] {
            app.travel(midnight);
        }
        assert_eq!(
            history(app, "london", "b")[1],
            day("2026-03-11", Some((1, 25)), Some((2, 25)))
        );
        assert_eq!(
            history(app, "coast", "b"),
            [day("2026-03-11", None, Some((1, 105)))]
        );
        let third = day("2026-03-12", Some((2, 20)), None);
        assert_eq!(history(app, "nepal", "b")[2], third);
        // Days on which nothing changes leave nothing, also when several pass at once.
        for midnight in ["2026-03-13T18:15:00Z", "2026-03-15T18:15:00Z"] {
            app.travel(midnight);
        }
        assert_eq!(history(app, "nepal", "b").len(), 3);
        add("2026-03-16T01:00:00Z", "nepal", nepal, 1_000.0);
        app.travel("2026-03-16T18:15:00Z");
        let fourth = day("2026-03-16", None, Some((1, 1_020)));
        assert_eq!(
            history(app, "nepal", "b"),
            [first, second, third.clone(), fourth.clone()]
        );
        assert_eq!(
            history(app, "nepal", "b?numEvents=2"),
            [third, fourth.clone()]
        );
        assert_eq!(history(app, "nepal", "b?numEvents=1"), [fourth]);
        assert!(history(app, "nepal", "b?numEvents=0").is_empty());
        // Looking again at what was looked at changes nothing.
        let all = history(app, "london", "b?numEvents=100");
        look_back(app, "2026-03-16T00:00:00Z");
        app.step();
        assert_eq!(history(app, "london", "b?numEvents=100"), all);
        assert_eq!(history(app, "nepal", "b").len(), 4);
    });
}

/// Lets midnights be looked at again, as if the process had died before they were noted.
fn look_back(app: &TestApp, to: &str) {
    let to: Timestamp = to.parse().unwrap();
    let reset: store::Result<u64> = app.app.room.store.write(|tx| {
        tx.run(
            "update space set board_days_to = $1",
            &[to.as_microsecond().into()],
        )
    });
    reset.unwrap();
}

#[test]
fn every_run_has_a_history_of_its_own_up_to_the_last_zone() {
    on_both("2026-03-10T01:00:00Z", |app| {
        let metric = metric(app);
        board(
            app,
            "daily",
            &metric,
            &json!({"runUnit": "day", "runInterval": 1, "end": "2026-03-11"}),
        );
        app.step();
        step_at(app, "2026-03-10T13:00:00Z", "here", "UTC");
        step_at(app, "2026-03-10T13:00:00Z", "last", "Etc/GMT+12");
        app.travel("2026-03-11T00:00:00Z");
        let first = day("2026-03-10", None, Some((1, 1)));
        assert!(history(app, "here", "daily").is_empty(), "a new run");
        assert_eq!(history(app, "here", "daily?run=2026-03-10"), [first]);
        step_at(app, "2026-03-11T13:00:00Z", "last", "Etc/GMT+12");
        // The day of the first run ended there at noon; the board ends as the second one does.
        app.travel("2026-03-11T13:30:00Z");
        assert_eq!(
            history(app, "last", "daily?run=2026-03-10"),
            [day("2026-03-10", None, Some((2, 1)))]
        );
        app.travel("2026-03-12T12:00:00Z");
        assert_eq!(app.get("/v1/leaderboards/daily")["status"], "finished");
        assert_eq!(
            history(app, "last", "daily?run=2026-03-11"),
            [day("2026-03-11", None, Some((1, 1)))]
        );
        app.travel("2026-03-20T12:00:00Z");
        assert_eq!(history(app, "last", "daily?run=2026-03-11").len(), 1);
    });
}

#[test]
fn a_history_outlives_a_pause_of_the_board_but_no_other_ranking() {
    on_both("2026-03-10T01:00:00Z", |app| {
        let metric = metric(app);
        let made = board(app, "b", &metric, &json!({}));
        app.step();
        step_at(app, "2026-03-10T13:00:00Z", "u", "UTC");
        app.travel("2026-03-11T00:00:00Z");
        assert_eq!(history(app, "u", "b").len(), 1);
        let set = |item: Value| {
            let mut item = item;
            item["id"] = made["id"].clone();
            app.update("/leaderboards", &item)
        };
        set(json!({"status": "inactive"}));
        app.travel("2026-03-12T00:00:00Z");
        set(json!({"status": "active"}));
        assert_eq!(history(app, "u", "b").len(), 1);
        set(json!({"status": "inactive"}));
        set(json!({"start": "2026-03-09"}));
        set(json!({"status": "active"}));
        assert!(history(app, "u", "b").is_empty());
        app.travel("2026-03-13T00:00:00Z");
        assert_eq!(
            history(app, "u", "b"),
            [day("2026-03-12", None, Some((1, 1)))]
        );
    });
}

/// AMB-43 and our extension of it: a negative offset shows the rows before a user.
#[test]
fn amb_43_rows_around_a_user() {
    on_both("2026-03-10T01:00:00Z", |app| {
        let metric = metric(app);
        board(app, "b", &metric, &json!({"maxParticipants": 6}));
        for (number, user) in ["a", "b", "c", "d", "e", "f", "g"].iter().enumerate() {
            let value = 70.0 - 10.0 * f64::from(u8::try_from(number).unwrap());
            app.event("steps", &json!({"id": user}), value);
        }
        app.admin("POST", "/v1/users", Some(&json!({"id": "idle"})));
        let users = |query: &str| {
            rows(app, &format!("b?{query}"))
                .into_iter()
                .map(|(user, rank, _)| format!("{user}{rank}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        for (query, expected) in [
            ("userId=d", "d4 e5 f6"),
            ("userId=d&offset=1&limit=1", "e5"),
            ("userId=d&offset=3", ""),
            ("userId=d&offset=-2&limit=5", "b2 c3 d4 e5 f6"),
            ("userId=d&offset=-2&limit=2", "b2 c3"),
            ("userId=b&offset=-2&limit=3", "a1 b2 c3"),
            ("userId=a&offset=-1000&limit=1", "a1"),
            ("userId=f&offset=-1", "e5 f6"),
            ("userId=g&offset=-1", ""),
            ("userId=idle&offset=-1", ""),
            ("userId=nobody", ""),
            ("offset=4", "e5 f6"),
        ] {
            assert_eq!(users(query), expected, "{query}");
        }
        // AMB-77: the limit goes up to the size of the board.
        assert_eq!(users("limit=6").len(), 17);
        for wrong in [
            "offset=-1",
            "userId=d&offset=x",
            "userId=d&offset=-1.5",
            "limit=7",
            "limit=-1",
        ] {
            let path = format!("/v1/leaderboards/b?{wrong}");
            let answer = app.admin("GET", &path, None);
            assert_eq!(answer.status, 422, "{wrong}: {}", answer.text);
        }
    });
}

/// AMB-42: any date of a run reads it, also after the board is over.
#[test]
fn amb_42_finished_boards_are_read_by_run() {
    on_both("2026-03-09T00:00:00Z", |app| {
        let metric = metric(app);
        board(
            app,
            "weekly",
            &metric,
            &json!({"runUnit": "day", "runInterval": 7, "end": "2026-03-20"}),
        );
        step_at(app, "2026-03-12T12:00:00Z", "early", "UTC");
        step_at(app, "2026-03-20T12:00:00Z", "late", "UTC");
        app.travel("2026-03-21T12:00:00Z");
        let all = |query: &str| app.get(&format!("/v1/leaderboards{query}"));
        assert_eq!(all(""), json!([]));
        assert_eq!(all("?includeFinished=true")[0]["status"], "finished");
        for date in ["2026-03-09", "2026-03-12", "2026-03-15"] {
            let path = format!("weekly?run={date}");
            assert_eq!(rows(app, &path), [row("early", 1, 1)]);
        }
        assert_eq!(rows(app, "weekly?run=2026-03-20"), [row("late", 1, 1)]);
        assert_eq!(rows(app, "weekly"), [row("late", 1, 1)]);
        for wrong in ["2026-03-08", "2026-03-21", "soon"] {
            for path in [
                "/v1/leaderboards/weekly",
                "/v1/users/late/leaderboards/weekly",
            ] {
                let path = format!("{path}?run={wrong}");
                assert_eq!(app.admin("GET", &path, None).status, 422, "{path}");
            }
        }
    });
}

/// Spaces go by their own clock: here it is seven weeks ahead of that of the machine.
#[test]
fn boards_go_by_a_test_clock() {
    on_both("2026-03-10T01:00:00Z", |app| {
        let at = |now: &str| {
            let now: Timestamp = now.parse().unwrap();
            let set: store::Result<u64> = app.app.room.store.write(|tx| {
                tx.run(
                    "update environment set test_now = $1",
                    &[now.as_microsecond().into()],
                )
            });
            set.unwrap();
            app.step();
        };
        at("2026-05-01T11:00:00Z");
        metric(app);
        let settings = json!({"metrics": [{"key": "steps", "threshold": 1}]});
        app.admin("PATCH", "/admin/v1/streaks/settings", Some(&settings));
        app.create(
            "/leaderboards",
            &json!({"name": "S", "key": "s", "rankBy": "streak", "status": "scheduled", "start": "2026-05-03"}),
        );
        let user = json!({"id": "u", "tz": "UTC"});
        app.event("steps", &user, 1.0);
        at("2026-05-02T09:59:59Z");
        assert!(rows(app, "s").is_empty());
        at("2026-05-02T10:00:00Z");
        assert_eq!(rows(app, "s"), [row("u", 1, 1)]);
        app.event("steps", &user, 1.0);
        at("2026-05-03T10:00:00Z");
        assert!(
            history(app, "u", "s").is_empty(),
            "the board has no dates before its start"
        );
        app.event("steps", &user, 1.0);
        at("2026-05-04T00:00:00Z");
        assert_eq!(
            history(app, "u", "s"),
            [day("2026-05-03", None, Some((1, 3)))]
        );
    });
}

fn only_space(app: &TestApp) -> Space {
    let spaces = app.app.room.store.read(store::access::all_spaces);
    spaces.unwrap()[0]
}

/// The boards of the space as a catalog to which somebody listens.
fn listening(app: &TestApp, kinds: &[&str], edit: impl Fn(&mut Board)) -> Catalog {
    let space = only_space(app);
    let boards = app
        .app
        .room
        .store
        .read(|tx| store::definition::list::<Board>(tx, space, 100, 0));
    let mut definitions = Definitions {
        boards: boards.unwrap(),
        listened: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        ..Definitions::default()
    };
    for board in &mut definitions.boards {
        edit(&mut board.body);
    }
    Catalog::compile(1, definitions)
}

/// What waits to be delivered: when, what, and of which run.
fn waiting(app: &TestApp) -> Vec<(String, String, i64)> {
    let rows = app.app.room.store.read(|tx| {
        tx.rows(
            "select created_at, kind, body from outbox where space_id = $1 order by created_at, kind",
            &[only_space(app).number().into()],
            |row| {
                let at = Timestamp::from_microsecond(row.get(0)?).unwrap();
                let body: Value = serde_json::from_str(&row.get::<String>(2)?).unwrap();
                Ok((at.to_string(), row.get(1)?, body["run"].as_i64().unwrap()))
            },
        )
    });
    rows.unwrap_or_else(|error: store::Error| panic!("{error}"))
}

fn notice(at: &str, kind: &str, run: i64) -> (String, String, i64) {
    (at.to_owned(), format!("leaderboard.{kind}"), run)
}

/// spec/trophy.md D.10, 9.4: each run is told once to begin and once to be over.
#[test]
fn d10_runs_are_told_once_also_after_a_crash() {
    use BoardStatus::{Active, Finished, Inactive};
    on_both("2026-10-20T00:00:00Z", |app| {
        let metric = metric(app);
        board(
            app,
            "weekly",
            &metric,
            &json!({"status": "scheduled", "start": "2026-11-02", "runUnit": "day", "runInterval": 7}),
        );
        let space = only_space(app);
        let ids = std::cell::RefCell::new(Ids::seeded(5));
        let store = &app.app.room.store;
        let both = ["leaderboard.started", "leaderboard.finished"];
        let catalog = listening(app, &both, |_| {});
        let instant = |now: &str| now.parse::<Timestamp>().unwrap();
        let tell = |catalog: &Catalog, now: &str| {
            let told: store::Result<usize> = store
                .write(|tx| moments::tell(tx, space, catalog, instant(now), &mut ids.borrow_mut()));
            told.unwrap()
        };
        assert_eq!(tell(&catalog, "2026-11-01T09:59:59Z"), 0);
        let crashed: store::Result<()> = store.write(|tx| {
            let now = instant("2026-11-01T10:00:00Z");
            moments::tell(tx, space, &catalog, now, &mut ids.borrow_mut())?;
            Err(store::Error::broken("the power failed"))
        });
        assert!(crashed.is_err());
        assert!(waiting(app).is_empty());
        assert_eq!(tell(&catalog, "2026-11-01T10:00:00Z"), 1);
        assert_eq!(tell(&catalog, "2026-11-01T10:00:00Z"), 0);
        assert_eq!(
            tell(&catalog, "2026-11-01T09:00:00Z"),
            0,
            "a clock that goes back"
        );
        let mut expected = vec![notice("2026-11-01T10:00:00Z", "started", 0)];
        assert_eq!(waiting(app), expected);
        // A process that was away for a week tells all of it.
        assert_eq!(tell(&catalog, "2026-11-09T13:00:00Z"), 2);
        expected.push(notice("2026-11-08T10:00:00Z", "started", 1));
        expected.push(notice("2026-11-09T13:00:00Z", "finished", 0));
        assert_eq!(waiting(app), expected);
        // Nobody listens to what begins any more.
        let half = listening(app, &both[1..], |_| {});
        assert_eq!(tell(&half, "2026-11-16T13:00:00Z"), 1);
        expected.push(notice("2026-11-16T13:00:00Z", "finished", 1));
        assert_eq!(waiting(app), expected);

        // By hand.
        let change = |before: BoardStatus, after: BoardStatus, now: &str| {
            let before = listening(app, &both, |board| board.status = before);
            let after = listening(app, &both, |board| board.status = after);
            let boards: Vec<BoardId> = after.boards().map(BoardEntry::id).collect();
            let told: store::Result<usize> = store.write(|tx| {
                let ids = &mut ids.borrow_mut();
                moments::tell_changes(tx, space, (&before, &after), &boards, instant(now), ids)
            });
            told.unwrap()
        };
        assert_eq!(change(Active, Inactive, "2026-11-18T08:00:00Z"), 0);
        assert_eq!(change(Inactive, Active, "2026-11-18T09:00:00Z"), 1);
        assert_eq!(change(Active, Finished, "2026-11-18T10:00:00Z"), 1);
        expected.push(notice("2026-11-18T09:00:00Z", "started", 2));
        expected.push(notice("2026-11-18T10:00:00Z", "finished", 2));
        assert_eq!(waiting(app), expected);
    });
}

/// A change of boards first tells what the boards before it led to, up to the instant of the change.
#[test]
fn a_change_of_boards_cuts_time_in_two() {
    on_both("2026-10-20T00:00:00Z", |app| {
        let told_to = || {
            let found = app.app.room.store.read(|tx| {
                tx.row(
                    "select up_to from announced where space_id = $1",
                    &[only_space(app).number().into()],
                    |row| row.get::<i64>(0),
                )
            });
            found
                .unwrap_or_else(|error: store::Error| panic!("{error}"))
                .map(|us| Timestamp::from_microsecond(us).unwrap().as_second())
        };
        let second = |text: &str| Some(text.parse::<Timestamp>().unwrap().as_second());
        let metric = metric(app);
        assert_eq!(told_to(), None);
        let made = board(app, "b", &metric, &json!({}));
        assert_eq!(told_to(), second("2026-10-20T00:00:00Z"));
        app.jump("2026-10-25T08:00:00Z");
        app.update(
            "/leaderboards",
            &json!({"id": made["id"], "status": "finished"}),
        );
        assert_eq!(told_to(), second("2026-10-25T08:00:00Z"));
        app.travel("2026-10-26T08:00:00Z");
        // Nothing falls due any more, so nothing is noted.
        assert_eq!(told_to(), second("2026-10-25T08:00:00Z"));
    });
}

//! Test clocks of environments: what falls due on the way happens, in order and at its instant; and the environments
//! themselves (design 8, spec/trophy.md 12.1).

use serde_json::{Value, json};

use crate::support::{ADMIN, Answer, Engine, TestApp, on_both};

/// The clock of the machine.
const MACHINE: &str = "2026-06-01T12:00:00Z";
/// Where most test clocks begin.
const BEGIN: &str = "2026-01-06T12:00:00Z";

/// Makes an environment; answers its admin key.
fn made(app: &TestApp, key: &str, kind: &str) -> String {
    let item = json!({"name": key.to_uppercase(), "key": key, "type": kind});
    let answer = app.admin("POST", "/admin/v1/environments", Some(&item));
    answer.expect(201)["adminKey"].as_str().unwrap().to_owned()
}

/// Somebody with the admin key of an environment.
struct Stage<'a> {
    app: &'a TestApp,
    key: String,
}

impl<'a> Stage<'a> {
    fn new(app: &'a TestApp, key: &str) -> Self {
        let key = made(app, key, "development");
        Self { app, key }
    }

    /// An environment whose clock begins at an instant.
    fn at(app: &'a TestApp, key: &str, now: &str) -> Self {
        let stage = Self::new(app, key);
        stage.moves(now);
        stage
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.app.send(&self.key, None, method, path, body)
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.call("GET", path, None).expect(200)
    }

    #[track_caller]
    fn create(&self, path: &str, item: &Value) -> Value {
        let path = format!("/admin/v1{path}");
        let answer = self.call("POST", &path, Some(&json!([item])));
        answer.expect(201)["created"][0].clone()
    }

    #[track_caller]
    fn event(&self, user: &Value) -> Value {
        let body = json!({"user": user, "value": 1});
        let path = "/v1/metrics/words/event";
        self.call("POST", path, Some(&body)).expect(201)
    }

    fn ask(&self, now: &Value) -> Answer {
        self.call("PUT", "/admin/v1/clock", Some(&json!({"now": now})))
    }

    /// Moves the clock and expects it to arrive.
    #[track_caller]
    fn moves(&self, now: &str) {
        let clock = self.ask(&json!(now)).expect(200);
        let shown: jiff::Timestamp = clock["now"].as_str().unwrap().parse().unwrap();
        assert_eq!(shown, now.parse().unwrap());
        assert_eq!(
            (&clock["mode"], &clock["movingTo"]),
            (&json!("test"), &Value::Null)
        );
    }

    fn streak(&self, user: &str, query: &str) -> Value {
        self.get(&format!("/v1/users/{user}/streak{query}"))
    }

    /// A metric that makes streaks, with freezes.
    fn configure(&self, freezes: i64) {
        self.create("/metrics", &json!({"name": "Words", "key": "words"}));
        let settings = json!({
            "metrics": [{"key": "words", "threshold": 1}],
            "freezes": {"startCount": freezes, "maxCount": 5},
        });
        self.call("PATCH", "/admin/v1/streaks/settings", Some(&settings))
            .expect(200);
    }
}

#[test]
fn a_clock_is_of_the_machine_until_it_is_moved() {
    on_both(MACHINE, |app| {
        let stage = Stage::new(app, "dev");
        let clock = json!({"mode": "system", "now": "2026-06-01T12:00:00.000Z", "movingTo": null});
        assert_eq!(stage.get("/admin/v1/clock"), clock);
        // Nothing is there yet: the past is open.
        stage.moves(BEGIN);
        assert_eq!(
            stage.get("/admin/v1/clock")["now"],
            "2026-01-06T12:00:00.000Z"
        );
        assert_eq!(app.get("/admin/v1/clock"), clock);
        for refused in [
            json!("2026-01-06T11:59:59Z"),
            json!("2036-02-01T00:00:00Z"),
            json!("1900-01-01T00:00:00Z"),
            json!("9999-12-31T23:59:59Z"),
            json!("2026-02-01"),
            json!("soon"),
            json!(5),
        ] {
            let answer = stage.ask(&refused);
            assert_eq!(answer.status, 422, "{refused}: {}", answer.text);
        }
        let answer = stage.call("PUT", "/admin/v1/clock", Some(&json!({})));
        assert_eq!(answer.status, 422, "{}", answer.text);
        stage.moves("2026-01-06T12:00:00Z");
        stage.moves("2026-01-06T12:00:01Z");
        // The present of the machine lies ahead: on to it, and on with it.
        assert_eq!(stage.ask(&Value::Null).expect(200), clock);
        assert_eq!(stage.ask(&Value::Null).expect(200), clock);
        stage.moves("2026-07-01T00:00:00Z");
        let answer = stage.ask(&Value::Null);
        assert!(answer.text.contains("has not reached"), "{}", answer.text);
        assert_eq!(answer.status, 422);
    });
}

#[test]
fn production_lives_by_the_machine() {
    on_both(MACHINE, |app| {
        for now in [json!("2027-01-01T00:00:00Z"), Value::Null] {
            let answer = app.admin("PUT", "/admin/v1/clock", Some(&json!({"now": now})));
            assert_eq!(answer.status, 422);
            assert!(answer.text.contains("production"), "{}", answer.text);
        }
        assert_eq!(app.get("/admin/v1/clock")["mode"], "system");
    });
}

#[test]
fn what_is_there_already_cannot_be_taken_into_the_past() {
    on_both(MACHINE, |app| {
        let configured = Stage::new(app, "configured");
        configured.create("/metrics", &json!({"name": "Words", "key": "words"}));
        let used = Stage::new(app, "used");
        used.call("POST", "/v1/users", Some(&json!({"id": "ada"})))
            .expect(201);
        for stage in [configured, used] {
            assert_eq!(stage.ask(&json!(BEGIN)).status, 422);
            assert_eq!(stage.get("/admin/v1/clock")["mode"], "system");
            stage.moves("2026-06-02T00:00:00Z");
        }
    });
}

/// Freezes are used at their midnights, the streak breaks when there are none left, in both zones, in one move.
#[test]
fn streaks_freeze_and_break_on_the_way() {
    on_both(MACHINE, |app| {
        let stage = Stage::at(app, "dev", BEGIN);
        stage.configure(2);
        stage.event(&json!({"id": "ny", "tz": "America/New_York"}));
        stage.event(&json!({"id": "tokyo", "tz": "Asia/Tokyo"}));
        stage.moves("2026-01-09T04:59:59Z");
        let ny = stage.streak("ny", "?historyPeriods=3");
        assert_eq!(
            (&ny["length"], &ny["freezes"]),
            (&json!(1), &json!(1)),
            "{ny}"
        );
        let tokyo = stage.streak("tokyo", "?historyPeriods=3");
        assert_eq!(
            (&tokyo["length"], &tokyo["freezes"]),
            (&json!(1), &json!(0)),
            "{tokyo}"
        );
        assert_eq!(tokyo["streakHistory"][1]["usedFreeze"], true, "{tokyo}");
        stage.moves("2026-01-12T00:00:00Z");
        for user in ["ny", "tokyo"] {
            assert_eq!(stage.streak(user, "")["length"], 0, "{user}");
        }
        let event = stage.event(&json!({"id": "ny"}));
        assert_eq!(event["currentStreak"]["started"], "2026-01-11");
    });
}

#[test]
fn runs_end_boards_start_and_anniversaries_complete() {
    on_both(MACHINE, |app| {
        let stage = Stage::at(app, "dev", BEGIN);
        stage.configure(5);
        stage.create(
            "/achievements",
            &json!({"name": "A year", "trigger": "anniversary", "anniversaryYears": 1, "status": "active"}),
        );
        let metric = stage.get("/admin/v1/metrics")[0]["id"].clone();
        stage.create(
            "/leaderboards",
            &json!({"name": "Daily", "key": "daily", "rankBy": "metric", "metricId": metric, "status": "active",
                    "start": "2026-01-06", "runUnit": "day", "runInterval": 1}),
        );
        stage.create(
            "/leaderboards",
            &json!({"name": "Later", "key": "later", "rankBy": "streak", "status": "scheduled", "start": "2026-01-08"}),
        );
        stage.event(&json!({"id": "ada", "tz": "UTC", "signUpDate": "2025-01-20"}));
        let rankings = |query: &str| {
            let board = stage.get(&format!("/v1/leaderboards/daily{query}"));
            board["rankings"].as_array().unwrap().len()
        };
        assert_eq!(rankings(""), 1);
        let later = |status: &str, length: usize| {
            let board = stage.get("/v1/leaderboards/later");
            assert_eq!(board["status"], status, "{board}");
            assert_eq!(
                board["rankings"].as_array().unwrap().len(),
                length,
                "{board}"
            );
        };
        later("scheduled", 0);
        stage.moves("2026-01-07T09:59:59Z");
        later("scheduled", 0);
        assert_eq!(rankings(""), 0);
        assert_eq!(rankings("?run=2026-01-06"), 1);
        // Streak boards are filled when they start, at 10:00 UTC on the eve.
        stage.moves("2026-01-07T10:00:00Z");
        later("active", 1);
        let completed = || {
            let all = stage.get("/v1/users/ada/achievements");
            all[0]["achievedAt"].clone()
        };
        stage.moves("2026-01-19T23:59:59Z");
        assert_eq!(completed(), Value::Null);
        // Long after it: the completion still has the instant at which it fell due.
        stage.moves("2026-02-03T15:00:00Z");
        assert_eq!(completed(), "2026-01-20T00:00:00.000Z");
    });
}

/// Two environments with different clocks and production in one process: none moves another.
#[test]
fn environments_have_clocks_of_their_own() {
    on_both(MACHINE, |app| {
        let past = Stage::at(app, "past", BEGIN);
        let future = Stage::at(app, "future", "2030-05-05T08:00:00Z");
        let production = Stage {
            app,
            key: ADMIN.to_owned(),
        };
        let user = json!({"id": "ada", "tz": "UTC"});
        let stages = [&past, &future, &production];
        for stage in stages {
            stage.configure(0);
            stage.event(&user);
        }
        let started = |stage: &Stage<'_>| stage.streak("ada", "")["started"].clone();
        assert_eq!(
            stages.map(started),
            [
                json!("2026-01-06"),
                json!("2030-05-05"),
                json!("2026-06-01")
            ]
        );
        let lengths = || stages.map(|stage| stage.streak("ada", "")["length"].as_i64().unwrap());
        future.moves("2030-05-08T00:00:00Z");
        app.step();
        assert_eq!(lengths(), [1, 0, 1]);
        // The machine goes on; the workers settle production only.
        app.travel("2026-06-04T00:00:00Z");
        assert_eq!(lengths(), [1, 0, 0]);
        past.moves("2026-01-09T00:00:00Z");
        assert_eq!(lengths(), [0, 0, 0]);
    });
}

#[test]
fn a_restart_keeps_the_clock() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut app = TestApp::start(engine, MACHINE);
        let key = {
            let stage = Stage::at(&app, "dev", BEGIN);
            stage.configure(0);
            stage.event(&json!({"id": "ada", "tz": "UTC"}));
            stage.moves("2026-01-07T08:00:00Z");
            stage.event(&json!({"id": "ada"}));
            stage.key
        };
        app.restart();
        let stage = Stage { app: &app, key };
        let clock = stage.get("/admin/v1/clock");
        assert_eq!(
            (&clock["mode"], &clock["now"]),
            (&json!("test"), &json!("2026-01-07T08:00:00.000Z"))
        );
        app.step();
        let streak = stage.streak("ada", "");
        assert_eq!(
            (&streak["length"], &streak["started"]),
            (&json!(2), &json!("2026-01-06"))
        );
        stage.event(&json!({"id": "ada"}));
        stage.moves("2026-01-09T00:00:00Z");
        assert_eq!(stage.streak("ada", "")["length"], 0);
    }
}

/// Not a measurement in CI: `--ignored --nocapture` prints how long a year takes.
#[test]
#[ignore = "prints a duration"]
fn a_year_with_daily_work() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = TestApp::start(engine, MACHINE);
        let stage = Stage::at(&app, "dev", BEGIN);
        stage.configure(5);
        let auto = json!({"freezes": {"startCount": 5, "maxCount": 5, "autoEarnInterval": 1, "autoEarnAmount": 1}});
        stage
            .call("PATCH", "/admin/v1/streaks/settings", Some(&auto))
            .expect(200);
        let metric = stage.get("/admin/v1/metrics")[0]["id"].clone();
        stage.create(
            "/leaderboards",
            &json!({"name": "Daily", "key": "daily", "rankBy": "metric", "metricId": metric, "status": "active",
                    "start": "2026-01-06", "runUnit": "day", "runInterval": 1}),
        );
        for (number, tz) in [
            "UTC",
            "America/New_York",
            "Asia/Tokyo",
            "Europe/Berlin",
            "Asia/Kolkata",
        ]
        .iter()
        .cycle()
        .take(20)
        .enumerate()
        {
            stage.event(&json!({"id": format!("u{number}"), "tz": tz}));
        }
        let started = server::telemetry::start();
        let mut clock = stage.ask(&json!("2027-01-06T12:00:00Z")).json;
        while clock["movingTo"].is_string() {
            std::thread::park_timeout(std::time::Duration::from_millis(500));
            clock = stage.get("/admin/v1/clock");
        }
        eprintln!("{engine:?}: {clock} after {:?}", started.elapsed());
    }
}

#[test]
fn environments_are_made_with_a_key_of_production() {
    on_both(MACHINE, |app| {
        let item = json!({"name": "Test", "key": "test-1", "type": "staging"});
        let created = app
            .admin("POST", "/admin/v1/environments", Some(&item))
            .expect(201);
        assert_eq!(
            (
                &created["name"],
                &created["key"],
                &created["type"],
                &created["priority"]
            ),
            (
                &json!("Test"),
                &json!("test-1"),
                &json!("staging"),
                &json!(2)
            )
        );
        let stage = Stage {
            app,
            key: created["adminKey"].as_str().unwrap().to_owned(),
        };
        assert_eq!(stage.get("/admin/v1/metrics"), json!([]));
        stage.create("/metrics", &json!({"name": "Words", "key": "words"}));
        assert_eq!(app.get("/admin/v1/metrics"), json!([]));
        let answer = stage.call("POST", "/admin/v1/environments", Some(&item));
        assert_eq!(answer.status, 403, "{}", answer.text);
        for refused in [
            item.clone(),
            json!({"name": "Test", "key": "production", "type": "staging"}),
            json!({"name": "Test", "key": "Test", "type": "staging"}),
            json!({"name": "", "key": "test", "type": "staging"}),
            json!({"name": "Test", "key": "test", "type": "production"}),
            json!({"key": "test", "type": "staging"}),
            json!([item]),
        ] {
            let answer = app.admin("POST", "/admin/v1/environments", Some(&refused));
            assert_eq!(answer.status, 422, "{refused}: {}", answer.text);
        }
        for number in 2..=4 {
            made(app, &format!("test-{number}"), "staging");
        }
        made(app, "dev-1", "development");
        let fifth = json!({"name": "Test", "key": "test-5", "type": "staging"});
        let answer = app.admin("POST", "/admin/v1/environments", Some(&fifth));
        assert_eq!(answer.status, 422, "{}", answer.text);
        // Everybody sees all of them.
        let listed = stage.get("/admin/v1/environments");
        let listed: Vec<(String, i64)> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let key = one["key"].as_str().unwrap().to_owned();
                (key, one["priority"].as_i64().unwrap())
            })
            .collect();
        let expected = [
            ("production", 1),
            ("test-1", 2),
            ("test-2", 3),
            ("test-3", 4),
            ("test-4", 5),
            ("dev-1", 6),
        ];
        assert_eq!(listed, expected.map(|(key, at)| (key.to_owned(), at)));
    });
}

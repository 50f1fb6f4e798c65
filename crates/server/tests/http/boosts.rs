//! Boosts and points for time over HTTP (spec/trophy.md 6.2, 6.3, 6.7, 13.7, 13.9, 13.10).

use serde_json::{Value, json};

use crate::support::{TestApp, on_both};

const NOW: &str = "2026-03-10T12:00:00Z";

/// A metric `m` that pays ten points of the system `xp` for each unit; answers the id of the system.
fn set_up(app: &TestApp) -> String {
    let metric = app.create("/metrics", &json!({"name": "M", "key": "m"}));
    let system = app.create("/points", &json!({"name": "XP", "key": "xp", "triggers": [
        {"type": "metric", "status": "active", "points": 10, "metricId": metric["id"], "metricThreshold": 1},
    ]}));
    system["id"].as_str().unwrap().to_owned()
}

fn post(app: &TestApp, path: &str, item: &Value) -> Value {
    app.admin("POST", &format!("/admin/v1{path}"), Some(&json!([item])))
        .expect(200)
}

#[test]
fn a_boost_is_made_read_changed_and_deleted() {
    on_both(NOW, |app| {
        let system = set_up(app);
        let path = format!("/points/{system}/boosts");
        let boost = app.create(
            &path,
            &json!({"name": "Double", "start": "2026-03-10", "end": "2026-03-12", "multiplier": 2}),
        );
        let id = boost["id"].as_str().unwrap();
        assert_eq!(
            boost,
            json!({
                "id": id, "name": "Double", "status": "active", "start": "2026-03-10",
                "end": "2026-03-12", "multiplier": 2.0, "rounding": "down", "userId": null,
                "userAttributes": [],
            })
        );
        let answer = app.event("m", &json!({"id": "u"}), 1.5);
        let award = &answer["points"]["xp"]["awards"][0];
        assert_eq!(award["awarded"], 20);
        assert_eq!(award["boosts"][0]["id"], id);
        assert_eq!(award["boosts"][0]["status"], "active");
        let changed = app.update(
            &path,
            &json!({"id": id, "name": "Half", "multiplier": 0.55, "rounding": "up", "end": null}),
        );
        assert_eq!(
            (
                &changed["name"],
                &changed["multiplier"],
                &changed["rounding"],
                &changed["end"]
            ),
            (&json!("Half"), &json!(0.55), &json!("up"), &Value::Null)
        );
        // What was awarded stays; what comes is boosted anew.
        app.event("m", &json!({"id": "u"}), 1.0);
        let read = app.get("/v1/users/u/points/xp");
        assert_eq!(read["total"], 26);
        assert_eq!(read["awards"][0]["boosts"][0]["name"], "Half");
        assert_eq!(read["awards"][1]["boosts"][0]["name"], "Half");
        assert_eq!(app.get(&format!("/admin/v1{path}/{id}")), changed);
        assert_eq!(app.get(&format!("/admin/v1{path}")), json!([changed]));
        let shown = app.get("/v1/points/xp/boosts");
        assert_eq!(shown, app.get("/v1/users/u/points/xp/boosts"));
        assert_eq!(shown[0]["multiplier"], 0.55);
        app.admin("DELETE", &format!("/admin/v1{path}?ids={id}"), None)
            .expect(200);
        assert_eq!(app.get(&format!("/admin/v1{path}")), json!([]));
        assert_eq!(
            app.get("/v1/points/xp/boosts?includeFinished=true"),
            json!([])
        );
        app.admin("GET", &format!("/admin/v1{path}/{id}"), None)
            .expect(404);
        let answer = app.event("m", &json!({"id": "u"}), 1.0);
        assert_eq!(answer["points"]["xp"]["awards"][0]["boosts"], json!([]));
        // Old awards still name it.
        let read = app.get("/v1/users/u/points/xp");
        assert_eq!(read["awards"][1]["boosts"][0]["status"], "finished");
    });
}

/// spec/trophy.md D.13.
#[test]
fn d13_boosts_and_triggers_that_cannot_be() {
    on_both(NOW, |app| {
        let system = set_up(app);
        let attribute = app.create(
            "/attributes",
            &json!({"name": "P", "key": "plan", "type": "user"}),
        );
        app.admin("POST", "/v1/users", Some(&json!({"id": "u"})))
            .expect(201);
        let path = format!("/points/{system}/boosts");
        let filters = json!([{"attributeId": attribute["id"], "attributeValue": "pro"}]);
        let good = json!({"name": "B", "start": "2026-03-10", "multiplier": 2});
        for wrong in [
            json!({"userId": "u", "userAttributes": filters}),
            json!({"userId": "nobody"}),
            json!({"multiplier": 1}),
            json!({"multiplier": 0}),
            json!({"multiplier": 100}),
            json!({"multiplier": "2"}),
            json!({"name": "n".repeat(256)}),
            json!({"start": "tomorrow"}),
            json!({"end": "2026-03-09"}),
            json!({"start": "2026-03-01", "end": "2026-03-08"}),
            json!({"rounding": "sideways"}),
            json!({"userAttributes": [{"attributeId": system, "attributeValue": "x"}]}),
        ] {
            let mut item = good.clone();
            for (member, value) in wrong.as_object().unwrap() {
                item[member] = value.clone();
            }
            let answer = post(app, &path, &item);
            assert_eq!(answer["created"], json!([]), "{wrong}");
            assert_eq!(answer["issues"][0]["index"], 0, "{wrong}");
            // As part of a system it refuses the whole system (AMB-56).
            let answer = post(
                app,
                "/points",
                &json!({"name": "S", "key": "s", "boosts": [item]}),
            );
            assert_eq!(answer["created"], json!([]), "{wrong}");
        }
        let triggers = format!("/points/{system}/triggers");
        for wrong in [
            json!({"type": "time", "points": 1}),
            json!({"type": "time", "points": 1, "timeUnit": "days"}),
            json!({"type": "time", "points": 1, "timeInterval": 1}),
            json!({"type": "time", "points": 1, "timeUnit": "days", "timeInterval": 0}),
            json!({"type": "time", "points": 1, "timeUnit": "day", "timeInterval": 1}),
            json!({"type": "time", "points": 0, "timeUnit": "days", "timeInterval": 1}),
            json!({"type": "user_creation", "points": 1, "timeUnit": "days"}),
            json!({"type": "time", "points": 1, "timeUnit": "days", "timeInterval": 1, "streakLength": 1}),
        ] {
            let answer = post(app, &triggers, &wrong);
            assert_eq!(answer["issues"][0]["index"], 0, "{wrong}");
        }
        let unknown = "/admin/v1/points/00000000-0000-7000-8000-000000000000/boosts";
        app.admin("GET", unknown, None).expect(404);
        app.admin("POST", unknown, Some(&json!([good]))).expect(404);
        // An attribute that a boost names stays.
        let mut group = good.clone();
        group["userAttributes"] = filters;
        app.create(&path, &group);
        let id = attribute["id"].as_str().unwrap();
        let answer = app
            .admin("DELETE", &format!("/admin/v1/attributes?ids={id}"), None)
            .expect(200);
        assert_eq!(answer["deleted"], json!([]));
    });
}

#[test]
fn boosts_of_users_groups_and_days_to_come() {
    on_both(NOW, |app| {
        let system = set_up(app);
        let attribute = app.create(
            "/attributes",
            &json!({"name": "P", "key": "plan", "type": "user"}),
        );
        for (user, zone, plan) in [
            ("east", "Pacific/Kiritimati", "pro"),
            ("west", "Pacific/Honolulu", "free"),
        ] {
            let body = json!({"id": user, "tz": zone, "attributes": {"plan": plan}});
            app.admin("POST", "/v1/users", Some(&body)).expect(201);
        }
        let path = format!("/points/{system}/boosts");
        let boost = |name: &str, more: Value| {
            let mut item = json!({"name": name, "start": "2026-03-11", "multiplier": 2});
            for (member, value) in more.as_object().unwrap() {
                item[member] = value.clone();
            }
            app.create(&path, &item)
        };
        let all = boost("all", json!({}));
        let group = boost(
            "group",
            json!({"userAttributes": [{"attributeId": attribute["id"], "attributeValue": "pro"}]}),
        );
        let east = boost("east", json!({"userId": "east"}));
        let west = boost("west", json!({"userId": "west", "end": "2026-03-11"}));
        boost("later", json!({"start": "2026-04-01"}));
        // It is the 11th on Kiritimati.
        assert_eq!(
            [&all, &group, &east, &west].map(|boost| boost["status"].as_str().unwrap()),
            ["active", "active", "active", "scheduled"]
        );
        assert_eq!(west["userId"], "west");
        assert!(west.get("userAttributes").is_none());
        let names = |path: &str| -> Vec<String> {
            let shown = app.get(path);
            let shown = shown.as_array().unwrap().iter();
            shown
                .map(|boost| boost["name"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(
            names("/v1/users/east/points/xp/boosts"),
            ["all", "group", "east"]
        );
        assert!(names("/v1/users/west/points/xp/boosts").is_empty());
        assert_eq!(names("/v1/points/xp/boosts"), ["all", "group", "later"]);
        app.admin("GET", "/v1/users/nobody/points/xp/boosts", None)
            .expect(404);
        app.admin("GET", "/v1/users/east/points/nothing/boosts", None)
            .expect(404);
        app.admin("GET", "/v1/points/nothing/boosts", None)
            .expect(404);
        app.travel("2026-03-11T12:00:00Z");
        assert_eq!(names("/v1/users/west/points/xp/boosts"), ["all", "west"]);
        let answer = app.event("m", &json!({"id": "west"}), 1.0);
        assert_eq!(answer["points"]["xp"]["added"], 40);
        app.travel("2026-03-13T12:00:00Z");
        let id = west["id"].as_str().unwrap();
        assert_eq!(
            app.get(&format!("/admin/v1{path}/{id}"))["status"],
            "finished"
        );
        // Members that never change, and those of boosts for groups only.
        let answer = app
            .admin(
                "PATCH",
                &format!("/admin/v1{path}"),
                Some(&json!([{"id": id, "userAttributes": []}])),
            )
            .expect(200);
        assert_eq!(answer["issues"][0]["id"], id);
        let ended = json!({"id": all["id"], "end": "2026-03-11"});
        assert_eq!(app.update(&path, &ended)["status"], "finished");
        assert_eq!(names("/v1/points/xp/boosts"), ["group", "later"]);
        assert_eq!(
            names("/v1/points/xp/boosts?includeFinished=true"),
            ["all", "group", "later"]
        );
    });
}

#[test]
fn a_system_is_made_with_boosts_and_time_triggers() {
    on_both(NOW, |app| {
        app.admin("POST", "/v1/users", Some(&json!({"id": "early"})))
            .expect(201);
        let system = app.create(
            "/points",
            &json!({
                "name": "Energy", "key": "energy",
                "boosts": [{"name": "B", "start": "2026-03-12", "multiplier": 3}],
                "triggers": [
                    {"type": "time", "status": "active", "points": 2, "timeUnit": "hours", "timeInterval": 12},
                    {"type": "time", "points": 5, "timeUnit": "days", "timeInterval": 1},
                ],
            }),
        );
        assert_eq!(system["boosts"][0]["status"], "scheduled");
        assert_eq!(
            (
                &system["triggers"][0]["timeUnit"],
                &system["triggers"][0]["timeInterval"]
            ),
            (&json!("hours"), &json!(12))
        );
        let read = app.get("/v1/points/energy");
        assert_eq!(read["triggers"].as_array().unwrap().len(), 1);
        assert_eq!(
            (
                &read["triggers"][0]["timeUnit"],
                &read["triggers"][0]["timeInterval"]
            ),
            (&json!("hour"), &json!(12))
        );
        // Nobody acts: the sweep pays, and a read before it says the same.
        app.jump("2026-03-12T13:00:00Z");
        let before = app.get("/v1/users/early/points/energy");
        app.step();
        let after = app.get("/v1/users/early/points/energy");
        assert_eq!(before["total"], after["total"]);
        let awarded: Vec<(i64, &str)> = after["awards"]
            .as_array()
            .unwrap()
            .iter()
            .map(|award| {
                (
                    award["awarded"].as_i64().unwrap(),
                    award["date"].as_str().unwrap(),
                )
            })
            .collect();
        let amounts: Vec<i64> = awarded.iter().map(|(amount, _)| *amount).collect();
        assert_eq!(amounts, [6, 6, 2, 2]);
        assert!(
            awarded[1].1.starts_with("2026-03-12T00:00:0"),
            "{awarded:?}"
        );
        // The type changes only while it does not fire, and then with all that the new type needs.
        let path = format!("/points/{}/triggers", system["id"].as_str().unwrap());
        let patch = |item: Value| {
            app.admin("PATCH", &format!("/admin/v1{path}"), Some(&json!([item])))
                .expect(200)
        };
        let (hourly, daily) = (&system["triggers"][0]["id"], &system["triggers"][1]["id"]);
        let answer = patch(json!({"id": hourly, "type": "user_creation"}));
        assert_eq!(answer["issues"][0]["id"], *hourly);
        let answer = patch(json!({"id": daily, "type": "streak"}));
        assert_eq!(answer["issues"][0]["id"], *daily);
        let answer = patch(json!({"id": daily, "streakLength": 3}));
        assert_eq!(answer["issues"][0]["id"], *daily);
        app.update(
            &path,
            &json!({"id": daily, "status": "active", "timeInterval": 2}),
        );
        app.update(&path, &json!({"id": hourly, "status": "inactive"}));
        app.travel("2026-03-15T12:00:00Z");
        let read = app.get("/v1/users/early/points/energy?awards=1");
        assert_eq!(
            (&read["total"], &read["awards"][0]["awarded"]),
            (&json!(31), &json!(15))
        );
    });
}

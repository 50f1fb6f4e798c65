//! Activities, missions, balances and transactions of the second dialect, and the points of the first among them.

use serde_json::{Value, json};
use store::client::{Context, Scopes};

use crate::support::{Place, TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";
const LATER: &str = "2026-03-10T11:00:00Z";
const NEXT_DAY: &str = "2026-03-11T09:00:00Z";

fn texts(labels: &[(&str, &str)]) -> Value {
    labels
        .iter()
        .map(|(lang, label)| json!({"lang": lang, "label": label}))
        .collect()
}

fn currency(app: &TestApp, id: &str, max: Option<f64>) {
    let mut body = json!({
        "virtualCurrencyId": id, "name": id, "defaultLang": "en",
        "translations": texts(&[("en", "Coins"), ("it", "Monete")]),
    });
    if let Some(max) = max {
        body["maxAllowedBalance"] = json!(max);
    }
    app.publish("/virtual-currencies", "virtualCurrencyId", &body);
}

fn activity(app: &TestApp, id: &str) {
    app.publish(
        "/activities",
        "activityId",
        &json!({"activityId": id, "name": id, "defaultLang": "en", "translations": texts(&[("en", id)])}),
    );
}

fn configuration(app: &TestApp, id: &str, mission_type: &str) {
    app.publish(
        "/mission-configurations",
        "missionConfigurationId",
        &json!({
            "missionConfigurationId": id, "name": id, "missionType": mission_type,
            "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": "run",
            "matchCondition": {"==": [1, 1]}, "incrementExpression": {"var": "event.value"},
            "targetAmountExpression": {"+": [4, 6]}, "defaultLang": "en",
            "translations": texts(&[("en", "Run"), ("it", "Corri")]),
        }),
    );
}

/// A rule that gives a mission of a configuration every day.
fn lazy_rule(app: &TestApp, id: &str, configuration: &str, group: Option<&str>) {
    let mut body = json!({
        "missionRuleId": id, "name": id, "missionType": "INDIVIDUAL",
        "missionConfigurationsPool": [configuration], "missionsMatchCondition": true,
        "timeframeType": "RECURRING", "timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC",
        "timeframeStartsAt": "2026-01-01T00:00:00.000Z", "timeframeEndsAt": "2027-01-01T00:00:00.000Z",
        "recurrence": "DAILY", "assignmentMode": "LAZY", "defaultLang": "en",
        "translations": [{"lang": "en", "description": "Daily"}],
    });
    match group {
        None => body["usersMatchCondition"] = json!(true),
        Some(tag) => {
            body["missionType"] = json!("GROUP");
            body["groupTagId"] = json!(tag);
        }
    }
    app.publish("/mission-rules", "missionRuleId", &body);
}

fn reward(app: &TestApp, entity: &str, id: &str, reward: &Value) {
    app.publish(
        "/reward-rules",
        "rewardRuleId",
        &json!({
            "name": "Pay", "ruleType": "INSTANCE", "matchEntity": entity, "matchEntityId": id,
            "matchCondition": true, "applicationMode": "ALWAYS", "rewards": [reward], "defaultLang": "en",
            "translations": [{"lang": "en", "description": "Pays"}],
        }),
    );
}

fn team(app: &TestApp, users: &[&str]) {
    app.publish(
        "/tags",
        "tagId",
        &json!({"namespace": "team", "variant": "red", "defaultLang": "en", "translations": texts(&[("en", "Red")])}),
    );
    for user in users {
        let path = format!("/users/{user}/tags/team:red");
        app.dashboard().post(&path, &json!({"priority": 0}));
    }
}

fn run(app: &TestApp, user: &str, value: f64) -> Value {
    let body = json!({"activityId": "run", "userId": user, "value": value});
    app.as_user(user)
        .call("POST", "/activity-logs", &body)
        .expect(201)
}

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap().clone()
}

fn balance(app: &TestApp, user: &str, currency: &str) -> (Value, Value) {
    let balance = app
        .as_user(user)
        .get(&format!("/virtual-balances/{currency}"));
    (
        balance["amount"].clone(),
        balance["availableAmount"].clone(),
    )
}

/// Everything on all pages of a list.
fn all_pages(app: &TestApp, user: &str, path: &str, limit: usize, order: &str) -> Vec<Value> {
    let session = app.as_user(user);
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let page = session.get(&format!(
            "{path}?limit={limit}&order={order}&nextToken={token}"
        ));
        let found = items(&page);
        assert!(found.len() <= limit);
        all.extend(found);
        match page["nextToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return all,
        }
    }
}

#[test]
fn activities_are_logged_once() {
    on_both(NOW, |app| {
        activity(app, "run");
        let ada = app.user("ada");
        let bo = app.user("bo");
        let session = app.as_user(&ada);
        let body = json!({
            "activityId": "run", "userId": ada, "outcome": "SUCCESS", "value": 2.5, "tags": ["hill"],
            "additionalData": {"shoes": {"left": 1}}, "activityLogId": "mine",
            "completedAt": "2026-03-09T10:00:00+02:00",
        });
        let log = session.call("POST", "/activity-logs", &body).expect(201);
        for (member, value) in body.as_object().unwrap() {
            if member != "completedAt" {
                assert_eq!(log[member], *value, "{member}");
            }
        }
        assert_eq!(log["completedAt"], "2026-03-09T08:00:00.000Z");
        assert_eq!(log["sourceRegion"], "eu-west-1");
        let again = session.call("POST", "/activity-logs", &body);
        assert_eq!(again.refused(409), "DUPLICATE_RESOURCE");
        let taken = json!({"activityId": "run", "userId": bo, "activityLogId": "mine"});
        app.as_user(&bo)
            .call("POST", "/activity-logs", &taken)
            .refused(409);

        // Only the least is needed, and a machine may speak for whom it names.
        let least = json!({"activityId": "run", "userId": ada});
        let log = app
            .machine()
            .call("POST", "/activity-logs", &least)
            .expect(201);
        assert_eq!(log["userId"], json!(ada));
        assert!(
            log["completedAt"]
                .as_str()
                .unwrap()
                .starts_with("2026-03-10T09:00:00")
        );
        for absent in ["value", "outcome", "tags", "additionalData"] {
            assert_eq!(log.get(absent), None, "{absent}");
        }

        // The key stands for the request.
        let key = [("x-idempotency-key", "k1")];
        let first = session.call_with("POST", "/activity-logs", &least, &key);
        let second = session.call_with("POST", "/activity-logs", &least, &key);
        assert_eq!((first.status, &first.json), (second.status, &second.json));
        assert_eq!(second.headers["x-idempotency-cache-hit"], "true");

        let other = json!({"activityId": "run", "userId": bo});
        session.call("POST", "/activity-logs", &other).refused(403);
        let nobody = json!({"activityId": "run", "userId": "1"});
        app.machine()
            .call("POST", "/activity-logs", &nobody)
            .refused(404);
        let unknown = json!({"activityId": "swim", "userId": ada});
        session
            .call("POST", "/activity-logs", &unknown)
            .refused(404);
        for (member, wrong) in [
            ("value", json!(1e300)),
            ("tags", json!(vec!["t"; 51])),
            ("activityLogId", json!("a/b")),
            ("activityLogId", json!("")),
            ("completedAt", json!("yesterday")),
            ("outcome", json!("FAIL")),
            ("additionalData", json!([1])),
        ] {
            let mut body = least.clone();
            body[member] = wrong;
            session.call("POST", "/activity-logs", &body).refused(400);
        }
        // A draft is no activity yet.
        let draft = json!({"activityId": "row", "name": "Row", "defaultLang": "en", "translations": texts(&[("en", "Row")])});
        app.dash("POST", "/activities", &draft).expect(201);
        let body = json!({"activityId": "row", "userId": ada});
        session.call("POST", "/activity-logs", &body).refused(404);
    });
}

#[test]
fn lazy_missions_are_given_counted_and_paid() {
    on_both(NOW, |app| {
        activity(app, "run");
        currency(app, "coins", None);
        configuration(app, "runs", "INDIVIDUAL");
        lazy_rule(app, "daily", "runs", None);
        reward(
            app,
            "Mission",
            "runs",
            &json!({"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "expression": 5.5}),
        );
        let ada = app.user("ada");
        let session = app.as_user(&ada);
        let listed = items(&session.get("/missions?fields=translation"));
        assert_eq!(listed.len(), 1);
        let mission = &listed[0];
        let id = mission["missionId"].as_str().unwrap();
        let expected = json!({
            "userId": ada, "missionId": id, "missionType": "INDIVIDUAL", "missionConfigurationId": "runs",
            "missionRuleId": "daily", "periodId": "2026-03-10", "timeframeType": "RECURRING",
            "startsAt": "2026-03-10T00:00:00.000Z", "endsAt": "2026-03-11T00:00:00.000Z",
            "isCompleted": false, "state": "ACTIVE", "matchType": "INSTANCE", "matchEntity": "Activity",
            "matchEntityId": "run", "matchCondition": {"==": [1, 1]}, "incrementExpression": {"var": "event.value"},
            "targetAmountExpression": {"+": [4, 6]}, "currentAmount": 0.0, "targetAmount": 10.0, "defaultLang": "en",
            "createdAt": mission["createdAt"], "updatedAt": mission["updatedAt"],
            "translation": {"lang": "en", "label": "Run"},
        });
        assert_eq!(*mission, expected);
        // Looking again gives nothing new.
        assert_eq!(items(&session.get("/missions")).len(), 1);

        run(app, &ada, 4.0);
        assert_eq!(
            session.get(&format!("/missions/{id}"))["currentAmount"],
            4.0
        );
        assert_eq!(balance(app, &ada, "coins"), (json!(0.0), json!(0.0)));
        run(app, &ada, 6.0);
        let done = session.get(&format!("/missions/{id}"));
        assert_eq!(
            (&done["isCompleted"], &done["currentAmount"]),
            (&json!(true), &json!(10.0))
        );
        assert!(done["completedAt"].is_string());
        assert_eq!(done.get("translation"), None);
        assert_eq!(balance(app, &ada, "coins"), (json!(5.5), json!(5.5)));
        let paid = items(&session.get("/virtual-transactions"));
        assert_eq!(paid.len(), 1);
        assert_eq!(paid[0]["initiatorType"], "REWARD_RULE");
        assert_eq!(
            (&paid[0]["state"], &paid[0]["direction"], &paid[0]["amount"]),
            (&json!("COMPLETED"), &json!("CREDIT"), &json!(5.5))
        );
        assert_eq!(
            (&paid[0]["counterpartType"], &paid[0]["counterpart"]),
            (&json!("SYSTEM"), &json!("system"))
        );

        app.jump(NEXT_DAY);
        let session = app.as_user(&ada);
        let listed = items(&session.get("/missions"));
        let periods: Vec<_> = listed
            .iter()
            .map(|mission| (&mission["periodId"], &mission["state"]))
            .collect();
        assert_eq!(
            periods,
            [
                (&json!("2026-03-11"), &json!("ACTIVE")),
                (&json!("2026-03-10"), &json!("ENDED"))
            ]
        );
        let up = all_pages(app, &ada, "/missions", 1, "asc");
        assert_eq!(up.len(), 2);
        assert_eq!(up[0]["periodId"], "2026-03-10");
        assert_eq!(all_pages(app, &ada, "/missions", 1, "desc"), listed);

        // Nobody else sees it.
        let bo = app.user("bo");
        let other = app.as_user(&bo);
        other
            .call("GET", &format!("/missions/{id}"), &Value::Null)
            .refused(404);
        for wrong in ["x", "00000000-0000-0000-0000-000000000000"] {
            session
                .call("GET", &format!("/missions/{wrong}"), &Value::Null)
                .refused(404);
        }
        app.machine()
            .call("GET", "/missions", &Value::Null)
            .refused(403);
        session
            .call("GET", "/missions?fields=rewards", &Value::Null)
            .refused(400);
        session
            .call("GET", "/missions?limit=0", &Value::Null)
            .refused(400);
    });
}

#[test]
fn texts_are_read_in_the_language_of_the_user() {
    on_both(NOW, |app| {
        activity(app, "run");
        currency(app, "coins", None);
        configuration(app, "runs", "INDIVIDUAL");
        lazy_rule(app, "daily", "runs", None);
        let ada = app.user("ada");
        let session = app.as_user(&ada);
        session
            .call("PATCH", "/users/me", &json!({"lang": "it"}))
            .expect(200);
        let missions = items(&session.get("/missions?fields=translation"));
        let expected = json!({"lang": "it", "label": "Corri"});
        assert_eq!(missions[0]["translation"], expected);
        let balance = session.get("/virtual-balances/coins?fields=translation");
        assert_eq!(balance["translation"]["label"], "Monete");
    });
}

#[test]
fn missions_of_groups_are_shared() {
    on_both(NOW, |app| {
        activity(app, "run");
        let [ada, bo, cy] = ["ada", "bo", "cy"].map(|name| app.user(name));
        team(app, &[&ada, &bo]);
        configuration(app, "team-runs", "GROUP");
        lazy_rule(app, "team-daily", "team-runs", Some("team:red"));
        let of = |user: &str| items(&app.as_user(user).get("/missions"));
        let first = of(&ada);
        assert_eq!(first.len(), 1);
        assert_eq!(first[0]["groupTagId"], "team:red");
        assert_eq!(first[0]["missionRuleId"], "team-daily");
        assert_eq!(first[0].get("userId"), None);
        assert_eq!(of(&bo), first);
        assert_eq!(of(&cy), Vec::<Value>::new());

        run(app, &ada, 3.0);
        run(app, &bo, 4.0);
        run(app, &cy, 5.0);
        assert_eq!(of(&bo)[0]["currentAmount"], 7.0);
        let id = first[0]["missionId"].as_str().unwrap();
        let get = |user: &str, group: &str| {
            app.as_user(user)
                .call("GET", &format!("/missions/{id}{group}"), &Value::Null)
        };
        get(&ada, "?groupTagId=team:red").expect(200);
        get(&ada, "").expect(200);
        get(&ada, "?groupTagId=team:blue").refused(404);
        get(&cy, "?groupTagId=team:red").refused(404);
        get(&cy, "").refused(404);
    });
}

#[test]
fn missions_are_given_by_hand() {
    on_both(NOW, |app| {
        activity(app, "run");
        let ada = app.user("ada");
        team(app, &[&ada]);
        configuration(app, "runs", "INDIVIDUAL");
        configuration(app, "team-runs", "GROUP");
        let own = json!({
            "userId": ada, "missionType": "INDIVIDUAL", "missionConfigurationId": "runs",
            "startsAt": "2026-03-10T00:00:00.000Z", "endsAt": "2026-03-10T10:00:00.000Z",
            "timeframeType": "RANGE", "currentAmount": 1.5, "targetAmount": 3,
        });
        let give = |body: &Value| app.dash("POST", "/missions", body);
        let made = give(&own).expect(201);
        assert_eq!(made["periodId"], "2026-03-10T00:00:00");
        assert_eq!(
            (&made["currentAmount"], &made["targetAmount"]),
            (&json!(1.5), &json!(3.0))
        );
        assert_eq!(made.get("missionRuleId"), None);
        assert_eq!(made["timeframeType"], "RANGE");
        give(&own).refused(409);
        let mut permanent = own.clone();
        permanent["timeframeType"] = json!("PERMANENT");
        permanent.as_object_mut().unwrap().remove("endsAt");
        permanent.as_object_mut().unwrap().remove("targetAmount");
        permanent["startsAt"] = json!("2026-04-01T00:00:00.000Z");
        let made = give(&permanent).expect(201);
        assert_eq!(made["periodId"], "PERMANENT");
        assert_eq!(made["state"], "PENDING");
        assert_eq!(made["targetAmount"], 10.0);
        assert_eq!(made.get("endsAt"), None);

        let group = json!({
            "groupTagId": "team:red", "missionType": "GROUP", "missionConfigurationId": "team-runs",
            "startsAt": "2026-03-10T00:00:00.000Z", "timeframeType": "PERMANENT",
        });
        let key = [("x-idempotency-key", "once")];
        let dashboard = app.dashboard();
        let first = dashboard.call_with("POST", "/missions", &group, &key);
        let second = dashboard.call_with("POST", "/missions", &group, &key);
        assert_eq!(first.status, 201, "{}", first.text);
        assert_eq!(first.json, second.json);
        assert_eq!(second.headers["x-idempotency-cache-hit"], "true");
        give(&group).refused(409);
        assert_eq!(items(&app.as_user(&ada).get("/missions")).len(), 3);
        run(app, &ada, 1.0);
        let missions = items(&app.as_user(&ada).get("/missions"));
        let current = |of: &str| {
            let found = missions
                .iter()
                .find(|m| m["missionConfigurationId"] == of && m["state"] == "ACTIVE");
            found.unwrap()["currentAmount"].clone()
        };
        assert_eq!(
            (current("runs"), current("team-runs")),
            (json!(2.5), json!(1.0))
        );

        // What is over is there nevertheless.
        app.jump(LATER);
        run(app, &ada, 1.0);
        app.dash("POST", "/missions", &own).refused(409);

        let refuse = |status: u16, changes: &[(&str, Value)]| {
            let mut body = own.clone();
            for (member, value) in changes {
                match value {
                    Value::Null => body.as_object_mut().unwrap().remove(*member),
                    value => body
                        .as_object_mut()
                        .unwrap()
                        .insert((*member).to_owned(), value.clone()),
                };
            }
            app.dash("POST", "/missions", &body).refused(status);
        };
        refuse(404, &[("userId", json!("12"))]);
        refuse(404, &[("missionConfigurationId", json!("none"))]);
        refuse(400, &[("missionConfigurationId", json!("team-runs"))]);
        refuse(400, &[("userId", Value::Null)]);
        refuse(400, &[("groupTagId", json!("team:red"))]);
        refuse(400, &[("missionType", json!("GROUP"))]);
        refuse(400, &[("endsAt", Value::Null)]);
        refuse(400, &[("endsAt", json!("2026-03-10T00:00:00Z"))]);
        refuse(400, &[("timeframeType", json!("PERMANENT"))]);
        refuse(400, &[("timeframeType", json!("RECURRING"))]);
        refuse(400, &[("currentAmount", json!(1e300))]);
        refuse(400, &[("startsAt", json!("soon"))]);
        let nowhere = [
            ("userId", Value::Null),
            ("missionType", json!("GROUP")),
            ("groupTagId", json!("team:blue")),
            ("missionConfigurationId", json!("team-runs")),
        ];
        refuse(404, &nowhere);
        let viewer = app.session(Context::Dashboard, app.dashboard_token("viewer"));
        viewer.call("POST", "/missions", &own).refused(403);
    });
}

fn credit(app: &TestApp, user: &str, currency: &str, amount: f64) -> Value {
    let body = json!({"transactions": [{
        "virtualCurrencyId": currency, "redemptionMode": "AUTO", "amount": amount, "destinationUserId": user,
    }]});
    app.dash("POST", "/virtual-transactions", &body).expect(201)["transactions"][0].clone()
}

#[test]
fn users_pay_each_other() {
    on_both(NOW, |app| {
        currency(app, "coins", Some(100.0));
        let [ada, bo] = ["ada", "bo"].map(|name| app.user(name));
        let given = credit(app, &ada, "coins", 20.5);
        assert_eq!(
            (
                &given["initiatorType"],
                &given["direction"],
                &given["counterpartType"]
            ),
            (&json!("ADMIN"), &json!("CREDIT"), &json!("SYSTEM"))
        );
        assert_eq!(given["sourceRegion"], "eu-west-1");
        let session = app.as_user(&ada);
        let pay = |amount: f64, to: &str| {
            json!({"transactions": [{
                "virtualCurrencyId": "coins", "redemptionMode": "AUTO", "amount": amount,
                "destinationUserId": to, "virtualTransactionGroupId": "lunch", "additionalData": {"for": "lunch"},
            }]})
        };
        let key = [("x-idempotency-key", "pay-1")];
        let done = session.call_with("POST", "/virtual-transactions", &pay(8.25, &bo), &key);
        let halves = done.json["transactions"].as_array().unwrap();
        let told: Vec<_> = halves
            .iter()
            .map(|half| (&half["userId"], &half["direction"], &half["counterpart"]))
            .collect();
        let (credit_side, debit_side) = (json!("CREDIT"), json!("DEBIT"));
        let (a, b) = (json!(ada), json!(bo));
        assert_eq!(told, [(&a, &debit_side, &b), (&b, &credit_side, &a)]);
        for half in halves {
            assert_eq!(half["amount"], 8.25);
            assert_eq!(half["virtualTransactionGroupId"], "lunch");
            assert_eq!(half["additionalData"], json!({"for": "lunch"}));
            assert_eq!(half["initiator"], json!(ada));
            assert_eq!(half["counterpartType"], "USER");
        }
        let again = session.call_with("POST", "/virtual-transactions", &pay(8.25, &bo), &key);
        assert_eq!(again.json, done.json);
        assert_eq!(balance(app, &ada, "coins"), (json!(12.25), json!(12.25)));
        assert_eq!(balance(app, &bo, "coins"), (json!(8.25), json!(8.25)));

        // Each sees the own half only.
        let own = halves[0]["virtualTransactionId"].as_str().unwrap();
        let get = |user: &str, id: &str| {
            app.as_user(user)
                .call("GET", &format!("/virtual-transactions/{id}"), &Value::Null)
        };
        assert_eq!(get(&ada, own).expect(200), halves[0]);
        get(&bo, own).refused(404);
        get(&ada, "nothing").refused(404);

        let refuse = |body: &Value, status: u16| {
            let answer = session.call("POST", "/virtual-transactions", body);
            answer.refused(status).to_owned()
        };
        // More than there is, more than is allowed: all or nothing.
        assert_eq!(refuse(&pay(12.26, &bo), 409), "CONFLICT");
        let mut two = pay(1.0, &bo);
        let mut second = two["transactions"][0].clone();
        second["amount"] = json!(50.0);
        two["transactions"].as_array_mut().unwrap().push(second);
        refuse(&two, 409);
        assert_eq!(balance(app, &ada, "coins").0, 12.25);
        let over = json!({"transactions": [{
            "virtualCurrencyId": "coins", "redemptionMode": "AUTO", "amount": 95.0, "destinationUserId": bo,
        }]});
        let answer = app.dash("POST", "/virtual-transactions", &over);
        assert_eq!(answer.refused(409), "CONFLICT");

        refuse(&pay(0.0, &bo), 400);
        refuse(&pay(-1.0, &bo), 400);
        refuse(&pay(1.0, &ada), 400);
        refuse(&pay(1.0, "77"), 404);
        refuse(&json!({"transactions": []}), 400);
        refuse(
            &json!({"transactions": vec![two["transactions"][0].clone(); 21]}),
            400,
        );
        let mut none = pay(1.0, &bo);
        none["transactions"][0]["virtualCurrencyId"] = json!("gold");
        refuse(&none, 404);
        let mut past = pay(1.0, &bo);
        past["transactions"][0]["expiresAt"] = json!("2026-03-10T08:00:00Z");
        refuse(&past, 400);

        // The dashboard takes and transfers as well.
        let transfer = json!({"transactions": [
            {"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "amount": 2.0, "sourceUserId": bo, "destinationUserId": ada},
            {"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "amount": -1.0, "destinationUserId": ada},
        ]});
        let made = app
            .dash("POST", "/virtual-transactions", &transfer)
            .expect(201);
        let directions: Vec<_> = made["transactions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| {
                (
                    t["userId"].clone(),
                    t["direction"].clone(),
                    t["amount"].clone(),
                )
            })
            .collect();
        assert_eq!(
            directions,
            [
                (json!(bo), json!("DEBIT"), json!(2.0)),
                (json!(ada), json!("CREDIT"), json!(2.0)),
                (json!(ada), json!("DEBIT"), json!(1.0)),
            ]
        );
        assert_eq!(balance(app, &ada, "coins").0, 13.25);
        let mut wrong = transfer.clone();
        wrong["transactions"][0]["amount"] = json!(-2.0);
        app.dash("POST", "/virtual-transactions", &wrong)
            .refused(400);
        wrong["transactions"][0]["amount"] = json!(0);
        app.dash("POST", "/virtual-transactions", &wrong)
            .refused(400);
    });
}

#[test]
fn what_is_pending_waits_to_be_redeemed_or_expires() {
    on_both(NOW, |app| {
        activity(app, "run");
        currency(app, "coins", None);
        reward(
            app,
            "Activity",
            "run",
            &json!({"virtualCurrencyId": "coins", "redemptionMode": "MANUAL", "expression": 4, "expiresAfter": "PT1H"}),
        );
        let [ada, bo] = ["ada", "bo"].map(|name| app.user(name));
        run(app, &ada, 1.0);
        run(app, &ada, 1.0);
        assert_eq!(balance(app, &ada, "coins"), (json!(8.0), json!(0.0)));
        let session = app.as_user(&ada);
        let pending = items(&session.get("/virtual-transactions"));
        assert_eq!(pending[0]["state"], "PENDING");
        assert!(pending[0]["expiresAt"].is_string());
        let redeem = |user: &str, id: &Value| {
            let path = format!("/virtual-transactions/{}/redeem", id.as_str().unwrap());
            app.as_user(user).call("POST", &path, &Value::Null)
        };
        let id = &pending[0]["virtualTransactionId"];
        redeem(&bo, id).refused(404);
        let redeemed = redeem(&ada, id).expect(200)["transactions"][0].clone();
        assert_eq!(
            (&redeemed["state"], &redeemed["virtualTransactionId"]),
            (&json!("COMPLETED"), id)
        );
        assert!(redeemed["redemptionGroupId"].is_string() && redeemed["redeemedAt"].is_string());
        assert_eq!(balance(app, &ada, "coins"), (json!(8.0), json!(4.0)));
        assert_eq!(redeem(&ada, id).refused(409), "CONFLICT");

        // A payment waits on both sides and is redeemed by whoever gets it.
        let body = json!({"transactions": [{
            "virtualCurrencyId": "coins", "redemptionMode": "MANUAL", "amount": 1.5, "destinationUserId": bo,
            "expiresAt": NEXT_DAY,
        }]});
        let paid = session
            .call("POST", "/virtual-transactions", &body)
            .expect(201);
        let (debit, credit) = (&paid["transactions"][0], &paid["transactions"][1]);
        assert_eq!(
            (&debit["state"], &credit["state"]),
            (&json!("PENDING"), &json!("PENDING"))
        );
        redeem(&ada, &debit["virtualTransactionId"]).refused(409);
        let both = redeem(&bo, &credit["virtualTransactionId"]).expect(200);
        let both = both["transactions"].as_array().unwrap();
        assert_eq!(both.len(), 2);
        assert_eq!(both[0]["redemptionGroupId"], both[1]["redemptionGroupId"]);
        assert_eq!(balance(app, &bo, "coins"), (json!(1.5), json!(1.5)));

        // Nobody swept, and still it is over.
        app.jump(LATER);
        assert_eq!(balance(app, &ada, "coins"), (json!(2.5), json!(2.5)));
        let id = &pending[1]["virtualTransactionId"];
        let path = format!("/virtual-transactions/{}", id.as_str().unwrap());
        let expired = app.as_user(&ada).get(&path);
        assert_eq!(expired["state"], "EXPIRED");
        assert_eq!(redeem(&ada, id).refused(409), "CONFLICT");
        app.step();
        assert_eq!(app.as_user(&ada).get(&path), expired);
        assert_eq!(balance(app, &ada, "coins"), (json!(2.5), json!(2.5)));
    });
}

#[test]
fn points_and_currencies_are_one_world() {
    on_both(NOW, |app| {
        currency(app, "coins", Some(1_000.0));
        let metric = app.create("/metrics", &json!({"name": "Steps", "key": "steps"}));
        app.create(
            "/points",
            &json!({
                "name": "XP", "key": "xp", "maxPoints": 500,
                "triggers": [{"type": "metric", "status": "active", "points": 10, "metricId": metric["id"], "metricThreshold": 100}],
            }),
        );
        let ada = app.user("ada");
        let session = app.as_user(&ada);
        assert_eq!(balance(app, &ada, "xp"), (json!(0.0), json!(0.0)));
        session
            .call("GET", "/virtual-balances/gold", &Value::Null)
            .refused(404);
        for (number, now) in ["10:00", "10:01", "10:02", "10:03"]
            .iter()
            .zip(1..)
            .map(|(t, n)| (n, *t))
        {
            app.jump(&format!("2026-03-10T{now}:00Z"));
            app.event("steps", &json!({"id": "ada"}), 100.0);
            credit(app, &ada, "coins", f64::from(number) + 0.5);
        }
        let session = app.as_user(&ada);
        assert_eq!(balance(app, &ada, "xp"), (json!(40.0), json!(40.0)));
        let balances = items(&session.get("/virtual-balances?fields=translation"));
        assert_eq!(balances.len(), 2);
        let xp = balances
            .iter()
            .find(|b| b["virtualCurrencyId"] == "xp")
            .unwrap();
        assert_eq!(xp["translation"], json!({"lang": "en", "label": "XP"}));
        assert_eq!(xp["virtualCurrency"]["maxAllowedBalance"], 500.0);
        assert_eq!(xp["createdAt"], "2026-03-10T10:00:00.000Z");
        assert_eq!(xp["updatedAt"], "2026-03-10T10:03:00.000Z");
        for order in ["asc", "desc"] {
            let mut paged = all_pages(app, &ada, "/virtual-balances", 1, order);
            assert_eq!(paged.len(), 2);
            if order == "asc" {
                paged.reverse();
            }
            let keys = |list: &[Value]| -> Vec<Value> {
                list.iter()
                    .map(|b| b["virtualCurrencyId"].clone())
                    .collect()
            };
            assert_eq!(keys(&paged), keys(&balances));
        }

        // One list of both, in order, whatever the size of its pages.
        let whole = items(&session.get("/virtual-transactions?limit=100"));
        assert_eq!(whole.len(), 8);
        let amounts: Vec<f64> = whole
            .iter()
            .map(|t| t["amount"].as_f64().unwrap())
            .collect();
        assert_eq!(amounts, [4.5, 10.0, 3.5, 10.0, 2.5, 10.0, 1.5, 10.0]);
        let award = &whole[1];
        assert_eq!(
            (
                &award["initiatorType"],
                &award["state"],
                &award["redemptionMode"]
            ),
            (&json!("SYSTEM"), &json!("COMPLETED"), &json!("AUTO"))
        );
        assert!(
            award["initiator"]
                .as_str()
                .unwrap()
                .starts_with("pointsTrigger#")
        );
        let id = award["virtualTransactionId"].as_str().unwrap();
        assert_eq!(session.get(&format!("/virtual-transactions/{id}")), *award);
        for limit in [1, 2, 3] {
            assert_eq!(
                all_pages(app, &ada, "/virtual-transactions", limit, "desc"),
                whole
            );
            let mut up = all_pages(app, &ada, "/virtual-transactions", limit, "asc");
            up.reverse();
            assert_eq!(up, whole);
        }

        // Points are not moved by hand, and awards wait for nobody.
        let bo = app.user("bo");
        let pay = json!({"transactions": [{
            "virtualCurrencyId": "xp", "redemptionMode": "AUTO", "amount": 1, "destinationUserId": bo,
        }]});
        let refused = session.call("POST", "/virtual-transactions", &pay);
        assert_eq!(refused.refused(409), "CONFLICT");
        session
            .call(
                "POST",
                &format!("/virtual-transactions/{id}/redeem"),
                &Value::Null,
            )
            .refused(409);

        // And the other way round.
        let points = app.get("/v1/users/ada/points/coins?awards=2");
        assert_eq!(
            (
                &points["key"],
                &points["total"],
                &points["level"],
                &points["maxPoints"]
            ),
            (&json!("coins"), &json!(12), &Value::Null, &json!(1_000))
        );
        let awards = points["awards"].as_array().unwrap();
        assert_eq!(awards.len(), 2);
        assert_eq!(
            (&awards[0]["awarded"], &awards[0]["total"]),
            (&json!(4), &json!(12))
        );
        let unknown = app.admin("GET", "/v1/users/ada/points/gold", None);
        assert_eq!(unknown.status, 404);
    });
}

#[test]
fn workspaces_and_contexts_are_apart() {
    on_both(NOW, |app| {
        activity(app, "run");
        currency(app, "coins", None);
        configuration(app, "runs", "INDIVIDUAL");
        lazy_rule(app, "daily", "runs", None);
        let ada = app.user("ada");
        credit(app, &ada, "coins", 3.0);
        let session = app.as_user(&ada);
        let mission = items(&session.get("/missions"))[0]["missionId"].clone();
        let transaction =
            items(&session.get("/virtual-transactions"))[0]["virtualTransactionId"].clone();

        app.other_environment("otherenv.0123456789abcdef0123456789abcdef");
        let place = Place {
            environment: "staging",
            tenant: None,
        };
        let client = app.client(place, Context::App, "member", Scopes::ALL);
        let elsewhere = app.session(Context::App, app.token(&client, ""));
        // The user of the one workspace is nobody in the other.
        elsewhere
            .clone()
            .acting_for(&ada)
            .call("GET", "/missions", &Value::Null)
            .refused(404);
        let body = json!({"id": "ada"});
        let made = app.send(
            "otherenv.0123456789abcdef0123456789abcdef",
            None,
            "POST",
            "/v1/users",
            Some(&body),
        );
        assert_eq!(made.status, 201, "{}", made.text);
        let there = elsewhere.acting_for_external("ada");
        assert_eq!(items(&there.get("/missions")), Vec::<Value>::new());
        assert_eq!(items(&there.get("/virtual-balances")), Vec::<Value>::new());
        assert_eq!(
            items(&there.get("/virtual-transactions")),
            Vec::<Value>::new()
        );
        for path in [
            format!("/missions/{}", mission.as_str().unwrap()),
            format!("/virtual-transactions/{}", transaction.as_str().unwrap()),
            "/virtual-balances/coins".to_owned(),
        ] {
            there.call("GET", &path, &Value::Null).refused(404);
            session.get(&path);
        }
        let path = format!(
            "/virtual-transactions/{}/redeem",
            transaction.as_str().unwrap()
        );
        there.call("POST", &path, &Value::Null).refused(404);

        // A token opens one half only, and none opens nothing.
        let dashboard = app.session(Context::App, app.dashboard_token("owner"));
        let app_token = app.session(Context::Dashboard, app.app_token());
        for (method, path) in [
            ("GET", "/missions"),
            ("GET", "/virtual-balances"),
            ("GET", "/virtual-transactions"),
            ("POST", "/activity-logs"),
            ("POST", "/virtual-transactions"),
        ] {
            dashboard.call(method, path, &Value::Null).refused(403);
            let nobody = app.raw(method, &format!("/app/v1{path}"), &[], None);
            assert_eq!(nobody.refused(401), "INVALID_TOKEN");
        }
        for path in ["/missions", "/virtual-transactions"] {
            app_token.call("POST", path, &json!({})).refused(403);
        }
        let member = app.session(Context::Dashboard, app.dashboard_token("member"));
        member
            .call("POST", "/virtual-transactions", &json!({}))
            .refused(403);
    });
}

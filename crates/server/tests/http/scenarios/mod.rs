//! What the second dialect is for, from the request to the effect. Every value is derived by hand from spec/aworld.md and
//! docs/decisions.md, "Of the second dialect"; the comments say how.

mod calendar;
mod change;
mod follow_up;
mod group;
mod loyalty;
mod one_world;
mod rewards;
mod transfers;

use serde_json::{Value, json};

use crate::support::TestApp;

/// One value with the members of another on top.
fn with(mut base: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

fn labels() -> Value {
    json!([{"lang": "en", "label": "Text"}])
}

fn descriptions() -> Value {
    json!([{"lang": "en", "description": "Text"}])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Makes an activity and publishes it.
fn activity(app: &TestApp, id: &str, more: &Value) {
    let base = json!({"activityId": id, "name": id, "defaultLang": "en", "translations": labels()});
    app.publish("/activities", "activityId", &with(base, more));
}

/// Makes a currency and publishes it.
fn currency(app: &TestApp, id: &str, more: &Value) {
    let base = json!({
        "virtualCurrencyId": id, "name": id, "defaultLang": "en", "translations": labels(),
    });
    app.publish(
        "/virtual-currencies",
        "virtualCurrencyId",
        &with(base, more),
    );
}

/// Makes a tag and publishes it; answers its id.
fn tag(app: &TestApp, namespace: &str, variant: &str) -> String {
    let body = json!({
        "namespace": namespace, "variant": variant, "defaultLang": "en", "translations": labels(),
    });
    text(&app.publish("/tags", "tagId", &body)["tagId"])
}

/// The body of a configuration that counts the logs of an activity, one each.
fn counting(id: &str, activity: &str, target: &Value) -> Value {
    json!({
        "missionConfigurationId": id, "name": id, "missionType": "INDIVIDUAL",
        "matchType": "INSTANCE", "matchEntity": "Activity", "matchEntityId": activity,
        "matchCondition": true, "incrementExpression": 1, "targetAmountExpression": target,
        "defaultLang": "en", "translations": labels(),
    })
}

/// Makes a mission configuration and publishes it.
fn configuration(app: &TestApp, body: &Value) {
    app.publish("/mission-configurations", "missionConfigurationId", body);
}

/// The body of a rule that gives everybody the missions of these configurations for ever.
fn lazy(id: &str, configurations: &[&str]) -> Value {
    json!({
        "missionRuleId": id, "name": id, "missionType": "INDIVIDUAL",
        "usersMatchCondition": true, "missionsMatchCondition": true,
        "missionConfigurationsPool": configurations, "assignmentMode": "LAZY",
        "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER",
        "timeframeStartsAt": "2026-01-01T00:00:00.000Z",
        "defaultLang": "en", "translations": descriptions(),
    })
}

/// Makes a mission rule and publishes it.
fn mission_rule(app: &TestApp, body: &Value) {
    app.publish("/mission-rules", "missionRuleId", body);
}

/// The body of a rule that pays, at once, for every occurrence of an entity.
fn paying(entity: &str, currency: &str, amount: &Value) -> Value {
    json!({
        "name": "Pay", "ruleType": "ENTITY", "matchEntity": entity, "matchCondition": true,
        "applicationMode": "ALWAYS",
        "rewards": [{"virtualCurrencyId": currency, "redemptionMode": "AUTO", "expression": amount}],
        "defaultLang": "en", "translations": descriptions(),
    })
}

/// Makes a reward rule and publishes it; answers its id.
fn reward_rule(app: &TestApp, body: &Value) -> String {
    text(&app.publish("/reward-rules", "rewardRuleId", body)["rewardRuleId"])
}

/// Makes a user at the dashboard; answers our number.
fn user(app: &TestApp, external_id: &str, more: &Value) -> String {
    let base = json!({"externalId": external_id, "email": format!("{external_id}@example.com")});
    text(&app.dashboard().post("/users", &with(base, more))["userId"])
}

/// Puts a tag on a user.
fn tag_user(app: &TestApp, user: &str, tag: &str) {
    let body = json!({"assignments": [{"tagId": tag}]});
    app.dashboard().post(&format!("/users/{user}/tags"), &body);
}

/// Logs an activity of a user, as a backend that acts for the user.
fn log(app: &TestApp, user: &str, activity: &str, value: &Value) -> Value {
    let body = json!({"activityId": activity, "userId": user, "value": value});
    let answer = app.as_user(user).call("POST", "/activity-logs", &body);
    answer.expect(201)
}

/// All missions that a user sees, the LAZY ones made.
fn missions(app: &TestApp, user: &str) -> Vec<Value> {
    let page = app.as_user(user).get("/missions?limit=100&order=asc");
    assert_eq!(page.get("nextToken"), None);
    page["items"].as_array().unwrap().clone()
}

/// The only mission of a configuration for a period that a user sees.
#[track_caller]
fn mission(app: &TestApp, user: &str, configuration: &str, period: &str) -> Value {
    let all = missions(app, user);
    let mut found = all.iter().filter(|mission| {
        mission["missionConfigurationId"] == configuration && mission["periodId"] == period
    });
    match (found.next(), found.next()) {
        (Some(mission), None) => mission.clone(),
        _ => panic!("one {configuration} of {period} expected: {all:#?}"),
    }
}

/// What a user has of a currency: all of it, and what can be spent. Nothing before the first transaction.
fn balance(app: &TestApp, user: &str, currency: &str) -> (f64, f64) {
    let page = app.as_user(user).get("/virtual-balances?limit=100");
    let items = page["items"].as_array().unwrap();
    let found = items
        .iter()
        .find(|balance| balance["virtualCurrencyId"] == currency);
    found.map_or((0.0, 0.0), |balance| {
        let read = |name: &str| balance[name].as_f64().unwrap();
        (read("amount"), read("availableAmount"))
    })
}

/// All transactions of a user in order of creation.
fn transactions(app: &TestApp, user: &str) -> Vec<Value> {
    let page = app
        .as_user(user)
        .get("/virtual-transactions?limit=100&order=asc");
    assert_eq!(page.get("nextToken"), None);
    let mut items = page["items"].as_array().unwrap().clone();
    items.sort_by_key(|item| text(&item["virtualTransactionId"]));
    items
}

/// Credits a user by hand.
fn credit(app: &TestApp, user: &str, currency: &str, amount: f64) {
    let body = json!({"transactions": [{
        "virtualCurrencyId": currency, "redemptionMode": "AUTO", "amount": amount, "destinationUserId": user,
    }]});
    app.dash("POST", "/virtual-transactions", &body).expect(201);
}

/// Expects these members; null: absent.
#[track_caller]
fn expect(what: &Value, members: &Value) {
    for (name, value) in members.as_object().unwrap() {
        assert_eq!(&what[name], value, "{name} of {what:#}");
    }
}

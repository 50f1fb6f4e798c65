//! Every operation of the second dialect, called by everybody who must not: nothing leaks and nothing changes.
//!
//! The operations come from our own descriptions, so a new one is in the matrix as soon as it exists. Only its body has to
//! be told in [`body`], if it takes one.

use serde_json::{Value, json};
use store::client::{Context, Scopes};

use crate::support::{ADMIN, Answer, Client, Place, Session, TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";
/// When the tokens of [`NOW`] have just ended.
const LATER: &str = "2026-03-10T10:00:01Z";
const STAGING_KEY: &str = "otherenv.0123456789abcdef0123456789abcdef";
/// Stands in everything that belongs to the first workspace and nowhere else.
const SECRET: &str = "Secret of the first workspace";
/// Stands in what belongs to the first user of the first workspace.
const ADA: &str = "Ada of the first workspace";

const ONE: Place = Place {
    environment: "production",
    tenant: Some("one"),
};
const TWO: Place = Place {
    environment: "production",
    tenant: Some("two"),
};
/// The same customer in another environment.
const STAGED: Place = Place {
    environment: "staging",
    tenant: Some("one"),
};

const READ_ONLY: Scopes = Scopes {
    can_read: true,
    can_write: false,
};
const WRITE_ONLY: Scopes = Scopes {
    can_read: false,
    can_write: true,
};

/// What there is to steal.
struct World {
    ada: String,
    bob: String,
    mission: String,
    transaction: String,
    reward_rule: String,
}

fn at_dashboard<'a>(app: &'a TestApp, place: Place, role: &str, scopes: Scopes) -> Session<'a> {
    let client = app.client(place, Context::Dashboard, role, scopes);
    app.session(Context::Dashboard, app.token(&client, ""))
}

fn owner(app: &TestApp, place: Place) -> Session<'_> {
    at_dashboard(app, place, "owner", Scopes::ALL)
}

fn app_client(app: &TestApp, place: Place) -> Client {
    app.client(place, Context::App, "member", Scopes::ALL)
}

fn machine(app: &TestApp, place: Place) -> Session<'_> {
    app.session(Context::App, app.token(&app_client(app, place), ""))
}

/// A user with a token of their own.
fn user<'a>(app: &'a TestApp, place: Place, user_id: &str) -> Session<'a> {
    let token = app.token(&app_client(app, place), &format!("&user_id={user_id}"));
    app.session(Context::App, token)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn new_user(app: &TestApp, key: &str, place: Place, external_id: &str, name: &str) -> String {
    let email = format!("{external_id}@{}.example.com", place.environment);
    let body = json!({"id": external_id, "name": name, "email": email});
    let answer = app.send(key, place.tenant, "POST", "/v1/users", Some(&body));
    assert_eq!(answer.status, 201, "{}", answer.text);
    app.user_in(place, external_id).unwrap()
}

fn set_up(app: &TestApp) -> World {
    let body = json!({"multiTenancy": true});
    let answer = app.admin("PATCH", "/admin/v1/organization", Some(&body));
    assert_eq!(answer.status, 200, "{}", answer.text);
    app.other_environment(STAGING_KEY);
    for (key, tenant) in [(ADMIN, "one"), (ADMIN, "two"), (STAGING_KEY, "one")] {
        let body = json!([{"customerId": tenant, "name": tenant}]);
        let answer = app.send(key, None, "POST", "/admin/v1/tenants", Some(&body));
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    // The same ids elsewhere must not help anybody.
    let ada = new_user(app, ADMIN, ONE, "ada", ADA);
    let bob = new_user(app, ADMIN, ONE, "bob", "Bob");
    new_user(app, ADMIN, TWO, "ada", "Ada of the second workspace");
    new_user(
        app,
        STAGING_KEY,
        STAGED,
        "ada",
        "Ada of the staged workspace",
    );
    let owner = owner(app, ONE);
    let texts = json!([{"lang": "en", "label": SECRET, "description": SECRET}]);
    let about = json!([{"lang": "en", "description": SECRET}]);
    for variant in ["a", "b"] {
        let tag = json!({"namespace": "team", "variant": variant, "defaultLang": "en", "translations": texts});
        owner.post("/tags", &tag);
        owner.post(&format!("/tags/team:{variant}/publish"), &Value::Null);
    }
    for (path, body) in [
        ("/activities", activity("a1", &texts)),
        ("/virtual-currencies", currency("c1", &texts)),
        ("/mission-configurations", configuration("m1", &texts)),
        ("/mission-rules", rule("r1", &about)),
    ] {
        owner.post(path, &body);
        let id = body
            .as_object()
            .unwrap()
            .iter()
            .find(|(name, _)| name.ends_with("Id"));
        let id = text(id.unwrap().1);
        owner.post(&format!("{path}/{id}/publish"), &Value::Null);
        if path != "/virtual-currencies" {
            let tags = json!({"assignments": [{"tagId": "team:a", "priority": 1}]});
            owner.post(&format!("{path}/{id}/tags"), &tags);
        }
    }
    let rewarded = owner.post("/reward-rules", &reward_rule(&about));
    let reward_rule = text(&rewarded["rewardRuleId"]);
    owner.post(
        &format!("/reward-rules/{reward_rule}/publish"),
        &Value::Null,
    );
    let tags = json!({"assignments": [{"tagId": "team:a", "priority": 1}]});
    owner.post(&format!("/users/{ada}/tags"), &tags);
    let mission = owner.post("/missions", &mission(&ada));
    let paid = |mode: &str| {
        let body = json!({"transactions": [{
            "virtualCurrencyId": "c1", "redemptionMode": mode, "amount": 50, "destinationUserId": ada,
            "additionalData": {"note": ADA},
        }]});
        let made = owner.post("/virtual-transactions", &body);
        text(&made["transactions"][0]["virtualTransactionId"])
    };
    paid("AUTO");
    World {
        mission: text(&mission["missionId"]),
        transaction: paid("MANUAL"),
        reward_rule,
        ada,
        bob,
    }
}

fn activity(id: &str, texts: &Value) -> Value {
    json!({"activityId": id, "name": SECRET, "defaultLang": "en", "translations": texts})
}

fn currency(id: &str, texts: &Value) -> Value {
    json!({"virtualCurrencyId": id, "name": SECRET, "defaultLang": "en", "minAllowedBalance": 0, "translations": texts})
}

fn configuration(id: &str, texts: &Value) -> Value {
    json!({
        "missionConfigurationId": id, "name": SECRET, "missionType": "INDIVIDUAL", "matchType": "ENTITY",
        "matchEntity": "Activity", "matchCondition": {"==": [1, 1]}, "incrementExpression": {"+": [1]},
        "targetAmountExpression": {"+": [3]}, "defaultLang": "en", "translations": texts,
    })
}

fn rule(id: &str, about: &Value) -> Value {
    json!({
        "missionRuleId": id, "name": SECRET, "missionType": "INDIVIDUAL", "usersMatchCondition": {"==": [1, 1]}, "missionsMatchCondition": {"==": [1, 2]},
        "timeframeType": "PERMANENT", "timeframeTimezoneType": "USER", "timeframeStartsAt": "2026-01-01T00:00:00.000Z",
        "assignmentMode": "LAZY", "state": "ENDED", "defaultLang": "en", "translations": about,
    })
}

fn reward_rule(about: &Value) -> Value {
    json!({
        "name": SECRET, "ruleType": "ENTITY", "matchEntity": "Activity", "matchCondition": {"==": [1, 2]},
        "applicationMode": "ALWAYS", "defaultLang": "en", "translations": about,
        "rewards": [{"virtualCurrencyId": "c1", "redemptionMode": "AUTO", "expression": {"+": [1]}}],
    })
}

fn mission(user_id: &str) -> Value {
    json!({
        "userId": user_id, "missionType": "INDIVIDUAL", "missionConfigurationId": "m1", "targetAmount": 3,
        "startsAt": "2026-03-01T00:00:00.000Z", "timeframeType": "PERMANENT",
    })
}

/// One operation with everything a call needs.
#[derive(Clone, Debug)]
struct Operation {
    half: Context,
    method: String,
    template: String,
    path: String,
    body: Value,
}

impl Operation {
    fn is_read(&self) -> bool {
        self.method == "GET"
    }

    /// Whether it names something of the first workspace.
    fn is_about_something(&self) -> bool {
        self.template.contains('{')
            || ["/missions", "/virtual-transactions", "/activity-logs"]
                .contains(&self.template.as_str())
                && self.method == "POST"
    }
}

fn operations(world: &World) -> Vec<Operation> {
    let (app, dashboard) = server::api::second_descriptions();
    let mut operations = Vec::new();
    for (half, description) in [(Context::App, app), (Context::Dashboard, dashboard)] {
        let description = serde_json::to_value(&description).unwrap();
        for (template, methods) in description["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                let method = method.to_uppercase();
                operations.push(Operation {
                    half,
                    path: path(world, &method, template),
                    body: body(world, half, &method, template),
                    template: template.clone(),
                    method,
                });
            }
        }
    }
    assert!(operations.len() > 85, "only {}", operations.len());
    operations
}

fn path(world: &World, method: &str, template: &str) -> String {
    // What is assigned cannot be assigned again.
    let tag = if method == "POST" && template.ends_with("/tags/{tagId}") {
        "team:b"
    } else {
        "team:a"
    };
    template
        .replace("{activityId}", "a1")
        .replace("{virtualCurrencyId}", "c1")
        .replace("{missionConfigurationId}", "m1")
        .replace("{missionRuleId}", "r1")
        .replace("{rewardRuleId}", &world.reward_rule)
        .replace("{tagId}", tag)
        .replace("{userId}", &world.ada)
        .replace("{externalId}", "ada")
        .replace("{missionId}", &world.mission)
        .replace("{virtualTransactionId}", &world.transaction)
}

fn body(world: &World, half: Context, method: &str, template: &str) -> Value {
    let ending = template.rsplit('/').next().unwrap_or_default();
    let kind = template.split('/').nth(1).unwrap_or_default();
    if method == "GET" || ["publish", "redeem"].contains(&ending) {
        return Value::Null;
    }
    let texts = json!([{"lang": "en", "label": "made", "description": "made"}]);
    let about = json!([{"lang": "en", "description": "made"}]);
    let payment = json!({"virtualCurrencyId": "c1", "redemptionMode": "AUTO", "amount": 1});
    let mut body = match (method, ending, kind) {
        ("POST" | "PATCH", "{tagId}", _) => json!({"priority": 7}),
        ("DELETE", "tags", _) => json!({"assignments": [{"tagId": "team:b"}]}),
        (_, "tags", kind) if kind != "tags" => {
            json!({"assignments": [{"tagId": "team:a", "priority": 7}]})
        }
        ("DELETE", ..) => return Value::Null,
        (_, _, "activities") => activity("made", &texts),
        (_, _, "virtual-currencies") => currency("made", &texts),
        (_, _, "mission-configurations") => configuration("made", &texts),
        (_, _, "mission-rules") => rule("made", &about),
        (_, _, "reward-rules") => reward_rule(&about),
        (_, _, "tags") => {
            json!({"namespace": "made", "variant": "made", "defaultLang": "en", "translations": texts})
        }
        // Ada has one.
        (_, _, "missions") => mission(&world.bob),
        (_, _, "virtual-transactions") => {
            let mut payment = payment;
            // Users pay others, not themselves.
            let destination = if half == Context::App {
                &world.bob
            } else {
                &world.ada
            };
            payment["destinationUserId"] = json!(destination);
            json!({"transactions": [payment]})
        }
        (_, _, "activity-logs") => json!({"activityId": "a1", "userId": world.ada}),
        ("POST", _, "users") => json!({"externalId": "made", "email": "made@example.com"}),
        (_, _, "users") => json!({"nickname": "made"}),
        _ => json!({}),
    };
    if body["name"] == SECRET {
        body["name"] = json!("made");
    }
    if method == "PUT" {
        // What the path or the translations say may be repeated.
        for (id, own) in [
            ("activityId", "a1"),
            ("missionConfigurationId", "m1"),
            ("missionRuleId", "r1"),
            ("virtualCurrencyId", "c1"),
        ] {
            if body[id].is_string() {
                body[id] = json!(own);
            }
        }
        body["langs"] = json!(["en", "it"]);
        body["origin"] = json!("CATALOG");
        if kind == "tags" {
            body["variant"] = json!("a");
            body["namespace"] = json!("team");
        }
    }
    body
}

#[track_caller]
fn call(session: &Session<'_>, operation: &Operation) -> Answer {
    let answer = session.call(&operation.method, &operation.path, &operation.body);
    assert!(
        answer.status < 500 || answer.status == 501,
        "{operation:?}: {}",
        answer.text
    );
    answer
}

#[track_caller]
fn refused(session: &Session<'_>, operation: &Operation, status: u16, code: &str) {
    let answer = call(session, operation);
    assert_eq!(answer.status, status, "{operation:?}: {}", answer.text);
    assert_eq!(answer.json["error"]["code"], code, "{operation:?}");
}

/// Those of one half.
fn of(operations: &[Operation], half: Context) -> impl Iterator<Item = &Operation> {
    operations
        .iter()
        .filter(move |operation| operation.half == half)
}

/// Everything that can be read in the first workspace.
fn snapshot(app: &TestApp, world: &World, operations: &[Operation]) -> Vec<String> {
    let dashboard = owner(app, ONE);
    let ada = machine(app, ONE).acting_for(&world.ada);
    let bob = machine(app, ONE).acting_for(&world.bob);
    let mut all = Vec::new();
    for operation in operations.iter().filter(|operation| operation.is_read()) {
        let sessions = match operation.half {
            Context::Dashboard if operation.template.starts_with("/users/me") => continue,
            Context::Dashboard => vec![&dashboard],
            Context::App if operation.template.contains('{') => vec![&ada],
            Context::App => vec![&ada, &bob],
        };
        for session in sessions {
            let answer = call(session, operation);
            assert_eq!(answer.status, 200, "{operation:?}: {}", answer.text);
            all.push(format!("{} {}", operation.path, answer.text));
        }
    }
    for (external_id, path) in [("ada", "/v1/users/ada"), ("bob", "/v1/users/bob")] {
        let answer = app.send(ADMIN, ONE.tenant, "GET", path, None);
        all.push(format!("{external_id} {}", answer.text));
    }
    all
}

#[test]
fn other_workspaces_are_not_there() {
    on_both(NOW, |app| {
        let world = set_up(app);
        let operations = operations(&world);
        let before = snapshot(app, &world, &operations);
        let secrets = before
            .iter()
            .filter(|text| text.contains(SECRET) || text.contains(ADA))
            .count();
        assert!(secrets > 20, "only {secrets}: {before:#?}");
        for place in [TWO, STAGED] {
            let own = app.user_in(place, "ada").unwrap();
            for operation in &operations {
                let strangers = match operation.half {
                    Context::Dashboard => vec![owner(app, place)],
                    Context::App => vec![
                        machine(app, place),
                        machine(app, place).acting_for(&own),
                        user(app, place, &own),
                        // A user does not choose for whom they act.
                        user(app, place, &own).acting_for(&world.ada),
                    ],
                };
                for stranger in &strangers {
                    let answer = call(stranger, operation);
                    assert!(
                        !answer.text.contains(SECRET) && !answer.text.contains(ADA),
                        "{place:?} {operation:?}: {}",
                        answer.text
                    );
                    let is_own = operation.template == "/users/by-external-id/{externalId}";
                    if operation.is_about_something() && !is_own {
                        let statuses: &[u16] = match (operation.half, operation.template.as_str()) {
                            // Half of what lies there is not built.
                            (_, "/streak-rules/{virtualCurrencyId}/translations") => &[501],
                            (Context::Dashboard, _) => &[404],
                            // Without a user, or about another one, there is nothing to look for.
                            (Context::App, _) => &[403, 404],
                        };
                        assert!(
                            statuses.contains(&answer.status),
                            "{place:?} {operation:?}: {} {}",
                            answer.status,
                            answer.text
                        );
                    } else if operation.is_read() && answer.json["items"].is_array() {
                        // Only what was made by this very test.
                        assert!(
                            !answer.text.contains("team:a"),
                            "{operation:?}: {}",
                            answer.text
                        );
                    }
                }
                let machine = match operation.half {
                    Context::App => machine(app, place),
                    Context::Dashboard => owner(app, place),
                };
                for pretending in [
                    machine.clone().acting_for(&world.ada),
                    machine.acting_for_external("bob"),
                ] {
                    refused(&pretending, operation, 404, "RESOURCE_NOT_FOUND");
                }
            }
        }
        assert_eq!(
            snapshot(app, &world, &operations),
            before,
            "strangers changed something"
        );
    });
}

#[test]
fn tokens_open_only_what_they_are_for() {
    on_both(NOW, |app| {
        let world = set_up(app);
        let operations = operations(&world);
        let before = snapshot(app, &world, &operations);
        let app_user = user(app, ONE, &world.ada);
        let app_machine = machine(app, ONE).acting_for(&world.ada);
        let dashboard = owner(app, ONE);
        let with_scopes = |half: Context, scopes: Scopes| {
            let role = if half == Context::App {
                "member"
            } else {
                "owner"
            };
            let client = app.client(ONE, half, role, scopes);
            app.session(half, app.token(&client, ""))
        };
        let foreign = "INSUFFICIENT_PERMISSIONS";
        for half in [Context::App, Context::Dashboard] {
            let readers = with_scopes(half, READ_ONLY).acting_for(&world.ada);
            let writers = with_scopes(half, WRITE_ONLY).acting_for(&world.ada);
            for operation in of(&operations, half) {
                // Tokens of the other half.
                let others = match half {
                    Context::App => vec![dashboard.with(half)],
                    Context::Dashboard => vec![app_user.with(half), app_machine.with(half)],
                };
                for other in &others {
                    refused(other, operation, 403, foreign);
                }
                // Scopes.
                if operation.is_read() {
                    refused(&writers, operation, 403, foreign);
                } else {
                    refused(&readers, operation, 403, foreign);
                }
            }
        }
        // Roles.
        let viewer = at_dashboard(app, ONE, "viewer", Scopes::ALL).acting_for(&world.ada);
        let member = at_dashboard(app, ONE, "member", Scopes::ALL).acting_for(&world.ada);
        for operation in of(&operations, Context::Dashboard) {
            refused(&member, operation, 403, foreign);
            if operation.is_read() {
                let status = call(&viewer, operation).status;
                assert!([200, 404].contains(&status), "{operation:?}: {status}");
            } else {
                refused(&viewer, operation, 403, foreign);
            }
        }
        let manager = at_dashboard(app, ONE, "manager", Scopes::ALL);
        for operation in of(&operations, Context::Dashboard) {
            let is_about_users =
                operation.template == "/users" || operation.template == "/users/{userId}";
            if is_about_users && !operation.is_read() {
                refused(&manager, operation, 403, foreign);
            }
        }
        // A machine that names no user.
        let nobody = machine(app, ONE);
        for operation in of(&operations, Context::App) {
            if operation.template != "/activity-logs" {
                refused(&nobody, operation, 403, foreign);
            }
        }
        assert_eq!(
            snapshot(app, &world, &operations),
            before,
            "somebody changed something"
        );
    });
}

#[test]
fn tokens_that_do_not_count_open_nothing() {
    on_both(NOW, |app| {
        let world = set_up(app);
        let operations = operations(&world);
        let before = snapshot(app, &world, &operations);
        let forged = |session: &Session<'_>| {
            let mut token = session.token.clone();
            token.truncate(token.len() - 2);
            token
        };
        for half in [Context::App, Context::Dashboard] {
            let client = app.client(ONE, half, "owner", Scopes::ALL);
            let session = app
                .session(half, app.token(&client, ""))
                .acting_for(&world.ada);
            let gone = app.client(ONE, half, "owner", Scopes::ALL);
            let revoked = app
                .session(half, app.token(&gone, ""))
                .acting_for(&world.ada);
            let first = of(&operations, half)
                .find(|operation| operation.is_read())
                .unwrap();
            assert_eq!(call(&revoked, first).status, 200);
            app.revoke(ONE, &gone);
            let garbled = app.session(half, forged(&session));
            for operation in of(&operations, half) {
                for nobody in [&garbled, &revoked, &app.session(half, "a.b.c".to_owned())] {
                    refused(nobody, operation, 401, "INVALID_TOKEN");
                }
                let path = format!("/{half}/v1{}", operation.path);
                for headers in [vec![], vec![("x-api-key", ADMIN), ("tenant-id", "one")]] {
                    let text = operation.body.to_string();
                    let mut headers = headers;
                    headers.push(("content-type", "application/json"));
                    let body = (!operation.body.is_null()).then_some(text.as_bytes());
                    let answer = app.raw(&operation.method, &path, &headers, body);
                    assert_eq!(answer.status, 401, "{operation:?}: {}", answer.text);
                }
            }
            app.jump(LATER);
            for operation in of(&operations, half) {
                refused(&session, operation, 401, "INVALID_TOKEN");
            }
            app.jump(NOW);
            // A token opens nothing of the first dialect.
            for path in ["/v1/users/ada", "/admin/v1/metrics"] {
                for (name, value) in [
                    ("authorization", format!("Bearer {}", session.token)),
                    ("x-api-key", session.token.clone()),
                ] {
                    let headers = [(name, value.as_str()), ("tenant-id", "one")];
                    let answer = app.raw("GET", path, &headers, None);
                    assert_eq!(answer.status, 401, "{path}: {}", answer.text);
                }
            }
        }
        assert_eq!(
            snapshot(app, &world, &operations),
            before,
            "somebody changed something"
        );
    });
}

#[test]
fn users_see_and_change_only_what_is_theirs() {
    on_both(NOW, |app| {
        let world = set_up(app);
        let operations = operations(&world);
        let ada_sees = || {
            let ada = machine(app, ONE).acting_for(&world.ada);
            let reads = of(&operations, Context::App).filter(|operation| operation.is_read());
            reads
                .map(|operation| format!("{} {}", operation.path, call(&ada, operation).text))
                .collect::<Vec<_>>()
        };
        let before = ada_sees();
        assert!(before.iter().any(|text| text.contains(ADA)), "{before:?}");
        for session in [
            user(app, ONE, &world.bob),
            // Ignored: only machines act for others.
            user(app, ONE, &world.bob).acting_for(&world.ada),
            machine(app, ONE).acting_for(&world.bob),
        ] {
            for operation in of(&operations, Context::App) {
                let answer = call(&session, operation);
                let own = [
                    "/users/me",
                    "/users/me/principal",
                    "/users/me/stats",
                    "/virtual-balances/{virtualCurrencyId}",
                ];
                let own_parts = [
                    "/users/me/tags",
                    "/virtual-balances",
                    "/virtual-transactions",
                    "/missions",
                ];
                let template = operation.template.as_str();
                let is_refused = (400..500).contains(&answer.status);
                assert!(
                    is_refused || own.contains(&template) || own_parts.contains(&template),
                    "{operation:?}: {}",
                    answer.text
                );
                if !is_refused {
                    for secret in [
                        ADA,
                        &world.ada,
                        &world.mission,
                        &world.transaction,
                        "team:a",
                    ] {
                        assert!(
                            !answer.text.contains(secret),
                            "{operation:?}: {}",
                            answer.text
                        );
                    }
                }
            }
        }
        assert_eq!(ada_sees(), before, "another user changed something");
    });
}

#[test]
fn those_who_may_can_do_everything() {
    on_both(NOW, |app| {
        let world = set_up(app);
        let mut operations = operations(&world);
        // Users at the end, and what takes away after what needs it.
        operations.sort_by_key(|operation| {
            let order = ["GET", "PUT", "PATCH", "POST", "DELETE"];
            let is_user = operation.template == "/users/{userId}";
            (
                operation.method == "DELETE" && is_user,
                order.iter().position(|method| *method == operation.method),
            )
        });
        let dashboard = owner(app, ONE).acting_for(&world.ada);
        let ada = user(app, ONE, &world.ada);
        for operation in &operations {
            let session = match operation.half {
                Context::App => &ada,
                Context::Dashboard => &dashboard,
            };
            let answer = call(session, operation);
            assert!(
                (200..300).contains(&answer.status),
                "{operation:?}: {} {}",
                answer.status,
                answer.text
            );
        }
    });
}

//! Every operation, called by everybody who must not: nothing leaks and nothing changes.
//!
//! The operations come from our own descriptions, so a new one is in the matrix as soon as it exists.

use serde_json::{Value, json};

use crate::support::{ADMIN, TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";
const OTHER_ENVIRONMENT: &str = "otherenv.0123456789abcdef0123456789abcdef";
/// Stands in everything that belongs to the first tenant and nowhere else.
const SECRET: &str = "secret-of-the-first-tenant";

/// What there is to steal.
struct World {
    ids: Vec<(&'static str, String)>,
    app_key: String,
    other_user_key: String,
}

impl World {
    fn id(&self, name: &str) -> &str {
        self.ids
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("none", |(_, id)| id)
    }
}

fn set_up(app: &TestApp) -> World {
    let answer = app.admin(
        "PATCH",
        "/admin/v1/organization",
        Some(&json!({"multiTenancy": true})),
    );
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mut ids = Vec::new();
    let tenant = app.create("/tenants", &json!({"customerId": "one", "name": "One"}));
    ids.push(("tenants", text(&tenant["id"])));
    app.create("/tenants", &json!({"customerId": "two", "name": "Two"}));
    app.other_environment(OTHER_ENVIRONMENT);
    let one = Some("one");
    let mut make = |kind: &'static str, path: &str, item: Value| {
        let created = app.create_in(one, path, &item);
        ids.push((kind, text(&created["id"])));
        created
    };
    make(
        "attributes",
        "/attributes",
        json!({"name": SECRET, "key": "city", "type": "user"}),
    );
    let metric = make("metrics", "/metrics", json!({"name": SECRET, "key": "k"}));
    make(
        "achievements",
        "/achievements",
        json!({"name": SECRET, "trigger": "api", "key": "k", "status": "active"}),
    );
    let system = make(
        "points",
        "/points",
        json!({
            "name": SECRET, "key": "k",
            "levels": [{"name": SECRET, "key": "k", "points": 0}],
            "boosts": [{"name": SECRET, "start": "2026-03-01", "multiplier": 2}],
            "triggers": [{"type": "metric", "status": "active", "points": 1, "metricId": metric["id"], "metricThreshold": 1}],
        }),
    );
    make(
        "leaderboards",
        "/leaderboards",
        json!({"name": SECRET, "key": "k", "rankBy": "metric", "metricId": metric["id"], "status": "active"}),
    );
    ids.push(("levels", text(&system["levels"][0]["id"])));
    ids.push(("boosts", text(&system["boosts"][0]["id"])));
    ids.push(("triggers", text(&system["triggers"][0]["id"])));
    let event =
        json!({"user": {"id": "u", "name": SECRET, "attributes": {"city": SECRET}}, "value": 3});
    let answer = app.send(ADMIN, one, "POST", "/v1/metrics/k/event", Some(&event));
    assert_eq!(answer.status, 201, "{}", answer.text);
    let freezes = json!({"freezes": {"startCount": 0, "maxCount": 9}});
    let path = "/admin/v1/streaks/settings";
    let answer = app.send(ADMIN, one, "PATCH", path, Some(&freezes));
    assert_eq!(answer.status, 200, "{}", answer.text);
    let pauses = json!({"pauses": [{"userId": "u", "start": "2026-03-20", "end": "2026-03-21"}]});
    let path = "/admin/v1/streaks/pauses";
    let answer = app.send(ADMIN, one, "POST", path, Some(&pauses));
    assert_eq!(answer.status, 201, "{}", answer.text);
    ids.push(("streaks", text(&answer.json["created"][0]["id"])));
    let keys = json!([{"userId": "u"}, {"userId": "somebody-else"}]);
    let answer = app.send(
        ADMIN,
        None,
        "POST",
        "/admin/v1/application-api-keys",
        Some(&keys),
    );
    assert_eq!(answer.status, 201, "{}", answer.text);
    ids.push((
        "application-api-keys",
        text(&answer.json["created"][0]["id"]),
    ));
    let webhook = app.create(
        "/webhooks",
        &json!({"name": SECRET, "url": "https://example.com", "events": ["streak.lost"], "secret": SECRET}),
    );
    let webhook = text(&webhook["id"]);
    let path = format!("/admin/v1/webhooks/{webhook}/test");
    let sent = app.admin("POST", &path, Some(&json!({"type": "streak.lost"})));
    ids.push(("webhooks", webhook));
    ids.push(("deliveries", text(&sent.expect(201)["id"])));
    World {
        ids,
        app_key: text(&answer.json["created"][0]["key"]),
        other_user_key: text(&answer.json["created"][1]["key"]),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// One operation with everything a call needs.
#[derive(Clone, Debug)]
struct Operation {
    is_admin: bool,
    is_environment_wide: bool,
    names_user: bool,
    method: String,
    template: String,
    path: String,
    body: Option<Value>,
}

fn operations(world: &World) -> Vec<Operation> {
    let (application, admin) = server::api::descriptions();
    let mut operations = Vec::new();
    for (is_admin, description) in [(false, application), (true, admin)] {
        let description = serde_json::to_value(&description).unwrap();
        for (template, methods) in description["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                let method = method.to_uppercase();
                if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
                    continue;
                }
                operations.push(operation(world, is_admin, &method, template));
            }
        }
    }
    assert!(
        operations.len() > 50,
        "only {} operations",
        operations.len()
    );
    operations
}

fn operation(world: &World, is_admin: bool, method: &str, template: &str) -> Operation {
    let kind = template.split('/').nth(1).unwrap_or_default();
    let part = template.split('/').nth(3).unwrap_or_default();
    let is_environment_wide = [
        "tenants",
        "application-api-keys",
        "organization",
        "webhooks",
        "clock",
    ]
    .contains(&kind)
        || (kind == "environments" && method == "POST");
    let own = if part.is_empty() { kind } else { part };
    let mut path = template.to_owned();
    if is_admin {
        let mut segments: Vec<&str> = Vec::new();
        for segment in template.split('/') {
            let of = segments.last().copied().unwrap_or_default();
            segments.push(if segment.starts_with('{') {
                world.id(of)
            } else {
                segment
            });
        }
        path = segments.join("/");
    } else {
        path = path
            .replace("/users/{id}", "/users/u")
            .replace("{key}", "k");
    }
    let mut query = String::new();
    if template.ends_with("/event-summary") {
        query.push_str("?aggregation=daily&startDate=2026-03-01&endDate=2026-03-12");
    } else if template == "/streaks" && !is_admin {
        query.push_str("?userIds=u");
    } else if method == "DELETE" {
        query = format!("?ids={}", world.id(own));
    }
    let body = body(world, is_admin, method, template, own);
    let prefix = if is_admin { "/admin/v1" } else { "/v1" };
    Operation {
        is_admin,
        is_environment_wide: is_admin && is_environment_wide,
        names_user: !is_admin
            && (template.starts_with("/users") || template == "/streaks" || method == "POST"),
        method: method.to_owned(),
        template: template.to_owned(),
        path: format!("{prefix}{path}{query}"),
        body,
    }
}

fn body(world: &World, is_admin: bool, method: &str, template: &str, own: &str) -> Option<Value> {
    if !["POST", "PUT", "PATCH"].contains(&method) {
        return None;
    }
    Some(match (is_admin, method, template) {
        (false, _, "/metrics/{key}/event") => json!({"user": {"id": "u"}, "value": 1}),
        (false, _, "/achievements/{key}/complete") => json!({"user": {"id": "u"}}),
        (false, _, "/users/{id}/preferences") => json!({"notifications": {"recap": []}}),
        (false, ..) => json!({"id": "u", "name": "changed"}),
        (true, _, "/metrics/events") => json!([{"key": "k", "user": {"id": "u"}, "value": 1}]),
        (true, _, "/streaks/settings") => json!({"customizationEnabled": true}),
        (true, _, "/streaks/freezes") => json!({"freezes": [{"userId": "u"}]}),
        (true, _, "/streaks/pauses") => {
            json!({"pauses": [{"userId": "u", "start": "2026-03-20", "end": "2026-03-21"}]})
        }
        (true, _, "/streaks/restore" | "/streaks/reset") => json!({"users": [{"id": "u"}]}),
        (true, _, "/settings") => json!({"aggregationPeriod": "monthly"}),
        (true, _, "/organization" | "/webhooks/{id}/rotate-secret") => json!({}),
        (true, _, "/webhooks/{id}/test") => json!({"type": "streak.lost"}),
        (true, _, "/webhooks/{id}/replay") => json!({"since": NOW}),
        (true, "POST", "/webhooks") => {
            json!([{"name": "made", "url": "https://example.com", "events": ["streak.lost"]}])
        }
        (true, _, "/environments") => json!({"name": "made", "key": "made", "type": "staging"}),
        (true, _, "/clock") => json!({"now": "2027-01-01T00:00:00Z"}),
        (true, "PATCH", _) => json!([{"id": world.id(own), "name": "changed"}]),
        (true, _, "/application-api-keys") => json!([{"userId": "u"}]),
        (true, _, "/tenants") => json!([{"customerId": "made", "name": "made"}]),
        (true, _, "/attributes") => json!([{"name": "made", "key": "made", "type": "user"}]),
        (true, _, "/achievements") => {
            json!([{"name": "made", "key": "made", "trigger": "api", "status": "active"}])
        }
        (true, _, "/leaderboards") => json!([{"name": "made", "key": "made", "rankBy": "streak"}]),
        (true, _, "/points/{systemId}/levels") => {
            json!([{"name": "made", "key": "made", "points": 7}])
        }
        (true, _, "/points/{systemId}/boosts") => {
            json!([{"name": "made", "start": "2026-03-01", "multiplier": 2}])
        }
        (true, _, "/points/{systemId}/triggers") => json!([{"type": "user_creation", "points": 1}]),
        (true, ..) => json!([{"name": "made", "key": "made"}]),
    })
}

fn call(app: &TestApp, key: &str, tenant: Option<&str>, operation: &Operation) -> (u16, String) {
    let answer = app.send(
        key,
        tenant,
        &operation.method,
        &operation.path,
        operation.body.as_ref(),
    );
    assert_ne!(answer.status, 500, "{operation:?}: {}", answer.text);
    if answer.status >= 400 {
        assert!(
            answer.json["error"].is_string(),
            "{operation:?}: {}",
            answer.text
        );
    }
    (answer.status, answer.text)
}

/// Everything that the first tenant can read.
fn snapshot(app: &TestApp, operations: &[Operation]) -> Vec<String> {
    operations
        .iter()
        .filter(|operation| operation.method == "GET")
        .map(|operation| {
            let (status, text) = call(app, ADMIN, Some("one"), operation);
            assert_eq!(status, 200, "{operation:?}: {text}");
            format!("{} {text}", operation.path)
        })
        .collect()
}

#[test]
fn strangers_see_nothing_and_change_nothing() {
    on_both(NOW, |app| {
        let world = set_up(app);
        let operations = operations(&world);
        let before = snapshot(app, &operations);
        assert!(before.iter().filter(|text| text.contains(SECRET)).count() > 15);
        for operation in &operations {
            for key in [
                "",
                "nodot",
                "unknown1.0123456789abcdef",
                "testkey1.0123456789abcdef",
            ] {
                let (status, text) = call(app, key, Some("one"), operation);
                assert_eq!(status, 401, "{key:?} {operation:?}: {text}");
            }
            if !operation.is_environment_wide {
                for tenant in [None, Some("nobody")] {
                    let (status, text) = call(app, ADMIN, tenant, operation);
                    assert_eq!(status, 422, "{tenant:?} {operation:?}: {text}");
                }
                let (_, text) = call(app, ADMIN, Some("two"), operation);
                assert!(
                    !text.contains(SECRET),
                    "another tenant, {operation:?}: {text}"
                );
                let (status, _) = call(app, OTHER_ENVIRONMENT, Some("one"), operation);
                assert_eq!(status, 422, "another environment, {operation:?}");
            } else if operation.template != "/organization" {
                let (_, text) = call(app, OTHER_ENVIRONMENT, None, operation);
                assert!(
                    !text.contains(SECRET) && !text.contains("\"one\""),
                    "{operation:?}: {text}"
                );
            }
            let (status, text) = call(app, &world.other_user_key, Some("one"), operation);
            if operation.is_admin {
                // The key is looked at before the tenant is.
                for tenant in [None, Some("nobody")] {
                    let (status, text) = call(app, &world.app_key, tenant, operation);
                    assert!(
                        [401, 403].contains(&status),
                        "{tenant:?} {operation:?}: {text}"
                    );
                }
                let expected = if operation.template == "/application-api-keys" {
                    403
                } else {
                    401
                };
                assert_eq!(
                    status, expected,
                    "an application key, {operation:?}: {text}"
                );
            } else if operation.names_user {
                assert_eq!(status, 403, "another user's key, {operation:?}: {text}");
                assert!(!text.contains(SECRET), "{operation:?}: {text}");
            }
        }
        assert_eq!(
            snapshot(app, &operations),
            before,
            "strangers changed something"
        );
    });
}

#[test]
fn those_who_may_can_do_everything() {
    on_both(NOW, |app| {
        let world = set_up(app);
        let mut operations = operations(&world);
        // Parts before what they are part of.
        operations.sort_by_key(|operation| {
            let depth = operation.template.split('/').count();
            (operation.method == "DELETE", std::cmp::Reverse(depth))
        });
        // The clock of production stays that of the machine.
        operations.retain(|operation| operation.method != "PUT" || operation.template != "/clock");
        for operation in &operations {
            if !operation.is_admin {
                let (status, text) = call(app, &world.app_key, Some("one"), operation);
                assert!(
                    (200..300).contains(&status),
                    "own key, {operation:?}: {status} {text}"
                );
            }
            let (status, text) = call(app, ADMIN, Some("one"), operation);
            assert!(
                (200..300).contains(&status),
                "{operation:?}: {status} {text}"
            );
            assert!(
                !text.contains("\"severity\":\"error\"")
                    || operation.method == "DELETE"
                    || text.contains("in use"),
                "{operation:?}: {text}"
            );
        }
    });
}

#[test]
fn a_tenant_that_was_deleted_cannot_be_reached() {
    on_both(NOW, |app| {
        let world = set_up(app);
        let path = format!("/admin/v1/tenants?ids={}", world.id("tenants"));
        assert_eq!(app.send(ADMIN, None, "DELETE", &path, None).status, 200);
        let answer = app.send(ADMIN, Some("one"), "GET", "/v1/users/u", None);
        assert_eq!(answer.status, 422, "{}", answer.text);
    });
}

#[test]
fn the_default_space_keeps_its_data_when_tenants_are_switched_on_and_off() {
    on_both(NOW, |app| {
        app.create("/metrics", &json!({"name": "Words", "key": "words"}));
        app.event("words", &json!({"id": "u"}), 5.0);
        let answer = app.admin(
            "POST",
            "/admin/v1/tenants",
            Some(&json!([{"customerId": "c", "name": "C"}])),
        );
        assert_eq!(answer.status, 422);
        assert!(
            answer.text.contains("KLEOS_MULTI_TENANCY"),
            "{}",
            answer.text
        );
        assert_eq!(
            app.send(ADMIN, Some("any"), "GET", "/v1/users/u", None)
                .status,
            200
        );
        for (on, status) in [(true, 422), (false, 200)] {
            let answer = app.admin(
                "PATCH",
                "/admin/v1/organization",
                Some(&json!({"multiTenancy": on})),
            );
            assert_eq!(answer.json["multiTenancy"], on, "{}", answer.text);
            assert_eq!(
                app.admin("GET", "/v1/users/u/metrics/words", None).status,
                status
            );
        }
        assert_eq!(app.get("/v1/users/u/metrics/words")["current"], 5.0);
    });
}

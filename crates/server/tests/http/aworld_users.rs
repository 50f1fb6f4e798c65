//! Users of the second dialect: made, shown, renamed, made anonymous, tagged; and out of others' reach.

use serde_json::{Value, json};
use store::client::{Context, Scopes};

use crate::support::{Place, Session, TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";
const NONE: Value = Value::Null;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn members(value: &Value) -> Vec<String> {
    let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    names.sort();
    names
}

fn make(session: &Session<'_>, body: &Value) -> Value {
    session.call("POST", "/users", body).expect(201)
}

/// Somebody at the dashboard of some workspace.
fn owner_of(app: &TestApp, place: Place) -> Session<'_> {
    let client = app.client(place, Context::Dashboard, "owner", Scopes::ALL);
    let token = app.token(&client, "");
    app.session(Context::Dashboard, token)
}

fn ada() -> Value {
    json!({
        "externalId": "ada",
        "nickname": "Ada L.",
        "profileImage": "https://example.com/ada.png",
        "lang": "it",
        "timezone": "Europe/Rome",
        "email": "Ada@Example.com",
        "firstName": "Ada",
        "lastName": "Lovelace",
    })
}

fn tag(app: &TestApp, namespace: &str, variant: &str) -> String {
    let body = json!({
        "namespace": namespace,
        "variant": variant,
        "defaultLang": "en",
        "translations": [{"lang": "en", "label": variant, "description": variant}],
    });
    text(&app.publish("/tags", "tagId", &body)["tagId"])
}

#[test]
fn users_are_made_and_shown() {
    on_both(NOW, |app| {
        let dashboard = app.dashboard();
        let made = make(&dashboard, &ada());
        let id = text(&made["userId"]);
        let expected = json!({
            "userId": id,
            "principalId": made["principalId"],
            "externalId": "ada",
            "nickname": "Ada L.",
            "profileImage": "https://example.com/ada.png",
            "lang": "it",
            "timezone": "Europe/Rome",
            "accountId": made["accountId"],
            "workspaceId": made["workspaceId"],
            "createdAt": "2026-03-10T09:00:00.000Z",
            "updatedAt": "2026-03-10T09:00:00.000Z",
        });
        assert_eq!(made, expected);
        assert_eq!(text(&made["accountId"]).len(), 10);
        assert_eq!(text(&made["workspaceId"]).len(), 10);
        assert_ne!(made["principalId"], made["userId"]);
        assert_eq!(dashboard.get(&format!("/users/{id}")), made);
        assert_eq!(dashboard.get("/users/by-external-id/ada"), made);

        let whole = dashboard.get(&format!("/users/{id}?fields=tags,principal,stats"));
        let person = json!({
            "principalId": made["principalId"],
            "sub": made["principalId"],
            "email": "ada@example.com",
            "firstName": "Ada",
            "lastName": "Lovelace",
        });
        assert_eq!(whole["principal"], person);
        assert_eq!(whole["tags"], json!([]));
        let stats = json!({
            "completedPaths": 0, "quizSuccessRate": 0, "learningMinutes": 0, "totalActivities": 0,
        });
        assert_eq!(whole["stats"], stats);
        let listed = dashboard.get("/users?fields=tags&fields=principal");
        assert_eq!(listed["items"][0]["principal"], person);
        assert!(listed.get("nextToken").is_none());

        // The first dialect knows the same user.
        let same = app.get("/v1/users/ada");
        assert_eq!(same["name"], "Ada L.");
        assert_eq!(same["email"], "Ada@Example.com");
        assert_eq!(same["tz"], "Europe/Rome");

        // Without an id of the caller's.
        let bare = make(&dashboard, &json!({"email": "grace@example.com"}));
        let keys = [
            "accountId",
            "createdAt",
            "principalId",
            "updatedAt",
            "userId",
            "workspaceId",
        ];
        assert_eq!(members(&bare), keys);
        let number = text(&bare["userId"]);
        assert_eq!(dashboard.get(&format!("/users/{number}")), bare);
        let path = format!("/users/by-external-id/{number}");
        assert_eq!(
            dashboard.call("GET", &path, &NONE).refused(404),
            "RESOURCE_NOT_FOUND"
        );

        // A user of the first dialect stands for itself.
        app.admin(
            "POST",
            "/v1/users",
            Some(&json!({"id": "t", "name": "No/nickname", "email": "T@x.org"})),
        )
        .expect(201);
        let trophy = dashboard.get("/users/by-external-id/t");
        assert_eq!(trophy["principalId"], trophy["userId"]);
        assert!(trophy.get("nickname").is_none());
        let path = format!("/users/{}?fields=principal", text(&trophy["userId"]));
        let whole = dashboard.get(&path);
        assert_eq!(
            whole["principal"],
            json!({"principalId": trophy["userId"], "sub": trophy["userId"], "email": "T@x.org"})
        );
        app.user("u");
        let none = dashboard.get("/users?fields=principal&limit=1");
        assert_eq!(none["items"][0]["externalId"], "u");
        assert!(none["items"][0].get("principal").is_none());
        for (path, field) in [
            ("/users?fields=stats", "fields"),
            ("/users/by-external-id/ada?fields=principal", "fields"),
            ("/users?limit=0", "limit"),
            ("/users?sort=name", "sort"),
            ("/users?nextToken=x", "nextToken"),
        ] {
            let refused = dashboard.call("GET", path, &NONE);
            assert_eq!(refused.refused(400), "VALIDATION_ERROR", "{path}");
            assert_eq!(
                refused.json["error"]["details"][0]["field"], field,
                "{path}"
            );
        }
    });
}

#[test]
fn users_are_listed_in_pages() {
    on_both(NOW, |app| {
        let dashboard = app.dashboard();
        for name in ["one", "two", "three", "four", "five"] {
            app.user(name);
        }
        app.admin("PATCH", "/v1/users/two", Some(&json!({"name": "Two"})))
            .expect(200);
        let walk = |order: &str| {
            let mut names = Vec::new();
            let mut path = format!("/users?limit=2&order={order}");
            loop {
                let page = dashboard.get(&path);
                let items = page["items"].as_array().unwrap();
                names.extend(items.iter().map(|user| text(&user["externalId"])));
                let Some(token) = page["nextToken"].as_str() else {
                    return names;
                };
                path = format!("/users?limit=2&order={order}&nextToken={token}");
            }
        };
        assert_eq!(walk("asc"), ["one", "three", "four", "five", "two"]);
        assert_eq!(walk("desc"), ["two", "five", "four", "three", "one"]);
        let token = text(&dashboard.get("/users?limit=2")["nextToken"]);
        let other = format!("/users?limit=3&nextToken={token}");
        dashboard.call("GET", &other, &NONE).refused(400);
    });
}

#[test]
fn a_repeated_request_makes_one_user() {
    on_both(NOW, |app| {
        let dashboard = app.dashboard();
        let key = [("x-idempotency-key", "make-ada")];
        let body = json!({"email": "ada@example.com"});
        let first = dashboard.call_with("POST", "/users", &body, &key);
        assert_eq!(first.status, 201, "{}", first.text);
        assert_eq!(first.headers["x-idempotency-key"], "make-ada");
        assert!(!first.headers.contains_key("x-idempotency-cache-hit"));
        let second = dashboard.call_with("POST", "/users", &body, &key);
        assert_eq!(second.status, 201, "{}", second.text);
        assert_eq!(second.json, first.json);
        assert_eq!(second.headers["x-idempotency-cache-hit"], "true");
        assert_eq!(dashboard.get("/users")["items"], json!([first.json]));
        // Without a key it is a second user for the same person.
        assert_eq!(
            dashboard.call("POST", "/users", &body).refused(409),
            "DUPLICATE_RESOURCE"
        );
        // A refusal is not kept.
        let key = [("x-idempotency-key", "wrong")];
        let wrong = json!({"email": "nobody"});
        dashboard
            .call_with("POST", "/users", &wrong, &key)
            .refused(400);
        let right = json!({"email": "grace@example.com"});
        dashboard
            .call_with("POST", "/users", &right, &key)
            .expect(201);
    });
}

#[test]
fn what_is_not_acceptable_is_told() {
    on_both(NOW, |app| {
        let dashboard = app.dashboard();
        for (member, value) in [
            ("externalId", json!("")),
            ("externalId", json!("a/b")),
            ("nickname", json!("a")),
            ("nickname", json!("a..b")),
            ("nickname", json!("a,b")),
            ("profileImage", json!("not an address")),
            ("lang", json!("Italian")),
            ("timezone", json!("Rome")),
            ("email", json!("ada")),
            ("firstName", json!("4da")),
            ("lastName", json!("L")),
        ] {
            let mut body = ada();
            body[member] = value;
            let refused = dashboard.call("POST", "/users", &body);
            assert_eq!(refused.refused(400), "VALIDATION_ERROR", "{body}");
            assert_eq!(refused.json["error"]["details"][0]["field"], member);
        }
        dashboard
            .call("POST", "/users", &json!({"externalId": "ada"}))
            .refused(400);
        let id = text(&make(&dashboard, &ada())["userId"]);
        let path = format!("/users/{id}");
        for (member, value) in [
            ("nickname", json!("a")),
            ("nickname", json!(null)),
            ("profileImage", json!("?")),
            ("lang", json!("x")),
            ("timezone", json!("Mars/Olympus")),
            ("externalId", json!(null)),
        ] {
            let refused = dashboard.call("PATCH", &path, &json!({member: value}));
            assert_eq!(refused.refused(400), "VALIDATION_ERROR", "{member}");
        }
        let two = json!({"nickname": "", "lang": ""});
        let refused = dashboard.call("PATCH", &path, &two);
        refused.refused(400);
        assert_eq!(
            refused.json["error"]["details"].as_array().unwrap().len(),
            2
        );
        assert_eq!(dashboard.get(&path)["nickname"], "Ada L.");
    });
}

#[test]
fn users_are_changed_and_renamed() {
    on_both(NOW, |app| {
        app.create(
            "/metrics",
            &json!({"name": "Steps", "key": "steps", "unitType": "number"}),
        );
        let dashboard = app.dashboard();
        let made = make(&dashboard, &ada());
        let path = format!("/users/{}", text(&made["userId"]));
        app.event("steps", &json!({"id": "ada"}), 3.0);
        let patch = json!({"nickname": "Countess", "externalId": "countess", "timezone": "UTC"});
        let changed = dashboard.call("PATCH", &path, &patch).expect(200);
        assert_eq!(changed["nickname"], "Countess");
        assert_eq!(changed["externalId"], "countess");
        assert_eq!(changed["timezone"], "UTC");
        assert_eq!(changed["lang"], "it", "what is not said stays");
        assert_eq!(changed["principalId"], made["principalId"]);
        assert_eq!(dashboard.get(&path), changed);
        assert_eq!(dashboard.get("/users/by-external-id/countess"), changed);
        dashboard
            .call("GET", "/users/by-external-id/ada", &NONE)
            .refused(404);
        let gone = dashboard.call("PATCH", &path, &json!({"profileImage": null}));
        assert!(gone.expect(200).get("profileImage").is_none());

        // What the user did goes with the new name, and the old one is another user.
        let total = app.get("/v1/users/countess/metrics/steps");
        assert_eq!(total["current"], 3.0);
        app.event("steps", &json!({"id": "ada"}), 1.0);
        let other = dashboard.get("/users/by-external-id/ada");
        assert_ne!(other["userId"], made["userId"]);
        for taken in ["ada", other["userId"].as_str().unwrap()] {
            let refused = dashboard.call("PATCH", &path, &json!({"externalId": taken}));
            assert_eq!(refused.refused(409), "DUPLICATE_RESOURCE");
        }
        // The own name is not taken.
        let same = json!({"externalId": "countess"});
        dashboard.call("PATCH", &path, &same).expect(200);
        for (body, field) in [
            (
                json!({"externalId": "ada", "email": "x@example.com"}),
                "external id",
            ),
            (json!({"email": "ADA@example.com"}), "address"),
        ] {
            let refused = dashboard.call("POST", "/users", &body);
            assert_eq!(refused.refused(409), "DUPLICATE_RESOURCE");
            let message = text(&refused.json["error"]["message"]);
            assert!(message.contains(field), "{message}");
        }
        dashboard
            .call("PATCH", "/users/42", &json!({}))
            .refused(404);
        dashboard.call("GET", "/users/ada", &NONE).refused(404);
    });
}

#[test]
fn a_deleted_user_is_nobody() {
    on_both(NOW, |app| {
        for attribute in ["plan", "team"] {
            app.create(
                "/attributes",
                &json!({"name": attribute, "key": attribute, "type": "user"}),
            );
        }
        let dashboard = app.dashboard();
        let made = make(&dashboard, &ada());
        let id = text(&made["userId"]);
        app.admin(
            "PATCH",
            "/v1/users/ada",
            Some(&json!({
                "attributes": {"plan": "pro", "team": "red"},
                "deviceTokens": ["one"],
            })),
        )
        .expect(200);
        let attributes = app.get("/admin/v1/attributes");
        let team = attributes
            .as_array()
            .unwrap()
            .iter()
            .find(|attribute| attribute["key"] == "team");
        let path = format!("/admin/v1/attributes?ids={}", text(&team.unwrap()["id"]));
        app.admin("DELETE", &path, None).expect(200);

        let path = format!("/users/{id}");
        let herself = app.as_self(&id);
        herself.call("GET", "/users/me", &NONE).expect(200);
        for _ in 0..2 {
            let deleted = dashboard.call("DELETE", &path, &NONE).expect(200);
            assert_eq!(deleted, json!({"userId": id, "deleted": true}));
        }
        // Her tokens end with it.
        assert_eq!(herself.call("GET", "/users/me", &NONE).status, 401);
        let left = dashboard.get(&format!("{path}?fields=principal"));
        let keys = [
            "accountId",
            "createdAt",
            "principalId",
            "timezone",
            "updatedAt",
            "userId",
            "workspaceId",
        ];
        assert_eq!(members(&left), keys);
        assert_eq!(left["principalId"], left["userId"]);
        let row = app.app.room.store.read(|tx| {
            let space = store::access::all_spaces(tx)?[0];
            store::user::find(tx, space, &id)
        });
        let row = row.unwrap().unwrap();
        assert!(row.attributes.is_empty(), "{row:?}");
        assert!(!row.is_subscribed, "{row:?}");
        assert_eq!((row.email, row.device_tokens), (None, None));
        dashboard
            .call("GET", "/users/by-external-id/ada", &NONE)
            .refused(404);

        // The person may come back, under the same id of the caller's.
        let again = make(&dashboard, &ada());
        assert_ne!(again["userId"], made["userId"]);
        assert_eq!(again["principalId"], made["principalId"]);
        dashboard.call("DELETE", "/users/42", &NONE).refused(404);
    });
}

#[test]
fn the_acting_user_sees_and_changes_itself() {
    on_both(NOW, |app| {
        let dashboard = app.dashboard();
        let made = make(&dashboard, &ada());
        let id = text(&made["userId"]);
        let person = json!({
            "principalId": made["principalId"],
            "sub": made["principalId"],
            "email": "ada@example.com",
            "firstName": "Ada",
            "lastName": "Lovelace",
        });
        for session in [
            app.as_user(&id),
            app.as_external("ada"),
            app.as_self(&id),
            dashboard.clone().acting_for(&id),
        ] {
            assert_eq!(session.get("/users/me"), made);
            assert_eq!(session.get("/users/me/principal"), person);
            let whole = session.get("/users/me?fields=principal,tags,stats");
            assert_eq!(whole["principal"], person);
            assert_eq!(whole["stats"]["totalActivities"], 0);
        }
        let me = app.as_user(&id);
        let stats = me.get("/users/me/stats");
        assert_eq!(
            members(&stats),
            [
                "completedPaths",
                "learningMinutes",
                "quizSuccessRate",
                "totalActivities"
            ]
        );
        let patch = json!({"nickname": "Me", "lang": "en", "externalId": "mine"});
        let changed = me.call("PATCH", "/users/me", &patch).expect(200);
        assert_eq!(changed["nickname"], "Me");
        assert_eq!(changed["lang"], "en");
        assert_eq!(changed["externalId"], "ada", "not theirs to change");
        assert!(changed.get("accountId").is_none());
        let refused = me.call("PATCH", "/users/me", &json!({"nickname": "?"}));
        assert_eq!(refused.refused(400), "VALIDATION_ERROR");

        // Whoever names nobody is nobody.
        let machine = app.machine();
        for path in [
            "/users/me",
            "/users/me/principal",
            "/users/me/stats",
            "/users/me/tags",
        ] {
            assert_eq!(
                machine.call("GET", path, &NONE).refused(403),
                "INSUFFICIENT_PERMISSIONS"
            );
        }
        machine.call("PATCH", "/users/me", &json!({})).refused(403);
        for path in ["/users/me", "/users/me/principal"] {
            dashboard.call("GET", path, &NONE).refused(403);
        }
        // Nothing is known of the person.
        app.user("u");
        app.as_external("u")
            .call("GET", "/users/me/principal", &NONE)
            .refused(404);
    });
}

#[test]
fn tags_are_put_on_users() {
    on_both(NOW, |app| {
        let dashboard = app.dashboard();
        let (red, blue) = (tag(app, "team", "red"), tag(app, "team", "blue"));
        assert_eq!(red, "team:red");
        let id = app.user("ada");
        let base = format!("/users/{id}/tags");
        let one = |tag: &str| format!("{base}/{tag}");

        let made = dashboard
            .call("POST", &one(&red), &json!({"priority": 3}))
            .expect(200);
        let account = dashboard.get(&format!("/users/{id}"));
        let expected = json!({
            "tagId": "team:red",
            "entityType": "User",
            "entityId": id,
            "userId": id,
            "priority": 3,
            "accountId": account["accountId"],
            "workspaceId": account["workspaceId"],
            "sourceRegion": "eu-west-1",
            "createdAt": "2026-03-10T09:00:00.000Z",
            "updatedAt": "2026-03-10T09:00:00.000Z",
        });
        assert_eq!(made, expected);
        assert_eq!(dashboard.get(&one(&red)), made);
        let refused = dashboard.call("POST", &one(&red), &json!({}));
        assert_eq!(refused.refused(409), "DUPLICATE_RESOURCE");

        app.jump("2026-03-10T09:20:00Z");
        let both = json!({"assignments": [{"tagId": blue}, {"tagId": red, "priority": 5}]});
        let assigned = dashboard.call("POST", &base, &both).expect(200);
        let assigned = assigned["assignments"].as_array().unwrap();
        assert_eq!(assigned[0]["tagId"], "team:blue");
        assert_eq!(assigned[0]["priority"], 0);
        assert_eq!(assigned[1]["tagId"], "team:red");
        assert_eq!(assigned[1]["priority"], 5);
        assert_eq!(assigned[1]["createdAt"], "2026-03-10T09:00:00.000Z");
        assert_eq!(assigned[1]["updatedAt"], "2026-03-10T09:20:00.000Z");

        // Changed: what is not said stays.
        let kept = dashboard.call("PATCH", &one(&red), &json!({})).expect(200);
        assert_eq!(kept["priority"], 5);
        assert!(kept.get("createdAt").is_none());
        let patch = json!({"assignments": [{"tagId": red, "priority": 1}]});
        let changed = dashboard.call("PATCH", &base, &patch).expect(200);
        assert_eq!(changed["assignments"][0]["priority"], 1);

        // Read by the user, and beside it.
        let me = app.as_user(&id);
        let mine = me.get("/users/me/tags?order=asc");
        let items = mine["items"].as_array().unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(
            members(&items[0]),
            ["createdAt", "priority", "tagId", "updatedAt"]
        );
        assert_eq!(me.get("/users/me/tags/team:red")["priority"], 1);
        me.call("GET", "/users/me/tags/team:green", &NONE)
            .refused(404);
        let shown = me.get("/users/me?fields=tags");
        let names: Vec<_> = shown["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| text(&tag["tagId"]))
            .collect();
        assert_eq!(names, ["team:blue", "team:red"], "by priority");
        let listed = dashboard.get("/users?fields=tags");
        assert_eq!(listed["items"][0]["tags"], shown["tags"]);
        let first = dashboard.get(&format!("{base}?limit=1"));
        let token = text(&first["nextToken"]);
        let second = dashboard.get(&format!("{base}?limit=1&nextToken={token}"));
        assert_ne!(first["items"][0]["tagId"], second["items"][0]["tagId"]);
        assert!(second.get("nextToken").is_none());

        // Taken away.
        assert_eq!(dashboard.call("DELETE", &one(&blue), &NONE).status, 204);
        dashboard.call("GET", &one(&blue), &NONE).refused(404);
        let refused = dashboard.call("DELETE", &one(&blue), &NONE);
        assert_eq!(refused.refused(404), "RESOURCE_NOT_FOUND");
        let body = json!({"assignments": [{"tagId": red}, {"tagId": blue}]});
        dashboard.call("DELETE", &base, &body).refused(404);
        assert_eq!(dashboard.get(&base)["items"].as_array().unwrap().len(), 1);
        let body = json!({"assignments": [{"tagId": red}]});
        assert_eq!(dashboard.call("DELETE", &base, &body).status, 204);
        assert_eq!(dashboard.get(&base), json!({"items": []}));

        // Once.
        let key = [("x-idempotency-key", "tag-ada")];
        let first = dashboard.call_with("POST", &one(&red), &json!({}), &key);
        let second = dashboard.call_with("POST", &one(&red), &json!({}), &key);
        assert_eq!(first.status, 200, "{}", first.text);
        assert_eq!((second.status, second.json), (200, first.json));
        assert_eq!(second.headers["x-idempotency-cache-hit"], "true");

        for (method, path, body, status) in [
            ("POST", one("team:green"), json!({}), 404),
            ("PATCH", one(&blue), json!({}), 404),
            ("POST", one(&blue), json!({"priority": -1}), 400),
            ("POST", base.clone(), json!({"assignments": []}), 400),
            ("POST", base.clone(), json!({}), 400),
            (
                "PATCH",
                base.clone(),
                json!({"assignments": [{"tagId": blue}]}),
                404,
            ),
            ("DELETE", base.clone(), json!({"assignments": []}), 400),
            ("POST", "/users/42/tags/team:red".to_owned(), json!({}), 404),
            ("GET", "/users/42/tags".to_owned(), NONE, 404),
        ] {
            let answer = dashboard.call(method, &path, &body);
            assert_eq!(
                answer.status, status,
                "{method} {path} {body}: {}",
                answer.text
            );
        }
        let many: Vec<Value> = (0..26).map(|_| json!({"tagId": red})).collect();
        dashboard
            .call("POST", &base, &json!({"assignments": many}))
            .refused(400);
    });
}

#[test]
fn roles_and_workspaces_are_kept_apart() {
    on_both(NOW, |app| {
        app.other_environment("otherenv.0123456789abcdef0123456789abcdef");
        let dashboard = app.dashboard();
        let made = make(&dashboard, &ada());
        let id = text(&made["userId"]);
        let red = tag(app, "team", "red");
        let path = format!("/users/{id}");
        let tag_path = format!("{path}/tags/{red}");
        dashboard.call("POST", &tag_path, &json!({})).expect(200);

        // Roles.
        let reads = ["/users".to_owned(), path.clone(), format!("{path}/tags")];
        let writes = [
            (
                "POST",
                "/users".to_owned(),
                json!({"email": "x@example.com"}),
            ),
            ("PATCH", path.clone(), json!({"nickname": "Mine"})),
            ("DELETE", path.clone(), NONE),
            ("PATCH", tag_path.clone(), json!({"priority": 1})),
            ("DELETE", tag_path.clone(), NONE),
            (
                "POST",
                format!("{path}/tags"),
                json!({"assignments": [{"tagId": red}]}),
            ),
        ];
        for role in ["manager", "viewer", "member"] {
            let session = app.session(Context::Dashboard, app.dashboard_token(role));
            for path in &reads {
                let status = session.call("GET", path, &NONE).status;
                assert_eq!(status == 200, role != "member", "{role} {path}");
            }
            for (method, path, body) in &writes {
                let refused = session.call(method, path, body);
                assert_eq!(
                    refused.refused(403),
                    "INSUFFICIENT_PERMISSIONS",
                    "{role} {method} {path}"
                );
            }
        }
        let admin = app.session(Context::Dashboard, app.dashboard_token("admin"));
        admin
            .call("PATCH", &path, &json!({"lang": "en"}))
            .expect(200);
        // A token for the app opens no dashboard, and the reverse.
        let wrong = app.session(Context::Dashboard, app.app_token());
        wrong.call("GET", "/users", &NONE).refused(403);
        let wrong = app.session(Context::App, app.dashboard_token("owner"));
        wrong
            .acting_for(&id)
            .call("GET", "/users/me", &NONE)
            .refused(403);

        // Another workspace of the same organization: other users, the same people.
        let staging = owner_of(
            app,
            Place {
                environment: "staging",
                tenant: None,
            },
        );
        for path in [
            &path,
            "/users/by-external-id/ada",
            &format!("{path}/tags"),
            &tag_path,
        ] {
            staging.call("GET", path, &NONE).refused(404);
        }
        for (method, path, body) in &writes[1..] {
            staging.call(method, path, body).refused(404);
        }
        assert_eq!(staging.get("/users"), json!({"items": []}));
        staging
            .clone()
            .acting_for(&id)
            .call("GET", "/users/me", &NONE)
            .refused(404);
        let twin = make(&staging, &ada());
        assert_ne!(twin["userId"], made["userId"]);
        assert_eq!(twin["principalId"], made["principalId"]);
        assert_eq!(twin["accountId"], made["accountId"]);
        assert_ne!(twin["workspaceId"], made["workspaceId"]);
        app.as_user(&text(&twin["userId"]))
            .call("GET", "/users/me", &NONE)
            .refused(404);
        assert_eq!(dashboard.get(&path)["lang"], "en", "nobody else changed it");

        // Tenants share nothing, not even people.
        app.admin(
            "PATCH",
            "/admin/v1/organization",
            Some(&json!({"multiTenancy": true})),
        )
        .expect(200);
        app.create("/tenants", &json!({"customerId": "one", "name": "One"}));
        app.create("/tenants", &json!({"customerId": "two", "name": "Two"}));
        let users: Vec<Value> = ["one", "two"]
            .into_iter()
            .map(|tenant| {
                let session = owner_of(
                    app,
                    Place {
                        tenant: Some(tenant),
                        ..Place::PRODUCTION
                    },
                );
                session.call("GET", &path, &NONE).refused(404);
                make(&session, &ada())
            })
            .collect();
        assert_ne!(users[0]["principalId"], users[1]["principalId"]);
        assert_ne!(users[0]["principalId"], made["principalId"]);
    });
}

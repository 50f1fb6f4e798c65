//! Whatever a client sends, the answer is JSON, says what was wrong, and nothing changes.

use serde_json::json;

use crate::support::{ADMIN, TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";

fn set_up(app: &TestApp) {
    app.create("/metrics", &json!({"name": "Words", "key": "words"}));
}

fn post(app: &TestApp, path: &str, body: &[u8]) -> (u16, String) {
    let headers = [("x-api-key", ADMIN), ("content-type", "application/json")];
    let answer = app.raw("POST", path, &headers, Some(body));
    assert!(answer.json["error"].is_string(), "{path}: {}", answer.text);
    (
        answer.status,
        answer.json["error"].as_str().unwrap_or_default().to_owned(),
    )
}

#[test]
fn bodies_that_cannot_be_read_are_refused_and_change_nothing() {
    on_both(NOW, |app| {
        set_up(app);
        let deep = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
        let cases: [(&[u8], u16); 21] = [
            (b"", 400),
            (b"{", 400),
            (b"null", 400),
            (b"[]", 400),
            (b"\"text\"", 400),
            (b"[{\"id\":\"u\"},1]", 400),
            (b"{\"user\":[\"u\"],\"value\":1}", 400),
            (b"{\"user\":{\"id\":\"u\"}}", 400),
            (b"{\"value\":1}", 400),
            (b"{\"user\":{\"id\":5},\"value\":1}", 400),
            (b"{\"user\":{\"id\":\"u\"},\"value\":\"1\"}", 400),
            (b"{\"user\":{\"id\":\"u\"},\"value\":null}", 400),
            (b"{\"user\":{\"id\":\"u\"},\"value\":1e400}", 400),
            (b"{\"user\":{\"id\":\"u\"},\"value\":NaN}", 400),
            (b"{\"user\":{\"id\":\"u\"},\"value\":1} trailing", 400),
            (b"{\"user\":{\"id\":\"\xff\xfe\"},\"value\":1}", 400),
            (b"{\"user\":{\"id\":\"u\"},\"value\":9000000000001}", 422),
            (b"{\"user\":{\"id\":\"\"},\"value\":1}", 422),
            (b"{\"user\":{\"id\":\"a/b\"},\"value\":1}", 422),
            (b"{\"user\":{\"id\":\"u\\u0000\"},\"value\":1}", 422),
            (
                b"{\"user\":{\"id\":\"u\",\"tz\":\"Mars/Base\"},\"value\":1}",
                422,
            ),
        ];
        for (body, status) in cases {
            let (got, error) = post(app, "/v1/metrics/words/event", body);
            assert_eq!(got, status, "{}: {error}", String::from_utf8_lossy(body));
        }
        assert_eq!(post(app, "/v1/metrics/words/event", deep.as_bytes()).0, 400);
        let large = vec![b' '; 10 * 1024 * 1024];
        assert_eq!(post(app, "/v1/metrics/words/event", &large).0, 413);
        let unknown = br#"{"user":{"id":"u","attributes":{"a":"1","b":"2"}},"value":1}"#;
        let (status, error) = post(app, "/v1/metrics/words/event", unknown);
        assert_eq!(status, 422);
        assert!(error.contains('a') && error.contains('b'), "{error}");
        let answer = app.admin("GET", "/v1/users/u", None);
        assert_eq!(answer.status, 404, "nothing was stored: {}", answer.text);
    });
}

#[test]
fn unknown_paths_wrong_methods_and_odd_paths_answer_in_json() {
    on_both(NOW, |app| {
        set_up(app);
        for path in [
            "/nowhere",
            "/v1/nowhere",
            "/v1",
            "/admin/v1/nowhere",
            "/v1/users/u/nothing",
        ] {
            let answer = app.admin("GET", path, None);
            assert_eq!(answer.status, 404, "{path}");
            assert!(answer.json["error"].is_string(), "{path}: {}", answer.text);
        }
        for (method, path) in [
            ("DELETE", "/v1/users/u"),
            ("GET", "/v1/metrics/words/event"),
            ("PUT", "/admin/v1/metrics"),
            ("GET", "/admin/v1/metrics/events"),
        ] {
            let answer = app.admin(method, path, None);
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text);
            assert!(answer.json["error"].is_string(), "{method} {path}");
            assert!(answer.headers.contains_key("allow"), "{method} {path}");
        }
        for path in ["/v1/users/%ff", "/v1/users/%00", "/v1/users/a%2500"] {
            let answer = app.admin("GET", path, None);
            assert!(
                (400..500).contains(&answer.status),
                "{path}: {}",
                answer.status
            );
            assert!(answer.json["error"].is_string(), "{path}: {}", answer.text);
        }
    });
}

#[test]
fn keys_that_do_not_work_are_refused() {
    on_both(NOW, |app| {
        for headers in [
            &[][..],
            &[("x-api-key", "")],
            &[("x-api-key", "nodot")],
            &[("x-api-key", ".")],
            &[("x-api-key", "testkey1.")],
            &[("x-api-key", "testkey1.wrong")],
            &[("x-api-key", "unknown1.0123456789abcdef0123456789abcdef")],
        ] {
            let answer = app.raw("GET", "/v1/achievements", headers, None);
            assert_eq!(answer.status, 401, "{headers:?}");
            assert!(answer.json["error"].is_string());
        }
    });
}

#[test]
fn a_revoked_key_fails_at_once() {
    on_both(NOW, |app| {
        assert_eq!(app.admin("GET", "/v1/achievements", None).status, 200);
        app.app
            .room
            .store
            .write(|tx| {
                let environment = store::tenancy::production(tx)?.unwrap();
                store::key::revoke_admin(tx, environment, "testkey1").map(drop)
            })
            .unwrap();
        assert_eq!(app.admin("GET", "/v1/achievements", None).status, 401);
        let body = json!({"id": "u"});
        assert_eq!(app.admin("POST", "/v1/users", Some(&body)).status, 401);
        assert_eq!(app.admin("GET", "/v1/users/u/wrapped", None).status, 401);
    });
}

#[test]
fn other_names_of_an_operation_lead_to_it() {
    on_both(NOW, |app| {
        set_up(app);
        let body = json!({"user": {"id": "u"}, "value": 2}).to_string();
        let headers = [("x-api-key", ADMIN), ("content-type", "application/json")];
        let answer = app.raw(
            "POST",
            "/api/metrics/words/event",
            &headers,
            Some(body.as_bytes()),
        );
        assert_eq!(answer.status, 201, "{}", answer.text);
        let headers = [("x-api-key", ADMIN), ("host", "admin.kleos.test")];
        let answer = app.raw("GET", "/v1/metrics", &headers, None);
        assert_eq!(answer.json[0]["key"], "words", "{}", answer.text);
        let answer = app.raw("GET", "/v1//users/u", &headers[..1], None);
        assert_eq!(answer.json["id"], "u");
    });
}

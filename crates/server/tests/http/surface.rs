//! What surrounds every operation of the first dialect: rate limits, CORS, compression (spec/trophy.md 1.3, 1.7, 15.8).

use std::io::Read as _;

use serde_json::json;
use server::limits::Limits;

use crate::support::{ADMIN, Answer, Engine, TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap())
}

fn rate(answer: &Answer) -> [Option<&str>; 3] {
    ["limit", "remaining", "reset"].map(|name| header(answer, &format!("x-ratelimit-{name}")))
}

#[test]
fn operations_are_limited_each_by_itself() {
    let limits = Limits { tier1: 2, tier2: 3 };
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = TestApp::start_limited(engine, NOW, Some(limits));
        let metric = json!([{"name": "Words", "key": "words"}]);
        let admin = |method: &str, path: &str| app.admin(method, path, None);
        let made = app.admin("POST", "/admin/v1/metrics", Some(&metric));
        // 2026-03-10T09:00:01Z: half a second is missing in the bucket.
        assert_eq!(rate(&made), [Some("2"), Some("1"), Some("1773133201")]);
        made.expect(201);
        // Whoever is not let in uses nothing up.
        for _ in 0..5 {
            let answer = app.send("unknown1.secret", None, "GET", "/admin/v1/metrics", None);
            assert_eq!((answer.status, rate(&answer)), (401, [None; 3]));
        }
        for left in ["1", "0"] {
            let answer = admin("GET", "/admin/v1/metrics");
            assert_eq!((answer.status, rate(&answer)[1]), (200, Some(left)));
        }
        let answer = admin("GET", "/admin/v1/metrics");
        assert_eq!(answer.status, 429, "{}", answer.text);
        assert!(answer.json["error"].is_string(), "{}", answer.text);
        assert_eq!(header(&answer, "retry-after"), Some("1"));
        assert_eq!(rate(&answer), [Some("2"), Some("0"), Some("1773133201")]);
        // One operation is one path with one method, whatever it names.
        assert_eq!(admin("GET", "/admin/v1/attributes").status, 200);
        let event = json!({"user": {"id": "ada"}, "value": 1});
        let send = |metric: &str| {
            let path = format!("/v1/metrics/{metric}/event");
            app.admin("POST", &path, Some(&event)).status
        };
        assert_eq!(
            [send("words"), send("none"), send("words")],
            [201, 404, 429]
        );
        let reads: Vec<u16> = ["ada", "bo", "ada", "ada"]
            .map(|user| admin("GET", &format!("/v1/users/{user}")).status)
            .into();
        assert_eq!(reads, [200, 404, 200, 429]);
        // What was refused did nothing; what passed later does.
        assert_eq!(
            admin("GET", "/v1/users/ada/metrics/words").json["current"],
            1.0
        );
        app.jump("2026-03-10T09:00:00.500Z");
        assert_eq!([send("words"), send("words")], [201, 429]);
        app.jump("2026-03-10T09:00:02Z");
        assert_eq!(
            [send("words"), send("words"), send("words")],
            [201, 201, 429]
        );
        // The second dialect has no such limits.
        for _ in 0..5 {
            app.dashboard().get("/activities");
        }
    }
}

#[test]
fn without_limits_nothing_is_said_of_them() {
    on_both(NOW, |app| {
        for _ in 0..60 {
            let answer = app.admin("GET", "/v1/achievements", None);
            assert_eq!((answer.status, rate(&answer)), (200, [None; 3]));
        }
    });
}

#[test]
fn browsers_may_call_the_application_api_and_no_other() {
    on_both(NOW, |app| {
        let asked = "x-api-key,tenant-id,idempotency-key,content-type,x-sdk-version,x-fern-language,x-fern-sdk-name";
        let preflight = |path: &str, method: &str| {
            let headers = [
                ("origin", "https://app.example.com"),
                ("access-control-request-method", method),
                ("access-control-request-headers", asked),
            ];
            app.raw("OPTIONS", path, &headers, None)
        };
        for (path, method) in [
            ("/v1/metrics/words/event", "POST"),
            ("/v1/users/ada", "PATCH"),
            ("/v1/achievements", "GET"),
        ] {
            let answer = preflight(path, method);
            assert_eq!(answer.status, 200, "{path}");
            for (name, value) in [
                ("origin", "*"),
                ("methods", "*"),
                ("headers", "*"),
                ("max-age", "86400"),
            ] {
                let name = match name {
                    "max-age" => "access-control-max-age".to_owned(),
                    name => format!("access-control-allow-{name}"),
                };
                assert_eq!(header(&answer, &name), Some(value), "{path} {name}");
            }
        }
        let call = |path: &str, key: &str| {
            let headers = [
                ("origin", "https://app.example.com"),
                ("x-api-key", key),
                ("x-sdk-version", "not one we know"),
            ];
            app.raw("GET", path, &headers, None)
        };
        for (key, status) in [(ADMIN, 200), ("", 401)] {
            let answer = call("/v1/achievements", key);
            assert_eq!(answer.status, status);
            assert_eq!(header(&answer, "access-control-allow-origin"), Some("*"));
            // The headers of rate limits among them.
            assert_eq!(header(&answer, "access-control-expose-headers"), Some("*"));
        }
        let answer = call("/admin/v1/metrics", ADMIN);
        assert_eq!(answer.status, 200);
        assert_eq!(header(&answer, "access-control-allow-origin"), None);
        let answer = preflight("/admin/v1/metrics", "POST");
        assert_eq!(answer.status, 405);
        assert_eq!(header(&answer, "access-control-allow-origin"), None);
        assert!(header(&answer, "allow").is_some_and(|methods| methods.contains("POST")));
    });
}

#[test]
fn large_answers_are_compressed_for_those_who_ask() {
    on_both(NOW, |app| {
        let metrics: Vec<_> = (0..20)
            .map(|number| json!({"name": "Words written", "key": format!("words-{number}")}))
            .collect();
        app.admin("POST", "/admin/v1/metrics", Some(&json!(metrics)))
            .expect(201);
        let path = "/admin/v1/metrics?limit=20";
        let plain = app.admin("GET", path, None);
        assert_eq!(header(&plain, "content-encoding"), None);
        let url = app.url(path);
        let ask = |url: &str| {
            let request = ureq::http::Request::get(url)
                .header("x-api-key", ADMIN)
                .header("accept-encoding", "gzip")
                .body(())
                .unwrap();
            app.agent.run(request).unwrap()
        };
        let mut packed = ask(&url);
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        let mut bytes = Vec::new();
        packed
            .body_mut()
            .as_reader()
            .read_to_end(&mut bytes)
            .unwrap();
        assert_eq!(bytes[..2], [0x1f, 0x8b]);
        assert!(bytes.len() * 2 < plain.text.len(), "{}", bytes.len());
        // A small one is sent as it is.
        let small = ask(&app.url("/v1/achievements"));
        assert_eq!(small.headers().get("content-encoding"), None);
    });
}

#[test]
fn a_doubled_slash_and_head_are_tolerated() {
    on_both(NOW, |app| {
        for path in [
            "/v1//achievements",
            "//v1/achievements",
            "/admin/v1//metrics",
        ] {
            assert_eq!(app.admin("GET", path, None).status, 200, "{path}");
        }
        let answer = app.admin("HEAD", "/v1/achievements", None);
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
        let answer = app.admin("DELETE", "/v1/achievements", None);
        assert_eq!(answer.status, 405);
        assert_eq!(header(&answer, "allow"), Some("GET,HEAD"));
    });
}

//! Endpoints of webhooks and the delivery of messages, against receivers that behave well and badly (spec/trophy.md 9.1-9.3).

use std::time::Duration;

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use testkit::receiver::{Behaviour, CLOSED, Received, Receiver};
use wire::webhook_endpoint::WebhookType;

use crate::support::{Engine, TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Makes an endpoint that wants one type and answers its id.
fn endpoint(app: &TestApp, url: &str) -> String {
    let item = json!({"name": "Hook", "url": url, "events": ["streak.lost"]});
    text(&app.create("/webhooks", &item)["id"])
}

fn post(app: &TestApp, path: &str, body: &Value) -> Value {
    let answer = app.admin("POST", &format!("/admin/v1/webhooks/{path}"), Some(body));
    assert!(
        (200..300).contains(&answer.status),
        "{path}: {}",
        answer.text
    );
    answer.json
}

/// Sends a test message and answers its id.
fn test(app: &TestApp, endpoint: &str) -> String {
    let body = json!({"type": "streak.lost"});
    text(&post(app, &format!("{endpoint}/test"), &body)["id"])
}

fn show(app: &TestApp, endpoint: &str) -> Value {
    app.get(&format!("/admin/v1/webhooks/{endpoint}"))
}

fn deliveries(app: &TestApp, endpoint: &str, query: &str) -> Vec<Value> {
    let listed = app.get(&format!("/admin/v1/webhooks/{endpoint}/deliveries{query}"));
    listed.as_array().unwrap().clone()
}

/// The only message to an endpoint.
fn only(app: &TestApp, endpoint: &str) -> Value {
    let [one] = deliveries(app, endpoint, "").try_into().unwrap();
    one
}

/// Checks `webhook-signature` by the published library, which wants the present time.
fn is_signed(received: &Received, key: &Webhook) -> bool {
    let id = received.header("webhook-id");
    let at: i64 = received.header("webhook-timestamp").parse().unwrap();
    let expected = key.sign(id, at, &received.body).unwrap();
    received
        .header("webhook-signature")
        .split(' ')
        .any(|one| one == expected)
}

#[test]
fn endpoints_are_configured() {
    on_both(NOW, |app| {
        let made = app.create(
            "/webhooks",
            &json!({"name": "First", "url": "https://example.com/hook?x=1", "events": ["streak.lost", "points.changed", "streak.lost"]}),
        );
        assert_eq!(made["events"], json!(["streak.lost", "points.changed"]));
        assert_eq!(
            (&made["status"], &made["disabledReason"]),
            (&json!("active"), &Value::Null)
        );
        assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
        assert_eq!(made["previousSecretUntil"], Value::Null);
        let first = text(&made["id"]);
        assert_eq!(show(app, &first), made, "the secret can be read again");
        app.jump("2026-03-10T09:00:01Z");
        let second = app.create(
            "/webhooks",
            &json!({"name": "Second", "url": "http://example.com", "events": ["streak.lost"],
                    "secret": "sixteen letters!", "status": "disabled"}),
        );
        assert_eq!(second["secret"], "sixteen letters!");
        assert_eq!(second["disabledReason"], "switched off");
        assert_eq!(app.get("/admin/v1/webhooks"), json!([made, second]));
        assert_eq!(
            app.get("/admin/v1/webhooks?limit=1&skip=1"),
            json!([second])
        );
        let changed = app.update(
            "/webhooks",
            &json!({"id": first, "name": "Renamed", "url": "https://example.org", "events": ["streak.started"],
                    "secret": "not this way, please"}),
        );
        assert_eq!(changed["name"], "Renamed");
        assert_eq!(changed["events"], json!(["streak.started"]));
        assert_eq!(changed["secret"], made["secret"]);
        assert_eq!(changed["updated"], "2026-03-10T09:00:01.000Z");
        let paths = format!("/admin/v1/webhooks?ids={first},00000000-0000-4000-8000-000000000000");
        let gone = app.admin("DELETE", &paths, None).expect(200);
        assert_eq!(gone["deleted"], json!([{"id": first}]));
        assert_eq!(gone["issues"][0]["message"], "Webhook not found by ID");
        assert_eq!(app.get("/admin/v1/webhooks"), json!([second]));
        app.admin("GET", &format!("/admin/v1/webhooks/{first}"), None)
            .expect(404);
        app.admin("GET", "/admin/v1/webhooks/nonsense", None)
            .expect(422);
    });
}

#[test]
fn impossible_endpoints_are_refused() {
    let app = &TestApp::start(Engine::Sqlite, NOW);
    let good = json!({"name": "Good", "url": "https://example.com", "events": ["streak.lost"]});
    let with = |member: &str, value: Value| {
        let mut item = good.clone();
        item[member] = value;
        item
    };
    let wrong = [
        with("name", json!("")),
        with("name", json!("a".repeat(256))),
        with("name", Value::Null),
        with("url", json!("ftp://example.com")),
        with("url", json!("https://user:secret@example.com")),
        with(
            "url",
            json!(format!("https://example.com/{}", "a".repeat(2_048))),
        ),
        with("events", json!([])),
        with("events", json!(["streak.invented"])),
        with("events", json!("streak.lost")),
        with("secret", json!("fifteen letters")),
        with("secret", json!("a".repeat(257))),
        with("secret", json!("sixteen\nletters!!")),
        with("status", json!("paused")),
        json!([]),
    ];
    let answer = app.admin("POST", "/admin/v1/webhooks", Some(&json!(wrong)));
    let answer = answer.expect(200);
    assert_eq!(answer["created"], json!([]));
    assert_eq!(
        answer["issues"].as_array().unwrap().len(),
        wrong.len(),
        "{answer}"
    );
    let id = text(&app.create("/webhooks", &good)["id"]);
    let before = show(app, &id);
    for (member, value) in [
        ("url", json!("http://127.0.0.1/")),
        ("events", json!([])),
        ("name", json!(" ")),
    ] {
        let item = json!([{"id": id, member: value}]);
        let answer = app
            .admin("PATCH", "/admin/v1/webhooks", Some(&item))
            .expect(200);
        assert_eq!(answer["issues"][0]["id"], json!(id), "{member}");
    }
    for (path, body) in [
        ("rotate-secret", json!({"overlapSeconds": -1})),
        ("rotate-secret", json!({"overlapSeconds": 604_801})),
        ("rotate-secret", json!({"overlapSeconds": "a day"})),
        ("rotate-secret", json!({"secret": "short"})),
        ("rotate-secret", json!([])),
        ("test", json!({"type": "streak.invented"})),
        ("test", json!({})),
        ("replay", json!({"since": "yesterday"})),
        ("replay", json!({})),
    ] {
        let path = format!("/admin/v1/webhooks/{id}/{path}");
        app.admin("POST", &path, Some(&body)).expect(422);
    }
    for query in [
        "?status=lost",
        "?type=streak.invented",
        "?limit=0",
        "?limit=101",
        "?skip=-1",
    ] {
        let path = format!("/admin/v1/webhooks/{id}/deliveries{query}");
        app.admin("GET", &path, None).expect(422);
    }
    let nobody = "00000000-0000-4000-8000-000000000000";
    for (method, path, body) in [
        ("POST", format!("{nobody}/rotate-secret"), json!({})),
        (
            "POST",
            format!("{nobody}/test"),
            json!({"type": "streak.lost"}),
        ),
        ("POST", format!("{nobody}/replay"), json!({"since": NOW})),
        (
            "POST",
            format!("{nobody}/deliveries/{nobody}/replay"),
            json!({}),
        ),
        (
            "POST",
            format!("{id}/deliveries/{nobody}/replay"),
            json!({}),
        ),
    ] {
        let path = format!("/admin/v1/webhooks/{path}");
        app.admin(method, &path, Some(&body)).expect(404);
    }
    let path = format!("/admin/v1/webhooks/{nobody}/deliveries");
    app.admin("GET", &path, None).expect(404);
    assert_eq!(show(app, &id), before);
}

/// Row 17 of the test plan, at the door; `webhooks/address.rs` looks at what is behind it.
#[test]
fn addresses_inside_are_refused() {
    let app = &TestApp::start(Engine::Sqlite, NOW);
    for host in CLOSED {
        let item = json!([{"name": "Inside", "url": format!("http://{host}/"), "events": ["streak.lost"]}]);
        let answer = app
            .admin("POST", "/admin/v1/webhooks", Some(&item))
            .expect(200);
        assert_eq!(answer["created"], json!([]), "{host}");
        let message = answer["issues"][0]["message"].as_str().unwrap();
        assert!(message.contains("webhook_allow"), "{host}: {message}");
    }
    assert_eq!(app.get("/admin/v1/webhooks"), json!([]));
}

#[test]
fn a_message_carries_both_signatures() {
    on_both(NOW, |app| {
        let receiver = Receiver::start(Behaviour::Fine);
        let made = app.create(
            "/webhooks",
            &json!({"name": "Hook", "url": receiver.url(), "events": ["points.changed"]}),
        );
        let id = text(&made["id"]);
        let secret = made["secret"].as_str().unwrap();
        let sent = post(
            app,
            &format!("{id}/test"),
            &json!({"type": "points.changed"}),
        );
        assert_eq!(sent["status"], "pending");
        assert_eq!(sent["nextAttempt"], "2026-03-10T09:00:00.000Z");
        app.step();
        let [received] = receiver.received().try_into().unwrap();
        assert_eq!(received.body, sent["body"].as_str().unwrap().as_bytes());
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        assert_eq!(body["type"], "points.changed");
        assert_eq!(received.header("content-type"), "application/json");
        assert_eq!(
            received.header("x-trophy-signature"),
            server::webhooks::sign::trophy(secret, &received.body)
        );
        assert_eq!(received.header("x-trophy-event-id"), sent["eventId"]);
        assert_eq!(received.header("x-trophy-attempt"), "1");
        assert_eq!(received.header("webhook-id"), sent["eventId"]);
        assert_eq!(received.header("webhook-timestamp"), "1773133200");
        assert!(is_signed(&received, &Webhook::new(secret).unwrap()));
        assert!(!is_signed(
            &received,
            &Webhook::from_bytes(b"another".to_vec()).unwrap()
        ));
        let one = only(app, &id);
        assert_eq!(one["status"], "delivered");
        assert_eq!(
            (&one["nextAttempt"], &one["finished"]),
            (&Value::Null, &json!("2026-03-10T09:00:00.000Z"))
        );
        let attempt = &one["attempts"][0];
        assert_eq!(
            (&attempt["number"], &attempt["status"]),
            (&json!(1), &json!(200))
        );
        assert_eq!(
            (&attempt["error"], &attempt["answer"]),
            (&Value::Null, &json!("ok"))
        );
        assert!(attempt["durationMs"].is_i64());
        // It is through.
        app.travel("2026-03-10T10:00:00Z");
        assert_eq!(receiver.received().len(), 1);
    });
}

#[test]
fn every_type_can_be_tried() {
    let app = &TestApp::start(Engine::Sqlite, NOW);
    let receiver = Receiver::start(Behaviour::Fine);
    let id = endpoint(app, &receiver.url());
    for message_type in WebhookType::ALL {
        post(app, &format!("{id}/test"), &json!({"type": message_type}));
    }
    app.step();
    let mut types: Vec<String> = Vec::new();
    for one in receiver.received() {
        let body: Value = serde_json::from_slice(&one.body).unwrap();
        types.push(text(&body["type"]));
    }
    types.sort_unstable();
    let mut expected: Vec<&str> = WebhookType::ALL.iter().map(|one| one.as_str()).collect();
    expected.sort_unstable();
    assert_eq!(types, expected);
}

#[test]
fn both_secrets_sign_while_they_are_exchanged() {
    on_both(NOW, |app| {
        let receiver = Receiver::start(Behaviour::Fine);
        let made = app.create(
            "/webhooks",
            &json!({"name": "Hook", "url": receiver.url(), "events": ["streak.lost"], "secret": "the first secret"}),
        );
        let id = text(&made["id"]);
        let rotated = post(app, &format!("{id}/rotate-secret"), &json!({}));
        assert_eq!(rotated["previousSecretUntil"], "2026-03-11T09:00:00.000Z");
        let first = Webhook::from_bytes(b"the first secret".to_vec()).unwrap();
        let second = Webhook::new(rotated["secret"].as_str().unwrap()).unwrap();
        let send = |now: &str| {
            app.jump(now);
            test(app, &id);
            app.step();
            receiver.received().pop().unwrap()
        };
        let during = send("2026-03-11T08:59:59Z");
        assert!(is_signed(&during, &first) && is_signed(&during, &second));
        let trophy = |secret: &str, one: &Received| {
            one.header("x-trophy-signature") == server::webhooks::sign::trophy(secret, &one.body)
        };
        assert!(trophy("the first secret", &during));
        let after = send("2026-03-11T09:00:01Z");
        assert!(!is_signed(&after, &first) && is_signed(&after, &second));
        assert!(trophy(rotated["secret"].as_str().unwrap(), &after));
        assert_eq!(show(app, &id)["previousSecretUntil"], Value::Null);
        // At once, and with a secret of the caller's.
        let body = json!({"secret": "the third secret", "overlapSeconds": 0});
        let rotated = post(app, &format!("{id}/rotate-secret"), &body);
        assert_eq!(rotated["secret"], "the third secret");
        assert_eq!(rotated["previousSecretUntil"], Value::Null);
        let third = Webhook::from_bytes(b"the third secret".to_vec()).unwrap();
        let last = send("2026-03-11T09:00:02Z");
        assert!(!is_signed(&last, &second) && is_signed(&last, &third));
    });
}

/// After 1, 2 and 4 minutes (AMB-48).
#[test]
fn whoever_fails_is_tried_four_times() {
    on_both(NOW, |app| {
        let elsewhere = Receiver::start(Behaviour::Fine);
        let bad = [
            (Behaviour::Status(500), Some(500)),
            (Behaviour::Status(404), Some(404)),
            (Behaviour::Redirect(elsewhere.url()), Some(301)),
            (Behaviour::Close, None),
            (Behaviour::CloseMidWay, None),
        ];
        let receivers: Vec<_> = bad
            .into_iter()
            .map(|(behaviour, status)| {
                let receiver = Receiver::start(behaviour);
                (endpoint(app, &receiver.url()), Some(receiver), status)
            })
            .chain([(endpoint(app, &Receiver::url_of_nobody()), None, None)])
            .collect();
        let well = Receiver::start(Behaviour::Fine);
        let healthy = endpoint(app, &well.url());
        for (id, ..) in &receivers {
            test(app, id);
        }
        test(app, &healthy);
        let expect = |attempts: usize, status: &str, next: Value| {
            for (id, receiver, _) in &receivers {
                let one = only(app, id);
                assert_eq!(one["attempts"].as_array().unwrap().len(), attempts, "{one}");
                assert_eq!(
                    (&one["status"], &one["nextAttempt"]),
                    (&json!(status), &next)
                );
                if let Some(receiver) = receiver {
                    assert_eq!(receiver.received().len(), attempts);
                }
            }
        };
        app.step();
        assert_eq!(only(app, &healthy)["status"], "delivered");
        expect(1, "pending", json!("2026-03-10T09:01:00.000Z"));
        app.travel("2026-03-10T09:00:59Z");
        expect(1, "pending", json!("2026-03-10T09:01:00.000Z"));
        app.travel("2026-03-10T09:01:00Z");
        expect(2, "pending", json!("2026-03-10T09:03:00.000Z"));
        app.travel("2026-03-10T09:03:00Z");
        expect(3, "pending", json!("2026-03-10T09:07:00.000Z"));
        app.travel("2026-03-10T09:07:00Z");
        expect(4, "failed", Value::Null);
        app.travel("2026-03-10T12:00:00Z");
        expect(4, "failed", Value::Null);
        for (id, receiver, status) in &receivers {
            let one = only(app, id);
            for (number, attempt) in (1..).zip(one["attempts"].as_array().unwrap()) {
                assert_eq!(attempt["number"], number);
                assert_eq!(attempt["status"], json!(status), "{attempt}");
                assert!(!attempt["error"].as_str().unwrap().is_empty());
            }
            // The same message every time.
            let received = receiver
                .as_ref()
                .map(Receiver::received)
                .unwrap_or_default();
            for (number, request) in (1..).zip(&received) {
                assert_eq!(request.header("x-trophy-event-id"), one["eventId"]);
                assert_eq!(request.header("x-trophy-attempt"), number.to_string());
                assert_eq!(request.body, received[0].body);
            }
            assert_eq!(show(app, id)["status"], "active");
        }
        assert!(elsewhere.received().is_empty(), "a redirect was followed");
        assert_eq!(well.received().len(), 1);
    });
}

/// Whoever takes too long is cut off; whoever says enough is understood, however much follows.
#[test]
fn patience_and_memory_have_bounds() {
    on_both(NOW, |app| {
        let receivers = [
            (Behaviour::Hang, "pending"),
            (Behaviour::Drip, "pending"),
            (Behaviour::Huge, "delivered"),
            (Behaviour::Slow(Duration::from_millis(300)), "delivered"),
        ]
        .map(|(behaviour, status)| {
            let receiver = Receiver::start(behaviour);
            (endpoint(app, &receiver.url()), receiver, status)
        });
        for (id, ..) in &receivers {
            test(app, id);
        }
        app.step();
        for (id, receiver, status) in &receivers {
            let one = only(app, id);
            assert_eq!(one["status"], *status, "{one}");
            // What the machine buffers, not what the receiver would send.
            assert!(receiver.sent() < 64 * 1_024 * 1_024, "{}", receiver.sent());
        }
        let huge = only(app, &receivers[2].0);
        assert_eq!(huge["attempts"][0]["answer"], "x".repeat(1_024));
        let hung = only(app, &receivers[0].0);
        assert_eq!(hung["attempts"][0]["error"], "no answer within 3 s");
    });
}

#[test]
fn a_receiver_that_is_gone_is_switched_off() {
    on_both(NOW, |app| {
        let receiver = Receiver::start(Behaviour::Status(410));
        let id = endpoint(app, &receiver.url());
        test(app, &id);
        app.step();
        let shown = show(app, &id);
        assert_eq!(shown["status"], "disabled");
        assert_eq!(shown["disabledReason"], "the receiver answered 410 Gone");
        let one = only(app, &id);
        assert_eq!(
            (&one["status"], &one["nextAttempt"]),
            (&json!("failed"), &Value::Null)
        );
        app.travel("2026-03-10T10:00:00Z");
        assert_eq!(receiver.received().len(), 1);
        let delivery = text(&one["id"]);
        for (path, body) in [
            (format!("{id}/test"), json!({"type": "streak.lost"})),
            (format!("{id}/replay"), json!({"since": NOW})),
            (format!("{id}/deliveries/{delivery}/replay"), json!({})),
        ] {
            let path = format!("/admin/v1/webhooks/{path}");
            app.admin("POST", &path, Some(&body)).expect(409);
        }
        receiver.behave(Behaviour::Fine);
        let shown = app.update("/webhooks", &json!({"id": id, "status": "active"}));
        assert_eq!(
            (&shown["status"], &shown["disabledReason"]),
            (&json!("active"), &Value::Null)
        );
        post(
            app,
            &format!("{id}/deliveries/{delivery}/replay"),
            &json!({}),
        );
        app.step();
        assert_eq!(only(app, &id)["status"], "delivered");
    });
}

#[test]
fn messages_wait_while_an_endpoint_is_switched_off() {
    on_both(NOW, |app| {
        let receiver = Receiver::start(Behaviour::Fine);
        let id = endpoint(app, &receiver.url());
        test(app, &id);
        app.update("/webhooks", &json!({"id": id, "status": "disabled"}));
        app.travel("2026-03-10T10:00:00Z");
        assert!(receiver.received().is_empty());
        assert_eq!(only(app, &id)["status"], "pending");
        app.update("/webhooks", &json!({"id": id, "status": "active"}));
        app.step();
        assert_eq!(receiver.received().len(), 1);
    });
}

#[test]
fn a_receiver_can_ask_for_time() {
    on_both(NOW, |app| {
        let receiver = Receiver::start(Behaviour::Throttle(600));
        let id = endpoint(app, &receiver.url());
        test(app, &id);
        app.step();
        assert_eq!(only(app, &id)["nextAttempt"], "2026-03-10T09:10:00.000Z");
        receiver.behave(Behaviour::Fine);
        app.travel("2026-03-10T09:09:59Z");
        assert_eq!(receiver.received().len(), 1);
        app.travel("2026-03-10T09:10:00Z");
        assert_eq!(receiver.received().len(), 2);
        assert_eq!(only(app, &id)["status"], "delivered");
    });
}

#[test]
fn failed_messages_are_sent_once_more() {
    on_both(NOW, |app| {
        let receiver = Receiver::start(Behaviour::Status(500));
        let id = endpoint(app, &receiver.url());
        let mut messages = Vec::new();
        for now in [
            "2026-03-10T09:00:00Z",
            "2026-03-10T09:00:10Z",
            "2026-03-10T09:00:20Z",
        ] {
            app.jump(now);
            messages.push(test(app, &id));
        }
        for now in ["09:01", "09:02", "09:04", "09:08"] {
            app.travel(&format!("2026-03-10T{now}:00Z"));
        }
        assert_eq!(deliveries(app, &id, "?status=failed").len(), 3);
        assert_eq!(receiver.received().len(), 12);
        // Everything since an instant, with as many retries as a new message.
        let path = format!("{id}/replay");
        let replayed = post(app, &path, &json!({"since": "2026-03-10T09:00:10Z"}));
        assert_eq!(replayed, json!({"replayed": 2}));
        assert_eq!(post(app, &path, &json!({"since": NOW}))["replayed"], 1);
        assert_eq!(post(app, &path, &json!({"since": NOW}))["replayed"], 0);
        app.step();
        let pending = deliveries(app, &id, "?status=pending");
        assert_eq!(pending.len(), 3);
        assert_eq!(pending[0]["nextAttempt"], "2026-03-10T09:09:00.000Z");
        receiver.behave(Behaviour::Fine);
        app.travel("2026-03-10T09:09:00Z");
        let delivered = deliveries(app, &id, "?status=delivered");
        assert_eq!(delivered.len(), 3);
        let numbers: Vec<&Value> = delivered[0]["attempts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["number"])
            .collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
        // One that was delivered, too; its id tells the receiver that it knows it.
        let before = receiver.received().pop().unwrap();
        let path = format!("{id}/deliveries/{}/replay", messages[0]);
        assert_eq!(post(app, &path, &json!({}))["status"], "pending");
        app.step();
        let again = receiver.received().pop().unwrap();
        assert_eq!(again.header("x-trophy-attempt"), "7");
        assert_eq!(again.body.len(), before.body.len());
    });
}

#[test]
fn messages_are_listed_newest_first() {
    on_both(NOW, |app| {
        let receiver = Receiver::start(Behaviour::Fine);
        let id = endpoint(app, &receiver.url());
        let mut messages = Vec::new();
        for second in 10..25 {
            app.jump(&format!("2026-03-10T09:00:{second}Z"));
            let kind = if second % 3 == 0 {
                "points.changed"
            } else {
                "streak.lost"
            };
            let sent = post(app, &format!("{id}/test"), &json!({"type": kind}));
            messages.insert(0, text(&sent["id"]));
        }
        let ids = |query: &str| -> Vec<String> {
            deliveries(app, &id, query)
                .iter()
                .map(|one| text(&one["id"]))
                .collect()
        };
        assert_eq!(ids(""), messages[..10]);
        assert_eq!(ids("?limit=7&skip=7"), messages[7..14]);
        assert_eq!(ids("?limit=7&skip=14"), messages[14..]);
        assert_eq!(ids("?type=points.changed").len(), 5);
        assert_eq!(ids("?status=pending&limit=100").len(), 15);
        app.step();
        assert_eq!(ids("?status=pending"), [""; 0]);
        assert_eq!(
            ids("?status=delivered&type=streak.lost&limit=100").len(),
            10
        );
        // Another endpoint has its own.
        let other = endpoint(app, &receiver.url());
        assert_eq!(deliveries(app, &other, "").len(), 0);
        let path = format!(
            "/admin/v1/webhooks/{other}/deliveries/{}/replay",
            messages[0]
        );
        app.admin("POST", &path, Some(&json!({}))).expect(404);
    });
}

/// A process that died while sending: its claims end, nothing is lost, and the attempt that broke off costs no retry.
#[test]
fn what_broke_off_is_sent_again() {
    on_both(NOW, |app| {
        let receiver = Receiver::start(Behaviour::Fine);
        let id = endpoint(app, &receiver.url());
        test(app, &id);
        let now: jiff::Timestamp = NOW.parse().unwrap();
        let until = now + jiff::SignedDuration::from_secs(100);
        let endpoint_id = id.parse().unwrap();
        // Stamps are a little ahead of the clock.
        let sent = now + jiff::SignedDuration::from_millis(1);
        let claimed: store::Result<Vec<_>> = app
            .app
            .room
            .store
            .write(|tx| store::delivery::claim(tx, endpoint_id, 10, sent, until));
        assert_eq!(claimed.unwrap()[0].attempt, 1);
        app.travel("2026-03-10T09:01:39Z");
        assert!(receiver.received().is_empty(), "somebody else has it");
        app.travel("2026-03-10T09:01:40Z");
        let [received] = receiver.received().try_into().unwrap();
        let one = only(app, &id);
        assert_eq!(one["status"], "delivered");
        assert_eq!(received.header("x-trophy-event-id"), one["eventId"]);
        assert_eq!(received.header("x-trophy-attempt"), "2");
    });
}

#[test]
fn messages_are_kept_for_seven_days() {
    on_both(NOW, |app| {
        let receiver = Receiver::start(Behaviour::Fine);
        let id = endpoint(app, &receiver.url());
        let off = endpoint(app, &receiver.url());
        test(app, &id);
        test(app, &off);
        app.update("/webhooks", &json!({"id": off, "status": "disabled"}));
        app.step();
        app.jump("2026-03-16T09:00:00Z");
        test(app, &id);
        app.jump("2026-03-17T09:00:00Z");
        app.housekeeping();
        assert_eq!(deliveries(app, &id, "").len(), 2);
        app.jump("2026-03-17T09:00:01Z");
        app.housekeeping();
        // What is still to be sent stays, unless nothing is sent there any more.
        assert_eq!(only(app, &id)["status"], "pending");
        assert_eq!(deliveries(app, &off, "").len(), 0);
    });
}

/// An endpoint hears from the next command on, in every tenant of the environment, and not after it was deleted.
#[test]
fn catalogs_know_who_listens() {
    on_both(NOW, |app| {
        let listens = || {
            let store = &app.app.room.store;
            let kinds: store::Result<Vec<bool>> = store.read(|tx| {
                let mut kinds = Vec::new();
                for space in store::access::all_spaces(tx)? {
                    let version = store::access::versions(tx, space)?.unwrap().config;
                    let catalog = app.app.room.catalogs.get(tx, space, version)?;
                    kinds.push(catalog.listens("streak.lost"));
                }
                Ok(kinds)
            });
            kinds.unwrap()
        };
        let body = json!({"multiTenancy": true});
        app.admin("PATCH", "/admin/v1/organization", Some(&body))
            .expect(200);
        app.create("/tenants", &json!({"customerId": "one", "name": "One"}));
        assert_eq!(listens(), [false, false]);
        let id = endpoint(app, "https://example.com");
        assert_eq!(listens(), [true, true]);
        app.update(
            "/webhooks",
            &json!({"id": id, "events": ["streak.started"]}),
        );
        assert_eq!(listens(), [false, false]);
        app.update("/webhooks", &json!({"id": id, "events": ["streak.lost"]}));
        assert_eq!(listens(), [true, true]);
        app.update("/webhooks", &json!({"id": id, "status": "disabled"}));
        assert_eq!(listens(), [false, false]);
        app.update("/webhooks", &json!({"id": id, "status": "active"}));
        assert_eq!(listens(), [true, true]);
        app.admin("DELETE", &format!("/admin/v1/webhooks?ids={id}"), None)
            .expect(200);
        assert_eq!(listens(), [false, false]);
    });
}

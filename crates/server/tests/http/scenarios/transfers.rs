//! Transactions by hand: all or nothing (spec/aworld.md 4.10), once per key (2.6).

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{
    activity, balance, credit, currency, expect, log, paying, reward_rule, text, transactions, user,
};
use crate::support::{Answer, Session, TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";
const KEY: &str = "x-idempotency-key";
const HIT: &str = "x-idempotency-cache-hit";

/// Coins with a floor of 10 and a ceiling of 200: 100 for one user, 50 for another.
fn set_up(app: &TestApp) -> (String, String) {
    currency(
        app,
        "coins",
        &json!({"minAllowedBalance": 10, "maxAllowedBalance": 200}),
    );
    currency(app, "gems", &json!({}));
    let (ada, bob) = (user(app, "ada", &json!({})), user(app, "bob", &json!({})));
    credit(app, &ada, "coins", 100.0);
    credit(app, &bob, "coins", 50.0);
    (ada, bob)
}

fn payment(currency: &str, amount: f64, to: &str) -> Value {
    json!({
        "virtualCurrencyId": currency, "redemptionMode": "AUTO", "amount": amount, "destinationUserId": to,
    })
}

fn transfer(currency: &str, amount: f64, from: &str, to: &str) -> Value {
    let mut transfer = payment(currency, amount, to);
    transfer["sourceUserId"] = json!(from);
    transfer
}

fn ask(session: &Session<'_>, orders: &[Value]) -> Answer {
    let body = json!({"transactions": orders});
    session.call("POST", "/virtual-transactions", &body)
}

/// Everything that can be seen of a user's purses.
fn seen(app: &TestApp, user: &str) -> (Value, Vec<Value>) {
    let balances = app.as_user(user).get("/virtual-balances?limit=100");
    (balances, transactions(app, user))
}

#[test]
fn a_transfer_that_would_break_a_limit_changes_nothing() {
    on_both(NOW, |app| {
        let (ada, bob) = set_up(app);
        let before = (seen(app, &ada), seen(app, &bob));
        app.travel("2026-03-10T09:30:00Z");
        let by_ada = app.as_user(&ada);
        let own = app.as_self(&ada);
        let dashboard = app.dashboard();
        let refused: [(&Session<'_>, Vec<Value>); 8] = [
            // 100 - 90.000001 is below 10.
            (&by_ada, vec![payment("coins", 90.000_001, &bob)]),
            (&own, vec![payment("coins", 91.0, &bob)]),
            // Each alone would be possible, together they are not; nor does the first one stay.
            (
                &by_ada,
                vec![payment("coins", 50.0, &bob), payment("coins", 41.0, &bob)],
            ),
            // No floor, and nothing to spend.
            (
                &own,
                vec![payment("coins", 1.0, &bob), payment("gems", 1.0, &bob)],
            ),
            // What was fine before the last order is undone with it.
            (
                &dashboard,
                vec![
                    payment("coins", 5.0, &bob),
                    payment("gems", 7.0, &ada),
                    transfer("coins", 91.0, &ada, &bob),
                ],
            ),
            // 50 + 151 is above 200, for a credit as for a transfer.
            (&dashboard, vec![payment("coins", 151.0, &bob)]),
            (
                &dashboard,
                vec![
                    payment("coins", 80.0, &bob),
                    transfer("coins", 71.0, &ada, &bob),
                ],
            ),
            (&dashboard, vec![payment("coins", -40.5, &bob)]),
        ];
        for (session, orders) in refused {
            ask(session, &orders).refused(409);
            assert_eq!((seen(app, &ada), seen(app, &bob)), before, "{orders:#?}");
        }
        // As little as what is refused for other reasons.
        let unknown = payment("coins", 1.0, "999999999");
        ask(&by_ada, &[payment("coins", 1.0, &bob), unknown]).refused(404);
        ask(
            &by_ada,
            &[payment("coins", 1.0, &bob), payment("rubies", 1.0, &bob)],
        )
        .refused(404);
        ask(
            &by_ada,
            &[payment("coins", 1.0, &bob), payment("coins", -1.0, &bob)],
        )
        .refused(400);
        ask(
            &dashboard,
            &[payment("coins", 1.0, &bob), payment("coins", 0.0, &bob)],
        )
        .refused(400);
        ask(&dashboard, &[]).refused(400);
        assert_eq!((seen(app, &ada), seen(app, &bob)), before);
    });
}

/// Exactly down to the floor is allowed: one DEBIT and one CREDIT in one group.
#[test]
fn a_transfer_has_two_sides() {
    on_both(NOW, |app| {
        let (ada, bob) = set_up(app);
        let paid = ask(&app.as_user(&ada), &[payment("coins", 90.0, &bob)]).expect(201);
        let sides = paid["transactions"].as_array().unwrap();
        assert_eq!(sides.len(), 2, "{paid:#}");
        let side = |user: &str| sides.iter().find(|side| side["userId"] == user).unwrap();
        expect(
            side(&ada),
            &json!({
                "direction": "DEBIT", "amount": 90.0, "state": "COMPLETED", "redemptionMode": "AUTO",
                "counterpartType": "USER", "counterpart": bob, "initiatorType": "USER", "initiator": ada,
            }),
        );
        expect(
            side(&bob),
            &json!({
                "direction": "CREDIT", "amount": 90.0, "state": "COMPLETED",
                "counterpartType": "USER", "counterpart": ada, "initiatorType": "USER", "initiator": ada,
            }),
        );
        let group = |user: &str| side(user)["virtualTransactionGroupId"].clone();
        assert_eq!(group(&ada), group(&bob));
        assert_eq!(balance(app, &ada, "coins"), (10.0, 10.0));
        assert_eq!(balance(app, &bob, "coins"), (140.0, 140.0));
        // Each sees one's own side, as it was answered.
        assert_eq!(transactions(app, &ada).last(), Some(side(&ada)));
        assert_eq!(transactions(app, &bob).last(), Some(side(&bob)));
        let foreign = text(&side(&ada)["virtualTransactionId"]);
        let path = format!("/virtual-transactions/{foreign}");
        app.as_user(&bob)
            .call("GET", &path, &Value::Null)
            .refused(404);

        let moved = ask(&app.dashboard(), &[transfer("coins", 30.0, &bob, &ada)]).expect(201);
        for side in moved["transactions"].as_array().unwrap() {
            expect(
                side,
                &json!({"initiatorType": "ADMIN", "counterpartType": "USER"}),
            );
        }
        let taken = ask(&app.dashboard(), &[payment("coins", -5.0, &ada)]).expect(201);
        expect(
            &taken["transactions"][0],
            &json!({"direction": "DEBIT", "amount": 5.0, "counterpartType": "SYSTEM", "initiatorType": "ADMIN"}),
        );
        assert_eq!(balance(app, &ada, "coins"), (35.0, 35.0));
        assert_eq!(balance(app, &bob, "coins"), (110.0, 110.0));
    });
}

/// What is on its way counts in `amount` on both sides, and in what is available on neither (decisions 4.10).
#[test]
fn a_transfer_by_hand_waits_for_its_receiver() {
    on_both(NOW, |app| {
        let (ada, bob) = set_up(app);
        let mut gift = payment("coins", 30.0, &bob);
        gift["redemptionMode"] = json!("MANUAL");
        gift["expiresAt"] = json!("2026-03-11T09:00:00.000Z");
        let by_ada = app.as_user(&ada);
        let paid = ask(&by_ada, &[gift.clone(), gift]).expect(201);
        let sides = paid["transactions"].as_array().unwrap();
        assert_eq!(sides.len(), 4, "{paid:#}");
        assert_eq!(balance(app, &ada, "coins"), (40.0, 100.0));
        assert_eq!(balance(app, &bob, "coins"), (110.0, 50.0));
        // 40 - 31 is below the floor, although 100 - 31 is not.
        ask(&by_ada, &[payment("coins", 31.0, &bob)]).refused(409);

        let first = sides
            .iter()
            .find(|side| side["userId"] == bob.as_str())
            .unwrap();
        let id = text(&first["virtualTransactionId"]);
        let path = format!("/virtual-transactions/{id}/redeem");
        let redeemed = app
            .as_user(&bob)
            .call("POST", &path, &Value::Null)
            .expect(200);
        let halves = redeemed["transactions"].as_array().unwrap();
        assert_eq!(halves.len(), 2, "{redeemed:#}");
        assert!(halves[0]["redemptionGroupId"].is_string());
        for half in halves {
            expect(
                half,
                &json!({
                    "state": "COMPLETED", "redeemedAt": "2026-03-10T09:00:00.000Z",
                    "redemptionGroupId": halves[0]["redemptionGroupId"],
                }),
            );
        }
        assert_eq!(balance(app, &ada, "coins"), (40.0, 70.0));
        assert_eq!(balance(app, &bob, "coins"), (110.0, 80.0));

        // The other one comes back when it expires.
        app.travel("2026-03-11T09:00:00Z");
        assert_eq!(balance(app, &ada, "coins"), (70.0, 70.0));
        assert_eq!(balance(app, &bob, "coins"), (80.0, 80.0));
        let states = |user: &str| -> Vec<Value> {
            let all = transactions(app, user);
            all.iter()
                .skip(1)
                .map(|side| side["state"].clone())
                .collect()
        };
        for user in [&ada, &bob] {
            let mut states: Vec<String> = states(user).iter().map(text).collect();
            states.sort();
            assert_eq!(states, ["COMPLETED", "EXPIRED"]);
        }
    });
}

fn with_key(session: &Session<'_>, path: &str, body: &Value, key: &str) -> Answer {
    session.call_with("POST", path, body, &[(KEY, key)])
}

#[track_caller]
fn assert_hit(answer: &Answer, first: &Answer) {
    assert_eq!(answer.status, first.status, "{}", answer.text);
    assert_eq!(answer.json, first.json);
    assert_eq!(answer.headers[HIT], "true");
    assert_eq!(answer.headers[KEY], first.headers[KEY]);
}

/// The same key is the same request for five minutes: per client, user, method and path.
#[test]
fn repeats_with_a_key_pay_once() {
    on_both(NOW, |app| {
        let (ada, bob) = set_up(app);
        let body = json!({"transactions": [payment("coins", 5.0, &bob)]});
        let path = "/virtual-transactions";
        let by_ada = app.as_user(&ada);
        let first = with_key(&by_ada, path, &body, "k1");
        assert_eq!(first.status, 201, "{}", first.text);
        assert_eq!(first.headers[KEY], "k1");
        assert!(!first.headers.contains_key(HIT));
        assert_hit(&with_key(&by_ada, path, &body, "k1"), &first);
        // The key says that it is the same request, not the body.
        let more = json!({"transactions": [payment("coins", 50.0, &bob)]});
        assert_hit(&with_key(&by_ada, path, &more, "k1"), &first);
        assert_eq!(balance(app, &ada, "coins"), (95.0, 95.0));
        // Without a key, with another one, of another user: requests of their own.
        assert_eq!(by_ada.call("POST", path, &body).status, 201);
        assert_eq!(with_key(&by_ada, path, &body, "k2").status, 201);
        assert_eq!(balance(app, &ada, "coins"), (85.0, 85.0));
        let back = json!({"transactions": [payment("coins", 1.0, &ada)]});
        let other = with_key(&app.as_user(&bob), path, &back, "k1");
        assert_eq!(other.status, 201);
        assert!(!other.headers.contains_key(HIT));
        assert_eq!(balance(app, &ada, "coins"), (86.0, 86.0));

        // The dashboard, and a log that pays.
        let dashboard = app.dashboard();
        let first = with_key(&dashboard, path, &body, "k1");
        assert!(!first.headers.contains_key(HIT));
        assert_hit(&with_key(&dashboard, path, &body, "k1"), &first);
        activity(app, "review", &json!({}));
        reward_rule(app, &paying("Activity", "gems", &json!(3)));
        let review = json!({"activityId": "review", "userId": ada});
        let first = with_key(&by_ada, "/activity-logs", &review, "k1");
        assert_eq!(first.status, 201, "{}", first.text);
        assert_hit(&with_key(&by_ada, "/activity-logs", &review, "k1"), &first);
        assert_eq!(balance(app, &ada, "gems"), (3.0, 3.0));

        // Five minutes later the key is free again.
        app.travel("2026-03-10T09:05:01Z");
        let again = with_key(&by_ada, "/activity-logs", &review, "k1");
        assert_eq!(again.status, 201, "{}", again.text);
        assert!(!again.headers.contains_key(HIT));
        assert_eq!(balance(app, &ada, "gems"), (6.0, 6.0));
    });
}

/// Many at once with one key: one effect, one answer.
#[test]
fn parallel_repeats_with_a_key_pay_once() {
    on_both(NOW, |app| {
        let (ada, bob) = set_up(app);
        let body = json!({"transactions": [payment("coins", 5.0, &bob)]});
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let ask = || with_key(&app.as_user(&ada), "/virtual-transactions", &body, "k");
            let threads: Vec<_> = (0..24).map(|_| scope.spawn(ask)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        for answer in &answers {
            assert_eq!((answer.status, &answer.json), (201, &answers[0].json));
        }
        let fresh = answers
            .iter()
            .filter(|answer| !answer.headers.contains_key(HIT));
        assert_eq!(fresh.count(), 1);
        assert_eq!(balance(app, &ada, "coins"), (95.0, 95.0));
    });
}

/// A log with an id of the caller's that exists is refused, and counts for nothing (spec 4.8).
#[test]
fn a_log_with_a_known_id_is_refused() {
    on_both(NOW, |app| {
        let (ada, _) = set_up(app);
        activity(app, "review", &json!({}));
        reward_rule(app, &paying("Activity", "gems", &json!(3)));
        let body = json!({"activityId": "review", "userId": ada, "activityLogId": "log-1"});
        let by_ada = app.as_user(&ada);
        by_ada.call("POST", "/activity-logs", &body).expect(201);
        by_ada.call("POST", "/activity-logs", &body).refused(409);
        assert_eq!(balance(app, &ada, "gems"), (3.0, 3.0));
        log(app, &ada, "review", &json!(1));
        assert_eq!(balance(app, &ada, "gems"), (6.0, 6.0));
    });
}

/// Five users pay each other in all directions at once: nobody falls below the floor, and the sum stays.
#[test]
fn transfers_in_all_directions_at_once_keep_the_sum() {
    on_both(NOW, |app| {
        currency(app, "coins", &json!({"minAllowedBalance": 10}));
        let users: Vec<String> = (0..5)
            .map(|number| {
                let user = user(app, &format!("user{number}"), &json!({}));
                credit(app, &user, "coins", 40.0);
                user
            })
            .collect();
        let (paid, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..10 {
                let (users, paid, refused) = (&users, &paid, &refused);
                scope.spawn(move || {
                    for round in 0..6 {
                        let from = &users[thread % 5];
                        let to = &users[(thread + 1 + (round + thread / 5) % 4) % 5];
                        let orders = [payment("coins", 12.5, to), payment("coins", 0.25, to)];
                        let answer = ask(&app.as_user(from), &orders);
                        match answer.status {
                            201 => paid.fetch_add(1, Ordering::SeqCst),
                            409 => refused.fetch_add(1, Ordering::SeqCst),
                            _ => panic!("{}", answer.text),
                        };
                    }
                });
            }
        });
        let balances: Vec<f64> = users
            .iter()
            .map(|user| balance(app, user, "coins").0)
            .collect();
        assert!(
            balances.iter().all(|amount| *amount >= 10.0),
            "{balances:?}"
        );
        // Quarters are exact in binary.
        #[expect(clippy::float_cmp, reason = "quarters are exact")]
        let is_kept = balances.iter().sum::<f64>() == 200.0;
        assert!(is_kept, "{balances:?}");
        // Two orders of two sides each, and the first credit of everybody.
        let entries: usize = users.iter().map(|user| transactions(app, user).len()).sum();
        let (paid, refused) = (paid.into_inner(), refused.into_inner());
        assert_eq!((paid + refused, entries), (60, 5 + 4 * paid));
        assert!(paid >= 1);
    });
}

/// Limits are those of the published currency. A balance that they leave outside may move towards them; what was on its way is
/// rejected when it is redeemed, and both sides have it back.
#[test]
fn limits_may_change_under_a_balance() {
    on_both(NOW, |app| {
        let (ada, bob) = set_up(app);
        let mut gift = payment("coins", 60.0, &bob);
        gift["redemptionMode"] = json!("MANUAL");
        let paid = ask(&app.as_user(&ada), &[gift]).expect(201);
        assert_eq!(balance(app, &ada, "coins"), (40.0, 100.0));
        assert_eq!(balance(app, &bob, "coins"), (110.0, 50.0));
        let lower = json!({
            "virtualCurrencyId": "coins", "name": "coins", "minAllowedBalance": 10, "maxAllowedBalance": 100,
            "defaultLang": "en", "translations": super::labels(), "origin": "CUSTOM", "langs": ["en"],
        });
        let path = "/virtual-currencies/coins";
        app.dash("PUT", path, &lower).expect(200);
        // A draft: 110 + 5 is still allowed.
        ask(&app.dashboard(), &[payment("coins", 5.0, &bob)]).expect(201);
        app.dash("POST", &format!("{path}/publish"), &Value::Null)
            .expect(200);
        ask(&app.dashboard(), &[payment("coins", 1.0, &bob)]).refused(409);
        ask(&app.dashboard(), &[payment("coins", -5.0, &bob)]).expect(201);
        assert_eq!(balance(app, &bob, "coins"), (110.0, 50.0));

        let sides = paid["transactions"].as_array().unwrap();
        let side = sides
            .iter()
            .find(|side| side["userId"] == bob.as_str())
            .unwrap();
        let id = text(&side["virtualTransactionId"]);
        let path = format!("/virtual-transactions/{id}/redeem");
        let redeemed = app
            .as_user(&bob)
            .call("POST", &path, &Value::Null)
            .expect(200);
        for half in redeemed["transactions"].as_array().unwrap() {
            expect(half, &json!({"state": "REJECTED"}));
        }
        assert_eq!(balance(app, &ada, "coins"), (100.0, 100.0));
        assert_eq!(balance(app, &bob, "coins"), (50.0, 50.0));
    });
}

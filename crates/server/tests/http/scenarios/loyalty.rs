//! Use case 2 of spec/aworld.md 5.6: purchases logged by a backend, missions for each month of the user's own zone, the
//! payout growing with the count, redeemed by hand before it expires.

use serde_json::{Value, json};

use super::{
    activity, balance, configuration, counting, currency, expect, lazy, log, mission, mission_rule,
    missions, paying, reward_rule, text, transactions, user, with,
};
use crate::support::{TestApp, on_both};

/// Two missions a month, for the first and the fifth purchase; 50 and 150 coins, seven days to redeem them.
fn set_up(app: &TestApp) -> String {
    activity(app, "purchase", &json!({}));
    currency(app, "coins", &json!({}));
    configuration(app, &counting("first", "purchase", &json!(1)));
    configuration(app, &counting("fifth", "purchase", &json!(5)));
    let monthly = json!({
        "timeframeType": "RECURRING", "recurrence": "MONTHLY", "timeframeEndsAt": "2027-01-01T00:00:00.000Z",
    });
    mission_rule(app, &with(lazy("monthly", &["first", "fifth"]), &monthly));
    let amount = json!({"if": [{">=": [{"var": "event.targetAmount"}, 5]}, 150, 50]});
    let by_hand = json!({"rewards": [{
        "virtualCurrencyId": "coins", "redemptionMode": "MANUAL", "expression": amount, "expiresAfter": "P7D",
    }]});
    reward_rule(app, &with(paying("Mission", "coins", &json!(0)), &by_hand))
}

fn in_zone(zone: &str) -> Value {
    json!({"timezone": zone})
}

fn redeem(app: &TestApp, user: &str, transaction: &Value) -> crate::support::Answer {
    let id = text(&transaction["virtualTransactionId"]);
    let path = format!("/virtual-transactions/{id}/redeem");
    app.as_user(user).call("POST", &path, &Value::Null)
}

/// 2026-01-31 12:00 UTC is 1 February, 02:00 on Kiritimati (UTC+14) and 31 January, 07:00 in New York (UTC-5).
#[test]
fn purchases_of_a_month_are_those_of_the_users_own_month() {
    on_both("2026-01-31T12:00:00Z", |app| {
        let rule = set_up(app);
        let island = user(app, "island", &in_zone("Pacific/Kiritimati"));
        let city = user(app, "city", &in_zone("America/New_York"));
        let late = user(app, "late", &in_zone("America/New_York"));

        // LAZY: a purchase before the first listing has no mission to count for.
        log(app, &island, "purchase", &json!(19.9));
        for user in [&island, &city, &late] {
            assert_eq!(missions(app, user).len(), 2);
        }
        // February there: from 1 February 00:00+14 = 31 January 10:00 UTC to 1 March 00:00+14.
        expect(
            &mission(app, &island, "fifth", "2026-02"),
            &json!({
                "userId": island, "missionType": "INDIVIDUAL", "missionRuleId": "monthly", "groupTagId": null,
                "timeframeType": "RECURRING", "state": "ACTIVE", "currentAmount": 0.0, "targetAmount": 5.0,
                "startsAt": "2026-01-31T10:00:00.000Z", "endsAt": "2026-02-28T10:00:00.000Z",
                "isCompleted": false, "completedAt": null, "matchType": "INSTANCE", "matchEntity": "Activity",
                "matchEntityId": "purchase", "incrementExpression": 1, "targetAmountExpression": 5,
            }),
        );
        // January here: midnights at 05:00 UTC.
        expect(
            &mission(app, &city, "fifth", "2026-01"),
            &json!({
                "userId": city, "state": "ACTIVE",
                "startsAt": "2026-01-01T05:00:00.000Z", "endsAt": "2026-02-01T05:00:00.000Z",
            }),
        );

        // The backend names the user by its own id as well as by ours.
        for _ in 0..5 {
            let body = json!({"activityId": "purchase", "userId": island, "value": 49.5});
            let backend = app.as_external("island");
            backend.call("POST", "/activity-logs", &body).expect(201);
        }
        for buyer in [&city, &late] {
            for _ in 0..4 {
                log(app, buyer, "purchase", &json!(10));
            }
        }
        expect(
            &mission(app, &island, "first", "2026-02"),
            &json!({"currentAmount": 1.0, "isCompleted": true, "completedAt": "2026-01-31T12:00:00.000Z"}),
        );
        expect(
            &mission(app, &island, "fifth", "2026-02"),
            &json!({"currentAmount": 5.0, "isCompleted": true}),
        );
        // 50 for the first, 150 for the fifth; nothing can be spent yet. Seven days on a clock without summer time.
        let paid = transactions(app, &island);
        assert_eq!(paid.len(), 2, "{paid:#?}");
        for (transaction, amount) in paid.iter().zip([50.0, 150.0]) {
            expect(
                transaction,
                &json!({
                    "userId": island, "virtualCurrencyId": "coins", "amount": amount, "direction": "CREDIT",
                    "redemptionMode": "MANUAL", "state": "PENDING", "expiresAt": "2026-02-07T12:00:00.000Z",
                    "initiatorType": "REWARD_RULE", "initiator": format!("rewardRuleId#{rule}"),
                    "counterpartType": "SYSTEM", "redeemedAt": null, "redemptionGroupId": null,
                }),
            );
        }
        assert_eq!(balance(app, &island, "coins"), (200.0, 0.0));
        assert_eq!(balance(app, &city, "coins"), (50.0, 0.0));

        // The last second of January counts, the first of February does not.
        app.travel("2026-02-01T04:59:59Z");
        log(app, &late, "purchase", &json!(1));
        app.jump("2026-02-01T05:00:00Z");
        log(app, &city, "purchase", &json!(1));
        assert_eq!(balance(app, &late, "coins"), (200.0, 0.0));
        assert_eq!(balance(app, &city, "coins"), (50.0, 0.0));
        expect(
            &mission(app, &late, "fifth", "2026-01"),
            &json!({"currentAmount": 5.0, "isCompleted": true, "completedAt": "2026-02-01T04:59:59.000Z", "state": "ENDED"}),
        );
        expect(
            &mission(app, &city, "fifth", "2026-01"),
            &json!({"currentAmount": 4.0, "isCompleted": false, "state": "ENDED"}),
        );
        // Everything starts anew, in New York only: on Kiritimati it is still February.
        assert_eq!(missions(app, &city).len(), 4);
        assert_eq!(missions(app, &island).len(), 2);
        expect(
            &mission(app, &city, "first", "2026-02"),
            &json!({
                "currentAmount": 0.0, "isCompleted": false, "state": "ACTIVE",
                "startsAt": "2026-02-01T05:00:00.000Z", "endsAt": "2026-03-01T05:00:00.000Z",
            }),
        );
        // When it was done is the caller's word; it counts when it arrives.
        let body = json!({
            "activityId": "purchase", "userId": city, "completedAt": "2026-01-20T12:00:00.000Z",
        });
        let answer = app.as_user(&city).call("POST", "/activity-logs", &body);
        expect(
            &answer.expect(201),
            &json!({"completedAt": "2026-01-20T12:00:00.000Z", "createdAt": "2026-02-01T05:00:00.000Z"}),
        );
        assert_eq!(balance(app, &city, "coins"), (100.0, 0.0));
        // The sixth purchase of a month finds nothing to count for.
        log(app, &island, "purchase", &json!(1));
        assert_eq!(balance(app, &island, "coins"), (200.0, 0.0));
        expect(
            &mission(app, &island, "fifth", "2026-02"),
            &json!({"currentAmount": 5.0}),
        );

        // March on Kiritimati.
        app.travel("2026-02-28T10:00:00Z");
        assert_eq!(missions(app, &island).len(), 4);
        expect(
            &mission(app, &island, "fifth", "2026-03"),
            &json!({"startsAt": "2026-02-28T10:00:00.000Z", "endsAt": "2026-03-31T10:00:00.000Z"}),
        );
        log(app, &island, "purchase", &json!(1));
        // What waited since January expired meanwhile; 50 more wait now.
        assert_eq!(balance(app, &island, "coins"), (50.0, 0.0));
    });
}

/// Spec 4.10: PENDING becomes COMPLETED by redemption or EXPIRED at its end, whichever comes first; whether the sweep has been
/// there makes no difference.
#[test]
fn rewards_are_redeemed_before_they_expire_or_not_at_all() {
    for is_swept in [false, true] {
        on_both("2026-03-03T12:00:00Z", |app| {
            let pass = |now: &str| {
                if is_swept {
                    app.travel(now);
                } else {
                    app.jump(now);
                }
            };
            set_up(app);
            let buyer = user(app, "buyer", &in_zone("America/New_York"));
            missions(app, &buyer);
            for _ in 0..5 {
                log(app, &buyer, "purchase", &json!(1));
            }
            // 3 March 07:00 EST; seven days later the clock shows EDT: 07:00 is 11:00 UTC then.
            let paid = transactions(app, &buyer);
            for transaction in &paid {
                expect(
                    transaction,
                    &json!({"expiresAt": "2026-03-10T11:00:00.000Z", "state": "PENDING"}),
                );
            }
            pass("2026-03-10T10:59:59Z");
            let redeemed = redeem(app, &buyer, &paid[0]).expect(200);
            let halves = redeemed["transactions"].as_array().unwrap();
            assert_eq!(halves.len(), 1, "{redeemed:#}");
            expect(
                &halves[0],
                &json!({
                    "virtualTransactionId": paid[0]["virtualTransactionId"], "state": "COMPLETED", "amount": 50.0,
                    "redeemedAt": "2026-03-10T10:59:59.000Z",
                }),
            );
            assert!(halves[0]["redemptionGroupId"].is_string());
            assert_eq!(balance(app, &buyer, "coins"), (200.0, 50.0));
            // What is redeemed is redeemed.
            redeem(app, &buyer, &paid[0]).refused(409);

            // What expires is kept to the microsecond and shown to the millisecond.
            pass("2026-03-10T11:00:00.001Z");
            redeem(app, &buyer, &paid[1]).refused(409);
            assert_eq!(balance(app, &buyer, "coins"), (50.0, 50.0));
            let states: Vec<Value> = transactions(app, &buyer)
                .iter()
                .map(|transaction| transaction["state"].clone())
                .collect();
            assert_eq!(states, ["COMPLETED", "EXPIRED"]);

            // Long after: the one that was redeemed does not expire, and the next month pays anew.
            pass("2026-04-01T04:00:00Z");
            assert_eq!(balance(app, &buyer, "coins"), (50.0, 50.0));
            assert_eq!(missions(app, &buyer).len(), 4);
            log(app, &buyer, "purchase", &json!(1));
            assert_eq!(balance(app, &buyer, "coins"), (100.0, 50.0));
            let last = transactions(app, &buyer).pop().unwrap();
            expect(
                &last,
                &json!({"amount": 50.0, "expiresAt": "2026-04-08T04:00:00.000Z"}),
            );
            let stranger = user(app, "stranger", &json!({}));
            redeem(app, &stranger, &last).refused(404);
            redeem(app, &buyer, &last).expect(200);
            assert_eq!(balance(app, &buyer, "coins"), (100.0, 100.0));
        });
    }
}

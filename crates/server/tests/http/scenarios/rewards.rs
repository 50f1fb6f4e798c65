//! Which reward rules pay (spec/aworld.md 4.9), and what the limits of a currency do to what they pay (4.10).

use serde_json::{Value, json};

use super::{
    activity, balance, configuration, counting, currency, expect, lazy, log, mission_rule,
    missions, paying, reward_rule, tag, tag_user, transactions, user, with,
};
use crate::support::{TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";

/// A rule about reviews that pays if the value is within bounds.
fn if_within(app: &TestApp, mode: &str, bounds: (i64, i64), rewards: &Value) {
    let (low, high) = bounds;
    let members = json!({
        "ruleType": "INSTANCE", "matchEntityId": "review", "applicationMode": mode,
        "matchCondition": {"<=": [low, {"var": "event.value"}, high]}, "rewards": rewards,
    });
    reward_rule(app, &with(paying("Activity", "coins", &json!(0)), &members));
}

fn coins(amount: &Value) -> Value {
    json!([{"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "expression": amount}])
}

/// All ALWAYS rules whose condition holds pay, and FALLBACK rules only where there was none: never both.
#[test]
fn always_or_fallback_but_never_both() {
    on_both(NOW, |app| {
        activity(app, "review", &json!({}));
        let sticky = tag(app, "kind", "sticky");
        let assignments = json!({"assignments": [{"tagId": sticky}]});
        app.dashboard()
            .post("/activities/review/tags", &assignments);
        currency(app, "coins", &json!({}));
        currency(app, "gems", &json!({}));
        if_within(app, "FALLBACK", (0, 100), &coins(&json!(1)));
        if_within(app, "ALWAYS", (5, 100), &coins(&json!(10)));
        let both = json!([
            {"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "expression": 5},
            {"virtualCurrencyId": "gems", "redemptionMode": "AUTO", "expression": {"/": [{"var": "event.value"}, 4]}},
        ]);
        if_within(app, "ALWAYS", (8, 100), &both);
        if_within(app, "FALLBACK", (0, 1), &coins(&json!(2)));
        if_within(app, "DISABLED", (0, 100), &coins(&json!(1000)));
        // Those fire and pay nothing: zero, and what is no number.
        if_within(app, "ALWAYS", (4, 4), &coins(&json!(0)));
        if_within(app, "ALWAYS", (3, 3), &coins(&json!("nothing")));
        // The three types of match decide together.
        let by_tag = json!({
            "ruleType": "TAG", "matchEntity": "Tag", "matchEntityId": sticky,
            "matchCondition": {"==": [{"var": "event.value"}, 2]},
        });
        reward_rule(app, &with(paying("Tag", "coins", &json!(20)), &by_tag));
        let of_any = json!({"matchCondition": {"==": [{"var": "event.value"}, 50]}});
        reward_rule(
            app,
            &with(paying("Activity", "coins", &json!(0.25)), &of_any),
        );

        let cases = [
            // Both ALWAYS rules; gems 9 / 4.
            (9, 15.0, 2.25),
            // One of them.
            (6, 10.0, 0.0),
            // None: both FALLBACK rules that hold.
            (1, 3.0, 0.0),
            // An ALWAYS rule held, although it paid nothing.
            (4, 0.0, 0.0),
            (3, 0.0, 0.0),
            // An ALWAYS rule of another type of match held.
            (2, 20.0, 0.0),
            // 10 + 5 of INSTANCE, 0.25 of ENTITY; gems 50 / 4.
            (50, 15.25, 12.5),
            // No condition holds anywhere.
            (-1, 0.0, 0.0),
        ];
        for (value, coins, gems) in cases {
            let ada = user(app, &format!("user{value}"), &json!({}));
            log(app, &ada, "review", &json!(value));
            assert_eq!(balance(app, &ada, "coins"), (coins, coins), "value {value}");
            assert_eq!(balance(app, &ada, "gems"), (gems, gems), "value {value}");
        }
    });
}

/// A payout that the limits do not allow is kept as REJECTED and moves nothing; limits hold with and without what is pending.
#[test]
fn payouts_beyond_the_limits_are_rejected() {
    on_both(NOW, |app| {
        activity(app, "review", &json!({}));
        currency(
            app,
            "coins",
            &json!({"minAllowedBalance": 0, "maxAllowedBalance": 100}),
        );
        reward_rule(
            app,
            &paying("Activity", "coins", &json!({"var": "event.value"})),
        );
        let ada = user(app, "ada", &json!({}));
        let pay = |value: f64| {
            log(app, &ada, "review", &json!(value));
            transactions(app, &ada).pop().unwrap()
        };
        expect(
            &pay(60.0),
            &json!({"state": "COMPLETED", "amount": 60.0, "direction": "CREDIT"}),
        );
        expect(
            &pay(40.000_001),
            &json!({"state": "REJECTED", "amount": 40.000_001, "direction": "CREDIT"}),
        );
        assert_eq!(balance(app, &ada, "coins"), (60.0, 60.0));
        expect(&pay(40.0), &json!({"state": "COMPLETED"}));
        assert_eq!(balance(app, &ada, "coins"), (100.0, 100.0));
        // A negative reward takes, down to the floor.
        expect(
            &pay(-100.5),
            &json!({"state": "REJECTED", "amount": 100.5, "direction": "DEBIT"}),
        );
        expect(
            &pay(-70.0),
            &json!({"state": "COMPLETED", "amount": 70.0, "direction": "DEBIT"}),
        );
        assert_eq!(balance(app, &ada, "coins"), (30.0, 30.0));
        // 30 and a pending 50 leave room for 20.
        let body = json!({"transactions": [{
            "virtualCurrencyId": "coins", "redemptionMode": "MANUAL", "amount": 50, "destinationUserId": ada,
        }]});
        app.dash("POST", "/virtual-transactions", &body).expect(201);
        expect(&pay(21.0), &json!({"state": "REJECTED"}));
        expect(&pay(20.0), &json!({"state": "COMPLETED"}));
        assert_eq!(balance(app, &ada, "coins"), (100.0, 50.0));
        // What was rejected can not be redeemed.
        let all = transactions(app, &ada);
        let rejected = all
            .iter()
            .find(|entry| entry["state"] == "REJECTED")
            .unwrap();
        let id = super::text(&rejected["virtualTransactionId"]);
        let path = format!("/virtual-transactions/{id}/redeem");
        app.as_user(&ada)
            .call("POST", &path, &Value::Null)
            .refused(409);
        assert_eq!(balance(app, &ada, "coins"), (100.0, 50.0));
    });
}

/// An expression that fails counts as false, or as nothing, and never as an error of the request (spec 4.2).
#[test]
fn expressions_that_fail_pay_nothing_and_refuse_nobody() {
    on_both(NOW, |app| {
        activity(app, "review", &json!({}));
        currency(app, "coins", &json!({}));
        let broken = json!({"no-such-operator": [1]});
        reward_rule(app, &paying("Activity", "coins", &broken));
        let condition = json!({"matchCondition": broken});
        let rule = paying("Activity", "coins", &json!(1000));
        reward_rule(app, &with(rule, &condition));
        let divided = json!({"/": [1, {"var": "event.value"}]});
        reward_rule(app, &paying("Activity", "coins", &divided));
        let ada = user(app, "ada", &json!({}));
        log(app, &ada, "review", &json!(0));
        assert_eq!(balance(app, &ada, "coins"), (0.0, 0.0));
        log(app, &ada, "review", &json!(4));
        assert_eq!(balance(app, &ada, "coins"), (0.25, 0.25));
    });
}

/// Rewards on completed missions, by configuration, by mission and by tag of the configuration (decisions 4.9), and on tags.
#[test]
fn missions_and_tags_are_rewarded() {
    on_both(NOW, |app| {
        activity(app, "review", &json!({}));
        currency(app, "coins", &json!({}));
        let (hard, gold) = (tag(app, "level", "hard"), tag(app, "tier", "gold"));
        configuration(app, &counting("easy", "review", &json!(1)));
        configuration(app, &counting("hard", "review", &json!(2)));
        let assignments = json!({"assignments": [{"tagId": hard}]});
        let path = "/mission-configurations/hard/tags";
        app.dashboard().post(path, &assignments);
        mission_rule(app, &lazy("rule", &["easy", "hard"]));
        let ada = user(app, "ada", &json!({}));
        let given = missions(app, &ada);
        let id = |name: &str| {
            let found = given
                .iter()
                .find(|one| one["missionConfigurationId"] == name);
            found.unwrap()["missionId"].clone()
        };
        let rule = |of: &str, entity: &str, id: &Value, amount: i64| {
            let members = json!({"ruleType": of, "matchEntityId": id});
            reward_rule(
                app,
                &with(paying(entity, "coins", &json!(amount)), &members),
            );
        };
        rule("INSTANCE", "Mission", &json!("easy"), 1);
        rule("INSTANCE", "Mission", &id("easy"), 10);
        rule("TAG", "Tag", &json!(hard), 100);
        rule("INSTANCE", "Tag", &json!(gold), 1000);
        log(app, &ada, "review", &json!(1));
        assert_eq!(balance(app, &ada, "coins"), (11.0, 11.0));
        log(app, &ada, "review", &json!(1));
        assert_eq!(balance(app, &ada, "coins"), (111.0, 111.0));
        tag_user(app, &ada, &gold);
        assert_eq!(balance(app, &ada, "coins"), (1111.0, 1111.0));
        // Completed is completed, and carried is carried.
        log(app, &ada, "review", &json!(1));
        tag_user(app, &ada, &gold);
        assert_eq!(balance(app, &ada, "coins"), (1111.0, 1111.0));
        // Another user's mission has another id.
        let bob = user(app, "bob", &json!({}));
        missions(app, &bob);
        log(app, &bob, "review", &json!(1));
        assert_eq!(balance(app, &bob, "coins"), (1.0, 1.0));
    });
}

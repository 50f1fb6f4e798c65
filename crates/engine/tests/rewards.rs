//! Rewards: one test for each rule of spec/aworld.md 4.9 that is easy to get wrong.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use engine::amount::Amount;
use engine::command::Refusal;
use engine::outcome::{InitiatorType, TransactionState};
use engine::user::Patch;
use serde_json::{Value, json};
use world::second_dialect::{state_of, transaction, var};
use world::{World, amount, instant, tz};

const START: &str = "2026-03-10T09:00:00Z";

/// A world with the activities `run` and `swim`, the currency `coins` and the user `ada`.
fn world() -> World {
    let mut w = World::new(START);
    w.activity("run");
    w.activity("swim");
    w.currency("coins");
    w.people(&["ada"]);
    w
}

/// Pays so much at once.
#[expect(clippy::needless_pass_by_value, reason = "the calls read better")]
fn pays(expression: Value) -> Value {
    json!([{"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "expression": expression}])
}

#[test]
fn instance_entity_and_tag() {
    let mut w = world();
    let sport = w.tag("kind:sport");
    let dive = w.activity("dive");
    w.mark(dive, sport);
    let configuration = w.configuration("c", json!({"targetAmountExpression": 1}));
    w.mark(configuration, sport);
    w.mission_rule("r", json!({}));
    for (id, changes) in [
        (
            "1",
            json!({"ruleType": "INSTANCE", "matchEntityId": "run", "rewards": pays(json!(1))}),
        ),
        ("2", json!({"rewards": pays(json!(2))})),
        (
            "4",
            json!({"ruleType": "TAG", "matchEntity": "Tag", "matchEntityId": "kind:sport",
            "rewards": pays(json!(4))}),
        ),
        (
            "8",
            json!({"matchEntity": "Mission", "rewards": pays(json!(8))}),
        ),
        (
            "16",
            json!({"ruleType": "INSTANCE", "matchEntity": "Mission", "matchEntityId": "c",
            "rewards": pays(json!(16))}),
        ),
        (
            "32",
            json!({"ruleType": "INSTANCE", "matchEntity": "Mission", "matchEntityId": "other",
            "rewards": pays(json!(32))}),
        ),
        (
            "64",
            json!({"matchEntity": "Quiz", "rewards": pays(json!(64))}),
        ),
    ] {
        w.reward_rule(id, changes);
    }
    w.log("ada", "swim");
    assert_eq!(w.paid("ada"), ["2 COMPLETED"]);
    w.log("ada", "dive");
    assert_eq!(w.paid("ada")[1..], ["2 COMPLETED", "4 COMPLETED"]);
    // The mission is completed by the activity; its configuration carries the tag.
    w.list("ada");
    w.log("ada", "run");
    let last: Vec<String> = w.paid("ada").split_off(3);
    let all = ["1", "2", "4", "8", "16"].map(|amount| format!("{amount} COMPLETED"));
    assert_eq!(last, all);
    w.check();
}

#[test]
fn a_rule_may_mean_one_mission() {
    let mut w = world();
    w.configuration("c", json!({"targetAmountExpression": 2}));
    w.mission_rule("r", json!({}));
    w.list("ada");
    let mission = w.missions_of("ada")[0].id.to_string();
    let this = json!({"ruleType": "INSTANCE", "matchEntity": "Mission", "matchEntityId": mission});
    w.reward_rule("pay", this);
    w.log("ada", "run");
    assert_eq!(w.paid("ada"), [""; 0]);
    w.log("ada", "run");
    assert_eq!(w.paid("ada"), ["10 COMPLETED"]);
}

#[test]
fn fallback_pays_only_where_nothing_else_did() {
    let mut w = world();
    let large = json!({">=": [var("event.value"), 5]});
    for (id, mode, condition, amount) in [
        ("1", "FALLBACK", json!(true), 1),
        ("2", "ALWAYS", large.clone(), 2),
        ("4", "ALWAYS", json!({">=": [var("event.value"), 9]}), 4),
        ("8", "FALLBACK", json!(true), 8),
        ("16", "DISABLED", json!(true), 16),
        ("32", "FALLBACK", json!(false), 32),
    ] {
        w.reward_rule(
            id,
            json!({"applicationMode": mode, "matchCondition": condition,
                "rewards": pays(json!(amount))}),
        );
    }
    let mut paid = 0;
    let mut new = |w: &mut World, value: &str| {
        w.log_value("ada", "run", value);
        let all = w.paid("ada");
        let new = all[paid..].join(", ");
        paid = all.len();
        new
    };
    assert_eq!(new(&mut w, "1"), "1 COMPLETED, 8 COMPLETED");
    assert_eq!(new(&mut w, "5"), "2 COMPLETED");
    assert_eq!(new(&mut w, "9"), "2 COMPLETED, 4 COMPLETED");
    // A rule that fires and pays nothing has fired.
    w.reward_rule(
        "0",
        json!({"matchCondition": {"<": [var("event.value"), 5]}, "rewards": pays(json!(0))}),
    );
    assert_eq!(new(&mut w, "1"), "");
}

#[test]
fn what_is_no_number_or_nothing_is_skipped() {
    let mut w = world();
    for (id, expression) in [
        ("zero", json!(0)),
        ("empty", json!("")),
        ("text", json!("much")),
        ("false", json!(false)),
        ("list", json!([1])),
        ("broken", json!({"/": [1, 0]})),
        ("missing", var("event.none")),
        ("tiny", json!(1e-9)),
        ("large", json!(1e14)),
        ("good", json!({"*": [var("event.value"), 1.1]})),
        ("cast", json!("2.5")),
    ] {
        w.reward_rule(id, json!({"rewards": pays(expression)}));
    }
    w.reward_rule("no", json!({"matchCondition": {"day": "yesterday"}}));
    w.log_value("ada", "run", "100");
    // 100 times 1.1 is 110.00000000000001 in doubles; six decimals are kept.
    assert_eq!(w.paid("ada"), ["110 COMPLETED", "2.5 COMPLETED"]);
    let told: Vec<_> = w
        .shared
        .failures
        .iter()
        .map(|f| f.split(':').next().unwrap())
        .collect();
    assert_eq!(
        told,
        [
            "expression of reward rule text",
            "expression of reward rule list",
            "expression of reward rule broken",
            "expression of reward rule large",
            "matchCondition of reward rule no",
        ]
    );
    w.check();
}

#[test]
fn a_rule_pays_several_things_and_says_who_paid() {
    let mut w = world();
    let gems = w.currency("gems");
    let rewards = json!([
        {"virtualCurrencyId": "coins", "redemptionMode": "AUTO", "expression": 3},
        {"virtualCurrencyId": "gems", "redemptionMode": "MANUAL", "expression": -1},
        {"virtualCurrencyId": "gone", "redemptionMode": "AUTO", "expression": 1},
    ]);
    w.reward_rule("pay", json!({"rewards": rewards}));
    w.log("ada", "run");
    assert_eq!(w.paid("ada"), ["3 COMPLETED", "-1 PENDING"]);
    assert_eq!(w.purse("ada", gems), (-1.0, 0.0));
    for entry in w.transactions("ada") {
        let transaction = transaction(entry);
        assert_eq!(transaction.initiator_type, InitiatorType::RewardRule);
        assert_eq!(transaction.initiator, "rewardRuleId#pay");
        assert_eq!(transaction.counterpart, None);
        assert_eq!((transaction.expires, transaction.redeemed), (None, None));
    }
}

/// Activity, mission completed, reward; and the purse is there for the next activity.
#[test]
fn a_completed_mission_pays() {
    let mut w = world();
    w.configuration("c", json!({"targetAmountExpression": 2}));
    let again = json!({"timeframeType": "RECURRING", "recurrence": "MONTHLY",
        "timeframeEndsAt": "2027-01-01T00:00:00Z"});
    w.mission_rule("r", again);
    let first = json!({"==": [var("previousEvent.isCompleted"), null]});
    let condition = json!({"and": [var("event.isCompleted"), first,
        {"==": [var("event.missionConfigurationId"), "c"]},
        {"==": [var("event.userId"), var("user.userId")]}]});
    w.reward_rule(
        "pay",
        json!({"matchEntity": "Mission", "matchCondition": condition,
            "rewards": pays(json!({"+": [50, var("event.currentAmount")]}))}),
    );
    w.list("ada");
    w.log_value("ada", "run", "1");
    assert_eq!(w.paid("ada"), [""; 0]);
    w.log("ada", "run");
    assert_eq!(w.paid("ada"), ["52 COMPLETED"]);
    w.at("2026-04-01T00:00:00Z").list("ada");
    w.log("ada", "run");
    w.log("ada", "run");
    assert_eq!(w.paid("ada"), ["52 COMPLETED", "52 COMPLETED"]);
    w.check();
}

#[test]
fn an_assigned_tag_pays() {
    let mut w = world();
    let red = w.tag("team:red");
    let tag = json!({"ruleType": "INSTANCE", "matchEntity": "Tag", "matchEntityId": "team:red",
        "matchCondition": {"in": ["team:red", var("user.tags")]}});
    w.reward_rule("pay", tag);
    w.assign_tag("ada", red);
    w.assign_tag("ada", red);
    assert_eq!(w.paid("ada"), ["10 COMPLETED"]);
}

fn manual(expires_after: &str) -> Value {
    json!({"rewards": [{"virtualCurrencyId": "coins", "redemptionMode": "MANUAL",
        "expression": 10, "expiresAfter": expires_after}]})
}

#[test]
fn a_manual_reward_waits_until_it_is_redeemed_or_expires() {
    // A day on the clock of New York: 23 h when the clock goes forward, 25 h when it goes back.
    for (now, expires) in [
        ("2026-03-07T17:00:00Z", "2026-03-08T16:00:00Z"),
        ("2026-10-31T16:00:00Z", "2026-11-01T17:00:00Z"),
        ("2026-06-01T16:00:00Z", "2026-06-02T16:00:00Z"),
    ] {
        let mut w = world();
        let coins = w.catalog.book.currency_named("coins").unwrap().id.into();
        w.save("ada", tz("America/New_York"));
        w.reward_rule("pay", manual("P1D"));
        w.at(now).log("ada", "run");
        let entry = w.transactions("ada")[0].clone();
        assert_eq!(state_of(&entry), TransactionState::Pending);
        assert_eq!(transaction(&entry).expires, Some(instant(expires)));
        assert_eq!(w.purse("ada", coins), (10.0, 0.0));
        let settle_at = w.state("ada").streak.as_ref().unwrap().get().settle_at;
        assert_eq!(settle_at, Some(instant(expires)));

        let mut late = w.clone();
        w.now = instant(expires) - jiff::SignedDuration::from_millis(1);
        let redeemed = w.try_redeem("ada", entry.id).unwrap();
        assert_eq!(redeemed.len(), 1);
        let done = transaction(&redeemed[0]);
        assert_eq!(done.state, TransactionState::Completed);
        assert_eq!(done.redeemed, Some(w.now));
        assert!(done.redemption_group.is_some());
        assert_eq!(w.purse("ada", coins), (10.0, 10.0));
        let again = w.try_redeem("ada", entry.id);
        assert!(matches!(again, Err(Refusal::Conflict(_))));
        w.at(expires).settle("ada");
        assert_eq!(w.paid("ada"), ["10 COMPLETED"]);
        w.check();

        late.at(expires);
        let refused = late.try_redeem("ada", entry.id);
        assert!(matches!(refused, Err(Refusal::Conflict(_))));
        late.now += jiff::SignedDuration::from_hours(5);
        late.save("ada", Patch::default());
        assert_eq!(late.paid("ada"), ["10 EXPIRED"]);
        assert_eq!(late.purse("ada", coins), (0.0, 0.0));
        let gone = late.entry(entry.id);
        assert_eq!(transaction(gone).updated, instant(expires));
        assert_eq!(transaction(gone).redeemed, None);
        late.check();
    }
}

#[test]
fn what_the_limits_do_not_allow_is_kept_as_rejected() {
    let mut w = world();
    let coins = w.catalog.book.currency_named("coins").unwrap().id.into();
    w.edit_currency("coins", |currency| {
        currency.min_allowed_balance = Some(amount("0"));
        currency.max_allowed_balance = Some(amount("15"));
    });
    w.reward_rule("pay", json!({"rewards": pays(var("event.value"))}));
    for value in ["10", "6", "5", "-16", "-15", "-0.5"] {
        w.log_value("ada", "run", value);
    }
    assert_eq!(
        w.paid("ada"),
        [
            "10 COMPLETED",
            "6 REJECTED",
            "5 COMPLETED",
            "-16 REJECTED",
            "-15 COMPLETED",
            "-0.5 REJECTED",
        ]
    );
    let balances: Vec<f64> = w
        .transactions("ada")
        .iter()
        .map(|entry| Amount::from_millionths(entry.balance).to_f64())
        .collect();
    assert_eq!(balances, [10.0, 10.0, 15.0, 15.0, 0.0, 0.0]);
    assert_eq!(w.purse("ada", coins), (0.0, 0.0));
    // Who is outside may only come closer.
    w.give("ada", "coins", "12");
    w.edit_currency("coins", |c| c.max_allowed_balance = Some(amount("5")));
    for value in ["1", "-3"] {
        w.log_value("ada", "run", value);
    }
    assert_eq!(w.purse("ada", coins), (9.0, 9.0));
    w.check();
}

#[test]
fn a_pending_reward_takes_room_and_is_rejected_where_the_limits_were_tightened() {
    let mut w = world();
    let coins = w.catalog.book.currency_named("coins").unwrap().id.into();
    w.edit_currency("coins", |c| c.max_allowed_balance = Some(amount("20")));
    w.reward_rule("pay", manual("P1D"));
    for _ in 0..3 {
        w.log("ada", "run");
    }
    assert_eq!(w.paid("ada"), ["10 PENDING", "10 PENDING", "10 REJECTED"]);
    w.edit_currency("coins", |c| c.max_allowed_balance = Some(amount("15")));
    let ids: Vec<_> = w.transactions("ada").iter().map(|entry| entry.id).collect();
    w.try_redeem("ada", ids[1]).unwrap();
    assert_eq!(w.purse("ada", coins), (20.0, 10.0));
    let rejected = w.try_redeem("ada", ids[0]).unwrap();
    assert_eq!(state_of(&rejected[0]), TransactionState::Rejected);
    assert_eq!(transaction(&rejected[0]).redeemed, None);
    assert_eq!(w.purse("ada", coins), (10.0, 10.0));
    assert_eq!(
        w.paid("ada"),
        ["10 REJECTED", "10 COMPLETED", "10 REJECTED"]
    );
    let nothing = w.try_redeem("ada", ids[2]);
    assert!(matches!(nothing, Err(Refusal::Conflict(_))));
    w.check();
}

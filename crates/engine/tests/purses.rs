//! Purses: one test for each rule of spec/aworld.md 4.10 that is easy to get wrong.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use engine::command::{Order, Refusal};
use engine::id::CurrencyId;
use engine::outcome::{InitiatorType, LedgerEntry, TransactionState};
use world::second_dialect::{manual, order, state_of, transaction, transfer};
use world::{World, amount, instant};

const START: &str = "2026-03-10T09:00:00Z";
const LATER: &str = "2026-03-11T09:00:00Z";

/// A world with `ada` and `bob` and the currency `coins`, without limits.
fn world() -> (World, CurrencyId) {
    let mut w = World::new(START);
    let coins = w.currency("coins");
    w.people(&["ada", "bob"]);
    (w, coins)
}

fn until(order: Order, expires: &str) -> Order {
    Order {
        expires: Some(instant(expires)),
        ..order
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the calls read better")]
fn conflicts(result: Result<Vec<LedgerEntry>, Refusal>) -> bool {
    matches!(result, Err(Refusal::Conflict(_)))
}

#[test]
fn nobody_spends_more_than_there_is_but_the_dashboard_may_take_it() {
    let (mut w, coins) = world();
    w.give("ada", "coins", "5");
    assert!(conflicts(
        w.pay(transfer("coins", "ada", "bob", "5.000001"))
    ));
    w.pay(transfer("coins", "ada", "bob", "5")).unwrap();
    assert!(conflicts(
        w.pay(transfer("coins", "ada", "bob", "0.000001"))
    ));
    w.grant(order("coins", "ada", "-2")).unwrap();
    assert_eq!(w.purse("ada", coins), (-2.0, -2.0));
    assert_eq!(w.purse("bob", coins), (5.0, 5.0));
    w.check();
}

#[test]
fn a_transfer_has_two_halves_that_know_each_other() {
    let (mut w, coins) = world();
    w.give("ada", "coins", "5");
    let entries = w.pay(transfer("coins", "ada", "bob", "3")).unwrap();
    let [debit, credit] = &entries[..] else {
        panic!("{entries:?}");
    };
    let id = |user: &str| w.state(user).user.get().id;
    assert_eq!((debit.user, debit.amount), (id("ada"), -3_000_000));
    assert_eq!((credit.user, credit.amount), (id("bob"), 3_000_000));
    assert_eq!((debit.balance, credit.balance), (2_000_000, 3_000_000));
    for (half, other) in [(debit, credit), (credit, debit)] {
        let half = transaction(half);
        assert_eq!(half.state, TransactionState::Completed);
        assert_eq!(half.group, transaction(other).group);
        let twin = half.counterpart.unwrap();
        assert_eq!((twin.user, twin.entry), (other.user.0, other.id));
        assert_eq!(half.initiator_type, InitiatorType::User);
    }
    assert_eq!(w.purse("ada", coins), (2.0, 2.0));
    assert_eq!(w.purse("bob", coins), (3.0, 3.0));
    // What the system gives has no other half, and may name its group.
    let named = Order {
        group: Some("mine".to_owned()),
        ..order("coins", "ada", "1")
    };
    let entries = w.grant(named).unwrap();
    let given = transaction(&entries[0]);
    assert_eq!((given.counterpart, given.group.as_str()), (None, "mine"));
    w.check();
}

#[test]
fn limits_refuse_the_whole_request() {
    let (mut w, coins) = world();
    w.edit_currency("coins", |currency| {
        currency.min_allowed_balance = Some(amount("-5"));
        currency.max_allowed_balance = Some(amount("20"));
    });
    w.give("ada", "coins", "10");
    let orders = |last: &str| {
        [
            transfer("coins", "ada", "bob", "8"),
            order("coins", "bob", "1"),
            transfer("coins", "ada", "bob", last),
        ]
    };
    let mut admin = |orders: &[Order]| w.try_orders("ada", InitiatorType::Admin, orders);
    // 10 - 8 - 7.5 is below -5.
    assert!(conflicts(admin(&orders("7.5"))));
    assert_eq!(admin(&orders("7")).unwrap().len(), 5);
    assert_eq!(w.purse("ada", coins), (-5.0, -5.0));
    assert_eq!(w.purse("bob", coins), (16.0, 16.0));
    assert_eq!(w.ledger.len(), 6);
    // The receiver has limits, too; what is outside of them may come closer.
    w.give("ada", "coins", "10");
    assert!(conflicts(w.pay(transfer("coins", "ada", "bob", "5"))));
    w.edit_currency("coins", |c| c.max_allowed_balance = Some(amount("12")));
    assert!(conflicts(w.grant(order("coins", "bob", "0.1"))));
    w.grant(order("coins", "bob", "-0.1")).unwrap();
    w.check();
}

#[test]
fn later_orders_see_earlier_ones() {
    let (mut w, coins) = world();
    let orders = [
        order("coins", "ada", "4"),
        transfer("coins", "ada", "bob", "3"),
        transfer("coins", "bob", "ada", "3"),
        transfer("coins", "ada", "bob", "4"),
    ];
    w.try_orders("ada", InitiatorType::User, &orders).unwrap();
    assert_eq!(w.purse("ada", coins), (0.0, 0.0));
    assert_eq!(w.purse("bob", coins), (4.0, 4.0));
    w.check();
}

#[test]
fn a_pending_transfer_is_redeemed_by_the_receiver() {
    let (mut w, coins) = world();
    w.give("ada", "coins", "5");
    let entries = w.pay(manual(transfer("coins", "ada", "bob", "5"))).unwrap();
    assert_eq!(w.purse("ada", coins), (0.0, 5.0));
    assert_eq!(w.purse("bob", coins), (5.0, 0.0));
    // What is promised cannot be spent again, in whichever way.
    assert!(conflicts(w.pay(transfer("coins", "ada", "bob", "1"))));
    assert!(conflicts(
        w.pay(manual(transfer("coins", "ada", "bob", "1")))
    ));
    // What is expected cannot be spent yet.
    assert!(conflicts(w.pay(transfer("coins", "bob", "ada", "1"))));
    assert!(conflicts(w.try_redeem("ada", entries[0].id)));
    let done = w.at(LATER).try_redeem("bob", entries[1].id).unwrap();
    assert_eq!(done.len(), 2);
    assert_eq!(done.iter().map(|entry| entry.id).min(), Some(entries[0].id));
    for entry in &done {
        assert_eq!(state_of(entry), TransactionState::Completed);
        assert_eq!(transaction(entry).redeemed, Some(w.now));
        let group = &transaction(&done[0]).redemption_group;
        assert!(group.is_some() && transaction(entry).redemption_group == *group);
    }
    assert_eq!(w.purse("ada", coins), (0.0, 0.0));
    assert_eq!(w.purse("bob", coins), (5.0, 5.0));
    assert!(conflicts(w.try_redeem("bob", entries[1].id)));
    w.check();
}

#[test]
fn a_transfer_that_expires_comes_back_on_both_sides() {
    let (mut w, coins) = world();
    w.give("ada", "coins", "5");
    let gift = until(manual(transfer("coins", "ada", "bob", "4")), LATER);
    let entries = w.pay(gift).unwrap();
    w.at(LATER);
    assert!(conflicts(w.try_redeem("bob", entries[1].id)));
    w.settle("ada");
    assert_eq!(w.purse("ada", coins), (5.0, 5.0));
    assert_eq!(w.paid("ada"), ["5 COMPLETED", "-4 EXPIRED"]);
    // Bob was not looked at; what Ada sends him now finds him settled.
    w.pay(transfer("coins", "ada", "bob", "1")).unwrap();
    assert_eq!(w.purse("bob", coins), (1.0, 1.0));
    assert_eq!(w.paid("bob"), ["4 EXPIRED", "1 COMPLETED"]);
    w.check();
}

#[test]
fn the_receiver_is_woken_when_a_gift_expires() {
    let (mut w, coins) = world();
    let km = w.metric("km");
    w.streak(km, 1);
    w.event("bob", "km", "1");
    let settle_at = |w: &World| w.state("bob").streak.as_ref().unwrap().get().settle_at;
    assert_eq!(settle_at(&w), Some(instant("2026-03-12T00:00:00Z")));
    w.give("ada", "coins", "5");
    let gift = until(manual(transfer("coins", "ada", "bob", "4")), LATER);
    w.pay(gift).unwrap();
    assert_eq!(settle_at(&w), Some(instant(LATER)));
    w.at(LATER).settle("bob");
    assert_eq!(w.purse("bob", coins), (0.0, 0.0));
    assert_eq!(settle_at(&w), Some(instant("2026-03-12T00:00:00Z")));
}

#[test]
fn what_no_longer_fits_is_rejected_on_both_sides() {
    let (mut w, coins) = world();
    w.give("ada", "coins", "5");
    let entries = w.pay(manual(transfer("coins", "ada", "bob", "5"))).unwrap();
    w.edit_currency("coins", |c| c.max_allowed_balance = Some(amount("4")));
    let done = w.try_redeem("bob", entries[1].id).unwrap();
    assert!(
        done.iter()
            .all(|e| state_of(e) == TransactionState::Rejected)
    );
    assert_eq!((done.len(), w.purse("ada", coins)), (2, (5.0, 5.0)));
    assert_eq!(w.purse("bob", coins), (0.0, 0.0));
    w.check();
}

/// What somebody promised out of what was expected and never came.
#[test]
fn a_promise_that_lost_its_cover_is_rejected() {
    let (mut w, coins) = world();
    w.give("ada", "coins", "2");
    w.grant(until(manual(order("coins", "ada", "10")), LATER))
        .unwrap();
    let small = w.pay(manual(transfer("coins", "ada", "bob", "2"))).unwrap();
    let large = w
        .pay(manual(transfer("coins", "ada", "bob", "10")))
        .unwrap();
    w.at(LATER);
    let done = w.try_redeem("bob", large[1].id).unwrap();
    assert!(
        done.iter()
            .all(|e| state_of(e) == TransactionState::Rejected)
    );
    let done = w.try_redeem("bob", small[1].id).unwrap();
    assert!(
        done.iter()
            .all(|e| state_of(e) == TransactionState::Completed)
    );
    assert_eq!(w.purse("ada", coins), (0.0, 0.0));
    assert_eq!(w.purse("bob", coins), (2.0, 2.0));
    w.check();
}

#[test]
fn sums_stay_in_the_range_in_which_they_are_exact() {
    let all = "9000000000000";
    let (mut w, coins) = world();
    w.give("ada", "coins", all);
    assert!(conflicts(w.grant(order("coins", "ada", "0.000001"))));
    // What is promised may come back; what is expected may come.
    w.grant(manual(order("coins", "ada", &format!("-{all}"))))
        .unwrap();
    assert_eq!(w.purse("ada", coins), (0.0, 9e12));
    assert!(conflicts(w.grant(order("coins", "ada", "1"))));
    assert!(conflicts(w.grant(manual(order("coins", "ada", "1")))));
    w.grant(manual(order("coins", "bob", all))).unwrap();
    assert!(conflicts(w.grant(order("coins", "bob", "1"))));
    w.grant(manual(order("coins", "bob", "-1"))).unwrap();
    assert!(conflicts(w.grant(manual(order("coins", "bob", "1")))));
    w.check();

    // A payout beyond it is rejected.
    w.activity("run");
    w.reward_rule("pay", serde_json::json!({}));
    w.log("ada", "run");
    assert_eq!(w.paid("ada").last().unwrap(), "10 REJECTED");
    w.check();
}

#[test]
fn requests_that_make_no_sense() {
    let (mut w, _) = world();
    w.system("xp");
    w.give("ada", "coins", "5");
    let mut refusal = |order: Order| {
        let admin = InitiatorType::Admin;
        w.try_orders("ada", admin, &[order]).unwrap_err()
    };
    for order in [
        order("coins", "ada", "0"),
        transfer("coins", "ada", "bob", "-1"),
        transfer("coins", "ada", "ada", "1"),
        until(manual(order("coins", "ada", "1")), START),
    ] {
        assert!(matches!(refusal(order), Refusal::Invalid(_)));
    }
    for order in [
        order("none", "ada", "1"),
        order("coins", "nobody", "1"),
        transfer("coins", "nobody", "ada", "1"),
    ] {
        assert!(matches!(refusal(order), Refusal::NotFound(..)));
    }
    assert!(matches!(
        refusal(order("xp", "ada", "1")),
        Refusal::Conflict(_)
    ));
    let nobody = w.try_orders(
        "nobody",
        InitiatorType::Admin,
        &[order("coins", "ada", "1")],
    );
    assert!(matches!(nobody, Err(Refusal::NotFound("user", _))));
    // At once there is nothing to expire.
    let entries = w.grant(until(order("coins", "ada", "1"), LATER)).unwrap();
    assert_eq!(transaction(&entries[0]).expires, None);
}

#[test]
fn a_refusal_notes_nothing_of_what_is_due() {
    let (mut w, coins) = world();
    w.grant(until(manual(order("coins", "ada", "5")), LATER))
        .unwrap();
    // Whether a refusal leaves everything as it was, the world itself asserts.
    w.at(LATER);
    assert!(conflicts(w.pay(transfer("coins", "ada", "bob", "1"))));
    let entry = w.transactions("ada")[0].id;
    assert!(conflicts(w.try_redeem("ada", entry)));
    assert_eq!(w.paid("ada"), ["5 PENDING"]);
    w.settle("ada");
    assert_eq!(w.paid("ada"), ["5 EXPIRED"]);
    assert_eq!(w.purse("ada", coins), (0.0, 0.0));
}

#[test]
fn only_so_much_can_wait_to_be_redeemed() {
    let (mut w, coins) = world();
    for _ in 0..1_000 {
        w.grant(manual(order("coins", "ada", "1"))).unwrap();
    }
    assert!(conflicts(w.grant(manual(order("coins", "ada", "1")))));
    w.grant(order("coins", "ada", "1")).unwrap();
    assert_eq!(w.purse("ada", coins), (1_001.0, 1.0));
}

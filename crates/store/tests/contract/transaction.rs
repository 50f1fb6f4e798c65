//! The ledger as one list of transactions over all currencies.

use engine::amount::Amount;
use engine::command::{Command, Order, Transact};
use engine::definition::{Document, RedemptionMode, Translation, VirtualCurrency};
use engine::id::{CurrencyId, LedgerEntryId, UserId};
use engine::outcome::{InitiatorType, LedgerEntry, Reply, TransactionState};
use engine::user::Patch;
use jiff::Timestamp;
use store::document::{self, Slice};
use store::transaction::{self, place};
use store::{Store, definition, ledger};
use uuid::Uuid;

use crate::configuration::{self, GOLD, XP};
use crate::world::{World, event, read, write};

checks!(
    awards_and_transactions_are_one_list,
    an_entry_is_found_by_its_user_only,
    what_took_effect_is_read_apart,
);

const COINS: CurrencyId = CurrencyId(Uuid::from_u128(2));

fn world(store: &Store) -> World<'_> {
    let mut world = World::new(store);
    let (space, now) = (world.space, world.now);
    let coins = Document {
        id: "coins".to_owned(),
        default_lang: "en".to_owned(),
        translations: vec![Translation {
            lang: "en".to_owned(),
            label: Some("Coins".to_owned()),
            description: None,
        }],
        content: VirtualCurrency {
            name: "coins".to_owned(),
            catalog_virtual_currency_id: None,
            sync_with_catalog: None,
            min_allowed_balance: None,
            max_allowed_balance: None,
            icon: None,
        },
    };
    write(store, |tx| {
        configuration::insert(tx, space, now)?;
        let kept = document::insert(tx, space, COINS.0, coins, now)?;
        document::publish(tx, space, kept, now)?;
        definition::bump(tx, space)
    });
    for name in ["ada", "bo"] {
        world.save(name, Patch::default());
    }
    world
}

fn pay(world: &mut World<'_>, user: &str, mode: RedemptionMode) -> LedgerEntry {
    let transact = Command::Transact(Transact {
        initiator_type: InitiatorType::Admin,
        initiator: "somebody".to_owned(),
        orders: vec![Order {
            currency: "coins".to_owned(),
            mode,
            amount: Amount::from_millionths(2_500_000),
            source: None,
            destination: user.to_owned(),
            expires: None,
            group: None,
            additional_data: Some(serde_json::json!({"a": [1]})),
        }],
    });
    match world.send(world.space, user, transact).reply {
        Reply::Transactions(mut entries) => entries.remove(0),
        other => panic!("{other:?}"),
    }
}

/// What ada gets, in a row: awards of two points systems, transactions of both modes, one of which is
/// redeemed at the end.
fn earned(world: &mut World<'_>) -> (UserId, Vec<LedgerEntry>) {
    // What a new user gets.
    let (space, ada) = (world.space, world.find("ada").id);
    let mut all = read(world.store, |tx| ledger::last(tx, space, ada, GOLD, 10));
    for round in 0..6 {
        let outcome = world.send(world.space, "ada", event("runs", "6", &[]));
        all.extend(outcome.appended.ledger);
        let mode = if round % 2 == 0 {
            RedemptionMode::Manual
        } else {
            RedemptionMode::Auto
        };
        all.push(pay(world, "ada", mode));
    }
    pay(world, "bo", RedemptionMode::Auto);
    let first = all
        .iter()
        .find(|entry| entry.transaction.is_some())
        .map(|entry| entry.id)
        .unwrap();
    let redeem = Command::Redeem {
        entry: first,
        twin: None,
    };
    match world.send(world.space, "ada", redeem).reply {
        Reply::Transactions(done) => {
            let old = all.iter_mut().find(|entry| entry.id == first).unwrap();
            *old = done[0].clone();
        }
        other => panic!("{other:?}"),
    }
    (ada, all)
}

fn pages(world: &World<'_>, user: UserId, limit: i64, is_ascending: bool) -> Vec<LedgerEntry> {
    let mut all: Vec<LedgerEntry> = Vec::new();
    loop {
        let slice = Slice {
            limit,
            is_ascending,
            // As a token keeps it: in microseconds.
            after: all.last().map(|last| {
                let (at, id) = place(last);
                (
                    Timestamp::from_microsecond(at.as_microsecond()).unwrap(),
                    id,
                )
            }),
        };
        let page = read(world.store, |tx| {
            transaction::of_user(tx, world.space, user, &[XP, GOLD], slice)
        });
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn awards_and_transactions_are_one_list(store: &Store) {
    let mut world = world(store);
    let (ada, mut expected) = earned(&mut world);
    assert!(expected.iter().any(|entry| entry.system == XP));
    expected.sort_by_key(place);
    for limit in [1, 2, 5, 100] {
        assert_eq!(pages(&world, ada, limit, true), expected, "{limit}");
        expected.reverse();
        assert_eq!(pages(&world, ada, limit, false), expected, "{limit}");
        expected.reverse();
    }
}

fn an_entry_is_found_by_its_user_only(store: &Store) {
    let mut world = world(store);
    let tenant = world.tenant("globex");
    let (ada, all) = earned(&mut world);
    let bo = world.find("bo").id;
    let find = |space, user, currencies: &[CurrencyId], id| {
        read(store, |tx| {
            transaction::find(tx, space, user, currencies, id)
        })
    };
    for entry in &all {
        let every = [XP, GOLD, COINS];
        assert_eq!(
            find(world.space, ada, &every, entry.id).as_ref(),
            Some(entry)
        );
        assert_eq!(find(world.space, bo, &every, entry.id), None);
        assert_eq!(find(tenant, ada, &every, entry.id), None);
        assert_eq!(find(world.space, ada, &[], entry.id), None);
    }
    let unknown = LedgerEntryId(Uuid::nil());
    assert_eq!(find(world.space, ada, &[XP, COINS], unknown), None);
}

fn what_took_effect_is_read_apart(store: &Store) {
    let mut world = world(store);
    let (ada, all) = earned(&mut world);
    let space = world.space;
    let mut expected: Vec<LedgerEntry> = all
        .iter()
        .filter(|entry| {
            let state = entry.transaction.as_ref().map(|details| details.state);
            state == Some(TransactionState::Completed)
        })
        .cloned()
        .collect();
    expected.sort_by_key(|entry| std::cmp::Reverse(entry.id));
    let last = |limit| {
        read(store, |tx| {
            transaction::last_completed(tx, space, ada, COINS, limit)
        })
    };
    assert_eq!(last(100), expected);
    assert_eq!(last(2), expected[..2]);
    for currency in [XP, COINS] {
        let ats: Vec<Timestamp> = all
            .iter()
            .filter(|entry| entry.system == currency)
            .map(|entry| entry.at)
            .collect();
        let span = read(store, |tx| transaction::span(tx, space, ada, currency));
        assert_eq!(span, Some((ats[0], ats[ats.len() - 1])));
    }
    let never = CurrencyId(Uuid::nil());
    assert_eq!(
        read(store, |tx| transaction::span(tx, space, ada, never)),
        None
    );
    assert_eq!(
        read(store, |tx| ledger::last(tx, space, ada, XP, 1)).len(),
        1
    );
}

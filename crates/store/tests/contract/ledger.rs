//! Awards and balances, read.

use std::collections::BTreeMap;

use engine::id::CurrencyId;
use store::{Store, ledger};
use uuid::Uuid;

use crate::configuration::{self, GOLD, XP};
use crate::sequence;
use crate::world::{World, read, write};

checks!(the_last_entries_come_first, balances_are_counted);

fn the_last_entries_come_first(store: &Store) {
    let mut world = World::new(store);
    let space = world.space;
    write(store, |tx| configuration::insert(tx, space, world.now));
    let mut awards = Vec::new();
    for value in ["2", "3", "6", "0.5"] {
        let reply = world.event("ada", "runs", value);
        let change = reply.points.iter().find(|change| change.system == XP);
        awards.extend(change.iter().flat_map(|change| change.awards.clone()));
    }
    world.event("bo", "runs", "2");
    let ada = world.find("ada").id;
    let last = |system, limit| read(store, |tx| ledger::last(tx, space, ada, system, limit));
    awards.reverse();
    assert_eq!(awards.len(), 3);
    assert_eq!(last(XP, 10), awards);
    assert_eq!(last(XP, 2), awards[..2]);
    assert_eq!(last(GOLD, 10).len(), 1);
    assert_eq!(last(CurrencyId(Uuid::nil()), 10), []);
    assert_eq!(
        awards[0].balance,
        awards.iter().map(|award| award.amount).sum::<i64>()
    );
}

fn balances_are_counted(store: &Store) {
    let ran = sequence::run(store, 31, 12, false);
    for (space, model) in ran.spaces.into_iter().zip(&ran.models) {
        for system in [XP, GOLD] {
            let mut expected: BTreeMap<i64, i64> = BTreeMap::new();
            for state in model.users.values() {
                if let Some(row) = state.balances.get(&system) {
                    *expected.entry(*row.get()).or_default() += 1;
                }
            }
            let balances = read(store, |tx| ledger::balances(tx, space, system));
            assert_eq!(balances, expected.into_iter().collect::<Vec<_>>());
        }
    }
}

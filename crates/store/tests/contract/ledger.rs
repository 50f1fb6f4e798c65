//! Awards and balances, read.

use std::collections::{BTreeMap, BTreeSet};

use engine::id::CurrencyId;
use jiff::civil::Date;
use store::{Store, ledger};
use uuid::Uuid;

use crate::configuration::{self, GOLD, XP};
use crate::sequence;
use crate::world::{World, day, read, write};

checks!(
    the_last_entries_come_first,
    balances_are_counted,
    balances_are_counted_by_attributes,
    changes_are_summed_by_day,
);

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

fn balances_are_counted_by_attributes(store: &Store) {
    let ran = sequence::run(store, 31, 12, false);
    let mut filtered = 0;
    for (space, model) in ran.spaces.into_iter().zip(&ran.models) {
        let attributes = || {
            model
                .users
                .values()
                .map(|state| &state.user.get().attributes)
        };
        // Nothing, everything that somebody has, one pair at a time, and what nobody has.
        let mut asked: BTreeSet<BTreeMap<String, String>> = attributes().cloned().collect();
        asked.extend(
            attributes()
                .flatten()
                .map(|(key, value)| [(key.clone(), value.clone())].into()),
        );
        asked.insert(BTreeMap::new());
        asked.insert([("plan".to_owned(), "nobody's".to_owned())].into());
        asked.insert([("no\"key".to_owned(), String::new())].into());
        for wanted in asked {
            let mut expected: BTreeMap<i64, i64> = BTreeMap::new();
            for state in model.users.values() {
                let own = &state.user.get().attributes;
                if wanted
                    .iter()
                    .all(|(key, value)| own.get(key) == Some(value))
                {
                    let balance = state.balances.get(&XP).map_or(0, |row| *row.get());
                    *expected.entry(balance).or_default() += 1;
                    filtered += usize::from(!wanted.is_empty());
                }
            }
            let found = read(store, |tx| ledger::balances_with(tx, space, XP, &wanted));
            assert_eq!(
                found,
                expected.into_iter().collect::<Vec<_>>(),
                "{wanted:?}"
            );
        }
    }
    assert!(filtered > 0, "nobody had attributes");
}

fn changes_are_summed_by_day(store: &Store) {
    let mut world = World::new(store);
    let space = world.space;
    write(store, |tx| configuration::insert(tx, space, world.now));
    let mut expected: Vec<(Date, i64)> = Vec::new();
    for (now, values) in [
        ("2026-02-20T10:00:00Z", ["2", "3"]),
        ("2026-02-23T10:00:00Z", ["6", "4"]),
    ] {
        let mut sum = 0;
        for value in values {
            let reply = world.at(now).event("ada", "runs", value);
            let change = reply.points.iter().find(|change| change.system == XP);
            let awards = change.iter().flat_map(|change| &change.awards);
            sum += awards.map(|award| award.amount).sum::<i64>();
        }
        assert!(sum > 0);
        expected.push((day(&now[..10]), sum));
    }
    world.event("bo", "runs", "2");
    let ada = world.find("ada").id;
    let days = |system, to| read(store, |tx| ledger::days(tx, space, ada, system, day(to)));
    assert_eq!(days(XP, "2026-02-19"), []);
    assert_eq!(days(XP, "2026-02-22"), expected[..1]);
    assert_eq!(days(XP, "2026-02-23"), expected);
    assert_eq!(days(CurrencyId(Uuid::nil()), "9999-12-31"), []);
}

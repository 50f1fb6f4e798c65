//! What reviews of a year are made of, beside the same sums over whole tables.

use std::collections::BTreeMap;

use engine::calendar::Period;
use engine::id::{MetricId, UserId};
use store::board::{self, Placed};
use store::{Store, event, user, wrapped};

use crate::configuration::{BOARDS, COINS, RUNS, WORDS, XP};
use crate::sequence;
use crate::world::{day, read};

checks!(
    sums_follow_days_and_awards,
    ranks_of_stored_runs_are_those_of_a_sorted_list,
    an_empty_space_has_nothing_to_review,
);

fn periods() -> [Period; 3] {
    [
        ("2026-03-02", "2026-03-08"),
        ("2026-03-01", "2026-03-31"),
        ("2025-01-01", "2026-12-31"),
    ]
    .map(|(start, end)| Period {
        start: day(start),
        end: day(end),
    })
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn float(sum: i64) -> f64 {
    sum as f64
}

fn sums_follow_days_and_awards(store: &Store) {
    let ran = sequence::run(store, 71, 20, false);
    let space = ran.spaces[0];
    let users = read(store, |tx| user::after(tx, space, 0, 100));
    let to = day("2026-12-31");
    let mut metrics: BTreeMap<(UserId, MetricId), ([f64; 3], [i64; 3])> = BTreeMap::new();
    for (user, _) in &users {
        let mut all = Vec::new();
        for metric in [RUNS, WORDS, COINS] {
            for (date, sum) in read(store, |tx| event::days(tx, space, *user, metric, to)) {
                all.push((date, metric, sum));
                let (change, events) = metrics.entry((*user, metric)).or_default();
                for (index, period) in periods().iter().enumerate() {
                    if period.contains(date) {
                        change[index] += float(sum.sum.millionths());
                        events[index] += sum.events;
                    }
                }
            }
        }
        all.sort_by_key(|(date, metric, _)| (*date, *metric));
        let mut found = read(store, |tx| wrapped::days(tx, space, *user, to));
        found.sort_by_key(|(date, metric, _)| (*date, *metric));
        assert_eq!(found, all);
        let early = read(store, |tx| {
            wrapped::days(tx, space, *user, day("2000-01-01"))
        });
        assert_eq!(early, []);
        for one in read(store, |tx| wrapped::attributed(tx, space, *user, to)) {
            assert!(!one.attributes.is_empty() && one.date <= to);
        }
    }
    assert!(metrics.len() > 3);
    let found: BTreeMap<_, _> = read(store, |tx| wrapped::metric_changes(tx, space, periods()))
        .into_iter()
        .map(|one| ((one.user, one.of), (one.change, one.events)))
        .collect();
    assert_eq!(found, metrics);

    let mut points: BTreeMap<UserId, [f64; 3]> = BTreeMap::new();
    for (user, _) in &users {
        for (date, sum) in read(store, |tx| store::ledger::days(tx, space, *user, XP, to)) {
            let change = points.entry(*user).or_default();
            for (index, period) in periods().iter().enumerate() {
                if period.contains(date) {
                    change[index] += float(sum);
                }
            }
        }
    }
    let found: BTreeMap<_, _> = read(store, |tx| wrapped::points_changes(tx, space, periods()))
        .into_iter()
        .filter(|one| one.of == XP)
        .map(|one| (one.user, one.change))
        .collect();
    assert!(!points.is_empty());
    assert_eq!(found, points);
}

fn ranks_of_stored_runs_are_those_of_a_sorted_list(store: &Store) {
    let ran = sequence::run(store, 72, 20, false);
    let space = ran.spaces[0];
    let users = read(store, |tx| user::after(tx, space, 0, 100));
    let runs: Vec<_> = BOARDS
        .iter()
        .flat_map(|board| (0..10).map(|run| (*board, run)))
        .collect();
    let mut compared = 0;
    for (user, _) in users {
        let values = read(store, |tx| board::values(tx, space, user, &runs));
        for ((board, run), value) in values {
            let one = read(store, |tx| board::value(tx, space, board, run, user));
            assert_eq!(one.as_ref(), Some(&value));
            let Some((group, place)) = value.place(user) else {
                continue;
            };
            let all = read(store, |tx| board::places(tx, space, board, run));
            let expected = all[group].iter().filter(|other| **other < place).count();
            let placed = Placed {
                board,
                run,
                group,
                place,
            };
            let found = read(store, |tx| board::before_each(tx, space, &[placed, placed]));
            let expected = i64::try_from(expected).unwrap();
            assert_eq!(found, [expected, expected]);
            compared += 1;
        }
    }
    assert!(compared > 5);
}

fn an_empty_space_has_nothing_to_review(store: &Store) {
    let mut ran = sequence::run(store, 73, 10, false);
    let full = ran.spaces[0];
    let empty = ran.world.tenant("empty");
    let users = read(store, |tx| user::after(tx, full, 0, 100));
    let to = day("2026-12-31");
    read(store, |tx| {
        for (user, _) in &users {
            assert_eq!(wrapped::days(tx, empty, *user, to)?, []);
            assert_eq!(wrapped::attributed(tx, empty, *user, to)?, []);
            let runs = BOARDS.map(|board| (board, 0));
            assert_eq!(board::values(tx, empty, *user, &runs)?, []);
        }
        assert_eq!(wrapped::metric_changes(tx, empty, periods())?, []);
        assert_eq!(wrapped::points_changes(tx, empty, periods())?, []);
        Ok(())
    });
}

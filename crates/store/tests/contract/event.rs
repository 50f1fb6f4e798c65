//! Day sums, read.

use engine::state::DaySum;
use store::{Store, event};

use crate::configuration::{COINS, RUNS, WORDS};
use crate::sequence;
use crate::world::{day, read};

checks!(day_sums_are_read_in_order);

fn day_sums_are_read_in_order(store: &Store) {
    let ran = sequence::run(store, 41, 14, false);
    let (space, model) = (ran.spaces[0], &ran.models[0]);
    let mut count = 0;
    for (name, state) in &model.users {
        let user = read(store, |tx| store::user::find(tx, space, name))
            .unwrap()
            .id;
        for metric in [RUNS, WORDS, COINS] {
            for to in ["2026-02-25", "2026-12-31", "2026-01-01"].map(day) {
                let expected: Vec<(jiff::civil::Date, DaySum)> = state
                    .days
                    .iter()
                    .filter(|((of, date), _)| *of == metric && *date <= to)
                    .map(|((_, date), row)| (*date, *row.get()))
                    .collect();
                count += expected.len();
                let days = read(store, |tx| event::days(tx, space, user, metric, to));
                assert_eq!(days, expected);
            }
        }
    }
    assert!(count > 10);
}

//! Completions, counted.

use std::collections::HashMap;

use store::{Store, completion};

use crate::sequence;
use crate::world::read;

checks!(completions_are_counted);

fn completions_are_counted(store: &Store) {
    let ran = sequence::run(store, 51, 24, false);
    for (index, space) in ran.spaces.into_iter().enumerate() {
        let mut expected = HashMap::new();
        for state in ran.models[index % 2].users.values() {
            for achievement in state.completions.keys() {
                *expected.entry(*achievement).or_insert(0_i64) += 1;
            }
        }
        assert!(expected.len() > 1);
        assert_eq!(read(store, |tx| completion::counts(tx, space)), expected);
    }
}

//! `engine::rank` against a model: a sorted vector.

use engine::rank::{Place, Standings};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Op {
    Insert(Place),
    Remove(Place),
    RemoveAt(usize),
    Replace(Place, Place),
    /// Moves the member at an index to a value as far away as given.
    Nudge(usize, i64),
    Rank(Place),
    Range(usize, usize),
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => -3_i64..=3,
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
        1 => any::<i64>(),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    (number(), number(), number()).prop_map(|(value, reached, user)| Place {
        value,
        reached,
        user,
    })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => place().prop_map(Op::Insert),
        2 => place().prop_map(Op::Remove),
        2 => any::<usize>().prop_map(Op::RemoveAt),
        1 => (place(), place()).prop_map(|(old, new)| Op::Replace(old, new)),
        3 => (any::<usize>(), -5_i64..=5).prop_map(|(index, by)| Op::Nudge(index, by)),
        2 => place().prop_map(Op::Rank),
        2 => (0_usize..400, 0_usize..400).prop_map(|(from, count)| Op::Range(from, count)),
        1 => Just(Op::Range(usize::MAX, usize::MAX)),
    ]
}

/// The model: slow and plainly right.
#[derive(Default)]
struct Model(Vec<Place>);

impl Model {
    fn insert(&mut self, place: Place) -> bool {
        match self.0.binary_search_by(|member| order(member, &place)) {
            Ok(_) => false,
            Err(at) => {
                self.0.insert(at, place);
                true
            }
        }
    }

    fn remove(&mut self, place: &Place) -> bool {
        let before = self.0.len();
        self.0.retain(|member| member != place);
        self.0.len() < before
    }

    fn rank(&self, place: &Place) -> usize {
        self.0
            .iter()
            .filter(|member| order(member, place).is_lt())
            .count()
    }
}

/// Written differently from the `Ord` under test.
fn order(one: &Place, other: &Place) -> std::cmp::Ordering {
    let key = |place: &Place| (-i128::from(place.value), place.reached, place.user);
    key(one).cmp(&key(other))
}

fn apply(standings: &mut Standings, model: &mut Model, op: &Op) {
    match *op {
        Op::Insert(place) => assert_eq!(standings.insert(place), model.insert(place)),
        Op::Remove(place) => assert_eq!(standings.remove(&place), model.remove(&place)),
        Op::RemoveAt(index) => {
            if let Some(index) = index.checked_rem(model.0.len()) {
                let place = model.0.remove(index);
                assert!(standings.remove(&place));
            }
        }
        Op::Replace(old, new) => {
            let expected = model.remove(&old) & model.insert(new);
            assert_eq!(standings.replace(&old, new), expected);
        }
        Op::Nudge(index, by) => {
            if let Some(index) = index.checked_rem(model.0.len()) {
                let old = model.0[index];
                let new = Place {
                    value: old.value.saturating_add(by),
                    ..old
                };
                let expected = model.remove(&old) & model.insert(new);
                assert_eq!(standings.replace(&old, new), expected);
            }
        }
        Op::Rank(place) => assert_eq!(standings.rank(&place), model.rank(&place)),
        Op::Range(from, count) => {
            let expected: Vec<_> = model.0.iter().skip(from).take(count).copied().collect();
            assert_eq!(standings.range(from, count).collect::<Vec<_>>(), expected);
        }
    }
    standings.check();
    assert_eq!(standings.len(), model.0.len());
    assert_eq!(standings.is_empty(), model.0.is_empty());
    assert_eq!(standings.first(), model.0.first().copied());
    assert_eq!(standings.last(), model.0.last().copied());
}

fn assert_same(standings: &Standings, model: &Model) {
    standings.check();
    assert_eq!(standings.range(0, usize::MAX).collect::<Vec<_>>(), model.0);
    for (index, place) in model.0.iter().enumerate() {
        assert_eq!(standings.get(index), Some(*place));
        assert_eq!(standings.rank(place), index);
    }
    assert_eq!(standings.get(model.0.len()), None);
    assert_eq!(standings.get(usize::MAX), None);
}

/// Deterministic numbers for the long runs, where shrinking would not help.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or_default()
    }

    fn place(&mut self, values: u64) -> Place {
        let value = self.below(values).cast_signed();
        Place {
            value,
            reached: self.below(50).cast_signed(),
            user: self.below(1 << 30).cast_signed(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn behaves_like_a_sorted_vector(
        start in prop::collection::vec(place(), 0..600),
        ops in prop::collection::vec(op(), 1..150),
    ) {
        let mut standings = Standings::new();
        let mut model = Model::default();
        for place in &start {
            prop_assert_eq!(standings.insert(*place), model.insert(*place));
        }
        for op in &ops {
            apply(&mut standings, &mut model, op);
        }
        assert_same(&standings, &model);
    }

    #[test]
    fn built_in_bulk_equals_inserted(
        places in prop::collection::vec(place(), 0..3000),
        ops in prop::collection::vec(op(), 0..60),
    ) {
        let mut bulk = Standings::from_places(places.clone());
        let mut single = Standings::new();
        let mut model = Model(places.iter().copied().collect::<BTreeSet<_>>().into_iter().collect());
        for place in places {
            single.insert(place);
        }
        assert_same(&bulk, &model);
        assert_same(&single, &model);
        for op in &ops {
            apply(&mut bulk, &mut model, op);
        }
        assert_same(&bulk, &model);
    }

    #[test]
    fn the_order_is_total(one in place(), two in place(), three in place()) {
        prop_assert_eq!(one.cmp(&two), order(&one, &two));
        prop_assert_eq!(one.cmp(&two), two.cmp(&one).reverse());
        prop_assert_eq!(one == two, one.cmp(&two).is_eq());
        prop_assert!(!(one < two && two < three) || one < three);
    }
}

#[test]
fn higher_value_then_earlier_then_lower_user_is_ahead() {
    let place = |value, reached, user| Place {
        value,
        reached,
        user,
    };
    let expected = vec![
        place(9, 5, 5),
        place(7, 1, 9),
        place(7, 2, 1),
        place(7, 2, 3),
        place(-1, 0, 0),
    ];
    let mut shuffled = expected.clone();
    shuffled.reverse();
    let standings = Standings::from_places(shuffled);
    assert_eq!(standings.range(0, 9).collect::<Vec<_>>(), expected);
    assert_eq!(standings.rank(&place(7, 2, 2)), 3);
    assert_eq!(standings.rank(&place(-5, 0, 0)), 5);
}

#[test]
fn empty_standings_answer() {
    let mut standings = Standings::new();
    let place = Place {
        value: 0,
        reached: 0,
        user: 0,
    };
    assert_eq!(standings.first(), None);
    assert_eq!(standings.last(), None);
    assert_eq!(standings.get(0), None);
    assert_eq!(standings.rank(&place), 0);
    assert_eq!(standings.range(0, 10).count(), 0);
    assert!(!standings.remove(&place));
    assert_eq!(standings.heap_bytes(), 0);
    assert!(!standings.replace(&place, place));
    assert_eq!(standings.len(), 1);
}

/// Large enough for three levels: grows, churns, is emptied; sound at every stage.
#[test]
fn three_levels_grow_and_shrink() {
    let mut numbers = Numbers(7);
    let mut standings = Standings::new();
    let mut model = BTreeSet::new();
    for _ in 0..40_000 {
        let place = numbers.place(1000);
        assert_eq!(standings.insert(place), model.insert(place));
    }
    standings.check();
    let mut members: Vec<Place> = model.iter().copied().collect();
    for turn in 0..100_000 {
        let index = numbers.index(members.len());
        let old = members[index];
        let far = numbers.below(4) == 0;
        let new = if far {
            Place {
                user: old.user,
                ..numbers.place(1000)
            }
        } else {
            Place {
                value: old.value + 1,
                ..old
            }
        };
        let removed = model.remove(&old);
        if model.contains(&new) {
            model.insert(old);
            continue;
        }
        model.insert(new);
        assert!(removed);
        assert!(standings.replace(&old, new));
        members[index] = new;
        if turn % 5_000 == 0 {
            standings.check();
        }
    }
    let mut places: Vec<Place> = model.iter().copied().collect();
    assert_same(&standings, &Model(places.clone()));
    assert!(standings.heap_bytes() / standings.len() < 32);

    // First the upper half in order, which empties whole branches, then the rest at random.
    for place in places.drain(..20_000) {
        assert!(standings.remove(&place));
    }
    standings.check();
    while !places.is_empty() {
        let index = numbers.index(places.len());
        let place = places.swap_remove(index);
        assert!(standings.remove(&place));
        assert!(!standings.remove(&place));
        if places.len().is_multiple_of(1000) {
            standings.check();
        }
    }
    assert!(standings.is_empty());
    assert!(standings.heap_bytes() < 1000);
}

/// Members that come in order, from either end, must not leave a lopsided or wasteful tree.
#[test]
fn insertion_in_order_stays_sound() {
    for direction in [1, -1] {
        let mut standings = Standings::new();
        for value in 0..50_000 {
            assert!(standings.insert(Place {
                value: value * direction,
                reached: 0,
                user: 0
            }));
        }
        standings.check();
        assert_eq!(standings.len(), 50_000);
        assert!(standings.heap_bytes() / standings.len() < 32);
    }
}

/// Around the sizes at which a bulk build changes its shape.
#[test]
fn bulk_builds_of_every_size_are_sound() {
    let place = |value| Place {
        value,
        reached: 0,
        user: 0,
    };
    let small = 0..1100;
    let large = (9_000..9_400).step_by(7);
    for size in small.chain(large) {
        let standings = Standings::from_places((0..size).map(place).collect());
        standings.check();
        assert_eq!(standings.len(), usize::try_from(size).unwrap());
        assert_eq!(standings.rank(&place(-1)), standings.len());
    }
}

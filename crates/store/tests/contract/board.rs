//! Values on boards: read, and rebuilt to what they were.

use std::collections::{BTreeMap, BTreeSet};

use engine::definition::{PointsTrigger, RankBy, TriggerRule};
use engine::id::{BoardId, UserId};
use engine::leaderboard;
use engine::state::{BoardValue, Group};
use store::{Space, Store, board, definition};

use crate::configuration::{self, BOARDS, COINS, RUNS, STREAK_BOARD, WEEKLY, WORD_BOARD, XP, id};
use crate::sequence;
use crate::world::{World, attributes, catalog, event, read, save, write};

checks!(
    a_rebuilt_board_is_the_one_that_grew,
    places_are_by_group_and_only_of_those_who_take_part,
    an_award_that_is_taken_back_at_once_moves_nobody,
);

type Values = BTreeMap<(i64, UserId), BoardValue>;

fn values(store: &Store, space: Space, board: BoardId) -> Values {
    read(store, |tx| {
        let keys = tx.rows(
            "select run, user_id from board_entry where space_id = $1 and board_id = $2",
            &[space.number().into(), board.0.into()],
            |row| Ok((row.get(0)?, UserId(row.get(1)?))),
        )?;
        let mut values = Values::new();
        for (run, user) in keys {
            values.insert(
                (run, user),
                board::value(tx, space, board, run, user)?.unwrap(),
            );
        }
        Ok(values)
    })
}

fn rebuild(store: &Store, space: Space, board: BoardId, now: jiff::Timestamp) {
    write(store, |tx| {
        let catalog = catalog(tx, space)?;
        board::rebuild(tx, space, catalog.board(board).unwrap(), now)
    });
}

fn a_rebuilt_board_is_the_one_that_grew(store: &Store) {
    rebuilt_after(store, 21);
}

/// As for [`crate::batch`].
#[test]
#[ignore = "takes minutes"]
fn many_seeds() {
    for seed in 2_000..2_015 {
        let folder = testkit::temp_dir();
        let file = folder.path().join("kleos.db");
        rebuilt_after(
            &crate::world::migrated(store::driver::Location::Sqlite(file)),
            seed,
        );
    }
}

fn rebuilt_after(store: &Store, seed: u64) {
    let ran = sequence::run(store, seed, 30, false);
    let (space, now) = (ran.spaces[0], ran.world.now);
    for id in BOARDS {
        let mut live = values(store, space, id);
        let others: Vec<Values> = ran.spaces[1..]
            .iter()
            .map(|space| values(store, *space, id))
            .collect();
        rebuild(store, space, id, now);
        let mut rebuilt = values(store, space, id);
        assert!(!live.is_empty() || seed >= 2_000, "{id}");
        // A streak that was lost leaves a row that ranks nobody.
        if id == STREAK_BOARD {
            live.retain(|_, value| value.value > 0);
        }
        // Those who left a group stay in it in the runs that are over; a rebuilt board knows only
        // where they are now.
        if id == WEEKLY {
            let catalog = read(store, |tx| catalog(tx, space));
            let open = leaderboard::open_runs(catalog.board(id).unwrap(), now);
            for values in [&mut live, &mut rebuilt] {
                for ((run, _), value) in values.iter_mut() {
                    if !open.contains(run) {
                        value.group = None;
                    }
                }
            }
        }
        assert_eq!(rebuilt, live, "seed {seed}, board {id}");
        for (space, before) in ran.spaces[1..].iter().zip(others) {
            assert_eq!(
                values(store, *space, id),
                before,
                "another space is left alone"
            );
        }
        // Once more: nothing moves.
        let once = values(store, space, id);
        rebuild(store, space, id, now);
        assert_eq!(values(store, space, id), once, "seed {seed}, board {id}");
    }
}

fn places_are_by_group_and_only_of_those_who_take_part(store: &Store) {
    let mut world = World::new(store);
    let space = world.space;
    write(store, |tx| configuration::insert(tx, space, world.now));
    for (name, pairs, value) in [
        ("ada", &[("plan", "pro"), ("team", "red")][..], "3"),
        ("bo", &[("plan", "pro"), ("team", "blå 馬")], "2"),
        ("cy", &[("team", "red")], "1"),
        ("di", &[], "9"),
        ("ed", &[("plan", "pro"), ("team", "red")], "-1"),
    ] {
        world.send(space, name, save(attributes(pairs)));
        world.event(name, "runs", value);
        world.event(name, "words", value);
    }
    let ids = |names: &[&str]| names.iter().map(|name| world.find(name).id.0).collect();
    let places = |board| {
        let places = read(store, |tx| board::places(tx, space, board, run(board)));
        let plain =
            |places: Vec<engine::rank::Place>| places.iter().map(|place| place.user).collect();
        places
            .into_iter()
            .map(|(group, places)| (group, plain(places)))
            .collect::<BTreeMap<Group, BTreeSet<i64>>>()
    };
    let group = |text: &str| vec![text.to_owned()];
    assert_eq!(
        places(WEEKLY),
        [
            (group("red"), ids(&["ada", "cy"])),
            (group("blå 馬"), ids(&["bo"]))
        ]
        .into()
    );
    assert_eq!(
        places(WORD_BOARD),
        [(group("pro"), ids(&["ada", "bo"]))].into()
    );
    assert_eq!(
        places(STREAK_BOARD),
        [(vec![], ids(&["ada", "bo", "cy", "di"]))].into()
    );
    let before = [WEEKLY, WORD_BOARD, STREAK_BOARD].map(places);
    for id in BOARDS {
        rebuild(store, space, id, world.now);
    }
    assert_eq!([WEEKLY, WORD_BOARD, STREAK_BOARD].map(places), before);
    // Those who do not take part have a value all the same.
    let di = world.find("di").id;
    let value = read(store, |tx| board::value(tx, space, WORD_BOARD, 0, di)).unwrap();
    assert_eq!((value.value, value.group), (9_000_000, None));
    assert_eq!(
        read(store, |tx| board::value(tx, space, WORD_BOARD, 5, di)),
        None
    );
    assert!(read(store, |tx| board::places(tx, space, WORD_BOARD, 5)).is_empty());
}

/// The run that is open when tests begin: weeks since 2026-02-02.
fn run(board: BoardId) -> i64 {
    if board == WEEKLY { 2 } else { 0 }
}

fn an_award_that_is_taken_back_at_once_moves_nobody(store: &Store) {
    let mut world = World::new(store);
    let (space, now) = (world.space, world.now);
    let every = |metric| TriggerRule::Metric {
        metric,
        threshold: 1,
        event_filters: Vec::new(),
    };
    let (points, all) = (BoardId(id(91)), BoardId(id(92)));
    write(store, |tx| {
        for (id, key) in [(RUNS, "runs"), (COINS, "coins")] {
            definition::insert(tx, space, id.0, &configuration::metric(key), now)?;
        }
        definition::insert(tx, space, XP.0, &configuration::system("xp", None), now)?;
        for (number, metric, points) in [(1, RUNS, 5), (2, COINS, 5), (3, COINS, -5)] {
            let trigger: PointsTrigger = configuration::trigger(XP, every(metric), points, now);
            definition::insert(tx, space, id(number), &trigger, now)?;
        }
        let board = configuration::board("points", RankBy::Points(XP));
        definition::insert(tx, space, points.0, &board, now)?;
        let board = configuration::board("all", RankBy::Metric(RUNS));
        definition::insert(tx, space, all.0, &board, now)?;
        Ok(())
    });
    world.event("ada", "runs", "1");
    let at = world.now;
    world
        .at("2026-02-21T10:00:00Z")
        .send(space, "ada", event("coins", "1", &[]));
    world.event("ada", "runs", "0");
    for id in [points, all] {
        let live = values(store, space, id);
        assert_eq!(
            live.values().map(|value| value.reached).collect::<Vec<_>>(),
            [at]
        );
        rebuild(store, space, id, world.now);
        assert_eq!(values(store, space, id), live);
    }
}

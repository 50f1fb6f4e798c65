//! Batches: loaded, decided and saved together.

use engine::command::{Command, CompleteAchievement};
use engine::id::Ids;
use engine::outcome::{Outcome, Reply};
use engine::user::Patch;
use jiff::SignedDuration;
use store::batch::{self, Item};
use store::{Error, Store, user};

use crate::configuration::{self, KIND_B};
use crate::dump::{dump, dump_in};
use crate::sequence;
use crate::world::{
    self, World, attributes, carry_out, catalog, event, keyed, read, record, reply, save, write,
};

checks!(
    random_commands_leave_the_rows_of_the_model,
    random_commands_with_changes_leave_the_rows_of_the_model,
    a_rollback_leaves_nothing,
    a_failure_leaves_nothing,
    replays_are_found_in_the_batch_and_after_it,
    a_refused_first_command_makes_no_user,
    unknown_users_are_not_loaded,
    missing_counters_come_from_the_log,
    a_log_is_read_once_for_a_rule,
    a_new_user_never_takes_the_place_of_another,
    large_batches_are_saved,
    an_empty_batch_is_nothing,
);

fn random_commands_leave_the_rows_of_the_model(store: &Store) {
    let mut ran = sequence::run(store, 11, 24, false);
    ran.assert_stored();
    ran.assert_loaded();
    ran.world.now += SignedDuration::from_hours(400);
    ran.assert_loaded();
}

fn random_commands_with_changes_leave_the_rows_of_the_model(store: &Store) {
    let mut ran = sequence::run(store, 12, 30, true);
    let rows = dump(store, ran.spaces[0]);
    for table in [
        "idempotency",
        "counter",
        "completion",
        "ledger_entry",
        "outbox",
    ] {
        assert!(rows.lines(table).len() > 4, "{table}");
    }
    for mark in ["met", "freeze"] {
        let mark = format!("{mark:?}");
        assert!(
            rows.lines("streak_period")
                .iter()
                .any(|line| line.ends_with(&mark))
        );
    }
    ran.assert_stored();
    ran.assert_loaded();
}

fn configured(store: &Store) -> World<'_> {
    let world = World::new(store);
    write(store, |tx| {
        configuration::insert(tx, world.space, world.now)
    });
    world
}

fn a_rollback_leaves_nothing(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    let asks: Vec<_> = (0..8)
        .map(|n| {
            world.ask(
                space,
                ["ada", "bo"][n % 2],
                event("runs", "2", &[("kind", "a")]),
            )
        })
        .collect();
    let mut ids = Ids::seeded(9);
    let result: store::Result<()> = store.write(|tx| {
        carry_out(tx, &asks, &mut ids)?;
        assert!(
            !dump_in(tx, space)?.lines("ledger_entry").is_empty(),
            "it was written"
        );
        Err(Error::Busy)
    });
    assert!(matches!(result, Err(Error::Busy)));
    assert!(dump(store, space).is_empty());
    // The same commands can be carried out afterwards.
    world.carry_out(&asks);
    assert_eq!(dump(store, space).lines("event").len(), 8);
}

fn a_failure_leaves_nothing(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    let first = world.ask(space, "ada", event("runs", "1", &[]));
    world.carry_out(std::slice::from_ref(&first));
    let before = dump(store, space);
    // The same seed gives the same id of the event, which is taken.
    let other = world.ask(space, "bo", event("runs", "1", &[]));
    let again = world::Ask {
        now: first.now,
        ..first.clone()
    };
    let ids = &mut world.ids;
    let result = store.write(|tx| carry_out(tx, &[other.clone(), again], ids));
    assert!(matches!(result, Err(Error::Conflict(_))), "{result:?}");
    dump(store, space).assert_eq(&before, "after a conflict");
    // The one that is not to blame succeeds alone.
    assert!(matches!(
        reply(world.carry_out(&[other]).remove(0).unwrap())
            .total
            .to_f64(),
        1.0
    ));
}

fn replays_are_found_in_the_batch_and_after_it(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    let other = world.tenant("other");
    write(store, |tx| configuration::insert(tx, other, world.now));
    let asks = [
        world.ask(space, "ada", keyed("runs", "1", "k")),
        world.ask(space, "ada", keyed("runs", "5", "k")),
        world.ask(space, "ada", keyed("words", "1", "k")),
        world.ask(space, "bo", keyed("runs", "1", "k")),
        world.ask(other, "ada", keyed("runs", "1", "k")),
        world.ask(space, "ada", keyed("runs", "1", "K")),
    ];
    let replies: Vec<_> = world
        .carry_out(&asks)
        .into_iter()
        .map(|outcome| reply(outcome.unwrap()))
        .collect();
    let replayed: Vec<bool> = replies.iter().map(|reply| reply.is_replay).collect();
    assert_eq!(replayed, [false, true, false, false, false, false]);
    assert_eq!(replies[1].event, replies[0].event);
    for (ask, first) in asks.iter().zip(&replies) {
        let again = world.ask(ask.space, "", ask.command.clone());
        let again = world::Ask {
            user: ask.user.clone(),
            ..again
        };
        let reply = reply(world.carry_out(&[again]).remove(0).unwrap());
        assert!(reply.is_replay);
        assert_eq!(reply.event, first.event);
    }
    let dump = dump(store, space);
    assert_eq!(
        (dump.lines("event").len(), dump.lines("idempotency").len()),
        (4, 4)
    );
}

fn a_refused_first_command_makes_no_user(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    let complete = CompleteAchievement {
        key: "none".to_owned(),
        user: Patch::default(),
    };
    for command in [
        event("nothing", "1", &[]),
        event("runs", "1", &[("unknown", "x")]),
        save(attributes(&[("unknown", "x")])),
        Command::CompleteAchievement(complete),
        Command::Settle,
        Command::Backdate {
            achievement: KIND_B,
        },
    ] {
        let outcome = world.send(space, "nobody", command);
        assert!(matches!(outcome.reply, Reply::Refused(_) | Reply::Done));
    }
    assert!(dump(store, space).is_empty());
    // A blocked event keeps what it says of the user.
    let mut blocked = record("coins", "9", &[]);
    blocked.user = attributes(&[("plan", "pro")]);
    let outcome = world.send(space, "poor", Command::RecordEvent(blocked));
    assert!(matches!(outcome.reply, Reply::Refused(_)));
    assert_eq!(world.find("poor").attributes["plan"], "pro");
    assert!(dump(store, space).lines("metric_total").is_empty());
}

fn unknown_users_are_not_loaded(store: &Store) {
    let mut world = configured(store);
    let (space, now) = (world.space, world.now);
    let ask = world.ask(space, "nobody", Command::Settle);
    world.carry_out(&[ask]);
    assert_eq!(dump(store, space).lines("end_user").len(), 0);
    let one = read(store, |tx| {
        let catalog = catalog(tx, space)?;
        batch::load_one(tx, space, &catalog, "nobody", now)
    });
    assert_eq!(one, None);
    // Without a catalog there is a user and nothing else.
    world.event("ada", "runs", "1");
    let user = "ada";
    let item = Item {
        space,
        user,
        command: &Command::Settle,
        now,
    };
    let ids = &mut world.ids;
    let mut set = read(store, |tx| batch::load(tx, &|_| None, &[item], ids, false));
    assert!(set.state(space, user).unwrap().totals.is_empty());
}

fn missing_counters_come_from_the_log(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    for value in ["1", "1.5"] {
        world.send(space, "ada", event("words", value, &[("kind", "b")]));
    }
    world.send(space, "ada", event("words", "100", &[("kind", "a")]));
    world.send(space, "bo", event("words", "100", &[("kind", "b")]));
    world.now += SignedDuration::from_hours(1);
    let now = world.now;
    write(store, |tx| configuration::insert_late(tx, space, now));
    let late = |outcome: Outcome| {
        let completed = reply(outcome).completed;
        completed
            .iter()
            .filter(|(achievement, _)| *achievement == KIND_B)
            .count()
    };
    assert_eq!(
        late(world.send(space, "ada", event("words", "7", &[("kind", "a")]))),
        0
    );
    // 1 + 1.5 + 0.5 = 3 in one batch with 1 = 4.
    let asks = [
        world.ask(space, "ada", event("words", "0.5", &[("kind", "b")])),
        world.ask(space, "ada", event("words", "1", &[("kind", "b")])),
    ];
    let counts: Vec<_> = world
        .carry_out(&asks)
        .into_iter()
        .map(|outcome| late(outcome.unwrap()))
        .collect();
    assert_eq!(counts, [0, 1]);
    let id = format!("{:?} | 4000000 | 4000000", KIND_B.0);
    assert!(
        dump(store, space)
            .lines("counter")
            .iter()
            .any(|line| line.contains(&id))
    );
    // Back-dating counts too.
    let outcome = world.send(
        space,
        "bo",
        Command::Backdate {
            achievement: KIND_B,
        },
    );
    assert_eq!(outcome.appended.completions.len(), 1);
}

fn a_log_is_read_once_for_a_rule(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    let counters = |store| dump(store, space).lines("counter").clone();
    world.event("ada", "words", "1");
    assert!(counters(store).is_empty());
    // No event matches, and that is kept, for the achievement and for the trigger.
    world.event("ada", "words", "1");
    let kept = counters(store);
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(
        kept.iter().all(|line| line.contains("| 0 | 0 |")),
        "{kept:?}"
    );
    world.event("ada", "words", "1");
    assert_eq!(counters(store), kept);
    world.send(space, "ada", event("words", "5", &[("kind", "a")]));
    assert!(
        counters(store)
            .iter()
            .all(|line| line.contains("| 5000000 | 5000000 |"))
    );
}

/// Two processes may come to the same number of a user. Whoever is later must not write into the
/// rows of the other.
fn a_new_user_never_takes_the_place_of_another(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    let ada = world.ask(space, "ada", event("runs", "1", &[]));
    let mut bo = world.ask(space, "bo", event("runs", "1", &[]));
    bo.now = ada.now;
    write(store, |tx| carry_out(tx, &[ada], &mut Ids::seeded(77)));
    let before = dump(store, space);
    let mut same = Ids::seeded(77);
    let result = store.write(|tx| carry_out(tx, std::slice::from_ref(&bo), &mut same));
    assert!(matches!(result, Err(Error::Conflict(_))), "{result:?}");
    dump(store, space).assert_eq(&before, "after the conflict");
    write(store, |tx| carry_out(tx, &[bo], &mut same));
    assert_ne!(world.find("ada").id, world.find("bo").id);
}

fn large_batches_are_saved(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    let asks: Vec<_> = (0..256)
        .map(|n| {
            let name = format!("user {}", n % 100);
            let mut event = record("runs", "1", &[("kind", "a")]);
            event.user = attributes(&[("team", "red")]);
            event.idempotency_key = Some(format!("key {n}"));
            world.ask(space, &name, Command::RecordEvent(event))
        })
        .collect();
    world.carry_out(&asks);
    let dump = dump(store, space);
    assert_eq!(dump.lines("event").len(), 256);
    assert_eq!(dump.lines("idempotency").len(), 256);
    assert_eq!(dump.lines("metric_total").len(), 100);
    assert_eq!(read(store, |tx| user::count(tx, space)), 100);
}

fn an_empty_batch_is_nothing(store: &Store) {
    let mut world = configured(store);
    assert!(world.carry_out(&[]).is_empty());
    assert!(dump(store, world.space).is_empty());
}

/// `cargo test -p store --test contract -- --ignored many_seeds` after a change of batches.
#[test]
#[ignore = "takes minutes"]
fn many_seeds() {
    for seed in 1_000..1_040 {
        let folder = testkit::temp_dir();
        let file = folder.path().join("kleos.db");
        let store = world::migrated(store::driver::Location::Sqlite(file));
        let mut ran = sequence::run(&store, seed, 40, seed % 2 == 0);
        ran.assert_stored();
        ran.assert_loaded();
    }
}

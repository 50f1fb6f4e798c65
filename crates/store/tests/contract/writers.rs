//! Two processes on one `PostgreSQL` database. (In `SQLite` there is one writer.)

use std::sync::mpsc;
use std::time::Duration;

use engine::id::Ids;
use store::batch::{self, Item};
use store::driver::Location;
use store::{Error, Store};

use crate::configuration;
use crate::dump::dump;
use crate::world::{World, carry_out, catalog, event, migrated, reply, write};

/// Long enough to see that somebody waits.
const PATIENCE: Duration = Duration::from_millis(300);
const LIMIT: Duration = Duration::from_secs(9);

fn two() -> (Store, Store) {
    let url = testkit::postgres_url();
    (
        migrated(Location::Postgres(url.clone())),
        Store::open(Location::Postgres(url)).unwrap(),
    )
}

fn configured(store: &Store) -> World<'_> {
    let world = World::new(store);
    write(store, |tx| {
        configuration::insert(tx, world.space, world.now)
    });
    world
}

#[test]
fn writers_of_one_user_wait_for_each_other() {
    let (first, second) = two();
    let mut world = configured(&first);
    let space = world.space;
    world.event("ada", "runs", "1");
    world.event("bo", "runs", "1");
    let ask = world.ask(space, "ada", event("runs", "2", &[]));
    let later = world.ask(space, "ada", event("runs", "4", &[]));
    let other = world.ask(space, "bo", event("runs", "8", &[]));
    let mut ids = Ids::seeded(5);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let second = &second;
        write(&first, |tx| {
            carry_out(tx, std::slice::from_ref(&ask), &mut ids)?;
            scope.spawn(move || {
                let mut ids = Ids::seeded(6);
                // Another user is served at once.
                let outcomes = write(second, |tx| carry_out(tx, &[other], &mut ids));
                sender.send(outcomes).unwrap();
                let outcomes = write(second, |tx| carry_out(tx, &[later], &mut ids));
                sender.send(outcomes).unwrap();
            });
            let mut bo = receiver.recv_timeout(LIMIT).unwrap();
            assert_eq!(reply(bo.remove(0).unwrap()).total.rounded(), 9);
            assert!(
                receiver.recv_timeout(PATIENCE).is_err(),
                "it must wait for the commit"
            );
            Ok(())
        });
        let mut ada = receiver.recv_timeout(LIMIT).unwrap();
        assert_eq!(
            reply(ada.remove(0).unwrap()).total.rounded(),
            7,
            "1 + 2 + 4"
        );
    });
    let total = format!("{:?} | {:?} | 7000000", "ada", configuration::RUNS.0);
    assert!(
        dump(&first, space)
            .lines("metric_total")
            .iter()
            .any(|line| line.starts_with(&total))
    );
}

#[test]
fn a_read_does_not_wait() {
    let (first, second) = two();
    let mut world = configured(&first);
    let space = world.space;
    world.event("ada", "runs", "1");
    let ask = world.ask(space, "ada", event("runs", "2", &[]));
    let mut ids = Ids::seeded(5);
    write(&first, |tx| {
        carry_out(tx, std::slice::from_ref(&ask), &mut ids)?;
        let item = Item {
            space,
            user: &ask.user,
            command: &ask.command,
            now: ask.now,
        };
        let mut set = second.read(|tx| {
            let catalog = catalog(tx, space)?;
            let mut ids = Ids::seeded(6);
            batch::load(tx, &|_| Some(catalog.clone()), &[item], &mut ids, false)
        })?;
        let state = set.state(space, &ask.user).unwrap();
        assert_eq!(
            state.total(configuration::RUNS).rounded(),
            1,
            "not yet committed"
        );
        Ok(())
    });
}

#[test]
fn the_second_to_make_a_user_repeats() {
    let (first, second) = two();
    let mut world = configured(&first);
    let space = world.space;
    let one = world.ask(space, "ada", event("runs", "1", &[]));
    let two = world.ask(space, "ada", event("runs", "2", &[]));
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let second = &second;
        write(&first, |tx| {
            carry_out(tx, &[one], &mut Ids::seeded(5))?;
            let two = two.clone();
            scope.spawn(move || {
                let mut ids = Ids::seeded(6);
                let result = second.write(|tx| carry_out(tx, std::slice::from_ref(&two), &mut ids));
                sender.send(result.map(|_| ())).unwrap();
            });
            assert!(
                receiver.recv_timeout(PATIENCE).is_err(),
                "it must wait for the commit"
            );
            Ok(())
        });
        let result = receiver.recv_timeout(LIMIT).unwrap();
        assert!(
            matches!(result, Err(Error::Conflict(_) | Error::Busy)),
            "{result:?}"
        );
    });
    let mut outcomes = write(&second, |tx| carry_out(tx, &[two], &mut Ids::seeded(7)));
    assert_eq!(reply(outcomes.remove(0).unwrap()).total.rounded(), 3);
    assert_eq!(dump(&first, space).lines("end_user").len(), 1);
}

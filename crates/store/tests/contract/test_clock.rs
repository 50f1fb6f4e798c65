//! Test clocks: who lives by them, and what is due by them.

use engine::command::Command;
use store::job::{self, Task};
use store::test_clock::{self, TestClock};
use store::{Space, Store, access, announced, streak, tenancy};

use crate::configuration::{self, id};
use crate::world::{World, event, instant, read, write};

checks!(
    a_clock_is_set_and_taken_away,
    midnights_are_due_by_the_clock_of_the_environment,
    jobs_belong_to_environments,
    only_a_new_environment_is_empty,
    environments_are_held,
);

/// Another environment with its space.
fn stage(world: &mut World<'_>, store: &Store) -> (access::Environment, Space) {
    let (ids, now) = (&mut world.ids, world.now);
    write(store, |tx| {
        let environment = tenancy::insert_environment(tx, "Dev", "dev", "development", ids, now)?;
        let space = access::default_space(tx, environment)?.unwrap();
        Ok((environment, space))
    })
}

fn a_clock_is_set_and_taken_away(store: &Store) {
    let mut world = World::new(store);
    let (environment, space) = stage(&mut world, store);
    let production = world.environment;
    let hold = |environment| write(store, |tx| test_clock::hold(tx, environment)).unwrap();
    let of = |is_production, now| TestClock { is_production, now };
    assert_eq!(hold(environment), of(false, None));
    assert_eq!(hold(production), of(true, None));
    assert_eq!(read(store, test_clock::environments), []);
    let at = instant("2027-01-02T03:04:05.678901Z");
    write(store, |tx| test_clock::set(tx, environment, Some(at)));
    assert_eq!(hold(environment), of(false, Some(at)));
    assert_eq!(hold(production), of(true, None));
    assert_eq!(read(store, test_clock::environments), [environment]);
    assert_eq!(read(store, |tx| test_clock::now(tx, environment)), Some(at));
    let versions = |space| read(store, |tx| access::versions(tx, space)).unwrap();
    assert_eq!(versions(space).test_now, Some(at));
    assert_eq!(versions(world.space).test_now, None);
    write(store, |tx| test_clock::set(tx, environment, None));
    assert_eq!(read(store, |tx| test_clock::now(tx, environment)), None);
    write(store, |tx| test_clock::forget_before(tx, environment, at));
    let told = |space| write(store, |tx| announced::up_to(tx, space));
    assert_eq!((told(space), told(world.space)), (Some(at), None));
}

fn midnights_are_due_by_the_clock_of_the_environment(store: &Store) {
    let mut world = World::new(store);
    let (environment, space) = stage(&mut world, store);
    let production = world.space;
    for space in [space, production] {
        write(store, |tx| configuration::insert(tx, space, world.now));
        world.send(space, "ada", event("runs", "1", &[]));
    }
    // The 20th is met: the end of the 21st matters.
    let end = instant("2026-02-22T00:00:00Z");
    let due = |now| read(store, |tx| streak::due(tx, now, 10));
    let due_in = |now| read(store, |tx| streak::due_in(tx, environment, now, 10));
    let ada = |space| (space, "ada".to_owned());
    let mut both = [ada(production), ada(space)];
    both.sort();
    let mut found = due(end);
    found.sort();
    assert_eq!(found, both);
    let early = Some(world.now);
    write(store, |tx| test_clock::set(tx, environment, early));
    // Whatever its clock shows: the clock of the machine is not that of the environment.
    assert_eq!(due(end), [ada(production)]);
    assert_eq!(read(store, streak::next_due), Some(end));
    assert_eq!(due_in(instant("2026-02-21T23:59:59.999999Z")), []);
    assert_eq!(due_in(end), [ada(space)]);
    let next = |now| read(store, |tx| streak::next_due_in(tx, environment, now));
    assert_eq!(next(world.now), Some(end));
    assert_eq!(next(end), None);
    world.at("2026-02-22T00:00:00Z");
    world.send(production, "ada", Command::Settle);
    assert_eq!(due(end), []);
    assert_eq!(due_in(end), [ada(space)]);
    world.send(space, "ada", Command::Settle);
    assert_eq!(due_in(end), []);
}

fn jobs_belong_to_environments(store: &Store) {
    let mut world = World::new(store);
    let (environment, space) = stage(&mut world, store);
    let production = world.environment;
    for (space, number) in [(space, 1), (world.space, 2), (world.tenant("one"), 3)] {
        let now = world.now;
        write(store, |tx| {
            job::insert(tx, space, id(number), Task::Settle, now)
        });
    }
    let jobs = |environment| {
        let jobs = read(store, |tx| job::list_in(tx, environment, 10));
        let mut ids: Vec<_> = jobs.into_iter().map(|job| job.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(jobs(environment), [id(1)]);
    assert_eq!(jobs(production), [id(2), id(3)]);
}

fn only_a_new_environment_is_empty(store: &Store) {
    let mut world = World::new(store);
    let (environment, space) = stage(&mut world, store);
    let is_empty = || read(store, |tx| test_clock::is_empty(tx, environment));
    world.send(world.space, "ada", Command::Settle);
    assert!(is_empty());
    let last = || read(store, |tx| test_clock::last_event(tx, space));
    assert_eq!(last(), None);
    write(store, |tx| configuration::insert(tx, space, world.now));
    assert!(!is_empty());
    world.send(space, "ada", event("runs", "1", &[]));
    world.at("2026-02-20T09:30:01.5Z");
    world.send(space, "ada", event("runs", "1", &[]));
    assert_eq!(last(), Some(world.now));
    assert_eq!(
        read(store, |tx| access::spaces_of(tx, environment)),
        [space]
    );
}

fn environments_are_held(store: &Store) {
    let mut world = World::new(store);
    stage(&mut world, store);
    let keys: Vec<String> = write(store, tenancy::hold_environments)
        .into_iter()
        .map(|one| one.key)
        .collect();
    assert_eq!(keys, ["production", "dev"]);
}

//! Endpoints, and messages on their way to them.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use store::delivery::{self, Attempt, Ended, NewDelivery, State, Wanted};
use store::webhook::{self, Endpoint};
use store::{Store, access, definition};
use uuid::Uuid;

use crate::configuration::id;
use crate::world::{World, read, write};

checks!(
    endpoints_are_kept,
    endpoints_hear_of_all_spaces_of_their_environment,
    what_is_gone_is_switched_off_once,
    messages_are_claimed_once,
    each_endpoint_waits_for_itself,
    claims_end,
    a_late_word_changes_nothing,
    claims_of_dead_processes_end,
    messages_are_listed_and_replayed,
    old_messages_are_forgotten,
);

const ALL: Wanted<'static> = Wanted {
    state: None,
    kind: None,
    limit: 100,
    skip: 0,
};

fn endpoint(number: u128, kinds: &[&str], now: Timestamp) -> Endpoint {
    Endpoint {
        id: id(number),
        name: "Háček 馬".to_owned(),
        url: "https://example.com/x".to_owned(),
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        secret: "the secret of it".to_owned(),
        old_secret: None,
        is_active: true,
        disabled_reason: None,
        created: now,
        updated: now,
    }
}

fn made(store: &Store, world: &World<'_>, number: u128) -> Endpoint {
    let one = endpoint(number, &["streak.lost"], world.now);
    write(store, |tx| webhook::insert(tx, world.environment, &one));
    one
}

fn send(
    store: &Store,
    world: &World<'_>,
    endpoint: &Endpoint,
    number: u128,
    at: Timestamp,
) -> Uuid {
    let new = NewDelivery {
        id: id(number),
        endpoint: endpoint.id,
        space: world.space,
        event: id(number + 1_000),
        kind: "streak.lost",
        body: b"{\"type\":\"x\\u0000\"}",
    };
    write(store, |tx| delivery::insert(tx, &[new], at));
    new.id
}

fn minutes(at: Timestamp, minutes: i64) -> Timestamp {
    at + SignedDuration::from_mins(minutes)
}

fn ended(
    endpoint: &Endpoint,
    id: Uuid,
    number: i64,
    state: State,
    due: Option<Timestamp>,
) -> Ended {
    Ended {
        endpoint: endpoint.id,
        id,
        attempt: Attempt {
            number,
            at: due.unwrap_or(endpoint.created),
            took_ms: 7,
            status: (state == State::Delivered).then_some(204),
            error: (state != State::Delivered).then(|| "no answer".to_owned()),
            answer: (state == State::Delivered).then(|| "fine ✓".to_owned()),
        },
        state,
        due,
    }
}

fn endpoints_are_kept(store: &Store) {
    let world = World::new(store);
    let environment = world.environment;
    let first = made(store, &world, 1);
    let mut second = endpoint(2, &["points.changed", "streak.lost"], minutes(world.now, 1));
    second.old_secret = Some(("the one before".to_owned(), minutes(world.now, 9)));
    write(store, |tx| webhook::insert(tx, environment, &second));
    let list = |limit, skip| read(store, |tx| webhook::list(tx, environment, limit, skip));
    assert_eq!(list(10, 0), [first.clone(), second.clone()]);
    assert_eq!(list(1, 1), [second.clone()]);
    second.is_active = false;
    second.disabled_reason = Some("switched off".to_owned());
    second.old_secret = None;
    second.kinds = BTreeSet::from(["streak.started".to_owned()]);
    second.updated = minutes(world.now, 2);
    write(store, |tx| webhook::update(tx, environment, &second));
    let find = |id| read(store, |tx| webhook::find(tx, environment, id));
    assert_eq!(find(second.id), Some(second.clone()));
    assert_eq!(find(id(3)), None);
    assert!(!format!("{first:?}").contains("the secret of it"));
    let delete = |id| write(store, |tx| webhook::delete(tx, environment, id));
    assert!(delete(first.id) && !delete(first.id));
    assert_eq!(list(10, 0), [second]);
}

fn endpoints_hear_of_all_spaces_of_their_environment(store: &Store) {
    let mut world = World::new(store);
    let (space, tenant) = (world.space, world.tenant("one"));
    let (ids, now) = (&mut world.ids, world.now);
    let staging = write(store, |tx| {
        store::tenancy::insert_environment(tx, "Staging", "staging", "staging", ids, now)
    });
    let staged = read(store, |tx| access::default_space(tx, staging)).unwrap();
    let spaces = [space, tenant, staged];
    let versions = || spaces.map(|one| read(store, |tx| access::versions(tx, one)).unwrap().config);
    let listened = || {
        spaces.map(|one| {
            let catalog = read(store, |tx| definition::catalog(tx, one, 1));
            ["streak.lost", "points.changed"].map(|kind| catalog.listens(kind))
        })
    };
    let before = versions();
    assert_eq!(listened(), [[false; 2]; 3]);
    let mut one = made(store, &world, 1);
    let other = endpoint(2, &["points.changed"], world.now);
    write(store, |tx| webhook::insert(tx, staging, &other));
    assert_eq!(listened(), [[true, false], [true, false], [false, true]]);
    let after = versions();
    assert!(
        before
            .iter()
            .zip(after)
            .all(|(before, after)| *before < after)
    );
    assert_eq!(read(store, |tx| webhook::active(tx, tenant)), [one.clone()]);
    // Only its own environment reaches it.
    assert_eq!(read(store, |tx| webhook::find(tx, staging, one.id)), None);
    assert!(!write(store, |tx| webhook::delete(tx, staging, one.id)));
    one.is_active = false;
    write(store, |tx| webhook::update(tx, staging, &one));
    assert_eq!(read(store, |tx| webhook::active(tx, space)).len(), 1);
    write(store, |tx| webhook::update(tx, world.environment, &one));
    assert_eq!(listened(), [[false; 2], [false; 2], [false, true]]);
}

fn what_is_gone_is_switched_off_once(store: &Store) {
    let world = World::new(store);
    let one = made(store, &world, 1);
    let at = minutes(world.now, 3);
    let disable = |url: &str| write(store, |tx| webhook::disable(tx, one.id, url, "gone", at));
    let find = || read(store, |tx| webhook::find(tx, world.environment, one.id)).unwrap();
    disable("https://example.com/moved");
    assert!(find().is_active, "it has moved in the meantime");
    disable(&one.url);
    let off = find();
    assert_eq!((off.is_active, off.updated), (false, at));
    assert_eq!(off.disabled_reason.as_deref(), Some("gone"));
    let version = read(store, |tx| access::versions(tx, world.space));
    disable(&one.url);
    assert_eq!(read(store, |tx| access::versions(tx, world.space)), version);
}

fn messages_are_claimed_once(store: &Store) {
    let world = World::new(store);
    let (one, now) = (made(store, &world, 1), world.now);
    let until = minutes(now, 2);
    let last = send(store, &world, &one, 13, minutes(now, -1));
    let first = send(store, &world, &one, 12, minutes(now, -2));
    let future = send(store, &world, &one, 11, minutes(now, 1));
    let claim = |limit, now| write(store, |tx| delivery::claim(tx, one.id, limit, now, until));
    let claimed = claim(1, now);
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].id, claimed[0].event), (first, id(1_012)));
    assert_eq!((claimed[0].attempt, claimed[0].before), (1, 0));
    assert_eq!(claimed[0].body, b"{\"type\":\"x\\u0000\"}");
    assert_eq!(
        claim(10, now).iter().map(|one| one.id).collect::<Vec<_>>(),
        [last]
    );
    assert_eq!(claim(10, now), []);
    let waiting = read(store, delivery::waiting);
    assert_eq!(waiting, [(one.clone(), minutes(now, 1))]);
    assert_eq!(claim(10, minutes(now, 1))[0].id, future);
    assert_eq!(read(store, delivery::waiting), [(one.clone(), until)]);
    assert_eq!(
        write(store, |tx| delivery::claim(tx, id(99), 10, until, until)),
        []
    );
}

fn each_endpoint_waits_for_itself(store: &Store) {
    let world = World::new(store);
    let now = world.now;
    let (one, other, idle) = (
        made(store, &world, 1),
        made(store, &world, 2),
        made(store, &world, 3),
    );
    for number in 10..15 {
        send(store, &world, &one, number, now);
    }
    send(store, &world, &other, 20, minutes(now, 5));
    assert_eq!(
        read(store, delivery::waiting),
        [(one.clone(), now), (other.clone(), minutes(now, 5))]
    );
    let mut off = one.clone();
    off.is_active = false;
    write(store, |tx| webhook::update(tx, world.environment, &off));
    assert_eq!(read(store, delivery::waiting), [(other, minutes(now, 5))]);
    // Deleted with everything that waits there.
    assert!(write(store, |tx| webhook::delete(
        tx,
        world.environment,
        one.id
    )));
    assert_eq!(read(store, |tx| delivery::list(tx, one.id, ALL)), []);
    assert_eq!(read(store, |tx| delivery::list(tx, idle.id, ALL)), []);
}

fn claims_end(store: &Store) {
    let world = World::new(store);
    let (one, now) = (made(store, &world, 1), world.now);
    let (fine, bad) = (
        send(store, &world, &one, 11, now),
        send(store, &world, &one, 12, now),
    );
    let claim = |now| {
        write(store, |tx| {
            delivery::claim(tx, one.id, 10, now, minutes(now, 2))
        })
    };
    assert_eq!(claim(now).len(), 2);
    let again = minutes(now, 1);
    let results = [
        ended(&one, fine, 1, State::Delivered, None),
        ended(&one, bad, 1, State::Pending, Some(again)),
    ];
    write(store, |tx| delivery::end(tx, &[], now));
    write(store, |tx| delivery::end(tx, &results, now));
    let find = |id| read(store, |tx| delivery::find(tx, one.id, id)).unwrap();
    let (shown, waits) = (find(fine), find(bad));
    assert_eq!(
        (shown.state, shown.due, shown.finished),
        (State::Delivered, None, Some(now))
    );
    assert_eq!(shown.attempts, [results[0].attempt.clone()]);
    assert_eq!(
        (waits.state, waits.due, waits.finished),
        (State::Pending, Some(again), None)
    );
    assert_eq!(waits.attempts, [results[1].attempt.clone()]);
    let second = claim(again);
    assert_eq!(
        (second[0].id, second[0].attempt, second[0].before),
        (bad, 2, 0)
    );
    let last = ended(&one, bad, 2, State::Failed, None);
    write(store, |tx| {
        delivery::end(tx, std::slice::from_ref(&last), again)
    });
    let shown = find(bad);
    assert_eq!(
        (shown.state, shown.due, shown.finished),
        (State::Failed, None, Some(again))
    );
    assert_eq!(shown.attempts.len(), 2);
    assert_eq!(read(store, delivery::waiting), []);
    assert_eq!(read(store, |tx| delivery::find(tx, one.id, id(99))), None);
}

fn a_late_word_changes_nothing(store: &Store) {
    let world = World::new(store);
    let (one, now) = (made(store, &world, 1), world.now);
    let message = send(store, &world, &one, 11, now);
    let claim = |now| {
        write(store, |tx| {
            delivery::claim(tx, one.id, 10, now, minutes(now, 2))
        })
    };
    let find = || read(store, |tx| delivery::find(tx, one.id, message)).unwrap();
    let end = |number, state, due| {
        let ended = ended(&one, message, number, state, due);
        write(store, |tx| delivery::end(tx, &[ended], now));
    };
    claim(now);
    let later = minutes(now, 2);
    assert_eq!(claim(later)[0].attempt, 2);
    // The first process comes back: its failure says nothing, its success would.
    end(1, State::Failed, None);
    assert_eq!(
        (find().state, find().due),
        (State::Pending, Some(minutes(later, 2)))
    );
    end(1, State::Delivered, None);
    assert_eq!(find().state, State::Delivered);
    end(2, State::Pending, Some(later));
    assert_eq!((find().state, find().due), (State::Delivered, None));
    assert_eq!(find().attempts.len(), 2);
    // Deleted while it was under way.
    assert!(write(store, |tx| webhook::delete(
        tx,
        world.environment,
        one.id
    )));
    end(3, State::Delivered, None);
    assert_eq!(read(store, |tx| delivery::find(tx, one.id, message)), None);
}

fn claims_of_dead_processes_end(store: &Store) {
    let world = World::new(store);
    let (one, now) = (made(store, &world, 1), world.now);
    let broken = send(store, &world, &one, 11, now);
    let claim = |now| {
        write(store, |tx| {
            delivery::claim(tx, one.id, 10, now, minutes(now, 2))
        })
    };
    claim(now);
    // One that failed and one that nobody has touched are not released.
    let failed = send(store, &world, &one, 12, now);
    claim(now);
    let again = ended(&one, failed, 1, State::Pending, Some(minutes(now, 1)));
    write(store, |tx| delivery::end(tx, &[again], now));
    send(store, &world, &one, 13, minutes(now, 1));
    assert_eq!(write(store, |tx| delivery::release(tx, now)), 1);
    let claimed = claim(now);
    assert_eq!(claimed.len(), 1);
    assert_eq!(
        (claimed[0].id, claimed[0].attempt, claimed[0].before),
        (broken, 2, 1)
    );
}

fn messages_are_listed_and_replayed(store: &Store) {
    let world = World::new(store);
    let (one, now) = (made(store, &world, 1), world.now);
    let ids: Vec<Uuid> = (11..16)
        .zip(0..)
        .map(|(number, minute)| send(store, &world, &one, number, minutes(now, minute)))
        .collect();
    let list = |wanted: Wanted<'_>| -> Vec<Uuid> {
        let listed = read(store, |tx| delivery::list(tx, one.id, wanted));
        listed.into_iter().map(|one| one.id).collect()
    };
    let newest_first: Vec<Uuid> = ids.iter().rev().copied().collect();
    assert_eq!(list(ALL), newest_first);
    assert_eq!(
        list(Wanted {
            limit: 2,
            skip: 1,
            ..ALL
        }),
        newest_first[1..3]
    );
    assert_eq!(
        list(Wanted {
            kind: Some("streak.lost"),
            ..ALL
        })
        .len(),
        5
    );
    assert!(
        list(Wanted {
            kind: Some("points.changed"),
            ..ALL
        })
        .is_empty()
    );
    let later = minutes(now, 10);
    write(store, |tx| {
        delivery::claim(tx, one.id, 4, later, minutes(later, 2))
    });
    let results = [
        ended(&one, ids[0], 1, State::Failed, None),
        ended(&one, ids[1], 1, State::Delivered, None),
        ended(&one, ids[2], 1, State::Failed, None),
    ];
    write(store, |tx| delivery::end(tx, &results, later));
    let in_state = |state| {
        list(Wanted {
            state: Some(state),
            ..ALL
        })
    };
    assert_eq!(in_state(State::Failed), [ids[2], ids[0]]);
    assert_eq!(in_state(State::Delivered), [ids[1]]);
    assert_eq!(in_state(State::Pending), [ids[4], ids[3]]);
    let replay = |id| write(store, |tx| delivery::replay(tx, one.id, id, later));
    assert!(replay(ids[1]));
    assert!(!replay(ids[1]), "it is on its way already");
    assert!(!replay(ids[3]), "it is being sent");
    assert!(!replay(id(99)));
    let since = |at| write(store, |tx| delivery::replay_failed(tx, one.id, at, later));
    assert_eq!(since(minutes(now, 2)), 1);
    assert_eq!(in_state(State::Failed), [ids[0]]);
    let claimed = write(store, |tx| {
        delivery::claim(tx, one.id, 9, later, minutes(later, 2))
    });
    let again = claimed.iter().find(|one| one.id == ids[1]).unwrap();
    assert_eq!((again.attempt, again.before), (2, 1));
}

fn old_messages_are_forgotten(store: &Store) {
    let world = World::new(store);
    let (one, now) = (made(store, &world, 1), world.now);
    let done = send(store, &world, &one, 11, now);
    write(store, |tx| {
        delivery::claim(tx, one.id, 9, now, minutes(now, 2))
    });
    let delivered = ended(&one, done, 1, State::Delivered, None);
    write(store, |tx| delivery::end(tx, &[delivered], now));
    let waits = send(store, &world, &one, 12, now);
    let sweep = |before, limit| write(store, |tx| delivery::sweep(tx, before, limit));
    assert_eq!(sweep(now, 9), 0, "not yet");
    assert_eq!(sweep(minutes(now, 1), 9), 1);
    let listed = read(store, |tx| delivery::list(tx, one.id, ALL));
    assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [waits]);
    assert_eq!(listed[0].attempts, []);
    let mut off = one.clone();
    off.is_active = false;
    write(store, |tx| webhook::update(tx, world.environment, &off));
    send(store, &world, &one, 13, now);
    assert_eq!(sweep(minutes(now, 1), 1), 1);
    assert_eq!(sweep(minutes(now, 1), 1), 1);
    assert_eq!(read(store, |tx| delivery::list(tx, one.id, ALL)), []);
}

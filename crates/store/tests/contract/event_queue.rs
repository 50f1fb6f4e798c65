//! Events of batches that wait.

use std::collections::HashSet;

use store::event_queue::{self, Queued};
use store::{Error, Store};

use crate::configuration::id;
use crate::world::{World, instant, read, write};

checks!(events_wait_in_order);

fn queued(number: u128, user: &str) -> Queued {
    Queued {
        id: id(number),
        user: user.to_owned(),
        body: format!("{{\"value\": {number}.50}}"),
        arrived: instant("2026-03-01T00:00:00.000007Z"),
    }
}

fn events_wait_in_order(store: &Store) {
    let mut world = World::new(store);
    let (space, other) = (world.space, world.tenant("other"));
    let [one, two, three] = [queued(1, "ada"), queued(2, "bob"), queued(3, "ada")];
    write(store, |tx| event_queue::insert(tx, space, &[]));
    write(store, |tx| {
        event_queue::insert(tx, other, std::slice::from_ref(&two))?;
        event_queue::insert(tx, space, &[one.clone(), three.clone()])
    });
    assert_eq!(read(store, event_queue::depth), 3);
    let all = [
        (space, one.clone()),
        (other, two.clone()),
        (space, three.clone()),
    ];
    let nil = uuid::Uuid::nil();
    assert_eq!(read(store, |tx| event_queue::after(tx, nil, 10)), all);
    assert_eq!(read(store, |tx| event_queue::after(tx, nil, 1)), all[..1]);
    assert_eq!(
        read(store, |tx| event_queue::after(tx, one.id, 9)),
        all[1..]
    );
    let twice = store.write(|tx| event_queue::insert(tx, space, &[queued(4, "ada"), one.clone()]));
    assert!(matches!(twice, Err(Error::Conflict(_))), "{twice:?}");
    assert_eq!(read(store, event_queue::depth), 3, "all or nothing");
    // Only with the space that they are in.
    let keys = [
        (space, one.id),
        (space, two.id),
        (space, id(9)),
        (space, three.id),
    ];
    let held = write(store, |tx| event_queue::hold(tx, &keys));
    assert_eq!(held, HashSet::from([one.id, three.id]));
    write(store, |tx| event_queue::remove(tx, &keys[..3]));
    assert_eq!(read(store, |tx| event_queue::after(tx, nil, 10)), all[1..]);
    let held = write(store, |tx| event_queue::hold(tx, &keys));
    assert_eq!(held, HashSet::from([three.id]));
}

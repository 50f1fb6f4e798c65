//! Notices that wait.

use engine::id::UserId;
use store::outbox::{self, Written};
use store::{Error, Store};

use crate::configuration::id;
use crate::dump::dump;
use crate::world::{World, read, write};

checks!(notices_wait, notices_are_taken_in_order);

const LOST: &str = r#"{"length":4}"#;

fn notices_wait(store: &Store) {
    let mut world = World::new(store);
    let (space, other) = (world.space, world.tenant("other"));
    assert_eq!(read(store, outbox::depth), 0);
    let pending = |space, number, kind| Written {
        id: id(number),
        space,
        user: Some(UserId(1)),
        kind,
        body: LOST,
        at_us: world.now.as_microsecond(),
    };
    write(store, |tx| outbox::insert_written(tx, &[]));
    let all = [
        pending(space, 1, "streak.lost"),
        pending(space, 2, "achievement.completed"),
        pending(other, 1, "streak.lost"),
    ];
    write(store, |tx| outbox::insert_written(tx, &all));
    assert_eq!(read(store, outbox::depth), 3);
    let more = [pending(space, 3, "streak.lost"), all[0]];
    let twice = store.write(|tx| outbox::insert_written(tx, &more));
    assert!(matches!(twice, Err(Error::Conflict(_))), "{twice:?}");
    assert_eq!(read(store, outbox::depth), 3);
    let dump = dump(store, space);
    let lines: Vec<_> = dump.lines("outbox").iter().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].contains("streak.lost") && lines[0].contains("length"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("achievement.completed"), "{}", lines[1]);
}

fn notices_are_taken_in_order(store: &Store) {
    let mut world = World::new(store);
    let (space, other) = (world.space, world.tenant("other"));
    let pending = |space, number, user| Written {
        id: id(number),
        space,
        user,
        kind: "streak.lost",
        body: LOST,
        at_us: world.now.as_microsecond(),
    };
    let all = [
        pending(other, 1, None),
        pending(space, 3, Some(UserId(7))),
        pending(space, 2, None),
    ];
    write(store, |tx| outbox::insert_written(tx, &all));
    let first = |after, limit| {
        let rows = read(store, |tx| outbox::first(tx, after, limit));
        let rows = rows.into_iter().map(|row| (row.space, row.id, row.user));
        rows.collect::<Vec<_>>()
    };
    let of_space = [(space, id(2), None), (space, id(3), Some(UserId(7)))];
    assert_eq!(first(None, 2), of_space);
    assert_eq!(first(None, 1), of_space[..1]);
    assert_eq!(first(Some(space), 9), [(other, id(1), None)]);
    assert_eq!(first(Some(other), 9), []);
    // The same id in another space is another notice.
    let mut held = write(store, |tx| outbox::hold(tx, space, &[id(3), id(1), id(2)]));
    held.sort_unstable();
    assert_eq!(held, [id(2), id(3)]);
    write(store, |tx| outbox::remove(tx, space, &[id(1), id(3)]));
    assert_eq!(first(None, 9), [of_space[0], (other, id(1), None)]);
    let gone = write(store, |tx| outbox::hold(tx, space, &[id(3)]));
    assert!(gone.is_empty(), "{gone:?}");
}

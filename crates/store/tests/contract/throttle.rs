//! Windows in which nothing more is told.

use engine::id::UserId;
use jiff::SignedDuration;
use store::throttle::{self, Key, Window};
use store::{Store, access};

use crate::configuration::id;
use crate::world::{World, read, write};

checks!(
    windows_are_kept,
    windows_fall_due_by_the_clock_of_their_space
);

const KIND: &str = "points.changed";

fn key(subject: u128, run: i64, user: i64) -> Key<'static> {
    Key {
        kind: KIND,
        subject: id(subject),
        run,
        user: UserId(user),
    }
}

fn windows_are_kept(store: &Store) {
    let mut world = World::new(store);
    let (space, other) = (world.space, world.tenant("other"));
    let now = world.now;
    let later = now + SignedDuration::from_mins(15);
    let told = Window {
        key: key(1, 0, 5),
        until: later,
        due: Some(later),
        told: Some("[3, 40]".to_owned()),
    };
    let quiet = Window {
        key: key(1, 0, 6),
        until: later,
        due: None,
        told: None,
    };
    let of_run = Window {
        key: key(1, 2, 5),
        ..told.clone()
    };
    let all = [told.clone(), quiet.clone(), of_run.clone()];
    write(store, |tx| throttle::save(tx, space, &all));
    let find = |space, of: &[_]| {
        let mut found = write(store, |tx| throttle::find(tx, space, KIND, of));
        found.sort_by_key(|window| window.key);
        found
    };
    let both = [(id(1), UserId(5)), (id(1), UserId(6)), (id(2), UserId(5))];
    assert_eq!(find(space, &both), [told.clone(), quiet.clone()]);
    assert_eq!(find(other, &both), []);
    let of_subject = |space, kind| write(store, |tx| throttle::of_subject(tx, space, kind, id(1)));
    assert_eq!(
        of_subject(space, KIND),
        [told.clone(), quiet.clone(), of_run.clone()]
    );
    assert_eq!(of_subject(space, "leaderboard.changed"), []);
    assert_eq!(of_subject(other, KIND), []);
    let due = |space, at| read(store, |tx| throttle::due(tx, space, KIND, at, 10));
    assert_eq!(due(space, now), []);
    assert_eq!(due(space, later).len(), 2);
    assert_eq!(due(other, later), []);
    // A window is replaced as a whole.
    let over = Window {
        due: None,
        told: None,
        ..told.clone()
    };
    write(store, |tx| {
        throttle::save(tx, space, std::slice::from_ref(&over))
    });
    assert_eq!(due(space, later), [(id(1), 2, UserId(5))]);
    write(store, |tx| throttle::remove(tx, other, &[of_run.key]));
    write(store, |tx| throttle::remove(tx, space, &[quiet.key]));
    assert_eq!(of_subject(space, KIND), [over, of_run.clone()]);
    // What waits or was told stays when the others are swept.
    let swept = write(store, |tx| throttle::sweep(tx, now));
    assert_eq!(swept, 0);
    let swept = write(store, |tx| throttle::sweep(tx, later));
    assert_eq!(swept, 1);
    assert_eq!(of_subject(space, KIND), [of_run]);
}

fn windows_fall_due_by_the_clock_of_their_space(store: &Store) {
    let world = World::new(store);
    let (space, now) = (world.space, world.now);
    let later = now + SignedDuration::from_mins(15);
    let waiting = Window {
        key: key(1, 0, 5),
        until: later,
        due: Some(later),
        told: None,
    };
    assert_eq!(read(store, throttle::next_due), None);
    write(store, |tx| {
        throttle::save(tx, space, std::slice::from_ref(&waiting))
    });
    assert_eq!(read(store, throttle::next_due), Some(later));
    assert_eq!(
        read(store, |tx| throttle::next_due_of(tx, space)),
        Some(later)
    );
    assert_eq!(read(store, |tx| throttle::due_spaces(tx, now)), []);
    assert_eq!(read(store, |tx| throttle::due_spaces(tx, later)), [space]);
    // A test clock counts instead of the one of the machine.
    let show = |at: jiff::Timestamp| {
        write(store, |tx| {
            tx.run(
                "update environment set test_now = $1",
                &[at.as_microsecond().into()],
            )
        });
    };
    show(now);
    assert_eq!(read(store, |tx| throttle::due_spaces(tx, later)), []);
    assert_eq!(read(store, throttle::next_due), None);
    assert_eq!(
        read(store, |tx| throttle::next_due_of(tx, space)),
        Some(later)
    );
    show(later);
    assert_eq!(read(store, |tx| throttle::due_spaces(tx, now)), [space]);
    let of_space = read(store, access::all_spaces);
    assert!(of_space.contains(&space));
}

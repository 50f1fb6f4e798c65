//! Places at the end of days.

use engine::id::{BoardId, UserId};
use jiff::SignedDuration;
use store::Store;
use store::board_day::{self, Day, NewDay};

use crate::configuration::id;
use crate::world::{World, day, read, write};

checks!(days_are_read_from_new_to_old, only_one_looks_at_a_midnight,);

const BOARD: BoardId = BoardId(id(1));

fn on(date: &str, place: Option<(i64, i64)>) -> Day {
    Day {
        date: day(date),
        place,
    }
}

fn new(user: i64, day: Day) -> NewDay {
    NewDay {
        board: BOARD,
        run: 3,
        user: UserId(user),
        day,
    }
}

fn days_are_read_from_new_to_old(store: &Store) {
    let mut world = World::new(store);
    let (space, other) = (world.space, world.tenant("other"));
    let keep = |space, days: &[NewDay]| write(store, |tx| board_day::keep(tx, space, days));
    let last = |space, user, limit| {
        read(store, |tx| {
            board_day::last(tx, space, BOARD, 3, UserId(user), limit)
        })
    };
    let shown = |space| {
        let shown = read(store, |tx| board_day::shown(tx, space, BOARD, 3));
        let mut shown: Vec<_> = shown
            .into_iter()
            .map(|(user, day)| (user.0, day.date.to_string(), day.place))
            .collect();
        shown.sort();
        shown
    };
    keep(space, &[]);
    let first = on("2026-03-09", Some((1, 30)));
    keep(
        space,
        &[new(1, first), new(2, on("2026-03-09", Some((2, 20))))],
    );
    keep(other, &[new(1, on("2026-03-08", Some((9, 9))))]);
    let second = on("2026-03-10", None);
    keep(space, &[new(1, second)]);
    assert_eq!(
        shown(space),
        [(2, "2026-03-09".to_owned(), Some((2, 20)))],
        "only those whose last day shows them"
    );
    assert_eq!(last(space, 1, 10), [second, first]);
    assert_eq!(last(space, 1, 1), [second]);
    assert_eq!(last(space, 1, 0), []);
    // The same date again: the later one stands.
    let again = on("2026-03-10", Some((5, 40)));
    keep(space, &[new(1, again)]);
    assert_eq!(last(space, 1, 10), [again, first]);
    assert_eq!(
        shown(space),
        [
            (1, "2026-03-10".to_owned(), Some((5, 40))),
            (2, "2026-03-09".to_owned(), Some((2, 20))),
        ]
    );
    let in_run_4 = read(store, |tx| board_day::shown(tx, space, BOARD, 4));
    assert!(in_run_4.is_empty());
    // More than fits into one statement.
    let many: Vec<NewDay> = (10..2_510)
        .map(|user| new(user, on("2026-03-11", Some((user, 1)))))
        .collect();
    keep(space, &many);
    assert_eq!(shown(space).len(), 2_502);
    write(store, |tx| board_day::forget(tx, space, BOARD));
    assert!(shown(space).is_empty() && last(space, 1, 10).is_empty());
    assert_eq!(shown(other).len(), 1, "another space is left alone");
}

fn only_one_looks_at_a_midnight(store: &Store) {
    let mut world = World::new(store);
    let (space, other) = (world.space, world.tenant("other"));
    let looked = |space| read(store, |tx| board_day::looked_to(tx, space));
    let look = |from, to| write(store, |tx| board_day::look_to(tx, space, from, to));
    let first = world.now;
    let second = first + SignedDuration::from_mins(15);
    assert_eq!(looked(space), None);
    assert!(look(None, first));
    assert!(!look(None, second), "somebody has looked since");
    assert_eq!(looked(space), Some(first));
    assert!(look(Some(first), second));
    assert!(!look(Some(first), second));
    assert_eq!((looked(space), looked(other)), (Some(second), None));
}

//! Jobs: kept until they are done.

use engine::id::AchievementId;
use store::job::{self, Job, Task};
use store::{Store, driver::Value};

use crate::configuration::{TEN_RUNS, id};
use crate::world::{World, instant, read, write};

checks!(
    jobs_advance_and_end,
    a_job_of_another_program_is_not_mistaken
);

fn jobs_advance_and_end(store: &Store) {
    let mut world = World::new(store);
    let (space, other) = (world.space, world.tenant("other"));
    assert_eq!(read(store, |tx| job::list(tx, 10)), []);
    let tasks = [
        (
            space,
            id(1),
            Task::Backdate(TEN_RUNS),
            "2026-03-02T00:00:00Z",
        ),
        (other, id(1), Task::Settle, "2026-03-01T00:00:00Z"),
        (
            space,
            id(2),
            Task::Backdate(AchievementId(id(9))),
            "2026-03-03T00:00:00Z",
        ),
    ];
    for (space, id, task, at) in tasks {
        write(store, |tx| job::insert(tx, space, id, task, instant(at)));
    }
    let of = |index: usize, position| {
        let (space, id, task, _) = tasks[index];
        Job {
            id,
            space,
            task,
            position,
        }
    };
    assert_eq!(
        read(store, |tx| job::list(tx, 10)),
        [of(1, 0), of(0, 0), of(2, 0)]
    );
    assert_eq!(read(store, |tx| job::list(tx, 1)), [of(1, 0)]);
    write(store, |tx| job::advance(tx, &of(0, 0), i64::MAX));
    assert_eq!(
        read(store, |tx| job::list(tx, 10)),
        [of(1, 0), of(0, i64::MAX), of(2, 0)]
    );
    write(store, |tx| job::remove(tx, &of(1, 0)));
    assert_eq!(
        read(store, |tx| job::list(tx, 10)),
        [of(0, i64::MAX), of(2, 0)]
    );
}

fn a_job_of_another_program_is_not_mistaken(store: &Store) {
    let world = World::new(store);
    write(store, |tx| {
        tx.run(
            "insert into job (space_id, id, kind, target, position, created_at)
             values ($1, $2, 'newer', $2, 0, 0)",
            &[world.space.number().into(), Value::Uuid(id(1))],
        )
    });
    assert!(store.read(|tx| job::list(tx, 10)).is_err());
}

//! What one space holds, no other one sees or changes, whatever ids it names.

use engine::calendar::Frequency;
use engine::definition::{Metric, PointsTrigger};
use store::batch::{self, Item};
use store::job::{self, Job, Task};
use store::{Store, board, completion, definition, event, ledger, streak, user};

use crate::configuration::{self, BOARDS, GOLD, RUNS, WORDS, XP, id};
use crate::dump::dump;
use crate::sequence;
use crate::world::{catalog, day, instant, read, write};

checks!(
    an_empty_space_sees_nothing_of_a_full_one,
    what_one_space_writes_leaves_the_others_alone,
);

fn an_empty_space_sees_nothing_of_a_full_one(store: &Store) {
    let mut ran = sequence::run(store, 61, 14, false);
    let full = ran.spaces[0];
    let empty = ran.world.tenant("empty");
    let now = ran.world.now;
    let users: Vec<_> = read(store, |tx| user::after(tx, full, 0, 100))
        .into_iter()
        .map(|(user, _)| user)
        .collect();
    assert!(!users.is_empty());
    let names: Vec<String> = ran.models[0].users.keys().cloned().collect();
    let catalog = read(store, |tx| catalog(tx, full));
    let ids = &mut ran.world.ids;
    read(store, |tx| {
        assert_eq!(user::count(tx, empty)?, 0);
        assert_eq!(user::after(tx, empty, 0, 10)?, []);
        assert!(user::names(tx, empty, &users)?.is_empty());
        assert!(user::zone_names(tx, empty, &users)?.is_empty());
        let command = engine::command::Command::Backdate {
            achievement: configuration::KIND_A,
        };
        for name in &names {
            let item = Item {
                space: empty,
                user: name,
                command: &command,
                now,
            };
            let mut set = batch::load(tx, &|_| Some(catalog.clone()), &[item], ids, false)?;
            assert!(set.state(empty, name).is_some_and(|state| state.is_new));
            assert!(set.state(full, name).is_none());
            assert_eq!(user::find(tx, empty, name)?, None);
            // Also with the catalog of the other space.
            assert_eq!(batch::load_one(tx, empty, &catalog, name, now)?, None);
        }
        for &user in &users {
            for metric in [RUNS, WORDS] {
                assert_eq!(event::days(tx, empty, user, metric, day("2030-01-01"))?, []);
            }
            for system in [XP, GOLD] {
                assert_eq!(ledger::last(tx, empty, user, system, 10)?, []);
                let to = day("2030-01-01");
                assert_eq!(ledger::days(tx, empty, user, system, to)?, []);
            }
            let from = day("2020-01-01");
            assert_eq!(
                streak::periods(tx, empty, user, Frequency::Daily, from)?,
                []
            );
            for board in BOARDS {
                for run in 0..10 {
                    assert_eq!(board::value(tx, empty, board, run, user)?, None);
                }
            }
        }
        for board in BOARDS {
            for run in 0..10 {
                assert!(board::places(tx, empty, board, run)?.is_empty());
            }
        }
        for system in [XP, GOLD] {
            assert_eq!(ledger::balances(tx, empty, system)?, []);
            let anybody = std::collections::BTreeMap::new();
            assert_eq!(ledger::balances_with(tx, empty, system, &anybody)?, []);
        }
        assert!(completion::counts(tx, empty)?.is_empty());
        assert_eq!(streak::longer_than(tx, empty, -1)?, 0);
        assert!(streak::longest_now(tx, empty, 10, 0)?.is_empty());
        assert!(streak::longest_ever(tx, empty, Frequency::Daily, 10)?.is_empty());
        assert!(definition::find::<Metric>(tx, empty, RUNS.0)?.is_none());
        assert!(definition::find_key::<Metric>(tx, empty, "runs")?.is_none());
        assert!(definition::list::<Metric>(tx, empty, 10, 0)?.is_empty());
        assert!(definition::list_of::<PointsTrigger>(tx, empty, XP.0, 10, 0)?.is_empty());
        assert!(definition::streak_settings(tx, empty)?.is_none());
        assert_eq!(definition::catalog(tx, empty, 1)?.metrics().count(), 0);
        Ok(())
    });
}

fn what_one_space_writes_leaves_the_others_alone(store: &Store) {
    let mut ran = sequence::run(store, 62, 10, false);
    let full = ran.spaces[0];
    let empty = ran.world.tenant("empty");
    let later = instant("2026-12-01T00:00:00Z");
    write(store, |tx| {
        job::insert(tx, full, id(1), Task::Settle, later)
    });
    let definitions = || {
        read(store, |tx| {
            tx.rows(
                "select id, version, updated_at, is_archived from definition
                 where space_id = $1 order by id",
                &[full.number().into()],
                |row| {
                    let id: uuid::Uuid = row.get(0)?;
                    let (version, updated): (i64, i64) = (row.get(1)?, row.get(2)?);
                    Ok((id, version, updated, row.get::<bool>(3)?))
                },
            )
        })
    };
    let before = (
        dump(store, full),
        definitions(),
        read(store, |tx| job::list(tx, 10)),
    );
    let catalog = read(store, |tx| catalog(tx, full));
    let metric = read(store, |tx| definition::find::<Metric>(tx, full, RUNS.0)).unwrap();
    write(store, |tx| {
        for id in BOARDS {
            board::rebuild(tx, empty, catalog.board(id).unwrap(), later)?;
        }
        definition::update(tx, empty, &metric, later)?;
        definition::archive(tx, empty, RUNS.0, later)?;
        definition::bump(tx, empty)?;
        let job = Job {
            id: id(1),
            space: empty,
            task: Task::Settle,
            position: 0,
        };
        job::advance(tx, &job, 99)?;
        job::remove(tx, &job)
    });
    assert!(dump(store, empty).is_empty());
    // The whole configuration and the same users once more.
    write(store, |tx| configuration::insert(tx, empty, later));
    ran.world.now = later;
    let names: Vec<String> = ran.models[0].users.keys().cloned().collect();
    for name in names {
        let command = crate::world::keyed("runs", "3", "k0");
        let reply = crate::world::reply(ran.world.send(empty, &name, command));
        assert!(!reply.is_replay, "the key was used in another space");
        assert_eq!(reply.total.rounded(), 3);
    }
    dump(store, full).assert_eq(&before.0, "the other space");
    assert_eq!(
        (definitions(), read(store, |tx| job::list(tx, 10))),
        (before.1, before.2)
    );
}

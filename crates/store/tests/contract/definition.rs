//! Definitions: bodies, keys, versions, lists, the catalog.

use engine::calendar::Frequency;
use engine::definition::{
    Achievement, Attribute, AttributeKind, Board, Definition, Metric, PointsLevel, PointsSystem,
    PointsTrigger, Stored, StreakSettings,
};
use engine::id::{AchievementId, BoardId, CurrencyId, MetricId, TriggerId};
use store::driver::Tx;
use store::{Error, Store, definition};
use uuid::Uuid;

use crate::configuration::{self, GOLD, LEVEL, RUNS, XP, id};
use crate::world::{World, instant, read, write};

checks!(
    every_kind_comes_back,
    a_change_makes_a_version,
    keys_are_unique_among_the_published,
    an_archived_definition_is_found_no_more,
    lists_are_in_the_order_of_creation,
    parts_are_listed_by_their_whole,
    the_catalog_knows_archived_ones,
    streak_settings_are_one,
);

fn every_kind_comes_back(store: &Store) {
    fn check<T: Definition + PartialEq + std::fmt::Debug>(
        tx: &mut Tx<'_>,
        world: &World<'_>,
        id: Uuid,
        body: &T,
    ) {
        let (space, now) = (world.space, world.now);
        let made = definition::insert(tx, space, id, body, now).unwrap();
        let expected = Stored {
            id,
            created: now,
            updated: now,
            is_archived: false,
            body: body.clone(),
        };
        assert_eq!(made, expected);
        assert_eq!(
            definition::find::<T>(tx, space, id).unwrap(),
            Some(expected.clone())
        );
        if let Some(key) = body.unique_key() {
            let found = definition::find_key::<T>(tx, space, &key).unwrap();
            assert_eq!(found.as_ref(), Some(&expected));
            let other = definition::find_key::<T>(tx, space, &key.to_uppercase()).unwrap();
            assert_eq!(other, None, "a key is taken as it is written");
        }
        assert_eq!(definition::list::<T>(tx, space, 10, 0).unwrap(), [expected]);
    }
    // The rich configuration of one space, kind by kind in another.
    let mut world = World::new(store);
    let source = world.tenant("source");
    write(store, |tx| configuration::insert(tx, source, world.now));
    write(store, |tx| {
        macro_rules! first {
            ($kind:ty) => {{
                let all = definition::list::<$kind>(tx, source, 100, 0)?;
                let last = all.last().unwrap();
                check(tx, &world, last.id, &last.body);
            }};
        }
        first!(Attribute);
        first!(Metric);
        first!(Achievement);
        first!(PointsSystem);
        first!(PointsLevel);
        first!(PointsTrigger);
        first!(Board);
        first!(StreakSettings);
        // Of another kind it is not found.
        assert!(definition::find::<Metric>(tx, source, XP.0)?.is_none());
        assert!(definition::find_key::<Metric>(tx, source, "xp")?.is_none());
        assert!(definition::find::<Metric>(tx, source, Uuid::nil())?.is_none());
        Ok(())
    });
}

/// Version, whether archived, when, and the name of the body.
fn versions(store: &Store, world: &World<'_>, id: Uuid) -> Vec<(i64, bool, i64, String)> {
    read(store, |tx| {
        tx.rows(
            "select version, is_archived, created_at, body from definition_version
             where space_id = $1 and definition_id = $2 order by version",
            &[world.space.number().into(), id.into()],
            |row| {
                let body: serde_json::Value = serde_json::from_str(&row.get::<String>(3)?).unwrap();
                let name = body["name"].as_str().unwrap().to_owned();
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, name))
            },
        )
    })
}

fn a_change_makes_a_version(store: &Store) {
    let world = World::new(store);
    let space = world.space;
    let (second, third) = (
        instant("2026-03-01T00:00:00.000001Z"),
        instant("2026-03-02T00:00:00Z"),
    );
    let mut made = write(store, |tx| {
        definition::insert(tx, space, RUNS.0, &configuration::metric("runs"), world.now)
    });
    "Renamed 馬".clone_into(&mut made.body.name);
    "runs2".clone_into(&mut made.body.key);
    write(store, |tx| definition::update(tx, space, &made, second));
    let found = read(store, |tx| definition::find::<Metric>(tx, space, RUNS.0)).unwrap();
    assert_eq!(
        found,
        Stored {
            updated: second,
            ..made.clone()
        }
    );
    read(store, |tx| {
        assert!(definition::find_key::<Metric>(tx, space, "runs")?.is_none());
        assert!(definition::find_key::<Metric>(tx, space, "runs2")?.is_some());
        Ok(())
    });
    write(store, |tx| definition::archive(tx, space, RUNS.0, third));
    let us = |at: jiff::Timestamp| at.as_microsecond();
    assert_eq!(
        versions(store, &world, RUNS.0),
        [
            (1, false, us(world.now), "The runs".to_owned()),
            (2, false, us(second), "Renamed 馬".to_owned()),
            (3, true, us(third), "Renamed 馬".to_owned()),
        ]
    );
}

fn keys_are_unique_among_the_published(store: &Store) {
    let mut world = World::new(store);
    let (space, now) = (world.space, world.now);
    let other = world.tenant("other");
    let insert = |space, number, key: &str| {
        let metric = configuration::metric(key);
        store.write(|tx| definition::insert(tx, space, id(number), &metric, now))
    };
    insert(space, 1, "runs").unwrap();
    let conflict = insert(space, 2, "runs");
    assert!(matches!(conflict, Err(Error::Conflict(_))), "{conflict:?}");
    insert(space, 2, "Runs").unwrap();
    // Another space and another kind do not matter.
    insert(other, 1, "runs").unwrap();
    write(store, |tx| {
        definition::insert(tx, space, id(3), &configuration::system("runs", None), now)?;
        for (number, kind) in [(4, AttributeKind::User), (5, AttributeKind::Event)] {
            let attribute = configuration::attribute("runs", kind);
            definition::insert(tx, space, id(number), &attribute, now)?;
        }
        // Triggers have none, levels have one in their system.
        definition::insert(tx, space, id(6), &configuration::level(XP, "runs", 1), now)?;
        definition::insert(
            tx,
            space,
            id(7),
            &configuration::level(GOLD, "runs", 1),
            now,
        )?;
        Ok(())
    });
    // A change must not take a key either.
    let mut second = read(store, |tx| {
        definition::find_key::<Metric>(tx, space, "Runs")
    })
    .unwrap();
    "runs".clone_into(&mut second.body.key);
    let conflict = store.write(|tx| definition::update(tx, space, &second, now));
    assert!(matches!(conflict, Err(Error::Conflict(_))), "{conflict:?}");
    // Archived, it is free.
    write(store, |tx| definition::archive(tx, space, id(1), now));
    write(store, |tx| definition::update(tx, space, &second, now));
}

fn an_archived_definition_is_found_no_more(store: &Store) {
    let world = World::new(store);
    let (space, now) = (world.space, world.now);
    write(store, |tx| configuration::insert(tx, space, now));
    write(store, |tx| {
        definition::archive(tx, space, RUNS.0, now)?;
        definition::archive(tx, space, LEVEL, now)
    });
    read(store, |tx| {
        assert!(definition::find::<Metric>(tx, space, RUNS.0)?.is_none());
        assert!(definition::find_key::<Metric>(tx, space, "runs")?.is_none());
        assert_eq!(definition::list::<Metric>(tx, space, 10, 0)?.len(), 2);
        assert_eq!(
            definition::list_of::<PointsLevel>(tx, space, XP.0, 10, 0)?.len(),
            1
        );
        Ok(())
    });
}

fn lists_are_in_the_order_of_creation(store: &Store) {
    let world = World::new(store);
    let space = world.space;
    let times = [
        "2026-03-03T00:00:00Z",
        "2026-03-01T00:00:00Z",
        "2026-03-02T00:00:00Z",
    ];
    write(store, |tx| {
        for (number, at) in (1..).zip(times) {
            let metric = configuration::metric(&format!("m{number}"));
            definition::insert(tx, space, id(number), &metric, instant(at))?;
        }
        // In the same instant the id decides.
        for number in [9, 8] {
            let metric = configuration::metric(&format!("m{number}"));
            definition::insert(tx, space, id(number), &metric, instant(times[2]))?;
        }
        Ok(())
    });
    // A change does not move it.
    let mut first = read(store, |tx| definition::find::<Metric>(tx, space, id(2))).unwrap();
    "Changed".clone_into(&mut first.body.name);
    write(store, |tx| {
        definition::update(tx, space, &first, instant("2026-04-01T00:00:00Z"))
    });
    let list = |limit, skip| {
        let found = read(store, |tx| {
            definition::list::<Metric>(tx, space, limit, skip)
        });
        found
            .into_iter()
            .map(|stored| stored.body.key)
            .collect::<Vec<_>>()
    };
    assert_eq!(list(10, 0), ["m2", "m3", "m8", "m9", "m1"]);
    assert_eq!(list(2, 0), ["m2", "m3"]);
    assert_eq!(list(2, 2), ["m8", "m9"]);
    assert_eq!(list(2, 4), ["m1"]);
    assert_eq!(list(2, 5), Vec::<String>::new());
}

fn parts_are_listed_by_their_whole(store: &Store) {
    let world = World::new(store);
    let space = world.space;
    write(store, |tx| configuration::insert(tx, space, world.now));
    read(store, |tx| {
        let triggers = |tx: &mut Tx<'_>, system: CurrencyId, limit, skip| {
            let found =
                definition::list_of::<PointsTrigger>(tx, space, system.0, limit, skip).unwrap();
            found
                .into_iter()
                .map(|stored| stored.id)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            triggers(tx, XP, 10, 0),
            [id(51), id(52), id(53), id(54), id(58)]
        );
        assert_eq!(triggers(tx, XP, 2, 1), [id(52), id(53)]);
        assert_eq!(triggers(tx, GOLD, 10, 0), [id(55), id(56), id(57)]);
        assert_eq!(
            triggers(tx, CurrencyId(Uuid::nil()), 10, 0),
            Vec::<Uuid>::new()
        );
        assert!(definition::list_of::<PointsLevel>(tx, space, GOLD.0, 10, 0)?.is_empty());
        Ok(())
    });
}

fn the_catalog_knows_archived_ones(store: &Store) {
    let world = World::new(store);
    let (space, now) = (world.space, world.now);
    write(store, |tx| configuration::insert(tx, space, now));
    let compile = |version| read(store, |tx| definition::catalog(tx, space, version));
    let catalog = compile(7);
    assert_eq!(catalog.version, 7);
    assert_eq!(catalog.attributes().count(), 3);
    assert_eq!(catalog.metrics().count(), 3);
    assert_eq!(catalog.achievements().count(), 7);
    assert_eq!(catalog.systems().count(), 2);
    assert_eq!(catalog.system(XP).unwrap().levels.len(), 2);
    assert_eq!(catalog.active_triggers().count(), 8);
    assert_eq!(catalog.boards().count(), 7);
    assert_eq!(catalog.streak, configuration::streak(Frequency::Daily, now));
    write(store, |tx| {
        for number in [12, 21, 31, 42, 52, 72] {
            definition::archive(tx, space, id(number), now)?;
        }
        Ok(())
    });
    let catalog = compile(8);
    assert_eq!(catalog.metrics().count(), 2);
    assert!(catalog.metric_by_key("words").is_none());
    assert!(catalog.metric(MetricId(id(12))).unwrap().is_archived);
    assert!(
        catalog
            .achievement(AchievementId(id(21)))
            .unwrap()
            .stored
            .is_archived
    );
    assert!(catalog.system(XP).unwrap().stored.is_archived);
    assert!(
        catalog
            .trigger(TriggerId(id(52)))
            .unwrap()
            .stored
            .is_archived
    );
    assert!(catalog.board(BoardId(id(72))).unwrap().stored.is_archived);
    assert_eq!(
        catalog.active_triggers().count(),
        3,
        "a system takes its triggers along"
    );
    assert_eq!(
        catalog.streak.metrics.len(),
        1,
        "a metric that is gone is not needed"
    );
}

fn streak_settings_are_one(store: &Store) {
    let world = World::new(store);
    let (space, now) = (world.space, world.now);
    assert!(read(store, |tx| definition::streak_settings(tx, space)).is_none());
    let catalog = read(store, |tx| definition::catalog(tx, space, 1));
    assert_eq!(catalog.streak, StreakSettings::default());
    let mut settings = configuration::streak(Frequency::Monthly, now);
    settings.days_off.extend([0, 6]);
    let made = write(store, |tx| {
        definition::insert(tx, space, id(1), &settings, now)
    });
    assert_eq!(
        read(store, |tx| definition::streak_settings(tx, space)),
        Some(made)
    );
    let second = store.write(|tx| definition::insert(tx, space, id(2), &settings, now));
    assert!(matches!(second, Err(Error::Conflict(_))), "{second:?}");
    // Archived, they are no longer in force.
    write(store, |tx| definition::archive(tx, space, id(1), now));
    assert!(read(store, |tx| definition::streak_settings(tx, space)).is_none());
    let catalog = read(store, |tx| definition::catalog(tx, space, 2));
    assert_eq!(catalog.streak, StreakSettings::default());
}

//! Missions of users and their groups, read; missions given to groups.

use std::sync::Arc;

use engine::amount::Amount;
use engine::command::{Command, TagAction, TagUser};
use engine::definition::{Document, Tag, Translation};
use engine::id::{MissionConfigurationId, MissionId, MissionRuleId, TagId, UserId};
use engine::state::{Mission, Owner};
use engine::timeframe::TimeframeType;
use engine::user::Patch;
use jiff::SignedDuration;
use store::document::{self, Slice};
use store::{Space, Store, definition, mission};
use uuid::Uuid;

use crate::world::{World, read, write};

checks!(
    lists_hold_own_and_shared_missions_in_pages,
    one_is_found_by_its_owner_only,
    what_was_given_is_known,
    names_outlive_what_they_name,
);

const TEAM: TagId = TagId(Uuid::from_u128(1));
const STEPS: MissionConfigurationId = MissionConfigurationId(Uuid::from_u128(4));

fn world(store: &Store) -> World<'_> {
    let mut world = World::new(store);
    let (space, now) = (world.space, world.now);
    let tag = Document {
        id: "team:red".to_owned(),
        default_lang: "en".to_owned(),
        translations: vec![Translation {
            lang: "en".to_owned(),
            label: Some("Red".to_owned()),
            description: None,
        }],
        content: Tag {
            namespace: "team".to_owned(),
            variant: "red".to_owned(),
            catalog_workspace_id: None,
        },
    };
    write(store, |tx| {
        let kept = document::insert(tx, space, TEAM.0, tag, now)?;
        document::publish(tx, space, kept, now)?;
        definition::bump(tx, space)
    });
    for name in ["ada", "bo"] {
        world.save(name, Patch::default());
    }
    let assign = Command::TagUser(TagUser {
        action: TagAction::Assign,
        tags: vec![(TEAM, 0)],
    });
    world.send(space, "ada", assign);
    world
}

/// A mission that is `number` seconds older than others are.
fn made(world: &mut World<'_>, owner: Owner, number: i64) -> Mission {
    let at = world.now - SignedDuration::from_secs(number);
    Mission {
        id: MissionId(world.uuid()),
        owner,
        configuration: STEPS,
        rule: (number % 2 == 0).then_some(MissionRuleId(Uuid::from_u128(5))),
        period: format!("P{number}"),
        timeframe_type: TimeframeType::Range,
        starts: at,
        ends: (number % 3 == 0).then_some(world.now),
        snapshot: Arc::from(r#"{"a":1}"#),
        current: Amount::from_units(number),
        target: Amount::from_millionths(2_500_000),
        is_frozen: number % 2 == 0,
        completed: (number % 5 == 0).then_some(at),
        is_open: number % 5 != 0,
        created: at,
        updated: at,
    }
}

/// Missions of ada, bo and the group of ada; three of each of the first owner's age come together.
fn several(world: &mut World<'_>) -> (UserId, UserId, Vec<Mission>) {
    let [ada, bo] = ["ada", "bo"].map(|name| world.find(name).id);
    let mut all = Vec::new();
    for number in 0..12 {
        let owner = match number % 3 {
            0 => Owner::User(ada),
            1 => Owner::Group(TEAM),
            _ => Owner::User(bo),
        };
        all.push(made(world, owner, number / 2));
    }
    let space = world.space;
    write(world.store, |tx| {
        all.iter()
            .try_for_each(|one| mission::insert(tx, space, one))
    });
    (ada, bo, all)
}

fn same(left: &Mission, right: &Mission) -> bool {
    // JSON comes back with other white space.
    let plain = |mission: &Mission| Mission {
        snapshot: Arc::from(mission.snapshot.replace(' ', "")),
        ..mission.clone()
    };
    plain(left) == plain(right)
}

fn pages(world: &World<'_>, user: UserId, limit: i64, is_ascending: bool) -> Vec<Mission> {
    let mut all: Vec<Mission> = Vec::new();
    loop {
        let slice = Slice {
            limit,
            is_ascending,
            after: all.last().map(|last| (last.updated, last.id.0)),
        };
        let page = read(world.store, |tx| {
            mission::of_user(tx, world.space, user, slice)
        });
        if page.is_empty() {
            return all;
        }
        assert!(i64::try_from(page.len()).unwrap() <= limit);
        all.extend(page);
    }
}

fn lists_hold_own_and_shared_missions_in_pages(store: &Store) {
    let mut world = world(store);
    let (ada, bo, all) = several(&mut world);
    for (user, sees_group) in [(ada, true), (bo, false)] {
        let mut expected: Vec<&Mission> = all
            .iter()
            .filter(|one| match one.owner {
                Owner::User(owner) => owner == user,
                Owner::Group(_) => sees_group,
            })
            .collect();
        expected.sort_by_key(|one| (one.updated, one.id.0));
        for limit in [1, 2, 3, 100] {
            for is_ascending in [true, false] {
                let found = pages(&world, user, limit, is_ascending);
                assert_eq!(found.len(), expected.len());
                assert!(found.iter().zip(&expected).all(|(a, b)| same(a, b)));
                expected.reverse();
            }
        }
    }
    let shared = read(store, |tx| mission::of_groups(tx, world.space, ada));
    let groups = all.iter().filter(|one| one.owner == Owner::Group(TEAM));
    assert_eq!(
        shared.missions.len(),
        groups.filter(|one| one.is_open).count()
    );
    assert_eq!(shared.evaluations, []);
    let none = read(store, |tx| mission::of_groups(tx, world.space, bo));
    assert_eq!(none, mission::Shared::default());
}

fn one_is_found_by_its_owner_only(store: &Store) {
    let mut world = world(store);
    let tenant = world.tenant("globex");
    let (ada, bo, all) = several(&mut world);
    let find = |space: Space, user: UserId, id: MissionId| {
        read(store, |tx| mission::find_of_user(tx, space, user, id))
    };
    for one in &all {
        let sees = |user: UserId| match one.owner {
            Owner::User(owner) => owner == user,
            Owner::Group(_) => user == ada,
        };
        for user in [ada, bo] {
            let found = find(world.space, user, one.id);
            assert_eq!(found.is_some(), sees(user));
            assert!(found.is_none_or(|found| same(&found, one)));
            assert_eq!(find(tenant, user, one.id), None);
        }
    }
}

fn what_was_given_is_known(store: &Store) {
    let mut world = world(store);
    let tenant = world.tenant("globex");
    let (_, _, all) = several(&mut world);
    for one in &all {
        let given = |space: Space, period: &str| {
            read(store, |tx| {
                mission::is_given(tx, space, one.owner, STEPS, period)
            })
        };
        let by_hand = all.iter().any(|other| {
            other.owner == one.owner && other.period == one.period && other.rule.is_none()
        });
        assert_eq!(given(world.space, &one.period), by_hand);
        assert!(!given(world.space, "PERMANENT"));
        assert!(!given(tenant, &one.period));
    }
    let held = |space: Space, tag: TagId| write(store, |tx| mission::hold_group(tx, space, tag));
    assert!(held(world.space, TEAM));
    assert!(!held(tenant, TEAM));
    assert!(!held(world.space, TagId(Uuid::from_u128(9))));
}

fn names_outlive_what_they_name(store: &Store) {
    let mut world = world(store);
    let tenant = world.tenant("globex");
    let (space, now) = (world.space, world.now);
    write(store, |tx| definition::archive(tx, space, TEAM.0, now));
    let ids = [TEAM.0, Uuid::from_u128(9)];
    let names = |space: Space| read(store, |tx| mission::names(tx, space, &ids));
    let found: Vec<(Uuid, String)> = names(space).into_iter().collect();
    assert_eq!(found, [(TEAM.0, "team:red".to_owned())]);
    assert!(names(tenant).is_empty());
}

//! Persons above users, users by them, and what users are called over time.

use engine::id::UserId;
use engine::user::{Change, Patch};
use store::principal::{self, Person, Principal};
use store::{Error, Space, Store, user};

use crate::world::{World, read, save, write};

checks!(
    a_person_is_found_by_any_spelling_and_keeps_its_names,
    people_of_one_owner_are_not_seen_by_another,
    one_user_of_a_space_stands_for_a_person,
    users_take_other_names,
    users_are_listed_by_their_last_change,
);

fn person<'a>(email: &'a str, names: [Option<&'a str>; 2]) -> Person<'a> {
    Person {
        email,
        first_name: names[0],
        last_name: names[1],
    }
}

fn insert(world: &mut World<'_>, space: Space, person: &Person<'_>) -> Principal {
    let (id, now) = (world.uuid(), world.now);
    write(world.store, |tx| {
        principal::find_or_insert(tx, space, person, id, now)
    })
}

fn a_person_is_found_by_any_spelling_and_keeps_its_names(store: &Store) {
    let mut world = World::new(store);
    let space = world.space;
    let none = read(store, |tx| {
        principal::find_by_email(tx, space, "ada@example.com")
    });
    assert_eq!(none, None);
    let made = insert(
        &mut world,
        space,
        &person("Ada@Example.com", [None, Some("Lovelace")]),
    );
    assert_eq!(made.email, "ada@example.com");
    assert_eq!((made.created, made.updated), (world.now, world.now));

    world.at("2026-03-01T00:00:00Z");
    let same = insert(&mut world, space, &person("ADA@example.COM", [None, None]));
    assert_eq!(same, made, "nothing was said");
    let filled = insert(
        &mut world,
        space,
        &person("ada@example.com", [Some("Ada"), Some("Byron")]),
    );
    assert_eq!(filled.first_name.as_deref(), Some("Ada"));
    assert_eq!(filled.last_name.as_deref(), Some("Lovelace"));
    assert_eq!((filled.id, filled.created), (made.id, made.created));
    assert_eq!(filled.updated, world.now);
    let found = read(store, |tx| {
        principal::find_by_email(tx, space, "aDa@example.com")
    });
    assert_eq!(found, Some(filled.clone()));
    let all = read(store, |tx| principal::by_ids(tx, space, &[filled.id]));
    assert_eq!(all.into_values().collect::<Vec<_>>(), [filled]);
    assert!(read(store, |tx| principal::by_ids(tx, space, &[])).is_empty());
}

fn people_of_one_owner_are_not_seen_by_another(store: &Store) {
    let mut world = World::new(store);
    let (acme, umbrella) = (world.tenant("acme"), world.tenant("umbrella"));
    let spaces = [world.space, acme, umbrella];
    let people: Vec<Principal> = spaces
        .iter()
        .map(|space| {
            insert(
                &mut world,
                *space,
                &person("ada@example.com", [Some("Ada"), None]),
            )
        })
        .collect();
    let owners: Vec<String> = spaces
        .iter()
        .map(|space| read(store, |tx| principal::owner(tx, *space)))
        .collect();
    assert!(owners[0].starts_with("organization:"), "{owners:?}");
    assert!(owners[1].starts_with("tenant:"), "{owners:?}");
    assert_ne!(owners[1], owners[2]);
    let ids: Vec<_> = people.iter().map(|person| person.id).collect();
    for (space, person) in spaces.iter().zip(&people) {
        let found = read(store, |tx| {
            principal::find_by_email(tx, *space, "ada@example.com")
        });
        assert_eq!(found.as_ref(), Some(person));
        let all = read(store, |tx| principal::by_ids(tx, *space, &ids));
        assert_eq!(all.into_keys().collect::<Vec<_>>(), [person.id]);
    }
}

fn one_user_of_a_space_stands_for_a_person(store: &Store) {
    let mut world = World::new(store);
    let space = world.space;
    let ada = insert(&mut world, space, &person("ada@example.com", [None, None]));
    let linked = Patch {
        principal: Change::Set(ada.id),
        lang: Change::Set("it".to_owned()),
        profile_image: Change::Set("https://example.com/a.png".to_owned()),
        ..Patch::default()
    };
    let one = world.save("one", linked.clone());
    assert_eq!(world.find("one"), one);
    assert_eq!(one.principal, Some(ada.id));
    assert_eq!(one.lang.as_deref(), Some("it"));
    let found = read(store, |tx| user::find_by_principal(tx, space, ada.id));
    assert_eq!(found.as_ref(), Some(&one));
    let tenant = world.tenant("acme");
    assert!(read(store, |tx| user::find_by_principal(tx, tenant, ada.id)).is_none());

    let second = world.ask(space, "two", save(linked.clone()));
    let ids = &mut world.ids;
    let refused = store.write(|tx| crate::world::carry_out(tx, &[second], ids));
    assert!(matches!(refused, Err(Error::Conflict(_))));

    let forgotten = Patch {
        principal: Change::Clear,
        lang: Change::Clear,
        profile_image: Change::Clear,
        ..Patch::default()
    };
    let one = world.save("one", forgotten);
    assert_eq!(
        (one.principal, one.lang, one.profile_image),
        (None, None, None)
    );
    assert_eq!(world.save("two", linked).principal, Some(ada.id));
}

fn named(name: &str) -> Patch {
    Patch {
        external_id: Some(name.to_owned()),
        ..Patch::default()
    }
}

fn users_take_other_names(store: &Store) {
    let mut world = World::new(store);
    let ada = world.save("ada", Patch::default());
    let renamed = world.save("ada", named("countess"));
    assert_eq!(
        (renamed.id, renamed.external_id.as_str()),
        (ada.id, "countess")
    );
    assert_eq!(world.find("countess"), renamed);
    assert!(read(store, |tx| user::find(tx, world.space, "ada")).is_none());

    // The old name is free, and leads to another user.
    let other = world.save("ada", Patch::default());
    assert_ne!(other.id, ada.id);
    let taken = world.ask(world.space, "ada", save(named("countess")));
    let ids = &mut world.ids;
    let refused = store.write(|tx| crate::world::carry_out(tx, &[taken], ids));
    assert!(matches!(refused, Err(Error::Conflict(_))));
    assert_eq!(world.find("ada"), other);

    // Several commands of one batch, one of them a renaming: the user is named as it was.
    let asks = [
        world.ask(world.space, "ada", save(named("grace"))),
        world.ask(
            world.space,
            "ada",
            save(Patch {
                name: Change::Set("Grace".to_owned()),
                ..Patch::default()
            }),
        ),
    ];
    world.carry_out(&asks);
    let grace = world.find("grace");
    assert_eq!((grace.id, grace.name.as_deref()), (other.id, Some("Grace")));
    // A user who is made under one name and takes another at once.
    let asks = [
        world.ask(world.space, "new", save(Patch::default())),
        world.ask(world.space, "new", save(named("newer"))),
    ];
    world.carry_out(&asks);
    assert_eq!(world.find("newer").external_id, "newer");
}

fn users_are_listed_by_their_last_change(store: &Store) {
    let mut world = World::new(store);
    for name in ["one", "two", "three", "four"] {
        world.save(name, Patch::default());
    }
    let two = Patch {
        name: Change::Set("Two".to_owned()),
        ..Patch::default()
    };
    world.save("two", two);
    let tenant = world.tenant("acme");
    let page = |is_ascending, after, limit| -> Vec<(String, (jiff::Timestamp, UserId))> {
        read(store, |tx| {
            user::list(tx, world.space, is_ascending, after, limit)
        })
        .into_iter()
        .map(|user| (user.external_id, (user.updated, user.id)))
        .collect()
    };
    let walk = |is_ascending| {
        let mut names = Vec::new();
        let mut after = None;
        loop {
            let users = page(is_ascending, after, 3);
            let Some((_, last)) = users.last() else {
                return names;
            };
            after = Some(*last);
            names.extend(users.into_iter().map(|(name, _)| name));
        }
    };
    assert_eq!(walk(true), ["one", "three", "four", "two"]);
    assert_eq!(walk(false), ["two", "four", "three", "one"]);
    assert!(read(store, |tx| user::list(tx, tenant, true, None, 9)).is_empty());
    let one = world.find("one").id;
    let count = read(store, |tx| user::count_activity_logs(tx, world.space, one));
    assert_eq!(count, 0);
}

//! Users: every member there and back.

use engine::user::{Change, Patch, User};
use store::{Store, user};

use crate::configuration;
use crate::world::{World, attributes, day, read, write};

checks!(
    three_states_of_every_member,
    texts_come_back_as_they_were,
    attributes_are_set_and_removed,
    users_are_found_by_their_own_spelling,
    users_are_counted_and_walked_through,
    names_are_for_rankings,
);

fn configured(store: &Store) -> World<'_> {
    let world = World::new(store);
    write(store, |tx| {
        configuration::insert(tx, world.space, world.now)
    });
    world
}

fn full() -> Patch {
    Patch {
        email: Change::Set("ada@example.com".to_owned()),
        name: Change::Set("Ada".to_owned()),
        tz: Change::Set("Asia/Tokyo".to_owned()),
        device_tokens: Change::Set(vec!["one".to_owned(), "two".to_owned()]),
        is_subscribed: Some(true),
        sign_up_date: Change::Set(day("2024-02-29")),
        ..attributes(&[("plan", "pro"), ("team", "red")])
    }
}

fn three_states_of_every_member(store: &Store) {
    let mut world = configured(store);
    let made = world.save("ada", full());
    assert_eq!(world.find("ada"), made);
    assert_eq!(made.email.as_deref(), Some("ada@example.com"));
    assert_eq!(made.device_tokens.as_ref().unwrap().len(), 2);
    assert_eq!(made.sign_up_date, Some(day("2024-02-29")));
    assert_eq!((made.created, made.updated), (world.now, world.now));

    let kept = world.save("ada", Patch::default());
    assert_eq!(
        kept, made,
        "what is not said stays, also when it was changed"
    );
    assert_eq!(world.find("ada"), made);

    let clear = Patch {
        email: Change::Clear,
        name: Change::Clear,
        tz: Change::Clear,
        device_tokens: Change::Clear,
        sign_up_date: Change::Clear,
        is_subscribed: Some(false),
        attributes: [("plan".to_owned(), None), ("team".to_owned(), None)].into(),
        ..Patch::default()
    };
    let cleared = world.save("ada", clear);
    let found = world.find("ada");
    assert_eq!(found, cleared);
    let empty = User::new(made.id, "ada".to_owned(), made.created);
    assert_eq!(
        found,
        User {
            is_subscribed: false,
            updated: world.now,
            ..empty
        }
    );

    // Empty is not null.
    let patch = Patch {
        name: Change::Set(String::new()),
        device_tokens: Change::Set(Vec::new()),
        ..attributes(&[("plan", "")])
    };
    world.save("ada", patch);
    let found = world.find("ada");
    assert_eq!(found.name.as_deref(), Some(""));
    assert_eq!(found.device_tokens, Some(Vec::new()));
    assert_eq!(found.attributes["plan"], "");
}

fn texts_come_back_as_they_were(store: &Store) {
    let mut world = configured(store);
    for text in [
        "Žluťoučký kůň 馬 🏆",
        "it's \"quoted\" \\ and \\u0041",
        "$1 {hold} ?1 -- ; drop table end_user",
        " leading, trailing, tab\t, line\nand\r\u{1}\u{7f}",
        "e\u{301} is not é",
        "null",
        "\u{feff}\u{202e}",
    ] {
        let patch = Patch {
            name: Change::Set(text.to_owned()),
            device_tokens: Change::Set(vec![text.to_owned()]),
            ..attributes(&[("team", text)])
        };
        world.save(text, patch);
        let found = world.find(text);
        assert_eq!(found.external_id, text);
        assert_eq!(found.name.as_deref(), Some(text));
        assert_eq!(found.device_tokens, Some(vec![text.to_owned()]));
        assert_eq!(found.attributes["team"], text);
    }
}

fn attributes_are_set_and_removed(store: &Store) {
    let mut world = configured(store);
    world.save("ada", attributes(&[("plan", "pro")]));
    world.save("ada", attributes(&[("team", "red")]));
    assert_eq!(world.find("ada").attributes.len(), 2);
    let mut patch = attributes(&[("team", "blue")]);
    patch.attributes.insert("plan".to_owned(), None);
    world.save("ada", patch);
    let found = world.find("ada");
    assert_eq!(
        found.attributes,
        [("team".to_owned(), "blue".to_owned())].into()
    );
}

fn users_are_found_by_their_own_spelling(store: &Store) {
    let mut world = configured(store);
    for name in ["ada", "ADA", "ada ", "adá", "ada\u{301}"] {
        world.save(name, Patch::default());
    }
    assert_eq!(read(store, |tx| user::count(tx, world.space)), 5);
    for name in ["ada", "ADA", "ada ", "adá", "ada\u{301}"] {
        assert_eq!(world.find(name).external_id, name);
    }
    for name in ["Ada", " ada", "", "%", "a_a"] {
        assert_eq!(
            read(store, |tx| user::find(tx, world.space, name)),
            None,
            "{name}"
        );
    }
}

fn users_are_counted_and_walked_through(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    assert_eq!(read(store, |tx| user::count(tx, space)), 0);
    assert_eq!(read(store, |tx| user::after(tx, space, 0, 10)), []);
    let mut made: Vec<_> = (0..7)
        .map(|n| world.save(&format!("user {n}"), Patch::default()).id)
        .collect();
    made.sort_unstable();
    assert_eq!(read(store, |tx| user::count(tx, space)), 7);
    let mut walked = Vec::new();
    loop {
        let position = walked.last().map_or(0, |id: &engine::id::UserId| id.0);
        let next = read(store, |tx| user::after(tx, space, position, 3));
        assert!(next.len() <= 3);
        if next.is_empty() {
            break;
        }
        assert!(next.iter().all(|(_, name)| name.starts_with("user ")));
        walked.extend(next.into_iter().map(|(user, _)| user));
    }
    assert_eq!(walked, made);
}

fn names_are_for_rankings(store: &Store) {
    let mut world = configured(store);
    let ada = world.save("ada", full()).id;
    let bo = world.save("bo", Patch::default()).id;
    world.save("cy", Patch::default());
    let unknown = engine::id::UserId(5);
    let names = read(store, |tx| {
        user::names(tx, world.space, &[bo, unknown, ada])
    });
    let expected = [
        (ada, ("ada".to_owned(), Some("Ada".to_owned()))),
        (bo, ("bo".to_owned(), None)),
    ];
    assert_eq!(names, expected.into());
    assert!(read(store, |tx| user::names(tx, world.space, &[])).is_empty());
}

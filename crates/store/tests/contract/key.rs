//! Admin keys and application keys.

use store::key::{self, NewKey};
use store::{Error, Store, access};
use uuid::Uuid;

use crate::world::{World, instant, read, write};

checks!(
    keys_are_found_by_their_readable_part,
    a_revoked_key_is_kept_and_noticed,
    application_keys_are_apart,
    use_is_noted,
);

fn insert(world: &mut World<'_>, prefix: &str, user: Option<&str>) -> Uuid {
    let id = world.uuid();
    let (environment, now) = (world.environment, world.now);
    let key = NewKey {
        id,
        prefix,
        hash: &[0, 255, 7],
        user,
        name: "A key",
    };
    write(world.store, |tx| key::insert(tx, environment, &key, now));
    id
}

fn keys_are_found_by_their_readable_part(store: &Store) {
    let mut world = World::new(store);
    let id = insert(&mut world, "kleos_AbC", None);
    let key = read(store, |tx| access::find_key(tx, "kleos_AbC")).unwrap();
    assert_eq!((key.id, key.prefix.as_str()), (id, "kleos_AbC"));
    assert_eq!(key.hash, [0, 255, 7]);
    assert_eq!(key.environment, world.environment);
    assert_eq!(key.user, None);
    assert!(key.is_active && key.is_multi_tenant);
    let versions = read(store, |tx| access::versions(tx, world.space)).unwrap();
    assert_eq!(key.version, versions.access);
    for wrong in ["kleos_abc", "kleos_", ""] {
        assert!(
            read(store, |tx| access::find_key(tx, wrong)).is_none(),
            "{wrong}"
        );
    }
    let environment = world.environment;
    let key = NewKey {
        id: world.uuid(),
        prefix: "kleos_AbC",
        hash: &[],
        user: None,
        name: "",
    };
    let taken = store.write(|tx| key::insert(tx, environment, &key, world.now));
    assert!(matches!(taken, Err(Error::Conflict(_))));
}

fn a_revoked_key_is_kept_and_noticed(store: &Store) {
    let mut world = World::new(store);
    let environment = world.environment;
    insert(&mut world, "one", None);
    insert(&mut world, "app", Some("ada"));
    world.at("2026-02-21T00:00:00.000001Z");
    insert(&mut world, "a second", None);
    let version = || {
        read(store, |tx| access::find_key(tx, "one"))
            .unwrap()
            .version
    };
    let before = version();
    assert!(write(store, |tx| key::revoke_admin(tx, environment, "one")));
    assert!(version() > before, "others must look again");
    assert!(
        !read(store, |tx| access::find_key(tx, "one"))
            .unwrap()
            .is_active
    );
    assert!(
        read(store, |tx| access::find_key(tx, "a second"))
            .unwrap()
            .is_active
    );
    for wrong in ["app", "none"] {
        assert!(
            !write(store, |tx| key::revoke_admin(tx, environment, wrong)),
            "{wrong}"
        );
    }
    let listed = read(store, |tx| key::list_admin(tx, environment));
    let brief: Vec<_> = listed
        .iter()
        .map(|key| (key.prefix.as_str(), key.is_active, key.last_used))
        .collect();
    assert_eq!(brief, [("one", false, None), ("a second", true, None)]);
    assert_eq!(listed[1].created, world.now);
    assert_eq!(listed[1].name, "A key");
}

fn application_keys_are_apart(store: &Store) {
    let mut world = World::new(store);
    let environment = world.environment;
    let admin = insert(&mut world, "admin", None);
    let id = insert(&mut world, "app", Some("Žofka 馬"));
    let key = read(store, |tx| access::find_key(tx, "app")).unwrap();
    assert_eq!(key.user.as_deref(), Some("Žofka 馬"));
    assert_eq!(read(store, |tx| key::list_admin(tx, environment)).len(), 1);
    let before = key.version;
    assert!(!write(store, |tx| key::delete_application(
        tx,
        environment,
        admin
    )));
    assert!(write(store, |tx| key::delete_application(
        tx,
        environment,
        id
    )));
    assert!(!write(store, |tx| key::delete_application(
        tx,
        environment,
        id
    )));
    assert!(read(store, |tx| access::find_key(tx, "app")).is_none());
    let admin = read(store, |tx| access::find_key(tx, "admin")).unwrap();
    assert!(admin.version > before, "others must look again");
}

fn use_is_noted(store: &Store) {
    let mut world = World::new(store);
    insert(&mut world, "one", None);
    insert(&mut world, "two", None);
    insert(&mut world, "three", None);
    let at = instant("2026-02-21T00:00:00.000003Z");
    let used =
        [("one", world.now), ("two", at), ("gone", at)].map(|(prefix, at)| (prefix.to_owned(), at));
    write(store, |tx| key::touch(tx, &used));
    write(store, |tx| key::touch(tx, &[]));
    let listed = read(store, |tx| key::list_admin(tx, world.environment));
    let last: Vec<_> = listed
        .iter()
        .map(|key| (key.prefix.as_str(), key.last_used))
        .collect();
    assert_eq!(
        last,
        [("one", Some(world.now)), ("three", None), ("two", Some(at))]
    );
}

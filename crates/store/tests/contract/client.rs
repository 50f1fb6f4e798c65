//! Clients, the users they speak of, and the keys that sign their tokens.

use engine::user::Patch;
use jiff::SignedDuration;
use store::client::{self, Context, NewClient, Role, Scopes};
use store::{Error, Space, Store, access, signing, tenancy, user};

use crate::world::{World, read, write};

checks!(
    clients_are_found_with_their_space,
    a_revoked_client_is_kept_and_noticed,
    clients_of_a_space_stay_in_it,
    a_space_that_keys_cannot_reach_clients_cannot_either,
    users_are_found_by_both_ids,
    signing_keys_are_replaced_and_forgotten,
);

fn insert(world: &World<'_>, space: Space, id: &str, context: Context) {
    let now = world.now;
    let new = NewClient {
        id,
        context,
        name: "A client",
        role: context.default_role(),
        scopes: Scopes::ALL,
        hash: &[0, 255, 7],
    };
    write(world.store, |tx| client::insert(tx, space, &new, now));
}

fn clients_are_found_with_their_space(store: &Store) {
    let mut world = World::new(store);
    let space = world.tenant("acme");
    insert(&world, space, "kc_One", Context::Dashboard);
    let found = read(store, |tx| client::find(tx, "kc_One")).unwrap();
    assert_eq!((found.space, found.environment), (space, world.environment));
    assert_eq!(found.hash, [0, 255, 7]);
    assert_eq!(found.client.context, Context::Dashboard);
    assert_eq!(found.client.role, Role::Admin);
    assert_eq!(found.client.scopes, Scopes::ALL);
    assert_eq!(found.client.name, "A client");
    assert_eq!(
        (found.client.created, found.client.revoked),
        (world.now, None)
    );
    let versions = read(store, |tx| access::versions(tx, space)).unwrap();
    assert_eq!(found.version, versions.access);
    for wrong in ["kc_one", "kc_", ""] {
        assert!(
            read(store, |tx| client::find(tx, wrong)).is_none(),
            "{wrong}"
        );
    }
    let read_only = NewClient {
        id: "kc_One",
        context: Context::App,
        name: "",
        role: Role::Viewer,
        scopes: Scopes {
            can_read: true,
            can_write: false,
        },
        hash: &[],
    };
    let taken = store.write(|tx| client::insert(tx, space, &read_only, world.now));
    assert!(matches!(taken, Err(Error::Conflict(_))));
    let two = NewClient {
        id: "kc_Two",
        ..read_only.clone()
    };
    write(store, |tx| client::insert(tx, space, &two, world.now));
    let found = read(store, |tx| client::find(tx, "kc_Two")).unwrap().client;
    assert_eq!(
        (found.context, found.role, found.scopes),
        (read_only.context, read_only.role, read_only.scopes)
    );
}

fn a_revoked_client_is_kept_and_noticed(store: &Store) {
    let mut world = World::new(store);
    let space = world.tenant("acme");
    insert(&world, space, "kc_one", Context::App);
    world.at("2026-02-21T00:00:00.000001Z");
    insert(&world, space, "kc_two", Context::App);
    let version = || {
        read(store, |tx| client::find(tx, "kc_one"))
            .unwrap()
            .version
    };
    let before = version();
    assert!(write(store, |tx| client::revoke(
        tx, space, "kc_one", world.now
    )));
    assert!(version() > before, "others must look again");
    for gone in ["kc_one", "none"] {
        assert!(
            !write(store, |tx| client::revoke(tx, space, gone, world.now)),
            "{gone}"
        );
    }
    let listed = read(store, |tx| client::list(tx, space, 10, 0));
    let brief: Vec<_> = listed
        .iter()
        .map(|client| (client.id.as_str(), client.revoked))
        .collect();
    assert_eq!(brief, [("kc_one", Some(world.now)), ("kc_two", None)]);
    let found = read(store, |tx| client::find(tx, "kc_one")).unwrap();
    assert_eq!(found.client, listed[0]);
    let page = read(store, |tx| client::list(tx, space, 1, 1));
    assert_eq!(page[0].id, "kc_two");
}

fn clients_of_a_space_stay_in_it(store: &Store) {
    let mut world = World::new(store);
    let one = world.tenant("one");
    let two = world.tenant("two");
    insert(&world, one, "kc_one", Context::App);
    assert!(read(store, |tx| client::list(tx, two, 10, 0)).is_empty());
    assert!(!write(store, |tx| client::revoke(
        tx, two, "kc_one", world.now
    )));
    let found = read(store, |tx| client::find(tx, "kc_one")).unwrap();
    assert_eq!(found.client.revoked, None);
}

fn a_space_that_keys_cannot_reach_clients_cannot_either(store: &Store) {
    let mut world = World::new(store);
    let (environment, without) = (world.environment, world.space);
    let tenant = world.tenant("acme");
    insert(&world, tenant, "kc_tenant", Context::App);
    insert(&world, without, "kc_without", Context::App);
    let reachable = || {
        ["kc_tenant", "kc_without"]
            .map(|id| read(store, |tx| client::find(tx, id)).unwrap().is_reachable)
    };
    assert_eq!(reachable(), [true, false]);
    write(store, |tx| {
        tenancy::set_multi_tenancy(tx, environment, false)
    });
    assert_eq!(reachable(), [false, true]);
    write(store, |tx| {
        tenancy::set_multi_tenancy(tx, environment, true)
    });
    let archived = read(store, |tx| tenancy::find_customer(tx, environment, "acme")).unwrap();
    write(store, |tx| {
        tenancy::archive_tenant(tx, environment, archived.id, world.now)
    });
    assert_eq!(reachable(), [false, false]);
    assert_eq!(
        read(store, |tx| client::environment(tx, "production")),
        Some(environment)
    );
    assert_eq!(
        read(store, |tx| client::environment(tx, "Production")),
        None
    );
}

fn users_are_found_by_both_ids(store: &Store) {
    let mut world = World::new(store);
    let (space, other) = (world.space, world.tenant("other"));
    let patch = Patch {
        tz: engine::user::Change::Set("Europe/Rome".to_owned()),
        ..Patch::default()
    };
    let ada = world.save("ada", patch);
    let found = read(store, |tx| client::subject_by_id(tx, space, ada.id)).unwrap();
    assert_eq!((found.id, found.external_id.as_str()), (ada.id, "ada"));
    assert_eq!(found.tz.as_deref(), Some("Europe/Rome"));
    assert_eq!((&found.lang, found.principal), (&None, None));
    assert_eq!(
        read(store, |tx| client::subject_by_external_id(tx, space, "ada")),
        Some(found)
    );
    assert_eq!(
        read(store, |tx| user::find_by_id(tx, space, ada.id)),
        Some(world.find("ada"))
    );
    assert!(read(store, |tx| client::subject_by_id(tx, other, ada.id)).is_none());
    assert!(read(store, |tx| client::subject_by_external_id(tx, other, "ada")).is_none());
    assert!(read(store, |tx| user::find_by_id(tx, other, ada.id)).is_none());
}

fn signing_keys_are_replaced_and_forgotten(store: &Store) {
    let world = World::new(store);
    let hour = SignedDuration::from_hours(1);
    let ids = |now| {
        read(store, |tx| signing::valid(tx, now))
            .into_iter()
            .map(|key| (key.id, key.expires))
            .collect::<Vec<_>>()
    };
    let (first, second) = (world.now, world.now + hour);
    write(store, |tx| {
        signing::hold(tx)?;
        signing::insert(tx, "one", &[0, 1, 255], first)
    });
    let kept = read(store, |tx| signing::valid(tx, first));
    assert_eq!(kept[0].private_key, [0, 1, 255]);
    assert_eq!((kept[0].created, kept[0].expires), (first, None));
    assert!(!format!("{kept:?}").contains("255"), "a secret in a log");
    let end = second + hour;
    write(store, |tx| {
        signing::retire(tx, end, second)?;
        signing::insert(tx, "two", &[2], second)
    });
    let two = ("two".to_owned(), None);
    assert_eq!(ids(second), [("one".to_owned(), Some(end)), two.clone()]);
    assert_eq!(ids(end), [two]);
    // What has an end keeps it; what is over is forgotten.
    write(store, |tx| signing::retire(tx, end + hour, end));
    let rest = [("two".to_owned(), Some(end + hour))];
    assert_eq!(ids(end), rest);
    assert_eq!(ids(first), rest);
}

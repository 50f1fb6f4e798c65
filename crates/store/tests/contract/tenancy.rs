//! The organization, its environment, its tenants.

use store::{Error, Store, access, tenancy};
use uuid::Uuid;

use crate::world::{World, instant, read, write};

checks!(
    bootstrap_happens_once,
    tenants_are_unique_while_active,
    tenants_are_listed_oldest_first,
    a_tenant_is_changed_and_archived,
    multi_tenancy_can_be_switched,
    environments_are_listed,
);

fn bootstrap_happens_once(store: &Store) {
    assert_eq!(read(store, tenancy::production), None);
    let mut world = World::new(store);
    let environment = world.environment;
    assert_eq!(read(store, tenancy::production), Some(environment));
    let ids = &mut world.ids;
    let now = world.now;
    let again = write(store, |tx| tenancy::bootstrap(tx, "Other", false, ids, now));
    assert_eq!(again, None);
    let organization = read(store, |tx| tenancy::organization(tx, environment)).unwrap();
    assert_eq!(
        (organization.name.as_str(), organization.is_multi_tenant),
        ("Acme", true)
    );
    assert_eq!(read(store, access::all_spaces), [world.space]);
}

fn tenants_are_unique_while_active(store: &Store) {
    let mut world = World::new(store);
    let (environment, now) = (world.environment, world.now);
    let first = world.tenant("Žluťoučký 馬");
    // A customer id is taken as it is written.
    let upper = world.tenant("ŽLUŤOUČKÝ 馬");
    assert!(first != upper && first != world.space);
    let ids = &mut world.ids;
    let taken = store
        .write(|tx| tenancy::insert_tenant(tx, environment, "Žluťoučký 馬", "Second", ids, now));
    assert!(matches!(taken, Err(Error::Conflict(_))), "{taken:?}");
    assert_eq!(
        read(store, access::all_spaces).len(),
        3,
        "the refused tenant left no space"
    );
    let found = read(store, |tx| {
        tenancy::find_customer(tx, environment, "Žluťoučký 馬")
    })
    .unwrap();
    assert_eq!(found.name, "A tenant");
    assert_eq!((found.created, found.updated), (now, now));
    // Archived, its customer id is free, and another space belongs to it.
    assert!(write(store, |tx| tenancy::archive_tenant(
        tx,
        environment,
        found.id,
        now
    )));
    assert_eq!(
        read(store, |tx| access::tenant_space(
            tx,
            environment,
            "Žluťoučký 馬"
        )),
        None
    );
    assert_eq!(
        read(store, |tx| tenancy::find_customer(
            tx,
            environment,
            "Žluťoučký 馬"
        )),
        None
    );
    let second = world.tenant("Žluťoučký 馬");
    assert_ne!(first, second);
}

fn tenants_are_listed_oldest_first(store: &Store) {
    let mut world = World::new(store);
    let environment = world.environment;
    world.at("2026-02-21T00:00:00Z").tenant("b");
    world.at("2026-02-22T00:00:00Z").tenant("a");
    world.tenant("c");
    let list = |limit, skip| {
        let tenants = read(store, |tx| {
            tenancy::list_tenants(tx, environment, limit, skip)
        });
        tenants
            .into_iter()
            .map(|tenant| tenant.customer_id)
            .collect::<Vec<_>>()
    };
    assert_eq!(list(10, 0), ["b", "a", "c"]);
    assert_eq!(list(2, 1), ["a", "c"]);
    assert_eq!(list(2, 3), Vec::<String>::new());
}

fn a_tenant_is_changed_and_archived(store: &Store) {
    let mut world = World::new(store);
    let environment = world.environment;
    let space = world.tenant("a");
    world.tenant("b");
    let version = || {
        read(store, |tx| access::versions(tx, space))
            .unwrap()
            .access
    };
    let mut tenant = read(store, |tx| tenancy::find_customer(tx, environment, "a")).unwrap();
    "z".clone_into(&mut tenant.customer_id);
    "Z".clone_into(&mut tenant.name);
    tenant.updated = instant("2026-03-01T00:00:00.000001Z");
    let before = version();
    write(store, |tx| tenancy::update_tenant(tx, environment, &tenant));
    assert!(version() > before);
    let found = read(store, |tx| tenancy::find_tenant(tx, environment, tenant.id));
    assert_eq!(found, Some(tenant.clone()));
    assert_eq!(
        read(store, |tx| access::tenant_space(tx, environment, "z")),
        Some(space)
    );
    assert_eq!(
        read(store, |tx| access::tenant_space(tx, environment, "a")),
        None
    );
    "b".clone_into(&mut tenant.customer_id);
    let taken = store.write(|tx| tenancy::update_tenant(tx, environment, &tenant));
    assert!(matches!(taken, Err(Error::Conflict(_))), "{taken:?}");

    let (id, now) = (tenant.id, world.now);
    let before = version();
    assert!(write(store, |tx| tenancy::archive_tenant(
        tx,
        environment,
        id,
        now
    )));
    assert!(version() > before);
    assert!(!write(store, |tx| tenancy::archive_tenant(
        tx,
        environment,
        id,
        now
    )));
    assert!(!write(store, |tx| tenancy::archive_tenant(
        tx,
        environment,
        Uuid::nil(),
        now
    )));
    assert_eq!(
        read(store, |tx| tenancy::find_tenant(tx, environment, id)),
        None
    );
    assert_eq!(
        read(store, |tx| tenancy::list_tenants(tx, environment, 10, 0)).len(),
        1
    );
}

fn multi_tenancy_can_be_switched(store: &Store) {
    let world = World::new(store);
    let (environment, space) = (world.environment, world.space);
    let version = || {
        read(store, |tx| access::versions(tx, space))
            .unwrap()
            .access
    };
    let before = version();
    write(store, |tx| {
        tenancy::set_multi_tenancy(tx, environment, false)
    });
    assert!(version() > before);
    let organization = read(store, |tx| tenancy::organization(tx, environment)).unwrap();
    assert!(!organization.is_multi_tenant);
    let before = version();
    write(store, |tx| tenancy::bump_access(tx, environment));
    assert_eq!(version(), before + 1);
}

fn environments_are_listed(store: &Store) {
    let mut world = World::new(store);
    let (ids, now) = (&mut world.ids, world.now);
    let other = write(store, |tx| {
        tenancy::insert_environment(tx, "Development", "dev", "development", ids, now)?;
        tenancy::insert_environment(tx, "Staging", "staging", "staging", ids, now)
    });
    for environment in [world.environment, other] {
        let listed = read(store, |tx| tenancy::list_environments(tx, environment));
        let shown: Vec<(&str, &str, &str)> = listed
            .iter()
            .map(|one| (one.name.as_str(), one.key.as_str(), one.kind.as_str()))
            .collect();
        let expected = [
            ("Production", "production", "production"),
            ("Development", "dev", "development"),
            ("Staging", "staging", "staging"),
        ];
        assert_eq!(shown, expected);
    }
}

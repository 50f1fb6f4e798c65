//! Spaces, and the versions by which others notice changes.

use store::access::{self, Versions};
use store::{Store, definition, tenancy};

use crate::world::{World, read, write};

checks!(
    spaces_belong_to_the_environment_and_its_tenants,
    versions_move
);

fn spaces_belong_to_the_environment_and_its_tenants(store: &Store) {
    let mut world = World::new(store);
    let environment = world.environment;
    let tenant = world.tenant("a");
    assert_eq!(
        read(store, |tx| access::default_space(tx, environment)),
        Some(world.space)
    );
    assert_eq!(
        read(store, |tx| access::tenant_space(tx, environment, "a")),
        Some(tenant)
    );
    for unknown in ["A", "", "b"] {
        assert_eq!(
            read(store, |tx| access::tenant_space(tx, environment, unknown)),
            None
        );
    }
    let mut all = vec![world.space, tenant];
    all.sort();
    assert_eq!(read(store, access::all_spaces), all);
    assert_ne!(world.space.number(), tenant.number());
}

fn versions_move(store: &Store) {
    let mut world = World::new(store);
    let tenant = world.tenant("a");
    let of = |space| read(store, |tx| access::versions(tx, space)).unwrap();
    let before = (of(world.space), of(tenant));
    assert_eq!(before.0.access, before.1.access, "one environment");
    write(store, |tx| {
        definition::hold(tx, tenant)?;
        definition::bump(tx, tenant)
    });
    assert_eq!(of(world.space), before.0);
    assert_eq!(
        of(tenant),
        Versions {
            config: before.1.config + 1,
            ..before.1
        }
    );
    write(store, |tx| tenancy::bump_access(tx, world.environment));
    assert_eq!(of(tenant).access, before.1.access + 1);
    let mut both = read(store, |tx| access::versions_of(tx, &[tenant, world.space]));
    both.sort_by_key(|(space, _)| *space);
    let mut expected = vec![(world.space, of(world.space)), (tenant, of(tenant))];
    expected.sort_by_key(|(space, _)| *space);
    assert_eq!(both, expected);
    assert_eq!(read(store, |tx| access::versions_of(tx, &[])), []);
}

//! Migrations of the product's own scripts; the machinery is checked in `tests/driver.rs`.

use store::Store;
use store::driver::{Conn, Location};
use store::migrate;

use crate::world::instant;

checks!(nothing_is_pending_after_migrating);

fn nothing_is_pending_after_migrating(store: &Store) {
    assert_eq!(store.with_writer(migrate::pending).unwrap(), 0);
    let again = store.with_writer(|conn| migrate::migrate(conn, 0)).unwrap();
    assert_eq!(again, Vec::<&str>::new());
}

#[test]
fn an_empty_database_waits_for_all() {
    let folder = testkit::temp_dir();
    for location in [
        Location::Sqlite(folder.path().join("kleos.db")),
        Location::Postgres(testkit::postgres_url()),
    ] {
        let mut conn = Conn::open(&location).unwrap();
        assert_eq!(
            migrate::pending(&mut conn).unwrap(),
            migrate::MIGRATIONS.len()
        );
        let now_us = instant(crate::world::START).as_microsecond();
        let applied = migrate::migrate(&mut conn, now_us).unwrap();
        assert_eq!(applied.len(), migrate::MIGRATIONS.len());
        assert_eq!(migrate::pending(&mut conn).unwrap(), 0);
    }
}

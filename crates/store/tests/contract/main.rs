//! The contract of the store: every public function, on both engines, from one list of checks for
//! each noun; each check has a fresh database.
//!
//! The checks compare what is stored with what the rules say in memory ([`model`]); they know no SQL
//! but that of [`dump`], which reads whole tables.

#![expect(
    clippy::unwrap_used,
    reason = "also the functions below the tests are tests"
)]

use store::Store;
use store::driver::Location;

/// Makes a test of each check for each engine.
macro_rules! checks {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                crate::on_sqlite(super::$name);
            })+
        }
        mod postgres {
            $(#[test]
            fn $name() {
                crate::on_postgres(super::$name);
            })+
        }
    };
}

mod access;
mod batch;
mod board;
mod board_day;
mod client;
mod completion;
mod configuration;
mod definition;
mod document;
mod dump;
mod event;
mod event_queue;
mod isolation;
mod job;
mod key;
mod ledger;
mod migrate;
mod mission;
mod model;
mod outbox;
mod principal;
mod second_dialect;
mod sequence;
mod streak;
mod tenancy;
mod test_clock;
mod text;
mod throttle;
mod transaction;
mod user;
mod webhook;
mod world;
mod wrapped;
mod writers;

fn on_sqlite(check: fn(&Store)) {
    let folder = testkit::temp_dir();
    check(&world::migrated(Location::Sqlite(
        folder.path().join("kleos.db"),
    )));
}

fn on_postgres(check: fn(&Store)) {
    check(&world::migrated(
        Location::Postgres(testkit::postgres_url()),
    ));
}

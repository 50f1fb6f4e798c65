//! Throw-away databases and folders for tests, benchmarks and `xtask`, receivers of webhooks, and the published contracts.
//!
//! Knows nothing of the product. Never part of the shipped binary, so it may panic and may read
//! the environment.

mod cluster;
pub mod contract;
pub mod receiver;

use std::sync::OnceLock;

pub use cluster::{Cluster, Options};
use postgres::{Client, NoTls};

/// The variable with the URL of a running server to use, as
/// `postgres://user@127.0.0.1:5432/postgres`. The user must be allowed to create databases.
pub const POSTGRES_VARIABLE: &str = "KLEOS_TEST_POSTGRES";

/// The URL of a fresh, empty `PostgreSQL` database for the calling test.
///
/// It is made in the server named by [`POSTGRES_VARIABLE`] (where it stays afterwards), or else in
/// a cluster of this process, which is removed when the process ends, however it ends.
///
/// # Panics
/// When no server can be reached or started; says what to install.
pub fn postgres_url() -> String {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();

    #[expect(clippy::disallowed_methods, reason = "tests have no settings file")]
    let given = std::env::var(POSTGRES_VARIABLE);
    let admin = given.unwrap_or_else(|_| {
        CLUSTER
            .get_or_init(|| Cluster::start(Options::default()).expect("a PostgreSQL for tests"))
            .url()
    });
    create_database(&admin).expect("a database for this test")
}

/// A folder that is removed when the value is dropped.
///
/// # Panics
/// When it cannot be made.
pub fn temp_dir() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("kleos-test-")
        .tempdir()
        .expect("a temporary folder")
}

fn create_database(admin: &str) -> anyhow::Result<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a name that no other process has"
    )]
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    let mut client = Client::connect(admin, NoTls)?;
    client.batch_execute(&format!(
        "create database {name} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'"
    ))?;
    let (server, options) = admin.split_once('?').unwrap_or((admin, ""));
    let (server, _) = server
        .rsplit_once('/')
        .ok_or_else(|| anyhow::anyhow!("{POSTGRES_VARIABLE} is not a URL with a database"))?;
    let mark = if options.is_empty() { "" } else { "?" };
    Ok(format!("{server}/{name}{mark}{options}"))
}

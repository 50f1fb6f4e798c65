//! Brings the schema of a database to the one this program was written for.
//!
//! One list of scripts for both engines, applied in order inside one transaction. Must not know
//! what the scripts define.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::driver::{Conn, Tx};
use crate::{Error, Result};

/// A script with its name.
pub type Migration = (&'static str, &'static str);

/// All scripts, oldest first. A released script never changes: a change is a new script.
pub const MIGRATIONS: &[Migration] = &[
    ("0001_begin", include_str!("../migrations/0001_begin.sql")),
    (
        "0002_second_dialect",
        include_str!("../migrations/0002_second_dialect.sql"),
    ),
    (
        "0003_delivery",
        include_str!("../migrations/0003_delivery.sql"),
    ),
    (
        "0004_streak_operations",
        include_str!("../migrations/0004_streak_operations.sql"),
    ),
    (
        "0005_points_boosts",
        include_str!("../migrations/0005_points_boosts.sql"),
    ),
    (
        "0006_board_history",
        include_str!("../migrations/0006_board_history.sql"),
    ),
    (
        "0007_webhooks",
        include_str!("../migrations/0007_webhooks.sql"),
    ),
    (
        "0008_throttle",
        include_str!("../migrations/0008_throttle.sql"),
    ),
    (
        "0009_event_queue",
        include_str!("../migrations/0009_event_queue.sql"),
    ),
    (
        "0010_reminders",
        include_str!("../migrations/0010_reminders.sql"),
    ),
];

/// Applies what is missing; returns the names of the applied scripts. `now_us`: the present
/// instant, microseconds UTC. Safe to call from several processes at once. Fails with
/// [`Error::Migration`] when an applied script has changed or the database is newer than we are.
pub fn migrate(conn: &mut Conn, now_us: i64) -> Result<Vec<&'static str>> {
    apply(conn, MIGRATIONS, now_us)
}

/// How many scripts [`migrate`] would apply. Fails where [`migrate`] would refuse.
pub fn pending(conn: &mut Conn) -> Result<usize> {
    let mut tx = conn.read()?;
    let applied = if tx.has_table("schema_migration")? {
        verified(&mut tx, MIGRATIONS)?
    } else {
        0
    };
    tx.commit()?;
    Ok(MIGRATIONS.len() - applied)
}

/// [`migrate`] for any list of scripts.
pub fn apply(conn: &mut Conn, migrations: &[Migration], now_us: i64) -> Result<Vec<&'static str>> {
    let mut tx = conn.write()?;
    tx.lock_schema()?;
    tx.script(
        "create table if not exists schema_migration (
            version bigint primary key,
            name {text} not null,
            checksum {text} not null,
            applied_at bigint not null
        ){strict};",
    )?;
    let applied = verified(&mut tx, migrations)?;
    let mut names = Vec::new();
    for (version, (name, sql)) in (1_i64..).zip(migrations).skip(applied) {
        tx.script(sql)?;
        tx.run(
            "insert into schema_migration (version, name, checksum, applied_at)
             values ($1, $2, $3, $4)",
            &[
                version.into(),
                (*name).into(),
                (&checksum(sql)).into(),
                now_us.into(),
            ],
        )?;
        names.push(*name);
    }
    if !names.is_empty() {
        // Without statistics PostgreSQL scans whole tables.
        tx.script("analyze;")?;
    }
    tx.commit()?;
    Ok(names)
}

/// The number of scripts applied, after comparing them with ours.
fn verified(tx: &mut Tx<'_>, migrations: &[Migration]) -> Result<usize> {
    let applied = tx.rows(
        "select name, checksum from schema_migration order by version",
        &[],
        |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)),
    )?;
    for (index, (name, sum)) in applied.iter().enumerate() {
        let Some((our_name, sql)) = migrations.get(index) else {
            return Err(Error::Migration(format!(
                "the database has {name}, which this program does not know: use a newer program"
            )));
        };
        if name != our_name || *sum != checksum(sql) {
            return Err(Error::Migration(format!(
                "{name} was applied with another content than this program's {our_name}"
            )));
        }
    }
    Ok(applied.len())
}

/// Over the script as written, so that both engines record the same.
fn checksum(sql: &str) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(sql.as_bytes()) {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text
}

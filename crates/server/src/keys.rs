//! `kleos keys`: admin keys of the production environment, also while a server runs on the same store.
//!
//! Works on the database itself, so that an operator who lost every key can make one. A running server notices by the
//! version of the environment, which every revocation moves.

use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use engine::id::Ids;
use jiff::Timestamp;
use server::clock::Clock;
use server::door;
use store::access::Environment;
use store::driver::Tx;
use store::key::NewKey;
use store::{Store, migrate, tenancy};

use crate::logging::print;
use crate::settings::{AdminKey, CommonFlags, Place, Settings};

/// What to do with keys.
#[derive(Subcommand)]
pub(crate) enum Action {
    /// Make an admin key and print it; it is never shown again
    Create {
        /// What it is for
        #[arg(long, default_value = "Made on the command line")]
        name: String,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// List the admin keys
    List {
        #[command(flatten)]
        common: CommonFlags,
    },
    /// Switch an admin key off; requests with it fail at once
    Revoke {
        /// The part before the dot
        prefix: String,
        #[command(flatten)]
        common: CommonFlags,
    },
}

/// Does it.
pub(crate) fn run(action: Action) -> anyhow::Result<()> {
    match action {
        Action::Create { name, common } => create(&Settings::of_command(common)?.place, &name),
        Action::List { common } => list(&Settings::of_command(common)?.place),
        Action::Revoke { prefix, common } => revoke(&Settings::of_command(common)?.place, &prefix),
    }
}

/// A key nobody can guess: a readable part of 8 hexadecimal digits and 200 bits of secret.
pub(crate) fn random_key() -> anyhow::Result<AdminKey> {
    /// 32 characters that cannot be taken for one another: five bits each.
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let prefix = format!("{:08x}", getrandom::u32()?);
    let mut random = [0_u8; 40];
    getrandom::fill(&mut random)?;
    let body = random
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect();
    Ok(AdminKey { prefix, body })
}

/// Keeps an admin key.
pub(crate) fn keep(
    tx: &mut Tx<'_>,
    environment: Environment,
    key: &AdminKey,
    name: &str,
    ids: &mut Ids,
    now: Timestamp,
) -> store::Result<()> {
    let new = NewKey {
        id: ids.uuid(now),
        prefix: &key.prefix,
        hash: &door::hash(&key.body),
        user: None,
        name,
    };
    store::key::insert(tx, environment, &new, now)
}

/// Opens a store that a server has been started on before.
pub(crate) fn open(place: &Place) -> anyhow::Result<Store> {
    if let Some(file) = place.database_file() {
        ensure!(
            file.exists(),
            "there is no store in {}: start `kleos serve{}` once",
            place.shown(),
            place.flag()
        );
    }
    let store = Store::open(place.location()).context("cannot open the store")?;
    let pending = store.with_writer(migrate::pending)?;
    ensure!(
        pending == 0,
        "the store is older than this program: run `kleos migrate{}` first",
        place.flag()
    );
    Ok(store)
}

fn production(tx: &mut Tx<'_>) -> anyhow::Result<Environment> {
    tenancy::production(tx)?.context("the store has no organization: start `kleos serve` once")
}

fn create(place: &Place, name: &str) -> anyhow::Result<()> {
    let store = open(place)?;
    let key = random_key()?;
    let mut ids = Ids::seeded(getrandom::u64()?);
    let now = Clock::system().now();
    store.write(|tx| {
        let environment = production(tx)?;
        keep(tx, environment, &key, name, &mut ids, now)?;
        anyhow::Ok(())
    })?;
    print(&format!("{}.{}", key.prefix, key.body));
    Ok(())
}

fn list(place: &Place) -> anyhow::Result<()> {
    let keys = open(place)?.read(|tx| {
        let environment = production(tx)?;
        anyhow::Ok(store::key::list_admin(tx, environment)?)
    })?;
    print(&format!(
        "{:<10} {:<9} {:<17} {:<17} name",
        "prefix", "status", "made", "last used"
    ));
    for key in keys {
        let minute = |at: Timestamp| at.strftime("%Y-%m-%d %H:%MZ").to_string();
        print(&format!(
            "{:<10} {:<9} {:<17} {:<17} {}",
            key.prefix,
            if key.is_active { "active" } else { "inactive" },
            minute(key.created),
            key.last_used.map_or_else(|| "never".to_owned(), minute),
            key.name,
        ));
    }
    Ok(())
}

fn revoke(place: &Place, prefix: &str) -> anyhow::Result<()> {
    // Whoever pastes the whole key means its readable part.
    let prefix = prefix.split('.').next().unwrap_or_default();
    let is_revoked = open(place)?.write(|tx| {
        let environment = production(tx)?;
        anyhow::Ok(store::key::revoke_admin(tx, environment, prefix)?)
    })?;
    if !is_revoked {
        bail!(
            "there is no admin key {prefix:?}: `kleos keys list{}` shows them",
            place.flag()
        );
    }
    print(&format!("revoked {prefix}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_keys_have_the_documented_shape() {
        let key = random_key().unwrap();
        assert_eq!(key.prefix.len(), 8);
        assert!(
            key.prefix
                .bytes()
                .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
        );
        assert!(key.body.len() >= 32 && key.body.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_ne!(key.body, random_key().unwrap().body);
    }
}

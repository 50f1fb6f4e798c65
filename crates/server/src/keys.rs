//! `kleos keys`: admin keys of an environment, also while a server runs on the same store.
//!
//! Works on the database itself, so that an operator who lost every key can make one. A running server notices by the
//! version of the environment, which every revocation moves.

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use engine::id::Ids;
use jiff::Timestamp;
use server::admin_key::AdminKey;
use server::clock::Clock;
use store::access::Environment;
use store::driver::Tx;
use store::{Store, migrate};

use crate::logging::print;
use crate::settings::{CommonFlags, Place, Settings};

/// What to do with keys.
#[derive(Subcommand)]
pub(crate) enum Action {
    /// Make an admin key and print it; it is never shown again
    Create {
        /// What it is for
        #[arg(long, default_value = "Made on the command line")]
        name: String,
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// List the admin keys
    List {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// Switch an admin key off; requests with it fail at once
    Revoke {
        /// The part before the dot
        prefix: String,
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        common: CommonFlags,
    },
}

/// Which environment is meant.
#[derive(Args)]
pub(crate) struct Whose {
    /// The key of the environment
    #[arg(long, value_name = "KEY", default_value = "production")]
    environment: String,
}

impl Whose {
    fn find(&self, tx: &mut Tx<'_>) -> anyhow::Result<Environment> {
        let key = &self.environment;
        store::client::environment(tx, key)?.with_context(|| {
            format!(
                "there is no environment with the key {key:?}: `kleos environments list` shows them"
            )
        })
    }
}

/// Does it.
pub(crate) fn run(action: Action) -> anyhow::Result<()> {
    match action {
        Action::Create {
            name,
            whose,
            common,
        } => create(&Settings::of_command(common)?.place, &whose, &name),
        Action::List { whose, common } => list(&Settings::of_command(common)?.place, &whose),
        Action::Revoke {
            prefix,
            whose,
            common,
        } => revoke(&Settings::of_command(common)?.place, &whose, &prefix),
    }
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

fn create(place: &Place, whose: &Whose, name: &str) -> anyhow::Result<()> {
    let store = open(place)?;
    let key = AdminKey::random()?;
    let mut ids = Ids::seeded(getrandom::u64()?);
    let now = Clock::system().now();
    store.write(|tx| {
        let environment = whose.find(tx)?;
        key.keep(tx, environment, name, &mut ids, now)?;
        anyhow::Ok(())
    })?;
    print(&key.text());
    Ok(())
}

fn list(place: &Place, whose: &Whose) -> anyhow::Result<()> {
    let keys = open(place)?.read(|tx| {
        let environment = whose.find(tx)?;
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

fn revoke(place: &Place, whose: &Whose, prefix: &str) -> anyhow::Result<()> {
    // Whoever pastes the whole key means its readable part.
    let prefix = prefix.split('.').next().unwrap_or_default();
    let is_revoked = open(place)?.write(|tx| {
        let environment = whose.find(tx)?;
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

//! `kleos environments`: stages beside production, each with users, configuration and keys of its own (spec/trophy.md 12.1).
//!
//! Works on the database itself like `kleos keys`, also while a server runs on the same store.

use anyhow::{Context, anyhow};
use clap::{Subcommand, ValueEnum};
use engine::id::Ids;
use server::admin_key::AdminKey;
use server::clock::Clock;
use server::environments::{self, New};
use store::tenancy;

use crate::keys::open;
use crate::logging::print;
use crate::settings::{CommonFlags, Place, Settings};

/// What to do with environments.
#[derive(Subcommand)]
pub(crate) enum Action {
    /// Make an environment and print its first admin key; it is never shown again
    Create {
        /// Its key, unique and never changed: lower-case letters, digits, - and _
        key: String,
        /// For people [default: the key]
        #[arg(long)]
        name: Option<String>,
        /// What it is for: at most 4 of staging, 10 of development
        #[arg(long = "type", value_name = "TYPE", default_value = "development")]
        kind: Kind,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// List the environments
    List {
        #[command(flatten)]
        common: CommonFlags,
    },
}

/// The kinds of environments that can be made.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    Staging,
    Development,
}

/// Does it.
pub(crate) fn run(action: Action) -> anyhow::Result<()> {
    match action {
        Action::Create {
            key,
            name,
            kind,
            common,
        } => {
            let new = New {
                name: name.as_deref().unwrap_or(&key),
                key: &key,
                kind: match kind {
                    Kind::Staging => "staging",
                    Kind::Development => "development",
                },
            };
            create(&Settings::of_command(common)?.place, &new)
        }
        Action::List { common } => list(&Settings::of_command(common)?.place),
    }
}

fn create(place: &Place, new: &New<'_>) -> anyhow::Result<()> {
    let store = open(place)?;
    let key = AdminKey::random()?;
    let mut ids = Ids::seeded(getrandom::u64()?);
    let now = Clock::system().now();
    store.write(|tx| {
        tenancy::production(tx)?
            .context("the store has no organization: start `kleos serve` once")?;
        environments::create(tx, new, &key, &mut ids, now)?.map_err(|problem| anyhow!(problem))
    })?;
    print(&key.text());
    Ok(())
}

fn list(place: &Place) -> anyhow::Result<()> {
    let listed = open(place)?.read(|tx| {
        let production = tenancy::production(tx)?
            .context("the store has no organization: start `kleos serve` once")?;
        anyhow::Ok(tenancy::list_environments(tx, production)?)
    })?;
    print(&format!("{:<24} {:<12} name", "key", "type"));
    for one in listed {
        print(&format!("{:<24} {:<12} {}", one.key, one.kind, one.name));
    }
    Ok(())
}

//! `kleos clients`: who may ask for access tokens of the second dialect, and the keys that sign those.
//!
//! Works on the database itself like `kleos keys`; a running server notices at once that a client was revoked.

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use server::clock::Clock;
use server::door;
use server::oauth::{self, keys as signing, mint};
use store::access::{self, Environment};
use store::client::{self, Context, NewClient, Role, Scopes};
use store::driver::Tx;
use store::{Space, tenancy};

use crate::keys::open;
use crate::logging::print;
use crate::settings::{CommonFlags, Settings};

/// How many clients are listed.
const LISTED_MAX: i64 = 10_000;

/// What to do with clients.
#[derive(Subcommand)]
pub(crate) enum Action {
    /// Make a client and print its secret, which is never shown again
    Create {
        /// The half of the API it may call
        #[arg(long, value_name = "app|dashboard")]
        context: Context,
        /// What it is for
        #[arg(long, default_value = "Made on the command line")]
        name: String,
        /// What it may do on its own account [default: member for app, admin for dashboard]
        #[arg(long, value_name = "owner|admin|manager|member|viewer")]
        role: Option<Role>,
        /// Its tokens may read only
        #[arg(long)]
        read_only: bool,
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// List the clients of a workspace
    List {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// Switch a client off; its tokens fail at once
    Revoke {
        /// What the client calls itself
        id: String,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// Make a new key that signs access tokens; the present ones verify for two more hours
    RotateKeys {
        #[command(flatten)]
        common: CommonFlags,
    },
}

/// Which workspace is meant.
#[derive(Args)]
pub(crate) struct Whose {
    /// The key of the environment
    #[arg(long, value_name = "KEY", default_value = "production")]
    environment: String,
    /// The customer id of the tenant; needed with multi-tenancy
    #[arg(long, value_name = "CUSTOMER_ID")]
    tenant: Option<String>,
}

/// Does it.
pub(crate) fn run(action: Action) -> anyhow::Result<()> {
    match action {
        Action::Create {
            context,
            name,
            role,
            read_only,
            whose,
            common,
        } => {
            let scopes = Scopes {
                can_read: true,
                can_write: !read_only,
            };
            let new = NewClient {
                id: "",
                context,
                name: &name,
                role: role.unwrap_or_else(|| context.default_role()),
                scopes,
                hash: &[],
            };
            create(&Settings::of_command(common)?, &whose, &new)
        }
        Action::List { whose, common } => list(&Settings::of_command(common)?, &whose),
        Action::Revoke { id, common } => revoke(&Settings::of_command(common)?, &id),
        Action::RotateKeys { common } => rotate(&Settings::of_command(common)?),
    }
}

/// The space that the flags mean.
fn space(tx: &mut Tx<'_>, whose: &Whose) -> anyhow::Result<Space> {
    let key = &whose.environment;
    let environment: Environment = client::environment(tx, key)?
        .with_context(|| format!("there is no environment with the key {key:?}"))?;
    let organization = tenancy::organization(tx, environment)?
        .context("the store has no organization: start `kleos serve` once")?;
    if let Some(tenant) = &whose.tenant {
        ensure!(
            organization.is_multi_tenant,
            "multi-tenancy is off: leave --tenant out"
        );
        access::tenant_space(tx, environment, tenant)?
            .with_context(|| format!("there is no tenant with the customer id {tenant:?}"))
    } else {
        ensure!(
            !organization.is_multi_tenant,
            "multi-tenancy is on: say whose client it is with --tenant CUSTOMER_ID"
        );
        access::default_space(tx, environment)?.context("the environment has no space")
    }
}

fn create(settings: &Settings, whose: &Whose, new: &NewClient<'_>) -> anyhow::Result<()> {
    let store = open(&settings.place)?;
    let minted = mint::client()?;
    let now = Clock::system().now();
    let workspace = store.write(|tx| {
        let space = space(tx, whose)?;
        let new = NewClient {
            id: &minted.id,
            hash: &door::hash(&minted.secret),
            ..new.clone()
        };
        client::insert(tx, space, &new, now)?;
        anyhow::Ok(space.public_id())
    })?;
    let url = format!("{}{}", base(&settings.listen), oauth::TOKEN_PATH);
    let scopes = new.scopes.text(new.context);
    print(&format!(
        "client id:     {}\n\
         client secret: {} (shown only now, keep it)\n\
         scopes:        {scopes}\n\
         role:          {}\n\
         workspace:     {workspace}\n\
         token URL:     {url}\n\n\
         Paste this to get an access token:\n\n  \
         curl -u '{}:{}' -d grant_type=client_credentials {url}\n",
        minted.id, minted.secret, new.role, minted.id, minted.secret,
    ));
    Ok(())
}

/// The address of the server that is started with these settings, as a program on this machine reaches it.
fn base(listen: &str) -> String {
    let (host, port) = listen.rsplit_once(':').unwrap_or((listen, "80"));
    let host = match host {
        "0.0.0.0" | "" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    format!("http://{host}:{port}")
}

fn list(settings: &Settings, whose: &Whose) -> anyhow::Result<()> {
    let clients = open(&settings.place)?.read(|tx| {
        let space = space(tx, whose)?;
        anyhow::Ok(client::list(tx, space, LISTED_MAX, 0)?)
    })?;
    print(&format!(
        "{:<24} {:<8} {:<8} {:<31} {:<17} name",
        "id", "status", "role", "scopes", "made"
    ));
    for client in clients {
        let minute = |at: Timestamp| at.strftime("%Y-%m-%d %H:%MZ").to_string();
        let status = if client.revoked.is_some() {
            "revoked"
        } else {
            "active"
        };
        print(&format!(
            "{:<24} {status:<8} {:<8} {:<31} {:<17} {}",
            client.id,
            client.role.as_str(),
            client.scopes.text(client.context),
            minute(client.created),
            client.name,
        ));
    }
    Ok(())
}

fn revoke(settings: &Settings, id: &str) -> anyhow::Result<()> {
    let now = Clock::system().now();
    let is_revoked = open(&settings.place)?.write(|tx| match client::find(tx, id)? {
        Some(found) => anyhow::Ok(client::revoke(tx, found.space, id, now)?),
        None => Ok(false),
    })?;
    if !is_revoked {
        bail!(
            "there is no client {id:?} in use: `kleos clients list{}` shows them",
            settings.place.flag()
        );
    }
    print(&format!("revoked {id}"));
    Ok(())
}

fn rotate(settings: &Settings) -> anyhow::Result<()> {
    let now = Clock::system().now();
    let id = open(&settings.place)?
        .write(|tx| signing::rotate(tx, now))
        .map_err(|problem: server::problem::Problem| {
            anyhow::anyhow!("cannot rotate the keys: {}", problem.message)
        })?;
    let second = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    print(&format!(
        "made the key {id}\nit signs from {} on; the others verify until {}",
        second(now + signing::INTRODUCTION),
        second(now + signing::RETIREMENT),
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_to_paste_can_be_reached() {
        for (listen, expected) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("localhost:8080", "http://localhost:8080"),
        ] {
            assert_eq!(base(listen), expected);
        }
    }
}

//! Machines that may ask for access tokens (spec/aworld.md 1.1, 1.3, 1.5). Secrets come in hashed.
//!
//! A client belongs to one space and one context of it for ever; only its end can be added.

use std::fmt;
use std::str::FromStr;

use engine::id::UserId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::access::{Environment, Space};
use crate::driver::{Row, Tx};
use crate::time::{instant, maybe_instant};
use crate::{Error, Result};

/// Makes an enum of words that are kept as they are sent.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$of])* $variant),+
        }

        impl $name {
            /// The word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("must be one of {}", [$($word),+].join(", "))),
                }
            }
        }
    };
}

words! {
    /// The half of an API that a client may call.
    Context {
        /// What concerns one user.
        App = "app",
        /// What concerns a workspace as a whole.
        Dashboard = "dashboard",
    }
}

words! {
    /// What a caller may do (spec/aworld.md 1.5).
    Role {
        /// Everything.
        Owner = "owner",
        /// Configuration and users.
        Admin = "admin",
        /// Operations and content.
        Manager = "manager",
        /// Normal use.
        Member = "member",
        /// Reading.
        Viewer = "viewer",
    }
}

impl Context {
    /// The role of a client for which nobody chose one.
    pub fn default_role(self) -> Role {
        match self {
            Self::App => Role::Member,
            Self::Dashboard => Role::Admin,
        }
    }
}

/// The scopes of one context, `app/read app/write` or `dashboard/read dashboard/write`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scopes {
    /// `…/read`.
    pub can_read: bool,
    /// `…/write`.
    pub can_write: bool,
}

impl Scopes {
    /// Both.
    pub const ALL: Self = Self {
        can_read: true,
        can_write: true,
    };

    /// Reads scopes of a context, separated by blanks; nothing if one of them is not of this context.
    pub fn parse(context: Context, text: &str) -> Option<Self> {
        let mut scopes = Self {
            can_read: false,
            can_write: false,
        };
        for scope in text.split_ascii_whitespace() {
            match scope.split_once('/') {
                Some((of, "read")) if of == context.as_str() => scopes.can_read = true,
                Some((of, "write")) if of == context.as_str() => scopes.can_write = true,
                _ => return None,
            }
        }
        Some(scopes)
    }

    /// The scopes as a token names them.
    pub fn text(self, context: Context) -> String {
        [(self.can_read, "read"), (self.can_write, "write")]
            .iter()
            .filter(|(is_granted, _)| *is_granted)
            .map(|(_, name)| format!("{context}/{name}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Whether all of these are among `granted`.
    pub fn are_within(self, granted: Self) -> bool {
        (granted.can_read || !self.can_read) && (granted.can_write || !self.can_write)
    }
}

/// A client to be kept.
#[derive(Clone, Debug)]
pub struct NewClient<'a> {
    /// What it calls itself. Must be free.
    pub id: &'a str,
    /// Which half it may call.
    pub context: Context,
    /// For people.
    pub name: &'a str,
    /// What it may do on its own account.
    pub role: Role,
    /// What its tokens may at most do.
    pub scopes: Scopes,
    /// SHA-256 of its secret.
    pub hash: &'a [u8],
}

/// A client as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// What it calls itself.
    pub id: String,
    /// Which half it may call.
    pub context: Context,
    /// For people.
    pub name: String,
    /// What it may do on its own account.
    pub role: Role,
    /// What its tokens may at most do.
    pub scopes: Scopes,
    /// Made.
    pub created: Timestamp,
    /// Switched off.
    pub revoked: Option<Timestamp>,
}

/// A client with all that decides whether it may come in.
#[derive(Clone, Debug)]
pub struct ClientRecord {
    /// The client.
    pub client: Client,
    /// SHA-256 of its secret.
    pub hash: Vec<u8>,
    /// Its space.
    pub space: Space,
    /// The environment of the space.
    pub environment: Environment,
    /// Whether the space can be reached at all: a tenant that is not archived while there are
    /// tenants, the space without a tenant while there are none (spec/trophy.md 1.6).
    pub is_reachable: bool,
    /// Moves whenever a key, client, tenant or the multi-tenancy of the environment changes.
    pub version: i64,
}

/// Reads the first seven columns of a text about clients.
fn client(row: &Row<'_>) -> Result<Client> {
    let context: String = row.get(1)?;
    let context: Context = context.parse().map_err(Error::broken)?;
    let role: String = row.get(3)?;
    let scopes: String = row.get(4)?;
    Ok(Client {
        id: row.get(0)?,
        context,
        name: row.get(2)?,
        role: role.parse().map_err(Error::broken)?,
        scopes: Scopes::parse(context, &scopes)
            .ok_or_else(|| Error::broken("unknown scopes of a client"))?,
        created: instant(row, 5)?,
        revoked: maybe_instant(row, 6)?,
    })
}

/// Keeps a new client.
pub fn insert(tx: &mut Tx<'_>, space: Space, client: &NewClient<'_>, now: Timestamp) -> Result<()> {
    tx.run(
        "insert into client (id, space_id, context, name, role, scopes, hash, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            client.id.into(),
            space.id().into(),
            client.context.as_str().into(),
            client.name.into(),
            client.role.as_str().into(),
            client.scopes.text(client.context).as_str().into(),
            client.hash.into(),
            now.as_microsecond().into(),
        ],
    )?;
    Ok(())
}

/// A page of the clients of a space, also those that were revoked, oldest first.
pub fn list(tx: &mut Tx<'_>, space: Space, limit: i64, skip: i64) -> Result<Vec<Client>> {
    tx.rows(
        "select id, context, name, role, scopes, created_at, revoked_at from client
         where space_id = $1 order by created_at, id limit $2 offset $3",
        &[space.id().into(), limit.into(), skip.into()],
        client,
    )
}

/// Switches a client of a space off; says whether there was one in use.
pub fn revoke(tx: &mut Tx<'_>, space: Space, id: &str, now: Timestamp) -> Result<bool> {
    let changed = tx.run(
        "update client set revoked_at = $3
         where space_id = $1 and id = $2 and revoked_at is null",
        &[space.id().into(), id.into(), now.as_microsecond().into()],
    )?;
    tx.run(
        "update environment set access_version = access_version + 1
         where id = (select environment_id from space where id = $1)",
        &[space.id().into()],
    )?;
    Ok(changed > 0)
}

/// Finds a client by what it calls itself. The caller compares the secret and looks at the rest.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<ClientRecord>> {
    tx.row(
        "select c.id, c.context, c.name, c.role, c.scopes, c.created_at, c.revoked_at,
                c.hash, c.space_id, s.environment_id, e.access_version, o.multi_tenancy,
                s.tenant_id, t.is_archived
         from client c
         join space s on s.id = c.space_id
         join environment e on e.id = s.environment_id
         join organization o on o.id = e.organization_id
         left join tenant t on t.id = s.tenant_id
         where c.id = $1",
        &[id.into()],
        |row| {
            let is_multi_tenant: bool = row.get(11)?;
            let tenant: Option<Uuid> = row.get(12)?;
            let is_archived: Option<bool> = row.get(13)?;
            Ok(ClientRecord {
                client: client(row)?,
                hash: row.get(7)?,
                space: Space::of(row, 8)?,
                environment: Environment::of(row, 9)?,
                version: row.get(10)?,
                is_reachable: tenant.is_some() == is_multi_tenant && is_archived != Some(true),
            })
        },
    )
}

/// Finds the environment that an operator names by its key.
pub fn environment(tx: &mut Tx<'_>, key: &str) -> Result<Option<Environment>> {
    tx.row(
        "select id from environment where key = $1 order by position",
        &[key.into()],
        |row| Environment::of(row, 0),
    )
}

/// The user that a token or a header speaks of: what is needed to act for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Our number.
    pub id: UserId,
    /// The caller's id.
    pub external_id: String,
    /// The language they chose.
    pub lang: Option<String>,
    /// Their zone.
    pub tz: Option<String>,
    /// The person behind the user.
    pub principal: Option<Uuid>,
}

fn subject(row: &Row<'_>) -> Result<Subject> {
    Ok(Subject {
        id: UserId(row.get(0)?),
        external_id: row.get(1)?,
        lang: row.get(2)?,
        tz: row.get(3)?,
        principal: row.get(4)?,
    })
}

/// A user of a space by our number.
pub fn subject_by_id(tx: &mut Tx<'_>, space: Space, id: UserId) -> Result<Option<Subject>> {
    tx.row(
        "select id, external_id, lang, tz, principal_id from end_user
         where space_id = $1 and id = $2",
        &[space.id().into(), id.0.into()],
        subject,
    )
}

/// A user of a space by the caller's id.
pub fn subject_by_external_id(
    tx: &mut Tx<'_>,
    space: Space,
    external_id: &str,
) -> Result<Option<Subject>> {
    tx.row(
        "select id, external_id, lang, tz, principal_id from end_user
         where space_id = $1 and external_id = $2",
        &[space.id().into(), external_id.into()],
        subject,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_those_of_one_context() {
        let parse = |text| Scopes::parse(Context::App, text);
        assert_eq!(parse("app/read app/write"), Some(Scopes::ALL));
        assert_eq!(parse("app/write  app/read app/read"), Some(Scopes::ALL));
        let read = parse("app/read").unwrap();
        assert_eq!(read.text(Context::App), "app/read");
        assert!(read.are_within(Scopes::ALL) && !Scopes::ALL.are_within(read));
        for wrong in ["dashboard/read", "app", "app/", "app/read/x", "openid"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(
            Scopes::ALL.text(Context::Dashboard),
            "dashboard/read dashboard/write"
        );
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for role in [
            Role::Owner,
            Role::Admin,
            Role::Manager,
            Role::Member,
            Role::Viewer,
        ] {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!(
            "portal".parse::<Context>(),
            Err("must be one of app, dashboard".to_owned())
        );
    }
}

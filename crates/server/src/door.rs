//! The door: who is calling, and into which space (spec/trophy.md 1.5, 1.6).
//!
//! What was found out about a key is remembered with the version of its environment; the transaction that does the work compares that
//! version and asks again when it has moved. So a revoked key fails at once, on every process, without a look-up per request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use store::Space;
use store::access::{self, Environment};
use store::driver::Tx;
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::problem::{Problem, Result};

/// Somebody with a key that works, and the space it opens.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where everything this caller asks happens.
    pub space: Space,
    /// The environment of the space.
    pub environment: Environment,
    /// The one user of an application key; nothing for an admin key.
    pub user: Option<String>,
    /// The version of the environment when the key was looked at.
    pub version: i64,
    credentials: Arc<Credentials>,
}

/// What a request brings, with the secret already hashed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Credentials {
    prefix: String,
    hash: [u8; 32],
    tenant: Option<String>,
    area: Area,
}

/// What a path is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Area {
    /// The data of a space, for both kinds of keys.
    Application,
    /// The configuration of a space, for admin keys.
    Admin,
    /// The environment as a whole: the tenant header is ignored.
    Environment,
}

/// Remembers keys that work.
#[derive(Debug, Default)]
pub struct Door {
    known: RwLock<HashMap<Credentials, Caller>>,
    used: Mutex<HashMap<String, Timestamp>>,
}

/// The most callers remembered; beyond it all are asked anew.
const KNOWN_MAX: usize = 100_000;

impl Door {
    async fn admit(&self, app: &App, parts: &Parts, area: Area) -> Result<Caller> {
        let credentials = Arc::new(credentials(parts, area)?);
        let known = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&*credentials)
            .cloned();
        let caller = if let Some(caller) = known {
            caller
        } else {
            let asked = credentials.clone();
            app.blocking(move |app| app.room.store.read(|tx| app.door.look_up(tx, &asked)))
                .await?
        };
        let now = app.room.clock.now();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(caller.credentials.prefix.clone(), now);
        drop(used);
        Ok(caller)
    }

    /// Looks at a caller again inside a transaction that has seen another version.
    pub fn again(&self, tx: &mut Tx<'_>, caller: &Caller) -> Result<Caller> {
        self.known
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&*caller.credentials);
        self.look_up(tx, &caller.credentials)
    }

    fn look_up(&self, tx: &mut Tx<'_>, credentials: &Arc<Credentials>) -> Result<Caller> {
        let key = access::find_key(tx, &credentials.prefix)?;
        // A missing key is compared as well, so that the time taken does not tell.
        let stored = key
            .as_ref()
            .map_or([0; 32].as_slice(), |key| key.hash.as_slice());
        let is_equal = bool::from(stored.ct_eq(&credentials.hash));
        let key = key
            .filter(|key| is_equal && key.is_active)
            .ok_or_else(Problem::unauthorized)?;
        if key.user.is_some() && credentials.area != Area::Application {
            return Err(Problem::forbidden("an application key cannot administer"));
        }
        let space = match (&credentials.tenant, credentials.area) {
            (_, Area::Environment) => access::default_space(tx, key.environment)?,
            _ if !key.is_multi_tenant => access::default_space(tx, key.environment)?,
            (None, Area::Application | Area::Admin) => {
                return Err(Problem::unprocessable("the Tenant-ID header is required"));
            }
            (Some(tenant), Area::Application | Area::Admin) => {
                let space = access::tenant_space(tx, key.environment, tenant)?;
                Some(space.ok_or_else(|| {
                    Problem::unprocessable("the Tenant-ID header names no active tenant")
                })?)
            }
        };
        let space = space.ok_or_else(Problem::unauthorized)?;
        let caller = Caller {
            space,
            environment: key.environment,
            user: key.user,
            version: key.version,
            credentials: credentials.clone(),
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert((**credentials).clone(), caller.clone());
        Ok(caller)
    }

    /// The keys used since the last call, with the last instant of each.
    pub fn take_used(&self) -> Vec<(String, Timestamp)> {
        self.used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain()
            .collect()
    }
}

/// SHA-256 of the secret part of a key.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn credentials(parts: &Parts, area: Area) -> Result<Credentials> {
    let key = parts
        .headers
        .get("x-api-key")
        .ok_or_else(Problem::unauthorized)?;
    let key = key.to_str().map_err(|_| Problem::unauthorized())?;
    let (prefix, secret) = key.rsplit_once('.').ok_or_else(Problem::unauthorized)?;
    if prefix.is_empty() || prefix.len() > 100 || secret.is_empty() || secret.len() > 1_000 {
        return Err(Problem::unauthorized());
    }
    let tenant = match (area, parts.headers.get("tenant-id")) {
        (Area::Environment, _) | (_, None) => None,
        (Area::Application | Area::Admin, Some(tenant)) => {
            let text = std::str::from_utf8(tenant.as_bytes())
                .ok()
                .filter(|text| !text.contains('\0') && text.len() <= 1_024)
                .ok_or_else(|| Problem::unprocessable("the Tenant-ID header cannot be read"))?;
            (!text.is_empty()).then(|| text.to_owned())
        }
    };
    Ok(Credentials {
        prefix: prefix.to_owned(),
        hash: hash(secret),
        tenant,
        area,
    })
}

impl Caller {
    /// Refuses an application key that speaks of another user than its own.
    pub fn must_be(&self, user: &str) -> Result<()> {
        match &self.user {
            Some(own) if own != user => Err(Problem::forbidden(
                "this application key belongs to another user",
            )),
            _ => Ok(()),
        }
    }
}

/// A caller of the Application API: an admin key or an application key.
#[derive(Clone, Debug)]
pub struct AppCaller(pub Caller);

/// A caller of the Admin API inside a space: an admin key.
#[derive(Clone, Debug)]
pub struct AdminCaller(pub Caller);

/// A caller of the Admin API for the environment as a whole: an admin key.
#[derive(Clone, Debug)]
pub struct EnvironmentCaller(pub Caller);

impl FromRequestParts<App> for AppCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        admit(parts, app, Area::Application).await.map(Self)
    }
}

impl FromRequestParts<App> for AdminCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        admit(parts, app, Area::Admin).await.map(Self)
    }
}

impl FromRequestParts<App> for EnvironmentCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        admit(parts, app, Area::Environment).await.map(Self)
    }
}

async fn admit(parts: &mut Parts, app: &App, area: Area) -> Result<Caller> {
    let caller = app.door.admit(app, parts, area).await.map_err(|problem| {
        // 403 is listed for one path only; elsewhere the key is as good as none (AMB-1).
        let is_listed = parts.uri.path().ends_with("/application-api-keys");
        if problem.status == StatusCode::FORBIDDEN && !is_listed {
            Problem::unauthorized()
        } else {
            problem
        }
    })?;
    crate::telemetry::note_space(parts, caller.space);
    Ok(caller)
}

//! The door: who is calling, and into which space (spec/trophy.md 1.5, 1.6; spec/aworld.md 1.4).
//!
//! What was found out about a key or a client is remembered with the version of its environment; the transaction that does the work compares that
//! version and asks again when it has moved. So a revoked key fails at once, on every process, without a look-up per request.
//! That a token was signed by us is remembered too; whether it still counts is asked every time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use engine::id::UserId;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use store::Space;
use store::access::{self, Environment};
use store::client::{self, Scopes};
use store::driver::Tx;
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::bearer::{Token, invalid_token};
use crate::oauth::claims::{self, Claims, Platform};
use crate::oauth::keys::Keys;
use crate::problem::{Problem, Result};

/// Somebody with a key or a token that works, and the space it opens.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where everything this caller asks happens.
    pub space: Space,
    /// The environment of the space.
    pub environment: Environment,
    /// The one user of an application key; nothing for an admin key and for a client.
    pub user: Option<String>,
    /// The version of the environment when the key or the client was looked at.
    pub version: i64,
    credentials: Arc<Credentials>,
}

/// By what a caller is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Credentials {
    /// A key of the first dialect.
    Key(Key),
    /// The client of a verified token.
    Client(String),
}

/// A key as a request brings it, with the secret already hashed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
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

/// Remembers keys and tokens that work.
#[derive(Debug, Default)]
pub struct Door {
    /// Verify tokens, and sign them.
    pub keys: Keys,
    known: RwLock<HashMap<Credentials, Caller>>,
    used: Mutex<HashMap<String, Timestamp>>,
    verified: RwLock<HashMap<[u8; 32], Arc<Verified>>>,
}

/// A token that one of our keys signed.
#[derive(Debug)]
struct Verified {
    key: String,
    claims: Claims,
    token: Arc<Token>,
}

/// Somebody with a token that works.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The way into the space.
    pub caller: Caller,
    /// What the token says of its bearer.
    pub token: Arc<Token>,
    /// The organization, as clients know it.
    pub account_id: String,
}

/// The most callers remembered; beyond it all are asked anew.
const KNOWN_MAX: usize = 100_000;
/// The most tokens remembered, and the longest that is looked at.
const VERIFIED_MAX: usize = 100_000;
const TOKEN_BYTES_MAX: usize = 8_192;

impl Door {
    async fn admit(&self, app: &App, parts: &Parts, area: Area) -> Result<Caller> {
        let key = key(parts, area)?;
        let prefix = key.prefix.clone();
        let caller = self.recall(app, Credentials::Key(key)).await?;
        let now = app.room.clock.now();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(prefix, now);
        drop(used);
        Ok(caller)
    }

    /// Lets in whoever brings an access token that we signed, that has not expired, and whose client may still come in. What
    /// the token allows is not looked at.
    pub async fn admit_bearer(&self, app: &App, headers: &HeaderMap) -> Result<Admitted> {
        let text = bearer_token(headers).ok_or_else(invalid_token)?;
        let verified = self.verify(app, text).await?;
        if !verified.claims.is_current(app.room.clock.now()) {
            return Err(invalid_token());
        }
        let client = Credentials::Client(verified.token.client.clone());
        let caller = self.recall(app, client).await?;
        // A client never moves: such a token is not one that we gave it.
        if verified.claims.workspace_id != caller.space.public_id() {
            return Err(Problem::coded(
                StatusCode::FORBIDDEN,
                "WORKSPACE_MISMATCH",
                "this token belongs to another workspace",
            ));
        }
        Ok(Admitted {
            caller,
            token: verified.token.clone(),
            account_id: verified.claims.account_id.clone(),
        })
    }

    /// Checks the signature of a token, unless that was done before and its key still counts.
    async fn verify(&self, app: &App, text: &str) -> Result<Arc<Verified>> {
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let remembered = self
            .verified
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&digest)
            .cloned();
        let id = match &remembered {
            Some(verified) => verified.key.clone(),
            None => claims::key_id(text).ok_or_else(invalid_token)?,
        };
        let now = app.room.clock.now();
        let ring = self.keys.ring(app).await?;
        let mut key = ring.find(&id, now).cloned();
        if key.is_none()
            && let Some(ring) = self.keys.search(app).await?
        {
            key = ring.find(&id, now).cloned();
        }
        let key = key.ok_or_else(invalid_token)?;
        if let Some(verified) = remembered {
            return Ok(verified);
        }
        let claims = claims::verify(text, &key).ok_or_else(invalid_token)?;
        let verified = Arc::new(Verified {
            key: id,
            token: Arc::new(token(&claims).ok_or_else(invalid_token)?),
            claims,
        });
        if verified.claims.is_current(now) {
            let mut all = self
                .verified
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if all.len() >= VERIFIED_MAX {
                all.retain(|_, other| other.claims.is_current(now));
            }
            if all.len() >= VERIFIED_MAX {
                all.clear();
            }
            all.insert(digest, verified.clone());
        }
        Ok(verified)
    }

    /// The remembered caller, or one looked up now.
    async fn recall(&self, app: &App, credentials: Credentials) -> Result<Caller> {
        let known = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&credentials)
            .cloned();
        if let Some(caller) = known {
            return Ok(caller);
        }
        let credentials = Arc::new(credentials);
        app.blocking(move |app| app.room.store.read(|tx| app.door.look_up(tx, &credentials)))
            .await
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
        let caller = match &**credentials {
            Credentials::Key(key) => by_key(tx, key, credentials)?,
            Credentials::Client(id) => by_client(tx, id, credentials)?,
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

fn by_key(tx: &mut Tx<'_>, sent: &Key, credentials: &Arc<Credentials>) -> Result<Caller> {
    let key = access::find_key(tx, &sent.prefix)?;
    // A missing key is compared as well, so that the time taken does not tell.
    let stored = key
        .as_ref()
        .map_or([0; 32].as_slice(), |key| key.hash.as_slice());
    let is_equal = bool::from(stored.ct_eq(&sent.hash));
    let key = key
        .filter(|key| is_equal && key.is_active)
        .ok_or_else(Problem::unauthorized)?;
    if key.user.is_some() && sent.area != Area::Application {
        return Err(Problem::forbidden("an application key cannot administer"));
    }
    let space = match (&sent.tenant, sent.area) {
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
    Ok(Caller {
        space: space.ok_or_else(Problem::unauthorized)?,
        environment: key.environment,
        user: key.user,
        version: key.version,
        credentials: credentials.clone(),
    })
}

fn by_client(tx: &mut Tx<'_>, id: &str, credentials: &Arc<Credentials>) -> Result<Caller> {
    let found = client::find(tx, id)?
        .filter(|found| found.client.revoked.is_none() && found.is_reachable)
        .ok_or_else(invalid_token)?;
    Ok(Caller {
        space: found.space,
        environment: found.environment,
        user: None,
        version: found.version,
        credentials: credentials.clone(),
    })
}

/// The access token of a request.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && token.len() <= TOKEN_BYTES_MAX).then_some(token)
}

/// What claims say of their bearer; nothing if we would not have said it so.
fn token(claims: &Claims) -> Option<Token> {
    let context = claims.context.parse().ok()?;
    let scopes = Scopes::parse(context, &claims.scope)?;
    let user = match (&claims.user_id, &claims.external_id) {
        (Some(id), Some(external_id)) => Some((UserId(id.parse().ok()?), external_id.clone())),
        (None, None) => None,
        _ => return None,
    };
    let is_machine = claims.platform == Platform::M2m;
    let role = claims.role.parse().ok()?;
    (is_machine == user.is_none()).then(|| Token {
        client: claims.client_id.clone(),
        context,
        role,
        is_machine,
        user,
        lang: claims.lang.clone(),
        timezone: claims.timezone.clone(),
        can_read: scopes.can_read,
        can_write: scopes.can_write,
    })
}

/// SHA-256 of the secret part of a key, or of the secret of a client.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn key(parts: &Parts, area: Area) -> Result<Key> {
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
    Ok(Key {
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
    crate::limits::count(parts, app.room.clock.now())?;
    Ok(caller)
}

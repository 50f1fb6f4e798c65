//! The keys of this installation: made on first need, remembered by each process, replaced on demand.
//!
//! All processes on one database share them. A process reads them again every minute, and when a token names a key it does
//! not know; the latter at most once a second, so that made-up names cost nothing. A new key signs only after
//! [`INTRODUCTION`]: by then every process has read it, and no token is refused because a neighbour was quicker.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use p256::SecretKey;
use p256::pkcs8::EncodePrivateKey as _;
use store::driver::Tx;
use store::signing::{self, SigningKey};

use crate::app::App;
use crate::problem::{Problem, Result};

/// How long keys are taken as known.
const FRESH: SignedDuration = SignedDuration::from_mins(1);
/// How long a process waits before it looks for an unknown key again.
const PATIENCE: SignedDuration = SignedDuration::from_secs(1);
/// How long a key is published before it signs.
pub const INTRODUCTION: SignedDuration = SignedDuration::from_mins(2);
/// How long a replaced key still verifies: longer than [`INTRODUCTION`] and the life of a token together.
pub const RETIREMENT: SignedDuration = SignedDuration::from_hours(2);

/// A key pair, ready to be used.
#[derive(Debug)]
pub struct Key {
    /// What tokens call it.
    pub id: String,
    /// Signs.
    pub private: EncodingKey,
    /// Verifies.
    pub public: DecodingKey,
    /// The public half as it is published.
    pub published: Jwk,
    created: Timestamp,
    expires: Option<Timestamp>,
}

impl Key {
    fn of(stored: &SigningKey) -> jsonwebtoken::errors::Result<Self> {
        let private = EncodingKey::from_ec_der(&stored.private_key);
        let mut published = Jwk::from_encoding_key(&private, Algorithm::ES256)?;
        published.common.key_id = Some(stored.id.clone());
        published.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            id: stored.id.clone(),
            public: DecodingKey::from_jwk(&published)?,
            private,
            published,
            created: stored.created,
            expires: stored.expires,
        })
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|end| now < end)
    }
}

/// The keys as they were read at one time, oldest first.
#[derive(Debug, Default)]
pub struct Ring {
    keys: Vec<Arc<Key>>,
    read: Option<Timestamp>,
}

impl Ring {
    fn of(stored: &[SigningKey], now: Timestamp) -> Result<Self> {
        let keys: jsonwebtoken::errors::Result<Vec<Arc<Key>>> = stored
            .iter()
            .map(|stored| Key::of(stored).map(Arc::new))
            .collect();
        Ok(Self {
            keys: keys.map_err(|error| Problem::internal(&error))?,
            read: Some(now),
        })
    }

    /// The keys that verify.
    pub fn valid(&self, now: Timestamp) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.iter().filter(move |key| key.is_valid(now))
    }

    /// The key with a name, if it verifies.
    pub fn find(&self, id: &str, now: Timestamp) -> Option<&Arc<Key>> {
        self.valid(now).find(|key| key.id == id)
    }

    /// The key that signs: the youngest that everybody knows, else the oldest.
    fn signing(&self, now: Timestamp) -> Option<&Arc<Key>> {
        self.valid(now)
            .filter(|key| now.duration_since(key.created) >= INTRODUCTION)
            .last()
            .or_else(|| self.valid(now).next())
    }

    fn is_older_than(&self, age: SignedDuration, now: Timestamp) -> bool {
        // A clock that went back makes it old as well.
        self.read
            .is_none_or(|read| now < read || now.duration_since(read) >= age)
    }
}

/// What a process remembers of the keys.
#[derive(Debug, Default)]
pub struct Keys {
    ring: RwLock<Arc<Ring>>,
    missed: Mutex<Option<Timestamp>>,
}

impl Keys {
    /// The keys, at most a minute old.
    pub async fn ring(&self, app: &App) -> Result<Arc<Ring>> {
        let now = app.room.clock.now();
        let ring = self.remembered();
        if ring.is_older_than(FRESH, now) {
            self.read(app, false).await
        } else {
            Ok(ring)
        }
    }

    /// The keys, after looking for one that nobody here knows; nothing if it was looked for a moment ago.
    pub async fn search(&self, app: &App) -> Result<Option<Arc<Ring>>> {
        if self.may_search(app.room.clock.now()) {
            self.read(app, false).await.map(Some)
        } else {
            Ok(None)
        }
    }

    /// The key to sign with; the first one is made here.
    pub async fn signing(&self, app: &App) -> Result<Arc<Key>> {
        let now = app.room.clock.now();
        let ring = self.ring(app).await?;
        if let Some(key) = ring.signing(now) {
            return Ok(key.clone());
        }
        let ring = self.read(app, true).await?;
        ring.signing(now).cloned().ok_or_else(Problem::busy)
    }

    fn remembered(&self) -> Arc<Ring> {
        self.ring
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn may_search(&self, now: Timestamp) -> bool {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_early =
            missed.is_some_and(|last| now >= last && now.duration_since(last) < PATIENCE);
        if !is_early {
            *missed = Some(now);
        }
        !is_early
    }

    async fn read(&self, app: &App, may_make: bool) -> Result<Arc<Ring>> {
        let now = app.room.clock.now();
        let stored = app
            .blocking(move |app| {
                if may_make {
                    app.room.store.write(|tx| first(tx, now))
                } else {
                    Ok(app.room.store.read(|tx| signing::valid(tx, now))?)
                }
            })
            .await?;
        let ring = Arc::new(Ring::of(&stored, now)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring.clone();
        Ok(ring)
    }
}

/// Makes a key unless there is one; answers all.
fn first(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<SigningKey>> {
    signing::hold(tx)?;
    let mut keys = signing::valid(tx, now)?;
    if keys.is_empty() {
        make(tx, now)?;
        keys = signing::valid(tx, now)?;
    }
    Ok(keys)
}

/// Makes a key that signs from [`INTRODUCTION`] on and lets the others expire after [`RETIREMENT`]; answers its name.
pub fn rotate(tx: &mut Tx<'_>, now: Timestamp) -> Result<String> {
    signing::hold(tx)?;
    signing::retire(tx, now + RETIREMENT, now)?;
    make(tx, now)
}

fn make(tx: &mut Tx<'_>, now: Timestamp) -> Result<String> {
    let private_key = private_key()?;
    let id = name(&private_key).map_err(|error| Problem::internal(&error))?;
    signing::insert(tx, &id, &private_key, now)?;
    Ok(id)
}

/// The name of a key is its fingerprint (RFC 7638): two keys never share one.
fn name(private_key: &[u8]) -> jsonwebtoken::errors::Result<String> {
    let key = EncodingKey::from_ec_der(private_key);
    Jwk::from_encoding_key(&key, Algorithm::ES256)?.thumbprint(ThumbprintHash::SHA256)
}

/// A private key of P-256, PKCS#8 DER.
fn private_key() -> Result<Vec<u8>> {
    let fault = |error: &dyn std::fmt::Display| {
        Problem::internal(&std::io::Error::other(error.to_string()))
    };
    loop {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| fault(&error))?;
        // Once in 2^32 the number lies outside the order of the curve.
        if let Ok(secret) = SecretKey::from_slice(&random) {
            let der = secret.to_pkcs8_der().map_err(|error| fault(&error))?;
            return Ok(der.as_bytes().to_vec());
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A key made and ended as a test wants it.
    pub(crate) fn key(created: Timestamp, expires: Option<Timestamp>) -> Key {
        let private_key = private_key().unwrap();
        Key::of(&SigningKey {
            id: name(&private_key).unwrap(),
            private_key,
            created,
            expires,
        })
        .unwrap()
    }

    #[test]
    fn a_new_key_signs_when_everybody_knows_it_and_an_old_one_verifies_for_a_while() {
        let rotated = at("2026-03-10T09:00:00Z");
        let old = Arc::new(key(at("2026-01-01T00:00:00Z"), Some(rotated + RETIREMENT)));
        let new = Arc::new(key(rotated, None));
        let ring = Ring {
            keys: vec![old.clone(), new.clone()],
            read: Some(rotated),
        };
        let signing = |now| ring.signing(now).map(|key| key.id.clone());
        assert_eq!(signing(rotated).as_ref(), Some(&old.id));
        let last = rotated + INTRODUCTION - SignedDuration::from_micros(1);
        assert_eq!(signing(last).as_ref(), Some(&old.id));
        assert_eq!(signing(rotated + INTRODUCTION).as_ref(), Some(&new.id));
        let end = rotated + RETIREMENT;
        assert!(
            ring.find(&old.id, end - SignedDuration::from_micros(1))
                .is_some()
        );
        assert!(ring.find(&old.id, end).is_none());
        assert_eq!(ring.valid(end).count(), 1);
        assert!(ring.find(&new.id, rotated).is_some());
        assert!(ring.find("no such key", rotated).is_none());
        // The first key of all signs at once.
        let first = Ring {
            keys: vec![new.clone()],
            read: None,
        };
        assert_eq!(first.signing(rotated).map(|key| &key.id), Some(&new.id));
        assert!(Ring::default().signing(rotated).is_none());
    }

    #[test]
    fn keys_are_read_again_after_a_minute_and_unknown_ones_once_a_second() {
        let now = at("2026-03-10T09:00:00Z");
        let ring = Ring {
            keys: Vec::new(),
            read: Some(now),
        };
        assert!(!ring.is_older_than(FRESH, now + SignedDuration::from_secs(59)));
        assert!(ring.is_older_than(FRESH, now + FRESH));
        assert!(ring.is_older_than(FRESH, now - FRESH));
        assert!(Ring::default().is_older_than(FRESH, now));
        let keys = Keys::default();
        assert!(keys.may_search(now));
        assert!(!keys.may_search(now));
        assert!(!keys.may_search(now + SignedDuration::from_millis(999)));
        assert!(keys.may_search(now + PATIENCE));
        assert!(!keys.may_search(now + PATIENCE));
        assert!(keys.may_search(now - PATIENCE));
    }

    #[test]
    fn what_is_published_holds_no_secret() {
        let key = key(at("2026-03-10T09:00:00Z"), None);
        let text = serde_json::to_value(&key.published).unwrap();
        assert_eq!(text["kty"], "EC");
        assert_eq!(text["crv"], "P-256");
        assert_eq!(text["use"], "sig");
        assert_eq!(text["alg"], "ES256");
        assert_eq!(text["kid"], key.id);
        assert!(text["d"].is_null() && text["x"].is_string() && text["y"].is_string());
    }
}

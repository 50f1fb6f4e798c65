//! Keys that sign access tokens, one set for all spaces. Knows nothing of tokens and cryptography.

use std::fmt;

use jiff::Timestamp;

use crate::Result;
use crate::driver::Tx;
use crate::time::{instant, maybe_instant};

/// A key pair.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// What tokens call it (`kid`).
    pub id: String,
    /// The private key, PKCS#8 DER.
    pub private_key: Vec<u8>,
    /// Made.
    pub created: Timestamp,
    /// Signs and verifies nothing from here on; open until a younger key replaces it.
    pub expires: Option<Timestamp>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .field("created", &self.created)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Keeps other processes from making or replacing keys until the transaction ends.
pub fn hold(tx: &mut Tx<'_>) -> Result<()> {
    tx.rows(
        "select id from organization order by id {hold}",
        &[],
        |_| Ok(()),
    )?;
    Ok(())
}

/// The keys that have not expired, oldest first.
pub fn valid(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<SigningKey>> {
    tx.rows(
        "select id, private_key, created_at, expires_at from signing_key
         where expires_at is null or expires_at > $1 order by created_at, id",
        &[now.as_microsecond().into()],
        |row| {
            Ok(SigningKey {
                id: row.get(0)?,
                private_key: row.get(1)?,
                created: instant(row, 2)?,
                expires: maybe_instant(row, 3)?,
            })
        },
    )
}

/// Keeps a new key.
pub fn insert(tx: &mut Tx<'_>, id: &str, private_key: &[u8], now: Timestamp) -> Result<()> {
    tx.run(
        "insert into signing_key (id, private_key, created_at) values ($1, $2, $3)",
        &[id.into(), private_key.into(), now.as_microsecond().into()],
    )?;
    Ok(())
}

/// Lets all keys that would stay for ever expire at `end`, and forgets those that have expired by `now`.
pub fn retire(tx: &mut Tx<'_>, end: Timestamp, now: Timestamp) -> Result<()> {
    tx.run(
        "delete from signing_key where expires_at <= $1",
        &[now.as_microsecond().into()],
    )?;
    tx.run(
        "update signing_key set expires_at = $1 where expires_at is null",
        &[end.as_microsecond().into()],
    )?;
    Ok(())
}

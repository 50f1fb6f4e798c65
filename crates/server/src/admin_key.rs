//! Admin keys as they are made: on the command line, at first start, with an environment (spec/trophy.md 1.5).

use engine::id::Ids;
use jiff::Timestamp;
use store::access::Environment;
use store::driver::Tx;
use store::key::NewKey;

use crate::door;

/// An admin key before its secret is hashed. Not `Debug`: it must not get into logs.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "it holds a secret")]
pub struct AdminKey {
    /// The readable part.
    pub prefix: String,
    /// The secret part.
    pub body: String,
}

impl AdminKey {
    /// A key nobody can guess: a readable part of 8 hexadecimal digits and 200 bits of secret.
    pub fn random() -> Result<Self, getrandom::Error> {
        /// 32 characters that cannot be taken for one another: five bits each.
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let prefix = format!("{:08x}", getrandom::u32()?);
        let mut random = [0_u8; 40];
        getrandom::fill(&mut random)?;
        let body = random
            .iter()
            .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
            .collect();
        Ok(Self { prefix, body })
    }

    /// As clients send it.
    pub fn text(&self) -> String {
        format!("{}.{}", self.prefix, self.body)
    }

    /// Keeps its hash. The readable part must be free.
    pub fn keep(
        &self,
        tx: &mut Tx<'_>,
        environment: Environment,
        name: &str,
        ids: &mut Ids,
        now: Timestamp,
    ) -> store::Result<()> {
        let new = NewKey {
            id: ids.uuid(now),
            prefix: &self.prefix,
            hash: &door::hash(&self.body),
            user: None,
            name,
        };
        store::key::insert(tx, environment, &new, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_keys_have_the_documented_shape() {
        let key = AdminKey::random().unwrap();
        assert_eq!(key.prefix.len(), 8);
        assert!(
            key.prefix
                .bytes()
                .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
        );
        assert!(key.body.len() >= 32 && key.body.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_ne!(key.body, AdminKey::random().unwrap().body);
    }
}

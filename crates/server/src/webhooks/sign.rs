//! What proves to a receiver that a message is ours (spec/trophy.md 9.3, Standard Webhooks 1.0).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use store::webhook::Endpoint;
use uuid::Uuid;

/// How secrets begin whose rest is the key, in base64.
pub const PREFIX: &str = "whsec_";

/// A new secret.
pub fn new_secret() -> Result<String, getrandom::Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    Ok(format!("{PREFIX}{}", STANDARD.encode(key)))
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    for part in parts {
        mac.update(part);
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// `X-Trophy-Signature`: the key is the text of the secret.
pub fn trophy(secret: &str, body: &[u8]) -> String {
    hmac(secret.as_bytes(), &[body])
}

/// One signature of `webhook-signature`. The key is what follows `whsec_`, decoded; a secret that is no
/// such thing is taken as it is written.
pub fn standard(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> String {
    let decoded = secret
        .strip_prefix(PREFIX)
        .and_then(|text| STANDARD.decode(text).ok());
    let key = decoded.as_deref().unwrap_or(secret.as_bytes());
    let head = format!("{id}.{timestamp}.");
    format!("v1,{}", hmac(key, &[head.as_bytes(), body]))
}

/// The headers of one attempt.
#[derive(Debug, PartialEq, Eq)]
pub struct Headers {
    /// `X-Trophy-Signature`.
    pub trophy: String,
    /// `webhook-id` and `X-Trophy-Event-Id`.
    pub id: String,
    /// `webhook-timestamp`.
    pub timestamp: i64,
    /// `webhook-signature`.
    pub standard: String,
}

/// Signs a message. While the old secret of the endpoint still counts, `webhook-signature` lists a
/// signature by each; `X-Trophy-Signature` has room for one, which is then the old one's: whoever has
/// not learnt the new secret yet is not cut off.
pub fn headers(endpoint: &Endpoint, event: Uuid, body: &[u8], now: Timestamp) -> Headers {
    let id = event.to_string();
    let timestamp = now.as_second();
    let old = endpoint
        .old_secret
        .as_ref()
        .filter(|(_, until)| now < *until)
        .map(|(secret, _)| secret.as_str());
    let secrets = std::iter::once(endpoint.secret.as_str()).chain(old);
    let standard: Vec<String> = secrets
        .map(|secret| standard(secret, &id, timestamp, body))
        .collect();
    Headers {
        trophy: trophy(old.unwrap_or(&endpoint.secret), body),
        timestamp,
        standard: standard.join(" "),
        id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec/trophy.md 9.3.
    #[test]
    fn the_vector_of_the_specification() {
        assert_eq!(
            trophy("whsec_test", br#"{"type":"x"}"#),
            "63pwe2BSm8nzjRtVAkMbJZ4a2zqueZ9YwXgkkAZyl+8="
        );
    }

    #[test]
    fn both_secrets_sign_until_the_old_one_ends() {
        let mut endpoint = super::super::endpoint("", "a new secret of mine");
        let until = "2026-03-02T00:00:00Z".parse().unwrap();
        endpoint.old_secret = Some(("the old secret".to_owned(), until));
        let sign = |now: &str| headers(&endpoint, Uuid::nil(), b"{}", now.parse().unwrap());
        let during = sign("2026-03-01T23:59:59.999Z");
        assert_eq!(during.standard.split(' ').count(), 2);
        assert_eq!(during.trophy, trophy("the old secret", b"{}"));
        let after = sign("2026-03-02T00:00:00Z");
        assert_eq!(after.standard.split(' ').count(), 1);
        assert_eq!(after.trophy, trophy("a new secret of mine", b"{}"));
    }

    #[test]
    fn secrets_are_random_and_have_32_bytes() {
        let (one, other) = (new_secret().unwrap(), new_secret().unwrap());
        assert_ne!(one, other);
        let key = STANDARD.decode(one.strip_prefix(PREFIX).unwrap());
        assert_eq!(key.unwrap().len(), 32);
    }

    #[test]
    fn a_secret_that_only_looks_like_base64_is_taken_as_it_is() {
        let taken = standard("whsec_not base64!", "i", 1, b"x");
        let expected = format!("v1,{}", hmac(b"whsec_not base64!", &[b"i.1.x"]));
        assert_eq!(taken, expected);
    }
}

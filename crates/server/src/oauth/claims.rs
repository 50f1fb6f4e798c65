//! What an access token says, and how it is signed and verified (spec/aworld.md 1.4). Knows no client and no request.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};

use super::keys::Key;

/// How long an access token lives, in seconds.
pub const LIFE_S: i64 = 3_600;
/// How far the clocks of two processes may differ, in seconds.
const SKEW_S: i64 = 60;

/// How a token was obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// A machine speaks for itself.
    M2m,
    /// A user speaks.
    Web,
}

/// The members of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// Who made it.
    pub iss: String,
    /// The client, or our number of the user.
    pub sub: String,
    /// The client that asked for it.
    #[serde(rename = "client_id")]
    pub client_id: String,
    /// The organization.
    pub account_id: String,
    /// The space.
    pub workspace_id: String,
    /// Our number of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The id by which the user's own product knew the user when the token was made: the token ends with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The person behind the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    /// `app` or `dashboard`.
    pub context: String,
    /// How it was obtained.
    pub platform: Platform,
    /// What its bearer may do.
    pub role: String,
    /// The language of the user.
    pub lang: String,
    /// The zone of the user.
    pub timezone: String,
    /// Scopes, separated by blanks.
    pub scope: String,
    /// Made, Unix seconds.
    pub iat: i64,
    /// Ends, Unix seconds.
    pub exp: i64,
    /// Its own id.
    pub jti: String,
}

impl Claims {
    /// Whether the token counts at an instant of our clock.
    pub fn is_current(&self, now: Timestamp) -> bool {
        let now = now.as_second();
        now < self.exp && self.iat <= now + SKEW_S
    }
}

/// Signs claims.
pub fn sign(claims: &Claims, key: &Key) -> jsonwebtoken::errors::Result<String> {
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(key.id.clone());
    jsonwebtoken::encode(&header, claims, &key.private)
}

/// The key that a token says it was signed with; nothing if it is no token of ours.
pub fn key_id(token: &str) -> Option<String> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    // The token does not choose how it is verified.
    (header.alg == Algorithm::ES256)
        .then_some(header.kid)
        .flatten()
}

/// The claims of a token that `key` signed. Time is not looked at: see [`Claims::is_current`].
pub fn verify(token: &str, key: &Key) -> Option<Claims> {
    let mut validation = Validation::new(Algorithm::ES256);
    // The library would ask the clock of the machine.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode(token, &key.public, &validation)
        .ok()
        .map(|token| token.claims)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::EncodingKey;
    use serde_json::{Value, json};

    use super::super::keys::tests::key;
    use super::*;

    const NOW: &str = "2026-03-10T09:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn claims() -> Claims {
        Claims {
            iss: "http://kleos.test".to_owned(),
            sub: "kc_one".to_owned(),
            client_id: "kc_one".to_owned(),
            account_id: "aaaaaaaaaa".to_owned(),
            workspace_id: "wwwwwwwwww".to_owned(),
            user_id: None,
            external_id: None,
            principal_id: None,
            context: "app".to_owned(),
            platform: Platform::M2m,
            role: "member".to_owned(),
            lang: "en".to_owned(),
            timezone: "UTC".to_owned(),
            scope: "app/read".to_owned(),
            iat: now().as_second(),
            exp: now().as_second() + LIFE_S,
            jti: "1".to_owned(),
        }
    }

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    #[test]
    fn what_was_signed_is_read_again() {
        let key = key(now(), None);
        let token = sign(&claims(), &key).unwrap();
        assert_eq!(key_id(&token).as_ref(), Some(&key.id));
        assert_eq!(verify(&token, &key), Some(claims()));
        let payload = token.split('.').nth(1).unwrap();
        let payload: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!(payload["client_id"], "kc_one");
        assert_eq!(payload["workspaceId"], "wwwwwwwwww");
        assert_eq!(payload["platform"], "m2m");
        assert_eq!(payload.get("userId"), None);
    }

    #[test]
    fn a_token_counts_until_its_end_by_the_clock_that_is_given() {
        let claims = claims();
        let at = |seconds: i64| Timestamp::from_second(claims.iat + seconds).unwrap();
        assert!(claims.is_current(at(0)) && claims.is_current(at(LIFE_S - 1)));
        assert!(!claims.is_current(at(LIFE_S)));
        assert!(claims.is_current(at(-SKEW_S)) && !claims.is_current(at(-SKEW_S - 1)));
    }

    #[test]
    fn nothing_but_our_signature_counts() {
        let ours = key(now(), None);
        let theirs = key(now(), None);
        let token = sign(&claims(), &ours).unwrap();
        assert_eq!(verify(&token, &theirs), None);
        let parts: Vec<&str> = token.split('.').collect();
        let [head, payload, signature] = parts.as_slice() else {
            panic!("{token}");
        };
        let claims = serde_json::to_value(claims()).unwrap();
        let mut owner = claims.clone();
        owner["role"] = json!("owner");
        let none = part(&json!({"alg": "none", "kid": ours.id}));
        let owner = part(&owner);
        for forged in [
            format!("{head}.{owner}.{signature}"),
            format!("{none}.{payload}."),
            format!("{none}.{payload}.{signature}"),
            format!("{head}.{payload}."),
            format!("{head}.{payload}"),
            format!("{head}.{payload}.{}", &signature[..signature.len() - 4]),
            format!("{token}."),
            format!("{token}AAAA"),
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
        ] {
            assert_eq!(verify(&forged, &ours), None, "{forged}");
        }
        assert_eq!(key_id(&format!("{none}.{payload}.")), None);
    }

    #[test]
    fn our_public_key_is_no_secret_to_sign_with() {
        let ours = key(now(), None);
        let published = serde_json::to_value(&ours.published).unwrap();
        let coordinate = |name: &str| {
            URL_SAFE_NO_PAD
                .decode(published[name].as_str().unwrap())
                .unwrap()
        };
        let mut point = vec![4];
        point.extend(coordinate("x"));
        point.extend(coordinate("y"));
        for secret in [point, published.to_string().into_bytes()] {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let mut header = Header::new(algorithm);
                header.kid = Some(ours.id.clone());
                let token =
                    jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(&secret))
                        .unwrap();
                assert_eq!(key_id(&token), None, "{algorithm:?}");
                assert_eq!(verify(&token, &ours), None, "{algorithm:?}");
            }
        }
    }
}

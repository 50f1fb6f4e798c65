//! Keys that act for one user (spec/trophy.md 1.5, 13.14).

use axum::extract::State;
use axum::response::Response;
use store::access::{self, Environment};
use store::driver::Tx;
use store::key::{self, NewKey};
use wire::trophy_admin as w;

use super::batch::{self, Fault};
use crate::app::App;
use crate::body::RawBody;
use crate::door::{self, EnvironmentCaller};
use crate::problem::{Problem, Result};
use crate::query::Query;

/// A key before its secret is hashed. Not `Debug`: it must not get into logs.
struct Minted {
    prefix: String,
    secret: String,
}

/// How many random characters follow `app_` in the readable part.
const PREFIX_CHARS: usize = 8;
/// The characters of the secret part: 260 bits.
const SECRET_CHARS: usize = 52;

impl Minted {
    /// Makes a key of bytes that nobody can guess.
    fn of(random: &[u8; PREFIX_CHARS + SECRET_CHARS]) -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let text: String = random
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
            .collect();
        let (prefix, secret) = text.split_at(PREFIX_CHARS);
        Self {
            prefix: format!("app_{prefix}"),
            secret: secret.to_owned(),
        }
    }

    /// Makes a key whose readable part is free.
    fn new(tx: &mut Tx<'_>) -> Result<Self> {
        loop {
            let mut random = [0; PREFIX_CHARS + SECRET_CHARS];
            getrandom::fill(&mut random)
                .map_err(|error| Problem::internal(&std::io::Error::from(error)))?;
            let minted = Self::of(&random);
            if access::find_key(tx, &minted.prefix)?.is_none() {
                return Ok(minted);
            }
        }
    }
}

/// Creates application keys, each for one user.
#[utoipa::path(
    post, path = "/application-api-keys", operation_id = "admin_application_api_keys_create", tag = "Application keys",
    request_body = Vec<w::CreateApplicationKeyRequestItem>,
    responses(
        (status = 200, description = "None was created.", body = w::Created<w::CreatedApplicationKey>),
        (status = 201, description = "At least one was created.", body = w::Created<w::CreatedApplicationKey>),
        (status = 403, description = "An application key cannot do this.", body = wire::ErrorBody),
    ),
)]
pub async fn create_application_keys(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    let environment: Environment = caller.environment;
    app.administer(&caller, move |tx, ids, now| {
        batch::create_each(items, |item: w::CreateApplicationKeyRequestItem| {
            engine::user::check_id(&item.user_id).map_err(|refusal| refusal.to_string())?;
            let minted = Minted::new(tx).map_err(Fault::Fatal)?;
            let new = NewKey {
                id: ids.uuid(now),
                prefix: &minted.prefix,
                hash: &door::hash(&minted.secret),
                user: Some(&item.user_id),
                name: "",
            };
            key::insert(tx, environment, &new, now)?;
            Ok(w::CreatedApplicationKey {
                id: new.id.to_string(),
                key: format!("{}.{}", minted.prefix, minted.secret),
                prefix: minted.prefix,
                user_id: item.user_id,
            })
        })
    })
    .await
}

/// Deletes application keys; they stop working at once.
#[utoipa::path(
    delete, path = "/application-api-keys", operation_id = "admin_application_api_keys_delete", tag = "Application keys",
    params(
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids, 1 to 100."),
    ),
    responses(
        (status = 200, description = "What was deleted.", body = w::Deleted),
        (status = 403, description = "An application key cannot do this.", body = wire::ErrorBody),
    ),
)]
pub async fn delete_application_keys(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    query: Query,
) -> Result<Response> {
    let ids = batch::ids(&query)?;
    let environment: Environment = caller.environment;
    app.administer(&caller, move |tx, _, _| {
        batch::delete_each(ids, |id| {
            if key::delete_application(tx, environment, id)? {
                Ok(())
            } else {
                Err("Application API key not found by ID".into())
            }
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_readable_part_and_a_long_secret() {
        let mut random = [0; PREFIX_CHARS + SECRET_CHARS];
        random[0] = 255;
        random[PREFIX_CHARS] = 33;
        let minted = Minted::of(&random);
        assert_eq!(minted.prefix, "app_7aaaaaaa");
        assert_eq!(minted.secret, format!("b{}", "a".repeat(SECRET_CHARS - 1)));
    }
}

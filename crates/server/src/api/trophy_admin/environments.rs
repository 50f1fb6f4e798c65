//! The environments of the organization (spec/trophy.md 12.1, 15.3).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use store::tenancy::{self, Listed};
use wire::extension::{CreateEnvironment, CreatedEnvironment, EnvironmentType};
use wire::trophy_admin as w;

use super::batch;
use crate::admin_key::AdminKey;
use crate::api::answer;
use crate::app::App;
use crate::body::RawBody;
use crate::door::{AdminCaller, EnvironmentCaller};
use crate::environments::{self, New};
use crate::problem::{Problem, Result};

/// Lists the environments of the organization, the one of highest priority first.
#[utoipa::path(
    get, path = "/environments", operation_id = "admin_environments_list", tag = "Environments",
    responses(
        (status = 200, description = "The environments.", body = [w::AdminEnvironment]),
    ),
)]
pub async fn list_environments(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
) -> Result<Json<Vec<w::AdminEnvironment>>> {
    let environment = caller.environment;
    app.read(&caller, move |view| {
        let listed = tenancy::list_environments(view.tx, environment)?;
        Ok(Json(prioritized(listed)))
    })
    .await
}

/// Production has priority 1, each staging environment the next one in their order, and all
/// development environments, which are equal, the one after those.
fn prioritized(listed: Vec<Listed>) -> Vec<w::AdminEnvironment> {
    let (development, mut ranked): (Vec<Listed>, Vec<Listed>) = listed
        .into_iter()
        .partition(|one| one.kind == "development");
    ranked.sort_by_key(|one| one.kind != "production");
    let mut shown: Vec<w::AdminEnvironment> = (1..)
        .zip(ranked)
        .map(|(priority, one)| prioritize(one, priority))
        .collect();
    let last = shown.last().map_or(1, |one| one.priority + 1);
    shown.extend(development.into_iter().map(|one| prioritize(one, last)));
    shown
}

fn prioritize(one: Listed, priority: i64) -> w::AdminEnvironment {
    w::AdminEnvironment {
        name: one.name,
        key: one.key,
        priority,
    }
}

/// Creates a staging or development environment, with a key of the production environment. A Kleos extension.
///
/// It is empty, has users, configuration and keys of its own, and is the last of its type. The answer holds its first admin
/// key, which is never shown again.
#[utoipa::path(
    post, path = "/environments", operation_id = "kleos_environments_create", tag = "Kleos",
    request_body = CreateEnvironment,
    responses(
        (status = 201, description = "The environment and its first admin key.", body = CreatedEnvironment),
        (status = 403, description = "The key belongs to another environment than production.", body = wire::ErrorBody),
        (status = 422, description = "It cannot be made.", body = wire::ErrorBody),
    ),
)]
pub async fn create_environment(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    body: RawBody,
) -> Result<Response> {
    let wanted: CreateEnvironment = batch::object(&body)?;
    let key =
        AdminKey::random().map_err(|error| Problem::internal(&std::io::Error::from(error)))?;
    let environment = caller.environment;
    app.administer(&caller, move |tx, ids, now| {
        if tenancy::production(tx)? != Some(environment) {
            return Err(Problem::forbidden(
                "environments are made with a key of the production environment",
            ));
        }
        let new = New {
            name: &wanted.name,
            key: &wanted.key,
            kind: match wanted.kind {
                EnvironmentType::Staging => "staging",
                EnvironmentType::Development => "development",
            },
        };
        environments::create(tx, &new, &key, ids, now)?.map_err(Problem::unprocessable)?;
        let listed = prioritized(tenancy::list_environments(tx, environment)?);
        let shown = listed.into_iter().find(|one| one.key == wanted.key);
        let made = CreatedEnvironment {
            priority: shown.map_or(1, |one| one.priority),
            name: wanted.name,
            key: wanted.key,
            kind: wanted.kind,
            admin_key: key.text(),
        };
        Ok(answer(StatusCode::CREATED, made))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn developments_are_equal_and_come_last() {
        let listed = [
            ("p", "production"),
            ("d1", "development"),
            ("s1", "staging"),
            ("d2", "development"),
            ("s2", "staging"),
        ];
        let listed = listed.map(|(key, kind)| Listed {
            name: key.to_uppercase(),
            key: key.to_owned(),
            kind: kind.to_owned(),
        });
        let shown: Vec<(String, i64)> = prioritized(listed.into())
            .into_iter()
            .map(|one| (one.key, one.priority))
            .collect();
        let expected = [("p", 1), ("s1", 2), ("s2", 3), ("d1", 4), ("d2", 4)];
        assert_eq!(
            shown,
            expected.map(|(key, priority)| (key.to_owned(), priority))
        );
    }
}

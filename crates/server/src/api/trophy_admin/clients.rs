//! Clients of the second dialect in the caller's space: our extension of the Admin API (spec/aworld.md 1.3).

use std::collections::BTreeSet;
use std::fmt;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::client::{self, Context, NewClient, Role, Scopes};
use utoipa::ToSchema;
use wire::trophy_admin::{Created, Deleted, DeletedResource, Severity};

use super::batch::{self, Fault};
use crate::api::answer;
use crate::app::App;
use crate::body::RawBody;
use crate::door::{self, AdminCaller};
use crate::oauth::mint;
use crate::problem::{Problem, Result};
use crate::query::Query;

/// The longest name.
const NAME_CHARS_MAX: usize = 100;

/// A client.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownClient {
    /// What it calls itself (`client_id`).
    pub id: String,
    /// For people.
    pub name: String,
    /// The half of the API it may call: `app` or `dashboard`.
    pub context: &'static str,
    /// What it may do on its own account: `owner`, `admin`, `manager`, `member` or `viewer`.
    pub role: &'static str,
    /// What its tokens may at most do.
    pub scopes: Vec<String>,
    /// The `workspaceId` in its tokens.
    pub workspace_id: String,
    /// When it was made.
    pub created: String,
    /// When it was revoked.
    pub revoked: Option<String>,
}

/// A client just created. Its secret is shown here and never again, which is why `Debug` leaves it out.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedClient {
    /// The client.
    #[serde(flatten)]
    pub client: ShownClient,
    /// Its secret (`client_secret`).
    pub secret: String,
}

impl fmt::Debug for CreatedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedClient")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// A client to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateClientRequestItem {
    /// For people, 1 to 100 characters.
    pub name: String,
    /// The half of the API it may call: `app` (default) or `dashboard`.
    pub context: Option<String>,
    /// What it may do on its own account; by default `member` for `app` and `admin` for `dashboard`.
    pub role: Option<String>,
    /// What its tokens may at most do: by default `read` and `write` of its context.
    pub scopes: Option<Vec<String>>,
}

fn shown(client: client::Client, workspace_id: &str) -> ShownClient {
    let instant = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    ShownClient {
        scopes: client
            .scopes
            .text(client.context)
            .split(' ')
            .map(str::to_owned)
            .collect(),
        id: client.id,
        name: client.name,
        context: client.context.as_str(),
        role: client.role.as_str(),
        workspace_id: workspace_id.to_owned(),
        created: instant(client.created),
        revoked: client.revoked.map(instant),
    }
}

/// What an item asks for.
fn checked(item: &CreateClientRequestItem) -> std::result::Result<(Context, Role, Scopes), String> {
    let length = item.name.chars().count();
    if length == 0 || length > NAME_CHARS_MAX {
        return Err(format!("name must have 1 to {NAME_CHARS_MAX} characters"));
    }
    let word = |name: &str, problem: String| format!("{name} {problem}");
    let context = match &item.context {
        Some(text) => text.parse().map_err(|problem| word("context", problem))?,
        None => Context::App,
    };
    let role = match &item.role {
        Some(text) => text.parse().map_err(|problem| word("role", problem))?,
        None => context.default_role(),
    };
    let scopes = match &item.scopes {
        Some(list) => Scopes::parse(context, &list.join(" "))
            .filter(|scopes| scopes.can_read || scopes.can_write)
            .ok_or_else(|| format!("scopes must be among {}", Scopes::ALL.text(context)))?,
        None => Scopes::ALL,
    };
    Ok((context, role, scopes))
}

/// Lists the clients of the space, also those that were revoked. A Kleos extension.
#[utoipa::path(
    get, path = "/clients", operation_id = "kleos_clients_list", tag = "Kleos",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many, 1 to 100; 10 by default."),
        ("skip" = Option<i64>, Query, minimum = 0, description = "How many to leave out."),
    ),
    responses(
        (status = 200, description = "The clients, oldest first.", body = Vec<ShownClient>),
    ),
)]
pub async fn list_clients(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Json<Vec<ShownClient>>> {
    let (limit, skip) = query.page()?;
    app.read(&caller, move |view| {
        let workspace_id = view.space.public_id();
        let clients = client::list(view.tx, view.space, limit, skip)?;
        Ok(Json(
            clients
                .into_iter()
                .map(|client| shown(client, &workspace_id))
                .collect(),
        ))
    })
    .await
}

/// Creates clients that may ask for access tokens. A Kleos extension.
#[utoipa::path(
    post, path = "/clients", operation_id = "kleos_clients_create", tag = "Kleos",
    request_body = Vec<CreateClientRequestItem>,
    responses(
        (status = 200, description = "None was created.", body = Created<CreatedClient>),
        (status = 201, description = "At least one was created.", body = Created<CreatedClient>),
    ),
)]
pub async fn create_clients(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        let (space, now) = (configuration.space, configuration.now);
        let workspace_id = space.public_id();
        batch::create_each(items, |item: CreateClientRequestItem| {
            let (context, role, scopes) = checked(&item)?;
            let minted = mint::client()
                .map_err(|error| Fault::Fatal(Problem::internal(&std::io::Error::from(error))))?;
            let new = NewClient {
                id: &minted.id,
                context,
                name: &item.name,
                role,
                scopes,
                hash: &door::hash(&minted.secret),
            };
            client::insert(configuration.tx, space, &new, now)?;
            let made = client::Client {
                id: minted.id.clone(),
                context,
                name: item.name.clone(),
                role,
                scopes,
                created: now,
                revoked: None,
            };
            Ok(CreatedClient {
                client: shown(made, &workspace_id),
                secret: minted.secret,
            })
        })
    })
    .await
}

/// Revokes clients; their tokens stop working at once. A Kleos extension.
#[utoipa::path(
    delete, path = "/clients", operation_id = "kleos_clients_delete", tag = "Kleos",
    params(
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids, 1 to 100."),
    ),
    responses(
        (status = 200, description = "What was revoked.", body = Deleted),
    ),
)]
pub async fn delete_clients(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Response> {
    let ids: BTreeSet<String> = batch::ids(&query)?.into_iter().collect();
    app.configure(&caller, move |configuration| {
        let mut revoked = Deleted {
            deleted: Vec::new(),
            issues: Vec::new(),
        };
        for id in ids {
            if client::revoke(
                configuration.tx,
                configuration.space,
                &id,
                configuration.now,
            )? {
                revoked.deleted.push(DeletedResource { id });
            } else {
                let message = "Client not found by ID".to_owned();
                let mut issue = batch::issue(Severity::Error, message);
                issue.id = Some(id);
                revoked.issues.push(issue);
            }
        }
        Ok(answer(StatusCode::OK, revoked))
    })
    .await
}

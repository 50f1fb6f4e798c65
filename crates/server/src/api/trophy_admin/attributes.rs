//! Attributes of users and events (spec/trophy.md 13.4).

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::definition::{Attribute, AttributeKind, Stored};
use jiff::Timestamp;
use wire::trophy_admin as w;

use super::batch::{self, Shown};
use super::references;
use crate::app::App;
use crate::body::{RawBody, Segment};
use crate::door::AdminCaller;
use crate::problem::Result;
use crate::query::Query;

impl Shown for Attribute {
    type Wire = w::AdminAttribute;
    const NAME: &'static str = "Attribute";

    fn shown(stored: &Stored<Self>, _: Timestamp) -> w::AdminAttribute {
        w::AdminAttribute {
            id: stored.id.to_string(),
            name: stored.body.name.clone(),
            key: stored.body.key.clone(),
            kind: match stored.body.kind {
                AttributeKind::User => w::AttributeType::User,
                AttributeKind::Event => w::AttributeType::Event,
            },
        }
    }
}

const TAKEN: &str = "attribute of this type";

/// Lists attributes, oldest first.
#[utoipa::path(
    get, path = "/attributes", operation_id = "admin_attributes_list", tag = "Attributes",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many, 10 if not said."),
        ("skip" = Option<i64>, Query, minimum = 0, description = "How many to leave out."),
    ),
    responses(
        (status = 200, description = "The attributes.", body = Vec<w::AdminAttribute>),
    ),
)]
pub async fn list_attributes(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Json<Vec<w::AdminAttribute>>> {
    batch::list::<Attribute>(&app, &caller, &query).await
}

/// Creates attributes.
#[utoipa::path(
    post, path = "/attributes", operation_id = "admin_attributes_create", tag = "Attributes",
    request_body = Vec<w::CreateAttributeRequestItem>,
    responses(
        (status = 200, description = "None was created.", body = w::Created<w::AdminAttribute>),
        (status = 201, description = "At least one was created.", body = w::Created<w::AdminAttribute>),
    ),
)]
pub async fn create_attributes(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        batch::create_each(items, |item: w::CreateAttributeRequestItem| {
            let attribute = Attribute {
                name: item.name,
                key: item.key,
                kind: match item.kind {
                    w::AttributeType::User => AttributeKind::User,
                    w::AttributeType::Event => AttributeKind::Event,
                },
            };
            let stored = configuration.insert(&attribute, TAKEN)?;
            Ok(Attribute::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Updates attributes.
#[utoipa::path(
    patch, path = "/attributes", operation_id = "admin_attributes_update", tag = "Attributes",
    request_body = Vec<w::UpdateAttributeRequestItem>,
    responses(
        (status = 200, description = "What was updated.", body = w::Updated<w::AdminAttribute>),
    ),
)]
pub async fn update_attributes(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        batch::update_each(items, |id, item: w::UpdateAttributeRequestItem| {
            let before = configuration.find::<Attribute>(id)?;
            let mut body = before.body.clone();
            body.name = item.name.unwrap_or(body.name);
            let stored = configuration.update(&before, body, TAKEN)?;
            Ok(Attribute::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Deletes attributes that nothing uses.
#[utoipa::path(
    delete, path = "/attributes", operation_id = "admin_attributes_delete", tag = "Attributes",
    params(
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids, 1 to 100."),
    ),
    responses(
        (status = 200, description = "What was deleted.", body = w::Deleted),
    ),
)]
pub async fn delete_attributes(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Response> {
    let ids = batch::ids(&query)?;
    app.configure(&caller, move |configuration| {
        batch::delete_each(ids, |id| {
            configuration.find::<Attribute>(id)?;
            references::refuse_used_attribute(configuration, id)?;
            configuration.archive(id)
        })
    })
    .await
}

/// Shows one attribute.
#[utoipa::path(
    get, path = "/attributes/{id}", operation_id = "admin_attributes_get", tag = "Attributes",
    params(
        ("id" = String, Path, description = "The id of the attribute."),
    ),
    responses(
        (status = 200, description = "The attribute.", body = w::AdminAttribute),
        (status = 404, description = "There is no such attribute.", body = wire::ErrorBody),
    ),
)]
pub async fn get_attribute(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(id): Segment,
) -> Result<Json<w::AdminAttribute>> {
    batch::get::<Attribute>(&app, &caller, &id).await
}

//! The acting user: its own data, the person above it, what it did, its tags (spec/aworld.md 3.24).

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::aworld as w;

use crate::api::aworld::page::{Page, PageQuery};
use crate::api::aworld::user::{self, Members};
use crate::app::App;
use crate::bearer::AppBearer;
use crate::body::{RawBody, Segment};
use crate::problem::{Problem, Result};
use crate::query::Query;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_me, update_me))
        .routes(routes!(get_my_principal))
        .routes(routes!(get_my_stats))
        .routes(routes!(list_my_tags))
        .routes(routes!(get_my_tag))
}

/// Shows the acting user.
#[utoipa::path(
    get, path = "/users/me", operation_id = "aworld_app_get_me", tag = "Users",
    params(
        ("fields" = Option<Vec<String>>, Query, description = "`tags`, `principal`, `stats`: parts to be shown too."),
    ),
    responses((status = 200, description = "The user.", body = w::User)),
)]
async fn get_me(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    query: Query,
) -> Result<Json<w::User>> {
    user::me(&app, bearer, &query).await
}

/// Changes the acting user: members that are sent overwrite, others stay.
#[utoipa::path(
    patch, path = "/users/me", operation_id = "aworld_app_update_me", tag = "Users",
    request_body = w::UpdateMe,
    responses((status = 200, description = "The user.", body = w::Profile)),
)]
async fn update_me(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    body: RawBody,
) -> Result<Json<w::Profile>> {
    let acting = bearer.user()?;
    let mut members = Members::default();
    let patch = user::own_patch(&mut members, body.object()?);
    members.finish()?;
    let changed = user::save(&app, &bearer.caller, &acting.external_id, patch).await?;
    Ok(Json(user::profile(&changed)))
}

/// Shows the person above the acting user.
#[utoipa::path(
    get, path = "/users/me/principal", operation_id = "aworld_app_get_my_principal", tag = "Users",
    responses((status = 200, description = "The person.", body = w::Principal)),
)]
async fn get_my_principal(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
) -> Result<Json<w::Principal>> {
    user::my_principal(&app, &bearer).await
}

/// Shows what the acting user did.
#[utoipa::path(
    get, path = "/users/me/stats", operation_id = "aworld_app_get_my_stats", tag = "Users",
    responses((status = 200, description = "Some counts.", body = w::UserStats)),
)]
async fn get_my_stats(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
) -> Result<Json<w::UserStats>> {
    let id = bearer.user()?.id;
    app.read(&bearer.caller, move |view| user::stats(view, id).map(Json))
        .await
}

/// Lists the tags of the acting user, by the instant of their last change.
#[utoipa::path(
    get, path = "/users/me/tags", operation_id = "aworld_app_list_my_tags", tag = "Users",
    params(
        PageQuery,
    ),
    responses((status = 200, description = "A page of tags.", body = w::TagReferencePage)),
)]
async fn list_my_tags(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    query: Query,
) -> Result<Json<w::TagReferencePage>> {
    let page = Page::of(&query)?;
    let id = bearer.user()?.id;
    app.read(&bearer.caller, move |view| {
        let (rows, next_token) = user::tag_page(view, id, &page)?;
        let items = rows
            .iter()
            .filter_map(|(tag, row)| user::tag_reference(view, *tag, row))
            .collect();
        Ok(Json(w::TagReferencePage { items, next_token }))
    })
    .await
}

/// Shows a tag of the acting user.
#[utoipa::path(
    get, path = "/users/me/tags/{tagId}", operation_id = "aworld_app_get_my_tag", tag = "Users",
    params(("tagId" = String, Path, description = "The tag.")),
    responses((status = 200, description = "The tag on the user.", body = w::TagReference)),
)]
async fn get_my_tag(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    Segment(tag_id): Segment,
) -> Result<Json<w::TagReference>> {
    let id = bearer.user()?.id;
    app.read(&bearer.caller, move |view| {
        let (tag, row) = user::carried(view, id, &tag_id)?;
        user::tag_reference(view, tag, &row)
            .map(Json)
            .ok_or_else(|| Problem::not_found("tag", &tag_id))
    })
    .await
}

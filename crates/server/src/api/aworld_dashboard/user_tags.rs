//! The tags on users (spec/aworld.md 2.9).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::catalog::Catalog;
use engine::command::{Command, TagAction, TagUser};
use engine::id::{TagId, UserId};
use engine::outcome::Reply;
use engine::state::UserTag;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::aworld as w;

use crate::api::aworld::ask;
use crate::api::aworld::once::{OnceHeader, OnceKey};
use crate::api::aworld::page::{Page, PageQuery};
use crate::api::aworld::time::iso;
use crate::api::aworld::user;
use crate::app::App;
use crate::bearer::{Bearer, DashboardBearer};
use crate::body::{RawBody, Segment, Segments};
use crate::problem::{Problem, Result};
use crate::query::Query;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_tags, assign_tags, update_tags, remove_tags))
        .routes(routes!(get_tag, assign_tag, update_tag, remove_tag))
}

/// Lists the tags of a user, by the instant of their last change.
#[utoipa::path(
    get, path = "/users/{userId}/tags", operation_id = "aworld_dashboard_list_user_tags", tag = "Users",
    params(
        ("userId" = String, Path, description = "Our number of the user."),
        PageQuery,
    ),
    responses((status = 200, description = "A page of tags.", body = UserTagPage)),
)]
async fn list_tags(
    State(app): State<App>,
    DashboardBearer(bearer): DashboardBearer,
    Segment(id): Segment,
    query: Query,
) -> Result<Json<UserTagPage>> {
    let page = Page::of(&query)?;
    let pen = Pen::of(&bearer);
    app.read(&bearer.caller, move |view| {
        let user = user::find(view, &id)?;
        let (rows, next_token) = user::tag_page(view, user.id, &page)?;
        let items = rows
            .iter()
            .filter_map(|(tag, row)| pen.assignment(&view.catalog, user.id, *tag, row))
            .collect();
        Ok(Json(UserTagPage { items, next_token }))
    })
    .await
}

/// Puts tags on a user; those that are there get the priority.
#[utoipa::path(
    post, path = "/users/{userId}/tags", operation_id = "aworld_dashboard_assign_user_tags", tag = "Users",
    params(
        ("userId" = String, Path, description = "Our number of the user."),
        OnceHeader,
    ),
    request_body = w::AssignTags,
    responses((status = 200, description = "The tags as they are now.", body = AssignedUserTags)),
)]
async fn assign_tags(
    State(app): State<App>,
    bearer: DashboardBearer,
    Segment(id): Segment,
    once: OnceKey,
    body: RawBody,
) -> Result<Response> {
    let wanted = priorities(body.object()?)?;
    let request = Request::new(bearer, once, id, TagAction::Assign)?;
    request.carry_out(&app, wanted, Shape::Batch).await
}

/// Gives tags of a user another priority.
#[utoipa::path(
    patch, path = "/users/{userId}/tags", operation_id = "aworld_dashboard_update_user_tags", tag = "Users",
    params(
        ("userId" = String, Path, description = "Our number of the user."),
        OnceHeader,
    ),
    request_body = w::AssignTags,
    responses((status = 200, description = "The tags as they are now.", body = AssignedUserTags)),
)]
async fn update_tags(
    State(app): State<App>,
    bearer: DashboardBearer,
    Segment(id): Segment,
    once: OnceKey,
    body: RawBody,
) -> Result<Response> {
    let wanted = priorities(body.object()?)?;
    let request = Request::new(bearer, once, id, TagAction::Update)?;
    request.carry_out(&app, wanted, Shape::Batch).await
}

/// Takes tags off a user.
#[utoipa::path(
    delete, path = "/users/{userId}/tags", operation_id = "aworld_dashboard_remove_user_tags", tag = "Users",
    params(("userId" = String, Path, description = "Our number of the user.")),
    request_body = w::RemoveTags,
    responses((status = 204, description = "The tags are gone.")),
)]
async fn remove_tags(
    State(app): State<App>,
    bearer: DashboardBearer,
    Segment(id): Segment,
    body: RawBody,
) -> Result<Response> {
    let request: w::RemoveTags = body.object()?;
    check_count(request.assignments.len())?;
    let wanted = request
        .assignments
        .into_iter()
        .map(|item| (item.tag_id, None))
        .collect();
    let request = Request::new(bearer, OnceKey::default(), id, TagAction::Remove)?;
    request.carry_out(&app, wanted, Shape::Nothing).await
}

/// Shows a tag of a user.
#[utoipa::path(
    get, path = "/users/{userId}/tags/{tagId}", operation_id = "aworld_dashboard_get_user_tag", tag = "Users",
    params(
        ("userId" = String, Path, description = "Our number of the user."),
        ("tagId" = String, Path, description = "The tag."),
    ),
    responses((status = 200, description = "The tag on the user.", body = UserTagAssignment)),
)]
async fn get_tag(
    State(app): State<App>,
    DashboardBearer(bearer): DashboardBearer,
    Segments(id, tag_id): Segments,
) -> Result<Json<UserTagAssignment>> {
    let pen = Pen::of(&bearer);
    app.read(&bearer.caller, move |view| {
        let user = user::find(view, &id)?;
        let (tag, row) = user::carried(view, user.id, &tag_id)?;
        pen.assignment(&view.catalog, user.id, tag, &row)
            .map(Json)
            .ok_or_else(|| Problem::not_found("tag", &tag_id))
    })
    .await
}

/// Puts a tag on a user who does not carry it.
#[utoipa::path(
    post, path = "/users/{userId}/tags/{tagId}", operation_id = "aworld_dashboard_assign_user_tag", tag = "Users",
    params(
        ("userId" = String, Path, description = "Our number of the user."),
        ("tagId" = String, Path, description = "The tag."),
        OnceHeader,
    ),
    request_body = w::AssignOne,
    responses(
        (status = 200, description = "The tag on the user.", body = UserTagAssignment),
        (status = 409, description = "The user carries it already.", body = w::ErrorEnvelope),
    ),
)]
async fn assign_tag(
    State(app): State<App>,
    bearer: DashboardBearer,
    Segments(id, tag_id): Segments,
    once: OnceKey,
    body: RawBody,
) -> Result<Response> {
    let wanted = priority(tag_id, &body.object()?)?;
    let request = Request::new(bearer, once, id, TagAction::AssignNew)?;
    request.carry_out(&app, wanted, Shape::One).await
}

/// Gives a tag of a user another priority.
#[utoipa::path(
    patch, path = "/users/{userId}/tags/{tagId}", operation_id = "aworld_dashboard_update_user_tag", tag = "Users",
    params(
        ("userId" = String, Path, description = "Our number of the user."),
        ("tagId" = String, Path, description = "The tag."),
        OnceHeader,
    ),
    request_body = w::AssignOne,
    responses((status = 200, description = "The tag as it is now.", body = UserTagAssignment)),
)]
async fn update_tag(
    State(app): State<App>,
    bearer: DashboardBearer,
    Segments(id, tag_id): Segments,
    once: OnceKey,
    body: RawBody,
) -> Result<Response> {
    let wanted = priority(tag_id, &body.object()?)?;
    let request = Request::new(bearer, once, id, TagAction::Update)?;
    request.carry_out(&app, wanted, Shape::One).await
}

/// Takes a tag off a user.
#[utoipa::path(
    delete, path = "/users/{userId}/tags/{tagId}", operation_id = "aworld_dashboard_remove_user_tag", tag = "Users",
    params(
        ("userId" = String, Path, description = "Our number of the user."),
        ("tagId" = String, Path, description = "The tag."),
    ),
    responses((status = 204, description = "The tag is gone.")),
)]
async fn remove_tag(
    State(app): State<App>,
    bearer: DashboardBearer,
    Segments(id, tag_id): Segments,
) -> Result<Response> {
    let request = Request::new(bearer, OnceKey::default(), id, TagAction::Remove)?;
    request
        .carry_out(&app, vec![(tag_id, None)], Shape::Nothing)
        .await
}

/// The tags a request names, with their priorities if it says any.
type Named = Vec<(String, Option<i64>)>;

fn check_count(count: usize) -> Result<()> {
    if (1..=w::ASSIGNMENTS_MAX).contains(&count) {
        Ok(())
    } else {
        Err(Problem::invalid_member(
            "assignments",
            format!("must have 1 to {} items", w::ASSIGNMENTS_MAX),
        ))
    }
}

fn check_priority(field: &str, priority: Option<i64>) -> Result<()> {
    if priority.is_some_and(|priority| priority < 0) {
        return Err(Problem::invalid_member(field, "must be at least 0"));
    }
    Ok(())
}

fn priorities(request: w::AssignTags) -> Result<Named> {
    check_count(request.assignments.len())?;
    request
        .assignments
        .into_iter()
        .enumerate()
        .map(|(index, item)| {
            check_priority(&format!("assignments[{index}].priority"), item.priority)?;
            Ok((item.tag_id, item.priority))
        })
        .collect()
}

fn priority(tag_id: String, request: &w::AssignOne) -> Result<Named> {
    check_priority("priority", request.priority)?;
    Ok(vec![(tag_id, request.priority)])
}

/// What an answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Batch,
    One,
    Nothing,
}

/// The body of an answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Body {
    Batch(AssignedUserTags),
    One(UserTagAssignment),
}

/// A change to the tags of a user.
struct Request {
    bearer: Bearer,
    once: OnceKey,
    user: String,
    action: TagAction,
}

impl Request {
    fn new(
        bearer: DashboardBearer,
        once: OnceKey,
        user: String,
        action: TagAction,
    ) -> Result<Self> {
        bearer.must_manage_users()?;
        Ok(Self {
            bearer: bearer.0,
            once,
            user,
            action,
        })
    }

    async fn carry_out(self, app: &App, named: Named, shape: Shape) -> Result<Response> {
        let Self {
            bearer,
            once,
            user,
            action,
        } = self;
        let (user, tags) = app
            .read(&bearer.caller, move |view| {
                let user = user::find(view, &user)?;
                let mut tags: Vec<(TagId, i64)> = Vec::new();
                for (tag_id, priority) in named {
                    let unknown = || Problem::not_found("tag", &tag_id);
                    let tag = view.catalog.book.tag_named(&tag_id).ok_or_else(unknown)?;
                    // What is not said is 0, or what it was.
                    let priority = match (priority, action) {
                        (Some(priority), _) => priority,
                        (None, TagAction::Update) => {
                            store::user_tag::find(view.tx, view.space, user.id, tag)?
                                .map_or(0, |row| row.priority)
                        }
                        (None, _) => 0,
                    };
                    // Of two items for one tag the last counts.
                    match tags.iter_mut().find(|(known, _)| *known == tag) {
                        Some(known) => known.1 = priority,
                        None => tags.push((tag, priority)),
                    }
                }
                Ok((user, tags))
            })
            .await?;
        let pen = Pen {
            is_created_shown: action != TagAction::Update,
            ..Pen::of(&bearer)
        };
        let command = Command::TagUser(TagUser { action, tags });
        if shape == Shape::Nothing {
            app.command(&bearer.caller, &user.external_id, command)
                .await?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let id = user.id;
        ask::ask(
            app,
            &bearer,
            &once,
            &user.external_id,
            command,
            StatusCode::OK,
            move |reply, catalog, _| match reply {
                Reply::Tags(tags) => {
                    let mut all = pen.assignments(catalog, id, tags);
                    match shape {
                        Shape::One => all.assignments.pop().map(Body::One),
                        _ => Some(Body::Batch(all)),
                    }
                }
                _ => None,
            },
        )
        .await
    }
}

/// Writes tags of users.
struct Pen {
    account_id: String,
    workspace_id: String,
    is_created_shown: bool,
}

impl Pen {
    fn of(bearer: &Bearer) -> Self {
        Self {
            account_id: bearer.account_id.clone(),
            workspace_id: bearer.caller.space.public_id(),
            is_created_shown: true,
        }
    }

    fn assignment(
        &self,
        catalog: &Catalog,
        user: UserId,
        tag: TagId,
        row: &UserTag,
    ) -> Option<UserTagAssignment> {
        Some(UserTagAssignment(w::TagAssignment {
            tag_id: catalog.book.tag_name(tag)?.to_owned(),
            tagged: w::Tagged {
                entity_type: "User",
                id_name: "userId",
                id: user.0.to_string(),
            },
            priority: row.priority,
            account_id: self.account_id.clone(),
            workspace_id: self.workspace_id.clone(),
            source_region: w::SOURCE_REGION.to_owned(),
            created_at: self.is_created_shown.then(|| iso(row.created)),
            updated_at: iso(row.updated),
        }))
    }

    fn assignments(
        &self,
        catalog: &Catalog,
        user: UserId,
        tags: &[(TagId, UserTag)],
    ) -> AssignedUserTags {
        AssignedUserTags {
            assignments: tags
                .iter()
                .filter_map(|(tag, row)| self.assignment(catalog, user, *tag, row))
                .collect(),
        }
    }
}

/// A tag on a user.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct UserTagAssignment(w::TagAssignment);

impl utoipa::PartialSchema for UserTagAssignment {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        w::TagAssignment::described("userId").into()
    }
}

impl ToSchema for UserTagAssignment {}

/// A page of the tags of a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserTagPage {
    /// The tags.
    items: Vec<UserTagAssignment>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// What became of the tags of a request.
#[derive(Debug, Serialize, ToSchema)]
struct AssignedUserTags {
    /// One item per tag.
    assignments: Vec<UserTagAssignment>,
}

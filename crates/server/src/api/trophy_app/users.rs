//! Users, and how a user is read (spec/trophy.md 2).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::apply;
use engine::command::{Command, SaveUser};
use engine::id::Ids;
use engine::outcome::{Appended, Reply};
use engine::state::UserState;
use engine::user::{Change, Patch};
use wire::trophy_app as w;

use super::render;
use crate::api::answer;
use crate::app::{App, View};
use crate::body::{RawBody, Segment};
use crate::door::{AppCaller, Caller};
use crate::problem::{Problem, Result};
use crate::query;

/// What a request says of a user, for the engine.
pub fn patch(update: w::UpdatedUser) -> Result<Patch> {
    Ok(Patch {
        email: change(update.email),
        name: change(update.name),
        tz: change(update.tz),
        device_tokens: change(update.device_tokens),
        is_subscribed: update.subscribe_to_emails,
        attributes: update.attributes.unwrap_or_default(),
        sign_up_date: match update.sign_up_date {
            wire::Patch::Absent => Change::Keep,
            wire::Patch::Null => Change::Clear,
            wire::Patch::Value(text) => Change::Set(sign_up_date(&text)?),
        },
        ..Patch::default()
    })
}

/// What a nullable member says.
pub fn change<T>(patch: wire::Patch<T>) -> Change<T> {
    match patch {
        wire::Patch::Absent => Change::Keep,
        wire::Patch::Null => Change::Clear,
        wire::Patch::Value(value) => Change::Set(value),
    }
}

/// A date, or an instant of which the UTC date counts (spec/trophy.md 15.2).
fn sign_up_date(text: &str) -> Result<jiff::civil::Date> {
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => Ok(engine::calendar::Zone::utc().date(at)),
        Err(_) => query::date("signUpDate", text),
    }
}

/// A user with all rows as the sweep after the last midnight would have left them, and what that
/// sweep would have appended; 404 for an unknown user.
pub fn settled(view: &mut View<'_, '_>, id: &str) -> Result<(UserState, Appended)> {
    let mut state = store::batch::load_one(view.tx, view.space, &view.catalog, id, view.now)?
        .ok_or_else(|| Problem::not_found("user", id))?;
    // Nothing of it is kept, so it does not matter which ids are made.
    let mut ids = Ids::seeded(0);
    let appended = apply::settled(&view.catalog, &mut state, view.now, &mut ids);
    Ok((state, appended))
}

async fn save(app: &App, caller: &Caller, id: &str, save: SaveUser) -> Result<w::User> {
    let done = app.command(caller, id, Command::SaveUser(save)).await?;
    match &done.reply {
        Reply::User(user) => Ok(render::user(user)),
        _ => Err(Problem::internal(&std::fmt::Error)),
    }
}

/// Creates a user, or updates the one with this id.
#[utoipa::path(
    post, path = "/users", operation_id = "users_create", tag = "Users",
    request_body = w::UpsertedUser,
    responses(
        (status = 201, description = "The user.", body = w::User),
        (status = 400, description = "The body cannot be read.", body = wire::ErrorBody),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 422, description = "The user is not acceptable.", body = wire::ErrorBody),
    ),
)]
pub async fn create_user(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    body: RawBody,
) -> Result<Response> {
    let (id, update): (String, w::UpdatedUser) = body.object::<w::UpsertedUser>()?.into();
    caller.must_be(&id)?;
    let user = save(
        &app,
        &caller,
        &id,
        SaveUser {
            user: patch(update)?,
            may_create: true,
            must_be_new: None,
        },
    )
    .await?;
    Ok(answer(StatusCode::CREATED, user))
}

/// Shows a user.
#[utoipa::path(
    get, path = "/users/{id}", operation_id = "users_get", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
    ),
    responses(
        (status = 200, description = "The user.", body = w::User),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user.", body = wire::ErrorBody),
    ),
)]
pub async fn get_user(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(id): Segment,
) -> Result<Json<w::User>> {
    caller.must_be(&id)?;
    app.read(&caller, move |view| {
        store::user::find(view.tx, view.space, &id)?
            .map(|user| Json(render::user(&user)))
            .ok_or_else(|| Problem::not_found("user", &id))
    })
    .await
}

/// Creates or updates a user: members that are sent overwrite, others stay.
#[utoipa::path(
    put, path = "/users/{id}", operation_id = "users_identify", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
    ),
    request_body = w::UpdatedUser,
    responses(
        (status = 200, description = "The user.", body = w::User),
        (status = 400, description = "The body cannot be read.", body = wire::ErrorBody),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 422, description = "The user is not acceptable.", body = wire::ErrorBody),
    ),
)]
pub async fn identify_user(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(id): Segment,
    body: RawBody,
) -> Result<Json<w::User>> {
    caller.must_be(&id)?;
    let user = patch(body.object()?)?;
    save(
        &app,
        &caller,
        &id,
        SaveUser {
            user,
            may_create: true,
            must_be_new: None,
        },
    )
    .await
    .map(Json)
}

/// Updates a user who exists.
#[utoipa::path(
    patch, path = "/users/{id}", operation_id = "users_update", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
    ),
    request_body = w::UpdatedUser,
    responses(
        (status = 200, description = "The user.", body = w::User),
        (status = 400, description = "The body cannot be read.", body = wire::ErrorBody),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user.", body = wire::ErrorBody),
        (status = 422, description = "The user is not acceptable.", body = wire::ErrorBody),
    ),
)]
pub async fn update_user(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(id): Segment,
    body: RawBody,
) -> Result<Json<w::User>> {
    caller.must_be(&id)?;
    let user = patch(body.object()?)?;
    save(
        &app,
        &caller,
        &id,
        SaveUser {
            user,
            may_create: false,
            must_be_new: None,
        },
    )
    .await
    .map(Json)
}

//! Users of a workspace: made, shown, changed, made anonymous (spec/aworld.md 3.24).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::command::{Command, SaveUser};
use engine::id::UserId;
use engine::outcome::Reply;
use engine::user::{Change, Patch, User};
use store::Space;
use store::driver::Tx;
use store::principal::Person;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::aworld as w;

use crate::api::aworld::ask;
use crate::api::aworld::once::{OnceHeader, OnceKey};
use crate::api::aworld::page::{self, Page, PageQuery};
use crate::api::aworld::user::{
    self, Members, PARTS, email_problem, external_id_problem, image_problem, lang_problem,
    nickname_problem, person_name_problem, timezone_problem,
};
use crate::app::App;
use crate::bearer::DashboardBearer;
use crate::body::{RawBody, Segment};
use crate::problem::{Problem, Result};
use crate::query::Query;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(get_me))
        .routes(routes!(get_my_principal))
        .routes(routes!(get_user_by_external_id))
        .routes(routes!(get_user, update_user, delete_user))
}

/// Lists users, by the instant of their last change.
#[utoipa::path(
    get, path = "/users", operation_id = "aworld_dashboard_list_users", tag = "Users",
    params(
        ("fields" = Option<Vec<String>>, Query, description = "`tags`, `principal`: parts to be shown too."),
        PageQuery,
    ),
    responses((status = 200, description = "A page of users.", body = w::UserPage)),
)]
async fn list_users(
    State(app): State<App>,
    DashboardBearer(bearer): DashboardBearer,
    query: Query,
) -> Result<Json<w::UserPage>> {
    let page = Page::of(&query)?;
    let parts = page::fields(&query, &["tags", "principal"])?;
    app.read(&bearer.caller, move |view| {
        let after = match &page.after {
            None => None,
            Some((at, key)) => Some((*at, user::number(key).ok_or_else(user::foreign_token)?)),
        };
        let mut users =
            store::user::list(view.tx, view.space, page.is_ascending, after, page.rows())?;
        let next_token = page.cut(&mut users, |user| (user.updated, user.id.0.to_string()));
        Ok(Json(w::UserPage {
            items: user::shown_with(view, &bearer.account_id, &users, &parts)?,
            next_token,
        }))
    })
    .await
}

/// Makes a user, and the person above it unless the address is known.
#[utoipa::path(
    post, path = "/users", operation_id = "aworld_dashboard_create_user", tag = "Users",
    params(
        OnceHeader,
    ),
    request_body = w::CreateUser,
    responses(
        (status = 201, description = "The user.", body = w::User),
        (status = 409, description = "There is a user with this external id or this address.", body = w::ErrorEnvelope),
    ),
)]
async fn create_user(
    State(app): State<App>,
    bearer: DashboardBearer,
    once: OnceKey,
    body: RawBody,
) -> Result<Response> {
    bearer.must_manage_users()?;
    let DashboardBearer(bearer) = bearer;
    let wanted = Wanted::of(body.object()?)?;
    // A repeated request would find the user that it made itself.
    if let Some(answer) = ask::answered(&app, &bearer, &once).await? {
        return Ok(answer);
    }
    let space = bearer.caller.space;
    // Of the shared generator: no two users get one number.
    let number = app.room.ids().user(app.room.clock.now());
    let prepared = app
        .administer(&bearer.caller, move |tx, ids, now| {
            must_be_new(tx, space, &wanted)?;
            let person = Person {
                email: &wanted.email,
                first_name: wanted.first_name.as_deref(),
                last_name: wanted.last_name.as_deref(),
            };
            let id = ids.uuid(now);
            let principal = store::principal::find_or_insert(tx, space, &person, id, now)?;
            let external_id = wanted.external_id.unwrap_or_else(|| number.0.to_string());
            let patch = Patch {
                principal: Change::Set(principal.id),
                ..wanted.patch
            };
            Ok((number, external_id, patch))
        })
        .await;
    let (number, external_id, patch) = match prepared {
        Ok(prepared) => prepared,
        Err(problem) => return ask::answered_after(&app, &bearer, &once, problem).await,
    };
    let command = Command::SaveUser(SaveUser {
        user: patch,
        may_create: true,
        must_be_new: Some(Some(number)),
    });
    let account_id = bearer.account_id.clone();
    ask::ask(
        &app,
        &bearer,
        &once,
        &external_id,
        command,
        StatusCode::CREATED,
        move |reply, _, _| match reply {
            Reply::User(made) => Some(user::shown(&account_id, space, made)),
            _ => None,
        },
    )
    .await
}

/// A user that is to be made.
struct Wanted {
    external_id: Option<String>,
    patch: Patch,
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
}

impl Wanted {
    fn of(request: w::CreateUser) -> Result<Self> {
        fn given(value: Option<String>) -> wire::Patch<String> {
            value.map_or(wire::Patch::Absent, wire::Patch::Value)
        }
        let mut members = Members::default();
        members.check("email", &request.email, email_problem);
        for (field, value, problem) in [
            (
                "externalId",
                &request.external_id,
                external_id_problem as user::Check,
            ),
            ("firstName", &request.first_name, person_name_problem),
            ("lastName", &request.last_name, person_name_problem),
        ] {
            if let Some(value) = value {
                members.check(field, value, problem);
            }
        }
        let patch = Patch {
            email: Change::Set(request.email.clone()),
            name: members.text("nickname", given(request.nickname), nickname_problem),
            profile_image: members.text(
                "profileImage",
                given(request.profile_image),
                image_problem,
            ),
            lang: members.text("lang", given(request.lang), lang_problem),
            tz: members.text("timezone", given(request.timezone), timezone_problem),
            ..Patch::default()
        };
        members.finish()?;
        Ok(Self {
            external_id: request.external_id,
            patch,
            email: request.email,
            first_name: request.first_name,
            last_name: request.last_name,
        })
    }
}

/// 409 if a user has this external id already, or stands for this person.
fn must_be_new(tx: &mut Tx<'_>, space: Space, wanted: &Wanted) -> Result<()> {
    if let Some(id) = &wanted.external_id {
        must_be_free(tx, space, id, None)?;
    }
    if let Some(person) = store::principal::find_by_email(tx, space, &wanted.email)?
        && store::user::find_by_principal(tx, space, person.id)?.is_some()
    {
        return Err(Problem::conflict(
            "there is a user with this e-mail address",
        ));
    }
    Ok(())
}

/// 409 if another user has this external id. Our number of another user is as good as taken: without
/// an id of the caller's, users are known by it.
fn must_be_free(
    tx: &mut Tx<'_>,
    space: Space,
    external_id: &str,
    except: Option<UserId>,
) -> Result<()> {
    let by_name = store::user::find(tx, space, external_id)?;
    let by_number = match user::number(external_id) {
        Some(id) => store::user::find_by_id(tx, space, id)?,
        None => None,
    };
    let is_taken = by_name
        .iter()
        .chain(&by_number)
        .any(|user| Some(user.id) != except);
    if is_taken {
        Err(Problem::conflict("there is a user with this external id"))
    } else {
        Ok(())
    }
}

/// Shows the user the call is about.
#[utoipa::path(
    get, path = "/users/me", operation_id = "aworld_dashboard_get_me", tag = "Users",
    params(
        ("fields" = Option<Vec<String>>, Query, description = "`tags`, `principal`, `stats`: parts to be shown too."),
    ),
    responses((status = 200, description = "The user.", body = w::User)),
)]
async fn get_me(
    State(app): State<App>,
    DashboardBearer(bearer): DashboardBearer,
    query: Query,
) -> Result<Json<w::User>> {
    user::me(&app, bearer, &query).await
}

/// Shows the person above the user the call is about.
#[utoipa::path(
    get, path = "/users/me/principal", operation_id = "aworld_dashboard_get_my_principal", tag = "Users",
    responses((status = 200, description = "The person.", body = w::Principal)),
)]
async fn get_my_principal(
    State(app): State<App>,
    DashboardBearer(bearer): DashboardBearer,
) -> Result<Json<w::Principal>> {
    user::my_principal(&app, &bearer).await
}

/// Shows the user whom the caller knows by an id of its own.
#[utoipa::path(
    get, path = "/users/by-external-id/{externalId}", operation_id = "aworld_dashboard_get_user_by_external_id", tag = "Users",
    params(
        ("externalId" = String, Path, description = "The caller's id of the user."),
        ("fields" = Option<Vec<String>>, Query, description = "`tags`: parts to be shown too."),
    ),
    responses((status = 200, description = "The user.", body = w::User)),
)]
async fn get_user_by_external_id(
    State(app): State<App>,
    DashboardBearer(bearer): DashboardBearer,
    Segment(external_id): Segment,
    query: Query,
) -> Result<Json<w::User>> {
    let parts = page::fields(&query, &["tags"])?;
    app.read(&bearer.caller, move |view| {
        let user = store::user::find(view.tx, view.space, &external_id)?
            .filter(|user| user.own_id().is_some())
            .ok_or_else(|| Problem::not_found("user", &external_id))?;
        user::one_with(view, &bearer.account_id, user, &parts).map(Json)
    })
    .await
}

/// Shows a user.
#[utoipa::path(
    get, path = "/users/{userId}", operation_id = "aworld_dashboard_get_user", tag = "Users",
    params(
        ("userId" = String, Path, description = "Our number of the user."),
        ("fields" = Option<Vec<String>>, Query, description = "`tags`, `principal`, `stats`: parts to be shown too."),
    ),
    responses((status = 200, description = "The user.", body = w::User)),
)]
async fn get_user(
    State(app): State<App>,
    DashboardBearer(bearer): DashboardBearer,
    Segment(id): Segment,
    query: Query,
) -> Result<Json<w::User>> {
    let parts = page::fields(&query, PARTS)?;
    app.read(&bearer.caller, move |view| {
        let user = user::find(view, &id)?;
        user::one_with(view, &bearer.account_id, user, &parts).map(Json)
    })
    .await
}

/// Changes a user: members that are sent overwrite, others stay.
#[utoipa::path(
    patch, path = "/users/{userId}", operation_id = "aworld_dashboard_update_user", tag = "Users",
    params(("userId" = String, Path, description = "Our number of the user.")),
    request_body = w::UpdateUser,
    responses(
        (status = 200, description = "The user.", body = w::User),
        (status = 409, description = "Another user has this external id.", body = w::ErrorEnvelope),
    ),
)]
async fn update_user(
    State(app): State<App>,
    bearer: DashboardBearer,
    Segment(id): Segment,
    body: RawBody,
) -> Result<Json<w::User>> {
    bearer.must_manage_users()?;
    let DashboardBearer(bearer) = bearer;
    let update: w::UpdateUser = body.object()?;
    let mut members = Members::default();
    let external_id = match members.text("externalId", update.external_id, external_id_problem) {
        Change::Set(id) => Some(id),
        Change::Keep | Change::Clear => None,
    };
    let own = w::UpdateMe {
        nickname: update.nickname,
        profile_image: update.profile_image,
        lang: update.lang,
        timezone: update.timezone,
    };
    let patch = Patch {
        external_id,
        ..user::own_patch(&mut members, own)
    };
    members.finish()?;
    let (name, patch) = app
        .read(&bearer.caller, move |view| {
            let user = user::find(view, &id)?;
            if let Some(next) = &patch.external_id {
                must_be_free(view.tx, view.space, next, Some(user.id))?;
            }
            Ok((user.external_id, patch))
        })
        .await?;
    let changed = user::save(&app, &bearer.caller, &name, patch).await?;
    Ok(Json(user::shown(
        &bearer.account_id,
        bearer.caller.space,
        &changed,
    )))
}

/// Makes a user anonymous: what the user did stays, who it was is gone; the person above stays.
#[utoipa::path(
    delete, path = "/users/{userId}", operation_id = "aworld_dashboard_delete_user", tag = "Users",
    params(("userId" = String, Path, description = "Our number of the user.")),
    responses((status = 200, description = "The user is anonymous.", body = w::DeletedUser)),
)]
async fn delete_user(
    State(app): State<App>,
    bearer: DashboardBearer,
    Segment(id): Segment,
) -> Result<Json<w::DeletedUser>> {
    bearer.must_manage_users()?;
    let DashboardBearer(bearer) = bearer;
    let (name, patch) = app
        .read(&bearer.caller, move |view| {
            let user = user::find(view, &id)?;
            let patch = forgotten(&user);
            Ok((user.external_id, patch))
        })
        .await?;
    let user = user::save(&app, &bearer.caller, &name, patch).await?;
    Ok(Json(w::DeletedUser {
        user_id: user.id.0.to_string(),
        deleted: true,
    }))
}

/// What takes everything off a user that says who it is. The caller's id goes too: it is free for
/// somebody else, and leads to this user no more.
fn forgotten(user: &User) -> Patch {
    Patch {
        email: Change::Clear,
        name: Change::Clear,
        device_tokens: Change::Clear,
        lang: Change::Clear,
        profile_image: Change::Clear,
        principal: Change::Clear,
        attributes: user
            .attributes
            .keys()
            .map(|key| (key.clone(), None))
            .collect(),
        external_id: Some(user.id.0.to_string()),
        // Nobody is written to, nor told to write.
        is_subscribed: Some(false),
        ..Patch::default()
    }
}

//! Missions that somebody gives to a user or a group (spec/aworld.md 3.7, 4.5).

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::amount::Amount;
use engine::catalog::Catalog;
use engine::command::{Command, StartMission};
use engine::id::Ids;
use engine::mission;
use engine::outcome::Reply;
use engine::state::{Mission, Owner};
use jiff::Timestamp;
use serde_json::Number;
use store::Space;
use store::driver::Tx;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::aworld as w;

use crate::api::aworld::ask::{answered, answered_after, ask};
use crate::api::aworld::once::{OnceHeader, OnceKey};
use crate::api::aworld::time::{instant, maybe_instant};
use crate::api::aworld::{provenance, user};
use crate::api::aworld_app::missions::Naming;
use crate::app::App;
use crate::bearer::{Bearer, DashboardBearer};
use crate::body::RawBody;
use crate::problem::{Detail, Problem, Result};

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_mission))
}

/// Gives a mission to a user or a group.
#[utoipa::path(
    post, path = "/missions", operation_id = "aworld_dashboard_create_mission", tag = "Missions",
    params(
        OnceHeader,
    ),
    request_body = w::CreateMission,
    responses(
        (status = 201, description = "The mission.", body = w::CreatedMission),
        (status = 409, description = "The user or group has this mission already.", body = w::ErrorEnvelope),
    ),
)]
async fn create_mission(
    State(app): State<App>,
    DashboardBearer(bearer): DashboardBearer,
    once: OnceKey,
    body: RawBody,
) -> Result<Response> {
    if let Some(answer) = answered(&app, &bearer, &once).await? {
        return Ok(answer);
    }
    let request: w::CreateMission = body.object()?;
    let given = Given::of(request)?;
    match given.to {
        To::User(number) => to_user(&app, &bearer, &once, number, given.start).await,
        To::Group(tag) => to_group(&app, &bearer, &once, tag, given.start).await,
    }
}

/// A mission as a request gives it.
struct Given {
    to: To,
    start: StartMission,
}

/// To whom.
enum To {
    /// Our number of a user.
    User(String),
    /// The id of a tag.
    Group(String),
}

impl Given {
    /// Reads a request; 400 tells everything that is wrong.
    fn of(request: w::CreateMission) -> Result<Self> {
        let mut wrong = Vec::new();
        let to = match (request.mission_type, request.user_id, request.group_tag_id) {
            (w::MissionType::Individual, Some(user), None) => Some(To::User(user)),
            (w::MissionType::Group, None, Some(tag)) => Some(To::Group(tag)),
            (w::MissionType::Individual, user, tag) => {
                if user.is_none() {
                    note(
                        &mut wrong,
                        "userId",
                        "is required when missionType is INDIVIDUAL",
                    );
                }
                if tag.is_some() {
                    let message = "must be absent when missionType is INDIVIDUAL";
                    note(&mut wrong, "groupTagId", message);
                }
                None
            }
            (w::MissionType::Group, user, tag) => {
                if tag.is_none() {
                    note(
                        &mut wrong,
                        "groupTagId",
                        "is required when missionType is GROUP",
                    );
                }
                if user.is_some() {
                    note(
                        &mut wrong,
                        "userId",
                        "must be absent when missionType is GROUP",
                    );
                }
                None
            }
        };
        let starts = kept(&mut wrong, instant("startsAt", &request.starts_at));
        let ends = kept(
            &mut wrong,
            maybe_instant("endsAt", request.ends_at.as_deref()),
        )
        .flatten();
        match request.timeframe_type {
            w::ManualTimeframeType::Permanent if request.ends_at.is_some() => {
                let message = "must be absent when timeframeType is PERMANENT";
                note(&mut wrong, "endsAt", message);
            }
            w::ManualTimeframeType::Range if request.ends_at.is_none() => {
                note(
                    &mut wrong,
                    "endsAt",
                    "is required when timeframeType is RANGE",
                );
            }
            _ if starts
                .zip(ends)
                .is_some_and(|(starts, ends)| ends <= starts) =>
            {
                note(&mut wrong, "endsAt", "must be after startsAt");
            }
            _ => {}
        }
        let current = amount(&mut wrong, "currentAmount", request.current_amount);
        let target = amount(&mut wrong, "targetAmount", request.target_amount);
        match (to, starts) {
            (Some(to), Some(starts)) if wrong.is_empty() => Ok(Self {
                to,
                start: StartMission {
                    configuration: request.mission_configuration_id,
                    starts,
                    ends,
                    current: current.unwrap_or_default(),
                    target,
                },
            }),
            _ => Err(Problem::invalid(wrong)),
        }
    }
}

fn note(wrong: &mut Vec<Detail>, field: &str, message: impl Into<String>) {
    wrong.push(Detail {
        field: field.to_owned(),
        message: message.into(),
    });
}

fn kept<T>(wrong: &mut Vec<Detail>, read: Result<T>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(problem) => {
            wrong.extend(problem.details);
            None
        }
    }
}

fn amount(wrong: &mut Vec<Detail>, field: &str, number: Option<Number>) -> Option<Amount> {
    match Amount::parse(&number?.to_string()) {
        Ok(amount) => Some(amount),
        Err(error) => {
            note(wrong, field, error.to_string());
            None
        }
    }
}

async fn to_user(
    app: &App,
    bearer: &Bearer,
    once: &OnceKey,
    number: String,
    start: StartMission,
) -> Result<Response> {
    let asked = start.clone();
    let found = app
        .read(&bearer.caller, move |view| {
            let user = user::find(view, &number)?;
            // What is over is not among the rows that the command looks at. Which ids are made does not
            // matter: nothing of it is kept.
            let mut ids = Ids::seeded(0);
            let owner = Owner::User(user.id);
            let planned = mission::by_hand(&view.catalog, owner, &asked, view.now, &mut ids)?;
            must_be_new(view.tx, view.space, &planned)?;
            Ok(user.external_id)
        })
        .await;
    let external_id = match found {
        Ok(external_id) => external_id,
        Err(problem) => return answered_after(app, bearer, once, problem).await,
    };
    let command = Command::StartMission(start);
    let provenance = provenance::of(bearer);
    ask(
        app,
        bearer,
        once,
        &external_id,
        command,
        StatusCode::CREATED,
        move |reply, catalog, at| match reply {
            Reply::Mission(mission) => created(catalog, mission, at, &provenance).ok(),
            _ => None,
        },
    )
    .await
}

async fn to_group(
    app: &App,
    bearer: &Bearer,
    once: &OnceKey,
    tag: String,
    start: StartMission,
) -> Result<Response> {
    let space = bearer.caller.space;
    let room = app.room.clone();
    let provenance = provenance::of(bearer);
    let fingerprint = once.fingerprint(bearer);
    let (answer, is_repeated) = app
        .administer(&bearer.caller, move |tx, ids, now| {
            let versions = store::access::versions(tx, space)?.ok_or_else(Problem::unauthorized)?;
            let catalog = room.catalogs.get(tx, space, versions.config)?;
            let missing = || Problem::not_found("tag", &tag);
            let group = catalog.book.tag_named(&tag).ok_or_else(missing)?;
            if !store::mission::hold_group(tx, space, group)? {
                return Err(missing());
            }
            // Whoever stood in the way has committed now; it may have been the same request.
            if let Some(fingerprint) = &fingerprint
                && let Some(answer) =
                    store::answer::find(tx, space, fingerprint, now - store::answer::LIFE)?
            {
                return Ok((answer, true));
            }
            let mission = mission::by_hand(&catalog, Owner::Group(group), &start, now, ids)?;
            must_be_new(tx, space, &mission)?;
            store::mission::insert(tx, space, &mission)?;
            let created = created(&catalog, &mission, now, &provenance)?;
            let answer = store::answer::Answer {
                status: StatusCode::CREATED.as_u16(),
                body: serde_json::to_string(&created).map_err(|error| Problem::internal(&error))?,
            };
            if let Some(fingerprint) = &fingerprint {
                store::answer::keep(tx, space, fingerprint, &answer, now)?;
            }
            Ok((answer, false))
        })
        .await?;
    let json = [(header::CONTENT_TYPE, "application/json")];
    let response = (StatusCode::CREATED, json, answer.body).into_response();
    Ok(once.mark(response, is_repeated))
}

fn created(
    catalog: &Catalog,
    mission: &Mission,
    now: Timestamp,
    provenance: &w::Provenance,
) -> Result<w::CreatedMission> {
    Ok(w::CreatedMission {
        mission: Naming::known(catalog).shown(mission, now, None)?,
        provenance: provenance.clone(),
    })
}

/// 409 if the owner was given a mission of the configuration for the period before.
fn must_be_new(tx: &mut Tx<'_>, space: Space, planned: &Mission) -> Result<()> {
    let Mission {
        owner,
        configuration,
        period,
        ..
    } = planned;
    if store::mission::is_given(tx, space, *owner, *configuration, period)? {
        return Err(Problem::conflict(
            "there is a mission of this configuration for this period already",
        ));
    }
    Ok(())
}

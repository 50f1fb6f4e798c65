//! Everything configured: how all kinds of documents are listed, made, read, replaced, published, translated and tagged
//! (spec/aworld.md 2.3 to 2.10).
//!
//! What a kind is, says its struct (`engine::definition`); how it looks on the wire, its line in [`routes`]. No other code knows
//! a kind (`ARCHITECTURE.md`, "How to add a kind").

mod describe;
mod drafts;
mod shape;
mod tags;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use engine::definition::{
    Activity, Content, MissionConfiguration, MissionRule, RewardRule, Tag, VirtualCurrency,
};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use crate::api::aworld::once::OnceKey;
use crate::app::{App, Configuration};
use crate::bearer::{Bearer, DashboardBearer};
use crate::problem::{Problem, Result};
use crate::query::Query;
use describe::Description;
use tags::Doing;

/// The routes of all kinds. One line adds a kind.
#[rustfmt::skip]
pub fn routes() -> OpenApiRouter<App> {
    use {Listing::{Paged, Whole}, Tagging::{Brief, Full}};
    OpenApiRouter::new()
        .kind::<Activity>(Face::of("activities", "activityId", "Activity").takes_ids().tagged(Brief).translated(Paged))
        .kind::<MissionConfiguration>(Face::of("mission-configurations", "missionConfigurationId", "MissionConfiguration").takes_ids().tagged(Full).translated(Whole))
        .kind::<MissionRule>(Face::of("mission-rules", "missionRuleId", "MissionRule").takes_ids().tagged(Full).translated(Paged))
        .kind::<RewardRule>(Face::of("reward-rules", "rewardRuleId", "RewardRule"))
        .kind::<Tag>(Face::of("tags", "tagId", "Tag").translated_at("tag", Paged))
        .kind::<VirtualCurrency>(Face::of("virtual-currencies", "virtualCurrencyId", "VirtualCurrency").takes_ids().shows_stage_at_once().translated_beside("streak-rules", Paged))
}

/// How a kind looks on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Face {
    /// Its first path segment.
    path: &'static str,
    /// What its id is called.
    id: &'static str,
    /// Its name, which is also its `entityType`.
    name: &'static str,
    /// Whether clients may choose ids.
    takes_ids: bool,
    /// Whether the answer to a creation has the stage.
    shows_stage_at_once: bool,
    /// Whether it carries tags, and how that is answered.
    tagging: Option<Tagging>,
    /// Where and how its translations are listed.
    translations: Option<Translations>,
}

/// How tag operations answer; the contract differs without a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tagging {
    /// A list does not say what carries the tags, and a removal answers 204.
    Brief,
    /// A list shows whole assignments, and a removal answers what is gone.
    Full,
}

/// How translations are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listing {
    /// In pages.
    Paged,
    /// As one array.
    Whole,
}

/// Where translations are listed.
#[derive(Clone, Copy, Debug)]
struct Translations {
    /// The first path segment.
    path: &'static str,
    /// How.
    listing: Listing,
    /// Whether the path also names things of a kind that is not built yet.
    is_shared: bool,
}

impl Face {
    const fn of(path: &'static str, id: &'static str, name: &'static str) -> Self {
        Self {
            path,
            id,
            name,
            takes_ids: false,
            shows_stage_at_once: false,
            tagging: None,
            translations: None,
        }
    }

    const fn takes_ids(self) -> Self {
        Self {
            takes_ids: true,
            ..self
        }
    }

    const fn shows_stage_at_once(self) -> Self {
        Self {
            shows_stage_at_once: true,
            ..self
        }
    }

    const fn tagged(self, tagging: Tagging) -> Self {
        Self {
            tagging: Some(tagging),
            ..self
        }
    }

    const fn translated(self, listing: Listing) -> Self {
        self.translated_at(self.path, listing)
    }

    /// For paths that are irregular in the contract.
    const fn translated_at(self, path: &'static str, listing: Listing) -> Self {
        Self {
            translations: Some(Translations {
                path,
                listing,
                is_shared: false,
            }),
            ..self
        }
    }

    /// For a path that belongs to another kind in the contract.
    const fn translated_beside(self, path: &'static str, listing: Listing) -> Self {
        Self {
            translations: Some(Translations {
                path,
                listing,
                is_shared: true,
            }),
            ..self
        }
    }

    /// What readers may ask for with `fields`.
    fn fields(&self) -> &'static [&'static str] {
        match self.tagging {
            Some(_) => &["tags", "translations"],
            None => &["translations"],
        }
    }

    fn not_found(&self, id: &str) -> Problem {
        Problem::not_found(self.name, id)
    }
}

/// Adds the routes of a kind.
trait Kinds {
    fn kind<T: Content + ToSchema>(self, face: Face) -> Self;
}

impl Kinds for OpenApiRouter<App> {
    fn kind<T: Content + ToSchema>(self, face: Face) -> Self {
        let description = Description::of::<T>(face);
        let required = description.required();
        let required_again = Arc::clone(&required);
        let router = self
            .routes(
                description.all(
                    get(
                        move |State(app): State<App>, DashboardBearer(bearer), query: Query| {
                            drafts::list::<T>(face, app, bearer, query)
                        },
                    )
                    .post(
                        move |State(app): State<App>, DashboardBearer(bearer), once, body| {
                            drafts::create::<T>(face, required, app, bearer, once, body)
                        },
                    ),
                ),
            )
            .routes(
                description.one(
                    get(
                        move |State(app): State<App>, DashboardBearer(bearer), id, query| {
                            drafts::read::<T>(face, app, bearer, id, query)
                        },
                    )
                    .put(
                        move |State(app): State<App>, DashboardBearer(bearer), id, body| {
                            drafts::replace::<T>(face, required_again, app, bearer, id, body)
                        },
                    ),
                ),
            )
            .routes(description.publish(post(
                move |State(app): State<App>, DashboardBearer(bearer), id, once| {
                    drafts::publish::<T>(face, app, bearer, id, once)
                },
            )));
        let router = match face.translations {
            None => router,
            Some(at) => router.routes(description.translations(
                at,
                get(
                    move |State(app): State<App>, DashboardBearer(bearer), id, query| {
                        drafts::translations::<T>(face, at, app, bearer, id, query)
                    },
                ),
            )),
        };
        match face.tagging {
            None => router,
            Some(tagging) => router
                .routes(description.tags(tagging, tags_route::<T>(face, tagging)))
                .routes(description.tag(tagging, tag_route::<T>(face, tagging))),
        }
    }
}

/// The operations on all tags of a document.
fn tags_route<T: Content>(face: Face, tagging: Tagging) -> MethodRouter<App> {
    get(
        move |State(app): State<App>, DashboardBearer(bearer), id, query| {
            tags::list::<T>(face, tagging, app, bearer, id, query)
        },
    )
    .post(
        move |State(app): State<App>, DashboardBearer(bearer), id, once, body| {
            tags::write::<T>(face, Doing::Assigning, app, bearer, id, once, body)
        },
    )
    .patch(
        move |State(app): State<App>, DashboardBearer(bearer), id, once, body| {
            tags::write::<T>(face, Doing::Changing, app, bearer, id, once, body)
        },
    )
    .delete(
        move |State(app): State<App>, DashboardBearer(bearer), id, body| {
            tags::remove::<T>(face, tagging, app, bearer, id, body)
        },
    )
}

/// The operations on one tag of a document.
fn tag_route<T: Content>(face: Face, tagging: Tagging) -> MethodRouter<App> {
    get(
        move |State(app): State<App>, DashboardBearer(bearer), path| {
            tags::read_one::<T>(face, app, bearer, path)
        },
    )
    .post(
        move |State(app): State<App>, DashboardBearer(bearer), path, once, body| {
            tags::write_one::<T>(face, Doing::Adding, app, bearer, path, once, body)
        },
    )
    .patch(
        move |State(app): State<App>, DashboardBearer(bearer), path, once, body| {
            tags::write_one::<T>(face, Doing::Changing, app, bearer, path, once, body)
        },
    )
    .delete(
        move |State(app): State<App>, DashboardBearer(bearer), path| {
            tags::remove_one::<T>(face, tagging, app, bearer, path)
        },
    )
}

/// Changes the configuration and answers JSON; a repeated request is answered as it was the first time
/// and changes nothing.
async fn change(
    app: &App,
    bearer: &Bearer,
    once: &OnceKey,
    work: impl FnOnce(&mut Configuration<'_, '_>) -> Result<(StatusCode, Value)> + Send + 'static,
) -> Result<Response> {
    let fingerprint = once.fingerprint(bearer);
    let (answer, is_repeated) = app
        .configure(&bearer.caller, move |configuration| {
            let now = configuration.now;
            if let Some(fingerprint) = &fingerprint {
                let (tx, space) = (&mut *configuration.tx, configuration.space);
                if let Some(answer) =
                    store::answer::find(tx, space, fingerprint, now - store::answer::LIFE)?
                {
                    configuration.unchanged();
                    return Ok((answer, true));
                }
            }
            let (status, body) = work(configuration)?;
            let answer = store::answer::Answer {
                status: status.as_u16(),
                body: body.to_string(),
            };
            if let Some(fingerprint) = &fingerprint {
                let (tx, space) = (&mut *configuration.tx, configuration.space);
                store::answer::keep(tx, space, fingerprint, &answer, now)?;
            }
            Ok((answer, false))
        })
        .await?;
    let status = StatusCode::from_u16(answer.status).map_err(|error| Problem::internal(&error))?;
    let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
    let response = (status, json, answer.body).into_response();
    Ok(once.mark(response, is_repeated))
}

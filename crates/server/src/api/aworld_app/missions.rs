//! The missions of the acting user and of the user's groups (spec/aworld.md 3.7, 4.5).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use engine::catalog::Catalog;
use engine::command::Command;
use engine::definition::{MatchEntity, MatchType, MissionType, Translation};
use engine::id::{Ids, MissionId};
use engine::rulebook::Snapshot;
use engine::state::{Mission, Owner, Row};
use engine::timeframe::{State as TimeframeState, TimeframeType};
use jiff::Timestamp;
use store::Space;
use store::batch::Item;
use store::document::Slice;
use store::driver::Tx;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use wire::aworld as w;

use crate::api::aworld::page::{Page, PageQuery, fields};
use crate::api::aworld::time::iso;
use crate::app::{App, View};
use crate::bearer::{Acting, AppBearer};
use crate::body::Segment;
use crate::problem::{Problem, Result};
use crate::query::Query;

/// What may be asked for with `fields`.
const PARTS: &[&str] = &["translation"];

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_missions))
        .routes(routes!(get_mission))
}

/// Lists the missions of the user and of the user's groups; before that, LAZY rules assign theirs.
#[utoipa::path(
    get, path = "/missions", operation_id = "aworld_app_list_missions", tag = "Missions",
    params(
        ("fields" = Option<Vec<String>>, Query, description = "`translation`."),
        PageQuery,
    ),
    responses((status = 200, description = "The missions.", body = w::MissionPage)),
)]
async fn list_missions(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    query: Query,
) -> Result<Json<w::MissionPage>> {
    let page = Page::of(&query)?;
    let with_texts = !fields(&query, PARTS)?.is_empty();
    let acting = bearer.user()?.clone();
    let lang = bearer.lang().to_owned();
    let slice = slice(&page)?;
    // Whoever turns a page has been given what there was to give.
    if page.after.is_none() {
        let user = acting.clone();
        let is_due = app.read(&bearer.caller, move |view| is_due(view, &user));
        if is_due.await? {
            app.command(&bearer.caller, &acting.external_id, Command::AssignMissions)
                .await?;
        }
    }
    app.read(&bearer.caller, move |view| {
        let mut missions = store::mission::of_user(view.tx, view.space, acting.id, slice)?;
        let next_token = page.cut(&mut missions, |mission| {
            (mission.updated, mission.id.to_string())
        });
        let naming = Naming::of(view.tx, view.space, &view.catalog, &missions)?;
        let items = missions
            .iter()
            .map(|mission| naming.shown(mission, view.now, with_texts.then_some(lang.as_str())))
            .collect::<Result<_>>()?;
        Ok(Json(w::MissionPage { items, next_token }))
    })
    .await
}

/// Shows a mission of the user or of one of the user's groups.
#[utoipa::path(
    get, path = "/missions/{missionId}", operation_id = "aworld_app_get_mission", tag = "Missions",
    params(
        ("missionId" = String, Path, description = "The id of the mission."),
        ("groupTagId" = Option<String>, Query, description = "The tag of the group whose mission it is."),
        ("fields" = Option<Vec<String>>, Query, description = "`translation`."),
    ),
    responses((status = 200, description = "The mission.", body = w::Mission)),
)]
async fn get_mission(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    Segment(id): Segment,
    query: Query,
) -> Result<Json<w::Mission>> {
    let with_texts = !fields(&query, PARTS)?.is_empty();
    let acting = bearer.user()?.clone();
    let lang = bearer.lang().to_owned();
    let group = query.one("groupTagId").map(str::to_owned);
    app.read(&bearer.caller, move |view| {
        let mission = find(view, &acting, &id)?;
        let missing = || Problem::not_found("mission", &id);
        let mission = mission.ok_or_else(missing)?;
        let missions = [mission];
        let naming = Naming::of(view.tx, view.space, &view.catalog, &missions)?;
        let shown = naming.shown(&missions[0], view.now, with_texts.then_some(lang.as_str()))?;
        // A mission of another group than the one named, or of none.
        if group.is_some() && shown.group_tag_id != group {
            return Err(missing());
        }
        Ok(Json(shown))
    })
    .await
}

fn find(view: &mut View<'_, '_>, acting: &Acting, id: &str) -> Result<Option<Mission>> {
    let Ok(id) = id.parse::<Uuid>() else {
        return Ok(None);
    };
    Ok(store::mission::find_of_user(
        view.tx,
        view.space,
        acting.id,
        MissionId(id),
    )?)
}

/// The part of a list that is on a page.
pub(super) fn slice(page: &Page) -> Result<Slice> {
    let after = match &page.after {
        None => None,
        Some((at, key)) => {
            let id = key
                .parse()
                .map_err(|_| Problem::invalid_member("nextToken", "is not a token of this list"))?;
            Some((*at, id))
        }
    };
    Ok(Slice {
        after,
        is_ascending: page.is_ascending,
        limit: page.rows(),
    })
}

/// Whether a listing by this user brings something new: LAZY rules would make missions, or time has
/// moved those that are there. Asked on a copy, so that mere reading writes nothing.
fn is_due(view: &mut View<'_, '_>, acting: &Acting) -> Result<bool> {
    let catalog = view.catalog.clone();
    if !catalog.book.has_missions() {
        return Ok(false);
    }
    let shared = if catalog.book.has_group_missions() {
        store::mission::of_groups(view.tx, view.space, acting.id)?
    } else {
        store::mission::Shared::default()
    };
    let item = Item {
        space: view.space,
        user: &acting.external_id,
        command: &Command::AssignMissions,
        now: view.now,
    };
    // Nothing of it is kept, so it does not matter which ids are made.
    let mut ids = Ids::seeded(0);
    let mut set = store::batch::load(
        view.tx,
        &|_| Some(catalog.clone()),
        &[item],
        &mut ids,
        false,
    )?;
    let is_due = set.with(item.space, item.user, item.command, |state, company| {
        for mission in shared.missions {
            company.missions.insert(mission.id, Row::stored(mission));
        }
        for (tag, rule, period) in shared.evaluations {
            company.evaluations.insert((tag, rule), Row::stored(period));
        }
        engine::apply::apply(&catalog, state, company, item.command, item.now, &mut ids);
        let mut missions = state.missions.values().chain(company.missions.values());
        missions.any(Row::is_changed)
    });
    Ok(is_due.unwrap_or(false))
}

/// What is needed to show missions: the names of what they refer to.
pub(crate) struct Naming<'a> {
    catalog: &'a Catalog,
    names: BTreeMap<Uuid, String>,
}

impl<'a> Naming<'a> {
    /// For missions of which the catalog knows all names.
    pub(crate) fn known(catalog: &'a Catalog) -> Self {
        Self {
            catalog,
            names: BTreeMap::new(),
        }
    }

    /// Looks up the names that the catalog does not know any more.
    pub(crate) fn of(
        tx: &mut Tx<'_>,
        space: Space,
        catalog: &'a Catalog,
        missions: &[Mission],
    ) -> Result<Self> {
        let book = &catalog.book;
        let mut unknown = Vec::new();
        for mission in missions {
            if let Owner::Group(tag) = mission.owner
                && book.tag_name(tag).is_none()
            {
                unknown.push(tag.0);
            }
            if let Some(rule) = mission.rule
                && book.mission_rule(rule).is_none()
            {
                unknown.push(rule.0);
            }
        }
        unknown.sort_unstable();
        unknown.dedup();
        let names = if unknown.is_empty() {
            BTreeMap::new()
        } else {
            store::mission::names(tx, space, &unknown)?
        };
        Ok(Self { catalog, names })
    }

    /// A mission as it stands at an instant, with texts for a reader of a language if one is named.
    pub(crate) fn shown(
        &self,
        mission: &Mission,
        now: Timestamp,
        lang: Option<&str>,
    ) -> Result<w::Mission> {
        let book = &self.catalog.book;
        let snapshot: Snapshot =
            serde_json::from_str(&mission.snapshot).map_err(|error| Problem::internal(&error))?;
        let name = |id: Uuid, known: Option<&str>| {
            known
                .map(str::to_owned)
                .or_else(|| self.names.get(&id).cloned())
        };
        let (user_id, group_tag_id) = match mission.owner {
            Owner::User(user) => (Some(user.0.to_string()), None),
            Owner::Group(tag) => (None, name(tag.0, book.tag_name(tag))),
        };
        let translation = lang.and_then(|lang| {
            let entry = book.configuration(mission.configuration)?;
            translation(entry.stored.body.translation(lang)?)
        });
        Ok(w::Mission {
            user_id,
            group_tag_id,
            mission_id: mission.id.to_string(),
            mission_type: match snapshot.mission_type {
                MissionType::Individual => w::MissionType::Individual,
                MissionType::Group => w::MissionType::Group,
            },
            mission_configuration_id: snapshot.configuration,
            mission_rule_id: mission.rule.and_then(|rule| {
                let entry = book.mission_rule(rule);
                name(rule.0, entry.map(|entry| entry.stored.body.id.as_str()))
            }),
            period_id: mission.period.clone(),
            timeframe_type: match mission.timeframe_type {
                TimeframeType::Permanent => w::TimeframeType::Permanent,
                TimeframeType::Range => w::TimeframeType::Range,
                TimeframeType::Recurring => w::TimeframeType::Recurring,
            },
            starts_at: iso(mission.starts),
            ends_at: mission.ends.map(iso),
            completed_at: mission.completed.map(iso),
            is_completed: mission.completed.is_some(),
            state: match mission.state(now) {
                TimeframeState::Pending => w::TimeframeState::Pending,
                TimeframeState::Active => w::TimeframeState::Active,
                TimeframeState::Ended => w::TimeframeState::Ended,
            },
            match_type: match snapshot.match_type {
                MatchType::Instance => w::MatchType::Instance,
                MatchType::Entity => w::MatchType::Entity,
                MatchType::Tag => w::MatchType::Tag,
            },
            match_entity: match snapshot.match_entity {
                MatchEntity::Activity => w::MissionEntity::Activity,
                MatchEntity::Quiz => w::MissionEntity::Quiz,
                MatchEntity::Tag => w::MissionEntity::Tag,
            },
            match_entity_id: snapshot.match_entity_id,
            match_condition: snapshot.match_condition,
            increment_expression: snapshot.increment_expression,
            target_amount_expression: snapshot.target_amount_expression,
            current_amount: mission.current.to_f64(),
            target_amount: mission.target.to_f64(),
            default_lang: snapshot.default_lang,
            created_at: iso(mission.created),
            updated_at: iso(mission.updated),
            translation,
        })
    }
}

/// Texts that have a label.
pub(super) fn translation(texts: &Translation) -> Option<w::Translation> {
    Some(w::Translation {
        lang: texts.lang.clone(),
        label: texts.label.clone()?,
        description: texts.description.clone(),
    })
}

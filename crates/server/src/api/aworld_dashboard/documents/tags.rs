//! The tags of documents of any kind: eight operations (spec/aworld.md 2.9). They act at once, without a draft.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::definition::{Content, Kind};
use engine::id::TagId;
use serde_json::{Value, json};
use store::Space;
use store::definition_tag::{self, Assignment};
use store::driver::Tx;
use uuid::Uuid;
use wire::aworld::{
    ASSIGNMENTS_MAX, AssignOne, AssignTags, RemoveTags, RemovedAssignment, SOURCE_REGION,
    TagAssignment, TagReference, Tagged,
};

use super::drafts::{find, paged, slice};
use super::shape::{Frame, parsed};
use super::{Face, Tagging, change};
use crate::api::aworld::once::OnceKey;
use crate::api::aworld::page::Page;
use crate::api::aworld::time::iso;
use crate::app::{App, Configuration};
use crate::bearer::Bearer;
use crate::body::{RawBody, Segment, Segments};
use crate::problem::{Detail, Problem, Result};
use crate::query::Query;

/// What a request does with the tags it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Assigns those that are missing, and gives all their priority.
    Assigning,
    /// Assigns one that must be missing.
    Adding,
    /// Gives a priority to those that must be there.
    Changing,
}

/// A tag named by a request, and its priority if it says one.
type Wish = (String, Option<i64>);

/// Lists the tags of a document.
pub(super) async fn list<T: Content>(
    face: Face,
    tagging: Tagging,
    app: App,
    bearer: Bearer,
    Segment(id): Segment,
    query: Query,
) -> Result<Json<Value>> {
    let page = Page::of(&query)?;
    let slice = slice(&page)?;
    let account_id = bearer.account_id;
    app.read(&bearer.caller, move |view| {
        let document = find::<T>(face, view.tx, view.space, &id)?.id;
        let mut rows = definition_tag::list(view.tx, view.space, document, &slice)?;
        let next = page.cut(&mut rows, |row| (row.updated, row.tag.0.to_string()));
        let frame = Frame::new(face, account_id, view.space, view.now);
        let items = rows.into_iter().map(|row| match tagging {
            Tagging::Brief => json!(TagReference {
                tag_id: row.tag_id,
                priority: row.priority,
                created_at: iso(row.created),
                updated_at: iso(row.updated),
            }),
            Tagging::Full => json!(frame.assignment(&id, row)),
        });
        Ok(Json(paged(items.collect(), next)))
    })
    .await
}

/// Shows one tag of a document.
pub(super) async fn read_one<T: Content>(
    face: Face,
    app: App,
    bearer: Bearer,
    Segments(id, tag_id): Segments,
) -> Result<Json<TagAssignment>> {
    let account_id = bearer.account_id;
    app.read(&bearer.caller, move |view| {
        let document = find::<T>(face, view.tx, view.space, &id)?.id;
        let tags = named_tags(view.tx, view.space, vec![tag_id])?;
        let mut rows = carried(view.tx, view.space, document, &tags)?;
        let (tag_id, tag) = &tags[0];
        let row = rows.remove(tag).ok_or_else(|| not_carried(tag_id))?;
        let frame = Frame::new(face, account_id, view.space, view.now);
        Ok(Json(frame.assignment(&id, row)))
    })
    .await
}

/// Assigns or changes several tags, all or none of them.
pub(super) async fn write<T: Content>(
    face: Face,
    doing: Doing,
    app: App,
    bearer: Bearer,
    Segment(id): Segment,
    once: OnceKey,
    body: RawBody,
) -> Result<Response> {
    let wishes: Vec<Wish> = parsed::<AssignTags>(&body)?
        .assignments
        .into_iter()
        .map(|item| (item.tag_id, item.priority))
        .collect();
    check(wishes.len(), wishes.iter().map(|(_, priority)| *priority))?;
    let account_id = bearer.account_id.clone();
    change(&app, &bearer, &once, move |configuration| {
        let rows = set::<T>(configuration, face, account_id, &id, wishes, doing)?;
        Ok((StatusCode::OK, json!({ "assignments": rows })))
    })
    .await
}

/// Assigns or changes one tag.
pub(super) async fn write_one<T: Content>(
    face: Face,
    doing: Doing,
    app: App,
    bearer: Bearer,
    Segments(id, tag_id): Segments,
    once: OnceKey,
    body: RawBody,
) -> Result<Response> {
    let one = if body.0.is_empty() {
        AssignOne::default()
    } else {
        parsed(&body)?
    };
    if one.priority.is_some_and(|priority| priority < 0) {
        return Err(Problem::invalid_member("priority", NEGATIVE));
    }
    let account_id = bearer.account_id.clone();
    change(&app, &bearer, &once, move |configuration| {
        let wishes = vec![(tag_id, one.priority)];
        let rows = set::<T>(configuration, face, account_id, &id, wishes, doing)?;
        Ok((StatusCode::OK, json!(rows.first())))
    })
    .await
}

/// Takes several tags away, all or none of them.
pub(super) async fn remove<T: Content>(
    face: Face,
    tagging: Tagging,
    app: App,
    bearer: Bearer,
    Segment(id): Segment,
    body: RawBody,
) -> Result<Response> {
    let items = parsed::<RemoveTags>(&body)?.assignments;
    check(items.len(), std::iter::empty())?;
    let tag_ids = items.into_iter().map(|item| item.tag_id).collect();
    let removed = app
        .configure(&bearer.caller, move |configuration| {
            take::<T>(configuration, face, &id, tag_ids)
        })
        .await?;
    Ok(match tagging {
        Tagging::Brief => StatusCode::NO_CONTENT.into_response(),
        Tagging::Full => Json(json!({ "assignments": removed })).into_response(),
    })
}

/// Takes one tag away.
pub(super) async fn remove_one<T: Content>(
    face: Face,
    tagging: Tagging,
    app: App,
    bearer: Bearer,
    Segments(id, tag_id): Segments,
) -> Result<Response> {
    let removed = app
        .configure(&bearer.caller, move |configuration| {
            take::<T>(configuration, face, &id, vec![tag_id])
        })
        .await?;
    Ok(match tagging {
        Tagging::Brief => StatusCode::NO_CONTENT.into_response(),
        Tagging::Full => Json(removed.into_iter().next()).into_response(),
    })
}

const NEGATIVE: &str = "must be at least 0";

/// Checks what a batch says.
fn check(items: usize, priorities: impl Iterator<Item = Option<i64>>) -> Result<()> {
    let mut details = Vec::new();
    if items == 0 || items > ASSIGNMENTS_MAX {
        details.push(Detail {
            field: "assignments".to_owned(),
            message: format!("must have 1 to {ASSIGNMENTS_MAX} items"),
        });
    }
    for (index, priority) in priorities.enumerate() {
        if priority.is_some_and(|priority| priority < 0) {
            details.push(Detail {
                field: format!("assignments[{index}].priority"),
                message: NEGATIVE.to_owned(),
            });
        }
    }
    if details.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(details))
    }
}

/// Gives tags and priorities to a document. Answers one row per tag, in the order of their first mention;
/// of several wishes for one tag the last counts.
fn set<T: Content>(
    configuration: &mut Configuration<'_, '_>,
    face: Face,
    account_id: String,
    id: &str,
    wishes: Vec<Wish>,
    doing: Doing,
) -> Result<Vec<TagAssignment>> {
    let (space, now) = (configuration.space, configuration.now);
    let tx = &mut *configuration.tx;
    let document = find::<T>(face, tx, space, id)?.id;
    let (ids, priorities): (Vec<String>, Vec<Option<i64>>) = wishes.into_iter().unzip();
    let tags = named_tags(tx, space, ids)?;
    let before = carried(tx, space, document, &tags)?;
    let mut wanted: Vec<(TagId, i64)> = Vec::new();
    for ((tag_id, tag), priority) in tags.iter().zip(priorities) {
        let priority = match (before.get(tag), doing) {
            (Some(_), Doing::Adding) => {
                let message = format!("the tag {tag_id:?} is already assigned");
                return Err(Problem::conflict(message));
            }
            (None, Doing::Changing) => return Err(not_carried(tag_id)),
            (Some(row), Doing::Changing) => priority.unwrap_or(row.priority),
            (_, Doing::Assigning | Doing::Adding) => priority.unwrap_or(0),
        };
        match wanted.iter_mut().find(|(other, _)| other == tag) {
            Some((_, last)) => *last = priority,
            None => wanted.push((*tag, priority)),
        }
    }
    definition_tag::assign(tx, space, document, &wanted, now)?;
    let mut after = carried(tx, space, document, &tags)?;
    let frame = Frame::new(face, account_id, space, now);
    Ok(wanted
        .iter()
        .filter_map(|(tag, _)| after.remove(tag))
        .map(|row| {
            let mut shown = frame.assignment(id, row);
            if doing == Doing::Changing {
                shown.created_at = None;
            }
            shown
        })
        .collect())
}

/// Takes tags from a document, which must carry them all.
fn take<T: Content>(
    configuration: &mut Configuration<'_, '_>,
    face: Face,
    id: &str,
    tag_ids: Vec<String>,
) -> Result<Vec<RemovedAssignment>> {
    let space = configuration.space;
    let tx = &mut *configuration.tx;
    let document = find::<T>(face, tx, space, id)?.id;
    let mut tags = named_tags(tx, space, tag_ids)?;
    let before = carried(tx, space, document, &tags)?;
    if let Some((tag_id, _)) = tags.iter().find(|(_, tag)| !before.contains_key(tag)) {
        return Err(not_carried(tag_id));
    }
    tags.sort();
    tags.dedup();
    let ids: Vec<TagId> = tags.iter().map(|(_, tag)| *tag).collect();
    definition_tag::remove(tx, space, document, &ids)?;
    Ok(tags
        .into_iter()
        .map(|(tag_id, _)| RemovedAssignment {
            tag_id,
            tagged: face.tagged_as(id),
            deleted: true,
        })
        .collect())
}

/// The tags that are meant, in the same order; 404 if one is not there. Drafts count.
fn named_tags(tx: &mut Tx<'_>, space: Space, tag_ids: Vec<String>) -> Result<Vec<(String, TagId)>> {
    let wanted: Vec<(Kind, &str)> = tag_ids.iter().map(|id| (Kind::Tag, id.as_str())).collect();
    let found = store::document::ids(tx, space, &wanted)?;
    tag_ids
        .into_iter()
        .map(|id| match found.get(&(Kind::Tag, id.clone())) {
            Some(tag) => Ok((id, TagId(*tag))),
            None => Err(Problem::not_found("Tag", &id)),
        })
        .collect()
}

/// Those of the tags that a document carries.
fn carried(
    tx: &mut Tx<'_>,
    space: Space,
    document: Uuid,
    tags: &[(String, TagId)],
) -> Result<BTreeMap<TagId, Assignment>> {
    let ids: Vec<TagId> = tags.iter().map(|(_, tag)| *tag).collect();
    let rows = definition_tag::find(tx, space, document, &ids)?;
    Ok(rows.into_iter().map(|row| (row.tag, row)).collect())
}

fn not_carried(tag_id: &str) -> Problem {
    Problem::not_found("Tag assignment", tag_id)
}

impl Face {
    fn tagged_as(&self, id: &str) -> Tagged {
        Tagged {
            entity_type: self.name,
            id_name: self.id,
            id: id.to_owned(),
        }
    }
}

impl Frame {
    fn assignment(&self, id: &str, row: Assignment) -> TagAssignment {
        TagAssignment {
            tag_id: row.tag_id,
            tagged: self.face.tagged_as(id),
            priority: row.priority,
            account_id: self.account_id.clone(),
            workspace_id: self.workspace_id.clone(),
            source_region: SOURCE_REGION.to_owned(),
            created_at: Some(iso(row.created)),
            updated_at: iso(row.updated),
        }
    }
}

//! Listing, making, reading, replacing, publishing and translating documents of any kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::definition::{Content, Document, Kind};
use serde_json::{Value, json};
use store::Space;
use store::document::{Kept, Slice};
use store::driver::Tx;
use uuid::Uuid;
use wire::aworld::TagReference;

use super::shape::{Frame, Sent, Stage};
use super::{Face, Listing, Translations, change};
use crate::api::aworld::once::OnceKey;
use crate::api::aworld::page::{Page, fields};
use crate::api::aworld::time::iso;
use crate::app::App;
use crate::bearer::Bearer;
use crate::body::{RawBody, Segment};
use crate::problem::{Detail, Problem, Result};
use crate::query::Query;

/// Lists a page.
pub(super) async fn list<T: Content>(
    face: Face,
    app: App,
    bearer: Bearer,
    query: Query,
) -> Result<Json<Value>> {
    let page = Page::of(&query)?;
    let slice = slice(&page)?;
    let fields = fields(&query, face.fields())?;
    let account_id = bearer.account_id;
    app.read(&bearer.caller, move |view| {
        let frame = Frame::new(face, account_id, view.space, view.now);
        let mut rows = store::document::list::<T>(view.tx, view.space, &slice)?;
        let next = page.cut(&mut rows, |kept| (kept.updated, kept.id.to_string()));
        let items = expanded(&frame, view.tx, view.space, &rows, &fields)?;
        Ok(Json(paged(items, next)))
    })
    .await
}

/// Shows one.
pub(super) async fn read<T: Content>(
    face: Face,
    app: App,
    bearer: Bearer,
    Segment(id): Segment,
    query: Query,
) -> Result<Json<Value>> {
    let fields = fields(&query, face.fields())?;
    let account_id = bearer.account_id;
    app.read(&bearer.caller, move |view| {
        let frame = Frame::new(face, account_id, view.space, view.now);
        let kept = find::<T>(face, view.tx, view.space, &id)?;
        let mut items = expanded(&frame, view.tx, view.space, &[kept], &fields)?;
        Ok(Json(items.pop().unwrap_or_default()))
    })
    .await
}

/// Makes one, as a draft.
pub(super) async fn create<T: Content>(
    face: Face,
    required: Arc<[String]>,
    app: App,
    bearer: Bearer,
    once: OnceKey,
    body: RawBody,
) -> Result<Response> {
    let sent = Sent::read(&body)?;
    let account_id = bearer.account_id.clone();
    change(&app, &bearer, &once, move |configuration| {
        let own = configuration.id();
        let (space, now) = (configuration.space, configuration.now);
        let document = sent
            .new_document::<T>(face, &required, own)
            .map_err(Problem::invalid)?;
        let tx = &mut *configuration.tx;
        check_references(tx, space, &document)?;
        let id = document.id.as_str();
        if !store::document::ids(tx, space, &[(T::KIND, id)])?.is_empty() {
            let message = format!("there is already a document with the {} {id:?}", face.id);
            return Err(Problem::conflict(message));
        }
        let kept = store::document::insert(tx, space, own, document, now)?;
        let stage = face.shows_stage_at_once.then_some(Stage::Draft);
        let frame = Frame::new(face, account_id, space, now);
        Ok((StatusCode::CREATED, frame.shown(&kept, &kept.body, stage)))
    })
    .await
}

/// Replaces one: writes a draft, which takes effect when it is published.
pub(super) async fn replace<T: Content>(
    face: Face,
    required: Arc<[String]>,
    app: App,
    bearer: Bearer,
    Segment(id): Segment,
    body: RawBody,
) -> Result<Response> {
    let sent = Sent::read(&body)?;
    let account_id = bearer.account_id.clone();
    change(&app, &bearer, &OnceKey::default(), move |configuration| {
        let (space, now) = (configuration.space, configuration.now);
        let tx = &mut *configuration.tx;
        let before = find::<T>(face, tx, space, &id)?;
        let document = sent
            .replacement(face, &required, before.newest())
            .map_err(Problem::invalid)?;
        check_references(tx, space, &document)?;
        let kept = store::document::save_draft(tx, space, before, document, now)?;
        configuration.unchanged();
        let frame = Frame::new(face, account_id, space, now);
        let shown = frame.shown(&kept, kept.newest(), Some(Stage::Draft));
        Ok((StatusCode::OK, shown))
    })
    .await
}

/// Puts the draft of one in force.
pub(super) async fn publish<T: Content>(
    face: Face,
    app: App,
    bearer: Bearer,
    Segment(id): Segment,
    once: OnceKey,
) -> Result<Response> {
    let account_id = bearer.account_id.clone();
    change(&app, &bearer, &once, move |configuration| {
        let (space, now) = (configuration.space, configuration.now);
        let before = find::<T>(face, configuration.tx, space, &id)?;
        let kept = store::document::publish(configuration.tx, space, before, now)?;
        if kept.body.content.acts_by_itself() {
            configuration.resettle();
        }
        let frame = Frame::new(face, account_id, space, now);
        let shown = frame.shown(&kept, &kept.body, Some(Stage::Published));
        Ok((StatusCode::OK, shown))
    })
    .await
}

/// Lists the translations of one.
pub(super) async fn translations<T: Content>(
    face: Face,
    at: Translations,
    app: App,
    bearer: Bearer,
    Segment(id): Segment,
    query: Query,
) -> Result<Response> {
    let page = Page::of(&query)?;
    // All have the same instant of change, that of the document: their place tells them apart.
    let after = match &page.after {
        None => 0,
        Some((_, place)) => place
            .parse::<usize>()
            .map_err(|_| foreign_token())?
            .saturating_add(1),
    };
    let account_id = bearer.account_id;
    app.read(&bearer.caller, move |view| {
        let kept = match find::<T>(face, view.tx, view.space, &id) {
            Err(problem) if at.is_shared && problem.status == StatusCode::NOT_FOUND => {
                return Err(Problem::not_built());
            }
            found => found?,
        };
        let frame = Frame::new(face, account_id, view.space, view.now);
        let shown = frame.translations(&kept);
        if at.listing == Listing::Whole {
            return Ok(Json(shown).into_response());
        }
        let mut places: Vec<(usize, Value)> = shown.into_iter().enumerate().skip(after).collect();
        let next = page.cut(&mut places, |(place, _)| (kept.updated, place.to_string()));
        let items = places.into_iter().map(|(_, shown)| shown).collect();
        Ok(Json(paged(items, next)).into_response())
    })
    .await
}

/// A page as it is answered.
pub(super) fn paged(items: Vec<Value>, next: Option<String>) -> Value {
    let mut page = serde_json::Map::new();
    page.insert("items".to_owned(), Value::Array(items));
    if let Some(next) = next {
        page.insert("nextToken".to_owned(), next.into());
    }
    Value::Object(page)
}

/// The rows of a page, one more than are shown.
pub(super) fn slice(page: &Page) -> Result<Slice> {
    let after = match &page.after {
        None => None,
        Some((updated, id)) => Some((*updated, Uuid::try_parse(id).map_err(|_| foreign_token())?)),
    };
    Ok(Slice {
        limit: page.rows(),
        is_ascending: page.is_ascending,
        after,
    })
}

fn foreign_token() -> Problem {
    Problem::invalid_member("nextToken", "is not a token of this list")
}

/// The document of a path.
pub(super) fn find<T: Content>(
    face: Face,
    tx: &mut Tx<'_>,
    space: Space,
    id: &str,
) -> Result<Kept<T>> {
    store::document::find(tx, space, id)?.ok_or_else(|| face.not_found(id))
}

/// Shows documents with the parts that were asked for.
fn expanded<T: Content>(
    frame: &Frame,
    tx: &mut Tx<'_>,
    space: Space,
    rows: &[Kept<T>],
    fields: &[&str],
) -> Result<Vec<Value>> {
    let mut tags: BTreeMap<Uuid, Vec<TagReference>> = BTreeMap::new();
    if fields.contains(&"tags") {
        let ids: Vec<Uuid> = rows.iter().map(|kept| kept.id).collect();
        for (id, assignment) in store::definition_tag::of_all(tx, space, &ids)? {
            tags.entry(id).or_default().push(TagReference {
                tag_id: assignment.tag_id,
                priority: assignment.priority,
                created_at: iso(assignment.created),
                updated_at: iso(assignment.updated),
            });
        }
    }
    Ok(rows
        .iter()
        .map(|kept| {
            let mut shown = frame.shown(kept, &kept.body, None);
            if fields.contains(&"tags") {
                shown["tags"] = json!(tags.remove(&kept.id).unwrap_or_default());
            }
            if fields.contains(&"translations") {
                shown["translations"] = frame.translations(kept).into();
            }
            shown
        })
        .collect())
}

/// 400 unless everything is there that a document mentions; drafts count.
fn check_references<T: Content>(
    tx: &mut Tx<'_>,
    space: Space,
    document: &Document<T>,
) -> Result<()> {
    let references = document.content.references();
    let wanted: BTreeSet<(Kind, &str)> = references
        .iter()
        .map(|reference| (reference.kind, reference.id))
        .collect();
    let wanted: Vec<(Kind, &str)> = wanted.into_iter().collect();
    let found = store::document::ids(tx, space, &wanted)?;
    let details: Vec<Detail> = references
        .iter()
        .filter(|one| !found.contains_key(&(one.kind, one.id.to_owned())))
        .map(|one| Detail {
            field: one.field.to_owned(),
            message: format!(
                "there is no {} {:?}",
                one.kind.name().replace('_', " "),
                one.id
            ),
        })
        .collect();
    if details.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(details))
    }
}

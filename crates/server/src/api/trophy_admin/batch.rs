//! Many items in one call, each on its own: what is common to all kinds of configuration (spec/trophy.md 13.1-13.3).

use std::collections::BTreeSet;

use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use engine::definition::{Definition, Stored};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;
use wire::trophy_admin::{AdminIssue, Created, Deleted, DeletedResource, Severity, Updated};

use crate::api::answer;
use crate::app::{App, Configuration};
use crate::body::{RawBody, from_value};
use crate::door::Caller;
use crate::problem::{Problem, Result};
use crate::query::Query;

/// The most items of one call.
const ITEMS_MAX: usize = 100;

/// A kind of definition as the Admin API shows it.
pub trait Shown: Definition + Send + 'static {
    /// Its shape.
    type Wire: Serialize + Send + 'static;
    /// Its name in messages, capitalised.
    const NAME: &'static str;
    /// Shows one.
    fn shown(stored: &Stored<Self>, now: Timestamp) -> Self::Wire;
}

/// Why an item was not carried out.
#[derive(Debug)]
pub enum Fault {
    /// The item is at fault; others are not affected.
    Issue(String),
    /// The whole call fails.
    Fatal(Problem),
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::Issue(message)
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        Self::Issue(message.to_owned())
    }
}

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Self {
        Self::Fatal(error.into())
    }
}

/// The result of one item.
pub type ItemResult<T> = std::result::Result<T, Fault>;

/// An issue that says nothing yet of which item it is about.
pub fn issue(severity: Severity, message: String) -> AdminIssue {
    AdminIssue { id: None, user_id: None, boost_id: None, index: None, severity, message }
}

/// Reads the items of a create or update call.
pub fn items(body: &RawBody) -> Result<Vec<Value>> {
    check_items(body.json().map_err(Problem::as_unprocessable)?)
}

/// Checks how many items there are.
pub fn check_items(items: Vec<Value>) -> Result<Vec<Value>> {
    if items.is_empty() || items.len() > ITEMS_MAX {
        return Err(Problem::unprocessable(format!(
            "the body must be an array of 1 to {ITEMS_MAX} items"
        )));
    }
    Ok(items)
}

/// Reads the ids of a delete call.
pub fn ids(query: &Query) -> Result<Vec<String>> {
    let ids = query.list("ids");
    if ids.is_empty() || ids.len() > ITEMS_MAX {
        return Err(Problem::unprocessable(format!("ids must name 1 to {ITEMS_MAX} items")));
    }
    Ok(ids)
}

/// Reads the id of a path.
pub fn path_id(text: &str) -> Result<Uuid> {
    parse_id(text).map_err(Problem::unprocessable)
}

/// Reads an id.
pub fn parse_id(text: &str) -> std::result::Result<Uuid, &'static str> {
    // Only the form that we write: the parser of the crate knows several others.
    let is_hyphenated = text.len() == 36;
    is_hyphenated
        .then(|| Uuid::try_parse(text).ok())
        .flatten()
        .ok_or("id must be a valid UUID")
}

/// Carries out the items of a create call one by one; 201 if anything was created, else 200.
pub fn create_each<I: DeserializeOwned, T: Serialize>(
    items: Vec<Value>,
    mut create: impl FnMut(I) -> ItemResult<T>,
) -> Result<Response> {
    let mut created = Vec::new();
    let mut issues = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        match from_value(item).map_err(Fault::Issue).and_then(&mut create) {
            Ok(value) => created.push(value),
            Err(Fault::Issue(message)) => {
                issues.push(AdminIssue { index: Some(index), ..issue(Severity::Error, message) });
            }
            Err(Fault::Fatal(problem)) => return Err(problem),
        }
    }
    let status = if created.is_empty() { StatusCode::OK } else { StatusCode::CREATED };
    Ok(answer(status, Created { created, issues }))
}

/// Carries out the items of an update call one by one. Items name what they change by `id`.
pub fn update_each<I: DeserializeOwned, T: Serialize>(
    items: Vec<Value>,
    mut update: impl FnMut(Uuid, I) -> ItemResult<T>,
) -> Result<Response> {
    let mut updated = Vec::new();
    let mut issues = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let named = item.get("id").and_then(Value::as_str).map(str::to_owned);
        let result = match named.as_deref().map(parse_id) {
            None => Err("id must be a string".into()),
            Some(Err(message)) => Err(message.into()),
            Some(Ok(id)) => {
                from_value(item).map_err(Fault::Issue).and_then(|item| update(id, item))
            }
        };
        match result {
            Ok(value) => updated.push(value),
            Err(Fault::Issue(message)) => {
                let at = if named.is_some() { None } else { Some(index) };
                issues.push(AdminIssue {
                    id: named,
                    index: at,
                    ..issue(Severity::Error, message)
                });
            }
            Err(Fault::Fatal(problem)) => return Err(problem),
        }
    }
    Ok(answer(StatusCode::OK, Updated { updated, issues }))
}

/// Deletes by ids one by one; an id that is named twice counts once.
pub fn delete_each(
    ids: Vec<String>,
    mut delete: impl FnMut(Uuid) -> ItemResult<()>,
) -> Result<Response> {
    let mut deleted = Vec::new();
    let mut issues = Vec::new();
    let mut seen = BTreeSet::new();
    for text in ids {
        if !seen.insert(text.clone()) {
            continue;
        }
        match parse_id(&text).map_err(Fault::from).and_then(&mut delete) {
            Ok(()) => deleted.push(DeletedResource { id: text }),
            Err(Fault::Issue(message)) => {
                issues.push(AdminIssue { id: Some(text), ..issue(Severity::Error, message) });
            }
            Err(Fault::Fatal(problem)) => return Err(problem),
        }
    }
    Ok(answer(StatusCode::OK, Deleted { deleted, issues }))
}

/// Lists a page of a kind.
pub async fn list<K: Shown>(
    app: &App,
    caller: &Caller,
    query: &Query,
) -> Result<Json<Vec<K::Wire>>> {
    let (limit, skip) = query.page()?;
    app.read(caller, move |view| {
        let listed = store::definition::list::<K>(view.tx, view.space, limit, skip)?;
        Ok(Json(listed.iter().map(|stored| K::shown(stored, view.now)).collect()))
    })
    .await
}

/// Shows one definition of a kind.
pub async fn get<K: Shown>(app: &App, caller: &Caller, id: &str) -> Result<Json<K::Wire>> {
    let id = path_id(id)?;
    app.read(caller, move |view| {
        store::definition::find::<K>(view.tx, view.space, id)?
            .map(|stored| Json(K::shown(&stored, view.now)))
            .ok_or_else(|| not_found::<K>(id))
    })
    .await
}

/// 404 for a definition.
pub fn not_found<K: Shown>(id: Uuid) -> Problem {
    let mut problem = Problem::not_found("it", &id.to_string());
    problem.message = format!("{} not found by ID", K::NAME);
    problem
}

impl Configuration<'_, '_> {
    /// Finds what an item of an update or delete call names.
    pub fn find<K: Shown>(&mut self, id: Uuid) -> ItemResult<Stored<K>> {
        store::definition::find(self.tx, self.space, id)?
            .ok_or_else(|| Fault::Issue(format!("{} not found by ID", K::NAME)))
    }

    /// Checks a definition and publishes it as a new one.
    pub fn insert<K: Shown>(&mut self, body: &K, taken: &str) -> ItemResult<Stored<K>> {
        self.check(None, body, taken)?;
        let id = self.id();
        Ok(store::definition::insert(self.tx, self.space, id, body, self.now)?)
    }

    /// Checks a definition and publishes it as a new version, unless nothing changed.
    pub fn update<K: Shown + PartialEq>(
        &mut self,
        before: &Stored<K>,
        body: K,
        taken: &str,
    ) -> ItemResult<Stored<K>> {
        if before.body == body {
            return Ok(before.clone());
        }
        self.check(Some(before.id), &body, taken)?;
        let after = Stored { updated: self.now, body, ..before.clone() };
        store::definition::update(self.tx, self.space, &after, self.now)?;
        Ok(after)
    }

    /// Archives a definition.
    pub fn archive(&mut self, id: Uuid) -> ItemResult<()> {
        Ok(store::definition::archive(self.tx, self.space, id, self.now)?)
    }

    /// `taken`: how the message names the scope in which keys are unique, such as `metric`.
    fn check<K: Shown>(&mut self, own: Option<Uuid>, body: &K, taken: &str) -> ItemResult<()> {
        if let Some(problem) = body.problem() {
            return Err(problem.into());
        }
        if let Some(key) = body.unique_key() {
            let held = store::definition::find_key::<K>(self.tx, self.space, &key)?;
            if held.is_some_and(|held| Some(held.id) != own) {
                return Err(format!("Key already in use by another {taken}").into());
            }
        }
        Ok(())
    }
}

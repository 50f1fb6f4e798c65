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
use store::Space;
use store::driver::Tx;
use uuid::Uuid;
use wire::Patch;
use wire::trophy_admin::{AdminIssue, Created, Deleted, DeletedResource, Severity, Updated};

use crate::api::answer;
use crate::app::{App, Configuration, View};
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
    /// Shows several. Kinds that cannot be shown without knowing more look it up here, at once for all.
    fn shown_all(
        _: &mut Tx<'_>,
        _: Space,
        listed: &[Stored<Self>],
        now: Timestamp,
    ) -> store::Result<Vec<Self::Wire>> {
        Ok(listed
            .iter()
            .map(|stored| Self::shown(stored, now))
            .collect())
    }
}

/// Shows one definition of a kind as [`Shown::shown_all`] does.
fn shown_one<K: Shown>(view: &mut View<'_, '_>, stored: Stored<K>) -> Result<Json<K::Wire>> {
    let shown = K::shown_all(view.tx, view.space, &[stored], view.now)?;
    shown
        .into_iter()
        .next()
        .map(Json)
        .ok_or_else(not_found::<K>)
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
    AdminIssue {
        id: None,
        user_id: None,
        boost_id: None,
        index: None,
        severity,
        message,
        level: None,
        reason: None,
    }
}

/// Reads the items of a create or update call.
pub fn items(body: &RawBody) -> Result<Vec<Value>> {
    check_items(body.json().map_err(Problem::as_unprocessable)?)
}

/// Checks how many items there are.
pub fn check_items(items: Vec<Value>) -> Result<Vec<Value>> {
    check_named(items, "the body")
}

/// Checks how many items a member has.
pub fn check_named(items: Vec<Value>, name: &str) -> Result<Vec<Value>> {
    if items.is_empty() || items.len() > ITEMS_MAX {
        return Err(Problem::unprocessable(format!(
            "{name} must be an array of 1 to {ITEMS_MAX} items"
        )));
    }
    Ok(items)
}

/// Reads a body that is one object.
pub fn object<T: DeserializeOwned>(body: &RawBody) -> Result<T> {
    let value: Value = body.json().map_err(Problem::as_unprocessable)?;
    read(value, "the body").map_err(Problem::unprocessable)
}

/// Reads an object. Without the check the reader of structs would take an array for the members in
/// order.
pub fn read<T: DeserializeOwned>(value: Value, what: &str) -> std::result::Result<T, String> {
    if !value.is_object() {
        return Err(format!("{what} must be an object"));
    }
    from_value(value).map_err(|message| match message.split_once(": invalid type: ") {
        Some((member, rest)) if rest.ends_with("expected a string") => {
            format!("{member} must be a string")
        }
        _ => message,
    })
}

/// Reads the ids of a delete call.
pub fn ids(query: &Query) -> Result<Vec<String>> {
    let ids = query.list("ids");
    if ids.is_empty() || ids.len() > ITEMS_MAX {
        return Err(Problem::unprocessable(format!(
            "ids must name 1 to {ITEMS_MAX} items"
        )));
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
        match read(item, "item")
            .map_err(Fault::Issue)
            .and_then(&mut create)
        {
            Ok(value) => created.push(value),
            Err(Fault::Issue(message)) => {
                issues.push(AdminIssue {
                    index: Some(index),
                    ..issue(Severity::Error, message)
                });
            }
            Err(Fault::Fatal(problem)) => return Err(problem),
        }
    }
    let status = if created.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
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
            Some(Ok(id)) => read(item, "item")
                .map_err(Fault::Issue)
                .and_then(|item| update(id, item)),
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
                issues.push(AdminIssue {
                    id: Some(text),
                    ..issue(Severity::Error, message)
                });
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
        Ok(Json(K::shown_all(view.tx, view.space, &listed, view.now)?))
    })
    .await
}

/// Lists a page of the parts of a definition.
pub async fn list_of<O: Shown, K: Shown>(
    app: &App,
    caller: &Caller,
    owner: String,
    query: &Query,
) -> Result<Json<Vec<K::Wire>>> {
    let (limit, skip) = query.page()?;
    app.read(caller, move |view| {
        let owner = view.owner::<O>(&owner)?;
        let listed = store::definition::list_of::<K>(view.tx, view.space, owner, limit, skip)?;
        Ok(Json(K::shown_all(view.tx, view.space, &listed, view.now)?))
    })
    .await
}

/// Shows one definition of a kind.
pub async fn get<K: Shown>(app: &App, caller: &Caller, id: &str) -> Result<Json<K::Wire>> {
    let id = path_id(id)?;
    app.read(caller, move |view| {
        let found = store::definition::find::<K>(view.tx, view.space, id)?;
        shown_one(view, found.ok_or_else(not_found::<K>)?)
    })
    .await
}

/// Shows one part of a definition.
pub async fn get_of<O: Shown, K: Shown>(
    app: &App,
    caller: &Caller,
    owner: String,
    id: &str,
) -> Result<Json<K::Wire>> {
    let id = path_id(id)?;
    app.read(caller, move |view| {
        let owner = view.owner::<O>(&owner)?;
        let found = store::definition::find::<K>(view.tx, view.space, id)?
            .filter(|stored| stored.body.parent() == Some(owner));
        shown_one(view, found.ok_or_else(not_found::<K>)?)
    })
    .await
}

/// 404 for a definition.
pub fn not_found<K: Shown>() -> Problem {
    Problem::absent(missing::<K>())
}

fn missing<K: Shown>() -> String {
    format!("{} not found by ID", K::NAME)
}

/// What stands after an update: a member that was not sent stays, null removes it.
pub fn patched<T>(before: Option<T>, patch: Patch<T>) -> Option<T> {
    match patch {
        Patch::Absent => before,
        Patch::Null => None,
        Patch::Value(value) => Some(value),
    }
}

/// Refuses members that belong to other types of a kind of definition.
///
/// `own`: the type of the item; `plural`: the kind in messages; `members`: name, whether it was
/// sent, the type it belongs to.
pub fn refuse_foreign(
    own: &str,
    plural: &str,
    members: &[(&str, bool, &str)],
) -> std::result::Result<(), String> {
    match members
        .iter()
        .find(|(_, is_sent, owner)| *is_sent && *owner != own)
    {
        Some((member, _, owner)) => Err(format!("{member} is only permitted for {owner} {plural}")),
        None => Ok(()),
    }
}

/// Finds the definition whose parts a path is about; if it is not there the whole call fails.
fn owner<O: Shown>(tx: &mut Tx<'_>, space: Space, text: &str) -> Result<Uuid> {
    let id = parse_id(text).map_err(|_| not_found::<O>())?;
    store::definition::find::<O>(tx, space, id)?
        .map(|stored| stored.id)
        .ok_or_else(not_found::<O>)
}

impl View<'_, '_> {
    fn owner<O: Shown>(&mut self, text: &str) -> Result<Uuid> {
        owner::<O>(self.tx, self.space, text)
    }
}

impl Configuration<'_, '_> {
    /// Finds what an item of an update or delete call names.
    pub fn find<K: Shown>(&mut self, id: Uuid) -> ItemResult<Stored<K>> {
        store::definition::find(self.tx, self.space, id)?
            .ok_or_else(|| Fault::Issue(missing::<K>()))
    }

    /// Finds a part of a definition that an item names.
    pub fn find_of<K: Shown>(&mut self, owner: Uuid, id: Uuid) -> ItemResult<Stored<K>> {
        let found = self.find::<K>(id)?;
        if found.body.parent() == Some(owner) {
            Ok(found)
        } else {
            Err(Fault::Issue(missing::<K>()))
        }
    }

    /// Finds the definition whose parts a path is about; if it is not there the whole call fails.
    pub fn owner<O: Shown>(&mut self, text: &str) -> Result<Uuid> {
        owner::<O>(self.tx, self.space, text)
    }

    /// Checks a definition and publishes it as a new one.
    pub fn insert<K: Shown>(&mut self, body: &K, taken: &str) -> ItemResult<Stored<K>> {
        self.check(None, body, taken)?;
        let id = self.id();
        self.publish(id, body)
    }

    /// Publishes a new definition that was checked before.
    pub fn publish<K: Shown>(&mut self, id: Uuid, body: &K) -> ItemResult<Stored<K>> {
        Ok(store::definition::insert(
            self.tx, self.space, id, body, self.now,
        )?)
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
        let after = Stored {
            updated: self.now,
            body,
            ..before.clone()
        };
        store::definition::update(self.tx, self.space, &after, self.now)?;
        Ok(after)
    }

    /// Shows one definition as lists do.
    pub fn show<K: Shown>(&mut self, stored: Stored<K>) -> ItemResult<K::Wire> {
        let shown = K::shown_all(self.tx, self.space, &[stored], self.now)?;
        shown
            .into_iter()
            .next()
            .ok_or_else(|| Fault::Issue(missing::<K>()))
    }

    /// Archives a definition.
    pub fn archive(&mut self, id: Uuid) -> ItemResult<()> {
        Ok(store::definition::archive(
            self.tx, self.space, id, self.now,
        )?)
    }

    /// Checks a definition's own members, and that its key is free or held by `own`.
    ///
    /// `taken`: how the message names the scope in which keys are unique, such as `metric`.
    pub fn check<K: Shown>(&mut self, own: Option<Uuid>, body: &K, taken: &str) -> ItemResult<()> {
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Item {
        name: String,
        size: Option<i64>,
    }

    #[test]
    fn an_item_must_be_an_object_with_members_of_the_right_types() {
        let item = |value| read::<Item>(value, "item");
        assert_eq!(
            item(json!({"name": "a", "more": 1})),
            Ok(Item {
                name: "a".into(),
                size: None
            })
        );
        assert_eq!(
            item(json!(["a", 1])),
            Err("item must be an object".to_owned())
        );
        assert_eq!(item(json!("a")), Err("item must be an object".to_owned()));
        assert_eq!(
            item(json!({"name": 5})),
            Err("name must be a string".to_owned())
        );
        assert!(item(json!({})).unwrap_err().contains("`name`"));
        assert!(
            item(json!({"name": "a", "size": "x"}))
                .unwrap_err()
                .starts_with("size: ")
        );
    }

    #[test]
    fn a_patch_keeps_removes_or_replaces() {
        assert_eq!(patched(Some(1), Patch::Absent), Some(1));
        assert_eq!(patched(Some(1), Patch::Null), None);
        assert_eq!(patched(None, Patch::Value(2)), Some(2));
    }

    #[test]
    fn members_of_other_types_are_refused() {
        let members = [("length", true, "streak"), ("metricId", false, "metric")];
        assert_eq!(refuse_foreign("streak", "triggers", &members), Ok(()));
        assert_eq!(
            refuse_foreign("metric", "triggers", &members),
            Err("length is only permitted for streak triggers".to_owned())
        );
    }
}

//! Between JSON and documents of any kind.

use engine::calendar::Zone;
use engine::definition::{Content, Document, Origin, Translation};
use engine::timeframe::State;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use store::Space;
use store::document::Kept;
use uuid::Uuid;
use wire::aworld::SOURCE_REGION;

use super::Face;
use crate::api::aworld::time::iso;
use crate::body::RawBody;
use crate::problem::{Detail, Problem, Result};

/// Members that all kinds have.
const DEFAULT_LANG: &str = "defaultLang";
const TRANSLATIONS: &str = "translations";

/// A document as a client sent it, not judged yet.
#[derive(Clone, Debug)]
pub(super) struct Sent(Map<String, Value>);

/// How far a document is (spec/aworld.md 2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Written, not in force.
    Draft,
    /// In force.
    Published,
}

/// What surrounds everything that is shown of a kind.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The kind.
    pub(super) face: Face,
    /// The organization.
    pub(super) account_id: String,
    /// The space.
    pub(super) workspace_id: String,
    /// The instant as of which it is shown.
    pub(super) now: Timestamp,
}

fn detail(field: impl Into<String>, message: impl Into<String>) -> Detail {
    Detail {
        field: field.into(),
        message: message.into(),
    }
}

impl Sent {
    /// Reads a body, which must be an object.
    pub(super) fn read(body: &RawBody) -> Result<Self> {
        body.object().map(Self)
    }

    /// The new document that was sent. `own`: our id, which becomes the client's if it chose none.
    /// `required`: the members without which nothing of this kind exists.
    pub(super) fn new_document<T: Content>(
        mut self,
        face: Face,
        required: &[String],
        own: Uuid,
    ) -> Result<Document<T>, Vec<Detail>> {
        let mut wrong = Vec::new();
        let chosen = self.0.remove(face.id).filter(|_| face.takes_ids);
        let id = match chosen {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id),
            Some(_) => {
                wrong.push(detail(face.id, "must be a string"));
                None
            }
        };
        let id = id.unwrap_or_else(|| own.to_string());
        let mut document = self.document::<T>(required, id, wrong)?;
        if let Some(id) = document.content.derived_id() {
            document.id = id;
        }
        judged(face, document)
    }

    /// The document that shall replace another. Members the kind keeps stay if they were not sent.
    pub(super) fn replacement<T: Content>(
        mut self,
        face: Face,
        required: &[String],
        before: &Document<T>,
    ) -> Result<Document<T>, Vec<Detail>> {
        let mut wrong = Vec::new();
        if let Some(id) = self.0.remove(face.id)
            && id != before.id.as_str()
        {
            wrong.push(detail(face.id, "must be the id of the path"));
        }
        let mut kept = members(&before.content);
        for name in T::KEPT {
            if let Some(value) = kept.remove(*name) {
                self.0.entry(*name).or_insert(value);
            }
        }
        let document = self.document(required, before.id.clone(), wrong)?;
        judged(face, document)
    }

    /// Reads the members; fails with everything that cannot be read.
    fn document<T: Content>(
        mut self,
        required: &[String],
        id: String,
        mut wrong: Vec<Detail>,
    ) -> Result<Document<T>, Vec<Detail>> {
        let default_lang: Option<String> = self.common(DEFAULT_LANG, &mut wrong);
        if !T::HAS_LABELS
            && let Some(Value::Array(translations)) = self.0.get_mut(TRANSLATIONS)
        {
            for translation in translations.iter_mut().filter_map(Value::as_object_mut) {
                translation.remove("label");
            }
        }
        let translations: Option<Vec<Translation>> = self.common(TRANSLATIONS, &mut wrong);
        let missing = required
            .iter()
            .filter(|name| self.0.get(*name).is_none_or(Value::is_null));
        let missing: Vec<Detail> = missing.map(|name| detail(name, "is required")).collect();
        let content = if missing.is_empty() {
            self.content(&mut wrong)
        } else {
            wrong.extend(missing);
            None
        };
        match (default_lang, translations, content) {
            (Some(default_lang), Some(translations), Some(content)) if wrong.is_empty() => {
                Ok(Document {
                    id,
                    default_lang,
                    translations,
                    content,
                })
            }
            _ => Err(wrong),
        }
    }

    /// Takes a member that all kinds have.
    fn common<V: DeserializeOwned>(&mut self, name: &str, wrong: &mut Vec<Detail>) -> Option<V> {
        let Some(value) = self.0.remove(name).filter(|value| !value.is_null()) else {
            wrong.push(detail(name, "is required"));
            return None;
        };
        read(value)
            .map_err(|(path, cause)| wrong.push(detail(format!("{name}{path}"), cause)))
            .ok()
    }

    /// Reads the members of the kind.
    fn content<T: Content>(self, wrong: &mut Vec<Detail>) -> Option<T> {
        let (path, cause) = match read::<T>(Value::Object(self.0.clone())) {
            Ok(content) => return Some(content),
            Err(error) => error,
        };
        let path = if path.is_empty() {
            self.culprit::<T>(&cause)
        } else {
            path
        };
        wrong.push(detail(path, cause));
        None
    }

    /// The member at which reading failed, where the reader cannot tell because it reads a part of the
    /// object as a struct of its own: without it the failure is another one, and something absurd in its
    /// place fails otherwise, also without a place.
    fn culprit<T: Content>(&self, cause: &str) -> String {
        let failure = |members| read::<T>(Value::Object(members)).err();
        let is_culprit = |name: &&String| {
            let mut without = self.0.clone();
            without.remove(*name);
            let matters = failure(without).is_none_or(|(_, other)| other != cause);
            matters
                && [json!({ "\0": [] }), json!([])].into_iter().any(|absurd| {
                    let mut with = self.0.clone();
                    with.insert((*name).clone(), absurd);
                    failure(with).is_some_and(|(path, other)| path.is_empty() && other != cause)
                })
        };
        let culprit = self.0.keys().find(is_culprit);
        culprit.map_or("body", String::as_str).to_owned()
    }
}

/// Reads a body that is one object of a known shape.
pub(super) fn parsed<V: DeserializeOwned>(body: &RawBody) -> Result<V> {
    let Sent(members) = Sent::read(body)?;
    read(Value::Object(members)).map_err(|(path, cause)| {
        let field = if path.is_empty() {
            "body".to_owned()
        } else {
            path
        };
        Problem::invalid_member(field, cause)
    })
}

/// Reads JSON; fails with the place, and what is wrong there.
fn read<V: DeserializeOwned>(value: Value) -> Result<V, (String, String)> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        (path, error.into_inner().to_string())
    })
}

fn judged<T: Content>(face: Face, document: Document<T>) -> Result<Document<T>, Vec<Detail>> {
    let problems = document.problems();
    if problems.is_empty() {
        return Ok(document);
    }
    let name = |field| if field == "id" { face.id } else { field };
    Err(problems
        .into_iter()
        .map(|wrong| detail(name(wrong.field), wrong.message))
        .collect())
}

/// The members a kind adds.
fn members<T: Content>(content: &T) -> Map<String, Value> {
    match serde_json::to_value(content) {
        Ok(Value::Object(members)) => members,
        // Content is plain data with named members; it always is an object.
        _ => Map::new(),
    }
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Published => "PUBLISHED",
        }
    }
}

impl Frame {
    /// What is shown in a space, as of an instant.
    pub(super) fn new(face: Face, account_id: String, space: Space, now: Timestamp) -> Self {
        Self {
            face,
            account_id,
            workspace_id: space.public_id(),
            now,
        }
    }

    /// Shows a document. `body`: which of its two.
    pub(super) fn shown<T: Content>(
        &self,
        kept: &Kept<T>,
        body: &Document<T>,
        stage: Option<Stage>,
    ) -> Value {
        let mut shown = members(&body.content);
        let mut set = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        set(self.face.id, json!(body.id));
        let origin = match body.origin() {
            Origin::Catalog => "CATALOG",
            Origin::Custom => "CUSTOM",
        };
        set("origin", origin.into());
        set(DEFAULT_LANG, json!(body.default_lang));
        set("langs", json!(body.langs()));
        set("accountId", json!(self.account_id));
        set("workspaceId", json!(self.workspace_id));
        set("sourceRegion", SOURCE_REGION.into());
        set("createdAt", iso(kept.created).into());
        set("updatedAt", iso(kept.updated).into());
        if let Some(timeframe) = body.content.timeframe() {
            // Users have clocks of their own; what is shown to nobody in particular is read on UTC.
            let state = timeframe.compile().map_or(State::Pending, |schedule| {
                schedule.state(&Zone::utc(), self.now)
            });
            set("state", state.name().into());
        }
        if let Some(stage) = stage {
            set("stage", stage.name().into());
        }
        Value::Object(shown)
    }

    /// Shows the translations of what readers see.
    pub(super) fn translations<T: Content>(&self, kept: &Kept<T>) -> Vec<Value> {
        kept.body
            .translations
            .iter()
            .map(|translation| {
                let mut shown = json!({
                    "workspaceId": self.workspace_id,
                    "lang": translation.lang,
                    "accountId": self.account_id,
                    "sourceRegion": SOURCE_REGION,
                    "createdAt": iso(kept.created),
                    "updatedAt": iso(kept.updated),
                });
                shown[self.face.id] = json!(kept.body.id);
                for (name, text) in [
                    ("label", &translation.label),
                    ("description", &translation.description),
                ] {
                    if let Some(text) = text {
                        shown[name] = json!(text);
                    }
                }
                shown
            })
            .collect()
    }
}

//! How missions and rewards say what they are about (spec/aworld.md 4.3).

use serde::{Deserialize, Serialize};

use super::{Kind, Reference, Wrong};

/// What of a kind is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MatchType {
    /// The one with the id.
    Instance,
    /// Any.
    Entity,
    /// Any that carries the tag.
    Tag,
}

/// Whose progress a mission counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MissionType {
    /// One user's.
    Individual,
    /// That of all users with a tag.
    Group,
}

impl MissionType {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Individual => "INDIVIDUAL",
            Self::Group => "GROUP",
        }
    }
}

/// What is wrong with a triple of type, entity and id. `fields`: what the id is called.
pub(super) fn problem(
    match_type: MatchType,
    is_tag: bool,
    id: Option<&str>,
    fields: (&'static str, &'static str),
) -> Option<Wrong> {
    let (entity_field, id_field) = fields;
    match (match_type, id) {
        (MatchType::Entity, Some(_)) => Some(Wrong::new(
            id_field,
            "must be absent when ENTITY is matched",
        )),
        (MatchType::Instance | MatchType::Tag, None) => Some(Wrong::new(
            id_field,
            "is required when INSTANCE or TAG is matched",
        )),
        (MatchType::Tag, Some(_)) if !is_tag => {
            Some(Wrong::new(entity_field, "must be Tag when TAG is matched"))
        }
        (_, Some("")) => Some(Wrong::new(id_field, "must not be empty")),
        _ => None,
    }
}

/// The document a triple mentions, if it is of a kind that is kept here.
pub(super) fn reference<'a>(
    match_type: MatchType,
    kind: Option<Kind>,
    id: Option<&'a str>,
    field: &'static str,
) -> Option<Reference<'a>> {
    let kind = match match_type {
        MatchType::Entity => return None,
        MatchType::Tag => Kind::Tag,
        MatchType::Instance => kind?,
    };
    Some(Reference {
        field,
        kind,
        id: id?,
    })
}

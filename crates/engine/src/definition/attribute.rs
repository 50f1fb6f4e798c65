//! Custom attributes of users and events, and the filters over them (spec/trophy.md 2.4).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Definition, Kind, key_problem, name_problem};
use crate::id::AttributeId;

/// What an attribute describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeKind {
    /// A user.
    User,
    /// An event.
    Event,
}

/// A named text value that users or events may carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// For people.
    pub name: String,
    /// For programs; never changes.
    pub key: String,
    /// What it describes; never changes.
    pub kind: AttributeKind,
}

impl Definition for Attribute {
    const KIND: Kind = Kind::Attribute;

    fn unique_key(&self) -> Option<String> {
        let kind = match self.kind {
            AttributeKind::User => "user",
            AttributeKind::Event => "event",
        };
        Some(format!("{kind}:{}", self.key))
    }

    fn problem(&self) -> Option<String> {
        name_problem(&self.name).or_else(|| key_problem(&self.key))
    }
}

/// One condition: the attribute has exactly this value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// The attribute.
    pub attribute: AttributeId,
    /// The value it must have, case-sensitive.
    pub value: String,
}

/// A filter whose attribute's key has been looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedFilter {
    /// The attribute's key.
    pub key: String,
    /// The value it must have.
    pub value: String,
}

/// Whether all filters match; no filters match everything.
pub fn all_match(filters: &[KeyedFilter], attributes: &BTreeMap<String, String>) -> bool {
    filters
        .iter()
        .all(|filter| attributes.get(&filter.key) == Some(&filter.value))
}

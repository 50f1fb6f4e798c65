//! Custom attributes (`spec/trophy.md` 13.4).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an attribute describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttributeType {
    /// Users.
    User,
    /// Events.
    Event,
}

/// A custom attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AdminAttribute {
    /// The id of the attribute.
    pub id: String,
    /// The name.
    pub name: String,
    /// The key, unique for its type.
    pub key: String,
    /// What it describes.
    #[serde(rename = "type")]
    pub kind: AttributeType,
}

/// An attribute to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct CreateAttributeRequestItem {
    /// The name.
    pub name: String,
    /// The key, unique for its type.
    pub key: String,
    /// What it describes.
    #[serde(rename = "type")]
    pub kind: AttributeType,
}

/// A change of an attribute.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct UpdateAttributeRequestItem {
    /// The id of the attribute.
    pub id: String,
    /// The new name.
    pub name: Option<String>,
}

//! Tags on entities and users (spec/aworld.md 2.9): the same eight operations below everything that can carry tags.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The most items of a batch.
pub const ASSIGNMENTS_MAX: usize = 25;

/// Tags to be assigned, or to get another priority.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct AssignTags {
    /// All or nothing; of two items for one tag the last counts.
    #[schema(min_items = 1, max_items = 25)]
    pub assignments: Vec<AssignTag>,
}

/// A tag to be assigned, or to get another priority.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignTag {
    /// The tag.
    #[schema(min_length = 1)]
    pub tag_id: String,
    /// Its place among the tags of the entity, from 0; without it 0, or what it was.
    #[schema(minimum = 0)]
    pub priority: Option<i64>,
}

/// What the tag of the path gets.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct AssignOne {
    /// Its place among the tags of the entity, from 0; without it 0, or what it was.
    #[schema(minimum = 0)]
    pub priority: Option<i64>,
}

/// Tags to be taken away.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct RemoveTags {
    /// All or nothing.
    #[schema(min_items = 1, max_items = 25)]
    pub assignments: Vec<RemoveTag>,
}

/// A tag to be taken away.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoveTag {
    /// The tag.
    #[schema(min_length = 1)]
    pub tag_id: String,
}

/// What carries a tag.
#[derive(Clone, Debug)]
pub struct Tagged {
    /// Its `entityType`, such as `Activity`.
    pub entity_type: &'static str,
    /// What its id is called, such as `activityId`.
    pub id_name: &'static str,
    /// Its id.
    pub id: String,
}

impl Serialize for Tagged {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("entityType", self.entity_type)?;
        map.serialize_entry("entityId", &self.id)?;
        map.serialize_entry(self.id_name, &self.id)?;
        map.end()
    }
}

/// A tag on something.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TagAssignment {
    /// The tag.
    pub tag_id: String,
    /// What carries it.
    #[serde(flatten)]
    pub tagged: Tagged,
    /// Its place among the tags of the entity.
    pub priority: i64,
    /// The organization.
    pub account_id: String,
    /// The space.
    pub workspace_id: String,
    /// Where it was written.
    pub source_region: String,
    /// Assigned; absent in the answers to changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Last changed.
    pub updated_at: String,
}

impl TagAssignment {
    /// Describes one; `id_name`: what the id of what carries the tag is called besides `entityId`.
    pub fn described(id_name: &str) -> Object {
        ObjectBuilder::from(RemovedAssignment::of_tagged(id_name))
            .property(
                "priority",
                ObjectBuilder::new()
                    .schema_type(SchemaType::Type(Type::Integer))
                    .minimum(Some(0)),
            )
            .required("priority")
            .property("accountId", text())
            .required("accountId")
            .property("workspaceId", text())
            .required("workspaceId")
            .property("sourceRegion", text())
            .required("sourceRegion")
            .property("createdAt", instant())
            .property("updatedAt", instant())
            .required("updatedAt")
            .build()
    }
}

impl PartialSchema for TagAssignment {
    fn schema() -> RefOr<Schema> {
        Self::described("entityId").into()
    }
}

impl ToSchema for TagAssignment {}

/// A tag that was taken away.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovedAssignment {
    /// The tag.
    pub tag_id: String,
    /// What carried it.
    #[serde(flatten)]
    pub tagged: Tagged,
    /// Always true.
    pub deleted: bool,
}

impl RemovedAssignment {
    /// Describes one; `id_name`: what the id of what carried the tag is called besides `entityId`.
    pub fn described(id_name: &str) -> Object {
        ObjectBuilder::from(Self::of_tagged(id_name))
            .property(
                "deleted",
                ObjectBuilder::new()
                    .schema_type(SchemaType::Type(Type::Boolean))
                    .enum_values(Some([true])),
            )
            .required("deleted")
            .build()
    }

    fn of_tagged(id_name: &str) -> Object {
        ["tagId", "entityType", "entityId", id_name]
            .into_iter()
            .fold(ObjectBuilder::new(), |object, name| {
                object.property(name, text()).required(name)
            })
            .build()
    }
}

fn text() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .build()
}

fn instant() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .build()
}

/// A tag as it stands inside what carries it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TagReference {
    /// The tag.
    #[schema(min_length = 1)]
    pub tag_id: String,
    /// Its place among the tags of the entity.
    #[schema(minimum = 0)]
    pub priority: i64,
    /// Assigned.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// The answer to a batch.
#[derive(Clone, Debug, Serialize)]
pub struct Assignments<T> {
    /// One item per tag.
    pub assignments: Vec<T>,
}

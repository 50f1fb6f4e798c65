//! Tags: marks on entities and users (spec/aworld.md 3.23, 4.16).

use serde::{Deserialize, Serialize};

use super::document::{required_text, workspace_problem};
use super::{Content, Kind, Wrong};

/// A mark such as `department:marketing`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// What it says something about.
    #[cfg_attr(feature = "schema", schema(min_length = 1))]
    pub namespace: String,
    /// What it says.
    #[cfg_attr(feature = "schema", schema(min_length = 1))]
    pub variant: String,
    /// The workspace it was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_workspace_id: Option<String>,
}

impl Content for Tag {
    const KIND: Kind = Kind::Tag;
    const KEPT: &'static [&'static str] = &["catalogWorkspaceId"];

    fn problems(&self) -> Vec<Wrong> {
        [
            required_text("namespace", &self.namespace),
            required_text("variant", &self.variant),
            workspace_problem("catalogWorkspaceId", self.catalog_workspace_id.as_deref()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn derived_id(&self) -> Option<String> {
        Some(format!("{}:{}", self.namespace, self.variant))
    }

    fn catalog_reference(&self) -> Option<&str> {
        self.catalog_workspace_id.as_deref()
    }
}

//! Activities: what users can do (spec/aworld.md 3.1).

use serde::{Deserialize, Serialize};

use super::document::{optional_text, required_text, workspace_problem};
use super::{Content, Kind, Reference, Wrong};

/// The definition of something users do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// For people.
    #[cfg_attr(feature = "schema", schema(min_length = 1))]
    pub name: String,
    /// The workspace it was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_workspace_id: Option<String>,
    /// The activity it was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_activity_id: Option<String>,
    /// Extension: the key of the metric that doing it adds to, and whose events are logs of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
}

impl Content for Activity {
    const KIND: Kind = Kind::Activity;
    const KEPT: &'static [&'static str] = &["catalogWorkspaceId", "catalogActivityId", "metric"];

    fn problems(&self) -> Vec<Wrong> {
        [
            required_text("name", &self.name),
            workspace_problem("catalogWorkspaceId", self.catalog_workspace_id.as_deref()),
            optional_text("catalogActivityId", self.catalog_activity_id.as_deref()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn references(&self) -> Vec<Reference<'_>> {
        self.metric
            .iter()
            .map(|key| Reference {
                field: "metric",
                kind: Kind::Metric,
                id: key,
            })
            .collect()
    }

    fn catalog_reference(&self) -> Option<&str> {
        self.catalog_activity_id.as_deref()
    }
}

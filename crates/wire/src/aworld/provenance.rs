//! Where a record belongs, as the answers to writes say it (spec/aworld.md 2.2).

use serde::Serialize;
use utoipa::ToSchema;

/// The workspace a record belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// The organization.
    pub account_id: String,
    /// The workspace.
    pub workspace_id: String,
    /// The region that wrote the record.
    pub source_region: String,
}

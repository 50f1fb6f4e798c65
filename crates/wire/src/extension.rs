//! Bodies of our own operations, which the dialects do not have. Must not change any type of a dialect.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The organization that owns this installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// Its name.
    pub name: String,
    /// Whether its environments hold several tenants.
    pub multi_tenancy: bool,
}

/// A change of the organization.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateOrganization {
    /// Switches multi-tenancy on or off.
    pub multi_tenancy: Option<bool>,
}

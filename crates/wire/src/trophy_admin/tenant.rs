//! Tenants (`spec/trophy.md` 13.12).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ArchiveStatus;

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminTenant {
    /// The id of the tenant.
    pub id: String,
    /// The caller's own id of the customer, sent as `Tenant-ID`.
    pub customer_id: String,
    /// The name.
    pub name: String,
    /// Whether it is in use.
    pub status: ArchiveStatus,
    /// When it was created.
    pub created: String,
    /// When it was last changed.
    pub updated: String,
}

/// A tenant to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateTenantRequestItem {
    /// The caller's own id of the customer, unique in the environment.
    pub customer_id: String,
    /// The name.
    pub name: String,
}

/// A change of a tenant.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateTenantRequestItem {
    /// The id of the tenant.
    pub id: String,
    /// The new id of the customer.
    pub customer_id: Option<String>,
    /// The new name.
    pub name: Option<String>,
}

//! Environments (`spec/trophy.md` 15.3).

use serde::Serialize;
use utoipa::ToSchema;

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AdminEnvironment {
    /// The name.
    pub name: String,
    /// The key.
    pub key: String,
    /// Its place in the order, 1 being production.
    pub priority: i64,
}

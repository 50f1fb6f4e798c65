//! Bodies of our own operations, which the dialects do not have. Must not change any type of a dialect.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Patch;

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

/// By what an environment lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClockMode {
    /// The clock of the machine.
    System,
    /// A clock that stands still until it is moved.
    Test,
}

/// The clock of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    /// Whose clock it is.
    pub mode: ClockMode,
    /// The present instant of the environment.
    pub now: String,
    /// Where the clock is going, while it is being moved.
    pub moving_to: Option<String>,
}

/// A move of the clock of an environment.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct MoveClock {
    /// The instant to move to, such as `2026-03-10T09:00:00Z`; null: the present of the machine, and on with its clock.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub now: Patch<String>,
}

/// The kinds of environments that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentType {
    /// At most four, in an order.
    Staging,
    /// At most ten, all equal.
    Development,
}

/// An environment to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct CreateEnvironment {
    /// For people, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Unique, and never changed: 1 to 50 lower-case letters, digits, `-` and `_`.
    #[schema(pattern = "^[a-z0-9_-]{1,50}$")]
    pub key: String,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: EnvironmentType,
}

/// An environment just created. Its key is shown here and never again, which is why `Debug` leaves it out.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedEnvironment {
    /// The name.
    pub name: String,
    /// The key.
    pub key: String,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: EnvironmentType,
    /// Its place in the order, 1 being production.
    pub priority: i64,
    /// Its first admin key (`X-API-KEY`).
    pub admin_key: String,
}

impl fmt::Debug for CreatedEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedEnvironment")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

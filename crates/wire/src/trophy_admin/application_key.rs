//! Keys that act for one user (`spec/trophy.md` 13.14).

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key just created. Its text is shown here and never again, which is why `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedApplicationKey {
    /// The id of the key.
    pub id: String,
    /// The id of the user.
    pub user_id: String,
    /// The whole key, to be sent as `X-API-KEY`.
    pub key: String,
    /// The readable part of the key.
    pub prefix: String,
}

impl fmt::Debug for CreatedApplicationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedApplicationKey")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// A key to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateApplicationKeyRequestItem {
    /// The id of the user, who need not exist yet.
    pub user_id: String,
}

//! The body of every refusal, in both APIs. Must not know which refusals there are.

use serde::Serialize;
use utoipa::ToSchema;

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorBody {
    /// The reason, for people.
    pub error: String,
}

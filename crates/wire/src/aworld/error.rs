//! Errors (spec/aworld.md 2.11, shape 1).

use serde::Serialize;
use utoipa::ToSchema;

/// An error.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErrorEnvelope {
    /// The error.
    pub error: ErrorObject,
}

/// What went wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorObject {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// What is wrong with which member; empty where there is nothing to add.
    pub details: Vec<ErrorDetail>,
    /// Names the request in the server's log.
    pub request_id: String,
}

/// What is wrong with one member.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// The member.
    pub field: String,
    /// One sentence.
    pub message: String,
}

//! The answers to batches: what was done, and an issue for each item that was not (`spec/trophy.md` 13.2).

use serde::Serialize;
use utoipa::ToSchema;

/// How bad an issue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The item was not stored.
    Error,
    /// Nothing was done, without harm.
    Warning,
}

/// Why an item of a batch was not done. One of the optional members says which item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminIssue {
    /// The id of the item; in updates and deletes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub id: Option<String>,
    /// The id of the user; in streak operations.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub user_id: Option<String>,
    /// The id of the boost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub boost_id: Option<String>,
    /// The position of the item in the request, from 0; in creates.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = usize, required = false)]
    pub index: Option<usize>,
    /// How bad it is.
    pub severity: Severity,
    /// The reason, for people.
    pub message: String,
    /// `severity` under its older name; where `userId` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Severity, required = false)]
    pub level: Option<Severity>,
    /// `message` under its older name; where `userId` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub reason: Option<String>,
}

/// The answer to a create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Created<T> {
    /// What was created, in the order of the request.
    pub created: Vec<T>,
    /// What was not.
    pub issues: Vec<AdminIssue>,
}

/// The answer to an update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Updated<T> {
    /// What was updated, in the order of the request.
    pub updated: Vec<T>,
    /// What was not.
    pub issues: Vec<AdminIssue>,
}

/// The answer to a delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Deleted {
    /// What was deleted, in the order of the request.
    pub deleted: Vec<DeletedResource>,
    /// What was not.
    pub issues: Vec<AdminIssue>,
}

/// Something that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeletedResource {
    /// Its id.
    pub id: String,
}

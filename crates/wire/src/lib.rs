//! The JSON of each dialect as plain types: what a body is made of, and nothing else.
//!
//! A response type can only be built whole, so a handler that compiles answers every member that the contract (1.21.1) and
//! the current client (1.27.0) require: the superset of `spec/trophy.md` 0.2. Conventions:
//!
//! * in a response, `Option` is sent as `null`; a member that is left out instead says so with `skip_serializing_if`;
//! * in a request, `Option` means absent or `null` alike, [`Patch`] tells the two apart, unknown members are ignored;
//! * instants, dates and times of day arrive here as formatted strings, fractional input leaves as
//!   [`serde_json::Number`], so that no precision is decided here;
//! * a shared base is a flattened field; the types of the event response are written out, because flattening costs time.
//!
//! This crate must not know the rules, the store or HTTP: it validates nothing beyond JSON types.

pub mod aworld;
pub mod error;
pub mod extension;
mod object;
pub mod patch;
pub mod trophy_admin;
pub mod trophy_app;
pub mod vocabulary;
pub mod webhook;
pub mod webhook_endpoint;

pub use error::ErrorBody;
pub use patch::Patch;

//! The process: HTTP at the door, the desk behind it, workers after it.
//!
//! No handler contains a rule, no rule contains SQL, no SQL contains a rule: handlers turn requests into commands for the
//! engine and what the store reads into the shapes of a dialect.

pub mod admin_key;
pub mod api;
pub mod app;
pub mod bearer;
pub mod body;
pub mod catalogs;
pub mod clock;
pub mod desk;
pub mod door;
pub mod environments;
pub mod limits;
pub mod message;
pub mod oauth;
pub mod problem;
pub mod query;
pub mod ranks;
pub mod telemetry;
pub mod travel;
pub mod webhooks;
pub mod workers;

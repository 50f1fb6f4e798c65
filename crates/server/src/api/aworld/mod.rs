//! What the two APIs of the second dialect have in common: errors, pages, repeated requests, descriptions (spec/aworld.md 2).

pub mod ask;
pub mod description;
pub mod errors;
pub mod not_built;
pub mod once;
pub mod page;
pub mod provenance;
pub mod time;
pub mod user;

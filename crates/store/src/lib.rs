//! Where it is kept: SQLite or PostgreSQL behind one SQL text.
//!
//! Knows SQL and the engine's types; knows nothing of HTTP. Only [`driver`] knows that there are
//! two database engines. The dialect and its traps are described in `crates/store/README.md`.

pub mod driver;
mod error;
pub mod migrate;

pub use error::{Error, Result};

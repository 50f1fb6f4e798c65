//! Where it is kept: `SQLite` or `PostgreSQL` behind one SQL text.
//!
//! Knows SQL and the engine's types; knows nothing of HTTP. Only [`driver`] knows that there are
//! two database engines. The dialect and its traps are described in `crates/store/README.md`.
//!
//! Customer data is reached only through a [`Space`], and a space comes only from [`access`] (who is
//! authenticated) or from a row that names it (a worker's job): a query without one cannot be written.

pub mod access;
pub mod announced;
pub mod answer;
pub mod batch;
pub mod board;
pub mod board_day;
pub mod client;
pub mod completion;
pub mod definition;
pub mod definition_tag;
pub mod delivery;
pub mod document;
pub mod driver;
mod error;
pub mod event;
pub mod event_queue;
pub mod job;
pub mod key;
pub mod ledger;
pub mod migrate;
pub mod mission;
pub mod outbox;
pub mod pool;
pub mod principal;
pub mod signing;
pub mod streak;
pub mod tenancy;
pub mod test_clock;
pub mod throttle;
mod time;
pub mod transaction;
pub mod user;
pub mod user_tag;
pub mod webhook;
pub mod wrapped;

pub use access::Space;
pub use error::{Error, Result};
pub use pool::Store;

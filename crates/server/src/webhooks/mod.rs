//! Telling the endpoints of customers what happened: signing, which addresses may be reached, the request itself, and when
//! it is repeated (spec/trophy.md 9.2, 9.3).
//!
//! Must not know what is told nor the store; `workers/delivery.rs` brings the messages.

pub mod address;
pub mod samples;
pub mod schedule;
pub mod send;
pub mod sign;

pub use address::Reach;
pub use send::{Outbound, Patience};

/// An endpoint for tests.
#[cfg(test)]
fn endpoint(url: &str, secret: &str) -> store::webhook::Endpoint {
    let made = jiff::Timestamp::UNIX_EPOCH;
    store::webhook::Endpoint {
        id: uuid::Uuid::nil(),
        name: String::new(),
        url: url.to_owned(),
        kinds: std::collections::BTreeSet::new(),
        secret: secret.to_owned(),
        old_secret: None,
        is_active: true,
        disabled_reason: None,
        created: made,
        updated: made,
    }
}

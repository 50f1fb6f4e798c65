//! The real router on a real socket and both stores, with a clock that the tests set.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod coverage;
mod errors;
mod isolation;
mod journey;
mod oauth;
mod parallel;
mod support;

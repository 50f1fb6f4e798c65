//! The real router on a real socket and both stores, with a clock that the tests set.

mod coverage;
mod errors;
mod isolation;
mod journey;
mod support;

//! Work that nobody waits for: midnights, jobs, housekeeping. Each can be stepped by a test and repeated after a crash.

pub mod boards;
pub mod housekeeping;
pub mod jobs;
pub mod midnight;

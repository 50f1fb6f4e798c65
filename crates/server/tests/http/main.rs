//! The real router on a real socket and both stores, with a clock that the tests set.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ambiguities;
mod aworld_economy;
mod aworld_users;
mod batch_events;
mod boosts;
mod clock;
mod contract;
mod coverage;
mod desk;
mod documents;
mod errors;
mod isolation;
mod journey;
mod leaderboards;
mod notices;
mod oauth;
mod parallel;
mod reads;
mod scenarios;
mod settings;
mod streaks;
mod support;
mod surface;
mod webhooks;
mod workspaces;
mod wrapped;
mod year;

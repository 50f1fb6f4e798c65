//! What happens: the pure rules of Kleos.
//!
//! `apply(catalog, user state, command, now, ids) -> outcome`. This crate does no IO, asks no clock, draws no randomness of
//! its own, awaits nothing and knows no SQL and no wire format. Whatever it decides follows from its arguments.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod achievement;
pub mod amount;
pub mod apply;
pub mod arrival;
mod boost;
pub mod calendar;
pub mod catalog;
pub mod command;
pub mod definition;
pub mod id;
pub mod leaderboard;
pub mod mission;
pub mod moment;
mod occurrence;
pub mod outcome;
pub mod points;
pub mod preferences;
mod purse;
pub mod rank;
pub mod reminder;
mod reward;
pub mod rule;
pub mod rulebook;
pub mod state;
pub mod streak;
mod tick;
pub mod timeframe;
pub mod user;
pub mod wrapped;

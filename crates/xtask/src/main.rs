//! Automation of the repository: `cargo xtask test | tidy | schemathesis | bench | receivers`. One file per command; here is only
//! which command is which.

mod bench;
mod process;
mod python;
mod receivers;
mod schemathesis;
mod server;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::process::say;

/// Automation of the repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
enum Task {
    /// Run every test, on both stores
    Test(test::Options),
    /// Check the walls between the crates
    Tidy,
    /// Send the server what its OpenAPI allows and what it does not
    Schemathesis(schemathesis::Options),
    /// Measure
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Deliver webhooks to receivers that behave well and badly
    Receivers(receivers::Options),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Test(options) => test::run(&options),
        Task::Tidy => tidy::run(&root()),
        Task::Schemathesis(options) => schemathesis::run(&options),
        Task::Bench(bench) => bench::run(&bench),
        Task::Receivers(options) => receivers::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("\nxtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Builds the release binary and answers its path.
fn build_release() -> anyhow::Result<PathBuf> {
    let mut cargo = process::cargo();
    cargo.args(["build", "--release", "--bin", "kleos"]);
    process::run(&mut cargo)?;
    Ok(process::target().join("release/kleos"))
}

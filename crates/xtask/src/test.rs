//! Every test of the repository with one command: the Rust tests, the published clients, and what our own OpenAPI promises.
//!
//! Nothing is skipped silently: what is missing is named before anything runs, with the way to get it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use crate::{process, python, schemathesis};

/// What to leave out, for a quick look. Without flags everything runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only the Rust tests
    #[arg(long, conflicts_with = "python")]
    rust: bool,
    /// Only the tests through the published Python client
    #[arg(long)]
    python: bool,
    /// Words for pytest, e.g. `-- -k streak`
    #[arg(last = true)]
    pytest: Vec<String>,
}

/// Runs the tests; all parts run even if one fails, and the summary names those that did.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let has_clients = !options.rust;
    if has_clients {
        require_clients(options)?;
    }
    // One cluster for all; tests make databases of their own in it.
    let cluster = testkit::Cluster::start(testkit::Options::default())
        .context("the tests need the programs of PostgreSQL")?;
    let mut steps: Vec<(&str, Command)> = Vec::new();
    if !options.python {
        let has_nextest = process::answers("cargo", &["nextest", "--version"]);
        let mut tests = process::cargo();
        if has_nextest {
            tests.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
            let mut doctests = process::cargo();
            doctests.args(["test", "--workspace", "--doc", "--quiet"]);
            steps.push(("Rust", tests));
            steps.push(("Rust doctests", doctests));
        } else {
            tests.args(["test", "--workspace", "--no-fail-fast"]);
            steps.push(("Rust", tests));
        }
    }
    if has_clients {
        let binary = crate::build_release()?;
        let mut pytest = python::pytest("python")?;
        pytest
            .args(["-n", "2"])
            .args(&options.pytest)
            .env("KLEOS_BINARY", &binary);
        steps.push(("Python client", pytest));
        if !options.python {
            steps.push(("Node client", node(&binary)?));
            steps.push(("OpenAPI", schemathesis::command()?));
        }
    }
    let mut summary = String::from("\n");
    let mut has_failed = false;
    for (name, mut step) in steps {
        let started = Instant::now();
        step.env(testkit::POSTGRES_VARIABLE, cluster.url());
        let result = process::run(&mut step);
        has_failed |= result.is_err();
        let verdict = if result.is_ok() { "passed" } else { "FAILED" };
        writeln!(
            summary,
            "{verdict}  {name} ({} s)",
            started.elapsed().as_secs()
        )?;
    }
    cluster.stop();
    process::say(&summary);
    ensure!(!has_failed, "not all tests passed");
    Ok(())
}

fn require_clients(options: &Options) -> anyhow::Result<()> {
    python::require()?;
    if !process::answers("psql", &["--version"]) {
        bail!("the program psql is missing: `apt-get install postgresql`");
    }
    if !options.python && !process::answers("npm", &["--version"]) {
        bail!("node with npm is missing: `apt-get install nodejs npm`");
    }
    Ok(())
}

/// The tests through the published Node client, with what the lock file says.
fn node(binary: &Path) -> anyhow::Result<Command> {
    let folder = crate::root().join("sdk-tests/node");
    let mut install = Command::new("npm");
    install.current_dir(&folder).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]);
    process::run(&mut install)?;
    let mut tests = Command::new("node");
    tests
        .current_dir(folder)
        .arg("--test")
        .env("KLEOS_BINARY", binary);
    Ok(tests)
}

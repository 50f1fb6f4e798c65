//! Every test of the repository with one command: the Rust tests and the published Python client, on both stores.
//!
//! Nothing is skipped silently: what is missing is named before anything runs, with the way to get it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use crate::process;

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
    let has_python = !options.rust;
    if has_python {
        require_python()?;
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
    if has_python {
        let binary = crate::build_release()?;
        let python = environment()?;
        let mut pytest = Command::new(python);
        pytest
            .current_dir(crate::root().join("sdk-tests/python"))
            .args(["-m", "pytest", "-n", "2"])
            .args(&options.pytest)
            .env("KLEOS_BINARY", binary);
        steps.push(("Python client", pytest));
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

fn require_python() -> anyhow::Result<()> {
    if !process::answers("python3", &["-c", "import venv, ensurepip"]) {
        bail!("python3 with venv is missing: `apt-get install python3 python3-venv`");
    }
    if !process::answers("psql", &["--version"]) {
        bail!("the program psql is missing: `apt-get install postgresql`");
    }
    Ok(())
}

/// The interpreter of a virtual environment with what `requirements.txt` says, made anew when that changes.
fn environment() -> anyhow::Result<PathBuf> {
    let requirements = crate::root().join("sdk-tests/python/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = process::target().join("sdk-venv");
    let python = folder.join("bin/python");
    let mark = folder.join("installed-requirements.txt");
    if is_same(&mark, &wanted) && python.exists() {
        return Ok(python);
    }
    process::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ]);
    process::run(pip.arg(&requirements))?;
    std::fs::write(&mark, wanted)?;
    Ok(python)
}

fn is_same(file: &Path, text: &str) -> bool {
    std::fs::read_to_string(file).is_ok_and(|found| found == text)
}

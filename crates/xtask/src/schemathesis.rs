//! Whether the server keeps to its own OpenAPI, whatever it is sent: the long run of `sdk-tests/openapi`.

use std::process::Command;

use crate::{process, python};

/// How long it runs. The seed is fixed.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Examples per operation
    #[arg(long, default_value_t = 200)]
    examples: u32,
    /// Stores, separated by commas
    #[arg(long, default_value = "sqlite,postgres")]
    stores: String,
}

/// Builds the release binary and runs it against both APIs of the first dialect.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    python::require()?;
    let cluster = testkit::Cluster::start(testkit::Options::default())?;
    let mut pytest = command()?;
    pytest
        .arg("-s")
        .env("SCHEMATHESIS_EXAMPLES", options.examples.to_string())
        .env("SCHEMATHESIS_STORES", &options.stores)
        .env(testkit::POSTGRES_VARIABLE, cluster.url());
    let done = process::run(&mut pytest);
    cluster.stop();
    done
}

/// The short run, which is one of the tests.
pub(crate) fn command() -> anyhow::Result<Command> {
    let mut pytest = python::pytest("openapi")?;
    pytest.env("KLEOS_BINARY", crate::build_release()?);
    Ok(pytest)
}

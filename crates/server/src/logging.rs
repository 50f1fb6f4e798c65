//! Where log lines go and how they look. Standard output belongs to what a command answers; the log is on standard error.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Settings};

/// Starts logging. Panics of any thread are logged too, so that they reach whatever collects the log.
pub(crate) fn start(settings: &Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log)
        .with_context(|| format!("log: {:?} is no filter, try info or debug", settings.log))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match settings.log_format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("unknown");
        tracing::error!(place, message, "a thread panicked");
    }));
    Ok(())
}

/// Prints what a command answers.
#[expect(
    clippy::print_stdout,
    reason = "the one function by which the command line speaks"
)]
pub(crate) fn print(text: &str) {
    println!("{text}");
}

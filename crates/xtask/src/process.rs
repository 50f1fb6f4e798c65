//! Starting programs and talking to the person at the terminal. Knows nothing of what the programs do.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

/// Says something to the person.
#[expect(
    clippy::print_stderr,
    reason = "the one function by which xtask speaks of its progress"
)]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

/// The cargo that started us, in the folder of the workspace.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.current_dir(crate::root());
    cargo
}

/// The folder that cargo builds into.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || crate::root().join("target"),
        |folder| crate::root().join(folder),
    )
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a program to its end; it must succeed.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    say(&format!("\n$ {}", shown(command)));
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Whether a program answers when asked with these words.
pub(crate) fn answers(program: &str, words: &[&str]) -> bool {
    Command::new(program)
        .args(words)
        .output()
        .is_ok_and(|output| output.status.success())
}

//! Virtual environments for the tests that are written in Python. Knows nothing of what the tests are about.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::process;

/// Fails with the way to get it if Python cannot make virtual environments.
pub(crate) fn require() -> anyhow::Result<()> {
    if !process::answers("python3", &["-c", "import venv, ensurepip"]) {
        bail!("python3 with venv is missing: `apt-get install python3 python3-venv`");
    }
    Ok(())
}

/// pytest in a folder below `sdk-tests`, in a virtual environment with what its `requirements.txt` says, made anew when that
/// changes. Further words are for the caller to add.
pub(crate) fn pytest(folder: &str) -> anyhow::Result<Command> {
    let tests = crate::root().join("sdk-tests").join(folder);
    let python = environment(folder, &tests.join("requirements.txt"))?;
    let mut pytest = Command::new(python);
    pytest.current_dir(tests).args(["-m", "pytest"]);
    Ok(pytest)
}

fn environment(name: &str, requirements: &Path) -> anyhow::Result<PathBuf> {
    let wanted = std::fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = process::target().join(format!("{name}-venv"));
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
    process::run(pip.arg(requirements))?;
    std::fs::write(&mark, wanted)?;
    Ok(python)
}

fn is_same(file: &Path, text: &str) -> bool {
    std::fs::read_to_string(file).is_ok_and(|found| found == text)
}

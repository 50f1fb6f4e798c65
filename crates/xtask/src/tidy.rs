//! Checks what the compiler cannot: the direction of dependencies, where SQL may stand, who may know the databases.
//!
//! Reads source texts line by line. That can be deceived; it is a fence against habit, not against malice.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::process;

/// Crates that do IO, ask the time or throw dice. The engine must not reach one of them, however far down. (`getrandom` comes
/// with uuid's version 7, which the sources must not call.)
const NOT_IN_ENGINE: [&str; 17] = [
    "tokio",
    "axum",
    "hyper",
    "tower",
    "reqwest",
    "rusqlite",
    "libsqlite3-sys",
    "postgres",
    "tokio-postgres",
    "sqlx",
    "tracing",
    "log",
    "metrics",
    "rand",
    "chrono",
    "mio",
    "socket2",
];
/// Words that the engine's sources must not contain.
const NOT_IN_ENGINE_SOURCE: [&str; 12] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "now_v7",
    "async fn",
];
/// Our crates and those of ours that each may use (besides itself).
const WALLS: [(&str, &[&str]); 5] = [
    ("engine", &[]),
    ("wire", &[]),
    ("store", &["engine"]),
    ("server", &["engine", "store", "wire"]),
    ("xtask", &["testkit"]),
];
/// Where the names of the databases may stand in code, apart from tests and comments.
const KNOWS_DATABASES: [&str; 5] = [
    "crates/store/src/driver/",
    // A setting chooses one.
    "crates/server/src/settings.rs",
    // They start one.
    "crates/testkit/",
    "crates/xtask/",
    // They run on both.
    "/tests/",
];
const UNFINISHED: [&str; 2] = ["todo!(", "unimplemented!("];

/// Checks everything; the error lists all that was found.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let mut found = dependencies()?;
    for file in sources(&root.join("crates"))? {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let path = file
            .strip_prefix(root)
            .unwrap_or(&file)
            .to_string_lossy()
            .into_owned();
        found.extend(source(&path, &text));
    }
    ensure!(
        found.is_empty(),
        "{} findings\n{}",
        found.len(),
        found.join("\n")
    );
    process::say("tidy: nothing found");
    Ok(())
}

/// The direction of dependencies, as cargo resolves them; without those for tests and building.
fn dependencies() -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for (wall, allowed) in WALLS {
        found.extend(between_crates(wall, allowed, &tree(wall)?));
    }
    found.extend(below_engine(&tree("engine")?));
    Ok(found)
}

/// The names of the crates that one of ours needs: itself first, then everything below it.
fn tree(name: &str) -> anyhow::Result<Vec<String>> {
    let mut cargo = process::cargo();
    cargo.args([
        "tree", "--edges", "normal", "--prefix", "none", "--format", "{p}",
    ]);
    let output = cargo
        .args(["--package", name])
        .output()
        .context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "cargo tree failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text
        .lines()
        .filter_map(|line| Some(line.split(' ').next()?.to_owned()))
        .collect())
}

/// A crate behind a wall that is not allowed there is found also when it comes by way of another.
fn between_crates(wall: &str, allowed: &[&str], tree: &[String]) -> Vec<String> {
    let ours = tree
        .iter()
        .filter(|name| WALLS.iter().any(|(ours, _)| ours == *name));
    let mut found: Vec<String> = ours
        .filter(|name| *name != wall && !allowed.contains(&name.as_str()))
        .map(|name| format!("{wall} must not depend on {name}"))
        .collect();
    found.dedup();
    found
}

fn below_engine(tree: &[String]) -> Vec<String> {
    let reached: BTreeSet<&String> = tree.iter().collect();
    reached
        .into_iter()
        .filter(|name| NOT_IN_ENGINE.contains(&name.as_str()))
        .map(|name| format!("engine must not reach {name}"))
        .collect()
}

/// All Rust sources below a folder, in order.
fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// What is wrong with one source. `path`: from the root of the workspace.
fn source(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !text.starts_with("//!") {
        found.push(format!(
            "{path}:1: a module opens with //! and what it is for"
        ));
    }
    // Unit tests at the end of a file may name what its code must not.
    let code = text.split("\n#[cfg(test)]\n").next().unwrap_or(text);
    let is_test = path.contains("/tests/") || path.starts_with("crates/testkit/");
    let is_fence = path == "crates/xtask/src/tidy.rs";
    let is_engine = path.starts_with("crates/engine/src/");
    for (number, line) in (1..).zip(code.lines()) {
        let line = line.split_once("//").map_or(line, |(before, _)| {
            // `//` inside a text, as in an address, opens no comment.
            if before.matches('"').count() % 2 == 0 {
                before
            } else {
                line
            }
        });
        if line.trim().is_empty() || is_fence {
            continue;
        }
        let mut say = |what: &str| found.push(format!("{path}:{number}: {what}"));
        if UNFINISHED.iter().any(|word| line.contains(word)) {
            say("unfinished code");
        }
        if is_engine && NOT_IN_ENGINE_SOURCE.iter().any(|word| line.contains(word)) {
            say("the engine does no IO and asks no clock");
        }
        if !path.starts_with("crates/store/") && !is_test && has_sql(line) {
            say("SQL stands in crates/store alone");
        }
        let lower = line.to_lowercase();
        if (lower.contains("sqlite") || lower.contains("postgres"))
            && !KNOWS_DATABASES.iter().any(|place| path.contains(place))
        {
            say("only crates/store/src/driver knows the databases");
        }
    }
    found
}

/// Whether a line looks like SQL in a text: the opening words of a statement, in lower case as we write them.
fn has_sql(line: &str) -> bool {
    let Some(start) = line
        .find('"')
        .or_else(|| line.starts_with("    ").then_some(0))
    else {
        return false;
    };
    let words: Vec<&str> = line[start..]
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '*')
        .filter(|word| !word.is_empty())
        .collect();
    let opens_text = |word: &str| line[start..].contains(&format!("\"{word} "));
    let follows = |first: &str, second: &str| {
        words
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if *a == first && *b == second))
    };
    follows("insert", "into")
        || follows("delete", "from")
        || (opens_text("select") && words.contains(&"from"))
        || (opens_text("select") && line.trim_end().ends_with(','))
        || (opens_text("update") && words.contains(&"set"))
        || opens_text("create table")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_is_told_from_prose() {
        for line in [
            r#"    tx.run("insert into t (a) values ($1)", &[])?;"#,
            r#"    "delete from api_key"#,
            r#"  let sql = "select a, b from t where c = $1";"#,
            r#"    "update space set v = v + 1","#,
            r#"    "select a, b,"#,
        ] {
            assert!(has_sql(line), "{line}");
        }
        for line in [
            r#"say("update the settings")"#,
            "    let from = select(set);",
            r#"describe("what was deleted from here")"#,
        ] {
            assert!(!has_sql(line), "{line}");
        }
    }

    #[test]
    fn sources_are_checked_line_by_line() {
        let findings = |path: &str, text: &str| source(path, text).len();
        assert_eq!(findings("crates/engine/src/a.rs", "//! A.\nfn a() {}\n"), 0);
        assert_eq!(findings("crates/engine/src/a.rs", "fn a() {}\n"), 1);
        assert_eq!(
            findings("crates/engine/src/a.rs", "//! A.\nuse std::fs;\n"),
            1
        );
        assert_eq!(
            findings("crates/engine/src/a.rs", "//! A.\n// std::fs is banned\n"),
            0
        );
        assert_eq!(
            findings("crates/wire/src/a.rs", "//! A.\nfn a() { todo!() }\n"),
            1
        );
        assert_eq!(
            findings("crates/server/src/a.rs", "//! A.\nuse rusqlite::Row;\n"),
            1
        );
        assert_eq!(
            findings("crates/server/src/settings.rs", "//! A.\nSqlite\n"),
            0
        );
        assert_eq!(findings("crates/store/src/pool.rs", "//! A.\nSqlite\n"), 1);
        assert_eq!(
            findings("crates/store/src/driver/a.rs", "//! A.\nSqlite\n"),
            0
        );
        let tested =
            "//! A.\nfn a() {}\n\n#[cfg(test)]\nmod tests { const A: &str = \"sqlite\"; }\n";
        assert_eq!(findings("crates/server/src/a.rs", tested), 0);
        let address = "//! A.\nconst A: &str = \"postgres://host\";\n";
        assert_eq!(findings("crates/server/src/a.rs", address), 1);
    }

    #[test]
    fn walls_are_kept() {
        let tree = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let names = tree(&["wire", "serde", "engine", "jiff", "engine"]);
        assert_eq!(
            between_crates("wire", &[], &names),
            ["wire must not depend on engine"]
        );
        assert!(between_crates("store", &["engine"], &tree(&["store", "engine"])).is_empty());
        let names = tree(&["engine", "jiff", "tokio", "tokio"]);
        assert_eq!(below_engine(&names), ["engine must not reach tokio"]);
    }
}

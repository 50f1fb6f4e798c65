//! Every text that names a customer table says in which space: read from the sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Texts that may look into all spaces: file, how they begin, and why.
const EXCEPTIONS: [(&str, &str, &str); 12] = [
    (
        "answer.rs",
        "delete from answer where created_at <= $1",
        "the sweep of answers that are too old",
    ),
    (
        "streak.rs",
        "select s.space_id, u.external_id from streak s",
        "the sweep of midnights",
    ),
    (
        "streak.rs",
        "select settle_at from streak where settle_at is not null",
        "when the sweep wakes up",
    ),
    (
        "job.rs",
        "select id, space_id, kind",
        "the worker takes the oldest job, wherever",
    ),
    (
        "outbox.rs",
        "select count(*) from outbox",
        "a gauge of the process",
    ),
    (
        "outbox.rs",
        "select id, space_id, user_id, kind, body from outbox",
        "the dispatcher takes what waits, space by space",
    ),
    (
        "test_clock.rs",
        "select p.id from space p where p.environment_id = $1 and (exists",
        "each row is tied to a space of the environment",
    ),
    (
        "streak.rs",
        "select min(s.settle_at + 0) from streak s",
        "when the clock of an environment moves next",
    ),
    (
        "throttle.rs",
        "select t.space_id from throttle",
        "in which spaces the dispatcher has something to tell",
    ),
    (
        "throttle.rs",
        "select t.space_id from environment",
        "in which spaces with a test clock the dispatcher has something to tell",
    ),
    (
        "throttle.rs",
        "select t.due_at from throttle",
        "when the dispatcher wakes up",
    ),
    (
        "throttle.rs",
        "delete from throttle where told is null",
        "housekeeping of the process",
    ),
];

/// Words after a table that are not its other name.
const KEYWORDS: [&str; 12] = [
    "where",
    "on",
    "order",
    "group",
    "join",
    "set",
    "limit",
    "left",
    "inner",
    "using",
    "returning",
    "values",
];

#[test]
fn every_text_binds_its_space() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let migrations: Vec<PathBuf> = files(&root.join("migrations"));
    let tables = customer_tables(&migrations);
    for table in [
        "end_user",
        "event",
        "board_entry",
        "definition_version",
        "outbox",
        "job",
    ] {
        assert!(tables.contains(table), "{table} in {tables:?}");
    }
    let mut used = BTreeSet::new();
    let mut count = 0;
    for file in files(&root.join("src"))
        .iter()
        .filter(|file| !file.starts_with(root.join("src/driver")))
    {
        let name = file.file_name().unwrap().to_str().unwrap();
        let source = std::fs::read_to_string(file).unwrap();
        for text in literals(&source) {
            let words: Vec<&str> = words(&text).collect();
            let (found, problem) = problem(&words, &text, &tables);
            count += found;
            let Some(problem) = problem else { continue };
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let exception = EXCEPTIONS
                .iter()
                .position(|(file, start, _)| *file == name && flat.starts_with(start));
            match exception {
                Some(index) => used.insert(index),
                None => panic!("{name}: {problem} without its space in: {flat}"),
            };
        }
    }
    assert!(
        count > 40,
        "only {count} tables found in texts: is the scan broken?"
    );
    assert_eq!(
        used.len(),
        EXCEPTIONS.len(),
        "an exception is no longer needed"
    );
}

/// How many customer tables a text names, and the first of them that is not tied to a space.
fn problem(words: &[&str], text: &str, tables: &BTreeSet<String>) -> (usize, Option<String>) {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut count = 0;
    for (index, word) in words.iter().enumerate() {
        let is_reference = matches!(*word, "from" | "join" | "update" | "into");
        let Some(table) = words
            .get(index + 1)
            .filter(|table| tables.contains(**table))
        else {
            continue;
        };
        if !is_reference {
            continue;
        }
        count += 1;
        let next = words.get(index + 2).copied().unwrap_or_default();
        let is_bound = if *word == "into" {
            // `insert into t (space_id, ..) select k.space_id ..` or `values ($1, ..)`, or from a
            // table that is checked itself.
            next == "space_id"
                && ["select k.space_id,", "values ($1,", "select space_id,"]
                    .iter()
                    .any(|start| flat.contains(start))
        } else {
            let is_named = !next.is_empty()
                && next.starts_with(|c: char| c.is_ascii_alphabetic())
                && !KEYWORDS.contains(&next);
            let column = if is_named {
                format!("{next}.space_id")
            } else {
                "space_id".to_owned()
            };
            [
                format!("{column} = $1"),
                format!("{column} = k.space_id"),
                // An update says which of the two it means.
                format!("{table}.space_id = k.space_id"),
            ]
            .iter()
            .any(|condition| contains_word(&flat, condition))
                || is_tied(&flat, &column)
                // A tuple that begins with the space, out of tuples that do.
                || (flat.contains(&format!("where ({column}, "))
                    && [") in (select k.space_id, ", ") in (select space_id, "]
                        .iter()
                        .any(|keys| flat.contains(keys)))
        };
        if !is_bound {
            return (count, Some((*table).to_owned()));
        }
    }
    (count, None)
}

/// Whether the space of a table is that of another table of the text, which is checked itself, in a
/// text that names its space.
fn is_tied(flat: &str, column: &str) -> bool {
    let names_space = ["space_id = $1", "space_id = k.space_id", "from streak s"]
        .iter()
        .any(|binding| flat.contains(binding));
    let start = format!("{column} = ");
    names_space
        && flat.match_indices(&start).any(|(at, _)| {
            let rest = &flat[at + start.len()..];
            let other: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
            !other.is_empty() && rest[other.len()..].starts_with(".space_id")
        })
}

/// Whether `part` is in `text` and does not begin in the middle of a name.
fn contains_word(text: &str, part: &str) -> bool {
    text.match_indices(part)
        .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.'))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.' || c == '{' || c == '$'))
        .filter(|word| !word.is_empty())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The tables whose first column is the space.
fn customer_tables(migrations: &[PathBuf]) -> BTreeSet<String> {
    let mut tables = BTreeSet::new();
    for file in migrations {
        let sql = std::fs::read_to_string(file).unwrap();
        for part in sql.split("create table ").skip(1) {
            let (name, columns) = part.split_once('(').unwrap();
            if columns.trim_start().starts_with("space_id ") {
                tables.insert(name.trim().to_owned());
            }
        }
    }
    tables
}

/// The string literals of a Rust source, comments left out.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => {
                rest.by_ref().find(|c| *c == '\n');
            }
            '\'' => {
                // A character or a lifetime: only `'"'` and `'\"'` could mislead.
                let mut ahead = rest.clone();
                if ahead.next() == Some('\\') {
                    ahead.next();
                }
                if ahead.next() == Some('\'') {
                    rest = ahead;
                }
            }
            '"' => {
                let mut text = String::new();
                while let Some(c) = rest.next() {
                    match c {
                        '"' => break,
                        '\\' => text.extend(rest.next()),
                        c => text.push(c),
                    }
                }
                found.push(text);
            }
            _ => {}
        }
    }
    found
}

#[test]
fn the_scan_finds_what_it_shall() {
    let tables: BTreeSet<String> = ["event", "end_user"].map(str::to_owned).into();
    let check = |sql: &str| {
        problem(&words(sql).collect::<Vec<_>>(), sql, &tables)
            .1
            .is_none()
    };
    assert!(check("select 1 from event where space_id = $1"));
    assert!(check(
        "select 1 from {keys(a bigint)} k join event e on e.space_id = k.space_id"
    ));
    assert!(check("insert into event (space_id, id) values ($1, $2)"));
    assert!(check(
        "delete from event where (space_id, id) in (select k.space_id, k.id from x k)"
    ));
    assert!(!check(
        "delete from event where (id, space_id) in (select k.space_id, k.id from x k)"
    ));
    assert!(!check("select 1 from event"));
    assert!(!check("select space_id from event where id = $1"));
    assert!(!check(
        "select 1 from event e where space_id = $1 and e.id = $2 or x.space_id = $1"
    ));
    assert!(!check("update event set id = $2 where id = $1"));
    assert!(check(
        "update event set id = k.id from x k where event.space_id = k.space_id"
    ));
    assert!(!check("delete from event where id = $1"));
    assert!(!check("insert into event (id, space_id) values ($1, $2)"));
    assert!(!check(
        "select 1 from event e join end_user u on u.id = e.user_id where e.space_id = $1"
    ));
    assert_eq!(
        literals("a(\"x \\\" y\", '\"', b'\\'', // \"no\n \"z\")"),
        ["x \" y", "z"]
    );
}

//! Making environments: what is common to the command line and the Admin API (spec/trophy.md 12.1).

use engine::id::Ids;
use jiff::Timestamp;
use store::driver::Tx;
use store::tenancy;

use crate::admin_key::AdminKey;

/// The longest name and the longest key, in characters.
const NAME_CHARS_MAX: usize = 100;
const KEY_CHARS_MAX: usize = 50;

/// An environment to make.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// For people.
    pub name: &'a str,
    /// Unique in the store.
    pub key: &'a str,
    /// `staging` or `development`.
    pub kind: &'a str,
}

/// How many environments of a kind there may be; nothing: the kind cannot be made.
fn most(kind: &str) -> Option<usize> {
    match kind {
        "staging" => Some(4),
        "development" => Some(10),
        _ => None,
    }
}

/// Makes an environment with its first admin key, or says why it cannot be made.
pub fn create(
    tx: &mut Tx<'_>,
    new: &New<'_>,
    key: &AdminKey,
    ids: &mut Ids,
    now: Timestamp,
) -> store::Result<Result<(), String>> {
    let all = tenancy::hold_environments(tx)?;
    if let Some(problem) = problem(&all, new) {
        return Ok(Err(problem));
    }
    let environment = tenancy::insert_environment(tx, new.name, new.key, new.kind, ids, now)?;
    key.keep(tx, environment, "Made with the environment", ids, now)?;
    Ok(Ok(()))
}

fn problem(all: &[tenancy::Listed], new: &New<'_>) -> Option<String> {
    let length = new.name.chars().count();
    if length == 0 || length > NAME_CHARS_MAX {
        return Some(format!("name must have 1 to {NAME_CHARS_MAX} characters"));
    }
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if new.key.is_empty() || new.key.len() > KEY_CHARS_MAX || !new.key.bytes().all(is_plain) {
        return Some(format!(
            "key must have 1 to {KEY_CHARS_MAX} characters, lower-case letters, digits, '-' and '_'"
        ));
    }
    if all.iter().any(|other| other.key == new.key) {
        return Some(format!(
            "there is an environment with the key {:?} already",
            new.key
        ));
    }
    let Some(most) = most(new.kind) else {
        return Some("type must be staging or development".to_owned());
    };
    let count = all.iter().filter(|other| other.kind == new.kind).count();
    (count >= most).then(|| format!("there may be at most {most} {} environments", new.kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(kind: &str, count: usize) -> Vec<tenancy::Listed> {
        (0..count)
            .map(|number| tenancy::Listed {
                name: "N".to_owned(),
                key: format!("{kind}-{number}"),
                kind: kind.to_owned(),
            })
            .collect()
    }

    fn refused(all: &[tenancy::Listed], name: &str, key: &str, kind: &str) -> bool {
        problem(all, &New { name, key, kind }).is_some()
    }

    #[test]
    fn environments_have_limits() {
        let long = "k".repeat(KEY_CHARS_MAX + 1);
        for (name, key, kind) in [
            ("", "k", "staging"),
            ("N", "", "staging"),
            ("N", "K", "staging"),
            ("N", "a b", "staging"),
            ("N", long.as_str(), "staging"),
            ("N", "k", "production"),
            ("N", "k", "other"),
        ] {
            assert!(refused(&[], name, key, kind), "{name:?} {key:?} {kind:?}");
        }
        assert!(!refused(&listed("staging", 3), "N", "k", "staging"));
        assert!(refused(&listed("staging", 4), "N", "k", "staging"));
        assert!(!refused(&listed("staging", 4), "N", "k", "development"));
        assert!(!refused(&listed("development", 9), "N", "k", "development"));
        assert!(refused(&listed("development", 10), "N", "k", "development"));
        assert!(refused(
            &listed("staging", 1),
            "N",
            "staging-0",
            "development"
        ));
    }
}

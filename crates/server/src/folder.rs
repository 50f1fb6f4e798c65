//! The data folder: made when missing, and held by one process at a time.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context, bail};

use crate::settings::Place;

/// The file whose lock says that the folder is in use.
const LOCK_FILE: &str = "kleos.lock";

/// A folder that no other process uses, for as long as this lives. The system lets go of it when the process ends,
/// however it ends.
#[derive(Debug)]
pub(crate) struct Held {
    _lock: Option<File>,
}

/// Makes the folder and holds it. A database elsewhere needs neither.
pub(crate) fn hold(place: &Place) -> anyhow::Result<Held> {
    let Place::Folder(folder) = place else {
        return Ok(Held { _lock: None });
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the data folder {}", folder.display()))?;
    let path = folder.join(LOCK_FILE);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Held { _lock: Some(file) }),
        Err(TryLockError::WouldBlock) => bail!(
            "another kleos process uses {}: stop it, or choose another folder with --data-dir",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Whether nothing but our lock is in the folder, or the folder is missing.
pub(crate) fn is_empty(folder: &Path) -> std::io::Result<bool> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => {
            Ok(entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == LOCK_FILE)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_once_and_free_again_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Folder(folder.path().join("deep/data"));
        let held = hold(&place).unwrap();
        let refused = hold(&place).unwrap_err().to_string();
        assert!(
            refused.starts_with("another kleos process uses"),
            "{refused}"
        );
        assert!(is_empty(&folder.path().join("deep/data")).unwrap());
        assert!(!is_empty(folder.path()).unwrap());
        drop(held);
        hold(&place).unwrap();
    }
}

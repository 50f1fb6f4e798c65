//! The compiled configuration of every space that is in use, by its version.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use engine::catalog::Catalog;
use store::Space;
use store::driver::Tx;

/// Remembers catalogs; a transaction says which version it sees.
#[derive(Debug, Default)]
pub struct Catalogs {
    known: RwLock<HashMap<Space, Arc<Catalog>>>,
}

impl Catalogs {
    /// The catalog of a space at a version: the remembered one, or one compiled now.
    pub fn get(&self, tx: &mut Tx<'_>, space: Space, version: i64) -> store::Result<Arc<Catalog>> {
        let known = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&space)
            .cloned();
        if let Some(catalog) = known
            && catalog.version == version
        {
            return Ok(catalog);
        }
        let catalog = Arc::new(store::definition::catalog(tx, space, version)?);
        self.keep(space, &catalog);
        Ok(catalog)
    }

    /// Remembers a catalog unless a newer one is known.
    fn keep(&self, space: Space, catalog: &Arc<Catalog>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let is_newer = known
            .get(&space)
            .is_none_or(|held| held.version <= catalog.version);
        if is_newer {
            known.insert(space, catalog.clone());
        }
    }
}

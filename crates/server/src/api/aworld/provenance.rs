//! Where records belong, as the answers to writes say it (spec/aworld.md 2.2).

use wire::aworld::{Provenance, SOURCE_REGION};

use crate::bearer::Bearer;

/// Where everything belongs that a caller writes.
pub fn of(bearer: &Bearer) -> Provenance {
    Provenance {
        account_id: bearer.account_id.clone(),
        workspace_id: bearer.caller.space.public_id(),
        source_region: SOURCE_REGION.to_owned(),
    }
}

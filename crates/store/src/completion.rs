//! Completions, counted (spec/trophy.md 4.5).

use std::collections::HashMap;

use engine::id::AchievementId;

use crate::Result;
use crate::access::Space;
use crate::driver::Tx;

/// How many users completed each achievement of a space.
pub fn counts(tx: &mut Tx<'_>, space: Space) -> Result<HashMap<AchievementId, i64>> {
    let rows = tx.rows(
        "select achievement_id, count(*) from completion where space_id = $1
         group by achievement_id",
        &[space.id().into()],
        |row| Ok((AchievementId(row.get(0)?), row.get(1)?)),
    )?;
    Ok(rows.into_iter().collect())
}

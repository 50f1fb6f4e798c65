//! How far what begins and ends by the clock has been told.

use jiff::Timestamp;

use crate::Result;
use crate::access::Space;
use crate::driver::Tx;
use crate::time::instant;

/// Up to which instant everything has been told; nothing: nobody ever looked.
pub fn up_to(tx: &mut Tx<'_>, space: Space) -> Result<Option<Timestamp>> {
    tx.row(
        "select up_to from announced where space_id = $1",
        &[space.id().into()],
        |row| instant(row, 0),
    )
}

/// [`up_to`], and the row is held until the transaction ends, so that two processes tell nothing twice.
pub fn hold(tx: &mut Tx<'_>, space: Space) -> Result<Option<Timestamp>> {
    tx.row(
        "select up_to from announced where space_id = $1 {hold}",
        &[space.id().into()],
        |row| instant(row, 0),
    )
}

/// Notes that everything up to an instant has been told.
pub fn set(tx: &mut Tx<'_>, space: Space, up_to: Timestamp) -> Result<()> {
    tx.run(
        "insert into announced (space_id, up_to) values ($1, $2)
         on conflict (space_id) do update set up_to = excluded.up_to",
        &[space.id().into(), up_to.as_microsecond().into()],
    )?;
    Ok(())
}

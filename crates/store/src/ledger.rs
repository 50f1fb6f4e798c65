//! The ledger: awards and balances, read (spec/trophy.md 6.5, 6.8).

use engine::id::{CurrencyId, EventId, LedgerEntryId, TriggerId, UserId};
use engine::outcome::LedgerEntry;

use crate::Result;
use crate::access::Space;
use crate::driver::{Row, Tx};
use crate::time::{date, instant};

fn entry(row: &Row<'_>, user: UserId, system: CurrencyId) -> Result<LedgerEntry> {
    Ok(LedgerEntry {
        id: LedgerEntryId(row.get(0)?),
        user,
        system,
        amount: row.get(1)?,
        balance: row.get(2)?,
        at: instant(row, 3)?,
        date: date(row, 4)?,
        trigger: row.get::<Option<uuid::Uuid>>(5)?.map(TriggerId),
        event: row.get::<Option<uuid::Uuid>>(6)?.map(EventId),
        transaction: None,
    })
}

/// A user's last entries in a system, newest first.
pub fn last(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    system: CurrencyId,
    limit: i64,
) -> Result<Vec<LedgerEntry>> {
    tx.rows(
        "select id, amount, balance, at, date, trigger_id, event_id from ledger_entry
         where space_id = $1 and user_id = $2 and system_id = $3 order by id desc limit $4",
        &[
            space.id().into(),
            user.0.into(),
            system.0.into(),
            limit.into(),
        ],
        |row| entry(row, user, system),
    )
}

/// All entries of a system in the order in which they were made, each with its user.
pub(crate) fn of_system(
    tx: &mut Tx<'_>,
    space: Space,
    system: CurrencyId,
    mut each: impl FnMut(UserId, LedgerEntry),
) -> Result<()> {
    tx.rows(
        "select id, amount, balance, at, date, trigger_id, event_id, user_id from ledger_entry
         where space_id = $1 and system_id = $2 order by id",
        &[space.id().into(), system.0.into()],
        |row| {
            let user = UserId(row.get(7)?);
            each(user, entry(row, user, system)?);
            Ok(())
        },
    )?;
    Ok(())
}

/// How many users have each balance in a system; users who never earned anything are not counted.
pub fn balances(tx: &mut Tx<'_>, space: Space, system: CurrencyId) -> Result<Vec<(i64, i64)>> {
    tx.rows(
        "select total, count(*) from balance where space_id = $1 and system_id = $2
         group by total order by total",
        &[space.id().into(), system.0.into()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

//! The ledger: awards and balances, read (spec/trophy.md 6.5, 6.8-6.10).

use std::collections::BTreeMap;

use engine::id::{CurrencyId, EventId, LedgerEntryId, TriggerId, UserId};
use engine::outcome::LedgerEntry;
use jiff::civil::Date;

use crate::access::Space;
use crate::driver::{Row, Tx, Value};
use crate::time::{date, instant};
use crate::{Error, Result};

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
        boosts: row
            .get::<Option<String>>(7)?
            .map(|text| serde_json::from_str(&text).map_err(Error::broken))
            .transpose()?
            .unwrap_or_default(),
        second_of_day: row.get(8)?,
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
        "select id, amount, balance, at, date, trigger_id, event_id, boosts, second_of_day
         from ledger_entry
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
        "select id, amount, balance, at, date, trigger_id, event_id, boosts, second_of_day, user_id
         from ledger_entry
         where space_id = $1 and system_id = $2 order by id",
        &[space.id().into(), system.0.into()],
        |row| {
            let user = UserId(row.get(9)?);
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

/// How many of the users who have all these attributes have each balance in a system; those of them
/// who never earned anything are counted at zero.
pub fn balances_with(
    tx: &mut Tx<'_>,
    space: Space,
    system: CurrencyId,
    attributes: &BTreeMap<String, String>,
) -> Result<Vec<(i64, i64)>> {
    let wanted = serde_json::to_string(attributes).map_err(Error::broken)?;
    tx.rows(
        "select coalesce(b.total, 0) as total, count(*) from end_user u
         left join balance b
             on b.space_id = u.space_id and b.user_id = u.id and b.system_id = $2
         where u.space_id = $1 and {holds(u.attributes, $3)}
         group by 1 order by 1",
        &[space.id().into(), system.0.into(), Value::Json(&wanted)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// By how much a user's balance in a system changed on each date up to one, in order.
pub fn days(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    system: CurrencyId,
    to: Date,
) -> Result<Vec<(Date, i64)>> {
    tx.rows(
        "select date, cast(sum(amount) as bigint) from ledger_entry
         where space_id = $1 and user_id = $2 and system_id = $3 and date <= $4
         group by date order by date",
        &[
            space.id().into(),
            user.0.into(),
            system.0.into(),
            to.to_string().as_str().into(),
        ],
        |row| Ok((date(row, 0)?, row.get(1)?)),
    )
}

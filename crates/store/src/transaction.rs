//! The ledger as the second dialect reads it: one list of transactions over all currencies of a user (spec/aworld.md 3.17).
//!
//! An award of a points system stands in the list at the instant that is in its id, so that the list is read by indexes;
//! a transaction stands at the instant of its last change.

use engine::id::{CurrencyId, EventId, LedgerEntryId, TriggerId, UserId};
use engine::outcome::{LedgerEntry, Transaction, TransactionState};
use jiff::Timestamp;
use uuid::Uuid;

use crate::access::Space;
use crate::document::Slice;
use crate::driver::{Row, Tx};
use crate::mission::merged;
use crate::time::{date, instant, maybe_instant};
use crate::{Error, Result};

macro_rules! select_entries {
    ($rest:literal) => {
        concat!(
            "select l.id, l.system_id, l.amount, l.balance, l.at, l.date, l.trigger_id, l.event_id,
                    l.state, l.expires_at, l.updated_at, l.details, l.second_of_day ",
            $rest
        )
    };
}

pub(crate) use select_entries;

/// An entry as `select_entries!` reads it.
pub(crate) fn entry(row: &Row<'_>, user: UserId) -> Result<LedgerEntry> {
    let state: Option<String> = row.get(8)?;
    let transaction = match state {
        None => None,
        Some(state) => {
            let details: String = row.get(11)?;
            let mut transaction: Transaction =
                serde_json::from_str(&details).map_err(Error::broken)?;
            transaction.state = TransactionState::named(&state)
                .ok_or_else(|| Error::broken(format!("unknown transaction state {state}")))?;
            transaction.expires = maybe_instant(row, 9)?;
            transaction.updated = instant(row, 10)?;
            Some(Box::new(transaction))
        }
    };
    Ok(LedgerEntry {
        id: LedgerEntryId(row.get(0)?),
        user,
        system: CurrencyId(row.get(1)?),
        amount: row.get(2)?,
        balance: row.get(3)?,
        at: instant(row, 4)?,
        date: date(row, 5)?,
        second_of_day: row.get(12)?,
        trigger: row.get::<Option<Uuid>>(6)?.map(TriggerId),
        event: row.get::<Option<Uuid>>(7)?.map(EventId),
        // This dialect does not show them.
        boosts: Vec::new(),
        transaction,
    })
}

/// Where an entry stands in the list of its user.
pub fn place(entry: &LedgerEntry) -> (Timestamp, Uuid) {
    let at = match &entry.transaction {
        Some(transaction) => transaction.updated,
        None => made(entry.id.0).unwrap_or(entry.at),
    };
    (at, entry.id.0)
}

/// The millisecond that is in an id of ours.
fn made(id: Uuid) -> Option<Timestamp> {
    i64::try_from(id.as_u128() >> 80)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
}

/// The smallest id of a millisecond.
fn first_of(ms: i64) -> Uuid {
    Uuid::from_u128(u128::from(ms.clamp(0, (1 << 48) - 1).unsigned_abs()) << 80)
}

/// The place in the order of ids at which the awards behind (ascending: from there on) or before
/// (descending: below it) a place in the list begin.
fn award_bound(slice: Slice) -> Uuid {
    let Some((at, id)) = slice.after else {
        return if slice.is_ascending {
            Uuid::nil()
        } else {
            Uuid::max()
        };
    };
    let ms = at.as_microsecond().div_euclid(1_000);
    let is_whole = at.as_microsecond().rem_euclid(1_000) == 0;
    let own_ms = made(id).map_or(ms, Timestamp::as_millisecond);
    if !is_whole || own_ms > ms {
        return first_of(ms.saturating_add(1));
    }
    if own_ms < ms {
        return first_of(ms);
    }
    // Ascending, the one after it; descending, what is below it.
    if slice.is_ascending {
        Uuid::from_u128(id.as_u128().saturating_add(1))
    } else {
        id
    }
}

/// A user's transactions and the awards of some points systems, as one list in the order of
/// [`place`].
pub fn of_user(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    systems: &[CurrencyId],
    slice: Slice,
) -> Result<Vec<LedgerEntry>> {
    let (updated, id) = slice.bounds();
    let (transactions, awards) = if slice.is_ascending {
        (
            select_entries!(
                "from ledger_entry l
                 where l.space_id = $1 and l.user_id = $2 and l.state is not null
                   and (l.updated_at, l.id) > ($3, $4)
                 order by l.updated_at, l.id limit $5"
            ),
            select_entries!(
                "from ledger_entry l
                 where l.space_id = $1 and l.user_id = $2 and l.system_id = $3 and l.id >= $4
                 order by l.id limit $5"
            ),
        )
    } else {
        (
            select_entries!(
                "from ledger_entry l
                 where l.space_id = $1 and l.user_id = $2 and l.state is not null
                   and (l.updated_at, l.id) < ($3, $4)
                 order by l.updated_at desc, l.id desc limit $5"
            ),
            select_entries!(
                "from ledger_entry l
                 where l.space_id = $1 and l.user_id = $2 and l.system_id = $3 and l.id < $4
                 order by l.id desc limit $5"
            ),
        )
    };
    let params = [
        space.id().into(),
        user.0.into(),
        updated.into(),
        id.into(),
        slice.limit.into(),
    ];
    let mut lists = vec![tx.rows(transactions, &params, |row| entry(row, user))?];
    for system in systems {
        let params = [
            space.id().into(),
            user.0.into(),
            system.0.into(),
            award_bound(slice).into(),
            slice.limit.into(),
        ];
        lists.push(tx.rows(awards, &params, |row| entry(row, user))?);
    }
    Ok(merged(slice, lists, place))
}

/// An entry of a user in one of some currencies.
pub fn find(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    currencies: &[CurrencyId],
    id: LedgerEntryId,
) -> Result<Option<LedgerEntry>> {
    let currencies: Vec<Uuid> = currencies.iter().map(|currency| currency.0).collect();
    tx.row(
        select_entries!(
            "from ledger_entry l
             where l.space_id = $1 and l.user_id = $2 and l.system_id {in $3} and l.id = $4"
        ),
        &[
            space.id().into(),
            user.0.into(),
            currencies.as_slice().into(),
            id.0.into(),
        ],
        |row| entry(row, user),
    )
}

/// A user's last entries in a virtual currency that took effect, newest first.
pub fn last_completed(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    currency: CurrencyId,
    limit: i64,
) -> Result<Vec<LedgerEntry>> {
    tx.rows(
        select_entries!(
            "from ledger_entry l
             where l.space_id = $1 and l.user_id = $2 and l.system_id = $3
               and l.state = 'COMPLETED'
             order by l.id desc limit $4"
        ),
        &[
            space.id().into(),
            user.0.into(),
            currency.0.into(),
            limit.into(),
        ],
        |row| entry(row, user),
    )
}

/// When the first and the last entry of a user in a currency were made, if there are any.
pub fn span(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    currency: CurrencyId,
) -> Result<Option<(Timestamp, Timestamp)>> {
    let params = [space.id().into(), user.0.into(), currency.0.into()];
    let first = tx.row(
        "select at from ledger_entry where space_id = $1 and user_id = $2 and system_id = $3
         order by id limit 1",
        &params,
        |row| instant(row, 0),
    )?;
    let last = tx.row(
        "select at from ledger_entry where space_id = $1 and user_id = $2 and system_id = $3
         order by id desc limit 1",
        &params,
        |row| instant(row, 0),
    )?;
    Ok(first.zip(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u128, rest: u128) -> Uuid {
        Uuid::from_u128((ms << 80) | rest)
    }

    /// What follows a place in the merged order is exactly what the bound lets through.
    #[test]
    fn awards_continue_where_the_list_was_cut() {
        let awards: Vec<Uuid> = (10..14)
            .flat_map(|ms| (1..4).map(move |rest| id(ms, rest)))
            .collect();
        let places: Vec<(i64, Uuid)> = [11_000, 11_001, 11_999, 12_000]
            .into_iter()
            .flat_map(|us| [10, 11, 12, 13].map(|ms| (us, id(ms, 2))))
            .collect();
        for (us, at) in places {
            let after = (Timestamp::from_microsecond(us).unwrap(), at);
            for is_ascending in [true, false] {
                let slice = Slice {
                    after: Some(after),
                    is_ascending,
                    limit: 1,
                };
                let bound = award_bound(slice);
                for award in &awards {
                    let place = (made(*award).unwrap(), *award);
                    let (follows, passes) = if is_ascending {
                        (place > after, *award >= bound)
                    } else {
                        (place < after, *award < bound)
                    };
                    assert_eq!(follows, passes, "{us} {at} {award} {is_ascending}");
                }
            }
        }
    }
}

//! What the users of a batch have of points systems and virtual currencies, and how they came by it.
//!
//! Both kinds of currency share their tables; a points system counts whole numbers and nothing of it is ever pending.

use engine::amount::Amount;
use engine::id::CurrencyId;
use engine::outcome::{LedgerEntry, Transaction};
use engine::state::{Purse, Row};
use jiff::Timestamp;

use super::load::{position_at, user_columns};
use super::save::changed;
use super::want::Wants;
use super::{Decided, Member, WorkingSet};
use crate::driver::{Column, Tx};
use crate::time::instant;
use crate::transaction::{entry, select_entries};
use crate::{Error, Result};

/// Loads balances and purses of all users, also of those who are only named, and their transactions
/// that wait to be redeemed.
pub(super) fn load(
    tx: &mut Tx<'_>,
    set: &mut WorkingSet,
    wants: &Wants,
    named: &Wants,
) -> Result<()> {
    let all = || wants.iter().chain(named);
    tx.look_up(
        "select k.i, b.system_id, b.total, b.pending, b.created_at, b.updated_at
         from {keys(i bigint, space_id bigint, user_id bigint)} k
         join balance b on b.space_id = k.space_id and b.user_id = k.user_id",
        &user_columns(all()),
        |row| {
            let index = position_at(row, 0)?;
            let currency = CurrencyId(row.get(1)?);
            let is_virtual = wants
                .get(&index)
                .or_else(|| named.get(&index))
                .is_some_and(|want| want.catalog.book.currency(currency).is_some());
            let state = &mut set.members[index].state;
            if is_virtual {
                let purse = Purse {
                    amount: Amount::from_millionths(row.get(2)?),
                    pending: Amount::from_millionths(row.get(3)?),
                    created: instant(row, 4)?,
                    updated: instant(row, 5)?,
                };
                state.purses.insert(currency, Row::stored(purse));
            } else {
                state.balances.insert(currency, Row::stored(row.get(2)?));
            }
            Ok(())
        },
    )?;
    let with_currencies = all().filter(|(_, want)| want.catalog.book.has_currencies());
    tx.look_up(
        select_entries!(
            ", k.i from {keys(i bigint, space_id bigint, user_id bigint)} k
             join ledger_entry l on l.space_id = k.space_id and l.user_id = k.user_id
                                and l.state = 'PENDING'"
        ),
        &user_columns(with_currencies),
        |row| {
            let state = &mut set.members[position_at(row, 13)?].state;
            let entry = entry(row, state.user.get().id)?;
            state.pending.insert(entry.id, Row::stored(entry));
            Ok(())
        },
    )?;
    Ok(())
}

/// Writes the balances that changed.
pub(super) fn save_balances(tx: &mut Tx<'_>, members: &[Member]) -> Result<()> {
    let rows = changed(members, |state| &state.balances);
    tx.many(
        "insert into balance (space_id, user_id, system_id, total)
         select k.space_id, k.user_id, k.system_id, k.total
         from {keys(space_id bigint, user_id bigint, system_id uuid, total bigint)} k
         where true
         on conflict (space_id, user_id, system_id) do update set total = excluded.total",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.0).collect()),
            Column::Int(rows.iter().map(|row| *row.3).collect()),
        ],
    )?;
    let rows = changed(members, |state| &state.purses);
    tx.many(
        "insert into balance (space_id, user_id, system_id, total, pending, created_at, updated_at)
         select k.space_id, k.user_id, k.system_id, k.total, k.pending, k.created_at, k.updated_at
         from {keys(space_id bigint, user_id bigint, system_id uuid, total bigint, pending bigint,
                    created_at bigint, updated_at bigint)} k
         where true
         on conflict (space_id, user_id, system_id) do update set
             total = excluded.total, pending = excluded.pending, updated_at = excluded.updated_at",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.0).collect()),
            Column::Int(rows.iter().map(|row| row.3.amount.millionths()).collect()),
            Column::Int(rows.iter().map(|row| row.3.pending.millionths()).collect()),
            Column::Int(
                rows.iter()
                    .map(|row| row.3.created.as_microsecond())
                    .collect(),
            ),
            Column::Int(
                rows.iter()
                    .map(|row| row.3.updated.as_microsecond())
                    .collect(),
            ),
        ],
    )?;
    Ok(())
}

/// Appends the awards and transactions, then writes what became of transactions that were pending:
/// one may be made and redeemed in the same batch.
pub(super) fn save_entries(
    tx: &mut Tx<'_>,
    members: &[Member],
    decided: &[Decided<'_>],
) -> Result<()> {
    let entries = || {
        decided.iter().flat_map(|one| {
            let ledger = one.outcome.appended.ledger.iter();
            ledger.map(|entry| (one.space.id(), entry))
        })
    };
    let awards: Vec<_> = entries()
        .filter(|(_, entry)| entry.transaction.is_none())
        .collect();
    let transactions: Vec<_> = entries()
        .filter_map(|(space, entry)| Some((space, entry, entry.transaction.as_deref()?)))
        .collect();
    insert_awards(tx, &awards)?;
    insert_transactions(tx, &transactions)?;
    let settled: Vec<_> = changed(members, |state| &state.pending)
        .into_iter()
        .filter_map(|(space, _, _, entry)| Some((space, entry, entry.transaction.as_deref()?)))
        .collect();
    update_transactions(tx, &settled)
}

fn dates<'a>(entries: impl Iterator<Item = &'a LedgerEntry>) -> Vec<String> {
    entries.map(|entry| entry.date.to_string()).collect()
}

fn insert_awards(tx: &mut Tx<'_>, rows: &[(i64, &LedgerEntry)]) -> Result<()> {
    let dates = dates(rows.iter().map(|row| row.1));
    let boosts = rows
        .iter()
        .map(|(_, entry)| {
            (!entry.boosts.is_empty())
                .then(|| serde_json::to_string(&entry.boosts).map_err(Error::broken))
                .transpose()
        })
        .collect::<Result<Vec<_>>>()?;
    tx.many(
        "insert into ledger_entry (space_id, user_id, system_id, id, amount, balance, at, date,
                                   second_of_day, trigger_id, event_id, boosts)
         select k.space_id, k.user_id, k.system_id, k.id, k.amount, k.balance, k.at, k.date,
                k.second_of_day, k.trigger_id, k.event_id, k.boosts
         from {keys(space_id bigint, user_id bigint, system_id uuid, id uuid, amount bigint,
                    balance bigint, at bigint, date text, second_of_day bigint, trigger_id uuid,
                    event_id uuid, boosts json)} k",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1.user.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.1.system.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.1.id.0).collect()),
            Column::Int(rows.iter().map(|row| row.1.amount).collect()),
            Column::Int(rows.iter().map(|row| row.1.balance).collect()),
            Column::Int(rows.iter().map(|row| row.1.at.as_microsecond()).collect()),
            Column::Text(dates.iter().map(String::as_str).collect()),
            Column::OptInt(rows.iter().map(|row| row.1.second_of_day).collect()),
            Column::OptUuid(
                rows.iter()
                    .map(|row| row.1.trigger.map(|trigger| trigger.0))
                    .collect(),
            ),
            Column::OptUuid(
                rows.iter()
                    .map(|row| row.1.event.map(|event| event.0))
                    .collect(),
            ),
            Column::OptJson(boosts.iter().map(Option::as_deref).collect()),
        ],
    )?;
    Ok(())
}

type TransactionRow<'a> = (i64, &'a LedgerEntry, &'a Transaction);

fn details(rows: &[TransactionRow<'_>]) -> Result<Vec<String>> {
    rows.iter()
        .map(|row| serde_json::to_string(row.2).map_err(Error::broken))
        .collect()
}

fn insert_transactions(tx: &mut Tx<'_>, rows: &[TransactionRow<'_>]) -> Result<()> {
    let dates = dates(rows.iter().map(|row| row.1));
    let details = details(rows)?;
    tx.many(
        "insert into ledger_entry (space_id, user_id, system_id, id, amount, balance, at, date,
                                   event_id, state, expires_at, updated_at, details)
         select k.space_id, k.user_id, k.system_id, k.id, k.amount, k.balance, k.at, k.date,
                k.event_id, k.state, k.expires_at, k.updated_at, k.details
         from {keys(space_id bigint, user_id bigint, system_id uuid, id uuid, amount bigint,
                    balance bigint, at bigint, date text, event_id uuid, state text,
                    expires_at bigint, updated_at bigint, details json)} k",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1.user.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.1.system.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.1.id.0).collect()),
            Column::Int(rows.iter().map(|row| row.1.amount).collect()),
            Column::Int(rows.iter().map(|row| row.1.balance).collect()),
            Column::Int(rows.iter().map(|row| row.1.at.as_microsecond()).collect()),
            Column::Text(dates.iter().map(String::as_str).collect()),
            Column::OptUuid(
                rows.iter()
                    .map(|row| row.1.event.map(|event| event.0))
                    .collect(),
            ),
            Column::Text(rows.iter().map(|row| row.2.state.name()).collect()),
            Column::OptInt(
                rows.iter()
                    .map(|row| row.2.expires.map(Timestamp::as_microsecond))
                    .collect(),
            ),
            Column::Int(
                rows.iter()
                    .map(|row| row.2.updated.as_microsecond())
                    .collect(),
            ),
            Column::Json(details.iter().map(String::as_str).collect()),
        ],
    )?;
    Ok(())
}

fn update_transactions(tx: &mut Tx<'_>, rows: &[TransactionRow<'_>]) -> Result<()> {
    let details = details(rows)?;
    tx.many(
        "update ledger_entry set state = k.state, updated_at = k.updated_at, details = k.details
         from {keys(space_id bigint, user_id bigint, system_id uuid, id uuid, state text,
                    updated_at bigint, details json)} k
         where ledger_entry.space_id = k.space_id and ledger_entry.user_id = k.user_id
           and ledger_entry.system_id = k.system_id and ledger_entry.id = k.id",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1.user.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.1.system.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.1.id.0).collect()),
            Column::Text(rows.iter().map(|row| row.2.state.name()).collect()),
            Column::Int(
                rows.iter()
                    .map(|row| row.2.updated.as_microsecond())
                    .collect(),
            ),
            Column::Json(details.iter().map(String::as_str).collect()),
        ],
    )?;
    Ok(())
}

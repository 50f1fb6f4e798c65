//! Purses: transactions of virtual currencies, their limits, what waits to be redeemed (spec/aworld.md 4.10).
//!
//! The amount of a purse is the sum of its completed and pending transactions, what is available the sum of the completed ones.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::amount::Amount;
use crate::apply::Turn;
use crate::command::{Order, Refusal, Transact};
use crate::definition::{Document, RedemptionMode, Stored, VirtualCurrency};
use crate::id::{CurrencyId, LedgerEntryId};
use crate::outcome::{InitiatorType, LedgerEntry, Reply, Transaction, TransactionState, Twin};
use crate::rulebook::RewardEntry;
use crate::state::{Purse, Row, UserState};

/// The most transactions of one user that wait to be redeemed: every command of the user looks at them.
const PENDING_MAX: usize = 1_000;

/// Whether one more transaction can wait.
fn has_room(state: &UserState, mode: RedemptionMode) -> bool {
    mode == RedemptionMode::Auto
        || state
            .pending
            .values()
            .filter(|row| is_pending(row.get()))
            .count()
            < PENDING_MAX
}

type Currency = Stored<Document<VirtualCurrency>>;

impl Purse {
    fn empty(now: Timestamp) -> Self {
        Self {
            amount: Amount::ZERO,
            pending: Amount::ZERO,
            created: now,
            updated: now,
        }
    }

    /// Gives up a pending amount.
    fn without(self, amount: Amount) -> Self {
        // [`Holding::moved`] has seen to it that no sum can leave its range by this.
        let less = |sum: Amount| sum.checked_add(negated(amount)).unwrap_or(sum);
        Self {
            amount: less(self.amount),
            pending: less(self.pending),
            ..self
        }
    }
}

/// A purse with what waits to be redeemed: credits and debits apart, because only one of them may expire.
#[derive(Clone, Copy)]
struct Holding {
    purse: Purse,
    credits: Amount,
    debits: Amount,
}

impl Holding {
    /// What a user has once everything that is due has expired.
    fn of(state: &UserState, currency: CurrencyId, now: Timestamp) -> Self {
        let mut holding = Self {
            purse: purse_of(state, currency, now),
            credits: Amount::ZERO,
            debits: Amount::ZERO,
        };
        let entries = state.pending.values().map(Row::get);
        for entry in entries.filter(|entry| entry.system == currency && is_pending(entry)) {
            let amount = Amount::from_millionths(entry.amount);
            if is_due(entry, now) {
                holding.purse = holding.purse.without(amount);
            } else {
                holding.promise(amount);
            }
        }
        holding
    }

    fn promise(&mut self, amount: Amount) {
        let sum = if amount < Amount::ZERO {
            &mut self.debits
        } else {
            &mut self.credits
        };
        // Beyond its range no balance can take it, so that what makes it so large is refused.
        *sum = Amount::from_millionths(sum.millionths().saturating_add(amount.millionths()));
    }

    /// What there is after a transaction; nothing when a sum could leave its range, whichever of the
    /// pending transactions are redeemed.
    fn moved(&self, amount: Amount, mode: RedemptionMode, now: Timestamp) -> Option<Self> {
        let mut moved = *self;
        moved.purse.amount = self.purse.amount.checked_add(amount)?;
        moved.purse.updated = now;
        if mode == RedemptionMode::Manual {
            moved.purse.pending = self.purse.pending.checked_add(amount)?;
            moved.promise(amount);
        }
        let available = moved.purse.available();
        available.checked_add(moved.credits)?;
        available.checked_add(moved.debits)?;
        Some(moved)
    }
}

fn negated(amount: Amount) -> Amount {
    Amount::from_millionths(amount.millionths().saturating_neg())
}

fn is_allowed(currency: &Currency, before: &Purse, after: &Purse) -> bool {
    let limits = &currency.body.content;
    limits.allows(before.amount, after.amount)
        && limits.allows(before.available(), after.available())
}

fn purse_of(state: &UserState, currency: CurrencyId, now: Timestamp) -> Purse {
    state
        .purses
        .get(&currency)
        .map_or_else(|| Purse::empty(now), |row| *row.get())
}

fn put(state: &mut UserState, currency: CurrencyId, purse: Purse) {
    match state.purses.get_mut(&currency) {
        Some(row) => *row.edit() = purse,
        None => {
            state.purses.insert(currency, Row::fresh(purse));
        }
    }
}

/// Whether a pending transaction has expired, even if nobody has noted it.
fn is_due(entry: &LedgerEntry, now: Timestamp) -> bool {
    let expires = entry.transaction.as_ref().and_then(|t| t.expires);
    expires.is_some_and(|expires| expires <= now)
}

fn is_pending(entry: &LedgerEntry) -> bool {
    entry
        .transaction
        .as_ref()
        .is_some_and(|transaction| transaction.state == TransactionState::Pending)
}

/// Keeps a new entry and, while it is pending, remembers that it can be redeemed.
fn note(turn: &mut Turn<'_>, name: Option<&str>, entry: &LedgerEntry) {
    turn.appended.ledger.push(entry.clone());
    if is_pending(entry)
        && let Some(state) = member(turn, name)
    {
        state.pending.insert(entry.id, Row::stored(entry.clone()));
    }
}

/// A user of the command: its own, or one of the others by the caller's id.
fn member<'t>(turn: &'t mut Turn<'_>, name: Option<&str>) -> Option<&'t mut UserState> {
    match name {
        None => Some(turn.state),
        Some(name) if turn.state.user.get().external_id == name => Some(turn.state),
        Some(name) => turn
            .company
            .others
            .get_mut(name)
            .filter(|state| !state.is_new),
    }
}

/// An instant as it is shown: what a user reads is when it ends.
fn whole_milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// Pays a reward. What the limits of the currency do not allow is kept as rejected, without effect.
pub(crate) fn reward(turn: &mut Turn<'_>, rule: &str, reward: &RewardEntry, amount: Amount) {
    let Some(currency) = turn.catalog.book.currency(reward.currency) else {
        return;
    };
    let now = turn.now;
    let holding = Holding::of(turn.state, reward.currency, now);
    let before = holding.purse;
    let after = holding
        .moved(amount, reward.mode, now)
        .map(|after| after.purse)
        .filter(|after| is_allowed(currency, &before, after))
        .filter(|_| has_room(turn.state, reward.mode));
    let user = turn.state.user.get();
    let expires = match reward.mode {
        RedemptionMode::Auto => None,
        RedemptionMode::Manual => reward
            .expires_after
            .and_then(|span| user.zone().after(now, span))
            .map(whole_milliseconds),
    };
    let state = match (after, reward.mode) {
        (None, _) => TransactionState::Rejected,
        (Some(_), RedemptionMode::Auto) => TransactionState::Completed,
        (Some(_), RedemptionMode::Manual) => TransactionState::Pending,
    };
    let entry = LedgerEntry {
        id: LedgerEntryId(turn.ids.uuid(now)),
        user: user.id,
        system: reward.currency,
        amount: amount.millionths(),
        balance: after.unwrap_or(before).amount.millionths(),
        at: now,
        date: user.zone().date(now),
        second_of_day: None,
        trigger: None,
        event: None,
        boosts: Vec::new(),
        transaction: Some(Box::new(Transaction {
            state,
            mode: reward.mode,
            group: turn.ids.uuid(now).to_string(),
            redemption_group: None,
            initiator_type: InitiatorType::RewardRule,
            initiator: format!("rewardRuleId#{rule}"),
            counterpart: None,
            additional_data: None,
            expires,
            redeemed: None,
            updated: now,
        })),
    };
    if let Some(after) = after {
        put(turn.state, reward.currency, after);
    }
    note(turn, None, &entry);
}

/// Lets pending transactions expire whose time has come.
pub(crate) fn expire(state: &mut UserState, now: Timestamp) {
    let mut due: Vec<(Timestamp, LedgerEntryId)> = state
        .pending
        .values()
        .map(Row::get)
        .filter(|entry| is_pending(entry) && is_due(entry, now))
        .filter_map(|entry| Some((entry.transaction.as_ref()?.expires?, entry.id)))
        .collect();
    // The purse keeps the instant of the last one.
    due.sort_unstable();
    for (expires, id) in due {
        settle(state, id, TransactionState::Expired, expires, None);
    }
}

/// Ends the waiting of a pending transaction.
fn settle(
    state: &mut UserState,
    id: LedgerEntryId,
    into: TransactionState,
    at: Timestamp,
    group: Option<&str>,
) -> Option<LedgerEntry> {
    let entry = state.pending.get_mut(&id)?.edit();
    let transaction = entry.transaction.as_mut()?;
    transaction.state = into;
    transaction.updated = at;
    if into == TransactionState::Completed {
        transaction.redeemed = Some(at);
        transaction.redemption_group = group.map(str::to_owned);
    }
    let (amount, currency) = (Amount::from_millionths(entry.amount), entry.system);
    let entry = entry.clone();
    let before = purse_of(state, currency, at);
    let without = before.without(amount);
    let after = Purse {
        amount: match into {
            TransactionState::Completed => before.amount,
            _ => without.amount,
        },
        updated: at,
        ..without
    };
    put(state, currency, after);
    Some(entry)
}

/// The next instant at which a pending transaction expires.
pub(crate) fn next(state: &UserState) -> Option<Timestamp> {
    state
        .pending
        .values()
        .map(Row::get)
        .filter(|entry| is_pending(entry))
        .filter_map(|entry| entry.transaction.as_ref()?.expires)
        .min()
}

/// Lets nobody sleep through the expiry of what another user's command brought. The rest of the schedule of the
/// user stays: only the purses of those whom a command names are at hand.
fn wake(state: &mut UserState) {
    let Some(expires) = next(state) else {
        return;
    };
    if let Some(row) = &mut state.streak
        && row
            .get()
            .settle_at
            .is_none_or(|settle_at| settle_at > expires)
    {
        row.edit().settle_at = Some(expires);
    }
}

/// One side of an order.
struct Leg {
    user: String,
    amount: Amount,
}

impl Turn<'_> {
    /// Carries out orders, all or none.
    pub(crate) fn transact(&mut self, transact: &Transact) -> Result<Reply, Refusal> {
        self.must_exist()?;
        let catalog = self.catalog;
        let now = self.now;
        for order in &transact.orders {
            check(order, now)?;
            for name in order.source.iter().chain([&order.destination]) {
                if member(self, Some(name)).is_none() {
                    return Err(Refusal::NotFound("user", name.clone()));
                }
            }
        }
        let mut holdings: BTreeMap<(String, CurrencyId), Holding> = BTreeMap::new();
        let mut entries = Vec::new();
        for order in &transact.orders {
            let currency = catalog
                .book
                .currency_named(&order.currency)
                .ok_or_else(|| {
                    if catalog.system_by_key(&order.currency).is_some() {
                        Refusal::Conflict(format!(
                            "{:?} is a points system: its triggers award it",
                            order.currency
                        ))
                    } else {
                        Refusal::NotFound("virtual currency", order.currency.clone())
                    }
                })?;
            let id = CurrencyId(currency.id);
            let group = order
                .group
                .clone()
                .unwrap_or_else(|| self.ids.uuid(now).to_string());
            let legs = legs(order);
            let ids: Vec<LedgerEntryId> = legs
                .iter()
                .map(|_| LedgerEntryId(self.ids.uuid(now)))
                .collect();
            for (index, leg) in legs.iter().enumerate() {
                let user = member(self, Some(&leg.user))
                    .ok_or_else(|| Refusal::NotFound("user", leg.user.clone()))?;
                if !has_room(user, order.mode) {
                    return Err(Refusal::Conflict(format!(
                        "a user has {PENDING_MAX} transactions to redeem already"
                    )));
                }
                let key = (leg.user.clone(), id);
                let before = match holdings.get(&key) {
                    Some(holding) => *holding,
                    None => Holding::of(user, id, now),
                };
                let after = before
                    .moved(leg.amount, order.mode, now)
                    .filter(|after| is_allowed(currency, &before.purse, &after.purse))
                    .filter(|after| {
                        let Holding { purse, .. } = after;
                        let initiator = transact.initiator_type;
                        is_covered(initiator, currency, leg.amount, purse.amount)
                            && is_covered(initiator, currency, leg.amount, purse.available())
                    })
                    .ok_or_else(|| {
                        Refusal::Conflict(format!(
                            "the limits of {:?} do not allow the transaction",
                            order.currency
                        ))
                    })?;
                let (number, date) = (user.user.get().id, user.user.get().zone().date(now));
                holdings.insert(key, after);
                let other = legs.len().saturating_sub(1).checked_sub(index);
                let twin = (legs.len() > 1).then_some(()).and(other);
                let counterpart = twin.and_then(|twin| {
                    let user = member(self, Some(&legs.get(twin)?.user))?;
                    Some(Twin {
                        user: user.user.get().id.0,
                        entry: *ids.get(twin)?,
                    })
                });
                entries.push((
                    leg.user.clone(),
                    LedgerEntry {
                        id: ids[index],
                        user: number,
                        system: id,
                        amount: leg.amount.millionths(),
                        balance: after.purse.amount.millionths(),
                        at: now,
                        date,
                        second_of_day: None,
                        trigger: None,
                        event: None,
                        boosts: Vec::new(),
                        transaction: Some(Box::new(Transaction {
                            state: match order.mode {
                                RedemptionMode::Auto => TransactionState::Completed,
                                RedemptionMode::Manual => TransactionState::Pending,
                            },
                            mode: order.mode,
                            group: group.clone(),
                            redemption_group: None,
                            initiator_type: transact.initiator_type,
                            initiator: transact.initiator.clone(),
                            counterpart,
                            additional_data: order.additional_data.clone(),
                            expires: order
                                .expires
                                .filter(|_| order.mode == RedemptionMode::Manual),
                            redeemed: None,
                            updated: now,
                        })),
                    },
                ));
            }
        }
        // Nothing has changed so far, and nothing is refused any more.
        self.bring_up_to_date();
        for other in self.company.others.values_mut() {
            expire(other, now);
        }
        for ((user, currency), holding) in holdings {
            if let Some(state) = member(self, Some(&user)) {
                put(state, currency, holding.purse);
            }
        }
        for (user, entry) in &entries {
            note(self, Some(user), entry);
        }
        self.company.others.values_mut().for_each(wake);
        self.schedule();
        Ok(Reply::Transactions(
            entries.into_iter().map(|(_, entry)| entry).collect(),
        ))
    }

    /// Lets a pending transaction of the user take effect, and the other half of a transfer with it.
    /// What the limits no longer allow is rejected.
    pub(crate) fn redeem(
        &mut self,
        id: LedgerEntryId,
        twin: Option<&str>,
    ) -> Result<Reply, Refusal> {
        self.must_exist()?;
        let now = self.now;
        let is_over = || Refusal::Conflict("the transaction is no longer pending".to_owned());
        let waiting = |state: &UserState, id: LedgerEntryId| {
            let entry = state.pending.get(&id).map(Row::get);
            entry
                .filter(|entry| is_pending(entry) && !is_due(entry, now))
                .cloned()
                .ok_or_else(is_over)
        };
        let entry = waiting(self.state, id)?;
        let counterpart = entry.transaction.as_ref().and_then(|t| t.counterpart);
        if counterpart.is_some() && entry.amount < 0 {
            return Err(Refusal::Conflict(
                "a transfer is redeemed by the user who receives it".to_owned(),
            ));
        }
        let mut halves = vec![(None, entry)];
        if let Some(counterpart) = counterpart {
            let name = twin.ok_or_else(is_over)?;
            let other = member(self, Some(name)).ok_or_else(is_over)?;
            halves.push((Some(name), waiting(other, counterpart.entry)?));
        }
        // Nothing has changed so far, and nothing is refused any more.
        self.bring_up_to_date();
        for other in self.company.others.values_mut() {
            expire(other, now);
        }
        let mut is_allowed = true;
        for (name, entry) in &halves {
            is_allowed &= self.can_take_effect(*name, entry);
        }
        let into = if is_allowed {
            TransactionState::Completed
        } else {
            TransactionState::Rejected
        };
        let group = self.ids.uuid(now).to_string();
        let mut done = Vec::with_capacity(halves.len());
        for (name, entry) in halves {
            if let Some(state) = member(self, name) {
                done.extend(settle(state, entry.id, into, now, Some(&group)));
            }
        }
        self.schedule();
        Ok(Reply::Transactions(done))
    }

    fn can_take_effect(&mut self, name: Option<&str>, entry: &LedgerEntry) -> bool {
        let now = self.now;
        let catalog = self.catalog;
        let Some(state) = member(self, name) else {
            return false;
        };
        let Some(currency) = catalog.book.currency(entry.system) else {
            return false;
        };
        let before = purse_of(state, entry.system, now);
        let amount = Amount::from_millionths(entry.amount);
        // The amount of the purse holds the transaction already; what can be spent does not.
        let before = before.available();
        let Some(after) = before.checked_add(amount) else {
            return false;
        };
        let initiator = entry.transaction.as_ref().map(|t| t.initiator_type);
        currency.body.content.allows(before, after)
            && initiator.is_some_and(|initiator| is_covered(initiator, currency, amount, after))
    }
}

fn check(order: &Order, now: Timestamp) -> Result<(), Refusal> {
    let invalid = |text: &str| Err(Refusal::Invalid(text.to_owned()));
    if order.amount == Amount::ZERO {
        return invalid("amount must not be zero");
    }
    if order.source.is_some() && order.amount < Amount::ZERO {
        return invalid("amount of a transfer must be above zero");
    }
    if order.source.as_ref() == Some(&order.destination) {
        return invalid("a transfer needs two users");
    }
    if order.expires.is_some_and(|expires| expires <= now) {
        return invalid("expiresAt must be in the future");
    }
    Ok(())
}

fn legs(order: &Order) -> Vec<Leg> {
    let source = order.source.iter().map(|source| Leg {
        user: source.clone(),
        amount: negated(order.amount),
    });
    let destination = Leg {
        user: order.destination.clone(),
        amount: order.amount,
    };
    source.chain([destination]).collect()
}

/// Whether a user who pays has what is paid: whether a balance may become `after`. Somebody at the dashboard may take more than there is,
/// where the currency has no floor.
fn is_covered(
    initiator: InitiatorType,
    currency: &Currency,
    amount: Amount,
    after: Amount,
) -> bool {
    initiator != InitiatorType::User
        || amount > Amount::ZERO
        || currency.body.content.min_allowed_balance.is_some()
        || after >= Amount::ZERO
}

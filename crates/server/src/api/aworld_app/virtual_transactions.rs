//! What the acting user got, paid and may redeem (spec/aworld.md 3.17, 4.10).
//!
//! The awards of points systems stand among the transactions: what a trigger awarded is complete at once.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::amount::Amount;
use engine::catalog::Catalog;
use engine::command::{Command, Order, Transact};
use engine::definition::RedemptionMode;
use engine::id::{CurrencyId, LedgerEntryId, UserId};
use engine::outcome::{InitiatorType, LedgerEntry, Reply, Transaction, TransactionState};
use engine::rule::is_bounded_data;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Number, Value};
use store::Space;
use store::driver::Tx;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use wire::aworld as w;

use super::missions::slice;
use super::virtual_balances::{Currency, currencies};
use crate::api::aworld::ask::{answered, ask};
use crate::api::aworld::once::{OnceHeader, OnceKey};
use crate::api::aworld::page::{Page, PageQuery};
use crate::api::aworld::time::{instant, iso};
use crate::api::aworld::{provenance, user};
use crate::app::{App, View};
use crate::bearer::{AppBearer, Bearer};
use crate::body::{RawBody, Segment};
use crate::problem::{Detail, Problem, Result};
use crate::query::Query;

/// The most transactions of one request.
const TRANSACTIONS_MAX: usize = 20;
/// The longest id of a group.
const GROUP_CHARS_MAX: usize = 255;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(
            list_virtual_transactions,
            create_virtual_transactions
        ))
        .routes(routes!(get_virtual_transaction))
        .routes(routes!(redeem_virtual_transaction))
}

/// Lists the user's transactions of all currencies.
#[utoipa::path(
    get, path = "/virtual-transactions", operation_id = "aworld_app_list_virtual_transactions",
    tag = "Virtual transactions",
    params(
        PageQuery,
    ),
    responses((status = 200, description = "The transactions.", body = w::VirtualTransactionPage)),
)]
async fn list_virtual_transactions(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    query: Query,
) -> Result<Json<w::VirtualTransactionPage>> {
    let page = Page::of(&query)?;
    let user = bearer.user()?.id;
    let slice = slice(&page)?;
    app.read(&bearer.caller, move |view| {
        let systems: Vec<CurrencyId> = currencies(&view.catalog)
            .map(Currency::id)
            .filter(|id| view.catalog.system(*id).is_some())
            .collect();
        let mut entries = store::transaction::of_user(view.tx, view.space, user, &systems, slice)?;
        let next_token = page.cut(&mut entries, |entry| {
            let (at, id) = store::transaction::place(entry);
            (at, id.to_string())
        });
        let naming = Naming::of(view.tx, view.space, &view.catalog, &entries)?;
        let items = entries
            .iter()
            .map(|entry| naming.shown(entry, view.now))
            .collect();
        Ok(Json(w::VirtualTransactionPage { items, next_token }))
    })
    .await
}

/// Shows one of the user's transactions.
#[utoipa::path(
    get, path = "/virtual-transactions/{virtualTransactionId}",
    operation_id = "aworld_app_get_virtual_transaction", tag = "Virtual transactions",
    params(
        ("virtualTransactionId" = String, Path, description = "The id of the transaction."),
    ),
    responses((status = 200, description = "The transaction.", body = w::VirtualTransaction)),
)]
async fn get_virtual_transaction(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    Segment(id): Segment,
) -> Result<Json<w::VirtualTransaction>> {
    let user = bearer.user()?.id;
    app.read(&bearer.caller, move |view| {
        let entry = find(view, user, &id)?;
        let entries = std::slice::from_ref(&entry);
        let naming = Naming::of(view.tx, view.space, &view.catalog, entries)?;
        Ok(Json(naming.shown(&entry, view.now)))
    })
    .await
}

/// Pays other users, all or nothing.
#[utoipa::path(
    post, path = "/virtual-transactions", operation_id = "aworld_app_create_virtual_transactions",
    tag = "Virtual transactions",
    params(
        OnceHeader,
    ),
    request_body = w::CreatePayments,
    responses(
        (status = 201, description = "Both sides of each payment: what the user paid, what the other got.", body = w::VirtualTransactions),
        (status = 409, description = "The limits of a currency do not allow it.", body = w::ErrorEnvelope),
    ),
)]
async fn create_virtual_transactions(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    once: OnceKey,
    body: RawBody,
) -> Result<Response> {
    if let Some(answer) = answered(&app, &bearer, &once).await? {
        return Ok(answer);
    }
    let request: w::CreatePayments = body.object()?;
    let acting = bearer.user()?.clone();
    let source = acting.id.0.to_string();
    let asked = request
        .transactions
        .into_iter()
        .map(|payment| Asked {
            currency: payment.virtual_currency_id,
            mode: payment.redemption_mode,
            amount: payment.amount,
            expires: payment.expires_at,
            source: Some(source.clone()),
            destination: payment.destination_user_id,
            group: payment.virtual_transaction_group_id,
            additional_data: payment.additional_data,
        })
        .collect();
    let orders = orders(&app, &bearer, asked).await?;
    let transact = Transact {
        initiator_type: InitiatorType::User,
        initiator: source,
        orders,
    };
    carry_out(
        &app,
        &bearer,
        &once,
        &acting.external_id,
        Command::Transact(transact),
        StatusCode::CREATED,
        |transactions| w::VirtualTransactions { transactions },
    )
    .await
}

/// Lets a pending transaction of the user take effect.
#[utoipa::path(
    post, path = "/virtual-transactions/{virtualTransactionId}/redeem",
    operation_id = "aworld_app_redeem_virtual_transaction", tag = "Virtual transactions",
    params(
        ("virtualTransactionId" = String, Path, description = "The id of the transaction."),
    ),
    responses(
        (status = 200, description = "What was redeemed, on both sides of a payment.", body = w::OwnedTransactions),
        (status = 409, description = "The transaction is not pending.", body = w::ErrorEnvelope),
    ),
)]
async fn redeem_virtual_transaction(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    Segment(id): Segment,
) -> Result<Response> {
    let acting = bearer.user()?.clone();
    let user = acting.id;
    let command = app
        .read(&bearer.caller, move |view| {
            let entry = find(view, user, &id)?;
            let pending = entry
                .transaction
                .as_ref()
                .filter(|transaction| state_at(transaction, view.now) == TransactionState::Pending)
                .ok_or_else(|| stands_in_the_way("the transaction is not pending"))?;
            let twin = match pending.counterpart {
                None => None,
                Some(twin) => store::user::find_by_id(view.tx, view.space, UserId(twin.user))?
                    .map(|user| user.external_id),
            };
            Ok(Command::Redeem {
                entry: entry.id,
                twin,
            })
        })
        .await?;
    let provenance = provenance::of(&bearer);
    carry_out(
        &app,
        &bearer,
        &OnceKey::default(),
        &acting.external_id,
        command,
        StatusCode::OK,
        move |transactions| owned(&provenance, transactions),
    )
    .await
}

/// Transactions with where they belong.
pub(crate) fn owned(
    provenance: &w::Provenance,
    transactions: Vec<w::VirtualTransaction>,
) -> w::OwnedTransactions {
    w::OwnedTransactions {
        transactions: transactions
            .into_iter()
            .map(|transaction| w::OwnedTransaction {
                transaction,
                provenance: provenance.clone(),
            })
            .collect(),
    }
}

/// 409 in the words of an operation: nothing is double, but something stands in the way.
fn stands_in_the_way(message: impl Into<String>) -> Problem {
    Problem::coded(StatusCode::CONFLICT, "CONFLICT", message)
}

fn find(view: &mut View<'_, '_>, user: UserId, id: &str) -> Result<LedgerEntry> {
    let missing = || Problem::not_found("virtual transaction", id);
    let uuid: Uuid = id.parse().map_err(|_| missing())?;
    let known: Vec<CurrencyId> = currencies(&view.catalog).map(Currency::id).collect();
    store::transaction::find(view.tx, view.space, user, &known, LedgerEntryId(uuid))?
        .ok_or_else(missing)
}

/// One transaction as a request asks for it.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The id of the currency.
    pub(crate) currency: String,
    /// When it takes effect.
    pub(crate) mode: w::RedemptionMode,
    /// How much.
    pub(crate) amount: Number,
    /// Until when it can be redeemed.
    pub(crate) expires: Option<String>,
    /// From whom, by our number; nothing: from the system.
    pub(crate) source: Option<String>,
    /// To whom, by our number.
    pub(crate) destination: String,
    /// Ties related transactions together.
    pub(crate) group: Option<String>,
    /// What the caller adds.
    pub(crate) additional_data: Option<Map<String, Value>>,
}

/// Checks what is asked for, and finds the users: 400 tells everything that is wrong with it, 404 what
/// is not there, 409 that points cannot be moved by hand.
pub(crate) async fn orders(app: &App, bearer: &Bearer, asked: Vec<Asked>) -> Result<Vec<Order>> {
    if !(1..=TRANSACTIONS_MAX).contains(&asked.len()) {
        return Err(Problem::invalid_member(
            "transactions",
            format!("must have 1 to {TRANSACTIONS_MAX} items"),
        ));
    }
    app.read(&bearer.caller, move |view| {
        let mut wrong = Vec::new();
        let checked: Vec<Order> = asked
            .iter()
            .enumerate()
            .map(|(index, asked)| order(asked, index, view.now, &mut wrong))
            .collect();
        if !wrong.is_empty() {
            return Err(Problem::invalid(wrong));
        }
        let numbers: Vec<UserId> = checked
            .iter()
            .flat_map(|order| order.source.iter().chain([&order.destination]))
            .filter_map(|number| user::number(number))
            .collect();
        let names = store::user::names(view.tx, view.space, &numbers)?;
        let external_id = |number: &str| {
            user::number(number)
                .and_then(|id| names.get(&id))
                .map(|(external_id, _)| external_id.clone())
                .ok_or_else(|| Problem::not_found("user", number))
        };
        checked
            .into_iter()
            .map(|order| {
                check_currency(&view.catalog, &order.currency)?;
                Ok(Order {
                    source: order.source.as_deref().map(external_id).transpose()?,
                    destination: external_id(&order.destination)?,
                    ..order
                })
            })
            .collect()
    })
    .await
}

fn check_currency(catalog: &Catalog, id: &str) -> Result<()> {
    if catalog.book.currency_named(id).is_some() {
        Ok(())
    } else if catalog.system_by_key(id).is_some() {
        Err(stands_in_the_way(format!(
            "{id:?} is a points system: its points are awarded by triggers and cannot be moved"
        )))
    } else {
        Err(Problem::not_found("virtual currency", id))
    }
}

/// Reads one transaction, with users still by our numbers.
fn order(asked: &Asked, index: usize, now: Timestamp, wrong: &mut Vec<Detail>) -> Order {
    let mut note = |field: &str, message: String| {
        wrong.push(Detail {
            field: format!("transactions[{index}].{field}"),
            message,
        });
    };
    let amount = match Amount::parse(&asked.amount.to_string()) {
        Err(error) => {
            note("amount", error.to_string());
            Amount::ZERO
        }
        Ok(amount) => {
            if amount == Amount::ZERO {
                note("amount", "must not be zero".to_owned());
            } else if amount < Amount::ZERO && asked.source.is_some() {
                note("amount", "must be above zero".to_owned());
            }
            amount
        }
    };
    if asked.source.as_ref() == Some(&asked.destination) {
        let message = "must be another user than the one who pays";
        note("destinationUserId", message.to_owned());
    }
    let expires = asked
        .expires
        .as_deref()
        .and_then(|text| match instant("expiresAt", text) {
            Ok(at) if at > now => Some(at),
            Ok(_) => {
                note("expiresAt", "must be in the future".to_owned());
                None
            }
            Err(problem) => {
                note("expiresAt", problem.message);
                None
            }
        });
    if let Some(group) = &asked.group
        && !(1..=GROUP_CHARS_MAX).contains(&group.chars().count())
    {
        note(
            "virtualTransactionGroupId",
            format!("must have 1 to {GROUP_CHARS_MAX} characters"),
        );
    }
    let additional_data = asked.additional_data.clone().map(Value::Object);
    if let Some(data) = &additional_data
        && let Err(why) = is_bounded_data(data)
    {
        note("additionalData", why);
    }
    Order {
        currency: asked.currency.clone(),
        mode: match asked.mode {
            w::RedemptionMode::Auto => RedemptionMode::Auto,
            w::RedemptionMode::Manual => RedemptionMode::Manual,
        },
        amount,
        source: asked.source.clone(),
        destination: asked.destination.clone(),
        expires,
        group: asked.group.clone(),
        additional_data,
    }
}

/// Hands a command to the desk whose answer is transactions.
pub(crate) async fn carry_out<T: Serialize>(
    app: &App,
    bearer: &Bearer,
    once: &OnceKey,
    user: &str,
    command: Command,
    status: StatusCode,
    shape: impl Fn(Vec<w::VirtualTransaction>) -> T + Send + Sync + 'static,
) -> Result<Response> {
    let render = move |reply: &Reply, catalog: &Catalog, at: Timestamp| {
        let Reply::Transactions(entries) = reply else {
            return None;
        };
        let naming = Naming {
            catalog,
            names: BTreeMap::new(),
        };
        let entries = entries.iter().map(|entry| naming.shown(entry, at));
        Some(shape(entries.collect()))
    };
    let done = ask(app, bearer, once, user, command, status, render).await;
    done.map_err(|problem| match problem.status {
        StatusCode::CONFLICT => stands_in_the_way(problem.message),
        _ => problem,
    })
}

/// How far a transaction got by an instant, whether or not anybody has swept since it expired.
fn state_at(transaction: &Transaction, now: Timestamp) -> TransactionState {
    let is_over = transaction.expires.is_some_and(|expires| expires <= now);
    match transaction.state {
        TransactionState::Pending if is_over => TransactionState::Expired,
        state => state,
    }
}

/// What is needed to show transactions: the ids their currencies are known by.
struct Naming<'a> {
    catalog: &'a Catalog,
    names: BTreeMap<Uuid, String>,
}

impl<'a> Naming<'a> {
    /// Looks up the ids that the catalog does not know any more.
    fn of(
        tx: &mut Tx<'_>,
        space: Space,
        catalog: &'a Catalog,
        entries: &[LedgerEntry],
    ) -> Result<Self> {
        let mut unknown: Vec<Uuid> = entries
            .iter()
            .map(|entry| entry.system)
            .filter(|id| known(catalog, *id).is_none())
            .map(|id| id.0)
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        let names = if unknown.is_empty() {
            BTreeMap::new()
        } else {
            store::mission::names(tx, space, &unknown)?
        };
        Ok(Self { catalog, names })
    }

    fn shown(&self, entry: &LedgerEntry, now: Timestamp) -> w::VirtualTransaction {
        let key = known(self.catalog, entry.system)
            .map(str::to_owned)
            .or_else(|| self.names.get(&entry.system.0).cloned());
        let virtual_currency_id = key.unwrap_or_else(|| entry.system.to_string());
        let direction = if entry.amount < 0 {
            w::Direction::Debit
        } else {
            w::Direction::Credit
        };
        let Some(transaction) = &entry.transaction else {
            return w::VirtualTransaction {
                user_id: entry.user.0.to_string(),
                virtual_currency_id,
                virtual_transaction_id: entry.id.to_string(),
                virtual_transaction_group_id: entry.id.to_string(),
                redemption_group_id: None,
                redemption_mode: w::RedemptionMode::Auto,
                state: w::TransactionState::Completed,
                direction,
                initiator_type: w::InitiatorType::System,
                initiator: match entry.trigger {
                    Some(trigger) => format!("pointsTrigger#{trigger}"),
                    None => "system".to_owned(),
                },
                counterpart_type: w::CounterpartType::System,
                counterpart: "system".to_owned(),
                additional_data: None,
                amount: Amount::from_units(entry.amount.saturating_abs()).to_f64(),
                expires_at: None,
                redeemed_at: None,
                created_at: iso(entry.at),
                updated_at: iso(entry.at),
            };
        };
        let state = state_at(transaction, now);
        let updated = match (state, transaction.state, transaction.expires) {
            (TransactionState::Expired, TransactionState::Pending, Some(expires)) => expires,
            _ => transaction.updated,
        };
        w::VirtualTransaction {
            user_id: entry.user.0.to_string(),
            virtual_currency_id,
            virtual_transaction_id: entry.id.to_string(),
            virtual_transaction_group_id: transaction.group.clone(),
            redemption_group_id: transaction.redemption_group.clone(),
            redemption_mode: match transaction.mode {
                RedemptionMode::Auto => w::RedemptionMode::Auto,
                RedemptionMode::Manual => w::RedemptionMode::Manual,
            },
            state: match state {
                TransactionState::Pending => w::TransactionState::Pending,
                TransactionState::Completed => w::TransactionState::Completed,
                TransactionState::Expired => w::TransactionState::Expired,
                TransactionState::Rejected => w::TransactionState::Rejected,
            },
            direction,
            initiator_type: match transaction.initiator_type {
                InitiatorType::User => w::InitiatorType::User,
                InitiatorType::RewardRule => w::InitiatorType::RewardRule,
                InitiatorType::System => w::InitiatorType::System,
                InitiatorType::Admin => w::InitiatorType::Admin,
            },
            initiator: transaction.initiator.clone(),
            counterpart_type: match transaction.counterpart {
                Some(_) => w::CounterpartType::User,
                None => w::CounterpartType::System,
            },
            counterpart: match transaction.counterpart {
                Some(twin) => twin.user.to_string(),
                None => "system".to_owned(),
            },
            additional_data: transaction.additional_data.clone(),
            amount: Amount::from_millionths(entry.amount.saturating_abs()).to_f64(),
            expires_at: transaction.expires.map(iso),
            redeemed_at: transaction.redeemed.map(iso),
            created_at: iso(entry.at),
            updated_at: iso(updated),
        }
    }
}

/// The id a currency is known by.
fn known(catalog: &Catalog, id: CurrencyId) -> Option<&str> {
    match catalog.book.currency(id) {
        Some(stored) => Some(&stored.body.id),
        None => catalog.system(id).map(|system| system.body().key.as_str()),
    }
}

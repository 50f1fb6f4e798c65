//! Transactions of virtual currencies (spec/aworld.md 3.17).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use super::Provenance;

/// When a transaction takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RedemptionMode {
    /// At once.
    Auto,
    /// When it is redeemed.
    Manual,
}

/// How far a transaction got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransactionState {
    /// It waits to be redeemed.
    Pending,
    /// It took effect.
    Completed,
    /// It was not redeemed in time.
    Expired,
    /// The limits of the currency did not allow it.
    Rejected,
}

/// Which way an amount goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    /// The user gets it.
    Credit,
    /// The user loses it.
    Debit,
}

/// Who can make transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InitiatorType {
    /// A user.
    User,
    /// A reward rule.
    RewardRule,
    /// The server.
    System,
    /// Somebody at the dashboard.
    Admin,
}

/// Who can be on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CounterpartType {
    /// Another user.
    User,
    /// The server.
    System,
}

/// One user's side of a transaction.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualTransaction {
    /// Whose.
    pub user_id: String,
    /// Of what.
    pub virtual_currency_id: String,
    /// Its id.
    pub virtual_transaction_id: String,
    /// Ties related transactions together.
    pub virtual_transaction_group_id: String,
    /// Ties what was redeemed together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub redemption_group_id: Option<String>,
    /// When it takes effect.
    pub redemption_mode: RedemptionMode,
    /// How far it got.
    pub state: TransactionState,
    /// Which way it goes.
    pub direction: Direction,
    /// What kind of initiator made it.
    pub initiator_type: InitiatorType,
    /// Who made it.
    #[schema(min_length = 1)]
    pub initiator: String,
    /// What is on the other side.
    pub counterpart_type: CounterpartType,
    /// Who is on the other side.
    #[schema(min_length = 1)]
    pub counterpart: String,
    /// What the caller added.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    pub additional_data: Option<Value>,
    /// How much, positive.
    pub amount: f64,
    /// Until when it can be redeemed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    pub expires_at: Option<String>,
    /// When it was redeemed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    pub redeemed_at: Option<String>,
    /// Made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// Some transactions.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualTransactionPage {
    /// The transactions.
    pub items: Vec<VirtualTransaction>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub next_token: Option<String>,
}

/// Transactions that were just made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VirtualTransactions {
    /// The transactions, in the order of the request.
    pub transactions: Vec<VirtualTransaction>,
}

/// A transaction with where it belongs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwnedTransaction {
    /// The transaction.
    #[serde(flatten)]
    pub transaction: VirtualTransaction,
    /// Where it belongs.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// Transactions with where they belong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwnedTransactions {
    /// The transactions, in the order of the request.
    pub transactions: Vec<OwnedTransaction>,
}

/// What a user pays to another.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// In what.
    pub virtual_currency_id: String,
    /// When it takes effect.
    pub redemption_mode: RedemptionMode,
    /// What the caller adds.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    pub additional_data: Option<Map<String, Value>>,
    /// How much; more than nothing.
    #[schema(value_type = f64, exclusive_minimum = 0.0)]
    pub amount: Number,
    /// Until when it can be redeemed.
    #[serde(default)]
    #[schema(value_type = String, format = DateTime, required = false)]
    pub expires_at: Option<String>,
    /// To whom.
    pub destination_user_id: String,
    /// Ties related transactions together.
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    pub virtual_transaction_group_id: Option<String>,
}

/// What a user pays to others, all or nothing.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CreatePayments {
    /// The payments.
    #[schema(min_items = 1, max_items = 20)]
    pub transactions: Vec<Payment>,
}

/// A credit, a debit or a transfer.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewTransaction {
    /// In what.
    pub virtual_currency_id: String,
    /// When it takes effect.
    pub redemption_mode: RedemptionMode,
    /// What the caller adds.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    pub additional_data: Option<Map<String, Value>>,
    /// How much the destination gets, not zero; negative: loses, which a transfer cannot say.
    #[schema(value_type = f64)]
    pub amount: Number,
    /// Until when it can be redeemed.
    #[serde(default)]
    #[schema(value_type = String, format = DateTime, required = false)]
    pub expires_at: Option<String>,
    /// From whom; absent: from the system.
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    pub source_user_id: Option<String>,
    /// To whom.
    pub destination_user_id: String,
    /// Ties related transactions together.
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    pub virtual_transaction_group_id: Option<String>,
}

/// Transactions to be made, all or nothing.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CreateTransactions {
    /// The transactions.
    #[schema(min_items = 1, max_items = 20)]
    pub transactions: Vec<NewTransaction>,
}

//! What users have of virtual currencies (spec/aworld.md 3.17).

use serde::Serialize;
use utoipa::ToSchema;

use super::Translation;

/// Where a currency came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Origin {
    /// A catalog.
    Catalog,
    /// Its own workspace.
    Custom,
}

/// A virtual currency, as its holders see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldCurrency {
    /// Its id.
    pub virtual_currency_id: String,
    /// Its name.
    #[schema(min_length = 1)]
    pub name: String,
    /// The currency it was copied from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub catalog_virtual_currency_id: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// Whether it follows the one it was copied from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub sync_with_catalog: Option<bool>,
    /// The language that stands in for missing ones.
    pub default_lang: String,
    /// The languages it has texts in.
    #[schema(min_items = 1, max_items = 10)]
    pub langs: Vec<String>,
    /// No balance goes below.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    pub min_allowed_balance: Option<f64>,
    /// No balance goes above.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    pub max_allowed_balance: Option<f64>,
    /// Address of its picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, format = "uri")]
    pub icon: Option<String>,
    /// Made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// What a user has of a virtual currency.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualBalance {
    /// Whose.
    pub user_id: String,
    /// Of what.
    pub virtual_currency_id: String,
    /// All of it, pending included.
    pub amount: f64,
    /// What can be spent.
    pub available_amount: f64,
    /// The first transaction.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// The last change.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The currency.
    #[schema(required = false)]
    pub virtual_currency: HeldCurrency,
    /// Whether the currency is in use.
    pub is_active: bool,
    /// The texts of the currency, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Translation, required = false)]
    pub translation: Option<Translation>,
}

/// Some balances.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualBalancePage {
    /// The balances.
    pub items: Vec<VirtualBalance>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub next_token: Option<String>,
}

//! Virtual currencies (spec/aworld.md 3.16).

use serde::{Deserialize, Serialize};

use super::document::required_text;
use super::{Content, Kind, Wrong, is_url};
use crate::amount::{Amount, number};

/// What rewards pay and users transfer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VirtualCurrency {
    /// For people.
    #[cfg_attr(feature = "schema", schema(min_length = 1))]
    pub name: String,
    /// The currency it was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_virtual_currency_id: Option<String>,
    /// Whether it follows the one it was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_with_catalog: Option<bool>,
    /// No balance goes below.
    #[serde(default, with = "number", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<f64>))]
    pub min_allowed_balance: Option<Amount>,
    /// No balance goes above.
    #[serde(default, with = "number", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<f64>))]
    pub max_allowed_balance: Option<Amount>,
    /// Address of its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(format = "uri"))]
    pub icon: Option<String>,
}

impl Content for VirtualCurrency {
    const KIND: Kind = Kind::VirtualCurrency;
    const KEPT: &'static [&'static str] = &["catalogVirtualCurrencyId"];

    fn problems(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        wrong.extend(required_text("name", &self.name));
        if let Some(id) = &self.catalog_virtual_currency_id
            && !(2..=30).contains(&id.chars().count())
        {
            wrong.push(Wrong::new(
                "catalogVirtualCurrencyId",
                "must have 2 to 30 characters",
            ));
        }
        if self
            .min_allowed_balance
            .zip(self.max_allowed_balance)
            .is_some_and(|(min, max)| min > max)
        {
            wrong.push(Wrong::new(
                "maxAllowedBalance",
                "must not be below minAllowedBalance",
            ));
        }
        if self.icon.as_deref().is_some_and(|icon| !is_url(icon)) {
            wrong.push(Wrong::new("icon", "must be an absolute address"));
        }
        wrong
    }

    fn catalog_reference(&self) -> Option<&str> {
        self.catalog_virtual_currency_id.as_deref()
    }
}

impl VirtualCurrency {
    /// Whether a balance is allowed to become `amount` from `before`: outside the limits only
    /// towards them.
    pub fn allows(&self, before: Amount, amount: Amount) -> bool {
        self.min_allowed_balance
            .is_none_or(|min| amount >= min || amount >= before)
            && self
                .max_allowed_balance
                .is_none_or(|max| amount <= max || amount <= before)
    }
}

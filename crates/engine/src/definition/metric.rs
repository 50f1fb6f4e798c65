//! Metrics: a running sum per user (spec/trophy.md 3.1, 13.5).

use serde::{Deserialize, Serialize};

use super::{Definition, Kind, key_problem, name_problem};

/// What the values of a metric are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitType {
    /// Any quantity; `units` is a free label.
    #[default]
    Number,
    /// Money; `units` is a currency code.
    Currency,
}

/// Something users do, counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// For people.
    pub name: String,
    /// For programs; never changes.
    pub key: String,
    /// Quantity or money.
    pub unit_type: UnitType,
    /// Label or currency code.
    pub units: String,
}

/// The currency codes (AMB-14).
const CURRENCIES: [&str; 3] = ["USD", "GBP", "EUR"];

impl Definition for Metric {
    const KIND: Kind = Kind::Metric;

    fn unique_key(&self) -> Option<String> {
        Some(self.key.clone())
    }

    fn problem(&self) -> Option<String> {
        name_problem(&self.name)
            .or_else(|| key_problem(&self.key))
            .or_else(|| {
                (self.unit_type == UnitType::Currency && !CURRENCIES.contains(&self.units.as_str()))
                    .then(|| {
                        format!(
                            "units must be one of {} for a currency",
                            CURRENCIES.join(", ")
                        )
                    })
            })
    }
}

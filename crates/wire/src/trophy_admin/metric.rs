//! Metrics and batches of events (`spec/trophy.md` 13.5, 3.8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Patch;
use crate::trophy_app::UpdatedUser;

/// What kind of unit a metric has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnitType {
    /// A plain number with a free label.
    Number,
    /// An amount of money.
    Currency,
}

/// A metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedMetric {
    /// The id of the metric.
    pub id: String,
    /// The name.
    pub name: String,
    /// The key.
    pub key: String,
    /// What kind of unit it has.
    pub unit_type: UnitType,
    /// The label or the currency code, possibly empty.
    pub units: String,
}

/// A metric to create.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateMetricRequestItem {
    /// The name.
    pub name: String,
    /// The key, which never changes.
    pub key: String,
    /// What kind of unit it has; `number` unless given.
    pub unit_type: Option<UnitType>,
    /// The label or the currency code.
    pub units: Option<String>,
}

/// A change of a metric.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateMetricRequestItem {
    /// The id of the metric.
    pub id: String,
    /// The new name.
    pub name: Option<String>,
    /// The new kind of unit.
    pub unit_type: Option<UnitType>,
    /// The new label or currency code.
    pub units: Option<String>,
}

/// The user of an event in a batch; unlike elsewhere, without a sign-up date.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchMetricEventUser {
    /// The caller's own id of the user.
    pub id: String,
    /// The e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub email: Patch<String>,
    /// The name shown in rankings.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub name: Patch<String>,
    /// The IANA time zone.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub tz: Patch<String>,
    /// The push tokens of the user's devices, replacing all stored ones.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub device_tokens: Patch<Vec<String>>,
    /// Whether the user wants e-mails.
    pub subscribe_to_emails: Option<bool>,
    /// Custom attributes by key, merged with the stored ones; null removes one.
    pub attributes: Option<BTreeMap<String, Option<String>>>,
}

impl From<BatchMetricEventUser> for (String, UpdatedUser) {
    /// Splits off the id.
    fn from(user: BatchMetricEventUser) -> Self {
        let update = UpdatedUser {
            email: user.email,
            name: user.name,
            tz: user.tz,
            device_tokens: user.device_tokens,
            subscribe_to_emails: user.subscribe_to_emails,
            attributes: user.attributes,
            sign_up_date: Patch::Absent,
        };
        (user.id, update)
    }
}

/// An event in a batch.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchMetricEvent {
    /// The key of the metric.
    pub key: String,
    /// Who did it, with anything to store about them.
    pub user: BatchMetricEventUser,
    /// How much the metric changes.
    #[schema(value_type = f64)]
    pub value: serde_json::Number,
    /// Custom event attributes by key.
    pub attributes: Option<BTreeMap<String, String>>,
    /// The idempotency key, unique for the metric and the user.
    #[schema(min_length = 1, max_length = 1024)]
    pub idempotency_key: Option<String>,
}

/// How many events of a batch were taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BatchEventsResponse {
    /// How many will be processed.
    pub accepted: usize,
}

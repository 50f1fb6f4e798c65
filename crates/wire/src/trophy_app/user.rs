//! Users as sent and as answered (`spec/trophy.md` 2.1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Patch;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The caller's own id of the user.
    pub id: String,
    /// The e-mail address, if known.
    #[schema(required)]
    pub email: Option<String>,
    /// The name shown in rankings.
    #[schema(required)]
    pub name: Option<String>,
    /// The IANA time zone.
    #[schema(required)]
    pub tz: Option<String>,
    /// The push tokens of the user's devices.
    #[schema(required)]
    pub device_tokens: Option<Vec<String>>,
    /// Whether the user wants e-mails.
    pub subscribe_to_emails: bool,
    /// Custom attributes by key.
    pub attributes: BTreeMap<String, String>,
    /// The date on which the user signed up with the caller.
    #[schema(required, format = Date)]
    pub sign_up_date: Option<String>,
    /// Whether the user is in the control group, which should see no gamification.
    pub control: bool,
    /// When the user was first identified.
    pub created: String,
    /// When the user was last changed.
    pub updated: String,
}

/// What to store about a user whose id stands in the path. Absent members keep their value.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatedUser {
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
    /// The date on which the user signed up with the caller.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub sign_up_date: Patch<String>,
}

/// A user to identify: the id and what to store about them.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpsertedUser {
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
    /// The date on which the user signed up with the caller.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub sign_up_date: Patch<String>,
}

impl From<UpsertedUser> for (String, UpdatedUser) {
    /// Splits off the id. The members are not a flattened field, because flattening would lose the path of a bad member.
    fn from(user: UpsertedUser) -> Self {
        let UpsertedUser {
            id,
            email,
            name,
            tz,
            device_tokens,
            subscribe_to_emails,
            attributes,
            sign_up_date,
        } = user;
        let update = UpdatedUser {
            email,
            name,
            tz,
            device_tokens,
            subscribe_to_emails,
            attributes,
            sign_up_date,
        };
        (id, update)
    }
}

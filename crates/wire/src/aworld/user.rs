//! Users, the acting user, and the persons above them (spec/aworld.md 3.24).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TagReference;
use crate::Patch;

/// A user to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateUser {
    /// The caller's own id of the user.
    #[schema(min_length = 1)]
    pub external_id: Option<String>,
    /// How the user is called in public.
    #[schema(min_length = 2, max_length = 40)]
    pub nickname: Option<String>,
    /// The address of a picture.
    #[schema(format = "uri")]
    pub profile_image: Option<String>,
    /// The language of the user.
    pub lang: Option<String>,
    /// The IANA time zone of the user.
    pub timezone: Option<String>,
    /// The e-mail address, which says who the person is.
    #[schema(format = "email", min_length = 5, max_length = 254)]
    pub email: String,
    /// The given name of the person.
    #[schema(min_length = 2, max_length = 50)]
    pub first_name: Option<String>,
    /// The family name of the person.
    #[schema(min_length = 2, max_length = 50)]
    pub last_name: Option<String>,
}

/// What users may change of themselves. Absent members keep their value.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateMe {
    /// How the user is called in public.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 2, max_length = 40)]
    pub nickname: Patch<String>,
    /// The address of a picture; `null` removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uri")]
    pub profile_image: Patch<String>,
    /// The language of the user.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    pub lang: Patch<String>,
    /// The IANA time zone of the user.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    pub timezone: Patch<String>,
}

/// What may be changed of a user. Absent members keep their value.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateUser {
    /// How the user is called in public.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 2, max_length = 40)]
    pub nickname: Patch<String>,
    /// The address of a picture; `null` removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uri")]
    pub profile_image: Patch<String>,
    /// The language of the user.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    pub lang: Patch<String>,
    /// The IANA time zone of the user.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    pub timezone: Patch<String>,
    /// Another id of the caller's for the user.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1)]
    pub external_id: Patch<String>,
}

/// What users see of themselves after a change.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Our number of the user.
    pub user_id: String,
    /// The person above the user.
    pub principal_id: String,
    /// The caller's own id of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// How the user is called in public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub profile_image: Option<String>,
    /// The language of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// The IANA time zone of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// A user.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Who it is.
    #[serde(flatten)]
    pub profile: Profile,
    /// The organization.
    pub account_id: String,
    /// The space.
    pub workspace_id: String,
    /// The tags, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<TagReference>>,
    /// The person, if asked for and known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// What the user did, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<UserStats>,
}

/// A page of users.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserPage {
    /// The users.
    pub items: Vec<User>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// The person above users.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Principal {
    /// Its id.
    pub principal_id: String,
    /// By what an identity provider knows the person.
    pub sub: String,
    /// The e-mail address.
    #[schema(format = "email")]
    pub email: String,
    /// The given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// The family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
}

/// What a user did.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserStats {
    /// Learning paths to their end.
    pub completed_paths: i64,
    /// The part of quizzes that were passed.
    pub quiz_success_rate: i64,
    /// Minutes spent on learning.
    pub learning_minutes: i64,
    /// Logged activities.
    pub total_activities: i64,
}

/// The answer to the deletion of a user.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletedUser {
    /// Our number of the user.
    pub user_id: String,
    /// Always true.
    pub deleted: bool,
}

/// A page of the acting user's tags.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TagReferencePage {
    /// The tags.
    pub items: Vec<TagReference>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

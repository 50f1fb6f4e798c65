//! End users: who they are and how a request may change that (spec/trophy.md 2).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use crate::calendar::Zone;
use crate::catalog::Catalog;
use crate::command::Refusal;
use crate::definition::{AttributeKind, is_language, is_url};
use crate::id::UserId;
use crate::preferences::Preferences;

/// An end user inside a space.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Our number.
    pub id: UserId,
    /// The caller's id.
    pub external_id: String,
    /// Address for mail; never kept while unsubscribed.
    pub email: Option<String>,
    /// Shown in rankings.
    pub name: Option<String>,
    /// IANA zone name.
    pub tz: Option<String>,
    /// For push.
    pub device_tokens: Option<Vec<String>>,
    /// Whether mail may be sent.
    pub is_subscribed: bool,
    /// Custom attributes by key.
    pub attributes: BTreeMap<String, String>,
    /// When the user signed up with the product.
    pub sign_up_date: Option<Date>,
    /// Whether the user is in the control group.
    pub is_control: bool,
    /// The language texts are read in.
    pub lang: Option<String>,
    /// Address of a picture.
    pub profile_image: Option<String>,
    /// The person above this user, if known.
    pub principal: Option<Uuid>,
    /// What the user wants to be told, and how the user's streak counts.
    pub preferences: Preferences,
    /// First seen.
    pub created: Timestamp,
    /// Last change of the members above.
    pub updated: Timestamp,
}

impl User {
    /// A user who was just seen for the first time.
    pub fn new(id: UserId, external_id: String, now: Timestamp) -> Self {
        Self {
            id,
            external_id,
            email: None,
            name: None,
            tz: None,
            device_tokens: None,
            is_subscribed: true,
            attributes: BTreeMap::new(),
            sign_up_date: None,
            is_control: false,
            lang: None,
            profile_image: None,
            principal: None,
            preferences: Preferences::default(),
            created: now,
            updated: now,
        }
    }

    /// The caller's id, if the caller ever gave one: a user made without is known by our number.
    pub fn own_id(&self) -> Option<&str> {
        (self.external_id != self.id.0.to_string()).then_some(self.external_id.as_str())
    }

    /// The zone whose clock the user lives by.
    pub fn zone(&self) -> Zone {
        Zone::of(self.tz.as_deref())
    }
}

/// What a request says of one nullable member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Nothing: it stays.
    #[default]
    Keep,
    /// Null: it goes.
    Clear,
    /// A value.
    Set(T),
}

impl<T: Clone + PartialEq> Change<T> {
    /// Changes a member; says whether it differs from before.
    pub(crate) fn apply(&self, member: &mut Option<T>) -> bool {
        let next = match self {
            Self::Keep => return false,
            Self::Clear => None,
            Self::Set(value) => Some(value.clone()),
        };
        let is_changed = *member != next;
        *member = next;
        is_changed
    }

    /// What there is after the change.
    pub fn value<'a>(&'a self, stored: Option<&'a T>) -> Option<&'a T> {
        match self {
            Self::Keep => stored,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// What a request says of a user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// Address for mail.
    pub email: Change<String>,
    /// Shown in rankings.
    pub name: Change<String>,
    /// IANA zone name.
    pub tz: Change<String>,
    /// For push.
    pub device_tokens: Change<Vec<String>>,
    /// Whether mail may be sent.
    pub is_subscribed: Option<bool>,
    /// Attributes to set, or to remove where null (AMB-12).
    pub attributes: BTreeMap<String, Option<String>>,
    /// When the user signed up.
    pub sign_up_date: Change<Date>,
    /// The language texts are read in.
    pub lang: Change<String>,
    /// Address of a picture.
    pub profile_image: Change<String>,
    /// The person above the user.
    pub principal: Change<Uuid>,
    /// Another id of the caller's for the same user. It must be free.
    pub external_id: Option<String>,
}

/// The longest user id, attribute value and other text of a user (AMB-6, AMB-59).
pub const ID_LENGTH_MAX: usize = 255;
const TEXT_LENGTH_MAX: usize = 1_024;
const DEVICE_TOKENS_MAX: usize = 100;

/// Checks a user id as it must be at creation (AMB-6).
pub fn check_id(id: &str) -> Result<(), Refusal> {
    if id.is_empty() {
        return Err(Refusal::Invalid("user id must not be empty".to_owned()));
    }
    if id.chars().count() > ID_LENGTH_MAX {
        return Err(Refusal::Invalid(
            "user id must have at most 255 characters".to_owned(),
        ));
    }
    if id.contains(['/', '\0']) {
        return Err(Refusal::Invalid(
            "user id must not contain / or NUL".to_owned(),
        ));
    }
    Ok(())
}

/// Checks a patch against the catalog and the stored user; a refusal changes nothing.
pub fn check(
    catalog: &Catalog,
    stored: Option<&User>,
    patch: &Patch,
    now: Timestamp,
) -> Result<(), Refusal> {
    let invalid = |text: String| Err(Refusal::Invalid(text));
    // What a user carries can always be taken away, also when the attribute is gone.
    let is_carried = |key: &String| stored.is_some_and(|user| user.attributes.contains_key(key));
    let named = patch
        .attributes
        .iter()
        .filter(|(key, value)| value.is_some() || !is_carried(key))
        .map(|(key, _)| key);
    check_attribute_keys(catalog, AttributeKind::User, named)?;
    for (key, value) in &patch.attributes {
        if let Some(value) = value {
            check_text(&format!("attribute {key}"), value)?;
        }
    }
    for (name, change) in [("email", &patch.email), ("name", &patch.name)] {
        if let Change::Set(value) = change {
            check_text(name, value)?;
        }
    }
    if let Change::Set(tz) = &patch.tz
        && Zone::named(tz).is_none()
    {
        return invalid(format!(
            "tz must be an IANA time zone name, not {:?}",
            shown(tz)
        ));
    }
    if let Change::Set(lang) = &patch.lang
        && !is_language(lang)
    {
        return invalid("lang must be a language code".to_owned());
    }
    if let Change::Set(image) = &patch.profile_image
        && !is_url(image)
    {
        return invalid("profileImage must be an absolute address".to_owned());
    }
    if let Some(id) = &patch.external_id {
        check_id(id)?;
    }
    if let Change::Set(tokens) = &patch.device_tokens {
        if tokens.len() > DEVICE_TOKENS_MAX {
            return invalid(format!(
                "deviceTokens must have at most {DEVICE_TOKENS_MAX} items"
            ));
        }
        for token in tokens {
            check_text("deviceTokens", token)?;
        }
    }
    let email = patch
        .email
        .value(stored.and_then(|user| user.email.as_ref()));
    if patch.is_subscribed == Some(true) && email.is_none_or(String::is_empty) {
        return invalid("subscribeToEmails needs an email address".to_owned());
    }
    if let Change::Set(date) = patch.sign_up_date {
        let tz = patch.tz.value(stored.and_then(|user| user.tz.as_ref()));
        if date > Zone::of(tz.map(String::as_str)).date(now) {
            return invalid("signUpDate must not be in the future".to_owned());
        }
    }
    Ok(())
}

/// Checks that all attribute keys exist; the refusal lists those that do not.
pub fn check_attribute_keys<'a>(
    catalog: &Catalog,
    kind: AttributeKind,
    keys: impl Iterator<Item = &'a String>,
) -> Result<(), Refusal> {
    let known = catalog.attribute_keys(kind);
    let unknown: Vec<_> = keys
        .filter(|key| !known.contains_key(*key))
        .map(|k| shown(k))
        .collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(Refusal::UnknownAttributes {
            kind,
            keys: unknown,
        })
    }
}

/// Checks one text that comes with a user or an event.
pub fn check_text(name: &str, text: &str) -> Result<(), Refusal> {
    if text.chars().count() > TEXT_LENGTH_MAX {
        return Err(Refusal::Invalid(format!(
            "{name} must have at most {TEXT_LENGTH_MAX} characters"
        )));
    }
    if text.contains('\0') {
        return Err(Refusal::Invalid(format!("{name} must not contain NUL")));
    }
    Ok(())
}

/// A client's text as an error may show it.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

/// What applying a patch changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Anything at all.
    pub any: bool,
    /// An attribute: filters and groups may decide otherwise now.
    pub attributes: bool,
    /// The sign-up date: anniversaries may be due.
    pub sign_up_date: bool,
}

/// Applies a checked patch: present members overwrite, absent ones stay (spec/trophy.md 2.2, 2.3).
pub fn apply(user: &mut User, patch: &Patch, now: Timestamp) -> Changed {
    let mut changed = Changed::default();
    let mut any = patch.email.apply(&mut user.email);
    any |= patch.name.apply(&mut user.name);
    any |= patch.tz.apply(&mut user.tz);
    any |= patch.device_tokens.apply(&mut user.device_tokens);
    changed.sign_up_date = patch.sign_up_date.apply(&mut user.sign_up_date);
    any |= patch.lang.apply(&mut user.lang);
    any |= patch.profile_image.apply(&mut user.profile_image);
    any |= patch.principal.apply(&mut user.principal);
    if let Some(id) = &patch.external_id
        && user.external_id != *id
    {
        user.external_id.clone_from(id);
        any = true;
    }
    if let Some(is_subscribed) = patch.is_subscribed {
        any |= user.is_subscribed != is_subscribed;
        user.is_subscribed = is_subscribed;
    }
    // An address that came while unsubscribed is not kept either.
    if !user.is_subscribed && user.email.take().is_some() {
        any = true;
    }
    for (key, value) in &patch.attributes {
        changed.attributes |= match value {
            None => user.attributes.remove(key).is_some(),
            Some(value) => {
                user.attributes.get(key) != Some(value) && {
                    user.attributes.insert(key.clone(), value.clone());
                    true
                }
            }
        };
    }
    changed.any = any || changed.sign_up_date || changed.attributes;
    if changed.any {
        user.updated = now;
    }
    changed
}

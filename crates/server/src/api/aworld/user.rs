//! Users of the second dialect, for both of its APIs: which members are acceptable, and how a user is
//! shown (spec/aworld.md 2.2, 3.24).

use axum::Json;
use engine::calendar::Zone;
use engine::command::{Command, SaveUser};
use engine::definition::{is_language, is_url};
use engine::id::{TagId, UserId};
use engine::outcome::Reply;
use engine::state::UserTag;
use engine::user::{Change, Patch, User};
use store::Space;
use store::principal::Principal;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use wire::aworld as w;

use super::page::{self, Page};
use super::time::iso;
use crate::app::{App, View};
use crate::bearer::Bearer;
use crate::door::Caller;
use crate::problem::{Detail, Problem, Result};
use crate::query::Query;

/// What may be asked for with `fields` where one user is shown.
pub const PARTS: &[&str] = &["tags", "principal", "stats"];

/// Reads members, and keeps what is wrong with them until all were read.
#[derive(Debug, Default)]
pub struct Members {
    wrong: Vec<Detail>,
}

impl Members {
    /// 400 if anything was wrong.
    pub fn finish(self) -> Result<()> {
        if self.wrong.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.wrong))
        }
    }

    /// Reads a text that is there.
    pub fn check(&mut self, field: &str, text: &str, problem: Check) {
        if let Some(message) = problem(text) {
            self.refuse(field, message);
        }
    }

    /// Reads a text that may be absent, but not null.
    pub fn text(
        &mut self,
        field: &str,
        value: wire::Patch<String>,
        problem: Check,
    ) -> Change<String> {
        match value {
            wire::Patch::Absent => Change::Keep,
            wire::Patch::Null => {
                self.refuse(field, "must not be null");
                Change::Keep
            }
            wire::Patch::Value(text) => {
                self.check(field, &text, problem);
                Change::Set(text)
            }
        }
    }

    /// Reads a text that may be absent; null clears it.
    pub fn clearable(
        &mut self,
        field: &str,
        value: wire::Patch<String>,
        problem: Check,
    ) -> Change<String> {
        match value {
            wire::Patch::Null => Change::Clear,
            value => self.text(field, value, problem),
        }
    }

    fn refuse(&mut self, field: &str, message: &str) {
        self.wrong.push(Detail {
            field: field.to_owned(),
            message: message.to_owned(),
        });
    }
}

/// Says what is wrong with a text, if anything is.
pub type Check = fn(&str) -> Option<&'static str>;

fn unless(is_good: bool, message: &'static str) -> Option<&'static str> {
    (!is_good).then_some(message)
}

/// What is wrong with a nickname (spec/aworld.md 2.2).
pub fn nickname_problem(text: &str) -> Option<&'static str> {
    const SEPARATORS: [char; 4] = ['_', '.', '-', ' '];
    let is_known = |c: char| {
        SEPARATORS.contains(&c)
            || matches!(
                c.general_category_group(),
                GeneralCategoryGroup::Letter
                    | GeneralCategoryGroup::Mark
                    | GeneralCategoryGroup::Number
                    | GeneralCategoryGroup::Symbol
            )
    };
    let is_doubled = text
        .chars()
        .zip(text.chars().skip(1))
        .any(|(one, next)| SEPARATORS.contains(&one) && SEPARATORS.contains(&next));
    unless(
        (2..=40).contains(&text.chars().count()) && text.chars().all(is_known) && !is_doubled,
        "must have 2 to 40 letters, digits, symbols, blanks or _ . - and no two of the last four in a row",
    )
}

/// What is wrong with a given or family name (spec/aworld.md 2.2).
pub fn person_name_problem(text: &str) -> Option<&'static str> {
    let is_known = |c: char| {
        matches!(c, '\'' | ' ' | '-')
            || matches!(
                c.general_category_group(),
                GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark
            )
    };
    unless(
        (2..=50).contains(&text.chars().count()) && text.chars().all(is_known),
        "must have 2 to 50 letters, apostrophes, blanks or hyphens",
    )
}

/// What is wrong with an e-mail address (spec/aworld.md 2.2). Whether it receives mail is not asked.
pub fn email_problem(text: &str) -> Option<&'static str> {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let is_good = (5..=254).contains(&text.len())
        && text.rsplit_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && local.len() <= 64
                && !local.starts_with('.')
                && !local.ends_with('.')
                && !local.contains("..")
                && !local
                    .chars()
                    .any(|c| c.is_whitespace() || c.is_control() || "\"(),:;<>@[\\]".contains(c))
                && domain.contains('.')
                && domain.split('.').all(is_label)
        });
    unless(is_good, "must be an e-mail address of 5 to 254 characters")
}

/// What is wrong with the address of a picture.
pub fn image_problem(text: &str) -> Option<&'static str> {
    unless(is_url(text), "must be an absolute address")
}

/// What is wrong with a language.
pub fn lang_problem(text: &str) -> Option<&'static str> {
    unless(is_language(text), "must be a language code")
}

/// What is wrong with a time zone.
pub fn timezone_problem(text: &str) -> Option<&'static str> {
    unless(
        Zone::named(text).is_some(),
        "must be the IANA name of a time zone",
    )
}

/// What is wrong with the caller's id of a user.
pub fn external_id_problem(text: &str) -> Option<&'static str> {
    unless(
        engine::user::check_id(text).is_ok(),
        "must have 1 to 255 characters and no / or NUL",
    )
}

/// Reads what users may change of themselves.
pub fn own_patch(members: &mut Members, update: w::UpdateMe) -> Patch {
    Patch {
        name: members.text("nickname", update.nickname, nickname_problem),
        profile_image: members.clearable("profileImage", update.profile_image, image_problem),
        lang: members.text("lang", update.lang, lang_problem),
        tz: members.text("timezone", update.timezone, timezone_problem),
        ..Patch::default()
    }
}

/// Reads our number of a user; only the one way in which it is written.
pub fn number(text: &str) -> Option<UserId> {
    let id: i64 = text.parse().ok()?;
    (id.to_string() == text).then_some(UserId(id))
}

/// A user whom a path names by our number; else 404.
pub fn find(view: &mut View<'_, '_>, number: &str) -> Result<User> {
    let found = match self::number(number) {
        Some(id) => store::user::find_by_id(view.tx, view.space, id)?,
        None => None,
    };
    found.ok_or_else(|| Problem::not_found("user", number))
}

/// Changes a user who is there.
pub async fn save(app: &App, caller: &Caller, external_id: &str, patch: Patch) -> Result<User> {
    let command = Command::SaveUser(SaveUser {
        user: patch,
        may_create: false,
        must_be_new: None,
    });
    match app.command(caller, external_id, command).await?.reply {
        Reply::User(user) => Ok(*user),
        _ => Err(Problem::internal(&std::fmt::Error)),
    }
}

/// The id of the person above a user: a user without one stands for itself.
pub fn principal_id(user: &User) -> String {
    match user.principal {
        Some(id) => id.to_string(),
        None => user.id.0.to_string(),
    }
}

/// A user as users see themselves after a change.
pub fn profile(user: &User) -> w::Profile {
    w::Profile {
        user_id: user.id.0.to_string(),
        principal_id: principal_id(user),
        external_id: user.own_id().map(str::to_owned),
        // The first dialect gives users names that are no nicknames.
        nickname: user
            .name
            .clone()
            .filter(|name| nickname_problem(name).is_none()),
        profile_image: user.profile_image.clone(),
        lang: user.lang.clone(),
        timezone: user.tz.clone(),
        created_at: iso(user.created),
        updated_at: iso(user.updated),
    }
}

/// A user without any parts that have to be asked for.
pub fn shown(account_id: &str, space: Space, user: &User) -> w::User {
    w::User {
        profile: profile(user),
        account_id: account_id.to_owned(),
        workspace_id: space.public_id(),
        tags: None,
        principal: None,
        stats: None,
    }
}

/// Users with the parts that were asked for.
pub fn shown_with(
    view: &mut View<'_, '_>,
    account_id: &str,
    users: &[User],
    parts: &[&str],
) -> Result<Vec<w::User>> {
    let mut all: Vec<w::User> = users
        .iter()
        .map(|user| shown(account_id, view.space, user))
        .collect();
    if parts.contains(&"tags") {
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let mut tags = store::user_tag::of_users(view.tx, view.space, &ids)?;
        for (shown, id) in all.iter_mut().zip(ids) {
            let tags = tags.remove(&id).unwrap_or_default();
            shown.tags = Some(
                tags.iter()
                    .filter_map(|(tag, row)| tag_reference(view, *tag, row))
                    .collect(),
            );
        }
    }
    if parts.contains(&"principal") {
        let ids: Vec<_> = users.iter().filter_map(|user| user.principal).collect();
        let persons = store::principal::by_ids(view.tx, view.space, &ids)?;
        for (shown, user) in all.iter_mut().zip(users) {
            let known = user.principal.and_then(|id| persons.get(&id));
            shown.principal = person(user, known);
        }
    }
    if parts.contains(&"stats") {
        for (shown, user) in all.iter_mut().zip(users) {
            shown.stats = Some(stats(view, user.id)?);
        }
    }
    Ok(all)
}

/// One user with the parts that were asked for.
pub fn one_with(
    view: &mut View<'_, '_>,
    account_id: &str,
    user: User,
    parts: &[&str],
) -> Result<w::User> {
    shown_with(view, account_id, &[user], parts)?
        .pop()
        .ok_or_else(|| Problem::internal(&std::fmt::Error))
}

/// The person above a user; a user without one stands for itself as far as an address is known.
pub fn person(user: &User, known: Option<&Principal>) -> Option<w::Principal> {
    let id = principal_id(user);
    match (user.principal, known) {
        (Some(_), Some(principal)) => Some(w::Principal {
            principal_id: id.clone(),
            sub: id,
            email: principal.email.clone(),
            first_name: principal.first_name.clone(),
            last_name: principal.last_name.clone(),
        }),
        (Some(_), None) => None,
        (None, _) => Some(w::Principal {
            principal_id: id.clone(),
            sub: id,
            email: user.email.clone()?,
            first_name: None,
            last_name: None,
        }),
    }
}

/// What a user did. There is nothing to learn yet, and so nothing learned.
pub fn stats(view: &mut View<'_, '_>, user: UserId) -> Result<w::UserStats> {
    Ok(w::UserStats {
        total_activities: store::user::count_activity_logs(view.tx, view.space, user)?,
        ..w::UserStats::default()
    })
}

/// A tag as it stands inside its user.
pub fn tag_reference(view: &View<'_, '_>, tag: TagId, row: &UserTag) -> Option<w::TagReference> {
    Some(w::TagReference {
        tag_id: view.catalog.book.tag_name(tag)?.to_owned(),
        priority: row.priority,
        created_at: iso(row.created),
        updated_at: iso(row.updated),
    })
}

/// A tag that a user carries.
pub type Carried = (TagId, UserTag);

/// The tags of a user on a page that is asked for, and the token of the next one.
pub fn tag_page(
    view: &mut View<'_, '_>,
    user: UserId,
    page: &Page,
) -> Result<(Vec<Carried>, Option<String>)> {
    let after = match &page.after {
        None => None,
        Some((at, key)) => Some((*at, TagId(key.parse().map_err(|_| foreign_token())?))),
    };
    let mut rows = store::user_tag::list(
        view.tx,
        view.space,
        user,
        page.is_ascending,
        after,
        page.rows(),
    )?;
    let next = page.cut(&mut rows, |(tag, row)| (row.updated, tag.to_string()));
    Ok((rows, next))
}

/// A tag that a user carries, by the id it is known by; else 404.
pub fn carried(view: &mut View<'_, '_>, user: UserId, tag_id: &str) -> Result<Carried> {
    let row = match view.catalog.book.tag_named(tag_id) {
        Some(tag) => store::user_tag::find(view.tx, view.space, user, tag)?.map(|row| (tag, row)),
        None => None,
    };
    row.ok_or_else(|| Problem::not_found("tag", tag_id))
}

/// 400: a token that belongs to another list.
pub fn foreign_token() -> Problem {
    Problem::invalid_member("nextToken", "is not a token of this list")
}

/// The user the call is about, as it is now.
pub fn acting(view: &mut View<'_, '_>, id: UserId) -> Result<User> {
    store::user::find_by_id(view.tx, view.space, id)?
        .ok_or_else(|| Problem::not_found("user", &id.0.to_string()))
}

/// Shows the user the call is about.
pub async fn me(app: &App, bearer: Bearer, query: &Query) -> Result<Json<w::User>> {
    let parts = page::fields(query, PARTS)?;
    let id = bearer.user()?.id;
    app.read(&bearer.caller, move |view| {
        let user = acting(view, id)?;
        one_with(view, &bearer.account_id, user, &parts).map(Json)
    })
    .await
}

/// Shows the person above the user the call is about.
pub async fn my_principal(app: &App, bearer: &Bearer) -> Result<Json<w::Principal>> {
    let id = bearer.user()?.id;
    app.read(&bearer.caller, move |view| {
        let user = acting(view, id)?;
        let known = match user.principal {
            Some(id) => store::principal::by_ids(view.tx, view.space, &[id])?.remove(&id),
            None => None,
        };
        person(&user, known.as_ref())
            .map(Json)
            .ok_or_else(|| Problem::absent("nothing is known of the person above this user"))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nicknames_are_of_many_scripts_and_have_no_doubled_separators() {
        for good in [
            "ab",
            "Ada L.",
            "Žofka_1",
            "नमस्ते",
            "a+b",
            "★★",
            "x-y z.q",
            &"é".repeat(40),
        ] {
            assert_eq!(nickname_problem(good), None, "{good}");
        }
        for wrong in [
            "",
            "a",
            "a..b",
            "a _b",
            "a, b",
            "a/b",
            "a\tb",
            "a\u{0}b",
            &"é".repeat(41),
            "ab!",
        ] {
            assert!(nickname_problem(wrong).is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn names_of_persons_are_letters() {
        for good in ["Al", "Anne-Marie", "O'Neil", "De la Cruz", "Žofie"] {
            assert_eq!(person_name_problem(good), None, "{good}");
        }
        for wrong in ["", "A", "R2", "a.b", &"a".repeat(51)] {
            assert!(person_name_problem(wrong).is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn addresses_have_two_sides() {
        for good in [
            "a@b.c",
            "ada+x@mail.example.com",
            "o'neil@example.com",
            "žofie@příklad.cz",
        ] {
            assert_eq!(email_problem(good), None, "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for wrong in [
            "", "a@b", "@b.cd", "ada", "a b@c.de", "a@b..c", "a@-b.cd", "a@b@c.de", "a@b.c\n",
            &long,
        ] {
            assert!(email_problem(wrong).is_some(), "{wrong:?}");
        }
    }
}

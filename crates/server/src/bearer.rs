//! Who calls the second dialect, for whom, and what they may (spec/aworld.md 1.4 to 1.6).
//!
//! Extractors: a handler of the App API takes an [`AppBearer`], one of the Dashboard API a [`DashboardBearer`], and holds the
//! space and the user it acts for only when everything was checked.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use engine::id::UserId;
use store::client::{self, Subject};

pub use store::client::{Context, Role};

use crate::app::App;
use crate::door::Caller;
use crate::problem::{Problem, Result};
use crate::telemetry;

/// What a verified token says of its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The client that asked for it.
    pub client: String,
    /// Which half of the API it opens.
    pub context: Context,
    /// What its bearer may do there.
    pub role: Role,
    /// Whether a machine speaks for itself; else a user speaks.
    pub is_machine: bool,
    /// The user that speaks, with the id by which the desk knew the user when the token was made.
    pub user: Option<(UserId, String)>,
    /// The language of the user, ISO 639-1.
    pub lang: String,
    /// The zone of the user, IANA.
    pub timezone: String,
    /// Whether it has the scope `…/read`.
    pub can_read: bool,
    /// Whether it has the scope `…/write`.
    pub can_write: bool,
}

/// The user a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acting {
    /// Our number.
    pub id: UserId,
    /// The caller's id, by which the desk names users.
    pub external_id: String,
    /// The language they chose.
    pub lang: Option<String>,
    /// Their zone.
    pub tz: Option<String>,
}

impl From<Subject> for Acting {
    fn from(subject: Subject) -> Self {
        Self {
            id: subject.id,
            external_id: subject.external_id,
            lang: subject.lang,
            tz: subject.tz,
        }
    }
}

/// Somebody with a token that works.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// The way into the space.
    pub caller: Caller,
    /// What the token says.
    pub token: Arc<Token>,
    /// The user the call is about: the one of the token, or the one a machine names.
    pub acting: Option<Acting>,
    /// The organization, as clients know it.
    pub account_id: String,
}

impl Bearer {
    /// The user the call is about; 403 when a machine names none.
    pub fn user(&self) -> Result<&Acting> {
        self.acting.as_ref().ok_or_else(|| {
            insufficient("a machine token must name a user: send x-user-id or x-external-user-id")
        })
    }

    /// Who did it, for what must not be shared with others: the client and the user it acts for.
    pub fn actor(&self) -> String {
        match &self.acting {
            Some(user) => format!("{}/{}", self.token.client, user.id.0),
            None => format!("{}/", self.token.client),
        }
    }

    /// The language of the answer (spec/aworld.md 2.10).
    pub fn lang(&self) -> &str {
        let chosen = self.acting.as_ref().and_then(|user| user.lang.as_deref());
        match chosen.unwrap_or(&self.token.lang) {
            "" => "en",
            lang => lang,
        }
    }
}

/// A caller of the App API. GET and HEAD need `app/read`, all else `app/write`.
#[derive(Clone, Debug)]
pub struct AppBearer(pub Bearer);

/// A caller of the Dashboard API. GET and HEAD need `dashboard/read` and any role but member; all else needs
/// `dashboard/write` and the role manager, admin or owner.
#[derive(Clone, Debug)]
pub struct DashboardBearer(pub Bearer);

impl DashboardBearer {
    /// 403 unless the role may manage users: owner and admin (`users.manage`, spec/aworld.md 1.5).
    pub fn must_manage_users(&self) -> Result<()> {
        match self.0.token.role {
            Role::Owner | Role::Admin => Ok(()),
            Role::Manager | Role::Member | Role::Viewer => {
                Err(insufficient("only the roles owner and admin manage users"))
            }
        }
    }
}

impl FromRequestParts<App> for AppBearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        admit(parts, app, Context::App).await.map(Self)
    }
}

impl FromRequestParts<App> for DashboardBearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        admit(parts, app, Context::Dashboard).await.map(Self)
    }
}

/// 401: no token, or none that works.
pub fn invalid_token() -> Problem {
    Problem::coded(
        StatusCode::UNAUTHORIZED,
        "INVALID_TOKEN",
        "a valid access token is required in the Authorization header",
    )
}

/// 403: a good token, used for what it does not allow.
pub fn insufficient(message: impl Into<String>) -> Problem {
    Problem::coded(StatusCode::FORBIDDEN, "INSUFFICIENT_PERMISSIONS", message)
}

async fn admit(parts: &mut Parts, app: &App, context: Context) -> Result<Bearer> {
    let admitted = app.door.admit_bearer(app, &parts.headers).await?;
    telemetry::note_space(parts, admitted.caller.space);
    permit(&admitted.token, context, &parts.method)?;
    let named = named(&admitted.token, &parts.headers)?;
    let acting = match named {
        Some(named) => Some(find(app, &admitted.caller, named).await?),
        None => None,
    };
    Ok(Bearer {
        caller: admitted.caller,
        token: admitted.token,
        acting,
        account_id: admitted.account_id,
    })
}

/// Whether a token may do something of this kind at all.
fn permit(token: &Token, context: Context, method: &Method) -> Result<()> {
    if token.context != context {
        return Err(insufficient(format!(
            "this token is for the {} context, not for {context}",
            token.context
        )));
    }
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    let (is_in_scope, scope) = if is_read {
        (token.can_read, "read")
    } else {
        (token.can_write, "write")
    };
    if !is_in_scope {
        return Err(insufficient(format!(
            "this needs the scope {context}/{scope}"
        )));
    }
    let is_allowed = context == Context::App
        || match token.role {
            Role::Owner | Role::Admin | Role::Manager => true,
            Role::Viewer => is_read,
            Role::Member => false,
        };
    if is_allowed {
        Ok(())
    } else {
        Err(insufficient(format!(
            "the role {} may not do this",
            token.role
        )))
    }
}

/// How the user of a call is named.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    /// By the token itself.
    Token(UserId, String),
    /// By a header with our number.
    Id(UserId),
    /// By a header with the caller's id.
    External(String),
}

/// Whom a call is about. Only a machine may choose (spec/aworld.md 1.6).
fn named(token: &Token, headers: &HeaderMap) -> Result<Option<Named>> {
    if !token.is_machine {
        let speaker = token.user.clone();
        return Ok(speaker.map(|(id, external_id)| Named::Token(id, external_id)));
    }
    match (headers.get("x-user-id"), headers.get("x-external-user-id")) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Problem::malformed(
            "x-user-id and x-external-user-id exclude each other",
        )),
        (Some(id), None) => {
            let id = id.to_str().ok().and_then(number).ok_or_else(no_such_user)?;
            Ok(Some(Named::Id(id)))
        }
        (None, Some(id)) => {
            let id = std::str::from_utf8(id.as_bytes()).map_err(|_| no_such_user())?;
            Ok(Some(Named::External(id.to_owned())))
        }
    }
}

/// Reads our number of a user; only the one way in which it is written.
fn number(text: &str) -> Option<UserId> {
    let id: i64 = text.parse().ok()?;
    (id.to_string() == text).then_some(UserId(id))
}

fn no_such_user() -> Problem {
    Problem::coded(
        StatusCode::NOT_FOUND,
        "RESOURCE_NOT_FOUND",
        "there is no such user in this workspace",
    )
}

async fn find(app: &App, caller: &Caller, named: Named) -> Result<Acting> {
    app.read(caller, move |view| {
        let (found, missing): (_, fn() -> Problem) = match named {
            // Whoever speaks is gone, was made anonymous or has another id, and the token ends with that.
            Named::Token(id, external_id) => (
                client::subject_by_id(view.tx, view.space, id)?
                    .filter(|subject| subject.external_id == external_id),
                invalid_token,
            ),
            Named::Id(id) => (
                client::subject_by_id(view.tx, view.space, id)?,
                no_such_user,
            ),
            Named::External(id) => (
                client::subject_by_external_id(view.tx, view.space, &id)?,
                no_such_user,
            ),
        };
        found.map(Acting::from).ok_or_else(missing)
    })
    .await
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn token(context: Context, role: Role) -> Token {
        Token {
            client: "kc_one".to_owned(),
            context,
            role,
            is_machine: true,
            user: None,
            lang: "it".to_owned(),
            timezone: "UTC".to_owned(),
            can_read: true,
            can_write: true,
        }
    }

    #[test]
    fn roles_open_the_dashboard_and_scopes_both_halves() {
        for (role, may_read, may_write) in [
            (Role::Owner, true, true),
            (Role::Admin, true, true),
            (Role::Manager, true, true),
            (Role::Viewer, true, false),
            (Role::Member, false, false),
        ] {
            let token = token(Context::Dashboard, role);
            let may = |method: Method| permit(&token, Context::Dashboard, &method).is_ok();
            assert_eq!(may(Method::GET), may_read, "{role}");
            assert_eq!(may(Method::HEAD), may_read, "{role}");
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert_eq!(may(method), may_write, "{role}");
            }
            let app = self::token(Context::App, role);
            assert!(permit(&app, Context::App, &Method::POST).is_ok(), "{role}");
            let refused = permit(&app, Context::Dashboard, &Method::GET).unwrap_err();
            assert_eq!(refused.code, Some("INSUFFICIENT_PERMISSIONS"));
        }
        let read_only = Token {
            can_write: false,
            ..token(Context::App, Role::Owner)
        };
        assert!(permit(&read_only, Context::App, &Method::GET).is_ok());
        assert!(permit(&read_only, Context::App, &Method::POST).is_err());
        let write_only = Token {
            can_read: false,
            ..token(Context::App, Role::Owner)
        };
        assert!(permit(&write_only, Context::App, &Method::GET).is_err());
        assert!(permit(&write_only, Context::App, &Method::DELETE).is_ok());
    }

    #[test]
    fn only_machines_choose_for_whom_they_act() {
        let headers = |pairs: &[(&'static str, &str)]| {
            pairs
                .iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                    )
                })
                .collect::<HeaderMap>()
        };
        let machine = token(Context::App, Role::Member);
        let by = |pairs: &[(&'static str, &str)]| named(&machine, &headers(pairs));
        assert_eq!(by(&[]), Ok(None));
        assert_eq!(by(&[("x-user-id", "42")]), Ok(Some(Named::Id(UserId(42)))));
        assert_eq!(
            by(&[("x-external-user-id", "Žofka")]),
            Ok(Some(Named::External("Žofka".to_owned())))
        );
        for garbage in ["", "042", "+42", "4 2", "ada", "99999999999999999999"] {
            let refused = by(&[("x-user-id", garbage)]).unwrap_err();
            assert_eq!(refused.status, StatusCode::NOT_FOUND, "{garbage}");
        }
        let both = [("x-user-id", "42"), ("x-external-user-id", "ada")];
        assert_eq!(by(&both).unwrap_err().status, StatusCode::BAD_REQUEST);
        let user = Token {
            is_machine: false,
            user: Some((UserId(7), "ada".to_owned())),
            ..machine.clone()
        };
        assert_eq!(
            named(&user, &headers(&both)),
            Ok(Some(Named::Token(UserId(7), "ada".to_owned())))
        );
    }
}

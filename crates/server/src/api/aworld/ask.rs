//! Commands of the second dialect on their way to the desk and back: the answer is written once and, for
//! a request with a key, given again (spec/aworld.md 2.6). Must not know any command.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::catalog::Catalog;
use engine::command::Command;
use engine::outcome::Reply;
use jiff::Timestamp;
use serde::Serialize;

use super::once::OnceKey;
use crate::app::{App, Done};
use crate::bearer::Bearer;
use crate::desk::Keep;
use crate::problem::{Problem, Result};

/// Carries out a command about a user, once if the request has a key. `render` makes the body of the
/// answer; nothing where the reply does not fit the command.
pub async fn ask<T: Serialize>(
    app: &App,
    bearer: &Bearer,
    once: &OnceKey,
    user: &str,
    command: Command,
    status: StatusCode,
    render: impl Fn(&Reply, &Catalog, Timestamp) -> Option<T> + Send + Sync + 'static,
) -> Result<Response> {
    let Some(fingerprint) = once.fingerprint(bearer) else {
        let done = app.command(&bearer.caller, user, command).await?;
        let body = render(&done.reply, &done.catalog, done.at).ok_or_else(unfit)?;
        return Ok((status, axum::Json(body)).into_response());
    };
    let keep = Keep {
        fingerprint,
        status: status.as_u16(),
        render: Box::new(move |reply, catalog, at| {
            serde_json::to_string(&render(reply, catalog, at)?).ok()
        }),
    };
    let done = app
        .command_once(&bearer.caller, user, command, keep)
        .await?;
    match done {
        Done::Fresh(done) => {
            let body = done.kept.ok_or_else(unfit)?;
            Ok(once.mark(json(status, body), false))
        }
        Done::Repeated(answer) => repeated(once, answer),
    }
}

/// The answer to a request with a key that was carried out a short while ago, if there is one: for
/// requests that look at what is stored before they ask for anything.
pub async fn answered(app: &App, bearer: &Bearer, once: &OnceKey) -> Result<Option<Response>> {
    let Some(fingerprint) = once.fingerprint(bearer) else {
        return Ok(None);
    };
    let known = app
        .read(&bearer.caller, move |view| {
            let since = view.now.checked_sub(store::answer::LIFE);
            let since = since.unwrap_or(Timestamp::MIN);
            Ok(store::answer::find(
                view.tx,
                view.space,
                &fingerprint,
                since,
            )?)
        })
        .await?;
    known.map(|answer| repeated(once, answer)).transpose()
}

/// The answer to a request that found something in its way: if that was the same request, carried out since [`answered`]
/// looked, it is the answer to that one, else the problem.
pub async fn answered_after(
    app: &App,
    bearer: &Bearer,
    once: &OnceKey,
    problem: Problem,
) -> Result<Response> {
    let answer = if problem.status == StatusCode::CONFLICT {
        answered(app, bearer, once).await?
    } else {
        None
    };
    answer.ok_or(problem)
}

fn repeated(once: &OnceKey, answer: store::answer::Answer) -> Result<Response> {
    let status = StatusCode::from_u16(answer.status).map_err(|error| Problem::internal(&error))?;
    Ok(once.mark(json(status, answer.body), true))
}

fn json(status: StatusCode, body: String) -> Response {
    let mut response = (status, body).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// 500: the rules answered something else than the command asks for.
pub fn unfit() -> Problem {
    Problem::internal(&std::io::Error::other(
        "the rules answered something else than was asked",
    ))
}

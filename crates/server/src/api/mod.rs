//! All routes of the process on one screen.

pub mod aworld;
pub mod aworld_app;
pub mod aworld_dashboard;
mod description;
pub mod operations;
pub mod trophy_admin;
pub mod trophy_app;

use std::sync::Arc;

use axum::Router;
use axum::http::{Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use utoipa::openapi::OpenApi;

use crate::app::App;
use crate::limits::{Limits, Meters};
use crate::problem::Problem;
use crate::telemetry;

/// The smallest answer that is worth compressing, in bytes.
const COMPRESSED_BYTES_MIN: u64 = 1_024;

/// The router of the process, with the descriptions of all APIs. `limits`: how often the operations of the first dialect
/// may be called; nothing: as often as one likes.
pub fn router(app: &App, limits: Option<Limits>) -> Router {
    let meters = limits.map(|limits| Arc::new(Meters::new(limits)));
    let (application, application_description) = trophy_app::router(meters.as_ref());
    let (admin, admin_description) = trophy_admin::router(meters.as_ref());
    let (app_half, app_description) = aworld_app::router();
    let (dashboard, dashboard_description) = aworld_dashboard::router();
    Router::new()
        .nest("/v1", application)
        .nest("/admin/v1", admin)
        .nest("/app/v1", app_half)
        .nest("/dashboard/v1", dashboard)
        .merge(operations::router(operations::Descriptions {
            application: application_description,
            admin: admin_description,
            app: app_description,
            dashboard: dashboard_description,
        }))
        .merge(crate::oauth::router())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::from_fn(crate::body::buffer))
        .layer(axum::middleware::from_fn(telemetry::observe))
        .layer(axum::middleware::from_fn(aworld::errors::reshape))
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(COMPRESSED_BYTES_MIN)))
        .with_state(app.clone())
}

/// The descriptions of the Application API and the Admin API, generated from the code.
pub fn descriptions() -> (OpenApi, OpenApi) {
    (trophy_app::router(None).1, trophy_admin::router(None).1)
}

/// The descriptions of the App API and the Dashboard API of the second dialect.
pub fn second_descriptions() -> (OpenApi, OpenApi) {
    (aworld_app::router().1, aworld_dashboard::router().1)
}

/// Brings the ways to name an operation to one: host `admin.*` and `api.*`, the alias `/api`, doubled
/// slashes (spec/trophy.md 1.2, 15.8).
pub fn canonical<B>(mut request: Request<B>) -> Request<B> {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let path = request.uri().path();
    if let Some(path) = canonical_path(host, path) {
        let text = match request.uri().query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        if let Ok(uri) = text.parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    request
}

fn canonical_path(host: &str, path: &str) -> Option<String> {
    let mut changed = path.to_owned();
    while changed.contains("//") {
        changed = changed.replace("//", "/");
    }
    if let Some(rest) = changed.strip_prefix("/api/") {
        changed = format!("/v1/{}", rest.strip_prefix("v1/").unwrap_or(rest));
    }
    if host.starts_with("admin.") && changed.starts_with("/v1/") {
        changed = format!("/admin{changed}");
    }
    (changed != path).then_some(changed)
}

async fn unknown_path() -> Problem {
    Problem::no_such_path()
}

async fn wrong_method() -> Problem {
    Problem::wrong_method()
}

/// A route whose handlers are not built yet: the methods are known, the caller is let in, and then
/// told so.
pub fn not_built<S, H, T>(methods: &[&str], handler: &H) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    H: axum::handler::Handler<T, S> + Clone,
    T: 'static,
{
    let mut route = MethodRouter::new();
    for method in methods {
        let handler = handler.clone();
        route = match *method {
            "POST" => route.post(handler),
            "PUT" => route.put(handler),
            "PATCH" => route.patch(handler),
            "DELETE" => route.delete(handler),
            _ => route.merge(get(handler)),
        };
    }
    route
}

/// A JSON answer with a status of its own.
pub fn answer<T: serde::Serialize>(status: StatusCode, body: T) -> Response {
    (status, axum::Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_brought_to_one_form() {
        for (host, path, expected) in [
            ("localhost", "/v1/users", None),
            (
                "localhost",
                "/api/metrics/m/event",
                Some("/v1/metrics/m/event"),
            ),
            ("localhost", "/api/v1/users/1", Some("/v1/users/1")),
            (
                "admin.example.com",
                "/v1/metrics",
                Some("/admin/v1/metrics"),
            ),
            ("api.example.com", "/v1/metrics/m/event", None),
            ("localhost", "/v1//users/1", Some("/v1/users/1")),
            ("localhost", "/admin/v1/metrics", None),
        ] {
            assert_eq!(
                canonical_path(host, path).as_deref(),
                expected,
                "{host} {path}"
            );
        }
    }
}

//! What operators and readers ask of the process: liveness, readiness, metrics, descriptions, the reference page.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use utoipa::openapi::OpenApi;

use crate::app::App;
use crate::problem::{Problem, Result};
use crate::telemetry;

/// The reference page: one file that reads the descriptions and needs nothing from elsewhere.
const REFERENCE: &str = include_str!("reference.html");

/// The descriptions of all APIs.
#[expect(
    missing_debug_implementations,
    reason = "the descriptions of the library have none"
)]
pub struct Descriptions {
    /// Of the first dialect: what clients of users need.
    pub application: OpenApi,
    /// Of the first dialect: configuration.
    pub admin: OpenApi,
    /// Of the second dialect: what users see and do.
    pub app: OpenApi,
    /// Of the second dialect: configuration and management.
    pub dashboard: OpenApi,
}

/// The routes outside all APIs, and the descriptions, those of the first dialect also at its own paths
/// (spec/trophy.md 1.2).
pub fn router(descriptions: Descriptions) -> Router<App> {
    let application = described(descriptions.application);
    let admin = described(descriptions.admin);
    Router::new()
        .route("/", get(front))
        .route("/docs", get(async || Html(REFERENCE)))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(measured))
        .route("/openapi/application.json", application.clone())
        .route("/v1/openapi", application)
        .route("/openapi/admin.json", admin.clone())
        .route("/admin/v1/openapi", admin)
        .route("/openapi/app.json", described(descriptions.app))
        .route("/openapi/dashboard.json", described(descriptions.dashboard))
}

/// Answers a description, written when first asked for.
fn described(description: OpenApi) -> MethodRouter<App> {
    let written = Arc::new(LazyLock::new(move || {
        description
            .to_json()
            .map(Bytes::from)
            .map_err(|error| Problem::internal(&error))
    }));
    get(async move || {
        let json = LazyLock::force(&written).clone();
        json.map(|json| ([(header::CONTENT_TYPE, "application/json")], json))
    })
}

async fn front() -> Response {
    axum::Json(serde_json::json!({
        "name": "Kleos",
        "version": env!("CARGO_PKG_VERSION"),
        "docs": "/docs",
        "application_api": "/v1",
        "admin_api": "/admin/v1",
        "app_api": "/app/v1",
        "dashboard_api": "/dashboard/v1",
    }))
    .into_response()
}

async fn ready(State(app): State<App>) -> Response {
    if app.is_ready() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

/// Metrics for Prometheus; what waits is counted now, not when a worker last looked.
async fn measured(State(app): State<App>) -> Result<Response> {
    let outbox = app
        .blocking(|app| {
            app.room
                .store
                .read(|tx| Ok::<_, Problem>(store::outbox::depth(tx)?))
        })
        .await?;
    telemetry::depths(app.desk().depth(), outbox);
    let text = telemetry::scrape().ok_or_else(Problem::not_built)?;
    Ok((
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
        .into_response())
}

//! Metrics (spec/trophy.md 13.5).

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::definition::{Metric, Stored, UnitType};
use engine::id::MetricId;
use jiff::Timestamp;
use wire::trophy_admin as w;

use super::batch::{self, Shown};
use crate::app::App;
use crate::body::{RawBody, Segment};
use crate::door::AdminCaller;
use crate::problem::Result;
use crate::query::Query;

impl Shown for Metric {
    type Wire = w::CreatedMetric;
    const NAME: &'static str = "Metric";

    fn shown(stored: &Stored<Self>, _: Timestamp) -> w::CreatedMetric {
        w::CreatedMetric {
            id: stored.id.to_string(),
            name: stored.body.name.clone(),
            key: stored.body.key.clone(),
            unit_type: match stored.body.unit_type {
                UnitType::Number => w::UnitType::Number,
                UnitType::Currency => w::UnitType::Currency,
            },
            units: stored.body.units.clone(),
        }
    }
}

const TAKEN: &str = "metric";

fn unit_type(sent: w::UnitType) -> UnitType {
    match sent {
        w::UnitType::Number => UnitType::Number,
        w::UnitType::Currency => UnitType::Currency,
    }
}

/// Lists metrics, oldest first.
#[utoipa::path(
    get, path = "/metrics", operation_id = "admin_metrics_list", tag = "Metrics",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many, 10 if not said."),
        ("skip" = Option<i64>, Query, minimum = 0, description = "How many to leave out."),
    ),
    responses(
        (status = 200, description = "The metrics.", body = Vec<w::CreatedMetric>),
    ),
)]
pub async fn list_metrics(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Json<Vec<w::CreatedMetric>>> {
    batch::list::<Metric>(&app, &caller, &query).await
}

/// Creates metrics.
#[utoipa::path(
    post, path = "/metrics", operation_id = "admin_metrics_create", tag = "Metrics",
    request_body = Vec<w::CreateMetricRequestItem>,
    responses(
        (status = 200, description = "None was created.", body = w::Created<w::CreatedMetric>),
        (status = 201, description = "At least one was created.", body = w::Created<w::CreatedMetric>),
    ),
)]
pub async fn create_metrics(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        batch::create_each(items, |item: w::CreateMetricRequestItem| {
            let metric = Metric {
                name: item.name,
                key: item.key,
                unit_type: item.unit_type.map(unit_type).unwrap_or_default(),
                units: item.units.unwrap_or_default(),
            };
            let stored = configuration.insert(&metric, TAKEN)?;
            Ok(Metric::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Updates metrics.
#[utoipa::path(
    patch, path = "/metrics", operation_id = "admin_metrics_update", tag = "Metrics",
    request_body = Vec<w::UpdateMetricRequestItem>,
    responses(
        (status = 200, description = "What was updated.", body = w::Updated<w::CreatedMetric>),
    ),
)]
pub async fn update_metrics(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        batch::update_each(items, |id, item: w::UpdateMetricRequestItem| {
            let before = configuration.find::<Metric>(id)?;
            let mut body = before.body.clone();
            body.name = item.name.unwrap_or(body.name);
            body.unit_type = item.unit_type.map_or(body.unit_type, unit_type);
            body.units = item.units.unwrap_or(body.units);
            let stored = configuration.update(&before, body, TAKEN)?;
            Ok(Metric::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Deletes metrics.
#[utoipa::path(
    delete, path = "/metrics", operation_id = "admin_metrics_delete", tag = "Metrics",
    params(
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids, 1 to 100."),
    ),
    responses(
        (status = 200, description = "What was deleted.", body = w::Deleted),
    ),
)]
pub async fn delete_metrics(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Response> {
    let ids = batch::ids(&query)?;
    app.configure(&caller, move |configuration| {
        batch::delete_each(ids, |id| {
            configuration.find::<Metric>(id)?;
            // What streaks need is without the metric from now on.
            let streak = &configuration.catalog.streak;
            if streak
                .metrics
                .iter()
                .any(|needed| needed.metric == MetricId(id))
            {
                configuration.resettle();
            }
            configuration.archive(id)
        })
    })
    .await
}

/// Shows one metric.
#[utoipa::path(
    get, path = "/metrics/{id}", operation_id = "admin_metrics_get", tag = "Metrics",
    params(
        ("id" = String, Path, description = "The id of the metric."),
    ),
    responses(
        (status = 200, description = "The metric.", body = w::CreatedMetric),
        (status = 404, description = "There is no such metric.", body = wire::ErrorBody),
    ),
)]
pub async fn get_metric(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(id): Segment,
) -> Result<Json<w::CreatedMetric>> {
    batch::get::<Metric>(&app, &caller, &id).await
}

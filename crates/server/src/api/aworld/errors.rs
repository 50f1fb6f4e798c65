//! Problems in the shape of the second dialect (spec/aworld.md 2.11, shape 1).
//!
//! Handlers, extractors and fallbacks answer a [`Problem`] as everywhere else; this layer, outermost on the paths of the
//! dialect, writes it once more.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use wire::aworld::{ErrorDetail, ErrorEnvelope, ErrorObject};

use crate::problem::Problem;

/// The paths whose problems are written in this shape.
const PREFIXES: [&str; 2] = ["/app/v1", "/dashboard/v1"];

/// Writes the problems of the dialect in its shape.
pub async fn reshape(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_meant = PREFIXES.iter().any(|prefix| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let response = next.run(request).await;
    match response.extensions().get::<Problem>().cloned() {
        Some(problem) if is_meant => written(problem, &response),
        _ => response,
    }
}

fn written(problem: Problem, plain: &Response) -> Response {
    // 422 is no status of this dialect (spec/aworld.md 2.11).
    let status = match problem.status {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    let request_id = plain
        .headers()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default();
    let body = ErrorEnvelope {
        error: ErrorObject {
            code: problem.code.unwrap_or_else(|| code(status)).to_owned(),
            message: problem.message,
            details: problem
                .details
                .into_iter()
                .map(|detail| ErrorDetail {
                    field: detail.field,
                    message: detail.message,
                })
                .collect(),
            request_id: request_id.to_owned(),
        },
    };
    let mut response = (status, axum::Json(body)).into_response();
    for (name, value) in plain.headers() {
        if *name != header::CONTENT_LENGTH && *name != header::CONTENT_TYPE {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "INVALID_TOKEN",
        StatusCode::FORBIDDEN => "INSUFFICIENT_PERMISSIONS",
        StatusCode::NOT_FOUND => "RESOURCE_NOT_FOUND",
        StatusCode::METHOD_NOT_ALLOWED => "METHOD_NOT_ALLOWED",
        StatusCode::CONFLICT => "DUPLICATE_RESOURCE",
        StatusCode::TOO_MANY_REQUESTS => "RATE_LIMIT_EXCEEDED",
        StatusCode::NOT_IMPLEMENTED => "NOT_IMPLEMENTED",
        StatusCode::SERVICE_UNAVAILABLE => "SERVICE_UNAVAILABLE",
        status if status.is_server_error() => "INTERNAL_ERROR",
        _ => "VALIDATION_ERROR",
    }
}

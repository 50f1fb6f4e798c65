//! What goes wrong while answering a request, before it takes the shape of a dialect.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::command::Refusal;

/// A refusal or failure. The message reaches the client: it names what was wrong and where, never what others own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// One sentence.
    pub message: String,
    /// The code of the second dialect, where it is not the usual one of the status (spec/aworld.md 2.11).
    pub code: Option<&'static str>,
    /// What is wrong with which member, where several things can be told.
    pub details: Vec<Detail>,
}

/// What is wrong with one member of a body or a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The member.
    pub field: String,
    /// One sentence.
    pub message: String,
}

/// The result of answering.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

impl Problem {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            code: None,
            details: Vec::new(),
        }
    }

    /// A problem whose code in the second dialect is not the usual one of its status.
    pub fn coded(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            ..Self::new(status, message)
        }
    }

    /// 400: members that are not acceptable.
    pub fn invalid(details: Vec<Detail>) -> Self {
        let message = match details.as_slice() {
            [one] => format!("{}: {}", one.field, one.message),
            _ => format!("{} members are not acceptable", details.len()),
        };
        Self {
            details,
            ..Self::new(StatusCode::BAD_REQUEST, message)
        }
    }

    /// 400: one member that is not acceptable.
    pub fn invalid_member(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![Detail {
            field: field.into(),
            message: message.into(),
        }])
    }

    /// 404, in the words of an operation.
    pub fn absent(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 404: there is no such path.
    pub fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such path")
    }

    /// 405.
    pub fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path does not know this method",
        )
    }

    /// 409: what is there already stands in the way.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 500 after a panic, which was logged where it happened.
    pub fn panicked() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
    }

    /// 400: the body or a parameter cannot be read at all.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 401: no key, or none that works here.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "a valid API key is required in the X-API-KEY header",
        )
    }

    /// 403: a good key, used outside its scope.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404: the path names something that is not there.
    pub fn not_found(what: &'static str, key: &str) -> Self {
        Refusal::NotFound(what, key.chars().take(100).collect()).into()
    }

    /// 408: the body did not come in time.
    pub fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        )
    }

    /// 413.
    pub fn too_large(limit_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body must have at most {limit_bytes} bytes"),
        )
    }

    /// 422: well-formed but not acceptable.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// 429: more calls of an operation than may be in a second.
    pub fn too_many(limit: i64) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            format!("this operation may be called {limit} times a second, try again"),
        )
    }

    /// 501: documented, not built yet.
    pub fn not_built() -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "this operation is not available yet",
        )
    }

    /// 503: try again in a moment.
    pub fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the server is busy, try again",
        )
    }

    /// 500: logged once, here; the client learns nothing but that it happened.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut causes = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next {
            causes.push(error.to_string());
            next = error.source();
        }
        tracing::error!(error = %causes.join(": "), "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
    }

    /// The same problem of one of several things that were sent.
    #[must_use]
    pub fn of(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// 422 instead of 400, on operations that do not list 400 (spec/trophy.md 1.9).
    #[must_use]
    pub fn as_unprocessable(mut self) -> Self {
        if self.status == StatusCode::BAD_REQUEST {
            self.status = StatusCode::UNPROCESSABLE_ENTITY;
        }
        self
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::NotFound(..) => StatusCode::NOT_FOUND,
            Refusal::Conflict(_) => StatusCode::CONFLICT,
            Refusal::NotAllowed(_) => StatusCode::FORBIDDEN,
            Refusal::NotInUse(_) => StatusCode::BAD_REQUEST,
            Refusal::UnknownAttributes { .. } | Refusal::Invalid(_) | Refusal::OutOfPoints(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        };
        Self::new(status, refusal.to_string())
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Busy | store::Error::Conflict(_) => {
                tracing::warn!(%error, "a transaction has to be repeated");
                Self::busy()
            }
            store::Error::Full => {
                tracing::error!(%error, "nothing can be written");
                Self::new(
                    StatusCode::INSUFFICIENT_STORAGE,
                    "the server cannot store anything now",
                )
            }
            error => Self::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Json(wire::ErrorBody {
            error: self.message.clone(),
        });
        let mut response = (self.status, body).into_response();
        let passes_soon = [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        if passes_soon.contains(&self.status) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // The second dialect writes the same problem in its own shape.
        response.extensions_mut().insert(self);
        response
    }
}

//! How often the operations of the first dialect may be called (spec/trophy.md 1.7, AMB-7).
//!
//! A token bucket per operation, full at first, as large as the limit of a second. A store holds one organization, so an
//! operation names its bucket. The door takes a token for whoever it lets in: calls without a key that works do not use
//! up what the organization may do. By the clock of the machine, whatever a test clock shows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;

use crate::app::App;
use crate::problem::{Problem, Result};

/// Calls a second, of each operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of events, completions and all of the Admin API.
    pub tier1: u32,
    /// Of the rest of the Application API.
    pub tier2: u32,
}

impl Limits {
    /// Those of the dialect.
    pub const USUAL: Self = Self {
        tier1: 5,
        tier2: 50,
    };
}

/// Which limit holds for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The low one.
    One,
    /// The high one.
    Two,
}

/// The tier of an operation of the Application API, by the pattern of its path.
pub fn of_application(path: &str) -> Tier {
    if path.ends_with("/metrics/{key}/event") || path.ends_with("/achievements/{key}/complete") {
        Tier::One
    } else {
        Tier::Two
    }
}

/// The tier of an operation of the Admin API.
pub fn of_admin(_: &str) -> Tier {
    Tier::One
}

/// A bucket as the instant at which it will be full again, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    full_us: i64,
}

/// What a call found in its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    limit: i64,
    remaining: i64,
    /// When it is full again, seconds since 1970.
    full: i64,
    is_allowed: bool,
}

impl Bucket {
    const EMPTIES_IN_US: i64 = 1_000_000;

    /// Takes a token, if there is one.
    fn take(&mut self, limit: i64, now: Timestamp) -> Found {
        let now_us = now.as_microsecond();
        let token_us = (Self::EMPTIES_IN_US / limit).max(1);
        let room_us = token_us * limit;
        // A clock that went back leaves the bucket empty at worst, not closed.
        let full_us = self.full_us.clamp(now_us, now_us.saturating_add(room_us));
        let is_allowed = full_us - now_us + token_us <= room_us;
        self.full_us = if is_allowed {
            full_us + token_us
        } else {
            full_us
        };
        let taken_us = self.full_us - now_us;
        Found {
            limit,
            remaining: (room_us - taken_us) / token_us,
            full: -(-self.full_us).div_euclid(1_000_000),
            is_allowed,
        }
    }
}

/// The buckets of a process.
#[derive(Debug)]
pub struct Meters {
    limits: Limits,
    buckets: Mutex<HashMap<(Method, String), Bucket>>,
}

impl Meters {
    /// Full buckets.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buckets: Mutex::default(),
        }
    }
}

/// The bucket of a request, and what the door found in it.
#[derive(Clone, Debug)]
struct Meter(Arc<Metered>);

#[derive(Debug)]
struct Metered {
    meters: Arc<Meters>,
    operation: (Method, String),
    tier: Tier,
    found: OnceLock<Found>,
}

/// Limits the operations of a router. `tier`: which limit holds, by the pattern of the path.
pub fn limited(
    router: Router<App>,
    meters: Option<&Arc<Meters>>,
    tier: fn(&str) -> Tier,
) -> Router<App> {
    let Some(meters) = meters.cloned() else {
        return router;
    };
    router.layer(axum::middleware::from_fn(move |request, next| {
        observe(meters.clone(), tier, request, next)
    }))
}

/// Lets the door find the bucket, and tells the client what was in it.
async fn observe(
    meters: Arc<Meters>,
    tier: fn(&str) -> Tier,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>() else {
        return next.run(request).await;
    };
    let meter = Meter(Arc::new(Metered {
        operation: (request.method().clone(), path.as_str().to_owned()),
        tier: tier(path.as_str()),
        meters,
        found: OnceLock::new(),
    }));
    request.extensions_mut().insert(meter.clone());
    let mut response = next.run(request).await;
    if let Some(found) = meter.0.found.get() {
        tell(response.headers_mut(), found);
    }
    response
}

fn tell(headers: &mut HeaderMap, found: &Found) {
    for (name, number) in [
        ("x-ratelimit-limit", found.limit),
        ("x-ratelimit-remaining", found.remaining),
        ("x-ratelimit-reset", found.full),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
}

/// Counts a call that was let in; refuses it when its bucket is empty.
pub fn count(parts: &Parts, now: Timestamp) -> Result<()> {
    let Some(Meter(metered)) = parts.extensions.get::<Meter>() else {
        return Ok(());
    };
    let limits = metered.meters.limits;
    let limit = match metered.tier {
        Tier::One => limits.tier1,
        Tier::Two => limits.tier2,
    };
    let mut buckets = metered
        .meters
        .buckets
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let full = Bucket { full_us: i64::MIN };
    let bucket = buckets.entry(metered.operation.clone()).or_insert(full);
    let found = *metered
        .found
        .get_or_init(|| bucket.take(i64::from(limit.max(1)), now));
    drop(buckets);
    if found.is_allowed {
        Ok(())
    } else {
        Err(Problem::too_many(found.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: i64) -> Timestamp {
        Timestamp::from_microsecond(1_700_000_000_000_000 + us).unwrap()
    }

    /// What five tokens a second allow, call by call.
    fn allowed(calls: &[i64]) -> Vec<bool> {
        let mut bucket = Bucket { full_us: i64::MIN };
        calls
            .iter()
            .map(|us| bucket.take(5, at(*us)).is_allowed)
            .collect()
    }

    #[test]
    fn a_full_bucket_serves_a_burst_and_fills_evenly() {
        assert_eq!(allowed(&[0; 6]), [true, true, true, true, true, false]);
        // A fifth of a second brings one back, a whole second all.
        assert_eq!(
            allowed(&[0, 0, 0, 0, 0, 199_999, 200_000, 200_000, 1_200_000])[5..],
            [false, true, false, true]
        );
        let mut calls = vec![0; 5];
        calls.extend([1_000_000; 6]);
        assert_eq!(allowed(&calls)[5..], [true, true, true, true, true, false]);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_close_the_bucket() {
        assert_eq!(
            allowed(&[10_000_000, 0, 200_000, 400_000])[1..],
            [false, true, true]
        );
    }

    #[test]
    fn what_is_told_fits() {
        let mut bucket = Bucket { full_us: i64::MIN };
        let found = bucket.take(5, at(300_000));
        assert_eq!((found.limit, found.remaining), (5, 4));
        assert_eq!(found.full, 1_700_000_001);
        for remaining in [3, 2, 1, 0] {
            assert_eq!(bucket.take(5, at(300_000)).remaining, remaining);
        }
        let refused = bucket.take(5, at(300_000));
        assert!(!refused.is_allowed);
        assert_eq!((refused.remaining, refused.full), (0, 1_700_000_002));
        // A number that does not divide a second.
        let mut odd = Bucket { full_us: i64::MIN };
        let burst: Vec<bool> = (0..8).map(|_| odd.take(7, at(0)).is_allowed).collect();
        assert_eq!(burst.iter().filter(|is_allowed| **is_allowed).count(), 7);
    }
}

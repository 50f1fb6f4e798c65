//! The one place that asks what time it is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use store::Space;

/// A clock that everybody shares.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
    last_us: Arc<AtomicI64>,
    /// The last stamps of spaces that live by a test clock.
    tested_us: Arc<Mutex<HashMap<Space, i64>>>,
}

#[derive(Clone, Debug)]
enum Source {
    System,
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self {
            source: Source::System,
            last_us: Arc::new(AtomicI64::new(i64::MIN)),
            tested_us: Arc::default(),
        }
    }

    /// A clock that stands still until it is set; for tests.
    pub fn set_to(now: Timestamp) -> Self {
        Self {
            source: Source::Set(Arc::new(AtomicI64::new(now.as_microsecond()))),
            last_us: Arc::new(AtomicI64::new(i64::MIN)),
            tested_us: Arc::default(),
        }
    }

    /// Sets a clock made by [`Clock::set_to`]; the clock of the machine cannot be set.
    pub fn set(&self, now: Timestamp) {
        if let Source::Set(us) = &self.source {
            us.store(now.as_microsecond(), Ordering::SeqCst);
        }
    }

    /// The present instant, in whole microseconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that others must ask"
    )]
    pub fn now(&self) -> Timestamp {
        let us = match &self.source {
            Source::System => Timestamp::now().as_microsecond(),
            Source::Set(us) => us.load(Ordering::SeqCst),
        };
        Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// An instant that no other stamp of this process shares: at least a microsecond after the last
    /// one, also when the clock of the machine goes back. The order of stamps is the order of events.
    pub fn stamp(&self) -> Timestamp {
        let now = self.now().as_microsecond();
        let next = |last: i64| Some(now.max(last.saturating_add(1)));
        let last = self
            .last_us
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next)
            .unwrap_or(i64::MIN);
        let stamp = now.max(last.saturating_add(1));
        Timestamp::from_microsecond(stamp).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The present instant where a test clock may be in force, which shows `test_now`.
    pub fn now_by(&self, test_now: Option<Timestamp>) -> Timestamp {
        test_now.unwrap_or_else(|| self.now())
    }

    /// Says that a process before this one gave stamps of a space up to about `last`: those to come are
    /// later, though a test clock stands still.
    pub fn resume(&self, space: Space, last: Timestamp) {
        // It may have stamped more after its last event.
        let last = last.as_microsecond().saturating_add(1_000);
        let mut all = self
            .tested_us
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(space).or_insert(i64::MIN);
        *known = last.max(*known);
    }

    /// A stamp for a space whose environment may live by a test clock, which shows `test_now`. No other
    /// stamp of the space is equal to it.
    pub fn stamp_by(&self, space: Space, test_now: Option<Timestamp>) -> Timestamp {
        let Some(now) = test_now else {
            return self.stamp();
        };
        let mut all = self
            .tested_us
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let last = all.entry(space).or_insert(i64::MIN);
        *last = now.as_microsecond().max(last.saturating_add(1));
        Timestamp::from_microsecond(*last).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_ascend_though_the_clock_stands_still_or_goes_back() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::set_to(start);
        let first = clock.stamp();
        let second = clock.stamp();
        clock.set("2025-01-01T00:00:00Z".parse().unwrap());
        let third = clock.stamp();
        assert_eq!(first, start);
        assert!(first < second && second < third);
    }
}

//! When a message is tried again (spec/trophy.md 9.2, AMB-48).

use jiff::{SignedDuration, Timestamp};

/// How long after an attempt that failed the next one follows; after the last of them nothing follows.
pub const RETRIES: [SignedDuration; 3] = [
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(4),
];
/// The longest time for which a receiver can ask us to wait.
const WAIT_MAX: SignedDuration = SignedDuration::from_hours(1);

/// When to try again after an attempt that failed; nothing: it was the last one.
///
/// `number`: of the attempt, from 1; `before`: how many attempts do not count; `wait`: what the receiver
/// asked for.
pub fn next(
    number: i64,
    before: i64,
    wait: Option<SignedDuration>,
    now: Timestamp,
) -> Option<Timestamp> {
    let failed = usize::try_from(number.saturating_sub(before)).unwrap_or(1);
    let delay = *RETRIES.get(failed.max(1) - 1)?;
    let delay = wait.map_or(delay, |wait| delay.max(wait));
    now.checked_add(delay).ok()
}

/// Reads `Retry-After`: seconds or a date.
pub fn retry_after(text: &str, now: Timestamp) -> Option<SignedDuration> {
    let text = text.trim();
    let wait = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        SignedDuration::from_secs(text.parse().ok()?)
    } else {
        let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        at.duration_since(now)
    };
    Some(wait.clamp(SignedDuration::ZERO, WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_retries_after_one_two_and_four_minutes() {
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let minutes = |number, before| {
            next(number, before, None, now).map(|at| at.duration_since(now).as_mins())
        };
        assert_eq!(
            [1, 2, 3].map(|n| minutes(n, 0)),
            [Some(1), Some(2), Some(4)]
        );
        assert_eq!(minutes(4, 0), None);
        // Replayed after four attempts, or broken off once.
        assert_eq!(minutes(5, 4), Some(1));
        assert_eq!(minutes(4, 1), Some(4));
        assert_eq!(minutes(8, 4), None);
    }

    #[test]
    fn receivers_can_ask_for_more_time_but_not_for_ever() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let seconds = |text: &str| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(seconds("999999999"), Some(3_600));
        for odd in ["", "soon", "-5", "1.5", "99999999999999999999999"] {
            assert_eq!(seconds(odd), None, "{odd}");
        }
        let wait = Some(SignedDuration::from_secs(90));
        let after = |number| next(number, 0, wait, now).map(|at| at.duration_since(now).as_secs());
        assert_eq!([after(1), after(2), after(4)], [Some(90), Some(120), None]);
    }
}

//! Instants as the second dialect writes and reads them: ISO 8601 in UTC with milliseconds.

use jiff::Timestamp;

use crate::problem::{Problem, Result};

/// Writes an instant.
pub fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Reads an instant with any offset, to the millisecond in which it will be shown.
pub fn instant(field: &str, text: &str) -> Result<Timestamp> {
    let at: Timestamp = text.parse().map_err(|_| {
        Problem::invalid_member(
            field,
            "must be a date and time such as 2026-01-15T09:30:00.000Z",
        )
    })?;
    Ok(Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at))
}

/// Reads an instant that may be absent.
pub fn maybe_instant(field: &str, text: Option<&str>) -> Result<Option<Timestamp>> {
    text.map(|text| instant(field, text)).transpose()
}

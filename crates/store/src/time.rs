//! Instants and dates as they are kept: microseconds UTC, and `YYYY-MM-DD`.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::driver::Row;
use crate::{Error, Result};

/// Reads an instant.
pub(crate) fn instant(row: &Row<'_>, index: usize) -> Result<Timestamp> {
    Timestamp::from_microsecond(row.get(index)?).map_err(Error::broken)
}

/// Reads an instant that may be missing.
pub(crate) fn maybe_instant(row: &Row<'_>, index: usize) -> Result<Option<Timestamp>> {
    row.get::<Option<i64>>(index)?
        .map(|us| Timestamp::from_microsecond(us).map_err(Error::broken))
        .transpose()
}

/// Reads a date.
pub(crate) fn date(row: &Row<'_>, index: usize) -> Result<Date> {
    row.get::<String>(index)?.parse().map_err(Error::broken)
}

/// Reads a date that may be missing.
pub(crate) fn maybe_date(row: &Row<'_>, index: usize) -> Result<Option<Date>> {
    row.get::<Option<String>>(index)?
        .map(|text| text.parse().map_err(Error::broken))
        .transpose()
}

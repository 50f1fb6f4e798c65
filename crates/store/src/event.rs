//! The event log and its day sums, read.

use std::collections::BTreeMap;

use engine::amount::Amount;
use engine::definition::{KeyedFilter, all_match};
use engine::id::{EventId, MetricId, UserId};
use engine::state::DaySum;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::access::Space;
use crate::driver::Tx;
use crate::time::{date, instant};
use crate::{Error, Result};

/// The sum of a user's events of a metric that match all filters.
pub(crate) fn filtered_sum(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    metric: MetricId,
    filters: &[KeyedFilter],
) -> Result<Amount> {
    let mut sum = 0_i64;
    tx.rows(
        "select value, attributes from event
         where space_id = $1 and user_id = $2 and metric_id = $3 and attributes is not null",
        &[space.id().into(), user.0.into(), metric.0.into()],
        |row| {
            let attributes: BTreeMap<String, String> =
                serde_json::from_str(&row.get::<String>(1)?).map_err(Error::broken)?;
            if all_match(filters, &attributes) {
                sum = sum.saturating_add(row.get::<i64>(0)?);
            }
            Ok(())
        },
    )?;
    let clamped = sum.clamp(Amount::MIN.millionths(), Amount::MAX.millionths());
    Ok(Amount::from_millionths(clamped))
}

/// A user's day sums of a metric up to a date, in order.
pub fn days(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    metric: MetricId,
    to: Date,
) -> Result<Vec<(Date, DaySum)>> {
    tx.rows(
        "select date, sum, events from metric_day
         where space_id = $1 and user_id = $2 and date <= $3 and metric_id = $4 order by date",
        &[
            space.id().into(),
            user.0.into(),
            to.to_string().as_str().into(),
            metric.0.into(),
        ],
        |row| {
            let sum = Amount::from_millionths(row.get(1)?);
            Ok((
                date(row, 0)?,
                DaySum {
                    sum,
                    events: row.get(2)?,
                },
            ))
        },
    )
}

/// One event as boards and replays need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Logged {
    /// Its id.
    pub id: EventId,
    /// Whose.
    pub user: UserId,
    /// Of what.
    pub metric: MetricId,
    /// How much.
    pub value: Amount,
    /// When.
    pub at: Timestamp,
    /// The user's date then.
    pub date: Date,
    /// The user's time of day then, in seconds since 00:00.
    pub second_of_day: i64,
}

/// The events of a metric from a date on, in the order in which they were recorded.
pub(crate) fn of_metric(
    tx: &mut Tx<'_>,
    space: Space,
    metric: MetricId,
    from: Date,
    mut each: impl FnMut(Logged),
) -> Result<()> {
    tx.rows(
        "select id, user_id, value, at, date, second_of_day from event
         where space_id = $1 and metric_id = $2 and date >= $3 order by id",
        &[
            space.id().into(),
            metric.0.into(),
            from.to_string().as_str().into(),
        ],
        |row| {
            each(Logged {
                id: EventId(row.get(0)?),
                user: UserId(row.get(1)?),
                metric,
                value: Amount::from_millionths(row.get(2)?),
                at: instant(row, 3)?,
                date: date(row, 4)?,
                second_of_day: row.get(5)?,
            });
            Ok(())
        },
    )?;
    Ok(())
}

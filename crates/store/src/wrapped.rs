//! What the review of a year is made of: a user's days and events with attributes, and what everybody's totals did meanwhile
//! (spec/trophy.md 8).

use std::collections::BTreeMap;

use engine::amount::Amount;
use engine::calendar::Period;
use engine::id::{CurrencyId, MetricId, UserId};
use engine::state::DaySum;
use jiff::civil::Date;

use crate::access::Space;
use crate::driver::{Tx, Value};
use crate::time::date;
use crate::{Error, Result};

/// A user's day sums of all metrics up to a date, in order.
pub fn days(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    to: Date,
) -> Result<Vec<(Date, MetricId, DaySum)>> {
    tx.rows(
        "select date, metric_id, sum, events from metric_day
         where space_id = $1 and user_id = $2 and date <= $3 order by date, metric_id",
        &[
            space.id().into(),
            user.0.into(),
            to.to_string().as_str().into(),
        ],
        |row| {
            let day = DaySum {
                sum: Amount::from_millionths(row.get(2)?),
                events: row.get(3)?,
            };
            Ok((date(row, 0)?, MetricId(row.get(1)?), day))
        },
    )
}

/// An event with attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributed {
    /// Of what.
    pub metric: MetricId,
    /// The user's date then.
    pub date: Date,
    /// How much.
    pub value: Amount,
    /// The attributes.
    pub attributes: BTreeMap<String, String>,
}

/// A user's events with attributes up to a date.
pub fn attributed(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    to: Date,
) -> Result<Vec<Attributed>> {
    tx.rows(
        "select metric_id, date, value, attributes from event
         where space_id = $1 and user_id = $2 and attributes is not null and date <= $3",
        &[
            space.id().into(),
            user.0.into(),
            to.to_string().as_str().into(),
        ],
        |row| {
            Ok(Attributed {
                metric: MetricId(row.get(0)?),
                date: date(row, 1)?,
                value: Amount::from_millionths(row.get(2)?),
                attributes: serde_json::from_str(&row.get::<String>(3)?).map_err(Error::broken)?,
            })
        },
    )
}

/// What happened to one total of one user in three periods.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Changes<T> {
    /// Whose.
    pub user: UserId,
    /// The metric or points system.
    pub of: T,
    /// The net change in each period, in millionths or points. Doubles: the sum of two years may leave
    /// the range of whole numbers, and it is only compared.
    pub change: [f64; 3],
    /// How many events there were in each period; none for points.
    pub events: [i64; 3],
}

/// The dates of three periods: from where to where rows are read, then each period.
fn bounds(periods: [Period; 3]) -> [String; 8] {
    let [a, b, c] = periods;
    [
        a.start.min(b.start).min(c.start),
        a.end.max(b.end).max(c.end),
        a.start,
        a.end,
        b.start,
        b.end,
        c.start,
        c.end,
    ]
    .map(|date| date.to_string())
}

fn parameters(space: Space, dates: &[String; 8]) -> Vec<Value<'_>> {
    let mut values: Vec<Value<'_>> = vec![space.id().into()];
    values.extend(dates.iter().map(|date| Value::Text(date)));
    values
}

/// By how much each user's metrics changed in three periods. Users without an event in any of them are
/// left out.
pub fn metric_changes(
    tx: &mut Tx<'_>,
    space: Space,
    periods: [Period; 3],
) -> Result<Vec<Changes<MetricId>>> {
    let dates = bounds(periods);
    let values = parameters(space, &dates);
    tx.rows(
        "select d.user_id, d.metric_id,
                sum(case when d.date >= $4 and d.date <= $5 then cast(d.sum as {float}) else 0.0 end),
                sum(case when d.date >= $6 and d.date <= $7 then cast(d.sum as {float}) else 0.0 end),
                sum(case when d.date >= $8 and d.date <= $9 then cast(d.sum as {float}) else 0.0 end),
                cast(sum(case when d.date >= $4 and d.date <= $5 then d.events else 0 end) as bigint),
                cast(sum(case when d.date >= $6 and d.date <= $7 then d.events else 0 end) as bigint),
                cast(sum(case when d.date >= $8 and d.date <= $9 then d.events else 0 end) as bigint)
         from metric_day d
         where d.space_id = $1 and d.date >= $2 and d.date <= $3
         group by d.user_id, d.metric_id",
        &values,
        |row| {
            Ok(Changes {
                user: UserId(row.get(0)?),
                of: MetricId(row.get(1)?),
                change: [row.get(2)?, row.get(3)?, row.get(4)?],
                events: [row.get(5)?, row.get(6)?, row.get(7)?],
            })
        },
    )
}

/// By how much each user's points changed in three periods. Users without an award in any of them are
/// left out, and virtual currencies are.
pub fn points_changes(
    tx: &mut Tx<'_>,
    space: Space,
    periods: [Period; 3],
) -> Result<Vec<Changes<CurrencyId>>> {
    let dates = bounds(periods);
    let values = parameters(space, &dates);
    tx.rows(
        "select l.user_id, l.system_id,
                sum(case when l.date >= $4 and l.date <= $5 then cast(l.amount as {float}) else 0.0 end),
                sum(case when l.date >= $6 and l.date <= $7 then cast(l.amount as {float}) else 0.0 end),
                sum(case when l.date >= $8 and l.date <= $9 then cast(l.amount as {float}) else 0.0 end)
         from ledger_entry l
         where l.space_id = $1 and l.date >= $2 and l.date <= $3 and l.state is null
         group by l.user_id, l.system_id",
        &values,
        |row| {
            Ok(Changes {
                user: UserId(row.get(0)?),
                of: CurrencyId(row.get(1)?),
                change: [row.get(2)?, row.get(3)?, row.get(4)?],
                events: [0; 3],
            })
        },
    )
}

//! What happened to a total, period by period: that of a metric or of points (spec/trophy.md 3.7, 6.10).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use engine::amount::Amount;
use engine::calendar::{Frequency, days_between};
use engine::id::MetricId;
use engine::user::User;
use jiff::Timestamp;
use jiff::civil::Date;
use wire::trophy_app as w;

use super::{points, users};
use crate::app::App;
use crate::body::Segments;
use crate::door::AppCaller;
use crate::problem::{Problem, Result};
use crate::query::Query;

/// The longest range, in days.
const RANGE_DAYS_MAX: i64 = 400;

/// How both summaries describe what they sum up.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct RangeQuery {
    /// `daily`, `weekly` (from Sunday) or `monthly`.
    #[param(pattern = "^(daily|weekly|monthly)$")]
    pub aggregation: String,
    /// A date, YYYY-MM-DD.
    #[param(format = Date)]
    pub start_date: String,
    /// A later date, at most 400 days later.
    #[param(format = Date)]
    pub end_date: String,
}

/// Sums up a user's events of a metric by day, week or month of the user's calendar.
#[utoipa::path(
    get, path = "/users/{id}/metrics/{key}/event-summary",
    operation_id = "users_metric_event_summary", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
        ("key" = String, Path, description = "The key of the metric."),
        RangeQuery,
    ),
    responses(
        (status = 200, description = "One item for each whole period that touches the range and has begun.", body = [w::EventSummaryItem]),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user or metric.", body = wire::ErrorBody),
    ),
)]
pub async fn summarize_user_metric(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segments(id, key): Segments,
    query: Query,
) -> Result<Json<Vec<w::EventSummaryItem>>> {
    caller.must_be(&id)?;
    let range = Range::of(&query)?;
    app.read(&caller, move |view| {
        let user = store::user::find(view.tx, view.space, &id)?
            .ok_or_else(|| Problem::not_found("user", &id))?;
        let metric = view
            .catalog
            .metric_by_key(&key)
            .map(|metric| MetricId(metric.id))
            .ok_or_else(|| Problem::not_found("metric", &key))?;
        let to = range.by.period(range.end).end;
        let days: Vec<(Date, i64)> = store::event::days(view.tx, view.space, user.id, metric, to)?
            .into_iter()
            .map(|(date, day)| (date, day.sum.millionths()))
            .collect();
        let today = last_day(&days, &user, view.now);
        Ok(Json(summarize(&days, range, today, units)))
    })
    .await
}

/// Sums up the changes of a user's points by day, week or month of the user's calendar.
#[utoipa::path(
    get, path = "/users/{id}/points/{key}/event-summary",
    operation_id = "users_points_event_summary", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
        ("key" = String, Path, description = "The key of the points system."),
        RangeQuery,
    ),
    responses(
        (status = 200, description = "One item for each whole period that touches the range and has begun.", body = [w::EventSummaryItem]),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user or points system.", body = wire::ErrorBody),
    ),
)]
pub async fn summarize_user_points(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segments(id, key): Segments,
    query: Query,
) -> Result<Json<Vec<w::EventSummaryItem>>> {
    caller.must_be(&id)?;
    let range = Range::of(&query)?;
    app.read(&caller, move |view| {
        let (state, appended) = users::settled(view, &id)?;
        let user = state.user.get();
        let system = points::find(&view.catalog, &key)?.id();
        let to = range.by.period(range.end).end;
        let stored = store::ledger::days(view.tx, view.space, user.id, system, to)?;
        let mut days: BTreeMap<Date, i64> = stored.into_iter().collect();
        // What settling paid just now stands beside what is stored.
        let settled = appended.ledger.iter();
        for entry in settled.filter(|entry| entry.system == system && entry.date <= to) {
            let sum = days.entry(entry.date).or_default();
            *sum = sum.saturating_add(entry.amount);
        }
        let days: Vec<(Date, i64)> = days.into_iter().collect();
        let today = last_day(&days, user, view.now);
        Ok(Json(summarize(&days, range, today, whole)))
    })
    .await
}

/// Millionths as a double.
pub(super) fn units(millionths: i64) -> f64 {
    Amount::from_millionths(millionths).to_f64()
}

/// Points as a double, which holds every balance exactly.
#[expect(
    clippy::cast_precision_loss,
    reason = "balances end where doubles stop being exact"
)]
pub(super) fn whole(points: i64) -> f64 {
    points as f64
}

/// The last date that has begun for the user. A journey west can leave changes on a date that has not
/// come where the user is now.
fn last_day(days: &[(Date, i64)], user: &User, now: Timestamp) -> Date {
    let today = user.zone().date(now);
    days.last().map_or(today, |(last, _)| today.max(*last))
}

/// What a summary is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    by: Frequency,
    start: Date,
    end: Date,
}

impl Range {
    fn of(query: &Query) -> Result<Self> {
        let by = query
            .one("aggregation")
            .and_then(Frequency::named)
            .ok_or_else(|| {
                Problem::unprocessable("aggregation must be daily, weekly or monthly")
            })?;
        let date = |name: &str| {
            query
                .date(name)?
                .ok_or_else(|| Problem::unprocessable(format!("{name} is required")))
        };
        let (start, end) = (date("startDate")?, date("endDate")?);
        if start >= end {
            return Err(Problem::unprocessable("startDate must be before endDate"));
        }
        if days_between(start, end) > RANGE_DAYS_MAX {
            return Err(Problem::unprocessable(format!(
                "startDate and endDate must be at most {RANGE_DAYS_MAX} days apart"
            )));
        }
        Ok(Self { by, start, end })
    }
}

/// One item for every period that touches the range, up to the one that holds `today`. Periods count
/// whole even where the range cuts them, so that an item's `total - change` is the `total` of the item
/// before it. `days` are in order and begin with the user's first change; `shown` makes numbers of
/// their units.
fn summarize(
    days: &[(Date, i64)],
    range: Range,
    today: Date,
    shown: impl Fn(i64) -> f64,
) -> Vec<w::EventSummaryItem> {
    let mut items = Vec::new();
    let mut days = days.iter().peekable();
    let mut total = 0_i64;
    let mut add_before = |is_meant: &dyn Fn(Date) -> bool, total: &mut i64| {
        while let Some((_, sum)) = days.next_if(|(date, _)| is_meant(*date)) {
            *total = total.saturating_add(*sum);
        }
    };
    let mut period = range.by.period(range.start);
    add_before(&|date| date < period.start, &mut total);
    while period.start <= range.end.min(today) {
        let before = total;
        add_before(&|date| date <= period.end, &mut total);
        items.push(w::EventSummaryItem {
            date: period.start.to_string(),
            total: shown(total),
            change: shown(total.saturating_sub(before)),
        });
        let next = period.next(range.by);
        if next == period {
            break;
        }
        period = next;
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn check(range: &str, today: Date, expected: &[(&str, &str, &str)]) {
        let days = [
            (date(2026, 1, 1), 5_000_000),
            (date(2026, 1, 31), 100_000),
            (date(2026, 2, 1), 200_000),
            (date(2026, 2, 3), -2_000_000),
        ];
        let range = Range::of(&Query::parse(range).unwrap()).unwrap();
        let found: Vec<(String, String, String)> = summarize(&days, range, today, units)
            .into_iter()
            .map(|item| (item.date, item.total.to_string(), item.change.to_string()))
            .collect();
        let expected: Vec<(String, String, String)> = expected
            .iter()
            .map(|(a, b, c)| ((*a).into(), (*b).into(), (*c).into()))
            .collect();
        assert_eq!(found, expected, "{range:?}");
    }

    #[test]
    fn days_without_events_are_there() {
        check(
            "aggregation=daily&startDate=2026-01-30&endDate=2026-02-04",
            date(2026, 3, 1),
            &[
                ("2026-01-30", "5", "0"),
                ("2026-01-31", "5.1", "0.1"),
                ("2026-02-01", "5.3", "0.2"),
                ("2026-02-02", "5.3", "0"),
                ("2026-02-03", "3.3", "-2"),
                ("2026-02-04", "3.3", "0"),
            ],
        );
    }

    #[test]
    fn weeks_begin_on_sunday_and_count_whole() {
        check(
            "aggregation=weekly&startDate=2026-01-31&endDate=2026-02-01",
            date(2026, 3, 1),
            &[("2026-01-25", "5.1", "0.1"), ("2026-02-01", "3.3", "-1.8")],
        );
    }

    #[test]
    fn months_count_whole_and_the_future_is_left_out() {
        check(
            "aggregation=monthly&startDate=2025-12-31&endDate=2026-06-01",
            date(2026, 2, 3),
            &[
                ("2025-12-01", "0", "0"),
                ("2026-01-01", "5.1", "5.1"),
                ("2026-02-01", "3.3", "-1.8"),
            ],
        );
        check(
            "aggregation=daily&startDate=2026-03-01&endDate=2026-03-05",
            date(2026, 2, 3),
            &[],
        );
    }

    #[test]
    fn the_end_of_the_calendar_ends() {
        check(
            "aggregation=monthly&startDate=9999-12-30&endDate=9999-12-31",
            Date::MAX,
            &[("9999-12-01", "3.3", "0")],
        );
    }

    #[test]
    fn ranges() {
        let range = |text: &str| Range::of(&Query::parse(text).unwrap());
        for good in [
            "aggregation=daily&startDate=2026-01-01&endDate=2026-01-02",
            "aggregation=monthly&startDate=2026-01-01&endDate=2027-02-05",
        ] {
            assert!(range(good).is_ok(), "{good}");
        }
        for bad in [
            "startDate=2026-01-01&endDate=2026-01-02",
            "aggregation=yearly&startDate=2026-01-01&endDate=2026-01-02",
            "aggregation=daily&endDate=2026-01-02",
            "aggregation=daily&startDate=2026-01-01",
            "aggregation=daily&startDate=2026-01-01&endDate=2026-01-01",
            "aggregation=daily&startDate=2026-01-02&endDate=2026-01-01",
            "aggregation=daily&startDate=2026-02-30&endDate=2026-03-01",
            "aggregation=daily&startDate=2026-01-01&endDate=2027-02-06",
        ] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }
}

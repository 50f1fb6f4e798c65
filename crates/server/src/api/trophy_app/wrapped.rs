//! The review of a user's year (spec/trophy.md 8).

use std::collections::{BTreeMap, HashSet};

use axum::Json;
use axum::extract::State;
use engine::calendar::Period;
use engine::catalog::Catalog;
use engine::definition::{BoardStatus, RankBy};
use engine::id::{BoardId, CurrencyId, MetricId, UserId};
use engine::leaderboard::{STREAK_RUN, open_runs};
use engine::state::{StreakPeriod, UserState};
use engine::wrapped::{self, Activity, Course};
use jiff::Timestamp;
use jiff::civil::Date;
use store::board::Placed;
use store::wrapped::{Attributed, Changes};
use wire::trophy_app as w;

use super::event_summary::{units, whole};
use super::leaderboards::{owned_place, rank};
use super::user_metrics::is_shown;
use super::{render, users};
use crate::app::{App, View};
use crate::body::Segment;
use crate::door::AppCaller;
use crate::problem::{Problem, Result};
use crate::query::Query;
use crate::ranks;

/// Shows what a user did in a year: when most, and what came of it.
#[utoipa::path(
    get, path = "/users/{id}/wrapped", operation_id = "users_wrapped", tag = "Users",
    params(
        ("id" = String, Path, description = "The id of the user."),
        ("year" = Option<i64>, Query, minimum = 1, description = "The year, up to the present one of the user, which is the default."),
    ),
    responses(
        (status = 200, description = "The year.", body = w::WrappedResponse),
        (status = 403, description = "The key belongs to another user.", body = wire::ErrorBody),
        (status = 404, description = "There is no such user.", body = wire::ErrorBody),
        (status = 422, description = "There is no such year, or it has not begun.", body = wire::ErrorBody),
    ),
)]
pub async fn get_wrapped(
    State(app): State<App>,
    AppCaller(caller): AppCaller,
    Segment(id): Segment,
    query: Query,
) -> Result<Json<w::WrappedResponse>> {
    caller.must_be(&id)?;
    app.read(&caller, move |view| {
        let (state, appended) = users::settled(view, &id)?;
        let this_year = i64::from(state.user.get().zone().date(view.now).year()).max(1);
        let year = query.int("year", 1, this_year, this_year)?;
        let year = i16::try_from(year)
            .ok()
            .and_then(wrapped::dates_of)
            .ok_or_else(|| Problem::unprocessable("year must be a year of the calendar"))?;
        let facts = Facts::read(view, state, &appended.ledger, year)?;
        let streak = longest_streak(view, &facts.state, appended.periods, year)?;
        Ok(Json(w::WrappedResponse {
            user: render::user(facts.state.user.get()),
            activity: facts.review(year, streak),
        }))
    })
    .await
}

/// The longest streak of the year in the frequency of now.
fn longest_streak(
    view: &mut View<'_, '_>,
    state: &UserState,
    settled: Vec<StreakPeriod>,
    year: Period,
) -> Result<w::WrappedStreak> {
    let frequency = view.catalog.streak.frequency;
    let user = state.user.get().id;
    let stored = store::streak::periods(view.tx, view.space, user, frequency, year.start)?;
    // What settling closed just now stands beside what is stored.
    let settled = settled
        .into_iter()
        .filter(|period| period.frequency == frequency);
    let periods: BTreeMap<Date, StreakPeriod> = stored
        .into_iter()
        .chain(settled)
        .map(|period| (period.start, period))
        .collect();
    let periods: Vec<StreakPeriod> = periods.into_values().collect();
    let longest = wrapped::longest_streak(year, &periods);
    Ok(w::WrappedStreak {
        length: longest.map_or(0, |streak| streak.length),
        frequency: render::frequency(frequency),
        period_start: longest.map(|streak| streak.last.start.to_string()),
        period_end: longest.map(|streak| streak.last.end.to_string()),
        started: longest.map(|streak| streak.started.to_string()),
    })
}

/// The periods of which percentiles are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    Week = 0,
    Month = 1,
    Year = 2,
}

/// Everything a review is made of.
struct Facts {
    catalog: std::sync::Arc<Catalog>,
    now: Timestamp,
    state: UserState,
    activity: Activity,
    metrics: BTreeMap<MetricId, Vec<(Date, i64)>>,
    attributed: BTreeMap<MetricId, Vec<Attributed>>,
    points: BTreeMap<CurrencyId, Vec<(Date, i64)>>,
    others: Others,
    standings: Vec<Standing>,
}

impl Facts {
    /// `settled`: awards that settling made and that are not stored.
    fn read(
        view: &mut View<'_, '_>,
        state: UserState,
        settled: &[engine::outcome::LedgerEntry],
        year: Period,
    ) -> Result<Self> {
        let catalog = view.catalog.clone();
        let user = state.user.get().id;
        // The last week of a year may end in the next one.
        let to = engine::calendar::days_after(year.end, 6);
        let days = store::wrapped::days(view.tx, view.space, user, to)?;
        let events = days.iter().map(|(date, _, day)| (*date, day.events));
        let activity = wrapped::activity(year, events);
        let mut facts = Self {
            catalog,
            now: view.now,
            state,
            activity,
            metrics: BTreeMap::new(),
            attributed: BTreeMap::new(),
            points: BTreeMap::new(),
            others: Others::default(),
            standings: Vec::new(),
        };
        if activity.days == 0 {
            return Ok(facts);
        }
        for (date, metric, day) in days {
            let of = facts.metrics.entry(metric).or_default();
            of.push((date, day.sum.millionths()));
        }
        for event in store::wrapped::attributed(view.tx, view.space, user, to)? {
            facts
                .attributed
                .entry(event.metric)
                .or_default()
                .push(event);
        }
        for system in facts.catalog.systems() {
            let id = system.id();
            let mut days = store::ledger::days(view.tx, view.space, user, id, to)?;
            let settled = settled.iter().filter(|entry| entry.system == id);
            days.extend(settled.map(|entry| (entry.date, entry.amount)));
            facts.points.insert(id, days);
        }
        let spans = [activity.week, activity.month, year];
        facts.others = Others::read(view, spans, user)?;
        facts.standings = standings(view, &facts.state, year.start, to)?;
        Ok(facts)
    }

    fn review(&self, year: Period, longest_streak: w::WrappedStreak) -> w::WrappedActivity {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let Activity {
            days,
            weeks,
            months,
            day,
            week,
            month,
        } = self.activity;
        let date = Period {
            start: day,
            end: day,
        };
        w::WrappedActivity {
            days_active: count(days),
            weeks_active: count(weeks),
            months_active: count(months),
            most_active_day: w::WrappedMostActiveDay {
                activity: self.block(date, None),
                date: day.to_string(),
            },
            most_active_week: w::WrappedMostActiveWeek {
                activity: self.block(week, Some(Span::Week)),
                start: week.start.to_string(),
                end: week.end.to_string(),
            },
            most_active_month: w::WrappedMostActiveMonth {
                activity: self.block(month, Some(Span::Month)),
                month: i64::from(month.start.month()) - 1,
            },
            entire_year: w::WrappedEntireYear {
                activity: self.block(year, Some(Span::Year)),
                longest_streak,
            },
        }
    }

    /// What the user did in a period; nothing in a year without activity (AMB-45).
    fn block(&self, period: Period, span: Option<Span>) -> w::WrappedActivityPeriod {
        if self.activity.days == 0 {
            return w::WrappedActivityPeriod {
                metrics: BTreeMap::new(),
                points: BTreeMap::new(),
                achievements: Vec::new(),
                leaderboards: BTreeMap::new(),
            };
        }
        w::WrappedActivityPeriod {
            metrics: self.metrics_in(period, span),
            points: self.points_in(period, span),
            achievements: self.achievements_in(period),
            leaderboards: self.leaderboards_in(period),
        }
    }

    fn metrics_in(&self, period: Period, span: Option<Span>) -> BTreeMap<String, w::WrappedMetric> {
        let mut shown = BTreeMap::new();
        for metric in self.catalog.metrics() {
            let id = MetricId(metric.id);
            let days = self.metrics.get(&id).map_or(&[][..], Vec::as_slice);
            let course = Course::of(days.iter().copied(), period);
            if course.total == 0 {
                continue;
            }
            let body = &metric.body;
            let mut by_attribute: BTreeMap<String, BTreeMap<String, Course>> = BTreeMap::new();
            for event in self.attributed.get(&id).into_iter().flatten() {
                let step = Course::of(
                    std::iter::once((event.date, event.value.millionths())),
                    period,
                );
                for (key, value) in &event.attributes {
                    let of = by_attribute.entry(key.clone()).or_default();
                    let course = of.entry(value.clone()).or_default();
                    course.total = course.total.saturating_add(step.total);
                    course.change = course.change.saturating_add(step.change);
                }
            }
            let by_attribute = by_attribute
                .into_iter()
                .map(|(key, values)| {
                    let values = values.into_iter().filter(|(_, course)| course.total != 0);
                    let values: BTreeMap<_, _> = values
                        .map(|(value, course)| {
                            let figures = w::WrappedMetricByAttributeValue {
                                name: body.name.clone(),
                                units: Some(body.units.clone()),
                                current_total: units(course.total),
                                change_this_period: units(course.change),
                                percent_change: course.percent_change(),
                                percentile_this_period: None,
                            };
                            (value, figures)
                        })
                        .collect();
                    (key, values)
                })
                .filter(|(_, values)| !values.is_empty())
                .collect();
            let figures = w::WrappedMetric {
                name: body.name.clone(),
                units: Some(body.units.clone()),
                current_total: units(course.total),
                change_this_period: units(course.change),
                percent_change: course.percent_change(),
                percentile_this_period: span.map(|span| self.others.percentile_of_metric(id, span)),
                by_attribute,
            };
            shown.insert(body.key.clone(), figures);
        }
        shown
    }

    fn points_in(&self, period: Period, span: Option<Span>) -> BTreeMap<String, w::WrappedPoints> {
        let mut shown = BTreeMap::new();
        for system in self.catalog.systems() {
            let days = self.points.get(&system.id()).into_iter().flatten();
            let course = Course::of(days.copied(), period);
            if course.total == 0 {
                continue;
            }
            let body = system.body();
            let figures = w::WrappedPoints {
                name: body.name.clone(),
                description: Some(body.description.clone()),
                current_total: whole(course.total),
                change_this_period: whole(course.change),
                percent_change: course.percent_change(),
                percentile_this_period: span
                    .map(|span| self.others.percentile_of_points(system.id(), span)),
            };
            shown.insert(body.key.clone(), figures);
        }
        shown
    }

    fn achievements_in(&self, period: Period) -> Vec<w::UserAchievementResponse> {
        let zone = self.state.user.get().zone();
        let mut completed: Vec<_> = self
            .catalog
            .achievements()
            .filter(|entry| is_shown(&self.state, entry))
            .filter_map(|entry| Some((entry, self.state.completions.get(&entry.id())?)))
            .filter(|(_, completion)| period.contains(zone.date(completion.at)))
            .collect();
        completed.sort_by_key(|(_, completion)| completion.at);
        completed
            .into_iter()
            .map(|(entry, completion)| {
                render::user_achievement(&self.catalog, entry, Some(completion))
            })
            .collect()
    }

    fn leaderboards_in(&self, period: Period) -> BTreeMap<String, w::UserLeaderboardResponse> {
        let mut best: BTreeMap<BoardId, &Standing> = BTreeMap::new();
        let meant = self
            .standings
            .iter()
            .filter(|one| one.dates.start <= period.end && period.start <= one.dates.end);
        for standing in meant {
            best.entry(standing.board)
                .and_modify(|best| {
                    if standing.rank < best.rank {
                        *best = standing;
                    }
                })
                .or_insert(standing);
        }
        let shown = best.into_iter().filter_map(|(id, standing)| {
            let board = self.catalog.board(id)?;
            let mut leaderboard = render::leaderboard(&self.catalog, board, self.now);
            if board.body().run.is_some() {
                leaderboard.start = standing.dates.start.to_string();
                leaderboard.end = Some(standing.dates.end.to_string());
            }
            let response = w::UserLeaderboardResponse {
                leaderboard,
                rank: Some(standing.rank),
                value: Some(standing.value),
            };
            Some((board.body().key.clone(), response))
        });
        shown.collect()
    }
}

/// What the users who were active in the same periods did.
#[derive(Default)]
struct Others {
    user: Option<UserId>,
    active: [HashSet<UserId>; 3],
    metrics: BTreeMap<MetricId, Vec<Changes<MetricId>>>,
    points: BTreeMap<CurrencyId, Vec<Changes<CurrencyId>>>,
}

impl Others {
    fn read(view: &mut View<'_, '_>, spans: [Period; 3], user: UserId) -> Result<Self> {
        let mut others = Self {
            user: Some(user),
            ..Self::default()
        };
        for changes in store::wrapped::metric_changes(view.tx, view.space, spans)? {
            for (active, events) in others.active.iter_mut().zip(changes.events) {
                if events > 0 {
                    active.insert(changes.user);
                }
            }
            others.metrics.entry(changes.of).or_default().push(changes);
        }
        if view.catalog.systems().next().is_some() {
            for changes in store::wrapped::points_changes(view.tx, view.space, spans)? {
                others.points.entry(changes.of).or_default().push(changes);
            }
        }
        Ok(others)
    }

    fn percentile_of_metric(&self, metric: MetricId, span: Span) -> f64 {
        self.percentile(self.metrics.get(&metric).map(Vec::as_slice), span)
    }

    fn percentile_of_points(&self, system: CurrencyId, span: Span) -> f64 {
        self.percentile(self.points.get(&system).map(Vec::as_slice), span)
    }

    /// How many percent of the active users changed less than the user; who has no change at all
    /// changed by nothing.
    fn percentile<T>(&self, changes: Option<&[Changes<T>]>, span: Span) -> f64 {
        let index = span as usize;
        let changes = changes.unwrap_or_default();
        let own = changes
            .iter()
            .find(|other| Some(other.user) == self.user)
            .map_or(0.0, |own| own.change[index]);
        let active = &self.active[index];
        let changed = changes.iter().filter(|other| active.contains(&other.user));
        let mut idle = active.len();
        let mut less = 0;
        for other in changed {
            idle -= 1;
            less += usize::from(other.change[index] < own);
        }
        if own > 0.0 {
            less += idle;
        }
        wrapped::percentile(less, active.len())
    }
}

/// A place that the user had at some time in `dates`.
struct Standing {
    board: BoardId,
    dates: Period,
    rank: i64,
    /// As it is shown.
    value: i64,
}

/// The user's places in all runs that touch a range of dates: of runs that are over the final one, of
/// open ones that of now. A snapshot of a day would be one more of them, with that day as its dates.
fn standings(
    view: &mut View<'_, '_>,
    state: &UserState,
    from: Date,
    to: Date,
) -> Result<Vec<Standing>> {
    let catalog = view.catalog.clone();
    let mut dates: BTreeMap<(BoardId, i64), Period> = BTreeMap::new();
    for board in catalog.boards() {
        if board.body().status_at(view.now) == BoardStatus::Inactive {
            continue;
        }
        if board.body().rank_by == RankBy::Streak {
            let whole = Period {
                start: board.body().start,
                end: board.body().end.unwrap_or(Date::MAX),
            };
            dates.insert((board.id(), STREAK_RUN), whole);
            continue;
        }
        let schedule = board.body().schedule();
        let mut number = schedule.run_at(from.max(board.body().start));
        while let Some((run, period)) = number.and_then(|run| Some((run, schedule.run(run)?))) {
            if period.start > to {
                break;
            }
            dates.insert((board.id(), run), period);
            number = run.checked_add(1);
        }
    }
    let runs: Vec<(BoardId, i64)> = dates.keys().copied().collect();
    let user = state.user.get().id;
    let stored = store::board::values(view.tx, view.space, user, &runs)?;
    let mut found = Vec::new();
    let mut closed = Vec::new();
    for ((id, run), value) in stored {
        let before = owned_place(&value, user);
        let settled = state.boards.get(&(id, run)).map(engine::state::Row::get);
        let place = settled.map_or_else(|| before.clone(), |value| owned_place(value, user));
        let (Some(board), Some(place)) = (catalog.board(id), place) else {
            continue;
        };
        let is_open = board.body().status_at(view.now) == BoardStatus::Active
            && open_runs(board, view.now).contains(&run);
        if is_open {
            let rank = rank(view, board, run, &place, before.as_ref())?;
            found.push((board, run, place.1.value, rank));
        } else {
            closed.push((board, run, place));
        }
    }
    let places: Vec<Placed<'_>> = closed
        .iter()
        .map(|(board, run, (group, place))| Placed {
            board: board.id(),
            run: *run,
            group,
            place: *place,
        })
        .collect();
    let before = store::board::before_each(view.tx, view.space, &places)?;
    for ((board, run, (_, place)), before) in closed.iter().zip(before) {
        let rank = before.saturating_add(1);
        let rank = (rank <= board.body().max_participants).then_some(rank);
        found.push((*board, *run, place.value, rank));
    }
    let standings = found.into_iter().filter_map(|(board, run, value, rank)| {
        Some(Standing {
            board: board.id(),
            dates: *dates.get(&(board.id(), run))?,
            rank: rank?,
            value: ranks::shown(board.body().rank_by, value),
        })
    });
    Ok(standings.collect())
}

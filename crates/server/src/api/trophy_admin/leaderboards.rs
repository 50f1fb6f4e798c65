//! Leaderboards (spec/trophy.md 7.1-7.4, 13.11, 15.4).

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::calendar::RunUnit;
use engine::definition::{
    AttributeKind, Board, BoardStatus, PARTICIPANTS_MAX, RankBy, Run, Stored,
};
use engine::id::{AttributeId, BoardId};
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use wire::Patch;
use wire::trophy_admin as w;

use super::batch::{self, Fault, ItemResult, Shown};
use super::references;
use crate::api::trophy_app::render::time_of_day;
use crate::app::{App, Configuration};
use crate::body::{RawBody, Segment};
use crate::door::AdminCaller;
use crate::problem::Result;
use crate::query::{self, Query};

impl Shown for Board {
    type Wire = w::AdminLeaderboard;
    const NAME: &'static str = "Leaderboard";

    fn shown(stored: &Stored<Self>, now: Timestamp) -> w::AdminLeaderboard {
        let body = &stored.body;
        let (rank_by, metric_id, points_system_id) = match body.rank_by {
            RankBy::Metric(id) => (w::RankBy::Metric, Some(id.to_string()), None),
            RankBy::Points(id) => (w::RankBy::Points, None, Some(id.to_string())),
            RankBy::Streak => (w::RankBy::Streak, None, None),
        };
        w::AdminLeaderboard {
            id: stored.id.to_string(),
            name: body.name.clone(),
            key: body.key.clone(),
            description: body.description.clone(),
            status: match body.status_at(now) {
                BoardStatus::Inactive => w::AdminLeaderboardStatus::Inactive,
                BoardStatus::Scheduled => w::AdminLeaderboardStatus::Scheduled,
                BoardStatus::Active => w::AdminLeaderboardStatus::Active,
                BoardStatus::Finished => w::AdminLeaderboardStatus::Finished,
            },
            rank_by,
            metric_id,
            points_system_id,
            max_participants: Some(body.max_participants),
            start: body.start.to_string(),
            end: body.end.map(|end| end.to_string()),
            start_time: body.start_time.map(time_of_day),
            end_time: body.end_time.map(time_of_day),
            breakdown_attributes: body.breakdown.iter().map(ToString::to_string).collect(),
            user_attributes: references::shown(&body.user_filters),
            run_unit: body.run.map(|run| match run.unit {
                RunUnit::Day => w::RunUnit::Day,
                RunUnit::Month => w::RunUnit::Month,
                RunUnit::Year => w::RunUnit::Year,
            }),
            run_interval: body.run.map(|run| run.interval),
        }
    }
}

const TAKEN: &str = "leaderboard";

fn status(sent: w::AdminLeaderboardStatus) -> BoardStatus {
    match sent {
        w::AdminLeaderboardStatus::Inactive => BoardStatus::Inactive,
        w::AdminLeaderboardStatus::Active => BoardStatus::Active,
        w::AdminLeaderboardStatus::Scheduled => BoardStatus::Scheduled,
        w::AdminLeaderboardStatus::Finished => BoardStatus::Finished,
    }
}

fn kind_of(rank_by: RankBy) -> w::RankBy {
    match rank_by {
        RankBy::Metric(_) => w::RankBy::Metric,
        RankBy::Points(_) => w::RankBy::Points,
        RankBy::Streak => w::RankBy::Streak,
    }
}

/// What is ranked after an item: what was not sent stays as long as the kind does.
fn rank_by(
    configuration: &mut Configuration<'_, '_>,
    kind: w::RankBy,
    metric_id: Option<String>,
    points_system_id: Option<String>,
    before: Option<RankBy>,
) -> ItemResult<RankBy> {
    let name = match kind {
        w::RankBy::Metric => "metric",
        w::RankBy::Points => "points",
        w::RankBy::Streak => "streak",
    };
    batch::refuse_foreign(
        name,
        "leaderboards",
        &[
            ("metricId", metric_id.is_some(), "metric"),
            ("pointsSystemId", points_system_id.is_some(), "points"),
        ],
    )?;
    let before = before.filter(|before| kind_of(*before) == kind);
    Ok(match (kind, metric_id, points_system_id) {
        (w::RankBy::Streak, ..) => RankBy::Streak,
        (w::RankBy::Metric, Some(id), _) => RankBy::Metric(references::metric(configuration, &id)?),
        (w::RankBy::Points, _, Some(id)) => {
            RankBy::Points(references::points_system(configuration, &id)?)
        }
        (w::RankBy::Metric, None, _) => {
            before.ok_or_else(|| Fault::from("metricId is required for metric leaderboards"))?
        }
        (w::RankBy::Points, _, None) => before
            .ok_or_else(|| Fault::from("pointsSystemId is required for points leaderboards"))?,
    })
}

/// How the board repeats after an item; null ends the repeating.
fn run(
    before: Option<Run>,
    unit: Patch<w::RunUnit>,
    interval: Option<i64>,
) -> std::result::Result<Option<Run>, String> {
    let unit = match unit {
        Patch::Absent => before.map(|run| run.unit),
        Patch::Null => None,
        Patch::Value(w::RunUnit::Day) => Some(RunUnit::Day),
        Patch::Value(w::RunUnit::Month) => Some(RunUnit::Month),
        Patch::Value(w::RunUnit::Year) => Some(RunUnit::Year),
    };
    match (unit, interval, before) {
        (None, None, _) => Ok(None),
        (None, Some(_), _) => Err("runInterval is only permitted with runUnit".to_owned()),
        (Some(unit), Some(interval), _) | (Some(unit), None, Some(Run { interval, .. })) => {
            Ok(Some(Run { unit, interval }))
        }
        (Some(_), None, None) => Err("runInterval is required with runUnit".to_owned()),
    }
}

/// Reads a time of day of an item.
fn time(name: &str, text: &str) -> ItemResult<Time> {
    query::time(name, text).map_err(|problem| Fault::Issue(problem.message))
}

/// What a member that null clears is after an item.
fn cleared_or<T>(
    before: Option<T>,
    sent: Patch<String>,
    read: impl FnOnce(&str) -> ItemResult<T>,
) -> ItemResult<Option<T>> {
    Ok(match sent {
        Patch::Absent => before,
        Patch::Null => None,
        Patch::Value(text) => Some(read(&text)?),
    })
}

/// Reads the ids of the user attributes that divide a board into groups.
fn breakdown(
    configuration: &mut Configuration<'_, '_>,
    ids: Vec<String>,
) -> ItemResult<Vec<AttributeId>> {
    let mut attributes = Vec::new();
    for id in ids {
        let attribute = references::attribute(configuration, &id, AttributeKind::User)?;
        if attributes.contains(&attribute) {
            return Err(format!("breakdownAttributes names {id:?} twice").into());
        }
        attributes.push(attribute);
    }
    Ok(attributes)
}

fn utc_date(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// The status to keep when an item asks for one (spec/trophy.md 7.4).
///
/// `board` has the dates after the item and the status before it.
fn status_after(
    board: &Board,
    asked: Option<BoardStatus>,
    now: Timestamp,
) -> std::result::Result<BoardStatus, String> {
    use BoardStatus::{Active, Finished, Inactive, Scheduled};
    let shown = board.status_at(now);
    let Some(asked) = asked.filter(|asked| *asked != shown) else {
        return Ok(board.status);
    };
    let today = utc_date(now);
    let sentence = match (shown, asked) {
        (Inactive | Scheduled, Active) if board.start > today => {
            "start lies in the future: the leaderboard can be scheduled, not active"
        }
        (Inactive, Scheduled) if board.start <= today => {
            "start must lie in the future for a scheduled leaderboard"
        }
        (Inactive, Finished) if board.end.is_none_or(|end| end >= today) => {
            "end must lie in the past for a finished leaderboard"
        }
        (Scheduled, Finished) => "a scheduled leaderboard cannot be finished",
        (Active, Scheduled) => "an active leaderboard cannot be scheduled",
        (Finished, _) => "a finished leaderboard cannot change its status",
        _ => return Ok(asked),
    };
    Err(sentence.to_owned())
}

/// The member that an item changes although only an inactive board may change it (AMB-36).
fn frozen_change(before: &Board, after: &Board) -> Option<&'static str> {
    [
        ("key", before.key != after.key),
        ("rankBy", kind_of(before.rank_by) != kind_of(after.rank_by)),
        (
            "metricId or pointsSystemId",
            before.rank_by != after.rank_by,
        ),
        ("start", before.start != after.start),
        ("runUnit and runInterval", before.run != after.run),
        ("breakdownAttributes", before.breakdown != after.breakdown),
        ("userAttributes", before.user_filters != after.user_filters),
    ]
    .into_iter()
    .find_map(|(member, is_changed)| is_changed.then_some(member))
}

/// Whether the values of a board have to be counted anew after an update: nobody sees those of an
/// inactive board, and texts and the number of places do not touch them.
fn is_recounted(before: &Board, after: &Board) -> bool {
    let is_seen = before.status != BoardStatus::Inactive || after.status != BoardStatus::Inactive;
    is_seen
        && (before.status != after.status
            || before.end != after.end
            || before.start_time != after.start_time
            || before.end_time != after.end_time
            || is_reranked(before, after))
}

/// Whether a board ranks something else, or others, after an update.
fn is_reranked(before: &Board, after: &Board) -> bool {
    let after = Board {
        key: before.key.clone(),
        ..after.clone()
    };
    frozen_change(before, &after).is_some()
}

/// Lists leaderboards, oldest first.
#[utoipa::path(
    get, path = "/leaderboards", operation_id = "admin_leaderboards_list", tag = "Leaderboards",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many, 10 if not said."),
        ("skip" = Option<i64>, Query, minimum = 0, description = "How many to leave out."),
    ),
    responses(
        (status = 200, description = "The leaderboards.", body = Vec<w::AdminLeaderboard>),
    ),
)]
pub async fn list_leaderboards(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Json<Vec<w::AdminLeaderboard>>> {
    batch::list::<Board>(&app, &caller, &query).await
}

/// Creates leaderboards.
#[utoipa::path(
    post, path = "/leaderboards", operation_id = "admin_leaderboards_create", tag = "Leaderboards",
    request_body = Vec<w::CreateLeaderboardRequestItem>,
    responses(
        (status = 200, description = "None was created.", body = w::Created<w::AdminLeaderboard>),
        (status = 201, description = "At least one was created.", body = w::Created<w::AdminLeaderboard>),
    ),
)]
pub async fn create_leaderboards(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        batch::create_each(items, |item: w::CreateLeaderboardRequestItem| {
            let mut board = Board {
                name: item.name,
                key: item.key,
                description: item.description,
                status: BoardStatus::Inactive,
                rank_by: rank_by(
                    configuration,
                    item.rank_by,
                    item.metric_id,
                    item.points_system_id,
                    None,
                )?,
                max_participants: batch::patched(None, item.max_participants)
                    .unwrap_or(PARTICIPANTS_MAX),
                start: match item.start {
                    Some(text) => references::date("start", &text)?,
                    None => utc_date(configuration.now),
                },
                end: item
                    .end
                    .map(|text| references::date("end", &text))
                    .transpose()?,
                start_time: item
                    .start_time
                    .map(|text| time("startTime", &text))
                    .transpose()?,
                end_time: item
                    .end_time
                    .map(|text| time("endTime", &text))
                    .transpose()?,
                run: run(
                    None,
                    item.run_unit.map_or(Patch::Absent, Patch::Value),
                    item.run_interval,
                )?,
                breakdown: breakdown(configuration, item.breakdown_attributes.unwrap_or_default())?,
                user_filters: references::filters(
                    configuration,
                    item.user_attributes.unwrap_or_default(),
                    AttributeKind::User,
                )?,
            };
            board.status = status_after(&board, item.status.map(status), configuration.now)?;
            let stored = configuration.insert(&board, TAKEN)?;
            if board.status != BoardStatus::Inactive {
                configuration.board_changed(BoardId(stored.id));
            }
            Ok(Board::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Updates leaderboards.
#[utoipa::path(
    patch, path = "/leaderboards", operation_id = "admin_leaderboards_update", tag = "Leaderboards",
    request_body = Vec<w::UpdateLeaderboardRequestItem>,
    responses(
        (status = 200, description = "What was updated.", body = w::Updated<w::AdminLeaderboard>),
    ),
)]
pub async fn update_leaderboards(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Response> {
    let items = batch::items(&body)?;
    app.configure(&caller, move |configuration| {
        batch::update_each(items, |id, item: w::UpdateLeaderboardRequestItem| {
            let before = configuration.find::<Board>(id)?;
            let mut body = before.body.clone();
            body.name = item.name.unwrap_or(body.name);
            body.key = item.key.unwrap_or(body.key);
            body.description = item.description.or(body.description);
            body.rank_by = rank_by(
                configuration,
                item.rank_by.unwrap_or(kind_of(body.rank_by)),
                item.metric_id,
                item.points_system_id,
                Some(body.rank_by),
            )?;
            body.max_participants =
                batch::patched(Some(body.max_participants), item.max_participants)
                    .unwrap_or(PARTICIPANTS_MAX);
            if let Some(text) = item.start {
                body.start = references::date("start", &text)?;
            }
            body.end = cleared_or(body.end, item.end, |text| references::date("end", text))?;
            body.start_time = cleared_or(body.start_time, item.start_time, |text| {
                time("startTime", text)
            })?;
            body.end_time = cleared_or(body.end_time, item.end_time, |text| time("endTime", text))?;
            body.run = run(body.run, item.run_unit, item.run_interval)?;
            if let Some(ids) = item.breakdown_attributes {
                body.breakdown = breakdown(configuration, ids)?;
            }
            body.user_filters = references::filters_after(
                configuration,
                body.user_filters,
                item.user_attributes,
                AttributeKind::User,
            )?;
            if before.body.status != BoardStatus::Inactive
                && let Some(member) = frozen_change(&before.body, &body)
            {
                let sentence = "can only change while the leaderboard is inactive";
                return Err(format!("{member} {sentence}").into());
            }
            body.status = status_after(&body, item.status.map(status), configuration.now)?;
            let stored = configuration.update(&before, body, TAKEN)?;
            if is_reranked(&before.body, &stored.body) {
                // Another ranking has no days yet.
                store::board_day::forget(configuration.tx, configuration.space, BoardId(id))?;
            }
            if is_recounted(&before.body, &stored.body) {
                configuration.board_changed(BoardId(id));
            }
            Ok(Board::shown(&stored, configuration.now))
        })
    })
    .await
}

/// Deletes leaderboards.
#[utoipa::path(
    delete, path = "/leaderboards", operation_id = "admin_leaderboards_delete", tag = "Leaderboards",
    params(
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids, 1 to 100."),
    ),
    responses(
        (status = 200, description = "What was deleted.", body = w::Deleted),
    ),
)]
pub async fn delete_leaderboards(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    query: Query,
) -> Result<Response> {
    let ids = batch::ids(&query)?;
    app.configure(&caller, move |configuration| {
        batch::delete_each(ids, |id| {
            configuration.find::<Board>(id)?;
            configuration.board_changed(BoardId(id));
            store::board_day::forget(configuration.tx, configuration.space, BoardId(id))?;
            configuration.archive(id)
        })
    })
    .await
}

/// Shows one leaderboard.
#[utoipa::path(
    get, path = "/leaderboards/{id}", operation_id = "admin_leaderboards_get", tag = "Leaderboards",
    params(
        ("id" = String, Path, description = "The id of the leaderboard."),
    ),
    responses(
        (status = 200, description = "The leaderboard.", body = w::AdminLeaderboard),
        (status = 404, description = "There is no such leaderboard.", body = wire::ErrorBody),
    ),
)]
pub async fn get_leaderboard(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Segment(id): Segment,
) -> Result<Json<w::AdminLeaderboard>> {
    batch::get::<Board>(&app, &caller, &id).await
}

#[cfg(test)]
mod tests {
    use engine::id::MetricId;
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;
    use BoardStatus::{Active, Finished, Inactive, Scheduled};

    fn board(status: BoardStatus, start: Date, end: Option<Date>) -> Board {
        Board {
            name: "B".into(),
            key: "b".into(),
            description: None,
            status,
            rank_by: RankBy::Streak,
            max_participants: 10,
            start,
            end,
            start_time: None,
            end_time: None,
            run: None,
            breakdown: vec![],
            user_filters: vec![],
        }
    }

    /// It is noon of 10 March in UTC.
    fn now() -> Timestamp {
        "2026-03-10T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_buttons_of_a_board() {
        let today = date(2026, 3, 10);
        let tomorrow = date(2026, 3, 11);
        let past = date(2026, 3, 1);
        for (before, start, end, asked, after) in [
            (Inactive, today, None, Active, Ok(Active)),
            (Inactive, tomorrow, None, Active, Err(())),
            (Inactive, tomorrow, None, Scheduled, Ok(Scheduled)),
            (Inactive, today, None, Scheduled, Err(())),
            (Inactive, past, Some(past), Finished, Ok(Finished)),
            (Inactive, past, Some(today), Finished, Err(())),
            (Inactive, past, None, Finished, Err(())),
            (Scheduled, date(2026, 3, 20), None, Active, Err(())),
            (Scheduled, date(2026, 3, 20), None, Inactive, Ok(Inactive)),
            (Scheduled, date(2026, 3, 20), None, Finished, Err(())),
            // Already shown as active, as the first zone has reached its start.
            (Scheduled, tomorrow, None, Active, Ok(Scheduled)),
            (Active, past, None, Inactive, Ok(Inactive)),
            (Active, past, None, Finished, Ok(Finished)),
            (Active, past, None, Scheduled, Err(())),
            (Active, past, Some(past), Finished, Ok(Active)),
            (Active, past, Some(past), Active, Err(())),
            (Finished, past, None, Active, Err(())),
        ] {
            let board = board(before, start, end);
            let result = status_after(&board, Some(asked), now()).map_err(|_| ());
            assert_eq!(result, after, "{before:?} {start} {end:?} {asked:?}");
        }
        assert_eq!(
            status_after(&board(Active, past, Some(past)), None, now()),
            Ok(Active)
        );
    }

    #[test]
    fn a_run_needs_unit_and_interval() {
        let days = |interval| {
            Some(Run {
                unit: RunUnit::Day,
                interval,
            })
        };
        let unit = Patch::Value(w::RunUnit::Day);
        assert_eq!(run(None, unit, Some(7)), Ok(days(7)));
        assert!(run(None, unit, None).is_err());
        assert!(run(None, Patch::Absent, Some(7)).is_err());
        assert_eq!(run(days(7), Patch::Absent, Some(8)), Ok(days(8)));
        assert_eq!(run(days(7), Patch::Absent, None), Ok(days(7)));
        assert_eq!(run(days(7), Patch::Null, None), Ok(None));
        assert!(run(days(7), Patch::Null, Some(1)).is_err());
    }

    #[test]
    fn only_what_ranks_is_frozen_and_counted_anew() {
        let before = board(Active, date(2026, 3, 1), None);
        let renamed = Board {
            name: "C".into(),
            max_participants: 5,
            ..before.clone()
        };
        assert_eq!(frozen_change(&before, &renamed), None);
        assert!(!is_recounted(&before, &renamed));
        let longer = Board {
            end: Some(date(2026, 4, 1)),
            ..before.clone()
        };
        assert_eq!(frozen_change(&before, &longer), None);
        assert!(is_recounted(&before, &longer));
        let mornings = Board {
            end_time: Some(jiff::civil::time(12, 0, 0, 0)),
            ..before.clone()
        };
        assert_eq!(frozen_change(&before, &mornings), None);
        assert!(is_recounted(&before, &mornings));
        assert!(!is_reranked(&before, &mornings));
        let rank_by = RankBy::Metric(MetricId(Uuid::nil()));
        assert_eq!(
            frozen_change(
                &before,
                &Board {
                    rank_by,
                    ..before.clone()
                }
            ),
            Some("rankBy")
        );
        let inactive = Board {
            status: Inactive,
            ..before.clone()
        };
        assert!(is_recounted(&before, &inactive));
        let moved = Board {
            start: date(2026, 3, 2),
            ..inactive.clone()
        };
        assert!(!is_recounted(&inactive, &moved));
    }
}

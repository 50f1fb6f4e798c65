//! What begins and ends by the clock: spec/trophy.md D.10, and that whoever asks in whatever steps is told everything once.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use engine::calendar::{RunUnit, Zone, days_after};
use engine::definition::{Board, BoardStatus, RankBy, Run};
use engine::id::BoardId;
use engine::moment;
use engine::outcome::Notice;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use world::{World, day, instant};

fn every(unit: RunUnit, interval: i64) -> Run {
    Run { unit, interval }
}

/// A world with one board.
fn with_board(start: &str, edit: impl FnOnce(&mut Board)) -> (World, BoardId) {
    let mut w = World::new("2026-01-01T00:00:00Z");
    let metric = w.metric("km");
    let board = w.board("b", RankBy::Metric(metric), start);
    w.edit_board(board, edit);
    (w, board)
}

/// The run, and whether it begins.
fn named(notice: &Notice) -> (i64, bool) {
    match notice {
        Notice::BoardStarted { run, .. } => (*run, true),
        Notice::BoardFinished { run, .. } => (*run, false),
        other => panic!("{other:?}"),
    }
}

fn between(w: &World, after: &str, to: &str) -> Vec<(String, i64, bool)> {
    moment::between(&w.catalog, instant(after), instant(to))
        .iter()
        .map(|(at, notice)| {
            let (run, begins) = named(notice);
            (at.to_string(), run, begins)
        })
        .collect()
}

fn told(at: &str, run: i64, begins: bool) -> (String, i64, bool) {
    (at.to_owned(), run, begins)
}

#[test]
fn d10_weeks_are_told_on_their_eve_and_on_the_day_after() {
    let (w, _) = with_board("2026-11-02", |board| {
        board.run = Some(every(RunUnit::Day, 7));
    });
    assert_eq!(
        between(&w, "2026-01-01T00:00:00Z", "2026-11-16T23:00:00Z"),
        [
            told("2026-11-01T10:00:00Z", 0, true),
            told("2026-11-08T10:00:00Z", 1, true),
            told("2026-11-09T13:00:00Z", 0, false),
            told("2026-11-15T10:00:00Z", 2, true),
            told("2026-11-16T13:00:00Z", 1, false),
        ]
    );
}

#[test]
fn d10_months_keep_the_day_and_are_clamped() {
    let (w, _) = with_board("2026-01-31", |board| {
        board.run = Some(every(RunUnit::Month, 1));
    });
    assert_eq!(
        between(&w, "2026-01-01T00:00:00Z", "2026-04-30T14:00:00Z"),
        [
            told("2026-01-30T10:00:00Z", 0, true),
            told("2026-02-27T10:00:00Z", 1, true),
            told("2026-02-28T13:00:00Z", 0, false),
            told("2026-03-30T10:00:00Z", 2, true),
            told("2026-03-31T13:00:00Z", 1, false),
            told("2026-04-29T10:00:00Z", 3, true),
            told("2026-04-30T13:00:00Z", 2, false),
        ]
    );
}

#[test]
fn a_perpetual_board_begins_once_and_ends_if_it_has_an_end() {
    let (mut w, board) = with_board("2026-03-10", |_| {});
    let years = ("2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z");
    assert_eq!(
        between(&w, years.0, years.1),
        [told("2026-03-09T10:00:00Z", 0, true)]
    );
    w.edit_board(board, |board| board.end = Some(day("2026-03-10")));
    assert_eq!(
        between(&w, years.0, years.1),
        [
            told("2026-03-09T10:00:00Z", 0, true),
            told("2026-03-11T13:00:00Z", 0, false),
        ]
    );
    // The bounds of a span: the first does not belong to it, the last does.
    let ended = "2026-03-11T13:00:00Z";
    assert!(between(&w, ended, years.1).is_empty());
    assert_eq!(
        between(&w, "2026-03-11T12:59:59Z", ended),
        [told(ended, 0, false)]
    );
    // The last run is cut at the end.
    w.edit_board(board, |board| {
        board.run = Some(every(RunUnit::Day, 7));
        board.end = Some(day("2026-03-18"));
    });
    assert_eq!(
        between(&w, "2026-03-16T00:00:00Z", years.1),
        [
            told("2026-03-16T10:00:00Z", 1, true),
            told("2026-03-17T13:00:00Z", 0, false),
            told("2026-03-19T13:00:00Z", 1, false),
        ]
    );
    for status in [BoardStatus::Inactive, BoardStatus::Finished] {
        w.edit_board(board, |board| board.status = status);
        assert!(between(&w, years.0, years.1).is_empty(), "{status:?}");
        assert_eq!(moment::next(&w.catalog, w.now), None);
    }
    w.edit_board(board, |board| board.status = BoardStatus::Scheduled);
    assert_eq!(between(&w, years.0, years.1).len(), 4);
    let mut all = w.definitions.boards.iter_mut();
    all.find(|stored| stored.id == board.0).unwrap().is_archived = true;
    w.compile();
    assert!(between(&w, years.0, years.1).is_empty());
}

#[test]
fn the_next_moment_can_be_slept_until() {
    let (w, _) = with_board("2026-11-02", |board| {
        board.run = Some(every(RunUnit::Day, 7));
    });
    for (now, next) in [
        ("2026-11-01T09:59:59Z", Some("2026-11-01T10:00:00Z")),
        ("2026-11-01T10:00:00Z", Some("2026-11-08T10:00:00Z")),
        ("2026-11-08T10:00:00Z", Some("2026-11-09T13:00:00Z")),
        // Too far ahead.
        ("2026-09-01T10:00:00Z", None),
    ] {
        let found = moment::next(&w.catalog, instant(now));
        assert_eq!(found, next.map(instant), "{now}");
    }
}

/// What a change from one body to another tells at an instant.
fn changed(before: &Board, after: &Board, now: &str) -> Vec<(i64, bool)> {
    let mut w = World::new("2026-01-01T00:00:00Z");
    let board = w.board("b", RankBy::Streak, "2026-01-01");
    w.edit_board(board, |body| *body = before.clone());
    let old = w.catalog.clone();
    w.edit_board(board, |body| *body = after.clone());
    moment::changed(old.board(board), w.catalog.board(board), instant(now))
        .iter()
        .map(named)
        .collect()
}

#[test]
fn changes_by_hand_are_told_at_once() {
    use BoardStatus::{Active, Finished, Inactive, Scheduled};
    let (w, board) = with_board("2026-11-02", |board| {
        board.run = Some(every(RunUnit::Day, 7));
    });
    let weekly = |status| Board {
        status,
        ..w.catalog.board(board).unwrap().body().clone()
    };
    let until = |end: &str| Board {
        end: Some(day(end)),
        ..weekly(Active)
    };
    let noon = "2026-11-05T12:00:00Z";
    // Both runs are under way around a boundary: the first is not told to be over before 13:00.
    let both = "2026-11-09T12:30:00Z";
    for (what, before, after, now, expected) in [
        (
            "activated",
            weekly(Inactive),
            weekly(Active),
            noon,
            vec![(0, true)],
        ),
        (
            "activated late",
            weekly(Inactive),
            weekly(Active),
            both,
            vec![(0, true), (1, true)],
        ),
        (
            "scheduled on the eve",
            weekly(Inactive),
            weekly(Scheduled),
            "2026-11-01T10:00:00Z",
            vec![(0, true)],
        ),
        (
            "scheduled",
            weekly(Inactive),
            weekly(Scheduled),
            "2026-11-01T09:59:59Z",
            vec![],
        ),
        (
            "started by a worker",
            weekly(Scheduled),
            weekly(Active),
            noon,
            vec![],
        ),
        (
            "finished",
            weekly(Active),
            weekly(Finished),
            noon,
            vec![(0, false)],
        ),
        (
            "finished late",
            weekly(Active),
            weekly(Finished),
            both,
            vec![(0, false), (1, false)],
        ),
        ("taken back", weekly(Active), weekly(Inactive), noon, vec![]),
        (
            "finished long ago",
            weekly(Inactive),
            Board {
                status: Finished,
                ..until("2026-11-03")
            },
            noon,
            vec![],
        ),
        (
            "cut short",
            weekly(Active),
            until("2026-11-03"),
            noon,
            vec![(0, false)],
        ),
        (
            "revived",
            until("2026-11-03"),
            until("2026-11-20"),
            noon,
            vec![(0, true)],
        ),
        (
            "prolonged",
            until("2026-11-20"),
            weekly(Active),
            noon,
            vec![],
        ),
    ] {
        assert_eq!(changed(&before, &after, now), expected, "{what}");
    }
    let entry = w.catalog.board(board).unwrap();
    assert_eq!(moment::changed(None, Some(entry), instant(noon)).len(), 1);
    assert!(moment::changed(Some(entry), None, instant(noon)).is_empty());
}

fn board() -> impl Strategy<Value = Board> {
    let unit = prop_oneof![
        3 => Just(RunUnit::Day),
        2 => Just(RunUnit::Month),
        1 => Just(RunUnit::Year),
    ];
    let run = proptest::option::weighted(0.8, (unit, 1_i64..20));
    let end = proptest::option::weighted(0.5, 0_i64..200);
    (0_i64..120, end, run).prop_map(|(start, end, run)| {
        let (w, board) = with_board("2026-01-01", |_| {});
        let mut body = w.catalog.board(board).unwrap().body().clone();
        body.start = days_after(day("2026-01-01"), start);
        body.end = end.map(|days| days_after(body.start, days));
        body.run = run.map(|(unit, interval)| Run { unit, interval });
        body
    })
}

/// All moments of a board, day by day: on each date a run may begin, or have ended the day before.
fn expected(body: &Board, after: Timestamp, to: Timestamp) -> Vec<(Timestamp, i64, bool)> {
    let utc = Zone::utc();
    let schedule = body.schedule();
    let mut moments = Vec::new();
    let mut date = days_after(utc.date(after), -3);
    while date <= days_after(utc.date(to), 3) {
        let run = schedule.run_at(date);
        if let Some(run) = run.filter(|run| schedule.run_at(days_after(date, -1)) != Some(*run)) {
            let at = utc.start_of(days_after(date, -1)) + SignedDuration::from_hours(10);
            moments.push((at, run, true));
        }
        if let Some(run) = run.filter(|run| schedule.run_at(days_after(date, 1)) != Some(*run)) {
            let at = utc.start_of(days_after(date, 1)) + SignedDuration::from_hours(13);
            moments.push((at, run, false));
        }
        date = days_after(date, 1);
    }
    moments.retain(|(at, ..)| *at > after && *at <= to);
    moments.sort_by_key(|(at, run, _)| (*at, *run));
    moments
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// However a year is cut into spans, everything is told once and in order; the next moment is the first of them.
    #[test]
    fn adjoining_spans_tell_everything_once(
        body in board(),
        spans in proptest::collection::vec(1_i64..2_000, 1..40),
    ) {
        let (mut w, board) = with_board("2026-01-01", |_| {});
        w.edit_board(board, |edited| *edited = body.clone());
        let start = instant("2025-12-20T07:00:00Z");
        let mut now = start;
        let mut told = Vec::new();
        for hours in spans {
            let to = now + SignedDuration::from_hours(hours);
            let found = moment::between(&w.catalog, now, to);
            if let Some((first, _)) = found.first() {
                let is_near = *first <= now + SignedDuration::from_hours(32 * 24);
                prop_assert_eq!(moment::next(&w.catalog, now), is_near.then_some(*first));
            }
            for (at, notice) in found {
                let (run, begins) = named(&notice);
                told.push((at, run, begins));
            }
            now = to;
        }
        let mut sorted = told.clone();
        sorted.sort_by_key(|(at, ..)| *at);
        prop_assert_eq!(&told, &sorted);
        told.sort_by_key(|(at, run, _)| (*at, *run));
        prop_assert_eq!(told, expected(&body, start, now));
    }
}

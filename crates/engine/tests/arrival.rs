//! When events of a batch count that waited (spec/trophy.md 3.8).

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use engine::arrival::counts_at;
use engine::calendar::RunUnit;
use engine::definition::{BoardStatus, RankBy, Run};
use engine::id::BoardId;
use engine::state::UserState;
use engine::user::{Patch, User};
use world::{World, attributes, day, instant, tz};

const ARRIVED: &str = "2026-03-10T23:59:59Z";

/// Whether an event that arrived just before midnight counts then, if it is carried out at `now`.
fn is_in_time(w: &World, now: &str) -> bool {
    let (arrived, now) = (instant(ARRIVED), instant(now));
    let nobody = UserState::of(
        User::new(engine::id::UserId(1), "ada".to_owned(), now),
        true,
    );
    let state = w.users.get("ada").unwrap_or(&nobody);
    let event = World::record(Patch::default(), "km", "1", &[]);
    let at = counts_at(&w.catalog, state, &event, arrived, now);
    assert!(at == arrived || at == now);
    at == arrived
}

fn space() -> World {
    let mut w = World::new("2026-03-01T08:00:00Z");
    let km = w.metric("km");
    w.streak(km, 1);
    w
}

/// What happens to a user meanwhile, with a word for it.
type Change = (&'static str, fn(&mut World));

#[test]
fn it_counts_when_it_arrived_though_a_midnight_has_passed() {
    let mut w = space();
    assert!(is_in_time(&w, "2026-03-11T00:00:01Z"), "a new user");
    w.at("2026-03-09T12:00:00Z").event("ada", "km", "1");
    for now in [ARRIVED, "2026-03-11T00:00:01Z", "2026-03-20T00:00:00Z"] {
        assert!(is_in_time(&w, now), "{now}");
    }
    // So the streak goes on.
    w.at(ARRIVED).event("ada", "km", "1");
    assert_eq!(w.streak_of("ada").0, 2);
    assert_eq!(w.events[1].1.date, day("2026-03-10"));
}

#[test]
fn a_clock_that_went_back_makes_it_count_now() {
    assert!(!is_in_time(&space(), "2026-03-10T23:59:58Z"));
}

#[test]
fn whatever_changed_the_user_since_then_makes_it_count_now() {
    let changes: [Change; 4] = [
        ("an event", |w| {
            w.event("ada", "km", "1");
        }),
        ("a name", |w| {
            w.save("ada", attributes(&[("plan", "pro")]));
        }),
        ("a zone", |w| {
            w.save("ada", tz("Asia/Tokyo"));
        }),
        ("an achievement", |w| {
            w.try_complete("ada", "tour", Patch::default()).unwrap();
        }),
    ];
    for (what, change) in changes {
        let mut w = space();
        w.user_attribute("plan");
        w.achievement("tour", engine::definition::AchievementTrigger::Api);
        w.at("2026-03-09T12:00:00Z").event("ada", "km", "1");
        assert!(is_in_time(&w, "2026-03-11T12:00:00Z"), "{what}");
        w.at("2026-03-11T00:00:00.000001Z");
        change(&mut w);
        assert!(!is_in_time(&w, "2026-03-11T12:00:00Z"), "{what}");
    }
}

#[test]
fn a_midnight_that_was_settled_makes_it_count_now() {
    // Nothing is closed at the midnight after the arrival while the day before is all that was missed.
    let mut w = space();
    w.at("2026-03-09T12:00:00Z").event("ada", "km", "1");
    w.at("2026-03-10T23:00:00Z").settle("ada");
    assert!(is_in_time(&w, "2026-03-11T12:00:00Z"));
    w.at("2026-03-11T00:00:00Z").settle("ada");
    assert_eq!(w.streak_of("ada").0, 0, "the streak is lost");
    assert!(!is_in_time(&w, "2026-03-11T12:00:00Z"));
    // By a freeze.
    let mut w = space();
    w.freezes(1, 1, None);
    w.at("2026-03-09T12:00:00Z").event("ada", "km", "1");
    w.at("2026-03-11T00:00:00Z").settle("ada");
    assert_eq!(w.streak_of("ada"), (1, 0));
    assert!(!is_in_time(&w, "2026-03-11T12:00:00Z"));
    // By an earned freeze, of somebody without a streak.
    let mut w = space();
    w.freezes(0, 3, Some((1, 1)));
    w.at("2026-03-10T12:00:00Z").save("ada", Patch::default());
    assert!(is_in_time(&w, "2026-03-11T12:00:00Z"));
    w.at("2026-03-11T00:00:00Z").settle("ada");
    assert_eq!(w.streak_of("ada"), (0, 1));
    assert!(!is_in_time(&w, "2026-03-11T12:00:00Z"));
}

#[test]
fn a_run_that_is_over_for_everybody_makes_it_count_now() {
    type Edit = fn(&mut World, BoardId);
    let cases: [(&str, Edit); 3] = [
        ("a run", |w, board| {
            w.edit_board(board, |board| {
                board.run = Some(Run {
                    unit: RunUnit::Day,
                    interval: 1,
                });
            });
        }),
        ("the board", |w, board| {
            w.edit_board(board, |board| board.end = Some(day("2026-03-10")));
        }),
        ("by hand", |_, _| {}),
    ];
    for (what, edit) in cases {
        let mut w = space();
        let km = engine::id::MetricId(w.catalog.metric_by_key("km").unwrap().id);
        let board = w.board("b", RankBy::Metric(km), "2026-03-01");
        edit(&mut w, board);
        // The tenth of March ends on the last island at 12:00 UTC.
        assert!(is_in_time(&w, "2026-03-11T11:59:59Z"), "{what}");
        if what == "by hand" {
            w.edit_board(board, |board| board.status = BoardStatus::Inactive);
            // A board that ranks no more ranked nothing then.
            assert!(is_in_time(&w, "2026-03-11T12:00:01Z"));
        } else {
            assert!(!is_in_time(&w, "2026-03-11T12:00:01Z"), "{what}");
        }
    }
}

//! The worked cases of spec/trophy.md, Appendix D, as far as the rules decide them.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use engine::calendar::{Frequency, RunUnit};
use engine::command::Refusal;
use engine::definition::{RankBy, Run, StreakMode};
use engine::id::BoardId;
use engine::outcome::Notice;
use engine::state::PeriodMark;
use engine::user::Patch;
use world::{World, amount, day, every, instant, points_of, reaches, tz};

/// The value needed to get on a board now, as spec/trophy.md 7.9 derives it from the standings.
fn threshold(world: &World, board: BoardId, run: i64) -> i64 {
    let limit = world.catalog.board(board).unwrap().body().max_participants;
    let Some(standings) = world.standings.get(&(board, run, Vec::new())) else {
        return 0;
    };
    match standings.get(usize::try_from(limit).unwrap() - 1) {
        None => 0,
        Some(last) => engine::amount::Amount::from_millionths(last.value).rounded() + 1,
    }
}

#[test]
fn d1_first_event_of_a_new_user() {
    let mut w = World::new("2026-03-01T00:00:00Z");
    let words = w.metric("words-written");
    let reached = w.achievement("writer", reaches(words, "500"));
    w.streak(words, 1);
    let xp = w.system("xp");
    w.level(xp, "bronze", 0);
    let silver = w.level(xp, "silver", 50);
    w.trigger(xp, every(100, words), 10);
    let board = w.board("all-time", RankBy::Metric(words), "2026-03-01");
    w.edit_board(board, |board| board.max_participants = 100);

    w.at("2026-03-10T09:00:00Z");
    let reply = w.event_of("18", tz("Europe/London"), "words-written", "750");
    assert_eq!(reply.total, amount("750"));
    assert_eq!(reply.completed.len(), 1);
    assert_eq!(reply.completed[0].0, reached);
    assert_eq!(reply.completed[0].1.at, w.now);
    assert_eq!(reply.streak.length, 1);
    assert_eq!(reply.streak.frequency, Frequency::Daily);
    assert_eq!(reply.streak.started, Some(day("2026-03-10")));
    let period = reply.streak.period.unwrap();
    assert_eq!(
        (period.start, period.end),
        (day("2026-03-10"), day("2026-03-10"))
    );
    assert_eq!(reply.streak.expires, Some(day("2026-03-11")));
    assert_eq!(reply.streak.extended, Some(w.now));
    assert!(reply.is_extended);
    let points = points_of(&reply.points, xp).unwrap();
    assert_eq!(
        (points.added, points.total, points.awards.len()),
        (70, 70, 1)
    );
    assert_eq!(points.awards[0].amount, 70);
    assert_eq!(points.level, Some((None, Some(silver))));
    assert_eq!(reply.boards.len(), 1);
    assert_eq!((reply.boards[0].board, reply.boards[0].run), (board, 0));
    assert_eq!(w.ranks[&board], (None, Some(1)));
    assert_eq!(threshold(&w, board, 0), 0);
    assert!(!reply.is_replay);

    w.at("2026-03-10T10:00:00Z");
    let reply = w.event("18", "words-written", "1");
    assert_eq!(reply.total, amount("751"));
    assert!(reply.completed.is_empty() && reply.points.is_empty() && !reply.is_extended);
    assert_eq!(reply.streak.length, 1);
    assert_eq!(w.ranks[&board], (Some(1), Some(1)));
    w.check();
}

#[test]
fn d2_idempotency() {
    let mut w = World::new("2026-03-10T09:00:00Z");
    let a = w.metric("a");
    w.metric("b");
    let keyed = |metric: &str, value: &str, attributes: &[(&str, &str)]| {
        let mut event = World::record(Patch::default(), metric, value, attributes);
        event.idempotency_key = Some("k".to_owned());
        event
    };
    // An unknown attribute leaves the key free.
    let refused = w.try_event("1", keyed("a", "1", &[("nope", "x")]));
    assert!(matches!(refused, Err(Refusal::UnknownAttributes { .. })));
    let first = w.try_event("1", keyed("a", "5", &[])).unwrap();
    assert!(!first.is_replay);

    let again = w.try_event("1", keyed("a", "7", &[])).unwrap();
    assert!(again.is_replay);
    assert_eq!((again.event, again.total), (first.event, amount("5")));
    assert_eq!(w.state("1").total(a), amount("5"));
    assert!(again.completed.is_empty() && again.points.is_empty() && again.boards.is_empty());

    assert!(!w.try_event("1", keyed("b", "1", &[])).unwrap().is_replay);
    assert!(!w.try_event("2", keyed("a", "1", &[])).unwrap().is_replay);
    assert_eq!(w.events.len(), 3);
    w.check();
}

#[test]
fn d2_a_replay_leaves_the_user_as_it_is() {
    let mut w = World::new("2026-03-10T09:00:00Z");
    w.metric("a");
    let mut event = World::record(Patch::default(), "a", "1", &[]);
    event.idempotency_key = Some("k".to_owned());
    w.try_event("1", event.clone()).unwrap();
    event.user = tz("Europe/Rome");
    w.try_event("1", event).unwrap();
    assert_eq!(w.state("1").user.get().tz, None);
}

#[test]
fn d3_crossings() {
    let mut w = World::new("2026-03-10T09:00:00Z");
    let tasks = w.metric("tasks");
    let xp = w.system("xp");
    w.trigger(xp, every(3, tasks), 10);
    let cases: [(&str, &[(&str, i64)]); 2] = [
        (
            "falls",
            &[("2", 0), ("2", 10), ("-2", 0), ("2", 0), ("5", 20)],
        ),
        ("jumps", &[("7", 20)]),
    ];
    for (user, values) in cases {
        for (value, awarded) in values {
            let reply = w.event(user, "tasks", value);
            let added = points_of(&reply.points, xp).map_or(0, |change| change.added);
            assert_eq!(added, *awarded, "{user} {value}");
        }
    }
    w.check();
}

#[test]
fn d3_ten_times_a_tenth_is_one() {
    let mut w = World::new("2026-03-10T09:00:00Z");
    let km = w.metric("km");
    let xp = w.system("xp");
    w.trigger(xp, every(1, km), 5);
    let mut added = Vec::new();
    for _ in 0..10 {
        let reply = w.event("u", "km", "0.1");
        added.push(points_of(&reply.points, xp).map_or(0, |change| change.added));
    }
    assert_eq!(added, [0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
    assert_eq!(w.state("u").total(km), amount("1"));
}

/// Rows of D.4 without boosts: base, balance before, maximum, awarded, balance after.
#[test]
fn d4_caps_and_floor() {
    for (base, before, max, awarded, after) in [
        (10, 95, Some(100), 5, 100),
        (10, 100, Some(100), 0, 100),
        (-10, 50, None, -10, 40),
        (-10, 4, None, -4, 0),
    ] {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let gift = w.metric("gift");
        let use_up = w.metric("use");
        let xp = w.system("xp");
        w.trigger(xp, every(1, gift), before);
        w.trigger(xp, every(1, use_up), base);
        w.event("u", "gift", "1");
        if let Some(max) = max {
            w.cap(xp, max);
        }
        let entries = w.ledger.len();
        let reply = w.event("u", "use", "1");
        let change = points_of(&reply.points, xp);
        assert_eq!(
            change.map_or(0, |change| change.added),
            awarded,
            "{base} on {before}"
        );
        assert_eq!(w.ledger.len() - entries, usize::from(awarded != 0));
        assert_eq!(w.balance("u", xp), after);
        w.check();
    }
}

#[test]
fn d4_a_blocking_trigger_refuses_the_event() {
    let mut w = World::new("2026-03-10T09:00:00Z");
    let gift = w.metric("gift");
    let use_up = w.metric("use");
    let energy = w.system("energy");
    w.trigger(energy, every(1, gift), 4);
    let cost = w.trigger(energy, every(1, use_up), -10);
    w.edit_trigger(cost, |trigger| trigger.block_if_out_of_points = true);
    w.event("u", "gift", "1");
    let refused = w.try_event("u", World::record(Patch::default(), "use", "1", &[]));
    assert_eq!(refused, Err(Refusal::OutOfPoints("energy".to_owned())));
    assert_eq!(w.balance("u", energy), 4);
    assert!(!w.state("u").totals.contains_key(&use_up));
    assert_eq!(w.events.len(), 1);
    // Down to exactly zero is no reason to refuse.
    w.event("u", "gift", "2");
    w.edit_trigger(cost, |trigger| trigger.points = -12);
    assert_eq!(
        points_of(&w.event("u", "use", "1").points, energy)
            .unwrap()
            .total,
        0
    );
    w.check();
}

#[test]
fn d5_levels() {
    let mut w = World::new("2026-03-10T09:00:00Z");
    let up = w.metric("up");
    let down = w.metric("down");
    let xp = w.system("xp");
    w.trigger(xp, every(1, up), 1);
    w.trigger(xp, every(1, down), -1);
    let bronze = w.level(xp, "bronze", 0);
    let silver = w.level(xp, "silver", 50);
    let gold = w.level(xp, "gold", 200);
    for (before, metric, value, expected) in [
        ("10", "up", "30", None),
        ("40", "up", "10", Some((Some(bronze), Some(silver)))),
        ("40", "up", "210", Some((Some(bronze), Some(gold)))),
        ("60", "down", "15", Some((Some(silver), Some(bronze)))),
    ] {
        let user = format!("{before} {metric} {value}");
        w.event(&user, "up", before);
        let reply = w.event(&user, metric, value);
        assert_eq!(
            points_of(&reply.points, xp).unwrap().level,
            expected,
            "{user}"
        );
        let told = w
            .notices
            .iter()
            .filter(|n| matches!(n, Notice::PointsChanged(_)))
            .count();
        assert_eq!(told, 1);
    }

    let low = w.system("low");
    let only = w.level(low, "only", 10);
    w.trigger(low, every(1, up), 1);
    w.trigger(low, every(1, down), -1);
    w.event("low", "up", "12");
    let reply = w.event("low", "down", "9");
    assert_eq!(
        points_of(&reply.points, low).unwrap().level,
        Some((Some(only), None))
    );
    w.check();
}

/// 01-05 to the loss at 01-10 00:00, local time of New York.
#[test]
fn d7_daily_streak_with_freezes() {
    let mut w = World::new("2026-01-01T00:00:00Z");
    let act = w.metric("act");
    w.streak(act, 1);
    w.freezes(1, 2, Some((7, 1)));

    w.at("2026-01-05T17:00:00Z")
        .save("u", tz("America/New_York"));
    w.at("2026-01-06T04:30:00Z");
    let view = w.event("u", "act", "1").streak;
    assert_eq!(
        (view.length, view.freezes, view.expires),
        (1, 1, Some(day("2026-01-06")))
    );
    assert!(matches!(&w.notices[..], [Notice::StreakStarted(view)] if view.length == 1));

    w.at("2026-01-06T05:10:00Z");
    let view = w.event("u", "act", "1").streak;
    assert_eq!(
        (view.length, view.freezes, view.expires),
        (2, 1, Some(day("2026-01-07")))
    );
    assert!(matches!(&w.notices[..], [Notice::StreakExtended(view)] if view.length == 2));

    // 01-07: nothing; still there to be saved at the end of the day.
    w.at("2026-01-08T04:59:59Z").settle("u");
    assert_eq!(w.streak_of("u"), (2, 1));
    assert!(w.notices.is_empty());

    w.at("2026-01-08T05:00:00Z").settle("u");
    assert_eq!(w.streak_of("u"), (2, 0));
    assert_eq!(w.notices, [Notice::FreezeConsumed { freezes: 0 }]);
    let marks: Vec<_> = w
        .periods
        .values()
        .map(|p| (p.start, p.length, p.mark))
        .collect();
    assert_eq!(
        marks,
        [
            (day("2026-01-05"), 1, PeriodMark::Met),
            (day("2026-01-06"), 2, PeriodMark::Met),
            (day("2026-01-07"), 2, PeriodMark::Freeze),
        ]
    );

    w.at("2026-01-08T17:00:00Z");
    let view = w.event("u", "act", "1").streak;
    assert_eq!(
        (view.length, view.freezes, view.expires),
        (3, 0, Some(day("2026-01-09")))
    );

    w.at("2026-01-10T05:00:00Z").settle("u");
    assert_eq!(w.streak_of("u"), (0, 0));
    assert_eq!(w.notices, [Notice::StreakLost { length: 3 }]);
    w.check();
}

/// The last row: the freeze of 01-12 is granted, in a variant in which nothing was lost before.
#[test]
fn d7_accumulation_on_the_seventh_day() {
    let mut w = World::new("2026-01-01T00:00:00Z");
    let act = w.metric("act");
    w.streak(act, 1);
    w.freezes(1, 2, Some((7, 1)));
    w.at("2026-01-05T17:00:00Z")
        .save("u", tz("America/New_York"));
    for date in ["06", "07", "09", "10", "11"] {
        w.at(&format!("2026-01-{date}T17:00:00Z"))
            .event("u", "act", "1");
    }
    assert_eq!(w.streak_of("u"), (5, 0));
    w.at("2026-01-12T05:00:00Z").settle("u");
    assert_eq!(w.streak_of("u"), (5, 1));
    assert_eq!(
        w.notices,
        [Notice::FreezeEarned {
            earned: 1,
            freezes: 1
        }]
    );
}

#[test]
fn d9_weekly_and_monthly() {
    let mut w = World::new("2025-01-01T00:00:00Z");
    let act = w.metric("act");
    w.streak(act, 1);
    w.edit_streak(|streak| streak.frequency = Frequency::Weekly);
    w.at("2025-04-02T12:00:00Z");
    let view = w.event("weekly", "act", "1").streak;
    let period = view.period.unwrap();
    assert_eq!(view.started, Some(day("2025-04-02")));
    assert_eq!(
        (period.start, period.end),
        (day("2025-03-30"), day("2025-04-05"))
    );
    assert_eq!(view.expires, Some(day("2025-04-12")));

    w.edit_streak(|streak| streak.frequency = Frequency::Monthly);
    w.at("2026-01-31T12:00:00Z");
    let view = w.event("monthly", "act", "1").streak;
    let period = view.period.unwrap();
    assert_eq!(
        (period.start, period.end),
        (day("2026-01-01"), day("2026-01-31"))
    );
    assert_eq!(view.expires, Some(day("2026-02-28")));
}

#[test]
fn d9_and_or() {
    for (mode, expected) in [
        (StreakMode::And, [false, false, false, true]),
        (StreakMode::Or, [false, true, false, false]),
    ] {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let a = w.metric("a");
        let b = w.metric("b");
        w.streak(a, 5);
        w.streak(b, 2);
        w.edit_streak(|streak| streak.mode = mode);
        let extended = [("a", "3"), ("a", "2"), ("b", "1"), ("b", "1")]
            .map(|(metric, value)| w.event("u", metric, value).is_extended);
        assert_eq!(extended, expected, "{mode:?}");
        // Once met, a period stays met.
        let reply = w.event("u", "a", "-4");
        assert_eq!((reply.is_extended, reply.streak.length), (false, 1));
        w.at("2026-03-11T00:00:00Z").settle("u");
        assert_eq!(w.streak_of("u").0, 1);
    }
}

#[test]
fn d10_an_event_counts_for_the_run_of_the_local_date() {
    let mut w = World::new("2026-10-01T00:00:00Z");
    let km = w.metric("km");
    let board = w.board("weekly", RankBy::Metric(km), "2026-11-02");
    w.edit_board(board, |board| {
        board.run = Some(Run {
            unit: RunUnit::Day,
            interval: 7,
        });
    });
    for (zone, at, run) in [
        ("Pacific/Kiritimati", "2026-11-01T10:30:00Z", 0),
        ("Pacific/Honolulu", "2026-11-09T09:00:00Z", 0),
        ("Europe/London", "2026-11-09T09:00:00Z", 1),
    ] {
        w.now = instant(at);
        let user = format!("{zone} {at}").replace('/', "-");
        let reply = w.event_of(&user, tz(zone), "km", "1");
        assert_eq!(reply.boards.len(), 1, "{zone}");
        assert_eq!(reply.boards[0].run, run, "{zone}");
        assert_eq!(w.value(&user, board, run), 1_000_000);
        assert_eq!(w.value(&user, board, 1 - run), 0);
    }
    // Before the first date nothing counts.
    w.at("2026-11-01T09:59:59Z");
    assert!(
        w.event_of("early", tz("Pacific/Kiritimati"), "km", "1")
            .boards
            .is_empty()
    );
    w.check();
}

/// The rows of D.10 about time windows, for metrics and for the points they pay.
#[test]
fn d10_only_activity_inside_the_window_counts() {
    let mut w = World::new("2026-10-01T00:00:00Z");
    let km = w.metric("km");
    let xp = w.system("xp");
    w.trigger(xp, every(1, km), 5);
    let boards = [RankBy::Metric(km), RankBy::Points(xp)].map(|rank_by| {
        let board = w.board(&format!("{rank_by:?}"), rank_by, "2026-11-02");
        w.edit_board(board, |board| {
            board.start_time = "09:00".parse().ok();
            board.end_time = "17:00".parse().ok();
            board.run = Some(Run {
                unit: RunUnit::Day,
                interval: 7,
            });
        });
        board
    });
    for (at, run) in [
        ("2026-11-09T08:59:59.999999Z", None),
        ("2026-11-09T09:00:00Z", Some(1)),
        ("2026-11-09T16:59:59.999999Z", Some(1)),
        ("2026-11-09T17:00:00Z", None),
        ("2026-11-15T23:30:00Z", None),
        ("2026-11-16T09:00:00Z", Some(2)),
    ] {
        w.now = instant(at);
        let user = at.replace([':', '.'], "-");
        let reply = w.event_of(&user, tz("Europe/London"), "km", "1");
        let runs: Vec<_> = reply.boards.iter().map(|change| change.run).collect();
        assert_eq!(
            runs,
            vec![run.unwrap_or(0); if run.is_some() { 2 } else { 0 }],
            "{at}"
        );
        for (board, value) in boards.into_iter().zip([1_000_000, 5]) {
            let kept = run.map_or(0, |run| w.value(&user, board, run));
            assert_eq!(kept, if run.is_some() { value } else { 0 }, "{at}");
        }
    }
    w.check();
}

/// On a streak board with a window the length follows extensions inside it; a loss counts always.
#[test]
fn streak_boards_follow_extensions_inside_their_window() {
    let mut w = World::new("2026-03-09T06:00:00Z");
    let km = w.metric("km");
    w.streak(km, 1);
    let mornings = w.board("mornings", RankBy::Streak, "2026-03-01");
    w.edit_board(mornings, |board| board.end_time = "12:00".parse().ok());
    for (at, length, value) in [
        ("2026-03-10T09:00:00Z", 1, 1),
        ("2026-03-11T13:00:00Z", 2, 1),
        ("2026-03-12T11:59:59Z", 3, 3),
        ("2026-03-13T12:00:00Z", 4, 3),
        // Two days left out: lost, and begun anew outside, then extended inside.
        ("2026-03-16T13:00:00Z", 1, 0),
        ("2026-03-17T08:00:00Z", 2, 2),
    ] {
        let reply = w.at(at).event("u", "km", "1");
        assert_eq!(reply.streak.length, length, "{at}");
        assert_eq!(w.value("u", mornings, 0), value, "{at}");
    }
    w.at("2026-03-20T20:00:00Z").settle("u");
    assert_eq!(w.value("u", mornings, 0), 0);
    w.check();
}

#[test]
fn d11_rankings() {
    let mut w = World::new("2026-03-10T09:00:00Z");
    let km = w.metric("km");
    let board = w.board("top", RankBy::Metric(km), "2026-01-01");
    w.edit_board(board, |board| board.max_participants = 3);
    w.event("a", "km", "30");
    w.at("2026-03-10T10:00:00Z").event("b", "km", "20");
    assert_eq!(threshold(&w, board, 0), 0);
    w.at("2026-03-10T11:00:00Z").event("c", "km", "20");
    let rank = |w: &World, user: &str| w.place(user, board, 0).unwrap().1;
    assert_eq!([rank(&w, "a"), rank(&w, "b"), rank(&w, "c")], [1, 2, 3]);
    assert_eq!(threshold(&w, board, 0), 21);

    w.at("2026-03-10T12:00:00Z").event("d", "km", "20");
    assert_eq!(rank(&w, "d"), 4, "beyond the three who are shown");
    assert_eq!(w.ranks[&board], (None, Some(4)));
    w.event("d", "km", "1");
    assert_eq!([rank(&w, "d"), rank(&w, "b"), rank(&w, "c")], [2, 3, 4]);
    w.check();
}

#[test]
fn d11_fractions_are_ranked_exactly() {
    let mut w = World::new("2026-03-10T09:00:00Z");
    let km = w.metric("km");
    let board = w.board("top", RankBy::Metric(km), "2026-01-01");
    w.event("half", "km", "2.5");
    w.at("2026-03-10T10:00:00Z").event("more", "km", "2.6");
    assert_eq!(w.place("more", board, 0).unwrap().1, 1);
    let shown = engine::amount::Amount::from_millionths(w.value("half", board, 0)).rounded();
    assert_eq!(shown, 3);
}

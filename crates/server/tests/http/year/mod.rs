//! A whole year of two users on a test clock, in one run: every answer and every webhook is what the specification says.
//!
//! Ada reads twenty pages a day, with gaps; Bob reads seventy-five on Wednesdays and Saturdays. What is expected comes from a
//! naive model (`oracle`), and the model is held against days that are derived by hand (`by_hand`). All of it is in local civil
//! time and the same in every zone; what the specification fixes in UTC falls on other hours in each.
//!
//! People act between 14:30 and 18:00, when the local date is the UTC date in all three zones, so that the present run of a board
//! is the present run of its users (AMB-37); only the first days, before the boards begin, pass midnight.

mod by_hand;
mod oracle;
mod walk;

use jiff::civil::{Date, Weekday};
use serde_json::json;

use crate::support::{Engine, TestApp};
use oracle::{BOOST, MONTHLY, Minute, WEEKLY, day};
use walk::Walk;

/// What happens at a minute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    /// Pages of a user.
    Pages(&'static str, i64),
    /// A slip of Ada, which costs a hundred points.
    Slip,
    Pause,
    Restore,
    Reset,
    /// A type of message to Ada by mail: off or on.
    Mail(&'static str, bool),
    Boost,
    /// Recaps are of months from now on.
    SumUpMonths,
    /// Looks at what is derived by hand.
    Look(Look),
}

/// What is looked at on the way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    Frozen,
    Paused,
    Reset,
    Boosted,
    Nothing,
}

fn at(date: Date, hour: i32, minute: i32) -> Minute {
    (date, hour * 60 + minute)
}

/// Whether Ada reads nothing on a date.
fn is_gap(date: Date) -> bool {
    let between = |from: Date, to: Date| from <= date && date <= to;
    // Two freezes.
    between(day(2026, 2, 10), day(2026, 2, 11))
        // The pause, but for the 8th, when clocks go forward in New York.
        || (between(day(2026, 3, 6), day(2026, 3, 10)) && date != day(2026, 3, 8))
        // Two freezes and the loss.
        || between(day(2026, 4, 13), day(2026, 4, 15))
        // A freeze each, one of them without a reminder.
        || date == day(2026, 6, 10)
        || date == day(2026, 6, 20)
        // Away.
        || between(day(2026, 7, 1), day(2026, 8, 2))
}

/// The year.
fn plan() -> Vec<(Minute, Deed)> {
    let ada = |value| Deed::Pages("ada", value);
    // Appendix D.7 to the letter.
    let mut plan = vec![
        (at(day(2026, 1, 5), 23, 30), ada(20)),
        (at(day(2026, 1, 6), 0, 10), ada(20)),
        (at(day(2026, 1, 8), 12, 0), ada(20)),
        (at(day(2026, 1, 8), 12, 30), Deed::Look(Look::Frozen)),
        (at(day(2026, 1, 10), 8, 0), Deed::Restore),
        (at(day(2026, 1, 10), 9, 0), ada(20)),
        (at(day(2026, 3, 5), 18, 0), Deed::Pause),
        (at(day(2026, 3, 5), 18, 30), Deed::Look(Look::Paused)),
        (at(day(2026, 4, 16), 10, 0), Deed::Restore),
        (at(day(2026, 5, 20), 18, 0), Deed::Reset),
        (at(day(2026, 5, 20), 18, 10), Deed::Look(Look::Reset)),
        // Below the threshold, then above it.
        (at(day(2026, 5, 22), 14, 30), ada(4)),
        (at(day(2026, 5, 22), 16, 0), ada(16)),
        (at(day(2026, 6, 1), 12, 0), Deed::Boost),
        (
            at(day(2026, 6, 5), 12, 0),
            Deed::Mail("streak_reminder", false),
        ),
        (
            at(day(2026, 6, 15), 12, 0),
            Deed::Mail("streak_reminder", true),
        ),
        (at(day(2026, 6, 24), 12, 0), Deed::Look(Look::Boosted)),
        // One recap and one reactivation of July are not told.
        (at(day(2026, 7, 11), 12, 0), Deed::Mail("recap", false)),
        (at(day(2026, 7, 13), 12, 0), Deed::Mail("recap", true)),
        (
            at(day(2026, 7, 14), 8, 0),
            Deed::Mail("reactivation", false),
        ),
        (
            at(day(2026, 7, 14), 10, 0),
            Deed::Mail("reactivation", true),
        ),
        (at(day(2026, 8, 20), 12, 0), Deed::SumUpMonths),
        // Appendix D.14: within quarters of an hour.
        (at(day(2026, 9, 15), 14, 33), ada(20)),
        (at(day(2026, 9, 15), 14, 39), ada(20)),
        (at(day(2026, 9, 15), 14, 50), ada(20)),
        (at(day(2026, 10, 20), 18, 0), Deed::Slip),
        (at(day(2027, 1, 6), 12, 0), Deed::Look(Look::Nothing)),
    ];
    let mut date = day(2026, 1, 11);
    while date <= day(2027, 1, 5) {
        if !is_gap(date) && date != day(2026, 5, 22) {
            plan.push((at(date, 14, 30), ada(20)));
        }
        let is_bobs = matches!(date.weekday(), Weekday::Wednesday | Weekday::Saturday);
        if is_bobs && date >= day(2026, 2, 4) && date.year() == 2026 {
            plan.push((at(date, 15, 0), Deed::Pages("bob", 75)));
        }
        date = date.tomorrow().unwrap();
    }
    plan
}

fn configure(walk: &Walk<'_>) {
    let pages = walk.create("/metrics", &json!({"name": "Pages", "key": "pages"}));
    let slips = walk.create("/metrics", &json!({"name": "Slips", "key": "slips"}));
    let streaks = json!({
        "frequency": "daily",
        "metrics": [{"key": "pages", "threshold": 10}],
        "freezes": {"startCount": 1, "maxCount": 2, "autoEarnInterval": 7, "autoEarnAmount": 1},
    });
    walk.patch("/admin/v1/streaks/settings", &streaks);
    let achievement = |item: serde_json::Value| {
        let mut item = item;
        item["status"] = json!("active");
        walk.create("/achievements", &item)["id"].clone()
    };
    let hundred = achievement(
        json!({"name": "Hundred", "trigger": "metric", "metricId": pages["id"], "metricValue": 100}),
    );
    achievement(
        json!({"name": "Slipped", "trigger": "metric", "metricId": slips["id"], "metricValue": 1}),
    );
    achievement(json!({"name": "First day", "trigger": "streak", "streakLength": 1}));
    let week = achievement(json!({"name": "Week", "trigger": "streak", "streakLength": 7}));
    let both = achievement(
        json!({"name": "Both", "trigger": "achievement", "achievementIds": [hundred, week]}),
    );
    achievement(json!({"name": "A year", "trigger": "anniversary", "anniversaryYears": 1}));
    let system = walk.create(
        "/points",
        &json!({
            "name": "XP", "key": "xp",
            "levels": [
                {"name": "Bronze", "key": "bronze", "points": 0},
                {"name": "Silver", "key": "silver", "points": 500},
                {"name": "Gold", "key": "gold", "points": 1600},
            ],
            "triggers": [
                {"type": "metric", "status": "active", "points": 5, "metricId": pages["id"], "metricThreshold": 20},
                {"type": "metric", "status": "active", "points": -100, "metricId": slips["id"], "metricThreshold": 1},
                {"type": "streak", "status": "active", "points": 10, "streakLength": 7},
                {"type": "achievement", "status": "active", "points": 50, "achievementId": both},
            ],
        }),
    );
    walk.create(
        "/leaderboards",
        &json!({"name": "Weekly", "key": "weekly", "rankBy": "metric", "metricId": pages["id"], "status": "scheduled",
                "start": WEEKLY.to_string(), "runUnit": "day", "runInterval": 7}),
    );
    walk.create(
        "/leaderboards",
        &json!({"name": "Monthly", "key": "monthly", "rankBy": "points", "pointsSystemId": system["id"],
                "status": "scheduled", "start": MONTHLY.to_string(), "runUnit": "month", "runInterval": 1}),
    );
}

fn act(walk: &mut Walk<'_>, deed: Deed) {
    let ada = json!({"users": [{"id": "ada"}]});
    match deed {
        Deed::Pages(user, value) => walk.event(user, "pages", value),
        Deed::Slip => walk.event("ada", "slips", 1),
        Deed::Pause => {
            let (from, to) = (day(2026, 3, 6), day(2026, 3, 10));
            let pause = json!({"userId": "ada", "start": from.to_string(), "end": to.to_string()});
            walk.post("/streaks/pauses", &json!({"pauses": [pause]}));
            walk.oracle.pause("ada", from, to);
        }
        Deed::Restore => {
            let answer = walk.post("/streaks/restore", &ada);
            assert_eq!(answer, json!({"restoredUsers": ["ada"], "issues": []}));
            walk.oracle.restore("ada");
        }
        Deed::Reset => {
            let answer = walk.call("POST", "/admin/v1/streaks/reset", Some(&ada));
            let reset = json!({"resetUsers": ["ada"], "issues": []});
            assert_eq!(answer.json, reset, "{}", answer.text);
            walk.oracle.reset("ada");
        }
        Deed::Mail(kind, is_on) => {
            let channels = if is_on { json!(["email"]) } else { json!([]) };
            let body = json!({"notifications": {kind: channels}});
            let answer = walk.patch("/v1/users/ada/preferences", &body);
            assert_eq!(answer["notifications"][kind], channels);
            walk.oracle.silence("ada", kind, !is_on);
        }
        Deed::Boost => {
            let systems = walk.get("/admin/v1/points");
            let path = format!("/points/{}/boosts", systems[0]["id"].as_str().unwrap());
            let (start, end) = (BOOST.0.to_string(), BOOST.1.to_string());
            let boost = walk.create(
                &path,
                &json!({"name": "Double", "start": start, "end": end, "multiplier": 2}),
            );
            assert_eq!(boost["status"], "scheduled");
        }
        Deed::SumUpMonths => {
            let body = json!({"aggregationPeriod": "monthly"});
            walk.patch("/admin/v1/settings", &body);
            walk.oracle.sum_up_months();
        }
        Deed::Look(Look::Frozen) => by_hand::a_freeze_in_the_history(walk),
        Deed::Look(Look::Paused) => by_hand::a_pause_ahead(walk),
        Deed::Look(Look::Reset) => by_hand::a_reset(walk),
        Deed::Look(Look::Boosted) => by_hand::a_boost(walk),
        Deed::Look(Look::Nothing) => {}
    }
    walk.told();
}

fn a_year(engine: Engine, tz: &'static str) {
    let began = server::telemetry::start();
    let app = TestApp::start(engine, "2026-06-01T12:00:00Z");
    let mut walk = Walk::begin(&app, tz, at(day(2026, 1, 4), 12, 0));
    configure(&walk);
    let mut plan = plan();
    // Just before moments in UTC, and at them.
    for (date, hour) in [
        (day(2026, 6, 21), 10),
        (day(2026, 6, 29), 13),
        (day(2026, 9, 6), 10),
        (day(2026, 9, 14), 13),
    ] {
        for stop in [walk.of_utc(date, hour - 1, 59), walk.of_utc(date, hour, 0)] {
            plan.push((stop, Deed::Look(Look::Nothing)));
        }
    }
    plan.sort_unstable();
    for (minute, deed) in plan {
        walk.go(minute);
        act(&mut walk, deed);
    }
    by_hand::days(&walk);
    by_hand::messages(&walk);
    by_hand::reads(&walk);
    eprintln!(
        "{engine:?}, {tz}: {:?}, {} lines",
        began.elapsed(),
        walk.diary.len()
    );
}

#[test]
fn a_year_in_new_york() {
    a_year(Engine::Sqlite, "America/New_York");
}

#[test]
fn a_year_in_kiritimati() {
    a_year(Engine::Sqlite, "Pacific/Kiritimati");
}

#[test]
fn a_year_in_kathmandu() {
    a_year(Engine::Sqlite, "Asia/Kathmandu");
}

#[test]
fn a_year_on_postgres() {
    a_year(Engine::Postgres, "America/New_York");
}

//! When missions come and go: pushes at each user's own midnight, weeks, cron, ranges (spec/aworld.md 4.4, 4.5).

use serde_json::{Value, json};

use super::{
    activity, configuration, counting, expect, lazy, log, mission, mission_rule, missions, tag,
    tag_user, user, with,
};
use crate::support::{TestApp, on_both};

fn set_up(app: &TestApp, timeframe: &Value) {
    activity(app, "walk", &json!({}));
    configuration(app, &counting("steps", "walk", &json!(3)));
    mission_rule(app, &with(lazy("rule", &["steps"]), timeframe));
}

fn in_zone(app: &TestApp, name: &str, zone: &str) -> String {
    user(app, name, &json!({"timezone": zone}))
}

/// The periods of a user's missions, in order.
fn periods(app: &TestApp, user: &str) -> Vec<String> {
    let all = missions(app, user);
    let mut periods: Vec<String> = all
        .iter()
        .map(|one| super::text(&one["periodId"]))
        .collect();
    periods.sort();
    periods
}

/// A daily push from 28 March on. The clocks of Berlin skip an hour on 29 March at 01:00 UTC, those of New York did so on 8 March.
#[test]
fn scheduled_pushes_come_at_each_users_own_midnight() {
    on_both("2026-03-27T09:00:00Z", |app| {
        let walkers = tag(app, "likes", "walking");
        set_up(
            app,
            &json!({
                "assignmentMode": "SCHEDULED_PUSH", "timeframeType": "RECURRING", "recurrence": "DAILY",
                "timeframeStartsAt": "2026-03-28T00:00:00.000Z", "timeframeEndsAt": "2026-04-01T00:00:00.000Z",
                "usersMatchCondition": {"in": [walkers, {"var": "user.tags"}]},
            }),
        );
        let island = in_zone(app, "island", "Pacific/Kiritimati");
        let berlin = in_zone(app, "berlin", "Europe/Berlin");
        let city = in_zone(app, "city", "America/New_York");
        let lazy_one = in_zone(app, "lazy", "Europe/Berlin");
        for user in [&island, &berlin, &city] {
            tag_user(app, user, &walkers);
        }
        app.step();
        // 28 March begins at 10:00 on the 27th, at 23:00, at 04:00 on the 28th. The lists are read an hour later each, so that
        // the instant of creation shows that it was the push, not the reader, that made them.
        let pushes = [
            (
                &island,
                "2026-03-27T10:00:00",
                "2026-03-28T10:00:00",
                "2026-03-27T11:00:00Z",
            ),
            (
                &berlin,
                "2026-03-27T23:00:00",
                "2026-03-28T23:00:00",
                "2026-03-28T00:00:00Z",
            ),
            (
                &city,
                "2026-03-28T04:00:00",
                "2026-03-29T04:00:00",
                "2026-03-28T05:00:00Z",
            ),
        ];
        app.travel("2026-03-27T09:59:59Z");
        assert_eq!(periods(app, &island), [""; 0]);
        for (user, starts, ends, read) in pushes {
            let before: jiff::Timestamp = format!("{starts}Z").parse().unwrap();
            app.travel(&(before - jiff::SignedDuration::from_secs(1)).to_string());
            assert_eq!(periods(app, user), [""; 0]);
            app.travel(&format!("{starts}Z"));
            app.jump(read);
            expect(
                &mission(app, user, "steps", "2026-03-28"),
                &json!({
                    "startsAt": format!("{starts}.000Z"), "endsAt": format!("{ends}.000Z"),
                    "createdAt": format!("{starts}.000Z"), "state": "ACTIVE", "missionRuleId": "rule",
                }),
            );
        }
        assert_eq!(periods(app, &lazy_one), [""; 0]);
        // It counts without anybody having listed anything: New York's 28th, still.
        log(app, &city, "walk", &json!(1));

        // The short day of Berlin: 23 hours.
        app.travel("2026-03-28T23:00:00Z");
        app.jump("2026-03-29T12:00:00Z");
        expect(
            &mission(app, &berlin, "steps", "2026-03-29"),
            &json!({
                "startsAt": "2026-03-28T23:00:00.000Z", "endsAt": "2026-03-29T22:00:00.000Z",
                "createdAt": "2026-03-28T23:00:00.000Z",
            }),
        );
        // The push of a day that is over is not made up for: nobody came by in New York on the 29th and 30th.
        app.travel("2026-03-31T12:00:00Z");
        assert_eq!(periods(app, &city), ["2026-03-28", "2026-03-31"]);
        expect(
            &mission(app, &city, "steps", "2026-03-28"),
            &json!({"currentAmount": 1.0, "state": "ENDED", "isCompleted": false}),
        );
        // The rule ends on 1 April, on each user's clock: on Kiritimati (02:00 on 1 April) it is over. The 29th was pushed when
        // the sweep came by at 23:00 UTC on the 28th.
        assert_eq!(periods(app, &island), ["2026-03-28", "2026-03-29"]);
        app.travel("2026-04-02T12:00:00Z");
        assert_eq!(periods(app, &city), ["2026-03-28", "2026-03-31"]);
    });
}

/// Somebody who comes to match, or is made, in the middle of a period gets the mission of the period.
#[test]
fn pushes_reach_those_who_come_late() {
    on_both("2026-03-27T09:00:00Z", |app| {
        let early = in_zone(app, "early", "UTC");
        set_up(
            app,
            &json!({
                "assignmentMode": "SCHEDULED_PUSH", "timeframeType": "RECURRING", "recurrence": "WEEKLY",
                "timeframeEndsAt": "2026-12-01T00:00:00.000Z",
            }),
        );
        app.step();
        app.jump("2026-03-27T10:00:00Z");
        // 27 March 2026 is the Friday of the week that began on Monday, 23 March: the thirteenth.
        expect(
            &mission(app, &early, "steps", "2026-W13"),
            &json!({
                "startsAt": "2026-03-23T00:00:00.000Z", "endsAt": "2026-03-30T00:00:00.000Z",
                "createdAt": "2026-03-27T09:00:00.000Z",
            }),
        );
        let late = in_zone(app, "late", "UTC");
        let other = app.user("made-by-the-first-dialect");
        assert_eq!(periods(app, &late), ["2026-W13"]);
        app.travel("2026-03-30T00:00:00Z");
        app.jump("2026-03-30T01:00:00Z");
        for user in [&early, &late, &other] {
            expect(
                &mission(app, user, "steps", "2026-W14"),
                &json!({"createdAt": "2026-03-30T00:00:00.000Z"}),
            );
        }
        assert_eq!(periods(app, &late), ["2026-W13", "2026-W14"]);
    });
}

/// 31 January, 12:00 UTC is February on Kiritimati. Whoever flies to New York then, where it is January, gets neither January
/// nor February again.
#[test]
fn whoever_flies_west_gets_no_month_twice() {
    on_both("2026-01-31T12:00:00Z", |app| {
        set_up(
            app,
            &json!({
                "timeframeType": "RECURRING", "recurrence": "MONTHLY", "timeframeEndsAt": "2027-01-01T00:00:00.000Z",
            }),
        );
        let flier = in_zone(app, "flier", "Pacific/Kiritimati");
        let february = mission(app, &flier, "steps", "2026-02");
        let path = format!("/users/{flier}");
        let moved = json!({"timezone": "America/New_York"});
        app.dash("PATCH", &path, &moved).expect(200);
        assert_eq!(periods(app, &flier), ["2026-02"]);
        // What runs keeps its bounds.
        log(app, &flier, "walk", &json!(1));
        expect(
            &mission(app, &flier, "steps", "2026-02"),
            &json!({"currentAmount": 1.0, "startsAt": february["startsAt"], "endsAt": february["endsAt"]}),
        );
        app.travel("2026-02-01T05:00:00Z");
        assert_eq!(periods(app, &flier), ["2026-02"]);
        app.travel("2026-03-01T05:00:00Z");
        assert_eq!(periods(app, &flier), ["2026-02", "2026-03"]);
        expect(
            &mission(app, &flier, "steps", "2026-03"),
            &json!({"startsAt": "2026-03-01T05:00:00.000Z", "endsAt": "2026-04-01T04:00:00.000Z"}),
        );
    });
}

/// ISO weeks: 2026 begins on a Thursday and has 53 of them, the last from 28 December to 3 January.
#[test]
fn weeks_are_iso_weeks_of_the_users_own_calendar() {
    on_both("2027-01-01T12:00:00Z", |app| {
        set_up(
            app,
            &json!({
                "timeframeType": "RECURRING", "recurrence": "WEEKLY", "timeframeEndsAt": "2028-01-01T00:00:00.000Z",
            }),
        );
        let utc = in_zone(app, "utc", "UTC");
        let island = in_zone(app, "island", "Pacific/Kiritimati");
        expect(
            &mission(app, &utc, "steps", "2026-W53"),
            &json!({"startsAt": "2026-12-28T00:00:00.000Z", "endsAt": "2027-01-04T00:00:00.000Z"}),
        );
        app.travel("2027-01-03T09:59:59Z");
        assert_eq!(periods(app, &island), ["2026-W53"]);
        // Monday begins on Kiritimati while it is Sunday, 10:00 UTC.
        app.travel("2027-01-03T10:00:00Z");
        assert_eq!(periods(app, &island), ["2026-W53", "2027-W01"]);
        assert_eq!(periods(app, &utc), ["2026-W53"]);
        expect(
            &mission(app, &island, "steps", "2027-W01"),
            &json!({"startsAt": "2027-01-03T10:00:00.000Z", "endsAt": "2027-01-10T10:00:00.000Z"}),
        );
        app.travel("2027-01-04T00:00:00Z");
        assert_eq!(periods(app, &utc), ["2026-W53", "2027-W01"]);
    });
}

/// Fridays at 18:30 in Tokyo are 09:30 UTC, whatever the user's zone. 27 March and 3 April 2026 are Fridays.
#[test]
fn cron_in_a_fixed_zone_is_the_same_for_everybody() {
    on_both("2026-04-01T12:00:00Z", |app| {
        set_up(
            app,
            &json!({
                "timeframeType": "RECURRING", "recurrence": "CUSTOM", "scheduleCron": "30 18 * * 5",
                "timeframeTimezoneType": "FIXED", "timeframeTimezone": "Asia/Tokyo",
                "timeframeStartsAt": "2026-03-01T00:00:00.000Z", "timeframeEndsAt": "2026-04-10T00:00:00.000Z",
            }),
        );
        let city = in_zone(app, "city", "America/New_York");
        let island = in_zone(app, "island", "Pacific/Kiritimati");
        for user in [&city, &island] {
            expect(
                &mission(app, user, "steps", "2026-03-27T09:30:00"),
                &json!({"startsAt": "2026-03-27T09:30:00.000Z", "endsAt": "2026-04-03T09:30:00.000Z"}),
            );
        }
        app.travel("2026-04-03T09:29:59Z");
        log(app, &city, "walk", &json!(1));
        app.travel("2026-04-03T09:30:00Z");
        log(app, &city, "walk", &json!(1));
        expect(
            &mission(app, &city, "steps", "2026-03-27T09:30:00"),
            &json!({"currentAmount": 1.0, "state": "ENDED"}),
        );
        expect(
            &mission(app, &city, "steps", "2026-04-03T09:30:00"),
            &json!({"currentAmount": 0.0, "state": "ACTIVE", "startsAt": "2026-04-03T09:30:00.000Z"}),
        );
        // The rule is over before the next Friday.
        app.travel("2026-04-10T09:30:00Z");
        assert_eq!(missions(app, &city).len(), 2);
        assert_eq!(missions(app, &island).len(), 1);
    });
}

/// A range in USER zones begins and ends on each user's clock; its period is named by the rule's start in UTC.
#[test]
fn a_range_holds_on_each_users_clock() {
    on_both("2026-05-31T09:59:59Z", |app| {
        set_up(
            app,
            &json!({
                "timeframeType": "RANGE", "timeframeStartsAt": "2026-06-01T00:00:00.000Z",
                "timeframeEndsAt": "2026-06-02T00:00:00.000Z",
            }),
        );
        let island = in_zone(app, "island", "Pacific/Kiritimati");
        let city = in_zone(app, "city", "America/New_York");
        assert_eq!(missions(app, &island).len(), 0);
        app.travel("2026-05-31T10:00:00Z");
        expect(
            &mission(app, &island, "steps", "2026-06-01T00:00:00"),
            &json!({
                "timeframeType": "RANGE", "startsAt": "2026-05-31T10:00:00.000Z", "endsAt": "2026-06-01T10:00:00.000Z",
            }),
        );
        assert_eq!(missions(app, &city).len(), 0);
        // 1 June 00:00 EDT.
        app.travel("2026-06-01T04:00:00Z");
        expect(
            &mission(app, &city, "steps", "2026-06-01T00:00:00"),
            &json!({"startsAt": "2026-06-01T04:00:00.000Z", "endsAt": "2026-06-02T04:00:00.000Z"}),
        );
        app.travel("2026-06-02T03:59:59Z");
        log(app, &city, "walk", &json!(1));
        log(app, &island, "walk", &json!(1));
        app.travel("2026-06-02T04:00:00Z");
        log(app, &city, "walk", &json!(1));
        let period = "2026-06-01T00:00:00";
        expect(
            &mission(app, &city, "steps", period),
            &json!({"currentAmount": 1.0, "state": "ENDED"}),
        );
        expect(
            &mission(app, &island, "steps", period),
            &json!({"currentAmount": 0.0, "state": "ENDED"}),
        );
    });
}

/// Midnights that a clock skips, or shows twice. Cairo goes from 24 April 2026, 00:00 (22:00 UTC) to 01:00; Havana goes from
/// 2 November 2025, 01:00 (05:00 UTC) back to 00:00.
#[test]
fn pushes_come_once_where_midnight_is_missing_or_doubled() {
    let daily = json!({
        "assignmentMode": "SCHEDULED_PUSH", "timeframeType": "RECURRING", "recurrence": "DAILY",
        "timeframeStartsAt": "2025-01-01T00:00:00.000Z", "timeframeEndsAt": "2027-01-01T00:00:00.000Z",
    });
    on_both("2026-04-23T12:00:00Z", |app| {
        set_up(app, &daily);
        let cairo = in_zone(app, "cairo", "Africa/Cairo");
        app.travel("2026-04-23T21:59:59Z");
        assert_eq!(periods(app, &cairo), ["2026-04-23"]);
        app.travel("2026-04-23T22:00:00Z");
        app.jump("2026-04-23T22:30:00Z");
        // UTC+2 before, UTC+3 after: 23 hours.
        expect(
            &mission(app, &cairo, "steps", "2026-04-24"),
            &json!({
                "startsAt": "2026-04-23T22:00:00.000Z", "endsAt": "2026-04-24T21:00:00.000Z",
                "createdAt": "2026-04-23T22:00:00.000Z",
            }),
        );
    });
    on_both("2025-11-01T12:00:00Z", |app| {
        set_up(app, &daily);
        let havana = in_zone(app, "havana", "America/Havana");
        app.step();
        // 00:00 CDT is UTC-4; the day has 25 hours, to 00:00 CST on the 3rd.
        app.travel("2025-11-02T04:00:00Z");
        app.travel("2025-11-02T05:00:00Z");
        app.travel("2025-11-02T05:30:00Z");
        expect(
            &mission(app, &havana, "steps", "2025-11-02"),
            &json!({
                "startsAt": "2025-11-02T04:00:00.000Z", "endsAt": "2025-11-03T05:00:00.000Z",
                "createdAt": "2025-11-02T04:00:00.000Z",
            }),
        );
        app.travel("2025-11-03T04:59:59Z");
        assert_eq!(periods(app, &havana), ["2025-11-01", "2025-11-02"]);
        app.travel("2025-11-03T05:00:00Z");
        assert_eq!(
            periods(app, &havana),
            ["2025-11-01", "2025-11-02", "2025-11-03"]
        );
    });
}

/// Nine in the morning on each user's clock: 07:00 UTC in Berlin, 13:00 UTC in New York, in June.
#[test]
fn cron_pushes_come_on_each_users_own_clock() {
    on_both("2026-06-01T06:00:00Z", |app| {
        set_up(
            app,
            &json!({
                "assignmentMode": "SCHEDULED_PUSH", "timeframeType": "RECURRING", "recurrence": "CUSTOM",
                "scheduleCron": "0 9 * * *", "timeframeStartsAt": "2026-06-01T00:00:00.000Z",
                "timeframeEndsAt": "2026-07-01T00:00:00.000Z",
            }),
        );
        let berlin = in_zone(app, "berlin", "Europe/Berlin");
        let city = in_zone(app, "city", "America/New_York");
        app.step();
        // It has not fired since the start of the rule.
        assert_eq!(periods(app, &berlin), [""; 0]);
        for (user, fires, ends, read) in [
            (
                &berlin,
                "2026-06-01T07:00:00",
                "2026-06-02T07:00:00",
                "2026-06-01T08:00:00Z",
            ),
            (
                &city,
                "2026-06-01T13:00:00",
                "2026-06-02T13:00:00",
                "2026-06-01T14:00:00Z",
            ),
        ] {
            app.travel(&format!("{fires}Z"));
            app.jump(read);
            expect(
                &mission(app, user, "steps", fires),
                &json!({
                    "startsAt": format!("{fires}.000Z"), "endsAt": format!("{ends}.000Z"),
                    "createdAt": format!("{fires}.000Z"),
                }),
            );
        }
    });
}

/// The last period of a rule that ends inside it: missions last for their whole period (decisions 4.5), and none follows.
#[test]
fn a_rule_that_ends_inside_a_period_lets_it_run_out() {
    on_both("2026-06-10T12:00:00Z", |app| {
        set_up(
            app,
            &json!({
                "timeframeType": "RECURRING", "recurrence": "MONTHLY",
                "timeframeStartsAt": "2026-06-10T00:00:00.000Z", "timeframeEndsAt": "2026-06-20T00:00:00.000Z",
            }),
        );
        let [ada, bob] = ["ada", "bob"].map(|name| in_zone(app, name, "UTC"));
        expect(
            &mission(app, &ada, "steps", "2026-06"),
            &json!({"startsAt": "2026-06-01T00:00:00.000Z", "endsAt": "2026-07-01T00:00:00.000Z"}),
        );
        app.travel("2026-06-20T00:00:00Z");
        assert_eq!(missions(app, &bob).len(), 0);
        app.travel("2026-06-30T23:59:59Z");
        log(app, &ada, "walk", &json!(1));
        app.travel("2026-07-01T00:00:00Z");
        log(app, &ada, "walk", &json!(1));
        assert_eq!(periods(app, &ada), ["2026-06"]);
        expect(
            &mission(app, &ada, "steps", "2026-06"),
            &json!({"currentAmount": 1.0, "state": "ENDED"}),
        );
    });
}

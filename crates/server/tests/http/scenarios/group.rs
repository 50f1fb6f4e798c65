//! Missions that a group does together (spec/aworld.md 4.5).

use serde_json::{Value, json};

use super::{
    activity, balance, configuration, counting, currency, expect, lazy, log, mission_rule,
    missions, paying, reward_rule, tag, tag_user, transactions, user, with,
};
use crate::support::{TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";
const MEMBERS: usize = 100;
const THREADS: usize = 20;

/// A mission of everybody in a team: the sum of the values of contributions; 7 coins for each member.
fn set_up(app: &TestApp, target: i64) -> String {
    activity(app, "contribute", &json!({}));
    currency(app, "coins", &json!({}));
    let team = tag(app, "team", "blue");
    let group = json!({"missionType": "GROUP", "incrementExpression": {"var": "event.value"}});
    let together = counting("together", "contribute", &json!(target));
    configuration(app, &with(together, &group));
    let mut rule = with(
        lazy("team", &["together"]),
        &json!({"missionType": "GROUP", "groupTagId": team}),
    );
    rule.as_object_mut().unwrap().remove("usersMatchCondition");
    mission_rule(app, &rule);
    reward_rule(app, &paying("Mission", "coins", &json!(7)));
    team
}

/// Does something for every number below a bound, in threads of their own.
fn share_out(bound: usize, work: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let work = &work;
            scope.spawn(move || (thread..bound).step_by(THREADS).for_each(work));
        }
    });
}

fn the_mission(app: &TestApp, user: &str) -> Value {
    let mut all = missions(app, user);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

/// A hundred members contribute at once. Member i (1 to 100) logs i, 0.1 and 0.2: 5050 + 100 * 0.3 = 5080, exactly.
#[test]
fn a_hundred_members_at_once_have_an_exact_sum_and_are_paid_once_each() {
    on_both(NOW, |app| {
        let team = set_up(app, 5_000);
        let members: Vec<String> = (1..=MEMBERS)
            .map(|number| {
                let member = user(app, &format!("member-{number}"), &json!({}));
                tag_user(app, &member, &team);
                member
            })
            .collect();
        let stranger = user(app, "stranger", &json!({}));

        // All of them list at once: whoever comes first makes the mission, and there is only one.
        share_out(MEMBERS, |index| {
            missions(app, &members[index]);
        });
        let fresh = the_mission(app, &members[0]);
        expect(
            &fresh,
            &json!({
                "missionType": "GROUP", "groupTagId": team, "userId": null, "periodId": "PERMANENT",
                "currentAmount": 0.0, "targetAmount": 5000.0, "isCompleted": false,
            }),
        );
        for member in &members {
            assert_eq!(the_mission(app, member)["missionId"], fresh["missionId"]);
        }
        assert_eq!(missions(app, &stranger).len(), 0);

        share_out(MEMBERS, |index| {
            for value in [json!(index + 1), json!(0.1), json!(0.2)] {
                log(app, &members[index], "contribute", &value);
            }
            if index % 10 == 0 {
                log(app, &stranger, "contribute", &json!(1_000_000));
            }
        });
        let done = the_mission(app, &members[99]);
        expect(
            &done,
            &json!({
                "missionId": fresh["missionId"], "currentAmount": 5080.0, "isCompleted": true,
                "completedAt": "2026-03-10T09:00:00.000Z", "state": "ACTIVE",
            }),
        );

        // It is the job that pays, each member once; another step or more contributions pay nothing.
        assert_eq!(balance(app, &members[0], "coins"), (0.0, 0.0));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| app.step());
            }
        });
        app.step();
        log(app, &members[5], "contribute", &json!(20));
        app.step();
        share_out(MEMBERS, |index| {
            assert_eq!(balance(app, &members[index], "coins"), (7.0, 7.0));
            assert_eq!(transactions(app, &members[index]).len(), 1);
        });
        assert_eq!(transactions(app, &stranger).len(), 0);

        // It went on counting past its target, and was not completed again.
        app.travel("2026-03-11T09:00:00Z");
        log(app, &members[0], "contribute", &json!(0.5));
        expect(
            &the_mission(app, &members[0]),
            &json!({"currentAmount": 5100.5, "completedAt": "2026-03-10T09:00:00.000Z"}),
        );
        // Whoever joins afterwards sees the mission, but was not there when it was completed.
        tag_user(app, &stranger, &team);
        assert_eq!(the_mission(app, &stranger)["missionId"], fresh["missionId"]);
        app.step();
        assert_eq!(transactions(app, &stranger).len(), 0);
    });
}

/// Whoever leaves neither counts nor is paid; what was contributed stays.
#[test]
fn those_who_left_count_no_more() {
    on_both(NOW, |app| {
        let team = set_up(app, 10);
        let [stays, leaves] = ["stays", "leaves"].map(|name| {
            let member = user(app, name, &json!({}));
            tag_user(app, &member, &team);
            member
        });
        missions(app, &stays);
        log(app, &leaves, "contribute", &json!(6));
        let path = format!("/users/{leaves}/tags/{team}");
        let answer = app.dash("DELETE", &path, &Value::Null);
        assert!((200..300).contains(&answer.status), "{}", answer.text);
        log(app, &leaves, "contribute", &json!(6));
        expect(
            &the_mission(app, &stays),
            &json!({"currentAmount": 6.0, "isCompleted": false}),
        );
        assert_eq!(missions(app, &leaves).len(), 0);
        log(app, &stays, "contribute", &json!(4));
        app.step();
        assert_eq!(balance(app, &stays, "coins"), (7.0, 7.0));
        assert_eq!(balance(app, &leaves, "coins"), (0.0, 0.0));
    });
}

/// Groups live by UTC (decisions 4.4): 10 March, 12:00 UTC is the 11th on Kiritimati, and still the 10th of the group.
#[test]
fn a_group_has_one_mission_a_day_whatever_the_clocks_of_its_members() {
    for mode in ["LAZY", "SCHEDULED_PUSH"] {
        on_both("2026-03-10T12:00:00Z", |app| {
            activity(app, "contribute", &json!({}));
            let team = tag(app, "team", "blue");
            let zones = ["Pacific/Kiritimati", "America/New_York", "Europe/Berlin"];
            let members = zones.map(|zone| {
                let member = user(app, &zone.replace('/', "-"), &json!({"timezone": zone}));
                tag_user(app, &member, &team);
                member
            });
            let together = counting("together", "contribute", &json!(3));
            configuration(app, &with(together, &json!({"missionType": "GROUP"})));
            let mut rule = with(
                lazy("team", &["together"]),
                &json!({
                    "missionType": "GROUP", "groupTagId": team, "assignmentMode": mode,
                    "timeframeType": "RECURRING", "recurrence": "DAILY", "timeframeEndsAt": "2027-01-01T00:00:00.000Z",
                }),
            );
            rule.as_object_mut().unwrap().remove("usersMatchCondition");
            mission_rule(app, &rule);
            app.step();
            for member in &members {
                let today = the_mission(app, member);
                expect(
                    &today,
                    &json!({
                        "periodId": "2026-03-10", "startsAt": "2026-03-10T00:00:00.000Z",
                        "endsAt": "2026-03-11T00:00:00.000Z",
                    }),
                );
            }
            for member in &members[..2] {
                log(app, member, "contribute", &json!(1));
            }
            app.travel("2026-03-11T00:00:00Z");
            app.jump("2026-03-11T01:00:00Z");
            log(app, &members[2], "contribute", &json!(1));
            for member in &members {
                let all = missions(app, member);
                assert_eq!(all.len(), 2, "{all:#?}");
                let day = |period: &str| all.iter().find(|one| one["periodId"] == period).unwrap();
                expect(
                    day("2026-03-10"),
                    &json!({"currentAmount": 2.0, "state": "ENDED", "isCompleted": false}),
                );
                // Pushed, it was there for the log of today; LAZY, nobody had listed yet.
                let (count, made) = match mode {
                    "LAZY" => (0.0, "2026-03-11T01:00:00.000Z"),
                    _ => (1.0, "2026-03-11T00:00:00.000Z"),
                };
                expect(
                    day("2026-03-11"),
                    &json!({"currentAmount": count, "createdAt": made}),
                );
            }
        });
    }
}

/// A mission of a group by hand, and one that an event of a member brings.
#[test]
fn groups_get_missions_by_hand_and_by_events() {
    on_both(NOW, |app| {
        let team = set_up(app, 5);
        let [ada, bob] = ["ada", "bob"].map(|name| {
            let member = user(app, name, &json!({}));
            tag_user(app, &member, &team);
            member
        });
        let body = json!({
            "groupTagId": team, "missionType": "GROUP", "missionConfigurationId": "together", "timeframeType": "RANGE",
            "startsAt": "2026-03-10T00:00:00.000Z", "endsAt": "2026-03-11T00:00:00.000Z",
            "currentAmount": 4, "targetAmount": 6,
        });
        let made = app.dash("POST", "/missions", &body).expect(201);
        expect(
            &made,
            &json!({"groupTagId": team, "currentAmount": 4.0, "targetAmount": 6.0, "missionRuleId": null}),
        );
        log(app, &ada, "contribute", &json!(1));
        log(app, &bob, "contribute", &json!(1));
        app.step();
        for user in [&ada, &bob] {
            assert_eq!(balance(app, user, "coins"), (7.0, 7.0));
        }

        activity(app, "cheer", &json!({}));
        let mut rule = with(
            lazy("cheered", &["together"]),
            &json!({
                "missionType": "GROUP", "groupTagId": team, "assignmentMode": "EVENT", "eventMatchType": "INSTANCE",
                "eventMatchEntity": "Activity", "eventMatchEntityId": "cheer", "eventMatchCondition": true,
            }),
        );
        rule.as_object_mut().unwrap().remove("usersMatchCondition");
        mission_rule(app, &rule);
        log(app, &bob, "cheer", &json!(1));
        log(app, &ada, "cheer", &json!(1));
        let all = missions(app, &ada);
        let of_rule = |rule: &str| {
            all.iter()
                .filter(|one| one["missionRuleId"] == rule)
                .count()
        };
        assert_eq!(
            (of_rule("cheered"), of_rule("team"), all.len()),
            (1, 1, 3),
            "{all:#?}"
        );
    });
}

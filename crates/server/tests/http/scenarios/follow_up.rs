//! EVENT rules: what happens to a user brings missions (spec/aworld.md 4.3, 4.5; decisions 4.1: missions count, then rules
//! assign, then rewards pay).

use serde_json::{Value, json};

use super::{
    activity, balance, configuration, counting, currency, expect, lazy, log, mission, mission_rule,
    missions, paying, reward_rule, tag, tag_user, user, with,
};
use crate::support::on_both;

const NOW: &str = "2026-03-10T09:00:00Z";

fn on_event(of: &str, entity: &str, id: Option<&str>, condition: &Value) -> Value {
    let mut members = json!({
        "assignmentMode": "EVENT", "eventMatchType": of, "eventMatchEntity": entity, "eventMatchCondition": condition,
    });
    if let Some(id) = id {
        members["eventMatchEntityId"] = json!(id);
    }
    members
}

/// Two purchases are the first mission. The purchase that completes it brings the follow-up, for which only the next one counts.
#[test]
fn a_completed_mission_makes_room_for_its_follow_up() {
    on_both(NOW, |app| {
        activity(app, "purchase", &json!({}));
        currency(app, "coins", &json!({}));
        configuration(app, &counting("start", "purchase", &json!(2)));
        configuration(app, &counting("follow-up", "purchase", &json!(1)));
        mission_rule(app, &lazy("starters", &["start"]));
        // Missions count before rules look, so that the mission just completed is not among the active ones any more.
        let is_free = json!({"none": [
            {"var": "activeMissions"},
            {"==": [{"var": "missionConfigurationId"}, "start"]},
        ]});
        let event = on_event("INSTANCE", "Activity", Some("purchase"), &json!(true));
        let rule = with(lazy("follow", &["follow-up"]), &event);
        mission_rule(app, &with(rule, &json!({"usersMatchCondition": is_free})));
        reward_rule(
            app,
            &paying(
                "Mission",
                "coins",
                &json!({"if": [
                    {"==": [{"var": "event.missionConfigurationId"}, "follow-up"]}, 100, 1,
                ]}),
            ),
        );

        let buyer = user(app, "buyer", &json!({}));
        assert_eq!(missions(app, &buyer).len(), 1);
        log(app, &buyer, "purchase", &json!(1));
        assert_eq!(missions(app, &buyer).len(), 1);
        assert_eq!(balance(app, &buyer, "coins"), (0.0, 0.0));

        app.travel("2026-03-10T10:00:00Z");
        log(app, &buyer, "purchase", &json!(1));
        assert_eq!(balance(app, &buyer, "coins"), (1.0, 1.0));
        expect(
            &mission(app, &buyer, "follow-up", "PERMANENT"),
            &json!({
                "missionRuleId": "follow", "currentAmount": 0.0, "targetAmount": 1.0, "isCompleted": false,
                "createdAt": "2026-03-10T10:00:00.000Z", "startsAt": "2026-01-01T00:00:00.000Z", "endsAt": null,
            }),
        );
        log(app, &buyer, "purchase", &json!(1));
        assert_eq!(balance(app, &buyer, "coins"), (101.0, 101.0));
        // One evaluation for the one period: no second follow-up.
        log(app, &buyer, "purchase", &json!(1));
        assert_eq!(missions(app, &buyer).len(), 2);
        assert_eq!(balance(app, &buyer, "coins"), (101.0, 101.0));
    });
}

/// The condition reads the event as root (spec 4.2); a log that does not hold it leaves no evaluation behind.
#[test]
fn the_condition_reads_the_log() {
    on_both(NOW, |app| {
        activity(app, "purchase", &json!({}));
        activity(app, "review", &json!({}));
        configuration(app, &counting("follow-up", "review", &json!(1)));
        let large = json!({"and": [
            {">=": [{"var": "value"}, 100]},
            {"==": [{"var": "additionalData.channel"}, "web"]},
            {"in": ["vip", {"var": "tags"}]},
        ]});
        let event = on_event("INSTANCE", "Activity", Some("purchase"), &large);
        mission_rule(app, &with(lazy("follow", &["follow-up"]), &event));
        let buyer = user(app, "buyer", &json!({}));
        let buy = |value: i64, channel: &str, tags: Value| {
            let body = json!({
                "activityId": "purchase", "userId": buyer, "value": value, "tags": tags,
                "additionalData": {"channel": channel},
            });
            app.as_user(&buyer)
                .call("POST", "/activity-logs", &body)
                .expect(201);
            missions(app, &buyer).len()
        };
        assert_eq!(buy(99, "web", json!(["vip"])), 0);
        assert_eq!(buy(100, "shop", json!(["vip"])), 0);
        assert_eq!(buy(100, "web", json!([])), 0);
        log(app, &buyer, "review", &json!(1000));
        assert_eq!(buy(100, "web", json!(["vip", "new"])), 1);
        log(app, &buyer, "review", &json!(1));
        expect(
            &mission(app, &buyer, "follow-up", "PERMANENT"),
            &json!({"isCompleted": true}),
        );
    });
}

/// A `Tag` event fires when a tag is assigned to a user, a `User` event when the user is made (spec 4.3).
#[test]
fn tags_and_new_users_bring_missions_too() {
    on_both(NOW, |app| {
        activity(app, "purchase", &json!({}));
        let (gold, silver) = (tag(app, "tier", "gold"), tag(app, "tier", "silver"));
        for id in ["for-gold", "for-anyone", "welcome"] {
            configuration(app, &counting(id, "purchase", &json!(3)));
        }
        let event = on_event("INSTANCE", "Tag", Some(&gold), &json!(true));
        mission_rule(app, &with(lazy("gold", &["for-gold"]), &event));
        let event = on_event("ENTITY", "Tag", None, &json!(true));
        mission_rule(app, &with(lazy("tagged", &["for-anyone"]), &event));
        let event = on_event(
            "ENTITY",
            "User",
            None,
            &json!({"==": [{"var": "lang"}, "it"]}),
        );
        mission_rule(app, &with(lazy("italians", &["welcome"]), &event));

        let names = |user: &str| {
            let mut names: Vec<String> = missions(app, user)
                .iter()
                .map(|mission| super::text(&mission["missionConfigurationId"]))
                .collect();
            names.sort();
            names
        };
        let ada = user(app, "ada", &json!({"lang": "en"}));
        let ugo = user(app, "ugo", &json!({"lang": "it"}));
        assert_eq!(names(&ada), [""; 0]);
        assert_eq!(names(&ugo), ["welcome"]);
        tag_user(app, &ada, &silver);
        assert_eq!(names(&ada), ["for-anyone"]);
        tag_user(app, &ada, &gold);
        assert_eq!(names(&ada), ["for-anyone", "for-gold"]);
        tag_user(app, &ugo, &gold);
        assert_eq!(names(&ugo), ["for-anyone", "for-gold", "welcome"]);
        // Putting on what is on already is no event.
        let before = missions(app, &ada);
        tag_user(app, &ada, &gold);
        assert_eq!(missions(app, &ada), before);
    });
}

/// A mission can count tags, and a configuration with TAG counts whatever activity carries the tag.
#[test]
fn missions_count_tags_and_tagged_activities() {
    on_both(NOW, |app| {
        let (green, red) = (tag(app, "colour", "green"), tag(app, "colour", "red"));
        let sport = tag(app, "kind", "sport");
        for id in ["run", "swim", "read"] {
            activity(app, id, &json!({}));
        }
        for id in ["run", "swim"] {
            let path = format!("/activities/{id}/tags");
            app.dashboard()
                .post(&path, &json!({"assignments": [{"tagId": sport}]}));
        }
        let mut any_tag = with(
            counting("colours", "run", &json!(2)),
            &json!({"matchType": "ENTITY", "matchEntity": "Tag"}),
        );
        any_tag.as_object_mut().unwrap().remove("matchEntityId");
        configuration(app, &any_tag);
        configuration(
            app,
            &with(
                counting("sports", "run", &json!(10)),
                &json!({
                    "matchType": "TAG", "matchEntity": "Tag", "matchEntityId": sport,
                    "incrementExpression": {"var": "event.value"},
                }),
            ),
        );
        mission_rule(app, &lazy("all", &["colours", "sports"]));
        let ada = user(app, "ada", &json!({}));
        missions(app, &ada);
        tag_user(app, &ada, &green);
        log(app, &ada, "run", &json!(3));
        log(app, &ada, "read", &json!(100));
        log(app, &ada, "swim", &json!(4));
        expect(
            &mission(app, &ada, "colours", "PERMANENT"),
            &json!({"currentAmount": 1.0, "isCompleted": false}),
        );
        expect(
            &mission(app, &ada, "sports", "PERMANENT"),
            &json!({"currentAmount": 7.0, "isCompleted": false}),
        );
        tag_user(app, &ada, &red);
        log(app, &ada, "run", &json!(3.5));
        expect(
            &mission(app, &ada, "colours", "PERMANENT"),
            &json!({"currentAmount": 2.0, "isCompleted": true}),
        );
        expect(
            &mission(app, &ada, "sports", "PERMANENT"),
            &json!({"currentAmount": 10.5, "isCompleted": true}),
        );
    });
}

/// Null, the empty text, what is no number and what fails count one (spec 4.2); zero and negative numbers are what they are.
#[test]
fn increments_are_cast_to_numbers() {
    on_both(NOW, |app| {
        activity(app, "walk", &json!({}));
        let by_data = json!({
            "incrementExpression": {"var": "event.additionalData.steps"},
            "matchCondition": {"!=": [{"var": "event.outcome"}, "FAILURE"]},
        });
        configuration(
            app,
            &with(counting("steps", "walk", &json!("12.5")), &by_data),
        );
        mission_rule(app, &lazy("rule", &["steps"]));
        let ada = user(app, "ada", &json!({}));
        missions(app, &ada);
        let walk = |steps: Value| {
            let body =
                json!({"activityId": "walk", "userId": ada, "additionalData": {"steps": steps}});
            app.as_user(&ada)
                .call("POST", "/activity-logs", &body)
                .expect(201);
            let now = mission(app, &ada, "steps", "PERMANENT");
            (
                now["currentAmount"].as_f64().unwrap(),
                now["isCompleted"].clone(),
            )
        };
        let mut sum = 0.0;
        for (steps, counts) in [
            (json!(5), 5.0),
            (json!("2.25"), 2.25),
            (Value::Null, 1.0),
            (json!(""), 1.0),
            (json!("many"), 1.0),
            (json!([1, 2]), 1.0),
            (json!(true), 1.0),
            (json!(false), 0.0),
            (json!(0), 0.0),
            (json!(-3.75), -3.75),
            // A millionth short of the target, then there.
            (json!(3.999_999), 3.999_999),
        ] {
            sum += counts;
            let (current, is_completed) = walk(steps.clone());
            assert!((current - sum).abs() < 1e-9, "{steps}: {current} {sum}");
            assert_eq!(is_completed, false, "{steps}");
        }
        // Failures do not fulfil the condition.
        let body = json!({"activityId": "walk", "userId": ada, "outcome": "FAILURE"});
        app.as_user(&ada)
            .call("POST", "/activity-logs", &body)
            .expect(201);
        assert_eq!(walk(json!(0.000_001)), (12.5, json!(true)));
        assert_eq!(walk(json!(9)), (12.5, json!(true)));
    });
}

/// Lists of one user at once make each mission once; logs at once all count, and complete it once.
#[test]
fn one_user_at_once_has_each_mission_and_each_reward_once() {
    on_both(NOW, |app| {
        activity(app, "walk", &json!({}));
        currency(app, "coins", &json!({}));
        configuration(app, &counting("ten", "walk", &json!(10)));
        configuration(app, &counting("many", "walk", &json!(1_000)));
        mission_rule(app, &lazy("rule", &["ten", "many"]));
        reward_rule(app, &paying("Mission", "coins", &json!(5)));
        let ada = user(app, "ada", &json!({}));
        let at_once = |work: &(dyn Fn() + Sync)| {
            std::thread::scope(|scope| {
                for _ in 0..24 {
                    scope.spawn(work);
                }
            });
        };
        at_once(&|| assert_eq!(missions(app, &ada).len(), 2));
        at_once(&|| {
            log(app, &ada, "walk", &json!(1));
        });
        expect(
            &mission(app, &ada, "ten", "PERMANENT"),
            &json!({"currentAmount": 10.0, "isCompleted": true}),
        );
        expect(
            &mission(app, &ada, "many", "PERMANENT"),
            &json!({"currentAmount": 24.0}),
        );
        assert_eq!(balance(app, &ada, "coins"), (5.0, 5.0));
    });
}

//! Missions: one test for each rule of spec/aworld.md 4.3 to 4.5 that is easy to get wrong.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use std::sync::Arc;

use engine::command::{LogActivity, Refusal, StartMission, TagAction};
use engine::definition::MatchType;
use engine::outcome::ActivityOutcome;
use engine::state::{Mission, Owner};
use engine::timeframe::State;
use engine::user::Patch;
use jiff::Timestamp;
use serde_json::{Value, json};
use world::second_dialect::{activity_log, var};
use world::{World, amount, attributes, instant, tz};

const START: &str = "2026-03-10T09:00:00Z";

/// A world with the activities `run` and `swim` and the user `ada`.
fn world() -> World {
    let mut w = World::new(START);
    w.activity("run");
    w.activity("swim");
    w.people(&["ada"]);
    w
}

fn period(recurrence: &str) -> Value {
    json!({
        "timeframeType": "RECURRING",
        "recurrence": recurrence,
        "timeframeEndsAt": "2028-01-01T00:00:00Z",
    })
}

fn with(mut defaults: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        defaults[key] = value.clone();
    }
    defaults
}

fn start(configuration: &str, starts: &str, ends: Option<&str>) -> StartMission {
    StartMission {
        configuration: configuration.to_owned(),
        starts: instant(starts),
        ends: ends.map(instant),
        current: amount("0"),
        target: None,
    }
}

#[test]
fn instance_entity_and_tag() {
    let mut w = world();
    let sport = w.tag("kind:sport");
    let swim = w.activity("dive");
    w.mark(swim, sport);
    let instance = json!({"matchType": "INSTANCE", "matchEntityId": "run"});
    w.configuration("this", instance);
    w.configuration("any", json!({"targetAmountExpression": 9}));
    let tagged = json!({"matchType": "TAG", "matchEntity": "Tag", "matchEntityId": "kind:sport"});
    w.configuration("tagged", tagged);
    w.configuration("quiz", json!({"matchEntity": "Quiz"}));
    w.mission_rule("all", json!({}));
    w.list("ada");
    for activity in ["run", "swim", "dive", "dive"] {
        w.log("ada", activity);
    }
    assert_eq!(
        w.told("ada"),
        [
            "this PERMANENT 1/3",
            "any PERMANENT 4/9",
            "tagged PERMANENT 2/3",
            "quiz PERMANENT 0/3",
        ]
    );
    w.check();
}

#[test]
fn expressions_see_mission_event_and_user() {
    let mut w = world();
    w.user_attribute("factor");
    w.save("ada", attributes(&[("factor", "1.5")]));
    let twice = json!({
        "incrementExpression": {"*": [var("event.value"), var("user.attributes.factor")]},
        "targetAmountExpression": {"+": [4, {"if": [{"==": [var("mission.missionConfigurationId"), "c"]}, 1, 0]}]},
        "matchCondition": {"and": [
            {"==": [var("event.outcome"), "SUCCESS"]},
            {"<": [var("mission.currentAmount"), 3]},
            {"==": [var("event.additionalData.where"), "park"]},
            {"in": ["loud", var("event.tags")]},
        ]},
    });
    w.configuration("c", twice);
    w.mission_rule("all", json!({}));
    w.list("ada");
    let log = || LogActivity {
        outcome: Some(ActivityOutcome::Success),
        value: Some(amount("2")),
        tags: Some(vec!["loud".to_owned()]),
        additional_data: Some(json!({"where": "park"})),
        ..activity_log("run")
    };
    w.log("ada", "run");
    let failed = LogActivity {
        outcome: Some(ActivityOutcome::Failure),
        ..log()
    };
    w.try_log("ada", failed).unwrap();
    assert_eq!(w.told("ada"), ["c PERMANENT 0/5"]);
    w.try_log("ada", log()).unwrap();
    assert_eq!(w.told("ada"), ["c PERMANENT 3/5"]);
    w.try_log("ada", log()).unwrap();
    assert_eq!(w.told("ada"), ["c PERMANENT 3/5"]);
    assert_eq!(w.shared.failures, [""; 0]);
}

#[test]
fn what_gives_nothing_becomes_one_and_what_fails_counts_as_false() {
    let mut w = world();
    let broken = json!({"/": [1, 0]});
    for (id, increment) in [
        ("null", json!(null)),
        ("empty", json!("")),
        ("nan", json!("NaN")),
        ("broken", broken.clone()),
        ("none", var("event.none")),
        ("zero", json!(0)),
        ("value", var("event.value")),
    ] {
        // Members that are null cannot be written by the short call.
        w.configuration(id, json!({"targetAmountExpression": 100}));
        w.edit_configuration(id, |c| c.increment_expression = increment);
    }
    w.configuration(
        "false",
        json!({"matchCondition": {"frobnicate": 1}, "targetAmountExpression": 100}),
    );
    w.mission_rule("all", json!({}));
    w.list("ada");
    w.log_value("ada", "run", "2");
    assert_eq!(
        w.told("ada"),
        [
            "null PERMANENT 1/100",
            "empty PERMANENT 1/100",
            "nan PERMANENT 1/100",
            "broken PERMANENT 1/100",
            "none PERMANENT 1/100",
            "zero PERMANENT 0/100",
            "value PERMANENT 2/100",
            "false PERMANENT 0/100",
        ]
    );
    let told: Vec<_> = w
        .shared
        .failures
        .iter()
        .map(|f| f.split(':').next())
        .collect();
    let expected = [
        "incrementExpression of mission nan",
        "incrementExpression of mission broken",
        "matchCondition of mission false",
    ];
    assert_eq!(told, expected.map(Some));

    let mut w = world();
    for (id, target) in [
        ("null", json!(null)),
        ("empty", json!("")),
        ("text", json!("many")),
        ("broken", broken),
        ("half", json!(2.5)),
    ] {
        w.configuration(id, json!({}));
        w.edit_configuration(id, |c| c.target_amount_expression = target);
    }
    w.mission_rule("all", json!({}));
    w.list("ada");
    assert_eq!(
        w.told("ada"),
        [
            "null PERMANENT 0/1",
            "empty PERMANENT 0/1",
            "text PERMANENT 0/1",
            "broken PERMANENT 0/1",
            "half PERMANENT 0/2.5",
        ]
    );
    assert_eq!(w.shared.failures.len(), 2);
}

#[test]
fn modes_of_assignment() {
    let mut w = world();
    for id in ["lazy", "event", "push", "never"] {
        w.configuration(id, json!({}));
    }
    let pool =
        |id: &str, mode: &str| json!({"missionConfigurationsPool": [id], "assignmentMode": mode});
    w.mission_rule("lazy", pool("lazy", "LAZY"));
    let event = json!({
        "eventMatchType": "INSTANCE",
        "eventMatchEntity": "Activity",
        "eventMatchEntityId": "run",
        "eventMatchCondition": true,
    });
    w.mission_rule("event", with(pool("event", "EVENT"), &event));
    w.mission_rule("never", pool("never", "DISABLED"));
    w.log("ada", "swim");
    assert_eq!(w.told("ada"), [""; 0]);
    w.log("ada", "run");
    assert_eq!(w.told("ada"), ["event PERMANENT 0/3"]);
    w.list("ada");
    w.list("ada");
    w.log("ada", "run");
    let both = ["event PERMANENT 1/3", "lazy PERMANENT 1/3"];
    assert_eq!(w.told("ada"), both);
    // Whoever does anything is brought up to date.
    w.mission_rule("push", pool("push", "SCHEDULED_PUSH"));
    w.settle("ada");
    w.settle("ada");
    let all = [both[0], both[1], "push PERMANENT 0/3"];
    assert_eq!(w.told("ada"), all);
    w.check();
}

#[test]
fn a_push_comes_at_the_start_of_each_period_on_the_clock_of_the_user() {
    let mut w = world();
    w.save("ada", tz("America/New_York"));
    w.configuration("c", json!({}));
    let push = with(
        period("DAILY"),
        &json!({"assignmentMode": "SCHEDULED_PUSH"}),
    );
    w.mission_rule("push", push);
    w.settle("ada");
    assert_eq!(w.told("ada"), ["c 2026-03-10 0/3"]);
    let next = |w: &World| w.state("ada").streak.as_ref().unwrap().get().settle_at;
    // Midnight in New York, which is four hours behind since 2026-03-08.
    assert_eq!(next(&w), Some(instant("2026-03-11T04:00:00Z")));
    w.at("2026-03-11T03:59:59.999Z").settle("ada");
    assert_eq!(w.told("ada").len(), 1);
    w.at("2026-03-11T04:00:00Z").settle("ada");
    assert_eq!(w.told("ada"), ["c 2026-03-10 0/3", "c 2026-03-11 0/3"]);
    assert_eq!(next(&w), Some(instant("2026-03-12T04:00:00Z")));
    let last = w.missions_of("ada")[1];
    assert_eq!(last.starts, instant("2026-03-11T04:00:00Z"));
    assert_eq!(last.ends, Some(instant("2026-03-12T04:00:00Z")));
    assert!(!w.missions_of("ada")[0].is_open);
}

/// The table of spec/aworld.md 4.5.
#[test]
fn ids_of_periods() {
    let mut w = World::new("2026-12-31T23:30:00Z");
    w.people(&["ada"]);
    w.save("ada", tz("Europe/Rome"));
    w.configuration("c", json!({}));
    let range = json!({"timeframeType": "RANGE", "timeframeEndsAt": "2028-01-01T00:00:00Z"});
    w.mission_rule("permanent", json!({}));
    w.mission_rule("range", range);
    for recurrence in ["DAILY", "WEEKLY", "MONTHLY"] {
        w.mission_rule(recurrence, period(recurrence));
    }
    w.mission_rule(
        "cron",
        with(period("CUSTOM"), &json!({"scheduleCron": "0 20 * * *"})),
    );
    let fixed = json!({"timeframeTimezoneType": "FIXED", "timeframeTimezone": "UTC"});
    w.mission_rule("fixed", with(period("DAILY"), &fixed));
    w.list("ada");
    assert_eq!(
        w.told("ada"),
        [
            "c PERMANENT 0/3",
            "c 2026-01-01T00:00:00 0/3",
            "c 2027-01-01 0/3",
            "c 2026-W53 0/3",
            "c 2027-01 0/3",
            "c 2026-12-31T19:00:00 0/3",
            "c 2026-12-31 0/3",
        ]
    );
    let bounds: Vec<(Timestamp, Option<Timestamp>)> = w
        .missions_of("ada")
        .iter()
        .map(|mission| (mission.starts, mission.ends))
        .collect();
    let bound = |from: &str, to: &str| (instant(from), Some(instant(to)));
    assert_eq!(
        bounds,
        [
            // The start is written for the clock of each user, here an hour ahead of UTC.
            (instant("2025-12-31T23:00:00Z"), None),
            bound("2025-12-31T23:00:00Z", "2027-12-31T23:00:00Z"),
            bound("2026-12-31T23:00:00Z", "2027-01-01T23:00:00Z"),
            bound("2026-12-27T23:00:00Z", "2027-01-03T23:00:00Z"),
            bound("2026-12-31T23:00:00Z", "2027-01-31T23:00:00Z"),
            bound("2026-12-31T19:00:00Z", "2027-01-01T19:00:00Z"),
            bound("2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
        ]
    );
    w.list("ada");
    assert_eq!(w.told("ada").len(), 7);
}

#[test]
fn once_in_each_period_and_only_while_the_rule_is_active() {
    let mut w = world();
    w.configuration("c", json!({}));
    w.mission_rule(
        "r",
        with(
            period("MONTHLY"),
            &json!({
                "timeframeStartsAt": "2026-03-15T00:00:00Z",
                "timeframeEndsAt": "2026-05-10T00:00:00Z",
            }),
        ),
    );
    let mut counts = Vec::new();
    for now in [
        "2026-03-14T23:59:59Z",
        "2026-03-15T00:00:00Z",
        "2026-03-31T23:59:59Z",
        "2026-04-01T00:00:00Z",
        "2026-05-09T23:59:59Z",
        "2026-05-10T00:00:00Z",
        "2026-06-01T00:00:00Z",
    ] {
        w.at(now).list("ada");
        counts.push(w.told("ada").len());
    }
    assert_eq!(counts, [0, 1, 1, 2, 3, 3, 3]);
}

#[test]
fn an_evaluation_without_missions_is_not_recorded() {
    let mut w = world();
    let vip = w.tag("plan:vip");
    w.configuration("c", json!({}));
    w.configuration("other", json!({"missionType": "GROUP"}));
    w.mission_rule(
        "r",
        json!({"usersMatchCondition": {"in": ["plan:vip", var("user.tags")]}}),
    );
    w.mission_rule(
        "s",
        json!({
            "missionsMatchCondition": {"==": [var("mission.name"), "later"]},
            "usersMatchCondition": {"none": [var("activeMissions"), {"==": [var("missionRuleId"), "s"]}]},
        }),
    );
    w.list("ada");
    assert_eq!(w.told("ada"), [""; 0]);
    assert!(w.state("ada").evaluations.is_empty());
    w.assign_tag("ada", vip);
    w.configuration("later", json!({}));
    w.list("ada");
    assert_eq!(
        w.told("ada"),
        [
            "c PERMANENT 0/3",
            "later PERMANENT 0/3",
            "later PERMANENT 0/3"
        ]
    );
    // One evaluation for a rule, whatever is configured later.
    w.configuration("too late", json!({}));
    w.list("ada");
    assert_eq!(w.told("ada").len(), 3);
}

#[test]
fn travelling_west_repeats_no_period() {
    let mut w = world();
    w.save("ada", tz("Pacific/Kiritimati"));
    w.configuration("c", json!({}));
    w.mission_rule("r", period("DAILY"));
    w.at("2026-03-10T11:00:00Z").list("ada");
    w.save("ada", tz("Pacific/Honolulu"));
    // 2026-03-10 01:00 there, then 23:59 of the 11th, then the 12th.
    w.list("ada");
    assert_eq!(w.told("ada"), ["c 2026-03-11 0/3"]);
    w.at("2026-03-12T09:59:00Z").list("ada");
    assert_eq!(w.told("ada").len(), 1);
    w.at("2026-03-12T10:00:00Z").list("ada");
    assert_eq!(w.told("ada"), ["c 2026-03-11 0/3", "c 2026-03-12 0/3"]);
    // East again: the 13th begins, nothing comes back.
    w.save("ada", tz("Pacific/Kiritimati"));
    w.list("ada");
    assert_eq!(w.told("ada")[2..], ["c 2026-03-13 0/3"]);
}

#[test]
fn targets_stand_from_the_moment_a_mission_is_active() {
    let mut w = world();
    w.user_attribute("goal");
    w.save("ada", attributes(&[("goal", "5")]));
    w.configuration(
        "c",
        json!({"targetAmountExpression": var("user.attributes.goal")}),
    );
    w.mission_rule("r", json!({}));
    w.list("ada");
    w.save("ada", attributes(&[("goal", "6")]));
    assert_eq!(w.told("ada"), ["c PERMANENT 0/5"]);

    let later = start("c", "2026-03-12T00:00:00Z", Some("2026-03-20T00:00:00Z"));
    let mission = w.try_start("ada", later).unwrap();
    assert_eq!(mission.state(w.now), State::Pending);
    assert_eq!((mission.target, mission.is_frozen), (amount("6"), false));
    assert_eq!(mission.period, "2026-03-12T00:00:00");
    let settle_at = w.state("ada").streak.as_ref().unwrap().get().settle_at;
    assert_eq!(settle_at, Some(mission.starts));
    // Before the start nothing counts; what the user says until then decides.
    w.log("ada", "run");
    w.at("2026-03-11T23:59:59Z")
        .save("ada", attributes(&[("goal", "7")]));
    w.at("2026-03-12T00:00:00Z")
        .save("ada", attributes(&[("goal", "8")]));
    w.log("ada", "run");
    assert_eq!(
        w.told("ada"),
        ["c PERMANENT 2/5", "c 2026-03-12T00:00:00 1/7"]
    );
    // It ends at its end.
    w.at("2026-03-19T23:59:59.999Z").log("ada", "run");
    w.at("2026-03-20T00:00:00Z").log("ada", "run");
    assert_eq!(
        w.told("ada"),
        ["c PERMANENT 4/5", "c 2026-03-12T00:00:00 2/7"]
    );
}

#[test]
fn an_edit_leaves_running_missions_alone() {
    let mut w = world();
    let instance = json!({"matchType": "INSTANCE", "matchEntityId": "run"});
    w.configuration("c", instance);
    w.mission_rule("r", period("DAILY"));
    w.list("ada");
    w.log("ada", "run");
    w.edit_configuration("c", |configuration| {
        configuration.match_entity_id = Some("swim".to_owned());
        configuration.increment_expression = json!(5);
        configuration.target_amount_expression = json!(9);
    });
    w.log("ada", "swim");
    w.log("ada", "run");
    assert_eq!(w.told("ada"), ["c 2026-03-10 2/3"]);
    w.at("2026-03-11T09:00:00Z").list("ada");
    w.log("ada", "run");
    w.log("ada", "swim");
    assert_eq!(w.told("ada"), ["c 2026-03-10 2/3", "c 2026-03-11 5/9"]);
    // Nor does an edit of a rule.
    w.edit_mission_rule("r", |rule| {
        rule.timeframe.timeframe_ends_at = Some(instant("2026-03-11T10:00:00Z"));
    });
    w.at("2026-03-11T11:00:00Z").log("ada", "swim");
    assert_eq!(w.told("ada")[1..], ["c 2026-03-11 10/9!"]);
}

#[test]
fn the_terms_of_older_missions_are_compiled_once() {
    let mut w = world();
    w.configuration("c", json!({}));
    w.mission_rule("r", json!({}));
    w.list("ada");
    w.edit_configuration("c", |c| c.increment_expression = json!(5));
    let mission = w.missions_of("ada")[0];
    let terms = || {
        let book = &w.catalog.book;
        book.terms(mission.configuration, &mission.snapshot)
            .unwrap()
    };
    assert_ne!(terms().snapshot.increment_expression, json!(5));
    assert!(Arc::ptr_eq(&terms(), &terms()));
    let configuration = mission.configuration;
    let nonsense = "no snapshot".into();
    assert!(w.catalog.book.terms(configuration, &nonsense).is_none());
}

#[test]
fn a_mission_of_one_user_completes_once_and_counts_no_more() {
    let mut w = world();
    w.currency("coins");
    w.configuration("c", json!({"incrementExpression": var("event.value")}));
    w.mission_rule("r", json!({}));
    w.reward_rule("pay", json!({"matchEntity": "Mission"}));
    w.list("ada");
    w.log_value("ada", "run", "2.5");
    assert_eq!(w.paid("ada"), [""; 0]);
    w.at("2026-03-10T10:00:00Z").log_value("ada", "run", "2");
    w.at("2026-03-10T11:00:00Z").log_value("ada", "run", "2");
    assert_eq!(w.told("ada"), ["c PERMANENT 4.5/3!"]);
    let mission = w.missions_of("ada")[0];
    assert_eq!(mission.completed, Some(instant("2026-03-10T10:00:00Z")));
    assert!(!mission.is_open);
    assert_eq!(w.paid("ada"), ["10 COMPLETED"]);
    assert_eq!(w.shared.mission_logs.len(), 2);
    w.check();
}

#[test]
fn a_group_counts_together_and_every_member_is_paid_once() {
    let mut w = world();
    w.people(&["bob", "eve"]);
    w.currency("coins");
    let red = w.tag("team:red");
    w.configuration("g", json!({"missionType": "GROUP"}));
    w.configuration("own", json!({}));
    let rule = json!({
        "missionType": "GROUP",
        "groupTagId": "team:red",
        "usersMatchCondition": null,
    });
    w.mission_rule("r", rule);
    let paid = json!({"matchEntity": "Mission", "ruleType": "INSTANCE", "matchEntityId": "g",
        "rewards": [{"virtualCurrencyId": "coins", "redemptionMode": "AUTO",
            "expression": {"+": [var("event.targetAmount"), {"if": [{"==": [var("event.groupTagId"), "team:red"]}, 7, 0]}]}}]});
    w.reward_rule("pay", paid);
    w.list("eve");
    assert_eq!(w.told_of_group(red), [""; 0]);
    w.assign_tag("ada", red);
    w.assign_tag("bob", red);
    w.list("ada");
    w.list("bob");
    assert_eq!(w.told_of_group(red), ["g PERMANENT 0/3"]);
    w.log("eve", "run");
    w.log("ada", "run");
    w.log("bob", "run");
    assert!(w.shared.completed.is_empty());
    w.log("ada", "swim");
    let mission = w.all_missions()[0].id;
    assert_eq!(w.shared.completed, [mission]);
    // It goes on counting; who joins in time is paid, too.
    w.log("bob", "run");
    w.assign_tag("eve", red);
    w.log("eve", "run");
    assert_eq!(w.told_of_group(red), ["g PERMANENT 5/3!"]);
    assert_eq!(w.shared.completed, [mission]);
    assert_eq!(w.told("ada"), [""; 0]);
    w.remove_tag("bob", red);
    assert_eq!(w.paid("ada"), [""; 0]);
    w.people(&["late"]);
    for _ in 0..2 {
        w.pay_groups();
        w.shared.completed.push(mission);
    }
    for (user, paid) in [
        ("ada", &["10 COMPLETED"][..]),
        ("eve", &["10 COMPLETED"]),
        ("bob", &[]),
        ("late", &[]),
    ] {
        assert_eq!(w.paid(user), paid, "{user}");
    }
    w.check();
}

#[test]
fn a_group_lives_by_utc_and_its_target_knows_no_user() {
    let mut w = world();
    let red = w.tag("team:red");
    w.assign_tag("ada", red);
    w.save("ada", tz("Pacific/Kiritimati"));
    w.configuration(
        "g",
        json!({"missionType": "GROUP", "targetAmountExpression": {"if": [var("user"), 5, 8]}}),
    );
    let rule = json!({"missionType": "GROUP", "groupTagId": "team:red", "usersMatchCondition": null,
        "assignmentMode": "SCHEDULED_PUSH"});
    w.mission_rule("r", with(period("DAILY"), &rule));
    w.at("2026-03-10T12:00:00Z").settle("ada");
    assert_eq!(w.told_of_group(red), ["g 2026-03-10 0/8"]);
    let settle_at = w.state("ada").streak.as_ref().unwrap().get().settle_at;
    assert_eq!(settle_at, Some(instant("2026-03-11T00:00:00Z")));
}

#[test]
fn the_event_that_assigns_a_mission_does_not_count_for_it() {
    let mut w = world();
    w.configuration("next", json!({}));
    let rule = json!({
        "assignmentMode": "EVENT",
        "eventMatchType": "INSTANCE",
        "eventMatchEntity": "Activity",
        "eventMatchEntityId": "run",
        "eventMatchCondition": {">=": [var("value"), 5]},
    });
    w.mission_rule("r", rule);
    w.log_value("ada", "run", "4");
    w.log_value("ada", "swim", "5");
    assert_eq!(w.told("ada"), [""; 0]);
    w.log_value("ada", "run", "5");
    assert_eq!(w.told("ada"), ["next PERMANENT 0/3"]);
    w.log_value("ada", "run", "5");
    assert_eq!(w.told("ada"), ["next PERMANENT 1/3"]);
}

#[test]
fn tags_and_new_users_are_occurrences() {
    let mut w = World::new(START);
    let red = w.tag("team:red");
    let blue = w.tag("team:blue");
    for id in ["welcome", "joined"] {
        w.configuration(id, json!({"matchEntity": "Quiz"}));
    }
    let count = json!({"matchEntity": "Tag", "matchType": "INSTANCE", "matchEntityId": "team:red"});
    w.configuration("tagged", count);
    let event = |id: &str, of: &Value| {
        let defaults = json!({"assignmentMode": "EVENT", "missionConfigurationsPool": [id]});
        with(defaults, of)
    };
    let user = json!({"eventMatchType": "ENTITY", "eventMatchEntity": "User",
        "eventMatchCondition": {"==": [var("timezone"), "Europe/Rome"]}});
    w.mission_rule("user", event("welcome", &user));
    let tag = json!({"eventMatchType": "INSTANCE", "eventMatchEntity": "Tag",
        "eventMatchEntityId": "team:red", "eventMatchCondition": {"==": [var("tagId"), "team:red"]}});
    w.mission_rule("tag", event("joined", &tag));
    w.mission_rule("lazy", json!({"missionConfigurationsPool": ["tagged"]}));
    w.people(&["bob"]);
    w.save("ada", tz("Europe/Rome"));
    w.save("bob", tz("Europe/Rome"));
    assert_eq!(w.told("bob"), [""; 0]);
    assert_eq!(w.told("ada"), ["welcome PERMANENT 0/3"]);
    w.assign_tag("ada", blue);
    assert_eq!(w.told("ada").len(), 1);
    w.list("ada");
    w.assign_tag("ada", red);
    let told = |count: u8| {
        let tagged = format!("tagged PERMANENT {count}/3");
        vec![
            "welcome PERMANENT 0/3".to_owned(),
            tagged,
            "joined PERMANENT 0/3".to_owned(),
        ]
    };
    assert_eq!(w.told("ada"), told(1));
    // It is there: nothing happens to it. Then it comes again.
    w.assign_tag("ada", red);
    w.try_tag("ada", TagAction::Update, &[red]).unwrap();
    w.remove_tag("ada", red);
    assert_eq!(w.told("ada"), told(1));
    w.assign_tag("ada", red);
    assert_eq!(w.told("ada"), told(2));
    assert_eq!(w.state("ada").tags().count(), 2);
}

#[test]
fn tags_are_put_on_all_or_none() {
    let mut w = world();
    let [red, blue] = ["team:red", "team:blue"].map(|id| w.tag(id));
    w.assign_tag("ada", red);
    let mut refused = |action, tags: &[_]| w.try_tag("ada", action, tags).unwrap_err();
    let conflict = refused(TagAction::AssignNew, &[blue, red]);
    assert!(matches!(conflict, Refusal::Conflict(_)));
    for action in [TagAction::Update, TagAction::Remove] {
        let missing = refused(action, &[red, blue]);
        assert!(matches!(missing, Refusal::NotFound("tag assignment", _)));
    }
    assert!(w.state("ada").tags().eq([red]));
    w.try_tag("ada", TagAction::AssignNew, &[blue]).unwrap();
    assert_eq!(w.state("ada").tags().count(), 2);
    let nobody = w.try_tag("nobody", TagAction::Assign, &[red]);
    assert!(matches!(nobody, Err(Refusal::NotFound("user", _))));
}

#[test]
fn missions_by_hand() {
    let mut w = world();
    let red = w.tag("team:red");
    w.configuration("c", json!({}));
    w.configuration("g", json!({"missionType": "GROUP"}));
    let from_now = || start("c", START, None);
    let with_target = StartMission {
        current: amount("1"),
        target: Some(amount("2")),
        ..from_now()
    };
    let mission = w.try_start("ada", with_target).unwrap();
    assert_eq!((mission.rule, mission.period.as_str()), (None, "PERMANENT"));
    assert!(matches!(
        w.try_start("ada", from_now()),
        Err(Refusal::Conflict(_))
    ));
    let range = start("c", START, Some("2026-03-11T00:00:00Z"));
    w.try_start("ada", range.clone()).unwrap();
    assert!(matches!(
        w.try_start("ada", range),
        Err(Refusal::Conflict(_))
    ));
    w.log("ada", "run");
    assert_eq!(
        w.told("ada"),
        ["c PERMANENT 2/2!", "c 2026-03-10T09:00:00 1/3"]
    );
    assert!(matches!(
        w.try_start("ada", start("g", START, None)),
        Err(Refusal::Invalid(_))
    ));
    assert!(matches!(
        w.try_start("ada", start("none", START, None)),
        Err(Refusal::NotFound("mission configuration", _))
    ));
    assert!(matches!(
        w.try_start("nobody", from_now()),
        Err(Refusal::NotFound("user", _))
    ));
    let by_hand = |w: &mut World, start: &StartMission| -> Result<Mission, Refusal> {
        engine::mission::by_hand(&w.catalog, Owner::Group(red), start, w.now, &mut w.ids)
    };
    let group = by_hand(&mut w, &start("g", START, None)).unwrap();
    assert_eq!(group.owner, Owner::Group(red));
    assert_eq!(group.target, amount("3"));
    assert!(by_hand(&mut w, &from_now()).is_err());
}

mod one_world {
    use super::*;
    use engine::definition::RankBy;
    use world::every;

    #[test]
    fn an_activity_log_is_an_event_of_its_metric() {
        let mut w = World::new(START);
        let km = w.metric("km");
        let xp = w.system("xp");
        w.trigger(xp, every(1, km), 2);
        w.streak(km, 1);
        let board = w.board("km", RankBy::Metric(km), "2026-01-01");
        w.activity_with("run", json!({"metric": "km"}));
        w.configuration("c", json!({"incrementExpression": var("event.value")}));
        w.mission_rule("r", json!({}));
        w.people(&["ada"]);
        w.list("ada");
        w.log_value("ada", "run", "2.5");
        assert_eq!(w.state("ada").total(km), amount("2.5"));
        assert_eq!(w.balance("ada", xp), 4);
        assert_eq!(w.streak_of("ada").0, 1);
        assert_eq!(w.value("ada", board, 0), 2_500_000);
        assert_eq!(w.place("ada", board, 0).unwrap().1, 1);
        assert_eq!(w.told("ada"), ["c PERMANENT 2.5/3"]);
        // What failed is an occurrence, but adds nothing to the metric.
        let failed = LogActivity {
            outcome: Some(ActivityOutcome::Failure),
            ..activity_log("run")
        };
        w.try_log("ada", failed).unwrap();
        assert_eq!(w.state("ada").total(km), amount("2.5"));
        assert_eq!(w.told("ada"), ["c PERMANENT 3.5/3!"]);
        assert_eq!(w.events.len(), 1);
        w.check();
    }

    #[test]
    fn an_event_is_a_log_of_the_activities_of_its_metric() {
        let mut w = World::new(START);
        w.metric("km");
        w.metric("steps");
        w.event_attribute("shoe");
        let [one, two] = ["run", "jog"].map(|id| w.activity_with(id, json!({"metric": "km"})));
        w.activity("swim");
        let sport = w.tag("kind:sport");
        w.mark(two, sport);
        assert_ne!(one, two);
        let red = json!({"==": [var("event.additionalData.shoe"), "red"]});
        w.configuration("any", json!({"targetAmountExpression": 100}));
        w.configuration(
            "red",
            json!({"matchCondition": red, "incrementExpression": var("event.value"),
                "targetAmountExpression": 100}),
        );
        let tagged =
            json!({"matchType": "TAG", "matchEntity": "Tag", "matchEntityId": "kind:sport"});
        w.configuration("tagged", tagged);
        w.mission_rule("r", json!({}));
        w.people(&["ada"]);
        w.list("ada");
        w.event_with("ada", "km", "2", &[("shoe", "red")]);
        w.event("ada", "steps", "2");
        let expected = [
            "any PERMANENT 2/100",
            "red PERMANENT 4/100",
            "tagged PERMANENT 1/3",
        ];
        assert_eq!(w.told("ada"), expected);
        // An activity is one log of itself and, through its metric, of the other.
        w.log_value("ada", "run", "1");
        assert_eq!(w.told("ada")[0], "any PERMANENT 4/100");
        assert_eq!((w.shared.activities.len(), w.events.len()), (1, 3));
    }

    #[test]
    fn a_replay_raises_nothing() {
        let mut w = World::new(START);
        w.metric("km");
        w.activity_with("run", json!({"metric": "km"}));
        w.currency("coins");
        w.reward_rule("pay", json!({}));
        w.configuration("c", json!({}));
        w.mission_rule("r", json!({}));
        w.people(&["ada"]);
        w.list("ada");
        let event = engine::command::RecordEvent {
            idempotency_key: Some("k".to_owned()),
            ..World::record(Patch::default(), "km", "1", &[])
        };
        assert!(!w.try_event("ada", event.clone()).unwrap().is_replay);
        assert!(w.try_event("ada", event).unwrap().is_replay);
        assert_eq!(w.told("ada"), ["c PERMANENT 1/3"]);
        assert_eq!(w.paid("ada"), ["10 COMPLETED"]);

        let log = LogActivity {
            id: Some("mine".to_owned()),
            ..activity_log("run")
        };
        assert_eq!(w.try_log("ada", log.clone()).unwrap().id, "mine");
        for user in ["ada", "bob"] {
            w.people(&[user]);
            let refused = w.try_log(user, log.clone());
            assert!(matches!(refused, Err(Refusal::Conflict(_))));
        }
        assert_eq!(w.told("ada"), ["c PERMANENT 2/3"]);
    }

    #[test]
    fn what_is_logged_is_kept_and_what_is_unknown_refused() {
        let mut w = world();
        let done = "2026-03-09T20:00:00Z";
        let log = LogActivity {
            completed: Some(instant(done)),
            value: Some(amount("-2")),
            ..activity_log("run")
        };
        let log = w.try_log("ada", log).unwrap();
        assert_eq!((log.completed, log.created), (instant(done), w.now));
        assert_eq!(log.value, Some(amount("-2")));
        assert_eq!(w.log("ada", "run").value, None);
        assert!(matches!(
            w.try_log("ada", activity_log("fly")),
            Err(Refusal::NotFound("activity", _))
        ));
        assert!(matches!(
            w.try_log("nobody", activity_log("run")),
            Err(Refusal::NotFound("user", _))
        ));
        assert!(!w.users.contains_key("nobody"));
    }

    #[test]
    fn a_user_whom_an_event_makes_is_new_to_the_second_dialect_too() {
        let mut w = World::new(START);
        w.metric("km");
        w.activity_with("run", json!({"metric": "km"}));
        w.configuration("c", json!({}));
        let rule = json!({"assignmentMode": "EVENT", "eventMatchType": "ENTITY",
            "eventMatchEntity": "User", "eventMatchCondition": true});
        w.mission_rule("r", rule);
        w.event("ada", "km", "1");
        // The user was first; the event is something the user did.
        assert_eq!(w.told("ada"), ["c PERMANENT 1/3"]);
    }
}

#[test]
fn match_types_are_those_of_the_definition() {
    let mut w = world();
    let tagged = w.tag("a:b");
    w.configuration("c", json!({}));
    w.edit_configuration("c", |c| {
        c.match_type = MatchType::Tag;
        c.match_entity_id = Some("no:such".to_owned());
    });
    w.mission_rule("r", json!({}));
    w.list("ada");
    w.log("ada", "run");
    w.assign_tag("ada", tagged);
    // A tag that is not there is carried by nothing.
    assert_eq!(w.told("ada"), ["c PERMANENT 0/3"]);
}

#[test]
fn only_so_many_missions_are_open_at_once() {
    let mut w = world();
    for number in 0..501 {
        w.configuration(&format!("m{number}"), json!({}));
    }
    w.mission_rule("all", json!({}));
    w.list("ada");
    assert_eq!(w.missions_of("ada").len(), 500);
    let refused = w.try_start("ada", start("m0", START, None));
    assert!(matches!(refused, Err(Refusal::Conflict(_))));
}

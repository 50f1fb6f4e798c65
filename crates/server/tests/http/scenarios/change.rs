//! Edits never touch what runs (spec/aworld.md 4.18), and drafts act nowhere (2.7).

use serde_json::{Value, json};

use super::{
    activity, balance, configuration, counting, currency, expect, labels, lazy, log, mission,
    mission_rule, missions, paying, reward_rule, user, with,
};
use crate::support::{TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";

fn put(app: &TestApp, path: &str, body: &Value) {
    app.dash("PUT", path, body).expect(200);
}

fn publish(app: &TestApp, path: &str) {
    app.dash("POST", &format!("{path}/publish"), &Value::Null)
        .expect(200);
}

#[test]
fn running_missions_keep_what_they_began_with() {
    on_both(NOW, |app| {
        activity(app, "walk", &json!({}));
        activity(app, "swim", &json!({}));
        let old = counting("steps", "walk", &json!(3));
        configuration(app, &old);
        let daily = json!({
            "timeframeType": "RECURRING", "recurrence": "DAILY", "timeframeEndsAt": "2027-01-01T00:00:00.000Z",
        });
        mission_rule(app, &with(lazy("daily", &["steps"]), &daily));
        let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| user(app, name, &json!({})));
        missions(app, &ada);
        log(app, &ada, "walk", &json!(1));
        let running = mission(app, &ada, "steps", "2026-03-10");
        expect(
            &running,
            &json!({"currentAmount": 1.0, "targetAmount": 3.0}),
        );

        // Everything that a mission takes from its configuration changes, first as a draft.
        let new = with(
            old.clone(),
            &json!({
                "matchEntityId": "swim", "incrementExpression": {"var": "event.value"}, "targetAmountExpression": 100,
                "matchCondition": {">": [{"var": "event.value"}, 1]}, "origin": "CUSTOM", "langs": ["en"],
            }),
        );
        let path = "/mission-configurations/steps";
        put(app, path, &new);
        assert_eq!(mission(app, &ada, "steps", "2026-03-10"), running);
        expect(
            &app.dashboard().get(path),
            &json!({"matchEntityId": "walk"}),
        );
        // A mission made now is one of the published configuration.
        let by_draft = mission(app, &bob, "steps", "2026-03-10");
        expect(
            &by_draft,
            &json!({"targetAmount": 3.0, "matchEntityId": "walk", "incrementExpression": 1}),
        );

        publish(app, path);
        app.step();
        assert_eq!(mission(app, &ada, "steps", "2026-03-10"), running);
        log(app, &ada, "swim", &json!(50));
        log(app, &ada, "walk", &json!(1));
        expect(
            &mission(app, &ada, "steps", "2026-03-10"),
            &json!({
                "missionId": running["missionId"], "currentAmount": 2.0, "targetAmount": 3.0,
                "matchEntityId": "walk", "matchCondition": true, "incrementExpression": 1, "targetAmountExpression": 3,
            }),
        );
        log(app, &ada, "walk", &json!(1));
        expect(
            &mission(app, &ada, "steps", "2026-03-10"),
            &json!({"isCompleted": true}),
        );

        // Missions made from now on are of the new one: of a user who comes now, and of tomorrow.
        let terms = json!({
            "targetAmount": 100.0, "matchEntityId": "swim", "currentAmount": 0.0,
            "incrementExpression": {"var": "event.value"},
        });
        expect(&mission(app, &eve, "steps", "2026-03-10"), &terms);
        app.travel("2026-03-11T00:00:00Z");
        expect(&mission(app, &bob, "steps", "2026-03-11"), &terms);
        log(app, &bob, "swim", &json!(50));
        log(app, &bob, "swim", &json!(1));
        log(app, &bob, "walk", &json!(9));
        expect(
            &mission(app, &bob, "steps", "2026-03-11"),
            &json!({"currentAmount": 50.0}),
        );
    });
}

/// The rule that made a mission may change or be switched off: the mission stays.
#[test]
fn missions_outlive_the_rule_that_made_them() {
    on_both(NOW, |app| {
        activity(app, "walk", &json!({}));
        configuration(app, &counting("steps", "walk", &json!(2)));
        let rule = lazy("rule", &["steps"]);
        mission_rule(app, &rule);
        let [ada, bob] = ["ada", "bob"].map(|name| user(app, name, &json!({})));
        assert_eq!(missions(app, &ada).len(), 1);
        let off = json!({"assignmentMode": "DISABLED", "origin": "CUSTOM", "langs": ["en"]});
        put(app, "/mission-rules/rule", &with(rule, &off));
        publish(app, "/mission-rules/rule");
        app.step();
        assert_eq!(missions(app, &bob).len(), 0);
        log(app, &ada, "walk", &json!(1));
        log(app, &ada, "walk", &json!(1));
        expect(
            &mission(app, &ada, "steps", "PERMANENT"),
            &json!({"missionRuleId": "rule", "isCompleted": true, "currentAmount": 2.0}),
        );
    });
}

/// The target is computed once, when a mission becomes active, by what the user is then (spec 4.2, 4.5).
#[test]
fn targets_are_frozen() {
    on_both(NOW, |app| {
        activity(app, "walk", &json!({}));
        let target = json!({"if": [{"==": [{"var": "user.lang"}, "it"]}, 7, null]});
        configuration(app, &counting("steps", "walk", &target));
        mission_rule(app, &lazy("rule", &["steps"]));
        let ada = user(app, "ada", &json!({"lang": "it"}));
        // Null becomes 1.
        let bob = user(app, "bob", &json!({"lang": "en"}));
        expect(
            &mission(app, &ada, "steps", "PERMANENT"),
            &json!({"targetAmount": 7.0}),
        );
        expect(
            &mission(app, &bob, "steps", "PERMANENT"),
            &json!({"targetAmount": 1.0}),
        );
        for (user, lang) in [(&ada, "en"), (&bob, "it")] {
            let path = format!("/users/{user}");
            app.dash("PATCH", &path, &json!({"lang": lang})).expect(200);
        }
        app.step();
        expect(
            &mission(app, &ada, "steps", "PERMANENT"),
            &json!({"targetAmount": 7.0}),
        );
        expect(
            &mission(app, &bob, "steps", "PERMANENT"),
            &json!({"targetAmount": 1.0}),
        );

        // A mission by hand that begins later takes its target when it begins.
        let body = json!({
            "userId": bob, "missionType": "INDIVIDUAL", "missionConfigurationId": "steps", "timeframeType": "RANGE",
            "startsAt": "2026-03-12T00:00:00.000Z", "endsAt": "2026-03-13T00:00:00.000Z", "currentAmount": 5,
        });
        app.dash("POST", "/missions", &body).expect(201);
        let period = "2026-03-12T00:00:00";
        expect(
            &mission(app, &bob, "steps", period),
            &json!({"state": "PENDING"}),
        );
        // Before it begins nothing counts for it.
        log(app, &bob, "walk", &json!(1));
        expect(
            &mission(app, &bob, "steps", period),
            &json!({"currentAmount": 5.0}),
        );
        app.travel("2026-03-12T00:00:00Z");
        expect(
            &mission(app, &bob, "steps", period),
            &json!({"state": "ACTIVE", "targetAmount": 7.0, "missionRuleId": null}),
        );
        app.dash("PATCH", &format!("/users/{bob}"), &json!({"lang": "en"}))
            .expect(200);
        log(app, &bob, "walk", &json!(1));
        expect(
            &mission(app, &bob, "steps", period),
            &json!({"targetAmount": 7.0, "currentAmount": 6.0, "isCompleted": false}),
        );
        app.travel("2026-03-13T00:00:00Z");
        log(app, &bob, "walk", &json!(1));
        expect(
            &mission(app, &bob, "steps", period),
            &json!({"state": "ENDED", "currentAmount": 6.0, "isCompleted": false}),
        );
    });
}

#[test]
fn drafts_act_nowhere() {
    on_both(NOW, |app| {
        activity(app, "walk", &json!({}));
        currency(app, "coins", &json!({}));
        configuration(app, &counting("steps", "walk", &json!(1)));
        let rule_id = reward_rule(app, &paying("Activity", "coins", &json!(1)));
        let ada = user(app, "ada", &json!({}));
        let create = |path: &str, body: &Value| app.dash("POST", path, body).expect(201);

        // An activity: cannot be logged.
        let texts = json!({"name": "x", "defaultLang": "en", "translations": labels()});
        create(
            "/activities",
            &with(texts.clone(), &json!({"activityId": "run"})),
        );
        let body = json!({"activityId": "run", "userId": ada});
        app.as_user(&ada)
            .call("POST", "/activity-logs", &body)
            .refused(404);
        // A currency: nothing can be paid in it.
        create(
            "/virtual-currencies",
            &with(texts, &json!({"virtualCurrencyId": "gems"})),
        );
        let body = json!({"transactions": [{
            "virtualCurrencyId": "gems", "redemptionMode": "AUTO", "amount": 1, "destinationUserId": ada,
        }]});
        app.dash("POST", "/virtual-transactions", &body)
            .refused(404);
        // A mission rule: makes nothing.
        create("/mission-rules", &lazy("rule", &["steps"]));
        assert_eq!(missions(app, &ada).len(), 0);
        // A configuration: is not chosen, also where the rule would take any.
        create(
            "/mission-configurations",
            &counting("draft", "walk", &json!(1)),
        );
        let mut all = lazy("all", &[]);
        all.as_object_mut()
            .unwrap()
            .remove("missionConfigurationsPool");
        mission_rule(app, &all);
        let names: Vec<Value> = missions(app, &ada)
            .iter()
            .map(|mission| mission["missionConfigurationId"].clone())
            .collect();
        assert_eq!(names, ["steps"]);
        let body = json!({
            "userId": ada, "missionType": "INDIVIDUAL", "missionConfigurationId": "draft",
            "timeframeType": "PERMANENT", "startsAt": "2026-03-10T00:00:00.000Z",
        });
        app.dash("POST", "/missions", &body).refused(404);
        // A reward rule pays what is published, whatever its draft says; a new one nothing.
        create("/reward-rules", &paying("Activity", "coins", &json!(1_000)));
        let path = format!("/reward-rules/{rule_id}");
        let changed = json!({"rewardRuleId": rule_id, "origin": "CUSTOM", "langs": ["en"]});
        put(
            app,
            &path,
            &with(paying("Activity", "coins", &json!(2)), &changed),
        );
        log(app, &ada, "walk", &json!(1));
        assert_eq!(balance(app, &ada, "coins"), (1.0, 1.0));
        publish(app, &path);
        log(app, &ada, "walk", &json!(1));
        assert_eq!(balance(app, &ada, "coins"), (3.0, 3.0));
    });
}

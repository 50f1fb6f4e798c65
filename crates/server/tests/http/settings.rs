//! Settings of a space, and the control group they make (spec/trophy.md 15.5, 2.7).

use serde_json::json;

use crate::support::{TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";

fn control(app: &TestApp, user: &str) -> bool {
    let path = format!("/v1/users/{user}");
    let answer = app.admin("PUT", &path, Some(&json!({}))).expect(200);
    answer["control"].as_bool().unwrap()
}

#[test]
fn the_control_group_is_drawn_once_with_the_ratio_of_then() {
    on_both(NOW, |app| {
        assert!(!control(app, "before"));
        let ratio = |percent: i64| {
            let change = json!({"experimentation": {"controlRatio": percent}});
            app.admin("PATCH", "/admin/v1/settings", Some(&change))
                .expect(200)
        };
        ratio(30);
        let drawn: Vec<bool> = (0..400)
            .map(|number| control(app, &format!("user-{number}")))
            .collect();
        let share = drawn.iter().filter(|is_control| **is_control).count();
        // 400 draws of 30 percent: 120, give or take five standard deviations.
        assert!((75..=165).contains(&share), "{share}");
        ratio(100);
        assert!(control(app, "later"));
        assert!(!control(app, "before"));
        let again = (0..400).map(|number| control(app, &format!("user-{number}")));
        assert_eq!(again.collect::<Vec<_>>(), drawn);
    });
}

#[test]
fn an_event_makes_control_users_too_and_counts_for_them() {
    on_both(NOW, |app| {
        app.create("/metrics", &json!({"name": "Words", "key": "words"}));
        let change = json!({"experimentation": {"controlRatio": 100}});
        app.admin("PATCH", "/admin/v1/settings", Some(&change))
            .expect(200);
        let event = json!({"user": {"id": "ada"}, "value": 3});
        let answer = app.admin("POST", "/v1/metrics/words/event", Some(&event));
        assert_eq!(answer.expect(201)["total"], 3.0);
        assert!(control(app, "ada"));
    });
}

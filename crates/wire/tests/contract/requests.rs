//! How request bodies are read: absent, null and value; exact numbers; unknown members; refusals.

use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json};
use wire::Patch;
use wire::trophy_admin as admin;
use wire::trophy_app as app;
use wire::vocabulary::EvaluationMode;

fn read<T: DeserializeOwned>(value: Value) -> T {
    from_value(value).expect("a good body")
}

#[test]
fn a_patch_tells_absent_null_and_value_apart() {
    let user: app::UpdatedUser = read(json!({"name": "A", "tz": null}));
    assert_eq!(user.name, Patch::Value("A".to_owned()));
    assert_eq!(user.tz, Patch::Null);
    assert_eq!(user.email, Patch::Absent);
    assert_eq!(user.device_tokens, Patch::Absent);
}

#[test]
fn an_upserted_user_splits_into_id_and_changes() {
    let user: app::UpsertedUser = read(json!({
        "id": "18", "email": "a@example.com", "deviceTokens": ["t"], "subscribeToEmails": false,
        "attributes": {"plan": "pro", "city": null}, "signUpDate": "2026-01-15", "stray": 1,
    }));
    let (id, update) = user.into();
    assert_eq!(id, "18");
    assert_eq!(update.email, Patch::Value("a@example.com".to_owned()));
    assert_eq!(update.device_tokens, Patch::Value(vec!["t".to_owned()]));
    assert_eq!(update.subscribe_to_emails, Some(false));
    assert_eq!(update.sign_up_date, Patch::Value("2026-01-15".to_owned()));
    let attributes = update.attributes.expect("attributes");
    assert_eq!(attributes["plan"].as_deref(), Some("pro"));
    assert_eq!(attributes["city"], None);
}

#[test]
fn a_value_keeps_its_text() {
    for text in ["750", "0.1", "-2.5", "9007199254740993"] {
        let body = format!(r#"{{"user": {{"id": "18"}}, "value": {text}}}"#);
        let event: app::MetricEventRequest = serde_json::from_str(&body).expect("a good body");
        assert_eq!(event.value.to_string(), text);
    }
}

#[test]
fn bad_bodies_are_refused() {
    for body in [
        r#"{"user": {"id": "18"}, "value": 1e400}"#,
        r#"{"user": {"id": "18"}, "value": NaN}"#,
        r#"{"user": {"id": "18"}, "value": "1"}"#,
        r#"{"user": {"id": "18"}}"#,
        r#"{"user": {}, "value": 1}"#,
        r#"{"user": {"id": 18}, "value": 1}"#,
        r#"{"user": {"id": "18"}, "value": 1, "attributes": {"a": 1}}"#,
    ] {
        assert!(
            serde_json::from_str::<app::MetricEventRequest>(body).is_err(),
            "{body}"
        );
    }
}

#[test]
fn all_is_another_name_for_and() {
    for (text, mode) in [
        ("ALL", EvaluationMode::And),
        ("AND", EvaluationMode::And),
        ("OR", EvaluationMode::Or),
    ] {
        assert_eq!(read::<EvaluationMode>(json!(text)), mode);
    }
    assert_eq!(
        serde_json::to_value(EvaluationMode::And).expect("a value"),
        "AND"
    );
}

#[test]
fn a_leaderboard_can_be_created_without_a_limit() {
    let item = |limit: Value| {
        read::<admin::CreateLeaderboardRequestItem>(
            json!({"name": "L", "key": "l", "rankBy": "streak", "maxParticipants": limit}),
        )
    };
    assert_eq!(item(json!(null)).max_participants, Patch::Null);
    assert_eq!(item(json!(5)).max_participants, Patch::Value(5));
    let absent: admin::CreateLeaderboardRequestItem =
        read(json!({"name": "L", "key": "l", "rankBy": "streak"}));
    assert_eq!(absent.max_participants, Patch::Absent);
}

#[test]
fn null_settings_are_told_apart_from_absent_ones() {
    let update: admin::UpdateSettingsRequest =
        read(json!({"branding": null, "experimentation": {"controlRatio": 5}}));
    assert!(matches!(update.branding, Patch::Null));
    assert!(matches!(update.experimentation, Patch::Value(e) if e.control_ratio == Some(5)));
}

#[test]
fn the_text_of_a_key_stays_out_of_debug() {
    let key = admin::CreatedApplicationKey {
        id: "1".to_owned(),
        user_id: "18".to_owned(),
        key: "app_1.secret".to_owned(),
        prefix: "app_1".to_owned(),
    };
    assert!(!format!("{key:?}").contains("secret"));
}

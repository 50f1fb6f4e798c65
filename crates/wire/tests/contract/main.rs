//! Every response type against the contract (1.21.1) and against what the current client requires (1.27.0).
//!
//! The contract lies outside the repository, at `../shared/contract/trophy` seen from the workspace root. Without it these
//! tests fail: nothing is skipped.

mod newer;
mod openapi;
mod requests;
mod samples;
mod schema;

use std::collections::BTreeSet;

use schema::Contract;

fn check_every_operation(file: &str, sample: fn(&str, bool) -> Option<serde_json::Value>) {
    let contract = Contract::read(file);
    let mut problems = Vec::new();
    for (operation, status, schema) in contract.successes() {
        for full in [false, true] {
            match sample(&operation, full) {
                None => problems.push(format!("{operation}: no sample")),
                Some(value) => {
                    let at = format!(
                        "{operation} {status} {}",
                        if full { "full" } else { "minimal" }
                    );
                    contract.check(&schema, &value, &at, &mut problems);
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let unknown: BTreeSet<_> = contract
        .unknown_members()
        .difference(
            &schema::NEWER_MEMBERS
                .iter()
                .map(|&m| m.to_owned())
                .collect(),
        )
        .cloned()
        .collect();
    assert!(
        unknown.is_empty(),
        "members that the contract does not know: {unknown:?}"
    );
}

#[test]
fn application_responses_satisfy_the_contract() {
    check_every_operation("application.json", samples::application);
}

#[test]
fn admin_responses_satisfy_the_contract() {
    check_every_operation("admin.json", samples::admin);
}

#[test]
fn the_checker_finds_faults() {
    let contract = Contract::read("application.json");
    let good = samples::application("users_streak", true).expect("a sample");
    let schema = serde_json::json!({"$ref": "#/components/schemas/StreakResponse"});
    for (member, value) in [
        ("length", serde_json::json!(1.5)),
        ("frequency", serde_json::json!("hourly")),
        ("started", serde_json::json!("2026-1-5")),
        ("pauses", serde_json::Value::Null),
    ] {
        let mut bad = good.clone();
        bad[member] = value;
        let mut problems = Vec::new();
        contract.check(&schema, &bad, "", &mut problems);
        assert_eq!(problems.len(), 1, "{member}: {problems:?}");
        bad.as_object_mut().expect("an object").remove(member);
        problems.clear();
        contract.check(&schema, &bad, "", &mut problems);
        assert_eq!(problems.len(), 1, "{member}: {problems:?}");
    }
}

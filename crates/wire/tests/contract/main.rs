//! Every response type against the contract (1.21.1) and against what the current client requires (1.27.0).
//!
//! The contract lies outside the repository, at `../shared/contract/trophy` seen from the workspace root. Without it these
//! tests fail: nothing is skipped.

mod newer;
mod openapi;
mod requests;
mod samples;
mod webhooks;

use std::collections::BTreeSet;

use testkit::contract::{Contract, Findings};

/// Members that we send beyond 1.21.1, by `spec/trophy.md` 15 and its proposals.
const NEWER_MEMBERS: &[&str] = &[
    "anniversaryYears", // 15.2
    "signUpDate",       // 15.2
    "daysOff",          // 15.6
    "resetAt",          // 15.3
    "userAttributes",   // 15.4, on leaderboards
    "status",           // 7.1: required by the contract, defined nowhere
    "rank",             // 15.7, on streaks
    "key",              // 6.1, on points systems
    "tenantId",         // AMB-47, in webhooks
    "level",            // older clients, in issues of streak operations
    "reason",           // the same
];

fn check_every_operation(file: &str, sample: fn(&str, bool) -> Option<serde_json::Value>) {
    let contract = Contract::read(file);
    let successes = contract.successes();
    assert!(
        successes.len() >= 27,
        "only {} answers found",
        successes.len()
    );
    let mut lacking = Vec::new();
    let mut findings = Findings::default();
    for (operation, status, schema) in successes {
        for full in [false, true] {
            match sample(&operation, full) {
                None => lacking.push(operation.clone()),
                Some(value) => {
                    let at = format!(
                        "{operation} {status} {}",
                        if full { "full" } else { "minimal" }
                    );
                    contract.check(&schema, &value, &at, &mut findings);
                }
            }
        }
    }
    assert!(lacking.is_empty(), "no samples for {lacking:?}");
    assert_sound(&findings);
}

/// Nothing is wrong, and nothing is there that is not meant to be.
fn assert_sound(findings: &Findings) {
    let faults: Vec<String> = findings.faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let unknown: BTreeSet<_> = findings
        .unknown
        .iter()
        .filter(|(_, name)| !NEWER_MEMBERS.contains(&name.as_str()))
        .collect();
    assert!(
        unknown.is_empty(),
        "members that the contract does not know: {unknown:?}"
    );
}

#[test]
fn application_responses_satisfy_the_contract() {
    check_every_operation("trophy/application.json", samples::application);
}

#[test]
fn admin_responses_satisfy_the_contract() {
    check_every_operation("trophy/admin.json", samples::admin);
}

#[test]
fn the_checker_finds_faults() {
    let contract = Contract::read("trophy/application.json");
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
        let mut findings = Findings::default();
        contract.check(&schema, &bad, "", &mut findings);
        assert_eq!(findings.faults.len(), 1, "{member}: {findings:?}");
        bad.as_object_mut().expect("an object").remove(member);
        findings.faults.clear();
        contract.check(&schema, &bad, "", &mut findings);
        assert_eq!(findings.faults.len(), 1, "{member}: {findings:?}");
    }
}

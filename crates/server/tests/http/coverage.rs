//! `docs/coverage.md` says what the server does.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{Engine, TestApp};

/// One row of the file: base path, method, path, state.
fn rows() -> Vec<(&'static str, String, String, String)> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/coverage.md");
    let text = std::fs::read_to_string(file).unwrap();
    let mut base = "";
    let mut rows = Vec::new();
    for line in text.lines() {
        if line.starts_with("## ") {
            base = ["/admin/v1", "/app/v1", "/dashboard/v1", "/v1"]
                .into_iter()
                .find(|base| line.contains(&format!("(`{base}`)")))
                .unwrap_or("");
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, operation, _, state, _] = cells.as_slice()
            && let Some((method, path)) = operation.trim_matches('`').split_once(" /")
        {
            rows.push((
                base,
                method.to_owned(),
                format!("/{path}"),
                (*state).to_owned(),
            ));
        }
    }
    rows
}

fn without_names(path: &str) -> String {
    let segments: Vec<&str> = path
        .split('/')
        .map(|segment| {
            if segment.starts_with('{') {
                "{}"
            } else {
                segment
            }
        })
        .collect();
    segments.join("/")
}

#[test]
fn done_operations_are_described_and_the_others_answer_501() {
    let app = TestApp::start(Engine::Sqlite, "2026-03-10T09:00:00Z");
    let (application, admin) = server::api::descriptions();
    let mut described = BTreeSet::new();
    for (base, description) in [("/v1", application), ("/admin/v1", admin)] {
        let description = serde_json::to_value(&description).unwrap();
        for (path, methods) in description["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                described.insert((base, method.to_uppercase(), without_names(path)));
            }
        }
    }
    let rows = rows();
    assert!(rows.len() > 350, "only {} rows", rows.len());
    for (base, method, path, state) in rows {
        let operation = (base, method.clone(), without_names(&path));
        let is_described = described.remove(&operation);
        assert_eq!(
            is_described,
            state == "done",
            "{base} {method} {path} is {state}"
        );
        if state == "501" {
            let id = "00000000-0000-7000-8000-000000000000";
            let concrete = without_names(&path).replace("{}", id);
            let body = (method != "GET").then(|| json!({}));
            let answer = app.admin(&method, &format!("{base}{concrete}"), body.as_ref());
            assert_eq!(
                answer.status, 501,
                "{base} {method} {path}: {}",
                answer.text
            );
            assert!(answer.json["error"].is_string(), "{base} {method} {path}");
        }
    }
    let forgotten: Vec<_> = described
        .iter()
        .filter(|(_, _, path)| path != "/openapi")
        .collect();
    assert!(
        forgotten.is_empty(),
        "not in docs/coverage.md: {forgotten:?}"
    );
}

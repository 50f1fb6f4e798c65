//! `docs/coverage.md` says what the server does.

use std::collections::{BTreeMap, BTreeSet};

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
    let user = app.user("ada");
    let (application, admin) = server::api::descriptions();
    let (app_half, dashboard) = server::api::second_descriptions();
    let mut described = BTreeSet::new();
    for (base, description) in [
        ("/v1", application),
        ("/admin/v1", admin),
        ("/app/v1", app_half),
        ("/dashboard/v1", dashboard),
    ] {
        let description = serde_json::to_value(&description).unwrap();
        for (path, methods) in description["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                described.insert((base, method.to_uppercase(), without_names(path)));
            }
        }
    }
    let rows = rows();
    assert!(rows.len() > 350, "only {} rows", rows.len());
    let mut is_done: BTreeMap<_, bool> = BTreeMap::new();
    for (base, method, path, state) in &rows {
        let operation = (*base, method.clone(), without_names(path));
        // Two operations of the contract can have one path (spec/aworld.md 2.1).
        *is_done.entry(operation).or_default() |= state == "done";
    }
    let listed: BTreeSet<_> = is_done.keys().cloned().collect();
    for (operation, is_done) in is_done {
        assert_eq!(described.contains(&operation), is_done, "{operation:?}");
    }
    for (base, method, path, state) in rows {
        if state != "501" {
            assert_eq!(state, "done", "{base} {method} {path}");
            continue;
        }
        let id = "00000000-0000-7000-8000-000000000000";
        let path = without_names(&path).replace("{}", id);
        let body = (method != "GET").then(|| json!({}));
        let answer = match base {
            "/app/v1" => app.as_user(&user).call(&method, &path, &json!(body)),
            "/dashboard/v1" => app.dash(&method, &path, &json!(body)),
            _ => {
                let answer = app.admin(&method, &format!("{base}{path}"), body.as_ref());
                assert!(answer.json["error"].is_string(), "{base} {method} {path}");
                answer
            }
        };
        assert_eq!(
            answer.status, 501,
            "{base} {method} {path}: {}",
            answer.text
        );
    }
    let forgotten: Vec<_> = described
        .difference(&listed)
        .filter(|(_, _, path)| path != "/openapi")
        .collect();
    assert!(
        forgotten.is_empty(),
        "not in docs/coverage.md: {forgotten:?}"
    );
}

#[test]
fn the_table_of_counts_counts_the_rows() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/coverage.md");
    let text = std::fs::read_to_string(file).unwrap();
    let (table, _) = text.split_once("\n## ").unwrap();
    let total = |cell: usize| -> usize {
        table
            .lines()
            .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
            .filter(|cells| {
                cells
                    .get(2)
                    .is_some_and(|cell| cell.parse::<usize>().is_ok())
            })
            .filter_map(|cells| cells[cell].parse::<usize>().ok())
            .sum()
    };
    let rows = rows();
    let extensions = text
        .split("### Our extensions")
        .skip(1)
        .filter_map(|part| part.split("\n## ").next())
        .flat_map(str::lines)
        .filter(|line| line.contains("| `"))
        .count();
    let done = rows.iter().filter(|row| row.3 == "done").count();
    assert_eq!(total(2), rows.len() - extensions, "operations");
    assert_eq!(total(3), done - extensions, "done");
    assert_eq!(total(4), rows.len() - done, "501");
}

#[test]
fn every_description_can_be_fetched() {
    let app = TestApp::start(Engine::Sqlite, "2026-03-10T09:00:00Z");
    let page = app.raw("GET", "/docs", &[], None).text;
    for (name, base) in [
        ("application", "/v1"),
        ("admin", "/admin/v1"),
        ("app", "/app/v1"),
        ("dashboard", "/dashboard/v1"),
    ] {
        let answer = app.raw("GET", &format!("/openapi/{name}.json"), &[], None);
        assert_eq!(answer.json["servers"][0]["url"], base, "{name}");
        assert!(page.contains(&format!("data-api=\"{name}\"")), "{name}");
    }
}

//! Every answer of the second dialect against its contract (`../shared/contract/aworld`, base snapshot), whichever test
//! asked; and every operation of the contract once, built or not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::{Value, json};
use testkit::contract::{Contract, Findings, Operation};

use crate::support::{Answer, Engine, TestApp};

/// Where we differ from the contract on purpose: operation (or `*`), what, why.
const DEVIATIONS: &[(&str, Deviation, &str)] = &[
    (
        "rewardRules/",
        Deviation::Member("translations"),
        "fields=translations as in the table of spec/aworld.md 3.15: else they could be written and never read",
    ),
    (
        "activities/listTranslations",
        Deviation::Member("workspaceId"),
        SLIP,
    ),
    (
        "activities/listTranslations",
        Deviation::Member("lang"),
        SLIP,
    ),
    (
        "activities/listTranslations",
        Deviation::Member("label"),
        SLIP,
    ),
    (
        "activities/listTranslations",
        Deviation::Member("description"),
        SLIP,
    ),
    (
        "activities/listTranslations",
        Deviation::Member("accountId"),
        SLIP,
    ),
    (
        "activities/listTranslations",
        Deviation::Member("sourceRegion"),
        SLIP,
    ),
    (
        "activities/listTranslations",
        Deviation::Member("createdAt"),
        SLIP,
    ),
    (
        "activities/listTranslations",
        Deviation::Member("updatedAt"),
        SLIP,
    ),
    (
        "activities/",
        Deviation::Member("metric"),
        "one world: the metric that an activity adds to is our extension (issue 3)",
    ),
    (
        "rewardRules/",
        Deviation::Member("expiresAfter"),
        "when a MANUAL reward ends is our extension (spec/aworld.md 4.9 leaves it open)",
    ),
];

/// Why an item is what it is everywhere else.
const SLIP: &str = "the schema repeats the query parameters instead of the translation (a slip)";

/// The schema of expressions says object; literals are expressions as well (spec/aworld.md 4.2: accept both).
const EXPRESSION: &str = "JsonLogicExpression";

/// What refuses, whether the contract lists it or not.
const REFUSALS: [u16; 10] = [400, 401, 403, 404, 405, 408, 409, 413, 501, 503];

/// What requests of the contract can have and we do not describe: operation, what, why.
const UNDESCRIBED: &[(&str, &str, &str)] = &[
    ("activities/update", ".activityId", "the path says it"),
    (
        "missionConfigurations/update",
        ".missionConfigurationId",
        "the path says it",
    ),
    ("missionRules/update", ".missionRuleId", "the path says it"),
    (
        "missionConfigurations/update",
        ".langs",
        "it follows from the translations",
    ),
    (
        "missionConfigurations/update",
        ".origin",
        "there is no catalog; it is always CUSTOM",
    ),
    (
        "missionRules/create",
        ".state",
        "it follows from the timeframe",
    ),
    (
        "virtualCurrencies/get",
        "virtualCurrencyId",
        "a slip: the path says it",
    ),
];

/// A way to differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deviation {
    /// A member that the contract does not name, inside whatever this operation answers.
    Member(&'static str),
}

/// Both halves, with the path below which they lie.
fn contracts() -> &'static [(&'static str, Contract); 2] {
    static CONTRACTS: OnceLock<[(&str, Contract); 2]> = OnceLock::new();
    CONTRACTS.get_or_init(|| {
        [("/app/v1", "app"), ("/dashboard/v1", "dashboard")].map(|(base, name)| {
            let contract = Contract::read(&format!("aworld/{name}.json"));
            (base, contract.accepting_literals_for(EXPRESSION))
        })
    })
}

/// Panics unless an answer of the second dialect is one that the contract, or our list of deviations, allows. Answers of
/// others are not looked at.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or_default();
    for (base, contract) in contracts() {
        let Some(below) = path.strip_prefix(base).filter(|rest| rest.starts_with('/')) else {
            continue;
        };
        let what = format!("{method} {path} {}", answer.status);
        if (200..300).contains(&answer.status) {
            let operation = contract
                .find(method, below)
                .unwrap_or_else(|| panic!("{what}: the contract has no such operation"));
            check_success(contract, operation, answer, &what);
        } else {
            assert!(REFUSALS.contains(&answer.status), "{what}: {}", answer.text);
            check_error(answer, &what);
        }
    }
}

#[track_caller]
fn check_success(contract: &Contract, operation: Operation<'_>, answer: &Answer, what: &str) {
    let schema = operation
        .answer(answer.status)
        .unwrap_or_else(|| panic!("{what}: {} does not list this status", operation.id));
    if schema.is_null() {
        assert_eq!(answer.text, "", "{what}: {} has no body", operation.id);
        return;
    }
    let mut findings = Findings::default();
    contract.check(schema, &answer.json, "", &mut findings);
    findings
        .unknown
        .retain(|(_, name)| !is_chosen(operation.id, Deviation::Member(name_of(name))));
    assert_eq!(findings, Findings::default(), "{what}: {}", answer.text);
}

/// The name as it stands in the list, if it does.
fn name_of(name: &str) -> &'static str {
    DEVIATIONS
        .iter()
        .map(|(_, Deviation::Member(known), _)| *known)
        .find(|known| *known == name)
        .unwrap_or_default()
}

fn is_chosen(operation: &str, wanted: Deviation) -> bool {
    DEVIATIONS
        .iter()
        .any(|(prefix, deviation, _)| operation.starts_with(prefix) && *deviation == wanted)
}

/// Panics unless an answer is an error in the shape of the dialect (spec/aworld.md 2.11, shape 1) and in no other.
#[track_caller]
pub(crate) fn check_error(answer: &Answer, what: &str) {
    let names = |value: &Value| -> Vec<String> {
        let members = value.as_object().into_iter().flatten();
        members.map(|(name, _)| name.clone()).collect()
    };
    let error = &answer.json["error"];
    assert_eq!(names(&answer.json), ["error"], "{what}: {}", answer.text);
    let mut found = names(error);
    found.sort_unstable();
    let wanted = ["code", "details", "message", "requestId"];
    assert_eq!(found, wanted, "{what}: {}", answer.text);
    for member in ["code", "message", "requestId"] {
        let text = error[member].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{what}: no {member} in {}", answer.text);
    }
    let is_code = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    let code = error["code"].as_str().unwrap_or_default();
    assert!(code.bytes().all(is_code), "{what}: {code}");
    assert_eq!(
        error["requestId"].as_str(),
        answer
            .headers
            .get("x-request-id")
            .and_then(|id| id.to_str().ok()),
        "{what}"
    );
    for detail in error["details"].as_array().expect("a list") {
        assert_eq!(
            names(detail),
            ["field", "message"],
            "{what}: {}",
            answer.text
        );
        let has_texts = detail["field"].is_string() && detail["message"].is_string();
        assert!(has_texts, "{what}: {}", answer.text);
    }
    assert_eq!(
        answer.headers.contains_key("www-authenticate"),
        answer.status == 401,
        "{what}"
    );
}

/// A path below the base path in which every parameter says something.
pub(crate) fn concrete(template: &str) -> String {
    let segments = template.split('/').map(|segment| {
        if segment.starts_with('{') {
            "000000"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn every_operation_of_the_contract_is_built_or_says_that_it_is_not() {
    let app = TestApp::start(Engine::Sqlite, "2026-03-10T09:00:00Z");
    let user = app.user("ada");
    let (app_api, dashboard_api) = server::api::second_descriptions();
    let sessions = [app.as_user(&user), app.dashboard()];
    let ours = [app_api, dashboard_api];
    for (((base, contract), session), ours) in contracts().iter().zip(sessions).zip(ours) {
        let ours = Contract::of(serde_json::to_value(&ours).unwrap());
        for operation in contract.operations() {
            let Operation {
                method, template, ..
            } = operation;
            let path = concrete(template);
            let body = if method == "GET" {
                Value::Null
            } else {
                json!({})
            };
            let operations = ours.operations();
            let own = operations
                .iter()
                .find(|own| own.method == method && concrete(own.template) == path);
            let answer = session.call(method, &path, &body);
            // Half of what lies at `/streak-rules/{id}/translations` is built.
            let may_be_501 = own.is_none_or(|own| own.answer(501).is_some());
            let is_501 = answer.status == 501;
            assert!(
                if is_501 { may_be_501 } else { own.is_some() },
                "{method} {base}{template}: {}",
                answer.text
            );
            let headers = [("content-type", "application/json")];
            let body = (method != "GET").then_some("{}".as_bytes());
            let stranger = app.raw(method, &format!("{base}{path}"), &headers, body);
            assert_eq!(stranger.status, 401, "{method} {base}{template}");
        }
        for own in ours.operations() {
            let known = contract.operations().iter().any(|other| {
                other.method == own.method && concrete(other.template) == concrete(own.template)
            });
            assert!(
                known,
                "{} {base}{} is not in the contract",
                own.method, own.template
            );
        }
    }
}

/// The members of a schema with those inside them, and whether each must be there.
fn members(contract: &Contract, schema: &Value, at: &str, into: &mut BTreeMap<String, bool>) {
    let schema = contract.resolve(schema);
    let object = contract.object(schema);
    for (name, member) in &object.properties {
        let inner = format!("{at}.{name}");
        let is_required = object.required.contains(name);
        into.entry(inner.clone())
            .and_modify(|known| *known &= is_required)
            .or_insert(is_required);
        members(contract, member, &inner, into);
    }
    if let Some(items) = schema.get("items") {
        members(contract, items, &format!("{at}[]"), into);
    }
    for options in ["anyOf", "oneOf"].map(|name| schema.get(name)) {
        for option in options.and_then(Value::as_array).into_iter().flatten() {
            let mut inner = BTreeMap::new();
            members(contract, option, at, &mut inner);
            // Another option may do without.
            into.extend(inner.into_keys().map(|name| (name, false)));
        }
    }
}

#[test]
fn requests_and_answers_of_the_contract_are_described() {
    let (app_api, dashboard_api) = server::api::second_descriptions();
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    let mut is_left_out = |operation: &str, name: &str| {
        let found = UNDESCRIBED
            .iter()
            .position(|(of, member, _)| *of == operation && *member == name);
        used.extend(found);
        found.is_some()
    };
    for ((base, contract), ours) in contracts().iter().zip([app_api, dashboard_api]) {
        let ours = Contract::of(serde_json::to_value(&ours).unwrap());
        for own in ours.operations() {
            let Operation {
                method, template, ..
            } = own;
            let wanted = contract.find(method, &concrete(template)).unwrap();
            let at = format!("{method} {base}{template}");
            for name in parameters(wanted).difference(&parameters(own)) {
                if is_left_out(wanted.id, name) {
                    continue;
                }
                problems.push(format!("{at}: the parameter {name} is lacking"));
            }
            // What clients send as the contract says is known to us and enough.
            let mine = all_members(&ours, &taken(own));
            let theirs = all_members(contract, &taken(wanted));
            for (name, is_required) in &mine {
                let is_more = *is_required && theirs.get(name) != Some(&true);
                let parent = name.rsplit_once('.').map(|(parent, _)| parent);
                let parent = parent.unwrap_or_default().trim_end_matches("[]");
                if is_more && (parent.is_empty() || theirs.contains_key(parent)) {
                    problems.push(format!("{at}: {name} need not be sent"));
                }
            }
            for name in theirs.keys().filter(|name| !mine.contains_key(*name)) {
                if is_left_out(wanted.id, name) {
                    continue;
                }
                problems.push(format!("{at}: {name} can be sent"));
            }
            // What clients may rely on is there.
            for status in [200, 201, 204] {
                let (mine, theirs) = (own.answer(status), wanted.answer(status));
                if mine.is_some() != theirs.is_some() {
                    problems.push(format!("{at}: {status} is listed only once"));
                }
                let (Some(mine), Some(theirs)) = (mine, theirs) else {
                    continue;
                };
                let mine = all_members(&ours, mine);
                for (name, is_required) in all_members(contract, theirs) {
                    if is_required && !mine.contains_key(&name) {
                        problems.push(format!("{at}: {status} lacks {name}"));
                    }
                }
            }
        }
    }
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
    assert_eq!(
        used.len(),
        UNDESCRIBED.len(),
        "of {UNDESCRIBED:?} only {used:?}"
    );
}

/// The names of what an operation takes beside its body. Those in the path are named as it pleases.
fn parameters(operation: Operation<'_>) -> BTreeSet<String> {
    let listed = operation.description["parameters"].as_array();
    listed
        .into_iter()
        .flatten()
        .filter(|one| one["in"] != "path")
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The schema of the body of an operation.
fn taken(operation: Operation<'_>) -> Value {
    operation.description["requestBody"]["content"]["application/json"]["schema"].clone()
}

fn all_members(contract: &Contract, schema: &Value) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    if !schema.is_null() {
        members(contract, schema, "", &mut found);
    }
    found
}

#[test]
fn unknown_paths_and_wrong_methods_answer_in_the_shape_of_the_dialect() {
    let app = TestApp::start(Engine::Sqlite, "2026-03-10T09:00:00Z");
    let user = app.user("ada");
    for session in [app.as_user(&user), app.dashboard()] {
        for path in [
            "/nowhere",
            "/activities/a/b/c/d",
            "/users/me/nothing/at/all",
            "/",
        ] {
            assert_eq!(
                session.call("GET", path, &Value::Null).refused(404),
                "RESOURCE_NOT_FOUND"
            );
            assert_eq!(session.call("POST", path, &json!({})).status, 404, "{path}");
        }
    }
    for (base, contract) in contracts() {
        let operations = contract.operations();
        for template in operations.iter().map(|operation| operation.template) {
            let path = concrete(template);
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                if contract.find(method, &path).is_some() {
                    continue;
                }
                let answer = app.raw(method, &format!("{base}{path}"), &[], None);
                assert_eq!(
                    answer.status, 405,
                    "{method} {base}{template}: {}",
                    answer.text
                );
                assert!(
                    answer.headers.contains_key("allow"),
                    "{method} {base}{template}"
                );
            }
        }
    }
}

#[test]
fn errors_of_the_first_dialect_keep_their_shape() {
    let app = TestApp::start(Engine::Sqlite, "2026-03-10T09:00:00Z");
    for path in [
        "/v1/nowhere",
        "/appx/v1/missions",
        "/app",
        "/nowhere",
        "/admin/v1/metrics/x/y",
    ] {
        let answer = app.admin("GET", path, None);
        assert!(answer.json["error"].is_string(), "{path}: {}", answer.text);
    }
}

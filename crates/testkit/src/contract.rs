//! The published description of an API, and values checked against it.
//!
//! Knows the part of JSON Schema that the contracts use. A keyword outside that part is a failure, so that nothing goes
//! unchecked. The contracts lie outside the repository, at `../shared/contract` seen from the workspace root; without them
//! the tests fail: nothing is skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde_json::{Map, Value};

/// A description.
#[derive(Debug)]
pub struct Contract {
    document: Value,
    literals_for: Option<String>,
}

/// What was found out about a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What the contract does not allow.
    pub faults: Vec<Fault>,
    /// Members that the contract does not name: where, and their name.
    pub unknown: BTreeSet<(String, String)>,
}

/// Something that the contract does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it is.
    pub at: String,
    /// What it is.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.text)
    }
}

/// An object schema with its references resolved and its `allOf` merged.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// Its members, by name.
    pub properties: BTreeMap<String, Value>,
    /// The members that must be there.
    pub required: BTreeSet<String>,
    additional: Option<Value>,
    has_members: bool,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// Its `operationId`, or nothing.
    pub id: &'a str,
    /// In capital letters.
    pub method: &'static str,
    /// The path below the base path, with its parameters in braces.
    pub template: &'a str,
    /// The description itself.
    pub description: &'a Value,
}

impl<'a> Operation<'a> {
    /// The schema of an answer: nothing if the status is not listed, null if it has no body.
    pub fn answer(&self, status: u16) -> Option<&'a Value> {
        let response = self.description["responses"].get(status.to_string())?;
        Some(&response["content"]["application/json"]["schema"])
    }
}

const METHODS: [(&str, &str); 5] = [
    ("get", "GET"),
    ("post", "POST"),
    ("put", "PUT"),
    ("patch", "PATCH"),
    ("delete", "DELETE"),
];

impl Contract {
    /// Reads a file below `../shared/contract`, such as `trophy/admin.json`.
    ///
    /// # Panics
    /// When it is not there or is not JSON.
    pub fn read(file: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/contract")
            .join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!(
                "cannot read the contract {}: {error}. Put the folder `shared/contract` beside the workspace.",
                path.display()
            )
        });
        Self::of(serde_json::from_str(&text).expect("the contract is JSON"))
    }

    /// A description that is at hand.
    pub fn of(document: Value) -> Self {
        Self {
            document,
            literals_for: None,
        }
    }

    /// Accepts texts, numbers and truth values wherever a schema refers to this one or is a copy of it.
    #[must_use]
    pub fn accepting_literals_for(mut self, schema: &str) -> Self {
        self.literals_for = Some(schema.to_owned());
        self
    }

    /// Every operation, in the order of their paths.
    ///
    /// # Panics
    /// When the document is no description.
    pub fn operations(&self) -> Vec<Operation<'_>> {
        let mut found = Vec::new();
        for (template, item) in self.document["paths"].as_object().expect("paths") {
            for (word, method) in METHODS {
                if let Some(description) = item.get(word) {
                    found.push(Operation {
                        id: description["operationId"].as_str().unwrap_or_default(),
                        method,
                        template,
                        description,
                    });
                }
            }
        }
        found
    }

    /// The operation that a path below the base path leads to; the most literal one, if several do, and of
    /// those the last (two operations of a contract can have one path).
    pub fn find(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        self.operations()
            .into_iter()
            .filter(|operation| operation.method == method)
            .filter_map(|operation| Some((literals(operation.template, path)?, operation)))
            .max_by_key(|(literals, _)| *literals)
            .map(|(_, operation)| operation)
    }

    /// `(operationId, status, schema)` of every 2xx answer.
    pub fn successes(&self) -> Vec<(String, String, Value)> {
        let mut found = Vec::new();
        for operation in self.operations() {
            let responses = operation.description["responses"].as_object();
            for (status, response) in responses.into_iter().flatten() {
                if status.starts_with('2') && !operation.id.is_empty() {
                    let schema = response["content"]["application/json"]["schema"].clone();
                    found.push((operation.id.to_owned(), status.clone(), schema));
                }
            }
        }
        found
    }

    /// `(kind, schema)` of the body of every webhook.
    pub fn webhooks(&self) -> Vec<(String, Value)> {
        let webhooks = self.document["webhooks"].as_object();
        webhooks
            .into_iter()
            .flatten()
            .map(|(kind, item)| {
                let content = &item["post"]["requestBody"]["content"]["application/json"];
                (kind.clone(), content["schema"].clone())
            })
            .collect()
    }

    /// A schema by its name.
    pub fn schema(&self, name: &str) -> Option<&Value> {
        self.document["components"]["schemas"].get(name)
    }

    /// A schema as an object.
    pub fn object(&self, schema: &Value) -> Object {
        let mut merged = Object::default();
        self.merge(schema, &mut merged);
        merged
    }

    /// Checks a value; `at` says where it stands.
    ///
    /// # Panics
    /// When the contract uses something that this checker does not know.
    pub fn check(&self, schema: &Value, value: &Value, at: &str, findings: &mut Findings) {
        if self.is_literal_allowed(schema) && !value.is_object() && !value.is_array() {
            return;
        }
        let schema = self.resolve(schema);
        let keywords = schema.as_object().expect("a schema is an object");
        for (keyword, operand) in keywords {
            let is_wrong = match keyword.as_str() {
                "type" => !has_type(operand, value),
                "enum" => !operand.as_array().expect("values").contains(value),
                "format" => !has_format(operand.as_str().expect("a format"), value),
                "pattern" => !matches_pattern(operand.as_str().expect("a pattern"), value),
                "minimum" => value.as_f64() < operand.as_f64(),
                "maximum" => value.as_f64() > operand.as_f64(),
                "exclusiveMinimum" => value.is_number() && value.as_f64() <= operand.as_f64(),
                "minLength" => chars(value) < Some(length(operand)) && value.is_string(),
                "maxLength" => chars(value) > Some(length(operand)),
                "minItems" => items(value) < Some(length(operand)) && value.is_array(),
                "maxItems" => items(value) > Some(length(operand)),
                "oneOf" | "anyOf" => !self.check_options(keyword, operand, value, at, findings),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(operand, item, &format!("{at}[{index}]"), findings);
                    }
                    false
                }
                // Checked below, as one object; or without a say in what is valid.
                "properties"
                | "required"
                | "additionalProperties"
                | "allOf"
                | "title"
                | "default"
                | "deprecated"
                | "example"
                | "examples"
                | "notes"
                | "x-ecma-pattern"
                | "x-status"
                | "description" => false,
                other => panic!("{at}: the checker does not know `{other}`"),
            };
            if is_wrong {
                findings.fault(at, format!("{value} fails {keyword} {operand}"));
            }
        }
        if let Some(members) = value.as_object() {
            self.check_members(&self.object(schema), members, at, findings);
        } else if let Some(parts) = keywords.get("allOf").and_then(Value::as_array) {
            let is_nullable = parts.iter().any(|part| {
                part.get("type")
                    .is_some_and(|kind| kind.is_array() && has_type(kind, value))
            });
            if self.object(schema).has_members && !is_nullable {
                findings.fault(at, format!("{value} is not an object"));
            }
        }
    }

    /// Whether one of several schemas fits (for `oneOf`: exactly one). What else is found comes from the one that
    /// knows most.
    fn check_options(
        &self,
        keyword: &str,
        options: &Value,
        value: &Value,
        at: &str,
        findings: &mut Findings,
    ) -> bool {
        let mut fitting: Vec<Findings> = options
            .as_array()
            .expect("schemas")
            .iter()
            .map(|option| {
                let mut inner = Findings::default();
                self.check(option, value, at, &mut inner);
                inner
            })
            .filter(|inner| inner.faults.is_empty())
            .collect();
        if keyword == "oneOf" && fitting.len() > 1 {
            return false;
        }
        fitting.sort_by_key(|inner| inner.unknown.len());
        let Some(best) = fitting.into_iter().next() else {
            return false;
        };
        findings.unknown.extend(best.unknown);
        true
    }

    fn is_literal_allowed(&self, schema: &Value) -> bool {
        let Some(name) = &self.literals_for else {
            return false;
        };
        // A description can also hold a copy of the schema where it means it.
        let refers = |schema: &Value| match schema["$ref"].as_str() {
            Some(reference) => reference.rsplit('/').next() == Some(name),
            None => self.schema(name) == Some(schema),
        };
        refers(schema)
            || schema["allOf"]
                .as_array()
                .is_some_and(|parts| parts.iter().any(refers))
    }

    /// A schema, if need be looked up by the name it refers to.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str) {
            None => schema,
            Some(reference) => {
                let name = reference.rsplit('/').next().expect("a name");
                self.resolve(
                    self.schema(name)
                        .unwrap_or_else(|| panic!("no schema {name}")),
                )
            }
        }
    }

    fn merge(&self, schema: &Value, into: &mut Object) {
        let schema = self.resolve(schema);
        for part in schema
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            self.merge(part, into);
        }
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            into.properties.extend(properties.clone());
            into.has_members = true;
        }
        let required = schema.get("required").and_then(Value::as_array);
        into.required.extend(
            required
                .into_iter()
                .flatten()
                .map(|name| name.as_str().expect("a name").to_owned()),
        );
        if let Some(additional) = schema.get("additionalProperties") {
            into.additional = Some(additional.clone());
            into.has_members = true;
        }
    }

    fn check_members(
        &self,
        object: &Object,
        members: &Map<String, Value>,
        at: &str,
        findings: &mut Findings,
    ) {
        if !object.has_members {
            return;
        }
        for name in &object.required {
            if !members.contains_key(name) {
                findings.fault(at, format!("{name} is missing"));
            }
        }
        for (name, member) in members {
            let inner = format!("{at}.{name}");
            match (object.properties.get(name), &object.additional) {
                (Some(schema), _) => self.check(schema, member, &inner, findings),
                (None, Some(Value::Bool(true))) => {}
                (None, Some(schema)) if schema.is_object() => {
                    self.check(schema, member, &inner, findings);
                }
                (None, _) => {
                    findings.unknown.insert((at.to_owned(), name.clone()));
                }
            }
        }
    }
}

impl Findings {
    fn fault(&mut self, at: &str, text: String) {
        self.faults.push(Fault {
            at: at.to_owned(),
            text,
        });
    }
}

/// How many segments of a path are the template's own; nothing if the path does not fit.
fn literals(template: &str, path: &str) -> Option<usize> {
    let wanted: Vec<&str> = template.split('/').collect();
    let given: Vec<&str> = path.split('/').collect();
    if wanted.len() != given.len() {
        return None;
    }
    let mut literals = 0;
    for (wanted, given) in wanted.into_iter().zip(given) {
        if wanted == given {
            literals += 1;
        } else if !wanted.starts_with('{') || given.is_empty() {
            return None;
        }
    }
    Some(literals)
}

fn length(operand: &Value) -> usize {
    operand
        .as_u64()
        .and_then(|length| usize::try_from(length).ok())
        .expect("a length")
}

fn chars(value: &Value) -> Option<usize> {
    value.as_str().map(|text| text.chars().count())
}

fn items(value: &Value) -> Option<usize> {
    value.as_array().map(Vec::len)
}

fn has_type(wanted: &Value, value: &Value) -> bool {
    match wanted {
        Value::Array(options) => options.iter().any(|option| has_type(option, value)),
        Value::String(name) => match name.as_str() {
            "null" => value.is_null(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("the checker does not know the type {other}"),
        },
        other => panic!("{other} is no type"),
    }
}

/// Whether `text` has the shape: `0` stands for a digit, `x` for a hex digit, all else for itself.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                b'x' => byte.is_ascii_hexdigit(),
                _ => byte == wanted,
            })
}

fn has_format(format: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return true;
    };
    match format {
        "date" => has_shape(text, "0000-00-00"),
        "date-time" => has_shape(text, "0000-00-00T00:00:00.000Z"),
        "uuid" => has_shape(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"),
        "email" => text
            .split_once('@')
            .is_some_and(|(left, right)| !left.is_empty() && right.contains('.')),
        "uri" => text
            .split_once(':')
            .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty()),
        other => panic!("the checker does not know the format {other}"),
    }
}

fn matches_pattern(pattern: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return true;
    };
    let is_word = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    match pattern {
        "^[a-zA-Z0-9_-]+$" => !text.is_empty() && is_word(text),
        "^[A-Za-z0-9_-]{10}$" => text.len() == 10 && is_word(text),
        "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$" => {
            has_shape(text, "00:00") || has_shape(text, "00:00:00")
        }
        other => panic!("the checker does not know the pattern {other}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contract() -> Contract {
        Contract::of(json!({
            "paths": {
                "/users/me": {"get": {"operationId": "me", "responses": {"200": {}, "401": {}}}},
                "/users/{id}": {
                    "get": {"operationId": "one", "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/s/User"}}}}}},
                    "delete": {"responses": {"204": {}}},
                },
            },
            "components": {"schemas": {
                "Rule": {"type": "object", "additionalProperties": true},
                "User": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{10}$"},
                        "since": {"type": ["string", "null"], "format": "date-time"},
                        "rank": {"type": "integer", "exclusiveMinimum": 0},
                        "names": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 3}, "minItems": 1, "maxItems": 2},
                        "rule": {"allOf": [{"$ref": "#/s/Rule"}, {"type": ["object", "null"]}]},
                        "kind": {"anyOf": [
                            {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]},
                            {"type": "object", "properties": {"a": {}, "b": {"type": "number"}}, "required": ["b"]},
                        ]},
                        "free": {"type": "object", "properties": {}, "additionalProperties": {}},
                    },
                    "required": ["id"],
                },
            }},
        }))
    }

    fn found(value: &Value) -> Findings {
        let mut findings = Findings::default();
        contract().check(&json!({"$ref": "#/s/User"}), value, "", &mut findings);
        findings
    }

    #[test]
    fn paths_lead_to_operations() {
        let contract = contract();
        assert_eq!(contract.operations().len(), 3);
        assert_eq!(
            contract.find("GET", "/users/me").map(|found| found.id),
            Some("me")
        );
        let one = contract.find("GET", "/users/you").expect("an operation");
        assert_eq!(one.template, "/users/{id}");
        assert_eq!(one.answer(200), Some(&json!({"$ref": "#/s/User"})));
        assert_eq!(one.answer(201), None);
        let delete = contract.find("DELETE", "/users/you").expect("an operation");
        assert_eq!(delete.answer(204), Some(&Value::Null));
        for (method, path) in [("POST", "/users/me"), ("GET", "/users/"), ("GET", "/users")] {
            assert!(contract.find(method, path).is_none(), "{method} {path}");
        }
        assert_eq!(contract.successes().len(), 2);
    }

    #[test]
    fn values_are_checked_by_every_keyword() {
        let good = json!({
            "id": "abc_def-12", "since": null, "rank": 1, "names": ["a", "žžž"], "rule": null,
            "kind": {"a": 1, "b": 2}, "free": {"x": 1},
        });
        assert_eq!(found(&good), Findings::default());
        for (member, value) in [
            ("id", json!("short")),
            ("since", json!("2026-01-01")),
            ("rank", json!(0)),
            ("rank", json!(1.5)),
            ("names", json!([])),
            ("names", json!(["a", "b", "c"])),
            ("names", json!([""])),
            ("names", json!(["four"])),
            ("rule", json!(true)),
            ("rule", json!([])),
            ("kind", json!({})),
            ("kind", json!({"a": "1"})),
        ] {
            let mut bad = good.clone();
            bad[member] = value;
            let findings = found(&bad);
            assert_eq!(findings.faults.len(), 1, "{bad}: {findings:?}");
        }
        assert_eq!(found(&json!({})).faults[0].to_string(), ": id is missing");
        let unknown =
            found(&json!({"id": "abc_def-12", "more": 1, "kind": {"a": 1, "c": 1}})).unknown;
        let expected = [("", "more"), (".kind", "c")];
        let expected = expected.map(|(at, name)| (at.to_owned(), name.to_owned()));
        assert_eq!(unknown, expected.into());
    }

    #[test]
    fn literals_pass_only_where_they_were_let_in() {
        let contract = contract().accepting_literals_for("Rule");
        let user = json!({"$ref": "#/s/User"});
        for (rule, faults) in [(json!(true), 0), (json!(7), 0), (json!([1]), 1)] {
            let mut findings = Findings::default();
            let value = json!({"id": "abc_def-12", "rule": rule});
            contract.check(&user, &value, "", &mut findings);
            assert_eq!(findings.faults.len(), faults, "{value}: {findings:?}");
        }
    }
}

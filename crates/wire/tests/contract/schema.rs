//! Reads the contract and checks a value against the part of JSON Schema that the contract uses. A keyword outside that
//! part is a failure, so that nothing goes unchecked.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

/// Members that we send beyond 1.21.1, by `spec/trophy.md` 15 and its proposals.
pub(crate) const NEWER_MEMBERS: &[&str] = &[
    "anniversaryYears", // 15.2
    "signUpDate",       // 15.2
    "daysOff",          // 15.6
    "resetAt",          // 15.3
    "userAttributes",   // 15.4, on leaderboards
    "status",           // 7.1: required by the contract, defined nowhere
    "rank",             // 15.7, on streaks
    "key",              // 6.1, on points systems
];

pub(crate) struct Contract {
    document: Value,
    unknown_members: RefCell<BTreeSet<String>>,
}

/// An object schema with its references resolved and its `allOf` merged.
#[derive(Default)]
pub(crate) struct Object {
    pub(crate) properties: BTreeMap<String, Value>,
    pub(crate) required: BTreeSet<String>,
    additional: Option<Value>,
    has_members: bool,
}

impl Contract {
    pub(crate) fn read(file: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/contract/trophy")
            .join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!(
                "cannot read the contract {}: {error}. Put the folder `shared/contract` beside the workspace.",
                path.display()
            )
        });
        Self {
            document: serde_json::from_str(&text).expect("the contract is JSON"),
            unknown_members: RefCell::default(),
        }
    }

    /// `(operationId, status, schema)` of every 2xx answer.
    pub(crate) fn successes(&self) -> Vec<(String, String, Value)> {
        let paths = self.document["paths"].as_object().expect("paths");
        let mut found = Vec::new();
        for operation in paths
            .values()
            .flat_map(|path| path.as_object().expect("a path").values())
        {
            let Some(id) = operation.get("operationId").and_then(Value::as_str) else {
                continue;
            };
            for (status, response) in operation["responses"].as_object().expect("responses") {
                if status.starts_with('2') {
                    let schema = response["content"]["application/json"]["schema"].clone();
                    found.push((id.to_owned(), status.clone(), schema));
                }
            }
        }
        assert!(found.len() >= 27, "only {} answers found", found.len());
        found
    }

    pub(crate) fn schema(&self, name: &str) -> Option<&Value> {
        self.document["components"]["schemas"].get(name)
    }

    pub(crate) fn unknown_members(&self) -> BTreeSet<String> {
        self.unknown_members.borrow().clone()
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
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

    pub(crate) fn object(&self, schema: &Value) -> Object {
        let mut merged = Object::default();
        self.merge(schema, &mut merged);
        merged
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

    pub(crate) fn check(
        &self,
        schema: &Value,
        value: &Value,
        at: &str,
        problems: &mut Vec<String>,
    ) {
        let schema = self.resolve(schema);
        let keywords = schema.as_object().expect("a schema is an object");
        for (keyword, operand) in keywords {
            let problem = match keyword.as_str() {
                "type" => !has_type(operand, value),
                "enum" => !operand.as_array().expect("values").contains(value),
                "format" => !has_format(operand.as_str().expect("a format"), value),
                "pattern" => !matches_pattern(operand.as_str().expect("a pattern"), value),
                "minimum" => value.as_f64() < operand.as_f64(),
                "maximum" => value.as_f64() > operand.as_f64(),
                "oneOf" => {
                    let options = operand.as_array().expect("schemas");
                    let fits = |option: &&Value| {
                        let mut inner = Vec::new();
                        self.check(option, value, at, &mut inner);
                        inner.is_empty()
                    };
                    options.iter().filter(fits).count() != 1
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(operand, item, &format!("{at}[{index}]"), problems);
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
                | "description" => false,
                other => panic!("{at}: the checker does not know `{other}`"),
            };
            if problem {
                problems.push(format!("{at}: {value} fails {keyword} {operand}"));
            }
        }
        if let Some(members) = value.as_object() {
            self.check_members(&self.object(schema), members, at, problems);
        } else if self.object(schema).has_members && keywords.contains_key("allOf") {
            problems.push(format!("{at}: {value} is not an object"));
        }
    }

    fn check_members(
        &self,
        object: &Object,
        members: &Map<String, Value>,
        at: &str,
        problems: &mut Vec<String>,
    ) {
        if !object.has_members {
            return;
        }
        for name in &object.required {
            if !members.contains_key(name) {
                problems.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, member) in members {
            let at = format!("{at}.{name}");
            match (object.properties.get(name), &object.additional) {
                (Some(schema), _) => self.check(schema, member, &at, problems),
                (None, Some(schema)) if schema.is_object() => {
                    self.check(schema, member, &at, problems);
                }
                (None, _) => {
                    self.unknown_members.borrow_mut().insert(name.clone());
                }
            }
        }
    }
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
        other => panic!("the checker does not know the format {other}"),
    }
}

fn matches_pattern(pattern: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return true;
    };
    match pattern {
        "^[a-zA-Z0-9_-]+$" => {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        }
        "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$" => {
            has_shape(text, "00:00") || has_shape(text, "00:00:00")
        }
        other => panic!("the checker does not know the pattern {other}"),
    }
}

//! Rules against the shared test suite of `JsonLogic`, against random input, and how long they take.
//!
//! `json_logic_suite.json` is the language-independent suite of <https://jsonlogic.com/tests.json> (278 cases, MIT licence,
//! Copyright (c) 2015 Jeremy Wadhams), in the edition that datalogic-rs 5.4.0 carries as `tests/suites/compatible.json`;
//! every case is `[rule, data, result]`, and a text is a heading.

use engine::rule::{Context, Data, Rule, is_bounded_data};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The same value, with 1 and 1.0 being the same number.
fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().map(f64::to_bits) == right.as_f64().map(f64::to_bits)
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| is_same(l, r))
        }
        _ => left == right,
    }
}

#[test]
fn the_shared_suite_passes() {
    let suite: Vec<Value> = serde_json::from_str(include_str!("json_logic_suite.json")).unwrap();
    let mut failures = Vec::new();
    let mut cases = 0;
    for case in suite.iter().filter_map(Value::as_array) {
        cases += 1;
        let found = Rule::compile(&case[0]).evaluate(Context::Root(&Data::new(&case[1])));
        if !found.as_ref().is_ok_and(|found| is_same(found, &case[2])) {
            failures.push(format!(
                "{} over {}: {found:?}, not {}",
                case[0], case[1], case[2]
            ));
        }
    }
    assert_eq!(cases, 278);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

const OPERATORS: &[&str] = &[
    "var",
    "==",
    "===",
    "!=",
    "!==",
    ">",
    ">=",
    "<",
    "<=",
    "!",
    "!!",
    "and",
    "or",
    "if",
    "?:",
    "+",
    "-",
    "*",
    "/",
    "%",
    "max",
    "min",
    "cat",
    "substr",
    "in",
    "merge",
    "filter",
    "map",
    "reduce",
    "all",
    "some",
    "none",
    "missing",
    "missing_some",
    "sqrt",
    "pow",
    "abs",
    "floor",
    "ceil",
    "round",
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "weekday",
    "date_diff",
    "now",
    "unknown",
];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-3_i64..300).prop_map(Value::from),
        proptest::sample::select(vec![i64::MIN, i64::MIN + 1, -1, 0, i64::MAX])
            .prop_map(Value::from),
        Just(json!(u64::MAX)),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(vec![
            "",
            "a",
            "b",
            "a.b",
            "0",
            "1",
            "current",
            "accumulator",
            "current.a",
            "l",
            "l.0.a",
            "é𝄞ß",
            "1e309",
            "-0",
            "nan",
            "inf",
            "9223372036854775808",
            "2026-03-29T01:30:00Z",
            "2026-02-29",
            "9999-12-31T23:59:59.999999999-25:59",
            "-009999-01-01",
            "days",
            "hours",
            "Europe/Rome",
        ])
        .prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ]
}

fn data() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec(
                (
                    proptest::sample::select(vec!["a", "b", "l", "now", "s"]),
                    inner
                ),
                0..5
            )
            .prop_map(|members| {
                let members: Map<_, _> = members
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect();
                Value::from(members)
            }),
        ]
    })
}

fn expression() -> impl Strategy<Value = Value> {
    let variable = proptest::sample::select(vec![
        "",
        "a",
        "b",
        "l",
        "s",
        "l.0",
        "current",
        "accumulator",
    ])
    .prop_map(|path| json!({ "var": path }));
    prop_oneof![leaf(), variable].prop_recursive(6, 60, 4, |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(Value::from),
            8 => (proptest::sample::select(OPERATORS), vec(inner.clone(), 0..4))
                .prop_map(|(name, arguments)| json!({ name: arguments })),
            1 => (proptest::sample::select(OPERATORS), inner).prop_map(|(name, argument)| json!({ name: argument })),
        ]
    })
}

fn evaluate(rule: &Rule, context: Context<'_>) -> (Result<Value, String>, bool) {
    rule.amount(context);
    (rule.evaluate(context), rule.holds(context).value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_panics_and_everything_repeats(expression in expression(), data in data()) {
        let rule = Rule::compile(&expression);
        let prepared = Data::new(&data);
        let first = evaluate(&rule, Context::Root(&prepared));
        prop_assert_eq!(&first, &evaluate(&Rule::compile(&expression), Context::Root(&Data::new(&data))));
        prop_assert!(is_bounded_data(&data).is_ok() || data.to_string().len() > 16_000);
    }
}

#[test]
#[ignore = "a measurement: cargo test -p engine --test json_logic --release -- --ignored --nocapture"]
fn how_long_rules_take() {
    let data = json!({
        "mission": {"id": "m1", "missionConfigurationId": "walk", "progress": 3, "target": 10, "status": "ACTIVE",
            "tags": ["kind:daily", "topic:climate"], "startsAt": "2026-03-29T00:00:00Z", "additionalData": {"level": 2}},
        "event": {"activityId": "walk", "outcome": "SUCCESS", "value": 12.5, "tags": ["kind:sport", "topic:health"],
            "additionalData": {"city": "Rome", "distance": 4200}, "completedAt": "2026-03-29T10:15:00.000Z", "difficulty": "HARD",
            "progress": 1, "lang": "it"},
        "user": {"externalId": "u1", "nickname": "Ada", "timezone": "Europe/Rome", "lang": "it", "points": 1200,
            "tags": ["org:a", "team:b", "role:c"], "principal": {"email": "a@example.org"}, "level": 4},
        "now": "2026-03-29T10:15:00.000Z",
    });
    let texts = json!({"and": [{"==": [{"var": "event.outcome"}, "SUCCESS"]}, {">=": [{"var": "event.value"}, 10]},
        {"in": ["team:b", {"var": "user.tags"}]}]});
    let numbers = json!({"and": [{"==": [{"var": "mission.progress"}, 3]}, {"!=": [{"var": "user.level"}, 0]}]});
    let date =
        json!({">=": [{"hour": [{"var": "event.completedAt"}, {"var": "user.timezone"}]}, 6]});
    let time = |name: &str, run: &mut dyn FnMut()| {
        const ROUNDS: u32 = 20_000;
        let start = std::time::Instant::now();
        for _ in 0..ROUNDS {
            run();
        }
        eprintln!("{name}: {:?}", start.elapsed() / ROUNDS);
    };
    for (name, expression) in [("texts", texts), ("numbers", numbers), ("date", date)] {
        let rule = Rule::compile(&expression);
        let whole = Data::new(&data);
        let parts = ["mission", "event", "user", "now"].map(|name| (name, Data::new(&data[name])));
        assert_eq!(rule.evaluate(Context::Root(&whole)), Ok(json!(true)));
        time(name, &mut || {
            assert!(rule.holds(Context::Root(&whole)).value);
        });
        time("of parts", &mut || {
            let parts = parts.each_ref().map(|(name, data)| (*name, data));
            assert!(rule.holds(Context::Members(&parts)).value);
        });
        time("compile", &mut || drop(Rule::compile(&expression)));
    }
    time("prepare", &mut || drop(Data::new(&data)));
}

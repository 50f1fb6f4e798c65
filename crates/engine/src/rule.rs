//! `JsonLogic`: conditions and expressions that customers write (spec/aworld.md 4.2).
//!
//! An expression is compiled once and evaluated from any thread; a context is prepared once and serves many rules. Nothing here
//! knows which members a context has, where a rule comes from, or what time it is.
//!
//! Operators beside the standard ones; the platform's own names are unknown (spec/aworld.md, open point 2):
//! * `sqrt` x, `pow` x y, `abs` x, `floor` x, `ceil` x, `round` x (half up). Arguments are read like those of `+`.
//! * `year`, `month` (1 to 12), `day`, `hour`, `minute`, `weekday` (0 = Sunday) of an ISO text; a second argument names an
//!   IANA zone, otherwise UTC.
//! * `date_diff` a b unit: whole `days`, `hours`, `minutes`, `seconds` or `milliseconds` from b to a.
//! * `now`: the member `now` of the context. There is no clock.
//!
//! Absent on purpose: `log`, `val`, `method`, and everything whose cost cannot be told from the expression. Division by zero and
//! arithmetic on what is no number fail.

mod cost;
mod operator;

use std::fmt;
use std::sync::Arc;

use datalogic_rs::bumpalo::Bump;
use datalogic_rs::{ArenaExt, DataValue, FromDataValue, Logic, ParsedData};
use serde_json::Value;

use self::cost::{CONTEXT_SIZE_MAX, DATA_DEPTH_MAX, check, rendered_size};
use self::operator::{ENGINE, as_in_javascript};
use crate::amount::Amount;

/// A compiled expression; cloning shares it.
#[derive(Clone)]
pub struct Rule(Arc<Result<Logic, String>>);

/// What came out, and why it is not what the author meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluated<T> {
    /// The value; a failure has the value of nothing: false or none.
    pub value: T,
    /// Why the expression failed, in English, for the people who wrote it.
    pub failure: Option<String>,
}

/// Data that rules read, prepared once for any number of evaluations.
///
/// It can move to another thread but not be shared by two. Preparing costs far more than evaluating: prepare an event, a user
/// and a mission once each.
#[derive(Debug)]
pub struct Data(Result<Prepared, String>);

#[derive(Debug)]
struct Prepared {
    tree: ParsedData,
    size: u64,
}

impl Data {
    /// Prepares a value: arrays and objects have at most 256 members and the depth is at most 32. With any other value every
    /// rule fails.
    pub fn new(value: &Value) -> Self {
        let prepared = rendered_size(value, DATA_DEPTH_MAX).and_then(|size| {
            let tree = ParsedData::from_json(&value.to_string()).map_err(|e| e.to_string())?;
            Ok(Prepared { tree, size })
        });
        Self(prepared.map_err(|reason| format!("the data {reason}")))
    }
}

/// What an expression sees. All of it together has at most 256 KiB, else every rule fails.
#[derive(Clone, Copy, Debug)]
pub enum Context<'a> {
    /// The variables are the members of this value.
    Root(&'a Data),
    /// Named values, such as `event` and `user`.
    Members(&'a [(&'a str, &'a Data)]),
}

impl<'a> Context<'a> {
    fn value(self, arena: &'a Bump) -> Result<&'a DataValue<'a>, String> {
        let (value, size) = match self {
            Self::Root(data) => {
                let data = data.0.as_ref().map_err(Clone::clone)?;
                (data.tree.value(), data.size)
            }
            Self::Members(members) => {
                let mut object = Vec::with_capacity(members.len());
                let mut size = 0_u64;
                for (name, data) in members {
                    let data = data.0.as_ref().map_err(Clone::clone)?;
                    size = size.saturating_add(data.size);
                    object.push((*name, *data.tree.value()));
                }
                (arena.object(&object), size)
            }
        };
        if size > CONTEXT_SIZE_MAX {
            return Err("the data is too large".to_owned());
        }
        Ok(value)
    }
}

impl Rule {
    /// Compiles an expression; a literal is one too.
    ///
    /// Never fails, because nothing is validated on write: what cannot be compiled, or could cost too much, becomes a rule
    /// whose every evaluation fails with the reason.
    pub fn compile(expression: &Value) -> Self {
        let logic = check(expression).and_then(|()| {
            ENGINE
                .compile(&as_in_javascript(expression))
                .map_err(|error| describe(&error))
        });
        Self(Arc::new(logic))
    }

    /// Why every evaluation fails, if that is known already; for a hint to the author.
    pub fn defect(&self) -> Option<&str> {
        self.0.as_ref().as_ref().err().map(String::as_str)
    }

    /// The value of the expression, or why there is none.
    pub fn evaluate(&self, context: Context<'_>) -> Result<Value, String> {
        self.run(context, |value| {
            Value::from_arena(value).map_err(|error| describe(&error))
        })
    }

    /// Whether a condition holds, by the truthiness of `JsonLogic`; a failure counts as false.
    pub fn holds(&self, context: Context<'_>) -> Evaluated<bool> {
        Evaluated::of(self.run(context, |value| Ok(ENGINE.truthy(value))))
    }

    /// The number an expression gives (spec/aworld.md 4.2): numbers, numeric texts and booleans are cast. Null, the empty text
    /// and a failure are none; so is anything else, with a failure saying so.
    pub fn amount(&self, context: Context<'_>) -> Evaluated<Option<Amount>> {
        Evaluated::of(self.run(context, |value| match value {
            DataValue::Null => Ok(None),
            DataValue::Bool(value) => Ok(Some(Amount::from_units(i64::from(*value)))),
            DataValue::Number(number) => parse_amount(&number.to_string()),
            DataValue::String(text) => parse_amount(text.trim()),
            _ => Err("the result is not a number".to_owned()),
        }))
    }

    fn run<T>(
        &self,
        context: Context<'_>,
        read: impl FnOnce(&DataValue<'_>) -> Result<T, String>,
    ) -> Result<T, String> {
        let logic = self.0.as_ref().as_ref().map_err(Clone::clone)?;
        let arena = Bump::new();
        let data = context.value(&arena)?;
        let value = ENGINE
            .evaluate(logic, data, &arena)
            .map_err(|error| describe(&error))?;
        match value.as_f64() {
            Some(number) if !number.is_finite() => Err("the result is not finite".to_owned()),
            _ => read(value),
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rule").field(&self.defect()).finish()
    }
}

impl<T: Default> Evaluated<T> {
    fn of(result: Result<T, String>) -> Self {
        match result {
            Ok(value) => Self {
                value,
                failure: None,
            },
            Err(failure) => Self {
                value: T::default(),
                failure: Some(failure),
            },
        }
    }
}

/// Whether data of a customer is small enough to become part of a context: depth at most 16, arrays and objects of at most 256
/// members, at most 16 KiB serialised. Else the reason, to follow the name of the field.
pub fn is_bounded_data(value: &Value) -> Result<(), String> {
    rendered_size(value, 16)?;
    if value.to_string().len() > 16 * 1024 {
        return Err("is longer than 16384 bytes".to_owned());
    }
    Ok(())
}

fn parse_amount(text: &str) -> Result<Option<Amount>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match Amount::parse(text) {
        Ok(amount) => Ok(Some(amount)),
        Err(error) => Err(format!("the result {error}")),
    }
}

fn describe(error: &datalogic_rs::Error) -> String {
    match (error.thrown_value(), error.operator()) {
        (Some(thrown), Some(operator)) => format!("{operator}: {thrown}"),
        (Some(thrown), None) => thrown.to_string(),
        (None, _) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "the calls read better")]
    fn value(expression: Value, context: Value) -> Result<Value, String> {
        Rule::compile(&expression).evaluate(Context::Root(&Data::new(&context)))
    }

    fn defect(expression: &Value) -> String {
        Rule::compile(expression)
            .defect()
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn literals_are_expressions() {
        for literal in [
            json!(true),
            json!(1),
            json!("x"),
            json!(null),
            json!([1, "a"]),
            json!(2.5),
        ] {
            assert_eq!(value(literal.clone(), json!({})), Ok(literal));
        }
        let context = Data::new(&json!({}));
        assert!(
            Rule::compile(&json!(true))
                .holds(Context::Root(&context))
                .value
        );
        assert!(
            !Rule::compile(&json!([]))
                .holds(Context::Root(&context))
                .value
        );
    }

    #[test]
    fn what_is_missing_is_null_and_equals_nothing_else() {
        assert_eq!(value(json!({"var": "a.b"}), json!({})), Ok(json!(null)));
        for (other, is_equal) in [
            (json!(0), false),
            (json!(""), false),
            (json!(false), false),
            (json!(null), true),
            (json!({"var": "other"}), true),
            (json!("x"), false),
        ] {
            let equal = json!({"==": [{"var": "a"}, other]});
            let differs = json!({"!=": [{"var": "a"}, other]});
            assert_eq!(value(equal, json!({})), Ok(json!(is_equal)), "{other}");
            assert_eq!(value(differs, json!({})), Ok(json!(!is_equal)), "{other}");
        }
        assert_eq!(
            value(json!({"==": [{"var": "a"}, 1]}), json!({"a": "1.0"})),
            Ok(json!(true))
        );
        assert_eq!(
            value(json!({"==": [{"var": "a"}, 1]}), json!({"a": true})),
            Ok(json!(true))
        );
        assert_eq!(
            value(json!({"==": [{"var": "a"}, 0]}), json!({"a": -0.0})),
            Ok(json!(true))
        );
        assert_eq!(
            value(json!({"==": [{"var": "a"}, 0]}), json!({"a": {}})),
            Ok(json!(false))
        );
        assert_eq!(
            value(json!({"==": [{"var": "a"}, 5]}), json!({"a": "x"})),
            Ok(json!(false))
        );
    }

    #[test]
    fn numbers_are_cast() {
        let context = Data::new(&json!({"t": "12.5", "e": "", "w": "x", "a": [1], "big": 1e300}));
        for (expression, millionths) in [
            (json!(3), Some(3_000_000)),
            (json!(0.1), Some(100_000)),
            (json!({"+": [0.1, 0.2]}), Some(300_000)),
            (json!(true), Some(1_000_000)),
            (json!(false), Some(0)),
            (json!({"var": "t"}), Some(12_500_000)),
            (json!(1e-7), Some(0)),
            (json!({"/": [10, 4]}), Some(2_500_000)),
            (json!(null), None),
            (json!({"var": "none"}), None),
            (json!({"var": "e"}), None),
        ] {
            let found = Rule::compile(&expression).amount(Context::Root(&context));
            assert_eq!(
                found.value.map(Amount::millionths),
                millionths,
                "{expression}"
            );
            assert_eq!(found.failure, None, "{expression}");
        }
        for expression in [
            json!({"var": "w"}),
            json!({"var": "a"}),
            json!({"var": "big"}),
            json!({"*": [{"var": "big"}, {"var": "big"}]}),
            json!({"/": [1, 0]}),
            json!({"/": [1, 0.0]}),
            json!({"%": [1, {"var": "none"}]}),
            json!({"sqrt": -1}),
            json!({"pow": [10, 400]}),
            json!({"pow": [0, -1]}),
            json!({"+": [1, "x"]}),
        ] {
            let found = Rule::compile(&expression).amount(Context::Root(&context));
            assert_eq!(found.value, None, "{expression}");
            assert!(found.failure.is_some(), "{expression}");
        }
    }

    #[test]
    fn mathematics() {
        for (expression, expected) in [
            (json!({"sqrt": 9}), json!(3)),
            (json!({"sqrt": ["6.25"]}), json!(2.5)),
            (json!({"pow": [2, 10]}), json!(1024)),
            (json!({"pow": [4, 0.5]}), json!(2)),
            (json!({"abs": [{"-": [2, 5]}]}), json!(3)),
            (json!({"floor": -2.5}), json!(-3)),
            (json!({"ceil": 2.1}), json!(3)),
            (json!({"round": 2.5}), json!(3)),
            (json!({"round": -2.5}), json!(-2)),
            (json!({"round": 0.499_999_999_999_999_94}), json!(0)),
            (json!({"min": [3, 1, 2]}), json!(1)),
            (json!({"max": [3, 1, 2]}), json!(3)),
            (json!({"%": [7, 3]}), json!(1)),
        ] {
            assert_eq!(
                value(expression.clone(), json!({})),
                Ok(expected),
                "{expression}"
            );
        }
    }

    #[test]
    fn dates() {
        let context = json!({
            "now": "2026-03-29T00:30:00.000Z",
            "at": "2026-03-27T23:30:00.000Z",
            "zone": "Europe/Rome",
            "list": [1, 2],
        });
        for (expression, expected) in [
            (json!({"year": {"var": "at"}}), json!(2026)),
            (json!({"month": {"var": "at"}}), json!(3)),
            (json!({"day": {"var": "at"}}), json!(27)),
            (json!({"day": [{"var": "at"}, {"var": "zone"}]}), json!(28)),
            (json!({"hour": [{"var": "at"}, "Europe/Rome"]}), json!(0)),
            (json!({"minute": {"var": "at"}}), json!(30)),
            (json!({"weekday": {"var": "at"}}), json!(5)),
            (json!({"weekday": "2026-03-29"}), json!(0)),
            (json!({"hour": "2026-03-29T10:00:00+02:00"}), json!(8)),
            (
                json!({"date_diff": [{"now": []}, {"var": "at"}, "hours"]}),
                json!(25),
            ),
            (
                json!({"date_diff": [{"now": []}, {"var": "at"}, "days"]}),
                json!(1),
            ),
            (
                json!({"date_diff": ["2026-01-01", "2026-01-02", "milliseconds"]}),
                json!(-86_400_000),
            ),
            (
                json!({"map": [{"var": "list"}, {"day": {"now": []}}]}),
                json!([29, 29]),
            ),
        ] {
            assert_eq!(
                value(expression.clone(), context.clone()),
                Ok(expected),
                "{expression}"
            );
        }
        for expression in [
            json!({"now": []}),
            json!({"day": {"var": "none"}}),
            json!({"day": "yesterday"}),
            json!({"day": ["2026-01-01", "Mars/Base"]}),
            json!({"date_diff": ["2026-01-01", "2026-01-02", "weeks"]}),
            json!({"date_diff": ["2026-01-01"]}),
        ] {
            assert!(
                value(expression.clone(), json!({})).is_err(),
                "{expression}"
            );
        }
    }

    #[test]
    fn members_are_put_together_from_prepared_data() {
        let (event, user) = (Data::new(&json!({"n": 3})), Data::new(&json!({"n": 4})));
        let rule = Rule::compile(&json!({"<": [{"var": "event.n"}, {"var": "user.n"}]}));
        assert!(
            rule.holds(Context::Members(&[("event", &event), ("user", &user)]))
                .value
        );
        assert!(
            !rule
                .holds(Context::Members(&[("event", &user), ("user", &event)]))
                .value
        );
        assert!(!rule.holds(Context::Members(&[("event", &event)])).value);
        let large = Data::new(&json!(vec!["x".repeat(1_000); 200]));
        assert_eq!(rule.holds(Context::Members(&[("a", &large)])).failure, None);
        assert!(
            rule.holds(Context::Members(&[("a", &large), ("b", &large)]))
                .failure
                .is_some()
        );
    }

    #[test]
    fn order_is_that_of_javascript() {
        let context = json!({"s": "abc", "t": "5", "o": {}, "none": null, "i": i64::MAX});
        for (expression, expected) in [
            (json!({">": [{"var": "s"}, 5]}), false),
            (json!({"<": [{"var": "s"}, 5]}), false),
            (json!({">=": [{"var": "t"}, 5]}), true),
            (json!({"<": [{"var": "missing"}, 5]}), true),
            (json!({">": [{"var": "o"}, 5]}), false),
            (json!({"or": [{">": [{"var": "s"}, 5]}, true]}), true),
            (json!({"<": ["10", 9]}), false),
            (json!({"<": ["10", "9"]}), true),
            (json!({"<": ["2026-01-01T00:00:00Z", "2026-02-01"]}), true),
            (json!({"<": [1, 2, 3]}), true),
            (json!({"<=": [1, 4, 3]}), false),
            (json!({">": [{"var": "i"}, {"-": [{"var": "i"}, 1]}]}), true),
        ] {
            assert_eq!(
                value(expression.clone(), context.clone()),
                Ok(json!(expected)),
                "{expression}"
            );
        }
    }

    #[test]
    fn failures_are_told_and_count_as_false() {
        let rule = Rule::compile(&json!({"frobnicate": 1}));
        let context = Data::new(&json!({}));
        assert_eq!(
            rule.holds(Context::Root(&context)),
            Evaluated {
                value: false,
                failure: Some("unknown operator frobnicate".to_owned()),
            }
        );
        for unknown in [
            "val", "log", "throw", "try", "method", "split", "js ==", "sort",
        ] {
            assert_eq!(
                defect(&json!({ unknown: [1] })),
                format!("unknown operator {unknown}")
            );
        }
        assert!(defect(&json!({"a": 1, "b": 2})).contains("several members"));
        assert!(value(json!({"+": ["x"]}), json!({})).is_err());
    }

    #[test]
    fn ordinary_expressions_are_cheap_enough() {
        let item = json!({"var": "current.value"});
        let mut long = Vec::new();
        for index in 0..150 {
            long.push(json!({"or": [{"==": [{"var": format!("event.k{index}")}, "x"]}, {">": [{"var": "user.n"}, 3]}]}));
        }
        for expression in [
            json!({"and": long}),
            json!({"reduce": [{"var": "event.items"}, {"+": [item, {"var": "accumulator"}]}, 0]}),
            json!({"reduce": [{"var": "event.items"}, {"+": [item, {"var": "accumulator"}]}, {"var": "start"}]}),
            json!({"reduce": [{"var": "items"}, {"if": [{">": [{"var": "current.n"}, {"var": "accumulator.n"}]}, {"var": "current"}, {"var": "accumulator"}]}, null]}),
            json!({"reduce": [{"filter": [{"var": "items"}, {"in": [{"var": "kind"}, ["a", "b"]]}]}, {"+": [1, {"var": "accumulator"}]}, 0]}),
            json!({"some": [{"var": "activeMissions"}, {"some": [{"var": "tags"}, {"in": [{"var": ""}, ["a:b", "c:d"]]}]}]}),
            json!({"none": [{"var": "activeMissions"}, {"and": [{"==": [{"var": "missionConfigurationId"}, "x"]}, {"<": [{"var": "progress"}, 10]}]}]}),
            json!({"cat": [{"var": "user.firstName"}, " ", {"var": "user.lastName"}]}),
            json!({"some": [{"var": "a"}, {"some": [{"var": "b"}, {"and": [{">": [{"var": "n"}, 1]}, {"<": [{"var": "m"}, 9]}, {"==": [{"var": "k"}, "x"]}]}]}]}),
            json!({"max": [1, {"min": [10, {"round": {"/": [{"var": "user.points"}, 100]}}]}]}),
        ] {
            assert_eq!(defect(&expression), "", "{expression}");
        }
    }

    #[test]
    fn what_could_cost_too_much_is_refused() {
        let var = |path: &str| json!({ "var": path });
        let acc = var("accumulator");
        let list = json!({"var": "l"});
        let mut deep = json!(1);
        for _ in 0..2_000 {
            deep = Value::Array(vec![deep]);
        }
        let mut merged = list.clone();
        let mut joined = json!({"var": "s"});
        for _ in 0..3 {
            merged = json!({"merge": vec![merged; 10]});
            joined = json!({"cat": vec![joined; 10]});
        }
        let nested = json!({"map": [list, {"map": [list, {"map": [list, 1]}]}]});
        for expression in [
            deep,
            json!("x".repeat(20_000)),
            json!(vec![1; 257]),
            json!({"and": vec![json!([1]); 1_500]}),
            nested,
            joined,
            json!({"map": [merged, {"map": [[1, 2, 3, 4, 5, 6, 7, 8, 9], {"cat": [1, 2, 3, 4, 5]}]}]}),
            json!({"reduce": [list, {"cat": [acc, acc]}, "x"]}),
            json!({"reduce": [list, {"merge": [acc, acc]}, [1]]}),
            json!({"reduce": [list, [acc, acc], 1]}),
            json!({"reduce": [list, {"map": [acc, 1]}, [1]]}),
            json!({"reduce": [list, {"var": ""}, 1]}),
            json!({"reduce": [list, {"var": {"cat": ["accumulator"]}}, 1]}),
            json!({"map": [list, {"var": [[1], "s"]}]}),
            json!({"map": [list, {"var": {"var": "x"}}]}),
            json!({"map": [{"map": [list, {"cat": vec![json!("0123456789".repeat(100)); 15]}]}, {"cat": vec![json!({"var": ""}); 60]}]}),
        ] {
            assert_ne!(defect(&expression), "");
        }
    }

    #[test]
    fn data_is_bounded() {
        assert_eq!(is_bounded_data(&json!({"a": [1, {"b": "c"}]})), Ok(()));
        assert!(is_bounded_data(&json!(vec![0; 257])).is_err());
        assert!(is_bounded_data(&json!("x".repeat(16 * 1024))).is_err());
        let deep = (0..17).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert!(is_bounded_data(&deep).is_err());
        let wide: Value = (0..257)
            .map(|index| (index.to_string(), json!(1)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert!(is_bounded_data(&wide).is_err());
        assert!(value(json!(true), wide).is_err());
        assert!(value(json!(true), json!(vec!["x".repeat(2_000); 200])).is_err());
    }

    #[test]
    fn rules_are_shared_between_threads() {
        let rule = Rule::compile(&json!({"==": [{"var": "n"}, {"+": [{"var": "m"}, 1]}]}));
        std::thread::scope(|scope| {
            for n in 0..4 {
                let rule = rule.clone();
                scope.spawn(move || {
                    let context = Data::new(&json!({"n": n, "m": n - 1}));
                    for _ in 0..1_000 {
                        assert!(rule.holds(Context::Root(&context)).value);
                    }
                });
            }
        });
    }
}

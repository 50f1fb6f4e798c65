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

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, LazyLock};

use datalogic_rs::bumpalo::Bump;
use datalogic_rs::operator::EvalContext;
use datalogic_rs::{
    ArenaExt, CustomOperator, DataValue, DivisionByZeroHandling, Engine, EvaluationConfig,
    FromDataValue, Logic, ParsedData,
};
use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use serde_json::{Number, Value};

use crate::amount::Amount;
use crate::calendar::Zone;

/// Longest serialised expression, in bytes.
const EXPRESSION_BYTES_MAX: usize = 16 * 1024;
/// Deepest expression, counting objects and arrays.
const EXPRESSION_DEPTH_MAX: usize = 64;
/// Most values in an expression.
const EXPRESSION_NODES_MAX: usize = 2_000;
/// Longest array in an expression or in data.
const ITEMS_MAX: usize = 256;
/// Deepest nesting of iterators (`map`, `filter` ...).
const ITERATORS_MAX: usize = 2;
/// Deepest data.
const DATA_DEPTH_MAX: usize = 32;
/// Largest context, as [`rendered_size`] counts.
const CONTEXT_SIZE_MAX: u64 = 256 * 1024;
/// Most work of one evaluation in the worst context; a node costs [`NODE`], a byte read or written 1.
const WORK_MAX: u64 = 128 * 1024 * 1024;
/// The work of a node.
const NODE: u64 = 16;
/// No number is longer when it is written out: the smallest double has 326 characters.
const NUMBER_SIZE_MAX: u64 = 330;

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

/// How many bytes the values of a tree take at most when a rule turns them into text; refuses what is too deep or too wide.
fn rendered_size(value: &Value, depth_left: usize) -> Result<u64, String> {
    let (members, own): (Vec<&Value>, usize) = match value {
        Value::Null | Value::Bool(_) => return Ok(5),
        Value::String(text) => return Ok(count(text.len()).saturating_add(2)),
        Value::Number(number) => return Ok(number_size(number)),
        Value::Array(items) => (items.iter().collect(), 0),
        Value::Object(members) => (
            members.values().collect(),
            members.keys().map(String::len).sum(),
        ),
    };
    let Some(depth_left) = depth_left.checked_sub(1) else {
        return Err("is nested too deeply".to_owned());
    };
    if members.len() > ITEMS_MAX {
        return Err("has more than 256 members in one array or object".to_owned());
    }
    let own = members.len().saturating_mul(4).saturating_add(own);
    members.iter().try_fold(count(own), |sum, member| {
        Ok(sum.saturating_add(rendered_size(member, depth_left)?))
    })
}

fn number_size(number: &Number) -> u64 {
    let size = number.as_f64().map_or(0.0, f64::abs);
    // Large numbers are written with an exponent, small ones with all their zeros.
    if size == 0.0 || size >= 1e-15 {
        36
    } else {
        NUMBER_SIZE_MAX
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

// ---------------------------------------------------------------------------------------------------------------------------
// The bound on the cost. Every node gets upper bounds that are linear in the size of the data its variables see, so that an
// iterator can sum them over the items of an array, whose sizes sum up to that of the array.

/// `fixed + scaled * size of the data in scope`.
#[derive(Clone, Copy, Default)]
struct Linear {
    fixed: u64,
    scaled: u64,
}

impl Linear {
    const fn fixed(fixed: u64) -> Self {
        Self { fixed, scaled: 0 }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            fixed: self.fixed.saturating_add(other.fixed),
            scaled: self.scaled.saturating_add(other.scaled),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            fixed: self.fixed.max(other.fixed),
            scaled: self.scaled.max(other.scaled),
        }
    }

    fn in_worst_context(self) -> u64 {
        self.fixed
            .saturating_add(self.scaled.saturating_mul(CONTEXT_SIZE_MAX))
    }

    /// The sum over the items of an array, given per item.
    fn over(self, items: u64, array: Self) -> Self {
        Self {
            fixed: items
                .saturating_mul(self.fixed)
                .saturating_add(self.scaled.saturating_mul(array.fixed)),
            scaled: self.scaled.saturating_mul(array.scaled),
        }
    }
}

/// Upper bounds of a node.
#[derive(Clone, Copy, Default)]
struct Bound {
    work: Linear,
    /// Of the result, written as text.
    size: Linear,
    /// Of the result, if it is an array or an object.
    items: u64,
}

/// What variables mean where a node stands.
#[derive(Clone, Copy)]
struct Scope {
    /// How many iterators surround the node.
    iterators: usize,
    /// In the body of `reduce`: the largest accumulator.
    accumulator: Option<u64>,
}

/// Refuses expressions that are too large or could cost too much.
fn check(expression: &Value) -> Result<(), String> {
    let nodes = nodes(expression, EXPRESSION_DEPTH_MAX)?;
    if nodes > EXPRESSION_NODES_MAX || expression.to_string().len() > EXPRESSION_BYTES_MAX {
        return Err("the expression is too long".to_owned());
    }
    let scope = Scope {
        iterators: 0,
        accumulator: None,
    };
    let bound = bound(expression, scope)?;
    if bound.work.in_worst_context() > WORK_MAX {
        return Err("the expression could cost too much".to_owned());
    }
    Ok(())
}

fn nodes(value: &Value, depth_left: usize) -> Result<usize, String> {
    let members: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => return Ok(1),
    };
    let Some(depth_left) = depth_left.checked_sub(1) else {
        return Err("the expression is nested too deeply".to_owned());
    };
    members.into_iter().try_fold(1_usize, |sum, member| {
        Ok(sum.saturating_add(nodes(member, depth_left)?))
    })
}

fn bound(value: &Value, scope: Scope) -> Result<Bound, String> {
    match value {
        Value::Object(members) => match members.iter().next() {
            Some((name, arguments)) if members.len() == 1 => operation(name, arguments, scope),
            None => Ok(literal(5)),
            Some(_) => Err("an object with several members is no operation".to_owned()),
        },
        Value::Array(items) => {
            if items.len() > ITEMS_MAX {
                return Err("an array has more than 256 items".to_owned());
            }
            if scope.accumulator.is_some() && !items.iter().all(is_constant) {
                return Err("reduce cannot build arrays".to_owned());
            }
            let items = bounds(items, scope)?;
            let mut all = sum(&items);
            all.items = count(items.len());
            all.work = all.work.plus(Linear::fixed(all.items.saturating_mul(NODE)));
            all.size = all.size.plus(Linear::fixed(all.items.saturating_mul(4)));
            Ok(all)
        }
        Value::String(text) => Ok(literal(count(text.len()))),
        Value::Number(number) => Ok(literal(number_size(number))),
        Value::Bool(_) | Value::Null => Ok(literal(5)),
    }
}

fn literal(size: u64) -> Bound {
    Bound {
        work: Linear::fixed(NODE),
        size: Linear::fixed(size),
        items: 0,
    }
}

fn is_constant(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(items) => items.iter().all(is_constant),
        _ => true,
    }
}

fn bounds(values: &[Value], scope: Scope) -> Result<Vec<Bound>, String> {
    values.iter().map(|value| bound(value, scope)).collect()
}

/// All nodes together; `items` is how long an array that holds the items of all would be.
fn sum(bounds: &[Bound]) -> Bound {
    bounds.iter().fold(Bound::default(), |sum, one| Bound {
        work: sum.work.plus(one.work),
        size: sum.size.plus(one.size),
        items: sum.items.saturating_add(one.items.max(1)),
    })
}

fn operation(name: &str, arguments: &Value, scope: Scope) -> Result<Bound, String> {
    let arguments = match arguments {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    if scope.accumulator.is_some() && makes_more(name) {
        return Err(format!("reduce cannot use {name}"));
    }
    match name {
        "var" => return variable(arguments, scope),
        "map" | "filter" | "all" | "some" | "none" | "reduce" => {
            return iterator(name, arguments, scope);
        }
        _ => {}
    }
    let arguments = bounds(arguments, scope)?;
    let mut all = sum(&arguments);
    let read = all.size;
    all.work = all.work.plus(Linear::fixed(NODE));
    let number = Linear::fixed(NUMBER_SIZE_MAX);
    match name {
        "if" | "?:" | "and" | "or" => {
            all.size = arguments
                .iter()
                .fold(Linear::default(), |size, one| size.or(one.size));
            all.items = arguments.iter().map(|one| one.items).max().unwrap_or(0);
        }
        "!" | "!!" => all.size = Linear::fixed(5),
        "==" | "===" | "!=" | "!==" | "<" | "<=" | ">" | ">=" => {
            // A comparison ends where the shorter side ends, so that any one side may be left out of the sum; best the one
            // that would weigh most below an iterator.
            let longest = (0..arguments.len()).max_by_key(|index| {
                let size = arguments
                    .get(*index)
                    .map_or(Linear::default(), |one| one.size);
                let items = Linear::fixed(size.fixed).over(count(ITEMS_MAX), Linear::default());
                items
                    .in_worst_context()
                    .saturating_add(Linear { fixed: 0, ..size }.in_worst_context())
            });
            for (index, one) in arguments.iter().enumerate() {
                if Some(index) != longest {
                    // Bytes are compared many at a time.
                    all.work = all.work.plus(Linear {
                        fixed: one.size.fixed.div_ceil(NODE),
                        scaled: one.size.scaled,
                    });
                }
            }
            all.size = Linear::fixed(5);
        }
        "+" | "-" | "*" | "/" | "%" | "max" | "min" | "in" => {
            all.work = all.work.plus(read);
            all.size = number;
        }
        "cat" | "substr" => all.work = all.work.plus(read),
        "merge" | "missing" | "missing_some" => {
            let items = Linear::fixed(all.items.saturating_mul(2 * NODE));
            all.work = all.work.plus(read).plus(items);
            return Ok(all);
        }
        _ if ADDED.iter().any(|(added, _)| *added == name) => {
            all.work = all.work.plus(read).plus(Linear::fixed(16 * NODE));
            all.size = if name == "now" {
                Linear::fixed(CONTEXT_SIZE_MAX)
            } else {
                number
            };
        }
        _ => return Err(format!("unknown operator {name}")),
    }
    if !matches!(name, "if" | "?:" | "and" | "or") {
        all.items = 0;
    }
    Ok(all)
}

/// Whether the result can be larger than each argument, which would let a fold grow without bound.
fn makes_more(name: &str) -> bool {
    matches!(
        name,
        "cat" | "substr" | "merge" | "missing" | "missing_some" | "now"
    )
}

fn variable(arguments: &[Value], scope: Scope) -> Result<Bound, String> {
    let path = match arguments.first() {
        None | Some(Value::Null) => Some(""),
        Some(Value::String(path)) => Some(path.as_str()),
        Some(Value::Number(_)) => Some("0"),
        Some(Value::Object(_)) if scope.iterators == 0 => None,
        // An array would reach the scopes outside an iterator, and so could a computed path.
        Some(_) => return Err("var takes a text here".to_owned()),
    };
    let mut all = sum(&bounds(arguments, scope)?);
    let steps = path.map_or(count(EXPRESSION_BYTES_MAX), |path| {
        count(path.split('.').count())
    });
    all.work = all.work.plus(Linear::fixed(
        steps.saturating_add(1).saturating_mul(2 * NODE),
    ));
    let found = match (scope.accumulator, path) {
        (None, _) => Linear {
            fixed: 0,
            scaled: 1,
        },
        (Some(largest), Some(path)) => match path.split('.').next() {
            Some("current") => Linear {
                fixed: 0,
                scaled: 1,
            },
            Some("accumulator") => Linear::fixed(largest),
            _ => return Err("reduce sees only current and accumulator".to_owned()),
        },
        (Some(_), None) => return Err("var takes a text here".to_owned()),
    };
    // The path is no part of the result, the default is.
    all.size = sum(&bounds(arguments.get(1..).unwrap_or_default(), scope)?)
        .size
        .or(found);
    all.items = count(ITEMS_MAX).max(all.items);
    Ok(all)
}

fn iterator(name: &str, arguments: &[Value], scope: Scope) -> Result<Bound, String> {
    let iterators = scope.iterators.saturating_add(1);
    if scope.accumulator.is_some() {
        return Err(format!("reduce cannot use {name}"));
    }
    if iterators > ITERATORS_MAX {
        return Err(format!("{name} is nested more than {ITERATORS_MAX} deep"));
    }
    let (Some(source), Some(body)) = (arguments.first(), arguments.get(1)) else {
        return Err(format!("{name} takes an array and an expression"));
    };
    let source = bound(source, scope)?;
    // Whatever else stands there is evaluated, if at all, once and outside.
    let rest = bounds(arguments.get(2..).unwrap_or_default(), scope)?;
    let rest = sum(&rest);
    let mut inside = Scope {
        iterators,
        accumulator: None,
    };
    let each = if name == "reduce" {
        // A fold into a number or another small value keeps a small accumulator; any other one no larger than the data.
        let small = rest.size.fixed.max(NUMBER_SIZE_MAX);
        inside.accumulator = Some(small);
        let folded = bound(body, inside)?;
        if rest.size.scaled == 0 && folded.size.scaled == 0 && folded.size.fixed <= small {
            folded
        } else {
            let largest = rest.size.or(source.size).in_worst_context();
            inside.accumulator = Some(largest.max(NUMBER_SIZE_MAX));
            bound(body, inside)?
        }
    } else {
        bound(body, inside)?
    };
    let steps = Linear::fixed(source.items.saturating_mul(2 * NODE));
    let work = each
        .work
        .over(source.items, source.size)
        .plus(source.work)
        .plus(rest.work)
        .plus(steps);
    let (size, items) = match name {
        "map" => (each.size.over(source.items, source.size), source.items),
        "filter" => (source.size, source.items),
        "reduce" => {
            // The last result is one of the bodies', which saw one item or the accumulator.
            let seen = source.size.or(rest.size);
            let last = Linear {
                fixed: each.size.fixed.saturating_add(seen.fixed),
                scaled: each
                    .size
                    .scaled
                    .max(rest.size.scaled)
                    .saturating_mul(seen.scaled),
            };
            (last, each.items.max(rest.items))
        }
        _ => (Linear::fixed(5), 0),
    };
    Ok(Bound { work, size, items })
}

// ---------------------------------------------------------------------------------------------------------------------------
// The evaluator and what is added to it.

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let config = EvaluationConfig::default()
        .with_division_by_zero(DivisionByZeroHandling::ThrowError)
        .with_loose_equality_errors(false);
    let added = ADDED.iter().map(|(name, operator)| (*name, *operator));
    let replaced = REPLACED
        .iter()
        .map(|(_, name, operator)| (*name, *operator));
    added
        .chain(replaced)
        .fold(Engine::builder(), |builder, (name, operator)| {
            builder.add_operator(name, operator)
        })
        .with_config(config)
        .build()
});

/// The operators that are not part of `JsonLogic`.
const ADDED: [(&str, Added); 14] = [
    ("sqrt", Added::Number(f64::sqrt)),
    ("abs", Added::Number(f64::abs)),
    ("floor", Added::Number(f64::floor)),
    ("ceil", Added::Number(f64::ceil)),
    ("round", Added::Number(round)),
    ("pow", Added::Power),
    ("year", Added::Date(|at| i64::from(at.year()))),
    ("month", Added::Date(|at| i64::from(at.month()))),
    ("day", Added::Date(|at| i64::from(at.day()))),
    ("hour", Added::Date(|at| i64::from(at.hour()))),
    ("minute", Added::Date(|at| i64::from(at.minute()))),
    (
        "weekday",
        Added::Date(|at| i64::from(at.weekday().since(Weekday::Sunday))),
    ),
    ("date_diff", Added::Difference),
    ("now", Added::Now),
];

#[derive(Clone, Copy)]
enum Added {
    Number(fn(f64) -> f64),
    Power,
    Date(fn(DateTime) -> i64),
    Difference,
    Now,
    /// Of neighbours: `<` between three values holds if it holds twice.
    Comparison(fn(&DataValue<'_>, &DataValue<'_>) -> bool),
}

impl CustomOperator for Added {
    fn evaluate<'a>(
        &self,
        arguments: &[&'a DataValue<'a>],
        context: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> datalogic_rs::Result<&'a DataValue<'a>> {
        match self {
            Self::Number(function) => finite(function(number(arguments, 0)?), arena),
            Self::Power => finite(number(arguments, 0)?.powf(number(arguments, 1)?), arena),
            Self::Date(part) => {
                let zone = match arguments.get(1) {
                    None | Some(DataValue::Null) => Zone::utc(),
                    Some(name) => name
                        .as_str()
                        .and_then(Zone::named)
                        .ok_or_else(|| failed("unknown time zone"))?,
                };
                let at = match moment(arguments.first())? {
                    Moment::Instant(at) => zone.date(at).to_datetime(zone.time(at)),
                    Moment::Local(at) => at,
                };
                Ok(arena.i64(part(at)))
            }
            Self::Difference => {
                let unit_ms = match arguments.get(2).and_then(|unit| unit.as_str()) {
                    Some("days") => 86_400_000,
                    Some("hours") => 3_600_000,
                    Some("minutes") => 60_000,
                    Some("seconds") => 1_000,
                    Some("milliseconds") => 1,
                    _ => return Err(failed("date_diff takes two dates and a unit")),
                };
                let later = moment(arguments.first())?.millisecond()?;
                let earlier = moment(arguments.get(1))?.millisecond()?;
                Ok(arena.i64(
                    later
                        .saturating_sub(earlier)
                        .checked_div(unit_ms)
                        .unwrap_or(0),
                ))
            }
            Self::Now => {
                let members = context.root_input().as_object().unwrap_or_default();
                members
                    .iter()
                    .find(|(name, _)| *name == "now")
                    .map(|(_, value)| value)
                    .ok_or_else(|| failed("now is not known here"))
            }
            Self::Comparison(holds) if arguments.len() >= 2 => {
                let mut neighbours = arguments.iter().zip(arguments.iter().skip(1));
                Ok(arena.bool(neighbours.all(|(left, right)| holds(left, right))))
            }
            Self::Comparison(_) => Err(failed("a comparison takes two values")),
        }
    }
}

enum Moment {
    Instant(Timestamp),
    /// A text without an offset.
    Local(DateTime),
}

impl Moment {
    fn millisecond(self) -> datalogic_rs::Result<i64> {
        match self {
            Self::Instant(at) => Ok(at.as_millisecond()),
            Self::Local(at) => at
                .to_zoned(jiff::tz::TimeZone::UTC)
                .map(|at| at.timestamp().as_millisecond())
                .map_err(|_| failed("not a date")),
        }
    }
}

fn moment(value: Option<&&DataValue<'_>>) -> datalogic_rs::Result<Moment> {
    let text = value
        .and_then(|value| value.as_str())
        .ok_or_else(|| failed("not a date"))?;
    text.parse()
        .map(Moment::Instant)
        .or_else(|_| text.parse().map(Moment::Local))
        .map_err(|_| failed("not a date"))
}

fn failed(reason: &'static str) -> datalogic_rs::Error {
    datalogic_rs::Error::invalid_arguments(reason)
}

/// An argument as a number; null, booleans and numeric texts count as in arithmetic.
fn number(arguments: &[&DataValue<'_>], index: usize) -> datalogic_rs::Result<f64> {
    arguments
        .get(index)
        .and_then(|value| numeric(value))
        .ok_or_else(|| failed("not a number"))
}

/// A value as a number, as JavaScript casts it.
fn numeric(value: &DataValue<'_>) -> Option<f64> {
    match value {
        DataValue::Null => Some(0.0),
        DataValue::Bool(value) => Some(f64::from(u8::from(*value))),
        DataValue::String(text) if text.trim().is_empty() => Some(0.0),
        DataValue::String(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite()),
        _ => value.as_f64(),
    }
}

fn finite(number: f64, arena: &Bump) -> datalogic_rs::Result<&DataValue<'_>> {
    if number.is_finite() {
        Ok(arena.f64(number))
    } else {
        Err(failed("the result is not finite"))
    }
}

/// The nearest whole number, halves upwards as in JavaScript.
fn round(number: f64) -> f64 {
    let floor = number.floor();
    if number - floor >= 0.5 {
        floor + 1.0
    } else {
        floor
    }
}

/// `==` of JavaScript, where a missing value equals only a missing value; the evaluator would call it equal to 0, "" and false.
fn is_equal(left: &DataValue<'_>, right: &DataValue<'_>) -> bool {
    use DataValue::{Array, Bool, Null, Number, Object, String};
    match (left, right) {
        (Null, Null) => true,
        (Array(_), Array(_)) | (Object(_), Object(_)) => left == right,
        (Bool(_) | Number(_) | String(_), Bool(_) | Number(_) | String(_)) => {
            order(left, right).is_some_and(Ordering::is_eq)
        }
        _ => false,
    }
}

/// How two values compare in JavaScript: two texts as texts, anything else as numbers, and nothing with what is no number. The
/// evaluator would fail on a text that is no number.
fn order(left: &DataValue<'_>, right: &DataValue<'_>) -> Option<Ordering> {
    match (left, right) {
        (DataValue::String(left), DataValue::String(right)) => Some(left.cmp(right)),
        (DataValue::Number(left), DataValue::Number(right)) => {
            match (left.as_i64(), right.as_i64()) {
                (Some(left), Some(right)) => Some(left.cmp(&right)),
                _ => left.as_f64().partial_cmp(&right.as_f64()),
            }
        }
        _ => numeric(left)?.partial_cmp(&numeric(right)?),
    }
}

/// The comparisons whose evaluator's own version differs from JavaScript, and what stands in for them; no author can write
/// these names, because they are not among the known ones.
const REPLACED: [(&str, &str, Added); 5] = [
    ("==", "js ==", Added::Comparison(is_equal)),
    (
        "<",
        "js <",
        Added::Comparison(|left, right| order(left, right).is_some_and(Ordering::is_lt)),
    ),
    (
        "<=",
        "js <=",
        Added::Comparison(|left, right| order(left, right).is_some_and(Ordering::is_le)),
    ),
    (
        ">",
        "js >",
        Added::Comparison(|left, right| order(left, right).is_some_and(Ordering::is_gt)),
    ),
    (
        ">=",
        "js >=",
        Added::Comparison(|left, right| order(left, right).is_some_and(Ordering::is_ge)),
    ),
];

/// Puts the replaced comparisons in; `==` with a text that is not empty stays, since there the evaluator's own is right.
fn as_in_javascript(expression: &Value) -> Value {
    let members = match expression {
        Value::Array(items) => return items.iter().map(as_in_javascript).collect(),
        Value::Object(members) => members,
        literal => return literal.clone(),
    };
    let replaced = members.iter().map(|(name, arguments)| {
        let arguments = as_in_javascript(arguments);
        let is_text = |side: &Value| side.as_str().is_some_and(|text| !text.is_empty());
        let has_text = arguments
            .as_array()
            .is_some_and(|sides| sides.iter().any(is_text));
        let equality = if name == "!=" { "==" } else { name };
        let found = REPLACED.iter().find(|(theirs, ..)| *theirs == equality);
        match found {
            Some((_, ours, _)) if equality != "==" => ((*ours).to_owned(), arguments),
            Some((_, ours, _)) if !has_text && name == "!=" => {
                let equal = [((*ours).to_owned(), arguments)].into_iter().collect();
                ("!".to_owned(), Value::Array(vec![Value::Object(equal)]))
            }
            Some((_, ours, _)) if !has_text => ((*ours).to_owned(), arguments),
            _ => (name.clone(), arguments),
        }
    });
    Value::Object(replaced.collect())
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

//! The operators of the platform, and the comparisons whose evaluator's own version is not JavaScript's.

use std::cmp::Ordering;
use std::sync::LazyLock;

use datalogic_rs::bumpalo::Bump;
use datalogic_rs::operator::EvalContext;
use datalogic_rs::{
    ArenaExt, CustomOperator, DataValue, DivisionByZeroHandling, Engine, EvaluationConfig,
};
use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use serde_json::Value;

use crate::calendar::Zone;

pub(super) static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
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
pub(super) const ADDED: [(&str, Added); 14] = [
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
pub(super) enum Added {
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
pub(super) fn as_in_javascript(expression: &Value) -> Value {
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

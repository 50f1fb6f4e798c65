//! What evaluating an expression can cost at most, told from the expression alone.
//!
//! Every node gets upper bounds for its work and the size of its result, linear in the data its variables see; iterators sum
//! them over items. An expression over the budget is refused when it is compiled. Must not evaluate anything.

use serde_json::{Number, Value};

use super::operator::ADDED;

/// Longest serialised expression, in bytes.
const EXPRESSION_BYTES_MAX: usize = 16 * 1024;
/// Deepest expression, counting objects and arrays.
const EXPRESSION_DEPTH_MAX: usize = 64;
/// Most values in an expression.
const EXPRESSION_NODES_MAX: usize = 2_000;
/// Longest array in an expression or in data.
pub(super) const ITEMS_MAX: usize = 256;
/// Deepest nesting of iterators (`map`, `filter` ...).
const ITERATORS_MAX: usize = 2;
/// Deepest data.
pub(super) const DATA_DEPTH_MAX: usize = 32;
/// Largest context, as [`rendered_size`] counts.
pub(super) const CONTEXT_SIZE_MAX: u64 = 256 * 1024;
/// Most work of one evaluation in the worst context; a node costs [`NODE`], a byte read or written 1.
const WORK_MAX: u64 = 128 * 1024 * 1024;
/// The work of a node.
const NODE: u64 = 16;
/// No number is longer when it is written out: the smallest double has 326 characters.
const NUMBER_SIZE_MAX: u64 = 330;

/// How many bytes the values of a tree take at most when a rule turns them into text; refuses what is too deep or too wide.
pub(super) fn rendered_size(value: &Value, depth_left: usize) -> Result<u64, String> {
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

pub(super) fn number_size(number: &Number) -> u64 {
    let size = number.as_f64().map_or(0.0, f64::abs);
    // Large numbers are written with an exponent, small ones with all their zeros.
    if size == 0.0 || size >= 1e-15 {
        36
    } else {
        NUMBER_SIZE_MAX
    }
}

pub(super) fn count(length: usize) -> u64 {
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
pub(super) fn check(expression: &Value) -> Result<(), String> {
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

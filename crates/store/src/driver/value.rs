//! Values that go into a statement and come out of a row, for both engines.
//!
//! Knows how each engine encodes a value; must not know any table.

use std::error::Error as StdError;

use postgres::types::private::BytesMut;
use postgres::types::{FromSql, IsNull, ToSql, Type};
use uuid::Uuid;

use crate::{Error, Result};

/// One parameter of a statement. Borrowed, so that binding copies nothing on our side.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// SQL null of any type.
    Null,
    /// `bigint`; also fits `int` and `smallint` expressions of `PostgreSQL`.
    Int(i64),
    /// `double precision`.
    Float(f64),
    /// `boolean`; 0 or 1 in `SQLite`.
    Bool(bool),
    /// `{text}`.
    Text(&'a str),
    /// `{bytes}`.
    Bytes(&'a [u8]),
    /// `{uuid}`.
    Uuid(Uuid),
    /// `{json}`: a valid JSON text.
    Json(&'a str),
    /// The list of `{in $n}` over a `bigint`.
    Ints(&'a [i64]),
    /// The list of `{in $n}` over a `{text}`.
    Texts(&'a [&'a str]),
    /// The list of `{in $n}` over a `{uuid}`.
    Uuids(&'a [Uuid]),
}

/// One column of the keys given to `Tx::many` and `Tx::look_up`.
#[derive(Clone, Debug)]
pub enum Column<'a> {
    /// `bigint`
    Int(Vec<i64>),
    /// `bigint`, nulls allowed
    OptInt(Vec<Option<i64>>),
    /// `float`
    Float(Vec<f64>),
    /// `float`, nulls allowed
    OptFloat(Vec<Option<f64>>),
    /// `bool`
    Bool(Vec<bool>),
    /// `bool`, nulls allowed
    OptBool(Vec<Option<bool>>),
    /// `text`
    Text(Vec<&'a str>),
    /// `text`, nulls allowed
    OptText(Vec<Option<&'a str>>),
    /// `bytes`
    Bytes(Vec<&'a [u8]>),
    /// `bytes`, nulls allowed
    OptBytes(Vec<Option<&'a [u8]>>),
    /// `uuid`
    Uuid(Vec<Uuid>),
    /// `uuid`, nulls allowed
    OptUuid(Vec<Option<Uuid>>),
    /// `json`: valid JSON texts
    Json(Vec<&'a str>),
    /// `json`: valid JSON texts, nulls allowed
    OptJson(Vec<Option<&'a str>>),
}

impl<'a> Column<'a> {
    /// How many keys the column has.
    pub fn len(&self) -> usize {
        match self {
            Column::Int(v) => v.len(),
            Column::OptInt(v) => v.len(),
            Column::Float(v) => v.len(),
            Column::OptFloat(v) => v.len(),
            Column::Bool(v) => v.len(),
            Column::OptBool(v) => v.len(),
            Column::Text(v) | Column::Json(v) => v.len(),
            Column::OptText(v) | Column::OptJson(v) => v.len(),
            Column::Bytes(v) => v.len(),
            Column::OptBytes(v) => v.len(),
            Column::Uuid(v) => v.len(),
            Column::OptUuid(v) => v.len(),
        }
    }

    /// Whether the column has no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of one key. The index is below `len`.
    pub(super) fn at(&self, key: usize) -> Value<'a> {
        match self {
            Column::Int(v) => Value::Int(v[key]),
            Column::OptInt(v) => v[key].into(),
            Column::Float(v) => Value::Float(v[key]),
            Column::OptFloat(v) => v[key].into(),
            Column::Bool(v) => Value::Bool(v[key]),
            Column::OptBool(v) => v[key].into(),
            Column::Text(v) | Column::Json(v) => Value::Text(v[key]),
            Column::OptText(v) | Column::OptJson(v) => v[key].into(),
            Column::Bytes(v) => Value::Bytes(v[key]),
            Column::OptBytes(v) => v[key].into(),
            Column::Uuid(v) => Value::Uuid(v[key]),
            Column::OptUuid(v) => v[key].into(),
        }
    }
}

macro_rules! into_value {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl<'a> From<$from> for Value<'a> {
            fn from(value: $from) -> Value<'a> {
                Value::$variant(value.into())
            }
        }
    )*};
}

into_value! {
    i64 => Int,
    i32 => Int,
    u32 => Int,
    f64 => Float,
    bool => Bool,
    &'a str => Text,
    &'a [u8] => Bytes,
    Uuid => Uuid,
    &'a [i64] => Ints,
    &'a [&'a str] => Texts,
    &'a [Uuid] => Uuids,
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Value<'a> {
        Value::Text(value)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(value: &'a Vec<u8>) -> Value<'a> {
        Value::Bytes(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Value<'a> {
        value.map_or(Value::Null, Into::into)
    }
}

macro_rules! into_column {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl<'a> From<Vec<$from>> for Column<'a> {
            fn from(values: Vec<$from>) -> Column<'a> {
                Column::$variant(values)
            }
        }
    )*};
}

into_column! {
    i64 => Int,
    Option<i64> => OptInt,
    f64 => Float,
    Option<f64> => OptFloat,
    bool => Bool,
    Option<bool> => OptBool,
    &'a str => Text,
    Option<&'a str> => OptText,
    &'a [u8] => Bytes,
    Option<&'a [u8]> => OptBytes,
    Uuid => Uuid,
    Option<Uuid> => OptUuid,
}

/// A parameter whose kind does not fit the type `PostgreSQL` expects at its place.
fn unfit(kind: &str, ty: &Type) -> Box<dyn StdError + Sync + Send> {
    format!("a parameter of kind {kind} stands where PostgreSQL expects {ty}; cast it").into()
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match *self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(v) => match *ty {
                Type::INT8 => v.to_sql(ty, out),
                Type::INT4 => i32::try_from(v)?.to_sql(ty, out),
                Type::INT2 => i16::try_from(v)?.to_sql(ty, out),
                _ => Err(unfit("Int", ty)),
            },
            Value::Float(v) if *ty == Type::FLOAT8 => v.to_sql(ty, out),
            Value::Float(_) => Err(unfit("Float", ty)),
            Value::Bool(v) if *ty == Type::BOOL => v.to_sql(ty, out),
            Value::Bool(_) => Err(unfit("Bool", ty)),
            Value::Text(v) | Value::Json(v) => match *ty {
                Type::JSONB => {
                    // The version byte of the binary form of jsonb.
                    out.extend_from_slice(&[1]);
                    out.extend_from_slice(v.as_bytes());
                    Ok(IsNull::No)
                }
                Type::TEXT
                | Type::VARCHAR
                | Type::BPCHAR
                | Type::NAME
                | Type::UNKNOWN
                | Type::JSON => {
                    out.extend_from_slice(v.as_bytes());
                    Ok(IsNull::No)
                }
                _ => Err(unfit("Text", ty)),
            },
            Value::Bytes(v) if *ty == Type::BYTEA => v.to_sql(ty, out),
            Value::Bytes(_) => Err(unfit("Bytes", ty)),
            Value::Uuid(v) if *ty == Type::UUID => v.to_sql(ty, out),
            Value::Uuid(_) => Err(unfit("Uuid", ty)),
            Value::Ints(v) => v.to_sql_checked(ty, out),
            Value::Texts(v) => v.to_sql_checked(ty, out),
            Value::Uuids(v) => v.to_sql_checked(ty, out),
        }
    }

    /// The check happens per value in `to_sql`.
    fn accepts(_: &Type) -> bool {
        true
    }

    postgres::types::to_sql_checked!();
}

impl ToSql for Column<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Column::Int(v) => v.to_sql_checked(ty, out),
            Column::OptInt(v) => v.to_sql_checked(ty, out),
            Column::Float(v) => v.to_sql_checked(ty, out),
            Column::OptFloat(v) => v.to_sql_checked(ty, out),
            Column::Bool(v) => v.to_sql_checked(ty, out),
            Column::OptBool(v) => v.to_sql_checked(ty, out),
            Column::Text(v) | Column::Json(v) => v.to_sql_checked(ty, out),
            Column::OptText(v) | Column::OptJson(v) => v.to_sql_checked(ty, out),
            Column::Bytes(v) => v.to_sql_checked(ty, out),
            Column::OptBytes(v) => v.to_sql_checked(ty, out),
            Column::Uuid(v) => v.to_sql_checked(ty, out),
            Column::OptUuid(v) => v.to_sql_checked(ty, out),
        }
    }

    /// The check happens per column in `to_sql`.
    fn accepts(_: &Type) -> bool {
        true
    }

    postgres::types::to_sql_checked!();
}

/// One value of a row as the engine hands it over, before a type is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// SQL null.
    Null,
    /// An integer of any width.
    Int(i64),
    /// A floating point number.
    Float(f64),
    /// A `PostgreSQL` boolean.
    Bool(bool),
    /// Text, or JSON as text.
    Text(&'a str),
    /// Bytes; also a UUID of `SQLite`.
    Bytes(&'a [u8]),
    /// A `PostgreSQL` UUID.
    Uuid(Uuid),
}

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Cell<'a>, Box<dyn StdError + Sync + Send>> {
        Ok(match *ty {
            Type::INT8 => Cell::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Cell::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Cell::Int(i16::from_sql(ty, raw)?.into()),
            Type::FLOAT8 => Cell::Float(f64::from_sql(ty, raw)?),
            Type::BOOL => Cell::Bool(bool::from_sql(ty, raw)?),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON => {
                Cell::Text(std::str::from_utf8(raw)?)
            }
            // The first byte is the version of the binary form of jsonb.
            Type::JSONB => Cell::Text(std::str::from_utf8(raw.get(1..).unwrap_or_default())?),
            Type::BYTEA => Cell::Bytes(raw),
            Type::UUID => Cell::Uuid(Uuid::from_slice(raw)?),
            // Not `text`: `psql`-like output would hide a missing cast that SQLite does not need.
            Type::NUMERIC => return Err("numeric: write cast(.. as bigint)".into()),
            _ => return Err(format!("columns of type {ty} are not read").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Cell<'a>, Box<dyn StdError + Sync + Send>> {
        Ok(Cell::Null)
    }

    /// The check happens per type in `from_sql`.
    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A type that a column can be read as.
pub trait FromColumn: Sized {
    /// Reads the cell, or `None` when it is of another kind.
    fn from_cell(cell: Cell<'_>) -> Option<Self>;
}

impl FromColumn for i64 {
    fn from_cell(cell: Cell<'_>) -> Option<i64> {
        match cell {
            Cell::Int(value) => Some(value),
            _ => None,
        }
    }
}

impl FromColumn for f64 {
    fn from_cell(cell: Cell<'_>) -> Option<f64> {
        match cell {
            Cell::Float(value) => Some(value),
            _ => None,
        }
    }
}

impl FromColumn for bool {
    fn from_cell(cell: Cell<'_>) -> Option<bool> {
        match cell {
            Cell::Bool(value) => Some(value),
            Cell::Int(0) => Some(false),
            Cell::Int(1) => Some(true),
            _ => None,
        }
    }
}

impl FromColumn for String {
    fn from_cell(cell: Cell<'_>) -> Option<String> {
        match cell {
            Cell::Text(value) => Some(value.to_owned()),
            _ => None,
        }
    }
}

impl FromColumn for Vec<u8> {
    fn from_cell(cell: Cell<'_>) -> Option<Vec<u8>> {
        match cell {
            Cell::Bytes(value) => Some(value.to_owned()),
            _ => None,
        }
    }
}

impl FromColumn for Uuid {
    fn from_cell(cell: Cell<'_>) -> Option<Uuid> {
        match cell {
            Cell::Uuid(value) => Some(value),
            Cell::Bytes(value) => Uuid::from_slice(value).ok(),
            _ => None,
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Option<Option<T>> {
        match cell {
            Cell::Null => Some(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}

/// One row of an answer, valid inside the closure that reads it.
#[derive(Debug)]
pub struct Row<'a>(pub(super) Source<'a>);

/// Which engine the row came from.
pub(super) enum Source<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a postgres::Row),
}

impl std::fmt::Debug for Source<'_> {
    /// Names the engine only: rows may hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Source::Sqlite(_) => "Sqlite",
            Source::Postgres(_) => "Postgres",
        })
    }
}

impl Row<'_> {
    /// The column at `index`, counted from 0. Fails when it does not exist or is of another type;
    /// a null is read by asking for an `Option`.
    pub fn get<T: FromColumn>(&self, index: usize) -> Result<T> {
        let cell = match self.0 {
            Source::Sqlite(row) => super::sqlite::cell(row, index)?,
            Source::Postgres(row) => row.try_get(index).map_err(Error::broken)?,
        };
        T::from_cell(cell).ok_or_else(|| {
            Error::broken(format!(
                "column {index} is not a {} (null: {})",
                std::any::type_name::<T>(),
                matches!(cell, Cell::Null)
            ))
        })
    }
}

//! One `SQLite` connection: settings, binding and failures of `rusqlite`.
//!
//! Must not know any table, and nothing of `PostgreSQL`.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement};

use super::dialect::{self, Dialect, Text};
use super::value::{Cell, Column, Row, Source, Value};
use super::{Sink, text_id};
use crate::{Error, Result};

/// How long a statement waits for the writer of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// More than all our texts together, so that none is prepared twice.
const STATEMENTS_MAX: usize = 512;

pub(super) struct Link {
    connection: Connection,
    /// Rendered texts by the address of what they were rendered from.
    texts: HashMap<(usize, usize), Text>,
}

impl Link {
    pub(super) fn open(file: &Path, reader: bool) -> Result<Link> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags).map_err(failure)?;
        configure(&connection, reader).map_err(failure)?;
        Ok(Link {
            connection,
            texts: HashMap::new(),
        })
    }

    pub(super) fn begin(&mut self, write: bool) -> Result<()> {
        self.control(if write {
            "begin immediate"
        } else {
            "begin deferred"
        })
    }

    pub(super) fn commit(&mut self) -> Result<()> {
        self.control("commit")
    }

    /// Does nothing when a failure has already rolled back.
    pub(super) fn rollback(&mut self) -> Result<()> {
        if self.connection.is_autocommit() {
            Ok(())
        } else {
            self.control("rollback")
        }
    }

    fn control(&self, sql: &'static str) -> Result<()> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut s| s.raw_execute())
            .map_err(failure)?;
        Ok(())
    }

    pub(super) fn run(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<u64> {
        let text = rendered(&mut self.texts, sql)?;
        plain(text)?;
        let mut statement = self.connection.prepare_cached(&text.sql).map_err(failure)?;
        bind(&mut statement, params.iter().copied()).map_err(failure)?;
        Ok(statement.raw_execute().map_err(failure)? as u64)
    }

    pub(super) fn rows(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        sink: Sink<'_>,
    ) -> Result<()> {
        let text = rendered(&mut self.texts, sql)?;
        plain(text)?;
        let mut statement = self.connection.prepare_cached(&text.sql).map_err(failure)?;
        bind(&mut statement, params.iter().copied()).map_err(failure)?;
        drain(&mut statement, sink)
    }

    pub(super) fn many(&mut self, sql: &'static str, columns: &[Column<'_>]) -> Result<u64> {
        let text = rendered(&mut self.texts, sql)?;
        let keys = super::key_count(text.keys, columns)?;
        let mut changed = 0;
        let mut statement = self.connection.prepare_cached(&text.sql).map_err(failure)?;
        for key in 0..keys {
            bind(&mut statement, columns.iter().map(|c| c.at(key))).map_err(failure)?;
            changed += statement.raw_execute().map_err(failure)? as u64;
        }
        Ok(changed)
    }

    pub(super) fn look_up(
        &mut self,
        sql: &'static str,
        columns: &[Column<'_>],
        sink: Sink<'_>,
    ) -> Result<()> {
        let text = rendered(&mut self.texts, sql)?;
        let keys = super::key_count(text.keys, columns)?;
        let mut statement = self.connection.prepare_cached(&text.sql).map_err(failure)?;
        for key in 0..keys {
            bind(&mut statement, columns.iter().map(|c| c.at(key))).map_err(failure)?;
            drain(&mut statement, sink)?;
        }
        Ok(())
    }

    pub(super) fn script(&mut self, sql: &str) -> Result<()> {
        let sql = dialect::script(sql, Dialect::Sqlite)?;
        self.connection.execute_batch(&sql).map_err(failure)
    }
}

fn configure(connection: &Connection, reader: bool) -> rusqlite::Result<()> {
    // First, because switching to the write-ahead log already takes a lock.
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // A misspelt column in double quotes shall fail, as it does in PostgreSQL.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    rusqlite::vtab::array::load_module(connection)?;
    // cache_size: 64 MB, negative means kilobytes. wal_autocheckpoint: 4000 pages, 16 MB, so that
    // one checkpoint serves many commits. journal_size_limit: the log shrinks again after a peak.
    connection.execute_batch(
        "pragma journal_mode = wal;
         pragma synchronous = full;
         pragma foreign_keys = on;
         pragma cache_size = -65536;
         pragma mmap_size = 0;
         pragma temp_store = memory;
         pragma wal_autocheckpoint = 4000;
         pragma journal_size_limit = 67108864;",
    )?;
    if reader {
        connection.execute_batch("pragma query_only = on;")?;
    }
    Ok(())
}

fn rendered<'m>(
    texts: &'m mut HashMap<(usize, usize), Text>,
    sql: &'static str,
) -> Result<&'m Text> {
    use std::collections::hash_map::Entry;
    match texts.entry(text_id(sql)) {
        Entry::Occupied(known) => Ok(known.into_mut()),
        Entry::Vacant(new) => Ok(new.insert(dialect::statement(sql, Dialect::Sqlite)?)),
    }
}

fn plain(text: &Text) -> Result<()> {
    if text.keys == 0 {
        Ok(())
    } else {
        Err(super::needs_keys())
    }
}

fn bind<'v>(
    statement: &mut Statement<'_>,
    values: impl ExactSizeIterator<Item = Value<'v>>,
) -> rusqlite::Result<()> {
    let (given, wanted) = (values.len(), statement.parameter_count());
    if given != wanted {
        return Err(rusqlite::Error::InvalidParameterCount(given, wanted));
    }
    for (index, value) in (1..).zip(values) {
        match value {
            Value::Ints(list) => {
                bind_list(statement, index, list.iter().map(|&v| v.into()).collect())
            }
            Value::Texts(list) => bind_list(
                statement,
                index,
                list.iter().map(|&v| v.to_owned().into()).collect(),
            ),
            Value::Uuids(list) => bind_list(
                statement,
                index,
                list.iter().map(|v| v.as_bytes().to_vec().into()).collect(),
            ),
            single => statement.raw_bind_parameter(index, single),
        }?;
    }
    Ok(())
}

fn bind_list(
    statement: &mut Statement<'_>,
    index: usize,
    list: Vec<rusqlite::types::Value>,
) -> rusqlite::Result<()> {
    statement.raw_bind_parameter(index, Rc::new(list))
}

fn drain(statement: &mut Statement<'_>, sink: Sink<'_>) -> Result<()> {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(failure)? {
        if !sink(&Row(Source::Sqlite(row)))? {
            break;
        }
    }
    Ok(())
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(v) => ValueRef::Integer(*v),
            Value::Float(v) => ValueRef::Real(*v),
            Value::Bool(v) => ValueRef::Integer((*v).into()),
            Value::Text(v) | Value::Json(v) => ValueRef::Text(v.as_bytes()),
            Value::Bytes(v) => ValueRef::Blob(v),
            Value::Uuid(v) => ValueRef::Blob(v.as_bytes()),
            Value::Ints(_) | Value::Texts(_) | Value::Uuids(_) => {
                return Err(rusqlite::Error::ToSqlConversionFailure(
                    "a list is bound by bind_list".into(),
                ));
            }
        }))
    }
}

/// Reads one column of a row.
pub(super) fn cell<'a>(row: &'a rusqlite::Row<'a>, index: usize) -> Result<Cell<'a>> {
    Ok(match row.get_ref(index).map_err(failure)? {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(v) => Cell::Int(v),
        ValueRef::Real(v) => Cell::Float(v),
        ValueRef::Text(v) => Cell::Text(std::str::from_utf8(v).map_err(Error::broken)?),
        ValueRef::Blob(v) => Cell::Bytes(v),
    })
}

fn failure(error: rusqlite::Error) -> Error {
    let rusqlite::Error::SqliteFailure(cause, message) = &error else {
        return Error::broken(error);
    };
    match cause.code {
        // "UNIQUE constraint failed: t.a, t.b" names columns, never values.
        ErrorCode::ConstraintViolation => {
            let message = message.as_deref().unwrap_or_default();
            let columns = message.split_once(": ").map_or("", |(_, columns)| columns);
            Error::Conflict(columns.to_owned())
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy,
        ErrorCode::DiskFull => Error::Full,
        _ => Error::broken(error),
    }
}

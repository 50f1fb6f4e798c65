//! One `PostgreSQL` connection: settings, binding and failures of the synchronous client.
//!
//! Must not know any table, and nothing of `SQLite`. The client runs its own small reactor inside:
//! it must be called from plain threads only, never from an async task.

use std::collections::HashMap;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use postgres::{Client, NoTls, Statement};

use super::dialect::{self, Dialect};
use super::value::{Column, Row, Source, Value};
use super::{Sink, text_id};
use crate::{Error, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long sent data may stay unacknowledged.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How many transactions a plan may be used for at the most before it is made anew.
const PLAN_AGE_MAX: u64 = 4_096;

pub(super) struct Link {
    client: Client,
    transactions: u64,
    /// The number of transactions after which plans are made anew.
    replan_at: u64,
    statements: HashMap<(usize, usize), Prepared>,
}

/// A statement of this connection.
#[derive(Clone)]
struct Prepared {
    statement: Statement,
    keys: usize,
}

impl Link {
    pub(super) fn open(url: &str, reader: bool) -> Result<Link> {
        let mut config: postgres::Config = url.parse().map_err(failure)?;
        // A database that is out of reach must not hold a thread for ever.
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        config.tcp_user_timeout(ANSWER_TIMEOUT);
        let mut client = config.connect(NoTls).map_err(failure)?;
        // lock_timeout: as patient as SQLite's busy timeout. jit: compiling costs more than our
        // statements take.
        let mut settings = "set lock_timeout = '10s'; set jit = off;".to_owned();
        if !reader {
            // Statements over keys always have an index to use. A plan made while a table was
            // still empty would scan it, and stays cached while the table grows (trap 4).
            settings.push_str("set enable_seqscan = off;");
        }
        client.batch_execute(&settings).map_err(failure)?;
        Ok(Link {
            client,
            transactions: 0,
            replan_at: 16,
            statements: HashMap::new(),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(super) fn begin(&mut self, write: bool) -> Result<()> {
        // A plan made while a table was small is kept while the table grows, and then joins it the
        // wrong way round (trap 4). So plans are forgotten as often as the tables may have doubled.
        self.transactions += 1;
        if self.transactions >= self.replan_at {
            self.replan_at = self.transactions + self.transactions.min(PLAN_AGE_MAX);
            self.control("discard plans")?;
        }
        self.control(if write {
            "begin isolation level read committed read write"
        } else {
            "begin isolation level repeatable read read only"
        })
    }

    pub(super) fn commit(&mut self) -> Result<()> {
        self.client.batch_execute("commit").map_err(|error| {
            // The server may have made the changes durable before the connection broke.
            if error.as_db_error().is_some() {
                failure(error)
            } else {
                Error::Unknown(Box::new(error))
            }
        })
    }

    pub(super) fn rollback(&mut self) -> Result<()> {
        self.control("rollback")
    }

    fn control(&mut self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).map_err(failure)
    }

    pub(super) fn run(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<u64> {
        let prepared = self.plain(sql)?;
        counted(&prepared, params.len())?;
        let params: Vec<_> = params.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
        self.client
            .execute(&prepared.statement, &params)
            .map_err(failure)
    }

    pub(super) fn rows(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        sink: Sink<'_>,
    ) -> Result<()> {
        let prepared = self.plain(sql)?;
        self.drain(&prepared, params, sink)
    }

    pub(super) fn many(&mut self, sql: &'static str, columns: &[Column<'_>]) -> Result<u64> {
        let prepared = self.prepared(sql)?;
        if super::key_count(prepared.keys, columns)? == 0 {
            return Ok(0);
        }
        let params: Vec<_> = columns.iter().map(|c| c as &(dyn ToSql + Sync)).collect();
        self.client
            .execute(&prepared.statement, &params)
            .map_err(failure)
    }

    pub(super) fn look_up(
        &mut self,
        sql: &'static str,
        columns: &[Column<'_>],
        sink: Sink<'_>,
    ) -> Result<()> {
        let prepared = self.prepared(sql)?;
        if super::key_count(prepared.keys, columns)? == 0 {
            return Ok(());
        }
        self.drain(&prepared, columns, sink)
    }

    pub(super) fn script(&mut self, sql: &str) -> Result<()> {
        let sql = dialect::script(sql, Dialect::Postgres)?;
        // Statements prepared before may name columns that change now.
        self.statements.clear();
        self.client.batch_execute(&sql).map_err(failure)
    }

    fn prepared(&mut self, sql: &'static str) -> Result<Prepared> {
        if let Some(known) = self.statements.get(&text_id(sql)) {
            return Ok(known.clone());
        }
        let text = dialect::statement(sql, Dialect::Postgres)?;
        let statement = self.client.prepare(&text.sql).map_err(failure)?;
        let prepared = Prepared {
            statement,
            keys: text.keys,
        };
        self.statements.insert(text_id(sql), prepared.clone());
        Ok(prepared)
    }

    fn plain(&mut self, sql: &'static str) -> Result<Prepared> {
        let prepared = self.prepared(sql)?;
        if prepared.keys == 0 {
            Ok(prepared)
        } else {
            Err(super::needs_keys())
        }
    }

    fn drain<P: ToSql>(&mut self, prepared: &Prepared, params: &[P], sink: Sink<'_>) -> Result<()> {
        counted(prepared, params.len())?;
        let mut rows = self
            .client
            .query_raw(&prepared.statement, params)
            .map_err(failure)?;
        while let Some(row) = rows.next().map_err(failure)? {
            if !sink(&Row(Source::Postgres(&row)))? {
                break;
            }
        }
        Ok(())
    }
}

/// The client panics on a wrong number of parameters.
fn counted(prepared: &Prepared, given: usize) -> Result<()> {
    let wanted = prepared.statement.params().len();
    if given == wanted {
        Ok(())
    } else {
        Err(Error::broken(format!(
            "{given} parameters for a statement with {wanted}"
        )))
    }
}

fn failure(error: postgres::Error) -> Error {
    let Some(cause) = error.as_db_error() else {
        return Error::broken(error);
    };
    let code = cause.code();
    // Class 23 is every integrity constraint.
    if code.code().starts_with("23") {
        let name = cause.constraint().or(cause.column()).unwrap_or_default();
        return Error::Conflict(name.to_owned());
    }
    if *code == SqlState::T_R_SERIALIZATION_FAILURE
        || *code == SqlState::T_R_DEADLOCK_DETECTED
        || *code == SqlState::LOCK_NOT_AVAILABLE
        || *code == SqlState::TOO_MANY_CONNECTIONS
    {
        Error::Busy
    } else if *code == SqlState::DISK_FULL {
        Error::Full
    } else {
        Error::broken(error)
    }
}

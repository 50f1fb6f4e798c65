//! One connection to one of two engines, and statements written once for both.
//!
//! The only place that knows that two engines exist; must not know any table. The token language
//! and the traps of the common dialect are described in `crates/store/README.md`.
//!
//! Everything blocks: call it from a thread of its own, never from an async task.

mod dialect;
mod postgres;
mod sqlite;
mod value;

use std::path::PathBuf;

pub use value::{Cell, Column, FromColumn, Row, Value};

use crate::{Error, Result};

/// Where the data is kept.
#[derive(Clone, Debug)]
pub enum Location {
    /// The file of an embedded database; made when missing (its folder must exist).
    Sqlite(PathBuf),
    /// The URL of a `PostgreSQL` database, `postgres://user:password@host:port/name`.
    Postgres(String),
}

impl Location {
    /// Whether the database lives inside this process, which then is its only writer.
    pub fn is_embedded(&self) -> bool {
        matches!(self, Location::Sqlite(_))
    }
}

/// One connection with its prepared statements.
pub struct Conn {
    engine: Engine,
}

enum Engine {
    Sqlite(sqlite::Link),
    Postgres(Box<postgres::Link>),
}

/// Takes one row; answers whether it wants another.
type Sink<'s> = &'s mut dyn FnMut(&Row<'_>) -> Result<bool>;

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn")
            .field("engine", &self.engine.name())
            .finish()
    }
}

impl Conn {
    /// Opens a connection that may write.
    pub fn open(location: &Location) -> Result<Conn> {
        Conn::open_as(location, false)
    }

    /// Opens a connection that only reads.
    pub fn open_reader(location: &Location) -> Result<Conn> {
        Conn::open_as(location, true)
    }

    fn open_as(location: &Location, reader: bool) -> Result<Conn> {
        let engine = match location {
            Location::Sqlite(file) => Engine::Sqlite(sqlite::Link::open(file, reader)?),
            Location::Postgres(url) => {
                Engine::Postgres(Box::new(postgres::Link::open(url, reader)?))
            }
        };
        Ok(Conn { engine })
    }

    /// Begins a transaction that writes. In `SQLite` it waits for the only writer; in `PostgreSQL`
    /// it is read committed, and rows to be changed are locked by `{hold}`.
    pub fn write(&mut self) -> Result<Tx<'_>> {
        self.begin(true)
    }

    /// Begins a transaction that reads one consistent snapshot, taken by its first statement.
    pub fn read(&mut self) -> Result<Tx<'_>> {
        self.begin(false)
    }

    fn begin(&mut self, write: bool) -> Result<Tx<'_>> {
        match &mut self.engine {
            Engine::Sqlite(link) => link.begin(write),
            Engine::Postgres(link) => link.begin(write),
        }?;
        Ok(Tx {
            engine: &mut self.engine,
            open: true,
            spoilt: false,
        })
    }

    /// Whether the connection can still be used. Costs nothing: a lost `PostgreSQL` connection is
    /// noticed by the statement that fails. A pool drops an unhealthy connection and opens another.
    pub fn is_healthy(&mut self) -> bool {
        match &self.engine {
            Engine::Sqlite(_) => true,
            Engine::Postgres(link) => !link.is_closed(),
        }
    }
}

impl Engine {
    fn name(&self) -> &'static str {
        match self {
            Engine::Sqlite(_) => "SQLite",
            Engine::Postgres(_) => "PostgreSQL",
        }
    }
}

/// A transaction. Rolls back when dropped without [`Tx::commit`].
///
/// After the first failure the transaction is spoilt on both engines (`PostgreSQL` insists on it):
/// every further statement and the commit fail.
pub struct Tx<'a> {
    engine: &'a mut Engine,
    open: bool,
    spoilt: bool,
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx")
            .field("engine", &self.engine.name())
            .field("spoilt", &self.spoilt)
            .finish_non_exhaustive()
    }
}

impl Tx<'_> {
    /// Runs one statement; returns the number of rows it changed.
    pub fn run(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<u64> {
        self.guard(|engine| match engine {
            Engine::Sqlite(link) => link.run(sql, params),
            Engine::Postgres(link) => link.run(sql, params),
        })
    }

    /// Runs one statement and maps each row of its answer, in order.
    pub fn rows<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.rows_into(sql, params, &mut |row| {
            found.push(map(row)?);
            Ok(true)
        })?;
        Ok(found)
    }

    /// Runs one statement and maps the first row of its answer.
    pub fn row<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        map: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut map = Some(map);
        let mut found = None;
        self.rows_into(sql, params, &mut |row| {
            if let Some(map) = map.take() {
                found = Some(map(row)?);
            }
            // An `insert .. returning` of SQLite is done only when its rows have been read.
            Ok(true)
        })?;
        Ok(found)
    }

    /// Runs one write statement for a whole set of keys, given by column in the order of the
    /// statement's `{keys(..)}`; returns the number of rows it changed. `PostgreSQL` runs it once,
    /// `SQLite` once per key. No keys: nothing happens. A row may be touched by one key only.
    pub fn many(&mut self, sql: &'static str, columns: &[Column<'_>]) -> Result<u64> {
        self.guard(|engine| match engine {
            Engine::Sqlite(link) => link.many(sql, columns),
            Engine::Postgres(link) => link.many(sql, columns),
        })
    }

    /// Reads the rows for a whole set of keys, in no particular order. `order by`, `limit` and
    /// aggregates across keys do not work here, because `SQLite` runs the statement once per key.
    pub fn look_up<T>(
        &mut self,
        sql: &'static str,
        columns: &[Column<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        let sink: Sink<'_> = &mut |row| {
            found.push(map(row)?);
            Ok(true)
        };
        self.guard(|engine| match engine {
            Engine::Sqlite(link) => link.look_up(sql, columns, sink),
            Engine::Postgres(link) => link.look_up(sql, columns, sink),
        })?;
        Ok(found)
    }

    /// Runs several statements without parameters, as a migration has them. Type names that
    /// `SQLite` refuses in strict tables are replaced.
    pub fn script(&mut self, sql: &str) -> Result<()> {
        self.guard(|engine| match engine {
            Engine::Sqlite(link) => link.script(sql),
            Engine::Postgres(link) => link.script(sql),
        })
    }

    /// Makes the changes durable.
    pub fn commit(mut self) -> Result<()> {
        // PostgreSQL would answer such a commit with a silent rollback.
        self.guard(|engine| match engine {
            Engine::Sqlite(link) => link.commit(),
            Engine::Postgres(link) => link.commit(),
        })?;
        self.open = false;
        Ok(())
    }

    /// Whether a table of this name exists in our schema.
    pub(crate) fn has_table(&mut self, name: &str) -> Result<bool> {
        let sql = match self.engine {
            Engine::Sqlite(_) => "select 1 from sqlite_schema where type = 'table' and name = $1",
            Engine::Postgres(_) => {
                "select 1 from pg_tables where schemaname = current_schema() and tablename = $1"
            }
        };
        Ok(self.row(sql, &[name.into()], |_| Ok(()))?.is_some())
    }

    /// Keeps other processes from migrating until this transaction ends.
    pub(crate) fn lock_schema(&mut self) -> Result<()> {
        match self.engine {
            // The writer's lock does that.
            Engine::Sqlite(_) => Ok(()),
            // Any number that no other program uses on the same database: "kleos" in ASCII.
            Engine::Postgres(_) => self
                .row(
                    "select 1 from pg_advisory_xact_lock(461380087667)",
                    &[],
                    |_| Ok(()),
                )
                .map(|_| ()),
        }
    }

    fn rows_into(&mut self, sql: &'static str, params: &[Value<'_>], sink: Sink<'_>) -> Result<()> {
        self.guard(|engine| match engine {
            Engine::Sqlite(link) => link.rows(sql, params, sink),
            Engine::Postgres(link) => link.rows(sql, params, sink),
        })
    }

    fn guard<T>(&mut self, work: impl FnOnce(&mut Engine) -> Result<T>) -> Result<T> {
        if self.spoilt {
            return Err(Error::broken(
                "an earlier statement of this transaction failed",
            ));
        }
        let result = work(self.engine);
        self.spoilt = result.is_err();
        result
    }
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let result = match self.engine {
            Engine::Sqlite(link) => link.rollback(),
            Engine::Postgres(link) => link.rollback(),
        };
        if let Err(error) = result {
            // The connection is lost, and with it the transaction.
            tracing::warn!(error = ?error, "a transaction could not be rolled back");
        }
    }
}

/// The identity of a text. Two equal texts at different addresses are merely prepared twice.
fn text_id(sql: &'static str) -> (usize, usize) {
    (sql.as_ptr().addr(), sql.len())
}

/// The number of keys, after checking the columns against the `{keys(..)}` of the statement.
fn key_count(wanted: usize, columns: &[Column<'_>]) -> Result<usize> {
    if wanted == 0 || wanted != columns.len() {
        let given = columns.len();
        return Err(Error::broken(format!(
            "{given} columns for {wanted} in {{keys(..)}}"
        )));
    }
    let keys = columns[0].len();
    if columns.iter().any(|c| c.len() != keys) {
        return Err(Error::broken(
            "the columns of the keys have different lengths",
        ));
    }
    Ok(keys)
}

fn needs_keys() -> Error {
    Error::broken("a statement with {keys(..)} runs by many or look_up")
}

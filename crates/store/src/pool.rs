//! Connections, handed out one at a time.
//!
//! Everything here blocks: the server calls it from threads that may block.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::driver::{Conn, Location, Tx};
use crate::{Error, Result};

/// The database: connections that write and connections that read.
#[derive(Debug)]
pub struct Store {
    location: Location,
    writers: Pool,
    readers: Pool,
}

#[derive(Debug)]
struct Pool {
    is_reader: bool,
    size_max: usize,
    state: Mutex<PoolState>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct PoolState {
    idle: Vec<Conn>,
    open: usize,
}

/// Connections for reading.
const READERS_MAX: usize = 8;
/// Connections for writing where the engine allows more than one.
const WRITERS_MAX: usize = 8;

impl Store {
    /// Opens the database; fails if it cannot be reached. Migrations are not applied.
    pub fn open(location: Location) -> Result<Self> {
        let conn = Conn::open(&location)?;
        let writers = if location.is_embedded() {
            1
        } else {
            WRITERS_MAX
        };
        let store = Self {
            writers: Pool::new(false, writers),
            readers: Pool::new(true, READERS_MAX),
            location,
        };
        store.writers.adopt(conn);
        Ok(store)
    }

    /// Whether this process is the only one that writes.
    pub fn is_embedded(&self) -> bool {
        self.location.is_embedded()
    }

    /// Runs work in a transaction that writes, and commits it if it succeeds.
    pub fn write<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.writers.with(&self.location, |conn| {
            let mut tx = conn.write()?;
            let value = work(&mut tx)?;
            tx.commit()?;
            Ok(value)
        })
    }

    /// Runs work in a transaction that reads one consistent state.
    pub fn read<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.readers.with(&self.location, |conn| {
            let mut tx = conn.read()?;
            let value = work(&mut tx)?;
            tx.commit()?;
            Ok(value)
        })
    }

    /// Closes the connections that nobody uses. The PostgreSQL client must not be dropped on a thread
    /// that drives asynchronous tasks, so a process does this before it ends.
    pub fn close(&self) {
        for pool in [&self.writers, &self.readers] {
            let mut state = pool.lock();
            let idle = std::mem::take(&mut state.idle);
            state.open -= idle.len();
            drop(state);
            drop(idle);
        }
    }

    /// Runs work on a connection that writes, outside any transaction (migrations).
    pub fn with_writer<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        self.writers.with(&self.location, work)
    }
}

impl Pool {
    fn new(is_reader: bool, size_max: usize) -> Self {
        Self {
            is_reader,
            size_max,
            state: Mutex::new(PoolState::default()),
            returned: Condvar::new(),
        }
    }

    fn adopt(&self, conn: Conn) {
        let mut state = self.lock();
        state.open += 1;
        state.idle.push(conn);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T, E: From<Error>>(
        &self,
        location: &Location,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut lease = Lease {
            pool: self,
            conn: Some(self.take(location)?),
        };
        match &mut lease.conn {
            Some(conn) => work(conn),
            None => Err(Error::broken("a lease without a connection").into()),
        }
    }

    fn take(&self, location: &Location) -> Result<Conn> {
        let mut state = self.lock();
        loop {
            if let Some(conn) = state.idle.pop() {
                return Ok(conn);
            }
            if state.open < self.size_max {
                state.open += 1;
                drop(state);
                let opened = if self.is_reader {
                    Conn::open_reader(location)
                } else {
                    Conn::open(location)
                };
                if opened.is_err() {
                    self.lock().open -= 1;
                    self.returned.notify_one();
                }
                return opened;
            }
            state = self
                .returned
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A connection on loan; goes back when dropped, also when the work panics.
struct Lease<'a> {
    pool: &'a Pool,
    conn: Option<Conn>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(mut conn) = self.conn.take() {
            let is_healthy = conn.is_healthy();
            let mut state = self.pool.lock();
            if is_healthy {
                state.idle.push(conn);
            } else {
                state.open -= 1;
            }
            drop(state);
            self.pool.returned.notify_one();
        }
    }
}

//! What can go wrong while reading or writing, in terms a caller can act on.
//!
//! Must not put values of rows into a message: `Display` may reach a client. The source chain may
//! name values and belongs into the log only.

/// A failure of the store. A look-up that finds nothing is `None`, not an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A constraint refused the statement. Carries the constraint's name (`PostgreSQL`) or the list
    /// of columns, `table.column, table.column` (`SQLite`); empty when the engine names neither.
    #[error("the change conflicts with what is stored ({0})")]
    Conflict(String),
    /// Another transaction stands in the way (lock timeout, deadlock, serialisation). Repeat the
    /// whole transaction.
    #[error("the database is busy")]
    Busy,
    /// No room on the disk of the database.
    #[error("the disk of the database is full")]
    Full,
    /// The connection broke while a commit was under way: the changes may be durable or not. Never
    /// repeat the transaction without looking.
    #[error("it is not known whether the change was stored")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Anything unforeseen: the connection, the statement, or a row that cannot be read.
    #[error("the database failed")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The schema in the database does not fit this program; says what a person must do.
    #[error("migration: {0}")]
    Migration(String),
}

/// The result of a store function.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An unforeseen failure with its cause, which is either a text or another error.
    pub fn broken(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Broken(cause.into())
    }
}

//! The database: SQLite or PostgreSQL behind the same SQL. No other module contains SQL.
//!
//! Conventions: times are Unix ms and amounts sats in BIGINT, hashrates and work are decimal TEXT (they exceed 64 bits),
//! hashes are 32 raw bytes, identifiers are hyphenated UUIDs, a flag is 0 or 1.
//!
//! Trusted: whoever can change the database can change who owns a contract, passwords and unpublished state. They cannot
//! change what has been logged without the verifier noticing.

pub mod accounts;
pub mod accruals;
pub mod addresses;
pub mod blocks;
pub mod checkpoints;
mod columns;
pub mod contracts;
pub mod credits;
pub mod epochs;
pub mod idempotency;
pub mod invoices;
pub mod ledger;
pub mod liabilities;
pub mod lives;
pub mod log_entries;
pub mod lots;
pub mod offers;
pub mod payouts;
pub mod quotes;
pub mod refunds;
pub mod settlements;
pub mod wallets;
pub mod work_sums;

use std::time::Duration;

use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{Any, AnyPool, Transaction};
use thiserror::Error;

/// A transaction on either database. Dropped without commit it is rolled back.
pub type Tx = Transaction<'static, Any>;

/// How long a writer waits for another on SQLite, which has one writer at a time. Longer than any transaction here takes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections held at most. SQLite's readers are cheap; PostgreSQL's default limit is 100 for all its clients.
const CONNECTIONS: u32 = 16;

/// Why a database function failed. Refusals that a customer may cause are values, never this.
#[derive(Debug, Error)]
pub enum DbError {
    #[error("database: {0}")]
    Sql(#[from] sqlx::Error),
    #[error("database migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("the database holds something unreadable in column {column}: {found}")]
    Unreadable { column: String, found: String },
    #[error("{0}")]
    Unsupported(String),
}

/// The pool of connections to one database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pool: AnyPool,
    backend: Backend,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backend {
    Sqlite,
    Postgres,
}

impl Database {
    /// Connects to `sqlite://…` or `postgres://…` and brings the schema up to date.
    pub async fn open(url: &str) -> Result<Self, DbError> {
        install_default_drivers();
        let backend = Backend::of(url)?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(sqlx::AssertSqlSafe(backend.session_setup())).execute(connection).await?;
                    Ok(())
                })
            })
            .connect(url)
            .await?;
        let database = Self { pool, backend };
        database.migrate().await?;
        Ok(database)
    }

    /// For reads outside of a transaction.
    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Starts a transaction that is going to write.
    ///
    /// On SQLite it takes the write lock at once: a transaction that reads first and writes later could otherwise find
    /// its snapshot outdated and fail. On PostgreSQL rows are locked as they are written (read committed), so whoever
    /// decides on something it has read locks it first, see `offers::lock`.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        let transaction = match self.backend {
            Backend::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await?,
            Backend::Postgres => self.pool.begin().await?,
        };
        Ok(transaction)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("SELECT 1").fetch_one(&self.pool).await?;
        Ok(())
    }

    /// Runs any statement, for tests that damage a database.
    #[cfg(test)]
    pub(crate) async fn execute(&self, sql: &str) {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&self.pool).await.unwrap();
    }

    /// Waits for connections in use and closes all.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn migrate(&self) -> Result<(), DbError> {
        match self.backend {
            Backend::Sqlite => sqlx::migrate!("../migrations/sqlite").run(&self.pool).await?,
            Backend::Postgres => sqlx::migrate!("../migrations/postgres").run(&self.pool).await?,
        }
        Ok(())
    }
}

impl Backend {
    fn of(url: &str) -> Result<Self, DbError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(DbError::Unsupported("the database URL must start with sqlite:// or postgres://".into())),
        }
    }

    /// What each connection is told first. `synchronous = FULL` because money must survive a power loss.
    fn session_setup(self) -> String {
        match self {
            Self::Sqlite => format!(
                "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
                BUSY_TIMEOUT.as_millis()
            ),
            Self::Postgres => "SET timezone = 'UTC'; SET lock_timeout = '10s';".into(),
        }
    }
}

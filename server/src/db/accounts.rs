//! Customers and their login sessions.

use audit_core::hash::Hash32;
use sqlx::AnyPool;
use uuid::Uuid;

use super::columns::{Columns, signed};
use super::{Database, DbError};

/// A customer as stored.
pub struct Account {
    pub id: Uuid,
    pub email: String,
    pub password_hash: String,
    pub created_ms: u64,
}

/// A login session as stored. `token_hash` is the SHA-256 of the token, which only its holder has.
pub struct LoginSession {
    pub token_hash: Hash32,
    pub account_id: Uuid,
    pub created_ms: u64,
    pub expires_ms: u64,
}

/// Stores a new account. `false` and no change when the e-mail has one already.
pub async fn create(pool: &AnyPool, account: &Account) -> Result<bool, DbError> {
    let done = sqlx::query(
        "INSERT INTO accounts (id, email, password_hash, created_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (email) DO NOTHING",
    )
    .bind(account.id.to_string())
    .bind(&account.email)
    .bind(&account.password_hash)
    .bind(signed(account.created_ms))
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn by_email(pool: &AnyPool, email: &str) -> Result<Option<Account>, DbError> {
    let row = sqlx::query("SELECT id, email, password_hash, created_ms FROM accounts WHERE email = $1")
        .bind(email)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(account).transpose()
}

/// The account of an unexpired session.
pub async fn by_session(pool: &AnyPool, token_hash: &Hash32, now_ms: u64) -> Result<Option<Account>, DbError> {
    let row = sqlx::query(
        "SELECT a.id, a.email, a.password_hash, a.created_ms FROM login_sessions s
         JOIN accounts a ON a.id = s.account_id WHERE s.token_hash = $1 AND s.expires_ms > $2",
    )
    .bind(token_hash.0.to_vec())
    .bind(signed(now_ms))
    .fetch_optional(pool)
    .await?;
    row.as_ref().map(account).transpose()
}

/// Stores a new session and drops those that have expired, so the table holds what is alive.
pub async fn open_session(database: &Database, session: &LoginSession) -> Result<(), DbError> {
    let mut tx = database.begin().await?;
    sqlx::query("DELETE FROM login_sessions WHERE expires_ms <= $1")
        .bind(signed(session.created_ms))
        .execute(&mut *tx)
        .await?;
    sqlx::query("INSERT INTO login_sessions (token_hash, account_id, created_ms, expires_ms) VALUES ($1, $2, $3, $4)")
        .bind(session.token_hash.0.to_vec())
        .bind(session.account_id.to_string())
        .bind(signed(session.created_ms))
        .bind(signed(session.expires_ms))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Ends a session; ending one twice is fine.
pub async fn close_session(pool: &AnyPool, token_hash: &Hash32) -> Result<(), DbError> {
    sqlx::query("DELETE FROM login_sessions WHERE token_hash = $1").bind(token_hash.0.to_vec()).execute(pool).await?;
    Ok(())
}

fn account(row: &sqlx::any::AnyRow) -> Result<Account, DbError> {
    Ok(Account {
        id: row.uuid("id")?,
        email: row.text("email")?,
        password_hash: row.text("password_hash")?,
        created_ms: row.unsigned("created_ms")?,
    })
}

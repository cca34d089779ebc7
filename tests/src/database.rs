//! A PostgreSQL database for each test.

use anyhow::Context;
use sqlx::{Connection, PgConnection};

/// A new, empty database beside the one that `DATABASE_URL` names. It goes with the throw-away cluster.
pub async fn fresh() -> anyhow::Result<String> {
    let url = std::env::var("DATABASE_URL")
        .context("DATABASE_URL is not set: `cargo xtask test` starts a PostgreSQL cluster and sets it")?;
    let mut connection = PgConnection::connect(&url).await.with_context(|| format!("can't reach {url}"))?;
    let name = format!("provenhash_{}", uuid::Uuid::new_v4().simple());
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
    let (server, _) = url.rsplit_once('/').context("DATABASE_URL names no database")?;
    Ok(format!("{server}/{name}"))
}

//! What wallets have learnt, as rows that are only added.

use sqlx::{AnyPool, Row};

use super::DbError;

/// Every change of one scan of a wallet, oldest first.
pub async fn changes(pool: &AnyPool, wallet: &str, scan: &str) -> Result<Vec<String>, DbError> {
    let rows = sqlx::query("SELECT change FROM wallet_changes WHERE wallet = $1 AND scan = $2 ORDER BY sequence")
        .bind(wallet)
        .bind(scan)
        .fetch_all(pool)
        .await?;
    rows.iter().map(|row| Ok(row.try_get("change")?)).collect()
}

/// The scans of a wallet.
pub async fn scans(pool: &AnyPool, wallet: &str) -> Result<Vec<String>, DbError> {
    let rows =
        sqlx::query("SELECT DISTINCT scan FROM wallet_changes WHERE wallet = $1").bind(wallet).fetch_all(pool).await?;
    rows.iter().map(|row| Ok(row.try_get("scan")?)).collect()
}

/// Adds a change behind the last. One process writes, so the number is free.
pub async fn add_change(pool: &AnyPool, wallet: &str, scan: &str, change: &str) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO wallet_changes (wallet, scan, sequence, change)
         SELECT $1, $2, COALESCE(MAX(sequence), 0) + 1, $3 FROM wallet_changes WHERE wallet = $1 AND scan = $2",
    )
    .bind(wallet)
    .bind(scan)
    .bind(change)
    .execute(pool)
    .await?;
    Ok(())
}

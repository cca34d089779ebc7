//! Tests of the engine on PostgreSQL too.

use std::fs;

use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use tempfile::TempDir;
use uuid::Uuid;

use crate::config::postgres_of_tests;

tokio::task_local! {
    /// The server on which the logs of this test have their databases.
    static SERVER: String;
}

/// Runs a test on SQLite, and on PostgreSQL when `DATABASE_URL` names one.
pub(crate) async fn on_each_database(test: impl AsyncFn()) {
    test().await;
    if let Some(server) = postgres_of_tests() {
        SERVER.scope(server, test()).await;
    }
}

/// The database of a log in this folder, made when there is none yet; `None` when it has SQLite.
pub(super) async fn url(folder: &TempDir) -> Option<String> {
    let server = SERVER.try_with(Clone::clone).ok()?;
    let file = folder.path().join("postgres.url");
    if let Ok(url) = fs::read_to_string(&file) {
        return Some(url);
    }
    let (address, _) = server.rsplit_once('/').unwrap();
    let name = format!("provenhash_{}", Uuid::new_v4().simple());
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    let url = format!("{address}/{name}");
    fs::write(file, &url).unwrap();
    Some(url)
}

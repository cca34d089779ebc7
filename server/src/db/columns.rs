//! Reads columns as the types of the program. What doesn't parse is an error that names the column.

use audit_core::hash::Hash32;
use audit_core::work::{Sats, Units};
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::DbError;

/// Typed access to a row's columns.
pub(super) trait Columns {
    fn text(&self, column: &str) -> Result<String, DbError>;
    fn optional_text(&self, column: &str) -> Result<Option<String>, DbError>;
    fn bytes(&self, column: &str) -> Result<Vec<u8>, DbError>;
    fn number(&self, column: &str) -> Result<i64, DbError>;
    fn unsigned(&self, column: &str) -> Result<u64, DbError>;
    fn optional_unsigned(&self, column: &str) -> Result<Option<u64>, DbError>;
    fn small(&self, column: &str) -> Result<u32, DbError>;
    fn sats(&self, column: &str) -> Result<Sats, DbError>;
    fn units(&self, column: &str) -> Result<Units, DbError>;
    fn uuid(&self, column: &str) -> Result<Uuid, DbError>;
    fn hash(&self, column: &str) -> Result<Hash32, DbError>;
    fn optional_hash(&self, column: &str) -> Result<Option<Hash32>, DbError>;
}

impl Columns for AnyRow {
    fn text(&self, column: &str) -> Result<String, DbError> {
        Ok(self.try_get(column)?)
    }

    fn optional_text(&self, column: &str) -> Result<Option<String>, DbError> {
        Ok(self.try_get(column)?)
    }

    fn bytes(&self, column: &str) -> Result<Vec<u8>, DbError> {
        Ok(self.try_get(column)?)
    }

    fn number(&self, column: &str) -> Result<i64, DbError> {
        Ok(self.try_get(column)?)
    }

    fn unsigned(&self, column: &str) -> Result<u64, DbError> {
        let value = self.number(column)?;
        u64::try_from(value).map_err(|_| unreadable(column, &value))
    }

    fn optional_unsigned(&self, column: &str) -> Result<Option<u64>, DbError> {
        let value: Option<i64> = self.try_get(column)?;
        value.map(|value| u64::try_from(value).map_err(|_| unreadable(column, &value))).transpose()
    }

    fn small(&self, column: &str) -> Result<u32, DbError> {
        let value = self.unsigned(column)?;
        u32::try_from(value).map_err(|_| unreadable(column, &value))
    }

    fn sats(&self, column: &str) -> Result<Sats, DbError> {
        let value = self.unsigned(column)?;
        Sats::new(value).ok_or_else(|| unreadable(column, &value))
    }

    fn units(&self, column: &str) -> Result<Units, DbError> {
        let value = self.text(column)?;
        value.parse().map_err(|_| unreadable(column, &value))
    }

    fn uuid(&self, column: &str) -> Result<Uuid, DbError> {
        let value = self.text(column)?;
        Uuid::parse_str(&value).map_err(|_| unreadable(column, &value))
    }

    fn hash(&self, column: &str) -> Result<Hash32, DbError> {
        let value = self.bytes(column)?;
        hash(column, &value)
    }

    fn optional_hash(&self, column: &str) -> Result<Option<Hash32>, DbError> {
        let value: Option<Vec<u8>> = self.try_get(column)?;
        value.map(|value| hash(column, &value)).transpose()
    }
}

/// A time or amount as the database's signed 64 bits. All of them are far below 2^63 (sats ≤ 2.1e15, times in ms).
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn hash(column: &str, value: &[u8]) -> Result<Hash32, DbError> {
    value.try_into().map(Hash32).map_err(|_| unreadable(column, &format!("{} bytes", value.len())))
}

fn unreadable(column: &str, found: &impl ToString) -> DbError {
    DbError::Unreadable { column: column.into(), found: found.to_string() }
}

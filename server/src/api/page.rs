//! Lists come in pages: `?limit=&cursor=` in, `{items, next_cursor}` out. A cursor is opaque to clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::db::contracts::Cursor;
use crate::problem::{Code, Problem};

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Items at most, 1 to 200, by default 50.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts, null on the last one.
    pub next_cursor: Option<String>,
}

impl PageQuery {
    pub fn limit(&self) -> Result<u32, Problem> {
        match self.limit.unwrap_or(50) {
            limit @ 1..=200 => Ok(limit),
            _ => Err(Problem::new(Code::BadQuery, "limit must be from 1 to 200")),
        }
    }

    /// The cursor of lists that are sorted by creation.
    pub fn created(&self) -> Result<Cursor, Problem> {
        let Some(text) = self.decoded()? else { return Ok(Cursor::START) };
        let parsed = text.split_once(' ').and_then(|(created_ms, id)| {
            Some(Cursor { created_ms: created_ms.parse().ok()?, id: Some(Uuid::parse_str(id).ok()?) })
        });
        parsed.ok_or_else(bad_cursor)
    }

    /// The cursor of lists that are sorted by a number.
    pub fn number(&self) -> Result<Option<u64>, Problem> {
        self.decoded()?.map(|text| text.parse().map_err(|_| bad_cursor())).transpose()
    }

    /// The cursor of lists that are sorted by a name.
    pub fn name(&self) -> Result<Option<String>, Problem> {
        self.decoded()
    }

    fn decoded(&self) -> Result<Option<String>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad_cursor())?;
        // Control characters are in no cursor of ours, and PostgreSQL's texts can't hold a NUL.
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control));
        text.map(Some).ok_or_else(bad_cursor)
    }
}

impl<T> Page<T> {
    /// A page of at most `limit` items out of up to `limit + 1`: the one too many only tells that there is more.
    pub fn of<R>(mut rows: Vec<R>, limit: u32, cursor: impl Fn(&R) -> String, view: impl Fn(R) -> T) -> Self {
        let limit = limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|row| URL_SAFE_NO_PAD.encode(cursor(row)));
        Self { items: rows.into_iter().map(view).collect(), next_cursor }
    }
}

/// The cursor text of a row in a list that is sorted by creation.
pub fn created_cursor(created_ms: u64, id: Uuid) -> String {
    format!("{created_ms} {id}")
}

fn bad_cursor() -> Problem {
    Problem::new(Code::BadQuery, "cursor must be the next_cursor of an earlier page of this list")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_round_trips_and_nonsense_is_refused() {
        let id = Uuid::new_v4();
        let page: Page<u8> = Page::of(vec![1u8, 2, 3], 2, |_| created_cursor(7, id), |row| row);
        assert_eq!(page.items, [1, 2]);
        let query = PageQuery { limit: None, cursor: page.next_cursor };
        assert_eq!(query.created().unwrap(), Cursor { created_ms: 7, id: Some(id) });
        let query = PageQuery { limit: Some(0), cursor: Some("!".into()) };
        assert!(query.created().is_err() && query.number().is_err() && query.limit().is_err());
    }

    #[test]
    fn last_page_has_no_next_cursor() {
        let page: Page<u8> = Page::of(vec![1u8, 2], 2, |_| "x".into(), |row| row);
        assert_eq!(page.next_cursor, None);
    }
}

//! Reading `chain/<n>/headers` and `chain/<n>/coinbases`, one period after the other.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Evidence, Place, Source,
    blocks::{Seen, Watch},
};
use crate::{
    audit::FetchError,
    chain::{AnyCoinbase, HEADER_LEN, HeaderChain, Network, PERIOD, coinbases_path, headers_path, split_row},
    hash::Hash32,
};

/// Coinbases are fetched in pieces of this many bytes.
const PIECE: u64 = 1 << 20;
/// The last period's files may be replaced between reading one and the other: read again this often before judging.
const ATTEMPTS: u32 = 4;

/// The best chain from a period on, and what its coinbases have to do with the log; else where it is not right.
pub(super) async fn periods<E: Evidence>(
    source: &mut Source<'_, E>,
    network: Network,
    first_period: u32,
    watch: &Watch<'_>,
) -> Result<(HeaderChain, Seen), Place> {
    let (mut headers, mut seen) = (HeaderChain::new(network, first_period), Seen::default());
    for period in first_period.. {
        let start = headers.next_height();
        let mut attempt = 1;
        let of_period = loop {
            match read_period(source, period, period == first_period, &mut headers, watch).await {
                Err(place) if attempt == ATTEMPTS => return Err(place),
                Err(_) => headers.cut(start),
                Ok(of_period) => break of_period,
            }
            attempt += 1;
        };
        seen.add(of_period);
        if headers.next_height() - start < PERIOD {
            break;
        }
    }
    Ok((headers, seen))
}

/// Adds a period's headers to the chain. None are added when there is no such period, which is wrong only of the first.
async fn read_period<E: Evidence>(
    source: &mut Source<'_, E>,
    period: u32,
    is_first: bool,
    headers: &mut HeaderChain,
    watch: &Watch<'_>,
) -> Result<Seen, Place> {
    let path = headers_path(period);
    let bytes = match source.look(&path, u64::from(PERIOD) * HEADER_LEN as u64).await {
        Err(FetchError::NotFound) if !is_first => Vec::new(),
        other => other.map_err(|error| Place::new(&*path, None, "the file", error.to_string()))?,
    };
    let (new, rest) = bytes.as_chunks::<HEADER_LEN>();
    if !rest.is_empty() || is_first && new.is_empty() {
        return Err(Place::new(path, None, "whole headers, at least one", format!("{} bytes", bytes.len())));
    }
    let start = headers.next_height();
    for (index, header) in (0..).zip(new) {
        let pushed = headers.push(header);
        pushed.map_err(|error| {
            Place::new(&*path, Some(index), "a header that the network's rules allow here", error.to_string())
        })?;
    }
    if new.is_empty() { Ok(Seen::default()) } else { coinbases(source, period, start, headers, watch).await }
}

/// Every header's coinbase, and no other.
async fn coinbases<E: Evidence>(
    source: &mut Source<'_, E>,
    period: u32,
    start: u32,
    headers: &HeaderChain,
    watch: &Watch<'_>,
) -> Result<Seen, Place> {
    let mut rows = Rows { path: coinbases_path(period), rest: Vec::new(), fetched: 0, ended: false };
    let mut seen = Seen::default();
    for height in start..headers.next_height() {
        let failed = |expected: &str, found: String| {
            Place::new(coinbases_path(period), Some(u64::from(height - start)), expected, found)
        };
        let (Some(header), Some(hash)) = (headers.header(height), headers.hash_at(height)) else { break };
        rows.fill(source).await?;
        let row = split_row(&rows.rest).map_err(|error| failed("a row", error.to_string()))?;
        let (row, length) = row.ok_or_else(|| failed("a row for each header", "the end".into()))?;
        let (expected, found) = (Hash32(header.merkle_root), Hash32(row.merkle_root()));
        if expected != found {
            return Err(failed(&format!("a coinbase that leads to {expected}"), found.to_string()));
        }
        let coinbase = AnyCoinbase::parse(row.coinbase).map_err(|error| failed("a coinbase", error.to_string()))?;
        seen.look(watch, height, hash, &coinbase);
        rows.rest.drain(..length);
    }
    rows.fill(source).await?;
    match rows.rest.len() {
        0 => Ok(seen),
        more => {
            Err(Place::new(rows.path, None, "nothing behind the last header's row", format!("{more} bytes or more")))
        }
    }
}

/// A file of rows, of which at most a row and a piece are in memory.
struct Rows {
    path: String,
    /// What is fetched and not used yet.
    rest: Vec<u8>,
    fetched: u64,
    ended: bool,
}

impl Rows {
    /// Fetches until a whole row is here, or the end of the file, or bytes that are no row.
    async fn fill<E: Evidence>(&mut self, source: &mut Source<'_, E>) -> Result<(), Place> {
        while !self.ended && matches!(split_row(&self.rest), Ok(None)) {
            let piece = source.look_range(&self.path, self.fetched, PIECE).await;
            let piece = piece.map_err(|error| Place::new(&*self.path, None, "the file", error.to_string()))?;
            self.ended = (piece.len() as u64) < PIECE;
            self.fetched += piece.len() as u64;
            self.rest.extend(piece);
        }
        Ok(())
    }
}

//! What is archived, in memory: every header, and the coinbases of the period that grows.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use audit_core::chain::{
    AnyCoinbase, CoinbaseRow, HEADER_LEN, HeaderChain, Network, PERIOD, coinbases_path, headers_path, period_of,
    push_row, split_row,
};
use audit_core::hash::BlockHash;
use audit_core::header::Header;
use audit_core::work::Sats;
use pool_core::node::ChainBlock;

use crate::evidence::EvidenceStore;

/// What the coinbases of these heights pay, from the files.
pub(super) fn rewards(store: &EvidenceStore, first: u32, last: u32) -> Result<Vec<Sats>> {
    let mut rewards = Vec::new();
    for period in period_of(first)..=period_of(last) {
        let path = coinbases_path(period);
        let file = store.read(&path)?.with_context(|| format!("{path} is missing"))?;
        let mut rest = &file[..];
        for height in period * PERIOD..=last.min(period * PERIOD + (PERIOD - 1)) {
            let (row, length) = split_row(rest)?.with_context(|| format!("{path} ends before height {height}"))?;
            if height >= first {
                rewards.push(AnyCoinbase::parse(row.coinbase)?.reward);
            }
            rest = &rest[length..];
        }
    }
    Ok(rewards)
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Archived {
    /// The best chain.
    pub(super) headers: HeaderChain,
    /// The period that the last header is in.
    period: u32,
    /// Its coinbases, as in its file.
    coinbases: Vec<u8>,
    /// The periods whose files say something else than this; empty when none do.
    unwritten: std::ops::Range<u32>,
    /// Since when the node has been asked in vain for a block.
    missing: HashMap<BlockHash, Instant>,
}

/// Number of a period with its headers and its coinbases.
pub(super) type PeriodFiles = (u32, Vec<u8>, Vec<u8>);

impl Archived {
    fn new(network: Network, first_period: u32) -> Self {
        Self {
            headers: HeaderChain::new(network, first_period),
            period: first_period,
            coinbases: Vec::new(),
            unwritten: 0..0,
            missing: HashMap::new(),
        }
    }

    /// Reads what is on disk, checking all of it. What is damaged or torn is left out from there on: the node has it still.
    pub(super) fn load(store: &EvidenceStore, network: Network, first_period: u32) -> Result<Self> {
        let mut archived = Self::new(network, first_period);
        for period in first_period.. {
            let headers = store.read(&headers_path(period))?.unwrap_or_default();
            let coinbases = store.read(&coinbases_path(period))?.unwrap_or_default();
            archived.take(&headers, &coinbases);
            if archived.headers.next_height() / PERIOD <= period {
                break;
            }
        }
        archived.unwritten = 0..0;
        Ok(archived)
    }

    /// Adds the headers and rows of one period's files, as far as they are right.
    fn take(&mut self, headers: &[u8], coinbases: &[u8]) {
        let mut rows = coinbases;
        for bytes in headers.as_chunks::<HEADER_LEN>().0.iter().take(PERIOD as usize) {
            let Ok(Some((row, length))) = split_row(rows) else { break };
            if let Err(error) = self.push_header(&Header::from_bytes(bytes), &row) {
                let height = self.headers.next_height();
                tracing::warn!(height, "the archived chain is damaged and is asked for anew: {error:#}");
                break;
            }
            rows = &rows[length..];
        }
    }

    /// Adds the next block.
    pub(super) fn push(&mut self, block: &ChainBlock) -> Result<()> {
        self.push_header(&block.header, &CoinbaseRow { coinbase: &block.coinbase, branch: block.branch.clone() })
    }

    /// A header that breaks a rule, or a coinbase that is not its own, would fail every audit.
    fn push_header(&mut self, header: &Header, row: &CoinbaseRow<'_>) -> Result<()> {
        ensure!(row.merkle_root() == header.merkle_root, "the coinbase does not lead to the merkle root");
        let height = self.headers.next_height();
        self.headers.push(&header.to_bytes()).context("a header that breaks the network's rules")?;
        if period_of(height) != self.period {
            self.period = period_of(height);
            self.coinbases.clear();
        }
        push_row(&mut self.coinbases, row);
        self.touch(self.period);
        Ok(())
    }

    /// Takes away the blocks from `height` on; `coinbases` is the file of its period.
    pub(super) fn cut(&mut self, height: u32, coinbases: &[u8]) -> Result<()> {
        let (period, last) = (period_of(height), self.period);
        let mut kept = 0;
        let stored = if period == last { std::mem::take(&mut self.coinbases) } else { coinbases.to_vec() };
        for _ in period * PERIOD..height {
            match split_row(&stored[kept..]) {
                Ok(Some((_, length))) => kept += length,
                _ => bail!("{} is damaged: delete the folder chain, the node has it still", coinbases_path(period)),
            }
        }
        self.coinbases = stored[..kept].to_vec();
        self.headers.cut(height);
        self.period = period;
        self.touch(period);
        self.touch(last);
        Ok(())
    }

    /// The periods whose files have to be written, the last one first: it is emptied before an earlier one gets shorter.
    pub(super) fn unwritten(&self) -> Option<Vec<PeriodFiles>> {
        let changed = self.unwritten.clone().rev().map(|period| match period == self.period {
            true => (period, self.headers_of(period), self.coinbases.clone()),
            false => (period, Vec::new(), Vec::new()),
        });
        (!self.unwritten.is_empty()).then(|| changed.collect())
    }

    /// All files say what is archived.
    pub(super) fn written(&mut self) {
        self.unwritten = 0..0;
    }

    /// What to do about a block that the node does not know: an error while `patience` lasts, then a word to the operator.
    pub(super) fn unknown(&mut self, hash: &BlockHash, patience: Duration) -> Result<()> {
        let waited = self.missing.entry(*hash).or_insert_with(Instant::now).elapsed();
        ensure!(
            waited >= patience,
            "the node does not know block {hash}, which jobs were built on: is it the same node?"
        );
        tracing::error!(%hash, "no node knows this block, which jobs were built on: their epoch will fail job.anchored");
        Ok(())
    }

    fn touch(&mut self, period: u32) {
        self.unwritten = match self.unwritten.is_empty() {
            true => period..period + 1,
            false => self.unwritten.start.min(period)..self.unwritten.end.max(period + 1),
        };
    }

    fn headers_of(&self, period: u32) -> Vec<u8> {
        let heights = period * PERIOD..(period + 1) * PERIOD;
        heights.map_while(|height| self.headers.bytes(height)).flatten().copied().collect()
    }
}

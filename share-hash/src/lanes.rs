//! Several messages at once, one in each lane of a vector: the state is transposed, so that every instruction works for all
//! of them. A share needs about 45 blocks; where a block is the same for every share of a job, or half of it, what can be worked out
//! of its schedule is worked out once.
//!
//! Rounds and schedules are kept apart, with a table between them: one loop of rounds for every kind of block stays small
//! enough for the processor's cache of decoded instructions.

mod kernel;
mod known;

use alloc::{boxed::Box, vec::Vec};
use core::ops::Range;

use crate::{
    JobHasher, Lane,
    coinbase::Coinbase,
    sha256::{BLOCK, INITIAL},
};
use kernel::{LANES, State, Table, Word, rounds, schedule, schedule_half};
use known::{HalfBlock, padding, words_of};

/// What follows a message of 32 bytes.
const AFTER_HASH: HalfBlock = HalfBlock::new(&padding(32));
/// The second block of a message of 64 bytes.
const AFTER_PAIR: [u32; 64] = known::schedule(&padding(64));
/// The end of a header's second block: 80 bytes are 640 bits.
const AFTER_HEADER: HalfBlock = HalfBlock::new(&[0, 0, 0, 0, 0, 0, 0, 640]);
/// The end of a leaf's block: 25 bytes are 200 bits.
const AFTER_LEAF: HalfBlock = HalfBlock::new(&[0, 0, 0, 0, 0, 0, 0, 200]);
/// The end of a node's second block: 65 bytes are 520 bits.
const AFTER_NODE: HalfBlock = HalfBlock::new(&[0, 0, 0, 0, 0, 0, 0, 520]);

/// What can be worked out for a job once.
pub(crate) struct JobTables {
    /// For each block of the coinbase.
    coinbase: Vec<CoinbaseBlock>,
    /// The second half of each pair of the merkle branch.
    branch: Vec<HalfBlock>,
}

enum CoinbaseBlock {
    /// The same for all shares.
    Known(Box<Table>),
    /// The same for all shares with one anchor.
    Anchor,
    /// Other for each share.
    Extranonces,
}

impl JobTables {
    pub(crate) fn new(coinbase: &Coinbase, branch: &[[u8; 32]]) -> Self {
        let block = |(index, block)| {
            let bytes = index * BLOCK..(index + 1) * BLOCK;
            let holds = |part: &Range<usize>| part.start < bytes.end && bytes.start < part.end;
            if holds(&coinbase.extranonces) {
                CoinbaseBlock::Extranonces
            } else if holds(&coinbase.anchor) {
                CoinbaseBlock::Anchor
            } else {
                CoinbaseBlock::Known(Box::new(splat(block)))
            }
        };
        Self {
            coinbase: coinbase.blocks.iter().enumerate().map(block).collect(),
            branch: branch.iter().map(|sibling| HalfBlock::new(&words_of(sibling))).collect(),
        }
    }
}

/// Hashes the first `lanes`, as many as fill vectors to more than a quarter, and gives how many.
pub(crate) fn hash_shares(job: &JobHasher, lanes: &[Lane], out: &mut [[u8; 32]]) -> usize {
    // A vector costs as much as one and a half shares one by one.
    let done = if lanes.len() % LANES == 1 { lanes.len() - 1 } else { lanes.len() };
    let mut group = Group::new(job);
    for (lanes, out) in lanes[..done].chunks(LANES).zip(out.chunks_mut(LANES)) {
        group.hash(lanes, out);
    }
    done
}

/// SHA-256(0x00 ‖ record) of all `records` that fill vectors; gives how many.
pub(crate) fn leaf_hashes(records: &[[u8; 24]], out: &mut [[u8; 32]]) -> usize {
    let mut table = [Word::splat(0); 64];
    let (groups, _) = records.as_chunks::<LANES>();
    for (group, out) in groups.iter().zip(out.chunks_mut(LANES)) {
        let mut blocks = [[0; 32]; LANES];
        for (block, record) in blocks.iter_mut().zip(group) {
            block[1..25].copy_from_slice(record);
            block[25] = 0x80;
        }
        schedule_half(&transposed(&blocks), &AFTER_LEAF, &mut table);
        let mut state = initial();
        rounds(&mut state, &table);
        write(&state, out);
    }
    groups.len() * LANES
}

/// SHA-256(0x01 ‖ left ‖ right) of all `pairs` that fill vectors; gives how many.
pub(crate) fn node_hashes(pairs: &[[[u8; 32]; 2]], out: &mut [[u8; 32]]) -> usize {
    let mut table = [Word::splat(0); 64];
    let (groups, _) = pairs.as_chunks::<LANES>();
    for (group, out) in groups.iter().zip(out.chunks_mut(LANES)) {
        let (mut first, mut second) = ([[1; BLOCK]; LANES], [[0; 32]; LANES]);
        for ((first, second), pair) in first.iter_mut().zip(&mut second).zip(group) {
            let bytes = pair.as_flattened();
            first[1..].copy_from_slice(&bytes[..63]);
            second[..2].copy_from_slice(&[bytes[63], 0x80]);
        }
        let mut state = initial();
        schedule(&transposed(&first), &mut table);
        rounds(&mut state, &table);
        schedule_half(&transposed(&second), &AFTER_NODE, &mut table);
        rounds(&mut state, &table);
        write(&state, out);
    }
    groups.len() * LANES
}

/// One vector's shares after the other.
struct Group<'a> {
    job: &'a JobHasher,
    after_pair: Box<Table>,
    /// The schedule that is being used.
    table: Box<Table>,
    /// Each lane's coinbase.
    coinbases: [Vec<[u8; BLOCK]>; LANES],
    /// For the anchor of the last lanes, if they had the same.
    anchored: Option<Anchored>,
}

/// An anchor and, for each block of the coinbase that it settles, the schedule.
struct Anchored {
    anchor: [u8; 32],
    tables: Vec<Option<Box<Table>>>,
}

impl<'a> Group<'a> {
    fn new(job: &'a JobHasher) -> Self {
        Self {
            job,
            after_pair: Box::new(AFTER_PAIR.map(Word::splat)),
            table: Box::new([Word::splat(0); 64]),
            coinbases: core::array::from_fn(|_| job.coinbase.blocks.clone()),
            anchored: None,
        }
    }

    /// Up to [`LANES`] shares; lanes without one repeat the last.
    fn hash(&mut self, lanes: &[Lane], out: &mut [[u8; 32]]) {
        let lane = |index: usize| &lanes[index.min(lanes.len() - 1)];
        for (index, coinbase) in self.coinbases.iter_mut().enumerate() {
            self.job.coinbase.fill(coinbase, lane(index));
        }
        let txid = self.txid(lanes);
        let root = self.fold(txid);
        let mut state = initial();
        let header: [[u8; 80]; LANES] = core::array::from_fn(|index| self.job.header(lane(index)));
        let header = header.map(|bytes| words_of::<20>(&bytes));
        let header: [Word; 20] = core::array::from_fn(|word| Word::new(|lane| header[lane][word]));
        let first = core::array::from_fn(|word| if word < 9 { header[word] } else { root[word - 9] });
        schedule(&first, &mut self.table);
        rounds(&mut state, &self.table);
        let (zero, end) = (Word::splat(0), Word::splat(0x8000_0000));
        let second = [root[7], header[17], header[18], header[19], end, zero, zero, zero];
        schedule_half(&second, &AFTER_HEADER, &mut self.table);
        rounds(&mut state, &self.table);
        write(&self.again(&state), out);
    }

    fn txid(&mut self, lanes: &[Lane]) -> State {
        self.prepare_anchor(lanes);
        let mut state = self.job.coinbase.midstate.map(Word::splat);
        for (index, block) in self.job.tables.coinbase.iter().enumerate() {
            let anchored = self.anchored.as_ref().and_then(|anchored| anchored.tables[index].as_deref());
            match (block, anchored) {
                (CoinbaseBlock::Known(table), _) => rounds(&mut state, table),
                (_, Some(table)) => rounds(&mut state, table),
                (_, None) => {
                    let blocks: [[u8; BLOCK]; LANES] = core::array::from_fn(|lane| self.coinbases[lane][index]);
                    schedule(&transposed(&blocks), &mut self.table);
                    rounds(&mut state, &self.table);
                }
            }
        }
        self.again(&state)
    }

    /// Where all lanes have one anchor, the blocks that hold it are known until a group has another.
    fn prepare_anchor(&mut self, lanes: &[Lane]) {
        let anchor = lanes[0].anchor;
        if lanes.iter().any(|lane| lane.anchor != anchor) {
            self.anchored = None;
        } else if self.anchored.as_ref().is_none_or(|last| last.anchor != anchor) {
            let table = |(index, block): (usize, &CoinbaseBlock)| {
                let is_anchor = matches!(block, CoinbaseBlock::Anchor);
                is_anchor.then(|| Box::new(splat(&self.coinbases[0][index])))
            };
            let tables = self.job.tables.coinbase.iter().enumerate().map(table).collect();
            self.anchored = Some(Anchored { anchor, tables });
        }
    }

    fn fold(&mut self, txid: State) -> State {
        self.job.tables.branch.iter().fold(txid, |node, sibling| {
            let mut state = initial();
            schedule_half(&node, sibling, &mut self.table);
            rounds(&mut state, &self.table);
            rounds(&mut state, &self.after_pair);
            self.again(&state)
        })
    }

    /// SHA-256 of the hashes that the states are.
    fn again(&mut self, hashes: &State) -> State {
        let mut state = initial();
        schedule_half(hashes, &AFTER_HASH, &mut self.table);
        rounds(&mut state, &self.table);
        state
    }
}

fn initial() -> State {
    INITIAL.map(Word::splat)
}

/// The schedule of a block that all messages have.
fn splat(block: &[u8; BLOCK]) -> Table {
    known::schedule(&words_of(block)).map(Word::splat)
}

/// The words of each lane's block, lane by lane.
fn transposed<const BYTES: usize, const WORDS: usize>(blocks: &[[u8; BYTES]; LANES]) -> [Word; WORDS] {
    let words = blocks.each_ref().map(|block| words_of::<WORDS>(block));
    core::array::from_fn(|word| Word::new(|lane| words[lane][word]))
}

/// The lanes' hashes; `out` may have fewer.
fn write(state: &State, out: &mut [[u8; 32]]) {
    for (word, lanes) in state.iter().map(|word| word.to_words()).enumerate() {
        for (out, lane) in out.iter_mut().zip(lanes) {
            out[4 * word..4 * word + 4].copy_from_slice(&lane.to_be_bytes());
        }
    }
}

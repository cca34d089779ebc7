//! Several messages at once, one in each lane of a vector: the state is transposed, so that every instruction works for all
//! of them. A share needs about 45 blocks; where a block is the same for every share of a job, or half of it, what can be worked out
//! of its schedule is worked out once.
//!
//! Rounds and schedules are kept apart, with a table between them: one loop of rounds for every kind of block stays small
//! enough for the processor's cache of decoded instructions.

mod kernel;
mod known;
mod word;

use alloc::{boxed::Box, vec::Vec};
use core::{cell::Cell, ops::Range};

use crate::{
    JobHasher, Lane,
    coinbase::Coinbase,
    sha256::{BLOCK, INITIAL},
};
use kernel::{Ring, State, Table, rounds, schedule, schedule_half};
use known::{HalfBlock, padding, words_of};
use word::{LANES, Word};

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
        // Where there are fewer lanes, the last share is hashed again.
        group.hash(core::array::from_fn(|index| &lanes[index.min(lanes.len() - 1)]), out);
    }
    done
}

/// SHA-256(0x00 ‖ record) of all `records` that fill vectors; gives how many.
pub(crate) fn leaf_hashes(records: &[[u8; 24]], out: &mut [[u8; 32]]) -> usize {
    let mut hasher = Hasher::new();
    let (groups, _) = records.as_chunks::<LANES>();
    for (group, out) in groups.iter().zip(out.chunks_mut(LANES)) {
        let mut blocks = [[0; 32]; LANES];
        for (block, record) in blocks.iter_mut().zip(group) {
            block[1..25].copy_from_slice(record);
            block[25] = 0x80;
        }
        let mut state = initial();
        hasher.half(&mut state, &transposed(|lane| &blocks[lane]), &AFTER_LEAF);
        write(&state, out);
    }
    groups.len() * LANES
}

/// SHA-256(0x01 ‖ left ‖ right) of all `pairs` that fill vectors; gives how many.
pub(crate) fn node_hashes(pairs: &[[[u8; 32]; 2]], out: &mut [[u8; 32]]) -> usize {
    let mut hasher = Hasher::new();
    let (groups, _) = pairs.as_chunks::<LANES>();
    for (group, out) in groups.iter().zip(out.chunks_mut(LANES)) {
        let (mut first, mut second) = ([[1; BLOCK]; LANES], [[0; 32]; LANES]);
        for ((first, second), pair) in first.iter_mut().zip(&mut second).zip(group) {
            let bytes = pair.as_flattened();
            first[1..].copy_from_slice(&bytes[..63]);
            second[..2].copy_from_slice(&[bytes[63], 0x80]);
        }
        let mut state = initial();
        hasher.whole(&mut state, &transposed(|lane| &first[lane]));
        hasher.half(&mut state, &transposed(|lane| &second[lane]), &AFTER_NODE);
        write(&state, out);
    }
    groups.len() * LANES
}

/// Takes blocks into states; holds the memory that this needs.
struct Hasher {
    table: Box<Table>,
    ring: Box<Ring>,
}

impl Hasher {
    fn new() -> Self {
        Self { table: Box::new([Word::splat(0); 64]), ring: Box::new([(); 16].map(|()| Cell::new(Word::splat(0)))) }
    }

    /// A block that differs in every word.
    fn whole(&mut self, state: &mut State, words: &[Word; 16]) {
        schedule(words, &mut self.table);
        rounds(state, &self.table, &self.ring, &self.ring);
    }

    /// A block that differs in its first half.
    fn half(&mut self, state: &mut State, words: &[Word; 8], half: &HalfBlock) {
        schedule_half(words, half, &mut self.table);
        rounds(state, &self.table, &self.ring, &self.ring);
    }

    /// A block that is the same for all.
    fn known(&mut self, state: &mut State, table: &Table) {
        rounds(state, table, &self.ring, &self.ring);
    }

    /// SHA-256 of the 32 bytes that begin with, and in the end are, the state.
    fn again(&mut self, state: &mut State) {
        self.first(state, &AFTER_HASH);
    }

    /// From the words of the state, which are the first half of a message's first block, to the state behind that block.
    fn first(&mut self, state: &mut State, half: &HalfBlock) {
        schedule_half(state, half, &mut self.table);
        *state = initial();
        rounds(state, &self.table, &self.ring, &self.ring);
    }
}

/// One vector's shares after the other.
struct Group<'a> {
    job: &'a JobHasher,
    hasher: Hasher,
    after_pair: Box<Table>,
    prevhash: [u32; 8],
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
            hasher: Hasher::new(),
            after_pair: Box::new(AFTER_PAIR.map(Word::splat)),
            prevhash: words_of(&job.prevhash),
            coinbases: core::array::from_fn(|_| job.coinbase.blocks.clone()),
            anchored: None,
        }
    }

    fn hash(&mut self, lanes: [&Lane; LANES], out: &mut [[u8; 32]]) {
        for (coinbase, lane) in self.coinbases.iter_mut().zip(lanes) {
            self.job.coinbase.fill(coinbase, lane);
        }
        self.prepare_anchor(lanes);
        let mut state = self.job.coinbase.midstate.map(Word::splat);
        self.coinbase(&mut state);
        self.hasher.again(&mut state);
        for sibling in &self.job.tables.branch {
            self.hasher.first(&mut state, sibling);
            self.hasher.known(&mut state, &self.after_pair);
            self.hasher.again(&mut state);
        }
        self.header(&mut state, lanes);
        self.hasher.again(&mut state);
        write(&state, out);
    }

    fn coinbase(&mut self, state: &mut State) {
        for (index, block) in self.job.tables.coinbase.iter().enumerate() {
            let anchored = self.anchored.as_ref().and_then(|anchored| anchored.tables[index].as_deref());
            match (block, anchored) {
                (CoinbaseBlock::Known(table), _) => self.hasher.known(state, table),
                (_, Some(table)) => self.hasher.known(state, table),
                (_, None) => self.hasher.whole(state, &transposed(|lane| &self.coinbases[lane][index])),
            }
        }
    }

    /// From the merkle root to the first hash of the header. Its words are the bytes of little-endian numbers.
    fn header(&mut self, root: &mut State, lanes: [&Lane; LANES]) {
        let of_lanes = |number: fn(&Lane) -> u32| Word::new(|lane| number(lanes[lane]).swap_bytes());
        let first = core::array::from_fn(|word| match word {
            0 => of_lanes(|lane| lane.version),
            1..9 => Word::splat(self.prevhash[word - 1]),
            _ => root[word - 9],
        });
        let (ntime, nonce) = (of_lanes(|lane| lane.ntime), of_lanes(|lane| lane.nonce));
        let (nbits, end, zero) = (self.job.nbits.swap_bytes(), 0x8000_0000, Word::splat(0));
        let second = [root[7], ntime, Word::splat(nbits), nonce, Word::splat(end), zero, zero, zero];
        *root = initial();
        self.hasher.whole(root, &first);
        self.hasher.half(root, &second, &AFTER_HEADER);
    }

    /// Where all lanes have one anchor, the blocks that hold it are known until a group has another.
    fn prepare_anchor(&mut self, lanes: [&Lane; LANES]) {
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
}

fn initial() -> State {
    INITIAL.map(Word::splat)
}

/// The schedule of a block that all messages have.
fn splat(block: &[u8; BLOCK]) -> Table {
    known::schedule(&words_of(block)).map(Word::splat)
}

/// The words of each lane's block, lane by lane.
fn transposed<'a, const BYTES: usize, const WORDS: usize>(block: impl Fn(usize) -> &'a [u8; BYTES]) -> [Word; WORDS] {
    let mut words = [Word::splat(0); WORDS];
    let rows: [&[[u8; 16]]; LANES] = core::array::from_fn(|lane| block(lane).as_chunks().0);
    for (at, words) in words.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        *words = Word::from_rows(rows.map(|rows| &rows[at]));
    }
    words
}

/// The lanes' hashes; `out` may have fewer.
fn write(state: &State, out: &mut [[u8; 32]]) {
    let (words, _) = state.as_chunks::<4>();
    for (at, words) in words.iter().enumerate() {
        for (out, row) in out.iter_mut().zip(Word::to_rows(*words)) {
            out[16 * at..16 * at + 16].copy_from_slice(&row);
        }
    }
}

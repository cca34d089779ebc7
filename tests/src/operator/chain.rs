//! The chain that the operator mines on: real proof of work at an easy target, other miners between, a reorganisation, and
//! the files under `chain/` that show it.

use std::collections::BTreeMap;

use audit_core::{
    anchor::ANCHOR_SCRIPT_PREFIX,
    bundle::Files,
    chain::{AnyCoinbase, CoinbaseRow, Network, PERIOD, coinbases_path, headers_path, push_row, side_path},
    hash::{BlockHash, Hash32, sha256d},
    header::Header,
    job::fold_branch,
    scheme::{FeesPpm, Hashprice, Price, fees_ppm},
    work::Nbits,
};

use super::{START_MS, mine::NBITS};

/// Blocks below the first epoch's.
const BEFORE: u32 = 12;
/// The blocks below the first epoch's are this much older: a median of their times forbids no time near the epochs.
const OLDER_S: u32 = 20_000;
/// Seconds between blocks.
const SPACING_S: u32 = 10;
/// Whom other miners pay.
const OTHERS_SCRIPT: [u8; 1] = [0x53];

/// A block on the best chain.
#[derive(Clone)]
struct Block {
    header: Header,
    coinbase: Vec<u8>,
    branch: Vec<Hash32>,
}

/// The best chain, and what it left behind.
pub struct Chain<'a> {
    blocks: Vec<Block>,
    side: BTreeMap<BlockHash, Vec<Header>>,
    nbits: Nbits,
    /// A header's time by height and by what it should be.
    times: &'a dyn Fn(u32, u32) -> u32,
}

impl<'a> Chain<'a> {
    /// Some blocks of others.
    pub(super) fn new(times: &'a dyn Fn(u32, u32) -> u32) -> Self {
        let mut chain = Self { blocks: Vec::new(), side: BTreeMap::new(), nbits: Nbits::new(NBITS), times };
        chain.others(BEFORE + 1);
        chain
    }

    /// A genesis block, which needs no proof of work, and a network target that nothing else ever meets.
    pub(super) fn of_genesis(nbits: Nbits) -> Self {
        let mut chain = Self { blocks: Vec::new(), side: BTreeMap::new(), nbits, times: &|_, time| time };
        let coinbase = chain.coinbase(&[(5_000_000_000, OTHERS_SCRIPT.to_vec())]);
        chain.push(chain.header(sha256d(&coinbase)), coinbase, Vec::new());
        chain
    }

    /// Height and hash of the best block.
    pub fn tip(&self) -> (u32, BlockHash) {
        (self.next() - 1, self.blocks.last().map(|block| block.header.hash()).unwrap_or_default())
    }

    /// Whether a block is on the best chain.
    pub fn has(&self, hash: &BlockHash) -> bool {
        self.blocks.iter().any(|block| block.header.hash() == *hash)
    }

    /// Other miners find blocks.
    pub fn others(&mut self, count: u32) {
        for _ in 0..count {
            self.mine(&[(5_000_000_000, OTHERS_SCRIPT.to_vec())]);
        }
    }

    /// Somebody finds a block whose coinbase has these outputs, not from a job of the pool.
    pub fn mine(&mut self, outputs: &[(u64, Vec<u8>)]) {
        let coinbase = self.coinbase(outputs);
        let header = grind(self.header(sha256d(&coinbase)));
        self.push(header, coinbase, Vec::new());
    }

    /// Somebody finds a block with one transaction besides its coinbase. The block, and the way to its merkle root.
    pub(super) fn mine_transaction(&mut self, txid: &BlockHash) -> (BlockHash, Vec<Hash32>) {
        let coinbase = self.coinbase(&[(5_000_000_000, OTHERS_SCRIPT.to_vec())]);
        let branch = vec![Hash32(txid.0)];
        let header = grind(self.header(fold_branch(sha256d(&coinbase), &branch)));
        let siblings = vec![Hash32(sha256d(&coinbase))];
        self.push(header, coinbase, branch);
        (header.hash(), siblings)
    }

    /// Somebody finds a block without value for anyone but with an anchor.
    pub fn mine_anchor(&mut self, anchor: &Hash32) {
        let script = [&ANCHOR_SCRIPT_PREFIX[..], &anchor.0].concat();
        self.mine(&[(5_000_000_000, OTHERS_SCRIPT.to_vec()), (0, script)]);
    }

    /// Puts a block on top.
    pub(super) fn push(&mut self, header: Header, coinbase: Vec<u8>, branch: Vec<Hash32>) {
        let prevhash = self.blocks.last().map(|block| block.header.hash()).unwrap_or_default();
        assert!(header.prevhash == prevhash, "blocks link");
        assert_eq!(header.merkle_root, fold_branch(sha256d(&coinbase), &branch));
        self.blocks.push(Block { header, coinbase, branch });
    }

    /// The last blocks are left behind for as many others and one more.
    pub fn reorganise(&mut self, depth: u32) {
        let left = self.blocks.split_off(self.blocks.len() - depth as usize);
        for end in 1..=left.len() {
            let headers: Vec<Header> = left[..end].iter().map(|block| block.header).collect();
            self.side.insert(headers[end - 1].hash(), headers);
        }
        // With other coinbases the blocks are others.
        self.mine(&[(4_999_999_999, OTHERS_SCRIPT.to_vec())]);
        self.others(depth);
    }

    /// What the coinbases so far pay in fees.
    pub(super) fn fees(&self) -> FeesPpm {
        let rewards = self.blocks.iter().map(|block| AnyCoinbase::parse(&block.coinbase).expect("a coinbase").reward);
        let (height, hash) = self.tip();
        FeesPpm { ppm: fees_ppm(Network::Regtest, (0..).zip(rewards)), height, hash }
    }

    /// What hashrate can be expected to earn on top of the tip.
    pub(super) fn hashprice(&self) -> Hashprice {
        let FeesPpm { ppm, height, hash } = self.fees();
        let price = Price::of(Network::Regtest, height + 1, self.nbits, ppm.into()).expect("a target");
        Hashprice { sats_per_phs_day: price.hashprice().expect("below 2^128"), height, hash }
    }

    /// The evidence of the chain.
    pub(super) fn publish(&self) -> Files {
        let mut files = Files::new();
        for (period, blocks) in (0..).zip(self.blocks.chunks(PERIOD as usize)) {
            let (mut headers, mut coinbases) = (Vec::new(), Vec::new());
            for Block { header, coinbase, branch } in blocks {
                headers.extend(header.to_bytes());
                push_row(&mut coinbases, &CoinbaseRow { coinbase, branch: branch.clone() });
            }
            files.insert(headers_path(period), headers);
            files.insert(coinbases_path(period), coinbases);
        }
        for (hash, headers) in &self.side {
            files.insert(side_path(hash), headers.iter().flat_map(Header::to_bytes).collect());
        }
        files
    }

    /// Height of the next block.
    fn next(&self) -> u32 {
        u32::try_from(self.blocks.len()).expect("a short chain")
    }

    /// A coinbase as short as others' may be, but for the 64 bytes that none may have.
    fn coinbase(&self, outputs: &[(u64, Vec<u8>)]) -> Vec<u8> {
        let count = |number: usize| u8::try_from(number).expect("small counts and scripts");
        let script_sig = [&self.next().to_le_bytes()[..], b"O"].concat();
        let mut bytes = Vec::from(1u32.to_le_bytes());
        bytes.push(1);
        bytes.extend([0; 32]);
        bytes.extend([0xff; 4]);
        bytes.push(count(script_sig.len()));
        bytes.extend(script_sig);
        bytes.extend([0xff; 4]);
        bytes.push(count(outputs.len()));
        for (sats, script) in outputs {
            bytes.extend(sats.to_le_bytes());
            bytes.push(count(script.len()));
            bytes.extend(script);
        }
        bytes.extend([0; 4]);
        bytes
    }

    fn header(&self, merkle_root: [u8; 32]) -> Header {
        let height = self.next();
        let start = u32::try_from(START_MS / 1_000).expect("before 2106");
        let older = if height <= BEFORE { OLDER_S } else { 0 };
        Header {
            version: 0x2000_0000,
            prevhash: self.blocks.last().map(|block| block.header.hash()).unwrap_or_default(),
            merkle_root,
            ntime: (self.times)(height, start - older + SPACING_S * height),
            nbits: self.nbits,
            nonce: 0,
        }
    }
}

/// The header with the first nonce from its own on that has proof of work.
pub fn grind(mut header: Header) -> Header {
    while header.nbits.target().is_some_and(|target| !target.is_met_by(&header.hash())) {
        header.nonce += 1;
    }
    header
}

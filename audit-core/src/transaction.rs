//! A transaction in its non-witness serialisation: what it spends and what it pays. Of any wallet or pool.
//!
//! Out of scope: scripts and signatures (that a transaction is valid is shown by the block that contains it), and the
//! layout of this pool's own coinbases (`crate::coinbase`).

use alloc::vec::Vec;

use thiserror::Error;

use crate::{
    hash::{BlockHash, Hash32, sha256d},
    work::Sats,
};

/// Longest non-witness serialisation: a block's 4,000,000 weight units count each of these bytes four times (BIP 141).
pub const TRANSACTION_MAX: usize = 1_000_000;
/// Shortest input: previous output 36, empty script 1, sequence 4.
const INPUT_MIN: usize = 41;
/// Shortest output: value 8, empty script 1.
const OUTPUT_MIN: usize = 9;

/// A transaction's inputs and outputs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transaction {
    /// SHA-256d of the serialisation.
    pub txid: BlockHash,
    /// At least one.
    pub inputs: Vec<TxInput>,
    /// At least one.
    pub outputs: Vec<TxOutput>,
}

/// An input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TxInput {
    /// The output that it spends; [`OutPoint::NULL`] in a coinbase.
    pub spends: OutPoint,
    /// Its script; in a coinbase the block height and what the miner adds.
    pub script_sig: Vec<u8>,
}

/// An output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TxOutput {
    /// Its value, which may be 0.
    pub sats: Sats,
    /// Whom it pays.
    pub script: Vec<u8>,
}

/// Which output of which transaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OutPoint {
    /// The transaction.
    pub txid: BlockHash,
    /// Number of the output, from 0.
    pub vout: u32,
}

/// Why bytes are no transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TransactionError {
    /// Longer than [`TRANSACTION_MAX`].
    #[error("{0} bytes long: more than 1000000")]
    Length(usize),
    /// 64 bytes, which a merkle tree can't tell from an inner node (CVE-2017-12842).
    #[error("64 bytes long, as an inner node of a merkle tree")]
    Ambiguous,
    /// Ends early, goes on behind its end, or has a count that is not minimal.
    #[error("not a transaction at byte {0}")]
    Malformed(usize),
    /// Without inputs, which is also how a witness serialisation begins.
    #[error("no inputs: a witness serialisation, or no transaction")]
    NoInputs,
    /// Without outputs.
    #[error("no outputs")]
    NoOutputs,
    /// An output pays more than all bitcoin.
    #[error("output {0} pays more than 21 million bitcoin")]
    Value(usize),
}

impl OutPoint {
    /// What the input of a coinbase names.
    pub const NULL: Self = Self { txid: BlockHash([0; 32]), vout: u32::MAX };
}

impl Transaction {
    /// Takes a transaction apart, strictly.
    ///
    /// # Errors
    /// See [`TransactionError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TransactionError> {
        match bytes.len() {
            64 => return Err(TransactionError::Ambiguous),
            length if length > TRANSACTION_MAX => return Err(TransactionError::Length(length)),
            _ => {}
        }
        let mut reader = Reader { bytes, at: 0 };
        reader.take(4)?;
        let inputs = reader.count(INPUT_MIN)?;
        if inputs == 0 {
            return Err(TransactionError::NoInputs);
        }
        let inputs = (0..inputs).map(|_| reader.input()).collect::<Result<_, _>>()?;
        let outputs = reader.count(OUTPUT_MIN)?;
        if outputs == 0 {
            return Err(TransactionError::NoOutputs);
        }
        let outputs = (0..outputs).map(|number| reader.output(number)).collect::<Result<_, _>>()?;
        reader.take(4)?;
        if reader.at != bytes.len() {
            return Err(TransactionError::Malformed(reader.at));
        }
        Ok(Self { txid: BlockHash::of(bytes), inputs, outputs })
    }

    /// Whether this is a block's first transaction.
    pub fn is_coinbase(&self) -> bool {
        matches!(&self.inputs[..], [input] if input.spends == OutPoint::NULL)
    }
}

/// Bitcoin's merkle root from a txid, its position in the block and the siblings on the way up. `None` when the tree of
/// that branch has no such position.
pub fn merkle_root(txid: &BlockHash, position: u32, branch: &[Hash32]) -> Option<[u8; 32]> {
    let (mut node, mut position) = (txid.0, position);
    for sibling in branch {
        let pair = if position & 1 == 0 { [node, sibling.0] } else { [sibling.0, node] };
        node = sha256d(pair.as_flattened());
        position >>= 1;
    }
    (position == 0).then_some(node)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], TransactionError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).ok_or(TransactionError::Malformed(self.at))?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TransactionError> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_| TransactionError::Malformed(at))
    }

    /// A CompactSize in its shortest form, of things of which each takes at least `size` bytes: more than fit in what is
    /// left is an error here, so that a count alone can't make anyone reserve memory.
    fn count(&mut self, size: usize) -> Result<usize, TransactionError> {
        let at = self.at;
        let [first] = self.array()?;
        let (number, least) = match first {
            0xfd => (u16::from_le_bytes(self.array()?).into(), 0xfd),
            0xfe => (u32::from_le_bytes(self.array()?).into(), 0x1_0000),
            0xff => (u64::from_le_bytes(self.array()?), 0x1_0000_0000),
            small => (u64::from(small), 0),
        };
        let left = (self.bytes.len() - self.at) / size;
        let fits = usize::try_from(number).ok().filter(|count| number >= least && *count <= left);
        fits.ok_or(TransactionError::Malformed(at))
    }

    fn script(&mut self) -> Result<Vec<u8>, TransactionError> {
        let length = self.count(1)?;
        Ok(self.take(length)?.to_vec())
    }

    fn input(&mut self) -> Result<TxInput, TransactionError> {
        let spends = OutPoint { txid: BlockHash(self.array()?), vout: u32::from_le_bytes(self.array()?) };
        let script_sig = self.script()?;
        self.take(4)?;
        Ok(TxInput { spends, script_sig })
    }

    fn output(&mut self, number: usize) -> Result<TxOutput, TransactionError> {
        let sats = Sats::new(u64::from_le_bytes(self.array()?)).ok_or(TransactionError::Value(number))?;
        Ok(TxOutput { sats, script: self.script()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{string::ToString, vec};

    /// The coinbase of Bitcoin's first block.
    const GENESIS: &str = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000";
    /// Block 170: Satoshi's payment to Hal Finney, the block's second transaction, and its first one's txid.
    const PAYMENT: &str = "0100000001c997a5e56e104102fa209c6a852dd90660a20b2d9c352423edce25857fcd3704000000004847304402204e45e16932b8af514961a1d3a1a25fdf3f4f7732e9d624c6c61548ab5fb8cd410220181522ec8eca07de4860a4acdd12909d831cc56cbbac4622082221a8768d1d0901ffffffff0200ca9a3b00000000434104ae1a62fe09c5f51b13905f07f06b99a2f7159b2225f374cd378d71302fa28414e7aab37397f554a7df5f142c21c1b7303b8a0626f1baded5c72a704f7e6cd84cac00286bee0000000043410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac00000000";
    const COINBASE_170: &str = "b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082";
    const ROOT_170: &str = "7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff";

    fn parse(text: &str) -> Transaction {
        Transaction::parse(&hex::decode(text).unwrap()).unwrap()
    }

    #[test]
    fn real_transactions_are_taken_apart() {
        let genesis = parse(GENESIS);
        assert_eq!(genesis.txid.to_string(), "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b");
        assert!(genesis.is_coinbase());
        assert_eq!(genesis.outputs[0].sats.get(), 5_000_000_000);
        let payment = parse(PAYMENT);
        assert_eq!(payment.txid.to_string(), "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16");
        assert!(!payment.is_coinbase());
        let spent = "0437cd7f8525ceed2324359c2d0ba26006d92d856a9c20fa0241106ee5a597c9";
        assert_eq!(payment.inputs[0].spends, OutPoint { txid: spent.parse().unwrap(), vout: 0 });
        let sats: Vec<u64> = payment.outputs.iter().map(|output| output.sats.get()).collect();
        assert_eq!(sats, [1_000_000_000, 4_000_000_000]);
        assert_eq!(payment.outputs[1].script.len(), 67);
    }

    #[test]
    fn a_branch_leads_from_position_to_root() {
        let coinbase: BlockHash = COINBASE_170.parse().unwrap();
        let payment = parse(PAYMENT).txid;
        let root: BlockHash = ROOT_170.parse().unwrap();
        assert_eq!(merkle_root(&payment, 1, &[Hash32(coinbase.0)]), Some(root.0));
        assert_eq!(merkle_root(&coinbase, 0, &[Hash32(payment.0)]), Some(root.0));
        assert_ne!(merkle_root(&payment, 0, &[Hash32(coinbase.0)]), Some(root.0));
        assert_eq!(merkle_root(&payment, 2, &[Hash32(coinbase.0)]), None);
        assert_eq!(merkle_root(&payment, 0, &[]), Some(payment.0));
    }

    #[test]
    fn what_is_not_a_transaction_is_refused() {
        #[track_caller]
        fn check(change: impl FnOnce(&mut Vec<u8>), expected: TransactionError) {
            let mut bytes = hex::decode(PAYMENT).unwrap();
            change(&mut bytes);
            assert_eq!(Transaction::parse(&bytes), Err(expected));
        }
        check(|bytes| bytes.push(0), TransactionError::Malformed(275));
        check(|bytes| bytes.truncate(274), TransactionError::Malformed(271));
        check(|bytes| bytes[4] = 0, TransactionError::NoInputs);
        check(|bytes| bytes[4] = 0xfc, TransactionError::Malformed(4));
        check(|bytes| drop(bytes.splice(4..5, [0xfd, 1, 0])), TransactionError::Malformed(4));
        check(|bytes| bytes[118] = 0, TransactionError::NoOutputs);
        check(|bytes| bytes[126] = 1, TransactionError::Value(0));
        check(|bytes| bytes.resize(64, 0), TransactionError::Ambiguous);
        check(|bytes| bytes.resize(1_000_001, 0), TransactionError::Length(1_000_001));
        check(|bytes| bytes.truncate(2), TransactionError::Malformed(0));
    }

    #[test]
    fn counts_have_one_form() {
        let mut reader = Reader { bytes: &[0xfd, 0xfc, 0, 0], at: 0 };
        assert_eq!(reader.count(1), Err(TransactionError::Malformed(0)));
        let long = [vec![0xfd, 0xfd, 0], vec![0; 0xfd]].concat();
        assert_eq!(Reader { bytes: &long, at: 0 }.count(1), Ok(0xfd));
        let huge = [&[0xff; 9][..], &[0; 40]].concat();
        assert_eq!(Reader { bytes: &huge, at: 0 }.count(1), Err(TransactionError::Malformed(0)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Transaction::parse(&bytes);
        }
    }
}

//! What the evidence keeps of a block.

use audit_core::{
    hash::{BlockHash, Hash32},
    header::Header,
};
use bitcoin::{Block, Transaction, Witness, consensus::encode, hashes::Hash};

use crate::branch::coinbase_branch;

/// A block's header, and the coinbase that it commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainBlock {
    /// The header.
    pub header: Header,
    /// The coinbase, non-witness serialisation.
    pub coinbase: Vec<u8>,
    /// The coinbase's siblings on the way to the header's merkle root.
    pub branch: Vec<Hash32>,
}

impl ChainBlock {
    /// Of a whole block (BIP 144 serialisation); the reason when these bytes are none.
    pub(super) fn of_bytes(block: &[u8]) -> Result<Self, String> {
        let header = block.first_chunk::<80>().map(Header::from_bytes).ok_or("shorter than a header")?;
        let block: Block = encode::deserialize(block).map_err(|error| error.to_string())?;
        let (coinbase, others) = block.txdata.split_first().ok_or("no transactions")?;
        let txids = others.iter().map(|transaction| BlockHash(transaction.compute_txid().to_byte_array()));
        Ok(Self { header, coinbase: without_witness(coinbase), branch: coinbase_branch(txids) })
    }
}

/// The serialisation whose hash is the txid.
pub(super) fn without_witness(transaction: &Transaction) -> Vec<u8> {
    let mut transaction = transaction.clone();
    transaction.input.iter_mut().for_each(|input| input.witness = Witness::new());
    encode::serialize(&transaction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use audit_core::{hash::sha256d, job::fold_branch};
    use bitcoin::Network;

    #[test]
    fn the_coinbase_leads_to_the_merkle_root() {
        let genesis = encode::serialize(&bitcoin::constants::genesis_block(Network::Bitcoin));
        for bytes in [genesis, fixtures::mine(fixtures::template(0x207f_ffff))] {
            let block = ChainBlock::of_bytes(&bytes).unwrap();
            assert_eq!(fold_branch(sha256d(&block.coinbase), &block.branch), block.header.merkle_root);
        }
    }

    #[test]
    fn other_bytes_are_no_block() {
        let bytes = fixtures::mine(fixtures::template(0x207f_ffff));
        for end in [0, 79, 80, 81, bytes.len() - 1] {
            assert!(ChainBlock::of_bytes(&bytes[..end]).is_err(), "{end}");
        }
    }
}

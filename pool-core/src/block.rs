//! A share that meets the network target → a block.

use audit_core::header::Header;

use crate::node::{BlockTemplate, TemplateTransactions};

/// What every block on a template has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockBody {
    has_witness_commitment: bool,
    /// Transactions behind the coinbase.
    count: u32,
    /// Their serialisations, one behind the other.
    transactions: Vec<u8>,
}

impl BlockBody {
    /// One byte for the commitment, the count.
    pub(crate) fn head_of(template: &BlockTemplate) -> [u8; 5] {
        let [c0, c1, c2, c3] = (template.transactions.txids.len() as u32).to_be_bytes();
        [u8::from(template.witness_commitment.is_some()), c0, c1, c2, c3]
    }

    pub(crate) fn of(template: &BlockTemplate) -> Self {
        let TemplateTransactions { txids, data } = &template.transactions;
        let has_witness_commitment = template.witness_commitment.is_some();
        Self { has_witness_commitment, count: txids.len() as u32, transactions: data.clone() }
    }

    /// On disk: what [`BlockBody::head_of`] gives, then the transactions.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (flag, rest) = bytes.split_first()?;
        let (count, transactions) = rest.split_first_chunk()?;
        let has_witness_commitment = matches!(flag, 1);
        let count = u32::from_be_bytes(*count);
        (*flag <= 1).then(|| Self { has_witness_commitment, count, transactions: transactions.to_vec() })
    }
}

/// The whole block (BIP 144): header, coinbase, the other transactions. `coinbase` is the non-witness serialisation; where
/// the template has a witness commitment it gets BIP 141's reserved value as its witness.
pub(crate) fn assemble(header: &Header, coinbase: &[u8], body: &BlockBody) -> Vec<u8> {
    let mut block = header.to_bytes().to_vec();
    push_compact_size(&mut block, body.count as usize + 1);
    if body.has_witness_commitment {
        push_with_witness(&mut block, coinbase);
    } else {
        block.extend(coinbase);
    }
    block.extend(&body.transactions);
    block
}

fn push_with_witness(block: &mut Vec<u8>, coinbase: &[u8]) {
    let (version, rest) = coinbase.split_at(4);
    let (inputs_and_outputs, locktime) = rest.split_at(rest.len() - 4);
    block.extend(version);
    // BIP 144: marker and flag; then, behind the outputs, one witness item of 32 zero bytes for the one input.
    block.extend([0, 1]);
    block.extend(inputs_and_outputs);
    block.extend([1, 32]);
    block.extend([0; 32]);
    block.extend(locktime);
}

/// Bitcoin's variable-length integer, for the few thousands of transactions a block can have.
fn push_compact_size(bytes: &mut Vec<u8>, size: usize) {
    match u16::try_from(size) {
        Ok(small @ 0..=0xfc) => bytes.push(small as u8),
        Ok(size) => {
            bytes.push(0xfd);
            bytes.extend(size.to_le_bytes());
        }
        Err(_) => {
            bytes.push(0xfe);
            bytes.extend((size as u32).to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use audit_core::hash::BlockHash;
    use bitcoin::{Block, Transaction, consensus::deserialize, hashes::Hash};

    fn block_of(template: BlockTemplate) -> Block {
        deserialize(&fixtures::mine(template)).unwrap()
    }

    #[test]
    fn block_has_the_right_merkle_root_witness_commitment_and_height() {
        let block = block_of(BlockTemplate { height: 500, ..fixtures::template(0x207f_ffff) });
        assert!(block.check_merkle_root());
        assert!(block.check_witness_commitment());
        assert_eq!(block.txdata[0].input[0].witness.len(), 1);
        assert_eq!(block.bip34_block_height(), Ok(500));
    }

    #[test]
    fn transactions_of_the_template_follow_the_coinbase() {
        let mut transactions = TemplateTransactions::default();
        for locktime in 1..=300u32 {
            let transaction = Transaction {
                version: bitcoin::transaction::Version::TWO,
                lock_time: bitcoin::absolute::LockTime::from_consensus(locktime),
                input: vec![bitcoin::TxIn::default()],
                output: vec![bitcoin::TxOut::NULL],
            };
            transactions.txids.push(BlockHash(transaction.compute_txid().to_byte_array()));
            transactions.data.extend(bitcoin::consensus::serialize(&transaction));
        }
        let template = BlockTemplate { transactions, witness_commitment: None, ..fixtures::template(0x207f_ffff) };
        let block = block_of(template);
        assert_eq!(block.txdata.len(), 301);
        assert!(block.check_merkle_root());
    }
}

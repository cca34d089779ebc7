use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, absolute::LockTime, consensus::serialize,
    transaction::Version,
};
use proptest::prelude::*;

use super::*;

fn coinbase(script_sig: usize, outputs: &[(u64, Vec<u8>)]) -> Transaction {
    Transaction {
        version: Version::ONE,
        lock_time: LockTime::ZERO,
        input: std::vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig: ScriptBuf::from_bytes(std::vec![1; script_sig]),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        }],
        output: outputs
            .iter()
            .map(|(value, script)| TxOut {
                value: Amount::from_sat(*value),
                script_pubkey: ScriptBuf::from_bytes(script.clone()),
            })
            .collect(),
    }
}

proptest! {
    #[test]
    fn coinbases_of_any_shape_are_read(
        script_sig in 3usize..=100,
        outputs in proptest::collection::vec((0u64..1_000_000, proptest::collection::vec(any::<u8>(), 0..300)), 1..300),
    ) {
        let bytes = serialize(&coinbase(script_sig, &outputs));
        let parsed = AnyCoinbase::parse(&bytes).unwrap();
        let found: Vec<(u64, Vec<u8>)> =
            parsed.outputs.iter().map(|output| (output.sats.get(), output.script.clone())).collect();
        prop_assert_eq!(parsed.reward.get(), outputs.iter().map(|(value, _)| value).sum::<u64>());
        prop_assert_eq!(found, outputs);
    }

    #[test]
    fn any_bytes_are_judged_and_what_is_read_is_what_the_bitcoin_crate_reads(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = serialize(&coinbase(8, &[(5, std::vec![0x51]), (0, std::vec![0x6a; 40])]));
        for (index, byte) in flips {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(parsed) = AnyCoinbase::parse(&bytes) {
            let theirs: Transaction = bitcoin::consensus::deserialize(&bytes).unwrap();
            prop_assert!(theirs.is_coinbase());
            prop_assert_eq!(parsed.outputs.len(), theirs.output.len());
        }
    }
}

#[test]
fn what_is_no_coinbase_is_refused_by_name() {
    let refused = |transaction: &Transaction| AnyCoinbase::parse(&serialize(transaction)).unwrap_err();
    let fine = coinbase(8, &[(5, std::vec![0x51])]);
    let mut spends = fine.clone();
    spends.input[0].previous_output.vout = 0;
    assert_eq!(refused(&spends), AnyCoinbaseError::Input);
    let mut two = fine.clone();
    two.input.push(two.input[0].clone());
    assert_eq!(refused(&two), AnyCoinbaseError::Input);
    assert_eq!(refused(&coinbase(1, &[(5, std::vec![0x51])])), AnyCoinbaseError::Input);
    assert_eq!(refused(&coinbase(101, &[(5, std::vec![0x51])])), AnyCoinbaseError::Input);
    let max = Sats::MAX.get();
    assert_eq!(refused(&coinbase(8, &[(max, Vec::new()), (1, Vec::new())])), AnyCoinbaseError::Reward);
    let mut with_witness = fine;
    with_witness.input[0].witness.push([0; 32]);
    assert_eq!(refused(&with_witness), TransactionError::NoInputs.into());
}

#[test]
fn anchors_are_found_whatever_their_value() {
    let anchor = [&ANCHOR_SCRIPT_PREFIX[..], &[7; 32]].concat();
    let short = [&ANCHOR_SCRIPT_PREFIX[..], &[7; 31]].concat();
    let bytes = serialize(&coinbase(8, &[(0, anchor.clone()), (0, short), (1, anchor)]));
    let found: Vec<Hash32> = AnyCoinbase::parse(&bytes).unwrap().anchors().collect();
    assert_eq!(found, [Hash32([7; 32]); 2]);
}

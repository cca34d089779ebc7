use std::vec;

use super::*;

/// Block 170 of Bitcoin: 10 and 40 BTC, the second of two transactions.
const PAYMENT: &str = "0100000001c997a5e56e104102fa209c6a852dd90660a20b2d9c352423edce25857fcd3704000000004847304402204e45e16932b8af514961a1d3a1a25fdf3f4f7732e9d624c6c61548ab5fb8cd410220181522ec8eca07de4860a4acdd12909d831cc56cbbac4622082221a8768d1d0901ffffffff0200ca9a3b00000000434104ae1a62fe09c5f51b13905f07f06b99a2f7159b2225f374cd378d71302fa28414e7aab37397f554a7df5f142c21c1b7303b8a0626f1baded5c72a704f7e6cd84cac00286bee0000000043410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac00000000";
const BLOCK: &str = "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee";
const COINBASE: &str = "b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082";

fn row(sats: u64, id: u8, vout: u32) -> PayoutRow {
    PayoutRow { sats: Sats::new(sats).unwrap(), id: Hash32([id; 32]), vout }
}

/// Output 0 pays contract 1, output 1 contracts 2 and 3, who have one owner.
fn payout() -> PayoutFile {
    let transaction = hex::decode(PAYMENT).unwrap();
    let coinbase: BlockHash = COINBASE.parse().unwrap();
    PayoutFile {
        txid: BlockHash::of(&transaction),
        transaction,
        block: Some(BLOCK.parse().unwrap()),
        index: 1,
        branch: vec![Hash32(coinbase.0)],
        outputs: vec![row(1_000_000_000, 1, 0), row(1_500_000_000, 2, 1), row(2_500_000_000, 3, 1)],
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut PayoutFile), expected: PayoutError) {
    let mut payout = payout();
    change(&mut payout);
    assert_eq!(payout.transaction(), Err(expected));
}

fn output(vout: u32, pays: u64, rows: u64) -> PayoutError {
    PayoutError::Output { vout, pays: Sats::new(pays).unwrap(), rows: Sats::new(rows).unwrap() }
}

#[test]
fn a_payout_is_the_transaction_it_says_in_the_block_it_says() {
    let payout = payout();
    assert_eq!(payout.transaction().unwrap().txid, payout.txid);
    let root: BlockHash = "7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff".parse().unwrap();
    assert_eq!(payout.merkle_root(), Some(root.0));
    assert_eq!(payout.outputs_root().unwrap().total_sats.get(), 5_000_000_000);
    assert_eq!(payout.of(&Hash32([3; 32])).unwrap().sats.get(), 2_500_000_000);
    assert_eq!(PayoutFile::from_bytes(&payout.to_bytes()), Ok(payout.clone()));
    let waiting = PayoutFile { block: None, index: 0, branch: Vec::new(), ..payout };
    assert!(waiting.transaction().is_ok());
}

#[test]
fn an_output_pays_its_rows_to_the_satoshi() {
    check(|payout| payout.outputs[0] = row(1_000_000_001, 1, 0), output(0, 1_000_000_000, 1_000_000_001));
    check(|payout| payout.outputs[1] = row(4_000_000_000, 2, 1), output(1, 4_000_000_000, 6_500_000_000));
    check(|payout| payout.outputs.truncate(2), output(1, 4_000_000_000, 1_500_000_000));
    check(|payout| payout.outputs[0] = row(1_000_000_000, 1, 2), output(2, 0, 1_000_000_000));
}

#[test]
fn another_transaction_or_place_is_refused() {
    let other = payout().txid;
    check(|payout| payout.txid = BlockHash([1; 32]), PayoutError::Txid(other));
    check(|payout| payout.transaction.truncate(274), PayoutError::Transaction(TransactionError::Malformed(271)));
    check(|payout| payout.block = None, PayoutError::Position { index: 1, branch: 1 });
    check(|payout| payout.index = 0, PayoutError::Position { index: 0, branch: 1 });
    check(|payout| payout.index = 2, PayoutError::Position { index: 2, branch: 1 });
    check(|payout| payout.branch = vec![Hash32([1; 32]); 17], PayoutError::Position { index: 1, branch: 17 });
}

#[test]
fn a_contract_is_paid_once_in_a_payout() {
    let mut payout = payout();
    payout.outputs[1].id = payout.outputs[0].id;
    assert!(matches!(payout.outputs_root(), Err(SettleError::Tree(_))));
}

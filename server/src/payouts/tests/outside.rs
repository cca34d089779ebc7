//! Signing elsewhere, approving, giving up.

use super::*;

/// The same wallet without its private key.
pub(super) fn cold() -> PayoutSettings {
    let text = PAYOUT_DESCRIPTOR;
    let secp = bitcoin::secp256k1::Secp256k1::new();
    let (public, _) = miniscript::Descriptor::parse_descriptor(&secp, text).unwrap();
    let keys = PayoutKeys::parse(&public.to_string(), Script::from_bytes(&payout_script())).unwrap();
    PayoutSettings { keys, ..settings() }
}

/// What somebody with the key makes of a PSBT.
fn sign_elsewhere(psbt: &[u8]) -> Vec<u8> {
    let secp = bitcoin::secp256k1::Secp256k1::new();
    let (_, keys) = miniscript::Descriptor::parse_descriptor(&secp, PAYOUT_DESCRIPTOR).unwrap();
    let mut psbt = Psbt::deserialize(psbt).unwrap();
    psbt.sign(&miniscript::descriptor::KeyMapWrapper::from(keys), &secp).unwrap();
    psbt.serialize()
}

#[tokio::test]
async fn a_payout_signed_elsewhere_is_paid() {
    on_each_database(async || {
        let mut paying = Paying::with(cold()).await;
        paying.round().await;
        assert_eq!(paying.states().await, [State::Planned]);
        let handed_out = paying.payouts.hand_out(1).await.unwrap();
        paying.payouts.take_in(1, &sign_elsewhere(&handed_out.psbt)).await.unwrap();
        paying.finish().await;
        paying.check_all_paid().await;
    })
    .await;
}

#[tokio::test]
async fn a_signature_that_nobody_asked_for_is_refused() {
    let mut paying = Paying::with(cold()).await;
    paying.round().await;
    let attempt = payouts::attempts(paying.fixture.log.database.pool(), 1).await.unwrap().remove(0);
    let taken = paying.payouts.take_in(1, &sign_elsewhere(&attempt.psbt)).await;
    assert!(matches!(taken, Err(Refused::State(_))), "{taken:?}");
    assert_eq!(paying.states().await, [State::Planned]);
}

#[tokio::test]
async fn unsigned_and_altered_psbts_are_refused() {
    let mut paying = Paying::with(cold()).await;
    paying.round().await;
    let handed_out = paying.payouts.hand_out(1).await.unwrap();
    let unsigned = paying.payouts.take_in(1, &handed_out.psbt).await;
    assert!(matches!(unsigned, Err(Refused::Signatures(KeyError::Unsigned(_)))));
    let mut altered = Psbt::deserialize(&handed_out.psbt).unwrap();
    altered.unsigned_tx.output[0].value = bitcoin::Amount::from_sat(1);
    let altered = paying.payouts.take_in(1, &sign_elsewhere(&altered.serialize())).await;
    assert!(matches!(altered, Err(Refused::Signatures(KeyError::OtherTransaction(_)))));
    let mut forged = Psbt::deserialize(&sign_elsewhere(&handed_out.psbt)).unwrap();
    for signature in forged.inputs[0].partial_sigs.values_mut() {
        let mut bytes = signature.signature.serialize_compact();
        bytes[40] ^= 1;
        signature.signature = bitcoin::secp256k1::ecdsa::Signature::from_compact(&bytes).unwrap();
    }
    assert!(matches!(paying.payouts.take_in(1, &forged.serialize()).await, Err(Refused::Signatures(_))));
    assert_eq!(paying.states().await, [State::Planned]);
}

#[tokio::test]
async fn a_payout_that_was_broadcast_by_its_signer_is_found() {
    let mut paying = Paying::with(cold()).await;
    paying.round().await;
    let handed_out = paying.payouts.hand_out(1).await.unwrap();
    let signed = Psbt::deserialize(&sign_elsewhere(&handed_out.psbt)).unwrap();
    let transaction = settings().keys.combine(Psbt::deserialize(&handed_out.psbt).unwrap(), signed).unwrap();
    paying.fixture.node.broadcast(&bitcoin::consensus::encode::serialize(&transaction)).await.unwrap();
    paying.finish().await;
    paying.check_all_paid().await;
}

#[tokio::test]
async fn a_payout_above_the_limit_waits_for_a_second_person() {
    let mut paying = Paying::with(PayoutSettings { approval_above: Some(sats(1)), ..settings() }).await;
    paying.round().await;
    assert_eq!(paying.states().await, [State::Planned]);
    assert!(matches!(paying.payouts.hand_out(1).await, Err(Refused::State(_))));
    paying.payouts.approve(1).await.unwrap();
    assert!(matches!(paying.payouts.approve(1).await, Err(Refused::State(_))));
    assert!(matches!(paying.payouts.approve(2).await, Err(Refused::Unknown)));
    paying.finish().await;
    paying.check_all_paid().await;
}

#[tokio::test]
async fn a_cancelled_payout_is_owed_and_paid_again() {
    let mut paying = Paying::with(cold()).await;
    paying.round().await;
    paying.payouts.cancel(1).await.unwrap();
    let contract_id: Hash32 = paying.contracts[0].contract_id;
    let owed = ledger::balance_of(paying.fixture.log.database.pool(), &Account::Credits { contract_id }).await.unwrap();
    assert!(owed < 0);
    paying.memory = Memory::default();
    paying.round().await;
    assert_eq!(paying.states().await, [State::Cancelled, State::Planned]);
    let handed_out = paying.payouts.hand_out(2).await.unwrap();
    assert!(matches!(paying.payouts.cancel(2).await, Err(Refused::State(_))), "it may be signed by now");
    paying.payouts.take_in(2, &sign_elsewhere(&handed_out.psbt)).await.unwrap();
    paying.finish().await;
    paying.check_all_paid().await;
}

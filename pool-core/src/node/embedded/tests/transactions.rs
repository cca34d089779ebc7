//! Transactions on the embedded chain: what it carries, and what it refuses.

use bitcoin::{
    CompressedPublicKey, EcdsaSighashType, PrivateKey, Sequence, TxIn, Witness,
    absolute::LockTime,
    secp256k1::{Message, SecretKey},
    sighash::SighashCache,
    transaction::Version,
};

use super::*;

/// One person with one key, who owns the endowment.
struct Payer {
    chain: EmbeddedChain,
    _folder: tempfile::TempDir,
}

fn key() -> PrivateKey {
    PrivateKey::new(SecretKey::from_slice(&[7; 32]).unwrap(), bitcoin::Network::Regtest)
}

fn own_script() -> ScriptBuf {
    let public = CompressedPublicKey::from_private_key(&Secp256k1::new(), &key()).unwrap();
    ScriptBuf::new_p2wpkh(&public.wpubkey_hash())
}

fn endowment() -> (OutPoint, Amount) {
    (OutPoint { txid: Txid::from_byte_array(sha256d(ENDOWMENT_NAME)), vout: 0 }, ENDOWMENT)
}

/// Spends a coin of the payer to itself.
fn unsigned(outpoint: OutPoint, value: Amount, fee: u64) -> Transaction {
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn { previous_output: outpoint, sequence: Sequence::ENABLE_RBF_NO_LOCKTIME, ..TxIn::default() }],
        output: vec![TxOut { value: value - Amount::from_sat(fee), script_pubkey: own_script() }],
    }
}

fn sign(mut transaction: Transaction, value: Amount) -> Transaction {
    let secp = Secp256k1::new();
    let (own_script, all) = (own_script(), EcdsaSighashType::All);
    let hash = SighashCache::new(&transaction).p2wpkh_signature_hash(0, &own_script, value, all).unwrap();
    let signature = bitcoin::ecdsa::Signature {
        signature: secp.sign_ecdsa(&Message::from_digest(hash.to_byte_array()), &key().inner),
        sighash_type: all,
    };
    transaction.input[0].witness = Witness::p2wpkh(&signature, &key().public_key(&secp).inner);
    transaction
}

fn spend(outpoint: OutPoint, value: Amount, fee: u64) -> Transaction {
    sign(unsigned(outpoint, value, fee), value)
}

fn change_of(transaction: &Transaction) -> (OutPoint, Amount) {
    (OutPoint { txid: transaction.compute_txid(), vout: 0 }, transaction.output[0].value)
}

impl Payer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chain = open(folder.path());
        Self { chain, _folder: folder }
    }

    /// `accepted`, or the reason of the refusal.
    async fn hand_in(&self, transaction: &Transaction) -> String {
        match self.chain.broadcast(&serialize(transaction)).await {
            Ok(txid) => {
                assert_eq!(txid.0, transaction.compute_txid().to_byte_array());
                "accepted".into()
            }
            Err(NodeError::Refused { message, .. }) => message,
            Err(error) => error.to_string(),
        }
    }

    async fn waiting(&self) -> Vec<BlockHash> {
        self.chain.mempool().await.unwrap()
    }
}

fn open(folder: &Path) -> EmbeddedChain {
    let endowment = Some(own_script().to_bytes());
    EmbeddedChain::open(folder, EmbeddedConfig { endowment, ..easy() }).unwrap()
}

fn id(transaction: &Transaction) -> BlockHash {
    BlockHash(transaction.compute_txid().to_byte_array())
}

#[tokio::test]
async fn a_payment_waits_is_mined_with_its_fee_and_can_be_spent_on() {
    let payer = Payer::new();
    let (outpoint, value) = endowment();
    let payment = spend(outpoint, value, 1_000);
    assert_eq!(payer.hand_in(&payment).await, "accepted");
    assert_eq!(payer.hand_in(&payment).await, "accepted", "again changes nothing");
    let (change, rest) = change_of(&payment);
    let child = spend(change, rest, 500);
    assert_eq!(payer.hand_in(&child).await, "accepted");
    assert_eq!(payer.waiting().await, [id(&payment), id(&child)]);
    assert_eq!(payer.chain.mempool_transaction(&id(&child)).await.unwrap(), Some(serialize(&child)));

    let template = payer.chain.template(None).await.unwrap();
    assert_eq!(template.coinbase_value.get(), subsidy(1).get() + 1_500);
    let raw = mine(&payer.chain).await;
    let block: Block = deserialize(&raw).unwrap();
    assert_eq!(block.txdata[1..], [payment.clone(), child]);
    assert_eq!(payer.chain.raw_block(&payer.chain.tip().await.unwrap().hash).await.unwrap(), Some(raw));
    assert!(payer.waiting().await.is_empty());
    assert_eq!(payer.hand_in(&payment).await, "bad-txns-inputs-missingorspent");
}

#[tokio::test]
async fn a_confirmed_transaction_is_handed_in_again_with_success() {
    let payer = Payer::new();
    let (outpoint, value) = endowment();
    let payment = spend(outpoint, value, 1_000);
    payer.hand_in(&payment).await;
    mine(&payer.chain).await;
    assert_eq!(payer.hand_in(&payment).await, "accepted");
    assert!(payer.waiting().await.is_empty());
}

#[tokio::test]
async fn coins_and_waiting_transactions_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let chain = open(folder.path());
    let (outpoint, value) = endowment();
    let first = spend(outpoint, value, 1_000);
    chain.broadcast(&serialize(&first)).await.unwrap();
    mine(&chain).await;
    let (change, rest) = change_of(&first);
    let second = spend(change, rest, 1_000);
    chain.broadcast(&serialize(&second)).await.unwrap();
    drop(chain);
    let chain = open(folder.path());
    assert_eq!(chain.mempool().await.unwrap(), [id(&second)]);
    assert!(chain.broadcast(&serialize(&spend(outpoint, value, 9_000))).await.is_err(), "the endowment is spent");
    mine(&chain).await;
    assert!(chain.mempool().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_transaction_that_breaks_a_rule_is_refused_by_name() {
    let payer = Payer::new();
    let (outpoint, value) = endowment();
    let check = async |change: fn(&mut Transaction), reason: &str| {
        let mut transaction = unsigned(outpoint, value, 1_000);
        change(&mut transaction);
        assert_eq!(payer.hand_in(&sign(transaction, value)).await, reason);
    };
    check(|it| it.output.clear(), "bad-txns-vout-empty").await;
    check(|it| it.input.push(it.input[0].clone()), "bad-txns-inputs-duplicate").await;
    check(|it| it.input[0].previous_output.vout = 1, "bad-txns-inputs-missingorspent").await;
    check(|it| it.output[0].value = ENDOWMENT + Amount::ONE_SAT, "bad-txns-in-belowout").await;
    check(|it| it.output[0].value = Amount::MAX_MONEY + Amount::ONE_SAT, "bad-txns-txouttotal-toolarge").await;
    check(|it| it.output[0].value = ENDOWMENT, "min relay fee not met").await;
    check(|it| it.output[0].value = Amount::from_sat(293), "dust").await;
    check(|it| it.lock_time = LockTime::from_consensus(1), "non-final").await;
    check(|it| it.input[0].sequence = Sequence::from_height(2), "non-BIP68-final").await;
    check(|it| it.output[0].script_pubkey = vec![0x51; 100_001].into(), "tx-size").await;
    assert!(payer.waiting().await.is_empty());
    assert!(payer.chain.broadcast(&[0; 5]).await.is_err());
}

#[tokio::test]
async fn a_wrong_signature_is_refused_before_and_in_a_block() {
    let payer = Payer::new();
    let (outpoint, value) = endowment();
    let mut stolen = spend(outpoint, value, 1_000);
    stolen.output[0].value -= Amount::ONE_SAT;
    assert_eq!(payer.hand_in(&stolen).await, "mandatory-script-verify-flag-failed");
    let mut template = payer.chain.template(None).await.unwrap();
    let root = merkle_tree::calculate_root([Wtxid::all_zeros(), stolen.compute_wtxid()].into_iter()).unwrap();
    template.witness_commitment = Some(sha256d(&[root.to_byte_array(), [0; 32]].concat()));
    template.transactions = TemplateTransactions { txids: vec![id(&stolen)], data: serialize(&stolen) };
    let submitted = payer.chain.submit_block(&fixtures::mine(template)).await.unwrap();
    assert_eq!(submitted, Submitted::Rejected("mandatory-script-verify-flag-failed".into()));
}

#[tokio::test]
async fn a_coinbase_can_be_spent_after_a_hundred_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let chain = EmbeddedChain::open(folder.path(), easy()).unwrap();
    let mut template = chain.template(None).await.unwrap();
    template.transactions = TemplateTransactions::default();
    let raw = fixtures::mine_to(template, &own_script().to_bytes());
    assert_eq!(chain.submit_block(&raw).await.unwrap(), Submitted::Accepted);
    let coinbase = &deserialize::<Block>(&raw).unwrap().txdata[0];
    let vout = coinbase.output.iter().position(|output| output.value > Amount::ZERO).unwrap();
    let (outpoint, value) =
        (OutPoint { txid: coinbase.compute_txid(), vout: vout as u32 }, coinbase.output[vout].value);
    let spending = serialize(&spend(outpoint, value, 1_000));
    for _ in 0..98 {
        mine(&chain).await;
    }
    assert!(chain.broadcast(&spending).await.unwrap_err().to_string().contains("premature-spend"));
    mine(&chain).await;
    chain.broadcast(&spending).await.unwrap();
}

#[tokio::test]
async fn a_replacement_must_pay_for_all_that_it_replaces() {
    let payer = Payer::new();
    let (outpoint, value) = endowment();
    let first = spend(outpoint, value, 1_000);
    payer.hand_in(&first).await;
    let (change, rest) = change_of(&first);
    payer.hand_in(&spend(change, rest, 1_000)).await;
    assert_eq!(payer.hand_in(&spend(outpoint, value, 2_050)).await, "insufficient fee");
    let second = spend(outpoint, value, 2_200);
    assert_eq!(payer.hand_in(&second).await, "accepted");
    assert_eq!(payer.waiting().await, [id(&second)]);
    let template = payer.chain.template(None).await.unwrap();
    assert_eq!(template.transactions.txids.len(), 1);
}

#[tokio::test]
async fn a_new_transaction_ends_a_long_poll() {
    let payer = Payer::new();
    let (outpoint, value) = endowment();
    let empty = payer.chain.template(None).await.unwrap();
    let payment = spend(outpoint, value, 1_000);
    let (template, _) = tokio::join!(payer.chain.template(Some(&empty.longpoll_id)), payer.hand_in(&payment));
    assert_eq!(template.unwrap().transactions.txids.len(), 1);
}

#[tokio::test]
async fn a_block_that_confirms_a_conflict_drops_what_waits_and_its_children() {
    let payer = Payer::new();
    let (outpoint, value) = endowment();
    let other = spend(outpoint, value, 5_000);
    payer.hand_in(&other).await;
    let block = fixtures::mine(payer.chain.template(None).await.unwrap());
    let replacement = spend(outpoint, value, 50_000);
    payer.hand_in(&replacement).await;
    let (change, rest) = change_of(&replacement);
    payer.hand_in(&spend(change, rest, 1_000)).await;
    assert_eq!(payer.waiting().await.len(), 2);
    assert_eq!(payer.chain.submit_block(&block).await.unwrap(), Submitted::Accepted);
    assert!(payer.waiting().await.is_empty());
}

use std::sync::Arc;

use bdk_wallet::bitcoin::Network;

use super::fixture::TestChain;
use super::*;

/// Public key of BIP 32's first test vector, as regtest writes it.
const XPUB: &str =
    "tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp";

/// A wallet on a chain of its own, in a database of its own.
struct Watched {
    database: Database,
    chain: Arc<TestChain>,
    wallet: Wallet,
    _folder: tempfile::TempDir,
}

fn config(birthday: u32, lookahead: u32) -> WalletConfig {
    let descriptors = Descriptors::watch_only(&format!("wpkh({XPUB}/0/*)"), Network::Regtest).unwrap();
    WalletConfig { name: "receive", descriptors, network: Network::Regtest, birthday: Some(birthday), lookahead }
}

async fn open(database: &Database, chain: &Arc<TestChain>, config: WalletConfig) -> Wallet {
    Wallet::open(database.clone(), Arc::clone(chain) as Arc<dyn Node>, config).await.unwrap()
}

impl Watched {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("wallet.sqlite").display());
        let database = Database::open(&url).await.unwrap();
        let chain = Arc::new(TestChain::new());
        let wallet = open(&database, &chain, config(0, 25)).await;
        Self { database, chain, wallet, _folder: folder }
    }

    async fn restart(&mut self) {
        self.wallet = open(&self.database, &self.chain, config(0, 25)).await;
    }

    async fn script(&self, index: u32) -> ScriptBuf {
        self.wallet.address(index).await.unwrap().script_pubkey()
    }

    async fn position_of(&self, transaction: &Transaction) -> Position {
        self.wallet.sync().await.unwrap();
        self.wallet.position(&transaction.compute_txid()).await
    }

    async fn confirmations_of(&self, transaction: &Transaction) -> u32 {
        match self.position_of(transaction).await {
            Position::Confirmed { confirmations, .. } => confirmations,
            Position::Waiting | Position::Gone => 0,
        }
    }
}

#[tokio::test]
async fn a_payment_is_seen_confirmed_and_known_after_a_restart() {
    let mut watched = Watched::new().await;
    let script = watched.script(3).await;
    let payment = watched.chain.pay(&script, 5_000);
    assert_eq!(watched.position_of(&payment).await, Position::Waiting);
    watched.restart().await;
    assert_eq!(watched.position_of(&payment).await, Position::Waiting);
    watched.chain.mine(3);
    assert_eq!(watched.confirmations_of(&payment).await, 3);
    watched.restart().await;
    let coins = watched.wallet.coins().await;
    assert_eq!((coins.len(), coins[0].index, coins[0].value.get()), (1, 3, 5_000));
    assert_eq!(watched.confirmations_of(&payment).await, 3);
}

#[tokio::test]
async fn a_replaced_payment_is_gone_and_its_replacement_waits() {
    let watched = Watched::new().await;
    let script = watched.script(0).await;
    let first = watched.chain.pay(&script, 5_000);
    watched.position_of(&first).await;
    let second = watched.chain.replace(&first, &watched.script(1).await, 4_000);
    let events = watched.wallet.sync().await.unwrap();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, WalletEvent::TxReplaced { txid, .. } if *txid == first.compute_txid()))
    );
    assert_eq!(watched.position_of(&first).await, Position::Gone);
    assert_eq!(watched.position_of(&second).await, Position::Waiting);
}

#[tokio::test]
async fn a_payment_that_is_replaced_while_the_wallet_is_closed_is_gone() {
    let mut watched = Watched::new().await;
    let script = watched.script(0).await;
    for _ in 0..5 {
        let earlier = watched.chain.pay(&script, 1_000);
        assert_eq!(watched.position_of(&earlier).await, Position::Waiting);
    }
    let first = watched.chain.pay(&script, 5_000);
    assert_eq!(watched.position_of(&first).await, Position::Waiting);
    let second = watched.chain.replace(&first, &script, 4_000);
    watched.restart().await;
    assert_eq!(watched.position_of(&second).await, Position::Waiting);
    assert_eq!(watched.position_of(&first).await, Position::Gone);
}

#[tokio::test]
async fn a_payment_that_is_replaced_by_one_to_others_is_gone() {
    let watched = Watched::new().await;
    let first = watched.chain.pay(&watched.script(0).await, 5_000);
    watched.position_of(&first).await;
    watched.chain.replace(&first, &ScriptBuf::from_bytes(vec![0x51]), 4_000);
    assert_eq!(watched.position_of(&first).await, Position::Gone);
    watched.chain.mine(1);
    assert_eq!(watched.position_of(&first).await, Position::Gone);
}

#[tokio::test]
async fn a_dropped_payment_is_gone_until_it_is_handed_in_again() {
    let watched = Watched::new().await;
    let payment = watched.chain.pay(&watched.script(0).await, 5_000);
    watched.position_of(&payment).await;
    watched.chain.drop_mempool();
    assert_eq!(watched.position_of(&payment).await, Position::Gone);
    watched.chain.add_waiting(payment.clone());
    assert_eq!(watched.position_of(&payment).await, Position::Waiting);
}

#[tokio::test]
async fn reorganisations_of_one_to_six_blocks_unconfirm_and_confirm_again() {
    let watched = Watched::new().await;
    watched.chain.mine(10);
    for depth in 1..=6 {
        let payment = watched.chain.pay(&watched.script(depth).await, 5_000);
        watched.chain.mine(depth as usize);
        assert_eq!(watched.confirmations_of(&payment).await, depth);
        watched.chain.reorganise(depth as usize);
        assert_eq!(watched.position_of(&payment).await, Position::Waiting);
        watched.chain.mine(2);
        assert_eq!(watched.confirmations_of(&payment).await, 2);
        assert_eq!(watched.wallet.tip().await.0, watched.chain.height());
    }
    assert_eq!(watched.wallet.coins().await.len(), 6);
}

#[tokio::test]
async fn a_chain_that_only_got_shorter_is_known_by_its_tip_and_followed_once_it_grows() {
    let watched = Watched::new().await;
    watched.chain.mine(5);
    let payment = watched.chain.pay(&watched.script(0).await, 5_000);
    watched.chain.mine(2);
    assert_eq!(watched.confirmations_of(&payment).await, 2);
    watched.chain.shorten(2);
    watched.wallet.sync().await.unwrap();
    assert_ne!(watched.wallet.tip().await.0, watched.chain.height());
    watched.chain.drop_mempool();
    watched.chain.mine(1);
    assert_eq!(watched.position_of(&payment).await, Position::Gone);
    assert_eq!(watched.wallet.tip().await.0, watched.chain.height());
}

#[tokio::test]
async fn payments_within_the_lookahead_are_found_and_an_earlier_birthday_reads_again() {
    let watched = Watched::new().await;
    let scripts = (watched.script(20).await, watched.script(60).await);
    let payments = (watched.chain.pay(&scripts.0, 1_000), watched.chain.pay(&scripts.1, 2_000));
    watched.chain.mine(120);
    let fresh = Watched::new().await;
    let opened = async |birthday, lookahead| {
        let wallet = open(&fresh.database, &watched.chain, config(birthday, lookahead)).await;
        wallet.sync().await.unwrap();
        let is_known = async |payment: &Transaction| wallet.position(&payment.compute_txid()).await != Position::Gone;
        (is_known(&payments.0).await, is_known(&payments.1).await)
    };
    assert_eq!(opened(100, 25).await, (false, false), "the birthday is after both");
    assert_eq!(opened(1, 25).await, (true, false), "the second is behind the lookahead");
    let wide = Watched::new().await;
    let wallet = open(&wide.database, &watched.chain, config(1, 100)).await;
    wallet.sync().await.unwrap();
    assert_eq!(wallet.coins().await.len(), 2);
}

#[tokio::test]
async fn what_is_remembered_keeps_its_inputs_even_when_it_was_dropped() {
    let mut watched = Watched::new().await;
    let funding = watched.chain.pay(&watched.script(0).await, 100_000);
    watched.chain.mine(1);
    watched.wallet.sync().await.unwrap();
    let outpoint = OutPoint { txid: funding.compute_txid(), vout: 0 };
    let spending = watched.chain.replace(&funding, &ScriptBuf::from_bytes(vec![0x51]), 90_000);
    let spending = Transaction {
        input: vec![bitcoin::TxIn { previous_output: outpoint, ..spending.input[0].clone() }],
        ..spending
    };
    watched.chain.drop_mempool();
    watched.wallet.remember(spending.clone()).await.unwrap();
    watched.wallet.sync().await.unwrap();
    assert_eq!(watched.wallet.position(&spending.compute_txid()).await, Position::Gone);
    watched.restart().await;
    let build = |wallet: &mut bdk_wallet::Wallet| {
        let mut builder = wallet.build_tx();
        builder.add_recipient(ScriptBuf::from_bytes(vec![0x51]), bitcoin::Amount::from_sat(50_000));
        builder.finish().is_ok()
    };
    assert!(!watched.wallet.change(build).await.unwrap(), "its only coin is locked");
}

#[tokio::test]
async fn stored_changes_of_another_chain_are_refused() {
    let watched = Watched::new().await;
    let other: Arc<dyn Node> = Arc::new(
        pool_core::node::EmbeddedChain::open(
            watched._folder.path(),
            pool_core::node::EmbeddedConfig { nbits: audit_core::work::Nbits::new(0x1e03_ffff), endowment: None },
        )
        .unwrap(),
    );
    let refused = Wallet::open(watched.database.clone(), other, config(0, 25)).await.unwrap_err();
    assert!(matches!(refused, WalletError::Load { .. }), "{refused}");
}

#[test]
fn descriptors_are_public_of_the_network_and_have_a_wildcard() {
    let refused = |text: &str, network| Descriptors::watch_only(text, network).unwrap_err().to_string();
    assert!(refused(&format!("wpkh({XPUB}/0/*)"), Network::Bitcoin).contains("network"));
    assert!(refused(&format!("wpkh({XPUB}/0/1)"), Network::Regtest).contains("wildcard"));
    assert!(refused("wpkh(nothing)", Network::Regtest).contains("can't be read"));
    let secret = "tprv8ZgxMBicQKsPeDgjzdC36fs6bMjGApWDNLR9erAXMs5skhMv36j9MV5ecvfavji5khqjWaWSFhN3YcCUUdiKH6isR4Pwy3U5y5egddBr16m";
    let error = refused(&format!("wpkh({secret}/0/*)"), Network::Regtest);
    assert!(error.contains("private") && !error.contains("tprv"), "{error}");
    let both = Descriptors::watch_only(&format!("tr({XPUB}/<0;1>/*)"), Network::Regtest).unwrap();
    assert_eq!(both.change_keychain(), KeychainKind::Internal);
    let (public, keys) = Descriptors::with_keys(&format!("wpkh({secret}/0/*)"), Network::Regtest).unwrap();
    assert_eq!(
        (keys.len(), public),
        (1, Descriptors::watch_only(&format!("wpkh({XPUB}/0/*)"), Network::Regtest).unwrap())
    );
}

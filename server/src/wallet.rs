//! Wallets on `bdk_wallet`: which coins on the chain are ours, and what happens to them.
//!
//! In scope: opening by descriptors, learning from the node (`sync`), keeping what was learnt in our database. Out of
//! scope: keys (whoever signs has them), what a payment is for (`payments`), what is paid out (`payouts`).
//!
//! Contract: what [`Wallet::sync`] learns is stored before it returns. A crash in between repeats the reading; nothing
//! depends on an event being delivered, since [`Wallet::position`] and [`Wallet::coins`] always tell the present state.

mod descriptor;
#[cfg(test)]
pub(crate) mod fixture;
mod mempool;
mod sync;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use audit_core::hash::BlockHash;
use audit_core::work::Sats;
use bdk_wallet::bitcoin::hashes::Hash as _;
use bdk_wallet::bitcoin::{Address, Network, OutPoint, ScriptBuf, Transaction, Txid};
use bdk_wallet::chain::local_chain::CannotConnectError;
use bdk_wallet::chain::{ChainPosition, ConfirmationBlockTime, Merge as _};
use bdk_wallet::{Balance, ChangeSet, KeychainKind, LoadParams};
use pool_core::node::{Node, NodeError};
use thiserror::Error;
use tokio::sync::Mutex;

use crate::clock::now_ms;
use crate::db::{Database, DbError, wallets};

pub use bdk_wallet::WalletEvent;
pub use descriptor::Descriptors;

use mempool::SeenMempool;

/// What a wallet is opened with.
#[derive(Clone, Debug)]
pub struct WalletConfig {
    /// Names its rows in the database.
    pub name: &'static str,
    pub descriptors: Descriptors,
    pub network: Network,
    /// First block to read. Another one than before reads the chain again from there; `None` goes on with what was read
    /// before, or begins at the node's best block.
    pub birthday: Option<u32>,
    /// How many addresses behind the last one that was given out are watched too: what a restored backup may not know.
    pub lookahead: u32,
}

/// An open wallet. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Wallet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: WalletConfig,
    birthday: u32,
    scan: String,
    database: Database,
    node: Arc<dyn Node>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    wallet: bdk_wallet::Wallet,
    mempool: SeenMempool,
}

/// Where a transaction of ours stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// In a block of the best chain; the newest block has one confirmation.
    Confirmed { height: u32, block: BlockHash, confirmations: u32 },
    /// In the mempool.
    Waiting,
    /// Neither: unknown, replaced, or dropped.
    Gone,
}

/// An output of ours on the best chain or in the mempool, spent or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coin {
    pub outpoint: OutPoint,
    pub value: Sats,
    pub script: ScriptBuf,
    pub keychain: KeychainKind,
    /// Number of its address.
    pub index: u32,
    pub position: Position,
    pub is_spent: bool,
}

/// Why a wallet could not be opened, or not learn.
#[derive(Debug, Error)]
pub enum WalletError {
    #[error("descriptor: {0}")]
    Descriptor(String),
    #[error("wallet {name}: {reason}")]
    Load { name: &'static str, reason: String },
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("the node's chain changed while it was read")]
    Moved,
    #[error("the node gave bytes that are no {0}")]
    Malformed(&'static str),
}

impl Wallet {
    /// Opens a wallet, new or as it is stored.
    ///
    /// # Errors
    /// The node does not tell its genesis block, or what is stored is of other descriptors, network or chain.
    pub async fn open(database: Database, node: Arc<dyn Node>, config: WalletConfig) -> Result<Self, WalletError> {
        let birthday = birthday(&database, &*node, &config).await?;
        let scan = scan_of(&config.descriptors, birthday);
        let genesis = node.block_hash_at(0).await?.ok_or(WalletError::Malformed("genesis block"))?;
        let stored = stored(&database, config.name, &scan).await?;
        let wallet = match stored {
            Some(changes) => load(&config, genesis, changes)?,
            None => create(&config, genesis)?,
        };
        let state = Mutex::new(State { mempool: SeenMempool::after(&wallet), wallet });
        let opened = Self(Arc::new(Inner { config, birthday, scan, database, node, state }));
        opened.store(&mut *opened.0.state.lock().await).await?;
        Ok(opened)
    }

    /// Reads what the node has that this wallet has not: blocks, then the mempool. Returns what that changed.
    ///
    /// # Errors
    /// The node or the database; what was read before stays.
    pub async fn sync(&self) -> Result<Vec<WalletEvent>, WalletError> {
        sync::sync(self).await
    }

    /// The receiving address of a number. Watched from now on.
    pub async fn address(&self, index: u32) -> Result<Address, WalletError> {
        let mut state = self.0.state.lock().await;
        let _ = state.wallet.reveal_addresses_to(KeychainKind::External, index);
        self.store(&mut state).await?;
        Ok(state.wallet.peek_address(KeychainKind::External, index).address)
    }

    /// The first receiving address that was never given out.
    pub async fn next_address(&self) -> Result<(u32, Address), WalletError> {
        self.change(|wallet| {
            let info = wallet.reveal_next_address(KeychainKind::External);
            (info.index, info.address)
        })
        .await
    }

    /// Every output of ours that is confirmed or waits, in order of outpoint.
    pub async fn coins(&self) -> Vec<Coin> {
        let state = self.0.state.lock().await;
        let tip = state.wallet.latest_checkpoint().height();
        let mut coins: Vec<Coin> = state.wallet.list_output().map(|output| coin(output, tip)).collect();
        coins.sort_by_key(|coin| coin.outpoint);
        coins
    }

    /// What can be spent, could be later, or is on its way.
    pub async fn balance(&self) -> Balance {
        self.0.state.lock().await.wallet.balance()
    }

    /// Where a transaction stands that pays us or spends from us.
    pub async fn position(&self, txid: &Txid) -> Position {
        let state = self.0.state.lock().await;
        let tip = state.wallet.latest_checkpoint().height();
        state.wallet.get_tx(*txid).map_or(Position::Gone, |found| position(&found.chain_position, tip))
    }

    /// Whether the newest block that was read is the node's best. Not so while the node has fewer blocks than before.
    ///
    /// # Errors
    /// The node does not answer.
    pub async fn is_current(&self) -> Result<bool, WalletError> {
        Ok(self.0.node.tip().await?.hash == self.tip().await.1)
    }

    /// Height and hash of the newest block that was read.
    pub async fn tip(&self) -> (u32, BlockHash) {
        let tip = self.0.state.lock().await.wallet.latest_checkpoint().block_id();
        (tip.height, BlockHash(tip.hash.to_byte_array()))
    }

    /// Takes in a transaction of ours that the node may not have yet, and keeps its inputs from being chosen again, also
    /// after it has been dropped from the mempool. Stored on return, so that it can be broadcast then.
    pub async fn remember(&self, transaction: Transaction) -> Result<(), WalletError> {
        let inputs: Vec<OutPoint> = transaction.input.iter().map(|input| input.previous_output).collect();
        let mut state = self.0.state.lock().await;
        let seen = state.mempool.next_stamp(now_ms() / 1_000);
        state.wallet.apply_unconfirmed_txs([(transaction, seen)]);
        inputs.into_iter().for_each(|input| state.wallet.lock_outpoint(input));
        self.store(&mut state).await
    }

    /// Reads from bdk's wallet.
    pub async fn read<T>(&self, read: impl FnOnce(&bdk_wallet::Wallet) -> T) -> T {
        read(&self.0.state.lock().await.wallet)
    }

    /// Changes bdk's wallet, for example by building a transaction; the change is stored on return.
    pub async fn change<T>(&self, change: impl FnOnce(&mut bdk_wallet::Wallet) -> T) -> Result<T, WalletError> {
        let mut state = self.0.state.lock().await;
        let changed = change(&mut state.wallet);
        self.store(&mut state).await?;
        Ok(changed)
    }

    /// Its descriptors.
    pub fn descriptors(&self) -> &Descriptors {
        &self.0.config.descriptors
    }

    /// Stores what is staged. When that fails it stays staged, and is stored with the next change.
    async fn store(&self, state: &mut State) -> Result<(), WalletError> {
        let Some(staged) = state.wallet.staged() else { return Ok(()) };
        let change = serde_json::to_string(staged).map_err(|error| self.failed(&error))?;
        wallets::add_change(self.0.database.pool(), self.0.config.name, &self.0.scan, &change).await?;
        let _ = state.wallet.take_staged();
        Ok(())
    }

    fn failed(&self, reason: &impl ToString) -> WalletError {
        WalletError::Load { name: self.0.config.name, reason: reason.to_string() }
    }
}

impl From<CannotConnectError> for WalletError {
    fn from(_: CannotConnectError) -> Self {
        Self::Moved
    }
}

/// Names a scan: the descriptors, then the first block.
fn scan_of(descriptors: &Descriptors, birthday: u32) -> String {
    format!("{}/{birthday}", descriptors.id())
}

/// The first block to read: as configured, else as in the scan that reaches back furthest, else the node's best.
async fn birthday(database: &Database, node: &dyn Node, config: &WalletConfig) -> Result<u32, WalletError> {
    if let Some(birthday) = config.birthday {
        return Ok(birthday);
    }
    let scans = wallets::scans(database.pool(), config.name).await?;
    let id = config.descriptors.id();
    let of_these = |scan: &String| scan.strip_prefix(&id)?.strip_prefix('/')?.parse().ok();
    match scans.iter().filter_map(of_these).min() {
        Some(birthday) => Ok(birthday),
        None => Ok(node.tip().await?.height),
    }
}

/// `None` when nothing is stored of this scan.
async fn stored(database: &Database, name: &'static str, scan: &str) -> Result<Option<ChangeSet>, WalletError> {
    let mut sum: Option<ChangeSet> = None;
    for change in wallets::changes(database.pool(), name, scan).await? {
        let unreadable =
            |error: serde_json::Error| WalletError::Load { name, reason: format!("stored change: {error}") };
        let change: ChangeSet = serde_json::from_str(&change).map_err(unreadable)?;
        sum.get_or_insert_default().merge(change);
    }
    Ok(sum)
}

fn create(config: &WalletConfig, genesis: BlockHash) -> Result<bdk_wallet::Wallet, WalletError> {
    let Descriptors { receive, change } = config.descriptors.clone();
    let params = match change {
        Some(change) => bdk_wallet::Wallet::create(receive, change),
        None => bdk_wallet::Wallet::create_single(receive),
    };
    let genesis = bdk_wallet::bitcoin::BlockHash::from_byte_array(genesis.0);
    let params = params.network(config.network).genesis_hash(genesis).lookahead(config.lookahead);
    params.create_wallet_no_persist().map_err(|error| WalletError::Descriptor(error.to_string()))
}

fn load(config: &WalletConfig, genesis: BlockHash, changes: ChangeSet) -> Result<bdk_wallet::Wallet, WalletError> {
    let refused = |reason: String| WalletError::Load { name: config.name, reason };
    let Descriptors { receive, change } = config.descriptors.clone();
    let params = LoadParams::new()
        .descriptor(KeychainKind::External, Some(receive))
        .descriptor(KeychainKind::Internal, change)
        .check_network(config.network)
        .check_genesis_hash(bdk_wallet::bitcoin::BlockHash::from_byte_array(genesis.0))
        .lookahead(config.lookahead);
    let loaded = params.load_wallet_no_persist(changes).map_err(|error| refused(error.to_string()))?;
    loaded.ok_or_else(|| refused("its first change is missing".into()))
}

fn coin(output: bdk_wallet::LocalOutput, tip: u32) -> Coin {
    Coin {
        outpoint: output.outpoint,
        value: Sats::new(output.txout.value.to_sat()).unwrap_or_default(),
        script: output.txout.script_pubkey,
        keychain: output.keychain,
        index: output.derivation_index,
        position: position(&output.chain_position, tip),
        is_spent: output.is_spent,
    }
}

fn position(position: &ChainPosition<ConfirmationBlockTime>, tip: u32) -> Position {
    match position {
        ChainPosition::Confirmed { anchor, .. } => Position::Confirmed {
            height: anchor.block_id.height,
            block: BlockHash(anchor.block_id.hash.to_byte_array()),
            confirmations: tip.saturating_sub(anchor.block_id.height) + 1,
        },
        ChainPosition::Unconfirmed { .. } => Position::Waiting,
    }
}

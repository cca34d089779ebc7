//! The engine: everything that happens without a request. It owns the log, the pool, the loop of epochs, the fate of
//! blocks, and settlement.
//!
//! In scope: start-up of these parts in reading order, and the few calls that the API makes on them. Out of scope: HTTP,
//! customers and offers (`crate::api`), what each task does (its own module).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use audit_core::chain::Network;
use audit_core::checkpoint::Vkey;
use audit_core::entry::Terms;
use audit_core::work::{Level, Units};
use pool_core::node::{Node, Nodes, Tip};
use pool_core::{Limits, Listener, Lots, Pool, PoolConfig, PoolStats};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accruals::Accruer;
use crate::blocks::Blocks;
use crate::chain::Archive;
use crate::db::epochs::EpochRow;
use crate::db::{Database, DbError, epochs};
use crate::epochs::{EpochLoop, Pace};
use crate::evidence::EvidenceStore;
use crate::liabilities::Liabilities;
use crate::lives::Lives;
use crate::payments::{Invoicing, PaymentGateway, Payments};
use crate::payouts::{PayoutSettings, Payouts};
use crate::refunds::Refunds;
use crate::settlement::Settler;
use crate::tlog::{Cosigner, Head, Sequencer, SequencerGuard, TlogError, WitnessSettings, WitnessStatus};

mod contract;
mod first_entries;
#[cfg(test)]
pub(crate) mod fixture;
mod supervise;
#[cfg(test)]
mod tests;

pub(crate) use contract::payment_transaction;
pub use contract::{ContractRefused, Payment, open_paid_contract, publish};
pub use first_entries::Promises;
pub(crate) use supervise::{Backoff, pause};

/// What the engine runs with.
#[derive(Debug)]
pub struct EngineConfig {
    /// The data folder: log key, journals, found blocks, evidence.
    pub data: PathBuf,
    /// The log's name.
    pub origin: String,
    /// Who must cosign the log.
    pub witnesses: WitnessSettings,
    /// What manifest and terms say.
    pub promises: Promises,
    /// Declared capacity in H/s; what contracts do not take of it is the operator's own entry.
    pub capacity: Units,
    /// Share level a rig starts at.
    pub first_level: Level,
    /// Lowest share level a rig can get.
    pub min_level: Level,
    /// Shares a minute that each session's level is steered to.
    pub shares_per_minute: u32,
    /// Whose rigs are served; changed while the engine runs.
    pub lots: Arc<Lots>,
    /// What strangers may take of the pool.
    pub limits: Limits,
    /// Time from one list of liabilities to the next.
    pub liabilities_every: Duration,
    /// How payouts are made; `None` when none are.
    pub payouts: Option<PayoutSettings>,
}

/// The running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    database: Database,
    sequencer: Sequencer,
    store: EvidenceStore,
    node: Arc<dyn Node>,
    /// The loop of epochs owns the pool and waits for its end.
    pool: Weak<Pool>,
    payouts: Option<Payouts>,
    tasks: TaskTracker,
    failure: supervise::Failure,
    usual_terms: Terms,
    /// Held while the process lives: two servers on one data folder would write over each other.
    _data_lock: Arc<File>,
}

/// What the engine knows about itself.
#[derive(Clone, Debug)]
pub struct EngineStatus {
    /// The log's name.
    pub origin: String,
    /// The log's public key, as in `/log/policy`.
    pub log_vkey: String,
    /// The newest published head.
    pub head: Head,
    /// Entries under the newest signed checkpoint; more than the head's while witnesses are waited for.
    pub signed_size: u64,
    /// Each witness of the log.
    pub witnesses: Vec<WitnessStatus>,
    /// The epoch that is being mined; `None` before the first.
    pub epoch: Option<EpochRow>,
    /// The chain's best block; `None` when the node does not answer.
    pub tip: Option<Tip>,
    /// Open Stratum connections.
    pub sessions: u64,
}

impl Engine {
    /// Starts everything; returns once the log is open, what it promised before is checked, and rigs can connect.
    /// `listeners` are bound already, so the caller knows their ports. When a task finds something that must not go on
    /// (a log that would fork, evidence that would change), it cancels `stop`, and [`Engine::join`] says why.
    ///
    /// # Errors
    /// Refuses to start on data that contradicts what has been published.
    pub async fn start(
        config: EngineConfig,
        database: Database,
        nodes: Nodes,
        listeners: Vec<Listener>,
        stop: CancellationToken,
    ) -> Result<Self> {
        let data_lock = lock_data(&config.data)?;
        let store = EvidenceStore::new(&config.data);
        let sequencer = open_log(&config, &database, &store).await?;
        let chain = chain_of(&config.promises.network)?;
        let network = Network::of_manifest(&config.promises.network).context("a network whose rules are known")?;
        let node: Arc<dyn Node> = Arc::new(nodes.clone());
        let archive = Archive::new(database.clone(), store.clone(), Arc::clone(&node), network);
        first_entries::ensure(&config.promises, &database, &sequencer).await?;

        let (pool, events) = Pool::start(pool_config(&config)?, nodes, listeners, stop.clone()).await?;
        let pool = Arc::new(pool);
        let counted = Arc::downgrade(&pool);

        let tasks = TaskTracker::new();
        let failure = supervise::Failure::new(stop.clone());
        let pace = Pace {
            epoch: Duration::from_millis(config.promises.epoch_ms),
            grace: Duration::from_millis(config.promises.grace_ms),
        };
        let epoch_loop = EpochLoop {
            database: database.clone(),
            sequencer: sequencer.clone(),
            store: store.clone(),
            node: Arc::clone(&node),
            archive: archive.clone(),
            mining: Box::new(pool),
            capacity: config.capacity,
            pace,
            chain,
            mined: None,
        };
        let settler = Settler { database: database.clone(), sequencer: sequencer.clone(), store: store.clone() };
        let liabilities = Liabilities {
            database: database.clone(),
            sequencer: sequencer.clone(),
            store: store.clone(),
            every: config.liabilities_every,
        };
        let accruer =
            Accruer { database: database.clone(), sequencer: sequencer.clone(), store: store.clone(), network };
        // What a crash or a long stop left undivided or unlisted comes before a further epoch opens.
        let lives = Lives { database: database.clone(), sequencer: sequencer.clone(), store: store.clone(), network };
        accruer.accrue_all().await?;
        lives.conclude_all().await?;
        settler.settle_all().await?;
        liabilities.list_if_due().await?;
        let blocks =
            Blocks { database: database.clone(), sequencer: sequencer.clone(), archive, settler, accruer, lives };
        let payouts = config.payouts.map(|settings| {
            let (database, sequencer, store) = (database.clone(), sequencer.clone(), store.clone());
            Payouts::new(database, sequencer, store, Arc::clone(&node), Arc::new(settings))
        });
        failure.spawn(&tasks, "epochs", epoch_loop.run(events, stop.clone()));
        failure.spawn(&tasks, "blocks", blocks.run(stop.clone()));
        failure.spawn(&tasks, "liabilities", liabilities.run(stop.clone()));
        if let Some(payouts) = payouts.clone() {
            failure.spawn(&tasks, "payouts", payouts.run(stop.clone()));
        }
        let refunds = Refunds { database: database.clone(), node: Arc::clone(&node) };
        failure.spawn(&tasks, "refunds", refunds.run(stop.clone()));
        failure.spawn(&tasks, "publication", sequencer.clone().publish_witnessed(stop.clone()));
        failure.spawn(&tasks, "checkpoints", supervise::checkpoint_when_grown(sequencer.clone(), stop));
        tasks.close();
        let (usual_terms, _data_lock) = (config.promises.terms(), Arc::new(data_lock));
        Ok(Self { database, sequencer, store, node, pool: counted, payouts, tasks, failure, usual_terms, _data_lock })
    }

    /// Waits until every task has ended, which they do after `stop` is cancelled.
    ///
    /// # Errors
    /// What made the engine stop by itself.
    pub async fn join(&self) -> Result<()> {
        self.tasks.wait().await;
        self.failure.take()
    }

    /// The node, or several as one.
    pub fn node(&self) -> Arc<dyn Node> {
        Arc::clone(&self.node)
    }

    /// Watches a gateway until `stop`, at least `every` so often, and opens what it shows to be paid.
    pub fn watch_payments(
        &self,
        gateway: Arc<dyn PaymentGateway>,
        every: Duration,
        capacity: Units,
        stop: CancellationToken,
    ) -> Invoicing {
        let payments = Payments::new(gateway, self.database.clone(), self.sequencer.clone(), capacity, every);
        let invoicing = payments.invoicing();
        self.failure.spawn(&self.tasks, "payments", payments.run(stop));
        invoicing
    }

    /// The right to append to the log. Take it **before** beginning the transaction that [`open_paid_contract`] is part of,
    /// and integrate after the commit.
    pub async fn lock_log(&self) -> SequencerGuard {
        self.sequencer.lock().await
    }

    /// Size of the newest published checkpoint. The API claims nothing that the log below it does not show.
    pub fn published(&self) -> u64 {
        self.sequencer.head().size
    }

    /// What pays; `None` when the configuration names no key and no descriptor.
    pub(crate) fn payouts(&self) -> Option<&Payouts> {
        self.payouts.as_ref()
    }

    /// Where the evidence is, for [`crate::evidence::http`].
    pub fn evidence(&self) -> &EvidenceStore {
        &self.store
    }

    /// The log's public key.
    pub fn log_vkey(&self) -> Vkey {
        self.sequencer.vkey()
    }

    /// What is going on.
    ///
    /// # Errors
    /// The database.
    pub async fn status(&self) -> Result<EngineStatus, DbError> {
        let epoch = epochs::last(&mut *self.database.pool().acquire().await?).await?;
        Ok(EngineStatus {
            origin: self.sequencer.origin().into(),
            log_vkey: self.sequencer.vkey().to_string(),
            head: self.sequencer.head(),
            signed_size: self.sequencer.signed_size(),
            witnesses: self.sequencer.witnesses(),
            epoch,
            tip: self.node.tip().await.ok(),
            sessions: self.pool().sessions,
        })
    }

    /// What the pool has seen; nothing once it has ended.
    pub fn pool(&self) -> PoolStats {
        self.pool.upgrade().map(|pool| pool.stats()).unwrap_or_default()
    }

    /// Whether the engine was told to stop, or stops by itself.
    pub fn is_stopping(&self) -> bool {
        self.failure.is_stopping()
    }

    /// Leaf index of the terms that an offer is sold under: these, or without any the usual ones. Terms that are new are
    /// logged.
    ///
    /// # Errors
    /// The database or the log.
    pub async fn terms_index(&self, terms: Option<Terms>) -> Result<u64, TlogError> {
        first_entries::log_terms(terms.unwrap_or(self.usual_terms), &self.database, &self.sequencer).await
    }
}

/// The chain's name in Bitcoin Core for a network's name in the manifest.
fn chain_of(network: &str) -> Result<&'static str> {
    match network {
        "bitcoin" => Ok("main"),
        "testnet4" => Ok("testnet4"),
        "signet" => Ok("signet"),
        "regtest" => Ok("regtest"),
        other => bail!("{other} is no network that a log can be of"),
    }
}

fn lock_data(data: &Path) -> Result<File> {
    std::fs::create_dir_all(data).with_context(|| format!("data folder {}", data.display()))?;
    let path = data.join("lock");
    let file = File::create(&path).with_context(|| format!("{}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            bail!("another provenhash is running on {}: stop it, or use another --data folder", data.display())
        }
        Err(std::fs::TryLockError::Error(error)) => Err(error).context("locking the data folder"),
    }
}

async fn open_log(config: &EngineConfig, database: &Database, store: &EvidenceStore) -> Result<Sequencer> {
    let is_empty = crate::db::log_entries::count(&mut *database.pool().acquire().await?).await? == 0
        && store.read("log/checkpoint")?.is_none();
    let key = crate::tlog::load_or_create_key(&config.data.join("log.key"), &config.origin, is_empty)?;
    let policy = config.witnesses.policy_of(&key.vkey())?;
    let is_witnessed = !policy.witnesses().is_empty();
    let cosigner = is_witnessed.then(|| Cosigner::new(policy, config.witnesses.timeout)).transpose()?;
    Ok(Sequencer::open_witnessed(database.clone(), store.clone(), key, cosigner).await?)
}

fn pool_config(config: &EngineConfig) -> Result<PoolConfig> {
    // Pseudonyms must stay the same over restarts, so that one worker has one history.
    let pseudonym_key = crate::tlog::load_or_create_seed(&config.data.join("pseudonym.key"), true)?;
    Ok(PoolConfig {
        coinbase_tag: config.promises.coinbase_tag.clone(),
        payout_script: config.promises.payout_script.clone(),
        first_level: config.first_level,
        min_level: config.min_level,
        shares_per_minute: config.shares_per_minute,
        grace: Duration::from_millis(config.promises.grace_ms),
        pseudonym_key,
        lots: Arc::clone(&config.lots),
        journal_dir: config.data.join("journal"),
        blocks_dir: config.data.join("blocks"),
        limits: config.limits,
    })
}

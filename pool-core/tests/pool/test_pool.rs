//! A pool in a folder of its own.

use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use audit_core::{
    hash::Hash32,
    work::{Level, Nbits},
};
use pool_core::{
    EpochStart, Limits, Listener, ListenerProfile, Lots, Pool, PoolConfig, PoolEvent,
    node::{EmbeddedChain, EmbeddedConfig, Node, Nodes, Patience},
    tls_from_files,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use crate::client::Client;

/// Difficulty 1: no test finds a block on it by accident.
pub(crate) const NO_BLOCKS: u32 = 0x1d00_ffff;
/// Every second hash is a block.
pub(crate) const ALL_BLOCKS: u32 = 0x207f_ffff;
/// Nodes of tests answer at once or not at all.
const PATIENCE: Patience =
    Patience { probe: Duration::from_millis(20), answer: Duration::from_millis(500), lag: Duration::from_millis(100) };
/// About 4,096 hashes.
pub(crate) const EASY: i8 = -20;

/// A running pool, its chain and its folder.
pub(crate) struct TestPool {
    pub(crate) pool: Pool,
    pub(crate) chain: Arc<EmbeddedChain>,
    pub(crate) events: mpsc::Receiver<PoolEvent>,
    pub(crate) address: SocketAddr,
    pub(crate) rental: SocketAddr,
    /// A farm's listener that speaks TLS, and its certificate.
    pub(crate) tls: SocketAddr,
    pub(crate) certificate: Vec<u8>,
    pub(crate) folder: TempDir,
    stop: CancellationToken,
}

/// Settings for tests: vardiff stays out of the way.
pub(crate) fn config(folder: &Path) -> PoolConfig {
    PoolConfig {
        coinbase_tag: b"/test/".to_vec(),
        payout_script: vec![0x51],
        first_level: Level::new(EASY).unwrap(),
        min_level: Level::new(EASY).unwrap(),
        shares_per_minute: 1,
        grace: Duration::from_secs(120),
        pseudonym_key: [7; 32],
        lots: Arc::new(Lots::new(false)),
        journal_dir: folder.join("journal"),
        blocks_dir: folder.join("blocks"),
        limits: Limits::default(),
    }
}

pub(crate) fn start_of(epoch: u64) -> EpochStart {
    EpochStart {
        epoch,
        start_ms: 1_700_000_000_000 + epoch,
        origin: "log.example/pool/v1".into(),
        tree_size: epoch * 2,
        root: Hash32([epoch as u8; 32]),
    }
}

impl TestPool {
    /// With epoch 1 open, on a chain without accidental blocks.
    pub(crate) async fn start() -> Self {
        Self::with(NO_BLOCKS, |_| {}).await
    }

    pub(crate) async fn with(nbits: u32, change: impl FnOnce(&mut PoolConfig)) -> Self {
        let pool = Self::without_epoch(tempfile::tempdir().unwrap(), nbits, change).await;
        pool.pool.open_epoch(start_of(1)).await.unwrap();
        pool
    }

    pub(crate) async fn without_epoch(folder: TempDir, nbits: u32, change: impl FnOnce(&mut PoolConfig)) -> Self {
        Self::on(folder, nbits, change, |chain| chain).await
    }

    /// On a node that is made of the chain.
    pub(crate) async fn on(
        folder: TempDir,
        nbits: u32,
        change: impl FnOnce(&mut PoolConfig),
        node: impl FnOnce(Arc<EmbeddedChain>) -> Arc<dyn Node>,
    ) -> Self {
        Self::on_several(folder, nbits, change, |chain| vec![node(chain)]).await
    }

    /// On nodes that are made of the chain.
    pub(crate) async fn on_several(
        folder: TempDir,
        nbits: u32,
        change: impl FnOnce(&mut PoolConfig),
        nodes: impl FnOnce(Arc<EmbeddedChain>) -> Vec<Arc<dyn Node>>,
    ) -> Self {
        let mut config = config(folder.path());
        change(&mut config);
        let nbits = Nbits::new(nbits);
        let chain = Arc::new(
            EmbeddedChain::open(&folder.path().join("chain"), EmbeddedConfig { nbits, endowment: None }).unwrap(),
        );
        let (farm, address) = listener(ListenerProfile::Farm).await;
        let (rented, rental) = listener(ListenerProfile::Rental).await;
        let (secured, tls, certificate) = secured(folder.path()).await;
        let stop = CancellationToken::new();
        let nodes = Nodes::new(nodes(chain.clone()), PATIENCE).unwrap();
        let (pool, events) = Pool::start(config, nodes, vec![farm, rented, secured], stop.clone()).await.unwrap();
        Self { pool, chain, events, address, rental, tls, certificate, folder, stop }
    }

    /// A connection that has said nothing yet.
    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// A connection that is subscribed and authorized as `lot.rig`.
    pub(crate) async fn miner(&self) -> Client {
        let mut client = self.connect().await;
        client.introduce("lot.rig").await;
        client
    }

    /// Ends every task; the folder stays.
    pub(crate) async fn stop(self) -> TempDir {
        self.stop.cancel();
        self.pool.join().await;
        self.folder
    }

    pub(crate) fn url(&self) -> String {
        format!("stratum+tcp://{}", self.address)
    }
}

async fn listener(profile: ListenerProfile) -> (Listener, SocketAddr) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (Listener { socket, profile, tls: None }, address)
}

async fn secured(folder: &Path) -> (Listener, SocketAddr, Vec<u8>) {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["pool.test".into()]).unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.join(name));
    fs::write(&chain, cert.pem()).unwrap();
    fs::write(&key, signing_key.serialize_pem()).unwrap();
    let (listener, address) = listener(ListenerProfile::Farm).await;
    let tls = Some(tls_from_files(&chain, &key).unwrap());
    (Listener { tls, ..listener }, address, cert.der().to_vec())
}

//! Start-up in reading order, and the orderly end.

mod lots;
pub mod operator_token;
pub(crate) mod payments;
mod payouts;
mod promises;
mod rigs;
mod sample_offer;
mod secret_file;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::{Server, ServerHandle};
use actix_web::web::Data;
use anyhow::{Context, Result, anyhow};
use bitcoin::Script;
use pool_core::Lots;
use pool_core::node::{CoreEndpoint, CoreNode, EmbeddedChain, EmbeddedConfig, Node, Nodes, Patience};
use tokio_util::sync::CancellationToken;

use crate::api::{self, State};
use crate::config::Config;
use crate::db::Database;
use crate::engine::{Engine, EngineConfig};

/// How long requests in progress may take after the stop signal.
const FAREWELL_S: u64 = 5;

/// A server that listens. Owned by whoever started it, who also owns the stop signal.
pub struct App {
    http: SocketAddr,
    stratum: Vec<SocketAddr>,
    server: Server,
    engine: Engine,
    database: Database,
    stop: CancellationToken,
}

impl App {
    /// Starts everything in the order of dependence: database, node, sockets, engine, web.
    ///
    /// When this returns, both kinds of sockets accept connections. Everything ends after `stop` is cancelled, see
    /// [`App::run`].
    pub async fn start(config: Config, stop: CancellationToken) -> Result<Self> {
        config.check().map_err(|message| anyhow!(message))?;
        let data = &config.storage.data;
        std::fs::create_dir_all(data).with_context(|| format!("creating the data folder {}", data.display()))?;
        let operator_token = operator_token::load(data)?;
        let database = Database::open(&config.database_url()).await.context("opening the database")?;
        let nodes = nodes(&config)?;

        let listener = bind(config.http.listen)?;
        let http = listener.local_addr()?;
        let rigs = rigs::listen(&config.pool)?;
        let stratum = rigs.iter().map(|rigs| rigs.socket.local_addr()).collect::<Result<_, _>>()?;

        let lots = lots::load(&database, config.pool.require_lots).await?;
        let engine_config = engine_config(&config, &lots)?;
        let engine = Engine::start(engine_config, database.clone(), nodes, rigs, stop.clone()).await?;
        if let Some(name) = &config.sample_offer {
            sample_offer::ensure(name, config.money.capacity_hs, &database, &engine).await?;
        }
        let paying = payments::watch(&config, &database, &engine, stop.clone())?;
        let state = State::new(Arc::new(config), database.clone(), engine.clone(), lots, paying, operator_token);
        let server = serve(Data::new(state), listener)?;
        Ok(Self { http, stratum, server, engine, database, stop })
    }

    /// Where the web server listens: the real port when port 0 was asked for.
    pub fn http_address(&self) -> SocketAddr {
        self.http
    }

    /// Where rigs connect.
    pub fn stratum_addresses(&self) -> &[SocketAddr] {
        &self.stratum
    }

    /// Serves until the stop signal; then requests in progress are answered, every task ends, the database closes.
    ///
    /// # Errors
    /// What made the engine stop by itself.
    pub async fn run(self) -> Result<()> {
        let handle = self.server.handle();
        let stopped = tokio::spawn(stop_server(handle, self.stop.clone()));
        let served = self.server.await;
        self.stop.cancel();
        stopped.await?;
        let engine = self.engine.join().await;
        self.database.close().await;
        served.context("the web server failed")?;
        engine
    }
}

async fn stop_server(handle: ServerHandle, stop: CancellationToken) {
    stop.cancelled().await;
    handle.stop(true).await;
}

fn serve(state: Data<State>, listener: TcpListener) -> Result<Server> {
    let server = HttpServer::new(move || api::application(state.clone()))
        .disable_signals()
        .shutdown_timeout(FAREWELL_S)
        .listen(listener)?
        .run();
    Ok(server)
}

fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("listening on {address}: is another server running there?"))
}

fn nodes(config: &Config) -> Result<Nodes> {
    let nodes = if config.is_embedded() {
        let folder = config.storage.data.join("node");
        let endowment = config.node.embedded_endowment.as_deref();
        let endowment =
            endowment.map(|address| promises::script_of("--embedded-endowment", address, config)).transpose()?;
        let endowment = endowment.map(|script| script.to_bytes());
        let chain = EmbeddedChain::open(&folder, EmbeddedConfig { nbits: config.node.embedded_nbits, endowment })?;
        vec![Arc::new(chain) as Arc<dyn Node>]
    } else {
        config.node.node.iter().map(|node| core_node(node)).collect::<Result<_>>()?
    };
    Ok(Nodes::new(nodes, Patience::default())?)
}

fn core_node(endpoint: &str) -> Result<Arc<dyn Node>> {
    Ok(Arc::new(CoreNode::new(CoreEndpoint::parse(endpoint)?)?))
}

fn engine_config(config: &Config, lots: &Arc<Lots>) -> Result<EngineConfig> {
    let promises = promises::of(config)?;
    let payouts = payouts::settings(&config.payouts, Script::from_bytes(&promises.payout_script))?;
    Ok(EngineConfig {
        data: config.storage.data.clone(),
        origin: config.log.origin.clone(),
        witnesses: config.witnesses.settings()?,
        promises,
        capacity: config.money.capacity_hs,
        first_level: config.pool.first_level,
        min_level: config.pool.min_level,
        shares_per_minute: config.pool.shares_per_minute,
        lots: Arc::clone(lots),
        limits: config.pool.limits.limits(),
        liabilities_every: Duration::from_millis(config.money.liabilities_ms),
        payouts,
    })
}

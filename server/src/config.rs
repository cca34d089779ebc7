//! Everything an operator can set: flags, with the environment for what does not belong on a command line.
//!
//! The environment of the process is read here and nowhere else.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use audit_core::work::{Level, Nbits, Units};
use bitcoin::Network;
use clap::{ArgAction, Args, ValueEnum};

pub use payments::{BtcpayConfig, PaymentConfig};
pub use payouts::PayoutConfig;
pub(crate) use payouts::sats;
pub use stratum::{StratumLimits, StratumListener, TlsFiles};
pub use witnesses::WitnessConfig;

mod payments;
mod payouts;
mod stratum;
mod witnesses;

/// What `provenhash serve` runs with. Every field is a flag of the same name.
#[derive(Args, Clone, Debug)]
pub struct Config {
    #[command(flatten)]
    pub http: HttpConfig,
    #[command(flatten)]
    pub storage: StorageConfig,
    #[command(flatten)]
    pub node: NodeConfig,
    #[command(flatten)]
    pub pool: PoolSettings,
    #[command(flatten)]
    pub log: LogConfig,
    #[command(flatten)]
    pub witnesses: WitnessConfig,
    #[command(flatten)]
    pub money: MoneyConfig,
    #[command(flatten)]
    pub payments: PaymentConfig,
    #[command(flatten)]
    pub payouts: PayoutConfig,
    /// How program logs are written to stderr: text for people, json for machines, one object a line
    #[arg(long, default_value = "text")]
    pub log_format: LogFormat,
    /// Create an offer with this name at start, unless an offer of that name exists (used by the demo)
    #[arg(long, value_name = "NAME")]
    pub sample_offer: Option<String>,
}

/// How program logs look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Where people and programs reach the server.
#[derive(Args, Clone, Debug)]
pub struct HttpConfig {
    /// Address of the web pages, the API and the evidence; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The address customers type; when it starts with https:// the session cookie is marked Secure
    #[arg(long, value_name = "URL", env = "PROVENHASH_PUBLIC_URL")]
    pub public_url: Option<String>,
}

/// Where the server keeps what it must not lose.
#[derive(Args, Clone, Debug)]
pub struct StorageConfig {
    /// Folder of the log key, journals, evidence and, without --database-url, the SQLite database
    #[arg(long, default_value = "provenhash-data")]
    pub data: PathBuf,
    /// postgres://… for PostgreSQL; without it SQLite inside the data folder
    #[arg(long, value_name = "URL", env = "PROVENHASH_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

/// Whose block templates are mined.
#[derive(Args, Clone, Debug)]
pub struct NodeConfig {
    /// `embedded` for the built-in regtest chain, or http://user:password@host:port of Bitcoin Core, several with commas
    #[arg(long, default_value = "embedded", env = "PROVENHASH_NODE", hide_env_values = true,
          value_delimiter = ',', action = ArgAction::Set)]
    pub node: Vec<String>,
    /// The log's network; the embedded chain is regtest
    #[arg(long, default_value = "regtest", value_parser = network)]
    pub network: Network,
    /// Address that owns a coin of 100 bitcoin on the embedded chain from its start, so that somebody can pay
    #[arg(long, value_name = "ADDRESS")]
    pub embedded_endowment: Option<String>,
    /// Network target of the embedded chain as 8 hex digits
    #[arg(long, default_value = "1e03ffff", value_name = "HEX", value_parser = nbits)]
    pub embedded_nbits: Nbits,
}

/// How rigs are served.
#[derive(Args, Clone, Debug)]
pub struct PoolSettings {
    /// Addresses for rigs, several with commas: farm=IP:PORT for your own, rental=IP:PORT for hashrate from markets, a bare
    /// IP:PORT is a farm; farm+tls= and rental+tls= speak TLS; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:3333", value_name = "LISTENER", value_delimiter = ',', action = ArgAction::Set)]
    pub stratum: Vec<StratumListener>,
    #[command(flatten)]
    pub tls: TlsFiles,
    #[command(flatten)]
    pub limits: StratumLimits,
    /// Refuse logins for lots that are not registered with `provenhash admin create-lot`
    #[arg(long)]
    pub require_lots: bool,
    /// Text in each coinbase that says who mined it, at most 20 bytes
    #[arg(long, default_value = "/provenhash/", value_parser = coinbase_tag)]
    pub coinbase_tag: String,
    /// Address that blocks pay; must be given for a real node, the embedded chain's coins are worthless
    #[arg(long, value_name = "ADDRESS")]
    pub payout_address: Option<String>,
    /// Share level a rig starts at: work of a share is 2^(32 + level)
    #[arg(long, default_value = "13", allow_negative_numbers = true, value_parser = level)]
    pub first_level: Level,
    /// Lowest share level a rig can get
    #[arg(long, default_value = "0", allow_negative_numbers = true, value_parser = level)]
    pub min_level: Level,
    /// Shares a minute that each session's level is steered to
    #[arg(long, default_value_t = 12)]
    pub shares_per_minute: u32,
}

/// The transparency log and its epochs.
#[derive(Args, Clone, Debug)]
pub struct LogConfig {
    /// The log's name for ever, a schema-less URL by C2SP convention
    #[arg(long, default_value = "localhost/provenhash", value_parser = origin)]
    pub origin: String,
    /// Length of an epoch
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(1_000..=86_400_000))]
    pub epoch_ms: u64,
    /// How long jobs of the epoch before stay valid; must be shorter than an epoch
    #[arg(long, default_value_t = 120_000)]
    pub grace_ms: u64,
    /// Epochs after which contracts that are paid by time are credited, fixed when the log begins [default: those of a day]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub accrual_epochs: Option<u64>,
}

/// What is sold and what it costs.
#[derive(Args, Clone, Debug)]
pub struct MoneyConfig {
    /// The operator's fee in parts per million of each settled reward
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub fee_ppm: u32,
    /// Declared capacity in H/s; what is not sold of it is the operator's own part of every epoch
    #[arg(long, default_value = "1000000000000000", value_parser = units)]
    pub capacity_hs: Units,
    /// How long a quote's price holds
    #[arg(long, default_value_t = 900_000, value_parser = clap::value_parser!(u64).range(1_000..=86_400_000))]
    pub quote_ms: u64,
    /// Time from one published list of what is owed, and of the coins that back it, to the next
    #[arg(long, default_value_t = 86_400_000, value_parser = clap::value_parser!(u64).range(1_000..=86_400_000))]
    pub liabilities_ms: u64,
}

impl Config {
    /// Whether the session cookie must only travel over TLS.
    pub fn secure_cookies(&self) -> bool {
        self.http.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// The database this configuration means, as a URL for `db::Database::open`.
    pub fn database_url(&self) -> String {
        database_url(self.storage.database_url.as_deref(), &self.storage.data)
    }

    /// The rules between fields. The message says which flag to change.
    pub fn check(&self) -> Result<(), String> {
        if self.log.grace_ms >= self.log.epoch_ms {
            return Err("--grace-ms must be smaller than --epoch-ms".into());
        }
        if self.pool.min_level > self.pool.first_level {
            return Err("--min-level must not be above --first-level".into());
        }
        if self.pool.stratum.iter().any(|listener| listener.tls) && self.pool.tls.tls_chain.is_none() {
            return Err("an address with +tls needs --tls-chain and --tls-key, the PEM files of its certificate".into());
        }
        if !self.is_embedded() && self.pool.payout_address.is_none() {
            return Err("--payout-address is needed with a Bitcoin Core node: it is where blocks pay".into());
        }
        if self.is_embedded() && self.node.network != Network::Regtest {
            return Err("--node embedded is a regtest chain: leave --network at regtest".into());
        }
        self.payments.check()
    }

    /// Whether the built-in chain is used.
    pub fn is_embedded(&self) -> bool {
        self.node.node.iter().any(|node| node == "embedded")
    }
}

/// The operator's token from `PROVENHASH_OPERATOR_TOKEN`; an empty value counts as unset.
///
/// A secret is no flag: command lines are readable by every user of a machine.
pub fn operator_token_from_environment() -> Option<String> {
    std::env::var("PROVENHASH_OPERATOR_TOKEN").ok().filter(|token| !token.is_empty())
}

/// The database that `--database-url` or its absence means.
pub fn database_url(url: Option<&str>, data: &Path) -> String {
    match url {
        Some(url) => url.into(),
        None => format!("sqlite://{}?mode=rwc", data.join("provenhash.sqlite").display()),
    }
}

/// The command line this process was started with.
pub fn arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// The PostgreSQL server that unit tests may make databases on.
#[cfg(test)]
pub(crate) fn postgres_of_tests() -> Option<String> {
    std::env::var("DATABASE_URL").ok().filter(|url| url.starts_with("postgres"))
}

/// The log filter from `RUST_LOG`, by default notices of this program and warnings of others.
pub fn log_filter() -> String {
    std::env::var("RUST_LOG").unwrap_or_else(|_| "warn,server=info,pool_core=info,provenhash=info".into())
}

fn network(text: &str) -> Result<Network, String> {
    match text {
        "bitcoin" => Ok(Network::Bitcoin),
        "testnet4" => Ok(Network::Testnet4),
        "signet" => Ok(Network::Signet),
        "regtest" => Ok(Network::Regtest),
        _ => Err("networks are bitcoin, testnet4, signet and regtest".into()),
    }
}

fn nbits(text: &str) -> Result<Nbits, String> {
    text.parse().map_err(|_| "eight hex digits, for example 1e03ffff".into())
}

fn level(text: &str) -> Result<Level, String> {
    let level = text.parse().ok().and_then(Level::new);
    level.ok_or_else(|| format!("a whole number from {} to {}", Level::MIN.get(), Level::MAX.get()))
}

fn units(text: &str) -> Result<Units, String> {
    text.parse().map_err(|_| "a whole number of hashes per second, at least 1".into())
}

/// At most 20 bytes so that height, tag, job and extranonces fit the 100 bytes of a coinbase's scriptSig with room to spare.
fn coinbase_tag(text: &str) -> Result<String, String> {
    if text.len() > 20 || !text.is_ascii() {
        return Err("at most 20 ASCII characters".into());
    }
    Ok(text.to_owned())
}

/// An origin is one line without spaces or plus signs, as C2SP signed notes ask of a key's name.
fn origin(text: &str) -> Result<String, String> {
    let fits =
        !text.is_empty() && text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+');
    if fits {
        Ok(text.to_owned())
    } else {
        Err("1 to 128 printable ASCII characters without spaces and plus signs".into())
    }
}

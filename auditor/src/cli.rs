//! The command line.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

use audit_core::{audit::DEFAULT_SAMPLES, checkpoint::Vkey, hash::Hash32};
use clap::{Parser, Subcommand, ValueEnum};

/// Verifies what a Provenhash operator claims: the hashes, the credits and the sats.
#[derive(Parser)]
#[command(name = "provenhash-audit", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Recomputes everything; exits 0 only if all of it holds, 1 if a check fails, 2 if nothing could be verified.
    Verify(VerifyArgs),
    /// Follows a log: that it only grows, shows everyone the same, and holds. Exits 0 when all was well (--once), 1 when a
    /// check failed, 2 when the log or a file could not be used, 3 when it forked or went back (a proof is kept), 4 when it
    /// was silent for longer than --max-silence.
    Watch(WatchArgs),
    /// Verifies a proof offline, FILE.tlog-proof or FILE.share-proof; exits 0 only if it proves what it says, 1 if not, 2 if
    /// it can't be read.
    Receipt(ReceiptArgs),
    /// Cosigns the checkpoints of logs that only grow (c2sp.org/tlog-witness), until the process is ended.
    Witness(WitnessArgs),
}

/// Arguments of `verify`.
#[derive(clap::Args)]
pub(crate) struct VerifyArgs {
    /// Where the evidence is: http(s)://HOST[:PORT], a folder, or a bundle FILE.tar.
    pub(crate) source: String,
    /// Follow this contract, by its public id (64 hex digits).
    #[arg(long, value_name = "ID[#NONCE]", value_parser = ContractArg::parse)]
    pub(crate) contract: Option<ContractArg>,
    /// Follow the contract of this receipt, and bind its id to your purchase.
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// Hold these claims of the seller's page (JSON: epochs, credits) against the evidence.
    #[arg(long, value_name = "FILE")]
    pub(crate) claims: Option<PathBuf>,
    /// How much is recomputed.
    #[arg(long, value_enum, default_value_t = DepthArg::Exact)]
    pub(crate) depth: DepthArg,
    /// Chunks that depth sampled draws.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SAMPLES, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) samples: u32,
    /// What the draw depends on (64 hex digits), to repeat one; else it is drawn at random and reported.
    #[arg(long, value_name = "HEX")]
    pub(crate) seed: Option<Hash32>,
    /// Threads that recompute shares; all cores by default.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Note in this file what was recomputed, and do not do again what it holds: an audit that was interrupted goes on.
    #[arg(long, value_name = "FILE", conflicts_with = "save")]
    pub(crate) resume: Option<PathBuf>,
    /// Whom to trust (c2sp.org/tlog-policy). Without it the key that the evidence itself names is trusted and shown.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// A checkpoint of this log that you kept, such as an earlier log/checkpoint: the log must have grown from it.
    #[arg(long, value_name = "FILE")]
    pub(crate) seen: Option<PathBuf>,
    /// Keep all evidence that was used, as a folder or, with a name ending in .tar, as a bundle.
    #[arg(long, value_name = "DIR|FILE.tar")]
    pub(crate) save: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `watch`.
#[derive(clap::Args)]
pub(crate) struct WatchArgs {
    /// Where the log is: http(s)://HOST[:PORT], or a folder.
    #[arg(required_unless_present = "check_proof")]
    pub(crate) url: Option<String>,
    /// Folder of what was seen last and of what is kept as proof.
    #[arg(long, value_name = "DIR", required_unless_present = "check_proof")]
    pub(crate) state: Option<PathBuf>,
    /// Whom to trust (c2sp.org/tlog-policy). Without it, what the log suggests at the first look is trusted for ever.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Seconds between two looks.
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) interval: u64,
    /// A checkpoint that others were shown, such as a witness's; several times for several.
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) gossip: Vec<String>,
    /// Look once, then end.
    #[arg(long)]
    pub(crate) once: bool,
    /// Say so when there was no new head for this many epochs.
    #[arg(long, value_name = "EPOCHS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) silence: u32,
    /// End when there was no new head for more than this many epochs.
    #[arg(long, value_name = "EPOCHS")]
    pub(crate) max_silence: Option<u32>,
    /// Check a proof that a watch or witness kept, offline, and end: 0 when it proves that the log forked, else 1.
    #[arg(long, value_name = "FILE", requires = "policy")]
    pub(crate) check_proof: Option<PathBuf>,
}

/// Arguments of `receipt`.
#[derive(clap::Args)]
pub(crate) struct ReceiptArgs {
    /// The proof: of an entry (c2sp.org/tlog-proof) or of shares.
    pub(crate) file: PathBuf,
    /// Whom to trust (c2sp.org/tlog-policy); a log suggests one at /log/policy.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// The entry must open the contract of this receipt, which the buyer keeps.
    #[arg(long, value_name = "FILE")]
    pub(crate) contract_receipt: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `witness`.
#[derive(clap::Args)]
pub(crate) struct WitnessArgs {
    /// Where logs submit their checkpoints; port 0 takes a free one, which is printed.
    #[arg(long, value_name = "ADDR:PORT", required_unless_present = "show_key")]
    pub(crate) listen: Option<SocketAddr>,
    /// Folder of the key and of what was cosigned last. Never restore an older copy of it.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// Verifier key of a log to follow; several times for several logs, or for a log that changes its key.
    #[arg(long, value_name = "VKEY", required_unless_present = "show_key")]
    pub(crate) log: Vec<Vkey>,
    /// Name of the key that the first start makes, by convention a URL without scheme.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print the witness's verifier key and end.
    #[arg(long)]
    pub(crate) show_key: bool,
}

/// Depth of the audit.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DepthArg {
    /// Every share.
    Exact,
    /// The best shares of every epoch; the whole work is estimated from them.
    Estimate,
    /// Chunks drawn at random.
    Sampled,
}

/// `<id>` or `<id>#<nonce>`.
#[derive(Clone)]
pub(crate) struct ContractArg {
    pub(crate) id: Hash32,
    pub(crate) nonce: Option<Hash32>,
}

impl ContractArg {
    fn parse(text: &str) -> Result<Self, String> {
        let hash = |text: &str| text.parse::<Hash32>().map_err(|error| format!("{text:?}: {error}"));
        match text.split_once('#') {
            None => Ok(Self { id: hash(text)?, nonce: None }),
            Some((id, nonce)) => Ok(Self { id: hash(id)?, nonce: Some(hash(nonce)?) }),
        }
    }
}

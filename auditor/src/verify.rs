//! `verify`: from arguments to a report.

mod cache;
mod threads;
mod wait;

use std::{fs, num::NonZeroUsize, path::Path, thread};

use anyhow::{Context as _, Result, anyhow, bail};
use audit_core::{
    audit::{AuditReport, AuditRequest, ContractQuery, Depth, Evidence, audit},
    checkpoint::Checkpoint,
    contract::Receipt,
    hash::Hash32,
    json::from_canonical,
    policy::{POLICY_MAX, Policy},
};

use crate::{
    cli::{DepthArg, VerifyArgs},
    print,
    source::{Keeper, Recorder, Source},
};
pub(crate) use cache::Cache;
use threads::with_threads;
use wait::wait;

/// Whether everything holds.
pub(crate) fn run(args: &VerifyArgs) -> Result<bool> {
    if args.save.is_some() && args.depth != DepthArg::Exact {
        bail!("--save keeps whole files, which only --depth exact reads");
    }
    let source = Source::open(&args.source)?;
    let keeper = args.save.as_deref().map(Keeper::new).transpose()?;
    let cache = args.resume.as_deref().map(Cache::open).transpose()?;
    let evidence = Recorder::new(&source, keeper.as_ref());
    let request = request(args, &evidence)?;
    let threads = args.threads.map_or_else(all_cores, NonZeroUsize::get);
    let mut progress = print::ProgressLine::new();
    let report = with_threads(threads, &evidence, cache.as_ref(), |counters| {
        wait(audit(&evidence, counters, &request, &mut |step| progress.show(step)))
    });
    progress.clear();
    if let Some(keeper) = keeper {
        keeper.finish().context("saving the evidence")?;
    }
    show(&report, args.json)?;
    Ok(report.held)
}

/// The whole audit of `request` on all cores, without what the cache holds.
pub(crate) fn audited<E: Evidence + Sync>(evidence: &E, cache: &Cache, request: &AuditRequest) -> AuditReport {
    with_threads(all_cores(), evidence, Some(cache), |counters| wait(audit(evidence, counters, request, &mut |_| {})))
}

fn all_cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

fn request(args: &VerifyArgs, source: &Recorder<'_>) -> Result<AuditRequest> {
    let mut request = AuditRequest::new(policy(args.policy.as_deref(), source)?);
    request.depth = depth(args)?;
    request.contract = contract(args)?;
    request.bundle = source.source().bundle_faults()?;
    request.remembered = args.seen.as_deref().map(seen).transpose()?;
    if let Some(path) = &args.claims {
        if request.contract.is_none() {
            bail!("--claims needs --contract or --receipt: whose claims are they?");
        }
        let claims = from_canonical(read(path)?.trim_ascii());
        request.claims = Some(claims.with_context(|| format!("{}: not claims", path.display()))?);
    }
    Ok(request)
}

fn policy(path: Option<&Path>, source: &Recorder<'_>) -> Result<Policy> {
    let bytes = match path {
        Some(path) => read(path)?,
        None => source.read("log/policy", POLICY_MAX as u64).context("no --policy, and none in the evidence")?,
    };
    let policy = Policy::parse(&bytes)?;
    if path.is_none() {
        print::trusting(&policy);
    }
    Ok(policy)
}

/// The checkpoint in a file that the person kept; its signatures were checked when it was.
fn seen(path: &Path) -> Result<Checkpoint> {
    let note = String::from_utf8(read(path)?).with_context(|| format!("{}: not UTF-8", path.display()))?;
    let text = note.split_once("\n\n").map_or(note.clone(), |(text, _)| format!("{text}\n"));
    Checkpoint::parse(&text).with_context(|| format!("{}: not a checkpoint", path.display()))
}

fn depth(args: &VerifyArgs) -> Result<Depth> {
    Ok(match args.depth {
        DepthArg::Exact => Depth::Exact,
        DepthArg::Estimate => Depth::Estimate,
        DepthArg::Sampled => {
            let seed = args.seed.map_or_else(random, Ok)?;
            Depth::Sampled { samples: args.samples, seed }
        }
    })
}

fn random() -> Result<Hash32> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow!("the system gives no random bytes: {error}"))?;
    Ok(Hash32(seed))
}

fn contract(args: &VerifyArgs) -> Result<Option<ContractQuery>> {
    let receipt = args
        .receipt
        .as_ref()
        .map(|path| Receipt::from_bytes(&read(path)?).with_context(|| format!("{}: not a receipt", path.display())));
    match (receipt.transpose()?, &args.contract) {
        (None, None) => Ok(None),
        (None, Some(contract)) if contract.nonce.is_some() => {
            bail!("#NONCE binds only together with the details: give --receipt FILE, which holds both")
        }
        (None, Some(contract)) => Ok(Some(ContractQuery::Id(contract.id))),
        (Some(receipt), contract) => {
            if let Some(contract) = contract {
                if contract.id != receipt.contract_id() {
                    bail!("--receipt is of the contract {}, not of {}", receipt.contract_id(), contract.id);
                }
                if contract.nonce.is_some_and(|nonce| nonce != receipt.nonce) {
                    bail!("--receipt has another nonce than --contract");
                }
            }
            Ok(Some(ContractQuery::Receipt(receipt)))
        }
    }
}

fn show(report: &AuditReport, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(report)?);
    } else {
        print!("{}", print::table(report));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}

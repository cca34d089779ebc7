//! `verify`: from arguments to a report.

use std::{
    fs,
    future::Future,
    path::Path,
    pin::pin,
    task::{Context, Poll, Waker},
};

use anyhow::{Context as _, Result, bail};
use audit_core::{
    audit::{AuditReport, AuditRequest, ContractQuery, Inline, audit},
    checkpoint::Checkpoint,
    contract::Receipt,
    json::from_canonical,
    policy::{POLICY_MAX, Policy},
};

use crate::{
    cli::{Depth, VerifyArgs},
    print,
    source::{Recorder, Source},
};

/// Whether everything holds.
pub(crate) fn run(args: &VerifyArgs) -> Result<bool> {
    let Depth::Exact = args.depth;
    let source = Recorder::new(Source::open(&args.source)?, args.save.is_some());
    let request = request(args, &source)?;
    let mut progress = print::ProgressLine::new();
    let report = wait(audit(&source, &Inline(&source), &request, &mut |step| progress.show(step)));
    progress.clear();
    if let Some(target) = &args.save {
        source.save(target).with_context(|| format!("saving the evidence to {}", target.display()))?;
    }
    show(&report, args.json)?;
    Ok(report.held)
}

fn request(args: &VerifyArgs, source: &Recorder) -> Result<AuditRequest> {
    let mut request = AuditRequest::new(policy(args.policy.as_deref(), source)?);
    request.contract = contract(args)?;
    request.bundle = source.bundle_faults()?;
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

fn policy(path: Option<&Path>, source: &Recorder) -> Result<Policy> {
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

/// Runs a future whose sources answer at once: all of them block.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

//! `receipt`: a proof that someone kept, verified without any server.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use audit_core::{
    contract::Receipt,
    entry::{ContractOpen, Entry},
    policy::{Judged, POLICY_MAX, Policy},
    share::ShareRecord,
    share_proof::{SHARE_PROOF_MAX, ShareProof},
    tlog_proof::TlogProof,
    work::Work,
};
use serde_json::{Value, json};

use crate::cli::ReceiptArgs;

/// First line of a proof of shares; any other file is taken for a proof of an entry.
const SHARE_PROOF: &[u8] = b"provenhash/share-proof@";

/// What a proof proves, or why it proves nothing.
enum Verdict {
    Entry { judged: Judged, index: u64, entry: Entry, bytes: Vec<u8>, bound: bool },
    Shares { judged: Judged, index: u64, proof: ShareProof, of: u64, work: Work },
    Nothing(String),
}

/// Whether the proof proves something.
pub(crate) fn run(args: &ReceiptArgs) -> Result<bool> {
    let policy = Policy::parse(read(&args.policy, POLICY_MAX)?)
        .with_context(|| format!("{}: not a policy", args.policy.display()))?;
    let bytes = read(&args.file, SHARE_PROOF_MAX)?;
    let receipt = args.contract_receipt.as_deref().map(read_receipt).transpose()?;
    let name = args.file.display().to_string();
    let verdict = if bytes.starts_with(SHARE_PROOF) {
        if receipt.is_some() {
            bail!("--contract-receipt is for the proof of a contract_open; {name} proves shares");
        }
        shares(&ShareProof::parse(&bytes).context(name)?, &policy)
    } else {
        entry(&TlogProof::parse(&bytes).context(name)?, &policy, receipt)
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&verdict.to_json())?);
    } else {
        print!("{}", verdict.to_text());
    }
    Ok(!matches!(verdict, Verdict::Nothing(_)))
}

fn entry(proof: &TlogProof, policy: &Policy, receipt: Option<ContractOpen>) -> Verdict {
    let Some(bytes) = &proof.extra else {
        return Verdict::Nothing("the proof does not carry its entry (a line 'extra …')".into());
    };
    let judged = match policy.judge(&proof.note) {
        Ok(judged) => judged,
        Err(error) => return Verdict::Nothing(format!("checkpoint: {error}")),
    };
    if let Err(error) = proof.verify(bytes, &judged.checkpoint) {
        return Verdict::Nothing(format!("entry {}: {error}", proof.index));
    }
    let entry = match Entry::from_bytes(bytes) {
        Ok(entry) => entry,
        Err(error) => return Verdict::Nothing(format!("entry {}: {error}", proof.index)),
    };
    let bound = receipt.is_some();
    match receipt {
        Some(expected) if entry != Entry::ContractOpen(expected) => Verdict::Nothing(format!(
            "entry {}: expected {}, found {}",
            proof.index,
            text_of(&Entry::ContractOpen(expected).to_bytes()),
            text_of(bytes)
        )),
        _ => Verdict::Entry { judged, index: proof.index, entry, bytes: bytes.clone(), bound },
    }
}

fn shares(proof: &ShareProof, policy: &Policy) -> Verdict {
    let judged = match policy.judge(&proof.close.note) {
        Ok(judged) => judged,
        Err(error) => return Verdict::Nothing(format!("checkpoint: {error}")),
    };
    let (close, records) = match proof.verify(&judged.checkpoint) {
        Ok(verified) => verified,
        Err(error) => return Verdict::Nothing(error.to_string()),
    };
    let Some(work) = work_of(&records) else {
        return Verdict::Nothing("the work of the shares exceeds 128 bits".into());
    };
    Verdict::Shares { judged, index: proof.close.index, proof: proof.clone(), of: close.shares.count, work }
}

fn work_of(records: &[ShareRecord]) -> Option<Work> {
    records.iter().try_fold(Work::ZERO, |sum, record| sum.checked_add(record.level.work()))
}

impl Verdict {
    fn to_text(&self) -> String {
        match self {
            Self::Nothing(why) => format!("PROVES NOTHING: {why}\n"),
            Self::Entry { judged, index, bytes, bound, .. } => {
                let bound = if *bound { "It opens the contract of your receipt.\n" } else { "" };
                format!("Entry {index} is in the log: {}\n{bound}{}", text_of(bytes), head_text(judged))
            }
            Self::Shares { judged, index, proof, of, work } => {
                let (first, last) = (proof.first, proof.first + proof.records.len() as u64 - 1);
                format!(
                    "Shares {first} to {last} of {of} are as epoch {} was sealed with them, entry {index} of the log.\n\
                     At the levels they name they are worth {work} hashes; that each hash meets its target is shown by \
                     verifying the epoch ('provenhash-audit verify'), not by this file.\n{}",
                    proof.epoch,
                    head_text(judged)
                )
            }
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Nothing(why) => json!({ "proven": false, "reason": why }),
            Self::Entry { judged, index, entry, bound, .. } => json!({
                "proven": true,
                "kind": "entry",
                "index": index,
                "entry": entry,
                "opens_contract_of_receipt": bound,
                "log": head_json(judged),
            }),
            Self::Shares { judged, index, proof, of, work } => json!({
                "proven": true,
                "kind": "shares",
                "index": index,
                "epoch": proof.epoch,
                "first": proof.first,
                "count": proof.records.len(),
                "of": of,
                "work": work,
                "log": head_json(judged),
            }),
        }
    }
}

fn head_text(judged: &Judged) -> String {
    let head = &judged.checkpoint;
    let cosigned: String =
        judged.cosigned.iter().map(|cosigned| format!(", cosigned by {}", cosigned.witness)).collect();
    format!("Log {}, {} entries, root {}{cosigned}\n", head.origin, head.size, head.root)
}

fn head_json(judged: &Judged) -> Value {
    let head = &judged.checkpoint;
    let cosigned = judged.cosigned.iter();
    let cosigned = cosigned.map(|cosigned| json!({ "witness": cosigned.witness, "time_s": cosigned.time_s }));
    json!({
        "origin": head.origin,
        "size": head.size,
        "root": head.root,
        "cosigned": cosigned.collect::<Vec<_>>(),
    })
}

fn text_of(entry: &[u8]) -> String {
    String::from_utf8_lossy(entry).into_owned()
}

fn read_receipt(path: &Path) -> Result<ContractOpen> {
    let receipt = Receipt::from_bytes(&read(path, POLICY_MAX)?);
    let open = receipt.and_then(|receipt| receipt.contract_open());
    open.with_context(|| format!("{}: not a contract's receipt", path.display()))
}

fn read(path: &Path, limit: usize) -> Result<Vec<u8>> {
    let size = fs::metadata(path).with_context(|| path.display().to_string())?.len();
    if size > limit as u64 {
        bail!("{}: {size} bytes are more than any such file has ({limit})", path.display());
    }
    fs::read(path).with_context(|| path.display().to_string())
}

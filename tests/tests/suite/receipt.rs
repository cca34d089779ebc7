//! Proofs that someone kept, verified by `provenhash-audit receipt` without any server.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use audit_core::entry::Entry;
use audit_core::epoch::{CHUNK_RECORDS, epoch_path};
use audit_core::merkle::{inclusion_proof, leaf_hash, prove_range};
use audit_core::share::RECORD_LEN;
use audit_core::share_proof::{ShareProof, ShareTree};
use audit_core::tlog_proof::TlogProof;
use serde_json::Value;
use tests::evidence::Log;
use tests::operator::{Cheats, Script, Story, receipt};
use tests::programs;

use crate::chain::Settled;

/// What the program said about a proof, with the buyer's receipt if it should open that contract.
fn ask(folder: &Path, proof: &[u8], bound: bool) -> anyhow::Result<(i32, Value)> {
    let file = folder.join("a.proof");
    std::fs::write(&file, proof)?;
    let mut command = Command::new(programs::provenhash_audit()?);
    command.args(["receipt", "--json"]).arg(file).arg("--policy").arg(folder.join("trusted.policy"));
    if bound {
        command.arg("--contract-receipt").arg(folder.join("receipt.json"));
    }
    let output = command.output()?;
    let code = output.status.code().context("ended by a signal")?;
    Ok((code, serde_json::from_slice(&output.stdout).unwrap_or_default()))
}

/// A log in memory, with its policy and the first buyer's receipt in a folder.
struct Kept {
    story: Story,
    log: Log,
    folder: tempfile::TempDir,
}

impl Kept {
    fn new() -> anyhow::Result<Kept> {
        let story = Script::tell(&Cheats::default());
        let log = Log::of_bundle(&story.files)?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("trusted.policy"), story.policy.to_string())?;
        std::fs::write(folder.path().join("receipt.json"), receipt(1).to_bytes())?;
        Ok(Kept { story, log, folder })
    }

    fn entry(&self, index: u64) -> anyhow::Result<TlogProof> {
        let leaves: Vec<_> = self.log.leaves.iter().map(|entry| leaf_hash(entry)).collect();
        let at = usize::try_from(index)?;
        let (extra, hashes) = (Some(self.log.leaves[at].clone()), inclusion_proof(at, &leaves)?);
        Ok(TlogProof { extra, index, hashes, note: self.story.files["log/checkpoint"].clone() })
    }

    fn shares(&self, epoch: u64, first: u64, count: u64) -> anyhow::Result<ShareProof> {
        let (shares, chunks) =
            (&self.story.files[&epoch_path(epoch, "shares")], &self.story.files[&epoch_path(epoch, "chunks")]);
        let records = shares.as_chunks::<RECORD_LEN>().0;
        let read = |chunk: u64| {
            let chunk = shares.chunks(CHUNK_RECORDS * RECORD_LEN).nth(usize::try_from(chunk)?);
            Ok::<_, anyhow::Error>(chunk.context("no such chunk")?.to_vec())
        };
        let hashes = prove_range(first, first + count, records.len() as u64, &mut ShareTree::new(chunks, read))?;
        let records = records[usize::try_from(first)?..usize::try_from(first + count)?].to_vec();
        let close = self.entry(self.log.closing(epoch)?)?;
        Ok(ShareProof { epoch, first, records, hashes, close })
    }

    /// Every flipped byte makes the program refuse; a sample keeps the test short, rules are tested byte by byte beside
    /// them.
    fn refuses_every_flip(&self, proof: &[u8]) -> anyhow::Result<()> {
        for at in (0..proof.len()).step_by(proof.len() / 40 + 1) {
            let mut flipped = proof.to_vec();
            flipped[at] ^= 0x02;
            let (code, said) = ask(self.folder.path(), &flipped, false)?;
            ensure!(code == 1 || code == 2, "byte {at} flipped: exit code {code}, {said}");
        }
        Ok(())
    }
}

#[test]
fn a_kept_proof_of_an_entry_verifies_and_a_changed_one_does_not() -> anyhow::Result<()> {
    let kept = Kept::new()?;
    let opened =
        |entry: &Entry| matches!(entry, Entry::ContractOpen(open) if open.contract == receipt(1).contract_id());
    let index = kept.log.entries.iter().position(opened).context("the first buyer's contract is opened")? as u64;
    let proof = kept.entry(index)?.to_bytes();
    let (code, said) = ask(kept.folder.path(), &proof, true)?;
    assert_eq!((code, &said["opens_contract_of_receipt"]), (0, &Value::Bool(true)), "{said}");
    assert_eq!(said["entry"]["type"], "contract_open");
    kept.refuses_every_flip(&proof)?;

    let (code, said) = ask(kept.folder.path(), &kept.entry(index - 1)?.to_bytes(), true)?;
    assert_eq!((code, &said["proven"]), (1, &Value::Bool(false)), "another entry is not the receipt's contract");
    Ok(())
}

#[test]
fn a_kept_proof_of_shares_verifies_and_a_changed_one_does_not() -> anyhow::Result<()> {
    let kept = Kept::new()?;
    for (first, count) in [(0, 1), (2, 3)] {
        let proof = kept.shares(1, first, count)?;
        let (code, said) = ask(kept.folder.path(), &proof.to_bytes(), false)?;
        assert_eq!(code, 0, "{said}");
        assert_eq!((&said["first"], &said["count"]), (&first.into(), &count.into()));
        kept.refuses_every_flip(&proof.to_bytes())?;
        let moved = ShareProof { first: first + 1, ..proof };
        assert_eq!(ask(kept.folder.path(), &moved.to_bytes(), false)?.0, 1, "the same shares at another place");
    }
    Ok(())
}

#[test]
fn a_proof_of_a_log_that_is_not_trusted_proves_nothing() -> anyhow::Result<()> {
    let kept = Kept::new()?;
    let other = audit_core::checkpoint::LogKey::new(&kept.log.checkpoint.origin, &[9; 32]).vkey();
    std::fs::write(kept.folder.path().join("trusted.policy"), format!("log {other}\nquorum none\n"))?;
    let (code, said) = ask(kept.folder.path(), &kept.entry(0)?.to_bytes(), false)?;
    assert_eq!((code, &said["proven"]), (1, &Value::Bool(false)));
    Ok(())
}

/// A running server gives the proofs that its pages link to.
pub(crate) async fn served(settled: &Settled) -> anyhow::Result<()> {
    let (api, folder) = (&settled.buyer.api, settled.folder.path());
    let contract: Value = api.get(&format!("contracts/{}", settled.buyer.contract.id)).await?;
    let credits: Value = api.get(&format!("contracts/{}/credits", settled.buyer.contract.id)).await?;
    let fetch = async |path: String| api.evidence(&path).await?.with_context(|| format!("{path} is missing"));

    let opened = fetch(format!("api/v1/log/entries/{}/proof", contract["leaf_index"])).await?;
    let (code, said) = ask(folder, &opened, true)?;
    ensure!(code == 0 && said["opens_contract_of_receipt"] == true, "contract_open: {said}");
    let settlement = fetch(format!("api/v1/log/entries/{}/proof", credits["items"][0]["leaf_index"])).await?;
    let (code, said) = ask(folder, &settlement, false)?;
    ensure!(code == 0 && said["entry"]["type"] == "settlement", "settlement: {said}");

    let epochs: Value = api.get("epochs").await?;
    let mined = epochs["items"].as_array().context("a list")?.iter().find(|epoch| epoch["shares"].as_u64() > Some(1));
    let epoch = &mined.context("an epoch with shares")?["epoch"];
    let shares = fetch(format!("api/v1/epochs/{epoch}/shares/proof?first=0&count=2")).await?;
    let (code, said) = ask(folder, &shares, false)?;
    ensure!(code == 0 && said["count"] == 2 && said["epoch"] == *epoch, "shares: {said}");
    let kept = said["index"].as_u64().context("an index")? + 1;
    let fixed = fetch(format!("api/v1/epochs/{epoch}/shares/proof?first=0&count=2&size={kept}")).await?;
    let (code, said) = ask(folder, &fixed, false)?;
    ensure!(code == 0 && said["log"]["size"] == kept, "shares under a kept checkpoint: {said}");
    Ok(())
}

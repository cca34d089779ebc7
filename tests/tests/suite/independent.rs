//! A second verifier, written in another language from the specification alone, says what ours says.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use audit_core::checkpoint::LogKey;
use serde_json::json;
use tests::auditor;
use tests::independent::{self, verify};
use tests::operator::{Cheats, ORIGIN, Script, cases::Vector, mutate::mutate, receipt};
use tests::random::Random;
use tests::server::Plan;
use tests::{bundle, figure};

use crate::chain::Settled;

const CHANGES: u64 = 60;
const CHANGES_OF_LOGS: u64 = 120;

#[test]
fn it_agrees_on_every_vector() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/audit");
    let mut agreed = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let vector: Vector = serde_json::from_slice(&fs::read(&path)?)?;
        let verdict = verify(&path, &[])?;
        let report = verdict.report.as_ref().unwrap_or_else(|| panic!("{}: {verdict:?}", path.display()));
        assert_eq!(report.failed(), vector.fails.as_deref().into_iter().collect::<Vec<_>>(), "{}", path.display());
        assert_eq!(report.held, vector.fails.is_none(), "{}", path.display());
        if let (Some(work), Some(contract)) = (vector.work, &report.contract) {
            assert_eq!(report.totals.work, work.to_string());
            assert_eq!(Some(contract.credited_sats), vector.credited_sats.map(|sats| sats.get()));
        }
        agreed += 1;
    }
    figure::print("independent", json!({ "vectors": agreed }));
    assert!(agreed > 0);
    Ok(())
}

#[tokio::test]
async fn it_agrees_on_a_real_bundle_and_on_every_changed_byte_of_it() -> anyhow::Result<()> {
    let mut settled = Settled::play(|folder| Plan::embedded(folder.path())).await?;
    settled.rig.stop().await?;
    settled.server.stop().await?;
    let folder = settled.folder.path().join("bundle");
    let ours = settled.audit("bundle")?.run()?.held()?;
    check_totals(&ours, &ask(&settled, "bundle")?)?;
    bundle::pack(&folder, &settled.folder.path().join("bundle.tar"))?;
    check_totals(&ours, &ask(&settled, "bundle.tar")?)?;

    let honest = bundle::read(&folder)?;
    let paths: Vec<&String> = honest.keys().collect();
    let mut random = Random::printed("changed bytes for two verifiers");
    for number in 0..CHANGES {
        let path = *random.choose(&paths);
        let mut files = honest.clone();
        let bytes = files.entry(path.clone()).or_default();
        let at = random.below(bytes.len().max(1) as u64) as usize;
        let Some(byte) = bytes.get_mut(at) else { continue };
        let mask = 1 + random.below(255) as u8;
        *byte ^= mask;
        // Every other change is hidden behind a list of hashes that fits it.
        if number % 2 == 0 {
            bundle::resum(&mut files);
        }
        bundle::write(&files, &folder)?;
        check_checks(&settled, &format!("{path}, byte {at} ^ {mask:#04x}, change {number}"))?;
        bundle::write(&honest, &folder)?;
    }
    figure::print("independent", json!({ "changes": CHANGES }));
    Ok(())
}

/// What the independent verifier says of a source in the folder.
fn ask(settled: &Settled, source: &str) -> anyhow::Result<independent::Verdict> {
    let path = settled.folder.path();
    let file = |name: &str| -> PathBuf { path.join(name) };
    verify(&file(source), &[("--policy", file("trusted.policy")), ("--receipt", file("receipt.json"))])
}

/// Both hold, and found the same.
fn check_totals(ours: &auditor::Report, theirs: &independent::Verdict) -> anyhow::Result<()> {
    let Some(report) = theirs.report.as_ref().filter(|report| report.held) else {
        anyhow::bail!("the independent verifier refuses what ours accepts: {theirs:?}")
    };
    let (mine, other) = (&ours.totals, &report.totals);
    assert_eq!(ours.tree_size, other.tree_size);
    assert_eq!((mine.epochs, mine.shares, &mine.work), (other.epochs, other.shares, &other.work));
    assert_eq!((mine.blocks, mine.reward_sats), (other.blocks, other.reward_sats));
    assert_eq!(mine.credits_sats, other.credits_sats);
    let mine = ours.contract.as_ref().map(|contract| (contract.work.as_str(), contract.credited_sats));
    let other = report.contract.as_ref().map(|contract| (contract.work.as_str(), contract.credited_sats));
    assert_eq!(mine, other);
    for check in &ours.checks {
        let found = report.checks.get(&check.id).map(|check| check.outcome.as_str());
        assert_eq!(Some(check.outcome.as_str()), found, "{}", check.id);
    }
    Ok(())
}

/// Both give the same verdict on the changed bundle, and the same outcome of every check that both could judge.
fn check_checks(settled: &Settled, change: &str) -> anyhow::Result<()> {
    let ours = settled.audit("bundle")?.run()?;
    let theirs = ask(settled, "bundle")?;
    ensure!(ours.code == theirs.code, "{change}: exit code {} and {}\n{ours:?}\n{theirs:?}", ours.code, theirs.code);
    let (Some(ours), Some(theirs)) = (&ours.report, &theirs.report) else { return Ok(()) };
    for check in &ours.checks {
        let found = theirs.checks.get(&check.id).map_or("absent", |check| check.outcome.as_str());
        let judged = [check.outcome.as_str(), found].iter().all(|outcome| ["held", "failed"].contains(outcome));
        ensure!(!judged || check.outcome == found, "{change}: {} is {} and {found}", check.id, check.outcome);
    }
    Ok(())
}

#[test]
fn it_agrees_on_random_changes_of_a_signed_log() -> anyhow::Result<()> {
    let (story, key) = (Script::tell(&Cheats::default()), LogKey::new(ORIGIN, &[7; 32]));
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    fs::write(path("policy"), story.policy.to_string())?;
    fs::write(path("receipt"), receipt(1).to_bytes())?;
    let mut random = Random::printed("changes of a signed log");
    for number in 0..CHANGES_OF_LOGS {
        let mut files = story.files.clone();
        let change = mutate(&mut files, &key, &mut random);
        bundle::resum(&mut files);
        let source = path(&format!("bundle-{number}"));
        bundle::write(&files, &source)?;
        let ours = auditor::Audit::of(&source)?.policy(&path("policy")).receipt(&path("receipt")).run()?;
        let theirs = verify(&source, &[("--policy", path("policy")), ("--receipt", path("receipt"))])?;
        ensure!(
            ours.code == theirs.code,
            "{change}: exit code {} and {}\n{ours:?}\n{theirs:?}",
            ours.code,
            theirs.code
        );
        let failures = ours.failures();
        let blamed: Vec<&str> = theirs.report.iter().flat_map(|report| report.failed()).collect();
        let shared = failures.iter().any(|check| blamed.contains(&check.id.as_str()));
        ensure!(ours.code == 0 || shared, "{change}: ours blames {failures:?}, theirs {blamed:?}");
    }
    figure::print("independent", json!({ "changes_of_logs": CHANGES_OF_LOGS }));
    Ok(())
}

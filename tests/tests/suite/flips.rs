//! No byte of a bundle can change unseen, whether or not its list of hashes was changed with it.

use std::fs;
use std::path::Path;

use audit_core::bundle::{Files, SUMS};
use serde_json::json;
use tests::random::Random;
use tests::server::Plan;
use tests::{bundle, figure};

use crate::chain::Settled;

const CHANGES: u64 = 500;
/// The operator's own word on whom to trust. The auditor here, as any careful one, got that from elsewhere.
const NOT_EVIDENCE: &str = "log/policy";

/// One way to damage a file.
#[derive(Debug)]
enum Change {
    Flip { at: usize, mask: u8 },
    Cut { to: usize },
    Extend { by: Vec<u8> },
}

impl Change {
    fn random(random: &mut Random, length: usize) -> Change {
        let at = |random: &mut Random| random.below(length.max(1) as u64) as usize;
        match random.below(10) {
            8 if length > 0 => Change::Cut { to: at(random) },
            9 => Change::Extend { by: vec![random.bits() as u8; 1 + random.below(32) as usize] },
            _ if length > 0 => Change::Flip { at: at(random), mask: 1 + random.below(255) as u8 },
            _ => Change::Extend { by: vec![0] },
        }
    }

    fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut changed = bytes.to_vec();
        match self {
            Change::Flip { at, mask } => changed[*at] ^= mask,
            Change::Cut { to } => changed.truncate(*to),
            Change::Extend { by } => changed.extend(by),
        }
        changed
    }
}

/// Writes the change, asks the auditor, puts the bundle back; whether it was refused, naming a check and a place.
fn is_caught(settled: &Settled, honest: &Files, path: &str, changed: Vec<u8>, resum: bool) -> anyhow::Result<bool> {
    let folder = settled.folder.path().join("bundle");
    let mut files = honest.clone();
    files.insert(path.to_owned(), changed);
    if resum {
        bundle::resum(&mut files);
    }
    let write = |files: &Files, path: &str| fs::write(folder.join(path), &files[path]);
    write(&files, path)?;
    write(&files, SUMS)?;
    let verdict = settled.audit("bundle")?.run()?;
    write(honest, path)?;
    write(honest, SUMS)?;
    let caught = verdict.refuses_with_place();
    if !caught {
        println!("not caught: {verdict:?}");
    }
    Ok(caught)
}

#[tokio::test]
async fn every_changed_byte_cut_and_addition_is_caught() -> anyhow::Result<()> {
    let mut settled = Settled::play(|folder| Plan::embedded(folder.path())).await?;
    settled.rig.stop().await?;
    settled.server.stop().await?;
    let honest = bundle::read(&settled.folder.path().join("bundle"))?;
    settled.audit("bundle")?.run()?.held()?;
    let mut random = Random::printed("changes to a bundle");
    let (mut tried, mut caught) = (0, 0);
    for number in 0..CHANGES {
        // Every other change is hidden behind a list of hashes that fits it.
        let resum = number % 2 == 0;
        let may = |path: &&String| !resum || (path.as_str() != SUMS && path.as_str() != NOT_EVIDENCE);
        let paths: Vec<&String> = honest.keys().filter(may).collect();
        let path = *random.choose(&paths);
        let change = Change::random(&mut random, honest[path].len());
        tried += 1;
        if is_caught(&settled, &honest, path, change.apply(&honest[path]), resum)? {
            caught += 1;
        } else {
            println!("{path}: {change:?}, SHA256SUMS {}", if resum { "recomputed" } else { "stale" });
        }
    }
    figure::print("flips", json!({ "tried": tried, "caught": caught }));
    assert_eq!(caught, tried, "changes that went unseen");
    Ok(())
}

#[tokio::test]
async fn a_missing_and_an_additional_file_are_caught() -> anyhow::Result<()> {
    let mut settled = Settled::play(|folder| Plan::embedded(folder.path())).await?;
    settled.rig.stop().await?;
    settled.server.stop().await?;
    let folder = settled.folder.path().join("bundle");
    let check = |settled: &Settled, what: &str| -> anyhow::Result<()> {
        let verdict = settled.audit("bundle")?.run()?;
        assert!(verdict.refuses_with_place(), "{what}: {verdict:?}");
        Ok(())
    };
    fs::write(folder.join("epoch/1/extra"), "not listed")?;
    check(&settled, "an additional file")?;
    fs::remove_file(folder.join("epoch/1/extra"))?;
    let honest = bundle::read(&folder)?;
    for path in honest.keys() {
        fs::remove_file(folder.join(path))?;
        check(&settled, &format!("{path} missing"))?;
        fs::write(folder.join(path), &honest[path])?;
    }
    settled.audit("bundle")?.run()?.held()?;
    check_archive(&settled, &folder)
}

/// An archive that is cut short or goes on behind its end is refused too; it is no bundle, so there is no report.
fn check_archive(settled: &Settled, folder: &Path) -> anyhow::Result<()> {
    let tar = settled.folder.path().join("bundle.tar");
    bundle::pack(folder, &tar)?;
    let whole = fs::read(&tar)?;
    for damaged in [&whole[..whole.len() - 1], &[&whole[..], &[0; 512]].concat()] {
        fs::write(&tar, damaged)?;
        let verdict = settled.audit("bundle.tar")?.run()?;
        assert_ne!(verdict.code, 0, "{verdict:?}");
        assert!(verdict.report.is_some() || verdict.message.contains("bundle.tar"), "{verdict:?}");
    }
    Ok(())
}

//! `provenhash-audit verify` on logs with many shares: threads, going on after a kill, depths, and what it keeps.

use std::fs;
use std::path::{Path, PathBuf};

use audit_core::bundle::{Files, to_tar};
use tempfile::TempDir;
use tests::auditor::Audit;
use tests::bundle::{read, resum, write};
use tests::operator::long::log_of;
use tests::poll::{SOON, until};

/// Bitcoin's target in 2024, so that no share is a block.
const NBITS: u32 = 0x1703_1abe;

struct Setting {
    folder: TempDir,
}

impl Setting {
    /// A bundle's folder with one epoch for each number of shares.
    fn new(shares: &[usize]) -> Setting {
        let setting = Setting { folder: tempfile::tempdir().expect("a temporary folder") };
        setting.publish(log_of(shares, NBITS, &|_| {}).0);
        setting
    }

    fn publish(&self, mut files: Files) {
        resum(&mut files);
        write(&files, &self.path("bundle")).expect("the folder can be written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn audit(&self) -> Audit {
        Audit::of(self.path("bundle")).expect("the auditor is built")
    }

    fn resumed(&self) -> Audit {
        self.audit().resume(&self.path("resume"))
    }
}

fn shares(bundle: &Path, epoch: u64) -> PathBuf {
    bundle.join(format!("epoch/{epoch}/shares"))
}

#[test]
fn any_number_of_threads_gives_the_same_report() {
    let setting = Setting::new(&[5_000, 300, 0, 300, 5_000, 10, 1]);
    let alone = setting.audit().options(&["--threads", "1"]).text().unwrap();
    assert!(alone.contains("\"held\": true"), "{alone}");
    assert_eq!(setting.audit().options(&["--threads", "5"]).text().unwrap(), alone);
    assert_eq!(setting.audit().text().unwrap(), alone);
}

#[tokio::test]
async fn an_audit_that_was_killed_goes_on_from_what_it_had_done() {
    let setting = Setting::new(&[4_000; 40]);
    let file = setting.path("resume");
    let mut running = setting.resumed().options(&["--threads", "1"]).start().unwrap();
    let some = async || Ok(fs::read(&file).ok().filter(|kept| kept.len() > 1_000));
    until("some results to be kept", SOON, some).await.unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    let kept = fs::read(&file).unwrap();
    let whole_lines = kept.iter().filter(|byte| **byte == b'\n').count();
    let uninterrupted = setting.audit().text().unwrap();
    assert_eq!(setting.resumed().text().unwrap(), uninterrupted);
    let now = fs::read(&file).unwrap();
    let last_whole = kept.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    assert_eq!(now[..last_whole], kept[..last_whole], "what was kept stays");
    assert_eq!(now.iter().filter(|byte| **byte == b'\n').count(), 1 + 39, "{whole_lines} lines were kept");
}

#[test]
fn what_is_kept_is_not_done_again_and_a_torn_line_is() {
    let setting = Setting::new(&[300, 300, 1]);
    setting.resumed().options(&["--threads", "1"]).run().unwrap().held().unwrap();
    for epoch in [1, 2] {
        fs::remove_file(shares(&setting.path("bundle"), epoch)).unwrap();
    }
    let mut files = read(&setting.path("bundle")).unwrap();
    resum(&mut files);
    write(&files, &setting.path("bundle")).unwrap();
    // Nothing of it is read again, so nothing is missed.
    setting.resumed().run().unwrap().held().unwrap();
    let file = setting.path("resume");
    let kept = fs::read(&file).unwrap();
    fs::write(&file, &kept[..kept.len() - 7]).unwrap();
    let verdict = setting.resumed().run().unwrap();
    let failures = verdict.failures();
    let [failure] = failures[..] else { panic!("{failures:?}") };
    assert_eq!((failure.id.as_str(), failure.place.as_ref().unwrap().file.as_str()), ("share.work", "epoch/2/shares"));
}

#[test]
fn a_result_that_failed_is_computed_again() {
    let setting = Setting::new(&[300, 300, 1]);
    let honest = read(&setting.path("bundle")).unwrap();
    let mut bent = honest.clone();
    bent.get_mut("epoch/2/shares").unwrap()[20] ^= 1;
    setting.publish(bent);
    assert_eq!(setting.resumed().run().unwrap().code, 1);
    setting.publish(honest);
    setting.resumed().run().unwrap().held().unwrap();
}

#[test]
fn a_file_of_something_else_is_not_taken_for_results() {
    let setting = Setting::new(&[10, 1]);
    for other in ["provenhash-audit 0.0.0 counted\n", "a letter", "a letter\nof two lines\n"] {
        fs::write(setting.path("resume"), other).unwrap();
        assert_eq!(setting.resumed().run().unwrap().code, 2);
        assert_eq!(fs::read_to_string(setting.path("resume")).unwrap(), other, "it is left alone");
    }
}

#[test]
fn the_seed_that_is_reported_repeats_the_draw() {
    let setting = Setting::new(&[300; 30]);
    let sampled = |seed: &[&str]| {
        let options = [&["--depth", "sampled", "--samples", "5"][..], seed].concat();
        let text = setting.audit().options(&options).text().unwrap();
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&report["held"], &report["sampling"]["samples"]), (&true.into(), &5.into()), "{text}");
        (report["sampling"]["seed"].as_str().unwrap().to_owned(), text)
    };
    let (seed, text) = sampled(&[]);
    assert_eq!(sampled(&["--seed", &seed]).1, text);
    assert_ne!(sampled(&[]).0, seed, "another draw each time");
}

#[test]
fn what_is_saved_is_the_canonical_archive_of_what_was_read() {
    let setting = Setting::new(&[5_000, 20, 0, 1]);
    let tar = setting.path("saved.tar");
    setting.audit().save(&tar).run().unwrap().held().unwrap();
    let saved = setting.path("saved");
    Audit::of(&tar).unwrap().save(&saved).run().unwrap().held().unwrap();
    let files = read(&saved).unwrap();
    assert_eq!(files.get("epoch/1/shares").map(Vec::len), Some(5_000 * 24));
    assert_eq!(files.get("epoch/3/shares").map(Vec::len), Some(0));
    assert!(fs::read(&tar).unwrap() == to_tar(&files), "the archive is canonical");
    Audit::of(&saved).unwrap().run().unwrap().held().unwrap();
    let partial = setting.audit().save(&setting.path("partial")).options(&["--depth", "estimate"]);
    assert_eq!(partial.run().unwrap().code, 2, "a bundle of parts of files is none");
}

#[test]
fn no_byte_of_an_archive_can_change_unseen() {
    let setting = Setting::new(&[20, 1]);
    let tar = to_tar(&read(&setting.path("bundle")).unwrap());
    let file = setting.path("bundle.tar");
    let flipped = |at: usize| {
        let mut changed = tar.clone();
        changed[at] ^= 1;
        changed
    };
    for (name, changed) in [
        ("a header", flipped(110)),
        ("a content", flipped(512 + 70)),
        ("padding", flipped(tar.len() - 1_025)),
        ("the end", flipped(tar.len() - 1)),
        ("the length", tar[..tar.len() - 512].to_vec()),
        ("something behind", [&tar[..], &[0; 512]].concat()),
    ] {
        fs::write(&file, changed).unwrap();
        let verdict = Audit::of(&file).unwrap().run().unwrap();
        assert_ne!(verdict.code, 0, "{name}: {verdict:?}");
    }
    fs::write(&file, tar).unwrap();
    Audit::of(&file).unwrap().run().unwrap().held().unwrap();
}

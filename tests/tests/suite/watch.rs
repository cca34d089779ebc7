//! `provenhash-audit watch` on logs that grow, fork, go back, lie and fall silent.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use audit_core::bundle::Files;
use audit_core::entry::{Entry, ExternalInput};
use audit_core::tile::{bundles, entries_path, split_bundle};
use audit_core::tile_tree::Edge;
use tests::bundle;
use tests::operator::{Cheats, Script, Story};
use tests::witness::{Watched, watch};

/// A log in a folder, and a watch of it.
struct Watching {
    folder: tempfile::TempDir,
}

impl Watching {
    fn new(story: &Story) -> anyhow::Result<Self> {
        let watching = Self { folder: tempfile::tempdir()? };
        fs::write(watching.path("policy"), story.policy.to_string())?;
        watching.show(story)?;
        Ok(watching)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// From now on this is what the log shows.
    fn show(&self, story: &Story) -> anyhow::Result<()> {
        let log = self.path("log");
        if log.exists() {
            fs::remove_dir_all(&log)?;
        }
        let mut files = with_tiles(story)?;
        bundle::resum(&mut files);
        bundle::write(&files, &log)
    }

    fn look(&self, more: &[&str]) -> anyhow::Result<Watched> {
        let (log, state, policy) = (self.path("log"), self.path("state"), self.path("policy"));
        let mut arguments = vec![log.as_os_str(), "--once".as_ref(), "--state".as_ref(), state.as_os_str()];
        arguments.extend(["--policy".as_ref(), policy.as_os_str()]);
        arguments.extend(more.iter().map(std::ffi::OsStr::new));
        watch(arguments)
    }

    #[track_caller]
    fn ends(&self, more: &[&str], code: i32, word: &str) {
        let Watched { code: found, said } = self.look(more).expect("a watch can be started");
        assert_eq!(found, code, "{said}");
        assert!(said.contains(word), "{said}");
    }

    /// The proof that was kept, and whether it proves a fork to who has the policy and nothing else.
    fn proves(&self, name: &str) -> anyhow::Result<bool> {
        let (proof, policy) = (self.path("state").join(name), self.path("policy"));
        let checked = watch(["--check-proof".as_ref(), proof.as_os_str(), "--policy".as_ref(), policy.as_os_str()])?;
        assert!(matches!(checked.code, 0 | 1), "{}", checked.said);
        Ok(checked.code == 0)
    }
}

/// The honest story with some epochs more.
fn honest(epochs_after: u64) -> Story {
    Script::tell(&Cheats { epochs_after, ..Cheats::default() })
}

/// Another past under the same key, with one entry more than the honest one. Its shares are others, so how many blocks
/// they find has to be tried.
fn forked(epochs_after: u64) -> Story {
    let told = |price: u32| {
        let another_past = |entries: &mut Vec<Entry>| {
            let (name, value, source) = ("btcusd_cents".into(), price.to_string(), "another view".into());
            entries.push(Entry::ExternalInput(ExternalInput { name, value, source, at_ms: 1 }));
        };
        Script::tell(&Cheats { contract: &another_past, epochs_after, ..Cheats::default() })
    };
    let size = size_of(&honest(epochs_after)) + 1;
    (1..).map(told).find(|story| size_of(story) == size).expect("some price gives as many blocks")
}

fn size_of(story: &Story) -> u64 {
    story.policy.judge(&story.files["log/checkpoint"]).expect("the story is signed").checkpoint.size
}

/// The story's files with its hash tiles, as a server has them.
fn with_tiles(story: &Story) -> anyhow::Result<Files> {
    let size = size_of(story);
    let (mut files, mut edge) = (story.files.clone(), Edge::new());
    let mut tiles = Vec::new();
    for (index, width) in bundles(size) {
        let entries = &story.files[&format!("log/{}", entries_path(index, width))];
        let entries = split_bundle(entries, width).map_err(|at| anyhow::anyhow!("malformed at {at}"))?;
        entries.iter().for_each(|entry| tiles.extend(edge.push(entry)));
    }
    tiles.extend(edge.partial_files(0));
    files.extend(tiles.into_iter().map(|tile| (format!("log/{}", tile.path), tile.bytes)));
    Ok(files)
}

fn note(story: &Story, folder: &Path) -> anyhow::Result<String> {
    let path = folder.join("gossip");
    fs::write(&path, &story.files["log/checkpoint"])?;
    Ok(path.display().to_string())
}

#[test]
fn a_log_that_only_grows_is_watched_in_peace() -> anyhow::Result<()> {
    let watching = Watching::new(&honest(0))?;
    watching.ends(&[], 0, "everything checked holds");
    watching.ends(&[], 0, "everything checked holds");
    for epochs in [1, 3] {
        watching.show(&honest(epochs))?;
        watching.ends(&[], 0, "continues what was seen");
    }
    let gossip = note(&honest(1), watching.folder.path())?;
    watching.ends(&["--gossip", &gossip], 0, "everything checked holds");
    Ok(())
}

#[test]
fn a_fork_ends_the_watch_with_a_proof_that_holds_anywhere() -> anyhow::Result<()> {
    // The other history has one entry more: far longer, just longer, and shorter.
    for (before, after) in [(0, 2), (1, 1), (2, 0)] {
        let watching = Watching::new(&honest(before))?;
        watching.ends(&[], 0, "everything checked holds");
        watching.show(&forked(after))?;
        let looked = watching.look(&[])?;
        assert_eq!(looked.code, 3, "{}", looked.said);
        let kept: Vec<String> = fs::read_dir(watching.path("state"))?
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_, _>>()?;
        let proof = kept.iter().find(|name| name.starts_with("fork-") || name.starts_with("rollback-"));
        let proof = proof.unwrap_or_else(|| panic!("{kept:?}"));
        // Of a log that went back and hides its newer tiles nothing can be proven; both notes are kept all the same.
        assert_eq!(watching.proves(proof)?, after >= before, "{proof}: {}", looked.said);
        watching.ends(&[], 3, "");
    }
    Ok(())
}

#[test]
fn a_fork_that_others_were_shown_is_found_through_gossip() -> anyhow::Result<()> {
    let watching = Watching::new(&honest(2))?;
    watching.ends(&[], 0, "everything checked holds");
    let gossip = note(&forked(0), watching.folder.path())?;
    watching.ends(&["--gossip", &gossip], 3, "FORK");
    let nonsense = watching.path("nonsense");
    fs::write(&nonsense, "not a note")?;
    let watching = Watching::new(&honest(2))?;
    watching.ends(&["--gossip", &nonsense.display().to_string()], 0, "no checkpoint that the log signed");
    watching.ends(&["--gossip", "/nowhere"], 0, "gossip /nowhere");
    Ok(())
}

#[test]
fn a_log_that_goes_back_ends_the_watch() -> anyhow::Result<()> {
    let watching = Watching::new(&honest(2))?;
    watching.ends(&[], 0, "everything checked holds");
    watching.show(&honest(1))?;
    watching.ends(&[], 3, "ROLLBACK");
    Ok(())
}

#[test]
fn tiles_of_another_tree_and_lies_in_the_contents_fail() -> anyhow::Result<()> {
    let watching = Watching::new(&honest(0))?;
    watching.ends(&[], 0, "everything checked holds");
    let mut mixed = honest(2);
    mixed.files.insert("log/checkpoint".into(), forked(2).files["log/checkpoint"].clone());
    let size = mixed.policy.judge(&mixed.files["log/checkpoint"])?.checkpoint.size;
    assert!(size > 0);
    watching.show(&honest(2))?;
    fs::write(watching.path("log").join("log/checkpoint"), &mixed.files["log/checkpoint"])?;
    assert!(matches!(watching.look(&[])?.code, 1 | 2), "tiles that are not of the signed tree");

    let inflated = |epoch: &mut audit_core::seal::SealedEpoch| epoch.close.shares.count += 1;
    let lying = Script::tell(&Cheats { sealed: &inflated, ..Cheats::default() });
    Watching::new(&lying)?.ends(&[], 1, "FAILED");
    let other_key = Watching::new(&honest(0))?;
    fs::write(other_key.path("log").join("log/checkpoint"), "no note")?;
    other_key.ends(&[], 1, "not to be believed");
    Ok(())
}

#[test]
fn silence_is_reported_and_has_an_exit_code_of_its_own() -> anyhow::Result<()> {
    let watching = Watching::new(&honest(0))?;
    watching.ends(&["--max-silence", "100"], 0, "everything checked holds");
    // The story's epochs have ten seconds; the newest head was seen an hour ago.
    let last = File::options().write(true).open(watching.path("state").join("last.checkpoint"))?;
    last.set_modified(SystemTime::now() - Duration::from_secs(3_600))?;
    watching.ends(&[], 0, "SILENCE");
    watching.ends(&["--max-silence", "100"], 4, "SILENCE");
    watching.show(&honest(1))?;
    watching.ends(&["--max-silence", "100"], 0, "everything checked holds");
    Ok(())
}

#[test]
fn what_can_not_be_used_is_neither_well_nor_an_alarm() -> anyhow::Result<()> {
    let watching = Watching::new(&honest(0))?;
    fs::remove_file(watching.path("log").join("log/checkpoint"))?;
    watching.ends(&[], 2, "log/checkpoint");
    assert_eq!(watch(["--check-proof", "/nowhere", "--policy", "/nowhere"])?.code, 2);
    Ok(())
}

#[test]
fn without_a_policy_the_first_look_is_trusted_for_ever() -> anyhow::Result<()> {
    let watching = Watching::new(&honest(0))?;
    let (log, state) = (watching.path("log"), watching.path("state"));
    let look = || watch([log.as_os_str(), "--once".as_ref(), "--state".as_ref(), state.as_os_str()]);
    let first = look()?;
    assert!(first.code == 0 && first.said.contains("Trusting"), "{}", first.said);
    fs::write(log.join("log/policy"), "log other\nquorum none\n")?;
    assert_eq!(look()?.code, 0);
    Ok(())
}

use audit_core::allocation::AllocationRoot;
use audit_core::entry::{BlockFate, ChainTip, EpochOpen};
use audit_core::hash::{BlockHash, Hash32};
use audit_core::work::Units;
use tempfile::TempDir;

use super::*;
use crate::clock::now_ms;
use crate::db::Database;
use crate::evidence::EvidenceStore;
use crate::tlog::check::{ORIGIN, TestLog, database_url};
use crate::tlog::cosign::fake::FakeWitness;
use crate::tlog::{WitnessSettings, WitnessStatus, load_or_create_key};

/// Longer than any test: what waits for it has failed.
const LONG: Duration = Duration::from_secs(300);
const SHORT: Duration = Duration::from_millis(300);

fn entry(number: u64) -> Entry {
    Entry::BlockMatured(BlockFate { hash: BlockHash::from_number(Hash32::of(&number.to_be_bytes()).0) })
}

/// An entry whose checkpoint is kept.
fn epoch_open(epoch: u64, start_ms: u64) -> Entry {
    let allocation = AllocationRoot { count: 1, total: Units::new(1).unwrap(), root: Hash32([3; 32]) };
    let chain = ChainTip { height: 1, hash: BlockHash([4; 32]) };
    Entry::EpochOpen(EpochOpen { epoch, start_ms, chain, allocation })
}

/// A log with three witnesses of whom two must cosign.
struct Witnessed {
    log: TestLog,
    witnesses: [FakeWitness; 3],
    timeout: Duration,
}

impl Witnessed {
    async fn new(timeout: Duration) -> Self {
        let plain = TestLog::new().await;
        let vkey = plain.sequencer.vkey();
        let mut witnesses = Vec::new();
        for number in 1..=3 {
            witnesses.push(FakeWitness::start(number, vkey.clone()).await);
        }
        let Ok(witnesses) = <[FakeWitness; 3]>::try_from(witnesses) else { panic!("three") };
        let log = open(plain.stop().await, &witnesses, timeout).await.unwrap();
        Self { log, witnesses, timeout }
    }

    async fn restart(self) -> Self {
        let log = open(self.log.stop().await, &self.witnesses, self.timeout).await.unwrap();
        Self { log, ..self }
    }

    /// Signs the entries and makes one pass of publication.
    async fn append(&self, entries: &[Entry]) -> Pass {
        self.log.sequence(entries).await;
        self.log.sequencer.lock().await.integrate().await.unwrap();
        self.pass().await
    }

    async fn pass(&self) -> Pass {
        let shared = &self.log.sequencer.shared;
        shared.publish_pending(shared.publication.cosigner().unwrap()).await.unwrap()
    }

    fn head(&self) -> u64 {
        self.log.sequencer.head().size
    }

    /// The witnesses' names on a published note.
    fn cosigned(&self, path: &str) -> String {
        let note = self.log.store.read(path).unwrap().unwrap_or_else(|| panic!("{path} is missing"));
        let shared = &self.log.sequencer.shared;
        let policy = shared.publication.cosigner().unwrap().policy();
        policy.judge_log(&note).unwrap().witnesses()
    }

    fn policy(&self) -> Policy {
        Policy::parse(self.log.store.read("log/policy").unwrap().unwrap()).unwrap()
    }

    fn errors(&self) -> Vec<Option<String>> {
        let status = self.log.sequencer.witnesses();
        status.into_iter().map(|WitnessStatus { error, .. }| error).collect()
    }
}

async fn open(folder: TempDir, witnesses: &[FakeWitness], timeout: Duration) -> Result<TestLog, TlogError> {
    let database = Database::open(&database_url(&folder)).await?;
    let store = EvidenceStore::new(folder.path());
    let key = load_or_create_key(&folder.path().join("log.key"), ORIGIN, true).unwrap();
    let witnesses = witnesses.iter().map(FakeWitness::listed).collect();
    let settings = WitnessSettings { policy: None, witnesses, timeout };
    let cosigner = Cosigner::new(settings.policy_of(&key.vkey()).unwrap(), timeout).unwrap();
    match Sequencer::open_witnessed(database.clone(), store.clone(), key, Some(cosigner)).await {
        Ok(sequencer) => Ok(TestLog { folder, database, store, sequencer }),
        Err(error) => {
            database.close().await;
            Err(error)
        }
    }
}

#[tokio::test]
async fn a_head_is_public_once_the_quorum_has_cosigned_it() {
    let witnessed = Witnessed::new(LONG).await;
    assert_eq!(witnessed.append(&[entry(1), entry(2)]).await, Pass::Complete);
    assert_eq!(witnessed.cosigned("log/checkpoint"), "w1, w2, w3");
    witnessed.log.check();
    assert_eq!(witnessed.append(&[epoch_open(1, now_ms()), entry(3)]).await, Pass::Complete);
    assert_eq!((witnessed.head(), witnessed.cosigned("log/checkpoints/3")), (4, "w1, w2, w3".into()));
    assert!(witnessed.witnesses.iter().all(|witness| witness.size() == 4));
    witnessed.log.check();
}

#[tokio::test]
async fn nothing_new_asks_nobody() {
    let witnessed = Witnessed::new(LONG).await;
    witnessed.append(&[entry(1)]).await;
    let asked = witnessed.witnesses[0].asked();
    assert_eq!(witnessed.pass().await, Pass::Complete);
    assert_eq!(witnessed.witnesses[0].asked(), asked);
}

#[tokio::test]
async fn one_witness_away_or_slow_holds_nothing_up() {
    let witnessed = Witnessed::new(LONG).await;
    witnessed.witnesses[0].set_away(true);
    witnessed.witnesses[1].set_delay(Duration::from_millis(100));
    assert_eq!(witnessed.append(&[entry(1)]).await, Pass::Complete);
    assert_eq!(witnessed.cosigned("log/checkpoint"), "w2, w3");
    let errors = witnessed.errors();
    assert!(errors[0].as_ref().is_some_and(|error| error.contains("503")), "{errors:?}");
    assert_eq!(errors[1..], [None, None]);
    let witnessed = Witnessed::new(LONG).await;
    witnessed.witnesses[2].set_delay(LONG);
    assert_eq!(witnessed.append(&[entry(1)]).await, Pass::Complete);
    assert_eq!(witnessed.cosigned("log/checkpoint"), "w1, w2");
}

#[tokio::test]
async fn without_quorum_signing_goes_on_and_the_head_stays() {
    let witnessed = Witnessed::new(SHORT).await;
    witnessed.append(&[entry(1)]).await;
    witnessed.witnesses[0].set_away(true);
    witnessed.witnesses[1].set_delay(LONG);
    for epoch in 1..=3 {
        assert_eq!(witnessed.append(&[epoch_open(epoch, now_ms())]).await, Pass::WithoutQuorum);
    }
    assert_eq!((witnessed.head(), witnessed.log.sequencer.signed_size()), (1, 4));
    assert!(witnessed.log.sequencer.root_at(3).await.unwrap().is_some(), "what mining needs");
    let kept = [2, 3, 4].map(|size| witnessed.cosigned(&format!("log/checkpoints/{size}")));
    assert_eq!(kept, ["w3", "w3", "w3"]);
    assert!(witnessed.errors()[..2].iter().all(Option::is_some));

    // They are asked again after their rest; what was kept stays as it is.
    witnessed.witnesses[0].set_away(false);
    witnessed.witnesses[1].set_delay(Duration::ZERO);
    while witnessed.pass().await == Pass::WithoutQuorum {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(witnessed.head(), 4);
    let kept_after = [2, 3, 4].map(|size| witnessed.cosigned(&format!("log/checkpoints/{size}")));
    assert_eq!(kept_after, kept);
    witnessed.log.check();
}

#[tokio::test]
async fn a_start_goes_on_with_what_was_signed_and_not_published() {
    let witnessed = Witnessed::new(LONG).await;
    witnessed.append(&[entry(1)]).await;
    witnessed.log.sequence(&[entry(2), epoch_open(1, now_ms()), entry(3)]).await;
    witnessed.log.sequencer.lock().await.integrate().await.unwrap();
    let witnessed = witnessed.restart().await;
    assert_eq!((witnessed.head(), witnessed.log.sequencer.signed_size()), (1, 4));
    assert_eq!(witnessed.pass().await, Pass::Complete);
    assert_eq!((witnessed.head(), witnessed.cosigned("log/checkpoints/3")), (4, "w1, w2, w3".into()));
    witnessed.log.check();
}

#[tokio::test]
async fn a_crash_between_the_kept_copy_and_the_head_is_mended() {
    let witnessed = Witnessed::new(LONG).await;
    witnessed.append(&[entry(1)]).await;
    let before = witnessed.log.store.read("log/checkpoint").unwrap().unwrap();
    witnessed.append(&[epoch_open(1, now_ms())]).await;
    let kept = witnessed.log.store.read("log/checkpoints/2").unwrap();
    witnessed.log.store.replace("log/checkpoint", &before).unwrap();
    let witnessed = witnessed.restart().await;
    assert_eq!(witnessed.pass().await, Pass::Complete);
    assert_eq!(witnessed.head(), 2);
    assert_eq!(witnessed.log.store.read("log/checkpoints/2").unwrap(), kept);
}

#[tokio::test]
async fn a_boundary_that_is_published_late_carries_no_cosignatures() {
    let witnessed = Witnessed::new(LONG).await;
    let hours_ago_ms = now_ms() - 7_200_000;
    assert_eq!(witnessed.append(&[epoch_open(1, hours_ago_ms)]).await, Pass::Complete);
    assert_eq!(witnessed.cosigned("log/checkpoints/1"), "no witness");
    assert_eq!(witnessed.cosigned("log/checkpoint"), "w1, w2, w3");
}

#[tokio::test]
async fn the_policy_asks_for_the_quorum_from_the_first_head_that_meets_it() {
    let plain = TestLog::new().await;
    plain.append(&[entry(1), epoch_open(1, now_ms())]).await;
    let vkey = plain.sequencer.vkey();
    let witnesses = [FakeWitness::start(1, vkey.clone()).await];
    let log = open(plain.stop().await, &witnesses, LONG).await.unwrap();
    let timeout = LONG;
    let [first] = witnesses;
    let others = [FakeWitness::start(2, vkey.clone()).await, FakeWitness::start(3, vkey.clone()).await];
    let [second, third] = others;
    let witnessed = Witnessed { log, witnesses: [first, second, third], timeout };
    assert_eq!(witnessed.policy(), Policy::of_log(vkey));
    witnessed.append(&[entry(2)]).await;
    assert!(witnessed.policy().has_quorum());
    assert_eq!(witnessed.policy().witnesses()[0].url, witnessed.witnesses[0].listed().url);

    // And without witnesses again: the copies with cosignatures stay.
    witnessed.append(&[epoch_open(2, now_ms())]).await;
    let log = TestLog::open(witnessed.log.stop().await).await.unwrap();
    log.append(&[epoch_open(3, now_ms())]).await;
    assert_eq!(log.checkpoint().size, 5);
}

#[tokio::test]
async fn kept_copies_that_a_crash_left_out_are_there_when_witnesses_are_given_up() {
    let witnessed = Witnessed::new(LONG).await;
    witnessed.append(&[entry(1)]).await;
    witnessed.log.sequence(&[epoch_open(1, now_ms()), epoch_open(2, now_ms()), entry(2)]).await;
    witnessed.log.sequencer.lock().await.integrate().await.unwrap();
    let log = TestLog::open(witnessed.log.stop().await).await.unwrap();
    assert_eq!(log.checkpoint().size, 4);
    log.check();
}

#[tokio::test]
async fn a_backup_older_than_what_a_witness_remembers_is_refused() {
    let witnessed = Witnessed::new(LONG).await;
    witnessed.append(&[entry(1)]).await;
    // The whole folder, evidence and all: nothing here knows of the second entry.
    let backup = witnessed.log.stop_copy().await;
    witnessed.append(&[entry(2)]).await;
    let refused = open(backup, &witnessed.witnesses, LONG).await.err().unwrap();
    assert!(matches!(refused, TlogError::Behind { published: 2, found: 1, .. }), "{refused}");
    assert!(refused.to_string().starts_with("the witness w1 says"), "{refused}");
}

#[tokio::test]
async fn another_history_than_a_witness_remembers_is_refused() {
    for known in [1, 2, 3] {
        let witnessed = Witnessed::new(LONG).await;
        witnessed.append(&[entry(1), entry(2)]).await;
        let key = load_or_create_key(&witnessed.log.folder.path().join("log.key"), ORIGIN, false).unwrap();
        let other = Checkpoint { origin: ORIGIN.into(), size: known, root: Hash32([9; 32]) };
        witnessed.witnesses[1].remember(other.clone(), &other.sign(&key));
        // Sequenced but not signed: also these entries must be what the witness saw.
        witnessed.log.sequence(&[entry(3)]).await;
        let folder = witnessed.log.stop().await;
        let refused = open(folder, &witnessed.witnesses, LONG).await.err().unwrap();
        assert!(matches!(refused, TlogError::Fork { size, .. } if size == known), "{refused}");
    }
}

#[tokio::test]
async fn a_witness_that_can_not_be_asked_does_not_keep_the_log_from_starting() {
    let witnessed = Witnessed::new(SHORT).await;
    witnessed.append(&[entry(1)]).await;
    witnessed.witnesses[0].set_away(true);
    witnessed.witnesses[1].set_delay(LONG);
    let witnessed = witnessed.restart().await;
    assert_eq!(witnessed.head(), 1);
}

#[tokio::test]
async fn a_witness_that_knows_more_than_was_ever_signed_here_is_named() {
    let witnessed = Witnessed::new(LONG).await;
    witnessed.append(&[entry(1)]).await;
    let key = load_or_create_key(&witnessed.log.folder.path().join("log.key"), ORIGIN, false).unwrap();
    let elsewhere = Checkpoint { origin: ORIGIN.into(), size: 9, root: Hash32([9; 32]) };
    witnessed.witnesses[2].remember(elsewhere.clone(), &elsewhere.sign(&key));
    assert_eq!(witnessed.append(&[entry(2)]).await, Pass::Complete);
    assert!(witnessed.errors()[2].as_ref().is_some_and(|error| error.contains("more than")));
}

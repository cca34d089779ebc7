//! The depths *estimate* and *sampled*: what they look at, and which lies each still finds.

#![expect(clippy::unwrap_used, reason = "a test that has nothing to go on with has failed")]

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
};

use audit_core::{
    audit::{
        AuditReport, AuditRequest, CheckId, Chunks, ContractQuery, CountError, CountTask, Counted, Counters, Depth,
        Evidence, FetchError, Inline, Outcome, audit, count,
    },
    bundle::Files,
    entry::Entry,
    epoch::{Anchors, CHUNK_RECORDS, CHUNK_ROW_LEN, ChunkRow, JobsFile, SessionsFile},
    hash::{BlockHash, Hash32},
    json::from_canonical,
    merkle::{leaf_hash, tree_root},
    policy::Policy,
    seal::SealedEpoch,
    share::{RECORD_LEN, ShareRecord},
    work::Work,
};
use tests::{
    evidence::Log,
    operator::{Cheats, ORIGIN, Script, long::log_of, receipt},
    verify::{InMemory, at_once, verify},
};

use crate::cheats::failed;

/// Bitcoin's target in 2024, so that no share is a block.
const HARD: u32 = 0x1703_1abe;
/// The target of the operator's story: every fourth share is a block.
const EASY: u32 = 0x2010_0000;
const SEED: Hash32 = Hash32([9; 32]);

/// Bends the second epoch.
fn second(cheat: &dyn Fn(&mut SealedEpoch)) -> impl Fn(&mut SealedEpoch) {
    move |sealed| {
        if sealed.close.epoch == 2 {
            cheat(sealed);
        }
    }
}

fn ask(files: &Files, policy: &Policy, depth: Depth) -> AuditReport {
    verify(files, &AuditRequest { depth, ..AuditRequest::new(policy.clone()) })
}

fn sampled(samples: u32) -> Depth {
    Depth::Sampled { samples, seed: SEED }
}

fn outcome(report: &AuditReport, id: CheckId) -> Outcome {
    report.checks.iter().find(|check| check.id == id).expect("every check is reported").outcome
}

fn file<'a>(epoch: &'a mut SealedEpoch, name: &str) -> &'a mut Vec<u8> {
    &mut epoch.files.iter_mut().find(|(path, _)| path.ends_with(name)).expect("an epoch has it").1
}

/// Makes the close fit new records and rows, as whoever lies would.
fn reseal(epoch: &mut SealedEpoch, records: Vec<u8>, mut rows: Vec<ChunkRow>) {
    for (row, chunk) in rows.iter_mut().zip(records.chunks(CHUNK_RECORDS * RECORD_LEN)) {
        let (records, _) = chunk.as_chunks::<RECORD_LEN>();
        row.root = tree_root(&records.iter().map(|record| leaf_hash(record)).collect::<Vec<_>>());
        row.work = Work::new(4 * records.len() as u128);
    }
    let shares = &mut epoch.close.shares;
    shares.count = (records.len() / RECORD_LEN) as u64;
    shares.work = Work::new(rows.iter().map(|row| row.work.get()).sum());
    shares.root = tree_root(&rows.iter().map(|row| row.root).collect::<Vec<_>>());
    epoch.work = shares.work;
    let table = rows.iter().map(ChunkRow::to_bytes).collect::<Vec<_>>().concat();
    epoch.close.chunks = Hash32::of(&table);
    *file(epoch, "/chunks") = table;
    *file(epoch, "/shares") = records;
}

fn rows(epoch: &mut SealedEpoch) -> Vec<ChunkRow> {
    let (rows, _) = file(epoch, "/chunks").as_chunks::<CHUNK_ROW_LEN>();
    rows.iter().map(ChunkRow::from_bytes).collect()
}

/// Four times the work: chunks behind the first one that nobody mined.
fn inflate(epoch: &mut SealedEpoch) {
    let mut records = file(epoch, "/shares")[..CHUNK_RECORDS * RECORD_LEN].to_vec();
    let invented = records.repeat(15);
    records.extend(invented);
    let mut all = rows(epoch)[..1].to_vec();
    for chunk in 1..16u8 {
        let mut first = [0xff; 32];
        first[0] = chunk + 0x80;
        all.push(ChunkRow { first: BlockHash::from_number(first), ..all[0] });
    }
    reseal(epoch, records, all);
}

/// A second chunk that counts shares of the first one again.
fn overlap(epoch: &mut SealedEpoch) {
    let all = rows(epoch);
    let mut records = file(epoch, "/shares").clone();
    let again = records[2_000 * RECORD_LEN..CHUNK_RECORDS * RECORD_LEN].to_vec();
    records.truncate(CHUNK_RECORDS * RECORD_LEN);
    records.extend(again);
    // Any number above the first chunk's first hash keeps the table in order, as that of its 2,001st share would.
    let mut first = all[0].first.to_number();
    first[16..].fill(0xff);
    assert!(BlockHash::from_number(first) > all[0].first);
    reseal(epoch, records, vec![all[0], ChunkRow { first: BlockHash::from_number(first), ..all[1] }]);
}

#[test]
fn an_estimate_recomputes_the_best_chunk_of_each_epoch_and_is_close() {
    let (files, policy) = log_of(&[5_000, 0, 6_000, 100, 1], HARD, &|_| {});
    let report = ask(&files, &policy, Depth::Estimate);
    assert!(report.held, "{:#?}", report.checks);
    assert_eq!((report.depth, report.totals.shares), ("estimate", 4_096 + 4_096 + 100));
    assert_eq!(report.totals.work, Work::new(4 * 11_100));
    let estimate = report.estimate.unwrap();
    assert_eq!((estimate.k, estimate.claimed, estimate.error_ppm), (1_024, report.totals.work, 31_280));
    // Five standard errors.
    let differs = estimate.work.get().abs_diff(estimate.claimed.get());
    assert!(differs * 1_000_000 < estimate.claimed.get() * 5 * 31_280, "{estimate:?}");
    assert_eq!(report.sampling, None);
}

#[test]
fn an_exact_audit_gives_the_estimate_too() {
    let (files, policy) = log_of(&[5_000, 30, 0], HARD, &|_| {});
    let report = ask(&files, &policy, Depth::Exact);
    assert!(report.held, "{:#?}", report.checks);
    assert_eq!(report.totals.shares, 5_030);
    assert_eq!(report.estimate.map(|estimate| estimate.k), Some(1_024));
}

#[test]
fn invented_chunks_fail_share_plausible_by_estimate_and_share_work_otherwise() {
    let (files, policy) = log_of(&[0, 4_200, 1], HARD, &second(&inflate));
    for (depth, check) in [
        (Depth::Estimate, CheckId::SharePlausible),
        (Depth::Exact, CheckId::ShareWork),
        (sampled(300), CheckId::ShareWork),
    ] {
        let report = ask(&files, &policy, depth);
        assert_eq!(failed(&report), [check], "{depth:?}: {:#?}", report.checks);
    }
}

#[test]
fn shares_counted_again_in_the_next_chunk_fail_share_work() {
    let (files, policy) = log_of(&[0, 5_000, 1], HARD, &second(&overlap));
    for depth in [Depth::Exact, Depth::Estimate, sampled(300)] {
        let report = ask(&files, &policy, depth);
        assert_eq!(failed(&report), [CheckId::ShareWork], "{depth:?}: {:#?}", report.checks);
    }
}

#[test]
fn a_table_of_chunks_that_does_not_add_up_fails_share_work_in_every_depth() {
    type Bend = fn(&mut Vec<ChunkRow>);
    let bends: [Bend; 4] = [
        |rows| rows[1].work = Work::new(rows[1].work.get() + 4),
        |rows| rows[1].root.0[0] ^= 1,
        |rows| rows[2].first = rows[1].first,
        |rows| rows.truncate(1),
    ];
    for bend in bends {
        let cheat = |epoch: &mut SealedEpoch| {
            let mut all = rows(epoch);
            bend(&mut all);
            let table = all.iter().map(ChunkRow::to_bytes).collect::<Vec<_>>().concat();
            epoch.close.chunks = Hash32::of(&table);
            *file(epoch, "/chunks") = table;
        };
        let (files, policy) = log_of(&[0, 9_000, 1], HARD, &second(&cheat));
        for depth in [Depth::Exact, Depth::Estimate, sampled(1)] {
            assert_eq!(failed(&ask(&files, &policy, depth)), [CheckId::ShareWork], "{depth:?}");
        }
    }
}

#[test]
fn a_close_that_says_something_else_than_its_shares_fails_share_work() {
    type Bend = fn(&mut SealedEpoch);
    let bends: [Bend; 3] = [
        |epoch| epoch.close.best_hash = Some(BlockHash([1; 32])),
        |epoch| epoch.close.best_hash = None,
        |epoch| epoch.close.levels.clear(),
    ];
    for bend in bends {
        let (files, policy) = log_of(&[0, 50, 1], HARD, &second(&bend));
        for depth in [Depth::Exact, Depth::Estimate, sampled(1)] {
            assert_eq!(failed(&ask(&files, &policy, depth)), [CheckId::ShareWork], "{depth:?}");
        }
    }
}

#[test]
fn what_hashes_do_not_prove_is_bound_by_the_close() {
    let (honest, policy) = log_of(&[0, 50, 1], HARD, &|_| {});
    for (name, was, is) in [("sessions.json", "lot1", "lot2"), ("rejects.json", "[]", "[[\"a\",\"stale\",1]]")] {
        let mut files = honest.clone();
        let file = files.get_mut(&format!("epoch/2/{name}")).unwrap();
        *file = String::from_utf8(file.clone()).unwrap().replace(was, is).into_bytes();
        assert_eq!(failed(&ask(&files, &policy, Depth::Estimate)), [CheckId::ShareWork], "{name}");
    }
}

#[test]
fn a_hash_above_its_target_fails_share_work() {
    let (honest, policy) = log_of(&[0, 50, 1], HARD, &|_| {});
    assert!(ask(&honest, &policy, Depth::Exact).held);
    let above = nonce_above_target(&honest);
    let add = |epoch: &mut SealedEpoch| {
        let mut records = file(epoch, "/shares").clone();
        let last = records[records.len() - RECORD_LEN..].to_vec();
        records.extend(&last);
        let nonce = records.len() - 6;
        records[nonce..nonce + 4].copy_from_slice(&above.to_be_bytes());
        let rows = rows(epoch);
        reseal(epoch, records, rows);
    };
    let (files, policy) = log_of(&[0, 50, 1], HARD, &second(&add));
    let report = ask(&files, &policy, Depth::Exact);
    assert_eq!(failed(&report), [CheckId::ShareWork]);
    let place = report.checks.iter().find_map(|check| check.place.clone()).unwrap();
    assert_eq!(place.index, Some(50));
    assert!(place.expected.starts_with("a header hash of at most "), "{place:?}");
}

/// A nonce with which the last share of epoch 2 has a hash above its level's target.
fn nonce_above_target(files: &Files) -> u32 {
    let log = Log::of_bundle(files).unwrap();
    let size = log.opening(2).unwrap() + 1;
    let mut anchors = Anchors::new(2, ORIGIN, size, log.root_at(size).unwrap());
    let jobs: JobsFile = from_canonical(&files["epoch/2/jobs.json"]).unwrap();
    let sessions: SessionsFile = from_canonical(&files["epoch/2/sessions.json"]).unwrap();
    let last = ShareRecord::from_bytes(files["epoch/2/shares"].last_chunk().unwrap()).unwrap();
    let session = &sessions.sessions[usize::try_from(last.session).unwrap()];
    let anchor = anchors.hash(last.level);
    let is_above = |nonce: &u32| {
        let hash = jobs.jobs[0].header(&anchor, session.extranonce1, &ShareRecord { nonce: *nonce, ..last }).hash();
        !last.level.target().is_met_by(&hash)
    };
    (0..).find(is_above).unwrap()
}

#[test]
fn a_level_easier_to_meet_than_the_network_is_the_only_kind_there_is() {
    // Regtest's target is above that of level -30.
    let (files, policy) = log_of(&[0, 20, 1], 0x207f_ffff, &|_| {});
    let report = ask(&files, &policy, Depth::Exact);
    assert!(failed(&report).contains(&CheckId::ShareWork), "{:#?}", report.checks);
}

#[test]
fn an_estimate_looks_for_blocks_as_far_as_there_can_be_any() {
    let honest = log_of(&[0, 20_000, 1], EASY, &|_| {});
    let report = ask(&honest.0, &honest.1, Depth::Estimate);
    assert!(report.held, "{:#?}", report.checks);
    // Every fourth share is a block: 5,000 of them reach into the second of five chunks.
    assert_eq!(report.totals.shares, 2 * CHUNK_RECORDS as u64);
    let hide = |epoch: &mut SealedEpoch| epoch.blocks.truncate(epoch.blocks.len() - 1);
    let (files, policy) = log_of(&[0, 20_000, 1], EASY, &second(&hide));
    assert_eq!(failed(&ask(&files, &policy, Depth::Estimate)), [CheckId::BlockAll]);
}

#[test]
fn anything_behind_the_last_record_fails_share_work() {
    let (honest, policy) = log_of(&[0, 5_000, 1], HARD, &|_| {});
    for (path, more) in [("epoch/2/shares", 1), ("epoch/2/shares", RECORD_LEN), ("epoch/1/shares", 1)] {
        let mut files = honest.clone();
        files.get_mut(path).unwrap().extend(vec![0; more]);
        assert_eq!(failed(&ask(&files, &policy, Depth::Exact)), [CheckId::ShareWork], "{more} bytes behind {path}");
    }
}

#[test]
fn each_kept_checkpoint_is_compared() {
    let (honest, policy) = log_of(&[10, 10, 1], HARD, &|_| {});
    let kept: Vec<&String> = honest.keys().filter(|path| path.starts_with("log/checkpoints/")).collect();
    assert_eq!(kept.len(), 3 + 2, "openings and closings");
    for path in kept {
        let mut files = honest.clone();
        files.insert(path.clone(), honest["log/checkpoint"].clone());
        let failed = failed(&ask(&files, &policy, Depth::Estimate));
        let is_newest = honest[path] == honest["log/checkpoint"];
        assert_eq!(failed, if is_newest { vec![] } else { vec![CheckId::LogSigned] }, "{path}");
    }
}

#[test]
fn sampling_states_what_it_is_worth() {
    let (files, policy) = log_of(&[5_000, 9_000, 0, 1], HARD, &|_| {});
    let report = ask(&files, &policy, sampled(300));
    assert!(report.held, "{:#?}", report.checks);
    let sampling = report.sampling.unwrap();
    assert_eq!((sampling.samples, sampling.seed, sampling.samples_for_999), (300, SEED, 688));
    assert_eq!((report.depth, sampling.confidence_ppm, sampling.shares), ("sampled", 950_959, report.totals.shares));
    assert_eq!(outcome(&report, CheckId::SharePlausible), Outcome::NotApplicable);
    assert_eq!(report.estimate, None);
}

/// Evidence that remembers which files were asked for.
struct Watched<'a>(InMemory<'a>, RefCell<BTreeSet<String>>);

impl Evidence for Watched<'_> {
    async fn fetch(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        self.1.borrow_mut().insert(path.into());
        self.0.fetch(path, limit).await
    }

    async fn fetch_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        assert!(length <= 1 << 20, "{length} bytes at once");
        self.1.borrow_mut().insert(path.into());
        self.0.fetch_range(path, start, length).await
    }
}

#[test]
fn epochs_that_were_not_drawn_make_no_honest_check_fail() {
    let story = Script::tell(&Cheats::default());
    for seed in 0..20 {
        let depth = Depth::Sampled { samples: 1, seed: Hash32([seed; 32]) };
        let contract = Some(ContractQuery::Receipt(receipt(1)));
        let report = verify(&story.files, &AuditRequest { depth, contract, ..AuditRequest::new(story.policy.clone()) });
        assert!(report.held, "{:#?}", report.checks);
    }
}

#[test]
fn of_epochs_that_were_not_drawn_no_jobs_nor_shares_are_fetched() {
    let (files, policy) = log_of(&[50; 20], HARD, &|_| {});
    let request = AuditRequest { depth: sampled(3), ..AuditRequest::new(policy) };
    let evidence = Watched(InMemory(&files), RefCell::default());
    let report = at_once(audit(&evidence, &Inline(&evidence), &request, &mut |_| {}));
    assert!(report.held, "{:#?}", report.checks);
    let fetched = evidence.1.into_inner();
    let epochs = |name: &str| fetched.iter().filter(|path| path.starts_with("epoch/") && path.ends_with(name)).count();
    assert!((1..=3).contains(&epochs("/shares")), "{fetched:?}");
    assert_eq!(epochs("/jobs.json"), epochs("/shares"));
}

/// Counters whose tasks take turns: each answers when it was asked as often as its epoch's number says, last epochs first.
struct Late<'a>(InMemory<'a>, Cell<usize>, Cell<usize>);

impl Counters for Late<'_> {
    fn lanes(&self) -> usize {
        3
    }

    async fn count(&self, task: CountTask) -> Result<Counted, CountError> {
        self.1.set(self.1.get() + 1);
        self.2.set(self.2.get().max(self.1.get()));
        let mut turns = 20 - task.close.epoch;
        poll_fn(|context| {
            context.waker().wake_by_ref();
            turns -= 1;
            if turns == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.1.set(self.1.get() - 1);
        if task.close.epoch == 7 {
            return Err(CountError("the worker died".into()));
        }
        count(&self.0, &task).await
    }
}

#[test]
fn tasks_that_end_in_another_order_give_the_same_report_and_a_dead_worker_fails_share_work() {
    let (files, policy) = log_of(&[40; 12], HARD, &|_| {});
    let request = AuditRequest::new(policy.clone());
    let counters = Late(InMemory(&files), Cell::new(0), Cell::new(0));
    let evidence = InMemory(&files);
    let mut ignore = |_| {};
    let mut future = pin!(audit(&evidence, &counters, &request, &mut ignore));
    let report = loop {
        if let Poll::Ready(report) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            break report;
        }
    };
    assert_eq!(counters.2.get(), 3, "tasks at once");
    assert_eq!(failed(&report), [CheckId::ShareWork]);
    let work = report.checks.iter().find(|check| check.id == CheckId::ShareWork).unwrap();
    assert_eq!(work.failure_count, 1);
    assert_eq!(work.place.as_ref().unwrap().file, "epoch/7/shares");
    let inline = verify(&files, &request);
    assert!(inline.held);
    assert_eq!(inline.totals.shares, report.totals.shares + 40);
}

#[test]
fn a_task_recounts_only_its_chunks_and_survives_its_json() {
    let (files, _) = log_of(&[0, 9_000, 1], HARD, &|_| {});
    let task = |chunks| {
        let log = Log::of_bundle(&files).unwrap();
        let opening = log.opening(2).unwrap();
        let Entry::EpochOpen(open) = log.entries[usize::try_from(opening).unwrap()] else { panic!("an epoch_open") };
        let Entry::EpochClose(close) = &log.entries[usize::try_from(log.closing(2).unwrap()).unwrap()] else {
            panic!("an epoch_close")
        };
        let Entry::Manifest(manifest) = &log.entries[0] else { panic!("a manifest") };
        CountTask {
            origin: ORIGIN.into(),
            tree_size: opening + 1,
            root: log.root_at(opening + 1).unwrap(),
            end_ms: open.start_ms + 10_000,
            payout_scripts: manifest.payout_scripts.clone(),
            coinbase_tag: audit_core::entry::HexBytes(manifest.coinbase_tag.clone()),
            open,
            close: close.clone(),
            chunks,
        }
    };
    let counted = |task: &CountTask| at_once(count(&InMemory(&files), task)).unwrap();
    let all = counted(&task(Chunks::From(0)));
    assert_eq!((all.shares, all.chunks, all.work, all.best.len()), (9_000, 3, Work::new(36_000), 1_024));
    assert_eq!((all.failures, all.on_chain.len(), all.jobs), (vec![], 1, 1));
    let rest = counted(&task(Chunks::From(1)));
    assert_eq!((rest.shares, rest.chunks, rest.best.len()), (9_000 - 4_096, 2, 0));
    let drawn = task(Chunks::Drawn(vec![Work::new(35_999)]));
    assert_eq!(counted(&drawn).shares, 9_000 - 2 * 4_096);
    assert_eq!(CountTask::from_json(&drawn.to_json()), Ok(drawn.clone()));
    let counted = counted(&drawn);
    assert_eq!(Counted::from_json(&counted.to_json()), Ok(counted));
}

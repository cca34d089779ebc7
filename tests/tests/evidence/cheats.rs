//! A dishonest operator, one lie at a time.

use audit_core::{
    allocation::AllocationEntry,
    audit::{AuditReport, AuditRequest, CheckId, Claims, ContractQuery, EpochClaim, Outcome, Place, SettlementClaim},
    bundle::Files,
    checkpoint::{Checkpoint, LogKey},
    coinbase::CoinbasePlan,
    contract::Receipt,
    entry::{BlockFound, Entry, EpochOpen, Settlement},
    hash::{BlockHash, Hash32},
    job::Job,
    seal::SealedEpoch,
    settlement::{SettlementFile, credits_root},
    share::RECORD_LEN,
    work::{Level, Nbits, Sats, Units, Work},
};
use tests::{
    operator::{Cheats, ORIGIN, START_MS, Script, Story, WASM, receipt},
    verify::verify,
};

pub(crate) fn run(files: &Files, request: &AuditRequest) -> AuditReport {
    verify(files, request)
}

pub(crate) fn request(story: &Story) -> AuditRequest {
    AuditRequest {
        contract: Some(ContractQuery::Receipt(receipt(1))),
        wasm_sha256: Some(WASM),
        remembered: Some(story.earlier.clone()),
        bundle: Some(Vec::new()),
        ..AuditRequest::new(story.policy.clone())
    }
}

pub(crate) fn failed(report: &AuditReport) -> Vec<CheckId> {
    let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
    failed.map(|check| check.id).collect()
}

/// Exactly this check fails, names a place, and the report does not hold.
#[track_caller]
pub(crate) fn check(cheats: &Cheats<'_>, expected: CheckId) {
    let story = Script::tell(cheats);
    check_request(&story.files, &request(&story), expected);
}

#[track_caller]
pub(crate) fn check_request(files: &Files, request: &AuditRequest, expected: CheckId) {
    let report = run(files, request);
    assert_eq!(failed(&report), [expected], "{:#?}", report.checks);
    assert!(!report.held);
    let failed = report.checks.iter().find(|check| check.id == expected).expect("every check is reported");
    assert!(failed.place.as_ref().is_some_and(|place| !place.file.is_empty()));
}

#[test]
fn an_honest_log_holds_with_its_hashes_and_sats() {
    let story = Script::tell(&Cheats::default());
    let report = run(&story.files, &request(&story));
    assert!(report.held, "{:#?}", report.checks);
    let (held, others): (Vec<_>, Vec<_>) = report.checks.iter().partition(|check| check.outcome == Outcome::Held);
    assert_eq!(held.len() + others.len(), CheckId::ALL.len());
    let by_time = [CheckId::AccrualSum, CheckId::ConclusionSum, CheckId::InputChain];
    assert_eq!(
        others.iter().map(|check| check.id).collect::<Vec<_>>(),
        by_time,
        "nothing is paid by time, and nothing ends"
    );
    assert!(others.iter().all(|check| check.outcome == Outcome::NotApplicable));
    assert_eq!((report.totals.epochs, report.totals.shares), (2, 70));
    // level -30: 2^256 / (0xffff * 2^238 + 1) = 4 hashes a share
    assert_eq!(report.totals.work, Work::new(280));
    assert_eq!(report.totals.reward_sats.get(), 10_000_000_000);
    let contract = report.contract.unwrap();
    // 2 of 12 H/s: of 160 and 120 hashes 26.67 and 20
    assert_eq!(contract.work, Work::new(47));
    assert_eq!(contract.promised_work, Work::new(40));
    assert_eq!(contract.delivered_ppm, Some(1_175_000));
    assert!(contract.bound);
    let credited: u64 = contract.settlements.iter().map(|credit| credit.credit_sats.get()).sum();
    assert_eq!(credited, contract.credited_sats.get());
    // 27/160 and 20/120 of 50 BTC each, less 2 %
    assert_eq!(credited, 826_875_000 + 816_666_667);
}

#[test]
fn an_id_without_receipt_is_not_bound() {
    let story = Script::tell(&Cheats::default());
    let contract = Some(ContractQuery::Id(receipt(2).contract_id()));
    let report = run(&story.files, &AuditRequest { contract, ..request(&story) });
    assert!(report.held);
    let mine = report.checks.iter().find(|check| check.id == CheckId::AllocMine).unwrap();
    assert_eq!(mine.outcome, Outcome::NotBound);
}

#[test]
fn a_changed_bundle_fails_bundle_intact() {
    let story = Script::tell(&Cheats::default());
    let place = Place::new("epoch/1/shares", None, "SHA-256 a", "SHA-256 b");
    check_request(&story.files, &AuditRequest { bundle: Some(vec![place]), ..request(&story) }, CheckId::BundleIntact);
}

#[test]
fn another_key_or_no_signature_fails_log_signed() {
    let other = |files: &mut Files| {
        let checkpoint = Checkpoint { origin: ORIGIN.into(), size: 3, root: Hash32([1; 32]) };
        files.insert("log/checkpoint".into(), checkpoint.sign(&LogKey::new(ORIGIN, &[8; 32])));
    };
    check(&Cheats { files: &other, ..Cheats::default() }, CheckId::LogSigned);
    let missing = |files: &mut Files| drop(files.remove("log/checkpoint"));
    check(&Cheats { files: &missing, ..Cheats::default() }, CheckId::LogSigned);
}

#[test]
fn a_kept_checkpoint_of_another_history_fails_log_signed() {
    let forked = |files: &mut Files| {
        let checkpoint = Checkpoint { origin: ORIGIN.into(), size: 5, root: Hash32([1; 32]) };
        files.insert("log/checkpoints/5".into(), checkpoint.sign(&LogKey::new(ORIGIN, &[7; 32])));
    };
    check(&Cheats { files: &forked, ..Cheats::default() }, CheckId::LogSigned);
}

#[test]
fn a_rewritten_history_fails_log_grew() {
    let story = Script::tell(&Cheats::default());
    let remembered = Some(Checkpoint { root: Hash32([9; 32]), ..story.earlier.clone() });
    check_request(&story.files, &AuditRequest { remembered, ..request(&story) }, CheckId::LogGrew);
    let remembered = Some(Checkpoint { size: 9_999, ..story.earlier.clone() });
    check_request(&story.files, &AuditRequest { remembered, ..request(&story) }, CheckId::LogGrew);
}

#[test]
fn an_entry_that_was_not_signed_fails_log_complete() {
    let changed = |files: &mut Files| {
        for (path, bytes) in files.iter_mut().filter(|(path, _)| path.starts_with("log/tile/entries")) {
            let at = bytes.windows(9).position(|window| window == b"\"regtest\"").expect(path);
            bytes[at + 1] = b'R';
        }
    };
    check(&Cheats { files: &changed, ..Cheats::default() }, CheckId::LogComplete);
}

#[test]
fn a_missing_or_reordered_epoch_fails_log_complete() {
    let is_close = |entry: &Entry, number| matches!(entry, Entry::EpochClose(close) if close.epoch == number);
    let omit = |entries: &mut Vec<Entry>| entries.retain(|entry| !is_close(entry, 1));
    check(&Cheats { entries: &omit, ..Cheats::default() }, CheckId::LogComplete);
    let reorder = |entries: &mut Vec<Entry>| {
        let position = |number| entries.iter().position(|entry| is_close(entry, number)).unwrap();
        let (first, second) = (position(1), position(2));
        entries.swap(first, second);
    };
    check(&Cheats { entries: &reorder, ..Cheats::default() }, CheckId::LogComplete);
}

#[test]
fn a_back_dated_epoch_or_contract_fails_log_complete() {
    let back_date = |open: &mut EpochOpen| {
        if open.epoch == 2 {
            open.start_ms = START_MS;
        }
    };
    check(&Cheats { open: &back_date, ..Cheats::default() }, CheckId::LogComplete);
    let late_contract = |entries: &mut Vec<Entry>| {
        let contract = entries.remove(2);
        entries.push(contract);
    };
    check(&Cheats { entries: &late_contract, ..Cheats::default() }, CheckId::LogComplete);
}

#[test]
fn work_timed_outside_its_epoch_fails_log_time() {
    let late = |epoch, job: &mut Job| job.ntime += if epoch == 2 { 7_300 } else { 0 };
    check(&Cheats { job: &late, ..Cheats::default() }, CheckId::LogTime);
}

#[test]
fn a_coinbase_that_is_not_the_pools_fails_job_anchored() {
    #[track_caller]
    fn bent(coinbase: &dyn Fn(u64, &mut CoinbasePlan<'_>)) {
        check(&Cheats { coinbase, ..Cheats::default() }, CheckId::JobAnchored);
    }
    let steal = |epoch, job: &mut Job| {
        if epoch == 2 {
            let script = job.coinbase.up_to_anchor.iter_mut().find(|byte| **byte == 0x51).unwrap();
            *script = 0x52;
        }
    };
    check(&Cheats { job: &steal, ..Cheats::default() }, CheckId::JobAnchored);
    bent(&|epoch, plan| plan.tag = if epoch == 2 { b"/other/" } else { plan.tag });
    bent(&|epoch, plan| plan.height += u32::from(epoch == 2 && plan.job == 0));
    bent(&|epoch, plan| plan.job += u16::from(epoch == 2));
}

#[test]
fn a_wrong_place_on_the_chain_fails_job_anchored() {
    let easier = |epoch, job: &mut Job| {
        if epoch == 2 && job.job == 0 {
            job.nbits = Nbits::new(0x2010_0001);
            job.prevhash = BlockHash([1; 32]);
        }
    };
    check(&Cheats { job: &easier, ..Cheats::default() }, CheckId::JobAnchored);
}

/// Bends the second epoch, which nobody was paid for by another sum.
#[track_caller]
fn sealed(bend: &dyn Fn(&mut SealedEpoch), expected: CheckId) {
    let cheat = |epoch: &mut SealedEpoch| {
        if epoch.close.epoch == 2 {
            bend(epoch);
        }
    };
    check(&Cheats { sealed: &cheat, ..Cheats::default() }, expected);
}

fn shares(epoch: &mut SealedEpoch) -> &mut Vec<u8> {
    &mut epoch.files.iter_mut().find(|(path, _)| path.ends_with("/shares")).expect("an epoch has shares").1
}

/// One share more than was done, in the log and in the operator's own books.
fn inflate(epoch: &mut SealedEpoch) {
    epoch.work = Work::new(epoch.work.get() + 4);
    epoch.close.shares.work = epoch.work;
}

#[test]
fn inflated_work_fails_share_work() {
    sealed(&inflate, CheckId::ShareWork);
}

#[test]
fn a_share_counted_twice_fails_share_work() {
    let double = |epoch: &mut SealedEpoch| {
        let first = shares(epoch)[..RECORD_LEN].to_vec();
        shares(epoch).splice(0..0, first);
        epoch.close.shares.count += 1;
        inflate(epoch);
    };
    sealed(&double, CheckId::ShareWork);
}

#[test]
fn a_difficulty_chosen_after_the_hash_fails_share_work() {
    let harder = |epoch: &mut SealedEpoch| {
        let level = Level::new(-28).unwrap();
        shares(epoch)[2] = level.get().to_be_bytes()[0];
        epoch.close.levels = vec![Level::new(-30).unwrap(), level];
    };
    sealed(&harder, CheckId::ShareWork);
}

#[test]
fn a_share_left_out_fails_share_work() {
    let omit = |epoch: &mut SealedEpoch| {
        let length = shares(epoch).len() - RECORD_LEN;
        shares(epoch).truncate(length);
    };
    sealed(&omit, CheckId::ShareWork);
}

#[test]
fn a_share_of_another_epoch_fails_share_work() {
    let story = Script::tell(&Cheats::default());
    let first_epoch = story.files["epoch/1/shares"].clone();
    let replay = move |epoch: &mut SealedEpoch| {
        shares(epoch)[..RECORD_LEN].copy_from_slice(&first_epoch[..RECORD_LEN]);
    };
    sealed(&replay, CheckId::ShareWork);
}

#[test]
fn changed_sessions_chunks_and_rejects_fail_share_work() {
    for name in ["sessions.json", "chunks", "rejects.json"] {
        let change = |files: &mut Files| files.get_mut(&format!("epoch/2/{name}")).unwrap()[10] ^= 1;
        check(&Cheats { files: &change, ..Cheats::default() }, CheckId::ShareWork);
    }
}

#[test]
fn other_units_than_bought_fail_alloc_mine() {
    let story = Script::tell(&Cheats::default());
    let unknown = Receipt { nonce: Hash32([5; 32]), ..receipt(1) };
    let contract = Some(ContractQuery::Receipt(unknown));
    check_request(&story.files, &AuditRequest { contract, ..request(&story) }, CheckId::AllocMine);
    let shorter = |entries: &mut Vec<Entry>| match entries.last_mut() {
        Some(Entry::ContractOpen(open)) => open.until_ms -= 1,
        entry => panic!("{entry:?}"),
    };
    check(&Cheats { contract: &shorter, ..Cheats::default() }, CheckId::AllocMine);
}

#[test]
fn a_contract_left_out_fails_alloc_all() {
    let other = receipt(2).contract_id();
    let drop_other = |epoch, list: &mut Vec<AllocationEntry>| list.retain(|entry| epoch != 3 || entry.id != other);
    check(&Cheats { allocation: &drop_other, ..Cheats::default() }, CheckId::AllocAll);
}

#[test]
fn an_invented_contract_fails_alloc_all() {
    let dilute = |epoch, list: &mut Vec<AllocationEntry>| {
        if epoch == 3 {
            list.push(AllocationEntry { units: Units::new(1_000).unwrap(), id: Hash32([0xcc; 32]) });
        }
    };
    check(&Cheats { allocation: &dilute, ..Cheats::default() }, CheckId::AllocAll);
}

#[test]
fn an_allocation_changed_after_epoch_open_fails_alloc_sum() {
    let shift = |files: &mut Files| {
        let paths = files.iter_mut().filter(|(path, _)| path.starts_with("allocation/"));
        for (_, bytes) in paths {
            let text = String::from_utf8(bytes.clone()).unwrap();
            *bytes = text.replace("[\"7\"", "[\"8\"").into_bytes();
        }
    };
    check(&Cheats { files: &shift, ..Cheats::default() }, CheckId::AllocSum);
    let inflate = |open: &mut EpochOpen| {
        if open.epoch == 3 {
            open.allocation.total = Units::new(1_000_000).unwrap();
        }
    };
    check(&Cheats { open: &inflate, ..Cheats::default() }, CheckId::AllocSum);
}

#[test]
fn claimed_hashes_that_were_not_computed_fail_contract_hashes() {
    let story = Script::tell(&Cheats::default());
    for (epoch, work) in [(1, 28), (3, 1), (99, 1)] {
        let claims = Claims { epochs: vec![EpochClaim { epoch, work: Work::new(work) }], ..Claims::default() };
        let request = AuditRequest { claims: Some(claims), ..request(&story) };
        check_request(&story.files, &request, CheckId::ContractHashes);
    }
}

#[test]
fn a_hidden_or_belittled_block_fails_block_all() {
    let hide = |epoch: &mut SealedEpoch| epoch.blocks.truncate(epoch.blocks.len() - 1);
    sealed(&hide, CheckId::BlockAll);
    let invent = |epoch: &mut SealedEpoch| {
        let last = *epoch.blocks.last().unwrap();
        epoch.blocks.push(BlockFound { hash: BlockHash([2; 32]), ..last });
    };
    sealed(&invent, CheckId::BlockAll);
}

#[test]
fn a_block_decided_twice_fails_block_all() {
    let twice = |entries: &mut Vec<Entry>| {
        let matured = entries.iter().find(|entry| matches!(entry, Entry::BlockMatured(_))).unwrap().clone();
        entries.push(matured);
    };
    check(&Cheats { entries: &twice, ..Cheats::default() }, CheckId::BlockAll);
}

#[test]
fn a_credit_the_page_invents_fails_settle_mine() {
    let story = Script::tell(&Cheats::default());
    for (settlement, sats) in [(1, 826_875_001), (99, 1)] {
        let credits = vec![SettlementClaim { settlement, credit_sats: Sats::new(sats).unwrap() }];
        let claims = Some(Claims { credits, ..Claims::default() });
        check_request(&story.files, &AuditRequest { claims, ..request(&story) }, CheckId::SettleMine);
    }
}

#[test]
fn a_satoshi_moved_fails_settle_sum() {
    let shift = |entry: &mut Settlement, file: &mut SettlementFile| {
        let mine = receipt(1).contract_id();
        let others: Vec<usize> = (0..file.credits.len()).filter(|index| file.credits[*index].id != mine).collect();
        let [from, to] = others[..] else { panic!("two others") };
        file.credits[from].sats = Sats::new(file.credits[from].sats.get() - 1).unwrap();
        file.credits[to].sats = Sats::new(file.credits[to].sats.get() + 1).unwrap();
        entry.credits = credits_root(&file.credits).unwrap();
    };
    check(&Cheats { settlement: &shift, ..Cheats::default() }, CheckId::SettleSum);
}

#[test]
fn an_under_reported_reward_or_fee_fails_settle_sum() {
    type Bend = fn(&mut Settlement);
    let bends: [Bend; 5] = [
        |entry| entry.reward_sats = Sats::new(entry.reward_sats.get() - 1).unwrap(),
        |entry| entry.fee_sats = Sats::new(entry.fee_sats.get() + 1).unwrap(),
        |entry| entry.carry_out_sats = Sats::new(1).unwrap(),
        |entry| entry.from_epoch += 1,
        |entry| entry.settlement += 7,
    ];
    for bend in bends {
        let settlement = |entry: &mut Settlement, _: &mut SettlementFile| {
            if entry.to_epoch == 2 {
                let number = entry.settlement;
                bend(entry);
                if entry.settlement != number {
                    entry.settlement = number;
                    entry.blocks.clear();
                }
            }
        };
        check(&Cheats { settlement: &settlement, ..Cheats::default() }, CheckId::SettleSum);
    }
}

#[test]
fn a_due_settlement_that_never_comes_fails_settle_sum() {
    let omit = |entries: &mut Vec<Entry>| {
        let settled = |entry: &Entry| matches!(entry, Entry::Settlement(_) | Entry::Payout(_) | Entry::Liabilities(_));
        entries.retain(|entry| !settled(entry));
    };
    check(&Cheats { entries: &omit, epochs_after: 4, ..Cheats::default() }, CheckId::SettleSum);
}

/// The second settlement, due before epoch 4 opens, and the list that includes it stand behind the opening of epoch `before` and no later one.
#[track_caller]
fn settled_after(epoch: u64) -> AuditReport {
    let delay = |entries: &mut Vec<Entry>| {
        let settles = |entry: &Entry| matches!(entry, Entry::Settlement(settlement) if settlement.settlement == 2);
        let opens = |entry: &Entry| matches!(entry, Entry::EpochOpen(open) if open.epoch == epoch);
        let from = entries.iter().position(settles).expect("the story has it");
        let delayed: Vec<Entry> = entries.drain(from..from + 2).collect();
        let to = entries.iter().position(opens).expect("the story goes on") + 1;
        entries.splice(to..to, delayed);
    };
    let story = Script::tell(&Cheats { entries: &delay, epochs_after: 4, ..Cheats::default() });
    verify(&story.files, &request(&story))
}

#[test]
fn a_settlement_that_comes_too_late_fails_settle_sum() {
    let in_time = settled_after(5);
    assert!(in_time.held, "{:#?}", in_time.checks);
    let too_late = settled_after(6);
    assert_eq!(failed(&too_late), [CheckId::SettleSum], "{:#?}", too_late.checks);
}

#[test]
fn a_tampered_verifier_fails_verifier_self() {
    let story = Script::tell(&Cheats::default());
    let wasm_sha256 = Some(Hash32([1; 32]));
    check_request(&story.files, &AuditRequest { wasm_sha256, ..request(&story) }, CheckId::VerifierSelf);
}

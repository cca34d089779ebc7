//! What an operator could try, each told as a whole log that is consistent but for the one lie, signed with the real
//! key. `docs/THREATS.md` lists them with the check that catches each; the vectors run natively, on the command line
//! and in WASM.

pub mod life;
pub mod schemes;

use std::collections::BTreeMap;

use audit_core::{
    allocation::{Allocation, AllocationEntry},
    audit::CheckId,
    bundle::Files,
    checkpoint::Checkpoint,
    coinbase::CoinbasePlan,
    entry::{Entry, EpochOpen, ExternalInput, Liabilities, LogHead, Settlement, Terms},
    epoch::{CHUNK_ROW_LEN, ChunkRow},
    hash::{BlockHash, Hash32},
    job::Job,
    liabilities::{Coin, LiabilitiesFile},
    merkle::{leaf_hash, tree_root},
    payout::PayoutFile,
    seal::SealedEpoch,
    settlement::{SettlementFile, credits_root},
    share::{RECORD_LEN, ShareRecord},
    transaction::OutPoint,
    work::{Level, Sats, Units, Work},
};

use super::{
    Cheats, PayoutPlan, Script,
    cases::{Vector, divert, forget, of},
    receipt,
    witnessed::Witnesses,
};

/// The epoch that is lied about: the first one stays honest, so that the lie is all there is to find.
const TARGET_EPOCH: u64 = 2;

/// Every threat by the name of its vector.
pub fn threats() -> BTreeMap<&'static str, Vector> {
    let mut threats = BTreeMap::new();
    let mut lie = |name, fails, cheats: Cheats<'_>| drop(threats.insert(name, of(&cheats, Some(fails))));
    work_that_was_not_done(&mut lie);
    another_history(&mut lie);
    other_shares_of_the_work(&mut lie);
    other_money(&mut lie);
    threats.extend(schemes::threats());
    threats.extend(life::threats());
    threats.insert("threat-split-view", split_view());
    threats.insert("threat-tampered-verifier", tampered_verifier());
    threats
}

type Lie<'a> = &'a mut dyn FnMut(&'static str, CheckId, Cheats<'_>);

fn work_that_was_not_done(lie: Lie<'_>) {
    let mut share_work = |name, cheat: &dyn Fn(&mut SealedEpoch)| {
        let sealed = |epoch: &mut SealedEpoch| {
            if epoch.close.epoch == TARGET_EPOCH {
                cheat(epoch);
            }
        };
        lie(name, CheckId::ShareWork, Cheats { sealed: &sealed, ..Cheats::default() });
    };
    share_work("threat-inflate", &|epoch| reseal(epoch, |records| records.push(invented(&records[0]))));
    share_work("threat-post-hoc-difficulty", &|epoch| {
        epoch.close.levels.push(harder());
        reseal(epoch, |records| records[0].level = harder());
    });
    share_work("threat-replay-within-epoch", &|epoch| reseal(epoch, |records| records.insert(0, records[0])));
    let earlier = first_record_of(1);
    share_work("threat-replay-across-epochs", &|epoch| reseal(epoch, |records| records[0] = earlier));
    lie("threat-borrow", CheckId::JobAnchored, Cheats { coinbase: &pay_another_pool, ..Cheats::default() });
}

fn another_history(lie: Lie<'_>) {
    lie("threat-back-date", CheckId::LogTime, Cheats { job: &hours_earlier, ..Cheats::default() });
    lie("threat-omit-interval", CheckId::LogComplete, Cheats { entries: &without_an_epoch, ..Cheats::default() });
    lie(
        "threat-hide-block",
        CheckId::BlockAll,
        Cheats {
            sealed: &|epoch| {
                if epoch.close.epoch == TARGET_EPOCH {
                    epoch.blocks.pop();
                }
            },
            ..Cheats::default()
        },
    );
    lie("threat-hide-block-and-share", CheckId::BlockAll, Cheats { secret: true, ..Cheats::default() });
    // Whoever has the log's key can sign another history, but the witnesses remember the first one.
    let refused = Witnesses { count: 3, threshold: 2, cosign: &|_| None };
    lie("threat-stolen-key", CheckId::LogSigned, Cheats { witnesses: Some(refused), ..Cheats::default() });
}

fn other_shares_of_the_work(lie: Lie<'_>) {
    lie("threat-drop-contract", CheckId::AllocAll, Cheats { allocation: &without_another, ..Cheats::default() });
    lie("threat-oversell", CheckId::AllocSum, Cheats { open: &less_than_sold, ..Cheats::default() });
    lie(
        "threat-count-twice",
        CheckId::AllocSum,
        Cheats { open: &commit_to_doubled, files: &publish_doubled, ..Cheats::default() },
    );
    lie("threat-change-terms", CheckId::AllocMine, Cheats { contract: &under_other_terms, ..Cheats::default() });
}

fn other_money(lie: Lie<'_>) {
    lie("threat-under-pay", CheckId::SettleSum, Cheats { settlement: &keep_a_satoshi, ..Cheats::default() });
    lie("threat-mis-round", CheckId::SettleSum, Cheats { settlement: &move_a_satoshi, ..Cheats::default() });
    lie("threat-raise-fee", CheckId::SettleSum, Cheats { settlement: &double_the_fee, ..Cheats::default() });
    lie("threat-forget-debt", CheckId::LiabSum, Cheats { liabilities: &forget, ..Cheats::default() });
    lie("threat-owe-less", CheckId::LiabSum, Cheats { liabilities: &owe_less, ..Cheats::default() });
    lie("threat-invent-reserves", CheckId::LiabSum, Cheats { liabilities: &invent_a_coin, ..Cheats::default() });
    lie("threat-pay-elsewhere", CheckId::PayoutMine, Cheats { payout: &divert, ..Cheats::default() });
    lie("threat-pay-less", CheckId::PayoutMine, Cheats { payout: &pay_less, ..Cheats::default() });
    lie("threat-pay-unmined", CheckId::PayoutMine, Cheats { files: &call_mined, ..Cheats::default() });
    lie("threat-pay-two-with-one", CheckId::PayoutMine, Cheats { payout: &pay_two_with_one, ..Cheats::default() });
}

/// Two histories under one key: this customer was shown the other one before.
fn split_view() -> Vector {
    let another_past = |entries: &mut Vec<Entry>| {
        let (name, value, source) = ("btcusd_cents".into(), "1".into(), "another view".into());
        entries.push(Entry::ExternalInput(ExternalInput { name, value, source, at_ms: 1 }));
    };
    let other = Script::tell(&Cheats { contract: &another_past, ..Cheats::default() });
    let Checkpoint { origin, size, root } = other.earlier;
    Vector { remembered: Some(LogHead { origin, size, root }), ..of(&Cheats::default(), Some(CheckId::LogGrew)) }
}

fn tampered_verifier() -> Vector {
    Vector { wasm_sha256: Some(Hash32([1; 32])), ..of(&Cheats::default(), Some(CheckId::VerifierSelf)) }
}

/// Changes an epoch's records and makes count, work, root and chunks fit them, as whoever inflates would.
fn reseal(epoch: &mut SealedEpoch, change: impl FnOnce(&mut Vec<ShareRecord>)) {
    let mut records = records(file(epoch, "shares"));
    change(&mut records);
    let bytes: Vec<[u8; RECORD_LEN]> = records.iter().map(ShareRecord::to_bytes).collect();
    let work = records.iter().fold(0, |sum, record| sum + record.level.work().get());
    let root = tree_root(&bytes.iter().map(|record| leaf_hash(record)).collect::<Vec<_>>());
    let first = BlockHash(reversed(&file(epoch, "chunks")[32..64]));
    let chunks = ChunkRow { root, first, work: Work::new(work) }.to_bytes();
    assert_eq!(file(epoch, "chunks").len(), CHUNK_ROW_LEN, "an epoch of one chunk");
    (epoch.count, epoch.work) = (records.len() as u64, Work::new(work));
    (epoch.close.shares.count, epoch.close.shares.work, epoch.close.shares.root) = (epoch.count, epoch.work, root);
    epoch.close.chunks = Hash32::of(&chunks);
    *file(epoch, "shares") = bytes.concat();
    *file(epoch, "chunks") = chunks.into();
}

fn file<'a>(epoch: &'a mut SealedEpoch, name: &str) -> &'a mut Vec<u8> {
    let named = epoch.files.iter_mut().find(|(path, _)| path.ends_with(&format!("/{name}")));
    &mut named.expect("a sealed epoch has all its files").1
}

fn records(shares: &[u8]) -> Vec<ShareRecord> {
    let (records, _) = shares.as_chunks::<RECORD_LEN>();
    records.iter().map(|record| ShareRecord::from_bytes(record).expect("an honest record")).collect()
}

fn reversed(number: &[u8]) -> [u8; 32] {
    let mut bytes: [u8; 32] = number.try_into().expect("a hash");
    bytes.reverse();
    bytes
}

fn invented(like: &ShareRecord) -> ShareRecord {
    ShareRecord { nonce: u32::MAX, ..*like }
}

fn harder() -> Level {
    Level::new(-28).expect("in range")
}

fn first_record_of(epoch: u64) -> ShareRecord {
    records(&Script::tell(&Cheats::default()).files[&format!("epoch/{epoch}/shares")])[0]
}

fn pay_another_pool(epoch: u64, plan: &mut CoinbasePlan<'_>) {
    if epoch == TARGET_EPOCH {
        plan.tag = b"/another pool/";
    }
}

fn hours_earlier(epoch: u64, job: &mut Job) {
    job.ntime -= if epoch == TARGET_EPOCH { 7_300 } else { 0 };
}

fn without_an_epoch(entries: &mut Vec<Entry>) {
    entries.retain(|entry| match entry {
        Entry::EpochOpen(open) => open.epoch != TARGET_EPOCH,
        Entry::EpochClose(close) => close.epoch != TARGET_EPOCH,
        _ => true,
    });
}

fn without_another(epoch: u64, list: &mut Vec<AllocationEntry>) {
    list.retain(|entry| epoch != 3 || entry.id != receipt(2).contract_id());
}

fn less_than_sold(open: &mut EpochOpen) {
    if open.epoch == 3 {
        open.allocation.total = Units::new(open.allocation.total.get() - 1).expect("some is left");
    }
}

/// The honest list of epoch 3 with its first entry twice: its file and its root, made without the tree's own checks.
fn doubled(honest: &[u8]) -> (Vec<u8>, EpochOpen) {
    let honest = Allocation::from_bytes(honest).expect("an honest list");
    let mut entries = honest.entries().to_vec();
    entries.insert(0, entries[0]);
    let rows: Vec<String> = entries.iter().map(|entry| format!("[\"{}\",\"{}\"]", entry.units, entry.id)).collect();
    let (total, root) = sum_root(&entries);
    let open = EpochOpen {
        epoch: 3,
        start_ms: 0,
        chain: audit_core::entry::ChainTip { height: 0, hash: BlockHash([0; 32]) },
        allocation: audit_core::allocation::AllocationRoot {
            count: entries.len() as u64,
            total: Units::new(total).expect("positive"),
            root,
        },
    };
    (format!("{{\"entries\":[{}]}}", rows.join(",")).into_bytes(), open)
}

/// `docs/LOG.md` §7, without its demand that ids increase.
fn sum_root(entries: &[AllocationEntry]) -> (u128, Hash32) {
    if let [entry] = entries {
        let amount = entry.units.get();
        return (amount, Hash32::of(&[&[0][..], &amount.to_be_bytes(), &entry.id.0].concat()));
    }
    let split = entries.len().next_power_of_two() / 2;
    let ((left_sum, left), (right_sum, right)) = (sum_root(&entries[..split]), sum_root(&entries[split..]));
    let node = [&[1][..], &left_sum.to_be_bytes(), &left.0, &right_sum.to_be_bytes(), &right.0].concat();
    (left_sum + right_sum, Hash32::of(&node))
}

fn honest_list() -> Vec<u8> {
    let files = Script::tell(&Cheats::default()).files;
    files.into_iter().find(|(path, _)| path.starts_with("allocation/")).expect("there is a list").1
}

fn commit_to_doubled(open: &mut EpochOpen) {
    if open.epoch == 3 {
        open.allocation = doubled(&honest_list()).1.allocation;
    }
}

fn publish_doubled(files: &mut Files) {
    let (list, open) = doubled(&honest_list());
    files.insert(Allocation::path(&open.allocation.root), list);
}

/// The buyer's contract_open names terms that were not agreed.
fn under_other_terms(entries: &mut Vec<Entry>) {
    let Some(Entry::Terms(agreed)) = entries.iter().find(|entry| matches!(entry, Entry::Terms(_))).cloned() else {
        return;
    };
    let other = entries.len() as u64 - 1;
    let Some(Entry::ContractOpen(mut mine)) = entries.pop() else { return };
    entries.push(Entry::Terms(Terms { ..agreed }));
    mine.terms = other;
    entries.push(Entry::ContractOpen(mine));
}

/// One satoshi of another contract becomes the operator's fee; all sums still agree.
fn keep_a_satoshi(entry: &mut Settlement, file: &mut SettlementFile) {
    let other = file.credits.iter_mut().find(|credit| credit.id == receipt(2).contract_id());
    let Some(other) = other else { return };
    other.sats = sats(other.sats.get() - 1);
    entry.fee_sats = sats(entry.fee_sats.get() + 1);
    entry.credits = credits_root(&file.credits).expect("still a list");
}

/// The odd satoshi goes to the wrong one of two others.
fn move_a_satoshi(entry: &mut Settlement, file: &mut SettlementFile) {
    let mine = receipt(1).contract_id();
    for (credit, up) in file.credits.iter_mut().filter(|credit| credit.id != mine).zip([true, false]) {
        credit.sats = sats(if up { credit.sats.get() + 1 } else { credit.sats.get() - 1 });
    }
    entry.credits = credits_root(&file.credits).expect("still a list");
}

/// Another contract pays twice the fee of its terms.
fn double_the_fee(entry: &mut Settlement, file: &mut SettlementFile) {
    let Some(other) = file.credits.iter_mut().find(|credit| credit.id == receipt(2).contract_id()) else { return };
    let more = other.sats.get() / 49;
    other.sats = sats(other.sats.get() - more);
    entry.fee_sats = sats(entry.fee_sats.get() + more);
    entry.credits = credits_root(&file.credits).expect("still a list");
}

/// The list owes another buyer one satoshi less.
fn owe_less(_: &mut Liabilities, file: &mut LiabilitiesFile) {
    if let Some(row) = file.balances.iter_mut().find(|row| row.id == receipt(2).contract_id()) {
        row.sats = sats(row.sats.get() - 1);
    }
}

/// The list is backed by an output that no block has.
fn invent_a_coin(_: &mut Liabilities, file: &mut LiabilitiesFile) {
    let point = OutPoint { txid: BlockHash([9; 32]), vout: 0 };
    let coin = Coin { sats: sats(5_000_000_000), point, height: 101 };
    *file = LiabilitiesFile::new(file.liabilities, file.balances.clone(), [&file.coins[..], &[coin]].concat());
}

/// The buyer's output has one satoshi less than his row says.
fn pay_less(plan: &mut PayoutPlan) {
    let mine = receipt(1).contract_id();
    for row in plan.rows.iter().filter(|row| row.id == mine) {
        let output = &mut plan.outputs[row.vout as usize];
        output.0 = sats(output.0.get() - 1);
    }
}

/// Both buyers are shown one output, which pays one of them.
fn pay_two_with_one(plan: &mut PayoutPlan) {
    let first = plan.rows[0].vout;
    plan.rows.iter_mut().for_each(|row| row.vout = first);
}

fn call_mined(files: &mut Files) {
    bend_payout(files, &|file| file.branch = vec![Hash32([7; 32])]);
}

/// Changes what a payout's file says.
///
/// # Panics
/// Never: the story has one payout.
pub fn bend_payout(files: &mut Files, bend: &dyn Fn(&mut PayoutFile)) {
    let (_, bytes) = files.iter_mut().find(|(path, _)| path.starts_with("payout/")).expect("one payout");
    let mut file = PayoutFile::from_bytes(bytes).expect("written by the story");
    bend(&mut file);
    *bytes = file.to_bytes();
}

fn sats(sats: u64) -> Sats {
    Sats::new(sats).expect("less than all")
}

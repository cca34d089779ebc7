//! The audit vectors of `tests/vectors/audit`: one honest log and one lie for each check.

use std::collections::BTreeMap;

use audit_core::{
    audit::{AuditRequest, CheckId, Claims, ContractQuery, EpochClaim, SettlementClaim},
    checkpoint::{Checkpoint, LogKey},
    contract::Receipt,
    entry::{EpochOpen, Liabilities, LogHead, Scheme, Settlement, Terms},
    hash::Hash32,
    header::Header,
    job::Job,
    liabilities::LiabilitiesFile,
    policy::Policy,
    seal::SealedEpoch,
    settlement::{SettlementFile, credits_root},
    work::{Nbits, Sats, Units, Work},
};
use serde::{Deserialize, Serialize};

use super::{
    Cheats, ORIGIN, PayoutPlan, Script, WASM,
    disputes::disputes,
    grind, receipt, terms,
    threats::{
        life::{ENDS_IN_EPOCH_3, giving_back},
        threats,
    },
};

/// One vector, as its JSON file holds it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Vector {
    /// What is wrong with the log.
    pub name: String,
    /// tlog-policy text.
    pub policy: String,
    /// The buyer's receipt.
    pub receipt: Option<Receipt>,
    /// What the page claims.
    pub claims: Option<Claims>,
    /// SHA-256 of the verifier.
    pub wasm_sha256: Option<Hash32>,
    /// The log as this verifier saw it last.
    pub remembered: Option<LogHead>,
    /// Evidence: hex by path.
    pub files: BTreeMap<String, String>,
    /// The only check that must fail; null for an honest log.
    pub fails: Option<String>,
    /// Recomputed work of all epochs.
    pub work: Option<Work>,
    /// Recomputed credits of the contract.
    pub credited_sats: Option<Sats>,
}

impl Vector {
    /// The request that the vector describes.
    ///
    /// # Panics
    /// On a policy that does not parse.
    pub fn request(&self) -> AuditRequest {
        let policy = Policy::parse(&self.policy).expect("the vectors' policies parse");
        AuditRequest {
            contract: self.receipt.clone().map(ContractQuery::Receipt),
            claims: self.claims.clone(),
            wasm_sha256: self.wasm_sha256,
            remembered: self.remembered.clone().map(|LogHead { origin, size, root }| Checkpoint { origin, size, root }),
            ..AuditRequest::new(policy)
        }
    }
}

/// Every vector by its file's name.
pub fn vectors() -> BTreeMap<&'static str, Vector> {
    let mut vectors = BTreeMap::from([("honest", honest()), ("honest-by-time", by_time()), ("honest-ended", ended())]);
    let mut lie = |name, fails: CheckId, cheats: Cheats<'_>| {
        vectors.insert(name, of(&cheats, Some(fails)));
    };
    lie(
        "log-signed",
        CheckId::LogSigned,
        Cheats { files: &|files| drop(files.insert("log/checkpoint".into(), forged())), ..Cheats::default() },
    );
    lie(
        "log-complete",
        CheckId::LogComplete,
        Cheats { entries: &|entries| drop(entries.remove(1)), ..Cheats::default() },
    );
    lie("log-time", CheckId::LogTime, Cheats { job: &late, ..Cheats::default() });
    lie(
        "chain-linked",
        CheckId::ChainLinked,
        Cheats { files: &|files| easier(files.get_mut("chain/0/headers")), ..Cheats::default() },
    );
    lie("job-anchored", CheckId::JobAnchored, Cheats { job: &steal, ..Cheats::default() });
    lie("share-work", CheckId::ShareWork, Cheats { sealed: &inflate, ..Cheats::default() });
    lie(
        "alloc-all",
        CheckId::AllocAll,
        Cheats {
            allocation: &|epoch, list| list.retain(|entry| epoch != 3 || entry.id != receipt(2).contract_id()),
            ..Cheats::default()
        },
    );
    lie("alloc-sum", CheckId::AllocSum, Cheats { open: &oversell, ..Cheats::default() });
    lie("block-all", CheckId::BlockAll, Cheats { sealed: &hide, ..Cheats::default() });
    lie("settle-sum", CheckId::SettleSum, Cheats { settlement: &shift, ..Cheats::default() });
    lie("liab-sum", CheckId::LiabSum, Cheats { liabilities: &forget, ..Cheats::default() });
    lie("payout-mine", CheckId::PayoutMine, Cheats { payout: &divert, ..Cheats::default() });
    let honest_but = |fails: CheckId, change: &dyn Fn(&mut Vector)| {
        let mut vector = Vector { fails: Some(fails.id().into()), work: None, credited_sats: None, ..honest() };
        change(&mut vector);
        vector
    };
    let other = Receipt { nonce: Hash32([5; 32]), ..receipt(1) };
    vectors.insert("alloc-mine", honest_but(CheckId::AllocMine, &|vector| vector.receipt = Some(other.clone())));
    let epochs = vec![EpochClaim { epoch: 1, work: Work::new(28) }];
    let claims = Claims { epochs, ..Claims::default() };
    vectors
        .insert("contract-hashes", honest_but(CheckId::ContractHashes, &|vector| vector.claims = Some(claims.clone())));
    let credits = vec![SettlementClaim { settlement: 1, credit_sats: Sats::new(826_875_001).unwrap_or_default() }];
    let claims = Claims { credits, ..Claims::default() };
    vectors.insert("settle-mine", honest_but(CheckId::SettleMine, &|vector| vector.claims = Some(claims.clone())));
    vectors.insert(
        "verifier-self",
        honest_but(CheckId::VerifierSelf, &|vector| vector.wasm_sha256 = Some(Hash32([1; 32]))),
    );
    vectors.extend(threats());
    vectors.extend(disputes());
    vectors
}

fn honest() -> Vector {
    Vector {
        work: Some(Work::new(280)),
        credited_sats: Sats::new(826_875_000 + 816_666_667),
        ..of(&Cheats::default(), None)
    }
}

/// The buyer's contract is paid by accruals.
fn by_time() -> Vector {
    let terms = Terms { scheme: Scheme::Pps, ..terms() };
    // 27 and 20 hashes, of which 15 take a block of 50 BTC; less 2 % each time.
    let credited = [27, 20].map(|hashes| hashes * 5_000_000_000 / 15).map(|gross| gross - gross * 2 / 100);
    Vector {
        work: Some(Work::new(280)),
        credited_sats: Sats::new(credited.iter().sum()),
        ..of(&Cheats { terms: &[terms; 2], ..Cheats::default() }, None)
    }
}

/// The buyer's contract has ended, and what was missing is paid back.
fn ended() -> Vector {
    let cheats = Cheats { terms: &giving_back(), until_ms: ENDS_IN_EPOCH_3, epochs_after: 1, ..Cheats::default() };
    Vector {
        work: Some(Work::new(280)),
        credited_sats: Sats::new(826_875_000 + 816_666_667 + 480_769),
        ..of(&cheats, None)
    }
}

pub(super) fn of(cheats: &Cheats<'_>, fails: Option<CheckId>) -> Vector {
    let story = Script::tell(cheats);
    Vector {
        name: fails.map_or("an honest log".into(), |check| format!("not true: {}", check.sentence())),
        policy: story.policy.to_string(),
        receipt: Some(story.receipt),
        claims: None,
        wasm_sha256: Some(WASM),
        remembered: None,
        files: story.files.iter().map(|(path, bytes)| (path.clone(), hex::encode(bytes))).collect(),
        fails: fails.map(|check| check.id().into()),
        work: None,
        credited_sats: None,
    }
}

fn forged() -> Vec<u8> {
    Checkpoint { origin: ORIGIN.into(), size: 3, root: Hash32([1; 32]) }.sign(&LogKey::new(ORIGIN, &[8; 32]))
}

/// The last header has proof of work for an easier target.
fn easier(headers: Option<&mut Vec<u8>>) {
    if let Some(last) = headers.and_then(|headers| headers.last_chunk_mut::<80>()) {
        let nbits = Nbits::new(0x207f_ffff);
        *last = grind(Header { nbits, ..Header::from_bytes(last) }).to_bytes();
    }
}

fn late(epoch: u64, job: &mut Job) {
    job.ntime += if epoch == 2 { 7_300 } else { 0 };
}

fn steal(epoch: u64, job: &mut Job) {
    if let (2, Some(script)) = (epoch, job.coinbase.up_to_anchor.iter_mut().find(|byte| **byte == 0x51)) {
        *script = 0x52;
    }
}

fn inflate(epoch: &mut SealedEpoch) {
    if epoch.close.epoch == 2 {
        epoch.work = Work::new(epoch.work.get() + 4);
        epoch.close.shares.work = epoch.work;
    }
}

fn oversell(open: &mut EpochOpen) {
    if let (3, Some(total)) = (open.epoch, Units::new(1_000_000)) {
        open.allocation.total = total;
    }
}

fn hide(epoch: &mut SealedEpoch) {
    if epoch.close.epoch == 2 {
        epoch.blocks.truncate(epoch.blocks.len() - 1);
    }
}

/// Moves one satoshi between the first two credits that are not the buyer's.
fn shift(entry: &mut Settlement, file: &mut SettlementFile) {
    let mine = receipt(1).contract_id();
    for (credit, up) in file.credits.iter_mut().filter(|credit| credit.id != mine).zip([true, false]) {
        let sats = if up { credit.sats.get() + 1 } else { credit.sats.get() - 1 };
        credit.sats = Sats::new(sats).unwrap_or_default();
    }
    if let Ok(credits) = credits_root(&file.credits) {
        entry.credits = credits;
    }
}

/// Leaves the other buyer's balance out of the newest list.
pub(super) fn forget(entry: &mut Liabilities, file: &mut LiabilitiesFile) {
    if entry.liabilities == 2 {
        file.balances.retain(|row| row.id != receipt(2).contract_id());
    }
}

/// Pays the buyer's output to another script.
pub(super) fn divert(plan: &mut PayoutPlan) {
    let mine = receipt(1).contract_id();
    for row in plan.rows.iter().filter(|row| row.id == mine) {
        if let Some((_, script)) = plan.outputs.get_mut(row.vout as usize) {
            *script = vec![0x00, 0x14, 0x66];
        }
    }
}

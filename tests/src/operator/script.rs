//! One story with three epochs, two contracts and two settlements, in which every step can be bent.

use std::collections::BTreeMap;

use audit_core::{
    accrual::AccrualFile,
    allocation::{Allocation, AllocationEntry, operator_id},
    bundle::Files,
    checkpoint::Checkpoint,
    coinbase::CoinbasePlan,
    contract::{ContractDetails, Receipt, Uuid},
    entry::{
        Accrual, BlockFate, Conclusion, ContractOpen, Entry, EpochOpen, FORMAT, HexBytes, Liabilities, Maintenance,
        Manifest, Refund, Retention, Rounding, Scheme, Settlement, Shortfall, Suspension, Terms,
    },
    hash::{BlockHash, Hash32},
    job::Job,
    liabilities::LiabilitiesFile,
    life::{ConclusionFile, EpochSpan, PeriodEnd},
    policy::Policy,
    scheme::{FeesPpm, Hashprice, TermsOf},
    seal::SealedEpoch,
    settlement::SettlementFile,
    work::{Level, Sats, Units},
};

use super::{
    Chain, EPOCH_MS, ORIGIN, Operator, PayoutPlan, START_MS,
    debts::Debts,
    life::Lives,
    mine::{PAYOUT_SCRIPT, TAG},
    rounds::{self, ACCRUAL_EPOCHS, Rounds},
    witnessed::Witnesses,
};

const FEE_PPM: u32 = 20_000;
const TERMS: u64 = 1;
/// When contracts begin, Unix ms.
const FROM_MS: u64 = START_MS - 1_000;
/// When they end, in most stories.
const UNTIL_MS: u64 = START_MS + 10 * EPOCH_MS;
/// What each of them cost.
const PRICE_SATS: u64 = 10_000_000;
/// SHA-256 that the manifest states for the verifier.
pub const WASM: Hash32 = Hash32([0xab; 32]);

/// The anchor hash of an epoch by level.
pub type AnchorOf<'a> = &'a mut dyn FnMut(Level) -> Hash32;

/// Changes what the end of an epoch calls for, given the contracts that were sold.
pub type LifeCheat<'a> = &'a dyn Fn(u64, &[ContractOpen], &mut Vec<Entry>);

/// Where the story is bent. Every default is honest.
pub struct Cheats<'a> {
    /// What the buyers' contracts are sold under, buyer 1 first; the usual terms when empty.
    pub terms: &'a [Terms],
    /// What is not sold, in H/s.
    pub own_units: u128,
    /// Buyer 2's contract begins with epoch 2.
    pub late_buyer: bool,
    /// When the contracts end, Unix ms.
    pub until_ms: u64,
    /// The log up to a `contract_open`, before the epochs are opened.
    pub contract: &'a dyn Fn(&mut Vec<Entry>),
    /// The allocation list of an epoch before it is committed to.
    pub allocation: &'a dyn Fn(u64, &mut Vec<AllocationEntry>),
    /// `epoch_open` before it is logged.
    pub open: &'a dyn Fn(&mut EpochOpen),
    /// A job's coinbase before it is mined on. Epoch 1 wins its block with job 0, epoch 2 with job 1; a job that is not for
    /// the chain's tip wins none.
    pub coinbase: &'a dyn Fn(u64, &mut CoinbasePlan<'_>),
    /// A job before it is mined on.
    pub job: &'a dyn Fn(u64, &mut Job),
    /// An epoch after it was sealed, before it is logged.
    pub sealed: &'a dyn Fn(&mut SealedEpoch),
    /// Both jobs' first blocks of epoch 1 get onto the chain, and all blocks but one are left out with their shares.
    pub secret: bool,
    /// The time of a block's header by its height and by what it should be.
    pub times: &'a dyn Fn(u32, u32) -> u32,
    /// The chain before the blocks of epochs 1 and 2 mature, and the anchors of epoch 1 by level.
    pub chain: &'a dyn Fn(&mut Chain<'_>, AnchorOf<'_>),
    /// The blocks of an epoch that are said to have matured, and those to be orphaned, before that is logged.
    pub fates: &'a dyn Fn(&mut Vec<BlockHash>, &mut Vec<BlockHash>),
    /// A settlement before it is logged.
    pub settlement: &'a dyn Fn(&mut Settlement, &mut SettlementFile),
    /// What blocks pay in fees, before it is logged.
    pub fees: &'a dyn Fn(&mut FeesPpm),
    /// What hashrate is worth, before it is logged, where it is.
    pub hashprice: Option<&'a dyn Fn(&mut Hashprice)>,
    /// An accrual before it is logged; whether it is.
    pub accrual: &'a dyn Fn(&mut Accrual, &mut AccrualFile) -> bool,
    /// What the end of an epoch calls for in the lives of the contracts, buyer 2's first, before it is logged.
    pub life: LifeCheat<'a>,
    /// A conclusion before it is logged; whether it is.
    pub conclusion: &'a dyn Fn(&mut Conclusion, &mut ConclusionFile) -> bool,
    /// A list of what is owed before it is logged; its roots are computed afterwards.
    pub liabilities: &'a dyn Fn(&mut Liabilities, &mut LiabilitiesFile),
    /// The payout before its transaction is written.
    pub payout: &'a dyn Fn(&mut PayoutPlan),
    /// All entries, before they are signed.
    pub entries: &'a dyn Fn(&mut Vec<Entry>),
    /// The published files.
    pub files: &'a dyn Fn(&mut Files),
    /// Epochs without work that follow the story.
    pub epochs_after: u64,
    /// Who cosigns the log; without witnesses the policy asks for none.
    pub witnesses: Option<Witnesses<'a>>,
}

impl Default for Cheats<'_> {
    fn default() -> Self {
        Self {
            terms: &[],
            own_units: 7,
            late_buyer: false,
            until_ms: UNTIL_MS,
            contract: &|_| {},
            allocation: &|_, _| {},
            open: &|_| {},
            coinbase: &|_, _| {},
            job: &|_, _| {},
            sealed: &|_| {},
            secret: false,
            times: &|_, time| time,
            chain: &|_, _| {},
            fates: &|_, _| {},
            settlement: &|_, _| {},
            fees: &|_| {},
            hashprice: None,
            accrual: &|_, _| true,
            life: &|_, _, _| {},
            conclusion: &|_, _| true,
            liabilities: &|_, _| {},
            payout: &|_| {},
            entries: &|_| {},
            files: &|_| {},
            epochs_after: 0,
            witnesses: None,
        }
    }
}

/// Closed epochs with their allocations.
pub(super) type Worked = BTreeMap<u64, (Allocation, SealedEpoch)>;

/// Tells the story.
pub struct Script<'a> {
    operator: Operator<'a>,
    cheats: &'a Cheats<'a>,
    worked: Worked,
    rounds: Rounds,
    /// The height of each epoch's tip.
    tips: BTreeMap<u64, u32>,
    fees_ppm: u32,
    lives: Lives,
    debts: Debts,
}

/// What an outsider can get.
pub struct Story {
    /// The evidence.
    pub files: Files,
    /// Whom to trust.
    pub policy: Policy,
    /// A checkpoint of the log's first half.
    pub earlier: Checkpoint,
    /// What buyer 1 keeps.
    pub receipt: Receipt,
}

impl<'a> Script<'a> {
    /// The whole story.
    pub fn tell(cheats: &'a Cheats<'a>) -> Story {
        let operator = Operator::on([7; 32], Chain::new(cheats.times));
        let (worked, tips, fees_ppm) = (BTreeMap::new(), BTreeMap::new(), 0);
        let (rounds, lives, debts) = (Rounds::default(), Lives::default(), Debts::new());
        let mut script = Self { operator, cheats, worked, rounds, tips, fees_ppm, lives, debts };
        script.begin();
        script.open(1);
        script.work(1, 40);
        script.operator.chain.others(1);
        script.open(2);
        script.close(1);
        script.work(2, 30);
        script.blocks_mature();
        let matured = script.decide(1);
        script.settle(1, &matured);
        script.debts.list(&mut script.operator, cheats);
        let buyers = [1, 2].map(|buyer| script.receipt(buyer));
        script.debts.pay(&mut script.operator, cheats, &buyers);
        script.open(3);
        script.close(2);
        let matured = script.decide(2);
        script.settle(2, &matured);
        script.debts.list(&mut script.operator, cheats);
        for epoch in 4..4 + cheats.epochs_after {
            script.open(epoch);
            script.close(epoch - 1);
        }
        let earlier = script.operator.checkpoint(8);
        (cheats.entries)(&mut script.operator.entries);
        let mut files = script.operator.publish();
        let mut policy = script.operator.policy();
        if let Some(witnesses) = &cheats.witnesses {
            witnesses.cosign_all(&script.operator, &mut files);
            policy = witnesses.policy(&script.operator);
        }
        (cheats.files)(&mut files);
        let receipt = script.receipt(1);
        Story { files, policy, earlier, receipt }
    }

    fn begin(&mut self) {
        self.operator.append(Entry::Manifest(manifest()));
        let all = if self.cheats.terms.is_empty() { &[terms()][..] } else { self.cheats.terms };
        for terms in all {
            self.operator.append(Entry::Terms(*terms));
        }
        if all.iter().any(|terms| terms.scheme == Scheme::Fpps) {
            self.log_fees();
        }
        if let Some(change) = self.cheats.hashprice {
            let mut price = self.operator.chain.hashprice();
            change(&mut price);
            self.operator.append(Entry::ExternalInput(price.to_input(START_MS)));
        }
        for buyer in [2, 1] {
            let receipt = self.receipt(buyer);
            let open = receipt.contract_open().expect("written by this module");
            let index = self.operator.append(Entry::ContractOpen(open));
            self.lives.opened(index, open, self.terms_at(buyer));
        }
        (self.cheats.contract)(&mut self.operator.entries);
    }

    /// A block pays fees, and the log says how much the chain's blocks pay.
    fn log_fees(&mut self) {
        self.operator.chain.mine(&[(5_130_000_000, vec![0x53])]);
        let mut fees = self.operator.chain.fees();
        (self.cheats.fees)(&mut fees);
        self.operator.append(Entry::ExternalInput(fees.to_input(START_MS)));
        self.fees_ppm = fees.ppm;
    }

    fn open(&mut self, epoch: u64) {
        self.tips.insert(epoch, self.operator.chain.tip().0);
        let index = self.operator.entries.len() as u64;
        let mut list = self.lives.running(index, START_MS + (epoch - 1) * EPOCH_MS);
        list.push(AllocationEntry { units: units(self.cheats.own_units), id: operator_id(ORIGIN) });
        (self.cheats.allocation)(epoch, &mut list);
        self.operator.open_epoch(epoch, list, self.cheats.open);
    }

    /// Two jobs. The first one's block gets onto the chain in epoch 1; in epoch 2, whose first tip is left behind, the second
    /// one's.
    fn work(&mut self, epoch: u64, shares: usize) {
        let cheats = self.cheats;
        for winner in [1, 2] {
            self.operator.add_job(epoch, &|plan| (cheats.coinbase)(epoch, plan), &|job| (cheats.job)(epoch, job));
            match winner == epoch || cheats.secret && epoch == 1 {
                true => self.operator.mine_and_win(epoch, shares / 2),
                false => self.operator.mine(epoch, shares / 2),
            }
            if (epoch, winner) == (2, 1) {
                self.operator.chain.reorganise(1);
            }
        }
    }

    /// A hundred blocks on top.
    fn blocks_mature(&mut self) {
        let mut anchors = self.operator.anchors.remove(&1);
        let mut anchor = |level| anchors.as_mut().map(|anchors| anchors.hash(level)).unwrap_or_default();
        (self.cheats.chain)(&mut self.operator.chain, &mut anchor);
        self.operator.chain.others(100);
    }

    fn close(&mut self, epoch: u64) {
        if self.cheats.secret && epoch == 1 {
            self.operator.leave_out(epoch);
        }
        let closed = self.operator.close_epoch(epoch, self.cheats.sealed);
        self.worked.insert(epoch, closed);
        self.accrue(epoch);
        self.live(epoch);
    }

    /// What is paid by time is credited.
    fn accrue(&mut self, epoch: u64) {
        let accrual = rounds::accrual(epoch, self.tips[&epoch], self.fees_ppm, &self.worked, &self.terms_of());
        let Some((mut entry, mut file)) = accrual else { return };
        if (self.cheats.accrual)(&mut entry, &mut file) {
            self.debts.accrued(&file);
            self.operator.files.insert(AccrualFile::path(entry.accrual), file.to_bytes());
            self.operator.append(Entry::Accrual(entry));
        }
    }

    /// What the end of the epoch calls for in the contracts' lives, and what those that ended are owed.
    fn live(&mut self, epoch: u64) {
        let end = self.end_of(epoch);
        let mut due = self.lives.due(&end, &rounds::price(self.tips[&epoch], self.fees_ppm));
        (self.cheats.life)(epoch, &self.lives.sold(), &mut due);
        for entry in due {
            self.lives.logged(self.operator.entries.len() as u64, &entry);
            self.operator.append(entry);
        }
        let start_ms = end.end_ms - EPOCH_MS;
        let span = EpochSpan { open_index: self.index_of_open(epoch), start_ms, end_ms: end.end_ms };
        let Some((mut entry, mut file)) = self.lives.conclude(&end, &span, &self.worked) else { return };
        if (self.cheats.conclusion)(&mut entry, &mut file) {
            self.debts.concluded(&file);
            self.operator.files.insert(ConclusionFile::path(entry.conclusion), file.to_bytes());
            self.operator.append(Entry::Conclusion(entry));
        }
    }

    /// An epoch that has just been closed, as the end of a period.
    fn end_of(&self, epoch: u64) -> PeriodEnd {
        let is_close = |entry: &Entry| matches!(entry, Entry::EpochClose(close) if close.epoch == epoch);
        let close_index = self.operator.entries.iter().position(is_close).expect("closed before") as u64;
        let next_open = Some(self.index_of_open(epoch + 1));
        PeriodEnd { period: epoch, close_index, next_open, end_ms: START_MS + epoch * EPOCH_MS }
    }

    fn index_of_open(&self, epoch: u64) -> u64 {
        let is_open = |entry: &Entry| matches!(entry, Entry::EpochOpen(open) if open.epoch == epoch);
        self.operator.entries.iter().position(is_open).expect("opened before") as u64
    }

    /// The epoch's block on the chain matures, the others are orphaned.
    fn decide(&mut self, epoch: u64) -> Vec<BlockHash> {
        let blocks: Vec<BlockHash> = self.worked[&epoch].1.blocks.iter().map(|block| block.hash).collect();
        let is_mature = |hash: &BlockHash| self.operator.chain.has(hash);
        let (mut matured, mut orphaned): (Vec<_>, Vec<_>) = blocks.into_iter().partition(is_mature);
        (self.cheats.fates)(&mut matured, &mut orphaned);
        for hash in &matured {
            self.operator.append(Entry::BlockMatured(BlockFate { hash: *hash }));
        }
        for hash in &orphaned {
            self.operator.append(Entry::BlockOrphaned(BlockFate { hash: *hash }));
        }
        let coins = &self.worked[&epoch].1.coins;
        self.debts.matured(coins.iter().filter(|(block, _)| matured.contains(block)).map(|(_, coin)| *coin));
        matured
    }

    fn settle(&mut self, to_epoch: u64, blocks: &[BlockHash]) {
        let matured: Vec<(BlockHash, Sats)> = blocks.iter().map(|hash| (*hash, sats(5_000_000_000))).collect();
        let terms = self.terms_of();
        let (mut entry, mut file) = self.rounds.settle(to_epoch, &matured, &self.worked, terms);
        (self.cheats.settlement)(&mut entry, &mut file);
        self.debts.settled(&file);
        self.operator.files.insert(SettlementFile::path(entry.settlement), file.to_bytes());
        self.operator.append(Entry::Settlement(entry));
    }

    /// What each contract is sold under.
    fn terms_of(&self) -> TermsOf {
        [1, 2].map(|buyer| (self.receipt(buyer).contract_id(), self.terms_at(buyer))).into()
    }

    fn terms_at(&self, buyer: u8) -> Terms {
        self.cheats.terms.get(usize::from(buyer) - 1).copied().unwrap_or_else(terms)
    }

    /// The receipt of a buyer, who has terms of his own if the story says so.
    fn receipt(&self, buyer: u8) -> Receipt {
        let terms = if self.cheats.terms.is_empty() { TERMS } else { TERMS + u64::from(buyer) - 1 };
        let from_ms = if self.cheats.late_buyer && buyer == 2 { START_MS + 1 } else { FROM_MS };
        receipt_of(buyer, terms, from_ms, self.cheats.until_ms)
    }
}

/// What a buyer keeps: buyer 1 has 2 H/s, buyer 2 has 3 H/s.
pub fn receipt(buyer: u8) -> Receipt {
    receipt_of(buyer, TERMS, FROM_MS, UNTIL_MS)
}

fn receipt_of(buyer: u8, terms: u64, from_ms: u64, until_ms: u64) -> Receipt {
    let details = ContractDetails {
        units: units(u128::from(buyer) + 1),
        from_ms,
        until_ms,
        price_sats: sats(PRICE_SATS),
        terms,
        payment_reference: format!("PH-TEST{buyer}"),
        payout_script: vec![0x00, 0x14, buyer],
    };
    let details = String::from_utf8(details.to_bytes()).expect("JSON is UTF-8");
    Receipt { uuid: Uuid([buyer; 16]), nonce: Hash32([buyer + 100; 32]), details }
}

/// What every contract of the story is sold under.
pub fn terms() -> Terms {
    Terms {
        scheme: Scheme::Proportional,
        fee_ppm: FEE_PPM,
        maintenance: Maintenance::Included,
        rounding: Rounding::LargestRemainder,
        suspension: Suspension::None,
        shortfall: Shortfall::ProRata,
        refund: Refund::None,
    }
}

fn manifest() -> Manifest {
    Manifest {
        format: FORMAT,
        network: "regtest".into(),
        coin: "BTC".into(),
        proof_of_work: "sha256d".into(),
        payout_scripts: vec![HexBytes(PAYOUT_SCRIPT.to_vec())],
        coinbase_tag: TAG.to_vec(),
        epoch_ms: EPOCH_MS,
        grace_ms: 3_000,
        accrual_epochs: ACCRUAL_EPOCHS,
        verifier_wasm_sha256: vec![WASM, Hash32([0xac; 32])],
        software_version: "0.1.0".into(),
        predecessor: None,
        retention: Retention::All,
    }
}

fn sats(sats: u64) -> Sats {
    Sats::new(sats).expect("less than all")
}

fn units(hashes_per_second: u128) -> Units {
    Units::new(hashes_per_second).expect("positive")
}

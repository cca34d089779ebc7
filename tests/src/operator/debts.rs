//! What the operator owes: lists of it, and one payout.

use audit_core::{
    accrual::AccrualFile,
    allocation::operator_id,
    contract::Receipt,
    entry::{Entry, Liabilities, Payout},
    hash::BlockHash,
    liabilities::{Balances, Coin, LiabilitiesFile},
    life::ConclusionFile,
    payout::{PayoutFile, PayoutRow},
    settlement::{Credit, SettlementFile},
    transaction::OutPoint,
    work::Sats,
};

use super::{Cheats, ORIGIN, Operator, START_MS, mine::PAYOUT_SCRIPT};

/// What the payout's transaction costs.
const FEE_SATS: u64 = 1_000;

/// A payout before it is written as a transaction.
#[derive(Clone, Debug)]
pub struct PayoutPlan {
    /// What is spent.
    pub inputs: Vec<OutPoint>,
    /// Value and script.
    pub outputs: Vec<(Sats, Vec<u8>)>,
    /// Who is paid by which output.
    pub rows: Vec<PayoutRow>,
    /// Whether a block takes it.
    pub mined: bool,
}

/// The operator's own books.
pub(super) struct Debts {
    balances: Balances,
    coins: Vec<Coin>,
    lists: u64,
    settlements: u64,
}

impl Debts {
    pub(super) fn new() -> Self {
        Self { balances: Balances::new(operator_id(ORIGIN)), coins: Vec::new(), lists: 0, settlements: 0 }
    }

    /// These coins can be spent from now on.
    pub(super) fn matured(&mut self, coins: impl Iterator<Item = Coin>) {
        self.coins.extend(coins);
    }

    /// Owes what a settlement says.
    pub(super) fn settled(&mut self, file: &SettlementFile) {
        self.settlements += 1;
        for credit in &file.credits {
            self.balances.credit(credit).expect("few satoshis");
        }
    }

    /// Owes what an accrual says.
    pub(super) fn accrued(&mut self, file: &AccrualFile) {
        file.credits.iter().try_for_each(|credit| self.balances.credit(credit)).expect("few satoshis");
    }

    /// Owes what a conclusion says.
    pub(super) fn concluded(&mut self, file: &ConclusionFile) {
        let credits = file.credits().expect("few satoshis");
        credits.iter().try_for_each(|credit| self.balances.credit(credit)).expect("few satoshis");
    }

    /// Logs a list of what is owed.
    pub(super) fn list(&mut self, operator: &mut Operator<'_>, cheats: &Cheats<'_>) {
        self.lists += 1;
        let mut file = LiabilitiesFile::new(self.lists, self.balances.list(), self.coins.clone());
        let mut entry = Liabilities {
            liabilities: self.lists,
            at_ms: START_MS + self.lists,
            settlement: self.settlements,
            balances: file.balances_root().expect("an orderly list"),
            coins: file.coins_root().expect("orderly coins"),
        };
        (cheats.liabilities)(&mut entry, &mut file);
        // A list that no tree can be made of keeps the roots of the honest one.
        entry.balances = file.balances_root().unwrap_or(entry.balances);
        entry.coins = file.coins_root().unwrap_or(entry.coins);
        operator.files.insert(LiabilitiesFile::path(self.lists), file.to_bytes());
        operator.append(Entry::Liabilities(entry));
    }

    /// Pays all that is owed out of the first coin, an output for each buyer, the rest back to the pool.
    pub(super) fn pay(&mut self, operator: &mut Operator<'_>, cheats: &Cheats<'_>, buyers: &[Receipt]) {
        let mut plan = self.plan(buyers);
        (cheats.payout)(&mut plan);
        let transaction = plan.transaction();
        let txid = BlockHash::of(&transaction);
        let (block, index, branch) = match plan.mined.then(|| operator.chain.mine_transaction(&txid)) {
            Some((block, branch)) => (Some(block), 1, branch),
            None => (None, 0, Vec::new()),
        };
        let file = PayoutFile { txid, transaction, block, index, branch, outputs: plan.rows };
        for row in &file.outputs {
            // What a cheat pays beyond what is owed can't be owed less.
            let _ = self.balances.pay(&row.id, row.sats);
        }
        self.coins.retain(|coin| !plan.inputs.contains(&coin.point));
        let outputs = file.outputs_root().expect("rows in order");
        operator.files.insert(PayoutFile::path(&txid), file.to_bytes());
        let (from_settlement, to_settlement) = (1, self.settlements);
        operator.append(Entry::Payout(Payout { txid, from_settlement, to_settlement, outputs }));
    }

    fn plan(&self, buyers: &[Receipt]) -> PayoutPlan {
        let coin = *self.coins.first().expect("a block has matured");
        let mut plan = PayoutPlan { inputs: vec![coin.point], outputs: Vec::new(), rows: Vec::new(), mined: true };
        for (vout, Credit { sats, id }) in (0..).zip(self.balances.list()) {
            let buyer = buyers.iter().find(|receipt| receipt.contract_id() == id);
            let details = buyer.map(|receipt| receipt.details().expect("written by the script"));
            plan.outputs.push((sats, details.map(|details| details.payout_script).unwrap_or_default()));
            plan.rows.push(PayoutRow { sats, id, vout });
        }
        let paid: u64 = plan.outputs.iter().map(|(sats, _)| sats.get()).sum();
        let change = coin.sats.get().saturating_sub(paid + FEE_SATS);
        plan.outputs.push((Sats::new(change).expect("less than the coin"), PAYOUT_SCRIPT.to_vec()));
        plan
    }
}

impl PayoutPlan {
    /// The transaction, without witnesses and, since nobody checks them here, without signatures.
    fn transaction(&self) -> Vec<u8> {
        let count = |number: usize| u8::try_from(number).expect("small counts and scripts");
        let mut bytes = Vec::from(2u32.to_le_bytes());
        bytes.push(count(self.inputs.len()));
        for OutPoint { txid, vout } in &self.inputs {
            bytes.extend(txid.0);
            bytes.extend(vout.to_le_bytes());
            bytes.push(0);
            bytes.extend([0xff; 4]);
        }
        bytes.push(count(self.outputs.len()));
        for (sats, script) in &self.outputs {
            bytes.extend(sats.get().to_le_bytes());
            bytes.push(count(script.len()));
            bytes.extend(script);
        }
        bytes.extend([0; 4]);
        bytes
    }
}

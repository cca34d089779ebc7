//! Opening a contract: from this entry in the log on, leaving it out of an allocation is visible to everyone.

use audit_core::contract::{ContractDetails, Receipt, Uuid};
use audit_core::entry::{ContractOpen, Entry};
use audit_core::work::Sats;
use thiserror::Error;

use crate::db::contracts::{Contract, Opened, Status};
use crate::db::ledger::{self, Account, LedgerError, Posting, Transaction, Voucher};
use crate::db::{DbError, Tx, contracts, epochs};
use crate::tlog::{SequencerGuard, TlogError};

/// The payment that a contract is opened by, as the operator confirmed it.
#[derive(Clone, Debug)]
pub struct Payment {
    /// What came in.
    pub received: Sats,
    /// The operator's note, such as a txid.
    pub note: Option<String>,
}

/// Why a contract was not opened; nothing was changed.
#[derive(Debug, Error)]
pub enum ContractRefused {
    /// It is active, fulfilled or cancelled already.
    #[error("the contract is not reserved any more")]
    NotReserved,
    /// The log refused.
    #[error(transparent)]
    Log(#[from] TlogError),
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The ledger refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Opens a reserved contract inside the caller's transaction: fixes its term and id, appends `contract_open`, and makes
/// its row active. The caller holds the row's lock ([`contracts::lock`]), posts the ledger in the same transaction,
/// commits, and then integrates with the guard.
///
/// The term starts after the start of every epoch that is open already, so the contract is in every allocation of its
/// term, from the next epoch on.
pub(super) async fn open_contract(
    guard: &SequencerGuard,
    tx: &mut Tx,
    contract: &Contract,
    payment: &Payment,
    now_ms: u64,
) -> Result<Opened, ContractRefused> {
    if contract.status != Status::Reserved {
        return Err(ContractRefused::NotReserved);
    }
    let last_start_ms = epochs::last(tx).await?.map(|epoch| epoch.start_ms);
    let from_ms = last_start_ms.map_or(now_ms, |start_ms| now_ms.max(start_ms + 1));
    let until_ms = from_ms.saturating_add(contract.term_ms);
    let receipt = receipt(contract, from_ms, until_ms);
    let entry = ContractOpen {
        contract: receipt.contract_id(),
        units: contract.units,
        from_ms,
        until_ms,
        price_sats: contract.price,
        terms: contract.terms_index,
    };
    let leaf_index = guard.append(tx, &[Entry::ContractOpen(entry)]).await?;
    let opened = Opened {
        contract_id: entry.contract,
        details: receipt.details,
        from_ms,
        until_ms,
        leaf_index,
        received: payment.received,
        payment_note: payment.note.clone(),
    };
    if contracts::activate(tx, contract.id, &opened).await? { Ok(opened) } else { Err(ContractRefused::NotReserved) }
}

/// Opens a reserved contract as [`open_contract`] does and books its payment: the price to sales, what was paid above it to
/// what is owed to the customer.
pub async fn open_paid_contract(
    guard: &SequencerGuard,
    tx: &mut Tx,
    contract: &Contract,
    payment: &Payment,
    now_ms: u64,
) -> Result<Opened, ContractRefused> {
    let opened = open_contract(guard, tx, contract, payment, now_ms).await?;
    let voucher = Voucher::Entry(opened.leaf_index);
    ledger::post(tx, &payment_transaction(contract, payment, voucher, now_ms)).await?;
    Ok(opened)
}

/// Brings a committed entry under a published checkpoint. A failure here is no failure of what was committed: the next
/// integration covers it.
pub async fn publish(log: &SequencerGuard) {
    if let Err(error) = log.integrate().await {
        tracing::error!(%error, "an opened contract waits for the next checkpoint");
    }
}

pub(crate) fn payment_transaction(
    contract: &Contract,
    payment: &Payment,
    voucher: Voucher,
    created_ms: u64,
) -> Transaction {
    let mut postings = vec![
        Posting::debit(Account::ContractPayments, payment.received),
        Posting::credit(Account::ContractSales, contract.price),
    ];
    if let Some(excess) = payment.received.checked_sub(contract.price).filter(|excess| *excess > Sats::ZERO) {
        postings.push(Posting::credit(Account::Overpaid { account_id: contract.account_id }, excess));
    }
    Transaction { kind: "contract_payment", reference: contract.id.to_string(), voucher, created_ms, postings }
}

fn receipt(contract: &Contract, from_ms: u64, until_ms: u64) -> Receipt {
    let details = ContractDetails {
        units: contract.units,
        from_ms,
        until_ms,
        price_sats: contract.price,
        terms: contract.terms_index,
        payment_reference: contract.payment_reference.clone(),
        payout_script: contract.payout_script.clone(),
    };
    Receipt {
        uuid: Uuid(*contract.id.as_bytes()),
        nonce: contract.nonce,
        details: String::from_utf8_lossy(&details.to_bytes()).into_owned(),
    }
}

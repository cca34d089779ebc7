//! What outsiders can see: the chain, the log, and what two verifiers say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use audit_core::entry::Entry;
use audit_core::hash::Hash32;
use audit_core::json::to_canonical;
use audit_core::payout::PayoutFile;
use tests::auditor::{Audit, Report, write_policy};
use tests::evidence::Log;
use tests::independent;

use super::market::Market;
use super::orders::Customer;
use super::products::SCHEMES;

/// What moved on the chain.
pub(super) struct Paid {
    /// To addresses of invoices.
    pub payments_sats: u64,
    pub payouts: usize,
    /// To addresses of buyers.
    pub paid_out_sats: u64,
    /// What is not paid yet.
    pub owed_sats: u64,
}

/// What was verified.
pub(super) struct Proven {
    pub found: u64,
    pub orphaned: usize,
    pub fees_ppm: u64,
    pub receipts: usize,
}

impl Market {
    /// On the chain is what buyers paid, once, and what they were credited less what is owed, once; and it is what the log
    /// says was paid.
    pub(super) async fn check_the_chain(&self) -> anyhow::Result<Paid> {
        let invoices: Vec<String> = self.customers.iter().map(|customer| customer.invoice_address.clone()).collect();
        let payments_sats = self.unspent(&invoices).await?.iter().map(|output| output.sats).sum();
        assert_eq!(payments_sats, self.customers.iter().map(|customer| customer.paid_sats).sum::<u64>(), "payments");

        let addresses: Vec<String> = self.customers.iter().map(|customer| customer.address.clone()).collect();
        let outputs = self.unspent(&addresses).await?;
        let logged = self.logged_payouts().await?;
        let txids: BTreeSet<String> = outputs.iter().map(|output| output.txid.clone()).collect();
        assert_eq!(txids, logged.iter().map(|file| file.txid.to_string()).collect(), "transactions that pay buyers");
        let mut rows = BTreeMap::<Hash32, u64>::new();
        for row in logged.iter().flat_map(|file| &file.outputs) {
            *rows.entry(row.id).or_default() += row.sats.get();
        }
        let (mut paid_out_sats, mut owed_sats) = (0, 0);
        for customer in &self.customers {
            let received = outputs.iter().filter(|output| output.address == customer.address);
            let received: u64 = received.map(|output| output.sats).sum();
            let contract = customer.api.contract(&customer.contract.id).await?;
            let owed = customer.api.contract_unpaid(&customer.contract.id).await?;
            let id = contract.contract_id.context("an active contract is in the log")?;
            assert_eq!(received, rows.get(&id).copied().unwrap_or_default(), "logged rows of {}", customer.address);
            assert_eq!(received + owed, contract.credited_sats, "credits of {}", customer.address);
            ensure!(received > 0 || customer.scheme == "solo", "{} {} got nothing", customer.scheme, customer.address);
            paid_out_sats += received;
            owed_sats += owed;
        }
        Ok(Paid { payments_sats, payouts: logged.len(), paid_out_sats, owed_sats })
    }

    /// The files of all payouts in the log.
    async fn logged_payouts(&self) -> anyhow::Result<Vec<PayoutFile>> {
        let log = Log::download(&self.server.api()).await?;
        let mut files = Vec::new();
        for entry in &log.entries {
            if let Entry::Payout(payout) = entry {
                let bytes = self.server.api().evidence(&PayoutFile::path(&payout.txid)).await?;
                files.push(PayoutFile::from_bytes(&bytes.context("a payout without its file")?)?);
            }
        }
        Ok(files)
    }

    /// The bundle holds, with every buyer's receipt for our auditor, and with one of each scheme for the independent one.
    pub(super) async fn verify(&self) -> anyhow::Result<Proven> {
        let folder = self.folder.path();
        let policy = write_policy(folder, &self.server.api().status().await?.log_vkey)?;
        let bundle = folder.join("bundle");
        Audit::of(self.server.url())?.policy(&policy).save(&bundle).run()?.held()?;
        let mut found = 0;
        for customer in &self.customers {
            let report = Audit::of(&bundle)?.policy(&policy).receipt(&receipt(customer, folder)?).run()?.held()?;
            check_report(customer, &report).await?;
            found = report.totals.blocks;
        }
        for scheme in SCHEMES {
            self.ask_the_other_verifier(scheme, &bundle, &policy).await?;
        }
        let log = Log::download(&self.server.api()).await?;
        let orphaned = log.entries.iter().filter(|entry| matches!(entry, Entry::BlockOrphaned(_))).count();
        ensure!(orphaned > 0, "the reorganisation threw no block of ours out");
        Ok(Proven { found, orphaned, fees_ppm: fees_ppm(&log)?, receipts: self.customers.len() })
    }

    async fn ask_the_other_verifier(&self, scheme: &str, bundle: &Path, policy: &Path) -> anyhow::Result<()> {
        let mut best: Option<(&Customer, u64)> = None;
        for customer in self.customers.iter().filter(|customer| customer.scheme == scheme) {
            let credited = customer.api.contract(&customer.contract.id).await?.credited_sats;
            best = best.into_iter().chain([(customer, credited)]).max_by_key(|(_, credited)| *credited);
        }
        let (customer, credited) = best.context("nobody has this scheme")?;
        ensure!(credited > 0, "{scheme} was credited nothing");
        let arguments = [("--policy", policy.to_owned()), ("--receipt", receipt(customer, self.folder.path())?)];
        let verdict = independent::verify(bundle, &arguments)?;
        let report = verdict.report.context(verdict.message)?;
        ensure!(report.held, "{scheme}: the independent verifier finds {:?}", report.failed());
        assert_eq!(report.contract.map(|contract| contract.credited_sats), Some(credited), "{scheme}");
        Ok(())
    }
}

async fn check_report(customer: &Customer, report: &Report) -> anyhow::Result<()> {
    for check in ["payout.mine", "settle.mine", "settle.sum", "liab.sum", "alloc.mine"] {
        assert_eq!(report.outcome(check), "held", "{check} of {} {}", customer.scheme, customer.address);
    }
    let contract = report.contract.as_ref().context("the report names no contract")?;
    let credited = customer.api.contract(&customer.contract.id).await?.credited_sats;
    assert_eq!((contract.bound, contract.credited_sats), (true, credited), "{}", customer.address);
    Ok(())
}

fn receipt(customer: &Customer, folder: &Path) -> anyhow::Result<PathBuf> {
    let receipt = customer.contract.receipt.as_ref().context("an active contract has a receipt")?;
    let file = folder.join(format!("receipt-{}.json", customer.contract.id));
    fs::write(&file, to_canonical(receipt))?;
    Ok(file)
}

/// What the newest input says blocks pay in fees.
fn fees_ppm(log: &Log) -> anyhow::Result<u64> {
    let inputs = log.entries.iter().filter_map(|entry| match entry {
        Entry::ExternalInput(input) if input.name == "block_fees_ppm" => Some(&input.value),
        _ => None,
    });
    let largest =
        inputs.map(|value| value.parse::<u64>()).try_fold(0, |largest, value| value.map(|value| largest.max(value)))?;
    ensure!(largest > 0, "FPPS knew of no fees");
    Ok(largest)
}

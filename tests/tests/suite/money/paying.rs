//! How buyers pay: as asked, replaced by more fee, in two parts, too much, too late; and a reorganisation under it all.

use anyhow::ensure;
use tests::api::Contract;
use tests::poll::{MINED, until};

use super::market::Market;

/// What a buyer leaves out at first, or pays too much.
const PART_SATS: u64 = 700;

/// How a buyer pays.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    AsAsked,
    /// By a transaction that another one replaces.
    Replaced,
    /// Too little at first.
    TwoParts,
    TooMuch,
    /// After the deadline.
    Late,
}

impl Manner {
    fn of(number: usize) -> Self {
        match number {
            0 => Self::Late,
            1 | 8 => Self::Replaced,
            2 | 11 => Self::TwoParts,
            3 | 15 => Self::TooMuch,
            _ => Self::AsAsked,
        }
    }

    /// What is paid at first, and then.
    fn parts(self, contract: &Contract) -> (u64, u64) {
        match self {
            Self::TwoParts => (contract.price_sats - PART_SATS, PART_SATS),
            Self::TooMuch => (contract.price_sats + PART_SATS, 0),
            _ => (contract.price_sats, 0),
        }
    }
}

impl Market {
    /// Everybody pays. The server is killed while nothing is in a block yet.
    pub(super) async fn take_payments(&mut self) -> anyhow::Result<()> {
        for number in 0..self.customers.len() {
            self.pay(number).await?;
        }
        self.kill().await?;
        for number in self.those_who_pay(Manner::TwoParts) {
            self.customers[number].is("underpaid").await?;
            let (_, rest) = Manner::TwoParts.parts(&self.customers[number].contract);
            self.pay_sats(number, rest).await?;
        }
        for number in 1..self.customers.len() {
            self.customers[number].is("seen").await?;
        }
        self.customers[0].is("paid_late").await
    }

    async fn pay(&mut self, number: usize) -> anyhow::Result<()> {
        let manner = Manner::of(number);
        let (first, _) = manner.parts(&self.customers[number].contract);
        if manner != Manner::Replaced {
            return self.pay_sats(number, first).await;
        }
        let address = self.customers[number].invoice_address.clone();
        let payment = self.wallet.pay(&address, first)?;
        self.hand_in(&payment).await?;
        self.customers[number].is("seen").await?;
        let replacement = self.wallet.replace(&payment, &address, first)?;
        self.customers[number].paid_sats += first;
        self.hand_in(&replacement).await
    }

    async fn pay_sats(&mut self, number: usize, sats: u64) -> anyhow::Result<()> {
        let payment = self.wallet.pay(&self.customers[number].invoice_address, sats)?;
        self.customers[number].paid_sats += sats;
        self.hand_in(&payment).await
    }

    fn those_who_pay(&self, manner: Manner) -> Vec<usize> {
        (0..self.customers.len()).filter(|number| Manner::of(*number) == manner).collect()
    }

    /// Blocks of ours with the payments in them are thrown out of the chain.
    pub(super) async fn reorganise_payments(&mut self, depth: u64) -> anyhow::Result<()> {
        self.grow(1).await?;
        self.mine(depth - 1).await?;
        self.customers[4].is("settled").await?;
        self.reorganise(depth).await?;
        self.customers[4].is("reorged").await
    }

    /// Every contract runs, whatever happened to its payment, and nothing is missing or too much.
    pub(super) async fn wait_until_all_run(&mut self) -> anyhow::Result<()> {
        self.grow(2).await?;
        for customer in &mut self.customers {
            customer.contract = until("every paid contract to run", MINED, async || {
                let contract = customer.api.contract(&customer.contract.id).await?;
                let is_settled = customer.invoice().await?["state"] == "settled";
                Ok((is_settled && contract.status == "active").then_some(contract))
            })
            .await?;
        }
        for number in self.those_who_pay(Manner::Replaced) {
            ensure!(self.customers[number].events("replaced").await? == 1, "a replaced payment was not noticed");
        }
        for customer in &self.customers {
            let credited = customer.invoice().await?["credited_sats"].as_u64();
            assert_eq!(credited, Some(customer.paid_sats - customer.contract.price_sats), "{}", customer.address);
        }
        Ok(())
    }
}

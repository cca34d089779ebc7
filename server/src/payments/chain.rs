//! Being paid on chain: an address of the operator's own wallet for each invoice, which this server can watch but not
//! spend from.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use audit_core::work::Sats;
use bdk_wallet::KeychainKind;
use bdk_wallet::bitcoin::OutPoint;
use pool_core::node::Node;
use tokio::sync::OnceCell;

use super::gateway::{GatewayError, OpenInvoice, Order, Payment, PaymentGateway, Reading};
use crate::db::invoices::{Destination, Position};
use crate::db::{Database, invoices};
use crate::wallet::{self, Coin, Wallet, WalletConfig, WalletError};

/// Smaller outputs are passed on by no node, whatever script they pay (Bitcoin Core, DUST_RELAY_TX_FEE).
pub(super) const DUST: u64 = 546;

/// How deep payments must be, by the price: the entry with the largest amount that is not above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmations(Vec<(Sats, u32)>);

/// The gateway on a watch-only wallet, which is opened once the node answers.
#[derive(Debug)]
pub struct ChainGateway {
    config: WalletConfig,
    node: Arc<dyn Node>,
    opened: OnceCell<Wallet>,
    database: Database,
    confirmations: Confirmations,
    /// By number of address, as of the last refresh.
    coins: Mutex<HashMap<u32, Vec<Coin>>>,
}

impl ChainGateway {
    /// A gateway on a wallet, of which nothing is read yet.
    pub fn new(config: WalletConfig, database: Database, node: Arc<dyn Node>, confirmations: Confirmations) -> Self {
        Self { config, node, opened: OnceCell::new(), database, confirmations, coins: Mutex::default() }
    }

    async fn wallet(&self) -> Result<&Wallet, WalletError> {
        let open = || Wallet::open(self.database.clone(), Arc::clone(&self.node), self.config.clone());
        self.opened.get_or_try_init(open).await
    }

    fn coins_of(&self, index: u32) -> Vec<Coin> {
        let coins = self.coins.lock().unwrap_or_else(PoisonError::into_inner);
        coins.get(&index).cloned().unwrap_or_default()
    }

    /// Why a payment that was there is not there any more.
    async fn fate(&self, payment: &str) -> Result<Position, WalletError> {
        let Ok(outpoint) = OutPoint::from_str(payment) else { return Ok(Position::Dropped) };
        let is_replaced = |wallet: &bdk_wallet::Wallet| {
            let graph = wallet.tx_graph();
            let lost = graph.get_tx(outpoint.txid);
            lost.is_some_and(|lost| graph.direct_conflicts(&lost).any(|(_, txid)| wallet.get_tx(txid).is_some()))
        };
        let is_replaced = self.wallet().await?.read(is_replaced).await;
        Ok(if is_replaced { Position::Replaced } else { Position::Dropped })
    }
}

#[async_trait]
impl PaymentGateway for ChainGateway {
    fn name(&self) -> &'static str {
        "chain"
    }

    fn minimum(&self) -> Sats {
        Sats::new(DUST).unwrap_or_default()
    }

    fn confirmations(&self, price: Sats) -> u32 {
        self.confirmations.of(price)
    }

    /// Numbers go up and are never used twice: behind every invoice's, and behind every address that was ever paid to.
    async fn open(&self, _order: &Order) -> Result<Destination, GatewayError> {
        let wallet = self.wallet().await?;
        let descriptor = wallet.descriptors().id();
        let unused = invoices::next_index(self.database.pool(), &descriptor).await?;
        let highest = wallet.read(|wallet| wallet.derivation_index(KeychainKind::External)).await;
        let index = highest.map_or(unused, |highest| unused.max(highest + 1));
        let address = wallet.address(index).await?.to_string();
        Ok(Destination::Address { descriptor, index, address })
    }

    async fn refresh(&self) -> Result<bool, GatewayError> {
        let wallet = self.wallet().await?;
        wallet.sync().await?;
        let mut by_index: HashMap<u32, Vec<Coin>> = HashMap::new();
        let receiving = wallet.coins().await.into_iter().filter(|coin| coin.keychain == KeychainKind::External);
        receiving.for_each(|coin| by_index.entry(coin.index).or_default().push(coin));
        *self.coins.lock().unwrap_or_else(PoisonError::into_inner) = by_index;
        Ok(wallet.is_current().await?)
    }

    async fn read(&self, invoice: &OpenInvoice, known: &[String]) -> Result<Reading, GatewayError> {
        let Destination::Address { descriptor, index, .. } = &invoice.destination else {
            return Ok(Reading::default());
        };
        if *descriptor != self.config.descriptors.id() {
            return Ok(Reading::default());
        }
        let coins = self.coins_of(*index).into_iter();
        let there: Vec<Payment> = coins.map(|coin| payment(&coin, invoice.confirmations)).collect();
        let mut payments = there.clone();
        for id in known.iter().filter(|id| !there.iter().any(|payment| payment.id == **id)) {
            payments.push(Payment { id: id.clone(), amount: Sats::ZERO, position: self.fate(id).await? });
        }
        Ok(Reading { payments, status: None })
    }
}

/// Counts no further than needed: a payment that is deep enough stays as it is.
fn payment(coin: &Coin, needed: u32) -> Payment {
    let position = match coin.position {
        wallet::Position::Confirmed { confirmations, .. } if confirmations >= needed => {
            Position::Final { confirmations: needed }
        }
        wallet::Position::Confirmed { confirmations, .. } => Position::Confirmed { confirmations },
        wallet::Position::Waiting => Position::Waiting,
        wallet::Position::Gone => Position::Dropped,
    };
    Payment { id: coin.outpoint.to_string(), amount: coin.value, position }
}

impl Confirmations {
    pub(super) fn of(&self, price: Sats) -> u32 {
        let reached = self.0.iter().take_while(|(from, _)| *from <= price);
        reached.last().map_or(1, |(_, confirmations)| *confirmations)
    }

    /// The most that any price needs.
    pub fn most(&self) -> u32 {
        self.0.iter().map(|(_, confirmations)| *confirmations).max().unwrap_or(1)
    }
}

impl FromStr for Confirmations {
    type Err = String;

    /// `1,1000000:3,10000000:6`: one below a million sats, three from there on, six from ten millions on.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "as 1,1000000:3,10000000:6: confirmations, then amount:confirmations with growing amounts".to_owned();
        let mut steps = Vec::new();
        for (position, part) in text.split(',').enumerate() {
            let (from, confirmations) =
                if position == 0 { ("0", part) } else { part.split_once(':').ok_or_else(wrong)? };
            let from = from.parse().ok().and_then(Sats::new).ok_or_else(wrong)?;
            let confirmations: u32 = confirmations.parse().map_err(|_| wrong())?;
            let grows = steps.last().is_none_or(|(last, _)| *last < from);
            if !(1..=100).contains(&confirmations) || !grows {
                return Err(wrong());
            }
            steps.push((from, confirmations));
        }
        Ok(Self(steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_amounts_need_more_confirmations() {
        let rule: Confirmations = "1,1000000:3,10000000:6".parse().unwrap();
        let needed = |sats| rule.of(Sats::new(sats).unwrap());
        assert_eq!(
            [1, 999_999, 1_000_000, 9_999_999, 10_000_000, 2_100_000_000_000_000].map(needed),
            [1, 1, 3, 3, 6, 6]
        );
    }

    #[test]
    fn rules_that_say_nothing_are_refused() {
        for text in ["", "0", "101", "1,3", "1,5:3,5:6", "1,x:3", "1,10:0", "5:3"] {
            assert!(text.parse::<Confirmations>().is_err(), "{text}");
        }
    }
}

//! What people do to payouts: agree, give up, sign elsewhere, raise the fee.

use anyhow::Context as _;
use bitcoin::Psbt;
use bitcoin::consensus::encode;
use thiserror::Error;

use super::fees::FeeRate;
use super::keys::KeyError;
use super::{Payouts, draft, postings};
use crate::clock::now_ms;
use crate::db::ledger;
use crate::db::payouts::{self, Attempt, Payout, Signer, State};

/// Why something was not done to a payout; nothing was changed.
#[derive(Debug, Error)]
pub enum Refused {
    #[error("there is no such payout")]
    Unknown,
    #[error("{0}")]
    State(&'static str),
    #[error(transparent)]
    Signatures(#[from] KeyError),
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl From<crate::db::DbError> for Refused {
    fn from(error: crate::db::DbError) -> Self {
        Self::Failed(error.into())
    }
}

impl Payouts {
    /// Plans the next payout now; `None` when nobody is due or coins are missing.
    pub(crate) async fn plan_now(&self) -> Result<Option<u64>, Refused> {
        Ok(self.plan_next().await?)
    }

    /// A second person agrees.
    pub(crate) async fn approve(&self, number: u64) -> Result<(), Refused> {
        let mut tx = self.database.begin().await?;
        if !payouts::approve(&mut tx, number, now_ms()).await? {
            self.known(number).await?;
            return Err(Refused::State("it needs no approval, or has it already"));
        }
        Ok(tx.commit().await.map_err(anyhow::Error::from)?)
    }

    /// Gives up a payout that nobody can have signed.
    pub(crate) async fn cancel(&self, number: u64) -> Result<(), Refused> {
        let _turn = self.turn.lock().await;
        let payout = self.known(number).await?;
        let first = self.newest(&payout).await?;
        let rows = payouts::rows(self.database.pool(), number).await?;
        let mut tx = self.database.begin().await?;
        if !payouts::cancel(&mut tx, number).await? {
            return Err(Refused::State("it was signed or handed out for signing, so it may be paid at any time"));
        }
        let posted = ledger::post(&mut tx, &postings::cancelled(number, first.txid, &rows, now_ms())).await;
        posted.map_err(anyhow::Error::from)?;
        Ok(tx.commit().await.map_err(anyhow::Error::from)?)
    }

    /// The newest attempt for signing elsewhere. From now on the payout can't be cancelled.
    pub(crate) async fn hand_out(&self, number: u64) -> Result<Attempt, Refused> {
        let _turn = self.turn.lock().await;
        let payout = self.known(number).await?;
        if payout.needs_approval && payout.approved_ms.is_none() {
            return Err(Refused::State("a second person has to approve it first"));
        }
        let mut tx = self.database.begin().await?;
        if !payouts::hand_out(&mut tx, number, now_ms()).await? {
            return Err(Refused::State("it is signed already"));
        }
        tx.commit().await.map_err(anyhow::Error::from)?;
        Ok(self.newest(&payout).await?)
    }

    /// Takes in what was signed elsewhere (BIP 174); it is broadcast next.
    pub(crate) async fn take_in(&self, number: u64, psbt: &[u8]) -> Result<(), Refused> {
        let _turn = self.turn.lock().await;
        let payout = self.known(number).await?;
        if payout.handed_out_ms.is_none() {
            return Err(Refused::State("it was not handed out for signing"));
        }
        let attempt = self.newest(&payout).await?;
        let signed = Psbt::deserialize(psbt).map_err(|error| KeyError::OtherTransaction(error.to_string()))?;
        let transaction = self.settings.keys.combine(draft::psbt(&attempt)?, signed)?;
        if !self.store_signed(&attempt, &encode::serialize(&transaction), Signer::Outside).await? {
            return Err(Refused::State("it is signed already"));
        }
        Ok(())
    }

    /// Replaces the transaction by one with a higher fee, to be signed anew.
    pub(crate) async fn bump(&self, number: u64, rate: FeeRate) -> Result<Attempt, Refused> {
        let _turn = self.turn.lock().await;
        let payout = self.known(number).await?;
        if !matches!(payout.state, State::Planned | State::Signed | State::Broadcast) {
            return Err(Refused::State("it is in a block already, or given up"));
        }
        let raised = self.raise(&payout, Some(rate)).await?;
        raised.ok_or(Refused::State("the fee would be above the cap, or the change does not cover it"))
    }

    async fn known(&self, number: u64) -> Result<Payout, Refused> {
        let payout = payouts::by_number(self.database.pool(), number).await.context("reading a payout")?;
        payout.ok_or(Refused::Unknown)
    }
}

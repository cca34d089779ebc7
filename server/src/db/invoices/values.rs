//! What the columns of invoices and payments can hold.

use crate::db::DbError;

/// Where an invoice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    New,
    Seen,
    Confirming,
    Settled,
    Underpaid,
    PaidLate,
    Expired,
    Cancelled,
    Reorged,
}

/// Where it is to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An address of our own wallet.
    Address { descriptor: String, index: u32, address: String },
    /// An invoice of a payment server.
    Checkout { gateway_invoice: String, address: Option<String>, url: String },
}

/// How far a payment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// In no block.
    Waiting,
    /// In a block, not deep enough yet.
    Confirmed { confirmations: u32 },
    /// As deep as it needs to be.
    Final { confirmations: u32 },
    /// Another transaction spends what it spent.
    Replaced,
    /// Nobody knows it any more; it may come back.
    Dropped,
}

/// What a payment was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Booked {
    /// The contract's price; what is above it is credited.
    Price,
    /// The customer's credit.
    Credit,
}

impl State {
    const ALL: [Self; 9] = [
        Self::New,
        Self::Seen,
        Self::Confirming,
        Self::Settled,
        Self::Underpaid,
        Self::PaidLate,
        Self::Expired,
        Self::Cancelled,
        Self::Reorged,
    ];

    /// As in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Seen => "seen",
            Self::Confirming => "confirming",
            Self::Settled => "settled",
            Self::Underpaid => "underpaid",
            Self::PaidLate => "paid_late",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Reorged => "reorged",
        }
    }

    /// Of a text from the database.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl Position {
    /// Blocks that confirm it.
    pub fn confirmations(self) -> u32 {
        match self {
            Self::Confirmed { confirmations } | Self::Final { confirmations } => confirmations,
            Self::Waiting | Self::Replaced | Self::Dropped => 0,
        }
    }

    /// Whether it may still count.
    pub fn is_alive(self) -> bool {
        !matches!(self, Self::Replaced | Self::Dropped)
    }
}

impl Position {
    /// As in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Confirmed { .. } => "confirmed",
            Self::Final { .. } => "final",
            Self::Replaced => "replaced",
            Self::Dropped => "dropped",
        }
    }

    pub(super) fn of(text: &str, confirmations: u32) -> Result<Self, DbError> {
        match text {
            "waiting" => Ok(Self::Waiting),
            "confirmed" => Ok(Self::Confirmed { confirmations }),
            "final" => Ok(Self::Final { confirmations }),
            "replaced" => Ok(Self::Replaced),
            "dropped" => Ok(Self::Dropped),
            other => Err(DbError::Unreadable { column: "position".into(), found: other.into() }),
        }
    }
}

impl Booked {
    /// As in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Credit => "credit",
        }
    }

    pub(super) fn of(text: &str) -> Result<Self, DbError> {
        match text {
            "price" => Ok(Self::Price),
            "credit" => Ok(Self::Credit),
            other => Err(DbError::Unreadable { column: "booked".into(), found: other.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_they_are_written() {
        assert!(State::ALL.into_iter().all(|state| State::of(state.as_str()) == Some(state)));
    }
}

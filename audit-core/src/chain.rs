//! The chain's side of the evidence: every header since the log began, and every block's coinbase with its branch.
//!
//! In scope: the networks' rules that a header alone can show (link, proof of work, retargeting, times), the files under
//! `chain/`, and the coinbases of anyone. Out of scope: what the log says of the chain (`audit`), asking a node for blocks
//! (`pool-core`), keeping the files (`server`), and every rule of transactions: a header with proof of work is believed.

mod coinbase;
mod headers;
mod period;
mod rules;
mod side;

use alloc::{format, string::String};

pub use coinbase::{AnyCoinbase, AnyCoinbaseError};
pub use headers::HeaderChain;
pub use period::{CoinbaseRow, ROW_MAX, RowError, push_row, split_row};
pub use rules::{HeaderError, required_nbits};
pub use side::{Branch, SideHeaders};

use crate::{
    hash::BlockHash,
    work::{Nbits, Sats, Target},
};

/// Headers of a period: Bitcoin's interval between retargets.
pub const PERIOD: u32 = 2_016;
/// Bytes of a header.
pub const HEADER_LEN: usize = 80;

/// A network that a log can be of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// The main chain.
    Bitcoin,
    /// The test network of BIP 94.
    Testnet4,
    /// The signed test network, and private ones with its parameters.
    Signet,
    /// A chain of one's own: its network target never changes.
    Regtest,
}

impl Network {
    /// By its name in the manifest.
    pub fn of_manifest(name: &str) -> Option<Self> {
        match name {
            "bitcoin" => Some(Self::Bitcoin),
            "testnet4" => Some(Self::Testnet4),
            "signet" => Some(Self::Signet),
            "regtest" => Some(Self::Regtest),
            _ => None,
        }
    }

    /// The easiest network target (Bitcoin Core `chainparams.cpp`, `powLimit`).
    pub fn limit(self) -> Target {
        let mut bytes = [0xff; 32];
        match self {
            Self::Bitcoin | Self::Testnet4 => bytes[..4].fill(0),
            Self::Signet => {
                bytes = [0; 32];
                bytes[2..5].copy_from_slice(&[0x03, 0x77, 0xae]);
            }
            Self::Regtest => bytes[0] = 0x7f,
        }
        Target::from_be_bytes(bytes)
    }

    /// Its genesis block; `None` where any will do. A private signet has the public one's.
    pub fn genesis(self) -> Option<BlockHash> {
        let text = match self {
            Self::Bitcoin => "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
            Self::Testnet4 => "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
            Self::Signet => "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
            Self::Regtest => return None,
        };
        text.parse().ok()
    }

    /// What a block at a height creates besides its fees (Bitcoin Core `GetBlockSubsidy`).
    pub fn subsidy(self, height: u32) -> Sats {
        let interval = if self == Self::Regtest { 150 } else { 210_000 };
        let halved = 5_000_000_000u64.checked_shr(height / interval).unwrap_or(0);
        Sats::new(halved).unwrap_or_default()
    }

    fn limit_nbits(self) -> Nbits {
        Nbits::of(self.limit())
    }
}

/// The period that a height is in.
pub fn period_of(height: u32) -> u32 {
    height / PERIOD
}

/// The headers of a period, 80 bytes each, ascending.
pub fn headers_path(period: u32) -> String {
    format!("chain/{period}/headers")
}

/// A row for each header of a period, see [`split_row`].
pub fn coinbases_path(period: u32) -> String {
    format!("chain/{period}/coinbases")
}

/// The headers from the first block off the best chain up to this one.
pub fn side_path(hash: &BlockHash) -> String {
    format!("chain/side/{hash}")
}

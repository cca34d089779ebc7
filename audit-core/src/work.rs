//! Targets, levels, work, units and money: integers with a unit each.

use core::{fmt, str::FromStr};

use ruint::aliases::{U256, U512};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    hash::BlockHash,
    text::{decimal, serde_as_text},
};

/// A 256-bit bound: a hash meets it when, as a number, it is at most the target.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Target(U256);

/// A share difficulty of 2ᵏ, −32 ≤ k ≤ 63. Lower levels have easier targets; level 0 is difficulty 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct Level(i8);

/// Expected hashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Work(u128);

/// Bought or declared hashrate in H/s, at least 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Units(u128);

/// Bitcoin's compact form of the network target.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Nbits(u32);

/// Satoshis, at most [`Sats::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
pub struct Sats(u64);

/// Why a text or number is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NumberError {
    /// No canonical decimal number of the right size.
    #[error("expected a decimal number without sign or leading zeros, within its range")]
    Decimal,
    /// No 8 lower-case hex digits.
    #[error("expected 8 lower-case hex digits")]
    Hex8,
    /// A level outside −32…63.
    #[error("expected a level from -32 to 63")]
    Level,
    /// More satoshis than there can be.
    #[error("expected at most 2100000000000000 sats")]
    Sats,
}

impl Target {
    /// From 32 bytes, most significant first.
    pub fn from_be_bytes(bytes: [u8; 32]) -> Self {
        Self(U256::from_be_bytes(bytes))
    }

    /// 32 bytes, most significant first.
    pub fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_be_bytes()
    }

    /// 64 hex digits, most significant first, as in the anchor's preimage.
    pub fn to_hex(self) -> alloc::string::String {
        hex::encode(self.to_be_bytes())
    }

    /// Expected hashes to meet this target: ⌊2²⁵⁶ / (target + 1)⌋; `None` when that exceeds 128 bits.
    pub fn work(self) -> Option<Work> {
        let hashes = (U512::ONE << 256usize) / (U512::from(self.0) + U512::ONE);
        u128::try_from(hashes).ok().map(Work)
    }

    /// ⌊target · `numerator` / `denominator`⌋; `None` when that exceeds 256 bits or the denominator is 0.
    pub fn scaled(self, numerator: u32, denominator: u32) -> Option<Self> {
        let scaled = (U512::from(self.0) * U512::from(numerator)).checked_div(U512::from(denominator))?;
        U256::checked_from_limbs_slice(scaled.as_limbs()).map(Self)
    }

    /// Whether `hash`, as a number, is at most this target.
    pub fn is_met_by(self, hash: &BlockHash) -> bool {
        U256::from_le_bytes(hash.0) <= self.0
    }
}

impl Level {
    /// The easiest level: its target is just above regtest's network target.
    pub const MIN: Self = Self(-32);
    /// The hardest level.
    pub const MAX: Self = Self(63);

    /// `None` outside −32…63.
    pub fn new(level: i8) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&level).then_some(Self(level))
    }

    /// The exponent k of the share difficulty 2ᵏ.
    pub fn get(self) -> i8 {
        self.0
    }

    /// ⌊0xFFFF · 2²⁰⁸ / 2ᵏ⌋, exact for every level.
    pub fn target(self) -> Target {
        let difficulty_one = U256::from(0xffffu32) << 208usize;
        let shift = usize::from(self.0.unsigned_abs());
        Target(if self.0 < 0 { difficulty_one << shift } else { difficulty_one >> shift })
    }

    /// Expected hashes of one share of this level.
    pub fn work(self) -> Work {
        self.target().work().unwrap_or_default()
    }
}

impl Work {
    /// No work.
    pub const ZERO: Self = Self(0);

    /// From expected hashes.
    pub fn new(hashes: u128) -> Self {
        Self(hashes)
    }

    /// Expected hashes.
    pub fn get(self) -> u128 {
        self.0
    }

    /// `None` on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl Units {
    /// `None` for 0.
    pub fn new(hashes_per_second: u128) -> Option<Self> {
        (hashes_per_second >= 1).then_some(Self(hashes_per_second))
    }

    /// H/s.
    pub fn get(self) -> u128 {
        self.0
    }
}

impl Nbits {
    /// From the header's field.
    pub fn new(nbits: u32) -> Self {
        Self(nbits)
    }

    /// The header's field.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The compact form of a target, rounded down (Bitcoin Core `arith_uint256::GetCompact`).
    pub fn of(target: Target) -> Self {
        let size = target.0.bit_len().div_ceil(8);
        let shifted = if size <= 3 { target.0 << (8 * (3 - size)) } else { target.0 >> (8 * (size - 3)) };
        let mantissa = shifted.wrapping_to::<u32>();
        // The mantissa's top bit is a sign.
        let (mantissa, size) = if mantissa & 0x0080_0000 == 0 { (mantissa, size) } else { (mantissa >> 8, size + 1) };
        Self(mantissa | (size as u32) << 24)
    }

    /// The network target; `None` when negative, zero or beyond 256 bits (Bitcoin Core `arith_uint256::SetCompact`).
    pub fn target(self) -> Option<Target> {
        let size = usize::try_from(self.0 >> 24).ok()?;
        let mantissa = U256::from(self.0 & 0x007f_ffff);
        if self.0 & 0x0080_0000 != 0 || mantissa.is_zero() {
            return None;
        }
        let target = match size.checked_sub(3) {
            Some(bytes) if mantissa.bit_len() + 8 * bytes > 256 => return None,
            Some(bytes) => mantissa << (8 * bytes),
            None => mantissa >> (8 * (3 - size)),
        };
        (!target.is_zero()).then_some(Target(target))
    }
}

impl Sats {
    /// 21 million bitcoin.
    pub const MAX: Self = Self(2_100_000_000_000_000);
    /// No money.
    pub const ZERO: Self = Self(0);

    /// `None` above [`Sats::MAX`].
    pub fn new(sats: u64) -> Option<Self> {
        (sats <= Self::MAX.0).then_some(Self(sats))
    }

    /// Satoshis.
    pub fn get(self) -> u64 {
        self.0
    }

    /// `None` above [`Sats::MAX`].
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::new)
    }

    /// `None` below zero.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

/// Divides `total` by `weights` in integers: ⌊total · wᵢ / Σw⌋ each, what is left one by one to the largest remainders,
/// ties to the lower index, so that the parts sum to `total` exactly. All zero when no weight is positive.
///
/// `None` when Σw exceeds 128 bits.
pub fn apportion(total: u128, weights: &[u128]) -> Option<alloc::vec::Vec<u128>> {
    let sum = weights.iter().try_fold(0u128, |sum, weight| sum.checked_add(*weight))?;
    if sum == 0 {
        return Some(alloc::vec![0; weights.len()]);
    }
    let divide = |weight: &u128| {
        let (quotient, remainder) = (U256::from(total) * U256::from(*weight)).div_rem(U256::from(sum));
        (quotient.to::<u128>(), remainder.to::<u128>())
    };
    let divided: alloc::vec::Vec<(u128, u128)> = weights.iter().map(divide).collect();
    let mut parts: alloc::vec::Vec<u128> = divided.iter().map(|(quotient, _)| *quotient).collect();
    let mut order: alloc::vec::Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| divided[*b].1.cmp(&divided[*a].1).then(a.cmp(b)));
    let left = total - parts.iter().sum::<u128>();
    for index in order.into_iter().take(usize::try_from(left).ok()?) {
        parts[index] += 1;
    }
    Some(parts)
}

impl fmt::Display for Work {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Units {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Sats {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Nbits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", self.0)
    }
}

impl FromStr for Work {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<Self, NumberError> {
        decimal(text).map(Self).ok_or(NumberError::Decimal)
    }
}

impl FromStr for Units {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<Self, NumberError> {
        decimal(text).and_then(Self::new).ok_or(NumberError::Decimal)
    }
}

impl FromStr for Nbits {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<Self, NumberError> {
        crate::text::hex_array(text).map(|bytes| Self(u32::from_be_bytes(bytes))).ok_or(NumberError::Hex8)
    }
}

serde_as_text!(Work);
serde_as_text!(Units);
serde_as_text!(Nbits);

impl<'de> Deserialize<'de> for Sats {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u64::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom(NumberError::Sats))
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i8::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom(NumberError::Level))
    }
}

#[cfg(test)]
mod tests;

//! A 32-bit word of each message, in the lanes of a vector of `core::arch::wasm32`.

use core::arch::wasm32::{
    i8x16_shuffle, i32x4_add, i32x4_shl, i32x4_shuffle, i32x4_sub, i64x2_shuffle, u32x4, u32x4_shr, u32x4_splat, u64x2,
    u64x2_extract_lane, v128, v128_and, v128_or, v128_xor,
};

/// Lanes of a vector.
pub(super) const LANES: usize = 4;

/// One 32-bit word of each message.
#[derive(Clone, Copy)]
pub(super) struct Word(v128);

impl Word {
    /// The same word for every message.
    #[inline(always)]
    pub(super) fn splat(word: u32) -> Self {
        Self(u32x4_splat(word))
    }

    #[inline(always)]
    pub(super) fn new(word: impl Fn(usize) -> u32) -> Self {
        Self(u32x4(word(0), word(1), word(2), word(3)))
    }

    /// Four words from the big-endian bytes that each message has of them.
    #[inline(always)]
    pub(super) fn from_rows(rows: [&[u8; 16]; LANES]) -> [Self; 4] {
        let vector = |row: &[u8; 16]| {
            let half = |at: usize| u64::from_le_bytes(core::array::from_fn(|byte| row[at + byte]));
            swapped(u64x2(half(0), half(8)))
        };
        turned(rows.map(vector)).map(Self)
    }

    /// The inverse of [`Word::from_rows`].
    #[inline(always)]
    pub(super) fn to_rows(words: [Self; 4]) -> [[u8; 16]; LANES] {
        turned(words.map(|word| word.0)).map(|row| {
            let (row, mut bytes) = (swapped(row), [0; 16]);
            bytes[..8].copy_from_slice(&u64x2_extract_lane::<0>(row).to_le_bytes());
            bytes[8..].copy_from_slice(&u64x2_extract_lane::<1>(row).to_le_bytes());
            bytes
        })
    }

    #[inline(always)]
    pub(super) fn add(self, other: Self) -> Self {
        Self(i32x4_add(self.0, other.0))
    }

    #[inline(always)]
    pub(super) fn sub(self, other: Self) -> Self {
        Self(i32x4_sub(self.0, other.0))
    }

    #[inline(always)]
    pub(super) fn and(self, other: Self) -> Self {
        Self(v128_and(self.0, other.0))
    }

    #[inline(always)]
    pub(super) fn xor(self, other: Self) -> Self {
        Self(v128_xor(self.0, other.0))
    }

    #[inline(always)]
    pub(super) fn shift<const RIGHT: u32>(self) -> Self {
        Self(u32x4_shr(self.0, RIGHT))
    }

    #[inline(always)]
    pub(super) fn rotate<const RIGHT: u32>(self) -> Self {
        Self(v128_or(u32x4_shr(self.0, RIGHT), i32x4_shl(self.0, 32 - RIGHT)))
    }
}

/// Rows for columns.
#[inline(always)]
fn turned([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (ab, cd) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<0, 4, 1, 5>(c, d));
    let (ab_end, cd_end) = (i32x4_shuffle::<2, 6, 3, 7>(a, b), i32x4_shuffle::<2, 6, 3, 7>(c, d));
    let (low, high) = (i64x2_shuffle::<0, 2>, i64x2_shuffle::<1, 3>);
    [low(ab, cd), high(ab, cd), low(ab_end, cd_end), high(ab_end, cd_end)]
}

/// The bytes of each 32-bit word the other way round.
#[inline(always)]
fn swapped(row: v128) -> v128 {
    i8x16_shuffle::<3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12>(row, row)
}

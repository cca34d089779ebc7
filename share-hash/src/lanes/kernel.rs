//! SHA-256's schedule and rounds on vectors of `core::arch::wasm32`, one message per lane.

use core::arch::wasm32::{
    i32x4_add, i32x4_shl, u32x4, u32x4_extract_lane, u32x4_shr, u32x4_splat, v128, v128_and, v128_or, v128_xor,
};

use super::known::{HalfBlock, K};

/// Lanes of a vector.
pub(super) const LANES: usize = 4;

/// One 32-bit word of each message.
#[derive(Clone, Copy)]
pub(super) struct Word(v128);

/// The states of the messages.
pub(super) type State = [Word; 8];
/// For each round its word of the schedule, the round constant added.
pub(super) type Table = [Word; 64];

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

    #[inline(always)]
    pub(super) fn to_words(self) -> [u32; LANES] {
        let lanes = self.0;
        [
            u32x4_extract_lane::<0>(lanes),
            u32x4_extract_lane::<1>(lanes),
            u32x4_extract_lane::<2>(lanes),
            u32x4_extract_lane::<3>(lanes),
        ]
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(i32x4_add(self.0, other.0))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(v128_and(self.0, other.0))
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(v128_xor(self.0, other.0))
    }

    #[inline(always)]
    fn shift<const RIGHT: u32>(self) -> Self {
        Self(u32x4_shr(self.0, RIGHT))
    }

    #[inline(always)]
    fn rotate<const RIGHT: u32>(self) -> Self {
        Self(v128_or(u32x4_shr(self.0, RIGHT), i32x4_shl(self.0, 32 - RIGHT)))
    }
}

/// Copies of an expression, with an index known to each: a loop would keep the words in memory.
macro_rules! unrolled {
    (8, |$index:ident| $body:expr) => { unrolled!($index $body; 0 1 2 3 4 5 6 7) };
    (16, |$index:ident| $body:expr) => { unrolled!($index $body; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) };
    ($index:ident $body:expr; $($number:literal)*) => { $({ let $index: usize = $number; $body })* };
}

/// The 64 rounds, and the addition of the state before them.
///
/// `trace` is written and never read. Without it the compiler puts half of each round off until its result is wanted,
/// three rounds later, and every round then waits for it; what has to be stored is computed in time.
#[inline(never)]
pub(super) fn rounds(state: &mut State, table: &Table, trace: &mut Table) {
    let mut s = *state;
    let (rows, _) = table.as_chunks::<8>();
    let (traces, _) = trace.as_chunks_mut::<8>();
    for (row, trace) in rows.iter().zip(traces) {
        unrolled!(8, |i| {
            round(&mut s, i, row[i]);
            if i % 2 == 1 {
                trace[i] = s[7 - i];
            }
        });
    }
    for (before, after) in state.iter_mut().zip(s) {
        *before = before.add(after);
    }
}

/// One round. Instead of moving the eight words along, they are looked for in other places.
#[inline(always)]
fn round(s: &mut State, index: usize, word: Word) {
    let at = |place: usize| (place + 8 - index) & 7;
    let (a, b, c) = (s[at(0)], s[at(1)], s[at(2)]);
    let (e, f, g) = (s[at(4)], s[at(5)], s[at(6)]);
    let choice = g.xor(e.and(f.xor(g)));
    let majority = b.xor(a.xor(b).and(b.xor(c)));
    let sum1 = e.rotate::<6>().xor(e.rotate::<11>()).xor(e.rotate::<25>());
    let sum0 = a.rotate::<2>().xor(a.rotate::<13>()).xor(a.rotate::<22>());
    let t = s[at(7)].add(word).add(choice).add(sum1);
    s[at(3)] = s[at(3)].add(t);
    s[at(7)] = t.add(sum0).add(majority);
}

/// The schedule of blocks that differ in every word.
#[inline(never)]
pub(super) fn schedule(words: &[Word; 16], table: &mut Table) {
    let (rows, _) = table.as_chunks_mut::<16>();
    let (k, _) = K.as_chunks::<16>();
    let mut w = *words;
    unrolled!(16, |i| rows[0][i] = w[i].add(Word::splat(k[0][i])));
    for row in 1..4 {
        extend(&mut w, &k[row], &mut rows[row]);
    }
}

/// The schedule of blocks that differ in their first eight words.
#[inline(never)]
pub(super) fn schedule_half(words: &[Word; 8], half: &HalfBlock, table: &mut Table) {
    let (rows, _) = table.as_chunks_mut::<16>();
    let (k, _) = K.as_chunks::<16>();
    let mut w = [words[0]; 16];
    w[..8].copy_from_slice(words);
    unrolled!(16, |i| {
        rows[0][i] = if i < 8 { w[i].add(Word::splat(k[0][i])) } else { Word::splat(half.rounds[i & 7]) };
    });
    // W[16 + i] as `extend` has it, without the terms that are in `half`.
    unrolled!(16, |i| {
        let mut word = Word::splat(half.schedule[i]);
        if i < 8 {
            word = word.add(w[i]);
        }
        if i < 7 || i == 15 {
            word = word.add(small_sigma0(w[(i + 1) & 15]));
        }
        if i >= 7 {
            word = word.add(w[(i + 9) & 15]);
        }
        if i >= 2 {
            word = word.add(small_sigma1(w[(i + 14) & 15]));
        }
        w[i] = word;
        rows[1][i] = word.add(Word::splat(k[1][i]));
    });
    for row in 2..4 {
        extend(&mut w, &k[row], &mut rows[row]);
    }
}

/// The next sixteen words of the schedule.
#[inline(always)]
fn extend(w: &mut [Word; 16], k: &[u32; 16], row: &mut [Word; 16]) {
    unrolled!(16, |i| {
        let sum = w[i].add(small_sigma0(w[(i + 1) & 15])).add(w[(i + 9) & 15]);
        w[i] = sum.add(small_sigma1(w[(i + 14) & 15]));
        row[i] = w[i].add(Word::splat(k[i]));
    });
}

#[inline(always)]
fn small_sigma0(word: Word) -> Word {
    word.rotate::<7>().xor(word.rotate::<18>()).xor(word.shift::<3>())
}

#[inline(always)]
fn small_sigma1(word: Word) -> Word {
    word.rotate::<17>().xor(word.rotate::<19>()).xor(word.shift::<10>())
}

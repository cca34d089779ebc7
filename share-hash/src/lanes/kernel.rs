//! SHA-256's schedule and rounds, one message per lane.

use core::cell::Cell;

use super::{
    known::{HalfBlock, K},
    word::Word,
};

/// The states of the messages.
pub(super) type State = [Word; 8];
/// For each round its word of the schedule, the round constant added.
pub(super) type Table = [Word; 64];
/// What rounds leave to later rounds: the last eight values of `a`, then those of `e` with a word of the schedule added.
pub(super) type Ring = [Cell<Word>; 16];

/// Copies of an expression, with an index known to each: a loop would keep the words in memory.
macro_rules! unrolled {
    (8, |$index:ident| $body:expr) => { unrolled!($index $body; 0 1 2 3 4 5 6 7) };
    (16, |$index:ident| $body:expr) => { unrolled!($index $body; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) };
    ($index:ident $body:expr; $($number:literal)*) => { $({ let $index: usize = $number; $body })* };
}

/// The 64 rounds, and the addition of the state before them.
///
/// `again` is `ring` under another name. A value of `a` is wanted once more as `b` two rounds later and as `d` four rounds
/// later, one of `e` as `h`; they are taken from memory, because vectors are few. The compiler, who can't know that both names
/// mean one place, does each store and load where it is written here. Under one name it would keep all values at hand,
/// choose an order of additions that makes the rounds wait for each other, and spend an instruction more on each majority.
#[inline(never)]
pub(super) fn rounds(state: &mut State, table: &Table, ring: &Ring, again: &Ring) {
    let mut rounds = Rounds::new(state, table, ring, again);
    let (rows, _) = table.as_chunks::<8>();
    for (index, row) in rows.iter().enumerate() {
        // Behind the last row the words are of no use, so they may be the first.
        let next = &rows[(index + 1) % rows.len()];
        unrolled!(8, |i| rounds.round(i, if i < 4 { row[i + 4] } else { next[i - 4] }));
    }
    for (before, after) in state.iter_mut().zip(rounds.end(table)) {
        *before = before.add(after);
    }
}

/// The state between two rounds.
struct Rounds<'a> {
    a: Word,
    b: Word,
    e: Word,
    f: Word,
    g: Word,
    /// `b` xor `c`, which the round before had as its `a` xor `b`.
    bc: Word,
    ring: &'a Ring,
    again: &'a Ring,
}

impl<'a> Rounds<'a> {
    #[inline(always)]
    fn new(state: &State, table: &Table, ring: &'a Ring, again: &'a Ring) -> Self {
        let [a, b, c, d, e, f, g, h] = *state;
        for (place, earlier_a) in (4..).zip([d, c, b, a]) {
            ring[place].set(earlier_a);
        }
        for (place, earlier_e) in [h, g, f, e].into_iter().enumerate() {
            ring[8 + place].set(earlier_e.add(table[place]));
        }
        Self { a, b, e, f, g, bc: b.xor(c), ring, again }
    }

    /// One round. `word` is the schedule's for the round four rounds on, whose `h` is the `e` of now.
    #[inline(always)]
    fn round(&mut self, index: usize, word: Word) {
        let (ring, again) = (self.ring, self.again);
        let choice = self.g.xor(self.e.and(self.f.xor(self.g)));
        let sum1 = self.e.rotate::<6>().xor(self.e.rotate::<11>()).xor(self.e.rotate::<25>());
        let t = again[8 + index].get().add(choice).add(sum1);
        let d = again[(index + 4) & 7].get();
        (self.e, self.f, self.g) = (d.add(t), self.e, self.f);
        ring[8 + ((index + 4) & 7)].set(self.e.add(word));
        let ab = self.a.xor(self.b);
        let majority = again[(index + 6) & 7].get().xor(ab.and(self.bc));
        let sum0 = self.a.rotate::<2>().xor(self.a.rotate::<13>()).xor(self.a.rotate::<22>());
        (self.a, self.b, self.bc) = (t.add(sum0.add(majority)), self.a, ab);
        ring[index].set(self.a);
    }

    /// The state; `h` is in the ring with the word added that a next round would want.
    #[inline(always)]
    fn end(&self, table: &Table) -> State {
        let [a, b, c, d] = [7, 6, 5, 4].map(|place| self.again[place].get());
        [a, b, c, d, self.e, self.f, self.g, self.again[8].get().sub(table[0])]
    }
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

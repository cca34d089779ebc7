//! What can be worked out ahead of blocks that are known, or half known.

/// The round constants, FIPS 180-4 §4.2.2.
#[rustfmt::skip]
pub(super) const K: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// The first big-endian words of `bytes`, which has as many.
pub(super) fn words_of<const WORDS: usize>(bytes: &[u8]) -> [u32; WORDS] {
    let (words, _) = bytes.as_chunks::<4>();
    core::array::from_fn(|index| u32::from_be_bytes(words[index]))
}

/// What follows a message of `bytes` bytes that ends `WORDS` words before the end of a block.
pub(super) const fn padding<const WORDS: usize>(bytes: u32) -> [u32; WORDS] {
    let mut words = [0; WORDS];
    words[0] = 0x8000_0000;
    words[WORDS - 1] = bytes * 8;
    words
}

/// The schedule of a block, its round constants added: all that the rounds need to know of it.
pub(super) const fn schedule(words: &[u32; 16]) -> [u32; 64] {
    let mut schedule = [0u32; 64];
    let mut t = 0;
    while t < 64 {
        schedule[t] = if t < 16 {
            words[t]
        } else {
            let sum = schedule[t - 16].wrapping_add(schedule[t - 7]);
            sum.wrapping_add(small_sigma0(schedule[t - 15])).wrapping_add(small_sigma1(schedule[t - 2]))
        };
        t += 1;
    }
    t = 0;
    while t < 64 {
        schedule[t] = schedule[t].wrapping_add(K[t]);
        t += 1;
    }
    schedule
}

/// σ₀ of FIPS 180-4.
pub(super) const fn small_sigma0(word: u32) -> u32 {
    word.rotate_right(7) ^ word.rotate_right(18) ^ (word >> 3)
}

/// σ₁ of FIPS 180-4.
pub(super) const fn small_sigma1(word: u32) -> u32 {
    word.rotate_right(17) ^ word.rotate_right(19) ^ (word >> 10)
}

/// A block of which only the first eight words differ between messages.
pub(super) struct HalfBlock {
    /// Words 8 to 15 with their round constants.
    pub(super) rounds: [u32; 8],
    /// What words 8 to 15 contribute to words 16 to 31 of the schedule.
    pub(super) schedule: [u32; 16],
}

impl HalfBlock {
    /// The block with these words 8 to 15.
    pub(super) const fn new(words: &[u32; 8]) -> Self {
        let (mut rounds, mut schedule) = ([0u32; 8], [0u32; 16]);
        let mut t = 0;
        // W[16 + t] = W[t] + σ₀(W[t + 1]) + W[t + 9] + σ₁(W[t + 14]); here the terms that words 8 to 15 settle.
        while t < 16 {
            if t < 8 {
                rounds[t] = words[t].wrapping_add(K[8 + t]);
            } else {
                schedule[t] = words[t - 8];
            }
            if t >= 7 && t < 15 {
                schedule[t] = schedule[t].wrapping_add(small_sigma0(words[t - 7]));
            }
            if t < 7 {
                schedule[t] = schedule[t].wrapping_add(words[t + 1]);
            }
            if t < 2 {
                schedule[t] = schedule[t].wrapping_add(small_sigma1(words[t + 6]));
            }
            t += 1;
        }
        Self { rounds, schedule }
    }
}

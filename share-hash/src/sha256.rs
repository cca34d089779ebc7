//! What is given of SHA-256 (FIPS 180-4).

/// The initial state, FIPS 180-4 §5.3.3.
pub(crate) const INITIAL: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/// Bytes of a block.
pub(crate) const BLOCK: usize = 64;

//! Hashing threads. The first 64 bytes of a header are compressed once per version and extranonce2; each nonce then costs
//! two compressions.

use std::{
    io,
    ops::Range,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use audit_core::{hash::BlockHash, header::Header, work::Target};
use sha2::{compress256, digest::generic_array::GenericArray};
use tokio::sync::mpsc;

use super::work::Work;

/// Nonces between two looks at the board: a few ms.
const STRIDE: u32 = 1 << 14;
/// SHA-256's initial state (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A header that meets its work's target.
#[derive(Debug)]
pub(super) struct FoundShare {
    pub(super) work: Arc<Work>,
    pub(super) extranonce2: Vec<u8>,
    pub(super) version: u32,
    pub(super) nonce: u32,
    pub(super) hash: BlockHash,
}

/// Where the client puts work and threads look for it.
#[derive(Debug, Default)]
pub(super) struct WorkBoard {
    posted: Mutex<Posted>,
    changed: Condvar,
    /// Copy of `posted.generation` that can be read without the lock.
    generation: AtomicU64,
    hashes: AtomicU64,
}

#[derive(Debug, Default)]
struct Posted {
    generation: u64,
    work: Option<Arc<Work>>,
    ended: bool,
}

/// Starts `count` threads. They end when the board does or nobody takes their shares.
pub(super) fn spawn(
    count: usize,
    board: &Arc<WorkBoard>,
    found: &mpsc::Sender<FoundShare>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let start = |number| {
        let (board, found) = (board.clone(), found.clone());
        thread::Builder::new().name(format!("hash-{number}")).spawn(move || hash_until_end(&board, &found))
    };
    (0..count).map(start).collect()
}

impl WorkBoard {
    /// Replaces the work; `None` lets the threads rest.
    pub(super) fn post(&self, work: Option<Arc<Work>>) {
        self.change(|posted| posted.work = work);
    }

    /// Ends the threads.
    pub(super) fn end(&self) {
        self.change(|posted| posted.ended = true);
    }

    /// Headers hashed so far.
    pub(super) fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    fn change(&self, change: impl FnOnce(&mut Posted)) {
        let mut posted = self.posted();
        change(&mut posted);
        posted.generation += 1;
        self.generation.store(posted.generation, Ordering::Release);
        self.changed.notify_all();
    }

    /// Waits for work; `None` at the end.
    fn work(&self) -> Option<(u64, Arc<Work>)> {
        let idle = |posted: &mut Posted| !posted.ended && posted.work.is_none();
        let posted = self.changed.wait_while(self.posted(), idle).unwrap_or_else(PoisonError::into_inner);
        let work = posted.work.clone().filter(|_| !posted.ended)?;
        Some((posted.generation, work))
    }

    fn is_still(&self, generation: u64) -> bool {
        self.generation.load(Ordering::Acquire) == generation
    }

    fn posted(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash_until_end(board: &WorkBoard, found: &mpsc::Sender<FoundShare>) {
    while let Some((generation, work)) = board.work() {
        while board.is_still(generation) {
            let (extranonce2, header) = work.next_header();
            for version in work.versions() {
                let header = Header { version, ..header };
                let send = |nonce, hash| {
                    let share =
                        FoundShare { work: work.clone(), extranonce2: extranonce2.clone(), version, nonce, hash };
                    found.blocking_send(share).is_ok()
                };
                if !hash_nonces(board, generation, &header, work.target, send) {
                    break;
                }
            }
        }
    }
}

/// Hashes all nonces of a header. `false` when the work is over or nobody takes the shares.
fn hash_nonces(
    board: &WorkBoard,
    generation: u64,
    header: &Header,
    target: Target,
    mut send: impl FnMut(u32, BlockHash) -> bool,
) -> bool {
    let scan = Scan::new(header, target);
    for start in (0..=u32::MAX).step_by(STRIDE as usize) {
        if !board.is_still(generation) {
            return false;
        }
        for nonce in start..=start | (STRIDE - 1) {
            if let Some(hash) = scan.hash_if_met(nonce)
                && !(board.is_still(generation) && send(nonce, hash))
            {
                return false;
            }
        }
        board.hashes.fetch_add(u64::from(STRIDE), Ordering::Relaxed);
    }
    true
}

/// A header whose nonce is to be found.
struct Scan {
    midstate: [u32; 8],
    /// Header bytes 64…79 and the padding behind them.
    tail: [u8; 64],
    target: Target,
    /// Top 32 bits of the target: nearly every hash fails here.
    top: u32,
}

impl Scan {
    fn new(header: &Header, target: Target) -> Self {
        let bytes = header.to_bytes();
        let mut midstate = INITIAL;
        compress256(&mut midstate, &[GenericArray::clone_from_slice(&bytes[..64])]);
        let mut tail = padded(80 * 8);
        tail[..16].copy_from_slice(&bytes[64..]);
        tail[16] = 0x80;
        let [a, b, c, d, ..] = target.to_be_bytes();
        Self { midstate, tail, target, top: u32::from_be_bytes([a, b, c, d]) }
    }

    #[inline]
    fn hash_if_met(&self, nonce: u32) -> Option<BlockHash> {
        let mut tail = self.tail;
        tail[12..16].copy_from_slice(&nonce.to_le_bytes());
        let mut first = self.midstate;
        compress256(&mut first, &[GenericArray::from(tail)]);
        let mut inner = padded(32 * 8);
        inner[..32].copy_from_slice(&bytes_of(&first));
        inner[32] = 0x80;
        let mut second = INITIAL;
        compress256(&mut second, &[GenericArray::from(inner)]);
        // The hash is a little-endian number: its top word is the last, byte-swapped.
        if second[7].swap_bytes() > self.top {
            return None;
        }
        let hash = BlockHash(bytes_of(&second));
        self.target.is_met_by(&hash).then_some(hash)
    }
}

/// A block of zeros that ends in the message's length in bits.
fn padded(bits: u64) -> [u8; 64] {
    let mut block = [0; 64];
    block[56..].copy_from_slice(&bits.to_be_bytes());
    block
}

fn bytes_of(state: &[u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.chunks_exact_mut(4).zip(state).for_each(|(chunk, word)| chunk.copy_from_slice(&word.to_be_bytes()));
    bytes
}

/// Speed of one thread in hashes per second, over `nonces` of a made-up header.
pub fn measure(nonces: Range<u32>) -> f64 {
    let header = Header::from_bytes(&[7; 80]);
    let scan = Scan::new(&header, Target::from_be_bytes([0; 32]));
    let (count, started) = (nonces.len(), std::time::Instant::now());
    let met = nonces.filter(|nonce| scan.hash_if_met(*nonce).is_some()).count();
    (count + met) as f64 / started.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn midstate_hash_is_the_header_hash(bytes in any::<[u8; 40]>(), nonce: u32) {
            let mut header = [0; 80];
            header[..40].copy_from_slice(&bytes);
            header[40..].copy_from_slice(&bytes);
            let header = Header { nonce, ..Header::from_bytes(&header) };
            let scan = Scan::new(&header, Target::from_be_bytes([0xff; 32]));
            prop_assert_eq!(scan.hash_if_met(nonce), Some(header.hash()));
        }

        #[test]
        fn only_hashes_at_or_below_the_target_are_found(nonce: u32, below in any::<bool>()) {
            let header = Header { nonce, ..Header::from_bytes(&[3; 80]) };
            let mut bound = header.hash().to_number();
            // The target is the hash itself, or one less.
            if below {
                let last = bound.iter().rposition(|byte| *byte != 0).unwrap();
                bound[last] -= 1;
                bound[last + 1..].fill(0xff);
            }
            let scan = Scan::new(&header, Target::from_be_bytes(bound));
            prop_assert_eq!(scan.hash_if_met(nonce).is_some(), !below);
        }
    }
}

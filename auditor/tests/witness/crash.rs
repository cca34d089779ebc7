//! kill −9 at every moment: what was cosigned is never forgotten, and there is one root for each size.

use std::{
    collections::BTreeMap,
    fs,
    hash::{BuildHasher, RandomState},
    io::Write,
    thread,
    time::{Duration, Instant},
};

use audit_core::hash::Hash32;

use crate::{
    log::{self, COMMON, request},
    process::{Witness, cosigned, post},
};

const ROUNDS: u64 = 25;

#[test]
fn killed_between_persisting_and_answering_the_witness_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut witness = Witness::start(folder.path());
    let state = folder.path().join("state");
    for size in COMMON + 1..COMMON + 1 + ROUNDS {
        let old = if size == COMMON + 1 { 0 } else { size - 1 };
        let before = fs::read(&state).unwrap();
        let mut stream = witness.connect();
        stream.write_all(&post(&request(1, old, size).to_bytes())).unwrap();
        let started = Instant::now();
        while fs::read(&state).unwrap() == before {
            assert!(started.elapsed() < Duration::from_secs(60), "the state was not written");
            thread::yield_now();
        }
        witness.kill_and_restart();
        assert_eq!(witness.size(), size, "what was persisted is known");
        assert_eq!(witness.add(&request(2, old, size)).status, 409, "the fork that races with the lost answer");
        assert_eq!(witness.add(&request(2, size, size)).status, 422, "another root for the size");
        witness.cosigns(&request(1, size, size));
    }
}

/// Small, seeded once and printed, so that a failure can be told again.
struct Random(u64);

impl Random {
    fn printed() -> Self {
        let seed = RandomState::new().hash_one(0);
        eprintln!("seed {seed}");
        Self(seed | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn there_is_never_more_than_one_root_for_a_size_whatever_is_asked_and_killed() {
    let mut random = Random::printed();
    let folder = tempfile::tempdir().unwrap();
    let mut witness = Witness::start(folder.path());
    let vkey = witness.vkey();
    let mut roots: BTreeMap<u64, Hash32> = BTreeMap::new();
    let mut largest = 0;
    for _ in 0..400 {
        let view = 1 + u8::from(random.below(2) == 1);
        // Sometimes what the witness waits for, sometimes anything.
        let old = if random.below(3) == 0 { random.below(30) } else { largest };
        let new = old.saturating_sub(1) + random.below(4);
        let asked = request(view, old, new);
        if random.below(12) == 0 {
            let mut stream = witness.connect();
            stream.write_all(&post(&asked.to_bytes())).unwrap();
            // A random moment is what this test is about; nothing waits for it.
            thread::sleep(Duration::from_micros(random.below(3_000)));
            witness.kill_and_restart();
            assert!(witness.size() >= largest, "a rollback over a restart");
            largest = witness.size();
            continue;
        }
        let answer = witness.add(&asked);
        if answer.status == 200 {
            cosigned(&answer, &asked, &vkey).expect("what is answered is a cosignature");
            assert!(new >= largest, "cosigned {new} after {largest}");
            largest = new;
            let root = log::checkpoint(view, new).root;
            assert_eq!(*roots.entry(new).or_insert(root), root, "two roots for size {new}");
        }
    }
    // Beyond the common entries all roots are of one history.
    for view in [1, 2] {
        let of_view = |(size, root): (&u64, &Hash32)| *size <= COMMON || log::checkpoint(view, *size).root == *root;
        if roots.iter().all(of_view) {
            return;
        }
    }
    panic!("both histories were cosigned: {roots:?}");
}

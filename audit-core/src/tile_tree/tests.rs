use std::{cell::Cell, collections::BTreeMap, convert::Infallible, format, vec};

use super::*;
use crate::merkle::{self, Leaves, leaf_hash, root_over, tree_root, verify_consistency, verify_inclusion};
use proptest::prelude::*;

type Files = BTreeMap<String, Vec<u8>>;

/// Files in memory, with a count of reads.
#[derive(Default)]
struct Memory {
    files: Files,
    reads: Cell<usize>,
}

impl TileStore for Memory {
    type Error = Infallible;

    fn read_tile(&self, path: &str) -> Result<Option<Vec<u8>>, Infallible> {
        self.reads.set(self.reads.get() + 1);
        Ok(self.files.get(path).cloned())
    }
}

impl Memory {
    fn write(&mut self, files: Vec<TileFile>) {
        for file in files {
            let before = self.files.insert(file.path.clone(), file.bytes.clone());
            assert!(before.is_none_or(|before| before == file.bytes), "{} changed", file.path);
        }
    }
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

fn leaves(count: u64) -> Vec<Hash32> {
    (0..count).map(|index| leaf_hash(&entry(index))).collect()
}

/// A log published at each of these sizes.
fn published(sizes: &[u64]) -> (Memory, Edge) {
    let (mut memory, mut edge) = (Memory::default(), Edge::new());
    for size in sizes {
        let before = edge.size();
        while edge.size() < *size {
            let full = edge.push(&entry(edge.size()));
            memory.write(full);
        }
        memory.write(edge.partial_files(before));
    }
    (memory, edge)
}

#[test]
fn files_and_roots_are_those_of_the_whole_tree() {
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000] {
        let (memory, edge) = published(&[size]);
        let all = leaves(size);
        assert_eq!(edge.root(), tree_root(&all), "{size}");
        let mut hashes = all;
        for level in 0u8.. {
            for (index, tile) in (0u64..).zip(hashes.chunks(256)) {
                let expected: Vec<u8> = tile.iter().flat_map(|hash| hash.0).collect();
                assert_eq!(memory.files[&crate::tile::tile_path(level, index, tile.len() as u64)], expected);
            }
            hashes = hashes.chunks_exact(256).map(tree_root).collect();
            if hashes.is_empty() {
                break;
            }
        }
    }
}

#[test]
fn an_edge_loads_in_a_read_for_each_level_and_goes_on_as_if_it_had_never_stopped() {
    for size in [1, 255, 256, 300, 65_536, 65_800] {
        let (memory, mut edge) = published(&[size]);
        let mut loaded = Edge::load(&memory, size, &edge.root()).unwrap();
        assert!(memory.reads.get() <= 4, "{size}: {} reads", memory.reads.get());
        for _ in 0..300 {
            assert_eq!(loaded.push(&entry(loaded.size())), edge.push(&entry(edge.size())));
            assert_eq!(loaded.root(), edge.root());
            assert_eq!(loaded.partial_files(size), edge.partial_files(size));
        }
    }
}

#[test]
fn an_edge_that_the_root_does_not_commit_to_is_refused() {
    let (memory, edge) = published(&[300]);
    let load = |files: &dyn Fn(&mut Files)| {
        let mut changed = Memory { files: memory.files.clone(), ..Memory::default() };
        files(&mut changed.files);
        Edge::load(&changed, 300, &edge.root()).unwrap_err()
    };
    let path = String::from;
    assert_eq!(
        load(&|files| assert!(files.remove("tile/0/001.p/44").is_some())),
        TreeError::Missing(path("tile/0/001.p/44"))
    );
    assert_eq!(
        load(&|files| assert!(files.remove("tile/entries/001.p/44").is_some())),
        TreeError::Missing(path("tile/entries/001.p/44"))
    );
    assert!(matches!(load(&|files| files.get_mut("tile/0/001.p/44").unwrap()[0] ^= 1), TreeError::Root { .. }));
    assert!(matches!(load(&|files| files.get_mut("tile/1/000.p/1").unwrap()[0] ^= 1), TreeError::Root { .. }));
    assert_eq!(
        load(&|files| files.get_mut("tile/0/001.p/44").unwrap().truncate(32)),
        TreeError::Damaged(path("tile/0/001.p/44"))
    );
    assert_eq!(
        load(&|files| files.get_mut("tile/entries/001.p/44").unwrap()[2] ^= 1),
        TreeError::Damaged(path("tile/entries/001.p/44"))
    );
}

#[test]
fn partial_files_may_go_once_the_full_ones_are_there() {
    let sizes = [1, 200, 255, 300, 511, 700];
    let (mut memory, edge) = published(&sizes);
    let mut gone = vec![];
    for pair in sizes.windows(2) {
        gone.extend(published(&pair[1..]).1.superseded(pair[0]));
    }
    let expected = ["tile/entries/000", "tile/0/000", "tile/entries/001", "tile/0/001"];
    assert_eq!(gone, expected);
    memory.files.retain(|path, _| !gone.iter().any(|full| path.starts_with(&format!("{full}.p/"))));
    let all = leaves(700);
    for size in sizes {
        let root = tree_root(&all[..size as usize]);
        assert_eq!(Edge::load(&memory, size, &root).unwrap().root(), root);
    }
    assert_eq!(edge.superseded(700), Vec::<String>::new());
}

#[test]
fn a_tree_of_one_tile_supersedes_nothing_above_it() {
    let (_, edge) = published(&[65_536 + 5]);
    assert_eq!(edge.superseded(256), ["tile/1/000"]);
    assert_eq!(edge.superseded(65_535), ["tile/entries/255", "tile/0/255", "tile/1/000"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn proofs_from_tiles_are_those_of_the_whole_tree(size in 1u64..70_000, at in any::<u64>(), old in any::<u64>()) {
        let (memory, edge) = published(&[size]);
        let (index, old, root) = (at % size, old % (size + 1), edge.root());
        let all = leaves(size);
        let proof = inclusion_proof(&memory, index, size).unwrap();
        prop_assert_eq!(verify_inclusion(&all[index as usize], index, size, &proof, &root), Ok(()));
        prop_assert_eq!(read_entry(&memory, index, size), Ok(entry(index)));
        prop_assert!(read_entry(&memory, size, size).is_err());
        prop_assert_eq!(&proof, &merkle::inclusion_proof(index as usize, &all).unwrap());
        let Ok(old_root) = root_over(0, old, &mut Leaves(&all));
        let proof = consistency_proof(&memory, old, size).unwrap();
        prop_assert_eq!(verify_consistency(old, size, &proof, &old_root, &root), Ok(()));
        prop_assert_eq!(root_over(0, old, &mut TileTree::new(&memory, size)).unwrap(), old_root);
    }
}

use std::{vec, vec::Vec};

use super::*;

/// MTH of RFC 6962, section 2.1, word for word.
fn reference_root(leaves: &[Hash32]) -> Hash32 {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&reference_root(left), &reference_root(right))
        }
    }
}

fn leaves(count: u32) -> Vec<Hash32> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

#[track_caller]
fn check(found: Hash32, expected: &str) {
    assert_eq!(found, expected.parse().unwrap());
}

#[test]
fn hashes_are_those_of_rfc_6962() {
    check(empty_root(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check(leaf_hash(b""), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    check(leaf_hash(b"L123456"), "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
    let node = Sha256::new().chain_update(b"\x01N123N456").finalize();
    check(Hash32(node.into()), "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb");
}

#[test]
fn roots_of_the_eight_certificate_transparency_leaves_are_known() {
    let data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::new();
    let mut hashes = Vec::new();
    for (data, root) in data.iter().zip(roots) {
        let hash = leaf_hash(&hex::decode(data).unwrap());
        frontier.push(hash);
        hashes.push(hash);
        check(frontier.root(), root);
        check(tree_root(&hashes), root);
    }
}

#[test]
fn frontier_and_rs_merkle_agree_with_the_rfc() {
    let all = leaves(130);
    let mut frontier = Frontier::new();
    for size in 0..=all.len() {
        let expected = reference_root(&all[..size]);
        assert_eq!(tree_root(&all[..size]), expected, "{size}");
        assert_eq!(frontier.root(), expected, "{size}");
        if let Some(next) = all.get(size) {
            frontier.push(*next);
        }
    }
}

#[test]
fn every_honest_inclusion_proof_holds_and_no_other_does() {
    let all = leaves(33);
    for size in 1..=all.len() {
        let root = tree_root(&all[..size]);
        for index in 0..size {
            let proof = inclusion_proof(index, &all[..size]).unwrap();
            let verify = |leaf: &Hash32, at: usize, proof: &[Hash32]| {
                verify_inclusion(leaf, at as u64, size as u64, proof, &root)
            };
            assert_eq!(verify(&all[index], index, &proof), Ok(()));
            for wrong in (0..size).filter(|wrong| *wrong != index) {
                assert!(verify(&all[index], wrong, &proof).is_err());
            }
            assert!(verify(&all[(index + 1) % all.len()], index, &proof).is_err());
            assert!(verify(&all[index], size, &proof).is_err());
            assert!(verify(&all[index], index, &[&proof[..], &[root]].concat()).is_err());
            if let Some((_, shorter)) = proof.split_last() {
                assert!(verify(&all[index], index, shorter).is_err());
            }
        }
    }
}

#[test]
fn every_honest_consistency_proof_holds_and_no_forged_one_does() {
    let all = leaves(33);
    for new in 0..=all.len() {
        let new_root = tree_root(&all[..new]);
        for old in 0..=new {
            let old_root = tree_root(&all[..old]);
            let proof = consistency_proof(old, &all[..new]).unwrap();
            let verify = |proof: &[Hash32], old_root: &Hash32, new_root: &Hash32| {
                verify_consistency(old as u64, new as u64, proof, old_root, new_root)
            };
            assert_eq!(verify(&proof, &old_root, &new_root), Ok(()), "{old} {new}");
            assert!(verify(&[&proof[..], &[old_root]].concat(), &old_root, &new_root).is_err());
            assert!(verify(&proof, &leaf_hash(b"other"), &new_root).is_err());
            if old > 0 {
                assert!(verify(&proof, &old_root, &leaf_hash(b"other")).is_err(), "{old} {new}");
            }
            for index in 0..proof.len() {
                let mut forged = proof.clone();
                forged[index] = leaf_hash(b"forged");
                assert!(verify(&forged, &old_root, &new_root).is_err());
            }
        }
    }
}

#[test]
fn sizes_out_of_range_are_refused() {
    let root = empty_root();
    assert_eq!(verify_consistency(2, 1, &[], &root, &root), Err(ProofError::Range));
    assert_eq!(verify_inclusion(&root, 0, 0, &[], &root), Err(ProofError::Range));
    assert_eq!(inclusion_proof(1, &leaves(1)), Err(ProofError::Range));
    assert_eq!(consistency_proof(2, &leaves(1)), Err(ProofError::Range));
    assert_eq!(consistency_proof(0, &leaves(3)), Ok(vec![]));
}

//! How two heads of a log stand to each other, by its tiles.

use super::Past;
use crate::{
    checkpoint::Checkpoint,
    merkle::{root_over, verify_consistency},
    tile_tree::{TileStore, TileTree, TreeError, consistency_proof},
};

/// How a smaller head stands to a larger one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Relation {
    /// The larger continues the smaller, or they are the same.
    Consistent,
    /// It does not; where their sizes differ, with what proves that.
    Fork(Option<Past>),
    /// The tiles are not of the larger head's tree: nothing is shown, and that is a fault of who serves them.
    Unproven,
}

/// Compares two heads of one log by the tiles of the larger one's tree. The tiles are not trusted: every answer but
/// [`Relation::Unproven`] follows from the two roots.
///
/// # Errors
/// Tiles that can't be had.
pub fn relate<S: TileStore>(
    store: &S,
    smaller: &Checkpoint,
    larger: &Checkpoint,
) -> Result<Relation, TreeError<S::Error>> {
    let leads =
        |prefix, proof: &[_]| verify_consistency(smaller.size, larger.size, proof, prefix, &larger.root).is_ok();
    if smaller.size == larger.size {
        let same = smaller.root == larger.root;
        return Ok(if same { Relation::Consistent } else { Relation::Fork(None) });
    }
    let proof = consistency_proof(store, smaller.size, larger.size)?;
    if leads(&smaller.root, &proof) {
        return Ok(Relation::Consistent);
    }
    let prefix = root_over(0, smaller.size, &mut TileTree::new(store, larger.size))?;
    // A tree of a power of two is its own first hash: there the prefix decides, else the proof.
    let differs = prefix != smaller.root && leads(&prefix, &proof);
    Ok(if differs { Relation::Fork(Some(Past { prefix, proof })) } else { Relation::Unproven })
}

//! The log at one size: starting, appending and publishing, proving.

use std::time::Instant;

use anyhow::{anyhow, ensure};
use audit_core::checkpoint::{Checkpoint, LogKey};
use audit_core::merkle::{leaf_hash, verify_consistency, verify_inclusion};
use audit_core::tile_tree::{Edge, TileFile, TreeError, consistency_proof, inclusion_proof};
use serde_json::{Value, json};

use super::store::{Counts, SimulatedStore, entry};

const ORIGIN: &str = "bench.example/log";
/// Proofs measured at each size.
const PROOFS: u64 = 200;

/// What was measured at one size.
pub(super) struct Grown {
    size: u64,
    /// Rows: what is done, and what it costs on average.
    costs: Vec<(&'static str, Cost)>,
}

/// Means for one operation.
#[derive(Clone, Copy)]
struct Cost {
    reads: f64,
    read_bytes: f64,
    writes: f64,
    written_bytes: f64,
    /// With the writing to disk.
    us: f64,
    /// Of that, writing and syncing.
    disk_us: f64,
}

pub(super) fn measure(size: u64, publications: u64) -> anyhow::Result<Grown> {
    println!("log of {size} entries");
    let store = SimulatedStore::new()?;
    let root = store.root(size);
    let key = LogKey::new(ORIGIN, &[7; 32]);
    let mut edge = Edge::new();
    let start = mean(&store, 20, |_| {
        edge = Edge::load(&store, size, &root).map_err(read_error)?;
        Ok(())
    })?;
    let inclusion = mean(&store, PROOFS, |number| {
        let index = number * (size / PROOFS);
        let proof = inclusion_proof(&store, index, size).map_err(read_error)?;
        Ok(verify_inclusion(&leaf_hash(&entry()), index, size, &proof, &root)?)
    })?;
    let consistency = mean(&store, PROOFS, |number| {
        let old = 1 + number * (size / PROOFS);
        let proof = consistency_proof(&store, old, size).map_err(read_error)?;
        Ok(verify_consistency(old, size, &proof, &store.root(old), &root)?)
    })?;
    let one = mean(&store, publications, |_| publish(&store, &mut edge, 1, &key))?;
    let many = mean(&store, publications.div_ceil(16), |_| publish(&store, &mut edge, 1_000, &key))?;
    // What was appended is what was there: the whole tree's root is known without having it.
    ensure!(edge.root() == store.root(edge.size()), "the grown tree has another root");
    let costs = vec![
        ("start: load and check the edge", start),
        ("append 1 entry and publish", one),
        ("append 1,000 entries and publish", many),
        ("prove an entry", inclusion),
        ("prove that the log grew", consistency),
    ];
    Ok(Grown { size, costs })
}

/// What the server does between a committed entry and the published checkpoint, without its database.
fn publish(store: &SimulatedStore, edge: &mut Edge, count: u64, key: &LogKey) -> anyhow::Result<()> {
    let before = edge.size();
    for _ in 0..count {
        for file in edge.push(&entry()) {
            store.write(&file)?;
        }
    }
    for file in edge.partial_files(before) {
        store.write(&file)?;
    }
    let bytes = Checkpoint { origin: ORIGIN.into(), size: edge.size(), root: edge.root() }.sign(key);
    Ok(store.write(&TileFile { path: "checkpoint".into(), bytes })?)
}

fn mean(
    store: &SimulatedStore,
    times: u64,
    mut operation: impl FnMut(u64) -> anyhow::Result<()>,
) -> anyhow::Result<Cost> {
    store.take_counts();
    let started = Instant::now();
    for number in 0..times {
        operation(number)?;
    }
    let us = started.elapsed().as_secs_f64() * 1e6 / times as f64;
    let Counts { reads, read_bytes, writes, written_bytes, disk } = store.take_counts();
    let disk_us = disk.as_secs_f64() * 1e6 / times as f64;
    let [reads, read_bytes, writes, written_bytes] =
        [reads, read_bytes, writes, written_bytes].map(|count| count as f64 / times as f64);
    Ok(Cost { reads, read_bytes, writes, written_bytes, us, disk_us })
}

fn read_error(error: TreeError<std::io::Error>) -> anyhow::Error {
    anyhow!("{error}")
}

/// A table for people.
pub(super) fn print(grown: &[Grown]) {
    let heads = ["entries", "reads", "bytes", "writes", "bytes", "us, disk", "us, else"];
    print!("\n{:<34}", "log");
    heads.iter().for_each(|head| print!(" {head:>11}"));
    println!();
    for Grown { size, costs } in grown {
        for (name, cost) in costs {
            let else_us = cost.us - cost.disk_us;
            println!(
                "{name:<34} {size:>11} {:>11.2} {:>11.0} {:>11.2} {:>11.0} {:>11.0} {else_us:>11.1}",
                cost.reads, cost.read_bytes, cost.writes, cost.written_bytes, cost.disk_us
            );
        }
    }
}

impl Grown {
    pub(super) fn to_json(&self) -> Value {
        let costs = self.costs.iter().map(|(name, cost)| {
            json!({
                "name": name,
                "reads": cost.reads,
                "read_bytes": cost.read_bytes,
                "writes": cost.writes,
                "written_bytes": cost.written_bytes,
                "us": cost.us,
                "disk_us": cost.disk_us,
            })
        });
        json!({ "entries": self.size, "costs": costs.collect::<Vec<_>>() })
    }
}

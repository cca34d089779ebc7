//! Random changes to a whole log, signed again with its key: what a verifier is asked that nobody thought of.
//!
//! Most changes are lies, some are not; the point is that two verifiers must call each the same.

use audit_core::{
    bundle::Files,
    checkpoint::{Checkpoint, LogKey},
    hash::Hash32,
    merkle::{Frontier, leaf_hash},
    tile::{TILE_WIDTH, bundles, checkpoint_path, entries_path, split_bundle, to_bundle},
};
use serde_json::{Number, Value};

use super::ORIGIN;
use crate::random::Random;

/// Values at which rules change.
const NUMBERS: [u64; 12] =
    [0, 1, 2, 3, 100, 253, 65_536, 1_000_001, u32::MAX as u64, 1 << 32, 2_100_000_000_000_001, u64::MAX];

/// One random change to the entries or to another file of a log of fewer than 256 entries, in words; the log is signed
/// again with `key`, and hashes of the changed file are made to fit.
pub fn mutate(files: &mut Files, key: &LogKey, random: &mut Random) -> String {
    let mut leaves = take_entries(files);
    let at = random.below(leaves.len() as u64) as usize;
    let to = random.below(leaves.len() as u64) as usize;
    let what = match random.below(10) {
        0 => {
            let leaf = leaves.remove(at);
            let what = format!("entry {at} moved to {to}: {}", text(&leaf));
            leaves.insert(to.min(leaves.len()), leaf);
            what
        }
        1 => format!("entry {at} removed: {}", text(&leaves.remove(at))),
        2 => {
            let leaf = leaves[at].clone();
            let what = format!("entry {at} again at {to}: {}", text(&leaf));
            leaves.insert(to, leaf);
            what
        }
        3..=6 => {
            let changed = change_json(&leaves[at], random);
            let what = format!("entry {at}: {} instead of {}", text(&changed), text(&leaves[at]));
            leaves[at] = changed;
            what
        }
        _ => change_file(files, &mut leaves, random),
    };
    publish(files, &leaves, key);
    what
}

/// Changes a file; where the log states its hash, the log states the new one.
fn change_file(files: &mut Files, leaves: &mut [Vec<u8>], random: &mut Random) -> String {
    let paths: Vec<String> = files.keys().filter(|path| !path.starts_with("log/")).cloned().collect();
    let path = random.choose(&paths).clone();
    let old = files[&path].clone();
    let mut new = if path.ends_with(".json") { change_json(&old, random) } else { old.clone() };
    if !path.ends_with(".json") && !new.is_empty() {
        let at = random.below(new.len() as u64) as usize;
        new[at] ^= 1 << random.below(8);
    }
    let (before, after) = (Hash32::of(&old).to_string(), Hash32::of(&new).to_string());
    for leaf in leaves.iter_mut() {
        *leaf = text(leaf).replace(&before, &after).into_bytes();
    }
    let what = format!("{path}: {} instead of {}", text(&new), text(&old));
    files.insert(path, new);
    what
}

/// JSON with one value changed.
fn change_json(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(bytes).expect("evidence is JSON");
    let count = visit(&mut value, &mut |_| {});
    let chosen = random.below(count);
    let mut number = 0;
    visit(&mut value, &mut |value| {
        if number == chosen {
            change(value, random);
        }
        number += 1;
    });
    serde_json::to_vec(&value).expect("JSON")
}

/// Shows every value inside; gives their number.
fn visit(value: &mut Value, see: &mut dyn FnMut(&mut Value)) -> u64 {
    let mut count = 1;
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| count += visit(item, see)),
        Value::Object(fields) => fields.values_mut().for_each(|field| count += visit(field, see)),
        _ => {}
    }
    see(value);
    count
}

fn change(value: &mut Value, random: &mut Random) {
    match value {
        Value::Number(number) => {
            let old = number.as_u64().unwrap_or_default();
            let near = [old.saturating_add(1), old.saturating_sub(1), *random.choose(&NUMBERS)];
            *number = Number::from(*random.choose(&near));
        }
        Value::String(text) => *text = change_text(text, random),
        Value::Array(items) if !items.is_empty() => {
            let (at, to) = (random.below(items.len() as u64) as usize, random.below(items.len() as u64) as usize);
            match random.below(3) {
                0 => drop(items.remove(at)),
                1 => items.insert(at, items[to].clone()),
                _ => items.swap(at, to),
            }
        }
        other => *other = Value::Null,
    }
}

fn change_text(text: &str, random: &mut Random) -> String {
    let at = random.below(text.len().max(1) as u64) as usize;
    let digit = char::from(*random.choose(b"0123456789abcdefA"));
    match random.below(4) {
        0 => format!("0{text}"),
        1 => text.chars().rev().collect(),
        _ => text.chars().enumerate().map(|(index, char)| if index == at { digit } else { char }).collect(),
    }
}

fn take_entries(files: &mut Files) -> Vec<Vec<u8>> {
    let path = files.keys().find(|path| path.starts_with("log/tile/entries/")).expect("a log has entries").clone();
    let width = path.rsplit('/').next().and_then(|width| width.parse().ok()).expect("a log of fewer than 256 entries");
    let bundle = files.remove(&path).expect("the path is one of the files'");
    files.retain(|path, _| !path.starts_with("log/checkpoint"));
    split_bundle(&bundle, width).expect("an honest bundle").into_iter().map(<[u8]>::to_vec).collect()
}

fn publish(files: &mut Files, leaves: &[Vec<u8>], key: &LogKey) {
    for (index, width) in bundles(leaves.len() as u64) {
        let of_bundle = leaves.iter().skip((index * TILE_WIDTH) as usize).take(width as usize).map(Vec::as_slice);
        files.insert(format!("log/{}", entries_path(index, width)), to_bundle(of_bundle));
    }
    let mut frontier = Frontier::new();
    let note = |frontier: &Frontier| {
        Checkpoint { origin: ORIGIN.into(), size: frontier.size(), root: frontier.root() }.sign(key)
    };
    for leaf in leaves {
        frontier.push(leaf_hash(leaf));
        files.insert(format!("log/{}", checkpoint_path(frontier.size())), note(&frontier));
    }
    files.insert("log/checkpoint".into(), note(&frontier));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

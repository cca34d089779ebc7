//! The witness's private key: one line `PRIVATE+KEY+<name>+<id>+<base64 of 0x04 and the seed>` in `<state>/witness.key`,
//! the form of Go's note package, readable by its owner only.
//!
//! Trusted: whoever has this file can cosign in the witness's name, also a fork.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use audit_core::cosignature::WitnessKey;
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::durable;

const PREFIX: &str = "PRIVATE+KEY+";
/// Signature type of cosignatures (c2sp.org/tlog-cosignature).
const COSIGNATURE: u8 = 0x04;
const OWNER_ONLY: u32 = 0o600;

/// The key of a witness that has been started before.
pub(super) fn load(folder: &Path) -> Result<WitnessKey> {
    let path = path(folder);
    let Some(text) = durable::read(&path).with_context(|| path.display().to_string())? else {
        bail!("{} is missing: start the witness once to make it, or restore it from a backup", path.display());
    };
    refuse_readable(&path)?;
    // The text is secret: no error shows it.
    let key = std::str::from_utf8(&text).ok().and_then(parse);
    key.with_context(|| format!("{} is no key of a witness: restore it from a backup", path.display()))
}

/// Makes a key; without a name it is called after its own public key.
pub(super) fn create(folder: &Path, name: Option<&str>) -> Result<WitnessKey> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no randomness for a key: {error}"))?;
    let name = match name {
        Some(name) => name.to_owned(),
        None => format!("provenhash-witness/{}", hex_of(&WitnessKey::new("", &seed).vkey().public_key()[..4])),
    };
    let key = WitnessKey::new(&name, &seed);
    if key.vkey().to_string().parse() != Ok(key.vkey()) {
        bail!("--name {name:?}: a key's name has no spaces and no plus signs");
    }
    let vkey = key.vkey().to_string();
    // The base64 part may itself hold a plus sign: name and id end at the second one.
    let public = vkey.match_indices('+').nth(1).map_or(vkey.as_str(), |(end, _)| &vkey[..end]);
    let secret = STANDARD.encode([&[COSIGNATURE], &seed[..]].concat());
    let path = path(folder);
    durable::replace(&path, format!("{PREFIX}{public}+{secret}\n").as_bytes(), OWNER_ONLY)
        .with_context(|| path.display().to_string())?;
    Ok(key)
}

/// Whether there is a key.
pub(super) fn exists(folder: &Path) -> bool {
    path(folder).exists()
}

fn parse(text: &str) -> Option<WitnessKey> {
    let text = text.strip_suffix('\n')?.strip_prefix(PREFIX)?;
    let mut parts = text.splitn(3, '+');
    let (name, id, secret) = (parts.next()?, parts.next()?, STANDARD.decode(parts.next()?).ok()?);
    let (kind, seed) = secret.split_first()?;
    let key = WitnessKey::new(name, seed.try_into().ok()?);
    let is_its_own = key.vkey().to_string().starts_with(&format!("{name}+{id}+"));
    (*kind == COSIGNATURE && is_its_own).then_some(key)
}

fn path(folder: &Path) -> PathBuf {
    folder.join("witness.key")
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(unix)]
fn refuse_readable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} can be read by others than its owner: chmod 600 it, and consider the key as leaked", path.display());
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_readable(path: &Path) -> Result<()> {
    fs::metadata(path).map(drop).context("the key's file")
}

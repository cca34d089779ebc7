//! Writes the evidence of a made day of 86,400 shares into a folder, for the browser to verify.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use tests::operator::long::day;

/// Evidence of a made day of 86,400 shares.
#[derive(Parser)]
struct Args {
    /// Where to write it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let out = Args::parse().out;
    let (files, policy) = day();
    let mut all: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let policy = policy.to_string();
    all.push(("log/policy", policy.as_bytes()));
    for (path, bytes) in all {
        let file = out.join(path);
        fs::create_dir_all(file.parent().context("a file has a folder")?)?;
        fs::write(&file, bytes).with_context(|| format!("can't write {}", file.display()))?;
    }
    Ok(())
}

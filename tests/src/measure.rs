//! What the benchmarks share: medians, a process's CPU time, and rows for people and machines.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use audit_core::hash::sha256d;
use serde_json::{Value, json};

/// Clock ticks a second of `/proc/<pid>/stat`: USER_HZ, which is 100 on every Linux architecture that matters here.
const TICKS_A_SECOND: u64 = 100;

/// One measured or baseline row.
pub struct Row {
    pub name: Cow<'static, str>,
    pub value: f64,
    pub unit: &'static str,
}

impl Row {
    /// A row of this name.
    pub fn new(name: impl Into<Cow<'static, str>>, value: f64, unit: &'static str) -> Row {
        Row { name: name.into(), value, unit }
    }
}

/// Prints the rows and, if asked, writes them with a summary that reads `name value` pairs.
pub fn report(bench: &str, rows: &[Row], summary: &Value, file: Option<&Path>) -> anyhow::Result<()> {
    println!("\nbench {bench}");
    for row in rows {
        println!("  {:<52} {:>14.2} {}", row.name, row.value, row.unit);
    }
    let Some(file) = file else { return Ok(()) };
    let rows: Vec<Value> =
        rows.iter().map(|row| json!({ "name": row.name, "value": row.value, "unit": row.unit })).collect();
    let text = serde_json::to_string_pretty(&json!({ "bench": bench, "rows": rows, "summary": summary }))?;
    std::fs::write(file, text + "\n").with_context(|| format!("can't write {}", file.display()))
}

/// What no judge of a share can leave out, with the sha2 crate one hash after the other: its coinbase, of these bytes but
/// for its number, so many levels of branch, the header.
pub fn hash_share(number: u64, coinbase: &mut [u8], branches: usize) -> [u8; 32] {
    coinbase[..8].copy_from_slice(&number.to_le_bytes());
    let mut hash = sha256d(coinbase);
    let mut pair = [0x5a; 64];
    for _ in 0..branches {
        pair[..32].copy_from_slice(&hash);
        hash = sha256d(&pair);
    }
    let mut header = [0x5a; 80];
    header[36..68].copy_from_slice(&hash);
    sha256d(&header)
}

/// The value that half of `values` are below; `values` are not empty.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The least of `values`, which are not empty, and their median.
pub fn least_and_median(mut values: Vec<f64>) -> (f64, f64) {
    (values.iter().copied().fold(f64::INFINITY, f64::min), median(&mut values))
}

/// The CPU time that a process has used so far, in user and kernel mode.
pub fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the process has ended")?;
    // The second field, the program's name in brackets, may hold anything: count behind it (proc(5)).
    let (_, behind) = stat.rsplit_once(')').context("/proc stat has no name")?;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let ticks =
        |index: usize| -> anyhow::Result<u64> { Ok(fields.get(index).context("/proc stat is short")?.parse()?) };
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 1_000 / TICKS_A_SECOND))
}

/// Bytes of memory that this process holds now.
pub fn memory() -> anyhow::Result<u64> {
    status("self", "VmRSS:")
}

/// Bytes of memory that a process holds now.
pub fn memory_of(pid: u32) -> anyhow::Result<u64> {
    status(&pid.to_string(), "VmRSS:")
}

/// The most bytes of memory that this process held since [`reset_peak_memory`].
pub fn peak_memory() -> anyhow::Result<u64> {
    status("self", "VmHWM:")
}

/// Forgets the peak so far (proc(5), clear_refs).
pub fn reset_peak_memory() -> anyhow::Result<()> {
    std::fs::write("/proc/self/clear_refs", "5").context("the peak of memory can't be reset")
}

fn status(process: &str, field: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).context("/proc status lacks a field")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1_024)
}

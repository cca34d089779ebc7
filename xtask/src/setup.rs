//! What the other commands need: each part looks at what is there first, so a second run installs nothing.

use std::path::PathBuf;

mod bitcoind;
mod chromium;
mod debian;
mod frontend;
mod node_modules;
mod postgres;
mod rust_target;
mod wasm;

pub(crate) use bitcoind::bitcoind;
pub(crate) use chromium::chromium;
pub(crate) use postgres::Cluster;
pub(crate) use wasm::Variant;

/// Everything, including the build of Bitcoin Core.
pub(crate) fn everything() -> anyhow::Result<()> {
    machine()?;
    browser_tests()?;
    frontend()?;
    bitcoind()?;
    println!("everything is set up");
    Ok(())
}

/// The programs that come from the system: packages from Debian, Node from wherever it is, Rust's WebAssembly target.
pub(crate) fn machine() -> anyhow::Result<()> {
    rust_target::install()?;
    debian::install(debian::PROGRAMS)?;
    node_modules::check_node()
}

/// The browser verifier, in its two variants.
pub(crate) fn wasm() -> anyhow::Result<()> {
    rust_target::install()?;
    node_modules::install("frontend")?;
    wasm::build()
}

/// That the browser verifier comes out the same wherever it is built.
pub(crate) fn check_wasm() -> anyhow::Result<()> {
    rust_target::install()?;
    node_modules::install("frontend")?;
    wasm::check()
}

/// The browser verifier and the pages around it.
pub(crate) fn frontend() -> anyhow::Result<()> {
    wasm()?;
    frontend::build()
}

/// The npm packages of the browser tests.
pub(crate) fn browser_tests() -> anyhow::Result<()> {
    node_modules::install("tests/browser")
}

/// Where the browser's build of the verifier is.
pub(crate) fn wasm_for_web() -> PathBuf {
    wasm::web_folder()
}

/// Where a Node build of the verifier is.
pub(crate) fn wasm_for_node(variant: Variant) -> PathBuf {
    wasm::node_folder(variant)
}

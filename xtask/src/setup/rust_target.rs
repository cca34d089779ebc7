//! The standard library for WebAssembly. `rust-toolchain.toml` names it, but rustup fetches it by itself only where
//! automatic installation is switched on.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::paths;
use crate::process::{ask, run};

/// What the browser verifier is compiled for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Adds the target to the toolchain of this checkout, unless it is there.
pub(crate) fn install() -> anyhow::Result<()> {
    let sysroot = ask(Command::new("rustc").current_dir(paths::root()).args(["--print", "sysroot"]))?;
    if Path::new(&sysroot).join("lib/rustlib").join(WASM).is_dir() {
        return Ok(());
    }
    if paths::on_path(&["rustup"]).is_none() {
        bail!("the Rust target {WASM} is missing and there is no rustup to add it: install it with your toolchain");
    }
    run(Command::new("rustup").current_dir(paths::root()).args(["target", "add", WASM]))
        .with_context(|| format!("run `rustup target add {WASM}` in this folder"))
}

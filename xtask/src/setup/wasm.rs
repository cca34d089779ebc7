//! The verifier as WebAssembly: the same bytes on every machine, since the log's manifest carries their hash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use wasm_bindgen_cli_support::Bindgen;

use super::rust_target::WASM as TRIPLE;
use crate::paths;
use crate::process::run;

/// What rustc 1.95 enables for this target, plus SIMD: wasm-opt must know it to read the module.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
];

/// Builds the verifier for the browser (frontend/src/lib/wasm) and for Node (target/wasm-node).
pub(crate) fn build() -> anyhow::Result<()> {
    compile()?;
    let module = paths::target().join(TRIPLE).join("wasm/verifier_wasm.wasm");
    generate(&module, &paths::frontend().join("src/lib/wasm"), |bindgen| bindgen.web(true).map(|_| ()))?;
    generate(&module, &node_folder(), |bindgen| bindgen.nodejs(true).map(|_| ()))
}

/// Where the Node build is.
pub(crate) fn node_folder() -> PathBuf {
    paths::target().join("wasm-node")
}

fn compile() -> anyhow::Result<()> {
    let mut cargo = paths::cargo();
    cargo.args(["build", "--locked", "--package", "verifier-wasm", "--profile", "wasm", "--target", TRIPLE]);
    run(cargo.env("CARGO_ENCODED_RUSTFLAGS", rustflags()))
}

/// Panic messages carry source paths: with the two that differ between machines replaced, the bytes don't differ.
fn rustflags() -> String {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .unwrap_or_default();
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    [remap(&cargo_home, "/cargo"), remap(paths::root(), "/src")].join("\u{1f}")
}

/// Makes the JavaScript face in a temporary folder and moves what changed to `folder`: an unchanged file keeps its time,
/// so nothing that embeds it is built again. Does nothing if `folder` was made from this module with these tools, since
/// wasm-opt takes its time.
fn generate(
    module: &Path,
    folder: &Path,
    shape: impl FnOnce(&mut Bindgen) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let made_from = made_from(module)?;
    let stamp = stamp(folder);
    if folder.join("verifier_bg.wasm").is_file() && fs::read(&stamp).is_ok_and(|present| present == made_from) {
        return Ok(());
    }
    println!("  wasm-bindgen → {}", folder.strip_prefix(paths::root()).unwrap_or(folder).display());
    let fresh = tempfile::tempdir()?;
    let mut bindgen = Bindgen::new();
    shape(bindgen.input_path(module).out_name("verifier").typescript(true).remove_producers_section(true))?;
    bindgen.generate(fresh.path()).context("wasm-bindgen failed")?;
    optimise(&fresh.path().join("verifier_bg.wasm"))?;
    fs::create_dir_all(folder)?;
    for file in fs::read_dir(fresh.path())? {
        let file = file?;
        replace_if_changed(&file.path(), &folder.join(file.file_name()))?;
    }
    fs::write(&stamp, made_from).with_context(|| format!("can't write {}", stamp.display()))
}

/// All that the generated files depend on: the module, and the locked versions of wasm-bindgen and of wasm-opt.
fn made_from(module: &Path) -> anyhow::Result<Vec<u8>> {
    let files = [module.to_owned(), paths::root().join("Cargo.lock"), paths::frontend().join("package-lock.json")];
    let read = |file: &PathBuf| fs::read(file).with_context(|| format!("can't read {}", file.display()));
    Ok(files.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?.concat())
}

/// What `folder` was last made from, kept in the target directory.
fn stamp(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    paths::target().join(format!("made-from-{name}"))
}

fn optimise(wasm: &Path) -> anyhow::Result<()> {
    let wasm_opt = paths::frontend().join("node_modules/.bin/wasm-opt");
    if !wasm_opt.exists() {
        println!("  not optimised: frontend/package.json does not list binaryen");
        return Ok(());
    }
    run(Command::new(wasm_opt).arg("-O3").args(FEATURES).arg(wasm).arg("-o").arg(wasm))
}

fn replace_if_changed(from: &Path, to: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(from)?;
    if fs::read(to).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    fs::write(to, bytes).with_context(|| format!("can't write {}", to.display()))
}

//! The verifier as WebAssembly: the same bytes on every machine, since the log's manifest carries their hashes.
//!
//! It is built twice: with 128-bit vectors, which hash four shares at a time, and without, for engines that lack them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use wasm_bindgen_cli_support::Bindgen;

use super::rust_target::WASM as TRIPLE;
use crate::paths;
use crate::process::run;

mod check;
mod integrity;

pub(crate) use check::check;

/// What rustc 1.95 enables for this target: wasm-opt must know it to read a module.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// One of the two builds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// With 128-bit vectors.
    Simd,
    /// For engines without them.
    Scalar,
}

impl Variant {
    pub(crate) const ALL: [Variant; 2] = [Variant::Simd, Variant::Scalar];

    /// Its name in files and messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Variant::Simd => "simd",
            Variant::Scalar => "scalar",
        }
    }

    /// The module's name beside the page's JavaScript, which is that of both.
    fn module(self) -> &'static str {
        match self {
            Variant::Simd => "verifier_bg.wasm",
            Variant::Scalar => "verifier_scalar_bg.wasm",
        }
    }

    fn rustflag(self) -> Option<&'static str> {
        (self == Variant::Simd).then_some("-Ctarget-feature=+simd128")
    }
}

/// Builds the verifier for the browser (frontend/src/lib/wasm, both modules with one face) and for Node (target/wasm-node,
/// target/wasm-node-scalar).
pub(crate) fn build() -> anyhow::Result<()> {
    let place = Place { sources: paths::root().to_owned(), target: paths::target(), cargo_home: None };
    let modules = Variant::ALL.map(|variant| place.compile(variant));
    let [simd, scalar] = modules;
    let modules = [simd?, scalar?];
    let made_from = made_from(&modules)?;
    let stamp = paths::target().join("made-from-wasm");
    let outputs = outputs();
    if outputs.iter().all(|file| file.is_file()) && fs::read(&stamp).is_ok_and(|present| present == made_from) {
        return Ok(());
    }
    publish(&modules)?;
    fs::write(&stamp, made_from).with_context(|| format!("can't write {}", stamp.display()))
}

/// Where a Node build is.
pub(crate) fn node_folder(variant: Variant) -> PathBuf {
    paths::target().join(match variant {
        Variant::Simd => "wasm-node",
        Variant::Scalar => "wasm-node-scalar",
    })
}

/// Where the browser's build is.
pub(crate) fn web_folder() -> PathBuf {
    paths::frontend().join("src/lib/wasm")
}

/// One file of each folder that [`build`] makes.
fn outputs() -> Vec<PathBuf> {
    let nodes = Variant::ALL.map(|variant| node_folder(variant).join("verifier.js"));
    nodes.into_iter().chain(Variant::ALL.map(|variant| web_folder().join(variant.module()))).collect()
}

/// Where a build takes place; none of it may show in the bytes.
struct Place {
    sources: PathBuf,
    target: PathBuf,
    /// If it is not the usual one.
    cargo_home: Option<PathBuf>,
}

impl Place {
    /// Compiles a variant and gives the module as cargo leaves it.
    fn compile(&self, variant: Variant) -> anyhow::Result<PathBuf> {
        // A target directory for each: cargo would build everything anew for other flags.
        let target = self.target.join(format!("wasm-{}", variant.name()));
        let mut cargo = paths::cargo();
        cargo.args(["build", "--locked", "--package", "verifier-wasm", "--profile", "wasm", "--target", TRIPLE]);
        cargo.arg("--target-dir").arg(&target).current_dir(&self.sources);
        if let Some(home) = &self.cargo_home {
            cargo.env("CARGO_HOME", home);
        }
        run(cargo.env("CARGO_ENCODED_RUSTFLAGS", self.rustflags(variant)))?;
        Ok(target.join(TRIPLE).join("wasm/verifier_wasm.wasm"))
    }

    /// Panic messages carry source paths: with the two that differ between machines replaced, the bytes don't differ.
    fn rustflags(&self, variant: Variant) -> String {
        let cargo_home = self.cargo_home.clone().or_else(usual_cargo_home).unwrap_or_default();
        let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
        let remaps = [remap(&cargo_home, "/cargo"), remap(&self.sources, "/src")];
        remaps.into_iter().chain(variant.rustflag().map(String::from)).collect::<Vec<_>>().join("\u{1f}")
    }
}

fn usual_cargo_home() -> Option<PathBuf> {
    let given = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    given.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

/// All that the generated files depend on: the modules, and the locked versions of wasm-bindgen and of wasm-opt.
fn made_from(modules: &[PathBuf]) -> anyhow::Result<Vec<u8>> {
    let locks = [paths::root().join("Cargo.lock"), paths::frontend().join("package-lock.json")];
    let read = |file: &PathBuf| fs::read(file).with_context(|| format!("can't read {}", file.display()));
    Ok(modules.iter().chain(&locks).map(read).collect::<anyhow::Result<Vec<_>>>()?.concat())
}

/// Makes the faces and optimises the modules, and replaces what changed: an unchanged file keeps its time, so nothing
/// that embeds it is built again.
fn publish(modules: &[PathBuf; 2]) -> anyhow::Result<()> {
    let mut faces = Vec::new();
    for (variant, module) in Variant::ALL.into_iter().zip(modules) {
        let web = face(module, |bindgen| bindgen.web(true).map(|_| ()))?;
        let node = face(module, |bindgen| bindgen.nodejs(true).map(|_| ()))?;
        let [from, to] = [&web, &node].map(|folder| folder.path().join("verifier_bg.wasm"));
        ensure!(fs::read(&from)? == fs::read(&to)?, "the modules for the browser and for Node differ");
        optimise(variant, &from)?;
        fs::copy(&from, &to)?;
        replace_all(node.path(), &node_folder(variant))?;
        faces.push(web);
    }
    let [simd, scalar] = &faces[..] else { unreachable!("there are two variants") };
    let [one, other] = [simd, scalar].map(|folder| fs::read(folder.path().join("verifier.js")));
    ensure!(one? == other?, "the modules need different JavaScript: a page can't choose between them");
    fs::copy(scalar.path().join("verifier_bg.wasm"), simd.path().join(Variant::Scalar.module()))?;
    integrity::write(simd.path())?;
    replace_all(simd.path(), &web_folder())
}

/// The JavaScript face of a module, with the module, in a temporary folder.
fn face(module: &Path, shape: impl FnOnce(&mut Bindgen) -> anyhow::Result<()>) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let mut bindgen = Bindgen::new();
    shape(bindgen.input_path(module).out_name("verifier").typescript(true).remove_producers_section(true))?;
    bindgen.generate(folder.path()).context("wasm-bindgen failed")?;
    Ok(folder)
}

/// wasm-opt also refuses a scalar module in which a vector is left.
fn optimise(variant: Variant, wasm: &Path) -> anyhow::Result<()> {
    let mut wasm_opt = Command::new(paths::frontend().join("node_modules/.bin/wasm-opt"));
    let simd = if variant == Variant::Simd { "--enable-simd" } else { "--disable-simd" };
    run(wasm_opt.arg("-O3").args(FEATURES).arg(simd).arg(wasm).arg("-o").arg(wasm))
}

fn replace_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    println!("  wasm-bindgen → {}", to.strip_prefix(paths::root()).unwrap_or(to).display());
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        replace_if_changed(&file.path(), &to.join(file.file_name()))?;
    }
    Ok(())
}

fn replace_if_changed(from: &Path, to: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(from)?;
    if fs::read(to).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    fs::write(to, bytes).with_context(|| format!("can't write {}", to.display()))
}

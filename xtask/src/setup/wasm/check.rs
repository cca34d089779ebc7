//! `cargo xtask wasm --check`: two builds that share nothing but the sources and the tools must give the same bytes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::{Place, Variant, face, integrity, optimise, usual_cargo_home};
use crate::paths;
use crate::process::ask;

/// Builds twice, in folders of other names and depths with another `CARGO_HOME` each, prints the SHA-256 of each module,
/// and fails unless they are equal, and equal to those of an ordinary build if there is one.
pub(crate) fn check() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut builds = Vec::new();
    for name in ["one", "another/of/another/depth"] {
        builds.push(Build::new(&folder.path().join(name))?);
    }
    let usual = super::web_folder();
    let mut differ = false;
    for variant in Variant::ALL {
        let hashes = builds.iter().map(|build| build.hash(variant)).collect::<anyhow::Result<Vec<_>>>()?;
        println!("{} {} {}", variant.name(), hashes[0], hashes[1]);
        differ |= hashes[0] != hashes[1];
        if let Ok(module) = fs::read(usual.join(variant.module())) {
            let hash = integrity::sha256(&module);
            println!("{} {hash} in frontend/src/lib/wasm", variant.name());
            differ |= hash != hashes[0];
        }
    }
    if differ {
        bail!("the builds differ");
    }
    println!("the builds are equal");
    Ok(())
}

/// A copy of the sources with a `CARGO_HOME` and a target directory of its own.
struct Build {
    place: Place,
}

impl Build {
    fn new(folder: &Path) -> anyhow::Result<Self> {
        let place = Place {
            sources: folder.join("checkout"),
            target: folder.join("target"),
            cargo_home: Some(folder.join("cargo-home")),
        };
        copy_sources(&place.sources)?;
        share_downloads(&folder.join("cargo-home"))?;
        Ok(Self { place })
    }

    /// SHA-256 of the finished module.
    fn hash(&self, variant: Variant) -> anyhow::Result<String> {
        let module = self.place.compile(variant)?;
        let face = face(&module, |bindgen| bindgen.web(true).map(|_| ()))?;
        let module = face.path().join("verifier_bg.wasm");
        optimise(variant, &module)?;
        Ok(integrity::sha256(&fs::read(module)?))
    }
}

/// The tracked files as they are now, changed or not.
fn copy_sources(to: &Path) -> anyhow::Result<()> {
    let mut git = std::process::Command::new("git");
    let files = ask(git.current_dir(paths::root()).args(["ls-files", "--cached", "-z"]))?;
    for file in files.split('\0').filter(|file| !file.is_empty()) {
        let (from, to) = (paths::root().join(file), to.join(file));
        // A file that was deleted but not committed is still listed.
        if from.is_file() {
            fs::create_dir_all(to.parent().context("a file has a folder")?)?;
            fs::copy(&from, &to).with_context(|| format!("can't copy {file}"))?;
        }
    }
    Ok(())
}

/// What cargo has downloaded, under another path: building must not need the network.
fn share_downloads(home: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(home)?;
    let usual: PathBuf = usual_cargo_home().context("neither CARGO_HOME nor HOME is set")?;
    for shared in ["registry", "config.toml", "git"] {
        let from = usual.join(shared);
        if from.exists() {
            std::os::unix::fs::symlink(&from, home.join(shared))?;
        }
    }
    Ok(())
}

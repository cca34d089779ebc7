//! The checkout's own files, for the tests that look at source text.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what tools made.
const MADE: &[&str] = &[".git", "target", "node_modules", ".svelte-kit", "frontend/build", "frontend/src/lib/wasm"];

/// A text file of the checkout.
pub(crate) struct Source {
    /// Relative to the checkout, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the checkout")
}

/// Every file with one of these extensions, tools' products left out.
pub(crate) fn all(extensions: &[&str]) -> Vec<Source> {
    let mut files = Vec::new();
    walk(root(), &mut files);
    files.retain(|file| file.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)));
    let source = |file: PathBuf| Source { path: relative(&file), text: fs::read_to_string(&file).expect("UTF-8") };
    files.into_iter().map(source).collect()
}

/// The words of a line: maximal runs of letters, digits and underscores.
pub(crate) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the checkout") {
        let path = entry.expect("an entry of the checkout").path();
        let name = relative(&path);
        if MADE.iter().any(|made| name == *made || name.ends_with(&format!("/{made}"))) {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("inside the checkout").to_string_lossy().into_owned()
}

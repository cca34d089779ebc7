//! The browser of the browser tests.

use std::path::PathBuf;

use anyhow::Context;

use crate::paths;

/// `$CHROMIUM`, else the first browser of its family on the PATH.
pub(crate) fn chromium() -> anyhow::Result<PathBuf> {
    std::env::var_os("CHROMIUM")
        .map(PathBuf::from)
        .or_else(|| paths::on_path(&["chromium", "chromium-browser", "google-chrome"]))
        .context("no Chromium: install the package chromium, or set CHROMIUM to the browser's path")
}

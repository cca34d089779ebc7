//! Secrets in files of their own: command lines and environments are read by more than one program.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// The text of a file that only its owner can read.
pub(super) fn read(file: &Path) -> Result<String> {
    let mode = fs::metadata(file).context("reading the file's permissions")?.permissions().mode();
    ensure!(mode & 0o077 == 0, "others may read it: chmod 600, and think of the key as known if they did");
    fs::read_to_string(file).context("reading the file")
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, "text").unwrap();
        for (mode, taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&file).is_ok(), taken, "{mode:o}");
        }
    }
}

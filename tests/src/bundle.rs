//! Bundles on disk, as the tests change them.

use std::fs;
use std::path::Path;

use anyhow::Context;
use audit_core::bundle::{Files, SUMS, sums, to_tar};

/// Every file of a bundle's folder.
pub fn read(folder: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    collect(folder, "", &mut files)?;
    Ok(files)
}

/// Writes a bundle's folder, with whatever `SHA256SUMS` is in `files`.
pub fn write(files: &Files, folder: &Path) -> anyhow::Result<()> {
    for (path, bytes) in files {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().context("a bundle's file is in a folder")?)?;
        fs::write(file, bytes)?;
    }
    Ok(())
}

/// Makes `SHA256SUMS` right again, as whoever tampers would.
pub fn resum(files: &mut Files) {
    let sums = sums(files);
    files.insert(SUMS.into(), sums);
}

/// Writes a folder's archive.
pub fn pack(folder: &Path, tar: &Path) -> anyhow::Result<()> {
    Ok(fs::write(tar, to_tar(&read(folder)?))?)
}

fn collect(folder: &Path, prefix: &str, files: &mut Files) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("no folder {}", folder.display()))? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}

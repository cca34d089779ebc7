//! Keeping what an audit reads: straight to disk, as a folder or an archive.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use audit_core::{
    audit::{Evidence, FetchError},
    bundle::{BLOCK, END_BLOCKS, SUMS, header, sums_of},
};

use super::{Source, folder};

/// A source whose reads may be kept.
pub(crate) struct Recorder<'a> {
    source: &'a Source,
    keeper: Option<&'a Keeper>,
}

/// Where evidence is kept.
pub(crate) struct Keeper {
    /// The files, while they come in.
    folder: PathBuf,
    /// The archive that they become.
    archive: Option<PathBuf>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(source: &'a Source, keeper: Option<&'a Keeper>) -> Self {
        Self { source, keeper }
    }

    pub(crate) fn source(&self) -> &Source {
        self.source
    }

    /// Reads a file.
    pub(crate) fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let bytes = self.source.read(path, limit)?;
        self.keep(path, 0, &bytes)?;
        Ok(bytes)
    }

    fn keep(&self, path: &str, start: u64, bytes: &[u8]) -> Result<(), FetchError> {
        let Some(keeper) = self.keeper else { return Ok(()) };
        keeper.write(path, start, bytes).map_err(|error| FetchError::Unreadable(format!("keeping it: {error}")))
    }
}

impl Evidence for Recorder<'_> {
    async fn fetch(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        self.read(path, limit)
    }

    async fn fetch_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        let bytes = self.source.read_range(path, start, length)?;
        self.keep(path, start, &bytes)?;
        Ok(bytes)
    }
}

impl Keeper {
    /// For a folder, which must be empty or not exist, or an archive, which must not exist.
    pub(crate) fn new(target: &Path) -> Result<Self> {
        let named = || format!("--save {}", target.display());
        if target.extension().is_none_or(|extension| extension != "tar") {
            empty(target).with_context(named)?;
            return Ok(Self { folder: target.into(), archive: None });
        }
        if target.exists() {
            bail!("{}: the file exists", named());
        }
        let mut folder = target.as_os_str().to_owned();
        folder.push(".part");
        empty(Path::new(&folder)).with_context(named)?;
        Ok(Self { folder: folder.into(), archive: Some(target.into()) })
    }

    /// Adds the SHA256SUMS, and makes the archive where one is wanted.
    pub(crate) fn finish(self) -> Result<()> {
        let sums = sums_of(&folder::hashes(&self.folder)?);
        fs::write(self.folder.join(SUMS), sums)?;
        if let Some(archive) = &self.archive {
            pack(&self.folder, archive)?;
            fs::remove_dir_all(&self.folder)?;
        }
        Ok(())
    }

    /// Writes a part of a file. The parts of a file may come in any order, and again.
    fn write(&self, path: &str, start: u64, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        file.seek(SeekFrom::Start(start))?;
        file.write_all(bytes)
    }
}

/// Makes a folder, or finds it empty.
fn empty(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    match fs::read_dir(folder)?.next() {
        None => Ok(()),
        Some(_) => bail!("the folder is not empty"),
    }
}

/// The canonical archive of a folder's files.
fn pack(folder: &Path, archive: &Path) -> Result<()> {
    let files: BTreeMap<String, _> = folder::hashes(folder)?;
    let mut tar = io::BufWriter::new(File::create_new(archive)?);
    for path in files.keys() {
        let mut file = File::open(folder.join(path))?;
        let length = file.metadata()?.len();
        tar.write_all(&header(path, length))?;
        if io::copy(&mut file, &mut tar)? != length {
            return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        let padding = length.next_multiple_of(BLOCK as u64) - length;
        tar.write_all(&vec![0; usize::try_from(padding)?])?;
    }
    tar.write_all(&[0; END_BLOCKS * BLOCK])?;
    Ok(tar.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?)
}

//! Where evidence is read from: a server, a folder, or a bundle archive.

mod folder;
mod http;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use audit_core::{
    audit::{Evidence, FetchError, Place, range_of},
    bundle::{Files, SUMS, check_sums, from_tar, sums, to_tar},
    hash::Hash32,
};

/// One of the three.
pub(crate) enum Source {
    /// `http://…` or `https://…`.
    Server(http::Server),
    /// A folder with the bundle's files.
    Folder(PathBuf),
    /// A bundle archive, in memory.
    Archive(Files),
}

impl Source {
    /// Opens what a person named.
    pub(crate) fn open(name: &str) -> Result<Self> {
        if name.starts_with("http://") || name.starts_with("https://") {
            return Ok(Self::Server(http::Server::new(name)));
        }
        let path = Path::new(name);
        let metadata = fs::metadata(path).with_context(|| format!("{name}: neither a URL nor a folder nor a file"))?;
        if metadata.is_dir() {
            return Ok(Self::Folder(path.into()));
        }
        let bytes = fs::read(path).with_context(|| format!("reading {name}"))?;
        Ok(Self::Archive(from_tar(&bytes).with_context(|| format!("bundle.intact failed: {name}"))?))
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::Server(server) => server.read(path, limit),
            Self::Folder(root) => folder::read(root, path, limit),
            Self::Archive(files) => match files.get(path) {
                Some(bytes) if bytes.len() as u64 > limit => Err(FetchError::TooLong(limit)),
                Some(bytes) => Ok(bytes.clone()),
                None => Err(FetchError::NotFound),
            },
        }
    }

    fn read_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::Server(server) => server.read_range(path, start, length),
            Self::Folder(root) => folder::read_range(root, path, start, length),
            Self::Archive(files) => match files.get(path) {
                Some(bytes) => Ok(range_of(bytes, start, length).into()),
                None => Err(FetchError::NotFound),
            },
        }
    }
}

/// A source that can keep what was read from it.
pub(crate) struct Recorder {
    source: Source,
    kept: Option<RefCell<Files>>,
}

impl Recorder {
    pub(crate) fn new(source: Source, keep: bool) -> Self {
        Self { source, kept: keep.then(RefCell::default) }
    }

    /// Reads a part of a file; the whole of it where all evidence is kept.
    pub(crate) fn read_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        if self.kept.is_some() {
            return Ok(range_of(&self.read(path, u64::MAX)?, start, length).into());
        }
        self.source.read_range(path, start, length)
    }

    /// Reads a file.
    pub(crate) fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let bytes = self.source.read(path, limit)?;
        if let Some(kept) = &self.kept {
            kept.borrow_mut().insert(path.into(), bytes.clone());
        }
        Ok(bytes)
    }

    /// What is wrong with the bundle's SHA256SUMS; `None` for a server.
    pub(crate) fn bundle_faults(&self) -> Result<Option<Vec<Place>>> {
        let mut hashes: BTreeMap<String, Hash32> = match &self.source {
            Source::Server(_) => return Ok(None),
            Source::Folder(root) => folder::hashes(root)?,
            Source::Archive(files) => files.iter().map(|(path, bytes)| (path.clone(), Hash32::of(bytes))).collect(),
        };
        hashes.remove(SUMS);
        let listed = match self.source.read(SUMS, u64::MAX) {
            Ok(listed) => Some(listed),
            Err(FetchError::NotFound) => None,
            Err(error) => return Err(anyhow!(error).context(SUMS)),
        };
        Ok(Some(check_sums(listed.as_deref(), &hashes)))
    }

    /// Writes all that was read, with its SHA256SUMS. An existing folder must be empty; an existing file is refused.
    pub(crate) fn save(&self, target: &Path) -> Result<()> {
        let Some(kept) = &self.kept else { bail!("nothing was kept") };
        let mut files = kept.borrow().clone();
        files.insert(SUMS.into(), sums(&files));
        if target.extension().is_some_and(|extension| extension == "tar") {
            return write_new(target, &to_tar(&files));
        }
        fs::create_dir_all(target)?;
        if fs::read_dir(target)?.next().is_some() {
            bail!("the folder is not empty");
        }
        for (path, bytes) in &files {
            let path = target.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            write_new(&path, bytes)?;
        }
        Ok(())
    }
}

impl Evidence for Recorder {
    async fn fetch(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        self.read(path, limit)
    }

    async fn fetch_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        self.read_range(path, start, length)
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    let mut file = fs::File::create_new(path).with_context(|| path.display().to_string())?;
    Ok(file.write_all(bytes)?)
}

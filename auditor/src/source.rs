//! Where evidence is read from: a server, a folder, or a bundle archive. All of them may be read by many threads at once.

mod archive;
mod folder;
mod http;
mod keep;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use audit_core::{
    audit::{Evidence, FetchError, Place},
    bundle::{SUMS, check_sums},
    hash::{Hash32, HashStream},
    tile::BUNDLE_MAX,
    tile_tree::TileStore,
};

pub(crate) use keep::{Keeper, Recorder};

/// One of the three.
pub(crate) enum Source {
    /// `http://…` or `https://…`.
    Server(http::Server),
    /// A folder with the bundle's files.
    Folder(PathBuf),
    /// A bundle archive.
    Archive(archive::Archive),
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
        let archive = archive::Archive::open(path).with_context(|| format!("bundle.intact failed: {name}"))?;
        Ok(Self::Archive(archive))
    }

    /// Reads a file, which must not be longer than `limit`.
    pub(crate) fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::Server(server) => server.read(path, limit),
            Self::Folder(root) => folder::read(root, path, limit),
            Self::Archive(archive) => archive.read(path, limit),
        }
    }

    /// Reads `length` bytes of a file from `start` on, or up to its end.
    pub(crate) fn read_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::Server(server) => server.read_range(path, start, length),
            Self::Folder(root) => folder::read_range(root, path, start, length),
            Self::Archive(archive) => archive.read_range(path, start, length),
        }
    }

    /// What is wrong with the bundle's SHA256SUMS; `None` for a server.
    pub(crate) fn bundle_faults(&self) -> Result<Option<Vec<Place>>> {
        let mut hashes: BTreeMap<String, Hash32> = match self {
            Self::Server(_) => return Ok(None),
            Self::Folder(root) => folder::hashes(root)?,
            Self::Archive(archive) => archive.hashes(),
        };
        hashes.remove(SUMS);
        let listed = match self.read(SUMS, u64::MAX) {
            Ok(listed) => Some(listed),
            Err(FetchError::NotFound) => None,
            Err(error) => return Err(anyhow!(error).context(SUMS)),
        };
        Ok(Some(check_sums(listed.as_deref(), &hashes)))
    }
}

impl Evidence for Source {
    async fn fetch(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        self.read(path, limit)
    }

    async fn fetch_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        self.read_range(path, start, length)
    }
}

/// Tiles, for proofs from them.
impl TileStore for Source {
    type Error = FetchError;

    fn read_tile(&self, path: &str) -> Result<Option<Vec<u8>>, FetchError> {
        match self.read(&format!("log/{path}"), BUNDLE_MAX as u64) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FetchError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// SHA-256 of a file, a piece at a time.
fn hash_of(path: &Path) -> std::io::Result<Hash32> {
    let mut file = File::open(path)?;
    let (mut hash, mut piece) = (HashStream::default(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hash.finish()),
            length => hash.update(&piece[..length]),
        }
    }
}

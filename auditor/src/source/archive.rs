//! Evidence in a bundle archive. Only its table of contents is in memory.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::{Result, bail};
use audit_core::{
    audit::FetchError,
    bundle::{BLOCK, END_BLOCKS, parse_header},
    hash::{Hash32, HashStream},
};

/// A canonical archive: nothing of it can be another byte.
pub(crate) struct Archive {
    file: Mutex<File>,
    members: BTreeMap<String, Member>,
}

struct Member {
    start: u64,
    length: u64,
    hash: Hash32,
}

impl Archive {
    /// Reads the whole archive once.
    ///
    /// # Errors
    /// A file that is not the canonical archive of its members.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
        let (mut members, mut at) = (BTreeMap::<String, Member>::new(), 0u64);
        loop {
            let block = block(&mut reader, at)?;
            if block == [0; BLOCK] {
                break;
            }
            let Some((name, length)) = parse_header(&block) else { bail!("not a canonical header at byte {at}") };
            if members.last_key_value().is_some_and(|(last, _)| *last >= name) {
                bail!("not sorted by path at byte {at}");
            }
            let start = at + BLOCK as u64;
            let hash = content(&mut reader, start, length)?;
            members.insert(name, Member { start, length, hash });
            at = start + length.next_multiple_of(BLOCK as u64);
        }
        for number in 1..END_BLOCKS as u64 {
            let at = at + number * BLOCK as u64;
            if block(&mut reader, at)? != [0; BLOCK] {
                bail!("not a zero block at byte {at}");
            }
        }
        if reader.read(&mut [0])? != 0 {
            bail!("something behind the end");
        }
        Ok(Self { file: Mutex::new(reader.into_inner()), members })
    }

    pub(super) fn hashes(&self) -> BTreeMap<String, Hash32> {
        self.members.iter().map(|(path, member)| (path.clone(), member.hash)).collect()
    }

    pub(super) fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let length = self.member(path)?.length;
        if length > limit { Err(FetchError::TooLong(limit)) } else { self.read_range(path, 0, length) }
    }

    pub(super) fn read_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        let member = self.member(path)?;
        let start = start.min(member.length);
        let length = length.min(member.length - start);
        let failed = |error: std::io::Error| FetchError::Unreadable(error.to_string());
        let mut bytes = Vec::new();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(member.start + start)).map_err(failed)?;
        (&mut *file).take(length).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    fn member(&self, path: &str) -> Result<&Member, FetchError> {
        self.members.get(path).ok_or(FetchError::NotFound)
    }
}

fn block(reader: &mut impl Read, at: u64) -> Result<[u8; BLOCK]> {
    let mut block = [0; BLOCK];
    match reader.read_exact(&mut block) {
        Ok(()) => Ok(block),
        Err(error) => bail!("not a ustar archive at byte {at}: {error}"),
    }
}

/// The hash of a member's content; what pads it to a whole block must be zero.
fn content(reader: &mut impl Read, start: u64, length: u64) -> Result<Hash32> {
    let (mut hash, mut left) = (HashStream::default(), length);
    while left > 0 {
        let block = block(reader, start + length - left)?;
        let here = usize::try_from(left.min(BLOCK as u64))?;
        hash.update(&block[..here]);
        if block[here..].iter().any(|byte| *byte != 0) {
            bail!("padding that is not zero behind byte {}", start + length);
        }
        left -= here as u64;
    }
    Ok(hash.finish())
}

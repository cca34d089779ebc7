//! Extranonce1: sequential, so that no two connections share one, across restarts too.

use std::{fs, io, path::PathBuf};

use crate::durable;

/// Reserved at once. A restart skips what is left of a block; 2³² values are far more than an epoch needs.
const BLOCK: u32 = 4_096;

/// Hands out extranonce1 values. The file holds the first value never reserved, as a decimal number.
#[derive(Debug)]
pub(crate) struct Extranonce1Source {
    path: PathBuf,
    next: u32,
    left: u32,
}

impl Extranonce1Source {
    /// Reads the high-water mark.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let next = match fs::read_to_string(&path) {
            Ok(text) => text.trim_end().parse().map_err(|_| not_a_number(&path))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self { path, next, left: 0 })
    }

    /// The next value. Writes and syncs the mark when a block is used up, before the first of the new one is out.
    pub(crate) fn next(&mut self) -> io::Result<[u8; 4]> {
        if self.left == 0 {
            let mark = self.next.wrapping_add(BLOCK);
            durable::replace(&self.path, format!("{mark}\n").as_bytes())?;
            self.left = BLOCK;
        }
        let value = self.next;
        self.next = value.wrapping_add(1);
        self.left -= 1;
        Ok(value.to_be_bytes())
    }
}

fn not_a_number(path: &std::path::Path) -> io::Error {
    let text = format!("{}: expected a decimal number; write one above every extranonce1 ever used", path.display());
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_repeat_across_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("extranonce1");
        let mut seen = std::collections::BTreeSet::new();
        for uses in [1, BLOCK, 3, BLOCK + 1] {
            let mut source = Extranonce1Source::open(path.clone()).unwrap();
            for _ in 0..uses {
                assert!(seen.insert(source.next().unwrap()));
            }
        }
    }

    #[test]
    fn a_damaged_mark_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("extranonce1");
        fs::write(&path, "twelve").unwrap();
        assert!(Extranonce1Source::open(path).is_err());
    }
}

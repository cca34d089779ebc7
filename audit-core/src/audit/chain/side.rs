//! Side files: fetched when a block is asked for that is not on the best chain.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Archive, CheckId, Evidence, Findings, Place, Source};
use crate::{
    audit::FetchError,
    chain::{HEADER_LEN, PERIOD, SideHeaders, side_path},
    hash::BlockHash,
    header::Header,
};

/// Where a block is.
pub(super) enum Reached {
    /// On the best chain or in a side file.
    Known,
    /// Nowhere; why.
    Nowhere(String),
    /// In a side file that is not right, which was told.
    Broken,
}

impl Archive {
    /// Looks a block up, in side files down to the best chain if need be.
    pub(super) async fn reach<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        height: u32,
        hash: BlockHash,
        findings: &mut Findings,
    ) -> Reached {
        let (mut files, mut count) = (Vec::<(u32, Vec<Header>)>::new(), 0);
        let (mut at, mut wanted) = (height, hash);
        while self.side.branch(&self.headers, at, &wanted).is_none() {
            let headers = match self.side_file(source, &wanted, findings).await {
                Ok(headers) => headers,
                Err(reached) => return reached,
            };
            count += headers.len();
            let first = u32::try_from(headers.len()).ok().and_then(|count| (at + 1).checked_sub(count));
            match (first.filter(|first| *first > self.headers.start()), headers.first()) {
                (Some(first), Some(header)) if count <= PERIOD as usize => {
                    (at, wanted) = (first - 1, header.prevhash);
                    files.push((first, headers));
                }
                _ => return Reached::Nowhere(format!("{}: not above the archived chain", side_path(&wanted))),
            }
        }
        while let Some((first, headers)) = files.pop() {
            if let Err(error) = self.side.add(&self.headers, first, &headers) {
                let last = headers.last().map(Header::hash).unwrap_or_default();
                let expected = "headers that the network's rules allow here";
                findings.fail(CheckId::ChainLinked, Place::new(side_path(&last), None, expected, error.to_string()));
                return Reached::Broken;
            }
        }
        Reached::Known
    }

    async fn side_file<E: Evidence>(
        &self,
        source: &mut Source<'_, E>,
        hash: &BlockHash,
        findings: &mut Findings,
    ) -> Result<Vec<Header>, Reached> {
        let path = side_path(hash);
        let bytes = match source.look(&path, u64::from(PERIOD) * HEADER_LEN as u64).await {
            Ok(bytes) => bytes,
            Err(FetchError::NotFound) => {
                return Err(Reached::Nowhere("not on the best chain, and in no side file".into()));
            }
            Err(error) => return Err(Reached::Nowhere(format!("{path}: {error}"))),
        };
        let headers = SideHeaders::split_file(&bytes);
        match headers.filter(|headers| headers.last().is_some_and(|last| last.hash() == *hash)) {
            Some(headers) => Ok(headers),
            None => {
                let expected = format!("headers up to {hash}");
                findings.fail(CheckId::ChainLinked, Place::new(path, None, expected, format!("{} bytes", bytes.len())));
                Err(Reached::Broken)
            }
        }
    }
}

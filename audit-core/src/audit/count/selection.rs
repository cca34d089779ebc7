//! Which chunks a task recomputes, as windows of neighbours that are fetched together.

use alloc::{collections::BTreeSet, vec::Vec};

use super::{Chunks, TASK_CHUNKS};
use crate::{
    epoch::{CHUNK_RECORDS, ChunkRow},
    share::RECORD_LEN,
};

/// Chunks of one request.
const WINDOW_CHUNKS: u64 = 10;
const _: () = assert!(WINDOW_CHUNKS as usize * CHUNK_RECORDS * RECORD_LEN <= 1 << 20, "at most 1 MiB of records");

/// Neighbouring chunks: `first` and those before `end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Window {
    pub(super) first: u64,
    pub(super) end: u64,
}

/// The windows of a task, in order. An epoch without shares has one empty window: its file must be there, and empty.
pub(super) fn windows(chunks: &Chunks, rows: &[ChunkRow]) -> Vec<Window> {
    if rows.is_empty() {
        return Vec::from([Window { first: 0, end: 0 }]);
    }
    let count = rows.len() as u64;
    let from = |first: u64| (first..first.saturating_add(TASK_CHUNKS).min(count)).collect();
    let (numbers, together): (BTreeSet<u64>, u64) = match chunks {
        Chunks::From(first) => (from(*first), WINDOW_CHUNKS),
        // Mostly the first one is all.
        Chunks::Best(first) => (from(*first), 1),
        Chunks::Drawn(places) => {
            (places.iter().filter_map(|place| holding(place.get(), rows)).collect(), WINDOW_CHUNKS)
        }
    };
    let mut windows = Vec::<Window>::new();
    for number in numbers {
        match windows.last_mut() {
            Some(window) if window.end == number && window.end - window.first < together => window.end += 1,
            _ => windows.push(Window { first: number, end: number + 1 }),
        }
    }
    windows
}

/// The chunk that holds the work at this distance from the beginning.
fn holding(place: u128, rows: &[ChunkRow]) -> Option<u64> {
    let mut before = 0u128;
    let position = rows.iter().position(|row| {
        before = before.saturating_add(row.work.get());
        place < before
    });
    position.map(|position| position as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Work;

    fn rows(works: &[u128]) -> Vec<ChunkRow> {
        let row =
            |work: &u128| ChunkRow { root: Default::default(), first: Default::default(), work: Work::new(*work) };
        works.iter().map(row).collect()
    }

    fn check(chunks: Chunks, works: &[u128], expected: &[(u64, u64)]) {
        let windows: Vec<_> = windows(&chunks, &rows(works)).iter().map(|window| (window.first, window.end)).collect();
        assert_eq!(windows, expected, "{chunks:?}");
    }

    #[test]
    fn all_chunks_of_a_task_are_fetched_in_windows_of_at_most_one_mebibyte() {
        check(Chunks::From(0), &[1; 12], &[(0, 10), (10, 12)]);
        check(Chunks::From(64), &[1; 70], &[(64, 70)]);
        assert_eq!(windows(&Chunks::From(0), &rows(&[1; 100])).last(), Some(&Window { first: 60, end: 64 }));
    }

    #[test]
    fn an_epoch_without_shares_has_an_empty_file() {
        check(Chunks::From(0), &[], &[(0, 0)]);
        check(Chunks::Best(0), &[], &[(0, 0)]);
    }

    #[test]
    fn drawn_places_fall_into_chunks_in_proportion_to_their_work() {
        let drawn = |places: &[u128]| Chunks::Drawn(places.iter().copied().map(Work::new).collect());
        check(drawn(&[0, 4, 5, 14, 15, 19]), &[5, 10, 5], &[(0, 3)]);
        check(drawn(&[4]), &[5, 10, 5], &[(0, 1)]);
        check(drawn(&[5, 14, 14]), &[5, 10, 5], &[(1, 2)]);
        check(drawn(&[0, 15]), &[5, 10, 5], &[(0, 1), (2, 3)]);
    }
}

use std::{
    os::unix::fs::MetadataExt,
    sync::{Arc, Mutex},
};

use audit_core::{
    epoch::{Reject, Session},
    share::ShareRecord,
    work::Level,
};

use super::*;
use crate::{fixtures, reject::RejectReason};

fn session(number: u8) -> Record {
    Record::Session(Session { extranonce1: [0, 0, 0, number], worker: "0123456789abcdef".into(), lot: "lot".into() })
}

fn share(session: u32, nonce: u32) -> Record {
    Record::Share(ShareRecord {
        job: 0,
        level: Level::MIN,
        session,
        extranonce2: [1; 8],
        ntime_offset: 0,
        version_bits: 0,
        nonce,
        seconds: 0,
    })
}

fn reject() -> Record {
    Record::Rejects { worker: "0123456789abcdef".into(), reason: RejectReason::Stale, count: 3 }
}

/// Groups as the pool appends them: each is written, and acknowledged, as one.
fn groups() -> Vec<Vec<Record>> {
    vec![
        vec![Record::Job(Box::new(fixtures::job(0x207f_ffff).row))],
        vec![Record::Level(Level::MIN)],
        vec![session(1), share(0, 1)],
        vec![share(0, 2)],
        vec![reject()],
        vec![session(2), share(1, 3)],
        vec![reject()],
    ]
}

fn bytes_of(groups: &[Vec<Record>]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    Record::Open(fixtures::start(7)).push(&mut bytes);
    groups.iter().flatten().for_each(|record| record.push(&mut bytes));
    bytes
}

fn material_of(groups: &[Vec<Record>]) -> EpochMaterial {
    replay(Path::new("x"), &bytes_of(groups)).unwrap().unwrap().material
}

#[test]
fn a_tear_at_any_byte_keeps_every_acknowledged_group() {
    let groups = groups();
    let whole = bytes_of(&groups);
    let ends: Vec<usize> = (0..=groups.len()).map(|count| bytes_of(&groups[..count]).len()).collect();
    let folder = tempfile::tempdir().unwrap();
    for cut in 0..=whole.len() {
        fs::write(path_of(folder.path(), 7), &whole[..cut]).unwrap();
        let (_, replayed) = open(folder.path(), &fixtures::start(7)).unwrap();
        let kept = ends.iter().filter(|end| **end <= cut).count();
        let file = fs::read(path_of(folder.path(), 7)).unwrap();
        match kept.checked_sub(1) {
            None => assert!(replayed.is_none() && file == bytes_of(&[]), "cut at {cut}"),
            Some(kept) => {
                assert_eq!(replayed.unwrap().material, material_of(&groups[..kept]), "cut at {cut}");
                assert_eq!(file, bytes_of(&groups[..kept]), "cut at {cut}");
            }
        }
    }
    close(folder.path(), 7).unwrap();
    assert_eq!(read_epoch(folder.path(), 7).unwrap(), material_of(&groups));
}

#[test]
fn whatever_is_cut_off_the_journal_goes_on_and_replays() {
    let (groups, more) = (groups(), [vec![share(0, 9)], vec![reject()]]);
    let closed = [bytes_of(&groups), frame_of(&Record::Close)].concat();
    let folder = tempfile::tempdir().unwrap();
    for cut in bytes_of(&groups[..3]).len()..closed.len() {
        fs::write(path_of(folder.path(), 7), &closed[..cut]).unwrap();
        let (mut file, replayed) = open(folder.path(), &fixtures::start(7)).unwrap();
        let before = replayed.unwrap().material;
        more.iter().flatten().for_each(|record| file.write_all(&frame_of(record)).unwrap());
        drop(file);
        close(folder.path(), 7).unwrap();
        let after = read_epoch(folder.path(), 7).unwrap();
        assert_eq!(after.shares[..before.shares.len()], before.shares, "cut at {cut}");
        assert_eq!(after.shares.len(), before.shares.len() + 1, "cut at {cut}");
        assert_eq!(stale(&after), stale(&before) + 3, "cut at {cut}");
    }
}

#[test]
fn damage_anywhere_but_in_the_last_frames_is_an_error_with_its_place() {
    let groups = groups();
    let whole = bytes_of(&groups);
    let (first, last) = (bytes_of(&[]).len(), bytes_of(&groups[..groups.len() - 1]).len());
    for at in MAGIC.len()..last {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        match replay(Path::new("x"), &bytes) {
            Err(JournalError::Damaged { source, .. }) => {
                assert!(source.at <= at && at < source.next, "byte {at}: {source}");
                assert!(source.next <= last && (source.at >= first || at < first), "byte {at}: {source}");
            }
            other => panic!("byte {at}: {other:?}"),
        }
    }
}

fn frame_of(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    record.push(&mut bytes);
    bytes
}

fn stale(material: &EpochMaterial) -> u64 {
    material.rejects.iter().map(|reject| reject.count).sum()
}

#[test]
fn an_epoch_whose_journal_can_not_be_begun_opens_when_the_disk_takes_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = path_of(folder.path(), 7).with_extension("new");
    fs::create_dir(&in_the_way).unwrap();
    assert!(matches!(open(folder.path(), &fixtures::start(7)), Err(JournalError::Io { .. })));
    fs::remove_dir(&in_the_way).unwrap();
    assert!(open(folder.path(), &fixtures::start(7)).unwrap().1.is_none());
}

#[test]
fn material_has_counts_levels_and_order() {
    let material = material_of(&groups());
    assert_eq!(material.levels, [Level::MIN]);
    assert_eq!(material.shares.iter().map(|share| share.nonce).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(material.sessions.len(), 2);
    let stale = Reject { worker: "0123456789abcdef".into(), reason: "stale".into(), count: 6 };
    assert_eq!(material.rejects, [stale]);
}

#[test]
fn closing_is_idempotent_and_final() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read_epoch(folder.path(), 7), Err(JournalError::NotOpened(7))));
    drop(open(folder.path(), &fixtures::start(7)).unwrap());
    assert!(matches!(read_epoch(folder.path(), 7), Err(JournalError::NotClosed(7))));
    close(folder.path(), 7).unwrap();
    let size = fs::metadata(path_of(folder.path(), 7)).unwrap().size();
    close(folder.path(), 7).unwrap();
    assert_eq!(fs::metadata(path_of(folder.path(), 7)).unwrap().size(), size);
    assert!(matches!(open(folder.path(), &fixtures::start(7)), Err(JournalError::Closed(7))));
}

#[test]
fn an_epoch_goes_on_only_with_the_start_it_had() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), &fixtures::start(7)).unwrap());
    let other = EpochStart { tree_size: 4, ..fixtures::start(7) };
    assert!(matches!(open(folder.path(), &other), Err(JournalError::Different(7))));
    assert!(open(folder.path(), &fixtures::start(7)).is_ok());
}

#[test]
fn records_that_do_not_belong_there_are_errors() {
    let check = |groups: &[Vec<Record>], text: &str| {
        let error = replay(Path::new("x"), &bytes_of(groups)).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    };
    check(&[vec![share(0, 1)]], "not above");
    check(&[vec![Record::Close], vec![reject()]], "nothing may follow");
    check(&[vec![Record::Open(fixtures::start(7))]], "open already");
    check(&[vec![session(1), reject()]], "first share");
    check(&[vec![Record::Job(Box::new(fixtures::job_on(fixtures::template(0x207f_ffff), 1).row))]], "out of order");
}

#[test]
fn another_file_is_no_journal() {
    assert!(replay(Path::new("x"), b"SQLite format 3\0").is_err());
}

#[tokio::test]
async fn committed_means_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = open(folder.path(), &fixtures::start(7)).unwrap();
    let (writer, task) = JournalWriter::new(file, Arc::default()).unwrap();
    let task = tokio::spawn(task);
    for count in 1..=groups().len() {
        writer.commit(|batch| groups()[count - 1].iter().for_each(|record| record.push(batch))).unwrap();
        assert_eq!(fs::read(path_of(folder.path(), 7)).unwrap(), bytes_of(&groups()[..count]));
    }
    writer.sync().unwrap();
    drop(writer);
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn space_that_was_reserved_and_not_written_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = open(folder.path(), &fixtures::start(7)).unwrap();
    let on_disk = file.try_clone().unwrap();
    let (writer, task) = JournalWriter::new(file, Arc::default()).unwrap();
    let task = tokio::spawn(task);
    writer.commit(|batch| reject().push(batch)).unwrap();
    drop(writer);
    task.await.unwrap().unwrap();
    let file = on_disk.metadata().unwrap();
    assert!(file.blocks() * 512 < file.len() + 64 * 1_024, "{} blocks for {} bytes", file.blocks(), file.len());
}

#[tokio::test]
async fn commits_of_many_threads_keep_the_order_in_which_they_were_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, task) =
        JournalWriter::new(File::create(folder.path().join("numbers")).unwrap(), Arc::default()).unwrap();
    let task = tokio::spawn(task);
    let (pending, count) = (Mutex::new((0u32, Vec::new())), 2_000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..count {
                    let mut pending_now = pending.lock().unwrap();
                    let number = pending_now.0;
                    pending_now.0 += 1;
                    pending_now.1.extend(number.to_be_bytes());
                    drop(pending_now);
                    writer.commit(|batch| std::mem::swap(&mut pending.lock().unwrap().1, batch)).unwrap();
                    let length = fs::metadata(folder.path().join("numbers")).unwrap().size();
                    assert!(length > u64::from(number) * 4, "{number} is not in the file");
                }
            });
        }
    });
    let file = fs::read(folder.path().join("numbers")).unwrap();
    assert_eq!(file, (0..4 * count).flat_map(u32::to_be_bytes).collect::<Vec<u8>>());
    drop(writer);
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_failed_journal_stays_failed_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), &fixtures::start(7)).unwrap());
    let read_only = File::open(path_of(folder.path(), 7)).unwrap();
    let (writer, task) = JournalWriter::new(read_only, Arc::default()).unwrap();
    let task = tokio::spawn(task);
    assert_eq!(writer.commit(|batch| reject().push(batch)), Err(JournalFailed));
    assert!(task.await.unwrap().unwrap_err().contains("Bad file descriptor"));
    assert_eq!(writer.commit(|_| panic!("nothing is taken any more")), Err(JournalFailed));
    assert_eq!(writer.sync(), Err(JournalFailed));
}

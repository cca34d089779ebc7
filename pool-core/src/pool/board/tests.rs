use super::*;
use crate::{
    fixtures,
    journal::{self, JournalWriter},
    node::BlockTemplate,
};
use audit_core::work::Level;

const GRACE: Duration = Duration::from_secs(120);
const TIP_GRACE: Duration = Duration::from_secs(5);

/// Puts up a job on `prevhash` in `epoch`, which it opens if need be; its id at the easiest level.
fn put_up(board: &mut Board, epoch: u64, prevhash: u8, now: Instant) -> JobId {
    let live = match board.epoch(epoch) {
        Some(live) => live.clone(),
        None => {
            let folder = tempfile::tempdir().unwrap();
            let (file, _) = journal::open(folder.path(), &fixtures::start(epoch)).unwrap();
            let (writer, task) = JournalWriter::new(file, Arc::default()).unwrap();
            tokio::spawn(task);
            Arc::new(LiveEpoch::new(fixtures::start(epoch), writer, None))
        }
    };
    let prevhash = BlockHash([prevhash; 32]);
    let template = BlockTemplate { prevhash, ..fixtures::template(0x207f_ffff) };
    let job = live.add_job(Arc::new(template), b"", &fixtures::PAYOUT_SCRIPT).unwrap();
    board.epochs.entry(epoch).or_insert(OpenEpoch { epoch: live, until: None });
    board.set_tip(prevhash, now, TIP_GRACE);
    board.put_up(job.clone(), now, GRACE);
    job.at(Level::MIN).id
}

#[tokio::test]
async fn a_job_of_the_epoch_before_counts_until_the_grace_is_over() {
    let (mut board, now) = (Board::default(), Instant::now());
    let old = put_up(&mut board, 1, 1, now);
    assert!(board.find(&old, now + GRACE * 9).is_ok());
    put_up(&mut board, 2, 1, now);
    assert!(board.find(&old, now + GRACE).is_ok());
    let late = now + GRACE + Duration::from_millis(1);
    assert_eq!(board.find(&old, late).err(), Some(RejectReason::Stale));
    put_up(&mut board, 2, 1, late);
    assert_eq!(board.find(&old, late).err(), Some(RejectReason::Stale), "a second job gives no more grace");
}

#[tokio::test]
async fn a_job_on_a_replaced_block_counts_five_seconds() {
    let (mut board, now) = (Board::default(), Instant::now());
    let old = put_up(&mut board, 1, 1, now);
    let new = put_up(&mut board, 1, 2, now);
    assert!(board.find(&old, now + TIP_GRACE).is_ok());
    let late = now + TIP_GRACE + Duration::from_millis(1);
    assert_eq!(board.find(&old, late).err(), Some(RejectReason::Stale));
    assert!(board.find(&new, late).is_ok());
}

#[tokio::test]
async fn a_refreshed_template_leaves_earlier_jobs_alone_and_a_reorganisation_revives_them() {
    let (mut board, now) = (Board::default(), Instant::now());
    let first = put_up(&mut board, 1, 1, now);
    put_up(&mut board, 1, 1, now);
    assert!(board.find(&first, now + GRACE).is_ok());
    put_up(&mut board, 1, 2, now);
    put_up(&mut board, 1, 1, now);
    assert!(board.find(&first, now + GRACE).is_ok());
}

#[tokio::test]
async fn a_closed_epoch_is_stale() {
    let (mut board, now) = (Board::default(), Instant::now());
    let id = put_up(&mut board, 1, 1, now);
    board.epochs.remove(&1);
    assert_eq!(board.find(&id, now).err(), Some(RejectReason::Stale));
}

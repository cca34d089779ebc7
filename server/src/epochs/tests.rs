use audit_core::epoch::epoch_path;
use audit_core::hash::Hash32;

use super::*;
use crate::engine::fixture::{CAPACITY, Fixture};
use crate::tlog::kind;

/// An hour: whoever waits for it in a test waits for something else.
const LONG: Duration = Duration::from_secs(3_600);

fn signals() -> (mpsc::Sender<PoolEvent>, Signals) {
    let (sender, events) = mpsc::channel(8);
    (sender, Signals::new(events, CancellationToken::new()))
}

async fn steps(epoch_loop: &mut EpochLoop, count: usize) {
    let (_events, mut signals) = signals();
    for _ in 0..count {
        epoch_loop.step(&mut signals).await.unwrap();
    }
}

/// The epochs of the log as `open 1`, `close 1`, …
fn order(fixture: &Fixture) -> Vec<String> {
    let told = |entry: &Entry| match entry {
        Entry::EpochOpen(open) => Some(format!("open {}", open.epoch)),
        Entry::EpochClose(close) => Some(format!("close {}", close.epoch)),
        _ => None,
    };
    fixture.log.entries().iter().filter_map(told).collect()
}

async fn row(fixture: &Fixture, epoch: u64) -> EpochRow {
    epochs::get(fixture.log.database.pool(), epoch).await.unwrap().unwrap()
}

#[tokio::test]
async fn epochs_overlap_by_the_grace_and_never_more() {
    let fixture = Fixture::new().await;
    steps(&mut fixture.epoch_loop(), 7).await;
    let expected = ["open 1", "open 2", "close 1", "open 3", "close 2", "open 4", "close 3"];
    assert_eq!(order(&fixture), expected);
    assert_eq!(fixture.pool.opened(), [1, 2, 3, 4]);
    fixture.check().await;
}

#[tokio::test]
async fn a_log_begins_with_manifest_and_terms() {
    let fixture = Fixture::new().await;
    steps(&mut fixture.epoch_loop(), 1).await;
    let kinds: Vec<&str> = fixture.log.entries().iter().map(kind).collect();
    assert_eq!(kinds, ["manifest", "terms", "epoch_open"]);
    fixture.check().await;
}

#[tokio::test]
async fn the_loop_goes_on_after_a_restart_behind_every_step() {
    let mut fixture = Fixture::new().await;
    for _ in 0..7 {
        steps(&mut fixture.epoch_loop(), 1).await;
        fixture = fixture.restart().await;
        fixture.check().await;
    }
    let expected = ["open 1", "open 2", "close 1", "open 3", "close 2", "open 4", "close 3"];
    assert_eq!(order(&fixture), expected);
}

#[tokio::test]
async fn an_epoch_whose_files_were_written_before_a_crash_is_sealed_with_the_same_bytes() {
    let fixture = Fixture::new().await;
    let mut epoch_loop = fixture.epoch_loop();
    steps(&mut epoch_loop, 2).await;
    let start = epoch_loop.anchor_of(&row(&fixture, 1).await).await.unwrap();
    let material = epoch_loop.mining.close_epoch(&start).await.unwrap();
    sealing::write_files(&fixture.log.store, &material).unwrap();
    let written = fixture.log.store.read(&epoch_path(1, "shares")).unwrap().unwrap();
    let fixture = fixture.restart().await;
    steps(&mut fixture.epoch_loop(), 1).await;
    assert_eq!(fixture.log.store.read(&epoch_path(1, "shares")).unwrap().unwrap(), written);
    assert_eq!(order(&fixture), ["open 1", "open 2", "close 1"]);
    fixture.check().await;
}

#[tokio::test]
async fn the_compressed_copy_holds_the_same_shares() {
    let fixture = Fixture::new().await;
    steps(&mut fixture.epoch_loop(), 3).await;
    let shares = fixture.log.store.read(&epoch_path(1, "shares")).unwrap().unwrap();
    let compressed = fixture.log.store.read(&epoch_path(1, "shares.zst")).unwrap().unwrap();
    assert_eq!(zstd::decode_all(&compressed[..]).unwrap(), shares);
}

#[tokio::test]
async fn closing_twice_logs_once() {
    let fixture = Fixture::new().await;
    let mut epoch_loop = fixture.epoch_loop();
    steps(&mut epoch_loop, 3).await;
    let size = fixture.log.checkpoint().size;
    epoch_loop.close(&row(&fixture, 1).await).await.unwrap();
    assert_eq!(fixture.log.checkpoint().size, size);
}

#[tokio::test]
async fn a_contract_takes_part_from_the_next_epoch_to_the_end_of_its_term() {
    let fixture = Fixture::new().await;
    let mut epoch_loop = fixture.epoch_loop();
    steps(&mut epoch_loop, 1).await;
    let long = fixture.sell(CAPACITY / 4, 3_600_000).await;
    let over = fixture.sell(CAPACITY / 4, 1).await;
    steps(&mut epoch_loop, 4).await;
    let units = |epoch: EpochRow, id: Hash32| {
        sealing::read_allocation(&fixture.log.store, &epoch).unwrap().units_of(&id).map(Units::get)
    };
    assert_eq!(units(row(&fixture, 1).await, long.contract_id), None);
    assert_eq!(units(row(&fixture, 3).await, long.contract_id), Some(CAPACITY / 4));
    assert_eq!(units(row(&fixture, 3).await, over.contract_id), None);
    assert_eq!(row(&fixture, 3).await.capacity.get(), CAPACITY);
    fixture.check().await;
}

#[tokio::test]
async fn the_parts_of_an_epoch_are_what_the_allocation_divides() {
    let fixture = Fixture::new().await;
    let contract = fixture.sell(CAPACITY / 3, 3_600_000).await;
    steps(&mut fixture.epoch_loop(), 3).await;
    let parts =
        epochs::contract_page(fixture.log.database.pool(), &contract.contract_id, u64::MAX, None, 10).await.unwrap();
    let [part] = &parts[..] else { panic!("one closed epoch") };
    let closed = row(&fixture, 1).await;
    let allocation = sealing::read_allocation(&fixture.log.store, &closed).unwrap();
    let index = allocation.entries().iter().position(|entry| entry.id == contract.contract_id).unwrap();
    assert_eq!(part.work, allocation.divide(closed.close.unwrap().work)[index]);
}

#[tokio::test]
async fn a_changed_manifest_is_in_force_before_anything_is_mined_under_it() {
    let fixture = Fixture::new().await;
    steps(&mut fixture.epoch_loop(), 2).await;
    steps(&mut fixture.epoch_loop(), 1).await;
    // Epoch 2 is open and was not mined by the new program, which says something else.
    fixture.promise("2").await;
    let mut updated = fixture.epoch_loop();
    steps(&mut updated, 1).await;
    assert_eq!(updated.mined, None);
    let kinds: Vec<&str> = fixture.log.entries().iter().map(kind).collect();
    assert_eq!(kinds[kinds.len() - 2..], ["manifest", "epoch_open"]);
    steps(&mut updated, 1).await;
    assert_eq!(updated.mined, Some(3));
    fixture.check().await;
}

#[tokio::test]
async fn starts_strictly_increase_even_when_the_clock_does_not() {
    let fixture = Fixture::new().await;
    steps(&mut fixture.epoch_loop(), 9).await;
    let mut starts: Vec<u64> =
        epochs::page(fixture.log.database.pool(), None, 10).await.unwrap().iter().map(|row| row.start_ms).collect();
    starts.reverse();
    assert!(starts.is_sorted_by(|a, b| a < b), "{starts:?}");
}

#[tokio::test]
async fn an_epoch_without_job_numbers_left_ends_early() {
    let fixture = Fixture::new().await;
    steps(&mut fixture.epoch_loop(), 1).await;
    let current = row(&fixture, 1).await;
    let (events, mut signals) = signals();
    events.send(PoolEvent::EpochFull { epoch: 1 }).await.unwrap();
    assert!(signals.epoch_over(&current, LONG).await.unwrap());
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_the_loop_for_good() {
    let fixture = Fixture::new().await;
    let mut epoch_loop = fixture.epoch_loop();
    steps(&mut epoch_loop, 1).await;
    epoch_loop.pace.epoch = LONG;
    let (sender, events) = mpsc::channel(1);
    sender.send(PoolEvent::JournalFailed { epoch: 1, error: "disk full".into() }).await.unwrap();
    let ended = epoch_loop.run(events, CancellationToken::new()).await.unwrap_err();
    assert!(ended.to_string().contains("disk full"), "{ended:#}");
}

#[tokio::test]
async fn nothing_is_opened_on_another_chain_than_the_manifests() {
    let fixture = Fixture::new().await;
    let mut epoch_loop = fixture.epoch_loop();
    epoch_loop.chain = "main";
    let refused = epoch_loop.open_next().await.unwrap_err();
    assert!(refused.to_string().contains("the node is on chain regtest"));
    assert!(order(&fixture).is_empty());
}

#[tokio::test]
async fn a_stop_ends_the_wait_and_opens_nothing() {
    let fixture = Fixture::new().await;
    let mut epoch_loop = fixture.epoch_loop();
    steps(&mut epoch_loop, 1).await;
    epoch_loop.pace.epoch = LONG;
    let (_events, events) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let running = tokio::spawn(epoch_loop.run(events, stop.clone()));
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(order(&fixture), ["open 1"]);
}

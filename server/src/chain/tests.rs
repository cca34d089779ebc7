use audit_core::chain::{HeaderChain, SideHeaders};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::fixture::Fixture;

/// A log with one open epoch, so that there is something to archive.
async fn archived() -> Fixture {
    let fixture = Fixture::new().await;
    let (_events, events) = mpsc::channel(1);
    let mut signals = crate::epochs::Signals::new(events, CancellationToken::new());
    fixture.epoch_loop().step(&mut signals).await.unwrap();
    fixture
}

/// The files are whole, follow the rules, and end with the node's tip.
async fn check(fixture: &Fixture) {
    let store = &fixture.log.store;
    let mut chain = HeaderChain::new(Network::Regtest, 0);
    for period in 0.. {
        let headers = store.read(&headers_path(period)).unwrap().unwrap_or_default();
        let coinbases = store.read(&coinbases_path(period)).unwrap().unwrap_or_default();
        let mut rows = &coinbases[..];
        for header in headers.as_chunks::<HEADER_LEN>().0 {
            chain.push(header).unwrap();
            let (row, length) = audit_core::chain::split_row(rows).unwrap().unwrap();
            let height = chain.next_height() - 1;
            assert_eq!(row.merkle_root(), chain.header(height).unwrap().merkle_root);
            rows = &rows[length..];
        }
        assert!(rows.is_empty());
        if headers.is_empty() {
            break;
        }
    }
    let tip = fixture.node.tip().await.unwrap();
    assert_eq!(chain.tip(), Some((tip.height, tip.hash)));
    assert_eq!(fixture.archive.tip().await, chain.tip());
}

#[tokio::test]
async fn nothing_is_archived_before_the_first_epoch() {
    let fixture = Fixture::new().await;
    fixture.archive.follow().await.unwrap();
    assert_eq!(fixture.archive.tip().await, None);
    assert!(!fixture.log.store.exists(&headers_path(0)));
}

#[tokio::test]
async fn the_archive_follows_the_node_over_periods_and_restarts() {
    let fixture = archived().await;
    check(&fixture).await;
    fixture.node.grow_to(2_014);
    fixture.archive.follow().await.unwrap();
    check(&fixture).await;
    fixture.node.grow_to(2_015);
    fixture.archive.follow().await.unwrap();
    check(&fixture).await;
    let fixture = fixture.restart().await;
    fixture.node.grow_to(4_100);
    fixture.archive.follow().await.unwrap();
    check(&fixture).await;
    let fixture = fixture.restart().await;
    fixture.archive.follow().await.unwrap();
    check(&fixture).await;
}

#[tokio::test]
async fn a_reorganisation_leaves_side_files_behind() {
    let fixture = archived().await;
    fixture.node.grow_to(30);
    fixture.archive.follow().await.unwrap();
    let left: Vec<BlockHash> = (25..=30).map(|height| fixture.node.hash_of(height)).collect();
    fixture.node.reorganise(25);
    fixture.archive.follow().await.unwrap();
    check(&fixture).await;
    for (index, hash) in left.iter().enumerate() {
        let file = fixture.log.store.read(&side_path(hash)).unwrap().unwrap();
        let headers = SideHeaders::split_file(&file).unwrap();
        assert_eq!(headers.len(), index + 1);
        assert_eq!(headers[index].hash(), *hash);
        assert_eq!(Some(headers[0].prevhash), fixture.archive.hash_at(24).await);
    }
}

#[tokio::test]
async fn a_reorganisation_over_a_periods_end_empties_the_later_period() {
    let fixture = archived().await;
    fixture.node.grow_to(2_020);
    fixture.archive.follow().await.unwrap();
    fixture.node.shorten(2_009);
    fixture.node.reorganise(2_005);
    fixture.archive.follow().await.unwrap();
    check(&fixture).await;
    assert_eq!(fixture.log.store.read(&headers_path(1)).unwrap().unwrap(), b"");
    fixture.node.grow_to(2_030);
    fixture.archive.follow().await.unwrap();
    check(&fixture).await;
    fixture.node.reorganise(2_016);
    fixture.archive.follow().await.unwrap();
    check(&fixture).await;
}

#[tokio::test]
async fn a_node_that_lags_behind_takes_nothing_away() {
    let fixture = archived().await;
    fixture.node.grow_to(30);
    fixture.archive.follow().await.unwrap();
    let tip = fixture.archive.tip().await;
    fixture.node.shorten(20);
    fixture.archive.follow().await.unwrap();
    assert_eq!(fixture.archive.tip().await, tip);
}

type Damage = fn(&mut Vec<u8>);

#[tokio::test]
async fn torn_and_damaged_files_are_asked_for_anew() {
    let fixture = archived().await;
    fixture.node.grow_to(2_100);
    fixture.archive.follow().await.unwrap();
    let damage = |period, change: Damage| {
        for path in [coinbases_path(period), headers_path(period)] {
            let mut bytes = fixture.log.store.read(&path).unwrap().unwrap();
            change(&mut bytes);
            fixture.log.store.replace(&path, &bytes).unwrap();
        }
    };
    let again = || {
        Archive::new(fixture.log.database.clone(), fixture.log.store.clone(), fixture.node.clone(), Network::Regtest)
    };
    let damages: [(u32, Damage); 4] = [
        (1, |bytes| bytes.truncate(bytes.len() - 7)),
        (1, |bytes| bytes[90] ^= 1),
        (0, |bytes| bytes[1_000] ^= 1),
        (0, Vec::clear),
    ];
    for (period, change) in damages {
        damage(period, change);
        again().follow().await.unwrap();
        check(&fixture).await;
    }
}

#[tokio::test]
async fn a_block_off_the_chain_is_covered_by_what_the_node_knows() {
    let fixture = archived().await;
    fixture.node.grow_to(30);
    let tip = ChainTip { height: 30, hash: fixture.node.hash_of(30) };
    // The archive never saw this tip.
    fixture.node.reorganise(28);
    fixture.archive.cover(&[tip]).await.unwrap();
    let file = fixture.log.store.read(&side_path(&tip.hash)).unwrap().unwrap();
    assert_eq!(SideHeaders::split_file(&file).unwrap().len(), 3);
    fixture.archive.cover(&[tip]).await.unwrap();
    check(&fixture).await;
}

#[tokio::test]
async fn an_epoch_waits_with_its_close_for_a_node_that_is_away() {
    let fixture = archived().await;
    let (_events, events) = mpsc::channel(1);
    let mut signals = crate::epochs::Signals::new(events, CancellationToken::new());
    let mut epoch_loop = fixture.epoch_loop();
    epoch_loop.step(&mut signals).await.unwrap();
    fixture.node.is_away(true);
    assert!(epoch_loop.step(&mut signals).await.unwrap_err().to_string().contains("archived from the node"));
    fixture.node.is_away(false);
    epoch_loop.step(&mut signals).await.unwrap();
    fixture.check().await;
}

#[tokio::test]
async fn a_block_that_the_node_does_not_know_is_waited_for_and_then_given_up() {
    let fixture = archived().await;
    fixture.node.grow_to(30);
    let tip = ChainTip { height: 30, hash: fixture.node.hash_of(30) };
    fixture.node.reorganise(28);
    fixture.node.forget_side_blocks();
    let refused = fixture.archive.cover(&[tip]).await.unwrap_err();
    assert!(refused.to_string().contains("does not know block"), "{refused:#}");
    let mut state = fixture.archive.state.lock().await;
    state.as_mut().unwrap().unknown(&tip.hash, Duration::ZERO).unwrap();
}

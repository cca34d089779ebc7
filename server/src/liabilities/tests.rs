use std::collections::BTreeMap;

use audit_core::entry::Entry;
use audit_core::hash::Hash32;
use audit_core::liabilities::LiabilitiesFile;

use super::*;
use crate::blocks::tests::seal_epochs;
use crate::engine::fixture::{CAPACITY, Fixture, REWARD_SATS};

const DAY: Duration = Duration::from_secs(86_400);

/// One epoch more is sealed, its first block matures, and it is settled.
async fn settle_epoch(fixture: &Fixture, epoch: u64) {
    // The one behind it opens meanwhile.
    fixture.pool.wins(&[epoch, epoch + 1]);
    seal_epochs(fixture, 1).await;
    fixture.node.grow_to(200 * epoch);
    fixture.blocks().round().await.unwrap();
}

fn logged(fixture: &Fixture) -> Vec<entry::Liabilities> {
    let entries = fixture.log.entries().into_iter();
    entries.filter_map(|entry| if let Entry::Liabilities(list) = entry { Some(list) } else { None }).collect()
}

fn file(fixture: &Fixture, number: u64) -> LiabilitiesFile {
    let bytes = fixture.log.store.read(&LiabilitiesFile::path(number)).unwrap().unwrap();
    LiabilitiesFile::from_bytes(&bytes).unwrap()
}

async fn owed(fixture: &Fixture, contract: &Hash32) -> u64 {
    settlements::credited(fixture.log.database.pool(), contract, u64::MAX).await.unwrap().get()
}

#[tokio::test]
async fn the_first_list_follows_the_first_settlement_and_the_next_a_day_later() {
    let fixture = Fixture::new().await;
    let daily = fixture.liabilities(DAY);
    daily.list_if_due().await.unwrap();
    assert_eq!(logged(&fixture), []);
    settle_epoch(&fixture, 1).await;
    for _ in 0..2 {
        daily.list_if_due().await.unwrap();
        assert_eq!(logged(&fixture).len(), 1);
    }
    fixture.liabilities(Duration::ZERO).list_if_due().await.unwrap();
    let lists = logged(&fixture);
    assert_eq!(lists.iter().map(|list| list.liabilities).collect::<Vec<_>>(), [1, 2]);
    assert!(lists[0].at_ms < lists[1].at_ms);
    fixture.check().await;
}

#[tokio::test]
async fn a_list_has_every_contracts_credits_and_every_matured_reward() {
    let fixture = Fixture::new().await;
    let mut contracts = BTreeMap::new();
    for part in [4, 8] {
        contracts.insert(fixture.sell(CAPACITY / part, 3_600_000).await.contract_id, part);
    }
    for epoch in [1, 2] {
        settle_epoch(&fixture, epoch).await;
    }
    fixture.liabilities(DAY).list_if_due().await.unwrap();
    let file = file(&fixture, 1);
    let listed: Vec<Hash32> = file.balances.iter().map(|row| row.id).collect();
    assert_eq!(listed, contracts.keys().copied().collect::<Vec<_>>(), "the operator owes nothing to himself");
    for row in &file.balances {
        assert_eq!(row.sats.get(), owed(&fixture, &row.id).await);
    }
    assert_eq!(file.coins.len(), 2);
    assert!(file.coins.iter().all(|coin| coin.sats.get() == REWARD_SATS && coin.height > 10));
    let [list] = logged(&fixture)[..] else { panic!("one list") };
    assert_eq!(list.settlement, 2);
    assert_eq!(list.balances, file.balances_root().unwrap());
    assert_eq!(list.coins, file.coins_root().unwrap());
    fixture.check().await;
}

#[tokio::test]
async fn a_file_that_no_entry_names_is_written_anew_after_a_crash() {
    let fixture = Fixture::new().await;
    let contract = fixture.sell(CAPACITY / 4, 3_600_000).await.contract_id;
    settle_epoch(&fixture, 1).await;
    let (_, unnamed) = fixture.liabilities(DAY).prepare().await.unwrap();
    fixture.liabilities(DAY).put_file(&unnamed).await.unwrap();
    let fixture = fixture.restart().await;
    settle_epoch(&fixture, 2).await;
    fixture.liabilities(DAY).list_if_due().await.unwrap();
    let file = file(&fixture, 1);
    assert_ne!(file, unnamed);
    assert_eq!(file.balances[0].sats.get(), owed(&fixture, &contract).await);
    fixture.check().await;
}

#[tokio::test]
async fn a_list_that_was_sequenced_is_not_repeated_after_a_crash() {
    let fixture = Fixture::new().await;
    settle_epoch(&fixture, 1).await;
    let liabilities = fixture.liabilities(DAY);
    let guard = fixture.log.sequencer.lock().await;
    let (entry, file) = liabilities.prepare().await.unwrap();
    liabilities.put_file(&file).await.unwrap();
    liabilities.log(&guard, entry).await.unwrap();
    drop((guard, liabilities));
    let fixture = fixture.restart().await;
    fixture.liabilities(DAY).list_if_due().await.unwrap();
    assert_eq!(logged(&fixture), [entry]);
    fixture.check().await;
}

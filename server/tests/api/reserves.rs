//! What is owed and what backs it.

use audit_core::hash::{BlockHash, Hash32};
use audit_core::liabilities::Coin;
use audit_core::settlement::Credit;
use audit_core::transaction::OutPoint;
use audit_core::work::Sats;
use serde_json::{Value, json};
use server::clock::now_ms;
use server::db::blocks::{self, BlockRow, BlockStatus};
use server::db::liabilities::{self, LiabilitiesRow};
use server::db::settlements::{self, CreditRow, SettlementRow};

use super::harness::{TestApp, on_each_database};

fn sats(amount: u64) -> Sats {
    Sats::new(amount).unwrap()
}

fn coin(block: u8, vout: u32) -> Coin {
    Coin { sats: sats(50), point: OutPoint { txid: BlockHash([block; 32]), vout }, height: block.into() }
}

/// A found block with two coins.
async fn find_block(app: &TestApp, block: u8, found_index: u64) {
    let hash = BlockHash([block; 32]);
    let (height, reward) = (block.into(), sats(100));
    let mut tx = app.database.begin().await.unwrap();
    let row = BlockRow { hash, epoch: 1, height, reward, status: BlockStatus::Found, found_index };
    blocks::insert(&mut tx, &row).await.unwrap();
    for vout in [0, 1] {
        liabilities::insert_coin(&mut tx, &hash, &coin(block, vout)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn decide(app: &TestApp, block: u8, status: BlockStatus, index: u64) {
    let mut tx = app.database.begin().await.unwrap();
    assert!(blocks::decide(&mut tx, &BlockHash([block; 32]), status, index).await.unwrap());
    tx.commit().await.unwrap();
}

/// A list that the engine finds young enough to make none of its own.
async fn list(app: &TestApp, number: u64, entry_index: u64) {
    let row = LiabilitiesRow {
        liabilities: number,
        entry_index,
        at_ms: now_ms(),
        settlement: 3,
        balance_count: 2,
        balances: sats(90),
        coin_count: 2,
        coins: sats(100),
    };
    let mut tx = app.database.begin().await.unwrap();
    liabilities::insert(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
}

async fn reserves(app: &TestApp) -> Value {
    app.get("/api/v1/reserves", "").await.expect(200)
}

#[tokio::test]
async fn reserves_are_the_newest_list_that_the_log_shows() {
    on_each_database(async |app| {
        assert_eq!(reserves(app).await, json!({"newest": null, "coins": []}));
        list(app, 1, 0).await;
        list(app, 2, 1_000_000).await;
        let newest = reserves(app).await["newest"].clone();
        assert_eq!((&newest["liabilities"], &newest["balance_sats"]), (&json!(1), &json!(90)));
        assert_eq!((&newest["coin_sats"], &newest["file"]), (&json!(100), &json!("/liabilities/1.json")));
    })
    .await;
}

#[tokio::test]
async fn coins_are_those_of_blocks_that_matured_before_the_list() {
    on_each_database(async |app| {
        for (block, found_index) in [(1, 900_001), (2, 900_002), (3, 900_003), (4, 900_004)] {
            find_block(app, block, found_index).await;
        }
        decide(app, 1, BlockStatus::Matured, 900_005).await;
        decide(app, 2, BlockStatus::Orphaned, 900_006).await;
        decide(app, 3, BlockStatus::Matured, 900_007).await;
        let pool = app.database.pool();
        let before = async |index| liabilities::matured_coins(pool, index, 10).await.unwrap();
        assert_eq!(before(900_005).await, []);
        assert_eq!(before(900_006).await, [coin(1, 0), coin(1, 1)]);
        assert_eq!(before(u64::MAX).await, [coin(3, 0), coin(3, 1), coin(1, 0), coin(1, 1)]);
        assert_eq!(liabilities::matured_coins(pool, u64::MAX, 1).await.unwrap(), [coin(3, 0)]);
        list(app, 1, 0).await;
        assert_eq!(reserves(app).await["coins"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn credits_are_summed_by_contract() {
    on_each_database(async |app| {
        list(app, 1, 1_000_000).await;
        let (one, two) = (Hash32([1; 32]), Hash32([2; 32]));
        for (settlement, credits) in [(1, &[(one, 5), (two, 7)][..]), (2, &[(one, 2)])] {
            let mut tx = app.database.begin().await.unwrap();
            settlements::insert(&mut tx, &settled(settlement)).await.unwrap();
            for (id, amount) in credits {
                let row = CreditRow { settlement, credit: sats(*amount) };
                settlements::insert_credit(&mut tx, id, &row).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
        let mut credited = liabilities::credited(app.database.pool()).await.unwrap();
        credited.sort_by_key(|credit| credit.id);
        assert_eq!(credited, [Credit { sats: sats(7), id: one }, Credit { sats: sats(7), id: two }]);
    })
    .await;
}

fn settled(settlement: u64) -> SettlementRow {
    SettlementRow {
        settlement,
        entry_index: 1_000_000 + settlement,
        first_epoch: settlement,
        last_epoch: settlement,
        reward: sats(10),
        solo: Sats::ZERO,
        maintenance: Sats::ZERO,
        fee: Sats::ZERO,
        carry_in: Sats::ZERO,
        carry_out: Sats::ZERO,
        settled_ms: 0,
    }
}

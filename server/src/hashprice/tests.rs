use audit_core::work::Units;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::*;
use crate::db::offers::Offer;
use crate::engine::fixture::Fixture;
use crate::epochs::Signals;

/// Opens epochs and closes those before.
async fn steps(fixture: &Fixture, count: usize) {
    let (_events, events) = mpsc::channel(1);
    let mut signals = Signals::new(events, CancellationToken::new());
    let mut epoch_loop = fixture.epoch_loop();
    for _ in 0..count {
        epoch_loop.step(&mut signals).await.unwrap();
    }
}

async fn sell_by_hashprice(fixture: &Fixture) {
    let units = Units::new(1).unwrap();
    let offer = Offer {
        id: Uuid::new_v4(),
        name: "indexed".into(),
        pricing: Pricing::Hashprice { ppm: 1_000_000 },
        min_units: units,
        max_units: units,
        step_units: units,
        term_ms: 1_000,
        capacity: units,
        terms_index: 1,
        created_ms: 0,
    };
    let mut tx = fixture.log.database.begin().await.unwrap();
    assert!(offers::create(&mut tx, &offer).await.unwrap());
    tx.commit().await.unwrap();
}

fn logged(fixture: &Fixture) -> Vec<Hashprice> {
    let entries = fixture.log.entries();
    let inputs = entries.iter().filter_map(|entry| match entry {
        Entry::ExternalInput(input) if input.name == HASHPRICE_INPUT => Hashprice::of(input),
        _ => None,
    });
    inputs.collect()
}

#[tokio::test]
async fn it_is_logged_from_the_chain_while_something_is_sold_by_it_and_no_oftener_than_every_36_blocks() {
    let fixture = Fixture::new().await;
    steps(&fixture, 3).await;
    assert_eq!(logged(&fixture), [], "nothing is sold by it");
    sell_by_hashprice(&fixture).await;
    steps(&fixture, 2).await;
    let first = logged(&fixture)[0];
    assert_eq!(first.hash, fixture.node.hash_of(first.height));

    fixture.node.grow_to(u64::from(first.height + BELOW_TIP + EVERY - 1));
    steps(&fixture, 2).await;
    assert_eq!(logged(&fixture).len(), 1);
    fixture.node.grow_to(u64::from(first.height + BELOW_TIP + EVERY));
    steps(&fixture, 4).await;
    let heights: Vec<u32> = logged(&fixture).iter().map(|price| price.height).collect();
    assert_eq!(heights, [first.height, first.height + EVERY]);
    fixture.check().await;
}

/// The verifier computes the same on top of the block that is named: at 149 with half the subsidy of that block itself.
#[tokio::test]
async fn it_is_that_of_a_block_on_top_of_the_tenth_below_the_tip() {
    for (tip, named) in [(158, 148), (159, 149), (160, 150)] {
        let fixture = Fixture::new().await;
        fixture.node.grow_to(tip);
        sell_by_hashprice(&fixture).await;
        steps(&fixture, 1).await;
        let heights: Vec<u32> = logged(&fixture).iter().map(|price| price.height).collect();
        assert_eq!(heights, [named]);
        fixture.check().await;
    }
}

#[tokio::test]
async fn nothing_is_sold_at_one_that_is_missing_or_a_day_of_blocks_old() {
    let fixture = Fixture::new().await;
    let mut connection = fixture.log.database.pool().acquire().await.unwrap();
    assert_eq!(usable(&mut connection).await.unwrap(), None);
    sell_by_hashprice(&fixture).await;
    steps(&fixture, 1).await;
    let logged = usable(&mut connection).await.unwrap().unwrap();
    assert_eq!(at(&mut connection, logged.index).await.unwrap(), Some(logged));
    assert_eq!(at(&mut connection, logged.index + 1).await.unwrap(), None, "an epoch_open");

    for (height, is_usable) in [(logged.price.height + USABLE, true), (logged.price.height + USABLE + 1, false)] {
        fixture.log.database.execute(&format!("UPDATE epochs SET price_height = {height}")).await;
        assert_eq!(usable(&mut connection).await.unwrap().is_some(), is_usable);
    }
}

//! On the fake chain every block pays 50 bitcoin; from height 150 on half of that is fees.

use audit_core::entry::{Scheme, Terms};

use super::*;
use crate::blocks::tests::seal_epochs;
use crate::db::epochs;
use crate::engine::fixture::{CAPACITY, Fixture};

/// An epoch that opens on this tip, where something is paid by what blocks pay in fees.
async fn opened_on(tip: u64) -> Fixture {
    let fixture = Fixture::new().await;
    fixture.node.grow_to(tip);
    let terms = Terms { scheme: Scheme::Fpps, ..Fixture::promises("1").terms() };
    fixture.sell_under(terms, CAPACITY / 4, 3_600_000).await;
    seal_epochs(&fixture, 1).await;
    fixture
}

fn logged(fixture: &Fixture) -> Vec<FeesPpm> {
    let entries = fixture.log.entries();
    let inputs = entries.iter().filter_map(|entry| match entry {
        Entry::ExternalInput(input) if input.name == FEES_INPUT => FeesPpm::of(input),
        _ => None,
    });
    inputs.collect()
}

/// The fee rate of 144 blocks of which so many pay fees.
fn rate(with_fees: u32) -> u32 {
    let (fees, subsidies) = (25 * u64::from(with_fees), 50 * 144 - 25 * u64::from(with_fees));
    u32::try_from(1_000_000 * fees / subsidies).unwrap()
}

/// The verifier counts the same blocks, or its check fails.
#[tokio::test]
async fn fees_are_those_of_the_144_blocks_that_end_ten_below_the_tip() {
    for (tip, with_fees) in [(159, 0), (160, 1), (302, 143), (303, 144), (304, 144)] {
        let fixture = opened_on(tip).await;
        let height = u32::try_from(tip).unwrap() - 10;
        let expected = FeesPpm { ppm: rate(with_fees), height, hash: fixture.node.hash_of(height) };
        assert_eq!(logged(&fixture), [expected], "tip {tip}");
        fixture.check().await;
    }
}

#[tokio::test]
async fn fees_are_logged_again_when_the_last_ones_are_144_blocks_old() {
    let fixture = opened_on(160).await;
    for (tip, heights) in [(303, &[150][..]), (304, &[150, 294]), (305, &[150, 294])] {
        fixture.node.grow_to(tip);
        seal_epochs(&fixture, 1).await;
        fixture.blocks().round().await.unwrap();
        let logged = logged(&fixture);
        assert_eq!(logged.iter().map(|fees| fees.height).collect::<Vec<_>>(), heights, "tip {tip}");
        let pool = fixture.log.database.pool();
        let newest = epochs::page(pool, None, 1).await.unwrap().remove(0);
        let price = epochs::price(pool, newest.epoch).await.unwrap().unwrap();
        assert_eq!(price.fees_ppm, u64::from(logged.last().unwrap().ppm), "tip {tip}");
    }
    fixture.check().await;
}

//! The whole of money on a real Bitcoin Core: twenty contracts under every scheme are bought, paid on chain, mined for,
//! credited and paid out, through reorganisations and kills. In the end chain, log, ledger, statements and two verifiers must
//! say the same to the satoshi.

mod books;
mod market;
mod orders;
mod paying;
mod products;
mod proof;
mod workers;

use anyhow::{Context, ensure};
use serde_json::json;
use tests::{database, figure};

use market::Market;

/// Kills of the server at random moments, by what happens meanwhile.
const KILLS_WHILE_MINING: u64 = 2;
const KILLS_WHILE_PAYING: u64 = 5;
/// Reorganisations: of payments and found blocks, and of a payout.
const SHALLOW: u64 = 3;
const DEEP: u64 = 6;

/// Plays everything; a failure comes with what the server said last.
async fn play(database: Option<&str>, name: &str) -> anyhow::Result<()> {
    let mut market = Market::open(database).await?;
    let played = play_in(&mut market, name).await;
    played.with_context(|| market.server.log_end())
}

async fn play_in(market: &mut Market, name: &str) -> anyhow::Result<()> {
    market.sell_one_that_runs_out().await?;
    market.sell_the_others().await?;
    market.take_payments().await?;
    market.reorganise_payments(SHALLOW).await?;
    market.kill().await?;
    market.wait_until_all_run().await?;

    market.work(300, 20).await?;
    for _ in 0..KILLS_WHILE_MINING {
        market.kill_while_mining(20).await?;
    }
    market.grow(101).await?;
    market.reorganise_a_payout(DEEP).await?;
    for _ in 0..KILLS_WHILE_PAYING {
        market.wait_for_epochs(1).await?;
        market.kill_while_mining(6).await?;
        market.grow(50).await?;
    }
    market.settle().await?;

    let paid = market.check_the_chain().await?;
    market.check_the_books(&paid).await?;
    let proven = market.verify().await?;
    let (kills, reorgs) = (market.kills, market.reorgs);
    figure::print(
        name,
        json!({
            "contracts": market.customers.len(),
            "schemes": products::SCHEMES.len(),
            "kills": kills,
            "reorgs": reorgs,
            "payments_sats": paid.payments_sats,
            "payouts": paid.payouts,
            "paid_out_sats": paid.paid_out_sats,
            "owed_sats": paid.owed_sats,
            "blocks_found": proven.found,
            "blocks_orphaned": proven.orphaned,
            "block_fees_ppm": proven.fees_ppm,
            "receipts_verified": proven.receipts,
        }),
    );
    ensure!((market.customers.len(), kills, reorgs) == (20, 10, 2), "not the run that it should be");
    market.server.stop().await
}

#[tokio::test]
async fn twenty_contracts_of_every_scheme_are_paid_and_paid_out_on_sqlite() -> anyhow::Result<()> {
    play(None, "money_sqlite").await
}

#[tokio::test]
async fn twenty_contracts_of_every_scheme_are_paid_and_paid_out_on_postgresql() -> anyhow::Result<()> {
    let url = database::fresh().await?;
    play(Some(&url), "money_postgresql").await
}

use std::cell::{Cell, RefCell};

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::json;

use crate::{client::Client, client::Share, test_pool::TestPool};

/// Different headers in a case.
const HEADERS: usize = 4;
const CASES: u32 = 24;

/// Submits as one of two workers, in lower or upper case: the header is the same. Whether it was accepted.
async fn submit(miner: &mut Client, share: &Share, second: bool, upper: bool) -> bool {
    let worker = if second { "lot.rig2" } else { "lot.rig" };
    let spelled = |text: &str| if upper { text.to_uppercase() } else { text.to_owned() };
    let params = json!([worker, share.job, spelled(&share.extranonce2), share.ntime, spelled(&share.nonce)]);
    let answer = miner.call("mining.submit", params).await;
    if answer["error"].is_null() {
        return true;
    }
    assert_eq!(answer["error"][0], 22, "{answer}");
    false
}

#[test]
fn whoever_submits_it_in_whatever_order_and_spelling_a_header_counts_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let pool = runtime.block_on(TestPool::start());
    let (miner, job) = runtime.block_on(async {
        let mut miner = pool.miner().await;
        assert_eq!(miner.call("mining.authorize", json!(["lot.rig2", "x"])).await["result"], true);
        let job = miner.job().await;
        (RefCell::new(miner), job)
    });
    let (mined, accepted) = (Cell::new(0), Cell::new(0));
    let submissions = vec((0..HEADERS, any::<bool>(), any::<bool>()), 1..24);
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let result = runner.run(&submissions, |submissions| {
        let mut miner = miner.borrow_mut();
        let first = mined.replace(mined.get() + HEADERS as u64);
        let shares: Vec<Share> =
            (first..).take(HEADERS).map(|extranonce2| miner.mine(&job, extranonce2, None)).collect();
        let mut seen = [false; HEADERS];
        for (header, second, upper) in submissions {
            let is_new = !std::mem::replace(&mut seen[header], true);
            prop_assert_eq!(runtime.block_on(submit(&mut miner, &shares[header], second, upper)), is_new);
            accepted.set(accepted.get() + usize::from(is_new));
        }
        Ok(())
    });
    result.unwrap();
    let material = runtime.block_on(pool.pool.close_epoch(1)).unwrap();
    assert_eq!(material.shares.len(), accepted.get());
    drop(miner);
    runtime.block_on(pool.stop());
}

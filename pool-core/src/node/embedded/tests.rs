mod transactions;

use super::*;
use crate::fixtures;

/// Regtest's target: every second hash is a block.
pub(super) fn easy() -> EmbeddedConfig {
    EmbeddedConfig { nbits: Nbits::new(0x207f_ffff), endowment: None }
}

async fn mine(chain: &EmbeddedChain) -> Vec<u8> {
    let block = fixtures::mine(chain.template(None).await.unwrap());
    assert_eq!(chain.submit_block(&block).await.unwrap(), Submitted::Accepted);
    block
}

fn height(chain: &EmbeddedChain) -> u32 {
    lock(&chain.chain).tip().height
}

#[tokio::test]
async fn blocks_extend_the_chain_and_survive_a_restart_and_a_tear() {
    let folder = tempfile::tempdir().unwrap();
    let chain = EmbeddedChain::open(folder.path(), easy()).unwrap();
    for _ in 0..3 {
        mine(&chain).await;
    }
    let tip = chain.tip().await.unwrap();
    assert_eq!((tip.height, chain.block_hash_at(3).await.unwrap()), (3, Some(tip.hash)));
    assert_eq!(chain.block_hash_at(4).await.unwrap(), None);
    drop(chain);
    assert_eq!(EmbeddedChain::open(folder.path(), easy()).unwrap().tip().await.unwrap(), tip);
    let path = folder.path().join("blocks");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let chain = EmbeddedChain::open(folder.path(), easy()).unwrap();
    assert_eq!(height(&chain), 2);
    mine(&chain).await;
    assert_eq!(height(&chain), 3);
}

#[tokio::test]
async fn a_folder_belongs_to_one_target() {
    let folder = tempfile::tempdir().unwrap();
    EmbeddedChain::open(folder.path(), easy()).unwrap();
    let other = EmbeddedConfig { nbits: Nbits::new(0x1e03_77ae), endowment: None };
    assert!(EmbeddedChain::open(folder.path(), other).is_err());
    assert!(EmbeddedChain::open(folder.path(), EmbeddedConfig { nbits: Nbits::new(0), endowment: None }).is_err());
}

#[tokio::test]
async fn long_poll_returns_with_the_next_block() {
    let folder = tempfile::tempdir().unwrap();
    let chain = EmbeddedChain::open(folder.path(), easy()).unwrap();
    let first = chain.template(None).await.unwrap();
    let (next, _) = tokio::join!(chain.template(Some(&first.longpoll_id)), mine(&chain));
    assert_eq!(next.unwrap().height, first.height + 1);
}

#[tokio::test]
async fn the_same_block_again_is_accepted_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let chain = EmbeddedChain::open(folder.path(), easy()).unwrap();
    let block = mine(&chain).await;
    assert_eq!(chain.submit_block(&block).await.unwrap(), Submitted::Accepted);
    assert_eq!(height(&chain), 1);
}

#[tokio::test]
async fn blocks_that_break_a_rule_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let chain = EmbeddedChain::open(folder.path(), easy()).unwrap();
    mine(&chain).await;
    let good = chain.template(None).await.unwrap();
    let refused = async |block: Vec<u8>| match chain.submit_block(&block).await.unwrap() {
        Submitted::Rejected(reason) | Submitted::NotYet(reason) => reason,
        Submitted::Accepted => "accepted".into(),
    };
    let broken = |change: fn(&mut BlockTemplate)| {
        let mut template = good.clone();
        change(&mut template);
        fixtures::mine(template)
    };
    assert_eq!(refused(broken(|template| template.prevhash = BlockHash([1; 32]))).await, "prev-blk-not-found");
    let genesis = chain.block_hash_at(0).await.unwrap().unwrap();
    let mut beside_the_tip = good.clone();
    beside_the_tip.prevhash = genesis;
    assert_eq!(refused(fixtures::mine(beside_the_tip)).await, "bad-prevblk");
    assert_eq!(refused(broken(|template| template.height += 1)).await, "bad-cb-height");
    assert_eq!(refused(broken(|template| template.nbits = Nbits::new(0x207f_fffe))).await, "bad-diffbits");
    assert_eq!(refused(broken(|template| template.curtime = u32::MAX - 1)).await, "time-too-new");
    assert_eq!(refused(broken(|template| (template.curtime, template.mintime) = (1, 1))).await, "time-too-old");
    assert_eq!(
        refused(broken(|template| template.witness_commitment = Some([0; 32]))).await,
        "bad-witness-merkle-match"
    );
    let greedy = |template: &mut BlockTemplate| {
        template.coinbase_value = Sats::new(template.coinbase_value.get() + 1).unwrap();
    };
    assert_eq!(refused(broken(greedy)).await, "bad-cb-amount");
    assert_eq!(refused(vec![0; 79]).await, "bad-blk-length");
    let mut cut = broken(|_| {});
    cut.pop();
    assert_eq!(refused(cut).await, "bad-blk-decode");
    let mut other_coinbase = broken(|_| {});
    let end = other_coinbase.len() - 60;
    other_coinbase[end] ^= 1;
    assert_eq!(refused(other_coinbase).await, "bad-txnmrklroot");
    assert_eq!(height(&chain), 1);
}

#[tokio::test]
async fn blocks_are_told_by_hash_with_their_coinbase() {
    let folder = tempfile::tempdir().unwrap();
    let chain = EmbeddedChain::open(folder.path(), easy()).unwrap();
    let mined = ChainBlock::of_bytes(&mine(&chain).await).unwrap();
    drop(chain);
    let chain = EmbeddedChain::open(folder.path(), easy()).unwrap();
    let hash = mined.header.hash();
    assert_eq!(chain.header(&hash).await.unwrap(), Some(mined.header));
    assert_eq!(chain.block(&hash).await.unwrap(), Some(mined));
    assert_eq!(chain.block(&BlockHash([1; 32])).await.unwrap(), None);
}

#[test]
fn the_genesis_block_is_bitcoin_cores_on_regtest() {
    let genesis = genesis(&genesis_block(easy().nbits));
    let hash = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206".parse().unwrap();
    assert_eq!(genesis.header.hash(), hash);
    assert_eq!(sha256d(&genesis.coinbase), genesis.header.merkle_root);
}

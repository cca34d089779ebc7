//! What the chain shows: a block that is hidden on it, a job that is not for it, an epoch at another time than its blocks,
//! and a chain that is none.

use audit_core::{
    audit::{AuditReport, AuditRequest, CheckId},
    bundle::Files,
    chain::{coinbases_path, headers_path},
    coinbase::CoinbasePlan,
    entry::{ChainTip, Entry, EpochOpen},
    hash::{BlockHash, Hash32},
    header::Header,
    job::Job,
    policy::Policy,
    work::{Level, Nbits, Sats},
};
use tests::operator::{AnchorOf, Chain, Cheats, Script, Story, grind};

use crate::cheats::{check, failed, request, run};

fn detail(report: &AuditReport, id: CheckId) -> &str {
    &report.checks.iter().find(|check| check.id == id).expect("every check is reported").detail
}

/// Changes one of the chain's first two files.
#[track_caller]
fn changed(path: &str, change: &dyn Fn(&mut Vec<u8>)) {
    let files = |files: &mut Files| change(files.get_mut(path).expect("the chain has this file"));
    check(&Cheats { files: &files, ..Cheats::default() }, CheckId::ChainLinked);
}

#[track_caller]
fn headers(change: &dyn Fn(&mut Vec<u8>)) {
    changed(&headers_path(0), change);
}

#[track_caller]
fn coinbases(change: &dyn Fn(&mut Vec<u8>)) {
    changed(&coinbases_path(0), change);
}

/// Replaces the chain's last header by a changed one, with proof of work.
fn last_header(bytes: &mut [u8], change: &dyn Fn(&mut Header)) {
    let last = bytes.last_chunk_mut::<80>().expect("a chain has headers");
    let mut header = Header::from_bytes(last);
    change(&mut header);
    *last = grind(header).to_bytes();
}

/// Asks with this policy.
#[track_caller]
fn with_policy(story: &Story, chain_start: Option<ChainTip>) -> AuditReport {
    let policy: Policy = story.policy.clone().with_chain_start(chain_start);
    run(&story.files, &AuditRequest { policy, ..request(story) })
}

fn tip_of(story: &Story) -> ChainTip {
    let headers = story.files[&headers_path(0)].as_chunks::<80>().0;
    let height = u32::try_from(headers.len()).expect("a short chain") - 1;
    ChainTip { height, hash: BlockHash::of(headers.last().expect("a chain has headers")) }
}

#[test]
fn an_honest_log_stands_on_a_chain_with_a_side_file() {
    let story = Script::tell(&Cheats::default());
    assert_eq!(story.files.keys().filter(|path| path.starts_with("chain/side/")).count(), 1);
    let report = run(&story.files, &request(&story));
    assert!(report.held, "{:#?}", report.checks);
    let ChainTip { height, hash } = tip_of(&story);
    let believed = "from height 0, where the first header is believed because the evidence gives it";
    assert_eq!(detail(&report, CheckId::ChainLinked), format!("{believed} to height {height}, {hash}"));
}

#[test]
fn a_policy_pins_the_chain_by_a_header() {
    let story = Script::tell(&Cheats::default());
    let ChainTip { height, hash } = tip_of(&story);
    let report = with_policy(&story, Some(ChainTip { height, hash }));
    assert!(report.held);
    assert!(detail(&report, CheckId::ChainLinked).starts_with("linked to the policy's header at height"));
    for other in [
        ChainTip { height, hash: BlockHash([1; 32]) },
        ChainTip { height: height - 1, hash },
        ChainTip { height: height + 1, hash },
        ChainTip { height: 5_000, hash },
    ] {
        assert_eq!(failed(&with_policy(&story, Some(other))), [CheckId::ChainLinked]);
    }
}

#[test]
fn no_chain_at_all_fails_chain_linked() {
    let none = |files: &mut Files| files.retain(|path, _| !path.starts_with("chain/"));
    check(&Cheats { files: &none, ..Cheats::default() }, CheckId::ChainLinked);
    let no_coinbases = |files: &mut Files| drop(files.remove(&coinbases_path(0)));
    check(&Cheats { files: &no_coinbases, ..Cheats::default() }, CheckId::ChainLinked);
}

#[test]
fn headers_that_are_no_chain_fail_chain_linked() {
    headers(&|bytes| last_header(bytes, &|header| header.prevhash = BlockHash([1; 32])));
    headers(&|bytes| last_header(bytes, &|header| header.nbits = Nbits::new(0x207f_ffff)));
    headers(&|bytes| last_header(bytes, &|header| header.ntime -= 10_000));
    headers(&|bytes| last_header(bytes, &|header| header.merkle_root = [1; 32]));
    headers(&|bytes| bytes[80 * 20 + 40] ^= 1);
    headers(&|bytes| bytes.truncate(bytes.len() - 80));
    headers(&|bytes| bytes.truncate(bytes.len() - 1));
    headers(&|bytes| bytes.clear());
    headers(&|bytes| bytes.extend_from_within(bytes.len() - 80..));
    // a nonce without proof of work: one hash in sixteen has it
    let lazy = |bytes: &mut Vec<u8>| {
        let at = bytes.len() - 80;
        let mut header = Header::from_bytes(bytes[at..].try_into().unwrap());
        while header.nbits.target().unwrap().is_met_by(&header.hash()) {
            header.nonce += 1;
        }
        bytes[at..].copy_from_slice(&header.to_bytes());
    };
    headers(&lazy);
}

#[test]
fn coinbases_that_are_not_the_blocks_fail_chain_linked() {
    coinbases(&|bytes| bytes[60] ^= 1);
    coinbases(&|bytes| *bytes.last_mut().unwrap() = 1);
    coinbases(&|bytes| bytes.truncate(bytes.len() - 1));
    coinbases(&|bytes| bytes.push(0));
    coinbases(&|bytes| bytes.clear());
    coinbases(&|bytes| bytes.extend_from_within(bytes.len() - 71..));
    coinbases(&|bytes| bytes[0] = 0xff);
}

#[test]
fn a_later_period_behind_an_unfinished_one_is_not_part_of_the_chain() {
    let stray = |files: &mut Files| drop(files.insert(headers_path(1), vec![0; 80]));
    let story = Script::tell(&Cheats { files: &stray, ..Cheats::default() });
    assert!(run(&story.files, &request(&story)).held);
}

#[test]
fn a_side_file_that_is_none_fails_chain_linked_and_a_missing_one_job_anchored() {
    let side = |change: &dyn Fn(&mut Vec<u8>), expected| {
        let files = |files: &mut Files| {
            let file = files.iter_mut().find(|(path, _)| path.starts_with("chain/side/")).unwrap().1;
            change(file);
        };
        let story = Script::tell(&Cheats { files: &files, ..Cheats::default() });
        assert_eq!(failed(&run(&story.files, &request(&story))), expected);
    };
    side(&|bytes| bytes[40] ^= 1, [CheckId::ChainLinked]);
    side(&|bytes| bytes.truncate(bytes.len() - 1), [CheckId::ChainLinked]);
    side(&Vec::clear, [CheckId::ChainLinked]);
    let missing = |files: &mut Files| files.retain(|path, _| !path.starts_with("chain/side/"));
    check(&Cheats { files: &missing, ..Cheats::default() }, CheckId::JobAnchored);
}

/// Bends the job of epoch 1 that does not win its block.
#[track_caller]
fn bent(coinbase: &dyn Fn(&mut CoinbasePlan<'_>), job: &dyn Fn(&mut Job)) {
    let coinbase = |epoch, plan: &mut CoinbasePlan<'_>| {
        if (epoch, plan.job) == (1, 1) {
            coinbase(plan);
        }
    };
    let job = |epoch, bent: &mut Job| {
        if (epoch, bent.job) == (1, 1) {
            job(bent);
        }
    };
    check(&Cheats { coinbase: &coinbase, job: &job, ..Cheats::default() }, CheckId::JobAnchored);
}

#[test]
fn a_job_on_no_block_of_the_chain_fails_job_anchored() {
    bent(&|_| {}, &|job| job.prevhash = BlockHash([9; 32]));
}

#[test]
fn a_job_at_another_height_fails_job_anchored() {
    bent(&|plan| plan.height += 1, &|job| job.height += 1);
    bent(&|plan| plan.height = 0, &|job| job.height = 0);
}

#[test]
fn a_job_with_another_network_target_fails_job_anchored() {
    bent(&|_| {}, &|job| job.nbits = Nbits::new(0x2008_0000));
    bent(&|_| {}, &|job| job.nbits = Nbits::new(0x207f_ffff));
}

#[test]
fn an_epoch_that_opens_with_an_invented_tip_fails_job_anchored() {
    let elsewhere = |open: &mut EpochOpen| open.chain.hash = BlockHash([9; 32]);
    check(&Cheats { open: &elsewhere, ..Cheats::default() }, CheckId::JobAnchored);
    let higher = |open: &mut EpochOpen| open.chain.height += u32::from(open.epoch == 3);
    check(&Cheats { open: &higher, ..Cheats::default() }, CheckId::JobAnchored);
}

#[test]
fn a_back_dated_epoch_fails_log_time() {
    // the block it is built on was found more than two hours after it is said to have ended
    let later = |height, time| if height == 12 { time + 20_000 + 7_200 } else { time };
    check(&Cheats { times: &later, ..Cheats::default() }, CheckId::LogTime);
}

#[test]
fn work_timed_after_the_chains_next_block_fails_log_time() {
    let earlier = |height, time| if height > 12 { time - 7_400 } else { time };
    check(&Cheats { times: &earlier, ..Cheats::default() }, CheckId::LogTime);
}

#[test]
fn a_block_whose_share_was_left_out_fails_block_all() {
    let secret = Cheats { secret: true, ..Cheats::default() };
    check(&secret, CheckId::BlockAll);
    let story = Script::tell(&secret);
    let report = run(&story.files, &request(&story));
    let check = report.checks.iter().find(|check| check.id == CheckId::BlockAll).unwrap();
    assert_eq!((check.failure_count, &*check.place.as_ref().unwrap().file), (1, "chain/0/coinbases"));
}

#[test]
fn a_block_that_pays_the_pool_without_a_job_fails_block_all() {
    let pays = |chain: &mut Chain<'_>, _: AnchorOf<'_>| chain.mine(&[(1, vec![0x51]), (7, vec![0x53])]);
    check(&Cheats { chain: &pays, ..Cheats::default() }, CheckId::BlockAll);
}

#[test]
fn a_block_with_an_anchor_of_any_level_fails_block_all() {
    for level in [Level::MIN, Level::new(0).unwrap(), Level::MAX] {
        let anchored = |chain: &mut Chain<'_>, anchor: AnchorOf<'_>| chain.mine_anchor(&anchor(level));
        check(&Cheats { chain: &anchored, ..Cheats::default() }, CheckId::BlockAll);
    }
}

#[test]
fn blocks_that_are_not_the_pools_or_not_yet_settled_are_nobodys_lie() {
    let other_log = |chain: &mut Chain<'_>, _: AnchorOf<'_>| chain.mine_anchor(&Hash32([9; 32]));
    let unpaid = |chain: &mut Chain<'_>, _: AnchorOf<'_>| chain.mine(&[(0, vec![0x51]), (1, vec![0x53])]);
    for chain in [&other_log as &dyn Fn(&mut Chain<'_>, AnchorOf<'_>), &unpaid] {
        let story = Script::tell(&Cheats { chain, ..Cheats::default() });
        assert!(run(&story.files, &request(&story)).held);
    }
}

#[test]
fn a_fate_that_the_chain_denies_fails_block_all() {
    let swap = |matured: &mut Vec<BlockHash>, orphaned: &mut Vec<BlockHash>| {
        std::mem::swap(&mut matured[0], &mut orphaned[0]);
    };
    check(&Cheats { fates: &swap, ..Cheats::default() }, CheckId::BlockAll);
}

#[test]
fn a_fate_that_is_kept_back_fails_block_all() {
    let keep_back = |entries: &mut Vec<Entry>| {
        let fate = |entry: &Entry| matches!(entry, Entry::BlockMatured(_) | Entry::BlockOrphaned(_));
        let money = |entry: &Entry| matches!(entry, Entry::Settlement(_) | Entry::Payout(_) | Entry::Liabilities(_));
        entries.retain(|entry| !fate(entry) && !money(entry));
    };
    check(&Cheats { entries: &keep_back, epochs_after: 4, ..Cheats::default() }, CheckId::BlockAll);
    let story = Script::tell(&Cheats { entries: &keep_back, ..Cheats::default() });
    assert!(run(&story.files, &request(&story)).held, "it may take two epochs");
}

#[test]
fn a_block_that_is_said_to_mature_too_early_fails_block_all() {
    // both files end twenty blocks earlier
    let short = |files: &mut Files| {
        let headers = files.get_mut(&headers_path(0)).unwrap();
        let count = headers.len() / 80 - 20;
        headers.truncate(count * 80);
        let coinbases = files.get_mut(&coinbases_path(0)).unwrap();
        let mut length = 0;
        for _ in 0..count {
            length += audit_core::chain::split_row(&coinbases[length..]).unwrap().unwrap().1;
        }
        coinbases.truncate(length);
    };
    let story = Script::tell(&Cheats { files: &short, ..Cheats::default() });
    let report = run(&story.files, &request(&story));
    // the tip of the last epoch is gone too
    assert_eq!(failed(&report), [CheckId::JobAnchored, CheckId::BlockAll]);
}

#[test]
fn a_reward_that_is_not_the_chains_fails_block_all() {
    let less = |entries: &mut Vec<Entry>| {
        for entry in entries {
            if let Entry::BlockFound(block) = entry {
                block.reward_sats = Sats::new(4_999_999_999).unwrap();
            }
        }
    };
    let story = Script::tell(&Cheats { entries: &less, ..Cheats::default() });
    let report = run(&story.files, &request(&story));
    assert!(failed(&report).contains(&CheckId::BlockAll));
}

//! What the pool has seen since it started.

use std::fmt::Write as _;
use std::time::Duration;

use pool_core::node::NodeStatus;
use pool_core::{PoolStats, RejectReason};

use super::{header, metric};

/// Shares, blocks, nodes, templates and journals.
pub fn pool(text: &mut String, stats: &PoolStats) {
    metric(text, "provenhash_pool_shares_accepted_total", "counter", "Shares acknowledged", stats.accepted);
    let help = "Expected hashes of the shares acknowledged";
    metric(text, "provenhash_pool_work_hashes_total", "counter", help, stats.work);
    rejects(text, stats);
    blocks(text, stats);
    nodes(text, &stats.nodes);
    if let Some(age) = stats.template_age {
        let help = "Time since a node gave a template";
        metric(text, "provenhash_pool_template_age_seconds", "gauge", help, age.as_secs_f64());
    }
    let help = "From a template on a new best block to a job on it for rigs";
    summary(text, "provenhash_pool_new_block_job_seconds", help, stats.new_block_to_job);
    let help = "From a template on a new best block to the first session that its job was written to";
    summary(text, "provenhash_pool_first_notify_seconds", help, (stats.notify.jobs, stats.notify.first));
    let help = "From a template on a new best block to the last session that its job was written to";
    summary(text, "provenhash_pool_last_notify_seconds", help, (stats.notify.jobs, stats.notify.last));
    summary(text, "provenhash_journal_write_seconds", "Writes of the journal", stats.journal_writes);
    summary(text, "provenhash_journal_sync_seconds", "Syncs of the journal", stats.journal_syncs);
}

fn rejects(text: &mut String, stats: &PoolStats) {
    let name = "provenhash_pool_shares_rejected_total";
    header(text, name, "counter", "Submissions and requests refused, by reason");
    for reason in RejectReason::ALL {
        let count = stats.rejected.get(&reason).copied().unwrap_or(0);
        let _ = writeln!(text, "{name}{{reason=\"{}\"}} {count}", reason.name());
    }
}

fn blocks(text: &mut String, stats: &PoolStats) {
    let blocks = &stats.blocks;
    let help = "Shares that met the network target";
    metric(text, "provenhash_pool_blocks_found_total", "counter", help, stats.blocks_found);
    let name = "provenhash_pool_blocks_decided_total";
    header(text, name, "counter", "Found blocks that a node took, and those that every node refused");
    for (result, count) in [("accepted", blocks.accepted), ("rejected", blocks.rejected)] {
        let _ = writeln!(text, "{name}{{result=\"{result}\"}} {count}");
    }
    let help = "Found blocks that are not on disk yet";
    metric(text, "provenhash_pool_blocks_unsaved", "gauge", help, blocks.unsaved);
    let help = "Saved blocks that no node has decided";
    metric(text, "provenhash_pool_blocks_waiting", "gauge", help, blocks.waiting);
    let help = "How long the first of them has waited";
    metric(text, "provenhash_pool_block_longest_wait_seconds", "gauge", help, blocks.longest_wait.as_secs_f64());
}

fn nodes(text: &mut String, nodes: &[NodeStatus]) {
    of_nodes(text, "provenhash_node_up", "Whether the node answers", nodes, |node| Some(node.error.is_none().into()));
    of_nodes(text, "provenhash_node_chosen", "Whether templates come from the node", nodes, |node| {
        Some(node.chosen.into())
    });
    of_nodes(text, "provenhash_node_height", "Height of the node's best block", nodes, |node| node.height);
}

fn of_nodes(
    text: &mut String,
    name: &str,
    help: &str,
    nodes: &[NodeStatus],
    value: impl Fn(&NodeStatus) -> Option<u32>,
) {
    header(text, name, "gauge", help);
    for node in nodes {
        let label = node.name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        if let Some(value) = value(node) {
            let _ = writeln!(text, "{name}{{node=\"{label}\"}} {value}");
        }
    }
}

fn summary(text: &mut String, name: &str, help: &str, (count, time): (u64, Duration)) {
    header(text, name, "summary", help);
    let _ = writeln!(text, "{name}_sum {}\n{name}_count {count}", time.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_and_node_has_its_line() {
        let mut stats = PoolStats { accepted: 3, ..PoolStats::default() };
        stats.rejected.insert(RejectReason::Stale, 2);
        let down = NodeStatus { name: "http://a\"b/".into(), error: Some("x".into()), height: None, chosen: false };
        let up = NodeStatus { name: "http://c/".into(), error: None, height: Some(7), chosen: true };
        stats.nodes = vec![down, up];
        stats.journal_syncs = (2, Duration::from_millis(30));
        let mut text = String::new();
        pool(&mut text, &stats);
        for line in [
            "provenhash_pool_shares_accepted_total 3\n",
            "provenhash_pool_shares_rejected_total{reason=\"stale\"} 2\n",
            "provenhash_pool_shares_rejected_total{reason=\"duplicate\"} 0\n",
            "provenhash_node_up{node=\"http://a\\\"b/\"} 0\n",
            "provenhash_node_up{node=\"http://c/\"} 1\n",
            "provenhash_node_height{node=\"http://c/\"} 7\n",
            "provenhash_journal_sync_seconds_sum 0.03\nprovenhash_journal_sync_seconds_count 2\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        assert!(!text.contains("provenhash_node_height{node=\"http://a"));
    }
}

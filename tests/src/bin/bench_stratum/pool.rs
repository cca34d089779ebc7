//! The server under load: the real program, on one processor, with a node whose blocks are full.

use std::path::Path;

use tests::api::REGTEST_ADDRESS;
use tests::scripted_node::ScriptedNode;
use tests::server::{Plan, Server};

use super::cores::ON_THE_FREE_ONE;

/// As many as a block of Bitcoin has: a branch of 12 levels.
const TRANSACTIONS: usize = 2_500;

/// Milliseconds of an epoch that outlasts every measurement, so that none is sealed meanwhile: what that costs is measured by
/// itself.
pub(crate) const LASTING_EPOCH: u32 = 600_000;

/// A server, its node, and where both keep their things.
pub(crate) struct Pool {
    pub(crate) server: Server,
    pub(crate) node: ScriptedNode,
}

impl Pool {
    /// Starts both in `folder`, with epochs of so many milliseconds. There is no vardiff and hardly a share is too hard: what
    /// is measured is the way of a share. All rigs come from one address, which may connect them again at any time.
    pub(crate) async fn start(folder: &Path, epoch_ms: u32) -> anyhow::Result<Pool> {
        let node = ScriptedNode::start(TRANSACTIONS).await?;
        let flags =
            ["--first-level=-32", "--min-level=-32", "--shares-per-minute=4000000000", "--connects-per-minute=0"];
        let plan = Plan::bitcoin_core(folder, "regtest", &node.url(), REGTEST_ADDRESS).under(ON_THE_FREE_ONE);
        let plan = flags.iter().fold(plan, |plan, flag| plan.with_flag(flag));
        let server = Server::start(plan.with_flag(&format!("--epoch-ms={epoch_ms}"))).await?;
        Ok(Pool { server, node })
    }

    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.server.pid()
    }
}

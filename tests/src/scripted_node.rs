//! A Bitcoin node that does what a benchmark tells it: Bitcoin Core's JSON-RPC as far as the server asks for it, a regtest
//! chain that grows at a known moment, and templates as full as Bitcoin's, with a network target that no share meets.

mod chain;
mod http;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::chain::Chain;

/// A running node. It stops when this value is dropped.
pub struct ScriptedNode {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    chain: Mutex<Chain>,
    /// Height of the best block; long polls wait for another.
    height: watch::Sender<u32>,
}

impl ScriptedNode {
    /// Starts a node whose templates have `transactions` transactions behind the coinbase.
    pub async fn start(transactions: usize) -> anyhow::Result<ScriptedNode> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let chain = Mutex::new(Chain::new(transactions));
        let shared = Arc::new(Shared { chain, height: watch::Sender::new(0) });
        shared.grow();
        let mut tasks = JoinSet::new();
        tasks.spawn(http::serve(listener, shared.clone()));
        Ok(ScriptedNode { address, shared, _tasks: tasks })
    }

    /// `http://user:password@127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://bench:bench@{}", self.address)
    }

    /// Somebody else finds a block; the moment from which long polls are answered.
    pub fn new_tip(&self) -> Instant {
        self.shared.grow()
    }
}

impl Shared {
    fn grow(&self) -> Instant {
        let height = self.chain().grow();
        let now = Instant::now();
        self.height.send_replace(height);
        now
    }

    /// What the node answers to a call, as JSON, or its error's code and text.
    async fn answer(&self, method: &str, params: &Value) -> Result<Arc<str>, (i64, String)> {
        if method == "getblocktemplate" {
            return Ok(self.template(params[0]["longpollid"].as_str()).await);
        }
        self.chain().answer(method, params).map(|answer| answer.to_string().into())
    }

    async fn template(&self, longpoll: Option<&str>) -> Arc<str> {
        if let Some(known) = longpoll {
            // The sender lives in `self`, so the wait can't fail.
            let _ = self.height.subscribe().wait_for(|height| height.to_string() != known).await;
        }
        self.chain().template()
    }

    fn chain(&self) -> std::sync::MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The JSON-RPC response to a request, in parts: megabytes are not copied while they are waited for.
async fn respond(shared: &Shared, request: &[u8]) -> anyhow::Result<[Arc<str>; 3]> {
    let request: Value = serde_json::from_slice(request).context("no JSON-RPC request")?;
    let method = request["method"].as_str().unwrap_or_default();
    let (result, error) = match shared.answer(method, &request["params"]).await {
        Ok(result) => (result, Value::Null),
        Err((code, message)) => ("null".into(), json!({ "code": code, "message": message })),
    };
    Ok([r#"{"result":"#.into(), result, format!(r#","error":{error},"id":{}}}"#, request["id"]).into()])
}

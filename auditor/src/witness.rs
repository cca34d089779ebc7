//! `witness`: an independent memory of logs. It cosigns a log's checkpoint when that extends the last one it cosigned,
//! and so no log that it follows can show two histories, or go back, without being found.
//!
//! In scope: c2sp.org/tlog-witness over HTTP, the key, the state. Out of scope: the rules ([`audit_core::witness`]).
//!
//! HTTP is `httparse` and a thread for each connection: an async runtime or a server framework would be most of what an
//! outsider has to read before trusting the witness, and `ureq` brings `httparse` anyway.

mod http;
mod key;
mod serve;
mod state;

use std::{collections::BTreeSet, net::TcpListener, sync::Arc};

use anyhow::{Context, Result, bail};
use audit_core::checkpoint::{KeyKind, Vkey};

use crate::cli::WitnessArgs;
use state::State;

/// Shows the key, or serves until the process is ended.
pub(crate) fn run(args: &WitnessArgs) -> Result<()> {
    if args.show_key {
        println!("{}", key::load(&args.state)?.vkey());
        return Ok(());
    }
    let logs = logs(&args.log)?;
    let state = State::open(&args.state, args.name.as_deref(), logs)?;
    let listen = args.listen.context("--listen ADDR is missing")?;
    let listener = TcpListener::bind(listen).with_context(|| format!("listening on {listen}"))?;
    println!("{}", serde_json::json!({ "event": "listening", "http": listener.local_addr()?.to_string() }));
    eprintln!("Cosigning as {}", state.vkey());
    serve::run(&listener, &Arc::new(state))
}

fn logs(logs: &[Vkey]) -> Result<Vec<Vkey>> {
    let mut keys = BTreeSet::new();
    for log in logs {
        if log.kind() != KeyKind::Log {
            bail!("--log {log}: a witness's key, expected a log's");
        }
        if !keys.insert(log.public_key()) {
            bail!("--log {log}: this key was given before");
        }
    }
    Ok(logs.to_vec())
}

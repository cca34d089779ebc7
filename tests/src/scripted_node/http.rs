//! As much of HTTP/1.1 as a JSON-RPC client needs: POST with a length, connections kept.

use std::sync::Arc;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Shared, respond};

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        connections.spawn(async move {
            // A client that hangs up has what it wanted.
            let _ = converse(stream, &shared).await;
        });
    }
}

async fn converse(stream: TcpStream, shared: &Shared) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        let mut line = String::new();
        while stream.read_line(&mut line).await? > 0 && line != "\r\n" {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().context("no length")?;
            }
            line.clear();
        }
        anyhow::ensure!(length > 0, "the client hung up");
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let [begin, middle, end] = respond(shared, &body).await?;
        let length = begin.len() + middle.len() + end.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        for part in [&*(head + &begin), &middle, &end] {
            stream.get_mut().write_all(part.as_bytes()).await?;
        }
    }
}

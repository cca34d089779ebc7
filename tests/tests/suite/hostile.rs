//! Malformed Stratum and HTTP: each gets an error or a closed connection, and the mining goes on.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::figure;
use tests::poll::{SOON, until};
use tests::rig::Rig;
use tests::server::{Plan, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long a hostile peer waits for what comes back before it gives up.
const PATIENCE: Duration = Duration::from_secs(2);
/// Attacks over all tests of this file, for the figure.
static TRIED: AtomicU64 = AtomicU64::new(0);
static SURVIVED: AtomicU64 = AtomicU64::new(0);
static PARTS: AtomicU64 = AtomicU64::new(0);

type Attack = (&'static str, Vec<u8>);

/// All attacks at the same time, each on a connection of its own, and what each got back.
async fn answers(address: SocketAddr, attacks: Vec<Attack>) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut tasks: JoinSet<anyhow::Result<_>> = JoinSet::new();
    for (name, bytes) in attacks {
        tasks.spawn(async move { Ok((name, answer(address, &bytes).await.context(name)?)) });
    }
    tasks.join_all().await.into_iter().collect()
}

/// Everything a peer gets to read in answer to `bytes`, until it closes or `PATIENCE` is over.
async fn answer(address: SocketAddr, bytes: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    // The server may close before it has read everything: that is an answer too.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(count)) = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await {
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..count]);
        // Job notifications go on for ever; whoever got an answer leaves.
        if answer.len() > 64 * 1024 {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A server that has mined, and a rig that goes on mining.
async fn mining() -> anyhow::Result<(tempfile::TempDir, Server, Rig)> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(Plan::embedded(folder.path())).await?;
    let rig = Rig::start(server.stratum(), "honest.rig", folder.path())?;
    mines_on(&server).await?;
    Ok((folder, server, rig))
}

/// Waits for shares that were not there before.
async fn mines_on(server: &Server) -> anyhow::Result<()> {
    let before = server.api().status().await?.shares_total;
    until("new shares", SOON, async || Ok((server.api().status().await?.shares_total > before).then_some(()))).await
}

/// Adds one test's attacks and how many of them were answered as they must be; the later of the two tests prints the sums.
fn count(tried: usize, survived: usize) {
    TRIED.fetch_add(tried as u64, Ordering::SeqCst);
    SURVIVED.fetch_add(survived as u64, Ordering::SeqCst);
    if PARTS.fetch_add(1, Ordering::SeqCst) == 1 {
        let (tried, survived) = (TRIED.load(Ordering::SeqCst), SURVIVED.load(Ordering::SeqCst));
        figure::print("hostile", json!({ "tried": tried, "survived": survived }));
    }
}

fn stratum_attacks() -> Vec<Attack> {
    let line = |value: &Value| format!("{value}\n").into_bytes();
    let call = |method: &str, parameters: Value| line(&json!({ "id": 1, "method": method, "params": parameters }));
    let subscribe = call("mining.subscribe", json!(["hostile/1"]));
    let submit = |parameters: Value| [subscribe.clone(), call("mining.submit", parameters)].concat();
    vec![
        ("random bytes", vec![0xa5; 512]),
        ("invalid UTF-8", b"{\"id\":1,\"method\":\"\xff\xfe\"}\n".to_vec()),
        ("zero bytes", vec![0; 4096]),
        ("an empty line", b"\n\n\n".to_vec()),
        ("no object", b"[1,2,3]\n42\nnull\n\"text\"\n".to_vec()),
        ("deep nesting", [vec![b'['; 10_000], b"\n".to_vec()].concat()),
        ("a line without end", vec![b'x'; 1 << 20]),
        ("a long line", [br#"{"id":1,"method":""#.to_vec(), vec![b'm'; 20_000], b"\"}\n".to_vec()].concat()),
        ("an unknown method", call("mining.steal", json!([]))),
        ("no parameters", line(&json!({ "id": 1, "method": "mining.submit" }))),
        ("parameters of another kind", call("mining.subscribe", json!({ "a": 1 }))),
        (
            "an id longer than a line may be",
            line(&json!({ "id": "x".repeat(20_000), "method": "mining.subscribe", "params": [] })),
        ),
        ("authorised by numbers", call("mining.authorize", json!([1, 2]))),
        ("a worker name with a line break", call("mining.authorize", json!(["a\nb\u{0}", "x"]))),
        (
            "a share before all else",
            call("mining.submit", json!(["a.b", "1", "0000000000000000", "00000000", "00000000"])),
        ),
        ("a share of no job", submit(json!(["a.b", "ffffffff", "0000000000000000", "00000000", "00000000"]))),
        ("a share without numbers", submit(json!(["a.b", "1", "zz", "+1", "0x00"]))),
        ("a share of objects", submit(json!([{}, {}, {}, {}, {}]))),
        ("a thousand empty calls", b"{}\n".repeat(1000)),
        ("half a line", br#"{"id":1,"method":"mining.subsc"#.to_vec()),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
    ]
}

#[tokio::test]
async fn malformed_stratum_gets_an_error_and_mining_goes_on() -> anyhow::Result<()> {
    let (_folder, server, _rig) = mining().await?;
    let attacks = stratum_attacks();
    let (tried, mut survived) = (attacks.len(), 0);
    for (name, answer) in answers(server.stratum(), attacks).await? {
        ensure!(!answer.contains("mining.notify") || answer.contains("\"error\":["), "{name} was served: {answer}");
        let accepted = answer.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let accepted: Vec<Value> = accepted.filter(|reply| reply["result"] == true && reply["id"] == 1).collect();
        ensure!(accepted.is_empty(), "{name} was accepted: {accepted:?}");
        survived += 1;
    }
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(server.stratum()).await?);
    }
    mines_on(&server).await?;
    drop(idle);
    mines_on(&server).await?;
    count(tried + 1, survived + 1);
    Ok(())
}

fn http_attacks() -> Vec<Attack> {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes();
    let post = |path: &str, headers: &str, body: &[u8]| {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        [head.as_bytes(), body].concat()
    };
    let json = "Content-Type: application/json\r\n";
    vec![
        ("no HTTP", b"\x00\x01\x02\x03\r\n\r\n".to_vec()),
        ("a long header", [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 1 << 20]].concat()),
        ("two lengths", b"POST /api/v1/accounts HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec()),
        ("up and out", get("/epoch/../../operator.token")),
        ("up and out, hidden", get("/epoch/%2e%2e/%2e%2e/operator.token")),
        ("up and out, twice hidden", get("/log/%252e%252e/log.key")),
        ("the log's key", get("/log/../log.key")),
        ("an epoch of another spelling", get("/epoch/01/shares")),
        ("an epoch that can't be", get("/epoch/99999999999999999999/shares")),
        ("a limit that can't be", get("/api/v1/offers?limit=-1")),
        ("a cursor of rubbish", get("/api/v1/offers?cursor=%00%ff")),
        ("the operator's pages, unasked", get("/api/v1/admin/ledger")),
        ("no JSON", post("/api/v1/accounts", json, b"{")),
        ("JSON of another kind", post("/api/v1/accounts", json, b"[]")),
        (
            "unknown fields",
            post("/api/v1/accounts", json, br#"{"email":"a@example.org","password":"0123456789","admin":true}"#),
        ),
        ("deep nesting", post("/api/v1/accounts", json, &vec![b'['; 50_000])),
        ("no type", post("/api/v1/accounts", "", b"{}")),
        ("a long body", post("/api/v1/accounts", json, &vec![b' '; 1 << 20])),
        ("a contract for nobody", post("/api/v1/contracts", json, b"{}")),
    ]
}

#[tokio::test]
async fn malformed_http_gets_a_client_error_and_mining_goes_on() -> anyhow::Result<()> {
    let (_folder, server, _rig) = mining().await?;
    let attacks = http_attacks();
    let (tried, mut survived) = (attacks.len(), 0);
    for (name, answer) in answers(server.http(), attacks).await? {
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("closed");
        ensure!(status == "closed" || status.starts_with('4'), "{name} got {status}: {answer}");
        survived += 1;
    }
    mines_on(&server).await?;
    count(tried, survived);
    Ok(())
}

//! The threads that serve rigs, over real sockets, without a driver and a node.

use std::{
    fs::{self, File},
    io::{Read, Seek, Write},
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use audit_core::work::Level;
use rustix::fs::{MemfdFlags, SealFlags};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

use super::*;
use crate::{
    config::{Limits, PoolConfig},
    fixtures,
    journal::{self, JournalWriter},
    listener::ListenerProfile,
    live_epoch::LiveEpoch,
    pool::board::OpenEpoch,
};

/// Difficulty 1: no share is a block by accident.
const NO_BLOCKS: u32 = 0x1d00_ffff;

/// Regtest's: half of all hashes are blocks, and none is a share without being one.
const ALL_BLOCKS: u32 = 0x207f_ffff;

/// Nothing in these tests takes this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Threads that serve one epoch, whose journal is `file`.
struct Served {
    edge: Edge,
    floor: Arc<Floor>,
    address: SocketAddr,
    journal: JoinHandle<Result<(), String>>,
    folder: tempfile::TempDir,
}

async fn serve(file: File) -> Served {
    serve_on(file, NO_BLOCKS).await
}

/// With a job at this network target.
async fn serve_on(file: File, nbits: u32) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let config = PoolConfig {
        journal_dir: folder.path().into(),
        first_level: Level::MIN,
        min_level: Level::MIN,
        // So long that time ends no session here.
        limits: Limits { lines_per_second: 0, unauthorized: Duration::from_secs(600), ..Limits::default() },
        ..fixtures::config()
    };
    let floor = Arc::new(Floor::new(config, mpsc::channel(1).0, mpsc::unbounded_channel().0).unwrap());
    let (writer, task) = JournalWriter::new(file, Arc::default()).unwrap();
    let epoch = Arc::new(LiveEpoch::new(fixtures::start(7), writer, None));
    let job = epoch.add_job(Arc::new(fixtures::template(nbits)), b"", &fixtures::PAYOUT_SCRIPT).unwrap();
    job.keep_in(folder.path(), mpsc::unbounded_channel().0);
    floor.change_board(|board| {
        board.set_tip(job.row.prevhash, Instant::now(), Duration::ZERO);
        board.epochs.insert(7, OpenEpoch { epoch, until: None });
        board.put_up(job, Instant::now(), Duration::ZERO);
    });
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let edge = Edge::start(vec![Listener { socket, profile: ListenerProfile::Farm, tls: None }], &floor).unwrap();
    Served { edge, floor, address, journal: tokio::spawn(task), folder }
}

struct Rig(BufReader<TcpStream>);

impl Rig {
    async fn connect(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    async fn write(&mut self, lines: &[Value]) {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.0.write_all(lines.as_bytes()).await.unwrap();
    }

    /// The next line, `None` at the end.
    async fn read(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_line(&mut line)).await;
        let count = read.expect("a line or the end in time").unwrap_or(0);
        (count > 0).then(|| serde_json::from_str(&line).unwrap())
    }

    /// Logs in; the job's id.
    async fn log_in(&mut self) -> String {
        let subscribe = json!({"id": 1, "method": "mining.subscribe", "params": []});
        self.write(&[subscribe, json!({"id": 2, "method": "mining.authorize", "params": ["lot.rig", "x"]})]).await;
        loop {
            let message = self.read().await.expect("a job");
            if message["method"] == "mining.notify" {
                return message["params"][0].as_str().unwrap().to_owned();
            }
        }
    }
}

fn submit(id: u32, job: &str, nonce: u32) -> Value {
    let ntime = fixtures::template(NO_BLOCKS).curtime;
    let params = json!(["lot.rig", job, "0000000000000000", format!("{ntime:08x}"), format!("{nonce:08x}")]);
    json!({"id": id, "method": "mining.submit", "params": params})
}

/// A begun journal in memory, which refuses writes once it is sealed.
fn journal_in_memory() -> File {
    let folder = tempfile::tempdir().unwrap();
    drop(journal::open(folder.path(), &fixtures::start(7)).unwrap());
    let mut file = File::from(rustix::fs::memfd_create("journal", MemfdFlags::ALLOW_SEALING).unwrap());
    file.write_all(&fs::read(folder.path().join("7.journal")).unwrap()).unwrap();
    file
}

#[tokio::test]
async fn when_the_journal_fails_nothing_is_acknowledged_and_everyone_is_sent_away() {
    let mut file = journal_in_memory();
    let served = serve(file.try_clone().unwrap()).await;
    let (mut miner, mut idle) = (Rig::connect(served.address).await, Rig::connect(served.address).await);
    let job = miner.log_in().await;
    idle.log_in().await;
    miner.write(&[submit(3, &job, 0)]).await;
    assert_eq!(miner.read().await.unwrap(), json!({"id": 3, "result": true, "error": null}));

    rustix::fs::fcntl_add_seals(&file, SealFlags::WRITE).unwrap();
    miner.write(&[submit(4, &job, 1), json!({"id": 5, "method": "mining.ping"}), submit(6, &job, 2)]).await;
    for id in [4, 6] {
        let answer = miner.read().await.unwrap();
        assert_eq!((&answer["id"], &answer["error"][0]), (&json!(id), &json!(20)), "{answer}");
        assert!(answer["error"][1].as_str().unwrap().contains("can't record shares"), "{answer}");
    }
    assert_eq!(miner.read().await, None);
    assert_eq!(idle.read().await, None);
    assert_eq!(Rig::connect(served.address).await.read().await, None, "nobody is let in any more");
    assert!(served.journal.await.unwrap().unwrap_err().contains("not permitted"));

    served.edge.stop();
    drop(served.floor);
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    let replayed = journal::replay(Path::new("memory"), &bytes).unwrap().unwrap();
    let nonces: Vec<u32> = replayed.material.shares.iter().map(|share| share.nonce).collect();
    assert_eq!(nonces, [0], "what was acknowledged, and nothing else");
}

#[tokio::test]
async fn a_block_is_acknowledged_when_its_jobs_transactions_are_on_disk() {
    let served = serve_on(journal_in_memory(), ALL_BLOCKS).await;
    let mut miner = Rig::connect(served.address).await;
    let job = miner.log_in().await;
    let template = served.folder.path().join("7-0.template");
    assert!(!template.exists(), "nobody needs it yet");
    let mut acknowledged = false;
    for nonce in 0..20 {
        miner.write(&[submit(nonce, &job, nonce)]).await;
        acknowledged |= miner.read().await.unwrap()["result"] == true;
        assert_eq!(template.exists(), acknowledged, "every share at this target is a block");
    }
    assert!(acknowledged);
    tokio::task::spawn_blocking(move || served.edge.stop()).await.unwrap();
}

#[tokio::test]
async fn what_was_read_before_a_stop_is_answered_and_in_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = journal::open(folder.path(), &fixtures::start(7)).unwrap();
    let served = serve(file).await;
    let mut miner = Rig::connect(served.address).await;
    let job = miner.log_in().await;
    let submits: Vec<Value> = (0..50).map(|nonce| submit(100 + nonce, &job, nonce)).collect();
    miner.write(&submits).await;
    let Served { edge, floor, journal: task, .. } = served;
    tokio::task::spawn_blocking(move || edge.stop()).await.unwrap();
    drop(floor);
    let mut acknowledged = 0;
    while let Some(answer) = miner.read().await {
        acknowledged += usize::from(answer["result"] == true);
    }
    task.await.unwrap().unwrap();
    let (_, replayed) = journal::open(folder.path(), &fixtures::start(7)).unwrap();
    let shares = replayed.unwrap().material.shares.len();
    assert_eq!(acknowledged, shares, "each share in the journal was acknowledged before the end");
    assert!(acknowledged > 40, "{acknowledged}");
}

#[tokio::test]
async fn who_reads_slowly_gets_the_newest_job_and_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = journal::open(folder.path(), &fixtures::start(7)).unwrap();
    let served = serve(file).await;
    let (mut slow, mut other) = (Rig::connect(served.address).await, Rig::connect(served.address).await);
    let first = slow.log_in().await;
    other.log_in().await;
    // More answers than the sockets hold: the rest waits, and jobs with it.
    let ping = json!({"id": 9, "method": "mining.ping"});
    let pings: Vec<Value> = std::iter::repeat_n(ping.clone(), 2_000).collect();
    while tokio::time::timeout(Duration::from_millis(300), slow.write(&pings)).await.is_ok() {}
    let epoch = served.floor.board.borrow().latest().cloned().unwrap();
    for _ in 0..3 {
        let job = epoch.add_job(Arc::new(fixtures::template(NO_BLOCKS)), b"", &fixtures::PAYOUT_SCRIPT).unwrap();
        served.floor.change_board(|board| board.put_up(job, Instant::now(), Duration::ZERO));
        let message = other.read().await.unwrap();
        assert_eq!(message["method"], "mining.notify");
    }
    let mut jobs = vec![first];
    while jobs.len() < 2 {
        let message = slow.read().await.unwrap();
        if message["method"] == "mining.notify" {
            jobs.push(message["params"][0].as_str().unwrap().to_owned());
        }
    }
    let newest = epoch.job(3).unwrap().at(Level::MIN).id.to_string();
    assert_eq!(jobs[1], newest, "the two in between were skipped");
    other.write(&[ping]).await;
    assert_eq!(other.read().await.unwrap()["result"], "pong");
    tokio::task::spawn_blocking(move || served.edge.stop()).await.unwrap();
}

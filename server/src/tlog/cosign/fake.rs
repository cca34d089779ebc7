//! A witness for tests, with the real rules, that can be away, slow or wrong about the time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit_core::checkpoint::{Checkpoint, Vkey};
use audit_core::cosignature::WitnessKey;
use audit_core::policy::PolicyWitness;
use audit_core::witness::{AddCheckpoint, Refusal, SIZE_CONTENT_TYPE, monitoring_path};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::clock::now_ms;

pub(crate) struct FakeWitness {
    name: String,
    url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    key: WitnessKey,
    log: Vkey,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    latest: HashMap<String, (Checkpoint, String)>,
    is_away: bool,
    delay: Duration,
    asked: u32,
}

impl FakeWitness {
    pub(crate) async fn start(number: u8, log: Vkey) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/prefix/", listener.local_addr().unwrap());
        let key = WitnessKey::new(&format!("w{number}.example"), &[number; 32]);
        let shared = Arc::new(Shared { key, log, state: Mutex::default() });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { name: format!("w{number}"), url, shared, task }
    }

    /// As a policy lists it.
    pub(crate) fn listed(&self) -> PolicyWitness {
        PolicyWitness { name: self.name.clone(), vkey: self.shared.key.vkey(), url: Some(self.url.clone()) }
    }

    pub(crate) fn set_away(&self, is_away: bool) {
        self.shared.state.lock().unwrap().is_away = is_away;
    }

    pub(crate) fn set_delay(&self, delay: Duration) {
        self.shared.state.lock().unwrap().delay = delay;
    }

    /// Lets it remember a checkpoint, as if another server had asked it.
    pub(crate) fn remember(&self, checkpoint: Checkpoint, note: &[u8]) {
        let note = String::from_utf8(note.to_vec()).unwrap();
        self.shared.state.lock().unwrap().latest.insert(checkpoint.origin.clone(), (checkpoint, note));
    }

    /// Size that it cosigned last.
    pub(crate) fn size(&self) -> u64 {
        self.shared.state.lock().unwrap().latest.values().map(|(checkpoint, _)| checkpoint.size).max().unwrap_or(0)
    }

    /// How often it was asked to cosign.
    pub(crate) fn asked(&self) -> u32 {
        self.shared.state.lock().unwrap().asked
    }
}

impl Drop for FakeWitness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    while let Some((head, body)) = read_request(&mut stream).await {
        let (is_away, delay) = {
            let state = shared.state.lock().unwrap();
            (state.is_away, state.delay)
        };
        tokio::time::sleep(delay).await;
        let (status, content_type, answer) =
            if is_away { (503, "text/plain", "resting\n".into()) } else { shared.answer(&head, &body) };
        let length = answer.len();
        let head = format!("HTTP/1.1 {status} x\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n");
        if stream.write_all(&[head.as_bytes(), answer.as_bytes()].concat()).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = bytes.split_off(end + 4);
            let read = body.len();
            body.resize(length.unwrap_or(0), 0);
            stream.read_exact(&mut body[read..]).await.ok()?;
            return Some((head, body));
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

impl Shared {
    fn answer(&self, head: &str, body: &[u8]) -> (u16, &'static str, String) {
        let mut state = self.state.lock().unwrap();
        if head.starts_with("GET ") {
            let shown = state.latest.get(self.log.name()).map(|(_, note)| note.clone());
            let is_asked = head.starts_with(&format!("GET /prefix/{} ", monitoring_path(self.log.name())));
            return shown
                .filter(|_| is_asked)
                .map_or((404, "text/plain", String::new()), |note| (200, "text/plain", note));
        }
        assert!(head.starts_with("POST /prefix/add-checkpoint "), "{head}");
        state.asked += 1;
        let known = |origin: &str| state.latest.get(origin).map(|(checkpoint, _)| checkpoint.clone());
        let accepted =
            AddCheckpoint::parse(body).and_then(|request| request.judge(std::slice::from_ref(&self.log), known));
        match accepted {
            Ok(accepted) => {
                let line = self.key.cosign(&accepted.text, now_ms() / 1_000);
                let note = format!("{}{line}", String::from_utf8_lossy(&accepted.note));
                state.latest.insert(accepted.checkpoint.origin.clone(), (accepted.checkpoint, note));
                (200, "text/plain", line)
            }
            Err(Refusal::Stale(size)) => (409, SIZE_CONTENT_TYPE, format!("{size}\n")),
            Err(refusal) => (refusal.status(), "text/plain", refusal.body()),
        }
    }
}

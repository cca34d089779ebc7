//! c2sp.org/tlog-witness over the wire.

use std::{
    io::{Read, Write},
    thread,
};

use audit_core::{
    checkpoint::{Checkpoint, LogKey},
    cosignature::WitnessKey,
    hash::Hash32,
    witness::AddCheckpoint,
};

use crate::{
    log::{self, request},
    process::{Answer, Witness, exchange, post, read_answer},
};

fn witness() -> (tempfile::TempDir, Witness) {
    let folder = tempfile::tempdir().unwrap();
    let witness = Witness::start(folder.path());
    (folder, witness)
}

#[test]
fn growth_is_cosigned_and_shown_to_monitors() {
    let (_folder, witness) = witness();
    assert_eq!(witness.size(), 0);
    for (old, new) in [(0, 1), (1, 1), (1, 8), (8, 13), (13, 300)] {
        witness.cosigns(&request(1, old, new));
        assert_eq!(witness.size(), new);
    }
    let shown = witness.get("/");
    assert!(shown.body.starts_with(&witness.vkey().to_string()), "{shown:?}");
}

#[test]
fn every_refusal_has_the_status_of_the_specification() {
    let (_folder, witness) = witness();
    witness.cosigns(&request(1, 0, 8));
    let status = |request: &AddCheckpoint| witness.add(request).status;
    assert_eq!(witness.post(b"old 8\n").status, 400);
    assert_eq!(witness.post(b"").status, 400);
    assert_eq!(status(&AddCheckpoint { old_size: 14, ..request(1, 8, 13) }), 400);
    let unsigned = log::checkpoint(1, 13).sign(&LogKey::new(log::key().origin(), &[8; 32]));
    assert_eq!(status(&AddCheckpoint { note: unsigned, ..request(1, 8, 13) }), 403);
    let foreign = Checkpoint { origin: "other.example".into(), ..log::checkpoint(1, 13) };
    let foreign = foreign.sign(&LogKey::new("other.example", &[7; 32]));
    assert_eq!(status(&AddCheckpoint { note: foreign, ..request(1, 8, 13) }), 404);
    let stale = Answer { status: 409, content_type: "text/x.tlog.size".into(), body: "8\n".into() };
    assert_eq!(witness.add(&request(1, 0, 13)), stale);
    assert_eq!(witness.add(&request(1, 5, 5)), stale, "a rollback");
    assert_eq!(status(&AddCheckpoint { proof: Vec::new(), ..request(1, 8, 13) }), 422);
    assert_eq!(status(&request(2, 8, 13)), 422, "a fork");
    assert_eq!(status(&request(2, 8, 8)), 422, "another root for the same size");
    let mut padded = request(1, 8, 13);
    padded.proof.resize(64, Hash32([1; 32]));
    assert_eq!(witness.post(&padded.to_bytes()).status, 400);
    assert_eq!(witness.size(), 8);
    witness.cosigns(&request(1, 8, 13));
}

#[test]
fn signatures_of_strangers_are_ignored_and_not_kept() {
    let (_folder, witness) = witness();
    let mut request = request(1, 0, 8);
    let text = log::checkpoint(1, 8).body();
    request.note.extend(WitnessKey::new("stranger", &[1; 32]).cosign(text.as_bytes(), 1).bytes());
    witness.cosigns(&request);
    let shown = witness.get(&format!("/{}", audit_core::witness::monitoring_path(log::key().origin())));
    assert!(!shown.body.contains("stranger"), "{shown:?}");
    assert_eq!(shown.body.lines().count(), 6, "{shown:?}");
}

#[test]
fn a_fork_leaves_a_proof_that_anyone_can_check() {
    let (folder, witness) = witness();
    witness.cosigns(&request(1, 0, 8));
    for _ in 0..3 {
        assert_eq!(witness.add(&request(2, 8, 8)).status, 422);
    }
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let proofs: Vec<_> = names.filter(|path| path.to_string_lossy().contains("fork-8-")).collect();
    let [proof] = &proofs[..] else { panic!("{proofs:?}") };
    let proof = audit_core::fork::ForkProof::parse(&std::fs::read(proof).unwrap()).unwrap();
    let (first, second) = proof.check(&audit_core::policy::Policy::of_log(log::vkey())).unwrap();
    assert_eq!(first.checkpoint, log::checkpoint(1, 8));
    assert_eq!(second.checkpoint, log::checkpoint(2, 8));
}

#[test]
fn of_two_histories_at_once_one_is_cosigned() {
    for size in 6..12 {
        let (_folder, witness) = witness();
        let race = |view: u8| {
            let (witness, request) = (&witness, request(view, 0, size));
            move || witness.add(&request).status
        };
        let mut statuses = thread::scope(|scope| {
            let racing: Vec<_> = (0..8).map(|number| scope.spawn(race(1 + number % 2))).collect();
            racing.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    }
}

#[test]
fn a_connection_is_kept_for_many_requests_and_pipelines() {
    let (_folder, witness) = witness();
    let mut stream = witness.connect();
    for size in 1..20 {
        let answer = exchange(&mut stream, &post(&request(1, size - 1, size).to_bytes()));
        assert_eq!(answer.status, 200);
    }
    let two = [post(&request(1, 19, 20).to_bytes()), post(&request(1, 20, 21).to_bytes())].concat();
    assert_eq!(exchange(&mut stream, &two).status, 200);
    assert_eq!(read_answer(&mut stream).status, 200);
    let last = exchange(&mut stream, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert_eq!(last.status, 200);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "closed");
}

#[test]
fn hostile_http_is_answered_and_bounded() {
    let (_folder, witness) = witness();
    let status = |bytes: &[u8]| exchange(&mut witness.connect(), bytes).status;
    assert_eq!(status(b"\x00\x01\x02\x03\r\n\r\n"), 400);
    assert_eq!(status(b"POST /add-checkpoint HTTP/1.1\r\n\r\n"), 411);
    assert_eq!(status(b"POST /add-checkpoint HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 411);
    assert_eq!(status(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"), 400);
    assert_eq!(status(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: +1\r\n\r\nx"), 400);
    assert_eq!(status(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), 400);
    assert_eq!(status(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"), 413);
    assert_eq!(status(format!("GET / HTTP/1.1\r\nX: {}\r\n", "x".repeat(17_000)).as_bytes()), 431);
    assert_eq!(status(b"DELETE / HTTP/1.1\r\n\r\n"), 405);
    assert_eq!(status(b"GET /add-checkpoint HTTP/1.1\r\n\r\n"), 405);
    assert_eq!(status(b"GET /../witness.key HTTP/1.1\r\n\r\n"), 404);
    let silent: Vec<_> = (0..20).map(|_| witness.connect()).collect();
    let mut slow = witness.connect();
    slow.write_all(b"POST /add-checkpoint HTTP/1.1\r\nContent-Le").unwrap();
    witness.cosigns(&request(1, 0, 8));
    drop((silent, slow));
}

#[test]
fn a_client_that_asks_first_whether_to_go_on_is_told() {
    let (_folder, witness) = witness();
    let mut stream = witness.connect();
    let body = request(1, 0, 8).to_bytes();
    let head =
        format!("POST /add-checkpoint HTTP/1.1\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(exchange(&mut stream, &body).status, 200);
}

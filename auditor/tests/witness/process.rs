//! The program as a child process, and HTTP by hand.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::Duration,
};

use audit_core::{checkpoint::Vkey, cosignature::of_witness, policy::Policy, witness::AddCheckpoint};

use crate::log;

/// How long anything that must happen may take on a slow, busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A running witness; killed when dropped.
pub(crate) struct Witness {
    child: Child,
    address: String,
    folder: PathBuf,
    // Held open: the program's standard output must not be a closed pipe.
    _stdout: BufReader<ChildStdout>,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provenhash-audit"));
    command.arg("witness").arg("--state").arg(folder);
    command
}

/// Runs a start that is expected to end by itself.
pub(crate) fn refused(folder: &Path, more: &[&str]) -> String {
    let mut command = command(folder);
    command.args(["--listen=127.0.0.1:0", &format!("--log={}", log::vkey())]).args(more).stdin(Stdio::null());
    let Output { status, stderr, .. } = command.output().unwrap();
    assert_eq!(status.code(), Some(2));
    String::from_utf8(stderr).unwrap()
}

impl Witness {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut command = command(folder);
        command.args(["--listen=127.0.0.1:0", &format!("--log={}", log::vkey())]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.split('"').nth(7).unwrap_or_else(|| panic!("no address in {line:?}")).to_owned();
        Self { child, address, folder: folder.into(), _stdout: stdout }
    }

    /// SIGKILL, then the same again.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill();
        *self = Self::start(&self.folder);
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream
    }

    pub(crate) fn post(&self, body: &[u8]) -> Answer {
        exchange(&mut self.connect(), &post(body))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        exchange(&mut self.connect(), format!("GET {path} HTTP/1.1\r\nHost: w\r\n\r\n").as_bytes())
    }

    pub(crate) fn add(&self, request: &AddCheckpoint) -> Answer {
        self.post(&request.to_bytes())
    }

    /// The request must be accepted; gives the time of the cosignature, which was verified.
    #[track_caller]
    pub(crate) fn cosigns(&self, request: &AddCheckpoint) -> u64 {
        let answer = self.add(request);
        assert_eq!(answer.status, 200, "{answer:?}");
        cosigned(&answer, request, &self.vkey()).expect("a cosignature of this witness over the note")
    }

    /// The size of the newest cosigned checkpoint, as it is shown to monitors.
    pub(crate) fn size(&self) -> u64 {
        let answer = self.get(&format!("/{}", audit_core::witness::monitoring_path(log::key().origin())));
        if answer.status == 404 {
            return 0;
        }
        Policy::of_log(log::vkey()).judge_log(answer.body.as_bytes()).unwrap().checkpoint.size
    }

    pub(crate) fn vkey(&self) -> Vkey {
        let output = command(&self.folder).arg("--show-key").output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // It may have ended by a test's own kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time of the witness's cosignature in an answer.
pub(crate) fn cosigned(answer: &Answer, request: &AddCheckpoint, vkey: &Vkey) -> Option<u64> {
    let note = std::str::from_utf8(&request.note).unwrap();
    let (text, _) = note.rsplit_once("\n\n").unwrap();
    of_witness(&answer.body, vkey, format!("{text}\n").as_bytes()).map(|(_, time_s)| time_s)
}

pub(crate) fn post(body: &[u8]) -> Vec<u8> {
    let head = format!("POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Writes a request and reads one answer.
pub(crate) fn exchange(stream: &mut TcpStream, request: &[u8]) -> Answer {
    stream.write_all(request).unwrap();
    read_answer(stream)
}

pub(crate) fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {line:?}")).parse().unwrap();
    let (mut content_type, mut length) = (String::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some(("Content-Type", value)) => content_type = value.to_owned(),
            Some(("Content-Length", value)) => length = value.parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Answer { status, content_type, body: String::from_utf8(body).unwrap() }
}

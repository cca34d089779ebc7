//! What this machine charges for the bare minimum: sending lines back, writing one buffer to every socket, hashing a share.

use std::error::Error;
use std::io::{BufRead, BufReader, Write, stdin};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;
use std::time::Instant;

use anyhow::Context;
use tests::measure::hash_share;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::cores::ON_THE_FREE_ONE;

/// This program as another process, in one of its roles. It ends when its input does: when this value is dropped, and when
/// this process ends in whatever way.
pub(crate) struct Role {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Role {
    /// Starts the role that `flags` name on the free processor.
    pub(crate) fn start(flags: &[String]) -> anyhow::Result<Role> {
        let mut command = Command::new(ON_THE_FREE_ONE[0]);
        command.args(&ON_THE_FREE_ONE[1..]).arg(std::env::current_exe()?);
        Role::spawn(command, flags)
    }

    /// Starts the role that `flags` name on the processors that this process uses.
    pub(crate) fn beside_the_load(flags: &[String]) -> anyhow::Result<Role> {
        Role::spawn(Command::new(std::env::current_exe()?), flags)
    }

    fn spawn(mut command: Command, flags: &[String]) -> anyhow::Result<Role> {
        let mut child = command.args(flags).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().context("stdout is piped")?);
        Ok(Role { child, stdin, stdout })
    }

    /// What the role prints next: a server its address, at first.
    pub(crate) fn read<T: FromStr<Err: Error + Send + Sync + 'static>>(&mut self) -> anyhow::Result<T> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells the role to act; the moment when it was told.
    pub(crate) fn go(&mut self) -> anyhow::Result<Instant> {
        let now = Instant::now();
        self.stdin.as_mut().context("stdin is piped")?.write_all(b"\n")?;
        Ok(now)
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.stdin = None;
        // Nothing is to be learnt from how it ended.
        let _ = self.child.wait();
    }
}

/// Sends back whatever comes, as soon as it comes, until standard input ends.
pub(crate) async fn echo() -> anyhow::Result<()> {
    std::thread::spawn(|| {
        stdin().lock().lines().for_each(drop);
        std::process::exit(0)
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut buffer = vec![0; 4 << 10];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                if stream.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Accepts connections and, for each line on standard input, writes one buffer of `bytes` bytes to all of them.
pub(crate) fn spray(connections: u32, bytes: usize) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let mut streams = Vec::new();
    while streams.len() < connections as usize {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let mut buffer = vec![b'x'; bytes.max(1)];
    *buffer.last_mut().context("not empty")? = b'\n';
    for line in stdin().lock().lines() {
        line?;
        for stream in &mut streams {
            stream.write_all(&buffer)?;
        }
    }
    Ok(())
}

/// For each line on standard input, hashes shares and prints the microseconds that one took: a coinbase of 250 bytes, 12
/// levels of branch, the header.
pub(crate) fn hash() -> anyhow::Result<()> {
    const SHARES: u32 = 20_000;
    for line in stdin().lock().lines() {
        line?;
        let started = Instant::now();
        for share in 0..SHARES {
            std::hint::black_box(hash_share(share.into(), &mut [0x5a; 250], 12));
        }
        println!("{}", started.elapsed().as_secs_f64() * 1e6 / f64::from(SHARES));
    }
    Ok(())
}

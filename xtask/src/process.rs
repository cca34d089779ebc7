//! Running other programs: each is printed before it starts, and none is left behind.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::interrupt;

/// How often a wait looks at the child and at the interrupt flag.
const POLL: Duration = Duration::from_millis(50);
/// How often a quiet step says that it is still at work.
const PROGRESS: Duration = Duration::from_secs(15);
/// How long an asked child may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(15);
/// How much of a failed quiet step's log is shown.
const LOG_LINES_SHOWN: usize = 40;

/// Runs `command` with the terminal's own input and output; an error unless it exits with 0.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    announce(command);
    let mut child = spawn(command)?;
    check(command, wait(&mut child, None)?)
}

/// Runs `command` with its output in `log`, saying every few seconds that it is at work; shows the log's end if it fails.
pub(crate) fn run_quietly(command: &mut Command, log: &Path) -> anyhow::Result<()> {
    announce(command);
    let file = File::create(log).with_context(|| format!("can't write {}", log.display()))?;
    let mut child = spawn(command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file))?;
    let status = wait(&mut child, Some(Instant::now()))?;
    if !status.success() {
        eprintln!("{}", end_of(log));
    }
    check(command, status)
}

/// Runs `command`, passing its standard output on line by line, each also to `see`.
pub(crate) fn run_watched(command: &mut Command, mut see: impl FnMut(&str)) -> anyhow::Result<()> {
    announce(command);
    let mut child = spawn(command.stdout(Stdio::piped()))?;
    let stdout = child.stdout.take().expect("stdout is piped");
    for line in BufReader::new(stdout).lines() {
        let line = line.context("can't read a child's output")?;
        println!("{line}");
        see(&line);
    }
    check(command, wait(&mut child, None)?)
}

/// The standard output of a short `command`, trimmed. Not announced: it only asks a question.
pub(crate) fn ask(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("can't start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} failed: {}", shown(command), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Prints the command line that is about to run.
pub(crate) fn announce(command: &Command) {
    println!("$ {}", shown(command));
}

/// Starts `command`; the caller waits for it.
pub(crate) fn spawn(command: &mut Command) -> anyhow::Result<Child> {
    command.spawn().with_context(|| format!("can't start {}", shown(command)))
}

/// A child that is asked to end, and then made to, when this value is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

fn wait(child: &mut Child, started: Option<Instant>) -> anyhow::Result<ExitStatus> {
    let mut said = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return if interrupt::requested() { bail!("interrupted") } else { Ok(status) };
        }
        if interrupt::requested() {
            end(child);
            bail!("interrupted");
        }
        if let Some(started) = started.filter(|_| said.elapsed() >= PROGRESS) {
            println!("  … {} s", started.elapsed().as_secs());
            said = Instant::now();
        }
        std::thread::sleep(POLL);
    }
}

/// SIGTERM, then SIGKILL after the grace: a database or a server may save its state first.
fn end(child: &mut Child) {
    if matches!(child.try_wait(), Ok(Some(_))) {
        return;
    }
    // The standard library can only SIGKILL; a failure here shows as the timeout below.
    let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return;
        }
        std::thread::sleep(POLL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn check(command: &Command, status: ExitStatus) -> anyhow::Result<()> {
    if !status.success() {
        bail!("failed ({status}): {}", shown(command));
    }
    Ok(())
}

/// The command as a shell line, with the environment it adds; secrets are not shown.
pub(crate) fn shown(command: &Command) -> String {
    let environment = command.get_envs().filter_map(|(name, value)| {
        let (name, value) = (name.to_string_lossy(), value?.to_string_lossy());
        Some(format!("{name}={}", if name.contains("TOKEN") { "…".into() } else { quoted(&value) }))
    });
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    environment.chain(words.map(|word| quoted(&word.to_string_lossy()))).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let visible = word.replace('\u{1f}', " ");
    format!("'{}'", visible.replace('\'', r"'\''"))
}

fn end_of(log: &Path) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}

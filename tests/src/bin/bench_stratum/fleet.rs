//! All rigs of a load, on as many threads as there are processors for them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tests::measure::{cpu_time, least_and_median};

use super::cores;
use super::crew::{Crew, Pace, Seen, Span, WINDOW};
use super::rig::Peer;

/// Before a load counts: caches get warm, and the pace gets steady.
const WARM: Duration = Duration::from_millis(500);

pub(crate) struct Fleet {
    crews: Vec<Crew>,
    rigs: u32,
}

/// What a load showed, window by window.
#[derive(Default)]
pub(crate) struct Measured {
    windows: Vec<Window>,
    pub(crate) rejected: u64,
}

struct Window {
    /// Accepted shares a second.
    rate: f64,
    p50_us: f64,
    p99_us: f64,
    /// CPU time of the server for an accepted share.
    cpu_us: f64,
}

impl Fleet {
    /// Connects so many rigs and waits until all have a job.
    pub(crate) fn connect(address: SocketAddr, rigs: u32, peer: Peer) -> anyhow::Result<Fleet> {
        let threads = cores::for_clients() as u32;
        let crews: Vec<_> = std::thread::scope(|scope| {
            let connect = |thread| scope.spawn(move || Crew::connect(address, numbers(thread, threads, rigs), peer));
            (0..threads).map(connect).collect::<Vec<_>>().into_iter().map(joined).collect()
        });
        Ok(Fleet { crews: crews.into_iter().collect::<anyhow::Result<_>>()?, rigs })
    }

    /// Bytes of a job's line.
    pub(crate) fn job_len(&self) -> usize {
        self.crews.iter().map(Crew::job_len).max().unwrap_or(0)
    }

    /// Loads the server with process id `pid` at a pace, for all rigs together, and measures for so many windows.
    pub(crate) fn measure(&mut self, pace: Pace, windows: u32, pid: u32) -> anyhow::Result<Measured> {
        let begin = Instant::now();
        let span = Span { begin, counts: begin + WARM, windows };
        let (seen, cpu) = self.load_while(pace, span, || {
            std::thread::sleep(span.counts.saturating_duration_since(Instant::now()));
            let mut before = cpu_time(pid)?;
            let of_window = |window| {
                std::thread::sleep(span.end_of(window).saturating_duration_since(Instant::now()));
                let now = cpu_time(pid)?;
                Ok(now - std::mem::replace(&mut before, now))
            };
            (0..windows).map(of_window).collect::<anyhow::Result<Vec<_>>>()
        })?;
        Measured::of(seen, &cpu)
    }

    /// Submits in a closed loop while `act` runs; what was acknowledged until the connections ended.
    pub(crate) fn load_until_cut(&mut self, act: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Seen> {
        let begin = Instant::now();
        let span = Span { begin, counts: begin, windows: 60 };
        Ok(self.load_while(Pace::Closed, span, act)?.0)
    }

    /// The moments at which the rigs got what `act` made the server send them.
    pub(crate) fn arrivals<T>(&mut self, act: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, Vec<Instant>)> {
        let (done, crews) = std::thread::scope(|scope| {
            let crews: Vec<_> = self.crews.iter_mut().map(|crew| scope.spawn(move || crew.await_jobs())).collect();
            let done = act();
            (done, crews.into_iter().map(joined).collect::<anyhow::Result<Vec<_>>>())
        });
        let arrivals = crews?.concat();
        ensure!(arrivals.len() == self.rigs as usize, "{} rigs got a new job", arrivals.len());
        Ok((done?, arrivals))
    }

    fn load_while<T>(
        &mut self,
        pace: Pace,
        span: Span,
        act: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<(Seen, T)> {
        let crews = self.crews.len() as f64;
        let pace = match pace {
            Pace::Closed => Pace::Closed,
            Pace::Open(rate) => Pace::Open(rate / crews),
        };
        let (acted, seen) = std::thread::scope(|scope| {
            let crews: Vec<_> = self.crews.iter_mut().map(|crew| scope.spawn(move || crew.load(pace, span))).collect();
            let acted = act();
            (acted, crews.into_iter().map(joined).collect::<anyhow::Result<Vec<_>>>())
        });
        Ok((seen?.into_iter().fold(Seen::default(), Seen::join), acted?))
    }
}

impl Measured {
    fn of(seen: Seen, cpu: &[Duration]) -> anyhow::Result<Measured> {
        ensure!(seen.latencies_us.len() == cpu.len(), "no share was accepted in the last of {} windows", cpu.len());
        let windows = seen.latencies_us.into_iter().zip(cpu).map(|(latencies, cpu)| Window::of(latencies, *cpu));
        Ok(Measured { windows: windows.collect::<anyhow::Result<_>>()?, rejected: seen.rejected })
    }

    /// Adds the windows of another measurement of the same load.
    pub(crate) fn add(&mut self, other: Measured) {
        self.windows.extend(other.windows);
        self.rejected += other.rejected;
    }

    /// Accepted shares a second, in the median window.
    pub(crate) fn rate(&self) -> f64 {
        self.least_and_median(|window| window.rate).1
    }

    pub(crate) fn p50_us(&self) -> f64 {
        self.least_and_median(|window| window.p50_us).1
    }

    /// In the window that was disturbed least, and in the median one.
    pub(crate) fn p99_us(&self) -> (f64, f64) {
        self.least_and_median(|window| window.p99_us)
    }

    /// CPU time of the server for an accepted share, in the window that was disturbed least and in the median one.
    pub(crate) fn cpu_us(&self) -> (f64, f64) {
        self.least_and_median(|window| window.cpu_us)
    }

    fn least_and_median(&self, value: fn(&Window) -> f64) -> (f64, f64) {
        least_and_median(self.windows.iter().map(value).collect())
    }
}

impl Window {
    fn of(mut latencies: Vec<u32>, cpu: Duration) -> anyhow::Result<Window> {
        ensure!(!latencies.is_empty(), "no share was accepted");
        latencies.sort_unstable();
        let at = |part: usize| f64::from(latencies[(latencies.len() - 1) * part / 100]);
        Ok(Window {
            rate: latencies.len() as f64 / WINDOW.as_secs_f64(),
            p50_us: at(50),
            p99_us: at(99),
            cpu_us: cpu.as_secs_f64() * 1e6 / latencies.len() as f64,
        })
    }
}

/// Every `threads`th number, so that crews are as equal as can be.
fn numbers(thread: u32, threads: u32, rigs: u32) -> impl Iterator<Item = u32> {
    (thread..rigs).step_by(threads as usize)
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, anyhow::Result<T>>) -> anyhow::Result<T> {
    thread.join().ok().context("a thread of the load panicked")?
}

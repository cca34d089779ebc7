//! The one task that changes the board: epochs open and close, templates become jobs.

use std::{path::PathBuf, sync::Arc, time::Instant};

use audit_core::{epoch::EpochMaterial, hash::BlockHash};
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use super::{
    PoolError, PoolEvent,
    board::{Board, OpenEpoch},
    floor::Floor,
};
use crate::{
    epoch_start::EpochStart,
    journal::{self, JournalError, JournalWriter},
    listener::ListenerProfile,
    live_epoch::{JobError, LiveEpoch},
    live_job::LiveJob,
    node::BlockTemplate,
    template_file::TemplateFile,
};

/// What the server asks for, and where the answer goes.
#[derive(Debug)]
pub(super) enum Command {
    Open(EpochStart, oneshot::Sender<Result<(), PoolError>>),
    Close(u64, oneshot::Sender<Result<EpochMaterial, PoolError>>),
}

pub(super) struct Driver {
    floor: Arc<Floor>,
    tasks: TaskTracker,
    template: Option<Arc<BlockTemplate>>,
    last_job: Instant,
    /// Profiles whose promises the network's target has not been held against yet.
    unchecked: Vec<ListenerProfile>,
    /// Hears of templates on disk that are not needed any more.
    give_up: mpsc::UnboundedSender<PathBuf>,
}

impl Driver {
    pub(super) fn new(
        floor: Arc<Floor>,
        tasks: TaskTracker,
        profiles: Vec<ListenerProfile>,
        give_up: mpsc::UnboundedSender<PathBuf>,
    ) -> Self {
        Self { floor, tasks, template: None, last_job: Instant::now(), unchecked: profiles, give_up }
    }

    /// Runs until `stop`; once rigs are `served`, the board is cleared, which lets the journals end.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut templates: mpsc::Receiver<BlockTemplate>,
        stop: CancellationToken,
        served: CancellationToken,
    ) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(command) = commands.recv() => self.command(command).await,
                Some(template) = templates.recv() => self.take_template(template).await,
                else => break,
            }
        }
        served.cancelled().await;
        let board = self.floor.board.send_replace(Board::default());
        // Nothing is lost if this fails: what was acknowledged is in the file, and the failure is reported by the journal.
        let sync = move || board.epochs.values().all(|open| open.epoch.sync().is_ok());
        let _ = tokio::task::spawn_blocking(sync).await;
    }

    async fn command(&mut self, command: Command) {
        // Whoever asked may have gone meanwhile.
        match command {
            Command::Open(start, done) => {
                let number = start.epoch;
                let opened = self.open(start).await;
                if let Err(error) = &opened {
                    error!(epoch = number, %error, "epoch can't be opened: rigs stay in the one before");
                }
                drop(done.send(opened));
            }
            Command::Close(epoch, done) => drop(done.send(self.close(epoch).await)),
        }
    }

    /// Commit points: 1. journal begun and synced; 2. first job journalled; 3. on the board, so rigs may see it. A crash
    /// before 3 leaves a journal that the same call goes on with.
    async fn open(&mut self, start: EpochStart) -> Result<(), PoolError> {
        let number = start.epoch;
        let latest = self.floor.board.borrow().latest().cloned();
        match latest {
            Some(open) if *open.start == start => return Ok(()),
            Some(open) if open.start.epoch == number => return Err(JournalError::Different(number).into()),
            Some(open) if open.start.epoch > number => {
                return Err(PoolError::Order { wanted: number, open: open.start.epoch });
            }
            _ => {}
        }
        let epoch = self.load(start).await?;
        let job = match self.template.clone() {
            None => None,
            Some(template) => match self.add_job(&epoch, template).await {
                Ok(job) => Some(job),
                // After a restart: it still takes back its place, and the server is told to open the next.
                Err(JobError::Full) => None,
                Err(error) => return Err(PoolError::Job { epoch: number, reason: error.to_string() }),
            },
        };
        info!(epoch = number, with_job = job.is_some(), "epoch open");
        let (now, grace) = (Instant::now(), self.floor.config.grace);
        self.floor.change_board(|board| {
            board.epochs.insert(number, OpenEpoch { epoch, until: None });
            if let Some(job) = job {
                board.put_up(job, now, grace);
            }
        });
        Ok(())
    }

    async fn load(&self, start: EpochStart) -> Result<Arc<LiveEpoch>, PoolError> {
        let (folder, runtime) = (self.folder(), tokio::runtime::Handle::current());
        let (floor, tasks) = (self.floor.clone(), self.tasks.clone());
        blocking(move || {
            let (file, replay) = journal::open(&folder, &start)?;
            let (writer, task) = JournalWriter::new(file, floor.counters.journal.clone())
                .map_err(|source| JournalError::Io { path: folder, source })?;
            let epoch = start.epoch;
            let watched = async move {
                if let Err(error) = task.await {
                    error!(epoch, %error, "journal can't be written");
                    floor.tell(PoolEvent::JournalFailed { epoch, error });
                    floor.wake();
                }
            };
            tasks.spawn_on(watched, &runtime);
            Ok(Arc::new(LiveEpoch::new(start, writer, replay.as_ref())))
        })
        .await
    }

    async fn close(&mut self, number: u64) -> Result<EpochMaterial, PoolError> {
        let live = self.floor.board.borrow().epoch(number).cloned();
        if let Some(epoch) = live {
            // A journal that has failed is written to no more: the file is closed below, as after a restart.
            let closed = tokio::task::spawn_blocking(move || epoch.close()).await;
            if !matches!(closed, Ok(Ok(()))) {
                warn!(epoch = number, "closing the journal by its file");
            }
            self.floor.change_board(|board| {
                board.epochs.remove(&number);
                board.current.take_if(|job| job.start.epoch == number);
            });
        }
        let folder = self.folder();
        blocking(move || {
            journal::close(&folder, number)?;
            journal::read_epoch(&folder, number)
        })
        .await
    }

    async fn take_template(&mut self, template: BlockTemplate) {
        let template = Arc::new(template);
        let before = self.template.replace(template.clone());
        let new_block = before.is_none_or(|before| before.prevhash != template.prevhash);
        let now = Instant::now();
        self.floor.counters.template(now);
        let job = self.job_on(template.clone(), new_block).await;
        if let (true, Some(job)) = (new_block, &job) {
            self.floor.begin_fan_out(job, now);
        }
        let has_job = job.is_some();
        self.put_up(new_block.then_some(template.prevhash), job);
        if new_block && has_job {
            self.floor.counters.job_on_new_block(now.elapsed());
        }
    }

    /// A job for the newest epoch, when it needs one.
    async fn job_on(&mut self, template: Arc<BlockTemplate>, new_block: bool) -> Option<Arc<LiveJob>> {
        let (epoch, has_job) = {
            let board = self.floor.board.borrow();
            let epoch = board.latest().cloned()?;
            let has_job = board.current.as_ref().is_some_and(|job| job.start.epoch == epoch.start.epoch);
            (epoch, has_job)
        };
        let is_due = || self.last_job.elapsed() >= self.floor.config.limits.template_refresh;
        if !new_block && has_job && !is_due() {
            return None;
        }
        let job = self.add_job(&epoch, template).await;
        job.inspect_err(|error| warn!(epoch = epoch.start.epoch, %error, "no job from this template")).ok()
    }

    /// At once: a share is not stale before there is a job to replace the one it was found on.
    fn put_up(&self, tip: Option<BlockHash>, job: Option<Arc<LiveJob>>) {
        if tip.is_none() && job.is_none() {
            return;
        }
        let (now, config) = (Instant::now(), &self.floor.config);
        self.floor.change_board(|board| {
            if let Some(tip) = tip {
                board.set_tip(tip, now, config.limits.replaced_tip_grace);
            }
            if let Some(job) = job {
                board.put_up(job, now, config.grace);
            }
        });
    }

    async fn add_job(&mut self, epoch: &LiveEpoch, template: Arc<BlockTemplate>) -> Result<Arc<LiveJob>, JobError> {
        let config = &self.floor.config;
        let job = epoch.add_job(template, &config.coinbase_tag, &config.payout_script);
        if epoch.is_full() {
            self.floor.tell(PoolEvent::EpochFull { epoch: epoch.start.epoch });
        }
        self.last_job = Instant::now();
        if let Ok(job) = &job {
            self.check_profiles(job);
            job.keep_in(&self.folder(), self.give_up.clone());
            self.tasks.spawn(keep_soon(job.clone()));
        }
        job
    }

    /// Once, with the first job: test networks have easier targets than rental markets accept.
    fn check_profiles(&mut self, job: &LiveJob) {
        let hardest = job.hardest_level();
        if std::mem::take(&mut self.unchecked).into_iter().any(|profile| profile.is_broken_by(hardest)) {
            warn!(
                nbits = %job.row.nbits,
                "the network's target is easier than difficulty 1048576, so the rental listener can't keep to it: \
                 markets will refuse this pool on this network"
            );
        }
    }

    fn folder(&self) -> PathBuf {
        self.floor.config.journal_dir.clone()
    }
}

/// Keeps a job's transactions on disk: behind its way to the rigs, which the writing would slow down.
async fn keep_soon(job: Arc<LiveJob>) {
    tokio::time::sleep(journal::SYNC_AFTER).await;
    let id = (job.start.epoch, job.row.job);
    let keep = move || {
        job.keep_transactions()?;
        job.template_file().map_or(Ok(()), TemplateFile::sync)
    };
    let kept = tokio::task::spawn_blocking(keep).await;
    if let Err(error) = kept.map_err(std::io::Error::other).flatten() {
        error!(?id, %error, "the job's transactions are not on disk: a kill can lose a block found on it");
    }
}

/// Runs file work off the runtime's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, PoolError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(panic) => Err(PoolError::Folder(std::io::Error::other(panic))),
    }
}

//! The mining pool of Provenhash: rigs bring shares over Stratum V1, and what is accepted stands in a journal from which
//! the epoch is sealed.
//!
//! In scope: node clients and templates, jobs with their anchor, sessions, vardiff, share validation, the journal, block
//! submission, and a CPU rig. Start at [`Pool`]; a share's way is `pool/edge/shard.rs` →
//! `pool/edge/dialogue.rs` → `session.rs` → `pool/edge/turn.rs` → `session/judge.rs` → `live_epoch.rs` →
//! `journal/writer.rs`.
//!
//! Out of scope: what an epoch's evidence looks like (`audit-core`), when epochs begin and end, the log, money and HTTP
//! (`server`). No SQL and no environment variables here.

mod block;
mod branch;
mod certificate;
mod clock;
mod config;
mod durable;
mod epoch_start;
mod extranonce1;
#[cfg(test)]
mod fixtures;
mod frame;
mod job_id;
mod journal;
mod listener;
mod live_epoch;
mod live_job;
mod lots;
pub mod node;
mod pool;
mod reject;
pub mod rig;
mod session;
mod stats;
pub mod stratum;
mod subscriptions;
mod template_file;
mod vardiff;
mod worker;

pub use self::{
    certificate::{CertificateError, tls_from_files},
    config::{Limits, PoolConfig},
    epoch_start::EpochStart,
    frame::Damaged,
    job_id::{JobId, NoJobId},
    journal::{JournalError, read_epoch},
    listener::{Listener, ListenerProfile},
    lots::{LegStats, LotStats, Lots},
    pool::{Pool, PoolError, PoolEvent},
    reject::RejectReason,
    stats::{BlockStats, NotifyStats, PoolStats},
};

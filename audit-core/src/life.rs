//! A contract's life after it was opened: when the rule in its terms suspends and resumes it, when it has ended, and what it
//! is owed then.
//!
//! In scope: these rules, the same for server and verifier; `docs/LOG.md` §8.4 has them in words. Out of scope: which entries
//! are late or missing (`audit`), when they are made (`server`), what work earns ([`crate::scheme`]).
//!
//! Everything is decided where a **period** ends: the epochs of an accrual. What follows from it is logged behind the close
//! of its last epoch.

mod conclusion;
mod contract;
mod owed;
mod streaks;

pub use conclusion::{Concluded, ConclusionFile, ConclusionRow};
pub use contract::{Change, ChangeKind, FULFILLED, LoggedContract, PeriodEnd};
pub use owed::{EpochSpan, Lived, Owed};
pub use streaks::Streaks;

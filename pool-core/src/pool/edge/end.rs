//! Why a connection ends.

use std::io;

use thiserror::Error;

#[derive(Debug, Error)]
pub(super) enum End {
    #[error("the other side hung up")]
    HungUp,
    #[error("a line was too long")]
    LineTooLong,
    #[error("too many lines that are no requests")]
    Garbage,
    #[error("not subscribed and authorized in time")]
    Unauthorized,
    #[error("nothing was heard for too long")]
    Idle,
    #[error("every share was invalid for long")]
    Invalid,
    #[error("the other side does not read")]
    SlowReader,
    #[error("the journal can't be written")]
    JournalFailed,
    #[error("it was told why, and has had its time to read it")]
    Told,
    #[error(transparent)]
    Io(#[from] io::Error),
}

//! `provenhash-audit witness` from outside: the real program, its files, its HTTP, and kill −9.

#![expect(clippy::unwrap_used, reason = "a test that has nothing to go on with has failed")]

mod crash;
mod files;
mod log;
mod process;
mod protocol;

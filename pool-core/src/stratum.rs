//! Stratum V1 on the wire: bytes → line → request, and reply or notification → line. No state, no socket.
//!
//! Sources: BIP 310 (configure, version rolling), the Stratum V1 messages as the pools in use speak them.

pub(crate) mod cutter;
pub(crate) mod line;
pub(crate) mod notify;
pub(crate) mod reply;
pub mod request;
pub mod submit;

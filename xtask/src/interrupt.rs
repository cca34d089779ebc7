//! Ctrl-C and SIGTERM become a flag, so that guards (a database cluster, a running demo) end in order.

use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// To be called once, before anything is started.
pub(crate) fn install() {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed)).expect("the only handler of this process");
}

/// Whether a person or a supervisor asked this run to end.
pub(crate) fn requested() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

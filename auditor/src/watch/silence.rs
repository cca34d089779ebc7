//! A log that says nothing new.

use std::time::Duration;

/// How long a silence has been reported.
#[derive(Default)]
pub(super) struct Silence {
    told_epochs: u64,
}

impl Silence {
    /// Reports a silence of more than `epochs` epochs, and again whenever it has doubled.
    pub(super) fn tell(&mut self, silent: Duration, epoch: Duration, epochs: u32) {
        let passed = u64::try_from(silent.as_millis() / epoch.as_millis().max(1)).unwrap_or(u64::MAX);
        if passed < u64::from(epochs) {
            self.told_epochs = 0;
        } else if passed >= self.told_epochs.saturating_mul(2).max(1) {
            self.told_epochs = passed;
            println!("SILENCE: no new head for {} s, the length of {passed} epochs", silent.as_secs());
        }
    }
}

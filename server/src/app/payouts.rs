//! What the configuration says of payouts, with the key file read.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bitcoin::Script;

use super::secret_file;
use crate::config::PayoutConfig;
use crate::payouts::{PayoutKeys, PayoutSettings};

/// The rules of payouts; `None` when nothing is to be paid. `script` is the one that blocks pay to.
pub(super) fn settings(config: &PayoutConfig, script: &Script) -> Result<Option<PayoutSettings>> {
    let keys = match (&config.payout_key, &config.payout_descriptor) {
        (Some(file), _) => from_file(file, script).with_context(|| format!("--payout-key {}", file.display()))?,
        (None, Some(descriptor)) => public(descriptor, script).context("--payout-descriptor")?,
        (None, None) => return Ok(None),
    };
    Ok(Some(PayoutSettings {
        keys,
        threshold: config.payout_threshold_sats,
        outputs: config.payout_outputs.into(),
        fee_cap: config.payout_fee_cap,
        day_limit: config.payout_day_limit_sats,
        approval_above: config.payout_approval_above_sats,
        every: Duration::from_millis(config.payout_ms),
        final_depth: config.payout_final_depth,
    }))
}

fn from_file(file: &Path, script: &Script) -> Result<PayoutKeys> {
    let keys = PayoutKeys::parse(&secret_file::read(file)?, script)?;
    ensure!(keys.can_sign(), "the descriptor has no private key: give it as --payout-descriptor");
    Ok(keys)
}

fn public(descriptor: &str, script: &Script) -> Result<PayoutKeys> {
    let keys = PayoutKeys::parse(descriptor, script)?;
    ensure!(!keys.can_sign(), "private keys don't belong on a command line: use --payout-key with a file");
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const DESCRIPTOR: &str = "wpkh(cTpB4YiyKiBcPxnefsDpbnDxFDffjqJob8wGCEDXxgQ7zQoMXJdH)";

    fn script() -> bitcoin::ScriptBuf {
        let key: bitcoin::PrivateKey = DESCRIPTOR[5..DESCRIPTOR.len() - 1].parse().unwrap();
        let key = key.public_key(&bitcoin::secp256k1::Secp256k1::new());
        bitcoin::ScriptBuf::new_p2wpkh(&key.wpubkey_hash().unwrap())
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("payout.key");
        fs::write(&file, DESCRIPTOR).unwrap();
        for (mode, taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            assert_eq!(from_file(&file, &script()).is_ok(), taken, "{mode:o}");
        }
    }

    #[test]
    fn private_keys_are_refused_on_the_command_line() {
        let error = public(DESCRIPTOR, &script()).unwrap_err().to_string();
        assert!(error.contains("command line") && !error.contains("cTpB"), "{error}");
    }
}

//! The operator's token: from the environment, else from a file that the first start writes.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use crate::api::access::OperatorToken;
use crate::config::operator_token_from_environment;

/// Shorter tokens could be guessed; the generated one has 64 characters.
const SHORTEST: usize = 16;

/// The token of this server.
pub(super) fn load(data: &Path) -> Result<OperatorToken> {
    Ok(OperatorToken::new(&read(data)?))
}

/// The token's text: `PROVENHASH_OPERATOR_TOKEN`, or `<data>/operator.token`, which is created readable for its owner only.
///
/// Trusted: whoever has it can confirm payments and make offers.
pub fn read(data: &Path) -> Result<String> {
    let token = match operator_token_from_environment() {
        Some(token) => token,
        None => from_file(&data.join("operator.token"))?,
    };
    if token.len() < SHORTEST {
        bail!("the operator's token has {} characters, it needs at least {SHORTEST}", token.len());
    }
    Ok(token)
}

fn from_file(path: &Path) -> Result<String> {
    if !path.exists() {
        create(path).with_context(|| format!("writing {}", path.display()))?;
    }
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text.trim().to_owned())
}

fn create(path: &Path) -> Result<()> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", hex::encode(bytes))?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn token_file_is_created_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operator.token");
        let token = from_file(&path).unwrap();
        assert_eq!(token.len(), 64);
        assert_eq!(from_file(&path).unwrap(), token);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

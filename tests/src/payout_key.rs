//! The key that a test's payouts are signed with. It is worth nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The private key 1, whose address is [`crate::api::REGTEST_ADDRESS`].
const DESCRIPTOR: &str = "wpkh(cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA)";

/// Writes the key file into a folder, as the server demands it; the server's flag that names it.
pub fn flag(folder: &Path) -> anyhow::Result<String> {
    let file = folder.join("payout.key");
    fs::write(&file, DESCRIPTOR)?;
    fs::set_permissions(&file, Permissions::from_mode(0o600))?;
    Ok(format!("--payout-key={}", file.display()))
}

//! Passwords: Argon2id, hashed on the blocking threads, a few at a time.

use std::fmt;
use std::sync::LazyLock;

use actix_web::web;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::problem::{FieldError, Problem};

/// OWASP's Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A password as a person typed it. `Debug` shows stars.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// 10 bytes at least; 200 at most, so that hashing has a bound.
    pub fn parse(text: String) -> Result<Self, FieldError> {
        if (10..=200).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(FieldError::new("password", "must have 10 to 200 bytes"))
        }
    }

    /// For signing in: whatever was typed, which is wrong when it could not have been chosen.
    pub fn typed(text: &str) -> Self {
        Self(text.chars().take(200).collect())
    }

    /// The hash to store, in PHC format with a fresh salt.
    pub async fn hash(self, hashing: &Semaphore) -> Result<String, Problem> {
        run(hashing, move || hash(&self.0)).await?
    }

    /// Whether this is the password of `stored`. Without an account the same work is done and the answer is no, so
    /// that the time of the answer doesn't tell whether an address has an account.
    pub async fn is(self, stored: Option<String>, hashing: &Semaphore) -> Result<bool, Problem> {
        run(hashing, move || {
            let known = stored.is_some();
            let stored = stored.unwrap_or_else(|| NOBODY.clone());
            let Ok(stored) = PasswordHash::new(&stored) else { return false };
            argon2().is_ok_and(|argon2| argon2.verify_password(self.0.as_bytes(), &stored).is_ok()) && known
        })
        .await
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(****)")
    }
}

/// A hash with the cost of all others that belongs to nobody.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody has this password").unwrap_or_default());

async fn run<T: Send + 'static>(hashing: &Semaphore, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let _permit = hashing.acquire().await.map_err(Problem::internal)?;
    web::block(work).await.map_err(Problem::internal)
}

fn hash(password: &str) -> Result<String, Problem> {
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).map_err(Problem::internal)?;
    let salt = SaltString::encode_b64(&salt).map_err(Problem::internal)?;
    let hash = argon2()?.hash_password(password.as_bytes(), &salt).map_err(Problem::internal)?;
    Ok(hash.to_string())
}

fn argon2() -> Result<Argon2<'static>, Problem> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(Problem::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn password_matches_its_own_hash_only() {
        let hashing = Semaphore::new(1);
        let password = Password::parse("correct horse".into()).unwrap();
        let stored = password.clone().hash(&hashing).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(password.clone().is(Some(stored.clone()), &hashing).await.unwrap());
        assert!(!Password::typed("correct horsf").is(Some(stored), &hashing).await.unwrap());
        assert!(!Password::typed("nobody has this password").is(None, &hashing).await.unwrap());
    }

    #[test]
    fn debug_output_hides_the_password() {
        let password = Password::parse("correct horse".into()).unwrap();
        assert!(!format!("{password:?}").contains("horse"));
    }
}

//! The certificate of listeners that speak TLS. Renewed files are taken up without a restart.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use thiserror::Error;
use tracing::{info, warn};

/// How often, at most, the files are looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Why there is no TLS.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file can't be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: expected PEM with {expected}: {source}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
        /// What is wrong.
        source: pem::Error,
    },
    /// Certificate and key can't be used, or not together.
    #[error("{}: {source}", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// TLS 1.2 and 1.3 with the certificate chain and the private key in two PEM files (the leaf first). The files are read
/// again when they have changed; until new ones are whole, the old ones serve.
///
/// # Errors
/// The files as they are now can't be used.
pub fn tls_from_files(chain: &Path, key: &Path) -> Result<Arc<ServerConfig>, CertificateError> {
    let provider = Arc::new(ring::default_provider());
    let files = Files { chain: chain.into(), key: key.into(), provider: provider.clone() };
    let current = Current { key: files.load()?, changed: files.changed(), looked: Instant::now() };
    let resolver = Arc::new(Certificate { files, current: Mutex::new(current) });
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|source| CertificateError::Unusable { path: chain.into(), source })?;
    Ok(Arc::new(builder.with_no_client_auth().with_cert_resolver(resolver)))
}

#[derive(Debug)]
struct Certificate {
    files: Files,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Files {
    chain: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    changed: [Option<SystemTime>; 2],
    looked: Instant,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.newest(Instant::now()))
    }
}

impl Certificate {
    fn newest(&self, now: Instant) -> Arc<CertifiedKey> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(current.looked) >= LOOK_AGAIN {
            current.looked = now;
            let changed = self.files.changed();
            if changed != current.changed {
                match self.files.load() {
                    Ok(key) => {
                        info!(chain = %self.files.chain.display(), "certificate renewed");
                        (current.key, current.changed) = (key, changed);
                    }
                    Err(error) => warn!(%error, "the renewed certificate can't be used, the old one serves on"),
                }
            }
        }
        current.key.clone()
    }
}

impl Files {
    fn load(&self) -> Result<Arc<CertifiedKey>, CertificateError> {
        let pem = |path: &Path, expected| {
            let path = path.to_owned();
            move |source| CertificateError::Pem { path, expected, source }
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(&self.chain)?).collect();
        let chain = chain.map_err(pem(&self.chain, "a certificate chain"))?;
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?).map_err(pem(&self.key, "a private key"))?;
        let certified = CertifiedKey::from_der(chain, key, &self.provider);
        let unusable = |source| CertificateError::Unusable { path: self.chain.clone(), source };
        certified.map(Arc::new).map_err(unusable)
    }

    fn changed(&self) -> [Option<SystemTime>; 2] {
        [&self.chain, &self.key].map(|path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|source| CertificateError::Io { path: path.into(), source })
}

#[cfg(test)]
mod tests;

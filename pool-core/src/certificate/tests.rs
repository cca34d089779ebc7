use super::*;
use rcgen::{CertifiedKey as Generated, generate_simple_self_signed};

/// Writes a new certificate and its key into `folder`.
fn renew(folder: &Path) -> Vec<u8> {
    let Generated { cert, signing_key } = generate_simple_self_signed(["localhost".into()]).unwrap();
    fs::write(folder.join("chain.pem"), cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    cert.der().to_vec()
}

fn load(folder: &Path) -> Result<Certificate, CertificateError> {
    let provider = Arc::new(ring::default_provider());
    let files = Files { chain: folder.join("chain.pem"), key: folder.join("key.pem"), provider };
    let current = Current { key: files.load()?, changed: files.changed(), looked: Instant::now() };
    Ok(Certificate { files, current: Mutex::new(current) })
}

#[test]
fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = renew(folder.path());
    let certificate = load(folder.path()).unwrap();
    let leaf = |now| certificate.newest(now).end_entity_cert().unwrap().to_vec();
    let now = Instant::now();
    fs::write(folder.path().join("chain.pem"), "half").unwrap();
    assert_eq!(leaf(now + LOOK_AGAIN), first);
    let second = renew(folder.path());
    assert_eq!(leaf(now + LOOK_AGAIN), first, "not looked at again so soon");
    assert_eq!(leaf(now + 2 * LOOK_AGAIN), second);
}

#[test]
fn files_that_make_no_certificate_are_refused_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: &str| {
        let error = tls_from_files(&folder.path().join("chain.pem"), &folder.path().join("key.pem")).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    };
    refused("chain.pem");
    renew(folder.path());
    let key = fs::read(folder.path().join("key.pem")).unwrap();
    fs::write(folder.path().join("key.pem"), "no key").unwrap();
    refused("key.pem: expected PEM with a private key");
    renew(folder.path());
    fs::write(folder.path().join("key.pem"), key).unwrap();
    refused("chain.pem");
}

//! The key and the state: made once, refused when damaged or leaked, never shared.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{
    log::request,
    process::{Witness, command, refused},
};

#[test]
fn key_and_name_stay_and_are_for_the_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut witness = Witness::start(folder.path());
    let vkey = witness.vkey();
    assert!(vkey.name().starts_with("provenhash-witness/"), "{vkey}");
    let mode = fs::metadata(folder.path().join("witness.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    witness.kill_and_restart();
    assert_eq!(witness.vkey(), vkey);
    witness.kill();
    assert!(refused(folder.path(), &["--name=another.example"]).contains("is called provenhash-witness/"));
}

#[test]
fn a_name_can_be_chosen_at_the_first_start() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refused(folder.path(), &["--name=two words"]).contains("no spaces"));
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path())
        .args(["--listen=127.0.0.1:0", "--name=w.example/1", &format!("--log={}", crate::log::vkey())])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let mut witness = Witness::start(folder.path());
    assert_eq!(witness.vkey().name(), "w.example/1");
    witness.kill();
}

#[test]
fn two_processes_can_not_share_a_state() {
    let folder = tempfile::tempdir().unwrap();
    let _witness = Witness::start(folder.path());
    assert!(refused(folder.path(), &[]).contains("another witness runs"));
}

#[test]
fn a_leaked_or_damaged_key_is_refused_without_being_shown() {
    let folder = tempfile::tempdir().unwrap();
    Witness::start(folder.path()).kill();
    let key = folder.path().join("witness.key");
    let text = fs::read_to_string(&key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refused(folder.path(), &[]).contains("can be read by others"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    for damaged in
        [text.replace("PRIVATE", "PUBLIC"), text[..text.len() - 3].to_owned(), text.replace("+KEY+", "+KEY+x")]
    {
        fs::write(&key, &damaged).unwrap();
        let message = refused(folder.path(), &[]);
        // PRIVATE+KEY+name+hash+key, and base64 may have a plus too.
        let secret = damaged.trim_end().splitn(5, '+').last().unwrap();
        assert!(message.contains("is no key") && !message.contains(secret), "{message}");
    }
    fs::remove_file(&key).unwrap();
    fs::write(&key, &text).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    Witness::start(folder.path()).kill();
}

#[test]
fn damaged_or_missing_state_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut witness = Witness::start(folder.path());
    witness.cosigns(&request(1, 0, 8));
    witness.kill();
    let state = folder.path().join("state");
    let bytes = fs::read(&state).unwrap();
    for index in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[index] ^= 1;
        fs::write(&state, damaged).unwrap();
        assert!(refused(folder.path(), &[]).contains("damaged"), "byte {index}");
    }
    for end in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&state, &bytes[..end]).unwrap();
        assert!(refused(folder.path(), &[]).contains("damaged"), "cut at {end}");
    }
    fs::remove_file(&state).unwrap();
    assert!(refused(folder.path(), &[]).contains("has forgotten"));
    fs::write(&state, &bytes).unwrap();
    fs::remove_file(folder.path().join("witness.key")).unwrap();
    assert!(refused(folder.path(), &[]).contains("no key"));
}

#[test]
fn a_crash_between_state_and_key_of_the_first_start_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    Witness::start(folder.path()).kill();
    fs::remove_file(folder.path().join("witness.key")).unwrap();
    fs::write(folder.path().join("state.tmp"), "half").unwrap();
    let witness = Witness::start(folder.path());
    witness.cosigns(&request(1, 0, 8));
}

#[test]
fn a_state_that_can_not_be_written_cosigns_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut witness = Witness::start(folder.path());
    witness.cosigns(&request(1, 0, 8));
    // A folder in the place of the temporary file: also root can't write there.
    fs::create_dir(folder.path().join("state.tmp")).unwrap();
    assert_eq!(witness.add(&request(1, 8, 13)).status, 500);
    assert_eq!(witness.size(), 8);
    fs::remove_dir(folder.path().join("state.tmp")).unwrap();
    witness.cosigns(&request(1, 8, 9));
    witness.kill_and_restart();
    assert_eq!(witness.size(), 9);
}

#[test]
fn keys_of_the_wrong_kind_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut witness = Witness::start(folder.path());
    let vkey = witness.vkey();
    witness.kill();
    assert!(refused(folder.path(), &[&format!("--log={vkey}")]).contains("a witness's key"));
    assert!(refused(folder.path(), &[&format!("--log={}", crate::log::vkey())]).contains("given before"));
}

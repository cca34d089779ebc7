use super::*;

#[test]
fn evidence_is_immutable_and_rewriting_the_same_bytes_is_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let store = EvidenceStore::new(folder.path());
    store.put("epoch/1/shares", b"abc").unwrap();
    store.put("epoch/1/shares", b"abc").unwrap();
    let refused = store.put("epoch/1/shares", b"abd").unwrap_err();
    assert!(matches!(refused, EvidenceError::Changed(path) if path == "epoch/1/shares"));
    assert_eq!(store.read("epoch/1/shares").unwrap().unwrap(), b"abc");
}

#[test]
fn a_torn_temporary_file_of_a_crash_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let store = EvidenceStore::new(folder.path());
    fs::create_dir_all(folder.path().join("epoch/1")).unwrap();
    fs::write(folder.path().join("epoch/1/shares.tmp"), b"half of an old attempt").unwrap();
    assert_eq!(store.read("epoch/1/shares").unwrap(), None);
    store.put("epoch/1/shares", b"whole").unwrap();
    assert_eq!(store.read("epoch/1/shares").unwrap().unwrap(), b"whole");
    assert_eq!(store.list("epoch/1").unwrap(), ["shares"]);
}

#[test]
fn a_replaced_file_holds_the_newest_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = EvidenceStore::new(folder.path());
    store.replace("log/checkpoint", b"1").unwrap();
    store.replace("log/checkpoint", b"2").unwrap();
    assert_eq!(store.read("log/checkpoint").unwrap().unwrap(), b"2");
    assert_eq!(store.read("log/absent").unwrap(), None);
    assert!(store.list("settlement").unwrap().is_empty());
}

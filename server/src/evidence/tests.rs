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
fn files_that_fit_each_other_are_replaced_together() {
    let folder = tempfile::tempdir().unwrap();
    let store = EvidenceStore::new(folder.path());
    for content in [b"1", b"2"] {
        store.replace_all(&[("chain/0/coinbases", content), ("chain/0/headers", content)]).unwrap();
        assert_eq!(store.read("chain/0/headers").unwrap().unwrap(), content);
        assert_eq!(store.read("chain/0/coinbases").unwrap().unwrap(), content);
    }
    assert_eq!(store.list("chain/0").unwrap().len(), 2);
    assert!(store.exists("chain/0/headers") && !store.exists("chain/0") && !store.exists("chain/1/headers"));
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

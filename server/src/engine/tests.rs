use super::fixture::Fixture;
use super::*;

#[test]
fn a_second_server_on_one_data_folder_is_refused_while_the_first_runs() {
    let folder = tempfile::tempdir().unwrap();
    let first = lock_data(folder.path()).unwrap();
    let refused = lock_data(folder.path()).unwrap_err();
    assert!(refused.to_string().contains("another provenhash is running"));
    drop(first);
    lock_data(folder.path()).unwrap();
}

#[tokio::test]
async fn a_log_of_another_network_is_refused() {
    let fixture = Fixture::new().await;
    let promises = Promises { network: "bitcoin".into(), ..Fixture::promises("1") };
    let log = &fixture.log;
    let refused = first_entries::ensure(&promises, &log.database, &log.sequencer).await.unwrap_err();
    assert!(refused.to_string().contains("this log is of the network regtest, not bitcoin"));
}

#[tokio::test]
async fn unchanged_promises_are_logged_once_and_a_changed_fee_again() {
    let fixture = Fixture::new().await;
    let size = fixture.log.checkpoint().size;
    fixture.promise("1").await;
    assert_eq!(fixture.log.checkpoint().size, size);
    let promises = Promises { fee_ppm: 1, ..Fixture::promises("1") };
    first_entries::ensure(&promises, &fixture.log.database, &fixture.log.sequencer).await.unwrap();
    let kinds: Vec<&str> = fixture.log.entries().iter().map(crate::tlog::kind).collect();
    assert_eq!(kinds, ["manifest", "terms", "terms"]);
    for (promises, index) in [(promises, 2), (Fixture::promises("1"), 1)] {
        let logged = first_entries::log_terms(promises.terms(), &fixture.log.database, &fixture.log.sequencer).await;
        assert_eq!(logged.unwrap(), index);
    }
}

use proptest::prelude::*;

use super::*;

fn transaction(amounts: &[i64]) -> Transaction {
    let postings = amounts.iter().map(|&amount_sats| Posting { account: Account::Fee, amount_sats }).collect();
    Transaction { kind: "test", reference: "1".into(), voucher: Voucher::Entry(1), created_ms: 0, postings }
}

async fn database(folder: &tempfile::TempDir) -> crate::db::Database {
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("ledger.sqlite").display());
    crate::db::Database::open(&url).await.unwrap()
}

#[test]
fn transaction_that_does_not_sum_to_zero_is_refused() {
    assert_eq!(transaction(&[5, -5]).balanced(), Ok(()));
    assert!(matches!(transaction(&[5, -4]).balanced(), Err(Unbalanced::Sum { sum: 1, .. })));
    assert_eq!(transaction(&[0, 0]).balanced(), Err(Unbalanced::Lines));
    assert_eq!(transaction(&[]).balanced(), Err(Unbalanced::Lines));
}

proptest! {
    #[test]
    fn balanced_means_sum_zero_for_any_amounts(amounts in prop::collection::vec(1i64..1_000_000, 1..8)) {
        let sum: i64 = amounts.iter().sum();
        let mut lines = amounts;
        lines.push(-sum);
        prop_assert_eq!(transaction(&lines).balanced(), Ok(()));
        lines.push(1);
        prop_assert!(transaction(&lines).balanced().is_err());
    }
}

#[tokio::test]
async fn check_names_a_transaction_that_is_out_of_balance() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    sqlx::query("INSERT INTO ledger_transactions (id, kind, reference, created_ms, log_index) VALUES ('x', 'test', 'bad', 1, 1)")
        .execute(database.pool())
        .await
        .unwrap();
    let error = check(database.pool()).await.unwrap_err();
    assert!(matches!(error, LedgerError::Broken { id, .. } if id == "x"));
}

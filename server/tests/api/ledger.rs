//! The book and the sums of the database, without HTTP.

use audit_core::hash::Hash32;
use server::db::ledger::{self, Account, LedgerError, Posting, Transaction, Voucher};
use server::db::work_sums;
use sqlx::AssertSqlSafe;

use super::harness::on_each_database;

fn transaction(amounts: &[i64]) -> Transaction {
    let postings = amounts.iter().map(|&amount_sats| Posting { account: Account::Fee, amount_sats }).collect();
    Transaction { kind: "test", reference: "1".into(), voucher: Voucher::Entry(1), created_ms: 0, postings }
}

#[tokio::test]
async fn same_event_is_booked_once() {
    on_each_database(async |app| {
        for expected in [true, false] {
            let mut tx = app.database.begin().await.unwrap();
            assert_eq!(ledger::post(&mut tx, &transaction(&[7, -3, -4])).await.unwrap(), expected);
            tx.commit().await.unwrap();
        }
        assert_eq!(ledger::balance_of(app.database.pool(), &Account::Fee).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn transaction_that_does_not_sum_to_zero_is_not_booked() {
    on_each_database(async |app| {
        let mut tx = app.database.begin().await.unwrap();
        let error = ledger::post(&mut tx, &transaction(&[7, -3])).await.unwrap_err();
        assert!(matches!(error, LedgerError::Unbalanced(_)));
        tx.commit().await.unwrap();
        assert_eq!(ledger::balances(app.database.pool(), "", 10).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn booked_rows_can_neither_change_nor_go() {
    on_each_database(async |app| {
        let mut tx = app.database.begin().await.unwrap();
        ledger::post(&mut tx, &transaction(&[7, -7])).await.unwrap();
        tx.commit().await.unwrap();
        for sql in [
            "UPDATE ledger_postings SET amount_sats = 8",
            "DELETE FROM ledger_postings",
            "UPDATE ledger_transactions SET created_ms = 1",
            "DELETE FROM ledger_transactions",
        ] {
            let refused = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(app.database.pool()).await.unwrap_err();
            assert!(refused.to_string().contains("append-only"), "{sql}: {refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_row_without_log_entry_and_txid_is_refused() {
    on_each_database(async |app| {
        let sql = "INSERT INTO ledger_transactions (id, kind, reference, created_ms) VALUES ('x', 'test', '1', 1)";
        let refused = sqlx::query(sql).execute(app.database.pool()).await.unwrap_err().to_string();
        assert!(refused.contains("need_a_voucher") || refused.contains("log entry or a txid"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn work_is_summed_beyond_64_bits_and_only_as_far_as_the_log_shows_it() {
    on_each_database(async |app| {
        let pool = app.database.pool();
        let contract = Hash32([7; 32]);
        let works: [u128; 4] = [5, 999_999_999_999, 1_000_000_000_000, 123_456_789_012_345_678_901_234];
        // Epochs that the running engine will not reach, closed at the leaf index of their own number.
        for (epoch, work) in (1_001i64..).zip(works) {
            sqlx::query(
                "INSERT INTO epochs (epoch, start_ms, open_index, allocation_root, capacity_hs, close_index)
                 VALUES ($1, $1, $1, $2, '1', $1)",
            )
            .bind(epoch)
            .bind(contract.0.to_vec())
            .execute(pool)
            .await
            .unwrap();
            sqlx::query("INSERT INTO contract_epochs (contract_id, epoch, units_hs, work) VALUES ($1, $2, '1', $3)")
                .bind(contract.0.to_vec())
                .bind(epoch)
                .bind(work.to_string())
                .execute(pool)
                .await
                .unwrap();
        }
        let of =
            async |contract: Hash32, published| work_sums::of_contract(pool, &contract, published).await.unwrap().get();
        assert_eq!(of(contract, u64::MAX).await, works.iter().sum());
        assert_eq!(of(contract, 1_003).await, works[0] + works[1]);
        assert_eq!(of(Hash32([8; 32]), u64::MAX).await, 0);
    })
    .await;
}

//! Lists come in pages.

use serde_json::Value;

use super::harness::on_each_database;

#[tokio::test]
async fn pages_give_every_contract_once_newest_first() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 10_000).await;
        let mut bought = Vec::new();
        for _ in 0..5 {
            bought.push(app.buy(&token, &offer).await.expect(201)["id"].clone());
        }
        // Equal times must not lose or repeat a row.
        sqlx::query("UPDATE contracts SET created_ms = 1000").execute(app.database.pool()).await.unwrap();
        let mut listed =
            walk(async |query| app.get(&format!("/api/v1/contracts{query}"), &token).await.expect(200)).await;
        listed.sort_by_key(|contract| contract["id"].to_string());
        bought.sort_by_key(Value::to_string);
        assert_eq!(listed.iter().map(|contract| contract["id"].clone()).collect::<Vec<_>>(), bought);
    })
    .await;
}

#[tokio::test]
async fn offers_and_ledger_accounts_page_too() {
    on_each_database(async |app| {
        for name in ["One", "Two", "Three"] {
            app.offer(name, 1_000).await;
        }
        let token = app.customer("ada@example.org").await;
        let offers = walk(async |query| app.get(&format!("/api/v1/offers{query}"), "").await.expect(200)).await;
        assert_eq!(offers.len(), 3);
        let contract = app.buy(&token, offers[0]["id"].as_str().unwrap()).await.expect(201);
        app.confirm(&contract, 101).await.expect(200);
        let ledger =
            walk(async |query| app.get(&format!("/api/v1/admin/ledger{query}"), &app.operator).await.expect(200));
        let accounts = ledger.await;
        assert_eq!(accounts.iter().map(|account| account["balance_sats"].as_i64().unwrap()).sum::<i64>(), 0);
        assert_eq!(accounts.len(), 3);
    })
    .await;
}

/// Reads a list to its end, two items at a time.
async fn walk(page: impl AsyncFn(String) -> Value) -> Vec<Value> {
    let mut items = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let body = page(query).await;
        let page_items = body["items"].as_array().unwrap();
        assert!(page_items.len() <= 2);
        items.extend(page_items.clone());
        match body["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=2&cursor={cursor}"),
            None => return items,
        }
    }
}

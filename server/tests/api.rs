//! The API from outside: the whole application on free ports, on SQLite and, with `DATABASE_URL`, on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod api {
    mod accounts;
    mod addresses;
    mod bodies;
    mod btcpay;
    mod credits;
    #[path = "../btcpay/emulator.rs"]
    #[expect(dead_code, reason = "the gateway's own tests ask for more")]
    mod emulator;
    mod harness;
    mod hashprice;
    mod idempotency;
    mod invoices;
    mod ledger;
    mod lots;
    mod operator;
    mod pages;
    mod payouts;
    mod proofs;
    mod purchase;
    mod quotes;
    mod refunds;
    mod reserves;
    mod routes;
    mod statements;
}

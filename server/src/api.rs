//! The HTTP API: `/api/v1` for customers, `/api/v1/admin` for the operator, probes for machines.
//!
//! A request function authorises, loads, decides, stores and answers; permission is a value it must hold
//! ([`access::Customer`], [`access::Operator`]). The route table below is also the OpenAPI document.
//!
//! Out of scope: the evidence files under `/log`, `/epoch`, `/allocation`, `/settlement`, `/liabilities` and `/payout`, see
//! `evidence`.

pub mod access;
pub mod accounts;
pub mod addresses;
pub mod admin;
pub mod body;
pub mod contracts;
pub mod idempotent;
pub mod invoices;
pub mod metrics;
pub mod middleware;
pub mod offers;
pub mod openapi;
pub mod page;
pub mod probes;
pub mod proofs;
pub mod quotes;
pub mod rate;
pub mod records;
pub mod refunds;
pub mod reserves;
pub mod sessions;
pub mod state;
pub mod statements;
pub mod status;
pub mod terms;
pub mod unknown;
pub mod webhooks;

use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, Data, PayloadConfig};
use actix_web::{App, Error, body::MessageBody, dev};
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_actix_web::{AppExt, scope};

pub use state::State;

/// Bodies above this are refused unread. The largest of the API is well below 1 KiB.
const BODY_LIMIT: usize = 64 * 1024;

/// The application for one worker thread: API, evidence, pages.
pub fn application(
    state: Data<State>,
) -> App<
    impl dev::ServiceFactory<
        dev::ServiceRequest,
        Config = (),
        Response = dev::ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let (app, document) = App::new().into_utoipa_app().openapi(openapi::base()).configure(routes).split_for_parts();
    app.app_data(Data::new(unknown::Documented::of(&document)))
        .app_data(Data::new(openapi::Document::of(&document)))
        .app_data(Data::new(state.engine.evidence().clone()))
        .app_data(state)
        .app_data(PayloadConfig::new(BODY_LIMIT))
        .app_data(body::json(BODY_LIMIT))
        .app_data(body::query())
        .app_data(body::path())
        .configure(crate::evidence::http::configure)
        .service(web::scope("").wrap(Compress::default()).default_service(web::to(unknown::answer)))
        .default_service(web::to(unknown::answer))
        .wrap(from_fn(middleware::finish))
        .wrap(tracing_actix_web::TracingLogger::default())
}

/// Every documented route.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(
        scope("/api")
            .wrap(Compress::default())
            .service(openapi::read_document)
            .service(scope("/v1").configure(customer_routes).configure(operator_routes)),
    );
    config.service(probes::livez).service(probes::readyz).service(probes::read_metrics);
}

fn customer_routes(config: &mut ServiceConfig<'_>) {
    config
        .service(accounts::create_account)
        .service(accounts::read_account)
        .service(addresses::list_addresses)
        .service(addresses::add_address)
        .service(addresses::remove_address)
        .service(refunds::read_refunds)
        .service(refunds::choose_refund_address)
        .service(statements::read_statement)
        .service(sessions::sign_in)
        .service(sessions::sign_out)
        .service(offers::list_offers)
        .service(offers::read_offer)
        .service(terms::read_terms)
        .service(quotes::create_quote)
        .service(contracts::buy_contract)
        .service(contracts::list_contracts)
        .service(contracts::read_contract)
        .service(invoices::read_invoice)
        .service(webhooks::take_btcpay_delivery)
        .service(contracts::list_contract_epochs)
        .service(contracts::money::list_contract_credits)
        .service(contracts::money::list_contract_payouts)
        .service(status::read_status)
        .service(records::list_epochs)
        .service(records::list_blocks)
        .service(records::list_settlements)
        .service(proofs::prove_entry)
        .service(proofs::prove_shares)
        .service(reserves::read_reserves);
}

fn operator_routes(config: &mut ServiceConfig<'_>) {
    config
        .service(admin::create_offer)
        .service(admin::list_all_contracts)
        .service(admin::confirm_payment)
        .service(admin::cancel_contract)
        .service(admin::close_contract)
        .service(invoices::list_invoices)
        .service(refunds::list_owed_refunds)
        .service(refunds::list_refunds)
        .service(refunds::record_refund)
        .service(admin::transaction::broadcast)
        .service(admin::read_ledger)
        .service(statements::export_ledger)
        .service(admin::lot::create_lot)
        .service(admin::lot::list_lots)
        .service(admin::lot::close_lot)
        .service(admin::payout::list_payouts)
        .service(admin::payout::read_payout)
        .service(admin::payout::plan_payout)
        .service(admin::payout::approve_payout)
        .service(admin::payout::cancel_payout)
        .service(admin::payout::hand_out_payout)
        .service(admin::payout::take_in_payout)
        .service(admin::payout::bump_payout);
}

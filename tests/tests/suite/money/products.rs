//! What is for sale: offers under every scheme, with fee and maintenance.

use audit_core::work::Units;
use serde_json::{Value, json};
use tests::api::{Api, Offer};

/// All schemes, as terms name them.
pub(super) const SCHEMES: [&str; 5] = ["proportional", "pplns", "solo", "pps", "fpps"];

/// With these a contract of 20,000 H/s for an hour costs 83,334 sats.
const PRICE_SATS_PER_THS_DAY: u64 = 100_000_000_000_000;
const TERM_MS: u64 = 3_600_000;
/// The highest price that can be written: on regtest a hash is half a block, so a contract does few of them.
const MAINTENANCE_SATS_PER_THS_DAY: u64 = 2_100_000_000_000_000;

/// An offer and how much each of its buyers takes of it.
pub(super) struct Product {
    pub scheme: &'static str,
    pub name: &'static str,
    terms: Value,
    pub orders_hs: &'static [u64],
}

/// Of a capacity of 1 MH/s; what is not sold is the operator's own. What is paid by time is little of it: it earns whether
/// or not its blocks stay in the chain.
pub(super) fn products() -> Vec<Product> {
    let product = |scheme, name, terms, orders_hs| Product { scheme, name, terms, orders_hs };
    let included = json!("included");
    let maintained = json!({ "sats_per_ths_day": MAINTENANCE_SATS_PER_THS_DAY });
    vec![
        product("proportional", "Proportional", terms(json!("proportional"), 20_000, &included), &[20_000; 4]),
        product("proportional", "Maintained", terms(json!("proportional"), 10_000, &maintained), &[50_000, 200_000]),
        product("pplns", "PPLNS", terms(json!({ "pplns": { "window_work": "40" } }), 20_000, &included), &[30_000; 4]),
        product("solo", "Solo", terms(json!("solo"), 15_000, &included), &[60_000; 4]),
        product("pps", "PPS", terms(json!("pps"), 25_000, &included), &[10_000; 3]),
        product("fpps", "FPPS", terms(json!("fpps"), 40_000, &included), &[10_000; 3]),
    ]
}

fn terms(scheme: Value, fee_ppm: u32, maintenance: &Value) -> Value {
    json!({
        "scheme": scheme,
        "fee_ppm": fee_ppm,
        "maintenance": maintenance,
        "rounding": "largest_remainder",
        "suspension": "none",
        "shortfall": "pro_rata",
        "refund": "none",
    })
}

impl Product {
    /// Puts it up for sale.
    pub(super) async fn offer(&self, operator: &Api) -> anyhow::Result<Offer> {
        let body = json!({
            "name": self.name,
            "price_sats_per_ths_day": PRICE_SATS_PER_THS_DAY,
            "min_units_hs": "5000",
            "max_units_hs": "200000",
            "step_units_hs": "5000",
            "term_ms": TERM_MS,
            "capacity_hs": "300000",
            "terms": self.terms,
        });
        operator.post("admin/offers", &body).await
    }

    /// What its buyers order.
    pub(super) fn orders(&self) -> impl Iterator<Item = Units> {
        self.orders_hs.iter().filter_map(|units| Units::new(u128::from(*units)))
    }
}

use clap::Parser;
use serde_json::{Value, json};

use super::super::OfferArgs;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    offer: OfferArgs,
}

const OFFER: &str = "create-offer --name Small --price-sats-per-ths-day 50 --min-units-hs 1 --max-units-hs 2 \
    --step-units-hs 1 --term-ms 60000 --capacity-hs 10";

/// The terms that these flags ask for, or what is said against them.
fn terms(flags: &str) -> Result<Value, String> {
    let line = Line::try_parse_from(OFFER.split_whitespace().chain(flags.split_whitespace()));
    let body = line.map_err(|error| error.to_string())?.offer.body().map_err(|error| error.to_string())?;
    Ok(body["terms"].clone())
}

#[test]
fn without_flags_of_the_terms_an_offer_has_the_usual_ones() {
    assert_eq!(terms(""), Ok(Value::Null));
}

#[test]
fn a_fee_alone_changes_nothing_else_of_the_usual_terms() {
    let expected = json!({
        "scheme": "proportional", "fee_ppm": 10_000, "maintenance": "included", "rounding": "largest_remainder",
        "suspension": "none", "shortfall": "pro_rata", "refund": "none",
    });
    assert_eq!(terms("--fee-ppm 10000"), Ok(expected));
}

#[test]
fn flags_become_the_terms_that_the_log_has() {
    let flags = "--fee-ppm 15000 --scheme pplns --window-work 1000 --maintenance-sats-per-ths-day 40
        --suspend-after-periods 7 --resume-after-periods 3 --make-good-tolerance-ppm 50000 --refund-unused-time";
    let expected = json!({
        "scheme": {"pplns": {"window_work": "1000"}}, "fee_ppm": 15_000, "maintenance": {"sats_per_ths_day": 40},
        "rounding": "largest_remainder",
        "suspension": {"unprofitable": {"periods": 7, "resume_ppm": 1_050_000, "resume_periods": 3}},
        "shortfall": {"make_good": {"tolerance_ppm": 50_000}}, "refund": "unused_time",
    });
    assert_eq!(terms(flags), Ok(expected));
    for scheme in ["proportional", "solo", "pps", "fpps"] {
        assert_eq!(terms(&format!("--fee-ppm 1 --scheme {scheme}")).unwrap()["scheme"], scheme);
    }
}

#[test]
fn flags_that_do_not_fit_are_named() {
    #[track_caller]
    fn check(flags: &str, named: &str) {
        let refused = terms(flags).unwrap_err();
        assert!(refused.contains(named), "{flags}: {refused}");
    }
    for flag in ["--scheme solo", "--make-good-tolerance-ppm 0", "--refund-unused-time", "--window-work 5"] {
        check(flag, "--fee-ppm");
    }
    check("--maintenance-sats-per-ths-day 5", "--fee-ppm");
    check("--fee-ppm 1000001", "--fee-ppm");
    check("--fee-ppm 1 --scheme pplns", "--window-work");
    check("--fee-ppm 1 --scheme solo --window-work 5", "--scheme pplns");
    check("--fee-ppm 1 --scheme pplns --window-work 0", "a PPLNS window without work");
    check("--fee-ppm 1 --suspend-after-periods 1", "--maintenance-sats-per-ths-day");
    check("--fee-ppm 1 --maintenance-sats-per-ths-day 1 --suspend-after-periods 0", "--suspend-after-periods");
    check("--fee-ppm 1 --resume-ppm 2000000", "--suspend-after-periods");
    check("--fee-ppm 1 --maintenance-sats-per-ths-day 2100000000000001", "21 million bitcoin");
    check("--fee-ppm 1 --make-good-tolerance-ppm 1000001", "--make-good-tolerance-ppm");
    let cheap = "--fee-ppm 1 --maintenance-sats-per-ths-day 1 --suspend-after-periods 1 --resume-ppm 999999";
    check(cheap, "--resume-ppm");
}

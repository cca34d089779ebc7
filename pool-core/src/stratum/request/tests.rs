use super::*;
use proptest::prelude::*;

fn check_call(line: &str, expected: &Call) {
    assert_eq!(&parse(line.as_bytes()).unwrap().call, expected, "{line}");
}

fn check_bad(line: &str, garbage: bool, text: &str) {
    let bad = parse(line.as_bytes()).unwrap_err();
    assert_eq!(bad.garbage, garbage, "{line}: {bad:?}");
    assert!(bad.text.contains(text), "{line}: {bad:?}");
}

fn level(exponent: i8) -> Level {
    Level::new(exponent).unwrap()
}

#[test]
fn calls_of_real_miners_are_understood() {
    check_call(r#"{"id":1,"method":"mining.subscribe","params":["cgminer/4.12",null]}"#, &Call::Subscribe);
    check_call(r#"{"id":1,"method":"mining.subscribe"}"#, &Call::Subscribe);
    check_call(
        r#"{"id":2,"method":"mining.authorize","params":["a.b","x"]}"#,
        &Call::Authorize { worker: "a.b".into() },
    );
    check_call(r#"{"id":3,"method":"mining.suggest_difficulty","params":[1000]}"#, &Call::SuggestDifficulty(level(9)));
    check_call(r#"{"id":3,"method":"mining.suggest_difficulty","params":[0.3]}"#, &Call::SuggestDifficulty(level(-2)));
    check_call(
        r#"{"id":4,"method":"mining.configure","params":[["version-rolling","minimum-difficulty","info"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2,"minimum-difficulty.value":1000}]}"#,
        &Call::Configure(Configure {
            version_mask: Some(0x1fff_e000),
            minimum_level: Some(level(10)),
            subscribe_extranonce: false,
            unknown: vec!["info".into()],
        }),
    );
    check_call(
        r#"{"id":5,"method":"mining.submit","params":["a","0f","00","01","02"]}"#,
        &Call::Submit(Submit {
            worker: "a".into(),
            job: "0f".into(),
            extranonce2: "00".into(),
            ntime: "01".into(),
            nonce: "02".into(),
            version_bits: None,
        }),
    );
}

#[test]
fn wrong_calls_are_told_what_was_expected() {
    check_bad("", true, "Not JSON");
    check_bad("[1,2]", true, "JSON object");
    check_bad(r#"{"id":{},"method":"mining.ping"}"#, true, "id");
    check_bad(r#"{"id":1,"method":7}"#, true, "method");
    check_bad(r#"{"id":1,"method":"mining.ping","params":{}}"#, false, "array");
    check_bad(r#"{"id":1,"method":"eth_submitWork\u0007","params":[]}"#, false, "Unknown method eth_submitWork");
    check_bad(r#"{"id":1,"method":"mining.authorize","params":[1]}"#, false, "worker name");
    check_bad(r#"{"id":1,"method":"mining.submit","params":["a","b","c","d"]}"#, false, "extranonce2");
    check_bad(r#"{"id":1,"method":"mining.submit","params":["a","b",1,"d","e"]}"#, false, "params[2]");
    check_bad(r#"{"id":1,"method":"mining.suggest_difficulty","params":[-1]}"#, false, "above 0");
    check_bad(r#"{"id":1,"method":"mining.configure","params":[]}"#, false, "extension");
}

#[test]
fn absurd_difficulties_become_the_nearest_level() {
    assert_eq!(level_at_most(1e300), Some(Level::MAX));
    assert_eq!(level_at_least(1e-300), Some(Level::MIN));
    assert_eq!(level_at_least(f64::NAN), None);
    for exponent in Level::MIN.get()..=Level::MAX.get() {
        let difficulty = 2f64.powi(i32::from(exponent));
        assert_eq!(level_at_most(difficulty), Some(level(exponent)));
        assert_eq!(level_at_least(difficulty), Some(level(exponent)));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_json_params_are_parsed_without_panic(
        method in prop::sample::select(vec!["mining.submit", "mining.configure", "mining.authorize", "mining.suggest_difficulty"]),
        params in proptest::collection::vec(prop::sample::select(vec!["1", "null", "\"x\"", "[]", "{}", "[\"version-rolling\"]", "-1e400"]), 0..8),
    ) {
        let _ = parse(format!("{{\"id\":1,\"method\":\"{method}\",\"params\":[{}]}}", params.join(",")).as_bytes());
    }
}

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
    check_call(
        r#"{"id":2,"method":"mining.authorize","params":["a.b","x"]}"#,
        &Call::Authorize(Login::new("a.b", "x")),
    );
    check_call(
        r#"{"id":4,"method":"mining.configure","params":[["version-rolling","minimum-difficulty","info"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2,"minimum-difficulty.value":1000}]}"#,
        &Call::Configure(Configure {
            version_mask: Some(0x1fff_e000),
            minimum_level: Some(level(10)),
            subscribe_extranonce: false,
            refused: vec![("info".into(), Value::Bool(false))],
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
fn every_form_of_subscribe_is_a_subscription() {
    let check = |params: &str, agent: Option<&str>, resume: Option<&str>| {
        let [agent, resume] = [agent, resume].map(|text| text.map(str::to_owned));
        check_call(&format!(r#"{{"id":1,"method":"mining.subscribe"{params}}}"#), &Call::Subscribe { agent, resume });
    };
    check("", None, None);
    check(r#","params":null"#, None, None);
    check(r#","params":[]"#, None, None);
    check(r#","params":[null]"#, None, None);
    check(r#","params":["cgminer/4.12.1"]"#, Some("cgminer/4.12.1"), None);
    check(r#","params":["bmminer/2.0.0",null]"#, Some("bmminer/2.0.0"), None);
    check(
        r#","params":["cgminer/4.12.1","00000001aabbccddeeff001122334455"]"#,
        Some("cgminer/4.12.1"),
        Some("00000001aabbccddeeff001122334455"),
    );
    check(
        r#","params":["MinerName/1.0.0","EthereumStratum/1.0.0"]"#,
        Some("MinerName/1.0.0"),
        Some("EthereumStratum/1.0.0"),
    );
    check(r#","params":["NiceHash/1.0.0",1700000000000,"9f86d0818884"]"#, Some("NiceHash/1.0.0"), None);
    check(
        r#","params":["NiceHash/1.0.0","1700000000000","9f86d0818884"]"#,
        Some("NiceHash/1.0.0"),
        Some("1700000000000"),
    );
    check(
        r#","params":["bosminer-plus-tuner 0.2.0",null,"pool.example.com",3333]"#,
        Some("bosminer-plus-tuner 0.2.0"),
        None,
    );
}

#[test]
fn a_password_may_be_missing_or_of_another_type() {
    for params in [r#"["a"]"#, r#"["a",null]"#, r#"["a",123]"#, r#"["a",""]"#, r#"["a",[],{}]"#] {
        let line = format!(r#"{{"id":1,"method":"mining.authorize","params":{params}}}"#);
        check_call(&line, &Call::Authorize(Login::new("a", "")));
    }
}

#[test]
fn every_form_of_a_suggestion_is_understood() {
    let check =
        |call: &str, exponent: i8| check_call(&format!(r#"{{"id":3,{call}}}"#), &Call::SuggestLevel(level(exponent)));
    check(r#""method":"mining.suggest_difficulty","params":[1000]"#, 9);
    check(r#""method":"mining.suggest_difficulty","params":[0.3]"#, -2);
    check(r#""method":"mining.suggest_difficulty(65536)","params":[]"#, 16);
    check(r#""method":"mining.suggest_difficulty(1000""#, 9);
    let target = level(20).target().to_hex();
    check(&format!(r#""method":"mining.suggest_target","params":["{target}"]"#), 20);
}

#[test]
fn answers_are_no_calls() {
    check_call(r#"{"id":7,"result":"cgminer/4.12.1","error":null}"#, &Call::Answer(Some("cgminer/4.12.1".into())));
    check_call(r#"{"id":7,"result":null,"error":[-3,"Method not found",null]}"#, &Call::Answer(None));
    check_call(r#"{"id":7,"method":"mining.pong","params":[]}"#, &Call::Answer(None));
}

#[test]
fn an_extension_with_wrong_parameters_is_refused_alone() {
    let line = r#"{"id":1,"method":"mining.configure","params":[["version-rolling","minimum-difficulty"],{"version-rolling.mask":"1fffe000","minimum-difficulty.value":"hard"}]}"#;
    let Ok(Request { call: Call::Configure(configure), .. }) = parse(line.as_bytes()) else { panic!() };
    assert_eq!(configure.version_mask, Some(0x1fff_e000));
    let (name, answer) = &configure.refused[0];
    assert_eq!(name, "minimum-difficulty");
    assert!(answer.as_str().unwrap().contains("as a number"), "{answer}");
    for mask in ["\"+fffe000\"", "\"0x1fffe000\"", "7", "\"\"", "\"111111111\""] {
        let line = format!(
            r#"{{"id":1,"method":"mining.configure","params":[["version-rolling"],{{"version-rolling.mask":{mask}}}]}}"#
        );
        let Ok(Request { call: Call::Configure(configure), .. }) = parse(line.as_bytes()) else { panic!() };
        assert!(configure.version_mask.is_none() && configure.refused[0].1.is_string(), "{mask}");
    }
}

#[test]
fn no_minimum_difficulty_is_asked_for_by_zero() {
    let line =
        r#"{"id":1,"method":"mining.configure","params":[["minimum-difficulty"],{"minimum-difficulty.value":0}]}"#;
    let configure = Configure { minimum_level: Some(Level::MIN), ..Configure::default() };
    check_call(line, &Call::Configure(configure));
}

#[test]
fn wrong_calls_are_told_what_was_expected() {
    check_bad("", true, "Not JSON");
    check_bad("[1,2]", true, "JSON object");
    check_bad(r#"{"id":{},"method":"mining.ping"}"#, true, "id");
    check_bad(r#"{"id":1.5,"method":"mining.ping"}"#, true, "whole number");
    check_bad(r#"{"id":123456789012345678901234567890,"method":"mining.ping"}"#, true, "whole number");
    check_bad(r#"{"id":1,"method":7}"#, true, "method");
    check_bad(r#"{"id":1,"method":7,"result":true}"#, true, "method");
    check_bad(r#"{"id":1,"method":"mining.ping","params":{}}"#, false, "array");
    check_bad(r#"{"id":1,"method":"mining.subscribe","params":{}}"#, false, "array");
    check_bad(r#"{"id":1,"method":"eth_submitWork\u0007","params":[]}"#, false, "Unknown method eth_submitWork");
    check_bad(r#"{"id":1,"method":"mining.authorize","params":[1]}"#, false, "worker name");
    check_bad(r#"{"id":1,"method":"mining.submit","params":["a","b","c","d"]}"#, false, "extranonce2");
    check_bad(r#"{"id":1,"method":"mining.submit","params":["a","b",1,"d","e"]}"#, false, "params[2]");
    check_bad(r#"{"id":1,"method":"mining.suggest_difficulty","params":[-1]}"#, false, "above 0");
    check_bad(r#"{"id":1,"method":"mining.suggest_difficulty(hard)","params":[]}"#, false, "above 0");
    check_bad(r#"{"id":1,"method":"mining.suggest_target","params":[65536]}"#, false, "target");
    check_bad(r#"{"id":1,"method":"mining.configure","params":[]}"#, false, "extension");
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_json_params_are_parsed_without_panic(
        method in prop::sample::select(vec!["mining.submit", "mining.configure", "mining.authorize", "mining.suggest_difficulty", "mining.suggest_target", "mining.subscribe"]),
        params in proptest::collection::vec(prop::sample::select(vec!["1", "null", "\"x\"", "[]", "{}", "[\"version-rolling\",\"minimum-difficulty\"]", "-1e400"]), 0..8),
    ) {
        let _ = parse(format!("{{\"id\":1,\"method\":\"{method}\",\"params\":[{}]}}", params.join(",")).as_bytes());
    }
}

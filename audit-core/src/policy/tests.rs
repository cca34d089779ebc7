use super::*;
use crate::{
    checkpoint::{Checkpoint, CheckpointError, LogKey, VkeyError},
    cosignature::WitnessKey,
    hash::Hash32,
};
use std::string::String;

fn log(number: u8) -> LogKey {
    LogKey::new(&format!("log{number}.example"), &[number; 32])
}

fn witness(number: u8) -> WitnessKey {
    WitnessKey::new(&format!("w{number}.example"), &[number + 100; 32])
}

/// `$L1` is the key of log 1, `$W1` that of witness 1.
fn text(template: &str) -> String {
    (1..=9).fold(template.to_string(), |text, number| {
        let text = text.replace(&format!("$L{number}"), &log(number).vkey().to_string());
        text.replace(&format!("$W{number}"), &witness(number).vkey().to_string())
    })
}

fn policy(template: &str) -> Policy {
    Policy::parse(text(template)).unwrap()
}

/// The note of log `signer`, cosigned by these witnesses at these times.
fn note(signer: &LogKey, cosigned: &[(u8, u64)]) -> Vec<u8> {
    let checkpoint = Checkpoint { origin: signer.origin().into(), size: 3, root: Hash32([9; 32]) };
    let mut note = checkpoint.sign(signer);
    for (number, time_s) in cosigned {
        note.extend(witness(*number).cosign(checkpoint.body().as_bytes(), *time_s).bytes());
    }
    note
}

/// The example of c2sp.org/tlog-policy with keys filled in.
const EXAMPLE: &str = "log $L1\n\nwitness X1 $W1\nwitness X2 $W2\nwitness X3 $W3\ngroup X-witnesses 2 X1 X2 X3\n\n\
    witness Y1 $W4\nwitness Y2 $W5\nwitness Y3 $W6\ngroup Y-witnesses any Y1 Y2 Y3\n\n\
    group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n";

#[test]
fn the_published_example_means_what_it_says() {
    let policy = policy(EXAMPLE);
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, 6));
    assert_eq!(policy.quorum_text(), "2 of 2 (X-witnesses, Y-witnesses)");
    for (cosigned, holds) in [
        (&[][..], false),
        (&[1, 2], false),
        (&[4], false),
        (&[1, 4], false),
        (&[1, 2, 4], true),
        (&[3, 1, 6], true),
        (&[4, 5, 6, 1], false),
        (&[1, 2, 3, 4, 5, 6], true),
    ] {
        let times: Vec<(u8, u64)> = cosigned.iter().map(|number| (*number, 7)).collect();
        assert_eq!(policy.judge(&note(&log(1), &times)).is_ok(), holds, "{cosigned:?}");
    }
}

#[test]
fn a_policy_is_written_as_it_is_read() {
    for template in [
        EXAMPLE,
        "log $L1\nquorum none\n",
        "log $L1 https://log.example/\nlog $L2\nwitness w $W1 https://w.example/x\nquorum w\n",
        "#chain 840000 0000000000000000000320283a032748cef8227873ff4872689bf23f1cda83a5\nlog $L1\nquorum none\n",
    ] {
        let policy = policy(template);
        assert_eq!(Policy::parse(policy.to_string()), Ok(policy));
    }
    assert_eq!(policy("log $L1\nquorum none\n"), Policy::of_log(log(1).vkey()));
    let chain =
        policy("#chain 7 00000000000000000000000000000000000000000000000000000000000000ff\nlog $L1\nquorum none");
    assert_eq!(chain.chain_start().map(|start| (start.height, start.hash.0[0])), Some((7, 0xff)));
}

#[test]
fn space_comments_and_a_missing_last_newline_do_not_matter() {
    let plain = policy("log $L1\nwitness w $W1\nquorum w\n");
    let spaced = " \t# note: \u{e9}\n\n\tlog \t $L1  \n witness\tw $W1\n  #log x\n#chaining\nquorum  w ";
    assert_eq!(policy(spaced), plain);
}

#[test]
fn every_rule_of_the_syntax_has_its_error() {
    #[track_caller]
    fn check(template: &str, line: usize, fault: Fault) {
        assert_eq!(Policy::parse(text(template)), Err(PolicyError::Line { line, fault }), "{template}");
    }
    let vkey = |error| Fault::Vkey(error);
    check("log\n", 1, Fault::Form);
    check("log $L1 url more\n", 1, Fault::Form);
    check("Log $L1\n", 1, Fault::Form);
    check("witness w\n", 1, Fault::Form);
    check("witness w $W1 url more\n", 1, Fault::Form);
    check("group g all\n", 1, Fault::Form);
    check("quorum\n", 1, Fault::Form);
    check("quorum none none\n", 1, Fault::Form);
    check("quorum none # really\n", 1, Fault::Form);
    check("log $L1\r\n", 1, Fault::Character);
    check("# \u{7f}\n", 1, Fault::Character);
    check("\0\n", 1, Fault::Character);
    check("log x\n", 1, vkey(VkeyError::Malformed));
    check("\nlog $W1\n", 2, Fault::Kind("log"));
    check("witness w $L1\n", 1, Fault::Kind("witness"));
    check("log $L1\nlog $L1\n", 2, Fault::DuplicateKey);
    check("witness a $W1\nwitness b $W1\n", 2, Fault::DuplicateKey);
    check("witness a $W1\nwitness a $W2\n", 2, Fault::Name);
    check("witness none $W1\n", 1, Fault::Name);
    check("witness a $W1\ngroup a any a\n", 2, Fault::Name);
    check("witness a $W1\ngroup none any a\n", 2, Fault::Name);
    check("group g any a\nwitness a $W1\n", 1, Fault::Undefined);
    check("witness a $W1\ngroup g any g a\n", 2, Fault::Undefined);
    check("witness a $W1\ngroup g any none\n", 2, Fault::Undefined);
    check("witness a $W1\ngroup g any A\n", 2, Fault::Undefined);
    check("quorum a\nwitness a $W1\n", 1, Fault::Undefined);
    check("witness a $W1\ngroup g any a a\n", 2, Fault::MemberTwice);
    check("witness a $W1\ngroup g any a\ngroup h any a\n", 3, Fault::MemberTwice);
    for threshold in ["0", "2", "01", "+1", "ALL", "most", "99999999999999999999999"] {
        check(&format!("witness a $W1\ngroup g {threshold} a\n"), 2, Fault::Threshold);
    }
    check("quorum none\nquorum none\n", 2, Fault::SecondQuorum);
    check("#chain\n", 1, Fault::Chain);
    check("#chain of trust\n", 1, Fault::Chain);
    check("#chain 07 00000000000000000000000000000000000000000000000000000000000000ff\n", 1, Fault::Chain);
    let twice = "#chain 7 00000000000000000000000000000000000000000000000000000000000000ff\n".repeat(2);
    check(&twice, 2, Fault::Chain);
    assert_eq!(Policy::parse("quorum none\n"), Err(PolicyError::NoLog));
    assert_eq!(Policy::parse(text("log $L1\n")), Err(PolicyError::NoQuorum));
    assert_eq!(Policy::parse(" ".repeat(POLICY_MAX + 1)), Err(PolicyError::TooLong));
}

#[test]
fn the_same_key_under_another_name_is_a_duplicate() {
    let twin = LogKey::new("other.example", &[1; 32]).vkey();
    let duplicate = PolicyError::Line { line: 2, fault: Fault::DuplicateKey };
    assert_eq!(Policy::parse(text(&format!("log $L1\nlog {twin}\nquorum none\n"))), Err(duplicate));
}

#[test]
fn names_are_octets() {
    let with = |name: &[u8]| {
        let witness = text(" $W1\nquorum none\n");
        Policy::parse([text("log $L1\nwitness K $W2\nwitness ").as_bytes(), name, witness.as_bytes()].concat())
    };
    for name in [&b"\xe2\x84\xaa"[..], b"\xff", b"\xe9", "\u{f7ff}".as_bytes(), b"k"] {
        assert!(with(name).is_ok(), "{name:?}");
    }
    assert!(with(b"K").is_err());
    let names = |name: &[u8]| with(name).unwrap().witnesses()[1].name.clone();
    assert_ne!(names(b"\xff"), names("\u{f7ff}".as_bytes()));
}

#[test]
fn thirty_two_and_more_of_everything_are_read() {
    let mut text = String::new();
    for number in 0..64u8 {
        let vkey = LogKey::new(&format!("l{number}"), &[number; 32]).vkey();
        let cosigner = WitnessKey::new(&format!("w{number}"), &[number + 64; 32]).vkey();
        text += &format!("log {vkey}\nwitness w{number} {cosigner}\ngroup g{number} any w{number}\n");
    }
    let groups: Vec<String> = (0..64).map(|number| format!("g{number}")).collect();
    text += &format!("group all 33 {}\nquorum all\n", groups.join(" "));
    assert_eq!(Policy::parse(&text).unwrap().witnesses().len(), 64);
}

#[test]
fn any_of_the_logs_is_believed_and_no_other() {
    let policy = policy("log $L1\nlog $L2\nquorum none\n");
    for number in [1, 2] {
        let judged = policy.judge(&note(&log(number), &[])).unwrap();
        assert_eq!(judged.log, log(number).vkey());
        assert_eq!(judged.checkpoint.origin, log(number).origin());
    }
    assert!(matches!(policy.judge(&note(&log(3), &[])), Err(CheckpointError::Origin { .. })));
    let imposter = LogKey::new("log1.example", &[3; 32]);
    assert_eq!(policy.judge(&note(&imposter, &[])), Err(CheckpointError::Unsigned("log1.example".into())));
}

#[test]
fn a_cosignature_is_listed_with_its_time_and_counts_once() {
    let policy = policy("log $L1\nwitness a $W1\nwitness b $W2\ngroup g 2 a b\nquorum g\n");
    let judged = policy.judge(&note(&log(1), &[(2, 20), (1, 10), (9, 5)])).unwrap();
    let listed: Vec<(&str, u64)> = judged.cosigned.iter().map(|one| (one.witness.as_str(), one.time_s)).collect();
    assert_eq!(listed, [("b", 20), ("a", 10)]);
    assert!(policy.is_met(&judged, |time_s| time_s >= 10));
    assert!(!policy.is_met(&judged, |time_s| time_s > 10));
    let expected = CheckpointError::Quorum { expected: "2 of 2 (a, b)".into(), found: "a".into() };
    assert_eq!(policy.judge(&note(&log(1), &[(1, 10), (1, 11), (9, 5)])), Err(expected));
    assert_eq!(policy.judge_log(&note(&log(1), &[(1, 10), (1, 11)])).unwrap().cosigned.len(), 1);
}

#[test]
fn a_cosignature_without_the_log_or_over_another_text_is_refused() {
    let policy = policy("log $L1\nwitness a $W1\nquorum a\n");
    let checkpoint = Checkpoint { origin: "log1.example".into(), size: 3, root: Hash32([9; 32]) };
    let only = format!("{}\n{}", checkpoint.body(), witness(1).cosign(checkpoint.body().as_bytes(), 1));
    assert_eq!(policy.judge(only.as_bytes()), Err(CheckpointError::Unsigned("log1.example".into())));
    let mut other = note(&log(1), &[]);
    other.extend(witness(1).cosign(b"another text\n", 1).bytes());
    assert_eq!(policy.judge(&other), Err(CheckpointError::Signature("w1.example".into())));
}

#[test]
fn the_operators_policy_asks_for_as_many_as_he_says() {
    let witnesses = [("all", 1), ("witnesses", 2), ("c", 3)].map(|(name, number)| PolicyWitness {
        name: name.into(),
        vkey: witness(number).vkey(),
        url: Some("https://w.example/".into()),
    });
    let policy = Policy::of_witnesses(log(1).vkey(), &witnesses, 2).unwrap();
    assert_eq!(policy.quorum_text(), "2 of 3 (all, witnesses, c)");
    assert!(policy.judge(&note(&log(1), &[(1, 1), (3, 1)])).is_ok());
    assert!(policy.judge(&note(&log(1), &[(1, 1)])).is_err());
    assert!(policy.would_be_met_by(&["c", "all"]) && !policy.would_be_met_by(&["c", "d"]));
    assert!(Policy::of_witnesses(log(1).vkey(), &witnesses, 4).is_err());
    assert_eq!(Policy::of_witnesses(log(1).vkey(), &[], 0), Ok(Policy::of_log(log(1).vkey())));
}

use super::*;
use crate::stratum::request::{self, Call};
use proptest::prelude::*;

const LINE: &str = r#"{"id":4,"method":"mining.submit","params":["lot.rig","000000000000000700020d","0011223344556677","65000000","deadbeef","00002000"]}"#;

/// Both parsers say the same, or this one leaves the line to the other.
fn agrees(line: &[u8]) -> bool {
    let Some(read) = parse(line) else { return false };
    let request = request::parse(line).expect("what is read here is a request");
    let Call::Submit(submit) = &request.call else { panic!("{request:?} is no submission") };
    assert_eq!(request.id.to_string(), read.id);
    assert_eq!(submit.texts(), read.texts);
    true
}

#[test]
fn rigs_lines_are_read() {
    for line in [
        LINE,
        &LINE.replace(",\"00002000\"", ""),
        &LINE.replace(':', ": ").replace(',', ", "),
        r#"{"params": ["a", "b", "c", "d", "e"], "id": 0, "method": "mining.submit"}"#,
        " {\t\"method\" : \"mining.submit\" , \"id\":123456789012345,\"params\":[\"\",\"\",\"\",\"\",\"\"] }\r",
    ] {
        assert!(agrees(line.as_bytes()), "{line}");
    }
}

#[test]
fn anything_unusual_is_left_to_the_general_parser() {
    for (from, to) in [
        ("\"id\":4", "\"id\":\"4\""),
        ("\"id\":4", "\"id\":null"),
        ("\"id\":4", "\"id\":4.0"),
        ("\"id\":4", "\"id\":4e1"),
        ("\"id\":4", "\"id\":-4"),
        ("\"id\":4", "\"id\":04"),
        ("\"id\":4", "\"id\":1234567890123456"),
        ("\"id\":4", "\"id\":4,\"id\":5"),
        ("\"id\":4", "\"jsonrpc\":\"2.0\",\"id\":4"),
        ("submit", "submit2"),
        ("lot.rig", "lot\\u002erig"),
        ("lot.rig", "löt"),
        ("\"lot.rig\"", "7"),
        ("\"deadbeef\",\"00002000\"", "\"deadbeef\",\"00002000\",\"1\""),
        (",\"deadbeef\",\"00002000\"", ""),
        ("]}", "]}}"),
        ("]}", "],}"),
        ("]}", "]"),
        ("\"]", "\",]"),
    ] {
        let line = LINE.replacen(from, to, 1);
        assert_ne!(line, LINE);
        assert_eq!(parse(line.as_bytes()), None, "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    #[test]
    fn a_changed_line_means_the_same_to_both_parsers(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), 0u8..3, any::<u8>()), 1..4),
    ) {
        let mut line = LINE.as_bytes().to_vec();
        for (at, kind, byte) in changes {
            let at = at.index(line.len());
            match kind {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                _ => drop(line.remove(at)),
            }
        }
        agrees(&line);
    }

    #[test]
    fn pieces_in_any_order_mean_the_same_to_both_parsers(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "{", "}", "[", "]", ",", ":", " ", "\"id\"", "\"method\"", "\"params\"", "\"mining.submit\"", "7", "0", "\"a\"",
            "\"id\":7", "\"method\":\"mining.submit\"", "\"params\":[\"a\",\"b\",\"c\",\"d\",\"e\"]",
            "\"params\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]",
        ]), 0..8),
    ) {
        agrees(format!("{{{}}}", pieces.join(",")).as_bytes());
        agrees(pieces.concat().as_bytes());
    }
}

use super::*;
use crate::fixtures;

#[test]
fn hardest_level_is_never_below_the_network_target() {
    let check = |nbits: u32, expected: Option<i8>| {
        let hardest = fixtures::job(nbits).hardest_level();
        assert_eq!(hardest.map(Level::get), expected, "{nbits:08x}");
    };
    check(0x207f_ffff, Some(-32));
    check(0x1d00_ffff, Some(0));
    check(0x1e03_77ae, Some(-10));
    check(0x1700_0000, None);
}

#[test]
fn levels_share_a_row_and_differ_in_their_anchor() {
    let job = fixtures::job(0x1d00_ffff);
    let (easy, hard) = (job.at(Level::new(-3).unwrap()), job.at(Level::new(-2).unwrap()));
    assert_ne!(easy.anchor, hard.anchor);
    assert!(Arc::ptr_eq(&easy, &job.at(Level::new(-3).unwrap())));
    assert!(easy.notify.line(false).contains(&hex::encode(easy.anchor.0)));
}

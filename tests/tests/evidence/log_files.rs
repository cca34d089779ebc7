//! The files of a log that has grown since its checkpoint was read.

use audit_core::{
    audit::AuditRequest,
    tile::{TILE_WIDTH, entries_path, split_bundle, to_bundle},
};
use tests::operator::{Cheats, Script};

use crate::cheats::run;

#[test]
fn a_full_bundle_stands_for_the_partial_one_that_it_replaced() {
    let mut story = Script::tell(&Cheats::default());
    let partial = story.files.keys().find(|path| path.starts_with("log/tile/entries/000.p/")).unwrap().clone();
    let width = partial.rsplit('/').next().unwrap().parse().unwrap();
    let bundle = story.files.remove(&partial).unwrap();
    let request = AuditRequest::new(story.policy.clone());
    assert!(!run(&story.files, &request).held);

    let mut entries = split_bundle(&bundle, width).unwrap();
    entries.resize(TILE_WIDTH as usize, b"logged later");
    story.files.insert(format!("log/{}", entries_path(0, TILE_WIDTH)), to_bundle(entries));
    let report = run(&story.files, &request);
    assert!(report.held, "{:?}", report.checks);
}

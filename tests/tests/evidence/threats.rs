//! `docs/THREATS.md` says what finds each cheat: it must be what the vectors show.

use std::{collections::BTreeMap, fs, path::PathBuf};

use tests::operator::threats::threats;

/// Vector → check, from the rows of the page's table.
fn documented() -> BTreeMap<String, String> {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/THREATS.md");
    let page = fs::read_to_string(page).expect("docs/THREATS.md is in the checkout");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, _, _, vector, check, _] = cells[..] else { return None };
        Some((vector.strip_prefix('`')?.strip_suffix('`')?.to_owned(), check.trim_matches('`').to_owned()))
    };
    page.lines().filter_map(row).collect()
}

#[test]
fn the_threats_page_names_the_check_that_fails_in_each_vector() {
    let shown = threats().into_iter().map(|(name, vector)| (name.to_owned(), vector.fails.unwrap_or_default()));
    assert_eq!(documented(), shown.collect());
}

//! What every file of the checkout keeps to.

use crate::sources::{self, Source};

/// Above this a file is two files.
const LONGEST_FILE: usize = 800;
const CODE: &[&str] = &["rs", "ts", "svelte", "js", "mjs", "css", "sql"];
/// Written by a tool from the server's OpenAPI document.
const GENERATED: &[&str] = &["frontend/src/lib/api/schema.d.ts"];

#[track_caller]
fn check(sources: &[Source], complaint: &str, is_bad: impl Fn(&str) -> bool) {
    let places = sources.iter().flat_map(|source| {
        let lines = source.text.lines().enumerate();
        let bad = lines.filter(|(_, line)| is_bad(line));
        bad.map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim()))
    });
    let places: Vec<String> = places.collect();
    assert!(places.is_empty(), "{complaint}:\n{}", places.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = sources::all(CODE)
        .iter()
        .filter(|source| !GENERATED.contains(&source.path.as_str()))
        .filter(|source| source.text.lines().count() > LONGEST_FILE)
        .map(|source| source.path.clone())
        .collect();
    assert!(long.is_empty(), "longer than {LONGEST_FILE} lines: {long:?}");
}

#[test]
fn nothing_is_left_to_be_done() {
    // Put together here so that this file is not a finding.
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat()];
    check(&sources::all(CODE), "left to be done", |line| {
        sources::words(line).any(|word| marks.iter().any(|mark| word == mark))
    });
}

#[test]
fn no_test_is_switched_off_and_no_lint_silenced_without_a_reason() {
    let forbidden = [["#[ig", "nore"].concat(), ["#[al", "low("].concat(), ["#![al", "low("].concat()];
    check(&sources::all(&["rs"]), "not allowed", |line| forbidden.iter().any(|text| line.contains(text.as_str())));
}

#[test]
fn modules_are_files_beside_their_folder() {
    let old: Vec<String> =
        sources::all(&["rs"]).into_iter().map(|source| source.path).filter(|path| path.ends_with("/mod.rs")).collect();
    assert!(old.is_empty(), "foo.rs + foo/, not foo/mod.rs: {old:?}");
}

#[test]
fn every_package_states_the_licence() {
    for manifest in sources::all(&["toml"]).iter().filter(|source| source.path.ends_with("/Cargo.toml")) {
        assert!(manifest.text.contains("license.workspace = true"), "{} states no licence", manifest.path);
        assert!(manifest.text.contains("[lints]\nworkspace = true"), "{} has lints of its own", manifest.path);
    }
    for manifest in sources::all(&["json"]).iter().filter(|source| source.path.ends_with("/package.json")) {
        assert!(manifest.text.contains(r#""license": "MIT OR Apache-2.0""#), "{} states no licence", manifest.path);
    }
}

#[test]
fn names_say_what_a_thing_is() {
    let empty = ["Manager", "Handler", "Helper", "Service", "Util", "Utils"];
    let modules = ["mod manager", "mod handlers", "mod helpers", "mod utils", "mod util", "mod service"];
    let kinds = ["struct", "enum", "trait", "type"];
    check(&sources::all(&["rs"]), "a name that says nothing", |line| {
        let words: Vec<&str> = sources::words(line).collect();
        let defined = words.windows(2).filter(|pair| kinds.contains(&pair[0])).map(|pair| pair[1]);
        let says_nothing = |name: &str| empty.iter().any(|ending| name.ends_with(ending));
        let is_empty_module = modules.iter().any(|module| line.trim_end_matches(';').ends_with(module));
        !line.trim_start().starts_with("//") && (defined.into_iter().any(says_nothing) || is_empty_module)
    });
}

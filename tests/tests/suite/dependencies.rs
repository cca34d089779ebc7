//! Who may depend on whom (the table in docs/ARCHITECTURE), and what stays in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::sources::{self, Source};

/// The workspace's packages and which other packages of it each may use.
const MEMBERS: &[(&str, &[&str])] = &[
    ("share-hash", &[]),
    ("audit-core", &["share-hash"]),
    ("pool-core", &["audit-core", "share-hash"]),
    ("server", &["audit-core", "pool-core"]),
    ("verifier-wasm", &["audit-core", "share-hash"]),
    ("auditor", &["audit-core"]),
    ("tests", &["audit-core", "pool-core", "share-hash"]),
    ("properties", &["audit-core", "pool-core"]),
    ("xtask", &[]),
];

/// Packages that must be nowhere in the tree of a member: they would bring in what the member is promised to be without.
const KEPT_OUT: &[(&str, &[&str])] = &[
    (
        "audit-core",
        &["tokio", "actix-web", "sqlx", "reqwest", "ureq", "bitcoin", "secp256k1", "rand", "chrono", "time"],
    ),
    ("verifier-wasm", &["tokio", "actix-web", "sqlx", "reqwest", "ureq", "bitcoin", "secp256k1"]),
    ("pool-core", &["actix-web", "sqlx"]),
    ("auditor", &["actix-web", "sqlx", "tokio", "bitcoin"]),
];

/// Packages that ship; tests and xtask are developer tools.
const SHIPPED: &[&str] = &["share-hash/", "audit-core/", "pool-core/", "server/", "verifier-wasm/", "auditor/"];

fn cargo(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO")).args(arguments).current_dir(sources::root()).output().expect("cargo starts");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// Lines of shipped Rust source that are bad, unless their file may have them.
#[track_caller]
fn check(complaint: &str, may: impl Fn(&str) -> bool, is_bad: impl Fn(&str) -> bool) {
    let shipped = |source: &Source| SHIPPED.iter().any(|folder| source.path.starts_with(folder));
    let mut places = Vec::new();
    for source in sources::all(&["rs"]).iter().filter(|source| shipped(source) && !may(&source.path)) {
        let lines = source.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        let bad = lines.filter(|(_, line)| is_bad(line));
        places.extend(bad.map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim())));
    }
    assert!(places.is_empty(), "{complaint}:\n{}", places.join("\n"));
}

#[test]
fn members_use_only_the_members_they_may() {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let packages: BTreeMap<&str, &Value> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["name"].as_str().unwrap(), package))
        .collect();
    let expected: BTreeSet<&str> = MEMBERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(packages.keys().copied().collect::<BTreeSet<_>>(), expected, "the members of the workspace");
    for (name, may) in MEMBERS {
        for dependency in packages[name]["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            let is_member = expected.contains(used);
            assert!(!is_member || may.contains(&used), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn trees_are_free_of_what_they_must_not_contain() {
    for (member, kept_out) in KEPT_OUT {
        let tree = cargo(&["tree", "--package", member, "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
        let used: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        let found: Vec<&&str> = kept_out.iter().filter(|name| used.contains(**name)).collect();
        assert!(found.is_empty(), "{member} brings in {found:?}");
    }
}

#[test]
fn sql_is_only_in_the_database_folder() {
    // A test of the server may move a stored date to arrange its case.
    let places = ["server/src/db/", "server/src/db.rs", "server/tests/"];
    let may = |path: &str| places.iter().any(|place| path.starts_with(place));
    check("SQL outside server/src/db", may, |line| line.contains("sqlx::query") || line.contains("query_as("));
}

#[test]
fn the_environment_is_read_only_in_configuration() {
    let may = |path: &str| path.ends_with("/config.rs") || path.contains("/tests/") || path.ends_with("/build.rs");
    check("std::env outside config.rs", may, |line| line.contains("std::env") || line.contains(" env::var"));
}

#[test]
fn the_audited_rules_have_no_floats_clock_or_randomness() {
    let elsewhere = |path: &str| !path.starts_with("audit-core/src/");
    let kept_out = ["f32", "f64", "SystemTime", "Instant", "thread_rng", "getrandom"];
    check("not in audit-core", elsewhere, |line| sources::words(line).any(|word| kept_out.contains(&word)));
}

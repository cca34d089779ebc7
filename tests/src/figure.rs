//! Figures that tests print for `cargo xtask show`.

use serde_json::{Value, json};

/// Prints `figure {"name":…}` on a line of its own; `fields` is a JSON object.
pub fn print(name: &str, mut fields: Value) {
    fields["name"] = json!(name);
    println!("\nfigure {fields}");
}

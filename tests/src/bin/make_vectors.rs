//! Writes `tests/vectors/audit/*.json` anew. Run it after a change of the evidence format, and read the difference.

use std::{fs, path::Path};

use tests::operator::cases::vectors;

fn main() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/audit");
    fs::create_dir_all(&folder)?;
    for (name, vector) in vectors() {
        let path = folder.join(format!("{name}.json"));
        fs::write(&path, serde_json::to_vec_pretty(&vector)?)?;
        println!("{}", path.display());
    }
    Ok(())
}

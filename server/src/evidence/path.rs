//! The public paths as a closed grammar: what is not named here does not exist, so no request can leave the store.

use tlog_tiles::Tile;

/// Files of a sealed epoch.
const EPOCH_FILES: [&str; 6] = ["jobs.json", "sessions.json", "shares", "shares.zst", "chunks", "rejects.json"];

/// One file's public nature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Nature {
    /// Its media type.
    pub content_type: &'static str,
    /// Whether its bytes change.
    pub changes: Changes,
    /// Whether intermediaries may compress it; those that may not have byte ranges.
    pub compressible: bool,
}

/// How long a copy of a file may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Changes {
    /// For ever.
    Never,
    /// For a few seconds.
    Often,
    /// Never without asking: it must fit what another file says now.
    AtAnyTime,
}

/// What is at a path below the site's root (`log/checkpoint`, no leading slash); `None` when no evidence can be there.
pub(crate) fn nature(path: &str) -> Option<Nature> {
    let (kind, rest) = path.split_once('/')?;
    match kind {
        "log" => log_nature(rest),
        "epoch" => {
            let (epoch, file) = rest.split_once('/')?;
            (is_number(epoch) && EPOCH_FILES.contains(&file)).then(|| file_nature(file))
        }
        "allocation" => rest.strip_suffix(".json").filter(|name| is_hash(name)).map(file_nature_json),
        "settlement" | "accrual" | "conclusion" | "liabilities" => {
            rest.strip_suffix(".json").filter(|name| is_number(name)).map(file_nature_json)
        }
        "payout" => rest.strip_suffix(".json").filter(|name| is_hash(name)).map(payout_nature),
        "chain" => chain_nature(rest),
        _ => None,
    }
}

fn chain_nature(rest: &str) -> Option<Nature> {
    match rest.split_once('/')? {
        ("side", hash) => is_hash(hash).then_some(BINARY),
        (period, "headers" | "coinbases") => {
            is_number(period).then_some(Nature { changes: Changes::AtAnyTime, ..BINARY })
        }
        _ => None,
    }
}

fn log_nature(rest: &str) -> Option<Nature> {
    if rest == "checkpoint" || rest == "policy" {
        return Some(Nature { content_type: TEXT, changes: Changes::Often, compressible: false });
    }
    if let Some(size) = rest.strip_prefix("checkpoints/") {
        return is_number(size).then_some(Nature { content_type: TEXT, changes: Changes::Never, compressible: false });
    }
    let (level, coordinates) = rest.strip_prefix("tile/")?.split_once('/')?;
    is_tile(level, coordinates).then_some(BINARY)
}

/// C2SP says `entries` and leaves out the height, which is always 8; the crate says `data` and states the height. It
/// panics on a width of 0 and on levels from 64, so these are refused first.
fn is_tile(level: &str, coordinates: &str) -> bool {
    let width = coordinates.split_once(".p/").map(|(_, width)| width);
    let width_is_sane = width.is_none_or(|width| is_number(width) && width != "0");
    let level = match level {
        "entries" => "data",
        number if is_number(number) && number.parse().is_ok_and(|level: u8| level < 64) => number,
        _ => return false,
    };
    width_is_sane && Tile::from_path(&format!("tile/8/{level}/{coordinates}")).is_ok()
}

const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: Nature =
    Nature { content_type: "application/octet-stream", changes: Changes::Never, compressible: false };

fn file_nature(file: &str) -> Nature {
    match file.rsplit_once('.') {
        Some((_, "json")) => file_nature_json(file),
        Some((_, "zst")) => Nature { content_type: "application/zstd", ..BINARY },
        _ => BINARY,
    }
}

/// A payout's file is written again when its transaction is in a block.
fn payout_nature(name: &str) -> Nature {
    Nature { changes: Changes::Often, compressible: false, ..file_nature_json(name) }
}

fn file_nature_json(_: &str) -> Nature {
    Nature { content_type: "application/json", changes: Changes::Never, compressible: true }
}

/// A decimal u64 without leading zeros.
fn is_number(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|number| number.to_string() == text)
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_paths_are_known() {
        let hash = "ab".repeat(32);
        for path in [
            "log/checkpoint",
            "log/policy",
            "log/checkpoints/12",
            "log/tile/0/000",
            "log/tile/0/000.p/255",
            "log/tile/1/x001/234",
            "log/tile/entries/000.p/1",
            "epoch/7/jobs.json",
            "epoch/7/shares",
            "epoch/7/shares.zst",
            "settlement/1.json",
            "accrual/1.json",
            "conclusion/1.json",
            "liabilities/1.json",
            &format!("payout/{hash}.json"),
            &format!("allocation/{hash}.json"),
            "chain/435/headers",
            "chain/0/coinbases",
            &format!("chain/side/{hash}"),
        ] {
            assert!(nature(path).is_some(), "{path}");
        }
    }

    #[test]
    fn nothing_outside_the_grammar_exists() {
        for path in [
            "",
            "log",
            "log/",
            "log.key",
            "log/../log.key",
            "log/checkpoint/",
            "log/checkpoint.tmp",
            "log/checkpoints/012",
            "log/checkpoints/../../log.key",
            "log/tile/8/0/000",
            "log/tile/64/000",
            "log/tile/0/000.p/256",
            "log/tile/0/000.p/0",
            "log/tile/0/000.p/00",
            "log/tile/0/000.p/+0",
            "log/tile/0/x.p/0",
            "log/tile/data/000",
            "log/tile/entries/../000",
            "epoch/07/shares",
            "epoch/-1/shares",
            "epoch/7/shares.tmp",
            "epoch/7//shares",
            "epoch/7/..",
            "settlement/1",
            "settlement/+1.json",
            "allocation/AB.json",
            "liabilities/01.json",
            "liabilities/1.json.tmp",
            "payout/1.json",
            "chain/blocks",
            "chain/0/blocks",
            "chain/00/headers",
            "chain/0/headers/",
            "chain/0/headers.tmp",
            "chain/side/headers",
            "chain/side/../0/headers",
            "operator.token",
            "provenhash.db",
        ] {
            assert_eq!(nature(path), None, "{path}");
        }
    }
}

//! How many tests passed and failed, read from what the runners print.

/// Summed over the runners.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Counts {
    /// cargo: `test result: ok. 12 passed; 0 failed; 0 ignored; …`, once per test binary.
    pub(crate) fn see_cargo(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.add(result, "passed", "failed");
        }
    }

    /// vitest: `      Tests  1 failed | 12 passed (13)`.
    pub(crate) fn see_vitest(&mut self, line: &str) {
        let plain = without_colours(line);
        if let Some(result) = plain.trim_start().strip_prefix("Tests ") {
            self.add(result, "passed", "failed");
        }
    }

    /// node --test: `ℹ pass 3` and `ℹ fail 0`.
    pub(crate) fn see_node(&mut self, line: &str) {
        let plain = without_colours(line);
        let mut words = plain.trim_start_matches(['ℹ', '#', ' ']).split_whitespace();
        let (name, count) = (words.next(), words.next().and_then(|count| count.parse::<u64>().ok()));
        match (name, count, words.next()) {
            (Some("pass"), Some(count), None) => self.passed += count,
            (Some("fail"), Some(count), None) => self.failed += count,
            _ => {}
        }
    }

    fn add(&mut self, result: &str, passed: &str, failed: &str) {
        self.passed += number_before(result, passed);
        self.failed += number_before(result, failed);
    }
}

/// The number in front of `word`, else 0.
fn number_before(text: &str, word: &str) -> u64 {
    let words: Vec<&str> = text.split([' ', ';', '|', '(', ')']).filter(|part| !part.is_empty()).collect();
    words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

/// The line without terminal colours (ESC … m).
fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(see: fn(&mut Counts, &str), line: &str, passed: u64, failed: u64) {
        let mut counts = Counts::default();
        see(&mut counts, line);
        assert_eq!(counts, Counts { passed, failed });
    }

    #[test]
    fn a_result_line_of_cargo_is_counted() {
        check(Counts::see_cargo, "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured", 12, 3);
        check(Counts::see_cargo, "test epochs::is_sealed_once ... ok", 0, 0);
    }

    #[test]
    fn a_result_line_of_vitest_is_counted_with_and_without_colours() {
        check(Counts::see_vitest, "      Tests  1 failed | 12 passed (13)", 12, 1);
        check(Counts::see_vitest, "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[32m9 passed\u{1b}[39m (9)", 9, 0);
        check(Counts::see_vitest, " Test Files  2 passed (2)", 0, 0);
    }

    #[test]
    fn a_result_line_of_node_is_counted() {
        check(Counts::see_node, "ℹ pass 3", 3, 0);
        check(Counts::see_node, "\u{1b}[34mℹ fail 2\u{1b}[39m", 0, 2);
        check(Counts::see_node, "✔ pass 3 shares to the verifier (1.2ms)", 0, 0);
    }
}

//! Difficulties and targets that workers name → levels.

use audit_core::work::{Level, Target};

/// The hardest level whose difficulty is at most `difficulty`.
pub(super) fn level_at_most(difficulty: f64) -> Option<Level> {
    exponent(difficulty).map(|exponent| clamp(exponent.floor()))
}

/// The easiest level whose difficulty is at least `difficulty`.
pub(crate) fn level_at_least(difficulty: f64) -> Option<Level> {
    exponent(difficulty).map(|exponent| clamp(exponent.ceil()))
}

/// The hardest level that asks for no lower hash than `target`, up to 64 hex digits, most significant first.
pub(super) fn level_of_target(target: &str) -> Option<Level> {
    if !(1..=64).contains(&target.len()) || !target.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(format!("{target:0>64}"), &mut bytes).ok()?;
    let target = (bytes != [0; 32]).then(|| Target::from_be_bytes(bytes))?;
    let levels = (Level::MIN.get()..=Level::MAX.get()).rev().filter_map(Level::new);
    Some(levels.into_iter().find(|level| level.target() >= target).unwrap_or(Level::MIN))
}

/// log₂, exact for powers of two.
fn exponent(difficulty: f64) -> Option<f64> {
    (difficulty.is_finite() && difficulty > 0.0).then(|| difficulty.log2())
}

fn clamp(exponent: f64) -> Level {
    let exponent = exponent.clamp(f64::from(Level::MIN.get()), f64::from(Level::MAX.get()));
    Level::new(exponent as i8).unwrap_or(Level::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_difficulties_become_the_nearest_level() {
        assert_eq!(level_at_most(1e300), Some(Level::MAX));
        assert_eq!(level_at_least(1e-300), Some(Level::MIN));
        assert_eq!(level_at_least(f64::NAN), None);
        for exponent in Level::MIN.get()..=Level::MAX.get() {
            let (difficulty, level) = (2f64.powi(i32::from(exponent)), Level::new(exponent));
            assert_eq!(level_at_most(difficulty), level);
            assert_eq!(level_at_least(difficulty), level);
        }
    }

    #[test]
    fn a_levels_own_target_gives_the_level_and_a_lower_one_the_same_until_the_next() {
        for exponent in Level::MIN.get()..=Level::MAX.get() {
            let level = Level::new(exponent).unwrap();
            assert_eq!(level_of_target(&level.target().to_hex()), Some(level));
        }
        let check =
            |target: &str, level: Option<i8>| assert_eq!(level_of_target(target).map(Level::get), level, "{target}");
        check("ffff0000000000000000000000000000000000000000000000000000", Some(0));
        check("00000000ffff0000000000000000000000000000000000000000000000000001", Some(-1));
        check("00000000fffe0000000000000000000000000000000000000000000000000000", Some(0));
        check(&"f".repeat(64), Some(-32));
        check("1", Some(63));
        check(&"0".repeat(64), None);
        check(&"1".repeat(65), None);
        check("", None);
        check("0x1", None);
        check("+1", None);
    }
}

//! `mining.configure`: the extensions of BIP 310.

use audit_core::work::Level;
use serde_json::Value;

use super::{difficulty::level_at_least, printable};

/// Extensions a worker may name are few; more are not looked at.
const EXTENSIONS_MAX: usize = 16;

/// The extensions that a worker asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Configure {
    /// The mask of version bits the worker can roll.
    pub version_mask: Option<u32>,
    /// The worker wants no easier shares than this.
    pub minimum_level: Option<Level>,
    pub subscribe_extranonce: bool,
    /// Asked for, but not to be had, and the answer: `false`, or a text when only its parameters are wrong.
    pub refused: Vec<(String, Value)>,
}

impl Configure {
    pub(super) fn read(params: &[Value]) -> Result<Self, String> {
        let names = params.first().and_then(Value::as_array);
        let names = names.ok_or("Expected params: [[extension, ...], {parameters}]")?;
        let mut configure = Self::default();
        for name in names.iter().take(EXTENSIONS_MAX) {
            let name = name.as_str().ok_or("Expected extension names as texts")?;
            if let Err(answer) = configure.add(name, params.get(1)) {
                configure.refused.push((printable(name), answer));
            }
        }
        Ok(configure)
    }

    fn add(&mut self, name: &str, parameters: Option<&Value>) -> Result<(), Value> {
        let parameter = |name: &str| parameters.and_then(|parameters| parameters.get(name));
        match name {
            "version-rolling" => {
                let mask = version_mask(parameter("version-rolling.mask"));
                self.version_mask = Some(mask.ok_or("Expected version-rolling.mask as hex digits")?);
            }
            "minimum-difficulty" => {
                let level = minimum_level(parameter("minimum-difficulty.value"));
                self.minimum_level = Some(level.ok_or("Expected minimum-difficulty.value as a number, 0 or more")?);
            }
            "subscribe-extranonce" => self.subscribe_extranonce = true,
            _ => return Err(Value::Bool(false)),
        }
        Ok(())
    }
}

/// Without a mask the worker rolls whatever we allow.
fn version_mask(mask: Option<&Value>) -> Option<u32> {
    let Some(mask) = mask else { return Some(u32::MAX) };
    let digits = mask.as_str().filter(|mask| mask.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

/// 0 is no minimum.
fn minimum_level(value: Option<&Value>) -> Option<Level> {
    match value.and_then(Value::as_f64)? {
        0.0 => Some(Level::MIN),
        difficulty => level_at_least(difficulty),
    }
}

//! What rigs call their software.

use std::collections::BTreeMap;

/// Names counted by themselves: more than a farm has kinds of firmware, few enough that nobody fills our memory.
const NAMES: usize = 32;
/// All names beyond.
const OTHERS: &str = "others";
/// Characters of a name.
const NAME_MAX: usize = 64;

/// A rig's software as it names it, such as `cgminer/4.12.1`: 1 to 64 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agent(Box<str>);

impl Agent {
    /// What can be shown of a stranger's text; `None` when nothing is left.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let shown: String = text.chars().filter(|char| matches!(char, ' '..='~')).take(NAME_MAX).collect();
        let shown = shown.trim();
        (!shown.is_empty()).then(|| Self(shown.into()))
    }

    /// Counts a login of this software.
    pub(super) fn count(&self, logins: &mut BTreeMap<String, u64>) {
        let is_known = logins.contains_key(&*self.0) || logins.len() < NAMES;
        let name = if is_known { &self.0 } else { OTHERS };
        *logins.entry(name.to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<String> {
        Agent::read(text).map(|agent| agent.0.into())
    }

    #[test]
    fn a_name_is_short_and_printable() {
        assert_eq!(name("cgminer/4.12.1").as_deref(), Some("cgminer/4.12.1"));
        assert_eq!(name(" bos\u{7}miner\u{202e}\n").as_deref(), Some("bosminer"));
        assert_eq!(name(&"x".repeat(1_000)), Some("x".repeat(64)));
        for nothing in ["", " ", "\n", "ä"] {
            assert_eq!(name(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn strangers_cannot_make_the_list_long() {
        let mut logins = BTreeMap::new();
        for number in (0..NAMES).chain(0..100) {
            Agent::read(&format!("rig/{number}")).unwrap().count(&mut logins);
        }
        assert_eq!(logins.len(), NAMES + 1);
        assert_eq!((logins["rig/0"], logins[OTHERS]), (2, 100 - NAMES as u64));
    }
}

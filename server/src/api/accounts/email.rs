//! E-mail addresses.

use crate::problem::FieldError;

/// An address that mail could go to, lower-cased: one person, one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Accepts `local@domain` with a dot-free or dotted domain. Only a mail that arrives would prove more.
    ///
    /// Lengths are RFC 5321's: 64 bytes for the local part, 254 in all.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        let plausible = text.rsplit_once('@').is_some_and(|(local, domain)| {
            (1..=64).contains(&local.len()) && is_domain(domain) && !local.contains(['@', '"'])
        });
        let clean = text.len() <= 254 && !text.chars().any(|char| char.is_whitespace() || char.is_control());
        if plausible && clean {
            Ok(Self(text.to_lowercase()))
        } else {
            Err(FieldError::new("email", "must be an e-mail address like name@example.org"))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

fn is_domain(domain: &str) -> bool {
    !domain.is_empty() && domain.split('.').all(|label| !label.is_empty() && !label.contains(['@', '/', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_lower_cased_and_implausible_ones_refused() {
        assert_eq!(Email::parse(" Ada@Example.ORG ").unwrap().as_str(), "ada@example.org");
        for wrong in ["", "@", "a@", "@b", "a b@c", "a@b@c", "a@b..c", "a\n@b", &format!("{}@b", "a".repeat(65))] {
            assert!(Email::parse(wrong).is_err(), "{wrong:?} was accepted");
        }
    }
}

//! The id of a subscription.

use std::fmt;

use audit_core::hash::sha256;

/// Written as 32 hex digits: extranonce1, then the first 12 bytes of
/// SHA-256("provenhash/subscription/v1\n" ‖ key ‖ extranonce1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SubscriptionId([u8; 16]);

impl SubscriptionId {
    pub(crate) fn new(extranonce1: [u8; 4], key: &[u8; 32]) -> Self {
        let tag = sha256(&[&b"provenhash/subscription/v1\n"[..], key, &extranonce1].concat());
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&extranonce1);
        bytes[4..].copy_from_slice(&tag[..12]);
        Self(bytes)
    }

    /// `None` unless the text is an id made with `key`. Takes the same time for every wrong tag.
    pub(crate) fn parse(text: &str, key: &[u8; 32]) -> Option<Self> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        let expected = Self::new(Self(bytes).extranonce1(), key);
        let differing = expected.0.iter().zip(bytes).fold(0, |differing, (a, b)| differing | (a ^ b));
        (differing == 0).then_some(expected)
    }

    pub(crate) fn extranonce1(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.0;
        [a, b, c, d]
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

/// Without the tag: who knows it can take the subscription over.
impl fmt::Debug for SubscriptionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SubscriptionId({})", hex::encode(self.extranonce1()))
    }
}

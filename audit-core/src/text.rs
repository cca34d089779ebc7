//! Types that are written as text in JSON: one way to give them serde.

use core::{fmt, marker::PhantomData, str::FromStr};

use serde::de::{Error, Visitor};

/// Gives a type with `Display` and `FromStr` the serde form of that text.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(crate::text::Text(core::marker::PhantomData))
            }
        }
    };
}
pub(crate) use serde_as_text;

/// Reads a type from its text, of which no copy is made.
pub(crate) struct Text<T>(pub(crate) PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Decodes lower-case hex of exactly `N` bytes.
pub(crate) fn hex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let decoded = is_lower_hex(text) && hex::decode_to_slice(text, &mut bytes).is_ok();
    decoded.then_some(bytes)
}

/// Decodes lower-case hex of any length.
pub(crate) fn hex_vec(text: &str) -> Option<alloc::vec::Vec<u8>> {
    if is_lower_hex(text) { hex::decode(text).ok() } else { None }
}

/// Without an early end, so that the compiler takes many bytes at a time.
fn is_lower_hex(text: &str) -> bool {
    text.bytes().fold(true, |lower, byte| lower & matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Parses a decimal number without sign and without leading zeros.
pub(crate) fn decimal<T: FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    if digits && canonical { text.parse().ok() } else { None }
}

/// Serde form of raw bytes: lower-case hex.
pub(crate) mod hex_bytes {
    use alloc::{borrow::Cow, vec::Vec};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        super::hex_vec(&text).ok_or_else(|| D::Error::custom("expected lower-case hex"))
    }
}

//! The coinbase transaction: how the pool lays it out and how a verifier takes it apart.
//!
//! Non-witness serialisation, one input, at most 500 bytes and never 64 (so that it can't be taken for a tree node).

use alloc::vec::Vec;

use thiserror::Error;

use crate::{anchor::ANCHOR_SCRIPT_PREFIX, hash::Hash32, work::Sats};

/// Longest coinbase tag in bytes.
pub const TAG_MAX: usize = 20;
/// Longest non-witness serialisation in bytes (rental markets' limit, `docs/LOG.md`).
pub const COINBASE_MAX: usize = 500;
/// Bytes of extranonce1 and extranonce2 together.
pub const EXTRANONCES: usize = 12;
/// BIP 141: OP_RETURN, push 36, commitment header.
const WITNESS_PREFIX: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];

/// The constant parts of a job's coinbase:
/// `before_extranonce | extranonce1 (4) | extranonce2 (8) | up_to_anchor | anchor hash (32) | after_anchor`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CoinbaseParts {
    /// Up to extranonce1.
    pub before_extranonce: Vec<u8>,
    /// From behind extranonce2 to the anchor hash.
    pub up_to_anchor: Vec<u8>,
    /// From behind the anchor hash to the end.
    pub after_anchor: Vec<u8>,
}

/// What a coinbase is to contain.
#[derive(Clone, Debug)]
pub struct CoinbasePlan<'a> {
    /// Height of the block (BIP 34).
    pub height: u32,
    /// The manifest's coinbase tag, at most [`TAG_MAX`] bytes.
    pub tag: &'a [u8],
    /// The job's number in its epoch.
    pub job: u16,
    /// Value and script of each output that pays.
    pub outputs: &'a [(Sats, Vec<u8>)],
    /// The block's witness commitment (BIP 141), where it has one.
    pub witness_commitment: Option<[u8; 32]>,
}

/// A coinbase taken apart by [`parse`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParsedCoinbase {
    /// The scriptSig's first push: the block height as Core writes it.
    pub height: u32,
    /// The coinbase tag.
    pub tag: Vec<u8>,
    /// The job's number.
    pub job: u16,
    /// Where extranonce1 starts, in bytes from the transaction's start.
    pub extranonce_at: usize,
    /// Where the anchor hash starts.
    pub anchor_at: usize,
    /// Value and script of each output that pays.
    pub outputs: Vec<(Sats, Vec<u8>)>,
}

/// Why bytes are no coinbase of this pool.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CoinbaseError {
    /// Ends early, goes on behind its end, or has a malformed number.
    #[error("not a transaction at byte {0}")]
    Malformed(usize),
    /// The input is not the one of a coinbase.
    #[error("not exactly one coinbase input")]
    Input,
    /// The scriptSig is not height, then one push of tag, job and extranonces.
    #[error("scriptSig is not height and one push of tag, job, extranonce1, extranonce2")]
    ScriptSig,
    /// An output with value 0 that is neither the anchor nor the witness commitment, or one too many of them.
    #[error("output {0} has no value and is neither the one anchor nor the one witness commitment")]
    ZeroValueOutput(usize),
    /// There is no anchor output.
    #[error("no anchor output")]
    NoAnchor,
    /// An output pays more than all bitcoin.
    #[error("output {0} pays more than 21 million bitcoin")]
    Value(usize),
    /// Longer than [`COINBASE_MAX`], or exactly 64 bytes.
    #[error("{0} bytes long: more than 500, or 64")]
    Length(usize),
    /// The tag is longer than [`TAG_MAX`].
    #[error("coinbase tag is {0} bytes long: more than 20")]
    Tag(usize),
}

impl CoinbasePlan<'_> {
    /// Lays the coinbase out: paying outputs, the anchor, then the witness commitment.
    ///
    /// # Errors
    /// [`CoinbaseError::Tag`] and [`CoinbaseError::Length`].
    pub fn parts(&self) -> Result<CoinbaseParts, CoinbaseError> {
        if self.tag.len() > TAG_MAX {
            return Err(CoinbaseError::Tag(self.tag.len()));
        }
        let parts = CoinbaseParts {
            before_extranonce: self.before_extranonce(),
            up_to_anchor: self.up_to_anchor(),
            after_anchor: self.after_anchor(),
        };
        check_length(parts.len())?;
        Ok(parts)
    }

    fn before_extranonce(&self) -> Vec<u8> {
        let height = push_height(self.height);
        let pushed = self.tag.len() + 2 + EXTRANONCES;
        let mut bytes = Vec::from(2u32.to_le_bytes());
        bytes.push(1);
        bytes.extend([0; 32]);
        bytes.extend([0xff; 4]);
        bytes.push(as_byte(height.len() + 1 + pushed));
        bytes.extend(height);
        bytes.push(as_byte(pushed));
        bytes.extend(self.tag);
        bytes.extend(self.job.to_be_bytes());
        bytes
    }

    fn up_to_anchor(&self) -> Vec<u8> {
        let count = self.outputs.len() + 1 + usize::from(self.witness_commitment.is_some());
        let mut bytes = Vec::from([0xff; 4]);
        bytes.push(as_byte(count));
        for (value, script) in self.outputs {
            push_output(&mut bytes, *value, script);
        }
        push_output(&mut bytes, Sats::ZERO, &[&ANCHOR_SCRIPT_PREFIX[..], &[0; 32]].concat());
        bytes.truncate(bytes.len() - 32);
        bytes
    }

    fn after_anchor(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(commitment) = self.witness_commitment {
            push_output(&mut bytes, Sats::ZERO, &[&WITNESS_PREFIX[..], &commitment].concat());
        }
        bytes.extend([0; 4]);
        bytes
    }
}

impl ParsedCoinbase {
    /// What the block pays: the sum of the outputs; `None` above 21 million bitcoin.
    pub fn reward(&self) -> Option<Sats> {
        self.outputs.iter().try_fold(Sats::ZERO, |sum, (value, _)| sum.checked_add(*value))
    }
}

impl CoinbaseParts {
    /// Bytes of the whole coinbase.
    #[expect(clippy::len_without_is_empty, reason = "a coinbase is never empty")]
    pub fn len(&self) -> usize {
        self.before_extranonce.len() + EXTRANONCES + self.up_to_anchor.len() + 32 + self.after_anchor.len()
    }

    /// The whole coinbase, non-witness serialisation.
    pub fn fill(&self, anchor: &Hash32, extranonce1: [u8; 4], extranonce2: [u8; 8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        bytes.extend(&self.before_extranonce);
        bytes.extend(extranonce1);
        bytes.extend(extranonce2);
        bytes.extend(&self.up_to_anchor);
        bytes.extend(anchor.0);
        bytes.extend(&self.after_anchor);
        bytes
    }
}

/// Takes a coinbase apart, strictly.
///
/// # Errors
/// Whatever differs from the layout of `docs/LOG.md`, see [`CoinbaseError`].
pub fn parse(bytes: &[u8]) -> Result<ParsedCoinbase, CoinbaseError> {
    check_length(bytes.len())?;
    let mut reader = Reader { bytes, at: 0 };
    reader.take(4)?;
    if reader.take(1)? != [1] || reader.take(32)? != [0; 32] || reader.take(4)? != [0xff; 4] {
        return Err(CoinbaseError::Input);
    }
    let script_length = usize::from(reader.byte()?);
    let script_at = reader.at;
    let script_sig = parse_script_sig(reader.take(script_length)?)?;
    reader.take(4)?;
    let (outputs, anchor_at) = parse_outputs(&mut reader)?;
    reader.take(4)?;
    if reader.at != bytes.len() {
        return Err(CoinbaseError::Malformed(reader.at));
    }
    Ok(ParsedCoinbase {
        height: script_sig.height,
        tag: script_sig.tag,
        job: script_sig.job,
        extranonce_at: script_at + script_length - EXTRANONCES,
        anchor_at,
        outputs,
    })
}

struct ScriptSig {
    height: u32,
    tag: Vec<u8>,
    job: u16,
}

fn parse_script_sig(script: &[u8]) -> Result<ScriptSig, CoinbaseError> {
    let (height, rest) = split_height(script).ok_or(CoinbaseError::ScriptSig)?;
    let (length, pushed) = rest.split_first().ok_or(CoinbaseError::ScriptSig)?;
    let tag_length = pushed.len().checked_sub(2 + EXTRANONCES).ok_or(CoinbaseError::ScriptSig)?;
    if usize::from(*length) != pushed.len() || tag_length > TAG_MAX {
        return Err(CoinbaseError::ScriptSig);
    }
    let job = u16::from_be_bytes([pushed[tag_length], pushed[tag_length + 1]]);
    Ok(ScriptSig { height, tag: pushed[..tag_length].to_vec(), job })
}

type Outputs = (Vec<(Sats, Vec<u8>)>, usize);

fn parse_outputs(reader: &mut Reader<'_>) -> Result<Outputs, CoinbaseError> {
    let (mut outputs, mut anchor_at, mut witness) = (Vec::new(), None, false);
    for index in 0..usize::from(reader.byte()?) {
        let value = u64::from_le_bytes(reader.array()?);
        let length = usize::from(reader.byte()?);
        let script_at = reader.at;
        let script = reader.take(length)?;
        if value > 0 {
            outputs.push((Sats::new(value).ok_or(CoinbaseError::Value(index))?, script.to_vec()));
        } else if length == 38 && script.starts_with(&ANCHOR_SCRIPT_PREFIX) && anchor_at.is_none() {
            anchor_at = Some(script_at + ANCHOR_SCRIPT_PREFIX.len());
        } else if length == 38 && script.starts_with(&WITNESS_PREFIX) && !witness {
            witness = true;
        } else {
            return Err(CoinbaseError::ZeroValueOutput(index));
        }
    }
    Ok((outputs, anchor_at.ok_or(CoinbaseError::NoAnchor)?))
}

/// Takes bytes from the front. Lengths and counts of one byte suffice: nothing in 500 bytes needs a longer CompactSize.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], CoinbaseError> {
        let taken = self.bytes.get(self.at..self.at + count).ok_or(CoinbaseError::Malformed(self.at))?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CoinbaseError> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_| CoinbaseError::Malformed(at))
    }

    /// A CompactSize below 253.
    fn byte(&mut self) -> Result<u8, CoinbaseError> {
        let at = self.at;
        let [byte] = self.array()?;
        if byte < 253 { Ok(byte) } else { Err(CoinbaseError::Malformed(at)) }
    }
}

/// `CScript() << height` of Bitcoin Core: OP_0, OP_1…OP_16, else the minimal little-endian script number.
fn push_height(height: u32) -> Vec<u8> {
    match height {
        0 => Vec::from([0]),
        1..=16 => Vec::from([0x50 + height.to_le_bytes()[0]]),
        _ => {
            let number = u64::from(height).to_le_bytes();
            let mut length = number.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            length += usize::from(number[length - 1] & 0x80 != 0);
            [&[as_byte(length)], &number[..length]].concat()
        }
    }
}

fn split_height(script: &[u8]) -> Option<(u32, &[u8])> {
    let opcode = *script.first()?;
    let (height, rest) = match opcode {
        0 => (0, &script[1..]),
        0x51..=0x60 => (u32::from(opcode - 0x50), &script[1..]),
        1..=5 => {
            let (number, rest) = script[1..].split_at_checked(usize::from(opcode))?;
            let mut bytes = [0; 8];
            bytes[..number.len()].copy_from_slice(number);
            (u32::try_from(u64::from_le_bytes(bytes)).ok()?, rest)
        }
        _ => return None,
    };
    script.starts_with(&push_height(height)).then_some((height, rest))
}

fn push_output(bytes: &mut Vec<u8>, value: Sats, script: &[u8]) {
    bytes.extend(value.get().to_le_bytes());
    bytes.push(as_byte(script.len()));
    bytes.extend(script);
}

/// A length or count as one byte; what is too long becomes 255 and is refused by the length check or the parser.
fn as_byte(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}

fn check_length(length: usize) -> Result<(), CoinbaseError> {
    if length > COINBASE_MAX || length == 64 { Err(CoinbaseError::Length(length)) } else { Ok(()) }
}

#[cfg(test)]
mod tests;

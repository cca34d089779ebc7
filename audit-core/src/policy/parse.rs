//! The syntax of c2sp.org/tlog-policy, line by line.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use thiserror::Error;

use super::{Group, Member, POLICY_MAX, Policy, PolicyLog, PolicyWitness, Quorum};
use crate::{
    checkpoint::{KeyKind, Vkey, VkeyError},
    entry::ChainTip,
    text::decimal,
};

/// The name that only a quorum line may use.
const NONE: &str = "none";

/// Why a text is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// Too long to be read.
    #[error("policy: longer than {POLICY_MAX} bytes")]
    TooLong,
    /// A line that is wrong, from 1.
    #[error("policy line {line}: {fault}")]
    Line {
        /// Which.
        line: usize,
        /// What is wrong.
        fault: Fault,
    },
    /// No log: this verifier knows of none from elsewhere.
    #[error("policy: expected at least one 'log' line")]
    NoLog,
    /// No quorum line.
    #[error("policy: expected one 'quorum' line, found none")]
    NoQuorum,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// Not one of the forms.
    #[error(
        "expected 'log <vkey> [url]', 'witness <name> <vkey> [url]', 'group <name> all|any|<k> <name>…' or 'quorum <name>|none'"
    )]
    Form,
    /// A control character other than tab and newline.
    #[error("only tab and newline are allowed of the control characters")]
    Character,
    /// A key that is none, or of a type that is not verified here.
    #[error("{0}")]
    Vkey(VkeyError),
    /// A witness's key for a log, or the other way round.
    #[error("the key's type is not that of a {0}")]
    Kind(&'static str),
    /// A key that another line of this sort has, perhaps under another name.
    #[error("this key was named before")]
    DuplicateKey,
    /// A name that another witness or group has, or `none`.
    #[error("this name is taken")]
    Name,
    /// A member or quorum that no line before defines.
    #[error("no line before this one defines a name that is used here")]
    Undefined,
    /// A member that is in a group already.
    #[error("a member is in a group already")]
    MemberTwice,
    /// Not `all`, `any` or 1 to the number of members.
    #[error("expected 'all', 'any' or a number from 1 to that of the members")]
    Threshold,
    /// A second quorum.
    #[error("the quorum was defined before")]
    SecondQuorum,
    /// Not `#chain <height> <block hash>`, or a second one.
    #[error("expected one '#chain <height> <64 hex digits of the block hash>'; write another comment as '# chain …'")]
    Chain,
}

#[derive(Default)]
struct Draft {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    /// Witnesses and groups share their names. `true`: it is a member of a group.
    names: BTreeMap<String, (Member, bool)>,
    quorum: Option<Quorum>,
    chain_start: Option<ChainTip>,
}

impl Policy {
    /// Parses a policy. The last line may lack its newline; nothing else is forgiven. Names are compared as bytes.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, PolicyError> {
        let bytes = text.as_ref();
        if bytes.len() > POLICY_MAX {
            return Err(PolicyError::TooLong);
        }
        let mut draft = Draft::default();
        for (line, bytes) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            draft.add(bytes).map_err(|fault| PolicyError::Line { line, fault })?;
        }
        let Draft { logs, witnesses, groups, quorum, chain_start, .. } = draft;
        if logs.is_empty() {
            return Err(PolicyError::NoLog);
        }
        let quorum = quorum.ok_or(PolicyError::NoQuorum)?;
        Ok(Self { logs, witnesses, groups, quorum, chain_start })
    }
}

impl Draft {
    fn add(&mut self, line: &[u8]) -> Result<(), Fault> {
        if line.iter().any(|byte| !matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)) {
            return Err(Fault::Character);
        }
        let line = octets(line);
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words[..] {
            [] => Ok(()),
            ["#chain", ref words @ ..] => self.chain(words),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", vkey, ref url @ ..] if url.len() <= 1 => self.log(vkey, url),
            ["witness", name, vkey, ref url @ ..] if url.len() <= 1 => self.witness(name, vkey, url),
            ["group", name, threshold, ref members @ ..] if !members.is_empty() => self.group(name, threshold, members),
            ["quorum", name] => self.quorum(name),
            _ => Err(Fault::Form),
        }
    }

    fn log(&mut self, vkey: &str, url: &[&str]) -> Result<(), Fault> {
        let vkey = key(vkey, KeyKind::Log, "log")?;
        if self.logs.iter().any(|log| log.vkey.public_key() == vkey.public_key()) {
            return Err(Fault::DuplicateKey);
        }
        self.logs.push(PolicyLog { vkey, url: url.first().map(ToString::to_string) });
        Ok(())
    }

    fn witness(&mut self, name: &str, vkey: &str, url: &[&str]) -> Result<(), Fault> {
        let vkey = key(vkey, KeyKind::Witness, "witness")?;
        if self.witnesses.iter().any(|witness| witness.vkey.public_key() == vkey.public_key()) {
            return Err(Fault::DuplicateKey);
        }
        self.define(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(PolicyWitness { name: name.into(), vkey, url: url.first().map(ToString::to_string) });
        Ok(())
    }

    fn group(&mut self, name: &str, threshold: &str, names: &[&str]) -> Result<(), Fault> {
        let mut members = Vec::new();
        for name in names {
            let (member, is_in_group) = self.names.get_mut(*name).ok_or(Fault::Undefined)?;
            if core::mem::replace(is_in_group, true) {
                return Err(Fault::MemberTwice);
            }
            members.push(*member);
        }
        let threshold = match threshold {
            "all" => members.len(),
            "any" => 1,
            number => decimal(number).ok_or(Fault::Threshold)?,
        };
        if !(1..=members.len()).contains(&threshold) {
            return Err(Fault::Threshold);
        }
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { name: name.into(), threshold, members });
        Ok(())
    }

    fn quorum(&mut self, name: &str) -> Result<(), Fault> {
        if self.quorum.is_some() {
            return Err(Fault::SecondQuorum);
        }
        let member = |name| self.names.get(name).map(|(member, _)| *member).ok_or(Fault::Undefined);
        self.quorum = Some(if name == NONE { None } else { Some(member(name)?) });
        Ok(())
    }

    fn chain(&mut self, words: &[&str]) -> Result<(), Fault> {
        let ([height, hash], None) = (words, self.chain_start) else { return Err(Fault::Chain) };
        let (height, hash) = (decimal(height).ok_or(Fault::Chain)?, hash.parse().map_err(|_| Fault::Chain)?);
        self.chain_start = Some(ChainTip { height, hash });
        Ok(())
    }

    fn define(&mut self, name: &str, member: Member) -> Result<(), Fault> {
        if name == NONE || self.names.contains_key(name) {
            return Err(Fault::Name);
        }
        self.names.insert(name.into(), (member, false));
        Ok(())
    }
}

fn key(text: &str, kind: KeyKind, what: &'static str) -> Result<Vkey, Fault> {
    let vkey: Vkey = text.parse().map_err(Fault::Vkey)?;
    if vkey.kind() == kind { Ok(vkey) } else { Err(Fault::Kind(what)) }
}

/// The line as text, one to one: bytes that are no UTF-8 become characters of a private range, and so do the bytes of
/// such characters themselves. Names stay different where their bytes are.
fn octets(line: &[u8]) -> String {
    const PRIVATE: core::ops::RangeInclusive<char> = '\u{f780}'..='\u{f7ff}';
    let mut text = String::new();
    let escape = |text: &mut String, bytes: &[u8]| {
        text.extend(bytes.iter().filter_map(|byte| char::from_u32(0xf700 + u32::from(*byte))));
    };
    for chunk in line.utf8_chunks() {
        for character in chunk.valid().chars() {
            if PRIVATE.contains(&character) {
                escape(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(character);
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

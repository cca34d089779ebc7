//! The verifier's one trust setting (c2sp.org/tlog-policy): which logs, and which witnesses must have seen their heads.
//!
//! In scope: the file's whole syntax, the quorum, judging a checkpoint's note. Out of scope: fetching notes, and what
//! URLs are used for. The one addition to the specification hides in a comment, so the file stays valid elsewhere:
//! `#chain <height> <block hash>` names the header from which the chain is believed.

mod judge;
mod parse;
#[cfg(test)]
mod tests;

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

pub use judge::{Cosigned, Judged};
pub use parse::{Fault, PolicyError};

use crate::{checkpoint::Vkey, entry::ChainTip};

/// Longest policy that is read, in bytes.
pub const POLICY_MAX: usize = 65_536;

/// A parsed policy; its references are sound by construction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Quorum,
    chain_start: Option<ChainTip>,
}

/// A log whose checkpoints are believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyLog {
    /// Its key, whose name is the origin.
    pub vkey: Vkey,
    /// Where it is served.
    pub url: Option<String>,
}

/// A witness whose cosignatures count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyWitness {
    /// Its name in this policy; not its key's name.
    pub name: String,
    /// Its key.
    pub vkey: Vkey,
    /// Its submission prefix (c2sp.org/tlog-witness).
    pub url: Option<String>,
}

/// Members, of which `threshold` must have cosigned.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Group {
    name: String,
    threshold: usize,
    members: Vec<Member>,
}

/// A witness by its index, or a group by its index; groups hold only groups before them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// Which cosignatures a checkpoint needs; `None`: none.
type Quorum = Option<Member>;

impl Policy {
    /// The policy that trusts one log without witnesses.
    pub fn of_log(vkey: Vkey) -> Self {
        let logs = vec![PolicyLog { vkey, url: None }];
        Self { logs, witnesses: Vec::new(), groups: Vec::new(), quorum: None, chain_start: None }
    }

    /// The policy that trusts one log when `threshold` of these witnesses cosigned.
    ///
    /// # Errors
    /// What [`Policy::parse`] refuses: a key of the wrong kind, a name or key that comes twice, a threshold out of range.
    pub fn of_witnesses(vkey: Vkey, witnesses: &[PolicyWitness], threshold: usize) -> Result<Self, PolicyError> {
        let mut text = format!("log {vkey}\n");
        for PolicyWitness { name, vkey, url } in witnesses {
            text += format!("witness {name} {vkey} {}", url.as_deref().unwrap_or_default()).trim_end();
            text.push('\n');
        }
        let names: Vec<&str> = witnesses.iter().map(|witness| witness.name.as_str()).collect();
        // A name of the operator's choosing can't be the group's: names are unique, so the longer one is free.
        let group = names.iter().fold("witnesses".to_string(), |group, name| {
            if name.len() >= group.len() { format!("{name}-group") } else { group }
        });
        text += &match names.len() {
            0 => "quorum none\n".to_string(),
            _ => format!("group {group} {threshold} {}\nquorum {group}\n", names.join(" ")),
        };
        Self::parse(text)
    }

    /// The logs; at least one.
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses; those outside the quorum too.
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Whether cosignatures are asked for.
    pub fn has_quorum(&self) -> bool {
        self.quorum.is_some()
    }

    /// The header from which the chain is believed.
    pub fn chain_start(&self) -> Option<ChainTip> {
        self.chain_start
    }

    /// The same with another start of the chain.
    pub fn with_chain_start(self, chain_start: Option<ChainTip>) -> Self {
        Self { chain_start, ..self }
    }

    /// The quorum in words.
    pub fn quorum_text(&self) -> String {
        match self.quorum {
            None => "no witness".into(),
            Some(Member::Witness(index)) => format!("the witness {}", self.name_of(Member::Witness(index))),
            Some(Member::Group(index)) => {
                let Some(group) = self.groups.get(index) else { return String::new() };
                let names: Vec<&str> = group.members.iter().map(|member| self.name_of(*member)).collect();
                format!("{} of {} ({})", group.threshold, names.len(), names.join(", "))
            }
        }
    }

    fn name_of(&self, member: Member) -> &str {
        match member {
            Member::Witness(index) => self.witnesses.get(index).map_or("", |witness| &witness.name),
            Member::Group(index) => self.groups.get(index).map_or("", |group| &group.name),
        }
    }
}

/// The policy as a file; comments and the order of the original are not kept.
impl core::fmt::Display for Policy {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let url = |url: &Option<String>| url.as_ref().map(|url| format!(" {url}")).unwrap_or_default();
        if let Some(ChainTip { height, hash }) = &self.chain_start {
            writeln!(formatter, "#chain {height} {hash}")?;
        }
        for log in &self.logs {
            writeln!(formatter, "log {}{}", log.vkey, url(&log.url))?;
        }
        for witness in &self.witnesses {
            writeln!(formatter, "witness {} {}{}", witness.name, witness.vkey, url(&witness.url))?;
        }
        for group in &self.groups {
            let members: Vec<&str> = group.members.iter().map(|member| self.name_of(*member)).collect();
            writeln!(formatter, "group {} {} {}", group.name, group.threshold, members.join(" "))?;
        }
        let quorum = self.quorum.map_or("none", |member| self.name_of(member));
        writeln!(formatter, "quorum {quorum}")
    }
}

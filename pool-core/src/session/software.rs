//! What a session knows of its rig's software.

use crate::{lots::Agent, stratum::notify::get_version};

/// A rig names its software when it subscribes, or when it is asked.
#[derive(Debug)]
pub(super) struct Software {
    agent: Option<Agent>,
    may_ask: bool,
}

impl Software {
    /// Of a rig that has said nothing. It may be asked once, unless markets look at everything that is sent.
    pub(super) fn new(may_ask: bool) -> Self {
        Self { agent: None, may_ask }
    }

    /// As far as it is known.
    pub(super) fn agent(&self) -> Option<&Agent> {
        self.agent.as_ref()
    }

    /// The rig says what it is; the first word counts. `None` when nothing new is known.
    pub(super) fn name(&mut self, text: &str) -> Option<&Agent> {
        if self.agent.is_some() {
            return None;
        }
        self.agent = Agent::read(text);
        self.agent()
    }

    /// The question, once, if it is needed.
    pub(super) fn question(&mut self) -> Option<String> {
        let asks = self.agent.is_none() && std::mem::take(&mut self.may_ask);
        asks.then(get_version)
    }
}

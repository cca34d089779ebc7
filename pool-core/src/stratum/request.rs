//! Line → request, strictly; but whatever firmware and markets really send is understood.

mod configure;
mod difficulty;
mod login;

use audit_core::work::Level;
use serde_json::Value;

pub(crate) use self::difficulty::level_at_least;
use self::difficulty::{level_at_most, level_of_target};
pub use self::{
    configure::Configure,
    login::{Login, Secret},
};
use super::submit::SubmitTexts;

/// A request with its id, which the reply repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `null`, a whole number or a text.
    pub id: Value,
    pub call: Call,
}

/// What is asked. Parameters are parsed, so there is nothing left to validate but their meaning.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    Configure(Configure),
    Subscribe {
        /// The first parameter where it is a text: what the rig calls its software.
        agent: Option<String>,
        /// The second parameter where it is a text: a subscription to resume, or anything else (NiceHash sends a time).
        resume: Option<String>,
    },
    Authorize(Login),
    SuggestLevel(Level),
    SubscribeExtranonce,
    GetTransactions,
    Ping,
    Submit(Submit),
    /// Not a call but the answer to one of ours; its result where that is a text.
    Answer(Option<String>),
}

/// `mining.submit` as it stands on the wire: texts, still unjudged.
#[derive(Debug, Clone, PartialEq)]
pub struct Submit {
    pub worker: String,
    pub job: String,
    pub extranonce2: String,
    pub ntime: String,
    pub nonce: String,
    pub version_bits: Option<String>,
}

impl Submit {
    /// Without what owns them.
    pub fn texts(&self) -> SubmitTexts<'_> {
        SubmitTexts {
            worker: &self.worker,
            job: &self.job,
            extranonce2: &self.extranonce2,
            ntime: &self.ntime,
            nonce: &self.nonce,
            version_bits: self.version_bits.as_deref(),
        }
    }
}

/// Why a line is no request. The id is the line's when it could be read, else `null`.
#[derive(Debug, Clone, PartialEq)]
pub struct BadRequest {
    pub id: Value,
    pub text: String,
    /// No JSON request at all, as opposed to a call with a wrong name or parameters.
    pub garbage: bool,
}

/// Parses one line.
///
/// # Errors
/// What is no request, with a text for the rig.
pub fn parse(line: &[u8]) -> Result<Request, BadRequest> {
    let garbage = |text: String| BadRequest { id: Value::Null, text, garbage: true };
    let value: Value = serde_json::from_slice(line).map_err(|error| garbage(format!("Not JSON: {error}")))?;
    let Value::Object(mut fields) = value else { return Err(garbage("Expected a JSON object".into())) };
    let id = fields.remove("id").unwrap_or_default();
    // The reply repeats the id digit for digit, which only whole numbers survive.
    if !(id.is_null() || id.is_string() || id.is_u64() || id.is_i64()) {
        return Err(garbage("Expected id to be a whole number, a text or null".into()));
    }
    let Some(method) = fields.get("method").and_then(Value::as_str) else {
        if !fields.contains_key("method") && (fields.contains_key("result") || fields.contains_key("error")) {
            let result = fields.remove("result").and_then(|result| result.as_str().map(str::to_owned));
            return Ok(Request { id, call: Call::Answer(result) });
        }
        return Err(BadRequest { id, text: "Expected a method".into(), garbage: true });
    };
    let params = match fields.get("params") {
        Some(Value::Array(params)) => params,
        None | Some(Value::Null) => &[][..],
        Some(_) => return Err(BadRequest { id, text: "Expected params to be an array".into(), garbage: false }),
    };
    match call(method, params) {
        Ok(call) => Ok(Request { id, call }),
        Err(text) => Err(BadRequest { id, text, garbage: false }),
    }
}

fn call(method: &str, params: &[Value]) -> Result<Call, String> {
    match method {
        "mining.configure" => Configure::read(params).map(Call::Configure),
        "mining.subscribe" => {
            let text = |index: usize| params.get(index).and_then(Value::as_str).map(str::to_owned);
            Ok(Call::Subscribe { agent: text(0), resume: text(1) })
        }
        "mining.authorize" => {
            // Firmware without a password sends null, nothing or a number.
            let password = params.get(1).and_then(Value::as_str).unwrap_or_default();
            Ok(Call::Authorize(Login::new(text(params, 0, "worker name")?, password)))
        }
        "mining.suggest_difficulty" => suggestion(params.first().and_then(Value::as_f64)),
        "mining.suggest_target" => {
            let level = params.first().and_then(Value::as_str).and_then(level_of_target);
            level.map(Call::SuggestLevel).ok_or_else(|| "Expected params: [target as up to 64 hex digits]".into())
        }
        "mining.extranonce.subscribe" => Ok(Call::SubscribeExtranonce),
        "mining.get_transactions" => Ok(Call::GetTransactions),
        "mining.ping" => Ok(Call::Ping),
        "mining.pong" => Ok(Call::Answer(None)),
        "mining.submit" => submit(params).map(Call::Submit),
        other => match other.strip_prefix("mining.suggest_difficulty(") {
            // Some firmware writes the parameter into the method's name, with or without the closing bracket.
            Some(number) => suggestion(number.strip_suffix(')').unwrap_or(number).parse().ok()),
            None => Err(format!("Unknown method {}", printable(other))),
        },
    }
}

fn suggestion(difficulty: Option<f64>) -> Result<Call, String> {
    let level = difficulty.and_then(level_at_most);
    level.map(Call::SuggestLevel).ok_or_else(|| "Expected params: [difficulty above 0]".into())
}

fn submit(params: &[Value]) -> Result<Submit, String> {
    if !(5..=6).contains(&params.len()) {
        return Err("Expected params: [worker, job, extranonce2, ntime, nonce, version bits if rolled]".into());
    }
    Ok(Submit {
        worker: text(params, 0, "worker name")?.to_owned(),
        job: text(params, 1, "job id")?.to_owned(),
        extranonce2: text(params, 2, "extranonce2")?.to_owned(),
        ntime: text(params, 3, "ntime")?.to_owned(),
        nonce: text(params, 4, "nonce")?.to_owned(),
        version_bits: params.get(5).map(|_| text(params, 5, "version bits")).transpose()?.map(str::to_owned),
    })
}

fn text<'a>(params: &'a [Value], index: usize, name: &str) -> Result<&'a str, String> {
    params.get(index).and_then(Value::as_str).ok_or_else(|| format!("Expected params[{index}], the {name}, as a text"))
}

/// A stranger's text, short and without control characters, fit to be repeated.
fn printable(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests;

//! Line → request, strictly.

use audit_core::work::Level;
use serde_json::Value;

/// A request with its id, which the reply repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `null`, a number or a text.
    pub id: Value,
    pub call: Call,
}

/// What is asked. Parameters are parsed, so there is nothing left to validate but their meaning.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    Configure(Configure),
    Subscribe,
    Authorize { worker: String },
    SuggestDifficulty(Level),
    SubscribeExtranonce,
    GetTransactions,
    Ping,
    Submit(Submit),
}

/// The extensions of BIP 310 that a worker asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Configure {
    /// The mask of version bits the worker can roll.
    pub version_mask: Option<u32>,
    /// The worker wants no easier shares than this.
    pub minimum_level: Option<Level>,
    pub subscribe_extranonce: bool,
    /// Asked for, but nothing we have.
    pub unknown: Vec<String>,
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

/// Why a line is no request. The id is the line's when it could be read, else `null`.
#[derive(Debug, Clone, PartialEq)]
pub struct BadRequest {
    pub id: Value,
    pub text: String,
    /// No JSON request at all, as opposed to a call with a wrong name or parameters.
    pub garbage: bool,
}

/// Extensions a worker may name in `mining.configure` are few; more are not looked at.
const EXTENSIONS_MAX: usize = 16;

/// Parses one line.
///
/// # Errors
/// What is no request, with a text for the rig.
pub fn parse(line: &[u8]) -> Result<Request, BadRequest> {
    let garbage = |text: String| BadRequest { id: Value::Null, text, garbage: true };
    let value: Value = serde_json::from_slice(line).map_err(|error| garbage(format!("Not JSON: {error}")))?;
    let Value::Object(mut fields) = value else { return Err(garbage("Expected a JSON object".into())) };
    let id = fields.remove("id").unwrap_or_default();
    if !matches!(id, Value::Null | Value::Number(_) | Value::String(_)) {
        return Err(garbage("Expected id to be a number, a text or null".into()));
    }
    let Some(method) = fields.get("method").and_then(Value::as_str) else {
        return Err(BadRequest { id, text: "Expected a method".into(), garbage: true });
    };
    let params = match fields.get("params") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(params)) => params,
        Some(_) => return Err(BadRequest { id, text: "Expected params to be an array".into(), garbage: false }),
    };
    match call(method, params) {
        Ok(call) => Ok(Request { id, call }),
        Err(text) => Err(BadRequest { id, text, garbage: false }),
    }
}

fn call(method: &str, params: &[Value]) -> Result<Call, String> {
    match method {
        "mining.configure" => configure(params).map(Call::Configure),
        "mining.subscribe" => Ok(Call::Subscribe),
        "mining.authorize" => Ok(Call::Authorize { worker: text(params, 0, "worker name")?.to_owned() }),
        "mining.suggest_difficulty" => {
            let level = params.first().and_then(Value::as_f64).and_then(level_at_most);
            level.map(Call::SuggestDifficulty).ok_or_else(|| "Expected params: [difficulty above 0]".into())
        }
        "mining.extranonce.subscribe" => Ok(Call::SubscribeExtranonce),
        "mining.get_transactions" => Ok(Call::GetTransactions),
        "mining.ping" => Ok(Call::Ping),
        "mining.submit" => submit(params).map(Call::Submit),
        other => Err(format!("Unknown method {}", printable(other))),
    }
}

fn configure(params: &[Value]) -> Result<Configure, String> {
    let names = params.first().and_then(Value::as_array).ok_or("Expected params: [[extension, ...], {parameters}]")?;
    let parameter = |name: &str| params.get(1).and_then(|parameters| parameters.get(name));
    let mut configure = Configure::default();
    for name in names.iter().take(EXTENSIONS_MAX) {
        match name.as_str().ok_or("Expected extension names as texts")? {
            "version-rolling" => {
                // Without a mask the worker rolls whatever we allow (BIP 310).
                let mask = parameter("version-rolling.mask").and_then(Value::as_str);
                let mask = mask.map_or(Some(u32::MAX), |mask| u32::from_str_radix(mask, 16).ok());
                configure.version_mask = Some(mask.ok_or("Expected version-rolling.mask as 8 hex digits")?);
            }
            "minimum-difficulty" => {
                let value = parameter("minimum-difficulty.value").and_then(Value::as_f64).and_then(level_at_least);
                configure.minimum_level = Some(value.ok_or("Expected minimum-difficulty.value above 0")?);
            }
            "subscribe-extranonce" => configure.subscribe_extranonce = true,
            other => configure.unknown.push(printable(other)),
        }
    }
    Ok(configure)
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

/// The hardest level whose difficulty is at most `difficulty`.
fn level_at_most(difficulty: f64) -> Option<Level> {
    exponent(difficulty).map(|exponent| clamp(exponent.floor()))
}

/// The easiest level whose difficulty is at least `difficulty`.
pub(crate) fn level_at_least(difficulty: f64) -> Option<Level> {
    exponent(difficulty).map(|exponent| clamp(exponent.ceil()))
}

/// log₂, exact for powers of two.
fn exponent(difficulty: f64) -> Option<f64> {
    (difficulty.is_finite() && difficulty > 0.0).then(|| difficulty.log2())
}

fn clamp(exponent: f64) -> Level {
    let exponent = exponent.clamp(f64::from(Level::MIN.get()), f64::from(Level::MAX.get()));
    Level::new(exponent as i8).unwrap_or(Level::MIN)
}

/// A stranger's text, short and without control characters, fit to be repeated.
fn printable(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests;

//! What a pool may say, checked line by line: every test's client ends its test on the first deviation.

use std::collections::HashSet;

use serde_json::Value;

/// One connection, as far as it has been heard.
#[derive(Debug, Default)]
pub(crate) struct Strict {
    difficulty: Option<f64>,
    /// A difficulty was set that no job has followed yet.
    pending: bool,
    prevhash: Option<String>,
    jobs: HashSet<String>,
    /// Jobs sent again after invalid shares.
    pub(crate) resent: usize,
    /// Whether the connection may have gone on with an earlier one's work.
    pub(crate) resumed: bool,
}

impl Strict {
    /// Panics at what breaks the protocol.
    pub(crate) fn check(&mut self, message: &Value) {
        let keys: Vec<_> = message.as_object().expect("an object").keys().map(String::as_str).collect();
        match message["method"].as_str() {
            None => {
                assert_eq!(keys, ["error", "id", "result"], "{message}");
                answer(message);
            }
            Some(method) => {
                assert_eq!(keys, ["id", "method", "params"], "{message}");
                let params = message["params"].as_array().expect("params are an array");
                match method {
                    "client.get_version" | "mining.ping" => self.question(message, params),
                    _ => self.notification(message, method, params),
                }
            }
        }
    }

    /// Firmware reads ids as whole numbers.
    fn question(&self, message: &Value, params: &[Value]) {
        assert!(message["id"].is_u64() && params.is_empty(), "{message}");
        assert!(!self.pending, "a difficulty comes with its job, not {message}");
    }

    fn notification(&mut self, message: &Value, method: &str, params: &[Value]) {
        assert!(message["id"].is_null(), "{message}");
        assert!(!self.pending || method == "mining.notify", "a difficulty comes with its job, not {method}");
        match method {
            "mining.set_difficulty" => self.set_difficulty(params),
            "mining.notify" => self.notify(params),
            "client.show_message" => assert!(matches!(params, [Value::String(_)]), "{params:?}"),
            "client.reconnect" => assert!(params.is_empty(), "{params:?}"),
            _ => panic!("no notification of ours: {method}"),
        }
    }

    fn set_difficulty(&mut self, params: &[Value]) {
        let [difficulty] = params else { panic!("{params:?}") };
        let difficulty = difficulty.as_f64().expect("a number");
        assert!(difficulty > 0.0 && difficulty.log2().fract() == 0.0, "{difficulty} is no power of two");
        assert_ne!(self.difficulty.replace(difficulty), Some(difficulty), "nothing changed");
        self.pending = true;
    }

    fn notify(&mut self, params: &[Value]) {
        assert!(self.difficulty.is_some(), "a job before its difficulty");
        self.pending = false;
        let [id, prevhash, coinbase1, coinbase2, branch, version, nbits, ntime, clean] = params else {
            panic!("{params:?}")
        };
        for (value, bytes) in [(prevhash, 32), (version, 4), (nbits, 4), (ntime, 4)] {
            assert_eq!(hex_bytes(value), bytes, "{value}");
        }
        assert!(hex_bytes(coinbase1) + 12 + hex_bytes(coinbase2) <= 500, "a coinbase that markets refuse");
        let branch = branch.as_array().expect("a branch");
        assert!(branch.len() <= 16 && branch.iter().all(|hash| hex_bytes(hash) == 32), "{branch:?}");
        let clean = clean.as_bool().expect("a flag");
        let is_new_block = self.prevhash.replace(prevhash.to_string()) != Some(prevhash.to_string());
        if self.jobs.insert(id.to_string()) {
            assert!(clean == is_new_block || self.resumed, "clean_jobs {clean} on {prevhash}");
        } else {
            assert!(clean, "job {id} again for nothing");
            self.resent += 1;
        }
        self.resumed = false;
    }
}

fn answer(message: &Value) {
    match (&message["result"], &message["error"]) {
        (Value::Null, Value::Array(error)) => {
            let [Value::Number(code), Value::String(text), Value::Null] = &error[..] else { panic!("{message}") };
            assert!(code.as_u64().is_some_and(|code| (20..=25).contains(&code)) && !text.is_empty(), "{message}");
        }
        (result, Value::Null) => assert!(!result.is_null(), "{message}"),
        _ => panic!("{message}"),
    }
}

fn hex_bytes(value: &Value) -> usize {
    hex::decode(value.as_str().expect("hex digits")).expect("hex digits").len()
}

#![no_main]

fuzz::target!("tlog_proof");

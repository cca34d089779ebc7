#![no_main]

fuzz::target!("share_proof");

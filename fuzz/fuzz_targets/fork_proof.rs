#![no_main]

fuzz::target!("fork_proof");

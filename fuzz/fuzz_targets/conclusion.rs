#![no_main]

fuzz::target!("conclusion");

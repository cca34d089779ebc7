#![no_main]

fuzz::target!("transaction");

#![no_main]

fuzz::target!("coinbase");

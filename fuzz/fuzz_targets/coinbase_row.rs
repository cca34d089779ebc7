#![no_main]

fuzz::target!("coinbase_row");

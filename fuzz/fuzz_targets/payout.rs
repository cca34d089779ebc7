#![no_main]

fuzz::target!("payout");

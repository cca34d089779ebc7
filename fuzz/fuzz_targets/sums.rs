#![no_main]

fuzz::target!("sums");

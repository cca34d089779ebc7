#![no_main]

fuzz::target!("stratum_line");

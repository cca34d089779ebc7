#![no_main]

fuzz::target!("jobs");

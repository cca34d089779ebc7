#![no_main]

fuzz::target!("policy");

#![no_main]

fuzz::target!("rejects");

#![no_main]

fuzz::target!("vkey");

#![no_main]

fuzz::target!("accrue");

#![no_main]

fuzz::target!("settlement");

#![no_main]

fuzz::target!("checkpoint");

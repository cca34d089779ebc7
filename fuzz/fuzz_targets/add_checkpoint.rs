#![no_main]

fuzz::target!("add_checkpoint");

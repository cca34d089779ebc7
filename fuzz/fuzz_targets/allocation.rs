#![no_main]

fuzz::target!("allocation");

#![no_main]

fuzz::target!("tar");

#![no_main]

fuzz::target!("entry");

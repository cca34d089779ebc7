#![no_main]

fuzz::target!("entry_bundle");

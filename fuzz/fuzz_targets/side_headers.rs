#![no_main]

fuzz::target!("side_headers");

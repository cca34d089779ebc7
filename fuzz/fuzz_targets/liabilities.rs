#![no_main]

fuzz::target!("liabilities");

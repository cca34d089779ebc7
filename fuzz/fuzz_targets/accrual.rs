#![no_main]

fuzz::target!("accrual");

#![no_main]

fuzz::target!("judged_note");

#![no_main]

fuzz::target!("sessions");

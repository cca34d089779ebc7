#![no_main]

fuzz::target!("job_id");

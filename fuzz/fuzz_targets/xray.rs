#![no_main]

use libfuzzer_sys::fuzz_target;
use tracewire::Format;

const FIELDS: &[&str] = &["x-amzn-trace-id"];

fuzz_target!(|data: &[u8]| tracewire_fuzz::check(Format::XRay, FIELDS, data));

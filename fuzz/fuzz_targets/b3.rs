#![no_main]

use libfuzzer_sys::fuzz_target;
use tracewire::Format;

const FIELDS: &[&str] = &["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"];

fuzz_target!(|data: &[u8]| tracewire_fuzz::check(Format::B3, FIELDS, data));

#![no_main]

use libfuzzer_sys::fuzz_target;
use tracewire::Format;

const FIELDS: &[&str] = &["traceparent", "tracestate", "tracestate"];

fuzz_target!(|data: &[u8]| tracewire_fuzz::check(Format::TraceContext, FIELDS, data));

#![no_main]

use libfuzzer_sys::fuzz_target;
use tracewire::Format;

const FIELDS: &[&str] = &[
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-tags",
    "x-datadog-sampling-priority",
    "x-datadog-origin",
];

fuzz_target!(|data: &[u8]| tracewire_fuzz::check(Format::Datadog, FIELDS, data));

//! The report on the program names both versions, and says who brings the other one.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::process::Command;

#[test]
fn both_versions_are_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_two-versions")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report = String::from_utf8(output.stdout).unwrap();
    println!("{report}");
    assert!(report.contains("opentelemetry in 2 versions, 0.32."), "{report}");
    assert!(report.contains(" and 0.33."), "{report}");
    assert!(report.contains("   cargo tree -i opentelemetry@0.32."), "{report}");
    assert!(!report.contains("opentelemetry_sdk"), "{report}");
}

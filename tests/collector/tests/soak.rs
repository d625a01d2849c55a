//! A short soak; `cargo xtask soak` takes ten minutes.

use std::time::Duration;

use collector_tests::soak;
use sdk_tests::Wire;

#[test]
fn two_rounds() {
    let report = soak::run(env!("CARGO_BIN_EXE_soak"), Duration::from_secs(24), Wire::Grpc);
    println!("{report}");
    let complaints = report.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}\n{report}");
}

//! Where the services are that tests share.

use std::path::Path;

/// A value from the environment, or from what `cargo xtask services up` left.
#[track_caller]
pub fn address(variable: &str) -> String {
    if let Ok(value) = std::env::var(variable)
        && !value.is_empty()
    {
        return value;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/services/env");
    let lines = std::fs::read_to_string(file).unwrap_or_default();
    let value = lines.lines().find_map(|line| line.strip_prefix(variable)?.strip_prefix('='));
    match value {
        Some(value) => value.to_owned(),
        None => panic!("{variable} is not known: run `cargo xtask services up`, or set it"),
    }
}

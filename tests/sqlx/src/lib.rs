//! What the tests share: databases to talk to.

use std::path::Path;

/// An address from the environment, or from what `cargo xtask services up` left.
///
/// # Panics
/// When there is neither.
pub fn address(variable: &str) -> String {
    if let Ok(url) = std::env::var(variable)
        && !url.is_empty()
    {
        return url;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/services/env");
    let lines = std::fs::read_to_string(file).unwrap_or_default();
    let url = lines.lines().find_map(|line| line.strip_prefix(variable)?.strip_prefix('='));
    match url {
        Some(url) => url.to_owned(),
        None => panic!("{variable} is not known: run `cargo xtask services up`, or set it"),
    }
}

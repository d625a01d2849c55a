//! The servers that tests share.

use std::path::Path;

/// What the environment says, or what `cargo xtask services up` has written down: the address of a
/// server, or where its program is.
///
/// # Panics
/// When nobody says. These tests are never skipped.
#[track_caller]
pub fn service(variable: &str) -> String {
    let given = std::env::var(variable).ok().filter(|value| !value.is_empty());
    let written = || {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/services/env");
        value_in(&std::fs::read_to_string(file).ok()?, variable)
    };
    given.or_else(written).unwrap_or_else(|| {
        panic!("{variable} is not known: run `cargo xtask services up`, or set it")
    })
}

/// The value of a variable in `KEY=VALUE` lines.
fn value_in(lines: &str, variable: &str) -> Option<String> {
    let value = |line: &str| Some(line.strip_prefix(variable)?.strip_prefix('=')?.to_owned());
    lines.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::value_in;

    #[test]
    fn a_value_is_found_among_other_lines() {
        for (lines, value) in [
            ("URL=redis://127.0.0.1:7000/\n", Some("redis://127.0.0.1:7000/")),
            ("A=1\nURL=redis://h/?a=b\nB", Some("redis://h/?a=b")),
            ("URL_2=x", None),
            ("MY_URL=x", None),
            ("", None),
        ] {
            assert_eq!(value_in(lines, "URL").as_deref(), value, "{lines}");
        }
    }
}

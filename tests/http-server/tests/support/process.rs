//! Tests that touch what belongs to the whole process run in one of their own.

use std::process::Command;

const CHILD: &str = "HTTP_SERVER_TESTS_CHILD";

/// Runs the test of this path again in a process of its own, with these variables.
///
/// Returns `true` in the parent once the child has passed, and `false` in the child, which goes on.
#[track_caller]
pub(crate) fn in_own_process(test: &str, variables: &[(&str, &str)]) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return false;
    }
    let test = test.strip_prefix("main::").unwrap_or(test);
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture"]);
    child.env(CHILD, test).envs(variables.iter().copied());
    let output = child.output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{test} failed:\n{out}\n{err}");
    assert!(out.contains("1 passed"), "there is no test {test}:\n{out}");
    true
}

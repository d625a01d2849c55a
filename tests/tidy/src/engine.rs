//! Runs every rule and check over a tree.

use std::fmt;

use crate::checks::CHECKS;
use crate::paths::{self, begins_with};
use crate::rules::{Forbids, RULES, Rule};
use crate::tree::{File, Tree};

/// One place where the tree is not as a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name.
    pub rule: &'static str,
    /// The file, from the repository's root.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What stands there.
    pub what: String,
    /// Why it must not.
    pub why: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, path, line, what, why } = self;
        write!(f, "{path}:{line}: [{rule}] {what}: {why}")
    }
}

/// All violations in a tree, in the order of the rules, then of the files.
#[must_use]
pub fn violations(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for rule in RULES {
        for file in tree.within(rule.within) {
            if rule.except.iter().any(|place| file.is_within(place)) {
                continue;
            }
            for (line, what) in forbidden_in(file, rule) {
                found.push(violation(rule.name, rule.why, &file.path, line, what));
            }
        }
    }
    for check in CHECKS {
        for (path, line, what) in (check.find)(tree) {
            found.push(violation(check.name, check.why, &path, line, what));
        }
    }
    found
}

/// The names of everything that [`violations`] looks for.
pub fn names() -> impl Iterator<Item = &'static str> {
    let rules = RULES.iter().map(|rule| rule.name);
    rules.chain(CHECKS.iter().map(|check| check.name))
}

fn violation(
    rule: &'static str,
    why: &'static str,
    path: &str,
    line: usize,
    what: String,
) -> Violation {
    Violation { rule, path: path.to_owned(), line, what, why }
}

/// Where a file has what a rule forbids, and which of it.
fn forbidden_in(file: &File, rule: &Rule) -> Vec<(usize, String)> {
    match rule.forbids {
        Forbids::Paths(beginnings) => paths::named_in(file)
            .into_iter()
            .filter(|(_, path)| beginnings.iter().any(|it| begins_with(path, it)))
            .map(|(line, path)| (line, format!("`{path}`")))
            .collect(),
        Forbids::InLibrary(patterns) => lines_with(file.library_code(), patterns),
        Forbids::InCode(patterns) => lines_with(file.code(), patterns),
        Forbids::Anywhere(patterns) => lines_with(&file.text, patterns),
    }
}

fn lines_with(text: &str, patterns: &[&str]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for pattern in patterns {
            if contains(line, pattern) {
                found.push((index + 1, format!("`{pattern}`")));
            }
        }
    }
    found
}

/// Whether the pattern is in the line, as whole words where it begins or ends with one.
fn contains(line: &str, pattern: &str) -> bool {
    let is_word = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
    let glued = |outer: Option<char>, inner: Option<char>| is_word(outer) && is_word(inner);
    line.match_indices(pattern).any(|(start, _)| {
        let end = start + pattern.len();
        let before = line[..start].chars().next_back();
        let after = line[end..].chars().next();
        !glued(before, pattern.chars().next()) && !glued(after, pattern.chars().next_back())
    })
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn patterns_are_whole_words() {
        let cases = [
            ("panic!(x)", "panic!(", true),
            ("dont_panic!(x)", "panic!(", false),
            ("a.end()", ".end()", true),
            ("a.end_with(b)", "end_with", true),
            ("a.end_with_timestamp(b)", "end_with", false),
            ("xend_with end_with", "end_with", true),
        ];
        for (line, pattern, expected) in cases {
            assert_eq!(contains(line, pattern), expected, "{pattern} in {line}");
        }
    }
}

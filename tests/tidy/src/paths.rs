//! The paths that a source names, with the groups of `use` taken apart: `std::{fs, net::TcpStream}` is two.

use crate::tree::File;

/// A path and the line on which it ends, counted from 1.
pub(crate) type Named = (usize, String);

/// Every path in the file's library code. Paths that begin with `self` or `super` are written from `crate`.
pub(crate) fn named_in(file: &File) -> Vec<Named> {
    let module = module_of(&file.path);
    let mut paths = in_code(file.library_code());
    for (_, path) in &mut paths {
        *path = from_crate(path, &module);
    }
    paths
}

/// Whether a path is this one or goes on from it.
pub(crate) fn begins_with(path: &str, beginning: &str) -> bool {
    path.strip_prefix(beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The module that a file is: `["http", "server"]` for `crates/tracewire/src/http/server.rs`.
pub(crate) fn module_of(path: &str) -> Vec<&str> {
    let inside = path.split_once("/src/").map_or("", |(_, inside)| inside);
    let mut module: Vec<&str> = inside.trim_end_matches(".rs").split('/').collect();
    if matches!(module.last(), Some(&("mod" | "lib" | "main" | ""))) {
        module.pop();
    }
    module
}

fn from_crate(path: &str, module: &[&str]) -> String {
    let mut names: Vec<&str> = path.split("::").collect();
    let mut base = module.to_vec();
    if !matches!(names.first(), Some(&("self" | "super"))) {
        return path.to_owned();
    }
    while let Some(&first @ ("self" | "super")) = names.first() {
        names.remove(0);
        if first == "super" {
            base.pop();
        }
    }
    let all = ["crate"].iter().chain(&base).chain(&names);
    all.copied().collect::<Vec<_>>().join("::")
}

fn in_code(code: &str) -> Vec<Named> {
    let mut parser = Parser { code, at: 0, line: 1, found: Vec::new() };
    while let Some(next) = parser.peek() {
        if is_word(next) {
            parser.path("");
        } else {
            parser.skip(next);
        }
    }
    parser.found
}

struct Parser<'a> {
    code: &'a str,
    at: usize,
    line: usize,
    found: Vec<Named>,
}

impl Parser<'_> {
    /// A path from its first word on, or one branch of a group below `prefix`.
    fn path(&mut self, prefix: &str) {
        let mut path = prefix.to_owned();
        let mut line;
        loop {
            line = self.line;
            let word = self.word();
            if !path.is_empty() && word != "self" {
                path += "::";
            }
            if path.is_empty() || word != "self" {
                path += word;
            }
            self.blanks();
            if !self.code[self.at..].starts_with("::") {
                break;
            }
            self.at += 2;
            self.blanks();
            match self.peek() {
                Some('{') => return self.group(&path),
                Some(next) if is_word(next) => {}
                _ => break,
            }
        }
        self.found.push((line, path));
    }

    /// The branches between `{` and its `}`.
    fn group(&mut self, prefix: &str) {
        while let Some(next) = self.peek() {
            match next {
                '}' => return self.skip(next),
                '*' => {
                    self.found.push((self.line, prefix.to_owned()));
                    self.skip(next);
                }
                next if is_word(next) => {
                    self.path(prefix);
                    self.rename();
                }
                next => self.skip(next),
            }
        }
    }

    /// `as name` after a branch, which names nothing from elsewhere.
    fn rename(&mut self) {
        self.blanks();
        if self.code[self.at..].starts_with("as ") {
            self.at += 2;
            self.blanks();
            self.word();
        }
    }

    fn word(&mut self) -> &str {
        let start = self.at;
        while let Some(next) = self.peek().filter(|next| is_word(*next)) {
            self.at += next.len_utf8();
        }
        &self.code[start..self.at]
    }

    fn blanks(&mut self) {
        while let Some(next) = self.peek().filter(|next| next.is_whitespace()) {
            self.skip(next);
        }
    }

    fn skip(&mut self, next: char) {
        self.line += usize::from(next == '\n');
        self.at += next.len_utf8();
    }

    fn peek(&self) -> Option<char> {
        self.code[self.at..].chars().next()
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::{begins_with, from_crate, in_code, module_of};

    #[test]
    fn groups_are_taken_apart() {
        let cases: [(&str, &[&str]); 6] = [
            ("std::fs::read(x)", &["std::fs::read", "x"]),
            ("{a::{b, c::{d, e as f}, self, *}}", &["a::b", "a::c::d", "a::c::e", "a", "a"]),
            ("<T as a::B>::c", &["T", "as", "a::B", "c"]),
            ("a::b::<C>::new()", &["a::b", "C", "new"]),
            ("a ::\n b", &["a::b"]),
            ("x::{open", &["x::open"]),
        ];
        for (code, expected) in cases {
            let paths: Vec<_> = in_code(code).into_iter().map(|(_, path)| path).collect();
            assert_eq!(paths, expected, "{code}");
        }
    }

    #[test]
    fn lines_are_counted_from_one() {
        let found = in_code("a\n\nb::{\n  c,\n  d,\n}\n");
        let lines: Vec<_> = found.into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 4, 5]);
    }

    #[test]
    fn relative_paths_are_written_from_the_crate() {
        let module = module_of("crates/tracewire/src/http/server.rs");
        assert_eq!(module, ["http", "server"]);
        assert_eq!(module_of("crates/tracewire/src/http/mod.rs"), ["http"]);
        assert_eq!(module_of("crates/tracewire/src/lib.rs"), [""; 0]);
        let cases = [
            ("super::body", "crate::http::body"),
            ("super::super::redis::X", "crate::redis::X"),
            ("self::a", "crate::http::server::a"),
            ("std::fs", "std::fs"),
        ];
        for (path, expected) in cases {
            assert_eq!(from_crate(path, &module), expected);
        }
    }

    #[test]
    fn a_path_begins_with_whole_names() {
        assert!(begins_with("std::fs", "std::fs"));
        assert!(begins_with("std::fs::read", "std::fs"));
        assert!(!begins_with("std::fsx", "std::fs"));
    }
}

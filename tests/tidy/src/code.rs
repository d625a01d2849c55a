//! Takes from a Rust source what is not code: comments, the insides of literals, and test items.
//!
//! Everything taken becomes blanks, so that what remains keeps its line and column.

use std::iter::repeat_n;

/// The source without comments and without the insides of string and character literals.
pub(crate) fn without_comments_and_literals(source: &str) -> String {
    let mut scanner = Scanner {
        source: source.chars().collect(),
        at: 0,
        out: String::with_capacity(source.len()),
    };
    while scanner.at < scanner.source.len() {
        scanner.step();
    }
    scanner.out
}

/// The code without items under `#[cfg(test)]` or `#[cfg(all(test, …))]`, given code without comments and literals.
pub(crate) fn without_tests(code: &str) -> String {
    let is_test = test_lines(code);
    let mut out = String::with_capacity(code.len());
    for (line, is_test) in code.lines().zip(is_test) {
        out += if is_test { "" } else { line };
        out.push('\n');
    }
    out
}

/// For each line, whether it belongs to a test item.
pub(crate) fn test_lines(code: &str) -> Vec<bool> {
    let mut result = Vec::new();
    // Inside a test item: how many brackets are open; before its first line nothing is.
    let mut open: Option<usize> = None;
    for line in code.lines() {
        let start = line.trim_start();
        let mut body = start;
        if open.is_none()
            && (start.starts_with("#[cfg(test)]") || start.starts_with("#[cfg(all(test"))
        {
            open = Some(0);
            // The brackets of the attribute are balanced, so the item may follow on the same line.
            body = start.split_once(")]").map_or("", |(_, rest)| rest);
        }
        result.push(open.is_some());
        if let Some(depth) = open {
            open = depth_after(body, depth);
        }
    }
    result
}

/// How many brackets are open after this line of an item; `None` when the item ended in it.
fn depth_after(line: &str, mut depth: usize) -> Option<usize> {
    for character in line.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return None;
                }
            }
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    Some(depth)
}

struct Scanner {
    source: Vec<char>,
    at: usize,
    out: String,
}

impl Scanner {
    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => self.blank_while(|it| it.peek(0) != '\n'),
            ('/', '*') => self.block_comment(),
            ('"', _) => self.string(),
            ('\'', _) => self.character(),
            ('r', '"' | '#') if !self.in_word() => self.raw_string(),
            _ => self.keep(1),
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                ('\0', _) => return,
                _ => {
                    self.blank(1);
                    continue;
                }
            }
            self.blank(2);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.keep(1);
        loop {
            match self.peek(0) {
                '"' => return self.keep(1),
                '\\' => self.blank(2),
                '\0' => return,
                _ => self.blank(1),
            }
        }
    }

    /// `r"…"`, `r#"…"#`, also with `b` or `c` before; `r#name` is kept.
    fn raw_string(&mut self) {
        let hashes = (1..).take_while(|ahead| self.peek(*ahead) == '#').count();
        if self.peek(1 + hashes) != '"' {
            return self.keep(1 + hashes);
        }
        self.keep(2 + hashes);
        let is_end =
            |it: &Self| it.peek(0) == '"' && (1..=hashes).all(|ahead| it.peek(ahead) == '#');
        self.blank_while(|it| !is_end(it));
        self.keep(1 + hashes);
    }

    /// A character literal; the quote of a lifetime or a label is kept.
    fn character(&mut self) {
        if self.peek(1) == '\\' {
            self.keep(1);
            self.blank(2);
            self.blank_while(|it| !matches!(it.peek(0), '\'' | '\n'));
            self.keep(1);
        } else if self.peek(2) == '\'' {
            self.keep(1);
            self.blank(1);
            self.keep(1);
        } else {
            self.keep(1);
        }
    }

    /// Whether the character before belongs to the same word, other than the `b` or `c` of a literal.
    fn in_word(&self) -> bool {
        let back = |distance: usize| {
            let before = self.at.checked_sub(distance);
            before.map_or(' ', |index| self.source[index])
        };
        let is_word = |it: char| it.is_alphanumeric() || it == '_';
        match back(1) {
            'b' | 'c' => is_word(back(2)),
            before => is_word(before),
        }
    }

    /// The character this far ahead; NUL after the end.
    fn peek(&self, ahead: usize) -> char {
        self.source.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn keep(&mut self, count: usize) {
        let end = (self.at + count).min(self.source.len());
        self.out.extend(&self.source[self.at..end]);
        self.at = end;
    }

    fn blank(&mut self, count: usize) {
        let end = (self.at + count).min(self.source.len());
        for character in &self.source[self.at..end] {
            match character {
                '\n' => self.out.push('\n'),
                other => self.out.extend(repeat_n(' ', other.len_utf8())),
            }
        }
        self.at = end;
    }

    fn blank_while(&mut self, condition: impl Fn(&Self) -> bool) {
        while self.at < self.source.len() && condition(self) {
            self.blank(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{without_comments_and_literals, without_tests};

    #[test]
    fn comments_and_literals_are_blanked_and_code_is_kept() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("/// x.unwrap()\nfn f() {}", "              \nfn f() {}"),
            ("a /* b /* c */ d */ e", "a                   e"),
            ("a /* open", "a        "),
            (r#"f("a\"b", c)"#, r#"f("    ", c)"#),
            (r##"f(r#"a"b"#, c)"##, r##"f(r#"   "#, c)"##),
            (r##"f(br#"a"b"#, c)"##, r##"f(br#"   "#, c)"##),
            (r#"f(r"a\", c)"#, r#"f(r"  ", c)"#),
            ("r#type + for_r", "r#type + for_r"),
            ("'a' 'b: '\\'' \"'\"", "' ' 'b: '  ' \" \""),
            ("f::<'a>('\"', x)", "f::<'a>(' ', x)"),
            ("'\\u{1F600}' x", "'         ' x"),
            ("\"é\nb\" x", "\"  \n \" x"),
            ("\"open", "\"    "),
        ];
        for (source, expected) in cases {
            assert_eq!(without_comments_and_literals(source), expected, "{source}");
        }
    }

    #[test]
    fn test_items_are_blanked_to_their_end_and_no_further() {
        let cases = [
            ("a\n#[cfg(test)]\nmod tests {\n  b {}\n}\nc\n", "a\n\n\n\n\nc\n"),
            ("#[cfg(test)]\nmod tests;\na\n", "\n\na\n"),
            ("#[cfg(test)] mod tests;\na\n", "\na\n"),
            (
                "#[cfg(all(test, feature = \"x\"))]\n#[allow(y)]\nfn f(a: [u8; 2]) {\n}\nb\n",
                "\n\n\n\nb\n",
            ),
            ("mod a {\n  #[cfg(test)]\n  fn f() {}\n  b\n}\n", "mod a {\n\n\n  b\n}\n"),
            ("#[cfg(not(test))]\nfn f() {}\n", "#[cfg(not(test))]\nfn f() {}\n"),
        ];
        for (source, expected) in cases {
            assert_eq!(without_tests(source), expected, "{source}");
        }
    }
}

//! `db.query.text`: commands as one would type them, with `?` where a value is.

use super::config::QueryText;
use super::name::Name;
use super::words::Words;

/// A text ends with an ellipsis where it would be longer than this, and the word it is at.
const LONGEST: usize = 1024;

/// A key ends with an ellipsis where it would be longer than this.
const LONGEST_WORD: usize = 128;

const ELLIPSIS: &str = "...";

/// The text of one command or of many.
///
/// Commands are joined with `; `, except where all of them read the same: then the text is that of
/// one (semantic conventions, `db.query.text` of batches).
#[derive(Debug)]
pub(super) struct Text {
    what: QueryText,
    text: String,
    /// Where the first command ends.
    first: usize,
    /// How many commands like the first have been left out; `None` once another one came.
    repeated: Option<usize>,
    full: bool,
}

impl Text {
    pub(super) fn new(what: QueryText) -> Self {
        Self { what, text: String::with_capacity(64), first: 0, repeated: Some(0), full: false }
    }

    /// Adds a command.
    pub(super) fn add(&mut self, words: &mut Words<'_, '_>) {
        if self.full {
            return;
        }
        let start = self.text.len();
        self.command(words);
        if start == 0 {
            self.first = self.text.len();
            return;
        }
        let Some(repeated) = self.repeated else {
            return;
        };
        if self.text[start..].strip_prefix("; ") == Some(&self.text[..self.first]) {
            self.text.truncate(start);
            self.repeated = Some(repeated + 1);
            return;
        }
        self.repeated = None;
        let other = self.text.split_off(start);
        for _ in 0..repeated {
            if self.is_full() {
                return;
            }
            self.text.push_str("; ");
            self.text.extend_from_within(..self.first);
        }
        self.text.push_str(&other);
    }

    pub(super) fn into_string(self) -> String {
        self.text
    }

    fn command(&mut self, words: &mut Words<'_, '_>) {
        if !self.text.is_empty() {
            self.text.push_str("; ");
        }
        let name = Name::read(words);
        let mut shape = Shape::new(name.known().map_or("", |command| command.shape));
        self.text.push_str(&name.of_command());
        while let Some(word) = words.next() {
            if self.is_full() {
                return;
            }
            self.text.push(' ');
            match shape.next(word, words.left()) {
                Part::Name => self.word(word),
                Part::Key if self.what == QueryText::Keys => self.word(word),
                Part::Key | Part::Value => self.text.push('?'),
            }
        }
    }

    fn is_full(&mut self) -> bool {
        if self.text.len() > LONGEST && !self.full {
            self.text.push_str(ELLIPSIS);
            self.full = true;
        }
        self.full
    }

    /// A word in the way of `redis-cli`: in quotes where it could be taken for something else.
    fn word(&mut self, word: &[u8]) {
        let shown = word.get(..LONGEST_WORD).unwrap_or(word);
        let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\?;".contains(byte);
        match std::str::from_utf8(shown) {
            Ok(shown) if !shown.is_empty() && shown.bytes().all(|byte| plain(&byte)) => {
                self.text.push_str(shown);
            }
            _ => {
                let escaped = shown.escape_ascii();
                self.text.extend(std::iter::once('"').chain(escaped.map(char::from)));
                self.text.push('"');
            }
        }
        if shown.len() < word.len() {
            self.text.push_str(ELLIPSIS);
        }
    }
}

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Name,
    Key,
    Value,
}

/// Follows the signs of [`commands!`](super::commands) from argument to argument.
struct Shape {
    signs: &'static [u8],
    at: usize,
    /// Where a repetition begins.
    again: usize,
    /// How many keys come before the next sign counts.
    keys: usize,
}

impl Shape {
    fn new(signs: &'static str) -> Self {
        let signs = signs.as_bytes();
        Self { signs, at: 0, again: signs.len(), keys: 0 }
    }

    /// What `word` is, with so many words after it.
    fn next(&mut self, word: &[u8], left: usize) -> Part {
        if let Some(keys) = self.keys.checked_sub(1) {
            self.keys = keys;
            return Part::Key;
        }
        let sign = self.signs.get(self.at).copied();
        match sign {
            Some(b'(') => {
                self.at += 1;
                self.again = self.at;
                return self.next(word, left);
            }
            Some(b')') => {
                self.at = self.again;
                return self.next(word, left);
            }
            Some(b'l') if left > 0 => return Part::Key,
            Some(b's') if !word.eq_ignore_ascii_case(b"STREAMS") => return Part::Value,
            _ => self.at += 1,
        }
        match sign {
            Some(b'k') => Part::Key,
            Some(b'w') => Part::Name,
            Some(b's') => {
                self.keys = left / 2;
                Part::Name
            }
            Some(b'n') => match number(word) {
                Some(keys) => {
                    self.keys = keys;
                    Part::Name
                }
                None => {
                    self.signs = b"";
                    Part::Value
                }
            },
            _ => Part::Value,
        }
    }
}

/// A number of keys; whatever is longer than such numbers are is none.
fn number(word: &[u8]) -> Option<usize> {
    let digits = (1..=6).contains(&word.len()) && word.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(word).ok().filter(|_| digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::packed::Commands;

    fn text(what: QueryText, commands: &[&[&[u8]]]) -> String {
        let mut text = Text::new(what);
        for words in commands {
            text.add(&mut Words::new(&mut words.iter().copied()));
        }
        text.into_string()
    }

    fn split(line: &str) -> Vec<&[u8]> {
        line.split(' ').map(str::as_bytes).collect()
    }

    #[test]
    fn values_are_masked_and_keys_by_choice() {
        for (line, masked, keys) in [
            ("PING", "PING", "PING"),
            ("get k", "GET ?", "GET k"),
            ("SET k secret EX 10", "SET ? ? ? ?", "SET k ? ? ?"),
            ("DEL a b c", "DEL ? ? ?", "DEL a b c"),
            ("MSET a 1 b 2", "MSET ? ? ? ?", "MSET a ? b ?"),
            ("HSET h f 1 g 2", "HSET ? ? ? ? ?", "HSET h f ? g ?"),
            ("HMSET h f 1 g", "HMSET ? ? ? ?", "HMSET h f ? g"),
            ("HGET h f", "HGET ? ?", "HGET h f"),
            ("HDEL h f g", "HDEL ? ? ?", "HDEL h f g"),
            ("BLPOP a b 5", "BLPOP ? ? ?", "BLPOP a b ?"),
            ("LMPOP 2 a b LEFT", "LMPOP 2 ? ? ?", "LMPOP 2 a b ?"),
            ("BZMPOP 9 1 a MIN", "BZMPOP ? 1 ? ?", "BZMPOP ? 1 a ?"),
            (
                "ZUNIONSTORE d 2 a b WEIGHTS 1 2",
                "ZUNIONSTORE ? 2 ? ? ? ? ?",
                "ZUNIONSTORE d 2 a b ? ? ?",
            ),
            ("LMPOP x a b", "LMPOP ? ? ?", "LMPOP ? ? ?"),
            ("LMPOP 99999999 a", "LMPOP ? ?", "LMPOP ? ?"),
            ("EVAL return(1) 1 k v", "EVAL ? 1 ? ?", "EVAL ? 1 k ?"),
            ("EVALSHA abc 1 k v", "EVALSHA abc 1 ? ?", "EVALSHA abc 1 k ?"),
            ("FCALL f 0 v", "FCALL f 0 ?", "FCALL f 0 ?"),
            ("BITOP AND d a b", "BITOP ? ? ? ?", "BITOP ? d a b"),
            (
                "XREAD COUNT 2 STREAMS a b 0 0",
                "XREAD ? ? STREAMS ? ? ? ?",
                "XREAD ? ? STREAMS a b ? ?",
            ),
            ("OBJECT ENCODING k", "OBJECT ENCODING ?", "OBJECT ENCODING k"),
            ("OBJECT secret k", "OBJECT ? ?", "OBJECT ? ?"),
            ("XGROUP CREATE s g $", "XGROUP CREATE ? ? ?", "XGROUP CREATE s ? ?"),
            ("JSON.MGET a b $", "JSON.MGET ? ? ?", "JSON.MGET a b ?"),
            ("my.command secret", "MY.COMMAND ?", "MY.COMMAND ?"),
            ("not+a+name secret", "_OTHER ?", "_OTHER ?"),
        ] {
            assert_eq!(text(QueryText::Masked, &[&split(line)]), masked, "{line}");
            assert_eq!(text(QueryText::Keys, &[&split(line)]), keys, "{line}");
        }
    }

    #[test]
    fn secrets_are_never_shown() {
        for line in [
            "AUTH user secret",
            "AUTH secret",
            "HELLO 3 AUTH user secret SETNAME secret",
            "ACL SETUSER user >secret",
            "ACL GETUSER secret",
            "ACL secret",
            "CONFIG SET requirepass secret",
            "CONFIG SET secret secret secret secret",
            "MIGRATE host 6379 k 0 10 COPY AUTH2 user secret KEYS a b",
            "SENTINEL SET name auth-pass secret",
            "CLIENT SETNAME secret",
            "FUNCTION LOAD secret",
            "SCRIPT LOAD secret",
            "EVAL secret 0",
        ] {
            let shown = text(QueryText::Keys, &[&split(line)]);
            assert!(!shown.contains("secret") && !shown.contains("user"), "{shown}");
            assert!(shown.ends_with('?') || shown.ends_with('0'), "{shown}");
        }
    }

    #[test]
    fn keys_are_quoted_where_they_could_be_misread_and_cut_where_they_are_long() {
        for (key, shown) in [
            (&b"user:7"[..], "user:7"),
            (b"", "\"\""),
            (b"a b", "\"a b\""),
            (b"?", "\"?\""),
            (b"a;b", "\"a;b\""),
            (b"a\"b\\", r#""a\"b\\""#),
            (b"\xff\x00\n", r#""\xff\x00\n""#),
            ("ü".as_bytes(), r#""\xc3\xbc""#),
        ] {
            assert_eq!(text(QueryText::Keys, &[&[b"GET", key]]), format!("GET {shown}"));
        }
        let long = text(QueryText::Keys, &[&[b"GET", &[b'k'; 5000]]]);
        assert_eq!(long, format!("GET {}...", "k".repeat(LONGEST_WORD)));
    }

    #[test]
    fn commands_are_joined_unless_they_are_the_same() {
        let (set, get) = (split("SET k v"), split("GET k"));
        for (commands, joined) in [
            (&[&set[..]][..], "SET k ?"),
            (&[&set, &set, &set], "SET k ?"),
            (&[&set, &get], "SET k ?; GET k"),
            (&[&set, &set, &get, &set], "SET k ?; SET k ?; GET k; SET k ?"),
            (&[], ""),
        ] {
            assert_eq!(text(QueryText::Keys, commands), joined);
        }
    }

    #[test]
    fn a_text_has_an_end() {
        let mut words = vec![&b"DEL"[..]];
        words.resize(100_000, b"key");
        let long = text(QueryText::Keys, &[&words]);
        assert!(long.ends_with(" key...") && long.len() < LONGEST + 10, "{}", long.len());

        let (set, get) = (split("SET k v"), split("GET k"));
        let mut batch = vec![&set[..]; 100_000];
        assert_eq!(text(QueryText::Keys, &batch), "SET k ?");
        batch.push(&get);
        let long = text(QueryText::Keys, &batch);
        assert!(long.ends_with("...") && long.len() < LONGEST + 20, "{}", long.len());
    }

    proptest::proptest! {
        #[test]
        fn nothing_but_keys_and_names_gets_in(bytes: Vec<u8>, name in "(SET|HSET|EVAL|LMPOP|XREAD|AUTH|GET)", arguments in proptest::collection::vec("[a-z]{9}", 0..9)) {
            let mut words = vec![name.as_bytes()];
            words.extend(arguments.iter().map(String::as_bytes));
            words.push(&bytes);
            let shown = text(QueryText::Masked, &[&words]);
            for argument in &arguments {
                proptest::prop_assert!(!shown.contains(argument.as_str()), "{}", shown);
            }
            for mut packed in Commands::new(&bytes) {
                Text::new(QueryText::Keys).add(&mut Words::new(&mut packed));
            }
        }
    }
}

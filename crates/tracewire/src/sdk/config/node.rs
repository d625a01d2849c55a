//! What a YAML document holds, with the place of everything in it.

use std::fmt;

/// A place in a document; both numbers begin with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Why a document cannot be followed.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    /// `None` when the whole document is at fault.
    pub(crate) at: Option<Mark>,
    pub(crate) why: String,
}

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Mark,
    pub(crate) content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// The name of an entry of a map. No two entries of a map have the same.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) at: Mark,
    pub(crate) name: String,
}

/// A single value, after substitution.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Without quotes, so that it need not be a text.
    pub(crate) plain: bool,
    /// What stands in the document, where something was substituted in it.
    pub(crate) written: Option<String>,
}

/// What a scalar is in the core schema (YAML 1.2.2 §10.3.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
}

// === impl Mark ===

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

// === impl Fault ===

impl Fault {
    pub(crate) fn at(at: Mark, why: impl Into<String>) -> Self {
        Self { at: Some(at), why: why.into() }
    }

    pub(crate) fn whole(why: impl Into<String>) -> Self {
        Self { at: None, why: why.into() }
    }
}

// === impl Node ===

impl Node {
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.value() == Value::Null)
    }

    /// The value for messages: what was written, never what was substituted, as that may be a secret.
    pub(crate) fn shown(&self) -> String {
        const MOST: usize = 40;
        match &self.content {
            Content::Scalar(_) if self.is_null() => "nothing".to_owned(),
            Content::Scalar(scalar) => {
                let text = scalar.written.as_deref().unwrap_or(&scalar.text);
                let cut = text.char_indices().nth(MOST).map_or(text.len(), |(at, _)| at);
                let more = if cut < text.len() { "…" } else { "" };
                format!("`{}{more}`", text[..cut].escape_debug())
            }
            Content::List(_) => "a list".to_owned(),
            Content::Map(_) => "a mapping".to_owned(),
        }
    }
}

// === impl Scalar ===

impl Scalar {
    pub(crate) fn value(&self) -> Value<'_> {
        if !self.plain {
            return Value::Text(&self.text);
        }
        match &*self.text {
            "" | "~" | "null" | "Null" | "NULL" => Value::Null,
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            text => int(text).or_else(|| float(text)).unwrap_or(Value::Text(text)),
        }
    }
}

/// `None` also for what has too many digits, which then is a float.
fn int(text: &str) -> Option<Value<'_>> {
    let number = if let Some(digits) = text.strip_prefix("0x") {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        i64::from_str_radix(digits, 16).ok().filter(|_| is_number)
    } else if let Some(digits) = text.strip_prefix("0o") {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        i64::from_str_radix(digits, 8).ok().filter(|_| is_number)
    } else {
        text.parse().ok()
    };
    number.map(Value::Int)
}

fn float(text: &str) -> Option<Value<'_>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(Value::Float(sign * f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" => return Some(Value::Float(f64::NAN)),
        _ => {}
    }
    // What Rust takes for a number and YAML does not are names, such as `inf`.
    let begins = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    let digits = unsigned.contains(|digit: char| digit.is_ascii_digit());
    let number = text.parse().ok().filter(|_| begins && digits);
    number.map(Value::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_of_the_core_schema() {
        let cases = [
            ("", Value::Null),
            ("~", Value::Null),
            ("null", Value::Null),
            ("nULL", Value::Text("nULL")),
            ("true", Value::Bool(true)),
            ("False", Value::Bool(false)),
            ("yes", Value::Text("yes")),
            ("0", Value::Int(0)),
            ("-12", Value::Int(-12)),
            ("+7", Value::Int(7)),
            ("010", Value::Int(10)),
            ("0o10", Value::Int(8)),
            ("0xdeadbeef", Value::Int(0xdead_beef)),
            ("0x-1", Value::Text("0x-1")),
            ("0o9", Value::Text("0o9")),
            ("0x", Value::Text("0x")),
            ("1_000", Value::Text("1_000")),
            ("1.1", Value::Float(1.1)),
            (".5", Value::Float(0.5)),
            ("1.", Value::Float(1.0)),
            ("1e3", Value::Float(1000.0)),
            ("-.inf", Value::Float(f64::NEG_INFINITY)),
            ("inf", Value::Text("inf")),
            ("NaN", Value::Text("NaN")),
            (".", Value::Text(".")),
            ("e5", Value::Text("e5")),
            ("9223372036854775808", Value::Float(9_223_372_036_854_775_808.0)),
            ("1.2.3", Value::Text("1.2.3")),
        ];
        for (text, expected) in cases {
            let scalar = |plain| Scalar { text: text.to_owned(), plain, written: None };
            assert_eq!(scalar(true).value(), expected, "{text:?}");
            assert_eq!(scalar(false).value(), Value::Text(text));
        }
    }

    #[test]
    fn what_was_substituted_is_not_shown() {
        let scalar = |text: &str, written: Option<&str>| Node {
            at: Mark { line: 1, column: 1 },
            content: Content::Scalar(Scalar {
                text: text.to_owned(),
                plain: true,
                written: written.map(str::to_owned),
            }),
        };
        assert_eq!(scalar("s3cret", Some("${TOKEN}")).shown(), "`${TOKEN}`");
        assert_eq!(scalar("a\nb", None).shown(), "`a\\nb`");
        assert_eq!(scalar("", Some("${TOKEN}")).shown(), "nothing");
        assert_eq!(scalar(&"é".repeat(41), None).shown(), format!("`{}…`", "é".repeat(40)));
    }
}

//! Where the ids stand in a line.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;

use crate::context::traceparent::TraceParent;

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// For people: fields at the end.
    Text,
    /// One JSON object.
    Json,
}

/// The ids of the current span.
pub(super) struct Ids(TraceParent);

impl Ids {
    /// `None` outside of any trace.
    pub(super) fn current() -> Option<Self> {
        Context::map_current(|context| {
            let span = context.span();
            let known = span.span_context();
            known.is_valid().then(|| Self(TraceParent::of(known)))
        })
    }

    /// Names and values, cut out of `00-<trace id>-<span id>-<flags>`.
    fn fields(&self) -> [(&'static str, &str); 3] {
        let text = std::str::from_utf8(self.0.as_bytes()).unwrap_or_default();
        let part = |range| text.get(range).unwrap_or_default();
        [("trace_id", part(3..35)), ("span_id", part(36..52)), ("trace_flags", part(53..55))]
    }

    /// Appends `line` with the ids in it to `out`.
    pub(super) fn add(&self, form: Form, line: &[u8], out: &mut Vec<u8>) {
        let end = line.trim_ascii_end().len();
        let (text, ending) = line.split_at(end);
        match form {
            Form::Text => self.add_text(text, out),
            Form::Json => self.add_json(text, out),
        }
        out.extend_from_slice(ending);
    }

    fn add_text(&self, text: &[u8], out: &mut Vec<u8>) {
        let is_colored = text.contains(&0x1b);
        out.extend_from_slice(text);
        out.extend_from_slice(if is_colored { b"\x1b[2m" } else { b"" });
        for (name, value) in self.fields() {
            for part in [" ", name, "=", value] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        out.extend_from_slice(if is_colored { b"\x1b[0m" } else { b"" });
    }

    /// A field that the event has at the top level itself stays the only one of its name. What is no
    /// object stays as it is.
    fn add_json(&self, text: &[u8], out: &mut Vec<u8>) {
        let (Some(b'{'), Some((b'}', members))) = (text.first(), text.split_last()) else {
            out.extend_from_slice(text);
            return;
        };
        out.extend_from_slice(members);
        let mut is_empty = members.trim_ascii_end().len() == 1;
        let fields = self.fields();
        // Hardly any line holds one of them at all.
        let is_plain = BEGINNINGS.iter().all(|name| name.find(text).is_none());
        let known =
            if is_plain { [false; 3] } else { members_of(text, fields.map(|(name, _)| name)) };
        for ((name, value), _) in fields.into_iter().zip(known).filter(|(_, known)| !known) {
            out.extend_from_slice(if is_empty { b"\"" } else { b",\"" });
            for part in [name, "\":\"", value, "\""] {
                out.extend_from_slice(part.as_bytes());
            }
            is_empty = false;
        }
        out.push(b'}');
    }
}

/// How the names of our fields begin.
static BEGINNINGS: LazyLock<[Finder<'_>; 2]> =
    LazyLock::new(|| [Finder::new("\"trace_"), Finder::new("\"span_id\"")]);

/// Which of these members an object has; names need no escapes.
fn members_of<const N: usize>(object: &[u8], names: [&str; N]) -> [bool; N] {
    let mut known = [false; N];
    let mut place = Place::default();
    let mut looked_at = 0;
    for at in memchr::memchr_iter(b'"', object) {
        let rest = &object[at + 1..];
        for (known, name) in known.iter_mut().zip(names) {
            let after = rest.strip_prefix(name.as_bytes()).and_then(|it| it.strip_prefix(b"\""));
            let is_name = after.is_some_and(|it| it.trim_ascii_start().first() == Some(&b':'));
            if is_name {
                place.pass(&object[looked_at..at]);
                looked_at = at;
                *known |= place == Place { depth: 1, ..Place::default() };
            }
        }
    }
    known
}

/// Where in a piece of JSON something stands.
#[derive(Default, PartialEq)]
struct Place {
    /// How many objects and arrays are open.
    depth: usize,
    in_string: bool,
    /// After a backslash.
    escaped: bool,
}

impl Place {
    fn pass(&mut self, piece: &[u8]) {
        for byte in piece {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.in_string,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

    use super::{Form, Ids, TraceParent};

    const TEXT: &str =
        " trace_id=00000000000000000000000000000abc span_id=0000000000000def trace_flags=03";
    const JSON: &str = r#""trace_id":"00000000000000000000000000000abc","span_id":"0000000000000def","trace_flags":"03""#;

    fn check(form: Form, line: &str, expected: &str) {
        let flags = TraceFlags::new(0x03);
        let (trace, span) = (TraceId::from(0xabc), SpanId::from(0xdef));
        let span = SpanContext::new(trace, span, flags, false, TraceState::NONE);
        let mut out = Vec::new();
        Ids(TraceParent::of(&span)).add(form, line.as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected, "{line:?}");
    }

    #[test]
    fn text() {
        for (line, expected) in [
            ("INFO paid\n", format!("INFO paid{TEXT}\n")),
            ("INFO paid", format!("INFO paid{TEXT}")),
            ("one\ntwo\n", format!("one\ntwo{TEXT}\n")),
            (
                "  INFO paid\n    at main.rs:1\n\n",
                format!("  INFO paid\n    at main.rs:1{TEXT}\n\n"),
            ),
            (
                "\x1b[32mINFO\x1b[0m paid\n",
                format!("\x1b[32mINFO\x1b[0m paid\x1b[2m{TEXT}\x1b[0m\n"),
            ),
            ("", TEXT.to_owned()),
        ] {
            check(Form::Text, line, &expected);
        }
    }

    #[test]
    fn json() {
        for (line, expected) in [
            (r#"{"level":"INFO"}"#, format!(r#"{{"level":"INFO",{JSON}}}"#)),
            ("{\"a\":{}}\n", format!("{{\"a\":{{}},{JSON}}}\n")),
            ("{}\n", format!("{{{JSON}}}\n")),
            ("{ }\n", format!("{{ {JSON}}}\n")),
            ("[1]\n", "[1]\n".to_owned()),
            ("}\n", "}\n".to_owned()),
            ("{\n", "{\n".to_owned()),
            ("", String::new()),
            // Below the top level, or as a value, a name is free.
            (
                r#"{"fields":{"trace_id":"a"}}"#,
                format!(r#"{{"fields":{{"trace_id":"a"}},{JSON}}}"#),
            ),
            (r#"{"a":"trace_id"}"#, format!(r#"{{"a":"trace_id",{JSON}}}"#)),
            (r#"{"a":"\"trace_id\":\\"}"#, format!(r#"{{"a":"\"trace_id\":\\",{JSON}}}"#)),
        ] {
            check(Form::Json, line, &expected);
        }
        let rest = r#""span_id":"0000000000000def","trace_flags":"03""#;
        check(Form::Json, r#"{"trace_id":"a"}"#, &format!(r#"{{"trace_id":"a",{rest}}}"#));
        check(
            Form::Json,
            r#"{"x":[{}],"trace_id" :1}"#,
            &format!(r#"{{"x":[{{}}],"trace_id" :1,{rest}}}"#),
        );
    }
}

//! Lines caught in memory, and the ids that are read back out of them.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use opentelemetry_sdk::trace::SpanData;
use serde_json::Value;
use tracewire::test::Capture;
use tracing_subscriber::fmt::MakeWriter;

/// Everything that is written, in memory.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The one line that says `what`.
    pub(crate) fn with(&self, what: &str) -> String {
        let text = self.text();
        let mut found = text.lines().filter(|line| line.contains(what));
        let line = found.next().unwrap_or_else(|| panic!("no {what:?} in:\n{text}"));
        assert_eq!(found.next(), None, "{what:?} is there twice");
        line.to_owned()
    }

    /// The same line as JSON.
    pub(crate) fn json(&self, what: &str) -> Value {
        serde_json::from_str(&self.with(what)).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Trace id, span id and flags.
pub(crate) type Ids = Option<[String; 3]>;

const NAMES: [&str; 3] = ["trace_id", "span_id", "trace_flags"];

/// The ids at the end of a line of text.
pub(crate) fn in_text(line: &str) -> Ids {
    let plain: String = line.replace("\x1b[2m", "").replace("\x1b[0m", "");
    let words: Vec<_> = plain.split(' ').rev().take(3).collect();
    let value = |name: &str| {
        let word = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        word.map(str::to_owned)
    };
    all(NAMES.map(value))
}

/// The ids at the top level of a line of JSON.
pub(crate) fn in_json(line: &str) -> Ids {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    let object = value.as_object().unwrap();
    all(NAMES.map(|name| object.get(name).map(|id| id.as_str().unwrap().to_owned())))
}

/// All of them or none.
fn all(ids: [Option<String>; 3]) -> Ids {
    let found = ids.iter().flatten().count();
    assert!(found == 0 || found == 3, "{ids:?}");
    (found == 3).then(|| ids.map(Option::unwrap))
}

/// The ids of the one span of this name that was recorded.
pub(crate) fn of_span(capture: &Capture, name: &str) -> Ids {
    let span = span(capture, name);
    let known = &span.span_context;
    let flags = format!("{:02x}", known.trace_flags().to_u8());
    Some([known.trace_id().to_string(), known.span_id().to_string(), flags])
}

pub(crate) fn span(capture: &Capture, name: &str) -> SpanData {
    let spans = capture.spans();
    let mut named = spans.iter().filter(|span| span.name == name);
    let span = named.next().unwrap_or_else(|| panic!("no {name:?} in {spans:?}"));
    assert!(named.next().is_none(), "{name:?} is there twice");
    span.clone()
}

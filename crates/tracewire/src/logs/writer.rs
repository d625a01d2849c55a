//! Writers for `tracing_subscriber::fmt` that add the ids to each line.

use std::cell::Cell;
use std::io::{self, Write};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use super::line::{Form, Ids};

/// Adds the ids as fields at the end of each line of text: `trace_id=… span_id=… trace_flags=…`.
///
/// For the formats `full`, `compact` and `pretty`, and for others whose events end with a line.
///
/// ```no_run
/// tracing_subscriber::fmt().with_writer(tracewire::logs::text(std::io::stderr)).init();
/// ```
pub fn text<W>(writer: W) -> TraceIds<W> {
    TraceIds { writer, form: Form::Text }
}

/// Adds the ids as members at the top level of each line of JSON.
///
/// An event whose own fields are flattened into the top level and named so keeps its own. Lines that
/// are no objects stay as they are.
///
/// ```no_run
/// tracing_subscriber::fmt().json().with_writer(tracewire::logs::json(std::io::stdout)).init();
/// ```
pub fn json<W>(writer: W) -> TraceIds<W> {
    TraceIds { writer, form: Form::Json }
}

/// What [`text`] and [`json`] make of a [`MakeWriter`]: another one.
#[derive(Clone, Copy, Debug)]
pub struct TraceIds<W> {
    writer: W,
    form: Form,
}

/// The writer of one line.
#[derive(Debug)]
pub struct LineWriter<W> {
    writer: W,
    form: Form,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for TraceIds<W> {
    type Writer = LineWriter<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter { writer: self.writer.make_writer(), form: self.form }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        LineWriter { writer: self.writer.make_writer_for(metadata), form: self.form }
    }
}

thread_local! {
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A buffer that has held a line longer than this is not kept.
const KEPT: usize = 16 * 1024;

impl<W: Write> Write for LineWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_all(line)?;
        Ok(line.len())
    }

    /// Writes a whole line at once, as the `fmt` layer does, so that lines of several threads stay
    /// apart.
    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        let Some(ids) = Ids::current() else {
            return self.writer.write_all(line);
        };
        // At the end of a thread there is no buffer any more.
        let mut buffer = LINE.try_with(Cell::take).unwrap_or_default();
        buffer.clear();
        ids.add(self.form, line, &mut buffer);
        let written = self.writer.write_all(&buffer);
        if buffer.capacity() <= KEPT {
            let _ = LINE.try_with(|kept| kept.set(buffer));
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

//! `trace_id`, `span_id` and `trace_flags` on every log line.
//!
//! [`text`] and [`json`] stand in front of whatever a `tracing_subscriber::fmt` layer writes to, and
//! add to each line the ids of the span that is current in OpenTelemetry's context while the line is
//! written. So they work with every formatter, with a `tracing-opentelemetry` layer or without one,
//! whatever filters hide, and wherever the context is: in handlers, in streaming bodies, in tasks
//! that were spawned with it. A line outside of any trace stays as it is.
//!
//! ```
//! use tracing_subscriber::fmt;
//!
//! # /*
//! fmt().json().with_writer(tracewire::logs::json(std::io::stdout)).init();
//! # */
//! # use std::sync::{Arc, Mutex};
//! # use opentelemetry::{Context, trace::*};
//! # #[derive(Clone, Default)]
//! # struct Lines(Arc<Mutex<Vec<u8>>>);
//! # impl std::io::Write for Lines {
//! #     fn write(&mut self, line: &[u8]) -> std::io::Result<usize> { self.0.lock().unwrap().write(line) }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//! # let (lines, writer) = (Lines::default(), Lines::default());
//! # let writer = { let lines = lines.clone(); move || lines.clone() };
//! # let subscriber = fmt().json().without_time().with_writer(tracewire::logs::json(writer)).finish();
//! # let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
//! # let (trace_id, span_id) = (TraceId::from_hex(trace).unwrap(), SpanId::from_hex(span).unwrap());
//! # let id = SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, true, TraceState::NONE);
//! # let _current = Context::new().with_remote_span_context(id).attach();
//! # tracing::subscriber::with_default(subscriber, || {
//! tracing::info!(order = 7, "paid");
//! # });
//! // {"level":"INFO","fields":{"message":"paid","order":7},"target":"shop",
//! //  "trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","trace_flags":"01"}
//! # let line = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
//! # assert!(line.ends_with(&format!(",\"trace_id\":\"{trace}\",\"span_id\":\"{span}\",\"trace_flags\":\"01\"}}\n")), "{line}");
//! ```
//!
//! The names are those of OpenTelemetry's "Trace Context in non-OTLP Log Formats". With the feature
//! `sdk`, the lines that `tracewire::sdk::init` writes have them already.

mod line;
mod writer;

pub use writer::{LineWriter, TraceIds, json, text};

//! What every target of a propagation format checks.

use http::{HeaderMap, HeaderName};
use opentelemetry::Context;
use tracewire::context::{Carrier, Values};
use tracewire::{Format, Propagator};

/// A message made of fuzz input: line `n` is a value of field `n` modulo the number of fields.
struct Message<'a> {
    fields: &'a [&'a str],
    lines: Vec<&'a [u8]>,
}

impl Carrier for Message<'_> {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        let fields = self.fields.iter().copied().cycle();
        let named = fields.zip(&self.lines).filter(|(field, _)| *field == name.as_str());
        Values::many(named.map(|(_, line)| *line).collect())
    }
}

/// Reading never panics and finds nothing or something valid; what is then sent on reads the same.
pub fn check(format: Format, fields: &[&str], data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n').collect();
    let propagator = Propagator::new([format]);
    let incoming = propagator.read(&Message { fields, lines });
    if let Some(trace) = &incoming.trace {
        assert!(trace.span_context().is_valid() && trace.span_context().is_remote());
    }
    let found = incoming.trace.is_some();
    let sent = inject(&propagator, &incoming.into_context(Context::new()));
    let again = propagator.read(&sent);
    assert_eq!(again.trace.is_some(), found);
    assert_eq!(inject(&propagator, &again.into_context(Context::new())), sent);
}

fn inject(propagator: &Propagator, context: &Context) -> HeaderMap {
    let mut headers = HeaderMap::new();
    propagator.inject(context, &mut headers);
    headers
}

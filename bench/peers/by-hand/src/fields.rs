//! The fields of a request that tracing looks at, found in one pass: a look-up in the map costs the hash of a name.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceState};

use crate::{traceparent, tracestate};

const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Some fields of a request.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    /// `Host`.
    pub host: Option<&'a [u8]>,
    /// `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    traceparent: Option<&'a [u8]>,
    /// Several are as none.
    traceparents: usize,
    has_tracestate: bool,
    all: Option<&'a HeaderMap>,
}

impl<'a> Fields<'a> {
    /// Finds them.
    #[inline]
    pub fn of(headers: &'a HeaderMap) -> Self {
        let mut fields = Self { all: Some(headers), ..Self::default() };
        for (name, value) in headers {
            match name.as_str() {
                "host" => fields.host = fields.host.or(Some(value.as_bytes())),
                "user-agent" => fields.user_agent = fields.user_agent.or(Some(value.as_bytes())),
                "traceparent" => {
                    fields.traceparent = Some(value.as_bytes());
                    fields.traceparents += 1;
                }
                "tracestate" => fields.has_tracestate = true,
                _ => {}
            }
        }
        fields
    }

    /// The caller's context, or none.
    pub fn parent(&self) -> Context {
        let only = self.traceparent.filter(|_| self.traceparents == 1);
        let Some((trace, span, flags)) = only.and_then(traceparent::parse) else {
            return Context::new();
        };
        let state = if self.has_tracestate { self.tracestate() } else { TraceState::NONE };
        Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, true, state))
    }

    fn tracestate(&self) -> TraceState {
        let all = self.all.into_iter().flat_map(|all| all.get_all(TRACESTATE));
        tracestate::parse(all.map(HeaderValue::as_bytes))
    }
}

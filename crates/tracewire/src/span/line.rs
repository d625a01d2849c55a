//! The log line of a request that is over.

use std::borrow::Cow;
use std::time::Instant;

use opentelemetry::Context;

use super::{Outcome, Side};

/// What is to be said about a request at its end.
#[derive(Debug)]
pub(crate) struct RequestLine {
    method: &'static str,
    /// The template, or the path while there is none.
    target: Target,
    status: Option<u16>,
    began: Instant,
}

#[derive(Debug)]
enum Target {
    Route(Cow<'static, str>),
    Path(String),
}

impl RequestLine {
    /// A request that begins now.
    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        let target = Target::Path(path.to_owned());
        Self { method, target, status: None, began: Instant::now() }
    }

    pub(crate) fn route(&mut self, template: Cow<'static, str>) {
        self.target = Target::Route(template);
    }

    pub(crate) fn status(&mut self, code: u16) {
        self.status = Some(code);
    }

    /// Writes the line, which belongs to the span of `context`.
    pub(super) fn write(&self, context: &Context, outcome: &Outcome) {
        let _current = context.clone().attach();
        let milliseconds = (self.began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        let (route, path) = match &self.target {
            Target::Route(route) => (Some(&**route), None),
            Target::Path(path) => (None, Some(path.as_str())),
        };
        let target = route.or(path).unwrap_or_default();
        let error_type = outcome.clone().verdict(Side::Called).error_type;
        let rpc_status = match outcome {
            Outcome::Grpc { code, .. } => Some(super::grpc_code_name(*code)),
            _ => None,
        };
        let result = match (rpc_status, outcome, self.status) {
            (Some(name), ..) => Cow::Borrowed(name),
            (None, Outcome::Http(_) | Outcome::Success, Some(status)) => {
                Cow::Owned(status.to_string())
            }
            (None, ..) => error_type.clone().unwrap_or(Cow::Borrowed("done")),
        };
        macro_rules! line {
            ($level:ident) => {
                tracing::event!(
                    name: "http.server.request",
                    target: "tracewire::request",
                    tracing::Level::$level,
                    "http.request.method" = self.method,
                    "http.route" = route,
                    "url.path" = path,
                    "http.response.status_code" = self.status,
                    "rpc.response.status_code" = rpc_status,
                    "error.type" = error_type.as_deref(),
                    duration_ms = milliseconds,
                    "{} {target}: {result} in {milliseconds:.1} ms",
                    self.method,
                )
            };
        }
        match outcome {
            Outcome::Cancelled => line!(WARN),
            outcome if outcome.is_error(Side::Called) => line!(ERROR),
            _ => line!(INFO),
        }
    }
}

//! Request methods: those that are known, and `_OTHER`.

use std::sync::{Arc, LazyLock};

use http::Method;

use crate::span::lasting;

/// The methods that are recorded by name.
#[derive(Clone, Debug)]
pub(crate) struct Methods(Option<Arc<[&'static str]>>);

impl Methods {
    /// A full replacement of the default list. Comparison is case-sensitive.
    pub(crate) fn only<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        let named = |name: T| {
            let name = name.as_ref().trim();
            (!name.is_empty()).then(|| lasting(name))
        };
        Self(Some(names.into_iter().filter_map(named).collect()))
    }

    /// The name to record, or `None` for `_OTHER`.
    #[inline]
    pub(crate) fn name(&self, method: &Method) -> Option<&'static str> {
        match &self.0 {
            None => usual(method),
            Some(names) => names.iter().copied().find(|name| *name == method.as_str()),
        }
    }
}

/// Semantic conventions, "HTTP", `http.request.method`: these, and nothing else unless configured.
fn usual(method: &Method) -> Option<&'static str> {
    Some(match *method {
        Method::CONNECT => "CONNECT",
        Method::DELETE => "DELETE",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::TRACE => "TRACE",
        _ if method.as_str() == "QUERY" => "QUERY",
        _ => return None,
    })
}

impl Default for Methods {
    /// The list in `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` if it is set, otherwise the default.
    fn default() -> Self {
        static CONFIGURED: LazyLock<Methods> = LazyLock::new(|| {
            let list = std::env::var("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS").unwrap_or_default();
            if list.trim().is_empty() { Methods(None) } else { Methods::only(list.split(',')) }
        });
        CONFIGURED.clone()
    }
}

//! Request methods: those that are known, and `_OTHER`.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use http::Method;

/// The methods that are recorded by name.
#[derive(Clone, Debug)]
pub(crate) struct Methods(Option<Arc<[Arc<str>]>>);

impl Methods {
    /// A full replacement of the default list. Comparison is case-sensitive.
    pub(crate) fn only<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        let trimmed = names.into_iter().map(|name| Arc::from(name.as_ref().trim()));
        Self(Some(trimmed.filter(|name: &Arc<str>| !name.is_empty()).collect()))
    }

    /// The name to record, or `None` for `_OTHER`.
    pub(crate) fn name(&self, method: &Method) -> Option<Cow<'static, str>> {
        match &self.0 {
            None => usual(method).map(Cow::Borrowed),
            Some(names) => {
                let known = names.iter().find(|name| ***name == *method.as_str())?;
                let usual = usual(method).map(Cow::Borrowed);
                Some(usual.unwrap_or_else(|| Cow::Owned(known.as_ref().to_owned())))
            }
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

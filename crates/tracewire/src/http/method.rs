//! Request methods: those that are known, and `_OTHER`.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use http::Method;

/// Semantic conventions, "HTTP", `http.request.method`: these, and nothing else unless configured.
const DEFAULT: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"];

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
        let fixed = || DEFAULT.into_iter().find(|name| *name == method.as_str());
        match &self.0 {
            None => fixed().map(Cow::Borrowed),
            Some(names) => {
                let known = names.iter().find(|name| ***name == *method.as_str())?;
                Some(fixed().map_or_else(|| Cow::Owned(known.as_ref().to_owned()), Cow::Borrowed))
            }
        }
    }
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

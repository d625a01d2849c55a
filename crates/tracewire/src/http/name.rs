//! Span names of routes, formatted once.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

/// Routes are templates of the program, so there are few. Should a program make them up, those
/// beyond this number are formatted for each request.
const MAX_ROUTES: usize = 2048;

/// A route template and the names of the spans below it.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// The template, for `http.route`.
    pub(crate) template: Cow<'static, str>,
    names: Option<&'static Names>,
}

#[derive(Debug)]
struct Names {
    template: &'static str,
    by_method: Vec<(&'static str, String)>,
}

thread_local! {
    /// Routes that this thread has seen, by where their templates lie in the router's memory.
    static RECENT: [Cell<Option<&'static Names>>; 64] = const { [const { Cell::new(None) }; 64] };
}

static KNOWN: LazyLock<RwLock<HashMap<&'static str, &'static Names>>> =
    LazyLock::new(RwLock::default);

/// What stands for an unknown method in a name.
const OTHER: &str = "HTTP";
const METHODS: [&str; 11] = [
    "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "QUERY", OTHER,
];

impl Route {
    pub(crate) fn of(template: &str) -> Self {
        match Names::of(template) {
            Some(names) => Self { template: Cow::Borrowed(names.template), names: Some(names) },
            None => Self { template: Cow::Owned(template.to_owned()), names: None },
        }
    }

    /// `{method} {route}`, where `None` is a method that is not known.
    pub(crate) fn name(&self, method: Option<&'static str>) -> Cow<'static, str> {
        let method = method.unwrap_or(OTHER);
        let kept =
            self.names.and_then(|names| names.by_method.iter().find(|(name, _)| *name == method));
        match kept {
            Some((_, name)) => Cow::Borrowed(name),
            None => Cow::Owned(format!("{method} {}", self.template)),
        }
    }
}

impl Names {
    fn of(template: &str) -> Option<&'static Self> {
        RECENT.with(|recent| {
            let place = &recent[(template.as_ptr().addr() >> 4) % recent.len()];
            if let Some(names) = place.get().filter(|names| names.template == template) {
                return Some(names);
            }
            let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(template).copied();
            let names = known.or_else(|| Self::keep(template))?;
            place.set(Some(names));
            Some(names)
        })
    }

    /// Keeps the names of a route for the rest of the process, as span names must be `'static`.
    fn keep(template: &str) -> Option<&'static Self> {
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_ROUTES {
            return None;
        }
        let template: &'static str = Box::leak(template.into());
        let by_method = METHODS.map(|method| (method, format!("{method} {template}"))).into();
        let names: &'static Self = Box::leak(Box::new(Self { template, by_method }));
        // Another request may have been faster; its names stay, and these are the price of that.
        Some(*known.entry(template).or_insert(names))
    }
}

/// The name without a route.
pub(crate) fn without_route(method: Option<&'static str>) -> &'static str {
    method.unwrap_or(OTHER)
}

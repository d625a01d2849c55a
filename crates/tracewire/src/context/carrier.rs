//! Where context is read from and written to: HTTP headers, string maps, the process environment.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use http::header::{HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};

use super::FEW_FIELDS;
use super::traceparent::trim;

/// Fields that can be read: HTTP headers, message properties, environment variables.
///
/// Names are given in lower case; an implementation compares them as its medium does, which for
/// most means ignoring case. Values are bytes, as HTTP does not promise UTF-8.
///
/// ```
/// use std::collections::HashMap;
/// use tracewire::context::Carrier;
///
/// let properties = HashMap::from([("Traceparent".to_owned(), "00-…".to_owned())]);
/// let name = http::HeaderName::from_static("traceparent");
/// assert_eq!(properties.get_all(&name).next(), Some("00-…".as_bytes()));
/// ```
#[diagnostic::on_unimplemented(
    message = "context cannot be read from `{Self}`",
    note = "implement `tracewire::context::Carrier` for it; `http::HeaderMap`, maps of strings and `Environment` have it"
)]
pub trait Carrier {
    /// Every value of a field, in the order received.
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a>;

    /// The value of a field that is there once and no more.
    fn only<'a>(&'a self, name: &HeaderName) -> Option<&'a [u8]> {
        let mut values = self.get_all(name);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// Whether a field is there at all.
    fn has(&self, name: &HeaderName) -> bool {
        self.get_all(name).next().is_some()
    }
}

/// Fields that can be written.
#[diagnostic::on_unimplemented(
    message = "context cannot be written to `{Self}`",
    note = "implement `tracewire::context::CarrierMut` for it; `http::HeaderMap`, maps of strings and `Environment` have it"
)]
pub trait CarrierMut {
    /// Writes a field, replacing every value it had. `value` is visible ASCII; a medium that
    /// cannot hold it leaves the field out.
    fn set(&mut self, name: &HeaderName, value: &str);

    /// The same for a value that is at hand as bytes.
    fn set_bytes(&mut self, name: &HeaderName, value: &[u8]) {
        match std::str::from_utf8(value) {
            Ok(value) => self.set(name, value),
            Err(_) => self.remove(name),
        }
    }

    /// The same for a value that is nobody else's.
    fn set_text(&mut self, name: &HeaderName, value: String) {
        self.set(name, &value);
    }

    /// Takes a field out, so that no stale context stays in a request that is sent again.
    fn remove(&mut self, name: &HeaderName);

    /// The same for each of these fields.
    fn remove_each(&mut self, names: &[&HeaderName]) {
        names.iter().for_each(|name| self.remove(name));
    }

    /// Makes room for so many fields that are about to be written, where that saves work.
    fn reserve(&mut self, fields: usize) {
        let _ = fields;
    }
}

/// The first value of a field, surrounding white space taken off. For fields that come once, where
/// B3 says that the first wins and nobody else says anything.
pub(super) fn first<'a>(
    carrier: &'a (impl Carrier + ?Sized),
    name: &HeaderName,
) -> Option<&'a [u8]> {
    carrier.get_all(name).next().map(trim)
}

/// Writes a field, or takes it out where there is nothing to write.
pub(super) fn set_or_remove<V: AsRef<str>>(
    carrier: &mut dyn CarrierMut,
    name: &HeaderName,
    value: Option<V>,
) {
    match value {
        Some(value) => carrier.set(name, value.as_ref()),
        None => carrier.remove(name),
    }
}

/// The values of one field, in order.
pub struct Values<'a>(Inner<'a>);

enum Inner<'a> {
    Headers(http::header::ValueIter<'a, HeaderValue>),
    Few(std::option::IntoIter<&'a [u8]>),
    Many(std::vec::IntoIter<&'a [u8]>),
}

impl<'a> Values<'a> {
    /// One value or none.
    pub fn one(value: Option<&'a [u8]>) -> Self {
        Self(Inner::Few(value.into_iter()))
    }

    /// Any number of values.
    pub fn many(values: Vec<&'a [u8]>) -> Self {
        Self(Inner::Many(values.into_iter()))
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        match &mut self.0 {
            Inner::Headers(values) => values.next().map(HeaderValue::as_bytes),
            Inner::Few(value) => value.next(),
            Inner::Many(values) => values.next(),
        }
    }
}

impl std::fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Values(..)")
    }
}

// === impl HeaderMap ===

impl Carrier for HeaderMap {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        Values(Inner::Headers(HeaderMap::get_all(self, name).into_iter()))
    }
}

impl CarrierMut for HeaderMap {
    fn set(&mut self, name: &HeaderName, value: &str) {
        put(self, name, HeaderValue::from_str(value));
    }

    #[inline]
    fn set_bytes(&mut self, name: &HeaderName, value: &[u8]) {
        put(self, name, HeaderValue::from_bytes(value));
    }

    fn set_text(&mut self, name: &HeaderName, value: String) {
        put(self, name, HeaderValue::try_from(value));
    }

    fn remove(&mut self, name: &HeaderName) {
        self.remove_each(&[name]);
    }

    #[inline]
    fn remove_each(&mut self, names: &[&HeaderName]) {
        // Mostly there is nothing to remove, and few names are compared sooner than one is hashed.
        let is_stale = |known: &HeaderName| names.contains(&known);
        if self.keys_len() > FEW_FIELDS || self.keys().any(is_stale) {
            names.iter().for_each(|name| drop(HeaderMap::remove(self, *name)));
        }
    }

    fn reserve(&mut self, fields: usize) {
        // Without room there is none to be had, and what is written next finds that out.
        let _ = self.try_reserve(fields);
    }
}

#[inline]
fn put(headers: &mut HeaderMap, name: &HeaderName, value: Result<HeaderValue, InvalidHeaderValue>) {
    // A full map has no room, not even to replace a value.
    let written = value.is_ok_and(|value| headers.try_insert(name.clone(), value).is_ok());
    if !written {
        headers.remove(name);
    }
}

// === impl &mut dyn CarrierMut ===

impl CarrierMut for &mut (dyn CarrierMut + '_) {
    fn set(&mut self, name: &HeaderName, value: &str) {
        (**self).set(name, value);
    }

    fn set_bytes(&mut self, name: &HeaderName, value: &[u8]) {
        (**self).set_bytes(name, value);
    }

    fn set_text(&mut self, name: &HeaderName, value: String) {
        (**self).set_text(name, value);
    }

    fn remove(&mut self, name: &HeaderName) {
        (**self).remove(name);
    }

    fn remove_each(&mut self, names: &[&HeaderName]) {
        (**self).remove_each(names);
    }

    fn reserve(&mut self, fields: usize) {
        (**self).reserve(fields);
    }
}

// === impl maps of strings ===

/// Looks a name up as written, then ignoring case.
fn find<'a>(
    exact: Option<&'a String>,
    entries: impl Iterator<Item = (&'a String, &'a String)>,
    name: &HeaderName,
) -> Values<'a> {
    let found = exact.or_else(|| {
        entries.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name.as_str())).map(|(_, v)| v)
    });
    Values::one(found.map(String::as_bytes))
}

impl<S: BuildHasher> Carrier for HashMap<String, String, S> {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        find(self.get(name.as_str()), self.iter(), name)
    }
}

impl<S: BuildHasher> CarrierMut for HashMap<String, String, S> {
    fn set(&mut self, name: &HeaderName, value: &str) {
        CarrierMut::remove(self, name);
        self.insert(name.as_str().to_owned(), value.to_owned());
    }

    fn remove(&mut self, name: &HeaderName) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name.as_str()));
    }
}

impl Carrier for BTreeMap<String, String> {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        find(self.get(name.as_str()), self.iter(), name)
    }
}

impl CarrierMut for BTreeMap<String, String> {
    fn set(&mut self, name: &HeaderName, value: &str) {
        CarrierMut::remove(self, name);
        self.insert(name.as_str().to_owned(), value.to_owned());
    }

    fn remove(&mut self, name: &HeaderName) {
        self.retain(|key, _| !key.eq_ignore_ascii_case(name.as_str()));
    }
}

/// Environment variables as a carrier, for jobs and command-line programs.
///
/// A field's name in upper case with everything but letters and digits turned into `_` names the
/// variable: `TRACEPARENT`, `TRACESTATE`, `BAGGAGE` (OpenTelemetry specification, "Environment
/// Variables as Context Propagation Carriers").
///
/// ```
/// use opentelemetry::Context;
/// use tracewire::{Propagator, context::Environment};
///
/// // In a child process: continue the trace of whoever started it.
/// let parent = Propagator::default().extract(&Environment::of_this_process());
///
/// // In the parent: hand the current context to a child.
/// let mut variables = Environment::default();
/// Propagator::default().inject(&Context::current(), &mut variables);
/// let mut command = std::process::Command::new("nightly-report");
/// command.envs(variables);
/// # drop(parent);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process as they are now; those that are not UTF-8 are left out.
    pub fn of_this_process() -> Self {
        let utf8 = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((key.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(utf8).collect())
    }

    fn variable(name: &HeaderName) -> String {
        let upper = |c: char| {
            if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }
        };
        name.as_str().chars().map(upper).collect()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl IntoIterator for Environment {
    type Item = (String, String);
    type IntoIter = std::collections::btree_map::IntoIter<String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Carrier for Environment {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        Values::one(self.0.get(&Self::variable(name)).map(String::as_bytes))
    }
}

impl CarrierMut for Environment {
    fn set(&mut self, name: &HeaderName, value: &str) {
        self.0.insert(Self::variable(name), value.to_owned());
    }

    fn remove(&mut self, name: &HeaderName) {
        self.0.remove(&Self::variable(name));
    }
}

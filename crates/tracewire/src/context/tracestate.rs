//! The `tracestate` field of W3C Trace Context level 2 (§3.3).

use http::HeaderName;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceId, TraceState};

use super::Carrier;
use super::traceparent::trim;

pub(crate) static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// More members than this make a list invalid (§3.3.1.1).
const MAX_MEMBERS: usize = 32;
/// Longest key and longest value (§3.3.1.3).
const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 256;
/// What we propagate at most. The specification asks for at least this much (§3.3.1.5).
const MAX_LENGTH: usize = 512;
/// Members longer than this are the first to go when a list is too long (§3.3.1.5).
const LONG_MEMBER: usize = 128;

/// A valid list, split by what OpenTelemetry's type can hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Parsed {
    pub(super) held: TraceState,
    pub(super) unheld: Option<Vec<UnheldMember>>,
}

/// Members that are valid in level 2 but that OpenTelemetry's `TraceState` refuses, such as a key
/// with two `@`. They travel beside the span context, in the [`Context`] of the same trace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unheld {
    pub(super) trace_id: TraceId,
    pub(super) members: Vec<UnheldMember>,
}

impl Unheld {
    pub(super) const NONE: Self = Self { trace_id: TraceId::INVALID, members: Vec::new() };
}

/// One such member, with the number of held members to its right, which fixes its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UnheldMember {
    member: Box<str>,
    held_after: usize,
}

/// Reads all `tracestate` fields of a carrier as one list, in order (§3.3.1). An invalid list is an
/// empty one.
pub(super) fn extract(carrier: &dyn Carrier) -> Parsed {
    let mut members = Members::default();
    for value in carrier.get_all(&TRACESTATE) {
        if members.add(value).is_none() {
            return Parsed::default();
        }
    }
    members.finish()
}

/// The field value for `span`, or `None` when there is nothing to write.
pub(super) fn format(context: &Context, span: &SpanContext) -> Option<String> {
    let held = span.trace_state();
    let unheld = context
        .get::<Unheld>()
        .filter(|unheld| unheld.trace_id == span.trace_id())
        .map_or(&[][..], |unheld| &unheld.members);
    let count = held.into_iter().len();
    if count + unheld.len() == 0 {
        return None;
    }
    let mut places = unheld.iter().peekable();
    let mut list = String::with_capacity(128);
    for (after, (key, value)) in (0..count).rev().zip(held) {
        while let Some(place) = places.next_if(|place| place.held_after > after) {
            push(&mut list, &[&place.member]);
        }
        // OpenTelemetry's type takes values that would make the whole list invalid.
        if !key.is_empty() && is_value(value.as_bytes()) {
            push(&mut list, &[key, "=", value]);
        }
    }
    for place in places {
        push(&mut list, &[&place.member]);
    }
    if list.len() > MAX_LENGTH || count + unheld.len() > MAX_MEMBERS {
        list = shorten(&list);
    }
    (!list.is_empty()).then_some(list)
}

fn push(list: &mut String, parts: &[&str]) {
    if !list.is_empty() {
        list.push(',');
    }
    parts.iter().for_each(|part| list.push_str(part));
}

/// Drops whole members until the list fits: those beyond the 32nd, then long ones, then from the
/// right (§3.3.1.5).
fn shorten(list: &str) -> String {
    let mut members: Vec<&str> = list.split(',').take(MAX_MEMBERS).collect();
    let mut length = members.iter().map(|member| member.len() + 1).sum::<usize>();
    for from_right in [LONG_MEMBER, 0] {
        let mut index = members.len();
        while length > MAX_LENGTH + 1 && index > 0 {
            index -= 1;
            if members[index].len() > from_right {
                length -= members.remove(index).len() + 1;
            }
        }
    }
    members.join(",")
}

/// The members read so far, at most 32.
#[derive(Default)]
struct Members<'a> {
    list: Vec<(&'a str, &'a str)>,
}

impl<'a> Members<'a> {
    /// Adds one field value; `None` when the list is invalid.
    fn add(&mut self, field: &'a [u8]) -> Option<()> {
        for member in field.split(|byte| *byte == b',') {
            let member = trim(member);
            if member.is_empty() {
                continue;
            }
            let equals = member.iter().position(|byte| *byte == b'=')?;
            let (key, value) = (key(&member[..equals])?, value(&member[equals + 1..])?);
            // Only one member per key is allowed. A later one is older, so the first is kept.
            if self.list.iter().any(|(known, _)| *known == key) {
                continue;
            }
            if self.list.len() == MAX_MEMBERS {
                return None;
            }
            self.list.push((key, value));
        }
        Some(())
    }

    fn finish(self) -> Parsed {
        if self.list.is_empty() {
            return Parsed::default();
        }
        let fits = |key: &str| holds(key);
        if self.list.iter().all(|(key, _)| fits(key)) {
            let held = TraceState::from_key_value(self.list).unwrap_or_default();
            return Parsed { held, unheld: None };
        }
        let total = self.list.iter().filter(|(key, _)| fits(key)).count();
        let (mut held, mut unheld) = (Vec::with_capacity(total), Vec::new());
        for (key, value) in self.list {
            if fits(key) {
                held.push((key, value));
            } else {
                let member = format!("{key}={value}").into_boxed_str();
                unheld.push(UnheldMember { member, held_after: total - held.len() });
            }
        }
        Parsed { held: TraceState::from_key_value(held).unwrap_or_default(), unheld: Some(unheld) }
    }
}

/// `key = ( lcalpha / DIGIT ) 0*255 ( keychar )` (§3.3.1.3.1).
fn key(key: &[u8]) -> Option<&str> {
    let first = key.first()?;
    let starts = first.is_ascii_lowercase() || first.is_ascii_digit();
    let allowed = |byte: &u8| {
        byte.is_ascii_lowercase()
            || byte.is_ascii_digit()
            || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@')
    };
    let valid = starts && key.len() <= MAX_KEY && key.iter().all(allowed);
    if valid { std::str::from_utf8(key).ok() } else { None }
}

fn value(value: &[u8]) -> Option<&str> {
    if is_value(value) { std::str::from_utf8(value).ok() } else { None }
}

/// `value = 0*255(chr) nblk-chr`: printable ASCII without `,` and `=`, no blank at the end
/// (§3.3.1.3.2).
fn is_value(value: &[u8]) -> bool {
    let allowed = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    let ends = value.last().is_some_and(|last| *last != b' ');
    ends && value.len() <= MAX_VALUE && value.iter().all(allowed)
}

/// Whether OpenTelemetry's `TraceState` takes a valid level 2 key. It wants at most one `@`, with a
/// letter or digit and at most 13 characters after it.
fn holds(key: &str) -> bool {
    let Some((_, system)) = key.split_once('@') else {
        return true;
    };
    let starts =
        system.bytes().next().is_none_or(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    starts && system.len() <= 13 && !system.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A valid list whose keys OpenTelemetry's type refuses would be lost where `holds` is wrong.
    fn check(text: &str) {
        assert_eq!(key(text.as_bytes()), Some(text));
        let opentelemetry = TraceState::from_key_value([(text, "1")]).is_ok();
        assert_eq!(holds(text), opentelemetry, "{text}");
    }

    proptest! {
        #[test]
        fn holds_what_opentelemetry_holds(
            key in prop_oneof!["[a-z0-9][a-z0-9_*/@-]{0,255}", "[a-z0-9][a-b_@]{0,16}"],
        ) {
            check(&key);
        }
    }

    #[test]
    fn holds_what_opentelemetry_holds_at_the_limits() {
        for length in 1..=256 {
            check(&"k".repeat(length));
            for system in 0..length {
                let tenant = length - system - 1;
                if tenant > 0 {
                    check(&format!("{}@{}", "t".repeat(tenant), "s".repeat(system)));
                }
            }
        }
        for key in ["a@", "a@@", "a@@b", "a@b@", "a@b@c", "a@_", "a@_b", "a@-", "a@*", "a@/", "0@0"]
        {
            check(key);
        }
    }
}

//! The `tracestate` field of W3C Trace Context level 2 (§3.3).

use http::HeaderName;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceId, TraceState};

use super::Carrier;
use super::hex::each;

pub(crate) static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// More members than this make a list invalid (§3.3.1.1).
const MAX_MEMBERS: usize = 32;
/// Longest key and longest value (§3.3.1.3).
const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 256;
/// So many members are read without an allocation.
const FEW_MEMBERS: usize = 8;
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

    #[cold]
    pub(super) fn of(trace_id: TraceId, members: Vec<UnheldMember>) -> Box<Self> {
        Box::new(Self { trace_id, members })
    }
}

/// One such member, with the number of held members to its right, which fixes its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UnheldMember {
    member: Box<str>,
    held_after: usize,
}

/// Reads all `tracestate` fields of a carrier as one list, in order (§3.3.1). An invalid list is an
/// empty one.
#[inline]
pub(super) fn extract(carrier: &(impl Carrier + ?Sized)) -> Parsed {
    if carrier.has(&TRACESTATE) { read(carrier) } else { Parsed::default() }
}

#[inline(never)]
fn read(carrier: &(impl Carrier + ?Sized)) -> Parsed {
    let mut members = Members::new();
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
    match join(held) {
        Ok(list) if unheld.is_empty() => list,
        _ => join_anyhow(held, unheld),
    }
}

/// The list of the members that can be written, those that OpenTelemetry's type does not hold in
/// their places.
#[cold]
fn join_anyhow(held: &TraceState, unheld: &[UnheldMember]) -> Option<String> {
    let count = held.into_iter().len();
    let mut places = unheld.iter().peekable();
    let mut list = String::with_capacity(128);
    for (after, (key, value)) in (0..count).rev().zip(held) {
        while let Some(place) = places.next_if(|place| place.held_after > after) {
            push(&mut list, &[&place.member]);
        }
        // OpenTelemetry's type takes values that would make the whole list invalid.
        if !key.is_empty() && is_value(value) {
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

/// One of the members must be left out or made out to be valid first.
struct Unfit;

/// The list of these members, exactly as long as it has to be; `None` of none.
fn join(held: &TraceState) -> Result<Option<String>, Unfit> {
    let (mut count, mut length, mut are_whole) = (0, 0, true);
    for (key, value) in held {
        count += 1;
        length += key.len() + value.len() + 2;
        are_whole &= !key.is_empty() && value.bytes().next_back().is_some_and(|it| it != b' ');
    }
    if count == 0 {
        return Ok(None);
    }
    if !are_whole || length - 1 > MAX_LENGTH || count > MAX_MEMBERS {
        return Err(Unfit);
    }
    let mut list = String::with_capacity(length - 1);
    for (key, value) in held {
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(key);
        list.push('=');
        list.push_str(value);
    }
    // OpenTelemetry's type sees to it that no value has a comma or an equals sign.
    if is_printable(list.as_bytes()) { Ok(Some(list)) } else { Err(Unfit) }
}

/// Whether there is nothing but printable ASCII.
fn is_printable(text: &[u8]) -> bool {
    // Eight bytes at a time, of which one below the space borrows its highest bit, and one above the
    // tilde has it or carries into it.
    let is_whole = |word: &[u8; 8]| {
        let word = u64::from_ne_bytes(*word);
        let (below, above) = (word.wrapping_sub(each(b' ')), word.wrapping_add(each(1)));
        (below | above | word) & each(0x80) == 0
    };
    match text.last_chunk() {
        Some(last) => text.as_chunks().0.iter().all(is_whole) && is_whole(last),
        None => text.iter().all(|byte| (b' '..=b'~').contains(byte)),
    }
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

/// The members read so far, at most 32; the usual few of them without an allocation.
struct Members<'a> {
    first: [(&'a str, &'a str); FEW_MEMBERS],
    others: Vec<(&'a str, &'a str)>,
    count: usize,
    /// One bit for each hash of a key, so that not every key is compared with all others.
    seen: u128,
    /// A key has an `@`, which OpenTelemetry's type may refuse.
    has_tenant: bool,
}

impl<'a> Members<'a> {
    fn new() -> Self {
        let (first, others) = ([("", ""); FEW_MEMBERS], Vec::new());
        Self { first, others, count: 0, seen: 0, has_tenant: false }
    }

    fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
        self.first.iter().take(self.count).chain(&self.others).copied()
    }

    /// Adds one field value; `None` when the list is invalid.
    fn add(&mut self, field: &'a [u8]) -> Option<()> {
        // Nothing but ASCII is valid anywhere.
        let mut rest = std::str::from_utf8(field).ok()?;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return Some(());
            }
            let (key, classes) = key(rest)?;
            let value = value(rest.get(key.len()..)?.strip_prefix('=')?)?;
            let after = key.len() + 1 + value.len();
            rest = rest.get(after..)?.trim_start_matches([' ', '\t']);
            if !(rest.is_empty() || rest.starts_with(',')) {
                return None;
            }
            self.push(key, value)?;
            self.has_tenant |= classes & TENANT != 0;
        }
    }

    /// Adds a member; `None` when there are too many. Only one member per key is allowed. A later
    /// one is older, so the first is kept.
    fn push(&mut self, key: &'a str, value: &'a str) -> Option<()> {
        let hash = |at: usize| key.as_bytes().get(at).copied().map_or(0, usize::from);
        let hash = hash(key.len() / 2) ^ hash(key.len() - 1) << 2 ^ key.len();
        let bit = 1 << (hash & 127);
        if self.seen & bit != 0 && self.iter().any(|(known, _)| known == key) {
            return Some(());
        }
        match self.first.get_mut(self.count) {
            Some(free) => *free = (key, value),
            None if self.count < MAX_MEMBERS => self.others.push((key, value)),
            None => return None,
        }
        self.count += 1;
        self.seen |= bit;
        Some(())
    }

    fn finish(&self) -> Parsed {
        if self.count == 0 {
            return Parsed::default();
        }
        if !self.has_tenant || self.iter().all(|(key, _)| holds(key)) {
            let held = match self.first.get(..self.count) {
                Some(few) => TraceState::from_key_value(few.iter().copied()),
                None => TraceState::from_key_value(self.iter()),
            };
            return Parsed { held: held.unwrap_or_default(), unheld: None };
        }
        let total = self.iter().filter(|(key, _)| holds(key)).count();
        let (mut held, mut unheld) = (Vec::with_capacity(total), Vec::new());
        for (key, value) in self.iter() {
            if holds(key) {
                held.push((key, value));
            } else {
                let member = format!("{key}={value}").into_boxed_str();
                unheld.push(UnheldMember { member, held_after: total - held.len() });
            }
        }
        Parsed { held: TraceState::from_key_value(held).unwrap_or_default(), unheld: Some(unheld) }
    }
}

/// What a byte may be part of.
const KEY: u8 = 1;
const KEY_START: u8 = 2;
const TENANT: u8 = 4;
const VALUE: u8 = 8;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'0'..=b'9' => KEY | KEY_START,
            b'_' | b'-' | b'*' | b'/' => KEY,
            b'@' => KEY | TENANT,
            _ => 0,
        };
        if matches!(byte as u8, b' '..=b'~') && !matches!(byte as u8, b',' | b'=') {
            classes[byte] |= VALUE;
        }
        byte += 1;
    }
    classes
};

fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// `key = ( lcalpha / DIGIT ) 0*255 ( keychar )` at the beginning of a text (§3.3.1.3.1), and the
/// classes of its bytes.
fn key(text: &str) -> Option<(&str, u8)> {
    let starts = class(*text.as_bytes().first()?) & KEY_START != 0;
    let mut classes = 0;
    let end = text.bytes().position(|byte| {
        let class = class(byte);
        let ends = class & KEY == 0;
        if !ends {
            classes |= class;
        }
        ends
    });
    let key = &text[..end.unwrap_or(text.len())];
    (starts && key.len() <= MAX_KEY).then_some((key, classes))
}

/// The value at the beginning of a text, without the blanks at its end.
fn value(text: &str) -> Option<&str> {
    let end = text.bytes().position(|byte| class(byte) & VALUE == 0);
    let value = text[..end.unwrap_or(text.len())].trim_end_matches(' ');
    (!value.is_empty() && value.len() <= MAX_VALUE).then_some(value)
}

/// `value = 0*255(chr) nblk-chr`: printable ASCII without `,` and `=`, no blank at the end
/// (§3.3.1.3.2).
fn is_value(text: &str) -> bool {
    value(text).is_some_and(|value| value.len() == text.len())
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
        assert_eq!(key(text).map(|(key, _)| key), Some(text));
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
    fn a_byte_that_is_not_printable_is_seen_wherever_it_is() {
        for length in 1..=24 {
            for (at, byte) in (0..length).flat_map(|at| (0..=u8::MAX).map(move |it| (at, it))) {
                for around in [b' ', b'k', b'~'] {
                    let mut text = vec![around; length];
                    text[at] = byte;
                    let expected = (b' '..=b'~').contains(&byte);
                    assert_eq!(is_printable(&text), expected, "{byte:#x} at {at} of {length}");
                }
            }
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
